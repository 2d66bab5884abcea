//! `lawbook check`: judges implementations and prints a row per law.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::parse::{TierName, count, duration, jobs};
use super::progress::Bar;
use super::{Console, EXIT_STATUS, Ending, find, quoted, select};
use crate::entry::{Entry, Mechanisms, REFERENCE, Trouble};
use crate::files::{Exemptions, Piece, Text, expect_writable, make_folder, write_whole};
use crate::plan::{Length, Plan, Seed, Shard, Tier};
use crate::report::{LawReport, Report, Status, junit, terminal};

/// Judges implementations: a row per law with verdict, evidence and first break
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Options {
    /// What is judged; every mechanism when none is named
    #[arg(value_name = "MECHANISM")]
    mechanisms: Vec<String>,

    /// Which implementation, of those that `lawbook implementations` lists; may be repeated
    #[arg(long = "impl", value_name = "NAME", default_value = REFERENCE)]
    implementations: Vec<String>,

    /// How many random cases; by default as many as the mechanism says
    #[arg(long, value_name = "N", value_parser = count)]
    cases: Option<NonZero<u64>>,

    /// Random cases for so long instead, after the small tier: 500ms, 10s, 5m
    #[arg(long, value_parser = duration, conflicts_with = "cases")]
    time: Option<Duration>,

    /// Which tiers of cases: the exhaustive small one, the random one, or the one after the other
    #[arg(long, value_enum, default_value = "both")]
    tier: TierName,

    /// What random cases are drawn from
    #[arg(long, value_name = "HEX", default_value = "0")]
    seed: Seed,

    /// How many threads; by default as many as there are processors
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZero<usize>>,

    /// Only every Nth case, from the Kth on; what needs the whole campaign is not decided then
    #[arg(long, value_name = "K/N", default_value = "1/1", hide_default_value = true)]
    shard: Shard,

    /// Report only this law; all are judged; may be repeated
    #[arg(long = "law", value_name = "ID")]
    laws: Vec<String>,

    /// The laws that are expected to break; may be repeated for several mechanisms
    #[arg(long, value_name = "FILE")]
    exempt: Vec<PathBuf>,

    /// A broken SHOULD fails too
    #[arg(long)]
    strict: bool,

    /// Write the result as JSON: an object, or an array when there are several
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the result as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write a counterexample of each broken law into this folder
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

/// One implementation that is to be judged.
struct Subject<'a> {
    entry: &'a dyn Entry,
    implementation: &'a str,
    plan: Plan,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let subjects = subjects(options, mechanisms)?;
    for file in options.json.iter().chain(&options.junit) {
        expect_writable(file)?;
    }
    if let Some(folder) = &options.save {
        make_folder(folder)?;
    }
    let mut reports = Vec::new();
    for subject in &subjects {
        let bar = Bar::new(&format!("{} {}", subject.entry.name(), subject.implementation));
        let report = subject.entry.check(subject.implementation, &subject.plan, &bar)?;
        drop(bar);
        let repeats = Repeats::of(options, &report);
        save(options, &report)?;
        console.print(&terminal::render(&report, &repeats, console.is_terminal))?;
        reports.push((report, repeats));
    }
    if let Some(file) = &options.json {
        write_whole(file, json(&reports).as_bytes())?;
    }
    if let Some(file) = &options.junit {
        write_whole(file, junit::render(&reports, options.strict).as_bytes())?;
    }
    let kept = reports.iter().all(|(report, _)| report.status == Status::Holds);
    Ok(Ending::broken_if(!kept))
}

/// What is to be judged; every name is known and every implementation can run.
fn subjects<'a>(
    options: &'a Options,
    mechanisms: &'a Mechanisms,
) -> Result<Vec<Subject<'a>>, Trouble> {
    let entries = select(mechanisms, &options.mechanisms)?;
    let exempt = exemptions(options, mechanisms, &entries)?;
    let laws = chosen_laws(&entries, &options.laws)?;
    let mut subjects = Vec::new();
    for &entry in &entries {
        let laws = laws.get(entry.name()).cloned().unwrap_or_default();
        if laws.is_empty() && !options.laws.is_empty() {
            continue;
        }
        let plan = Plan {
            laws,
            exempt: exempt.get(entry.name()).cloned().unwrap_or_default(),
            ..plan(options)
        };
        for implementation in &options.implementations {
            let knows = |entry: &dyn Entry| {
                entry.implementations().iter().any(|known| known.name == *implementation)
            };
            let elsewhere = || entries.iter().any(|entry| knows(*entry));
            if options.mechanisms.is_empty() && !knows(entry) && elsewhere() {
                // Where no mechanism is named, a name is that of those which have it.
                continue;
            }
            entry.expect(implementation)?;
            subjects.push(Subject { entry, implementation, plan: plan.clone() });
        }
    }
    Ok(subjects)
}

fn plan(options: &Options) -> Plan {
    let plan = Plan::default();
    Plan {
        tier: options.tier.into(),
        length: match (options.cases, options.time) {
            (Some(cases), _) => Length::Cases(cases.get()),
            (None, Some(time)) => Length::Time(time),
            (None, None) => Length::Default,
        },
        seed: options.seed,
        jobs: options.jobs.unwrap_or(plan.jobs),
        shard: options.shard,
        strict: options.strict,
        ..plan
    }
}

