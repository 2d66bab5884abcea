//! What the understudies and the catalogue promise.

use std::collections::BTreeSet;

use lawbook_spec::core::{Case, End, Subject};
use lawbook_spec::init::{
    Act, Answer, Call, Driver, Ending, Event, Failure, FailureRule, Held, Init, KnownAnswer,
    ModuleId, ModulePlan, Op, PairPlan, Permanence, Profile, RUSSELL_2003, Script, Setup, State,
};

use super::decisions::{Decisions, Of2003, Plain, Right};
use super::understudy::Understudy;
use super::{driver, implementations, profiles};
use crate::checks::{self, laws_broken};

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
    checks::names_are_in_kebab_case_and_used_once(&implementations());
}

#[test]
fn every_law_is_expected_to_be_broken_by_a_fault() {
    checks::every_law_is_expected_to_be_broken(&implementations());
}

#[test]
fn every_fault_breaks_the_law_that_it_names() {
    checks::every_fault_breaks_its_law(&implementations(), 0, 8_000);
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
