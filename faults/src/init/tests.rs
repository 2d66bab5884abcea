//! What the understudies and the catalogue promise.

use std::collections::BTreeSet;

use arbitrary::Unstructured;
use lawbook_spec::core::{
    Case, End, Implementation, Judge, LawId, Mechanism, Origin, Subject, draw_case,
};
use lawbook_spec::init::{
    Act, Answer, Call, Driver, Ending, Event, Failure, FailureRule, Held, Init, KnownAnswer,
    ModuleId, ModulePlan, Op, PairPlan, Permanence, Profile, RUSSELL_2003, Script, Setup, State,
};

use super::decisions::{Decisions, Of2003, Plain, Right};
use super::understudy::Understudy;
use super::{driver, implementations, profiles};

const M0: ModuleId = ModuleId(0);

#[test]
fn the_understudies_give_the_known_answers_of_2003() {
    for known in RUSSELL_2003 {
        for implementation in implementations().iter().filter(|found| !found.is_fault()) {
            let trace = (implementation.open)().unwrap().run(&known.case());
            let told = |at: usize| {
                let calls = trace.events.get(at).map_or(&[][..], calls);
                let names = calls.iter().map(|call| KnownAnswer::name(call.half, call.pair));
                names.collect::<Vec<_>>().join(" ")
            };
            let name = implementation.name;
            assert_eq!(told(0), known.load, "{name}, {} fails", known.fails);
            assert_eq!(told(1), known.unload, "{name}, {} fails", known.fails);
        }
    }
}

#[test]
fn the_understudies_make_different_choices() {
    // A positive code, with a reference that the init took.
    let odd = script(vec![Act::Get { module: M0 }], Ending::Returns { code: 1 });
    let case = loaded_and_unloaded(vec![pair(odd, Some(Script::default()))]);
    let load = |subject: &mut dyn Subject<Init>| answer_and_state(subject, &case, 0);
    let failed = Answer::Failed { failure: Failure::Code { code: 1 }, exits: Vec::new() };
    assert_eq!(load(&mut driver::<Right>()), (Answer::Loaded {}, State::Live));
    assert_eq!(load(&mut driver::<Of2003>()), (failed, State::Going));

    // An exit that no init asks for, and an init that has none.
    let no_exit = loaded_and_unloaded(vec![pair(Script::default(), None)]);
    let balanced = loaded_and_unloaded(vec![
        pair(Script::default(), None),
        PairPlan { init: None, ..pair(Script::default(), Some(Script::default())) },
    ]);
    let states = |subject: &mut dyn Subject<Init>| {
        [&no_exit, &balanced].map(|case| answer_and_state(subject, case, 1).1)
    };
    assert_eq!(states(&mut driver::<Right>()), [State::Live, State::Live]);
    assert_eq!(states(&mut driver::<Of2003>()), [State::Live, State::Unloaded]);
    assert_eq!(states(&mut driver::<Plain>()), [State::Unloaded, State::Unloaded]);
}

#[test]
fn a_loader_that_enters_itself_without_end_ends_in_a_mishap() {
    let again = script(vec![Act::Unload { module: M0 }, Act::Load { module: M0 }], Ending::OK);
    let case = loaded_and_unloaded(vec![pair(again, Some(Script::default()))]);
    assert_eq!(driver::<Right>().run(&case).end, End::Whole);
    let found = implementations().into_iter().find(|found| found.name == "live-too-early");
    let trace = (found.unwrap().open)().unwrap().run(&case);
    assert!(matches!(trace.end, End::Mishap(_)), "{trace:?}");
}

#[test]
fn the_understudies_keep_every_law() {
    assert_eq!(laws_broken(&mut driver::<Right>(), 3_000), BTreeSet::new());
    assert_eq!(laws_broken(&mut driver::<Of2003>(), 3_000), BTreeSet::new());
    assert_eq!(laws_broken(&mut driver::<Plain>(), 3_000), BTreeSet::new());
}

#[test]
fn every_mix_of_choices_and_abilities_keeps_every_law() {
    for profile in profiles_of_every_mix() {
        let make = || Understudy::new(Box::new(Choosing(profile.clone())));
        let broken = laws_broken(&mut Driver::new(profile.clone(), make), 1_000);
        assert_eq!(broken, BTreeSet::new(), "{profile:?}");
    }
}

#[test]
fn every_name_is_in_kebab_case_and_used_once() {
    let mut names = BTreeSet::new();
    for implementation in implementations() {
        let name = implementation.name;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(allowed), "{name}");
        assert!(names.insert(name), "{name} is used twice");
    }
}

