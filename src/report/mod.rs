//! The result of a campaign: a verdict per law, as plain data without the mechanism's types.
//!
//! [`Report`] is what `--json` writes: its fields are stable, and CI scripts may rely on them.
//! It does not cover how results of several shards are joined.

#[cfg(feature = "command")]
pub(crate) mod junit;
#[cfg(feature = "command")]
pub(crate) mod matrix;
#[cfg(feature = "command")]
pub(crate) mod terminal;

use std::fmt;
use std::num::NonZero;
use std::time::Duration;

use lawbook_spec::core::{Breach, Break, EVERY_CASE, Judge, Law, Level, Mechanism, Subject};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::campaign::{self, Findings, Found};
use crate::plan::{CaseNumber, Plan, Seed, Shard, Tier};
use crate::record::{Record, raw};
use crate::story::Story;
#[cfg(feature = "command")]
use crate::story::heading;

/// The result of a campaign on one implementation.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version of this form.
    pub lawbook: u64,
    /// The version of this program.
    pub version: &'static str,
    /// The version of the laws' meaning.
    pub rules: u64,
    /// The mechanism.
    pub mechanism: &'static str,
    /// What was judged.
    pub implementation: ImplementationReport,
    /// What the random tier was drawn from; of recorded cases it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// About which size the worlds of the random tier have, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// How many ops a random case has, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ops: Option<u64>,
    /// Of how many cases one was judged, where it was not every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<NonZero<u64>>,
    /// Which part of these was judged.
    pub shard: Shard,
    /// Which tiers of cases.
    pub tier: Tier,
    /// How many cases were run.
    pub cases: u64,
    /// How many of them the implementation could not run.
    pub unsupported: u64,
    /// How long it took: the only field that differs from run to run.
    pub seconds: f64,
    /// The laws that were asked for, in the order of their ids.
    pub laws: Vec<LawReport>,
    /// The situations that a campaign must meet.
    pub reached: Vec<ReachReport>,
    /// How often each kind of op was done.
    pub kinds: Vec<KindReport>,
    /// The MUSTs that are broken beside the laws that were asked for; none when all were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_broken: Vec<&'static str>,
    /// What is made of it all.
    pub status: Status,
    /// How many random cases all shards together have, when they come as far as this one.
    #[serde(skip)]
    pub random_cases: u64,
    /// The first case that was not run, and why.
    #[serde(skip)]
    pub unsupported_why: Option<(CaseNumber, String)>,
}

/// What was judged.
#[derive(Debug, Clone, Serialize)]
pub struct ImplementationReport {
    /// As `--impl` has it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it says of itself.
    pub profile: Box<RawValue>,
    /// The command line of an adapter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
}

/// One law.
#[derive(Debug, Clone, Serialize)]
pub struct LawReport {
    /// Its id.
    pub id: &'static str,
    /// `must` or `should`.
    pub level: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// How many events were evidence; absent when the law does not apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<u64>,
    /// Why it does not apply, or why its break is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The tier of the first case that breaks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The first case that breaks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<u64>,
    /// That case made small, as a file that `lawbook replay` takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterexample: Option<Box<RawValue>>,
    /// Whether a break is expected that did not come.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// What it says.
    #[serde(skip)]
    pub says: &'static str,
    /// How long it took to break it.
    #[serde(skip)]
    pub broken_after: Option<Duration>,
    /// The story of its counterexample.
    #[serde(skip)]
    pub story: Option<String>,
}

/// One situation that a campaign must meet.
#[derive(Debug, Clone, Serialize)]
pub struct ReachReport {
    /// Its id.
    pub id: &'static str,
    /// How often it was met.
    pub count: u64,
    /// Why it does not apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it says.
    #[serde(skip)]
    pub says: &'static str,
}

