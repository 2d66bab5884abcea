//! What the laws of `init` do not see: names, messages, entries, refusals of the library's own, and
//! threads.

use std::error::Error as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use lawbook_reference::init::{
    EntryErrorKind, Error, ErrorKind, Failure, Linkage, LoadError, Loader, Module, Node, Pair,
    Priority, Scope, State,
};
use lawbook_spec::init::Runaway;

fn pair() -> Pair {
    Pair::new(Priority::DEVICE).init(|_| ()).exit(|_| ())
}

/// What a refusal says, with its errno.
fn told(error: Error) -> (String, i32) {
    (error.to_string(), error.errno())
}

fn refused(error: LoadError) -> (String, i32) {
    let LoadError::Refused(error) = error else { panic!("{error}") };
    told(error)
}

#[test]
fn refusals_name_the_module_and_the_errno() {
    let loader = Loader::new();
    loader.add(Module::new("net").pair(pair())).unwrap();
    loader.add(Module::new("stays").pair(Pair::new(Priority::DEVICE).init(|_| ()))).unwrap();
    loader.add(Module::new("bad").parameters(Err(-22))).unwrap();
    loader.add(Module::new("core").linkage(Linkage::BuiltIn)).unwrap();
    let says = |says: &str, errno| (says.to_owned(), errno);

    let error = loader.load("ne").unwrap_err();
    assert_eq!(refused(error), says("module ne is not known", 2));
    assert_eq!(told(loader.unload("net").unwrap_err()), says("module net is not loaded", 2));
    assert_eq!(told(loader.get("net").unwrap_err()), says("module net is not loaded", 2));
    let error = loader.put("net").unwrap_err();
    assert_eq!(told(error), says("module net has no reference that could be given back", 22));
    let error = loader.load("bad").unwrap_err();
    assert_eq!(refused(error), says("module bad has bad parameters: -22", 22));
    assert_eq!(refused(loader.load("core").unwrap_err()), says("module core is built in", 1));
    let error = loader.add(Module::new("net")).unwrap_err();
    let duplicate = says("module net is there already: two modules have this name", 17);
    assert_eq!(told(error), duplicate);
    let error = loader.blacklist("net", "start").unwrap_err();
    assert_eq!(told(error), says("module net has no pair with the label start", 2));

    loader.load("net").unwrap();
    assert_eq!(refused(loader.load("net").unwrap_err()), says("module net is loaded already", 17));
    assert_eq!(told(loader.register("net", pair()).unwrap_err()), says("module net is busy", 16));
    loader.get("net").unwrap();
    assert_eq!(told(loader.unload("net").unwrap_err()), says("module net is in use", 11));
    loader.load("stays").unwrap();
    let permanent = says("module stays is permanent: it has an init without an exit", 16);
    assert_eq!(told(loader.unload("stays").unwrap_err()), permanent);

    loader.boot().unwrap();
    let error = loader.boot().unwrap_err();
    assert_eq!(told(error), says("what is built in was started before", 16));
    let error = loader.add(Module::new("late").linkage(Linkage::BuiltIn)).unwrap_err();
    assert_eq!(told(error), says("module late is built in, and that was started before", 16));
}

#[test]
fn a_failed_load_tells_the_init_and_every_exit_that_failed() {
    let loader = Loader::new();
    let module = Module::new("net")
        .pair(Pair::new(Priority(3)).label("route").init(|_| Err(12)).exit(|_| ()))
        .pair(Pair::new(Priority(1)).label("stack").init(|_| ()).exit(|_| -5))
        .pair(Pair::new(Priority(2)).init(|_| ()).exit(|_| -> () { panic!("no {}", "card") }));
    loader.add(module).unwrap();
    let error = loader.load("net").unwrap_err();
    assert_eq!(
        error.to_string(),
        "module net: the init of pair 0 (route, priority 3) returned -12; unwinding, the exit of \
         pair 2 (priority 2) panicked: no card, that of pair 1 (stack, priority 1) returned -5"
    );
    assert_eq!(error.errno(), 12);
    assert!(error.source().is_none());
    assert_eq!(loader.state("net"), Ok(State::Unloaded));
}

