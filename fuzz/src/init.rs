//! The loader of modules: the reference judged, and the reference held against the understudy.
//!
//! The two are compared without any law, so that a mistake that the laws share with the model is
//! seen too: the same case, drawn within what both do, gets the same events. What the contract
//! leaves open is taken out first: which of several errors a refusal names, where a module stands
//! while a failed load is unwound, and where what is built in stands. Whether a module gives out
//! references while it is Coming is left open too; where the two differ in that, everything after
//! may differ, and is not compared.

use arbitrary::Unstructured;
use lawbook::judge_bytes;
use lawbook::spec::core::{Case, End, Trace, draw_case};
use lawbook::spec::init::{
    Act, Answer, Call, Error, Event, Half, Init, Linkage, ModuleId, Op, Profile, Setup, State,
};

use crate::pair::{Boxed, difference, open};

/// Judges the reference on the case that these bytes stand for.
///
/// # Panics
///
/// With a story, when a law is broken.
pub fn init(bytes: &[u8]) {
    if let Err(story) = judge_bytes::<Init>(&mut reference(), bytes) {
        panic!("{story}");
    }
}

/// Runs the reference and the understudy on the case that these bytes stand for, drawn within what
/// both do.
///
/// # Panics
///
/// With the case and both events, when they differ.
pub fn init_pair(bytes: &[u8]) {
    if let Some(difference) = pair(&mut reference(), &mut understudy(), bytes) {
        panic!("the reference and the understudy differ\n{difference}");
    }
}

/// Where two implementations differ on the case that these bytes stand for.
fn pair(one: &mut Boxed<Init>, other: &mut Boxed<Init>, bytes: &[u8]) -> Option<String> {
    let profile = common(&one.profile(), &other.profile());
    let case = draw_case::<Init>(&mut Unstructured::new(bytes), &profile).ok()?;
    compare(&case, one.run(&case), other.run(&case))
}

fn compare(case: &Case<Init>, mut one: Trace<Init>, mut other: Trace<Init>) -> Option<String> {
    if let Some(at) = parting(case, &one, &other) {
        for trace in [&mut one, &mut other] {
            trace.events.truncate(at);
            trace.end = End::Whole;
        }
    }
    difference(case, &one, &other, |op, event| settled(&case.setup, op, event).0)
}

/// The first event in which the two answer differently to what the contract leaves open, and that
/// what comes later depends on.
fn parting(case: &Case<Init>, one: &Trace<Init>, other: &Trace<Init>) -> Option<usize> {
    let gets = |op, event| settled(&case.setup, op, event).1;
    case.ops.iter().zip(one.events.iter().zip(&other.events)).position(|(op, (one, other))| {
        let (one, other) = (gets(op, one), gets(op, other));
        one.iter().zip(&other).any(|(one, other)| one != other)
    })
}

fn reference() -> Boxed<Init> {
    open(&lawbook_reference::init::implementations(), "reference")
}

fn understudy() -> Boxed<Init> {
    open(&lawbook_faults::init::implementations(), "understudy")
}

/// What both do.
///
/// # Panics
///
/// When they make different choices, so that many cases would differ; or when one tells in every
/// event what the other does not.
fn common(one: &Profile, other: &Profile) -> Profile {
    let choices = |profile: &Profile| {
        let Profile { permanence, failure, held, .. } = *profile;
        (permanence, failure, held, profile.boot_log, profile.references, profile.entries)
    };
    assert_eq!(choices(one), choices(other), "the two make the same choices");
    Profile {
        permanence: one.permanence,
        failure: one.failure,
        held: one.held,
        built_in: one.built_in && other.built_in,
        boot_log: one.boot_log,
        references: one.references,
        reentrant: one.reentrant && other.reentrant,
        exit_errors: one.exit_errors && other.exit_errors,
        panics: one.panics && other.panics,
        blacklist: one.blacklist && other.blacklist,
        parameters: one.parameters && other.parameters,
        legacy: one.legacy && other.legacy,
        nulls: one.nulls && other.nulls,
        entries: one.entries,
    }
}

/// An event without what the contract leaves open, and the answers to gets of modules that are
/// Coming.
fn settled(setup: &Setup, op: &Op, event: &Event) -> (Event, Vec<Answer>) {
    let Event::Done { mut calls, mut answer, mut left } = event.clone() else {
        return (Event::Skipped {}, Vec::new());
    };
    let mut settling = Settling { setup, under_way: Vec::new(), gets: Vec::new() };
    settling.calls(&mut calls, matches!(op, Op::Load { .. }));
    forget_error(&mut answer);
    for (plan, left) in setup.modules.iter().zip(&mut left) {
        if plan.linkage == Linkage::BuiltIn {
            left.state = State::Unloaded;
        }
    }
    (Event::Done { calls, answer, left }, settling.gets)
}

/// What a module of which a callback runs is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Coming,
    /// A load of it has failed, and the exits run: it is Coming still, or Going.
    Unwinding,
    Going,
}

struct Settling<'a> {
    setup: &'a Setup,
    /// The modules of which callbacks run, the innermost last.
    under_way: Vec<(ModuleId, Doing)>,
    gets: Vec<Answer>,
}

