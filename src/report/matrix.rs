//! Several reports side by side as text: a row per law, a column per implementation, and the
//! stories under it.
//!
//! It does not cover why a law does not apply: the reasons are in the JSON.

use super::{LawReport, ReachReport, Report, Verdict, terminal};
use crate::cli::{Repeats, Rows, Tone};

/// How wide a table is at most: columns that go beyond it are put into the next one.
const WIDTH: usize = 100;

/// The sentence of a law is left out where it has less room than this.
const LEAST_SAYS: usize = 30;

/// The blanks after a column.
const PADDING: usize = 2;

/// What is compared: reports of one mechanism by one plan.
pub(crate) struct Comparison<'a> {
    pub(crate) mechanism: &'a str,
    pub(crate) title: &'a str,
    pub(crate) reports: &'a [(Report, Repeats)],
    /// Of each implementation that can't run, a line that says why.
    pub(crate) missing: &'a [String],
    /// The laws that were asked for; all when empty.
    pub(crate) asked_for: &'a [String],
    /// The command that repeats the comparison.
    pub(crate) repeat: &'a str,
}

/// A row of the table.
struct Line {
    id: &'static str,
    says: &'static str,
    /// One for each implementation.
    cells: Vec<(&'static str, Tone)>,
}

/// The comparison; it ends with a line break.
pub(crate) fn render(comparison: &Comparison<'_>, is_terminal: bool) -> String {
    let reports = comparison.reports;
    let lines = lines(comparison);
    let names: Vec<String> =
        reports.iter().map(|(report, _)| report.implementation.name.clone()).collect();
    let numbers: Vec<String> = (1..=reports.len()).map(|number| number.to_string()).collect();
    let has_names = width(&names, &lines, 0) + LEAST_SAYS <= WIDTH;
    let heads = if has_names { &names } else { &numbers };

    let mut text = format!("{}: {}\n\n", comparison.mechanism, comparison.title);
    text += &list(reports, &numbers, is_terminal);
    let mut first = 0;
    while first < heads.len() {
        let fits = |last: &usize| width(&heads[first..*last], &lines, first) <= WIDTH;
        let last = (first + 2..=heads.len()).take_while(fits).last().unwrap_or(first + 1);
        text.push('\n');
        text += &table(&heads[first..last], &lines, first, is_terminal);
        first = last;
    }
    text += &notes(comparison);
    for (report, repeats) in reports {
        let broken: Vec<&str> =
            report.laws.iter().filter(|law| law.story.is_some()).map(|law| law.id).collect();
        if !broken.is_empty() {
            text += &format!("\n{} breaks {}\n", report.implementation.name, broken.join(", "));
            text += &terminal::stories(report, repeats);
        }
    }
    text + &format!("\nrepeat: {}\n\n", comparison.repeat)
}

/// The implementations, each with its number and what is made of its campaign.
fn list(reports: &[(Report, Repeats)], numbers: &[String], is_terminal: bool) -> String {
    let mut rows = Rows::new(&[], is_terminal);
    for ((report, _), number) in reports.iter().zip(numbers) {
        let result = format!("{}; {}", terminal::status(report), terminal::counts(report));
        rows.row(&[
            (number, Tone::Faint),
            (&report.implementation.name, Tone::Plain),
            (&report.implementation.version, Tone::Faint),
            (&format!("{} cases", report.cases), Tone::Plain),
            (&result, Tone::Plain),
        ]);
    }
    rows.render()
}

/// The laws, and the situations that somebody missed or that were asked for.
fn lines(comparison: &Comparison<'_>) -> Vec<Line> {
    let reports = comparison.reports;
    let Some((first, _)) = reports.first() else {
        return Vec::new();
    };
    let laws = first.laws.iter().enumerate().map(|(at, law)| Line {
        id: law.id,
        says: law.says,
        cells: reports.iter().map(|(report, _)| law_cell(&report.laws[at])).collect(),
    });
    let is_shown = |at: usize| {
        let is_missed = reports.iter().any(|(report, _)| report.reached[at].is_missed());
        is_missed || !comparison.asked_for.is_empty()
    };
    let reached = first.reached.iter().enumerate().filter(|(at, _)| is_shown(*at));
    let situations = reached.map(|(at, reach)| Line {
        id: reach.id,
        says: reach.says,
        cells: reports.iter().map(|(report, _)| reach_cell(&report.reached[at])).collect(),
    });
    laws.chain(situations).collect()
}

fn law_cell(law: &LawReport) -> (&'static str, Tone) {
    match law.verdict {
        Verdict::Holds => ("holds", Tone::Good),
        Verdict::Broken => ("BROKEN", Tone::Bad),
        Verdict::Weak => ("weak", Tone::Plain),
        Verdict::NotExercised => ("not exercised", Tone::Bad),
        Verdict::NotApplicable => ("n/a", Tone::Faint),
        Verdict::Exempt => ("exempt", Tone::Plain),
    }
}

fn reach_cell(reach: &ReachReport) -> (&'static str, Tone) {
    match reach.reason {
        Some(_) => ("n/a", Tone::Faint),
        None if reach.is_missed() => ("not reached", Tone::Bad),
        None => ("reached", Tone::Good),
    }
}

/// The columns under these heads, of which the first is that of implementation `first`.
fn table(heads: &[String], lines: &[Line], first: usize, is_terminal: bool) -> String {
    let room = WIDTH.saturating_sub(width(heads, lines, first));
    let has_says = room >= LEAST_SAYS;
    let mut header = vec!["law"];
    header.extend(heads.iter().map(String::as_str));
    if has_says {
        header.push("says");
    }
    let mut rows = Rows::new(&header, is_terminal);
    for line in lines {
        let says = shortened(line.says, room);
        let mut cells = vec![(line.id, Tone::Plain)];
        cells.extend(&line.cells[first..first + heads.len()]);
        if has_says {
            cells.push((&says, Tone::Plain));
        }
        rows.row(&cells);
    }
    rows.render()
}

/// How wide the ids and the columns under these heads are.
fn width(heads: &[String], lines: &[Line], first: usize) -> usize {
    let ids = lines.iter().map(|line| line.id.len()).max().unwrap_or(0);
    let columns = heads.iter().enumerate().map(|(at, head)| {
        let cells = lines.iter().map(|line| line.cells[first + at].0.len());
        cells.max().unwrap_or(0).max(head.len()) + PADDING
    });
    ids + PADDING + columns.sum::<usize>()
}

/// As many whole words of a sentence as there is room for.
fn shortened(sentence: &str, room: usize) -> String {
    if sentence.chars().count() <= room {
        return sentence.to_owned();
    }
    let mut short = String::new();
    for word in sentence.split_inclusive(' ') {
        // One more is for what stands for the rest.
        if short.chars().count() + word.chars().count() + 1 > room {
            break;
        }
        short += word;
    }
    short + "…"
}

/// What else is to be known of the implementations: cases that were not run, and who is missing.
fn notes(comparison: &Comparison<'_>) -> String {
    let unsupported = comparison.reports.iter().filter_map(|(report, _)| {
        let what = terminal::unsupported(report)?;
        Some(format!("{}: unsupported: {what}\n", report.implementation.name))
    });
    let missing = comparison.missing.iter().map(|line| format!("{line}\n"));
    let notes: String = unsupported.chain(missing).collect();
    match notes.is_empty() {
        true => notes,
        false => format!("\n{notes}"),
    }
}
