//! `lawbook check`: judges implementations and prints a row per law.

use std::path::PathBuf;
use std::time::Duration;

use super::adapters::Timeout;
use super::campaign::{Campaign, Repeats, Results, check_of, chosen_laws, tell_apart};
use super::parse::duration;
use super::progress::Bar;
use super::{Console, EXIT_STATUS, Ending, select};
use crate::adapter::CommandLine;
use crate::entry::{Candidate, Entry, Mechanisms, REFERENCE, Trouble};
use crate::files::{FileError, expect_writable, write_whole};
use crate::plan::{Length, Plan, Shard};
use crate::report::{Report, Status, terminal};

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

    #[command(flatten)]
    results: Results,

    /// Draw the counterexample of the first broken law that is reported, and else an example, as
    /// SVG; of one implementation, of a mechanism that has pictures
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
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
    if let Some(file) = &options.picture {
        expect_picture(&subjects, mechanisms)?;
        expect_writable(file)?;
    }
    options.results.expect_writable()?;
    let mut reports = Vec::new();
    for subject in &subjects {
        let candidate = &subject.candidate;
        let bar = Bar::new(&format!("{} {candidate}", subject.entry.name()));
        let mut report = subject.entry.check(candidate, &subject.plan, &bar)?;
        drop(bar);
        if let Candidate::Adapter(_) = candidate {
            tell_apart(&mut report, &reports);
        }
        let saved = &options.results.counterexamples;
        let repeats = Repeats::of(&report, candidate, saved);
        saved.save(&report)?;
        let repeat = repeat(options, &report, candidate);
        console.print(&terminal::render(&report, &repeats, &repeat, console.is_terminal))?;
        reports.push((report, repeats));
    }
    options.results.write(&reports)?;
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
    let exempt = options.results.exemptions(mechanisms, &entries)?;
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
        strict: options.results.strict,
        ..plan
    }
}

/// The same trouble, with the place in the file: `error` adds it.
pub(super) fn at(error: impl Fn(String) -> FileError, trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Wrong(line) => error(line).into(),
        Trouble::Missing(line) => Trouble::Missing(line),
    }
}

/// The command that repeats a run.
fn repeat(options: &Options, report: &Report, candidate: &Candidate) -> String {
    let mut run = check_of(report, candidate) + &options.campaign.repeat(report);
    if !report.shard.is_whole() {
        run += &format!(" --shard {}", report.shard);
    }
    run + &options.results.repeat()
}
