//! `lawbook explain`: one law with its source, its faults and its smallest counterexample.

use super::laws::{find_law, kind};
use super::{Console, Ending};
use crate::entry::{Entry, FaultReport, Hunt, Mechanisms, Trouble};
use crate::plan::{Seed, Tier};

/// The fault that shows the counterexample is run on so many cases at most.
const MOST_CASES: u64 = 10_000;

/// Explains one law: source, whom it applies to, its faults, its smallest counterexample
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Which law
    law: String,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let entries: Vec<&dyn Entry> = mechanisms.entries().collect();
    let (entry, law) = find_law(&entries, &options.law)?;
    let mut text = format!("{} ({}): {}\n", law.id, kind(&law), law.says);
    text += &format!("  source      {}\n", law.source);
    let needs = entry.needs(law.id);
    let applies: Vec<&str> = needs
        .iter()
        .filter(|(_, reason)| reason.is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    text += &format!("  applies to  {}\n", applies.join(", "));
    for (name, reason) in &needs {
        if let Some(reason) = reason {
            text += &format!("  not to      {name}: {reason}\n");
        }
    }
    let faults: Vec<_> = entry
        .implementations()
        .into_iter()
        .filter(|implementation| implementation.breaks == Some(law.id))
        .collect();
    for fault in &faults {
        let precedent = fault.precedent.unwrap_or_default();
        text += &format!("  broken by   {}: {} ({precedent})\n", fault.name, fault.about);
    }
    let first = faults.iter().find(|fault| fault.missing.is_none());
    if let Some(fault) = first.and_then(|fault| fault.name.strip_prefix("fault:")) {
        text += &counterexample(entry, law.id, fault)?;
    }
    console.print(&text)?;
    Ok(Ending::Kept)
}

/// The smallest counterexample that this fault gives.
fn counterexample(entry: &dyn Entry, law: &str, fault: &str) -> Result<String, Trouble> {
    let hunt = Hunt { seed: Seed(0), least: 1, most: MOST_CASES };
    let FaultReport { story: Some(story), tier, case, .. } = entry.hunt(fault, &hunt, None)? else {
        return Ok(format!("\nfault:{fault} does not break it within {MOST_CASES} cases\n"));
    };
    let name = entry.name();
    let start = format!("lawbook check {name} --impl fault:{fault} --law {law}");
    let repeat = match (tier, case) {
        (Some(Tier::Random), Some(case)) => {
            format!("{start} --tier random --seed 0 --cases {}", case + 1)
        }
        _ => format!("{start} --tier small"),
    };
    Ok(format!("\n{story}  repeat: {repeat}\n"))
}