/// One kind of op.
#[derive(Debug, Clone, Serialize)]
pub struct KindReport {
    /// Its name.
    pub name: &'static str,
    /// How many were done.
    pub ops: u64,
    /// How many of them were skipped.
    pub skipped: u64,
    /// How many of them were refused.
    pub refused: u64,
}

/// What is made of a law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There is evidence, and no break.
    Holds,
    /// A MUST that is broken.
    Broken,
    /// A SHOULD that is broken.
    Weak,
    /// It applies, and nothing was evidence.
    NotExercised,
    /// It does not apply to this implementation.
    NotApplicable,
    /// It is broken, as expected.
    Exempt,
}

/// What is made of a campaign; only [`Status::Holds`] is a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every applicable MUST holds and was exercised.
    Holds,
    /// A MUST is broken; under `strict`, or a SHOULD.
    Broken,
    /// A law was not exercised, or a situation not met. Decided on whole campaigns only.
    NotExercised,
    /// A break is expected that did not come. Decided on whole campaigns only.
    Stale,
    /// More than a tenth of the cases could not be run. Decided on whole campaigns only.
    Unsupported,
}

impl Verdict {
    /// As it is written in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Broken => "broken",
            Verdict::Weak => "weak",
            Verdict::NotExercised => "not_exercised",
            Verdict::NotApplicable => "not_applicable",
            Verdict::Exempt => "exempt",
        }
    }
}

impl LawReport {
    /// Whether this law makes a campaign fail, and in which way.
    fn fails(&self, plan: &Plan) -> Option<Status> {
        let whole = plan.is_whole();
        match self.verdict {
            Verdict::Broken => Some(Status::Broken),
            Verdict::Weak if plan.strict => Some(Status::Broken),
            Verdict::NotExercised if whole => Some(Status::NotExercised),
            _ if self.stale && whole => Some(Status::Stale),
            _ => None,
        }
    }
}

impl ReachReport {
    /// Whether the situation applies and was never met.
    pub fn is_missed(&self) -> bool {
        self.count == 0 && self.reason.is_none()
    }
}

#[cfg(feature = "command")]
impl Report {
    /// Ends the story of law 00 with a line.
    pub(crate) fn add_to_story<M: Mechanism>(&mut self, line: &str) {
        let row = self.laws.iter_mut().find(|row| row.id == M::laws()[0].id.0);
        if let Some(story) = row.and_then(|row| row.story.as_mut()) {
            *story += &format!("  {line}\n");
        }
    }

    /// Breaks law 00 by what went wrong outside of any case, unless a case breaks it.
    pub(crate) fn add_mishap<M: Mechanism>(&mut self, plan: &Plan, what: &str) {
        let law = &M::laws()[0];
        match self.laws.iter_mut().find(|row| row.id == law.id.0) {
            Some(row) if matches!(row.verdict, Verdict::Holds | Verdict::NotExercised) => {
                row.verdict = Verdict::Broken;
                row.story = Some(format!("{}\n  after the last case  ← {what}\n", heading(law)));
            }
            None if !self.also_broken.contains(&law.id.0) => self.also_broken.push(law.id.0),
            _ => {}
        }
        self.status = status(self, plan);
    }
}

