//! What a Rust user calls from `cargo test` and from fuzz targets.
//!
//! It does not cover implementations in other languages or processes.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use arbitrary::Unstructured;
use lawbook_spec::core::{Case, Judge, Level, Mechanism, Subject, draw_case};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::campaign;
use crate::plan::Plan;
use crate::quiet;
use crate::report::{self, LawReport, ReachReport, Report, Verdict};
use crate::story::Story;

/// Judges what `open` gives and yields one named test per law: the whole `main` of a test file with
/// `harness = false`.
///
/// A law that is broken or that nothing exercised fails; one that does not apply is ignored, with
/// the reason; a SHOULD that is broken is ignored, with what is wrong.
/// The campaign runs once, when the first test needs it.
pub fn laws_as_tests<M: Mechanism, S: Subject<M> + 'static>(
    open: impl Fn() -> S + Send + Sync + 'static,
) -> ExitCode {
    laws_as_tests_with(Plan::default(), open)
}

/// As [`laws_as_tests`], by a plan: more cases, another seed, breaks that are expected.
///
/// # Panics
///
/// When the plan names a law that the mechanism does not have.
pub fn laws_as_tests_with<M: Mechanism, S: Subject<M> + 'static>(
    plan: Plan,
    open: impl Fn() -> S + Send + Sync + 'static,
) -> ExitCode {
    expect_known_laws::<M>(&plan);
    let arguments = Arguments::from_args();
    let plan = Arc::new(plan);
    let open = Arc::new(open);
    let campaign = Arc::new(OnceLock::new());
    let trials = M::laws()
        .iter()
        .enumerate()
        .map(|(index, law)| {
            let (plan, open) = (Arc::clone(&plan), Arc::clone(&open));
            let campaign = Arc::clone(&campaign);
            Trial::ignorable_test(format!("{} {}", law.id, law.says), move || {
                let report = campaign.get_or_init(|| check(&*open, &plan));
                outcome(report, M::laws()[index].id.0, &plan)
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Judges what `open` gives, each thread with one of its own, over the cases of the plan.
///
/// # Panics
///
/// When the plan names a law that the mechanism does not have.
pub fn check<M: Mechanism, S: Subject<M> + 'static>(
    open: impl Fn() -> S + Sync,
    plan: &Plan,
) -> Report {
    expect_known_laws::<M>(plan);
    let boxed = || Ok(Box::new(open()) as Box<dyn Subject<M>>);
    let findings =
        campaign::run(&boxed, plan, &()).expect("a subject that is given is not missing");
    report::report(("subject", ""), plan, findings, &mut open())
}

/// Draws one case from a fuzzer's bytes, runs it and judges it.
///
/// # Errors
///
/// The story of a break of a MUST.
pub fn judge_bytes<M: Mechanism>(
    subject: &mut (impl Subject<M> + ?Sized),
    bytes: &[u8],
) -> Result<(), String> {
    // Bytes that do not suffice for a setup are no case.
    let Ok(case) = draw_case(&mut Unstructured::new(bytes), &subject.profile()) else {
        return Ok(());
    };
    judge_case(subject, &case)
}

/// Runs one case and judges it.
///
/// # Errors
///
/// The story of a break of a MUST.
pub fn judge_case<M: Mechanism>(
    subject: &mut (impl Subject<M> + ?Sized),
    case: &Case<M>,
) -> Result<(), String> {
    let judge = Judge::new(subject.profile());
    let trace = quiet::run(subject, case);
    let Some((at, mut broken)) = judge.judge(case, &trace).broken else {
        return Ok(());
    };
    broken.retain(|broken| {
        let law = M::laws().iter().find(|law| law.id == broken.law);
        law.is_some_and(|law| law.level == Level::Must)
    });
    if broken.is_empty() {
        return Ok(());
    }
    let story = Story { case, trace: &trace, broken: Some((at, &broken)) };
    Err(story.tell())
}

/// What the test of one law, or of one situation, comes to.
fn outcome(report: &Report, id: &str, plan: &Plan) -> Result<Completion, Failed> {
    if let Some(law) = report.laws.iter().find(|law| law.id == id) {
        if law.id == report.laws[0].id && report.unsupported * 10 > report.cases {
            let (count, cases) = (report.unsupported, report.cases);
            return Err(format!("{count} of {cases} cases are unsupported").into());
        }
        return law_outcome(law, plan);
    }
    if let Some(reach) = report.reached.iter().find(|reach| reach.id == id) {
        return reach_outcome(reach);
    }
    Ok(Completion::ignored_with("the plan leaves it out"))
}

fn law_outcome(law: &LawReport, plan: &Plan) -> Result<Completion, Failed> {
    let story = law.story.as_deref().unwrap_or_default();
    let reason = law.reason.as_deref().unwrap_or_default();
    if law.stale {
        return Err("it is exempt, and its break did not come: leave the exemption out".into());
    }
    match law.verdict {
        Verdict::Holds => Ok(Completion::Completed),
        Verdict::Broken => Err(story.into()),
        Verdict::Weak if plan.strict => Err(story.into()),
        Verdict::Weak => Ok(Completion::ignored_with("a SHOULD that is broken")),
        Verdict::NotExercised => Err("not exercised: no case was evidence".into()),
        Verdict::NotApplicable => Ok(Completion::ignored_with(reason)),
        Verdict::Exempt => Ok(Completion::ignored_with(format_args!("exempt: {reason}"))),
    }
}

fn reach_outcome(reach: &ReachReport) -> Result<Completion, Failed> {
    match &reach.reason {
        Some(reason) => Ok(Completion::ignored_with(reason)),
        None if reach.is_missed() => Err("no case reached it".into()),
        None => Ok(Completion::Completed),
    }
}

fn expect_known_laws<M: Mechanism>(plan: &Plan) {
    for id in plan.exempt.keys().chain(&plan.laws) {
        assert!(
            M::laws().iter().any(|law| law.id.0.eq_ignore_ascii_case(id)),
            "{} has no law {id}",
            M::NAME
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(verdict: Verdict) -> LawReport {
        LawReport {
            id: "TOY-01",
            level: "must",
            verdict,
            evidence: Some(1),
            reason: Some("the reason".into()),
            tier: None,
            case: None,
            counterexample: None,
            stale: false,
            says: "",
            broken_after: None,
            story: Some("the story".into()),
        }
    }

    fn told(law: &LawReport, plan: &Plan) -> String {
        match law_outcome(law, plan) {
            Ok(Completion::Completed) => "ok".into(),
            Ok(Completion::Ignored { reason }) => {
                format!("ignored: {}", reason.unwrap_or_default())
            }
            Err(failed) => format!("failed: {}", failed.message().unwrap_or_default()),
        }
    }

    #[test]
    fn the_test_of_a_law_tells_its_verdict() {
        let plan = Plan::default();
        let told = |verdict| told(&row(verdict), &plan);
        assert_eq!(told(Verdict::Holds), "ok");
        assert_eq!(told(Verdict::Broken), "failed: the story");
        assert_eq!(told(Verdict::Weak), "ignored: a SHOULD that is broken");
        assert_eq!(told(Verdict::NotExercised), "failed: not exercised: no case was evidence");
        assert_eq!(told(Verdict::NotApplicable), "ignored: the reason");
        assert_eq!(told(Verdict::Exempt), "ignored: exempt: the reason");
    }

    #[test]
    fn a_strict_plan_and_a_stale_exemption_fail_their_tests() {
        let strict = Plan { strict: true, ..Plan::default() };
        assert_eq!(told(&row(Verdict::Weak), &strict), "failed: the story");
        let stale = LawReport { stale: true, ..row(Verdict::Holds) };
        assert!(told(&stale, &Plan::default()).starts_with("failed: it is exempt"));
    }
}
