//! The reference under the laws: a [`Loader`] behind the contract's trait.
//!
//! The modules of a case are called `m0`, `m1`, … and are linked in that order, so that the handle
//! of a module is its number.
//! It does not cover what the contract has no word for: labels, handles, and what an entry reads.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use lawbook_spec::core::{Implementation, Origin};
use lawbook_spec::init::{
    Callback, Driver, Error, ExitFailure, Failure, Init, InitFailure, LoadError, Module, ModuleId,
    ModuleLoader, Pair, Profile, State,
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
        version: env!("CARGO_PKG_VERSION"),
        about: "The loader that keeps every law, and can do all that the contract knows.",
        origin: Origin::Reference,
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
pub struct Judged<L = Mutex<Table>>(Loader<L>);

impl<L: Lock<Table>> Judged<L> {
    /// A loader without modules.
    pub fn with_lock() -> Self {
        Judged(Loader::with_lock())
    }
}

/// The loader, as a callback sees it.
struct Inside<'a>(&'a dyn Host);

impl<L: Lock<Table>> ModuleLoader for Judged<L> {
    fn add(&self, id: ModuleId, module: Module) -> Result<(), Error> {
        let mut ours =
            module::Module::new(name(id)).linkage(module.linkage).parameters(module.parameters);
        ours.pairs = module.pairs.into_iter().map(pair).collect();
        if let Some(legacy) = module.legacy {
            ours = ours.legacy(pair(legacy.pair));
        }
        self.0.add(ours).map(drop).map_err(refusal)
    }

    fn load(&self, id: ModuleId) -> Result<(), LoadError> {
        Inside(&self.0).load(id)
    }

    fn unload(&self, id: ModuleId) -> Result<Vec<ExitFailure>, Error> {
        Inside(&self.0).unload(id)
    }

    fn state(&self, id: ModuleId) -> State {
        Inside(&self.0).state(id)
    }

    fn register(&self, id: ModuleId, pair: Pair) -> Result<(), Error> {
        Inside(&self.0).register(id, pair)
    }

    fn get(&self, id: ModuleId) -> Result<(), Error> {
        Inside(&self.0).get(id)
    }

    fn put(&self, id: ModuleId) -> Result<(), Error> {
        Inside(&self.0).put(id)
    }

    fn references(&self, id: ModuleId) -> u32 {
        self.0.references(handle(id)).expect("what is named was added")
    }

    fn boot(&self) -> Result<Vec<InitFailure>, Error> {
        let failed = self.0.boot().map_err(refusal)?;
        let failed = failed.into_iter().map(|failed| {
            let ExitFailure { pair, failure } = failure(failed.init);
            let module = u8::try_from(failed.module.0).expect("a case has few modules");
            InitFailure { module: ModuleId(module), pair, failure }
        });
        Ok(failed.collect())
    }

    fn enter(&self, id: ModuleId, name: &str) -> Result<(), Error> {
        Inside(&self.0).enter(id, name)
    }

    fn entries(&self, id: ModuleId) -> Vec<String> {
        self.0.entries(handle(id)).expect("what is named was added")
    }
}

impl ModuleLoader for Inside<'_> {
    fn add(&self, _id: ModuleId, _module: Module) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    fn load(&self, id: ModuleId) -> Result<(), LoadError> {
        match self.0.load(which(id)) {
            Ok(_odd) => Ok(()),
            Err(error::LoadError::Refused(error)) => Err(refusal(error).into()),
            Err(error::LoadError::Failed(failed)) => Err(LoadError::Failed {
                failure: failure(failed.init).failure,
                exits: failures(failed.exits),
            }),
        }
    }

    fn unload(&self, id: ModuleId) -> Result<Vec<ExitFailure>, Error> {
        self.0.unload(which(id)).map(failures).map_err(refusal)
    }

    fn state(&self, id: ModuleId) -> State {
        self.0.state(which(id)).expect("what is named was added")
    }

    fn register(&self, id: ModuleId, new: Pair) -> Result<(), Error> {
        self.0.register(which(id), pair(new)).map_err(refusal)
    }

    fn get(&self, id: ModuleId) -> Result<(), Error> {
        self.0.get(which(id)).map_err(refusal)
    }

    fn put(&self, id: ModuleId) -> Result<(), Error> {
        self.0.put(which(id)).map_err(refusal)
    }

    fn enter(&self, id: ModuleId, name: &str) -> Result<(), Error> {
        // A case that is admitted enters each name once, from an init.
        self.0.enter(handle(id), name, Node::new(String::new)).map_err(|_| Error::Unsupported)
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

fn pair(pair: Pair) -> module::Pair {
    module::Pair {
        init: pair.init.map(callback),
        exit: pair.exit.map(callback),
        ..module::Pair::new(pair.priority).blacklisted(pair.blacklisted)
    }
}

fn callback(callback: Callback) -> module::Callback {
    Arc::new(move |scope: &Scope<'_>| callback(&Inside(scope.host())))
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
        | ErrorKind::NoSuchPair
        | ErrorKind::Unsupported => Error::Unsupported,
    }
}
