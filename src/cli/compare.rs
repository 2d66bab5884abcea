//! `lawbook compare`: several implementations of one mechanism as one table.
//!
//! Each is judged as `check` judges it, one after the other, by the same plan.
//! It does not cover exemptions: what is broken is shown, and is no failure of the comparison.

use std::path::PathBuf;

use serde::Serialize;

use super::adapters::Timeout;
use super::campaign::{Campaign, Counterexamples, Repeats, laws_of, tell_apart};
use super::progress::Bar;
use super::{Console, Ending, find, quoted};
use crate::adapter::{self, CommandLine};
use crate::entry::{Candidate, Entry, Mechanisms, Trouble};
use crate::files::{expect_writable, write_whole};
use crate::plan::Plan;
use crate::report::Report;
use crate::report::matrix::{self, Comparison};

const EXIT_STATUS: &str = "\
Exit status:
  0  the comparison was made, whatever is broken: to compare is not to judge
  2  the command is wrong
  3  an implementation that is named could not be run";

/// Compares implementations: a row per law, a column per implementation
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Options {
    /// Of which mechanism
    #[arg(value_name = "MECHANISM")]
    mechanism: String,

    /// Which implementations, of those that `lawbook implementations` lists; all that are no
    /// faults and can run here when none is named
    #[arg(value_name = "NAME")]
    implementations: Vec<String>,

    /// And which programs that speak the adapter protocol, each with its arguments; may be repeated
    #[arg(long = "adapter", value_name = "COMMAND")]
    adapters: Vec<CommandLine>,

    #[command(flatten)]
    timeout: Timeout,

    #[command(flatten)]
    campaign: Campaign,

    /// Write the results as JSON: an object with those of `check`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    #[command(flatten)]
    counterexamples: Counterexamples,
}

/// What is written as JSON.
#[derive(Serialize)]
struct Results<'r> {
    lawbook: u64,
    mechanism: &'static str,
    results: Vec<&'r Report>,
}

/// What is to be compared.
#[derive(Default)]
struct Chosen {
    candidates: Vec<Candidate>,
    /// Of each that can't run, a line that says why.
    missing: Vec<String>,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let entry = find(mechanisms, &options.mechanism)?;
    options.campaign.expect(entry)?;
    let chosen = choose(entry, options)?;
    let plan = Plan { laws: laws_of(entry, &options.campaign.laws)?, ..options.campaign.plan() };
    if let Some(file) = &options.json {
        expect_writable(file)?;
    }
    options.counterexamples.expect_folder()?;
    let mut reports = Vec::new();
    for candidate in &chosen.candidates {
        let bar = Bar::new(&format!("{} {candidate}", entry.name()));
        let mut report = entry.check(candidate, &plan, &bar)?;
        drop(bar);
        if let Candidate::Adapter(_) = candidate {
            tell_apart(&mut report, &reports);
        }
        options.counterexamples.save(&report)?;
        let repeats = Repeats::of(&report, candidate, &options.counterexamples);
        reports.push((report, repeats));
    }
    if let Some(file) = &options.json {
        write_whole(file, json(entry, &reports).as_bytes())?;
    }
    let comparison = Comparison {
        mechanism: entry.name(),
        title: entry.title(),
        reports: &reports,
        missing: &chosen.missing,
        asked_for: &plan.laws,
        repeat: &repeat(options, &reports),
    };
    console.print(&matrix::render(&comparison, console.is_terminal))?;
    Ok(Ending::Kept)
}

/// Those that are named, which must be there and able to run; else all that are no faults.
fn choose(entry: &dyn Entry, options: &Options) -> Result<Chosen, Trouble> {
    let mut chosen = Chosen::default();
    for candidate in options.timeout.candidates(&options.implementations, &options.adapters) {
        entry.expect(&candidate)?;
        if chosen.candidates.contains(&candidate) {
            let what = "expected each implementation once, found";
            return Err(Trouble::Wrong(format!("{what} `{candidate}` twice")));
        }
        chosen.candidates.push(candidate);
    }
    if !chosen.candidates.is_empty() {
        return Ok(chosen);
    }
    for name in entry.names().into_iter().filter(|name| !name.starts_with("fault:")) {
        let candidate = Candidate::BuiltIn(name);
        match entry.expect(&candidate) {
            Ok(()) => chosen.candidates.push(candidate),
            Err(Trouble::Missing(line)) => chosen.missing.push(line),
            Err(trouble) => return Err(trouble),
        }
    }
    match chosen.candidates.as_slice() {
        [] => Err(Trouble::Missing(format!("no implementation of {} can run here", entry.name()))),
        _ => Ok(chosen),
    }
}

fn json(entry: &dyn Entry, reports: &[(Report, Repeats)]) -> String {
    let results = Results {
        lawbook: crate::FORMAT,
        mechanism: entry.name(),
        results: reports.iter().map(|(report, _)| report).collect(),
    };
    serde_json::to_string(&results).expect("a report has a JSON form") + "\n"
}

/// The command that repeats the comparison.
fn repeat(options: &Options, reports: &[(Report, Repeats)]) -> String {
    let mut repeat = format!("lawbook compare {}", options.mechanism);
    for name in &options.implementations {
        repeat += &format!(" {}", quoted(name));
    }
    for command in &options.adapters {
        repeat += &format!(" --adapter {}", quoted(&command.to_string()));
    }
    if options.timeout.get() != adapter::TIMEOUT {
        repeat += &format!(" --timeout {}", adapter::show_time(options.timeout.get()));
    }
    // What differs from report to report is not in it.
    let campaign = reports.first().map(|(report, _)| options.campaign.repeat(report));
    repeat + &campaign.unwrap_or_default()
}
