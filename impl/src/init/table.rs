//! What the lock of a loader guards: the modules, where each stands, and the entries.
//!
//! Each method is one transition, all of it or nothing. No callback is called here, and what may
//! run somebody's code when it is dropped is returned, so that it is dropped outside the lock.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lawbook_spec::init::{Linkage, State};

use super::error::{Error, ErrorKind};
use super::module::{Module, Pair};
use super::tree::{EntryError, EntryErrorKind, Node, Tree};

/// The number of a module in one loader, which never gives it to another module. To another loader
/// it means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub(super) u64);

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Which module: by name, or by handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// The module with this name.
    Name(&'a str),
    /// The module with this handle.
    Handle(Handle),
}

impl<'a> From<&'a str> for Which<'a> {
    fn from(name: &'a str) -> Self {
        Which::Name(name)
    }
}

impl<'a> From<&'a String> for Which<'a> {
    fn from(name: &'a String) -> Self {
        Which::Name(name)
    }
}

impl From<Handle> for Which<'_> {
    fn from(handle: Handle) -> Self {
        Which::Handle(handle)
    }
}

/// What a [`Lock`](super::Lock) guards. Nothing in it is for others; a copy of it is cheap, and
/// shares the callbacks.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// In link order.
    slots: BTreeMap<Handle, Slot>,
    names: BTreeMap<Cow<'static, str>, Handle>,
    tree: Tree,
    /// How many handles were given.
    handles: u64,
    /// How many loads completed.
    loads: u64,
    booted: bool,
}

/// One module.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    name: Cow<'static, str>,
    linkage: Linkage,
    parameters: Result<(), i32>,
    state: State,
    references: u32,
    /// Its place among the loads that completed.
    loaded_as: u64,
    /// In the order of (priority, index) when `sorted`; before that the legacy pair is the last.
    pairs: Arc<Vec<Pair>>,
    sorted: bool,
    has_legacy: bool,
    permanent: bool,
    /// Of a module that came with a shared object: it is forgotten when it is unloaded.
    lease: Option<Lease>,
}

/// Whether the library of a shared object is in use: from before its first init until after its
/// last exit. While it is, the library can't be closed, not even when the loader is dropped.
#[derive(Debug, Clone, Default)]
pub(super) struct Lease(Arc<AtomicBool>);