impl Settling<'_> {
    /// The calls of a load or boot, or of an unload.
    fn calls(&mut self, calls: &mut [Call], load: bool) {
        for call in calls {
            let doing = match (call.half, load) {
                (Half::Init, _) => Doing::Coming,
                (Half::Exit, true) => Doing::Unwinding,
                (Half::Exit, false) => Doing::Going,
            };
            self.under_way.push((call.module, doing));
            self.deeds(call);
            self.under_way.pop();
        }
    }

    fn deeds(&mut self, call: &mut Call) {
        let pair = self.setup.module(call.module).pair(call.pair);
        let script = pair.and_then(|pair| pair.half(call.half));
        for (act, deed) in script.iter().flat_map(|script| &script.acts).zip(&mut call.deeds) {
            self.calls(&mut deed.calls, matches!(act, Act::Load { .. }));
            forget_error(&mut deed.answer);
            match *act {
                Act::Get { module } if self.is(module, &[Doing::Coming, Doing::Unwinding]) => {
                    self.gets.push(deed.answer.clone());
                }
                Act::Look { module } if self.is(module, &[Doing::Unwinding]) => {
                    deed.answer = Answer::State { state: State::Going };
                }
                _ => {}
            }
        }
    }

    fn is(&self, module: ModuleId, doing: &[Doing]) -> bool {
        self.under_way.iter().any(|(id, what)| *id == module && doing.contains(what))
    }
}

fn forget_error(answer: &mut Answer) {
    if let Answer::Refused { error } = answer {
        *error = Error::Unsupported;
    }
}

#[cfg(test)]
mod tests {
    use lawbook::spec::init::{
        Deed, Ending, Failure, Left, ModulePlan, PairPlan, Priority, Script,
    };

    use super::*;
    use crate::pair::bytes;

    const M0: ModuleId = ModuleId(0);

    /// A load of a module of two pairs: the init and the exit of the first ask, the second fails.
    fn failing(act: Act) -> Case<Init> {
        let asks = || Some(Script { acts: vec![act], ..Script::default() });
        let fails = Some(Script { end: Ending::Returns { code: -5 }, ..Script::default() });
        let pairs = vec![
            PairPlan { init: asks(), exit: asks(), ..PairPlan::default() },
            PairPlan { priority: Priority(1), init: fails, ..PairPlan::default() },
        ];
        let modules = vec![ModulePlan { pairs, ..ModulePlan::default() }];
        let setup = Setup { modules, twin: None };
        Case { setup, ops: vec![Op::Load { module: M0 }, Op::Get { module: M0 }] }
    }

    /// What such a load does, when the two are answered like this, and what the get after it gives.
    fn trace(init: Answer, exit: Answer, get: Answer) -> Trace<Init> {
        let deed = |answer: &Answer| Deed { calls: vec![], answer: answer.clone() };
        let call = |half, pair, answers: &[Answer]| Call {
            half,
            module: M0,
            pair,
            deeds: answers.iter().map(deed).collect(),
        };
        let calls = vec![
            call(Half::Init, 0, &[init]),
            call(Half::Init, 1, &[]),
            call(Half::Exit, 0, &[exit]),
        ];
        let answer = Answer::Failed { failure: Failure::Code { code: -5 }, exits: vec![] };
        let left = vec![Left { state: State::Unloaded, references: 0, entries: vec![] }];
        let load = Event::Done { calls, answer, left: left.clone() };
        let get = Event::Done { calls: vec![], answer: get, left };
        Trace { events: vec![load, get], end: End::Whole }
    }

    fn refused(error: Error) -> Answer {
        Answer::Refused { error }
    }

    fn stands(state: State) -> Answer {
        Answer::State { state }
    }

    #[test]
    fn a_fault_and_the_reference_differ() {
        let faults = lawbook_faults::init::implementations();
        let mut faulty = open(&faults, "ties-last-first");
        let differs = |seed| pair(&mut reference(), &mut faulty, &bytes(seed)).is_some();
        assert!((0..200).any(differs));
    }

    #[test]
    fn the_understudy_and_the_reference_do_not() {
        (0..200).for_each(|seed| init_pair(&bytes(seed)));
    }

    #[test]
    fn the_names_of_errors_are_left_open_and_that_there_is_one_is_not() {
        let case = failing(Act::Unload { module: M0 });
        let by = |error| trace(refused(error), refused(error), refused(error));
        assert_eq!(compare(&case, by(Error::Busy), by(Error::InUse)), None);
        let unloaded = Answer::Unloaded { exits: vec![] };
        let other = trace(unloaded, refused(Error::Busy), refused(Error::NotLoaded));
        assert!(compare(&case, by(Error::Busy), other).is_some());
    }

    #[test]
    fn where_a_module_stands_is_left_open_while_a_failed_load_is_unwound_and_only_then() {
        let case = failing(Act::Look { module: M0 });
        let seen = |init, exit| trace(stands(init), stands(exit), refused(Error::NotLoaded));
        let coming = || seen(State::Coming, State::Coming);
        assert_eq!(compare(&case, coming(), seen(State::Coming, State::Going)), None);
        assert!(compare(&case, coming(), seen(State::Live, State::Coming)).is_some());
    }

    #[test]
    fn nothing_is_compared_from_where_one_gives_references_of_a_module_that_is_coming() {
        let case = failing(Act::Get { module: M0 });
        let with = |answer: Answer, get| trace(answer.clone(), answer, get);
        let refuses = |get| with(refused(Error::Busy), get);
        let (yes, no) = (|| Answer::Done {}, || refused(Error::NotLoaded));
        assert_eq!(compare(&case, refuses(no()), with(yes(), yes())), None);
        assert!(compare(&case, refuses(no()), refuses(yes())).is_some());
        assert!(compare(&case, with(yes(), no()), with(yes(), yes())).is_some());
    }
}
