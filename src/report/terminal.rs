//! A report as text: a row per law, then the stories, then the line that repeats the run.

use std::collections::BTreeMap;

use super::{LawReport, Report, Status, Verdict};
use crate::cli::{Repeats, Rows, Tone};
use crate::plan::{CaseNumber, Tier};
use crate::story::one_line;

/// The report; it ends with a line break.
pub(crate) fn render(
    report: &Report,
    repeats: &Repeats,
    repeat: &str,
    is_terminal: bool,
) -> String {
    let mut text = title(report);
    text.push('\n');
    text += &rows(report, is_terminal);
    text += &kinds(report);
    if let Some(unsupported) = unsupported(report) {
        text += &format!("unsupported: {unsupported}\n");
    }
    text += &stories(report, repeats);
    text.push('\n');
    text += &conclusion(report);
    text += &format!("repeat: {repeat}\n\n");
    text
}

/// The story of each broken law, after an empty line.
pub(crate) fn stories(report: &Report, repeats: &Repeats) -> String {
    let mut text = String::new();
    for law in &report.laws {
        if let Some(story) = &law.story {
            text.push('\n');
            text += &with_repeat(story, repeats.law(law.id));
        }
    }
    text
}

/// A story and the line that repeats it.
pub(crate) fn with_repeat(story: &str, repeat: Option<&str>) -> String {
    match repeat {
        Some(repeat) => format!("{story}  repeat: {repeat}\n"),
        None => story.to_owned(),
    }
}

fn title(report: &Report) -> String {
    let every = report.every.map(|every| format!(", one in {every}")).unwrap_or_default();
    let shard = match report.shard.is_whole() {
        true => String::new(),
        false => format!(", shard {}", report.shard),
    };
    let tier = match report.tier {
        Tier::Both => "cases",
        Tier::Slots => "cases of slots",
        Tier::Small => "small cases",
        Tier::Random => "random cases",
        Tier::Recorded => "recorded cases",
    };
    format!(
        "{} {} {}: {} {tier}{every}{shard} in {:.1} s\n",
        report.mechanism,
        report.implementation.name,
        report.implementation.version,
        report.cases,
        report.seconds,
    )
}

fn rows(report: &Report, is_terminal: bool) -> String {
    let header = ["law", "verdict", "evidence", "first break", "says"];
    let mut rows = Rows::new(&header, is_terminal);
    for law in &report.laws {
        let (verdict, tone) = verdict(law);
        let evidence = law.evidence.map(|count| count.to_string()).unwrap_or_default();
        let says = match (&law.reason, law.verdict) {
            (Some(reason), Verdict::NotApplicable) => format!("does not apply: {reason}"),
            (Some(reason), _) => format!("exempt: {reason}"),
            (None, _) => law.says.to_owned(),
        };
        rows.row(&[
            (law.id, Tone::Plain),
            (&verdict, tone),
            (&evidence, Tone::Plain),
            (&first_break(law), Tone::Plain),
            (&says, Tone::Plain),
        ]);
    }
    for reach in &report.reached {
        let (verdict, tone) = match &reach.reason {
            Some(_) => ("not applicable", Tone::Faint),
            None if reach.is_missed() => ("not reached", Tone::Bad),
            None => ("reached", Tone::Good),
        };
        let says = match &reach.reason {
            Some(reason) => format!("does not apply: {reason}"),
            None => reach.says.to_owned(),
        };
        let count = match reach.reason {
            Some(_) => String::new(),
            None => reach.count.to_string(),
        };
        rows.row(&[
            (reach.id, Tone::Plain),
            (verdict, tone),
            (&count, Tone::Plain),
            ("", Tone::Plain),
            (&says, Tone::Plain),
        ]);
    }
    rows.render()
}

