//! Campaigns, as Rust users run them.

use std::collections::BTreeMap;
use std::num::NonZero;

use lawbook::spec::core::{Case, Subject, Trace};
use lawbook::{Length, Plan, Report, Shard, Status, Tier, Verdict, check, judge_bytes, judge_case};

use crate::toy::{Counter, Op, Profile, Setup, Toy, Way};

fn judge(way: Way, plan: &Plan) -> Report {
    check::<Toy, _>(move || Counter(way), plan)
}

fn verdict(report: &Report, id: &str) -> Verdict {
    let law = report.laws.iter().find(|law| law.id == id);
    law.expect("the law is reported").verdict
}

fn jobs(jobs: usize) -> Plan {
    Plan { jobs: NonZero::new(jobs).expect("a campaign has a thread"), ..Plan::default() }
}

fn exempting(id: &str) -> Plan {
    Plan { exempt: BTreeMap::from([(id.to_owned(), "it is a test".to_owned())]), ..Plan::default() }
}

#[test]
fn a_correct_counter_keeps_every_law() {
    let report = judge(Way::Right, &Plan::default());
    assert_eq!(report.status, Status::Holds, "{report}");
    assert!(report.laws.iter().all(|law| law.evidence > Some(0)));
    assert!(report.reached.iter().all(|reach| reach.count > 0));
    assert_eq!(report.cases, 21 + 500);
}

#[test]
fn a_break_is_shrunk_to_its_smallest_case_and_told() {
    let report = judge(Way::HidesNine, &Plan::default());
    assert_eq!(report.status, Status::Broken);
    let law = report.laws.iter().find(|law| law.id == "TOY-01").unwrap();
    assert_eq!((law.tier, law.case), (Some(Tier::Small), Some(9)));
    assert_eq!(
        law.story.as_deref().unwrap(),
        "TOY-01 is broken: The value is the sum of what was added. (ours: a toy)\n  \
         setup  at most 10\n  \
         0  add 9  → ok\n  \
         1  get    → 0    ← the sum is 9\n"
    );
}

#[test]
fn a_panic_breaks_law_00_at_its_op() {
    let report = judge(Way::PanicsAtThree, &Plan::default());
    assert_eq!(verdict(&report, "TOY-00"), Verdict::Broken);
    let story = report.laws[0].story.as_deref().unwrap();
    assert!(story.contains("1  get    → no answer    ← panicked: three is too much"), "{story}");
}

#[test]
fn the_number_of_jobs_changes_nothing_but_the_time() {
    let json = |count| {
        let mut report = judge(Way::HidesNine, &jobs(count));
        report.seconds = 0.0;
        serde_json::to_string(&report).unwrap()
    };
    assert_eq!(json(1), json(2));
    assert_eq!(json(1), json(7));
}

#[test]
fn the_shards_together_are_the_whole() {
    let counts = |shard| {
        let plan = Plan { shard, ..Plan::default() };
        let report = judge(Way::Right, &plan);
        let mut counts = vec![report.cases];
        counts.extend(report.laws.iter().map(|law| law.evidence.unwrap()));
        counts.extend(report.reached.iter().map(|reach| reach.count));
        counts.extend(report.kinds.iter().flat_map(|kind| [kind.ops, kind.refused]));
        counts
    };
    let mut sum = vec![0; counts(Shard::WHOLE).len()];
    for k in 1..=3 {
        for (sum, more) in sum.iter_mut().zip(counts(Shard::new(k, 3).unwrap())) {
            *sum += more;
        }
    }
    assert_eq!(sum, counts(Shard::WHOLE));
}

#[test]
fn one_of_every_few_cases_is_a_whole_campaign() {
    let every = NonZero::new(7);
    let report = judge(Way::Right, &Plan { every, ..Plan::default() });
    assert_eq!((report.every, report.cases), (every, 21 / 7 + 500_u64.div_ceil(7)));
    assert_eq!(report.status, Status::Holds, "{report}");
    let none = Plan { every, tier: Tier::Random, length: Length::Cases(1), ..Plan::default() };
    let few = judge(Way::Right, &none);
    assert_eq!((few.cases, few.status), (1, Status::NotExercised), "{few}");
    let parts = (1..=3).map(|k| {
        let shard = Shard::new(k, 3).unwrap();
        judge(Way::Right, &Plan { every, shard, ..Plan::default() }).cases
    });
    assert_eq!(parts.sum::<u64>(), report.cases);
}

