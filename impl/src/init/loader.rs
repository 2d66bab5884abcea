//! The loader: it calls inits and exits in their order, and never while it holds its lock.
//!
//! Whoever asks for what can't be done now is refused at once; nobody waits, and so a callback that
//! calls back in can't stop for ever. It does not cover what the modules do.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use lawbook_spec::init::State;

use super::error::{BootFailure, Error, FailedLoad, Failure, LoadError, PairFailure, PairId};
use super::lock::Lock;
use super::module::{Callback, Module, Pair};
use super::scope::{Host, Scope};
use super::table::{Handle, Slot, Table, Which, Work};
use super::tree::{EntryError, EntryErrorKind, Node};

/// A loader of modules, shared between threads by reference.
///
/// A module is Unloaded, Coming while its inits run, Live, and Going while its exits run. What
/// another thread, or a callback, asks of a module that is Coming or Going is refused as
/// [`Busy`](super::ErrorKind::Busy).
///
/// To drop a loader is not to shut it down: no exit runs, and what the inits did stays done.
/// Whoever wants the exits calls [`shut_down`](Self::shut_down) before. Callbacks and entries are
/// dropped, except that the library of a shared object that is not unloaded stays in memory for
/// ever, since its code may still be in use.
pub struct Loader<L = Mutex<Table>> {
    table: L,
}

impl Loader {
    /// A loader without modules.
    pub fn new() -> Self {
        Self::with_lock()
    }
}

impl Default for Loader {
    fn default() -> Self {
        Self::new()
    }
}

/// What became of one module in [`Loader::shut_down`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Which module.
    pub module: Handle,
    /// The exits that failed, in order, or why it stays.
    pub outcome: Result<Vec<PairFailure>, Error>,
}

/// A module that was loaded, and its inits whose code was odd.
type Started = (Handle, Vec<PairFailure>);

impl<L: Lock<Table>> Loader<L> {
    /// A loader without modules, around a lock of another kind.
    pub fn with_lock() -> Self {
        Loader { table: L::new(Table::default()) }
    }

    /// Links a module: from now on it can be loaded, or is started at boot. The exits of what is
    /// built in are discarded.
    ///
    /// # Errors
    ///
    /// [`Duplicate`](super::ErrorKind::Duplicate) when another module has its name, and
    /// [`AlreadyBooted`](super::ErrorKind::AlreadyBooted) when it is built in and comes too late.
    pub fn add(&self, module: Module) -> Result<Handle, Error> {
        // A slot that is refused is dropped here, outside the lock.
        let mut slot = Some(Slot::new(module, None));
        self.table.with(|table| table.add(&mut slot))
    }

    /// Adds all, or none.
    pub(super) fn add_slots(&self, slots: Vec<Slot>) -> Result<Vec<Handle>, Error> {
        let mut slots: Vec<Option<Slot>> = slots.into_iter().map(Some).collect();
        let (outcome, rest) = self.table.with(|table| table.add_all(&mut slots));
        drop(rest);
        outcome
    }

    /// Adds a module and loads it in one step: it goes with the load, or with its unload.
    pub(super) fn load_transient(&self, slot: Slot) -> Result<Started, LoadError> {
        let mut slot = Some(slot);
        let work = self.table.with(|table| {
            let module = table.add(&mut slot)?;
            table.begin_load(Which::Handle(module))
        })?;
        Ok((work.module, self.start(&work)?))
    }

