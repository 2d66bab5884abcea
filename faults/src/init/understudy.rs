//! The understudy: a loader of modules in memory, plain and slow, written independently of the
//! reference.
//!
//! It does not decide what a fault may decide differently: that is asked of its [`Decisions`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use lawbook_spec::init::{
    Callback, Error, ExitFailure, Failure, Half, InitFailure, Linkage, LoadError, Module, ModuleId,
    ModuleLoader, Pair, Profile, Runaway, State,
};

use super::decisions::{Decisions, Stopped};

/// How deep callbacks may call back in: a loader that re-enters itself without end runs out of
/// stack long before it runs out of calls.
const MOST_DEPTH: u32 = 64;

/// A loader that decides as it is told.
pub(super) struct Understudy {
    decisions: Box<dyn Decisions>,
    profile: Profile,
    /// In link order.
    modules: RefCell<BTreeMap<ModuleId, Linked>>,
    booted: Cell<bool>,
    locked: Cell<bool>,
    depth: Cell<u32>,
}

/// A module that was added.
struct Linked {
    linkage: Linkage,
    parameters: Result<(), i32>,
    pairs: Rc<Vec<Pair>>,
    state: State,
    /// Whether its last load failed.
    failed: bool,
    /// The places of the pairs whose exits are owed, in the order in which they completed.
    completed: Vec<usize>,
    references: u32,
    entries: Vec<String>,
}

impl Understudy {
    /// A loader without any module.
    pub(super) fn new(decisions: Box<dyn Decisions>) -> Self {
        Understudy {
            profile: decisions.profile(),
            decisions,
            modules: RefCell::default(),
            booted: Cell::new(false),
            locked: Cell::new(false),
            depth: Cell::new(0),
        }
    }

    /// Looks at a module or changes it. Nothing may be called back meanwhile.
    fn with<T>(&self, id: ModuleId, work: impl FnOnce(&mut Linked) -> T) -> T {
        work(self.modules.borrow_mut().get_mut(&id).expect("what is named was added"))
    }

    fn pair(&self, id: ModuleId, place: usize) -> Pair {
        self.with(id, |module| module.pairs[place].clone())
    }

    /// A lock that tells a deadlock from a wait.
    fn expect_unlocked(&self) -> Result<(), Error> {
        if self.locked.get() { Err(Error::Deadlock) } else { Ok(()) }
    }

    fn call(&self, half: Half, callback: &Callback) -> Result<i32, Failure> {
        if self.depth.get() == MOST_DEPTH {
            resume_unwind(Box::new(Runaway));
        }
        self.depth.set(self.depth.get() + 1);
        self.locked.set(self.decisions.holds_lock_over(half));
        let outcome = catch_unwind(AssertUnwindSafe(|| callback(self)));
        self.locked.set(false);
        self.depth.set(self.depth.get() - 1);
        match outcome {
            Err(payload) if payload.is::<Runaway>() => resume_unwind(payload),
            Err(_) => Err(Failure::Panic {}),
            Ok(code) => Ok(code),
        }
    }

    fn run_init(&self, id: ModuleId, place: usize) -> Result<(), Failure> {
        let pair = self.pair(id, place);
        if pair.blacklisted
            && let Some(outcome) = self.decisions.blacklisted()
        {
            return outcome;
        }
        let Some(init) = pair.init else {
            return self.decisions.null(Half::Init);
        };
        let code = self.call(Half::Init, &init)?;
        if self.decisions.fails(self.profile.failure, code) {
            return Err(Failure::Code { code });
        }
        Ok(())
    }

    fn run_exit(&self, id: ModuleId, place: usize) -> Result<(), ExitFailure> {
        let pair = self.pair(id, place);
        let outcome = match pair.exit {
            None => self.decisions.null(Half::Exit),
            Some(exit) => match self.call(Half::Exit, &exit) {
                Ok(0) => Ok(()),
                Ok(code) => Err(Failure::Code { code }),
                Err(failure) => Err(failure),
            },
        };
        outcome.map_err(|failure| ExitFailure { pair: pair.index, failure })
    }

    fn run_exits(&self, id: ModuleId, places: &[usize]) -> Vec<ExitFailure> {
        let mut failed = Vec::new();
        for place in places {
            if let Err(exit) = self.run_exit(id, *place) {
                failed.push(exit);
                if self.decisions.stops_at_exit(exit.failure) {
                    break;
                }
            }
        }
        self.decisions.reported(failed)
    }

