//! What v1 does wrong, and what it does right, by the trait alone: no law is asked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use lawbook_spec::core::{Case, End, Subject};
use lawbook_spec::init::{
    Callback, Error, Event, Failure, Init, KnownAnswer, Legacy, Linkage, LoadError, Module,
    ModuleId, ModuleLoader, ModulePlan, Op, Pair, PairPlan, Priority, RUSSELL_2003, Script, Setup,
    State,
};

use super::v1::{Edition, Kernel, subject};

const M0: ModuleId = ModuleId(0);
const M1: ModuleId = ModuleId(1);

const EDITIONS: [Edition; 2] = [Edition::Posted, Edition::Corbet];

/// What was called, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn callback(&self, name: &str, code: i32) -> Option<Callback> {
        self.acting(name, move |_| code)
    }

    fn acting(
        &self,
        name: &str,
        act: impl Fn(&dyn ModuleLoader) -> i32 + Send + Sync + 'static,
    ) -> Option<Callback> {
        let (log, name) = (self.clone(), name.to_owned());
        Some(Arc::new(move |loader: &dyn ModuleLoader| {
            log.0.lock().unwrap().push(name.clone());
            act(loader)
        }))
    }

    /// A pair of `iN` and `xN` whose init returns a code.
    fn pair(&self, number: i32, priority: i32, code: i32) -> Pair {
        Pair {
            priority: Priority(priority),
            index: 0,
            init: self.callback(&format!("i{number}"), code),
            exit: self.callback(&format!("x{number}"), 0),
            blacklisted: false,
        }
    }

    /// `module_init` and `module_exit`, and after how many pairs they stand.
    fn legacy(&self, init_after: u8, exit_after: u8) -> Option<Legacy> {
        let pair = Pair {
            init: self.callback("module_init", 0),
            exit: self.callback("module_exit", 0),
            ..self.pair(0, 0, 0)
        };
        Some(Legacy { pair, init_after, exit_after })
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(" ")
    }
}

fn loadable(pairs: Vec<Pair>) -> Module {
    Module { linkage: Linkage::Loadable, pairs, legacy: None, parameters: Ok(()) }
}

fn kernel(edition: Edition, modules: impl IntoIterator<Item = Module>) -> Kernel {
    let kernel = Kernel::new(edition);
    for (id, module) in (0..).map(ModuleId).zip(modules) {
        kernel.add(id, module).unwrap();
    }
    kernel
}

/// The message of a panic that is expected.
fn oops<T>(work: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(work)).err().expect("it oopses");
    *payload.downcast::<String>().expect("an oops says what it was")
}

fn failed(code: i32) -> LoadError {
    LoadError::Failed { failure: Failure::Code { code }, exits: vec![] }
}

fn permutations(of: &[i32]) -> Vec<Vec<i32>> {
    if of.is_empty() {
        return vec![vec![]];
    }
    let mut all = Vec::new();
    for (at, first) in of.iter().enumerate() {
        let rest = [&of[..at], &of[at + 1..]].concat();
        all.extend(permutations(&rest).into_iter().map(|rest| [vec![*first], rest].concat()));
    }
    all
}

/// How many orders of registration of so many different priorities start in a wrong order.
fn mis_sorted(edition: Edition, count: i32) -> (usize, usize) {
    let numbers: Vec<i32> = (1..=count).collect();
    let right = numbers.iter().map(|number| format!("i{number}")).collect::<Vec<_>>().join(" ");
    let all = permutations(&numbers);
    let wrong = all.iter().filter(|order| {
        let log = Log::default();
        let pairs = order.iter().map(|number| log.pair(*number, *number, 0)).collect();
        kernel(edition, [loadable(pairs)]).load(M0).unwrap();
        log.take() != right
    });
    (wrong.count(), all.len())
}

