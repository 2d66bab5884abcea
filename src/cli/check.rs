//! `lawbook check`: judges implementations and prints a row per law.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::adapters::Timeout;
use super::campaign::{Campaign, Counterexamples, Repeats, check_of, tell_apart};
use super::parse::duration;
use super::progress::Bar;
use super::{Console, EXIT_STATUS, Ending, find, quoted, select};
use crate::adapter::CommandLine;
use crate::entry::{Candidate, Entry, Mechanisms, REFERENCE, Trouble};
use crate::files::{Exemptions, Piece, Text, expect_writable, write_whole};
use crate::plan::{Length, Plan, Shard};
use crate::report::{Report, Status, junit, terminal};

/// Judges implementations: a row per law with verdict, evidence and first break
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Options {
    /// What is judged; every mechanism when none is named
    #[arg(value_name = "MECHANISM")]
    mechanisms: Vec<String>,

    /// Which implementation, of those that `lawbook implementations` lists; may be repeated; the
    /// reference when none is named
    #[arg(long = "impl", value_name = "NAME")]
    implementations: Vec<String>,

    /// A program that speaks the adapter protocol, with its arguments; may be repeated
    #[arg(long = "adapter", value_name = "COMMAND")]
    adapters: Vec<CommandLine>,

    #[command(flatten)]
    timeout: Timeout,

    #[command(flatten)]
    campaign: Campaign,

    /// Random cases for so long instead, after the small tier: 500ms, 10s, 5m
    #[arg(long, value_parser = duration, conflicts_with = "cases")]
    time: Option<Duration>,

    /// Only every Nth case, from the Kth on; what needs the whole campaign is not decided then
    #[arg(long, value_name = "K/N", default_value = "1/1", hide_default_value = true)]
    shard: Shard,

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

    /// Draw the counterexample of the first broken law that is reported, and else an example, as
    /// SVG; of one implementation, of a mechanism that has pictures
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,

    #[command(flatten)]
    counterexamples: Counterexamples,
}

/// One implementation that is to be judged.
struct Subject<'a> {
    entry: &'a dyn Entry,
    candidate: Candidate,
    plan: Plan,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let subjects = subjects(options, mechanisms)?;
    if options.picture.is_some() {
        expect_picture(&subjects, mechanisms)?;
    }
    for file in options.json.iter().chain(&options.junit).chain(&options.picture) {
        expect_writable(file)?;
    }
    options.counterexamples.expect_folder()?;
    let mut reports = Vec::new();
    for subject in &subjects {
        let candidate = &subject.candidate;
        let bar = Bar::new(&format!("{} {candidate}", subject.entry.name()));
        let mut report = subject.entry.check(candidate, &subject.plan, &bar)?;
        drop(bar);
        if let Candidate::Adapter(_) = candidate {
            tell_apart(&mut report, &reports);
        }
        let repeats = Repeats::of(&report, candidate, &options.counterexamples);
        options.counterexamples.save(&report)?;
        let repeat = repeat(options, &report, candidate);
        console.print(&terminal::render(&report, &repeats, &repeat, console.is_terminal))?;
        reports.push((report, repeats));
    }
    if let Some(file) = &options.json {
        write_whole(file, json(&reports).as_bytes())?;
    }
    if let Some(file) = &options.junit {
        write_whole(file, junit::render(&reports, options.strict).as_bytes())?;
    }
    if let (Some(file), Some(subject), Some((report, _))) =
        (&options.picture, subjects.first(), reports.first())
    {
        write_whole(file, subject.entry.picture(&subject.candidate, report)?.as_bytes())?;
    }
    let kept = reports.iter().all(|(report, _)| report.status == Status::Holds);
    Ok(Ending::broken_if(!kept))
}

/// What is to be judged; every name is known and every implementation can run.
fn subjects<'a>(
    options: &Options,
    mechanisms: &'a Mechanisms,
) -> Result<Vec<Subject<'a>>, Trouble> {
    let entries = select(mechanisms, &options.mechanisms)?;
    let exempt = exemptions(options, mechanisms, &entries)?;
    let laws = chosen_laws(&entries, &options.campaign.laws)?;
    if let (Some(command), true) = (options.adapters.first(), entries.len() != 1) {
        let what = "expected one MECHANISM with --adapter, found";
        return Err(Trouble::Wrong(format!("{what} {} for `{command}`", entries.len())));
    }
    let mut candidates = options.timeout.candidates(&options.implementations, &options.adapters);
    if candidates.is_empty() {
        candidates.push(Candidate::BuiltIn(REFERENCE.to_owned()));
    }
    let mut subjects = Vec::new();
    for &entry in &entries {
        let laws = laws.get(entry.name()).cloned().unwrap_or_default();
        if laws.is_empty() && !options.campaign.laws.is_empty() {
            continue;
        }
        let plan = Plan {
            laws,
            exempt: exempt.get(entry.name()).cloned().unwrap_or_default(),
            ..plan(options)
        };
        for candidate in &candidates {
            let knows = |entry: &dyn Entry| match candidate {
                Candidate::BuiltIn(name) => entry.names().contains(name),
                Candidate::Adapter(_) => true,
            };
            let elsewhere = || entries.iter().any(|entry| knows(*entry));
            if options.mechanisms.is_empty() && !knows(entry) && elsewhere() {
                // Where no mechanism is named, a name is that of those which have it.
                continue;
            }
            entry.expect(candidate)?;
            options.campaign.expect(entry)?;
            subjects.push(Subject { entry, candidate: candidate.clone(), plan: plan.clone() });
        }
    }
    Ok(subjects)
}

/// Whether there is one thing to draw, and it can be drawn.
fn expect_picture(subjects: &[Subject<'_>], mechanisms: &Mechanisms) -> Result<(), Trouble> {
    if let Some(other) = subjects.iter().find(|subject| !subject.entry.has_pictures()) {
        let with = mechanisms.entries().filter(|entry| entry.has_pictures());
        let names: Vec<_> = with.map(Entry::name).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let what = format!("expected a mechanism with pictures ({names}) for --picture");
        return Err(Trouble::Wrong(format!("{what}, found {}", other.entry.name())));
    }
    match subjects {
        [subject] => subject.entry.expect_picture(&subject.candidate),
        others => {
            let what = "expected one implementation for --picture, found";
            Err(Trouble::Wrong(format!("{what} {}", others.len())))
        }
    }
}

fn plan(options: &Options) -> Plan {
    let plan = options.campaign.plan();
    Plan {
        length: options.time.map_or(plan.length, Length::Time),
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

fn json(reports: &[(Report, Repeats)]) -> String {
    let reports: Vec<&Report> = reports.iter().map(|(report, _)| report).collect();
    let text = match reports.as_slice() {
        [report] => serde_json::to_string(report),
        reports => serde_json::to_string(reports),
    };
    text.expect("a report has a JSON form") + "\n"
}

/// The command that repeats a run.
fn repeat(options: &Options, report: &Report, candidate: &Candidate) -> String {
    let mut run = check_of(report, candidate) + &options.campaign.repeat(report);
    if !report.shard.is_whole() {
        run += &format!(" --shard {}", report.shard);
    }
    for file in &options.exempt {
        run += &format!(" --exempt {}", quoted(&file.display().to_string()));
    }
    if options.strict {
        run += " --strict";
    }
    run
}
