//! What the catalogue of every mechanism is held to, in tests: each mechanism calls these with its
//! own list.
//!
//! It does not cover how soon a fault is found: the kill matrix counts that.

use std::collections::BTreeSet;

use arbitrary::Unstructured;
use lawbook_spec::core::{
    Case, Check, Implementation, Judge, Judgement, Law, LawId, Mechanism, Origin, Subject,
    draw_case,
};

/// Every name is in kebab-case and used once.
pub(crate) fn names_are_in_kebab_case_and_used_once<M: Mechanism>(all: &[Implementation<M>]) {
    let mut names = BTreeSet::new();
    for implementation in all {
        let name = implementation.name;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(allowed), "{name}");
        assert!(names.insert(name), "{name} is used twice");
    }
}

/// Every law is named by a fault, and every fault names a law.
pub(crate) fn every_law_is_expected_to_be_broken<M: Mechanism>(all: &[Implementation<M>]) {
    let expected: BTreeSet<_> = all.iter().filter_map(expected_break).collect();
    let laws = M::laws().iter().filter(|law| !law.is_reach());
    let ids: BTreeSet<_> = laws.map(|law| law.id).collect();
    assert_eq!(expected, ids);
}

/// Every fault breaks the law that it names, in the first cases of the small tier or in so many
/// drawn ones.
pub(crate) fn every_fault_breaks_its_law<M: Mechanism>(
    all: &[Implementation<M>],
    small: usize,
    drawn: u64,
) {
    for implementation in all {
        let Some(law) = expected_break(implementation) else {
            continue;
        };
        let mut subject = (implementation.open)().unwrap();
        let judge = Judge::<M>::new(subject.profile());
        let small = M::small(judge.profile()).take(small);
        let drawn = (0..drawn).map(|index| drawn_case(index, judge.profile()));
        let killed = small.chain(drawn).any(|case| {
            let trace = subject.run(&case);
            let broken = judge.judge(&case, &trace).broken;
            broken.is_some_and(|(_, breaks)| breaks.iter().any(|found| found.law == law))
        });
        assert!(killed, "{} never breaks {law}", implementation.name);
    }
}

/// Every law is silent about the kinds of op that it leaves out, so that nothing is lost where the
/// judge does not ask it.
pub(crate) fn every_law_is_silent_about_other_kinds<M: Mechanism>(
    all: &[Implementation<M>],
    drawn: u64,
) {
    for implementation in all {
        let mut subject = (implementation.open)().unwrap();
        let judge = Judge::<M>::new(subject.profile());
        for case in (0..drawn).map(|index| drawn_case(index, judge.profile())) {
            let trace = subject.run(&case);
            let broken = judge.judge(&case, &trace).broken;
            let last = broken.map_or(case.ops.len(), |(at, _)| at);
            let mut model = M::model(judge.profile(), &case.setup);
            for (op, event) in case.ops.iter().zip(&trace.events).take(last + 1) {
                if M::answers(&model, op, event).is_err() {
                    break;
                }
                for law in M::laws() {
                    assert!(is_silent_about_others(law, &model, op, event), "{}: {op:?}", law.id);
                }
                M::record(&mut model, op, event);
            }
        }
    }
}

fn is_silent_about_others<M: Mechanism>(
    law: &Law<M>,
    model: &M::Model,
    op: &M::Op,
    event: &M::Event,
) -> bool {
    let is_other = |kinds: &[M::Kind]| !kinds.contains(&M::kind(op));
    match law.check {
        Check::StepOf(kinds, check) if is_other(kinds) => {
            check(model, op, event) == Judgement::Silent
        }
        Check::ReachOf(kinds, met) if is_other(kinds) => !met(model, op, event),
        _ => true,
    }
}

fn expected_break<M: Mechanism>(implementation: &Implementation<M>) -> Option<LawId> {
    match implementation.origin {
        Origin::Fault { breaks, .. } => Some(breaks),
        _ => None,
    }
}

/// The laws broken first, over so many drawn cases.
pub(crate) fn laws_broken<M: Mechanism>(
    subject: &mut dyn Subject<M>,
    cases: u64,
) -> BTreeSet<LawId> {
    let judge = Judge::<M>::new(subject.profile());
    (0..cases)
        .flat_map(|index| {
            let case = drawn_case(index, judge.profile());
            let trace = subject.run(&case);
            let (_, breaks) = judge.judge(&case, &trace).broken.unwrap_or_default();
            breaks.into_iter().map(|found| found.law)
        })
        .collect()
}

fn drawn_case<M: Mechanism>(index: u64, profile: &M::Profile) -> Case<M> {
    let bytes = noise(index, M::DRAW_BYTES);
    draw_case(&mut Unstructured::new(&bytes), profile).unwrap()
}

/// Bytes that look random and are the same for the same seed (SplitMix64).
pub(crate) fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    });
    words.flat_map(u64::to_le_bytes).take(bytes).collect()
}