#[test]
fn a_shard_does_not_decide_what_needs_the_whole() {
    let plan = Plan {
        shard: Shard::new(2, 2).unwrap(),
        length: Length::Cases(1),
        tier: Tier::Random,
        ..exempting("TOY-01")
    };
    let report = judge(Way::Right, &plan);
    assert_eq!(report.cases, 0);
    assert_eq!(verdict(&report, "TOY-01"), Verdict::NotExercised);
    assert_eq!(report.status, Status::Holds);
}

/// One case of so many ops.
fn long(ops: u64) -> Plan {
    let length = Length::Cases(1);
    Plan { tier: Tier::Random, length, ops: Some(ops), ..Plan::default() }
}

#[test]
fn a_long_case_has_all_its_ops_and_need_not_meet_every_situation() {
    let report = judge(Way::Right, &Plan { size: Some(199), ..long(3) });
    let ops: u64 = report.kinds.iter().map(|kind| kind.ops).sum();
    assert_eq!((report.cases, ops, report.status), (1, 3, Status::Holds), "{report}");
    assert_eq!(report.reached[0].count, 0, "three additions do not reach 199");
    let report = judge(Way::Right, &long(250_000));
    let ops: u64 = report.kinds.iter().map(|kind| kind.ops).sum();
    assert_eq!(ops, 250_000);
    assert_eq!(report.laws[0].evidence, Some(250_000));
}

#[test]
fn a_break_deep_in_a_long_case_is_drawn_again_and_shrunk() {
    for (way, law, story) in [
        (Way::HidesNine, "TOY-01", "  → ok\n  1  get    → 0    ← the sum is 9\n"),
        (Way::PanicsAtThree, "TOY-00", "1  get    → no answer    ← panicked: three is too much"),
    ] {
        let report = judge(way, &Plan { size: Some(20), ..long(20_000) });
        let broken = report.laws.iter().find(|broken| broken.id == law).unwrap();
        assert_eq!((broken.verdict, report.status), (Verdict::Broken, Status::Broken));
        assert!(broken.story.as_deref().unwrap().contains(story), "{:?}", broken.story);
    }
}

#[test]
fn a_long_case_that_is_kept_is_judged_like_one_that_is_not() {
    // The wrapper has no stream of its own: it keeps the case until its end.
    struct Keeps(Counter);
    impl Subject<Toy> for Keeps {
        fn profile(&self) -> Profile {
            self.0.profile()
        }

        fn run(&mut self, case: &Case<Toy>) -> Trace<Toy> {
            self.0.run(case)
        }
    }
    for way in [Way::Right, Way::HidesNine, Way::PanicsAtThree] {
        let plan = Plan { size: Some(20), ..long(5_000) };
        let kept = check::<Toy, _>(move || Keeps(Counter(way)), &plan);
        let told = judge(way, &plan);
        let evidence = |report: &Report| -> Vec<_> {
            report.laws.iter().map(|law| (law.evidence, law.story.clone())).collect()
        };
        assert_eq!(evidence(&kept), evidence(&told), "{way:?}");
    }
}

#[test]
fn a_size_that_is_asked_for_is_that_of_every_random_world() {
    let report = judge(Way::HidesNine, &Plan { tier: Tier::Random, size: Some(77), ..long(100) });
    let story = report.laws.iter().find_map(|law| law.story.as_deref()).unwrap();
    assert!(story.contains("setup  at most 77\n"), "{story}");
}

#[test]
fn a_law_without_evidence_fails_the_campaign() {
    let plan = Plan { tier: Tier::Small, ..Plan::default() };
    let report = judge(Way::Right, &plan);
    assert_eq!(verdict(&report, "TOY-03"), Verdict::NotExercised);
    assert_eq!(report.status, Status::NotExercised);
}

#[test]
fn a_situation_that_was_not_met_fails_the_campaign() {
    let plan =
        Plan { tier: Tier::Small, laws: vec!["TOY-01".into(), "toy-r1".into()], ..Plan::default() };
    let report = judge(Way::Right, &plan);
    assert_eq!(report.reached.len(), 1);
    assert_eq!(report.reached[0].count, 1);
    assert_eq!(report.status, Status::Holds);
    let plan = Plan { laws: vec!["TOY-R2".into()], ..plan };
    assert_eq!(judge(Way::Right, &plan).status, Status::NotExercised);
}

