//! Several threads load, unload, get and put the same and different modules, in the orders that
//! `shuttle` chooses; each history is judged by the laws of the contract, as the contract's own
//! runner for threads does it.
//!
//! It does not cover memory orderings weaker than those of a mutex.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use lawbook_reference::init::{Judged, Lock, Table, profile};
use lawbook_spec::init::{
    Act, Ending, ModuleId, ModulePlan, Moment, Op, PairPlan, Script, Setup, Threads, Yield,
};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};

const SEED: u64 = 2003;
const SCHEDULES: usize = 1_500;
/// In how many places the schedules of the second kind put an unlikely switch.
const DEPTH: usize = 3;

/// Loads; its second init and its last exit try to load and to unload it.
const GOOD: ModuleId = ModuleId(0);
/// Its last init fails.
const BAD: ModuleId = ModuleId(1);
/// Loads, and asks for nothing.
const OTHER: ModuleId = ModuleId(2);

/// The mutex whose schedules are explored.
struct Mutexed(shuttle::sync::Mutex<Table>);

impl Lock<Table> for Mutexed {
    fn new(value: Table) -> Self {
        Mutexed(shuttle::sync::Mutex::new(value))
    }

    fn with<R>(&self, work: impl FnOnce(&mut Table) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The fault: a lock that is let go while the work is done, on a copy.
struct LetGo(Mutexed);

impl Lock<Table> for LetGo {
    fn new(value: Table) -> Self {
        LetGo(Mutexed::new(value))
    }

    fn with<R>(&self, work: impl FnOnce(&mut Table) -> R) -> R {
        let mut copy = self.0.with(|table| table.clone());
        thread::yield_now();
        let result = work(&mut copy);
        self.0.with(|table| *table = copy);
        result
    }
}

shuttle::thread_local! {
    /// The number of a thread among those of a history.
    static NUMBER: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

fn setup() -> Setup {
    let pair = |init: Script, exit: Script| PairPlan {
        init: Some(init),
        exit: Some(exit),
        ..PairPlan::default()
    };
    let plain = Script::default;
    let reenters = || Script {
        acts: vec![Act::Load { module: GOOD }, Act::Unload { module: GOOD }],
        end: Ending::OK,
    };
    let fails = Script { acts: Vec::new(), end: Ending::Returns { code: -5 } };
    let good = vec![pair(plain(), reenters()), pair(reenters(), plain())];
    let bad = vec![pair(plain(), plain()), pair(fails, plain())];
    let other = vec![pair(plain(), plain())];
    let module = |pairs| ModulePlan { pairs, ..ModulePlan::default() };
    Setup { modules: vec![module(good), module(bad), module(other)], twin: None }
}

/// What the threads are told: each case has two or three of them.
fn cases() -> Vec<Threads> {
    let (load, unload) = (|module| Op::Load { module }, |module| Op::Unload { module });
    let (get, put) = (|module| Op::Get { module }, |module| Op::Put { module });
    let ops = [
        vec![vec![load(GOOD), unload(GOOD)], vec![load(GOOD), unload(GOOD)]],
        vec![vec![load(GOOD), get(GOOD), put(GOOD), unload(GOOD)], vec![unload(GOOD), load(GOOD)]],
        vec![vec![load(GOOD), unload(GOOD)], vec![load(BAD), load(BAD)], vec![load(BAD)]],
        vec![
            vec![load(GOOD), unload(GOOD)],
            vec![get(GOOD), put(GOOD)],
            vec![get(GOOD), unload(GOOD)],
        ],
        vec![
            vec![load(GOOD), unload(GOOD)],
            vec![load(OTHER), get(OTHER), put(OTHER), unload(OTHER)],
            vec![get(GOOD), unload(OTHER)],
        ],
    ];
    ops.map(|ops| Threads { setup: setup(), ops }).to_vec()
}

/// What an exploration came to.
#[derive(Default)]
struct Findings {
    /// The laws that were broken, and the first history that breaks each.
    broken: BTreeMap<&'static str, String>,
    /// How many histories break a law.
    histories: usize,
    /// How often each answer was given to each op.
    answers: BTreeMap<String, usize>,
}

/// Runs a case once, in the order that the scheduler chooses, and judges it.
fn run<L: Lock<Table> + 'static>(case: &Threads, findings: &Mutex<Findings>) {
    let how = Yield { thread: || NUMBER.with(std::cell::Cell::get), pause: thread::yield_now };
    let history = case.run(&profile(), Judged::<L>::with_lock(), how, |jobs| {
        let jobs = jobs.into_iter().enumerate().map(|(number, job)| {
            thread::spawn(move || {
                NUMBER.with(|own| own.set(number));
                job();
            })
        });
        for thread in jobs.collect::<Vec<_>>() {
            thread.join().expect("no thread panics");
        }
    });
    let history = history.expect("the threads end");
    let mut findings = findings.lock().expect("no run panics");
    let mut asked = BTreeMap::new();
    for mark in &history.marks {
        match &mark.moment {
            Moment::Asked(op) => drop(asked.insert(mark.thread, *op)),
            Moment::Answered(answer) => {
                let op = asked[&mark.thread];
                *findings.answers.entry(format!("{op}: {answer}")).or_default() += 1;
            }
            _ => {}
        }
    }
    if let Err(broken) = case.judge(&profile(), &history) {
        findings.histories += 1;
        for law in broken {
            let told = || format!("{}\n{}", law.why.0, case.tell(&history));
            findings.broken.entry(law.law.0).or_insert_with(told);
        }
    }
}

/// Explores schedules of both kinds. That nobody waits for ever, shuttle itself finds.
fn explore<L: Lock<Table> + 'static>() -> Findings {
    let findings = Arc::new(Mutex::new(Findings::default()));
    for case in cases() {
        let schedule = {
            let findings = Arc::clone(&findings);
            move || run::<L>(&case, &findings)
        };
        let random = RandomScheduler::new_from_seed(SEED, SCHEDULES);
        Runner::new(random, Config::default()).run(schedule.clone());
        let unlikely = PctScheduler::new_from_seed(SEED, DEPTH, SCHEDULES);
        Runner::new(unlikely, Config::default()).run(schedule);
    }
    std::mem::take(&mut *findings.lock().expect("no run panics"))
}

#[test]
fn threads_keep_the_laws_in_every_schedule() {
    let Findings { broken, answers, .. } = explore::<Mutexed>();
    assert!(broken.is_empty(), "{}", broken.values().next().expect("one is broken"));
    // The threads did meet: each of these came about in many schedules.
    for met in [
        "load m0: loaded",
        "load m0: refused: already loaded",
        "load m0: refused: busy",
        "unload m0: unloaded",
        "unload m0: refused: busy",
        "unload m0: refused: in use",
        "unload m0: refused: not loaded",
        "load m1: failed -5",
        "load m1: refused: busy",
        "get m0: ok",
        "get m0: refused: not loaded",
        "put m0: refused: no reference is held",
        "load m2: loaded",
        "get m2: ok",
        "unload m2: unloaded",
        "unload m2: refused: busy",
        "unload m2: refused: in use",
    ] {
        assert!(answers.get(met).is_some_and(|count| *count >= 20), "{met} in {answers:#?}");
    }
}

#[test]
fn a_lock_that_lets_go_is_found() {
    let Findings { broken, histories, .. } = explore::<LetGo>();
    let all = 2 * SCHEDULES * cases().len();
    assert!(histories > all / 10, "{histories} of {all} histories are broken");
    let told = broken.get("INIT-28").expect("two loads at once are found");
    assert!(told.contains(" began while one of "), "{told}");
}
