//! Reports as JUnit XML: a suite per implementation, a test case per law.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::terminal::with_repeat;
use super::{LawReport, ReachReport, Report, Verdict};
use crate::cli::Repeats;

/// The XML of these reports.
pub(crate) fn render(reports: &[(Report, Repeats)], strict: bool) -> String {
    let mut suites = Suites::new("lawbook");
    for (report, repeats) in reports {
        let name = format!("{} {}", report.mechanism, report.implementation.name);
        let mut suite = TestSuite::new(&name);
        suite.set_time(Duration::from_secs_f64(report.seconds));
        for law in &report.laws {
            let status = law_status(law, repeats, strict);
            suite.add_test_case(case(&name, law.id, law.says, status));
        }
        for reach in &report.reached {
            suite.add_test_case(case(&name, reach.id, reach.says, reach_status(reach)));
        }
        suites.add_test_suite(suite);
    }
    suites.to_string().expect("a string takes every line, and the text is XML's")
}

fn case(suite: &str, id: &str, says: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(format!("{id} {says}"), status);
    case.set_classname(suite);
    case
}

fn law_status(law: &LawReport, repeats: &Repeats, strict: bool) -> TestCaseStatus {
    let reason = law.reason.as_deref().unwrap_or_default();
    if law.stale {
        return failure("the exemption is stale: the break did not come", None);
    }
    let story = law.story.as_deref().map(|story| with_repeat(story, repeats.law(law.id)));
    match law.verdict {
        Verdict::Holds => TestCaseStatus::success(),
        Verdict::Broken => failure("broken", story),
        Verdict::Weak if strict => failure("weak", story),
        Verdict::Weak => skipped("weak: a SHOULD that is broken"),
        Verdict::NotExercised => failure("not exercised", None),
        Verdict::NotApplicable => skipped(&format!("not applicable: {reason}")),
        Verdict::Exempt => skipped(&format!("exempt: {reason}")),
    }
}

fn reach_status(reach: &ReachReport) -> TestCaseStatus {
    match &reach.reason {
        Some(reason) => skipped(&format!("not applicable: {reason}")),
        None if reach.is_missed() => failure("not reached", None),
        None => TestCaseStatus::success(),
    }
}

fn failure(message: &str, story: Option<String>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message);
    if let Some(story) = story {
        status.set_description(story);
    }
    status
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}
