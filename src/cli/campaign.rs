//! What `check`, `compare` and `judge` have in common: the options of a campaign, what is expected of
//! results and where they go, and the commands that repeat a break.
//!
//! It does not cover which implementations are judged, nor what is made of the results.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use super::check::at;
use super::laws::find_law;
use super::parse::{TierName, count, jobs};
use super::{find, quoted};
use crate::entry::{Candidate, Entry, Mechanisms, Trouble};
use crate::files::{Exemptions, Text, expect_writable, make_folder, write_whole};
use crate::plan::{Length, Plan, Seed, Tier};
use crate::report::{LawReport, Report, junit};

/// How a campaign is run, as the command line has it.
#[derive(Debug, clap::Args)]
pub(super) struct Campaign {
    /// Report only this law; all are judged; may be repeated
    #[arg(long = "law", value_name = "ID")]
    pub(super) laws: Vec<String>,

    /// How many threads; by default as many as there are processors
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZero<usize>>,

    /// Which tiers of cases: the exhaustive small one, the random one, or the one after the other
    #[arg(long, value_enum, default_value = "both")]
    tier: TierName,

    /// What random cases are drawn from
    #[arg(long, value_name = "HEX", default_value = "0")]
    seed: Seed,

    /// How many random cases; by default as many as the mechanism says
    #[arg(long, value_name = "N", value_parser = count)]
    cases: Option<NonZero<u64>>,

    /// Judge one of every N cases, as a whole campaign: for implementations whose cases take long;
    /// by default as the implementation says
    #[arg(long, value_name = "N", value_parser = count)]
    every: Option<NonZero<u64>>,

    /// Random cases in large worlds, of about this size: of frames, so many
    #[arg(long, value_name = "N", value_parser = count)]
    size: Option<NonZero<u64>>,

    /// Random cases of so many ops, which are judged while they are done and not kept
    #[arg(long, value_name = "N", value_parser = count)]
    ops: Option<NonZero<u64>>,
}

impl Campaign {
    /// The plan that these options make, but for the laws, which nobody has looked up yet.
    pub(super) fn plan(&self) -> Plan {
        let plan = Plan::default();
        Plan {
            tier: self.tier.into(),
            length: self.cases.map_or(plan.length, |cases| Length::Cases(cases.get())),
            seed: self.seed,
            every: self.every,
            size: self.size.map(NonZero::get),
            ops: self.ops.map(NonZero::get),
            jobs: self.jobs.unwrap_or(plan.jobs),
            ..plan
        }
    }

    /// Refuses what this mechanism's cases can't have.
    pub(super) fn expect(&self, entry: &dyn Entry) -> Result<(), Trouble> {
        expect_size(entry, self.size)
    }

    /// The options that repeat the run that this report is of; each begins with a blank.
    pub(super) fn repeat(&self, report: &Report) -> String {
        let mut repeat = String::new();
        if report.tier != Tier::Both {
            repeat += &format!(" --tier {}", report.tier.name());
        }
        if report.tier != Tier::Small {
            repeat += &drawn(report, report.random_cases);
        }
        if self.every.is_some() {
            repeat += &every(report);
        }
        let is_reported = |law: &&String| {
            let laws = report.laws.iter().map(|row| row.id);
            let mut ids = laws.chain(report.reached.iter().map(|row| row.id));
            ids.any(|id| id.eq_ignore_ascii_case(law))
        };
        for law in self.laws.iter().filter(is_reported) {
            repeat += &format!(" --law {}", quoted(law));
        }
        repeat
    }
}

/// The option that says that not every case was judged; it begins with a blank.
fn every(report: &Report) -> String {
    report.every.map(|every| format!(" --every {every}")).unwrap_or_default()
}

/// The options that draw so many random cases of the same seed, size and length; each begins with a
/// blank.
fn drawn(report: &Report, cases: u64) -> String {
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    let options = [
        ("seed", report.seed.map(|seed| seed.to_string())),
        ("cases", Some(cases.to_string())),
        ("size", number(report.size)),
        ("ops", number(report.ops)),
    ];
    let given = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.map(|(name, value)| format!(" --{name} {value}")).collect()
}