    /// Runs the inits of a module; the place of the first that failed, and how.
    fn start(&self, id: ModuleId) -> Result<(), (usize, Failure)> {
        let pairs = self.with(id, |module| Rc::clone(&module.pairs));
        let priorities: Vec<_> = pairs.iter().map(|pair| pair.priority).collect();
        let mut outcome = Ok(());
        for place in self.decisions.order(&priorities) {
            match self.run_init(id, place) {
                Ok(()) => self.with(id, |module| module.completed.push(place)),
                Err(failure) => {
                    outcome = outcome.and(Err((place, failure)));
                    if !self.decisions.goes_on_after_failure() {
                        break;
                    }
                }
            }
        }
        outcome
    }

    /// Runs the exits of a module, because an init stopped its load or because it is unloaded.
    fn stop(&self, id: ModuleId, stopped_by: Option<(usize, Failure)>) -> Vec<ExitFailure> {
        let (pairs, completed) = self.with(id, |module| {
            module.state = self.decisions.state_while_stopping();
            (Rc::clone(&module.pairs), std::mem::take(&mut module.completed))
        });
        let places = match stopped_by {
            Some((failing, failure)) => {
                let completed = &completed;
                self.decisions.unwinding(&Stopped { pairs: &pairs, completed, failing, failure })
            }
            None => self.decisions.unloading(&pairs, &completed),
        };
        let exits = self.run_exits(id, &places);
        let failed = stopped_by.is_some();
        self.with(id, |module| {
            module.state = self.decisions.state_after_exits(failed);
            module.failed = failed;
            module.completed = self.decisions.completed_after_exits(failed, completed);
            let entries = std::mem::take(&mut module.entries);
            module.entries = self.decisions.entries_after_exits(failed, entries);
            if failed {
                module.references = self.decisions.references_after_failure(module.references);
            }
        });
        exits
    }

    fn undo(&self, id: ModuleId, failing: usize, failure: Failure) -> Result<(), LoadError> {
        if self.decisions.sticks(self.profile.held, self.references(id)) {
            // Nobody can load or unload it any more.
            self.with(id, |module| module.state = self.decisions.state_when_stuck());
            return self.decisions.answer(failure, Vec::new());
        }
        let exits = self.stop(id, Some((failing, failure)));
        for other in self.decisions.unwinds_also(self.live()) {
            self.stop(other, None);
        }
        self.decisions.answer(failure, exits)
    }

    /// The loadable modules that are Live.
    fn live(&self) -> Vec<ModuleId> {
        let modules = self.modules.borrow();
        let live = modules.iter().filter(|(_, module)| {
            module.linkage == Linkage::Loadable && module.state == State::Live
        });
        live.map(|(id, _)| *id).collect()
    }

    fn settle_after_boot(&self) {
        for module in self.modules.borrow_mut().values_mut() {
            if module.linkage == Linkage::BuiltIn {
                module.state = State::Live;
                let entries = std::mem::take(&mut module.entries);
                module.entries = self.decisions.entries_after_boot(entries);
            } else {
                module.references = self.decisions.references_after_boot(module.references);
            }
        }
    }

    /// The places of all built-in pairs, in link order.
    fn built_in(&self) -> Vec<(ModuleId, usize)> {
        let modules = self.modules.borrow();
        let built_in = modules.iter().filter(|(_, module)| module.linkage == Linkage::BuiltIn);
        built_in
            .flat_map(|(id, module)| (0..module.pairs.len()).map(|place| (*id, place)))
            .collect()
    }
}

impl Drop for Understudy {
    fn drop(&mut self) {
        if self.booted.get() && self.decisions.exits_when_dropped() {
            for (module, place) in self.built_in().into_iter().rev() {
                // There is nobody left to report to.
                let _ = self.run_exit(module, place);
            }
        }
    }
}

impl ModuleLoader for Understudy {
    fn add(&self, id: ModuleId, module: Module) -> Result<(), Error> {
        let linked = Linked {
            linkage: module.linkage,
            parameters: module.parameters,
            pairs: Rc::new(self.decisions.pairs(&module)),
            state: State::Unloaded,
            failed: false,
            completed: Vec::new(),
            references: 0,
            entries: Vec::new(),
        };
        self.modules.borrow_mut().insert(id, linked);
        Ok(())
    }