#[test]
fn the_message_of_a_panic_is_kept_and_goes_no_further() {
    let loader = Loader::new();
    let panics = |name, init: fn()| Module::new(name).pair(pair().init(move |_| init()));
    loader.add(panics("str", || panic!("plain"))).unwrap();
    loader.add(panics("string", || panic!("{} and {}", 1, 2))).unwrap();
    loader.add(panics("other", || std::panic::panic_any(7))).unwrap();
    // Its payload panics once more when it is dropped.
    loader.add(panics("twice", || std::panic::panic_any(PanicsWhenDropped))).unwrap();
    for (name, message) in [
        ("str", "plain"),
        ("string", "1 and 2"),
        ("other", "without a message"),
        ("twice", "without a message"),
    ] {
        let LoadError::Failed(failed) = loader.load(name).unwrap_err() else {
            panic!("an init failed")
        };
        assert_eq!(failed.init.failure, Failure::Panic(message.into()));
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("dropped");
        }
    }
}

#[test]
fn a_value_that_panics_when_it_is_dropped_does_not_stop_the_shutdown() {
    let loader = Loader::new();
    let entry = || {
        let (read, store) = (PanicsWhenDropped, PanicsWhenDropped);
        Node::new(move || format!("{:p}", &raw const read))
            .store(move |_: &str| drop(format!("{:p}", &raw const store)))
    };
    for name in ["a", "b"] {
        let enter = move |scope: &Scope<'_>| {
            scope.enter(&format!("{name}/x"), entry())?;
            scope.enter(&format!("{name}/y"), entry())
        };
        loader.add(Module::new(name).pair(pair().init(enter))).unwrap();
        loader.load(name).unwrap();
    }
    let outcomes: Vec<_> = loader.shut_down().into_iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [Ok(vec![]), Ok(vec![])]);
    assert_eq!(loader.list(""), [""; 0]);
    // Those of callbacks: of a module that is refused, and of all that the loader holds.
    let holds = || {
        let held = PanicsWhenDropped;
        Module::new("a").pair(pair().init(move |_| drop(format!("{:p}", &raw const held))))
    };
    loader.add(holds()).unwrap_err();
    let other = Loader::new();
    other.add(holds()).unwrap();
    drop(other);
}

#[test]
fn no_panic_is_beyond_the_loader() {
    let loader = Loader::new();
    let runaway = |_: &Scope<'_>| -> i32 { std::panic::panic_any(Runaway) };
    loader.add(Module::new("net").pair(pair().init(runaway))).unwrap();
    let LoadError::Failed(failed) = loader.load("net").unwrap_err() else {
        panic!("an init failed")
    };
    assert_eq!(failed.init.failure, Failure::Panic("without a message".into()));
    assert_eq!(loader.state("net"), Ok(State::Unloaded));
}

#[test]
fn boot_skips_a_module_with_wrong_parameters() {
    let started = Arc::new(Mutex::new(Vec::new()));
    let loader = Loader::new();
    for (name, parameters) in [("bad", Err(-22)), ("good", Ok(()))] {
        let started = Arc::clone(&started);
        let init = move |_: &Scope<'_>| started.lock().unwrap().push(name);
        let module = Module::new(name).pair(pair().init(init)).parameters(parameters);
        loader.add(module.linkage(Linkage::BuiltIn)).unwrap();
    }
    assert_eq!(loader.boot(), Ok(vec![]));
    assert_eq!(*started.lock().unwrap(), ["good"]);
    assert_eq!(loader.state("bad"), Ok(State::Unloaded));
    assert_eq!(loader.state("good"), Ok(State::Live));
}

