//! Rusty Russell's "\[PATCH 3/3\] Allow arbitrary number of init funcs in modules" of 23 June 2003
//! (message id `20030623092028.2B5272C2FC@lists.samba.org`), function by function and bug for bug,
//! as it ran on i386.
//!
//! Its nouns: the *entry* (a priority, an init and an exit, either of which may be NULL), the
//! table of entries of a module (`ie_pairs`), the list of the initcalls that are built in, and the
//! [`Edition`]: as posted, or with the patch of Jonathan Corbet's report of the same day
//! (`20030623191141.31814.qmail@eklektix.com`).
//!
//! What C does where it wraps is done here by wrapping arithmetic; what makes a kernel oops is a
//! panic that says what it was. A mutex that is taken by whoever holds it is
//! [`Error::Deadlock`]. The table is sorted before relocation: on i386, whose addends lie in the
//! table, the functions move with their entries.
//!
//! Three things around it are ours, since a kernel boots once and trusts who gives a reference
//! back: that a second boot is refused (INIT-36), that a put without a get is refused (INIT-42),
//! and that what is asked of a module that is not loaded is refused.
//! It does not cover functions that are merely named `init_module` and `cleanup_module`, which v1
//! never calls; machines with separate addends, where functions are left behind by the sort; and
//! forced unloading.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use lawbook_spec::core::Subject;
use lawbook_spec::init::{
    Callback, Driver, Error, ExitFailure, Failure, FailureRule, Held, Init, InitFailure, Linkage,
    LoadError, Module, ModuleId, ModuleLoader, Permanence, Priority, Profile, State,
};

/// Which of the two patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edition {
    /// As posted.
    Posted,
    /// With Jonathan Corbet's: `can_unload` advances, the counter of the unload loop is signed,
    /// and a NULL init is skipped at load.
    Corbet,
}

/// The loader of an edition, ready to run cases.
pub(super) fn subject(edition: Edition) -> impl Subject<Init> {
    Driver::new(profile(), move || Kernel::new(edition))
}

fn profile() -> Profile {
    Profile {
        permanence: Permanence::Balance,
        failure: FailureRule::Nonzero,
        held: Held::Stuck,
        built_in: true,
        references: true,
        parameters: true,
        legacy: true,
        nulls: true,
        // No `exit_errors`: exits are void. No `boot_log`: what initcalls return is dropped. Not
        // `reentrant`: the exits run under module_mutex.
        ..Profile::default()
    }
}

/// The kernel, as far as the patch sees it.
pub(super) struct Kernel {
    edition: Edition,
    /// The module files: what can be loaded.
    files: RefCell<BTreeMap<ModuleId, File>>,
    /// The section of initcalls, in link order.
    initcalls: RefCell<Vec<KernelInit>>,
    /// The list of modules.
    modules: RefCell<BTreeMap<ModuleId, Loaded>>,
    module_mutex: ModuleMutex,
    booted: Cell<bool>,
}

/// A module before it is loaded.
struct File {
    /// The section `__initexit`, in the order of the source.
    ie_pairs: Vec<InitExit>,
    parse_args: Result<(), i32>,
}

/// An entry of a module: `struct init_exit`.
#[derive(Clone)]
struct InitExit {
    prio: i32,
    init: Option<Callback>,
    exit: Option<Callback>,
}

/// An entry of what is built in: `struct kernel_init`.
#[derive(Clone)]
struct KernelInit {
    prio: i32,
    init: Option<Callback>,
}

/// A module on the list.
struct Loaded {
    state: State,
    /// The references that are held, the loader's own among them while it is Coming.
    refcount: u32,
    ie_pairs: Rc<[InitExit]>,
}

/// Whether somebody is inside.
#[derive(Default)]
struct ModuleMutex(Cell<bool>);

impl Kernel {
    pub(super) fn new(edition: Edition) -> Self {
        Kernel {
            edition,
            files: RefCell::default(),
            initcalls: RefCell::default(),
            modules: RefCell::default(),
            module_mutex: ModuleMutex::default(),
            booted: Cell::new(false),
        }
    }

    // init/main.c

    fn do_initcalls(&self) {
        let initcalls = self.initcalls.borrow().clone();
        let mut min_prio_todo = i32::MIN;
        while let Some(next) = find_next_prio(&initcalls, min_prio_todo) {
            let prio = initcalls[next].prio;
            for i in initcalls[next..].iter().filter(|i| i.prio == prio) {
                self.do_initcall(i);
            }
            // After i32::MAX everything begins again.
            min_prio_todo = prio.wrapping_add(1);
        }
    }

    fn do_initcall(&self, call: &KernelInit) {
        // What it returns is dropped.
        self.call(call.init.as_ref(), "a built-in NULL init is called");
    }