    /// The module with this name.
    ///
    /// # Errors
    ///
    /// [`Unknown`](super::ErrorKind::Unknown).
    pub fn find<'w>(&self, module: impl Into<Which<'w>>) -> Result<Handle, Error> {
        let which = module.into();
        self.table.with(|table| table.find(which))
    }

    /// Loads a module: calls its inits in the order of (priority, registration) until one fails;
    /// then the exits of those that completed run in reverse, and its own does not.
    /// Returns the inits whose code was positive, which is odd and no failure.
    ///
    /// # Errors
    ///
    /// [`LoadError::Failed`] with the first failing init, and the exits that failed beside it;
    /// [`LoadError::Refused`] when nothing was called.
    pub fn load<'w>(&self, module: impl Into<Which<'w>>) -> Result<Vec<PairFailure>, LoadError> {
        let which = module.into();
        let work = self.table.with(|table| table.begin_load(which))?;
        self.start(&work)
    }

    /// Calls the inits of a module that is Coming.
    fn start(&self, work: &Work) -> Result<Vec<PairFailure>, LoadError> {
        let mut odd = Vec::new();
        for (place, pair) in work.pairs.iter().enumerate() {
            match self.init(work, pair) {
                Ok(0) => {}
                Ok(code) => odd.push(pair.failed(Failure::Code(code))),
                Err(failure) => return Err(self.unwind(work, place, failure)),
            }
        }
        self.table.with(|table| table.end_load(work.module));
        Ok(odd)
    }

    /// Undoes a load whose init in this place failed.
    fn unwind(&self, work: &Work, place: usize, failure: Failure) -> LoadError {
        self.table.with(|table| table.begin_unwinding(work.module));
        let init = work.pairs[place].failed(failure);
        let exits = self.exits(work, place);
        drop(self.table.with(|table| table.end_unload(work.module)));
        LoadError::Failed(Box::new(FailedLoad { module: work.name.clone(), init, exits }))
    }

    /// Unloads a module: its exits run in exactly the reverse of its inits, all of them. Returns
    /// those that failed, in the order in which they ran.
    ///
    /// # Errors
    ///
    /// When it is refused: before the first exit, and nothing changes.
    pub fn unload<'w>(&self, module: impl Into<Which<'w>>) -> Result<Vec<PairFailure>, Error> {
        let which = module.into();
        let work = self.table.with(|table| table.begin_unload(which))?;
        let failed = self.exits(&work, work.pairs.len());
        drop(self.table.with(|table| table.end_unload(work.module)));
        Ok(failed)
    }

    /// Unloads all modules that are Live and not built in, the one that was loaded last first. One
    /// that is refused stays, and the others go.
    pub fn shut_down(&self) -> Vec<Stopped> {
        let modules = self.table.with(|table| table.loaded());
        let stop = |module| Stopped { module, outcome: self.unload(module) };
        modules.into_iter().map(stop).collect()
    }

    /// Starts everything that is built in: all inits of all modules in the order of (priority,
    /// module in link order, registration), each once, whatever others return; one on the
    /// blacklist is skipped, and so is a module with wrong parameters, which stays Unloaded.
    /// Returns those that failed, in order.
    ///
    /// # Errors
    ///
    /// [`AlreadyBooted`](super::ErrorKind::AlreadyBooted) the second time.
    pub fn boot(&self) -> Result<Vec<BootFailure>, Error> {
        let works = self.table.with(|table| table.begin_boot())?;
        let mut all: Vec<(&Work, &Pair)> = Vec::new();
        for work in &works {
            all.extend(work.pairs.iter().map(|pair| (work, pair)));
        }
        all.sort_unstable_by_key(|(work, pair)| (pair.priority, work.module, pair.index));
        let mut failed = Vec::new();
        for (work, pair) in all {
            match self.init(work, pair) {
                Ok(_) | Err(Failure::Blacklisted) => {}
                Err(failure) => failed.push(BootFailure {
                    module: work.module,
                    name: work.name.clone(),
                    init: pair.failed(failure),
                }),
            }
        }
        self.table.with(|table| table.end_boot());
        Ok(failed)
    }

    /// Takes a reference: while it is held, the module is not unloaded. A module that is Coming
    /// gives them too; if its load fails, they are dropped.
    ///
    /// # Errors
    ///
    /// [`NotLoaded`](super::ErrorKind::NotLoaded) when it is Unloaded or Going.
    pub fn get<'w>(&self, module: impl Into<Which<'w>>) -> Result<(), Error> {
        let which = module.into();
        self.table.with(|table| table.get(which))
    }

    /// Gives a reference back.
    ///
    /// # Errors
    ///
    /// [`NotHeld`](super::ErrorKind::NotHeld) when there is none.
    pub fn put<'w>(&self, module: impl Into<Which<'w>>) -> Result<(), Error> {
        let which = module.into();
        self.table.with(|table| table.put(which))
    }

    /// Registers one more pair.
    ///
    /// # Errors
    ///
    /// [`Busy`](super::ErrorKind::Busy) unless the module is Unloaded.
    pub fn register<'w>(&self, module: impl Into<Which<'w>>, pair: Pair) -> Result<(), Error> {
        let which = module.into();
        // What is refused is dropped with this copy, outside the lock.
        let copy = pair.clone();
        let outcome = self.table.with(|table| table.register(which, pair));
        drop(copy);
        outcome
    }

    /// Puts the inits of the pairs with this label on the blacklist, all of them.
    ///
    /// # Errors
    ///
    /// [`NoSuchPair`](super::ErrorKind::NoSuchPair), and [`Busy`](super::ErrorKind::Busy) unless
    /// the module is Unloaded.
    pub fn blacklist<'w>(&self, module: impl Into<Which<'w>>, label: &str) -> Result<(), Error> {
        let which = module.into();
        self.table.with(|table| table.blacklist(which, label))
    }

    /// Where a module stands.
    ///
    /// # Errors
    ///
    /// [`Unknown`](super::ErrorKind::Unknown).
    pub fn state<'w>(&self, module: impl Into<Which<'w>>) -> Result<State, Error> {
        let which = module.into();
        self.table.with(|table| table.state(which))
    }

    /// How many references to a module are held.
    ///
    /// # Errors
    ///
    /// [`Unknown`](super::ErrorKind::Unknown).
    pub fn references<'w>(&self, module: impl Into<Which<'w>>) -> Result<u32, Error> {
        let which = module.into();
        self.table.with(|table| table.references(which))
    }

    /// The names of all modules in link order, and where each stands.
    pub fn modules(&self) -> Vec<(String, State)> {
        self.table.with(|table| table.modules())
    }

    /// The paths of the entries that a module made, sorted.
    ///
    /// # Errors
    ///
    /// [`Unknown`](super::ErrorKind::Unknown).
    pub fn entries<'w>(&self, module: impl Into<Which<'w>>) -> Result<Vec<String>, Error> {
        let which = module.into();
        self.table.with(|table| table.find(which).map(|module| table.tree().of(module)))
    }

    /// The paths of the entries in a directory and below it, sorted; of all, with "".
    pub fn list(&self, directory: &str) -> Vec<String> {
        self.table.with(|table| table.tree().list(directory))
    }

    /// Reads an entry.
    ///
    /// # Errors
    ///
    /// When it is not there, or its function panics.
    pub fn read(&self, path: &str) -> Result<String, EntryError> {
        let node = self.table.with(|table| table.tree().node(path))?;
        guarded(|| (node.read)())
            .map_err(|message| EntryError::new(path, EntryErrorKind::Panic(message)))
    }

    /// Writes to an entry.
    ///
    /// # Errors
    ///
    /// When it is not there, can't be written to, or its function fails or panics.
    pub fn store(&self, path: &str, text: &str) -> Result<(), EntryError> {
        let node = self.table.with(|table| table.tree().node(path))?;
        let Some(store) = &node.store else {
            return Err(EntryError::new(path, EntryErrorKind::ReadOnly));
        };
        match guarded(|| store(text)) {
            Ok(0) => Ok(()),
            Ok(code) => Err(EntryError::new(path, EntryErrorKind::Code(code))),
            Err(message) => Err(EntryError::new(path, EntryErrorKind::Panic(message))),
        }
    }

    /// Calls the init of a pair: the code, when that is no failure.
    fn init(&self, work: &Work, pair: &Pair) -> Result<i32, Failure> {
        match &pair.init {
            Some(_) if pair.blacklisted => Err(Failure::Blacklisted),
            None => Ok(0),
            Some(init) => match self.call(work, init) {
                Ok(code) if code < 0 => Err(Failure::Code(code)),
                outcome => outcome,
            },
        }
    }

    /// Calls the exits of the first pairs, `completed` of them, in reverse. Returns those that
    /// failed.
    fn exits(&self, work: &Work, completed: usize) -> Vec<PairFailure> {
        let mut failed = Vec::new();
        for pair in work.pairs[..completed].iter().rev() {
            match pair.exit.as_ref().map_or(Ok(0), |exit| self.call(work, exit)) {
                Ok(0) => {}
                Ok(code) => failed.push(pair.failed(Failure::Code(code))),
                Err(failure) => failed.push(pair.failed(failure)),
            }
        }
        failed
    }

    fn call(&self, work: &Work, callback: &Callback) -> Result<i32, Failure> {
        let scope = Scope::new(self, work.module, &work.name);
        guarded(|| callback(&scope)).map_err(Failure::Panic)
    }
}