/// Per mechanism, the laws that are to be reported, as the mechanism writes them.
fn chosen_laws(
    entries: &[&dyn Entry],
    ids: &[String],
) -> Result<BTreeMap<&'static str, Vec<String>>, Trouble> {
    let mut chosen: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for id in ids {
        let (entry, law) = super::laws::find_law(entries, id)?;
        chosen.entry(entry.name()).or_default().push(law.id.to_owned());
    }
    Ok(chosen)
}

/// Per mechanism, the laws that are expected to break, with the sentence why.
fn exemptions(
    options: &Options,
    mechanisms: &Mechanisms,
    entries: &[&dyn Entry],
) -> Result<BTreeMap<&'static str, BTreeMap<String, String>>, Trouble> {
    let mut exemptions = BTreeMap::new();
    for path in &options.exempt {
        let text = Text::read(path)?;
        let pieces = text.pieces()?;
        let [piece] = pieces.as_slice() else {
            return Err(pieces[1].error("expected one JSON object, found another").into());
        };
        let entry = find(mechanisms, &piece.mechanism).map_err(|trouble| at(piece, trouble))?;
        if entries.iter().all(|checked| checked.name() != entry.name()) {
            let what = "expected exemptions of a mechanism that is checked, found those of";
            return Err(piece.error(format_args!("{what} {}", entry.name())).into());
        }
        let exempt = piece.parse::<Exemptions>()?.exempt;
        for (id, why) in &exempt {
            let laws = entry.laws();
            if !laws.iter().any(|law| law.id == id && !law.is_reach) {
                let what = format!("expected a law of {}, found `{id}`", entry.name());
                return Err(piece.error(what).into());
            }
            if why.trim().is_empty() {
                let what = format_args!("expected a sentence why {id} is exempt, found none");
                return Err(piece.error(what).into());
            }
        }
        if exemptions.insert(entry.name(), exempt).is_some() {
            let what = format_args!("expected one exemption file of {}", entry.name());
            return Err(piece.error(format_args!("{what}, found another")).into());
        }
    }
    Ok(exemptions)
}

/// The same trouble, with the place in the file.
pub(super) fn at(piece: &Piece<'_>, trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Wrong(line) => piece.error(line).into(),
        Trouble::Missing(line) => Trouble::Missing(line),
    }
}

fn save(options: &Options, report: &Report) -> Result<(), Trouble> {
    for law in &report.laws {
        if let (Some(folder), Some(json)) = (&options.save, &law.counterexample) {
            let content = format!("{}\n", json.get());
            write_whole(&file_of(folder, report, law), content.as_bytes())?;
        }
    }
    Ok(())
}

/// Where a counterexample is saved.
fn file_of(folder: &Path, report: &Report, law: &LawReport) -> PathBuf {
    let name = report.implementation.name.replace(':', "-");
    folder.join(format!("{}-{name}.json", law.id))
}

fn json(reports: &[(Report, Repeats)]) -> String {
    let reports: Vec<&Report> = reports.iter().map(|(report, _)| report).collect();
    let text = match reports.as_slice() {
        [report] => serde_json::to_string(report),
        reports => serde_json::to_string(reports),
    };
    text.expect("a report has a JSON form") + "\n"
}

/// The commands that repeat a run, or one break of it.
pub(crate) struct Repeats {
    /// The whole run.
    pub(crate) run: String,
    /// Per broken law, its case.
    laws: BTreeMap<&'static str, String>,
}

impl Repeats {
    fn of(options: &Options, report: &Report) -> Self {
        let implementation = quoted(&report.implementation.name);
        let start = format!("lawbook check {} --impl {implementation}", report.mechanism);
        let mut run = start.clone();
        if report.tier != Tier::Both {
            run += &format!(" --tier {}", report.tier.name());
        }
        if report.tier != Tier::Small {
            run += &format!(" --seed {} --cases {}", report.seed, report.random_cases);
        }
        if !report.shard.is_whole() {
            run += &format!(" --shard {}", report.shard);
        }
        for file in &options.exempt {
            run += &format!(" --exempt {}", quoted(&file.display().to_string()));
        }
        let reported =
            |law: &&String| report.laws.iter().any(|row| row.id.eq_ignore_ascii_case(law));
        for law in options.laws.iter().filter(reported) {
            run += &format!(" --law {}", quoted(law));
        }
        if options.strict {
            run += " --strict";
        }
        let laws = report.laws.iter().filter_map(|law| {
            let case = law.case?;
            let repeat = match (&options.save, law.tier?) {
                (Some(folder), _) => {
                    let file = file_of(folder, report, law).display().to_string();
                    format!("lawbook replay {} --impl {implementation}", quoted(&file))
                }
                (None, Tier::Small) => format!("{start} --tier small --law {}", law.id),
                (None, _) => format!(
                    "{start} --tier random --seed {} --cases {} --law {}",
                    report.seed,
                    case + 1,
                    law.id
                ),
            };
            Some((law.id, repeat))
        });
        Repeats { laws: laws.collect(), run }
    }

    /// The command that repeats the break of this law.
    pub(crate) fn law(&self, id: &str) -> Option<&str> {
        self.laws.get(id).map(String::as_str)
    }
}
