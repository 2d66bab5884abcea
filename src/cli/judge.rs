//! `lawbook judge`: judges recorded traces, without running anything: each by itself, or as the
//! answers to cases that were asked elsewhere, with a row per law.

use std::path::{Path, PathBuf};

use super::campaign::{Repeats, Results, laws_of};
use super::check::at;
use super::progress::Bar;
use super::replay::{Told, for_each_piece};
use super::{Console, EXIT_STATUS, Ending, find, quoted};
use crate::adapter::Requests;
use crate::entry::{Mechanisms, Trouble};
use crate::plan::Plan;
use crate::report::{Status, terminal};

/// Judges recorded traces, without running anything
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Options {
    /// Recordings: JSON objects with mechanism, profile, case and events, one after the other; with
    /// --cases, the file of what an adapter answered
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// What the adapter was asked, as `cases --requests` prints it: its answers are judged as `check`
    /// does, with a row per law
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,

    /// Report only this law; all are judged; may be repeated
    #[arg(long = "law", value_name = "ID", requires = "cases")]
    laws: Vec<String>,

    #[command(flatten)]
    results: Results,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    match (&options.cases, options.files.as_slice(), options.results.of_campaign()) {
        (Some(cases), [answers], _) => judge_answers(options, cases, answers, mechanisms, console),
        (Some(_), files, _) => {
            let what = "expected one FILE of answers with --cases, found";
            Err(Trouble::Wrong(format!("{what} {}", files.len())))
        }
        (None, _, Some(option)) => {
            Err(Trouble::Wrong(format!("expected --cases with {option}, found none")))
        }
        (None, files, None) => judge_each(files, options.results.strict, mechanisms, console),
    }
}

/// Judges the answers to cases, as a campaign does.
fn judge_answers(
    options: &Options,
    cases: &Path,
    answers: &Path,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let results = &options.results;
    let requests = Requests::open(cases)?;
    let entry = find(mechanisms, &requests.mechanism)
        .map_err(|trouble| at(|line| requests.error(line), trouble))?;
    let plan = Plan {
        laws: laws_of(entry, &options.laws)?,
        exempt: results.exemptions(mechanisms, &[entry])?.remove(entry.name()).unwrap_or_default(),
        strict: results.strict,
        ..Plan::default()
    };
    results.expect_writable()?;
    let bar = Bar::new(&format!("{} {}", entry.name(), answers.display()));
    let report = entry.judge_answers(requests, answers, &plan, &bar)?;
    drop(bar);
    let shown = |file: &Path| quoted(&file.display().to_string());
    let mut repeat = format!("lawbook judge --cases {} {}", shown(cases), shown(answers));
    repeat += &results.repeat();
    let repeats = Repeats::of_recorded(&report, &repeat, &results.counterexamples);
    for law in &options.laws {
        repeat += &format!(" --law {}", quoted(law));
    }
    results.counterexamples.save(&report)?;
    console.print(&terminal::render(&report, &repeats, &repeat, console.is_terminal))?;
    let kept = report.status == Status::Holds;
    results.write(&[(report, repeats)])?;
    Ok(Ending::broken_if(!kept))
}

/// Judges recordings, each by itself.
fn judge_each(
    files: &[PathBuf],
    strict: bool,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let mut told = Told::default();
    for_each_piece(files, |piece| {
        let entry = find(mechanisms, &piece.mechanism)
            .map_err(|trouble| at(|line| piece.error(line), trouble))?;
        told.add(&piece.place(), entry.judge(piece)?, strict);
        Ok(())
    })?;
    let mut repeat = String::from("lawbook judge");
    for file in files {
        repeat += &format!(" {}", quoted(&file.display().to_string()));
    }
    if strict {
        repeat += " --strict";
    }
    console.print(&told.text(&repeat))?;
    // A recording that shows nothing is no pass.
    Ok(Ending::broken_if(told.is_broken || told.unsupported.is_some()))
}