    // kernel/module.c

    fn sys_init_module(&self, id: ModuleId) -> Result<(), LoadError> {
        let ie_pairs = self.load_module(id)?;
        let mut failed = None;
        for (i, pair) in ie_pairs.iter().enumerate() {
            if self.edition == Edition::Corbet && pair.init.is_none() {
                continue;
            }
            let ret = self.call(pair.init.as_ref(), "a NULL init is called at load");
            if ret != 0 {
                failed = Some((i, ret));
                break;
            }
        }
        let Some((i, ret)) = failed else {
            self.set_state(id, State::Live);
            self.module_put(id);
            return Ok(());
        };
        let failure = LoadError::Failed { failure: Failure::Code { code: ret }, exits: Vec::new() };
        self.set_state(id, State::Going);
        self.module_put(id);
        if self.module_refcount(id) != 0 {
            // "module is now stuck!"
            return Err(failure);
        }
        self.module_mutex.down()?;
        for exit in ie_pairs[..i].iter().rev().filter_map(|pair| pair.exit.as_ref()) {
            exit(self);
        }
        self.free_module(id);
        self.module_mutex.up();
        Err(failure)
    }

    /// Puts a module on the list, with its table sorted and one reference: the loader's own.
    fn load_module(&self, id: ModuleId) -> Result<Rc<[InitExit]>, Error> {
        self.module_mutex.down()?;
        let loaded = self.read_module(id);
        self.module_mutex.up();
        let ie_pairs: Rc<[InitExit]> = loaded?.into();
        let loaded = Loaded { state: State::Coming, refcount: 1, ie_pairs: Rc::clone(&ie_pairs) };
        self.modules.borrow_mut().insert(id, loaded);
        Ok(ie_pairs)
    }

    fn read_module(&self, id: ModuleId) -> Result<Vec<InitExit>, Error> {
        if self.modules.borrow().contains_key(&id) {
            return Err(Error::AlreadyLoaded);
        }
        let files = self.files.borrow();
        let file = files.get(&id).ok_or(Error::NotLoaded)?;
        let mut ie_pairs = file.ie_pairs.clone();
        sort_ie_pairs(&mut ie_pairs);
        file.parse_args.map_err(|_| Error::Parameters)?;
        Ok(ie_pairs)
    }

    fn sys_delete_module(&self, id: ModuleId) -> Result<(), Error> {
        self.module_mutex.down()?;
        let deleted = self.delete_module(id);
        self.module_mutex.up();
        deleted
    }

    /// The part under the mutex.
    fn delete_module(&self, id: ModuleId) -> Result<(), Error> {
        let (state, refcount, ie_pairs) = {
            let modules = self.modules.borrow();
            let module = modules.get(&id).ok_or(Error::NotLoaded)?;
            (module.state, module.refcount, Rc::clone(&module.ie_pairs))
        };
        if state == State::Going {
            return Err(Error::Busy);
        }
        if !can_unload(self.edition, &ie_pairs) {
            return Err(Error::Permanent);
        }
        if refcount != 0 {
            return Err(Error::InUse);
        }
        self.set_state(id, State::Going);
        let count = u32::try_from(ie_pairs.len()).expect("a table has fewer than 2³² entries");
        let mut i = count.wrapping_sub(1);
        // Signed, the counter ends the loop at -1; an unsigned one is always at least 0.
        while self.edition == Edition::Posted || i.cast_signed() >= 0 {
            let Some(pair) = ie_pairs.get(i as usize) else {
                panic!("oops: unloading reads ie_pairs[{i}] of {count}");
            };
            if let Some(exit) = &pair.exit {
                exit(self);
            }
            i = i.wrapping_sub(1);
        }
        self.free_module(id);
        Ok(())
    }

    fn set_state(&self, id: ModuleId, state: State) {
        self.change(id, |module| module.state = state);
    }

    fn module_put(&self, id: ModuleId) {
        self.change(id, |module| module.refcount = module.refcount.wrapping_sub(1));
    }

    fn module_refcount(&self, id: ModuleId) -> u32 {
        self.modules.borrow().get(&id).map_or(0, |module| module.refcount)
    }

    fn free_module(&self, id: ModuleId) {
        self.modules.borrow_mut().remove(&id);
    }

    fn change(&self, id: ModuleId, change: impl FnOnce(&mut Loaded)) {
        if let Some(module) = self.modules.borrow_mut().get_mut(&id) {
            change(module);
        }
    }

    fn call(&self, function: Option<&Callback>, oops: &str) -> i32 {
        match function {
            Some(function) => function(self),
            None => panic!("oops: {oops}"),
        }
    }
}