#[test]
fn the_codes_of_results_always_fail_and_positive_numbers_are_odd() {
    let loader = Loader::new();
    let code = |name, code: Result<i32, i32>| {
        let module = match code {
            Ok(number) => Module::new(name).pair(pair().label(name).init(move |_| number)),
            Err(errno) => Module::new(name).pair(pair().label(name).init(move |_| Err(errno))),
        };
        let handle = loader.add(module).unwrap();
        match loader.load(handle) {
            Ok(odd) => odd.into_iter().map(|odd| odd.failure).collect(),
            Err(LoadError::Failed(failed)) => vec![failed.init.failure],
            Err(LoadError::Refused(error)) => panic!("{error}"),
        }
    };
    assert_eq!(code("zero", Ok(0)), []);
    assert_eq!(code("odd", Ok(7)), [Failure::Code(7)]);
    assert_eq!(loader.state("odd"), Ok(State::Live));
    assert_eq!(code("negative", Err(-12)), [Failure::Code(-12)]);
    assert_eq!(code("positive", Err(12)), [Failure::Code(-12)]);
    assert_eq!(code("nothing", Err(0)), [Failure::Code(-5)]);
    assert_eq!(loader.state("nothing"), Ok(State::Unloaded));
}

#[test]
fn a_pair_that_comes_later_goes_before_the_legacy_pair_among_its_ties() {
    let trace = Arc::new(Mutex::new(String::new()));
    let tell = |name: char| {
        let trace = Arc::clone(&trace);
        pair().init(move |_| trace.lock().unwrap().push(name))
    };
    let loader = Loader::new();
    loader.add(Module::new("net").pair(tell('1')).legacy(tell('L'))).unwrap();
    loader.register("net", tell('2')).unwrap();
    loader.load("net").unwrap();
    loader.unload("net").unwrap();
    loader.register("net", tell('3')).unwrap();
    loader.register("net", tell('4')).unwrap();
    loader.load("net").unwrap();
    assert_eq!(*trace.lock().unwrap(), "12L1234L");
}

#[test]
fn an_init_that_comes_later_without_an_exit_makes_its_module_permanent() {
    let loader = Loader::new();
    loader.add(Module::new("net").pair(pair())).unwrap();
    loader.register("net", Pair::new(Priority::LATE).init(|_| ())).unwrap();
    loader.load("net").unwrap();
    assert_eq!(loader.unload("net").unwrap_err().kind, ErrorKind::Permanent);
}

#[test]
fn paths_that_are_taken_or_are_none_fail_the_init_that_asks_for_them() {
    let loader = Loader::new();
    let enters = |name: &'static str, path: &'static str| {
        let enter = move |scope: &Scope<'_>| scope.enter(path, Node::new(String::new));
        Module::new(name).pair(pair().init(enter))
    };
    loader.add(enters("first", "net/ip/mtu")).unwrap();
    loader.load("first").unwrap();
    for (path, errno) in [
        ("net/ip/mtu", 17),
        ("net/ip", 17),
        ("net/ip/mtu/max", 17),
        ("", 22),
        ("/net", 22),
        ("net//x", 22),
    ] {
        loader.add(enters(path, path)).unwrap();
        assert_eq!(loader.load(path).unwrap_err().errno(), errno, "{path}");
    }
    loader.add(enters("sibling", "net/ip/mtu2")).unwrap();
    loader.load("sibling").unwrap();
    assert_eq!(loader.list("net"), ["net/ip/mtu", "net/ip/mtu2"]);
    assert_eq!(loader.list("net/ip/mtu"), [""; 0]);
}

#[test]
fn an_entry_belongs_to_its_module_alone() {
    let loader = Loader::new();
    let owner = pair().init(|scope| scope.enter("net/mtu", Node::new(|| "1500".into())));
    loader.add(Module::new("owner").pair(owner)).unwrap();
    loader.load("owner").unwrap();
    let thief = pair().init(|scope| scope.remove("net/mtu"));
    loader.add(Module::new("thief").pair(thief)).unwrap();
    assert_eq!(loader.load("thief").unwrap_err().errno(), 2);
    assert_eq!(loader.read("net/mtu").unwrap(), "1500");
    assert_eq!(loader.entries("owner").unwrap(), ["net/mtu"]);
    loader.unload("owner").unwrap();
    let error = loader.read("net/mtu").unwrap_err();
    assert_eq!(error.kind, EntryErrorKind::Missing);
    assert_eq!(error.to_string(), "entry \"net/mtu\" is not there");
}