/// Refuses a size that the worlds of a mechanism don't have.
pub(super) fn expect_size(entry: &dyn Entry, size: Option<NonZero<u64>>) -> Result<(), Trouble> {
    let Some(size) = size else { return Ok(()) };
    let name = entry.name();
    match entry.largest() {
        Some((most, _)) if size.get() <= most => Ok(()),
        Some((most, what)) => {
            let what = format!("expected at most {most} {what} for --size of {name}");
            Err(Trouble::Wrong(format!("{what}, found {size}")))
        }
        None => Err(Trouble::Wrong(format!(
            "expected no --size for {name}, whose worlds are all of one size, found {size}"
        ))),
    }
}

/// Per mechanism, the laws that are to be reported, as the mechanism writes them.
pub(super) fn chosen_laws(
    entries: &[&dyn Entry],
    ids: &[String],
) -> Result<BTreeMap<&'static str, Vec<String>>, Trouble> {
    let mut chosen: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for id in ids {
        let (entry, law) = find_law(entries, id)?;
        chosen.entry(entry.name()).or_default().push(law.id.to_owned());
    }
    Ok(chosen)
}

/// The same of one mechanism.
pub(super) fn laws_of(entry: &dyn Entry, ids: &[String]) -> Result<Vec<String>, Trouble> {
    ids.iter().map(|id| Ok(find_law(&[entry], id)?.1.id.to_owned())).collect()
}

/// What is expected of results and where they go, as the command line has it.
#[derive(Debug, clap::Args)]
pub(super) struct Results {
    /// The laws that are expected to break; may be repeated for several mechanisms
    #[arg(long, value_name = "FILE")]
    exempt: Vec<PathBuf>,

    /// A broken SHOULD fails too
    #[arg(long)]
    pub(super) strict: bool,

    /// Write the result as JSON: an object, or an array when there are several
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the result as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    #[command(flatten)]
    pub(super) counterexamples: Counterexamples,
}

impl Results {
    /// Looks whether they can be written, before anything is judged.
    pub(super) fn expect_writable(&self) -> Result<(), Trouble> {
        self.json.iter().chain(&self.junit).try_for_each(|file| expect_writable(file))?;
        self.counterexamples.expect_folder()
    }

    /// Writes the files of results.
    pub(super) fn write(&self, reports: &[(Report, Repeats)]) -> Result<(), Trouble> {
        if let Some(file) = &self.json {
            write_whole(file, json(reports).as_bytes())?;
        }
        if let Some(file) = &self.junit {
            write_whole(file, junit::render(reports, self.strict).as_bytes())?;
        }
        Ok(())
    }

    /// The options that repeat what is expected; each begins with a blank.
    pub(super) fn repeat(&self) -> String {
        let files = self.exempt.iter().map(|file| quoted(&file.display().to_string()));
        let mut repeat: String = files.map(|file| format!(" --exempt {file}")).collect();
        if self.strict {
            repeat += " --strict";
        }
        repeat
    }

    /// The first option that only a campaign has.
    pub(super) fn of_campaign(&self) -> Option<&'static str> {
        let given = [
            (!self.exempt.is_empty(), "--exempt"),
            (self.json.is_some(), "--json"),
            (self.junit.is_some(), "--junit"),
            (self.counterexamples.folder.is_some(), "--save"),
        ];
        given.into_iter().find_map(|(is_given, option)| is_given.then_some(option))
    }

    /// Per mechanism, the laws that are expected to break, with the sentence why.
    pub(super) fn exemptions(
        &self,
        mechanisms: &Mechanisms,
        entries: &[&dyn Entry],
    ) -> Result<BTreeMap<&'static str, BTreeMap<String, String>>, Trouble> {
        let mut exemptions = BTreeMap::new();
        for path in &self.exempt {
            let text = Text::read(path)?;
            let pieces = text.pieces()?;
            let [piece] = pieces.as_slice() else {
                return Err(pieces[1].error("expected one JSON object, found another").into());
            };
            let entry = find(mechanisms, &piece.mechanism)
                .map_err(|trouble| at(|line| piece.error(line), trouble))?;
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
}