/// The place of the first entry of the least priority that is not below `min`.
fn find_next_prio(initcalls: &[KernelInit], min: i32) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (i, call) in initcalls.iter().enumerate() {
        if call.prio >= min && best.is_none_or(|best| call.prio < initcalls[best].prio) {
            best = Some(i);
        }
    }
    best
}

fn can_unload(edition: Edition, ie_pairs: &[InitExit]) -> bool {
    let mut balance = 0;
    let mut pairs = 0;
    for _ in 0..ie_pairs.len() {
        let pair = &ie_pairs[pairs];
        balance += i32::from(pair.init.is_some()) - i32::from(pair.exit.is_some());
        // As posted, nothing goes on to the next pair: the first is counted every time.
        if edition == Edition::Corbet {
            pairs += 1;
        }
    }
    balance == 0
}

fn sort_ie_pairs(pairs: &mut [InitExit]) {
    for i in 0..pairs.len() {
        // What is small sinks by one place in each pass, and a later pass does not reach down to 0.
        for j in i..pairs.len() - 1 {
            if pairs[j].prio > pairs[j + 1].prio {
                pairs.swap(j, j + 1);
            }
        }
    }
}

/// The entries that `module_init_exit`, `module_init` and `module_exit` make of a source file, in
/// its order. The last two make an entry each, where they stand.
fn entries(module: &Module) -> Vec<InitExit> {
    let mut entries = Vec::new();
    for place in 0..=module.pairs.len() {
        if let Some(legacy) = &module.legacy {
            let Priority(prio) = Priority::DEVICE;
            if usize::from(legacy.init_after) == place && legacy.pair.init.is_some() {
                entries.push(InitExit { prio, init: legacy.pair.init.clone(), exit: None });
            }
            if usize::from(legacy.exit_after) == place && legacy.pair.exit.is_some() {
                entries.push(InitExit { prio, init: None, exit: legacy.pair.exit.clone() });
            }
        }
        entries.extend(module.pairs.get(place).map(|pair| InitExit {
            prio: pair.priority.0,
            init: pair.init.clone(),
            exit: pair.exit.clone(),
        }));
    }
    entries
}

impl ModuleMutex {
    fn down(&self) -> Result<(), Error> {
        if self.0.replace(true) { Err(Error::Deadlock) } else { Ok(()) }
    }

    fn up(&self) {
        self.0.set(false);
    }
}

impl ModuleLoader for Kernel {
    fn add(&self, id: ModuleId, module: Module) -> Result<(), Error> {
        let legacy = module.legacy.iter().map(|legacy| &legacy.pair);
        if module.pairs.iter().chain(legacy).any(|pair| pair.blacklisted) {
            return Err(Error::Unsupported);
        }
        match module.linkage {
            Linkage::Loadable => {
                let file = File { ie_pairs: entries(&module), parse_args: module.parameters };
                self.files.borrow_mut().insert(id, file);
            }
            Linkage::BuiltIn => {
                // `module_exit` is nothing there; a pair is an initcall, even of NULL.
                let module = without_legacy_exit(module);
                let initcalls = entries(&module).into_iter();
                let initcalls =
                    initcalls.map(|entry| KernelInit { prio: entry.prio, init: entry.init });
                self.initcalls.borrow_mut().extend(initcalls);
            }
        }
        Ok(())
    }

    fn load(&self, id: ModuleId) -> Result<(), LoadError> {
        self.sys_init_module(id)
    }

    fn unload(&self, id: ModuleId) -> Result<Vec<ExitFailure>, Error> {
        self.sys_delete_module(id).map(|()| Vec::new())
    }

    fn state(&self, id: ModuleId) -> State {
        self.modules.borrow().get(&id).map_or(State::Unloaded, |module| module.state)
    }

    fn get(&self, id: ModuleId) -> Result<(), Error> {
        match self.state(id) {
            State::Coming | State::Live => {
                self.change(id, |module| module.refcount = module.refcount.wrapping_add(1));
                Ok(())
            }
            State::Unloaded | State::Going => Err(Error::NotLoaded),
        }
    }

    fn put(&self, id: ModuleId) -> Result<(), Error> {
        if self.references(id) == 0 {
            return Err(Error::NotHeld);
        }
        self.module_put(id);
        Ok(())
    }

    fn references(&self, id: ModuleId) -> u32 {
        let own = u32::from(self.state(id) == State::Coming);
        self.module_refcount(id) - own
    }

    fn boot(&self) -> Result<Vec<InitFailure>, Error> {
        if self.booted.replace(true) {
            return Err(Error::AlreadyBooted);
        }
        self.do_initcalls();
        Ok(Vec::new())
    }
}

fn without_legacy_exit(mut module: Module) -> Module {
    if let Some(legacy) = &mut module.legacy {
        legacy.pair.exit = None;
    }
    module
}
