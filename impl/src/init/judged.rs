//! The reference under the laws: a [`Loader`] behind the contract's trait.
//!
//! The modules of a case are called `m0`, `m1`, … and are linked in that order, so that the handle
//! of a module is its number.
//! It does not cover what the contract has no word for: labels, handles, and what an entry reads.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use lawbook_spec::core::{EVERY_CASE, Implementation, Origin};
use lawbook_spec::init::{
    Callback, Driver, Error, ExitFailure, Failure, Init, InitFailure, LoadError, Module, ModuleId,
    ModuleLoader, Pair, Profile, Runaway, State,
};

use super::error::{self, ErrorKind, PairFailure};
use super::loader::Loader;
use super::lock::Lock;
use super::module;
use super::scope::{Host, Scope};
use super::table::{Handle, Table, Which};
use super::tree::Node;

/// All implementations of this module: the reference.
pub fn implementations() -> Vec<Implementation<Init>> {
    vec![Implementation {
        name: "reference",
        version: || env!("CARGO_PKG_VERSION").into(),
        about: "The loader that keeps every law, and can do all that the contract knows.",
        origin: Origin::Reference,
        every: EVERY_CASE,
        open: || Ok(Box::new(Driver::new(profile(), Judged::<Mutex<Table>>::with_lock))),
    }]
}

/// The profile of the reference: every capability, and the choices of today's Linux.
pub fn profile() -> Profile {
    Profile::full()
}

/// A loader behind the contract's trait, as the laws see it.
///
/// Modules are to be added in the order of their ids, and to nobody else's loader.
#[derive(Debug)]
pub struct Judged<L = Mutex<Table>> {
    loader: Loader<L>,
    stop: Stop,
}

/// Whether the driver has stopped the case: one of its callbacks panicked with [`Runaway`].
///
/// The loader knows no such panic, and goes on as after any other; so from then on every callback
/// fails without being called, until what the driver asked for has ended, and then the panic goes
/// on to the driver.
#[derive(Debug, Clone, Default)]
struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Calls a callback of the driver.
    fn call(&self, callback: impl FnOnce() -> i32) -> i32 {
        const STOPPED: i32 = -1;
        if self.0.load(Ordering::Relaxed) {
            return STOPPED;
        }
        catch_unwind(AssertUnwindSafe(callback)).unwrap_or_else(|payload| {
            if !payload.is::<Runaway>() {
                resume_unwind(payload);
            }
            self.0.store(true, Ordering::Relaxed);
            STOPPED
        })
    }

    /// Passes on what the loader returned, or the panic.
    fn pass<R>(&self, outcome: R) -> R {
        if self.0.load(Ordering::Relaxed) {
            resume_unwind(Box::new(Runaway));
        }
        outcome
    }
}

impl<L: Lock<Table>> Judged<L> {
    /// A loader without modules.
    pub fn with_lock() -> Self {
        Judged { loader: Loader::with_lock(), stop: Stop::default() }
    }

    fn inside(&self) -> Inside<'_> {
        Inside { host: &self.loader, stop: &self.stop }
    }
}

/// The loader, as a callback sees it.
struct Inside<'a> {
    host: &'a dyn Host,
    stop: &'a Stop,
}

impl<L: Lock<Table>> ModuleLoader for Judged<L> {
    fn add(&self, id: ModuleId, module: Module) -> Result<(), Error> {
        let mut ours =
            module::Module::new(name(id)).linkage(module.linkage).parameters(module.parameters);
        ours.pairs = module.pairs.into_iter().map(|new| pair(new, &self.stop)).collect();
        if let Some(legacy) = module.legacy {
            ours = ours.legacy(pair(legacy.pair, &self.stop));
        }
        self.loader.add(ours).map(drop).map_err(refusal)
    }

    fn load(&self, id: ModuleId) -> Result<(), LoadError> {
        self.stop.pass(self.inside().load(id))
    }

    fn unload(&self, id: ModuleId) -> Result<Vec<ExitFailure>, Error> {
        self.stop.pass(self.inside().unload(id))
    }

    fn state(&self, id: ModuleId) -> State {
        self.inside().state(id)
    }

    fn register(&self, id: ModuleId, pair: Pair) -> Result<(), Error> {
        self.inside().register(id, pair)
    }

    fn get(&self, id: ModuleId) -> Result<(), Error> {
        self.inside().get(id)
    }

    fn put(&self, id: ModuleId) -> Result<(), Error> {
        self.inside().put(id)
    }

    fn references(&self, id: ModuleId) -> u32 {
        self.loader.references(handle(id)).expect("what is named was added")
    }

    fn boot(&self) -> Result<Vec<InitFailure>, Error> {
        let failed = self.stop.pass(self.loader.boot()).map_err(refusal)?;
        let failed = failed.into_iter().map(|failed| {
            let ExitFailure { pair, failure } = failure(failed.init);
            let module = u8::try_from(failed.module.0).expect("a case has few modules");
            InitFailure { module: ModuleId(module), pair, failure }
        });
        Ok(failed.collect())
    }

    fn enter(&self, id: ModuleId, name: &str) -> Result<(), Error> {
        self.inside().enter(id, name)
    }

    fn entries(&self, id: ModuleId) -> Vec<String> {
        self.loader.entries(handle(id)).expect("what is named was added")
    }
}

