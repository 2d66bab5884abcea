//! One fault of the catalogue, and how fast the laws find it.
//!
//! It does not cover the matrix of all faults: that is the command's.

use lawbook_spec::core::{Implementation, Judge, Mechanism, Origin, Subject};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Trouble, impl_name};
use crate::campaign::{self, Tally};
use crate::plan::{Budget, Seed, Tier};
use crate::record::{Record, raw};
use crate::report;

/// How long a fault is looked for.
pub(crate) struct Hunt {
    /// What its cases are drawn from.
    pub(crate) seed: Seed,
    /// It is run on so many random cases at least, to see what else it breaks.
    pub(crate) least: u64,
    /// And, when the law that it is expected to break is not broken then, on the small tier and on
    /// so many random cases at most.
    pub(crate) most: u64,
}

/// What the laws made of one fault.
#[derive(Serialize)]
pub(crate) struct FaultReport {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) precedent: &'static str,
    /// The law that it is expected to break.
    pub(crate) breaks: &'static str,
    /// How many cases it took to break that law; absent when it was not broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) found_after: Option<u64>,
    /// The tier of the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tier: Option<Tier>,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) case: Option<u64>,
    /// The ops of that case made small.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ops: Option<usize>,
    /// How many cases were run.
    pub(crate) cases: u64,
    /// Every law that it broke in them.
    pub(crate) broken: Vec<&'static str>,
    /// The case made small, as a file that `lawbook replay` takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) counterexample: Option<Box<RawValue>>,
    /// Its story.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) story: Option<String>,
}

pub(super) fn hunt<M: Mechanism>(
    fault: &Implementation<M>,
    subject: &mut dyn Subject<M>,
    hunt: &Hunt,
) -> Result<FaultReport, Trouble> {
    let name = impl_name(fault);
    let Origin::Fault { breaks, precedent } = fault.origin else {
        return Err(Trouble::Wrong(format!("expected a fault, found {name}")));
    };
    let judge = Judge::new(subject.profile());
    let lengths = (hunt.least, hunt.most);
    let mut tally = campaign::hunt(subject, &judge, breaks, hunt.seed, lengths);
    let mut report = FaultReport {
        name: fault.name,
        about: fault.about,
        precedent,
        breaks: breaks.0,
        found_after: None,
        tier: None,
        case: None,
        ops: None,
        cases: tally.cases,
        broken: broken(&tally),
        counterexample: None,
        story: None,
    };
    let at = M::laws().iter().position(|law| law.id == breaks);
    let Some((at, found)) = at.and_then(|at| Some((at, tally.breaks[at].take()?))) else {
        return Ok(report);
    };
    report.found_after = Some(found.cases);
    report.tier = Some(found.number.tier);
    report.case = Some(found.number.index);
    let small = campaign::shrink(subject, &judge, breaks, found, Budget::default());
    report.ops = Some(small.case.ops.len());
    report.story = Some(report::story(&M::laws()[at], &small));
    report.counterexample = Some(raw(&Record::<M> {
        law: Some(breaks.0.to_owned()),
        implementation: Some(name),
        why: Some(small.why),
        profile: Some(judge.profile().clone()),
        ..Record::of(small.case, Some(small.trace))
    }));
    Ok(report)
}

fn broken<M: Mechanism>(tally: &Tally<M>) -> Vec<&'static str> {
    let laws = M::laws().iter().zip(&tally.breaks);
    laws.filter_map(|(law, found)| found.as_ref().map(|_| law.id.0)).collect()
}