fn json(reports: &[(Report, Repeats)]) -> String {
    let reports: Vec<&Report> = reports.iter().map(|(report, _)| report).collect();
    let text = match reports.as_slice() {
        [report] => serde_json::to_string(report),
        reports => serde_json::to_string(reports),
    };
    text.expect("a report has a JSON form") + "\n"
}

/// Where counterexamples are saved, if anywhere.
#[derive(Debug, clap::Args)]
pub(super) struct Counterexamples {
    /// Write a counterexample of each broken law into this folder
    #[arg(long = "save", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Counterexamples {
    /// Makes the folder, before anything is judged.
    pub(super) fn expect_folder(&self) -> Result<(), Trouble> {
        Ok(self.folder.as_deref().map_or(Ok(()), make_folder)?)
    }

    pub(super) fn save(&self, report: &Report) -> Result<(), Trouble> {
        for law in &report.laws {
            if let (Some(folder), Some(json)) = (&self.folder, &law.counterexample) {
                let content = format!("{}\n", json.get());
                write_whole(&file_of(folder, report, law), content.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Adapters call themselves what they like: the second of a name is told from the first.
pub(super) fn tell_apart(report: &mut Report, before: &[(Report, Repeats)]) {
    let name = report.implementation.name.clone();
    let is_taken = |name: &str| {
        before.iter().any(|(other, _)| {
            other.mechanism == report.mechanism && other.implementation.name == name
        })
    };
    let mut names = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}-{n}")));
    let free = names.find(|name| !is_taken(name));
    report.implementation.name = free.unwrap_or(name);
}

/// Where a counterexample is saved. An adapter calls itself what it likes, and no folder.
fn file_of(folder: &Path, report: &Report, law: &LawReport) -> PathBuf {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.+".contains(c);
    let name = report.implementation.name.replace(|c: char| !is_plain(c), "-");
    folder.join(format!("{}-{name}.json", law.id))
}

/// The start of the command that judges this implementation alone.
pub(super) fn check_of(report: &Report, candidate: &Candidate) -> String {
    format!("lawbook check {} {}", report.mechanism, candidate.option())
}

/// The commands that repeat the breaks of one report: per broken law, its case.
pub(crate) struct Repeats(BTreeMap<&'static str, String>);

impl Repeats {
    pub(super) fn of(report: &Report, candidate: &Candidate, saved: &Counterexamples) -> Self {
        let start = check_of(report, candidate);
        let laws = report.laws.iter().filter_map(|law| {
            let case = law.case?;
            let repeat = match (&saved.folder, law.tier?) {
                (Some(folder), _) => {
                    let file = file_of(folder, report, law).display().to_string();
                    format!("lawbook replay {} {}", quoted(&file), candidate.option())
                }
                // A check of an adapter begins with them.
                (None, Tier::Slots) => format!("{start} --law {}", law.id),
                (None, Tier::Small) => {
                    format!("{start} --tier small{} --law {}", every(report), law.id)
                }
                (None, _) => {
                    let drawn = drawn(report, case + 1) + &every(report);
                    format!("{start} --tier random{drawn} --law {}", law.id)
                }
            };
            Some((law.id, repeat))
        });
        Repeats(laws.collect())
    }

    /// The same of recorded answers, which this command judges.
    pub(super) fn of_recorded(report: &Report, command: &str, saved: &Counterexamples) -> Self {
        let laws = report.laws.iter().filter(|law| law.counterexample.is_some()).map(|law| {
            let repeat = match &saved.folder {
                Some(folder) => {
                    let file = file_of(folder, report, law).display().to_string();
                    format!("lawbook judge {}", quoted(&file))
                }
                None => format!("{command} --law {}", law.id),
            };
            (law.id, repeat)
        });
        Repeats(laws.collect())
    }

    /// The command that repeats the break of this law.
    pub(crate) fn law(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }
}