impl ModuleLoader for Inside<'_> {
    fn add(&self, _id: ModuleId, _module: Module) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    fn load(&self, id: ModuleId) -> Result<(), LoadError> {
        match self.host.load(which(id)) {
            Ok(_odd) => Ok(()),
            Err(error::LoadError::Refused(error)) => Err(refusal(error).into()),
            Err(error::LoadError::Failed(failed)) => Err(LoadError::Failed {
                failure: failure(failed.init).failure,
                exits: failures(failed.exits),
            }),
        }
    }

    fn unload(&self, id: ModuleId) -> Result<Vec<ExitFailure>, Error> {
        self.host.unload(which(id)).map(failures).map_err(refusal)
    }

    fn state(&self, id: ModuleId) -> State {
        self.host.state(which(id)).expect("what is named was added")
    }

    fn register(&self, id: ModuleId, new: Pair) -> Result<(), Error> {
        self.host.register(which(id), pair(new, self.stop)).map_err(refusal)
    }

    fn get(&self, id: ModuleId) -> Result<(), Error> {
        self.host.get(which(id)).map_err(refusal)
    }

    fn put(&self, id: ModuleId) -> Result<(), Error> {
        self.host.put(which(id)).map_err(refusal)
    }

    fn enter(&self, id: ModuleId, name: &str) -> Result<(), Error> {
        // A case that is admitted enters each name once, from an init.
        self.host.enter(handle(id), name, Node::new(String::new)).map_err(|_| Error::Unsupported)
    }
}

fn name(id: ModuleId) -> Cow<'static, str> {
    const NAMES: [&str; 4] = ["m0", "m1", "m2", "m3"];
    match NAMES.get(usize::from(id.0)) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(id.to_string()),
    }
}

fn handle(id: ModuleId) -> Handle {
    Handle(u64::from(id.0))
}

fn which(id: ModuleId) -> Which<'static> {
    Which::Handle(handle(id))
}

fn pair(pair: Pair, stop: &Stop) -> module::Pair {
    module::Pair {
        init: pair.init.map(|init| callback(init, stop)),
        exit: pair.exit.map(|exit| callback(exit, stop)),
        ..module::Pair::new(pair.priority).blacklisted(pair.blacklisted)
    }
}

fn callback(callback: Callback, stop: &Stop) -> module::Callback {
    let stop = stop.clone();
    Arc::new(move |scope: &Scope<'_>| {
        stop.call(|| callback(&Inside { host: scope.host(), stop: &stop }))
    })
}

fn failures(failed: Vec<PairFailure>) -> Vec<ExitFailure> {
    failed.into_iter().map(failure).collect()
}

fn failure(failed: PairFailure) -> ExitFailure {
    let failure = match failed.failure {
        error::Failure::Code(code) => Failure::Code { code },
        error::Failure::Panic(_) => Failure::Panic {},
        error::Failure::Blacklisted => Failure::Blacklisted {},
    };
    let pair = u8::try_from(failed.pair.index).expect("a case has few pairs");
    ExitFailure { pair, failure }
}

fn refusal(error: error::Error) -> Error {
    match error.kind {
        ErrorKind::NotLoaded => Error::NotLoaded,
        ErrorKind::InUse => Error::InUse,
        ErrorKind::Permanent => Error::Permanent,
        ErrorKind::Busy => Error::Busy,
        ErrorKind::AlreadyLoaded => Error::AlreadyLoaded,
        ErrorKind::Parameters(_) => Error::Parameters,
        ErrorKind::NotHeld => Error::NotHeld,
        ErrorKind::AlreadyBooted => Error::AlreadyBooted,
        // The contract has no word for these, and a case that is admitted does not meet them.
        ErrorKind::Unknown
        | ErrorKind::BuiltIn
        | ErrorKind::Duplicate
        | ErrorKind::NoSuchPair(_)
        | ErrorKind::Unsupported => Error::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use lawbook_spec::init::{Linkage, Priority};

    use super::*;

    /// A pair whose init does this.
    fn pair(index: u8, init: impl Fn() -> i32 + Send + Sync + 'static) -> Pair {
        Pair {
            priority: Priority::DEVICE,
            index,
            init: Some(Arc::new(move |_: &dyn ModuleLoader| init())),
            exit: Some(Arc::new(|_: &dyn ModuleLoader| 0)),
            blacklisted: false,
        }
    }

    fn module(linkage: Linkage, pairs: Vec<Pair>) -> Module {
        Module { linkage, pairs, legacy: None, parameters: Ok(()) }
    }

    #[test]
    fn the_panic_that_stops_a_case_goes_on_to_the_driver_and_calls_nothing_more() {
        for linkage in [Linkage::Loadable, Linkage::BuiltIn] {
            let calls = Arc::new(Mutex::new(0));
            let counted = Arc::clone(&calls);
            let pairs = vec![
                pair(0, || resume_unwind(Box::new(Runaway))),
                pair(1, move || {
                    *counted.lock().unwrap() += 1;
                    0
                }),
            ];
            let judged = Judged::<Mutex<Table>>::with_lock();
            judged.add(ModuleId(0), module(linkage, pairs)).unwrap();
            let work = AssertUnwindSafe(|| match linkage {
                Linkage::Loadable => drop(judged.load(ModuleId(0))),
                Linkage::BuiltIn => drop(judged.boot()),
            });
            assert!(catch_unwind(work).unwrap_err().is::<Runaway>());
            assert_eq!(*calls.lock().unwrap(), 0);
            assert_ne!(judged.state(ModuleId(0)), State::Coming);
        }
    }

    #[test]
    fn another_panic_is_a_failure_of_its_callback() {
        let judged = Judged::<Mutex<Table>>::with_lock();
        let pairs = vec![pair(0, || resume_unwind(Box::new("as told")))];
        judged.add(ModuleId(0), module(Linkage::Loadable, pairs)).unwrap();
        let failed = LoadError::Failed { failure: Failure::Panic {}, exits: Vec::new() };
        assert_eq!(judged.load(ModuleId(0)), Err(failed));
    }
}