/// Shrinks what is broken and makes the report.
pub(crate) fn report<M: Mechanism>(
    (name, version): (&str, &str),
    plan: &Plan,
    mut findings: Findings<M>,
    subject: &mut dyn Subject<M>,
) -> Report {
    let laws = law_reports(name, plan, &mut findings, subject);
    let mut report = Report {
        lawbook: crate::FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        rules: crate::RULES,
        mechanism: M::NAME,
        implementation: ImplementationReport {
            name: name.to_owned(),
            version: version.to_owned(),
            profile: raw(findings.judge.profile()),
            adapter: None,
        },
        seed: (plan.tier != Tier::Recorded).then_some(plan.seed),
        size: plan.size,
        ops: plan.ops,
        every: plan.every.filter(|every| *every > EVERY_CASE),
        shard: plan.shard,
        tier: plan.tier,
        cases: findings.tally.cases,
        unsupported: findings.tally.unsupported,
        seconds: (findings.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        laws,
        reached: reach_reports(plan, &findings),
        kinds: kind_reports(&findings),
        also_broken: also_broken(plan, &findings),
        status: Status::Holds,
        random_cases: findings.random_cases,
        unsupported_why: findings.tally.unsupported_why,
    };
    report.status = status(&report, plan);
    report
}

/// The laws that the plan asks for, each with its index.
fn asked_for<M: Mechanism>(plan: &Plan) -> impl Iterator<Item = (usize, &'static Law<M>)> {
    M::laws().iter().enumerate().filter(|(_, law)| {
        let is_law = |id: &String| id.eq_ignore_ascii_case(law.id.0);
        plan.laws.is_empty() || plan.laws.iter().any(is_law)
    })
}

fn law_reports<M: Mechanism>(
    name: &str,
    plan: &Plan,
    findings: &mut Findings<M>,
    subject: &mut dyn Subject<M>,
) -> Vec<LawReport> {
    let Findings { judge, tally, .. } = findings;
    let breaks = tally.breaks.iter().any(Option::is_some);
    let mut rows = Vec::new();
    for (index, law) in asked_for::<M>(plan).filter(|(_, law)| !law.is_reach()) {
        let needs = judge.needs()[index];
        let exemption = plan.exempt.iter().find(|(id, _)| id.eq_ignore_ascii_case(law.id.0));
        // A break ends its case: where breaks are, they may keep a law from any evidence.
        let excused = tally.breaks[index].is_some() || (breaks && tally.evidence[index] == 0);
        let exemption = exemption.map(|(_, why)| Exemption { why, excused });
        let found = tally.breaks[index].take();
        let mut row = law_report(law, needs, exemption, tally.evidence[index], found.as_ref());
        if let (Verdict::Broken | Verdict::Weak, Some(found)) = (row.verdict, found) {
            let small = campaign::shrink(subject, judge, law.id, found, plan.shrink);
            row.story = Some(story(law, &small));
            row.counterexample = Some(counterexample(law, name, judge, small));
        }
        rows.push(row);
    }
    rows
}

/// The MUSTs that are broken though the plan does not ask for them: all laws are guards.
fn also_broken<M: Mechanism>(plan: &Plan, findings: &Findings<M>) -> Vec<&'static str> {
    let asked: Vec<usize> = asked_for::<M>(plan).map(|(index, _)| index).collect();
    let exempt = |law: &Law<M>| plan.exempt.keys().any(|id| id.eq_ignore_ascii_case(law.id.0));
    let others = M::laws().iter().enumerate().filter(|(index, _)| !asked.contains(index));
    others
        .filter(|(index, law)| findings.tally.breaks[*index].is_some() && !exempt(law))
        .filter(|(_, law)| law.level == Level::Must)
        .map(|(_, law)| law.id.0)
        .collect()
}

fn reach_reports<M: Mechanism>(plan: &Plan, findings: &Findings<M>) -> Vec<ReachReport> {
    asked_for::<M>(plan)
        .filter(|(_, law)| law.is_reach())
        .map(|(index, law)| ReachReport {
            id: law.id.0,
            count: findings.tally.evidence[index],
            reason: findings.judge.needs()[index].err().map(str::to_owned),
            says: law.says,
        })
        .collect()
}

fn kind_reports<M: Mechanism>(findings: &Findings<M>) -> Vec<KindReport> {
    let kinds = M::KINDS.iter().zip(&findings.tally.kinds);
    kinds
        .map(|(kind, count)| KindReport {
            name: kind.name,
            ops: count.ops,
            skipped: count.skipped,
            refused: count.refused,
        })
        .collect()
}