#[test]
fn two_of_the_6_orders_of_three_pairs_and_576_of_the_720_of_six_are_sorted_wrongly() {
    for edition in EDITIONS {
        assert_eq!(mis_sorted(edition, 2), (0, 2), "{edition:?}");
        assert_eq!(mis_sorted(edition, 3), (2, 6), "{edition:?}");
        assert_eq!(mis_sorted(edition, 6), (576, 720), "{edition:?}");
    }
}

#[test]
fn the_authors_own_test_module_starts_in_the_wrong_order() {
    let trace = subject(Edition::Corbet).run(&RUSSELL_2003[0].case());
    let calls: Vec<String> = trace
        .events
        .iter()
        .map(|event| {
            let Event::Done { calls, .. } = event else { panic!("{event:?}") };
            let names = calls.iter().map(|call| KnownAnswer::name(call.half, call.pair));
            names.collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(calls, ["i5 i3 i6 i4 i2 i1 L", "L⁻ x1 x2 x4 x6 x3 x5"]);
}

#[test]
fn what_module_init_made_leaks_when_a_pair_before_module_exit_fails() {
    for edition in EDITIONS {
        let log = Log::default();
        let legacy = log.legacy(0, 1);
        let module = Module { legacy, ..loadable(vec![log.pair(1, 0, -5)]) };
        assert_eq!(kernel(edition, [module]).load(M0), Err(failed(-5)), "{edition:?}");
        assert_eq!(log.take(), "module_init i1", "{edition:?}: module_exit is never called");
    }
}

#[test]
fn module_exit_before_module_init_cleans_up_what_was_never_made() {
    let log = Log::default();
    let module = Module { legacy: log.legacy(1, 0), ..loadable(vec![log.pair(1, 0, -5)]) };
    assert_eq!(kernel(Edition::Corbet, [module]).load(M0), Err(failed(-5)));
    assert_eq!(log.take(), "i1 module_exit");
}

#[test]
fn a_failed_load_is_unwound_in_reverse_without_the_pair_that_failed() {
    for edition in EDITIONS {
        let log = Log::default();
        let pairs = vec![log.pair(1, 1, 0), log.pair(2, 2, 0), log.pair(3, 3, 7)];
        let kernel = kernel(edition, [loadable(pairs)]);
        assert_eq!(kernel.load(M0), Err(failed(7)), "{edition:?}: all but 0 is a failure");
        assert_eq!((log.take().as_str(), kernel.state(M0)), ("i1 i2 i3 x2 x1", State::Unloaded));
    }
}

#[test]
fn a_null_init_is_called_as_posted_and_skipped_with_corbets_patch() {
    let log = Log::default();
    let null = || loadable(vec![Pair { init: None, ..log.pair(1, 0, 0) }, log.pair(2, 0, 0)]);
    let message = oops(|| kernel(Edition::Posted, [null()]).load(M0));
    assert_eq!(message, "oops: a NULL init is called at load");
    kernel(Edition::Corbet, [null()]).load(M0).unwrap();
    assert_eq!(log.take(), "i2");
}

#[test]
fn the_first_entry_alone_decides_on_permanence_as_posted() {
    let log = Log::default();
    let module = || loadable(vec![log.pair(1, 0, 0), Pair { exit: None, ..log.pair(2, 0, 0) }]);
    let (posted, corbet) =
        (kernel(Edition::Posted, [module()]), kernel(Edition::Corbet, [module()]));
    posted.load(M0).unwrap();
    corbet.load(M0).unwrap();
    log.take();
    oops(|| posted.unload(M0));
    assert_eq!(log.take(), "x1", "it is not refused");
    assert_eq!(corbet.unload(M0), Err(Error::Permanent));
    assert_eq!((log.take().as_str(), corbet.state(M0)), ("", State::Live));
}

#[test]
fn more_exits_than_inits_are_permanent_too_with_corbets_patch() {
    let log = Log::default();
    let kernel =
        kernel(Edition::Corbet, [loadable(vec![Pair { init: None, ..log.pair(1, 0, 0) }])]);
    kernel.load(M0).unwrap();
    assert_eq!(kernel.unload(M0), Err(Error::Permanent));
}

#[test]
fn to_unload_oopses_after_the_last_exit_as_posted_and_works_with_corbets_patch() {
    let log = Log::default();
    let module = || loadable(vec![log.pair(1, 0, 0), log.pair(2, 0, 0)]);
    let posted = kernel(Edition::Posted, [module()]);
    posted.load(M0).unwrap();
    let message = oops(|| posted.unload(M0));
    assert_eq!(message, "oops: unloading reads ie_pairs[4294967295] of 2");
    assert_eq!(log.take(), "i1 i2 x2 x1");

    let corbet = kernel(Edition::Corbet, [module()]);
    for _ in 0..2 {
        corbet.load(M0).unwrap();
        assert_eq!(corbet.unload(M0), Ok(vec![]));
        assert_eq!((log.take().as_str(), corbet.state(M0)), ("i1 i2 x2 x1", State::Unloaded));
    }
}

#[test]
fn a_module_without_pairs_can_be_unloaded_with_corbets_patch_only() {
    let posted = kernel(Edition::Posted, [loadable(vec![])]);
    posted.load(M0).unwrap();
    assert_eq!(oops(|| posted.unload(M0)), "oops: unloading reads ie_pairs[4294967295] of 0");
    let corbet = kernel(Edition::Corbet, [loadable(vec![])]);
    corbet.load(M0).unwrap();
    assert_eq!(corbet.unload(M0), Ok(vec![]));
}

fn booted(edition: Edition, priorities: &[i32]) -> End {
    let pair = |priority| PairPlan {
        priority: Priority(priority),
        init: Some(Script::default()),
        ..PairPlan::default()
    };
    let pairs = priorities.iter().copied().map(pair).collect();
    let module = ModulePlan { linkage: Linkage::BuiltIn, pairs, ..ModulePlan::default() };
    let setup = Setup { modules: vec![module], twin: None };
    subject(edition).run(&Case::<Init> { setup, ops: vec![Op::Boot {}] }).end
}

#[test]
fn a_boot_with_the_highest_priority_never_ends() {
    for edition in EDITIONS {
        let endless = End::Mishap("more than 4096 callbacks in one op".into());
        assert_eq!(booted(edition, &[i32::MAX]), endless, "{edition:?}");
        assert_eq!(booted(edition, &[i32::MAX - 1, i32::MIN]), End::Whole, "{edition:?}");
    }
}

#[test]
fn a_boot_starts_the_pairs_of_all_modules_in_order_whatever_they_return() {
    let log = Log::default();
    let built_in = |pairs| Module { linkage: Linkage::BuiltIn, ..loadable(pairs) };
    let first = built_in(vec![log.pair(3, 3, 0), log.pair(1, 1, -1)]);
    let second = built_in(vec![log.pair(2, 2, 0), log.pair(4, 3, 0)]);
    let legacy = log.legacy(0, 0);
    let kernel = kernel(Edition::Posted, [first, Module { legacy, ..second }]);
    assert_eq!(kernel.boot(), Ok(vec![]));
    assert_eq!(log.take(), "module_init i1 i2 i3 i4");
    assert_eq!(kernel.boot(), Err(Error::AlreadyBooted));
}

#[test]
fn a_built_in_null_init_is_called() {
    let log = Log::default();
    for edition in EDITIONS {
        let pairs = vec![Pair { init: None, ..log.pair(1, 0, 0) }];
        let module = Module { linkage: Linkage::BuiltIn, ..loadable(pairs) };
        let message = oops(|| kernel(edition, [module]).boot());
        assert_eq!(message, "oops: a built-in NULL init is called", "{edition:?}");
    }
}

#[test]
fn a_module_whose_init_fails_while_a_reference_is_held_is_stuck() {
    for edition in EDITIONS {
        let log = Log::default();
        let taken = log.acting("get", |loader| {
            loader.get(M0).unwrap();
            0
        });
        let pairs = vec![Pair { init: taken, ..log.pair(1, 1, 0) }, log.pair(2, 2, -5)];
        let kernel = kernel(edition, [loadable(pairs)]);
        assert_eq!(kernel.load(M0), Err(failed(-5)), "{edition:?}");
        assert_eq!(log.take(), "get i2", "{edition:?}: no exit runs");
        kernel.put(M0).unwrap();
        assert_eq!((kernel.state(M0), kernel.references(M0)), (State::Going, 0), "{edition:?}");
        assert_eq!(kernel.load(M0), Err(Error::AlreadyLoaded.into()), "{edition:?}");
        assert_eq!(kernel.unload(M0), Err(Error::Busy), "{edition:?}");
    }
}

#[test]
fn a_module_in_use_can_not_be_unloaded_and_references_are_counted() {
    let log = Log::default();
    let kernel = kernel(Edition::Corbet, [loadable(vec![log.pair(1, 0, 0)])]);
    assert_eq!(kernel.get(M0), Err(Error::NotLoaded));
    kernel.load(M0).unwrap();
    assert_eq!(kernel.references(M0), 0, "the loader gave its own reference back");
    kernel.get(M0).unwrap();
    kernel.get(M0).unwrap();
    kernel.put(M0).unwrap();
    assert_eq!((kernel.references(M0), kernel.unload(M0)), (1, Err(Error::InUse)));
    kernel.put(M0).unwrap();
    assert_eq!((kernel.put(M0), kernel.unload(M0)), (Err(Error::NotHeld), Ok(vec![])));
}

#[test]
fn while_it_is_coming_a_module_is_in_use_by_the_loader_and_nobody_else() {
    let log = Log::default();
    let looks = log.acting("looks", |loader| {
        assert_eq!((loader.state(M0), loader.references(M0)), (State::Coming, 0));
        assert_eq!(loader.unload(M0), Err(Error::InUse));
        assert_eq!(loader.load(M0), Err(Error::AlreadyLoaded.into()));
        loader.load(M1).unwrap();
        0
    });
    let looking = loadable(vec![Pair { init: looks, ..log.pair(1, 0, 0) }]);
    let kernel = kernel(Edition::Corbet, [looking, loadable(vec![log.pair(2, 0, 0)])]);
    kernel.load(M0).unwrap();
    assert_eq!(log.take(), "looks i2");
}

#[test]
fn an_exit_that_asks_for_another_module_waits_for_itself() {
    let log = Log::default();
    let asks = log.acting("asks", |loader| {
        assert_eq!(loader.load(M1), Err(Error::Deadlock.into()));
        assert_eq!(loader.unload(M1), Err(Error::Deadlock));
        0
    });
    let asking = loadable(vec![Pair { exit: asks, ..log.pair(1, 0, 0) }]);
    let kernel = kernel(Edition::Corbet, [asking, loadable(vec![log.pair(2, 0, 0)])]);
    kernel.load(M0).unwrap();
    kernel.unload(M0).unwrap();
    assert_eq!(log.take(), "i1 asks");
}

#[test]
fn wrong_parameters_refuse_a_load_before_the_first_init() {
    let log = Log::default();
    let module = Module { parameters: Err(-22), ..loadable(vec![log.pair(1, 0, 0)]) };
    let kernel = kernel(Edition::Posted, [module]);
    assert_eq!(kernel.load(M0), Err(Error::Parameters.into()));
    assert_eq!((log.take().as_str(), kernel.state(M0)), ("", State::Unloaded));
}

#[test]
fn a_blacklist_is_not_known() {
    let log = Log::default();
    let pair = Pair { blacklisted: true, ..log.pair(1, 0, 0) };
    let added = Kernel::new(Edition::Posted).add(M0, loadable(vec![pair]));
    assert_eq!(added, Err(Error::Unsupported));
}