#[test]
fn what_does_not_apply_says_why_and_never_passes() {
    let report = judge(Way::NoResets, &Plan::default());
    let law = report.laws.iter().find(|law| law.id == "TOY-03").unwrap();
    assert_eq!(law.verdict, Verdict::NotApplicable);
    assert_eq!(law.reason.as_deref(), Some("it can't be reset"));
    assert_eq!(law.evidence, None);
    assert_eq!(report.reached[1].reason.as_deref(), Some("it can't be reset"));
    assert_eq!(report.status, Status::Holds, "{report}");
}

#[test]
fn a_broken_should_fails_only_a_strict_campaign() {
    let strict = Plan { strict: true, ..Plan::default() };
    let report = judge(Way::AddsNothing, &Plan::default());
    assert_eq!(verdict(&report, "TOY-04"), Verdict::Weak);
    assert_eq!(report.status, Status::Holds);
    assert_eq!(judge(Way::AddsNothing, &strict).status, Status::Broken);
}

#[test]
fn an_exempt_break_is_no_failure_and_the_other_laws_still_need_evidence() {
    let report = judge(Way::HidesNine, &exempting("TOY-01"));
    assert_eq!(verdict(&report, "TOY-01"), Verdict::Exempt);
    assert_eq!(verdict(&report, "TOY-03"), Verdict::Holds);
    assert_eq!(report.status, Status::Holds, "{report}");
}

#[test]
fn a_law_that_breaks_keep_from_any_evidence_needs_an_exemption_of_its_own() {
    let mut plan = exempting("TOY-00");
    let report = judge(Way::PanicsAtGet, &plan);
    assert_eq!(verdict(&report, "TOY-01"), Verdict::NotExercised);
    assert_eq!(report.status, Status::NotExercised, "{report}");
    plan.exempt.insert("TOY-01".into(), "no get is answered".into());
    let report = judge(Way::PanicsAtGet, &plan);
    assert_eq!(verdict(&report, "TOY-01"), Verdict::Exempt);
    assert_eq!(report.status, Status::Holds, "{report}");
}

#[test]
fn an_exemption_without_a_break_is_stale() {
    assert_eq!(judge(Way::Right, &exempting("TOY-01")).status, Status::Stale);
    assert_eq!(judge(Way::NoResets, &exempting("TOY-03")).status, Status::Stale);
}

#[test]
fn too_many_unsupported_cases_fail_the_campaign() {
    let report = judge(Way::HalfUnsupported, &Plan::default());
    assert!(report.unsupported > 100);
    assert_eq!(report.status, Status::Unsupported);
}

#[test]
fn a_campaign_by_time_judges_the_first_cases_and_says_how_many() {
    let plan = Plan {
        length: Length::Time(std::time::Duration::from_millis(50)),
        tier: Tier::Random,
        ..jobs(2)
    };
    let report = judge(Way::Right, &plan);
    assert!(report.cases > 0);
    assert_eq!(report.random_cases, report.cases);
    let again = Plan { length: Length::Cases(report.cases), ..plan };
    let again = judge(Way::Right, &again);
    let evidence = |report: &Report| report.laws.iter().map(|law| law.evidence).collect::<Vec<_>>();
    assert_eq!(evidence(&report), evidence(&again));
}

#[test]
#[should_panic(expected = "toy has no law TOY-99")]
fn a_plan_that_names_an_unknown_law_panics() {
    judge(Way::Right, &exempting("TOY-99"));
}

#[test]
fn a_fuzzers_bytes_are_judged_like_any_case() {
    // Four ops at most, no swarm, a limit of 40; then a byte for the kind of each op.
    let bytes = [0, 255, 0, 39, 0, 9, 200];
    assert_eq!(judge_bytes(&mut Counter(Way::Right), &bytes), Ok(()));
    assert_eq!(judge_bytes(&mut Counter(Way::HidesNine), &[]), Ok(()));
    let story = judge_bytes(&mut Counter(Way::HidesNine), &bytes).unwrap_err();
    assert_eq!(
        story,
        "TOY-01 is broken: The value is the sum of what was added. (ours: a toy)\n  \
         setup  at most 40\n  \
         0  add 9  → ok\n  \
         1  get    → 0    ← the sum is 9\n"
    );
}

#[test]
fn a_broken_should_is_no_finding_of_a_fuzzer() {
    let case = Case { setup: Setup { most: 1 }, ops: vec![Op::Add { n: 0 }] };
    assert_eq!(judge_case(&mut Counter(Way::AddsNothing), &case), Ok(()));
}