impl Lease {
    pub(super) fn is_in_use(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn end(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// What is to be called: the pairs of a module in their order.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) module: Handle,
    pub(super) name: Cow<'static, str>,
    pub(super) pairs: Arc<Vec<Pair>>,
}

/// What was taken out of the table, to be dropped outside the lock.
#[derive(Debug, Default)]
pub(super) struct Rest {
    _nodes: Vec<Node>,
    _slot: Option<Slot>,
}

impl Table {
    /// Takes the slot, or leaves it where it is.
    pub(super) fn add(&mut self, new: &mut Option<Slot>) -> Result<Handle, Error> {
        let slot = new.as_ref().expect("a slot is added once");
        if self.names.contains_key(&slot.name) {
            return Err(slot.refuses(ErrorKind::Duplicate));
        }
        if slot.is_built_in() && self.booted {
            return Err(slot.refuses(ErrorKind::AlreadyBooted));
        }
        let slot = new.take().expect("it was there a moment ago");
        let handle = Handle(self.handles);
        self.handles += 1;
        self.names.insert(slot.name.clone(), handle);
        self.slots.insert(handle, slot);
        Ok(handle)
    }

    /// Takes all slots, or none. What it took and gave back again is the rest.
    pub(super) fn add_all(
        &mut self,
        new: &mut [Option<Slot>],
    ) -> (Result<Vec<Handle>, Error>, Vec<Rest>) {
        let mut added = Vec::new();
        for slot in new {
            match self.add(slot) {
                Ok(handle) => added.push(handle),
                Err(error) => {
                    let rest = added.into_iter().map(|handle| self.forget(handle)).collect();
                    return (Err(error), rest);
                }
            }
        }
        (Ok(added), Vec::new())
    }

    /// Takes a module out of the list.
    fn forget(&mut self, handle: Handle) -> Rest {
        let slot = self.slots.remove(&handle);
        if let Some(slot) = &slot {
            self.names.remove(&slot.name);
        }
        Rest { _nodes: self.tree.remove_all(handle), _slot: slot }
    }

    pub(super) fn find(&self, which: Which<'_>) -> Result<Handle, Error> {
        let handle = match which {
            Which::Name(name) => self.names.get(name).copied(),
            Which::Handle(handle) => Some(handle).filter(|handle| self.slots.contains_key(handle)),
        };
        handle.ok_or_else(|| Error::new(which.to_string(), ErrorKind::Unknown))
    }

    fn slot(&mut self, which: Which<'_>) -> Result<(Handle, &mut Slot), Error> {
        let handle = self.find(which)?;
        let slot = self.slots.get_mut(&handle);
        let slot = slot.ok_or_else(|| Error::new(which.to_string(), ErrorKind::Unknown))?;
        Ok((handle, slot))
    }

    pub(super) fn begin_load(&mut self, which: Which<'_>) -> Result<Work, Error> {
        let (module, slot) = self.slot(which)?;
        slot.expect_loadable()?;
        match slot.state {
            State::Unloaded => {}
            State::Live => return Err(slot.refuses(ErrorKind::AlreadyLoaded)),
            State::Coming | State::Going => return Err(slot.refuses(ErrorKind::Busy)),
        }
        slot.parameters.map_err(|code| slot.refuses(ErrorKind::Parameters(code)))?;
        slot.state = State::Coming;
        if let Some(lease) = &slot.lease {
            lease.begin();
        }
        Ok(slot.work(module))
    }

    pub(super) fn begin_unload(&mut self, which: Which<'_>) -> Result<Work, Error> {
        let (module, slot) = self.slot(which)?;
        slot.expect_loadable()?;
        match slot.state {
            State::Unloaded => return Err(slot.refuses(ErrorKind::NotLoaded)),
            State::Coming | State::Going => return Err(slot.refuses(ErrorKind::Busy)),
            State::Live if slot.references > 0 => return Err(slot.refuses(ErrorKind::InUse)),
            State::Live if slot.permanent => return Err(slot.refuses(ErrorKind::Permanent)),
            State::Live => {}
        }
        slot.state = State::Going;
        Ok(slot.work(module))
    }

    /// An init failed: while the exits run, nobody gets a reference.
    pub(super) fn begin_unwinding(&mut self, module: Handle) {
        if let Some(slot) = self.slots.get_mut(&module) {
            slot.state = State::Going;
        }
    }

    pub(super) fn end_load(&mut self, module: Handle) {
        self.loads += 1;
        if let Some(slot) = self.slots.get_mut(&module) {
            slot.state = State::Live;
            slot.loaded_as = self.loads;
        }
    }

    /// The exits ran, of an unload or of a failed load.
    pub(super) fn end_unload(&mut self, module: Handle) -> Rest {
        let Some(slot) = self.slots.get_mut(&module) else { return Rest::default() };
        if let Some(lease) = &slot.lease {
            lease.end();
            return self.forget(module);
        }
        slot.state = State::Unloaded;
        // Those that an init took of its own module go with it.
        slot.references = 0;
        Rest { _nodes: self.tree.remove_all(module), _slot: None }
    }

    /// Everything that is built in and has no wrong parameters, in link order.
    pub(super) fn begin_boot(&mut self) -> Result<Vec<Work>, Error> {
        if self.booted {
            return Err(Error::new("", ErrorKind::AlreadyBooted));
        }
        self.booted = true;
        let starts = |slot: &Slot| slot.is_built_in() && slot.parameters.is_ok();
        let started = self.slots.iter_mut().filter(|(_, slot)| starts(slot));
        Ok(started
            .map(|(module, slot)| {
                slot.state = State::Coming;
                slot.work(*module)
            })
            .collect())
    }

    pub(super) fn end_boot(&mut self) {
        let started = |slot: &&mut Slot| slot.is_built_in() && slot.state == State::Coming;
        for slot in self.slots.values_mut().filter(started) {
            slot.state = State::Live;
        }
    }

    pub(super) fn get(&mut self, which: Which<'_>) -> Result<(), Error> {
        let (_, slot) = self.slot(which)?;
        match slot.state {
            State::Unloaded | State::Going => Err(slot.refuses(ErrorKind::NotLoaded)),
            State::Coming | State::Live => {
                let more = slot.references.checked_add(1);
                slot.references = more.ok_or_else(|| slot.refuses(ErrorKind::Busy))?;
                Ok(())
            }
        }
    }

    pub(super) fn put(&mut self, which: Which<'_>) -> Result<(), Error> {
        let (_, slot) = self.slot(which)?;
        let fewer = slot.references.checked_sub(1);
        slot.references = fewer.ok_or_else(|| slot.refuses(ErrorKind::NotHeld))?;
        Ok(())
    }

    pub(super) fn register(&mut self, which: Which<'_>, pair: Pair) -> Result<(), Error> {
        let (_, slot) = self.slot(which)?;
        if slot.state != State::Unloaded {
            return Err(slot.refuses(ErrorKind::Busy));
        }
        slot.push(pair);
        Ok(())
    }

    pub(super) fn blacklist(&mut self, which: Which<'_>, label: &str) -> Result<(), Error> {
        let (_, slot) = self.slot(which)?;
        if slot.state != State::Unloaded {
            return Err(slot.refuses(ErrorKind::Busy));
        }
        if !slot.pairs.iter().any(|pair| pair.label == label) {
            return Err(slot.refuses(ErrorKind::NoSuchPair(label.to_owned())));
        }
        for pair in Arc::make_mut(&mut slot.pairs).iter_mut() {
            pair.blacklisted |= pair.label == label;
        }
        Ok(())
    }

    pub(super) fn state(&self, which: Which<'_>) -> Result<State, Error> {
        Ok(self.slots.get(&self.find(which)?).map(|slot| slot.state).unwrap_or_default())
    }

    pub(super) fn references(&self, which: Which<'_>) -> Result<u32, Error> {
        Ok(self.slots.get(&self.find(which)?).map_or(0, |slot| slot.references))
    }

    /// The names of all modules in link order, and where each stands.
    pub(super) fn modules(&self) -> Vec<(String, State)> {
        self.slots.values().map(|slot| (slot.name.to_string(), slot.state)).collect()
    }

    /// The modules that were loaded and still are, the last first.
    pub(super) fn loaded(&self) -> Vec<Handle> {
        let live = |slot: &Slot| !slot.is_built_in() && slot.state == State::Live;
        let all = self.slots.iter().filter(|(_, slot)| live(slot));
        let mut all: Vec<(u64, Handle)> =
            all.map(|(handle, slot)| (slot.loaded_as, *handle)).collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all.into_iter().map(|(_, handle)| handle).collect()
    }

    pub(super) fn enter(
        &mut self,
        owner: Handle,
        path: &str,
        node: Node,
    ) -> Result<(), EntryError> {
        match self.slots.get(&owner).map(|slot| slot.state) {
            None | Some(State::Unloaded) => Err(EntryError::new(path, EntryErrorKind::NoOwner)),
            Some(_) => self.tree.insert(owner, path, node),
        }
    }

    pub(super) fn tree(&mut self) -> &mut Tree {
        &mut self.tree
    }
}

impl Slot {
    /// A module in its first state. An exit of what is built in is discarded.
    pub(super) fn new(module: Module, lease: Option<Lease>) -> Self {
        let Module { name, linkage, mut pairs, legacy, parameters } = module;
        let has_legacy = legacy.is_some();
        pairs.extend(legacy);
        let mut permanent = false;
        for (index, pair) in (0..).zip(&mut pairs) {
            pair.index = index;
            permanent |= pair.is_permanent();
            if linkage == Linkage::BuiltIn {
                pair.exit = None;
            }
        }
        Slot {
            name,
            linkage,
            parameters,
            state: State::Unloaded,
            references: 0,
            loaded_as: 0,
            pairs: Arc::new(pairs),
            sorted: false,
            has_legacy,
            permanent,
            lease,
        }
    }

    fn is_built_in(&self) -> bool {
        self.linkage == Linkage::BuiltIn
    }

    fn expect_loadable(&self) -> Result<(), Error> {
        match self.linkage {
            Linkage::Loadable => Ok(()),
            Linkage::BuiltIn => Err(self.refuses(ErrorKind::BuiltIn)),
        }
    }

    fn refuses(&self, kind: ErrorKind) -> Error {
        Error::new(self.name.clone(), kind)
    }

    /// Registers one more pair: before the legacy pair, which stays the last of its ties.
    fn push(&mut self, mut pair: Pair) {
        self.permanent |= pair.is_permanent();
        if self.is_built_in() {
            pair.exit = None;
        }
        let pairs = Arc::make_mut(&mut self.pairs);
        let count = index(pairs.len());
        let legacy = match self.has_legacy {
            false => None,
            true if self.sorted => {
                let last = pairs.iter().position(|pair| pair.index == count - 1);
                last.map(|place| pairs.remove(place))
            }
            true => pairs.pop(),
        };
        pair.index = index(pairs.len());
        pairs.push(pair);
        pairs.extend(legacy.map(|legacy| Pair { index: count, ..legacy }));
        self.sorted = false;
    }

    fn work(&mut self, module: Handle) -> Work {
        if !self.sorted {
            let pairs = Arc::make_mut(&mut self.pairs);
            pairs.sort_unstable_by_key(|pair| (pair.priority, pair.index));
            self.sorted = true;
        }
        Work { module, name: self.name.clone(), pairs: Arc::clone(&self.pairs) }
    }
}

fn index(place: usize) -> u32 {
    u32::try_from(place).expect("a module has fewer than 2^32 pairs")
}

impl fmt::Display for Which<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Which::Name(name) => f.write_str(name),
            Which::Handle(handle) => handle.fmt(f),
        }
    }
}