#[test]
fn every_law_is_expected_to_be_broken_by_a_fault() {
    let expected: BTreeSet<_> = implementations().iter().filter_map(expected_break).collect();
    let laws = Init::laws().iter().filter(|law| !law.is_reach());
    let ids: BTreeSet<_> = laws.map(|law| law.id).collect();
    assert_eq!(expected, ids);
}

#[test]
fn every_fault_breaks_the_law_that_it_names() {
    for implementation in implementations() {
        let Some(law) = expected_break(&implementation) else {
            continue;
        };
        let mut subject = (implementation.open)().unwrap();
        let judge = Judge::new(subject.profile());
        let mut drawn = (0..8_000).map(|index| drawn_case(index, judge.profile()));
        let killed = drawn.any(|case| {
            let trace = subject.run(&case);
            let broken = judge.judge(&case, &trace).broken;
            broken.is_some_and(|(_, breaks)| breaks.iter().any(|found| found.law == law))
        });
        assert!(killed, "{} never breaks {law}", implementation.name);
    }
}

fn expected_break(implementation: &Implementation<Init>) -> Option<LawId> {
    match implementation.origin {
        Origin::Fault { breaks, .. } => Some(breaks),
        _ => None,
    }
}

/// The understudy with a profile of its own.
struct Choosing(Profile);

impl Decisions for Choosing {
    fn profile(&self) -> Profile {
        self.0.clone()
    }
}

/// All choices with all abilities, and the usual choices without each of the abilities.
fn profiles_of_every_mix() -> Vec<Profile> {
    let mut mixes = Vec::new();
    for permanence in [Permanence::Pair, Permanence::Balance, Permanence::Never] {
        for failure in [FailureRule::Negative, FailureRule::Nonzero] {
            for held in [Held::Unwind, Held::Stuck] {
                mixes.push(Profile { permanence, failure, held, ..profiles::understudy() });
            }
        }
    }
    let without = |lose: fn(&mut Profile)| {
        let mut profile = profiles::understudy();
        lose(&mut profile);
        profile
    };
    mixes.extend([
        without(|able| (able.built_in, able.boot_log) = (false, false)),
        without(|able| able.boot_log = false),
        without(|able| able.references = false),
        without(|able| able.reentrant = false),
        without(|able| able.exit_errors = false),
        without(|able| able.panics = false),
        without(|able| able.blacklist = false),
        without(|able| able.parameters = false),
        without(|able| able.legacy = false),
        without(|able| able.nulls = false),
        without(|able| able.entries = false),
    ]);
    mixes
}

/// The laws broken first, over so many drawn cases.
fn laws_broken(subject: &mut dyn Subject<Init>, cases: u64) -> BTreeSet<LawId> {
    let judge = Judge::new(subject.profile());
    (0..cases)
        .flat_map(|index| {
            let case = drawn_case(index, judge.profile());
            let trace = subject.run(&case);
            let (_, breaks) = judge.judge(&case, &trace).broken.unwrap_or_default();
            breaks.into_iter().map(|found| found.law)
        })
        .collect()
}

fn drawn_case(index: u64, profile: &Profile) -> Case<Init> {
    let bytes = noise(index, Init::DRAW_BYTES);
    draw_case(&mut Unstructured::new(&bytes), profile).unwrap()
}

fn script(acts: Vec<Act>, end: Ending) -> Script {
    Script { acts, end }
}

fn pair(init: Script, exit: Option<Script>) -> PairPlan {
    PairPlan { init: Some(init), exit, ..PairPlan::default() }
}

fn loaded_and_unloaded(pairs: Vec<PairPlan>) -> Case<Init> {
    let module = ModulePlan { pairs, ..ModulePlan::default() };
    let ops = vec![Op::Load { module: M0 }, Op::Unload { module: M0 }];
    Case { setup: Setup { modules: vec![module], twin: None }, ops }
}

/// What an op of a case is answered, and where the module stands after it.
fn answer_and_state(
    subject: &mut dyn Subject<Init>,
    case: &Case<Init>,
    at: usize,
) -> (Answer, State) {
    match &subject.run(case).events[at] {
        Event::Done { answer, left, .. } => (answer.clone(), left[0].state),
        Event::Skipped {} => panic!("op {at} is skipped"),
    }
}

fn calls(event: &Event) -> &[Call] {
    match event {
        Event::Done { calls, .. } => calls,
        Event::Skipped {} => &[],
    }
}

/// Bytes that look random and are the same for the same seed (SplitMix64).
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
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