#[test]
fn an_entry_whose_function_panics_says_so() {
    let loader = Loader::new();
    let node = || Node::new(|| panic!("no clock")).store(|_: &str| -> i32 { panic!("no {}", 1) });
    let module = Module::new("clock").pair(pair().init(move |scope| scope.enter("clock", node())));
    loader.add(module).unwrap();
    loader.load("clock").unwrap();
    let error = loader.read("clock").unwrap_err();
    assert_eq!(error.to_string(), "entry \"clock\" panicked: no clock");
    let error = loader.store("clock", "").unwrap_err();
    assert_eq!(error.kind, EntryErrorKind::Panic("no 1".into()));
}

#[test]
fn shutting_down_unloads_the_last_first_and_passes_over_what_is_refused() {
    let trace = Arc::new(Mutex::new(Vec::new()));
    let loader = Loader::new();
    for name in ["a", "b", "c", "d"] {
        let trace = Arc::clone(&trace);
        let exit = move |_: &Scope<'_>| trace.lock().unwrap().push(name);
        loader.add(Module::new(name).pair(pair().exit(exit))).unwrap();
    }
    for name in ["c", "a", "b"] {
        loader.load(name).unwrap();
    }
    loader.get("a").unwrap();
    let stopped = loader.shut_down();
    assert_eq!(*trace.lock().unwrap(), ["b", "c"]);
    let kinds: Vec<_> =
        stopped.into_iter().map(|one| one.outcome.map_err(|error| error.kind)).collect();
    assert_eq!(kinds, [Ok(vec![]), Err(ErrorKind::InUse), Ok(vec![])]);
}

#[test]
fn what_callbacks_hold_is_dropped_outside_the_lock() {
    /// Asks the loader something when it is dropped.
    struct Asks(Arc<Loader>, Arc<AtomicU32>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.modules();
        }
    }
    let (loader, dropped) = (Arc::new(Loader::new()), Arc::new(AtomicU32::new(0)));
    let asks = || Arc::new(Asks(Arc::clone(&loader), Arc::clone(&dropped)));
    let holds = |pair: Pair| {
        let asks = asks();
        pair.init(move |_| drop(Arc::clone(&asks)))
    };
    loader.add(Module::new("net").pair(pair())).unwrap();
    loader.add(Module::new("net").pair(holds(pair()))).unwrap_err();
    loader.load("net").unwrap();
    loader.register("net", holds(pair())).unwrap_err();
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
    let held = asks();
    let enters = pair().init(move |scope| {
        let held = Arc::clone(&held);
        scope.enter("net/x", Node::new(move || Arc::strong_count(&held).to_string()))
    });
    loader.add(Module::new("entries").pair(enters)).unwrap();
    loader.load("entries").unwrap();
    assert_eq!(loader.read("net/x").unwrap(), "2");
    loader.unload("entries").unwrap();
}

#[test]
fn of_many_threads_that_load_one_does() {
    let loader = Loader::new();
    let starts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&starts);
    let init = move |_: &Scope<'_>| {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    loader.add(Module::new("net").pair(pair().init(init))).unwrap();
    let barrier = Barrier::new(8);
    let loaded = thread::scope(|threads| {
        let all: Vec<_> = (0..8)
            .map(|_| {
                threads.spawn(|| {
                    barrier.wait();
                    loader.load("net")
                })
            })
            .collect();
        let outcomes = all.into_iter().map(|thread| thread.join().unwrap());
        outcomes.filter(Result::is_ok).count()
    });
    assert_eq!((loaded, starts.load(Ordering::Relaxed)), (1, 1));
}

#[test]
fn a_million_pairs_are_registered_one_by_one_into_a_module_with_a_legacy_pair() {
    let loader = Loader::new();
    loader.add(Module::new("many").legacy(pair())).unwrap();
    let handle = loader.find("many").unwrap();
    for number in 0..1_000_000 {
        loader.register(handle, Pair::new(Priority(-number))).unwrap();
    }
    assert_eq!(loader.load(handle).unwrap(), []);
}