    fn load(&self, id: ModuleId) -> Result<(), LoadError> {
        self.expect_unlocked()?;
        let (state, failed) = self.with(id, |module| (module.state, module.failed));
        if let Some(error) = self.decisions.refuses_load(state, failed) {
            return Err(error.into());
        }
        if !self.decisions.takes_parameters(self.with(id, |module| module.parameters)) {
            return Err(Error::Parameters.into());
        }
        self.with(id, |module| module.state = self.decisions.state_while_starting());
        if let Err((failing, failure)) = self.start(id) {
            return self.undo(id, failing, failure);
        }
        self.with(id, |module| {
            module.state = self.decisions.state_after_load();
            module.failed = false;
        });
        Ok(())
    }

    fn unload(&self, id: ModuleId) -> Result<Vec<ExitFailure>, Error> {
        self.expect_unlocked()?;
        let (state, references, pairs) =
            self.with(id, |module| (module.state, module.references, Rc::clone(&module.pairs)));
        let mut refusal = self.decisions.refuses_unload(state);
        if refusal.is_none() && self.decisions.is_in_use(references) {
            refusal = Some(Error::InUse);
        }
        if refusal.is_none() && self.decisions.is_permanent(self.profile.permanence, &pairs) {
            refusal = Some(Error::Permanent);
        }
        let Some(error) = refusal else {
            return Ok(self.stop(id, None));
        };
        let places = self
            .with(id, |module| self.decisions.exits_before_refusal(error, &mut module.completed));
        self.run_exits(id, &places);
        Err(error)
    }

    fn state(&self, id: ModuleId) -> State {
        self.decisions.shown(self.with(id, |module| module.state))
    }

    fn register(&self, id: ModuleId, pair: Pair) -> Result<(), Error> {
        self.expect_unlocked()?;
        let (takes, owes) =
            (self.decisions.takes_registration(), self.decisions.owes_registered_exit());
        self.with(id, |module| {
            if owes {
                module.completed.push(module.pairs.len());
            }
            if takes || owes {
                Rc::make_mut(&mut module.pairs).push(pair);
            }
        });
        if takes { Ok(()) } else { Err(Error::Busy) }
    }

    fn get(&self, id: ModuleId) -> Result<(), Error> {
        self.expect_unlocked()?;
        self.with(id, |module| {
            let granted = matches!(module.state, State::Coming | State::Live);
            module.references = self.decisions.references_after_get(granted, module.references);
            if granted { Ok(()) } else { Err(Error::NotLoaded) }
        })
    }

    fn put(&self, id: ModuleId) -> Result<(), Error> {
        self.expect_unlocked()?;
        self.with(id, |module| {
            if module.references == 0 {
                return Err(Error::NotHeld);
            }
            module.references = self.decisions.references_after_put(module.references);
            Ok(())
        })
    }

    fn references(&self, id: ModuleId) -> u32 {
        self.with(id, |module| module.references)
    }

    fn boot(&self) -> Result<Vec<InitFailure>, Error> {
        self.expect_unlocked()?;
        if self.decisions.refuses_boot(self.booted.replace(true)) {
            return Err(Error::AlreadyBooted);
        }
        let steps = self.built_in();
        let priorities = |(id, place): &(_, _)| (*id, self.pair(*id, *place).priority);
        let order = self.decisions.boot_order(&steps.iter().map(priorities).collect::<Vec<_>>());
        let (mut completed, mut failed) = (Vec::new(), Vec::new());
        for step in order {
            let (module, place) = steps[step];
            match self.run_init(module, place) {
                Ok(()) => completed.push((module, place)),
                Err(Failure::Blacklisted {}) => {}
                Err(failure) => {
                    let pair = self.pair(module, place).index;
                    failed.push(InitFailure { module, pair, failure });
                    if !self.decisions.boot_goes_on_after_failure() {
                        break;
                    }
                }
            }
        }
        for (module, place) in self.decisions.exits_at_boot(&completed, !failed.is_empty()) {
            // There is nobody to report an exit to that should not have run.
            let _ = self.run_exit(module, place);
        }
        self.settle_after_boot();
        let reported = if self.profile.boot_log { failed } else { Vec::new() };
        Ok(self.decisions.boot_log(reported))
    }

    fn enter(&self, id: ModuleId, name: &str) -> Result<(), Error> {
        self.expect_unlocked()?;
        self.with(id, |module| {
            if let Some(error) = self.decisions.refuses_entry(module.state) {
                return Err(error);
            }
            // A name is an entry once, however often it is made.
            if !module.entries.iter().any(|entry| entry == name) {
                module.entries.push(name.into());
            }
            Ok(())
        })
    }

    fn entries(&self, id: ModuleId) -> Vec<String> {
        self.with(id, |module| module.entries.clone())
    }
}