fn verdict(law: &LawReport) -> (String, Tone) {
    let tone = match law.verdict {
        Verdict::Holds => Tone::Good,
        Verdict::Broken | Verdict::NotExercised => Tone::Bad,
        Verdict::Weak | Verdict::Exempt => Tone::Plain,
        Verdict::NotApplicable => Tone::Faint,
    };
    let name = law.verdict.name().replace('_', " ");
    match law.stale {
        true => (format!("{name}, exemption is stale"), Tone::Bad),
        false => (name, tone),
    }
}

fn first_break(law: &LawReport) -> String {
    match (law.tier, law.case, law.broken_after) {
        (Some(tier), Some(index), Some(after)) => {
            let number = CaseNumber { tier, index };
            format!("{number} ({:.2} s)", after.as_secs_f64())
        }
        _ => String::new(),
    }
}

/// How often each kind of op was done, and what share was skipped or refused.
fn kinds(report: &Report) -> String {
    let percent = |part: u64, whole: u64| (part * 100 + whole / 2).checked_div(whole).unwrap_or(0);
    let kinds: Vec<String> = report
        .kinds
        .iter()
        .map(|kind| {
            let mut notes = Vec::new();
            if kind.skipped > 0 {
                notes.push(format!("{} % skipped", percent(kind.skipped, kind.ops)));
            }
            if kind.refused > 0 {
                notes.push(format!("{} % refused", percent(kind.refused, kind.ops)));
            }
            match notes.is_empty() {
                true => format!("{} {}", kind.ops, kind.name),
                false => format!("{} {} ({})", kind.ops, kind.name, notes.join(", ")),
            }
        })
        .collect();
    format!("\nops: {}\n", kinds.join(", "))
}

/// How many cases could not be run, where there are any, and which is the first.
pub(crate) fn unsupported(report: &Report) -> Option<String> {
    let (number, why) = report.unsupported_why.as_ref()?;
    let (count, cases) = (report.unsupported, report.cases);
    Some(format!("{count} of {cases} cases; the first is {number}: {}", one_line(why)))
}

fn conclusion(report: &Report) -> String {
    let reached = report.reached.iter().filter(|reach| reach.count > 0).count();
    let situations = match report.reached.iter().filter(|reach| reach.reason.is_none()).count() {
        0 => String::new(),
        all => format!("; {reached} of {all} situations that apply are reached"),
    };
    let (status, laws, counts) = (status(report), report.laws.len(), counts(report));
    format!("{status}; of {laws} laws {counts}{situations}\n")
}

/// What is made of the campaign, in words.
pub(crate) fn status(report: &Report) -> &'static str {
    let exempt = report.laws.iter().any(|law| law.verdict == Verdict::Exempt);
    match report.status {
        Status::Holds if !report.shard.is_whole() => "no MUST is broken in this shard",
        Status::Holds if report.ops.is_some() => "no MUST is broken in these long cases",
        Status::Holds if exempt => "every applicable MUST holds or is exempt",
        Status::Holds => "every applicable MUST holds",
        Status::Broken => "broken",
        Status::NotExercised => "failed: not everything was exercised",
        Status::Stale => "failed: an exemption is stale",
        Status::Unsupported => "failed: more than a tenth of the cases are unsupported",
    }
}

/// How many laws have each verdict, and which are broken beside them.
pub(crate) fn counts(report: &Report) -> String {
    let counts: Vec<String> = count_verdicts(&report.laws)
        .into_iter()
        .map(|(verdict, count)| match verdict {
            Verdict::Holds => format!("{count} hold"),
            other => format!("{count} {}", other.name().replace('_', " ")),
        })
        .collect();
    let others = match report.also_broken.as_slice() {
        [] => String::new(),
        others => format!("; broken beside them: {}", others.join(", ")),
    };
    counts.join(", ") + &others
}

/// How many laws have each verdict, in the order of the verdicts.
fn count_verdicts(laws: &[LawReport]) -> BTreeMap<Verdict, usize> {
    let mut counts = BTreeMap::new();
    for law in laws {
        *counts.entry(law.verdict).or_insert(0) += 1;
    }
    counts
}