impl Pair {
    fn failed(&self, failure: Failure) -> PairFailure {
        let (index, priority, label) = (self.index, self.priority, self.label.clone());
        PairFailure { pair: PairId { index, priority, label }, failure }
    }
}

impl<L: Lock<Table>> Host for Loader<L> {
    fn load(&self, module: Which<'_>) -> Result<Vec<PairFailure>, LoadError> {
        self.load(module)
    }

    fn unload(&self, module: Which<'_>) -> Result<Vec<PairFailure>, Error> {
        self.unload(module)
    }

    fn get(&self, module: Which<'_>) -> Result<(), Error> {
        self.get(module)
    }

    fn put(&self, module: Which<'_>) -> Result<(), Error> {
        self.put(module)
    }

    fn state(&self, module: Which<'_>) -> Result<State, Error> {
        self.state(module)
    }

    fn register(&self, module: Which<'_>, pair: Pair) -> Result<(), Error> {
        self.register(module, pair)
    }

    fn enter(&self, owner: Handle, path: &str, node: Node) -> Result<(), EntryError> {
        // What is refused is dropped with this copy, outside the lock.
        let copy = node.clone();
        let outcome = self.table.with(|table| table.enter(owner, path, node));
        drop(copy);
        outcome
    }

    fn remove(&self, owner: Handle, path: &str) -> Result<(), EntryError> {
        self.table.with(|table| table.tree().remove(owner, path)).map(drop)
    }
}

impl<L> fmt::Debug for Loader<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").finish_non_exhaustive()
    }
}

/// Runs somebody's code: its panic is a message, and goes no further.
pub(super) fn guarded<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    // The loader's own state is behind its lock, and whole whenever that is free.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let message = message(&*payload);
        // To drop a payload is to run somebody's code again.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(payload);
        }
        message
    })
}

/// Somebody's value: when it is dropped, its panic goes no further, wherever that happens.
pub(super) struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    pub(super) fn new(value: T) -> Self {
        Quiet(Some(value))
    }

    pub(super) fn get(&self) -> &T {
        self.0.as_ref().expect("it is taken out when it is dropped")
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        // Nobody is there to be told; the panic hook has said it.
        drop(guarded(|| drop(value)));
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(message), _) => (*message).to_owned(),
        (None, Some(message)) => message.clone(),
        (None, None) => "without a message".to_owned(),
    }
}
