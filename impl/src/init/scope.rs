//! What a callback is given: its module, and what it may ask of the loader.
//!
//! It does not cover what the answers are: those of [`Loader`](super::Loader).

use std::fmt;

use lawbook_spec::init::State;

use super::error::{Error, LoadError, PairFailure};
use super::module::Pair;
use super::table::{Handle, Which};
use super::tree::{EntryError, Node};

/// Where a callback runs. It lasts as long as the call.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    host: &'a dyn Host,
    module: Handle,
    name: &'a str,
}

impl<'a> Scope<'a> {
    pub(super) fn new(host: &'a dyn Host, module: Handle, name: &'a str) -> Self {
        Scope { host, module, name }
    }

    pub(super) fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// The module whose callback this is.
    pub fn module(&self) -> Handle {
        self.module
    }

    /// What that module is called.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Makes an entry of the tree that belongs to this module: it is gone after a failed load and
    /// after unload, even if no exit removes it.
    ///
    /// # Errors
    ///
    /// When the path is none, or is taken.
    pub fn enter(&self, path: &str, node: Node) -> Result<(), EntryError> {
        self.host.enter(self.module, path, node)
    }

    /// Removes an entry that this module made.
    ///
    /// # Errors
    ///
    /// When this module has no such entry.
    pub fn remove(&self, path: &str) -> Result<(), EntryError> {
        self.host.remove(self.module, path)
    }

    /// As [`Loader::load`](super::Loader::load).
    ///
    /// # Errors
    ///
    /// As there. This module is busy.
    pub fn load<'w>(&self, module: impl Into<Which<'w>>) -> Result<Vec<PairFailure>, LoadError> {
        self.host.load(module.into())
    }

    /// As [`Loader::unload`](super::Loader::unload).
    ///
    /// # Errors
    ///
    /// As there. This module is busy.
    pub fn unload<'w>(&self, module: impl Into<Which<'w>>) -> Result<Vec<PairFailure>, Error> {
        self.host.unload(module.into())
    }

    /// As [`Loader::get`](super::Loader::get).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn get<'w>(&self, module: impl Into<Which<'w>>) -> Result<(), Error> {
        self.host.get(module.into())
    }

    /// As [`Loader::put`](super::Loader::put).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn put<'w>(&self, module: impl Into<Which<'w>>) -> Result<(), Error> {
        self.host.put(module.into())
    }

    /// As [`Loader::state`](super::Loader::state).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn state<'w>(&self, module: impl Into<Which<'w>>) -> Result<State, Error> {
        self.host.state(module.into())
    }

    /// As [`Loader::register`](super::Loader::register).
    ///
    /// # Errors
    ///
    /// As there. This module is busy. From inside a shared object it is not supported.
    pub fn register<'w>(&self, module: impl Into<Which<'w>>, pair: Pair) -> Result<(), Error> {
        self.host.register(module.into(), pair)
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("module", &self.name).finish_non_exhaustive()
    }
}

/// The loader, as its callbacks see it: itself, or the other side of a shared object's boundary.
pub(super) trait Host: Sync {
    fn load(&self, module: Which<'_>) -> Result<Vec<PairFailure>, LoadError>;
    fn unload(&self, module: Which<'_>) -> Result<Vec<PairFailure>, Error>;
    fn get(&self, module: Which<'_>) -> Result<(), Error>;
    fn put(&self, module: Which<'_>) -> Result<(), Error>;
    fn state(&self, module: Which<'_>) -> Result<State, Error>;
    fn register(&self, module: Which<'_>, pair: Pair) -> Result<(), Error>;
    fn enter(&self, owner: Handle, path: &str, node: Node) -> Result<(), EntryError>;
    fn remove(&self, owner: Handle, path: &str) -> Result<(), EntryError>;
}