fn status(report: &Report, plan: &Plan) -> Status {
    let mut fails: Vec<Status> = report.laws.iter().filter_map(|law| law.fails(plan)).collect();
    if !report.also_broken.is_empty() {
        fails.push(Status::Broken);
    }
    if plan.is_whole() {
        if report.reached.iter().any(ReachReport::is_missed) {
            fails.push(Status::NotExercised);
        }
        if report.unsupported * 10 > report.cases {
            fails.push(Status::Unsupported);
        }
    }
    [Status::Broken, Status::NotExercised, Status::Stale, Status::Unsupported]
        .into_iter()
        .find(|status| fails.contains(status))
        .unwrap_or(Status::Holds)
}

/// Why a law need not hold, and whether it came so.
struct Exemption<'w> {
    why: &'w str,
    excused: bool,
}

/// The row of a law, without its counterexample.
fn law_report<M: Mechanism>(
    law: &Law<M>,
    needs: Result<(), &'static str>,
    exemption: Option<Exemption<'_>>,
    evidence: u64,
    found: Option<&Found<M>>,
) -> LawReport {
    let (verdict, reason) = match (needs, found, &exemption) {
        (Err(reason), ..) => (Verdict::NotApplicable, Some(reason.to_owned())),
        (_, _, Some(exemption)) if exemption.excused => {
            (Verdict::Exempt, Some(exemption.why.to_owned()))
        }
        (_, Some(_), _) if law.level == Level::Should => (Verdict::Weak, None),
        (_, Some(_), _) => (Verdict::Broken, None),
        (_, None, _) if evidence == 0 => (Verdict::NotExercised, None),
        (_, None, _) => (Verdict::Holds, None),
    };
    LawReport {
        id: law.id.0,
        level: level_name(law.level),
        verdict,
        evidence: needs.is_ok().then_some(evidence),
        reason,
        tier: found.map(|found| found.number.tier),
        case: found.map(|found| found.number.index),
        counterexample: None,
        stale: exemption.is_some() && verdict != Verdict::Exempt,
        says: law.says,
        broken_after: found.map(|found| found.after),
        story: None,
    }
}

/// As it is written in JSON.
pub(crate) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Must => "must",
        Level::Should => "should",
    }
}

/// The story of a case that breaks this law.
pub(crate) fn story<M: Mechanism>(law: &Law<M>, found: &Found<M>) -> String {
    let broken = [Break { law: law.id, why: Breach(found.why.clone()) }];
    Story { case: &found.case, trace: &found.trace, broken: Some((found.at, &broken)) }.tell()
}

fn counterexample<M: Mechanism>(
    law: &Law<M>,
    implementation: &str,
    judge: &Judge<M>,
    found: Found<M>,
) -> Box<RawValue> {
    raw(&Record::<M> {
        law: Some(law.id.0.to_owned()),
        implementation: Some(implementation.to_owned()),
        profile: Some(judge.profile().clone()),
        why: Some(found.why),
        ..Record::of(found.case, Some(found.trace))
    })
}

/// What fails, each with its story: what a test prints.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} of {}: {} of {} laws hold, over {} cases",
            self.implementation.name,
            self.mechanism,
            self.laws.iter().filter(|law| law.verdict == Verdict::Holds).count(),
            self.laws.len(),
            self.cases,
        )?;
        for law in &self.laws {
            match (&law.story, law.verdict) {
                (Some(story), _) => f.write_str(story)?,
                (None, Verdict::NotExercised) => {
                    writeln!(f, "{} was not exercised: {}", law.id, law.says)?;
                }
                _ => {}
            }
            if law.stale {
                writeln!(f, "{} is exempt, and its break did not come", law.id)?;
            }
        }
        for reach in self.reached.iter().filter(|reach| reach.is_missed()) {
            writeln!(f, "{} was not reached: {}", reach.id, reach.says)?;
        }
        if let Some((number, why)) = &self.unsupported_why {
            let count = self.unsupported;
            writeln!(f, "{count} cases are unsupported, the first is {number}: {why}")?;
        }
        Ok(())
    }
}
