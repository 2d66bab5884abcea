//! What an implementer implements: a loader of modules in the kernel's own words, its errors and
//! its profile; and the [`Driver`] that runs a case on it.
//!
//! It does not cover threads: the driver calls from one thread, and so do the callbacks.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cases::{Act, Ending, Op, Script, Setup};
use super::model::{Answer, Call, Deed, Event, Left};
use super::{
    ExitFailure, Failure, Half, Init, InitFailure, Linkage, ModuleId, Priority, State, vectors,
};
use crate::core::{Case, End, Subject, Trace};

/// An init or an exit: it is given the loader, so that it can call back in, and returns a code.
///
/// What an init's code means, the profile says ([`FailureRule`]); an exit fails when its code is
/// not 0. A callback may panic, where the profile says that panics are caught.
pub type Callback = Arc<dyn Fn(&dyn ModuleLoader) -> i32 + Send + Sync>;

/// A loader of modules.
///
/// Only [`add`](Self::add), [`load`](Self::load), [`unload`](Self::unload) and
/// [`state`](Self::state) are needed; what else a loader can do, it says in its [`Profile`] and
/// overrides here.
///
/// The caller guarantees: modules are added once each, in link order, before anything else is
/// done; what is named was added; `load`, `unload`, `get`, `put` and `register` name loadable
/// modules; `enter` is called by an init of that module; nothing calls back in unless the profile
/// says that it may.
/// Not promised: which of several errors a refusal reports, where a module that is there gives
/// several reasons; the answer to a `get`, and another module's callback to a `load`, of a module
/// that is Coming.
///
/// ```
/// use std::cell::RefCell;
///
/// use lawbook_spec::core::{Judge, Mechanism, Subject};
/// use lawbook_spec::init::*;
///
/// #[derive(Default)]
/// struct Mine(RefCell<Vec<(Vec<Pair>, State)>>);
///
/// impl ModuleLoader for Mine {
///     fn add(&self, _: ModuleId, mut module: Module) -> Result<(), Error> {
///         module.pairs.sort_by_key(|pair| pair.priority);
///         Ok(self.0.borrow_mut().push((module.pairs, State::Unloaded)))
///     }
///     fn load(&self, id: ModuleId) -> Result<(), LoadError> {
///         let (pairs, state) = self.0.borrow()[id.0 as usize].clone();
///         if state == State::Live {
///             return Err(Error::AlreadyLoaded.into());
///         }
///         for (at, pair) in pairs.iter().enumerate() {
///             let code = pair.init.as_ref().map_or(0, |init| init(self));
///             if code < 0 {
///                 pairs[..at].iter().rev().filter_map(|pair| pair.exit.as_ref()).for_each(|exit| { exit(self); });
///                 return Err(LoadError::Failed { failure: Failure::Code { code }, exits: vec![] });
///             }
///         }
///         Ok(self.0.borrow_mut()[id.0 as usize].1 = State::Live)
///     }
///     fn unload(&self, id: ModuleId) -> Result<Vec<ExitFailure>, Error> {
///         let (pairs, state) = self.0.borrow()[id.0 as usize].clone();
///         if state == State::Unloaded {
///             return Err(Error::NotLoaded);
///         }
///         pairs.iter().rev().filter_map(|pair| pair.exit.as_ref()).for_each(|exit| { exit(self); });
///         self.0.borrow_mut()[id.0 as usize].1 = State::Unloaded;
///         Ok(vec![])
///     }
///     fn state(&self, id: ModuleId) -> State {
///         self.0.borrow()[id.0 as usize].1
///     }
/// }
///
/// let profile = Profile::default();
/// let mut mine = Driver::new(profile.clone(), Mine::default);
/// let judge = Judge::<Init>::new(profile.clone());
/// for case in Init::small(&profile) {
///     let trace = mine.run(&case);
///     assert_eq!(judge.judge(&case, &trace).broken, None);
/// }
/// ```
pub trait ModuleLoader {
    /// Links a module: from now on it can be loaded, or is started at boot.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for what the profile says that the loader can't.
    fn add(&self, id: ModuleId, module: Module) -> Result<(), Error>;

    /// Loads a module: calls its inits in the order of (priority, index), until one fails. Then
    /// the exits of those that completed run in reverse; its own does not. The module is Coming
    /// meanwhile, and then Live, or Unloaded again.
    ///
    /// # Errors
    ///
    /// [`LoadError::Failed`] with the failure of the first failing init, whatever the exits do,
    /// and beside it the exits that failed, in the order in which they ran;
    /// [`LoadError::Refused`] before the first init: [`Error::AlreadyLoaded`] when it is Live,
    /// [`Error::Busy`] when it is Coming or Going, [`Error::Parameters`].
    ///
    /// Judged by INIT-01 to INIT-13, INIT-15 to INIT-18, INIT-22, INIT-23, INIT-26 to INIT-34 and
    /// INIT-41.
    fn load(&self, id: ModuleId) -> Result<(), LoadError>;

    /// Unloads a module: its exits run in exactly the reverse of its inits, all of them, even if
    /// one fails. The module is Going meanwhile, and then Unloaded.
    /// Returns the exits that failed, in the order in which they ran.
    ///
    /// # Errors
    ///
    /// Before the first exit, and changing nothing: [`Error::NotLoaded`]; [`Error::InUse`] while
    /// references are held; [`Error::Permanent`] when a pair has no exit for its init, as the
    /// profile says; [`Error::Busy`] when it is Coming or Going.
    ///
    /// Judged by INIT-04, INIT-07, INIT-08, INIT-13 to INIT-16, INIT-18 to INIT-21, INIT-28 to
    /// INIT-31, and INIT-38.
    fn unload(&self, id: ModuleId) -> Result<Vec<ExitFailure>, Error>;

    /// Where a module stands.
    ///
    /// Judged by INIT-10, INIT-19 to INIT-21, INIT-30 to INIT-35, INIT-38, INIT-39, INIT-41 and
    /// INIT-42.
    fn state(&self, id: ModuleId) -> State;

    /// Registers one more pair of a module, from one of its own callbacks.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`], and nothing is changed: a module that is Coming or Going keeps its pairs.
    /// [`Error::Unsupported`] does as well.
    ///
    /// Judged by INIT-29.
    fn register(&self, _id: ModuleId, _pair: Pair) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Takes a reference to a module that is Live. It stays until it is put, whatever becomes of who
    /// took it.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] when it is Unloaded or Going.
    ///
    /// Judged by INIT-20, INIT-35 and INIT-42.
    fn get(&self, _id: ModuleId) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Gives a reference back.
    ///
    /// # Errors
    ///
    /// [`Error::NotHeld`] when there is none.
    ///
    /// Judged by INIT-35 and INIT-42.
    fn put(&self, _id: ModuleId) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// How many references to a module are held.
    ///
    /// Judged by INIT-10, INIT-30, INIT-32, INIT-35 and INIT-42.
    fn references(&self, _id: ModuleId) -> u32 {
        0
    }

    /// Starts everything that is built in: the inits of all built-in modules, in the order of
    /// (priority, link order, index), each once, whatever others return. No exit ever runs.
    /// Returns the inits that failed, in order; those on the blacklist are not among them.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyBooted`] the second time, and nothing is called.
    ///
    /// Judged by INIT-24, INIT-25, INIT-36 and INIT-37.
    fn boot(&self) -> Result<Vec<InitFailure>, Error> {
        Err(Error::Unsupported)
    }

    /// Makes an entry, as of `/proc` or sysfs, that belongs to the module whose init calls. It is
    /// gone after a failed load and after unload.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the profile says that it can't.
    ///
    /// Judged by INIT-10, INIT-32, INIT-38 and INIT-40.
    fn enter(&self, _id: ModuleId, _name: &str) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// The names of the entries of a module, in any order.
    ///
    /// Judged by INIT-10, INIT-30, INIT-32, INIT-38 and INIT-40.
    fn entries(&self, _id: ModuleId) -> Vec<String> {
        Vec::new()
    }
}

/// A module, as it is linked.
#[derive(Debug, Clone)]
pub struct Module {
    /// Whether it is loaded or built in.
    pub linkage: Linkage,
    /// What `module_init_exit` registered, in link order; the index of a pair is its place here.
    pub pairs: Vec<Pair>,
    /// What `module_init` and `module_exit` registered.
    pub legacy: Option<Legacy>,
    /// What comes of its parameters before the first init: the code of the error.
    pub parameters: Result<(), i32>,
}

/// An init/exit pair.
#[derive(Clone)]
pub struct Pair {
    /// When it runs.
    pub priority: Priority,
    /// Its place in registration order: ties of priority run in this order.
    pub index: u8,
    /// What starts; `None` is NULL.
    pub init: Option<Callback>,
    /// What cleans up; `None` is NULL.
    pub exit: Option<Callback>,
    /// Whether the init is on the blacklist: when it is reached it is not called, and its exit is
    /// not owed. The load fails then with [`Failure::Blacklisted`]; at boot it is skipped.
    pub blacklisted: bool,
}

/// The legacy `module_init` and `module_exit`: one pair at priority 0, the last of its ties.
#[derive(Debug, Clone)]
pub struct Legacy {
    /// The pair. Its index is the number of the other pairs.
    pub pair: Pair,
    /// After how many pairs of the source `module_init` stands.
    pub init_after: u8,
    /// After how many pairs of the source `module_exit` stands.
    pub exit_after: u8,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("priority", &self.priority)
            .field("index", &self.index)
            .field("init", &self.init.is_some())
            .field("exit", &self.exit.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a load did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// An init failed, and what had completed was unwound.
    Failed {
        /// How the first failing init failed.
        failure: Failure,
        /// The exits that failed meanwhile, in the order in which they ran.
        exits: Vec<ExitFailure>,
    },
    /// Nothing was called.
    Refused(Error),
}

impl From<Error> for LoadError {
    fn from(error: Error) -> Self {
        LoadError::Refused(error)
    }
}

/// Why a loader refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Error {
    /// The module is not there (ENOENT).
    NotLoaded,
    /// References are held (EWOULDBLOCK, the same number as EAGAIN on Linux).
    InUse,
    /// An init has no exit (EBUSY).
    Permanent,
    /// The module is Coming or Going (EBUSY).
    Busy,
    /// The module is Live already (EEXIST).
    AlreadyLoaded,
    /// The parameters are wrong (EINVAL).
    Parameters,
    /// There is no reference to give back (EINVAL).
    NotHeld,
    /// What is built in was started before (EBUSY).
    AlreadyBooted,
    /// To wait here is to wait for oneself (EDEADLK).
    Deadlock,
    /// The loader does not offer this (EOPNOTSUPP).
    Unsupported,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::NotLoaded => "not loaded",
            Error::InUse => "in use",
            Error::Permanent => "permanent",
            Error::Busy => "busy",
            Error::AlreadyLoaded => "already loaded",
            Error::Parameters => "bad parameters",
            Error::NotHeld => "no reference is held",
            Error::AlreadyBooted => "already booted",
            Error::Deadlock => "deadlock",
            Error::Unsupported => "unsupported",
        })
    }
}

impl std::error::Error for Error {}

/// What an implementation says of itself.
///
/// The default is a loader that loads and unloads, and makes the choices of today's Linux: say
/// what yours can do beyond.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Which modules can't be unloaded.
    pub permanence: Permanence,
    /// Which codes of an init are failures.
    pub failure: FailureRule,
    /// What becomes of a module whose init failed while references to it are held.
    pub held: Held,
    /// Whether modules can be built in and booted.
    pub built_in: bool,
    /// Whether a boot reports the inits that failed.
    pub boot_log: bool,
    /// Whether references can be taken.
    pub references: bool,
    /// Whether callbacks may call back in.
    pub reentrant: bool,
    /// Whether exits can fail, and are reported when they do.
    pub exit_errors: bool,
    /// Whether callbacks may panic.
    pub panics: bool,
    /// Whether inits can be on a blacklist.
    pub blacklist: bool,
    /// Whether a module can have wrong parameters.
    pub parameters: bool,
    /// Whether a module can have a legacy pair.
    pub legacy: bool,
    /// Whether half of a pair can be NULL.
    pub nulls: bool,
    /// Whether inits can make entries.
    pub entries: bool,
}

/// Which modules can't be unloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permanence {
    /// Those with a pair that has an init and no exit.
    #[default]
    Pair,
    /// Those with more inits than exits, or with fewer, over all their pairs (2003).
    Balance,
    /// None: what has no exit is left as it is.
    Never,
}

/// Which codes of an init are failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureRule {
    /// Those below 0; those above 0 are odd, and the module is loaded.
    #[default]
    Negative,
    /// All but 0 (2003).
    Nonzero,
}

impl FailureRule {
    /// Whether an init that returned this code failed.
    pub fn fails(self, code: i32) -> bool {
        match self {
            FailureRule::Negative => code < 0,
            FailureRule::Nonzero => code != 0,
        }
    }
}

/// What becomes of a module whose init failed while references to it are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// It is unwound as ever, and its references are dropped.
    #[default]
    Unwind,
    /// It is stuck: no exit runs, and the module stays (2003). A loader that refuses references to a
    /// module that is Coming never comes to this, and says [`Held::Unwind`].
    Stuck,
}

impl Profile {
    /// A loader that can do all that the contract knows, with the choices of today's Linux.
    pub fn full() -> Self {
        Profile {
            permanence: Permanence::Pair,
            failure: FailureRule::Negative,
            held: Held::Unwind,
            built_in: true,
            boot_log: true,
            references: true,
            reentrant: true,
            exit_errors: true,
            panics: true,
            blacklist: true,
            parameters: true,
            legacy: true,
            nulls: true,
            entries: true,
        }
    }

    /// Whether the parts fit together.
    ///
    /// # Errors
    ///
    /// What was expected, and what came.
    pub fn check(&self) -> Result<(), String> {
        let stuck = self.held == Held::Stuck;
        for (able, what, needs, other) in [
            (stuck, "held `stuck`", self.references, "references"),
            (self.boot_log, "boot_log", self.built_in, "built_in"),
        ] {
            if able && !needs {
                return Err(format!("expected {what} only with {other}, found it without"));
            }
        }
        Ok(())
    }
}

/// What a callback of the driver panics with when one op has called more callbacks than any order
/// of them can need: the loop that calls them never ends.
///
/// A loader that catches the panics of callbacks lets this one pass.
#[derive(Debug, Clone, Copy)]
pub struct Runaway;

/// More calls than any op of an admitted case needs.
const MOST_CALLS: u32 = 4096;

/// Runs cases on a [`ModuleLoader`], a fresh one for each.
pub struct Driver<F> {
    profile: Profile,
    make: F,
}

impl<L: ModuleLoader, F: FnMut() -> L> Driver<F> {
    /// Drives what `make` gives: a loader without any module.
    pub fn new(profile: Profile, make: F) -> Self {
        Driver { profile, make }
    }
}

impl<F> fmt::Debug for Driver<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl<L: ModuleLoader, F: FnMut() -> L> Subject<Init> for Driver<F> {
    fn profile(&self) -> Profile {
        self.profile.clone()
    }

    fn run(&mut self, case: &Case<Init>) -> Trace<Init> {
        let world = Arc::new(World::new(&case.setup));
        let mut trace = Trace::watch(|events| {
            let loader = (self.make)();
            world.link(&loader)?;
            for op in &case.ops {
                events.push(world.step(&self.profile, &loader, op));
            }
            world.let_go(loader)
        });
        if world.notes().calls > MOST_CALLS {
            trace.end = End::Mishap(format!("more than {MOST_CALLS} callbacks in one op"));
        }
        trace
    }
}

/// The modules of one case, what their callbacks do, and what was seen of them.
struct World {
    setup: Setup,
    notes: Mutex<Notes>,
}

struct Notes {
    /// How each init ends now, by module and pair.
    endings: Vec<Vec<Ending>>,
    /// The calls of each operation that is under way, the innermost last.
    open: Vec<Vec<Call>>,
    /// How many callbacks this op has called.
    calls: u32,
}

impl World {
    fn new(setup: &Setup) -> Self {
        let endings = setup.modules.iter().map(|module| {
            let scripts = module.pairs().map(|pair| pair.init.as_ref());
            scripts.map(|init| init.map_or(Ending::OK, |script| script.end)).collect()
        });
        let notes = Notes { endings: endings.collect(), open: Vec::new(), calls: 0 };
        World { setup: setup.clone(), notes: Mutex::new(notes) }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        // A callback that panics as it was told holds no lock.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn link(self: &Arc<Self>, loader: &dyn ModuleLoader) -> Result<(), End> {
        link(&self.setup, loader, |module, pair, half| self.callback(module, pair, half))
    }

    fn callback(self: &Arc<Self>, module: ModuleId, pair: u8, half: Half) -> Callback {
        let world = Arc::clone(self);
        Arc::new(move |loader| world.call(loader, module, pair, half))
    }

    /// What every callback does: it is noted, acts as its script says, and ends as it says.
    fn call(
        self: &Arc<Self>,
        loader: &dyn ModuleLoader,
        module: ModuleId,
        pair: u8,
        half: Half,
    ) -> i32 {
        let mut notes = self.notes();
        notes.calls += 1;
        if notes.calls > MOST_CALLS {
            drop(notes);
            resume_unwind(Box::new(Runaway));
        }
        let depth = notes.open.len();
        let calls = notes.open.last_mut().expect("a callback runs inside an operation");
        let at = calls.len();
        calls.push(Call { half, module, pair, deeds: Vec::new() });
        let script = self.script(module, pair, half);
        let end = match half {
            Half::Init => self.ending(&notes, module, pair),
            Half::Exit => script.map_or(Ending::OK, |script| script.end),
        };
        drop(notes);
        for act in script.iter().flat_map(|script| &script.acts) {
            let deed = self.act(loader, module, pair, *act);
            self.notes().open[depth - 1][at].deeds.push(deed);
        }
        match end {
            Ending::Returns { code } => code,
            // Without the message that `panic!` would print.
            Ending::Panics {} => resume_unwind(Box::new("as told")),
        }
    }

    fn script(&self, module: ModuleId, pair: u8, half: Half) -> Option<&Script> {
        let pair = self.setup.module(module).pair(pair)?;
        match half {
            Half::Init => pair.init.as_ref(),
            Half::Exit => pair.exit.as_ref(),
        }
    }

    fn ending(&self, notes: &Notes, module: ModuleId, pair: u8) -> Ending {
        let endings = &notes.endings[usize::from(module.0)];
        // A pair that was registered from inside succeeds, if it is ever called.
        endings.get(usize::from(pair)).copied().unwrap_or(Ending::OK)
    }

    fn act(
        self: &Arc<Self>,
        loader: &dyn ModuleLoader,
        module: ModuleId,
        pair: u8,
        act: Act,
    ) -> Deed {
        let (calls, answer) = self.watch(|| match act {
            Act::Load { module } => loaded(loader.load(module)),
            Act::Unload { module } => unloaded(loader.unload(module)),
            Act::Get { module } => done(loader.get(module)),
            Act::Put { module } => done(loader.put(module)),
            Act::Look { module } => Answer::State { state: loader.state(module) },
            Act::Register {} => done(loader.register(module, self.inner_pair(module))),
            Act::Enter {} => done(loader.enter(module, &entry_name(module, pair))),
        });
        Deed { calls, answer }
    }

    /// The pair that a callback tries to register.
    fn inner_pair(self: &Arc<Self>, module: ModuleId) -> Pair {
        let index = self.setup.module(module).pair_count();
        Pair {
            priority: Priority::DEVICE,
            index,
            init: Some(self.callback(module, index, Half::Init)),
            exit: Some(self.callback(module, index, Half::Exit)),
            blacklisted: false,
        }
    }

    /// Does something, and returns the calls that it made.
    fn watch(&self, work: impl FnOnce() -> Answer) -> (Vec<Call>, Answer) {
        let mut notes = self.notes();
        let depth = notes.open.len();
        notes.open.push(Vec::new());
        drop(notes);
        let answer = work();
        let mut notes = self.notes();
        let calls = std::mem::take(&mut notes.open[depth]);
        // More than one is left where a loader caught the panic of an operation inside.
        notes.open.truncate(depth);
        (calls, answer)
    }

    fn step(self: &Arc<Self>, profile: &Profile, loader: &dyn ModuleLoader, op: &Op) -> Event {
        if self.setup.skips(op) {
            return Event::Skipped {};
        }
        self.notes().calls = 0;
        let (calls, answer) = self.watch(|| match *op {
            Op::Break { module, pair, end } => self.set_ending(module, pair, end),
            Op::Repair { module, pair } => self.set_ending(module, pair, Ending::OK),
            op => ask(loader, op),
        });
        Event::Done { calls, answer, left: all_left(profile, &self.setup, loader) }
    }

    /// Drops the loader, which may unload what is live; what is built in stays as it is.
    fn let_go(&self, loader: impl ModuleLoader) -> Result<(), End> {
        self.notes().calls = 0;
        let (calls, _) = self.watch(|| {
            drop(loader);
            Answer::Done {}
        });
        let built_in = |call: &&Call| self.setup.module(call.module).linkage == Linkage::BuiltIn;
        match calls.iter().find(built_in) {
            None => Ok(()),
            Some(call) => {
                let what = format!("{call} is called when the loader is dropped");
                Err(End::Mishap(format!("{what}, and is built in")))
            }
        }
    }

    fn set_ending(&self, module: ModuleId, pair: u8, end: Ending) -> Answer {
        self.notes().endings[usize::from(module.0)][usize::from(pair)] = end;
        Answer::Done {}
    }
}

/// Links the modules of a setup; `callback` gives the halves that are not NULL.
pub(super) fn link(
    setup: &Setup,
    loader: &dyn ModuleLoader,
    callback: impl Fn(ModuleId, u8, Half) -> Callback,
) -> Result<(), End> {
    for (id, plan) in (0..).map(ModuleId).zip(&setup.modules) {
        let mut pairs: Vec<Pair> = (0..)
            .zip(plan.pairs())
            .map(|(index, pair)| Pair {
                priority: pair.priority,
                index,
                init: pair.init.as_ref().map(|_| callback(id, index, Half::Init)),
                exit: pair.exit.as_ref().map(|_| callback(id, index, Half::Exit)),
                blacklisted: pair.blacklisted,
            })
            .collect();
        let legacy = plan.legacy.as_ref().map(|legacy| Legacy {
            pair: pairs.pop().expect("the legacy pair is the last"),
            init_after: legacy.init_after,
            exit_after: legacy.exit_after,
        });
        let parameters = if plan.bad_parameters { Err(vectors::EINVAL) } else { Ok(()) };
        let module = Module { linkage: plan.linkage, pairs, legacy, parameters };
        loader
            .add(id, module)
            .map_err(|error| End::Mishap(format!("to link module {id} is refused: {error}")))?;
    }
    Ok(())
}

/// What an entry is called that the init of a pair makes.
fn entry_name(module: ModuleId, pair: u8) -> String {
    format!("{module}.{pair}")
}

/// Asks the loader for what an op asks of it; nothing, when it is about the callbacks.
pub(super) fn ask(loader: &dyn ModuleLoader, op: Op) -> Answer {
    match op {
        Op::Load { module } => loaded(loader.load(module)),
        Op::Unload { module } => unloaded(loader.unload(module)),
        Op::Get { module } => done(loader.get(module)),
        Op::Put { module } => done(loader.put(module)),
        Op::Boot {} => match loader.boot() {
            Ok(failed) => Answer::Booted { failed },
            Err(error) => Answer::Refused { error },
        },
        Op::Break { .. } | Op::Repair { .. } => Answer::Done {},
    }
}

/// What is left of every module.
pub(super) fn all_left(profile: &Profile, setup: &Setup, loader: &dyn ModuleLoader) -> Vec<Left> {
    let modules = (0..).map(ModuleId).zip(&setup.modules);
    modules.map(|(id, _)| left_of(profile, loader, id)).collect()
}

fn left_of(profile: &Profile, loader: &dyn ModuleLoader, id: ModuleId) -> Left {
    let mut entries = if profile.entries { loader.entries(id) } else { Vec::new() };
    entries.sort_unstable();
    let references = if profile.references { loader.references(id) } else { 0 };
    Left { state: loader.state(id), references, entries }
}

fn loaded(outcome: Result<(), LoadError>) -> Answer {
    match outcome {
        Ok(()) => Answer::Loaded {},
        Err(LoadError::Failed { failure, exits }) => Answer::Failed { failure, exits },
        Err(LoadError::Refused(error)) => Answer::Refused { error },
    }
}

fn unloaded(outcome: Result<Vec<ExitFailure>, Error>) -> Answer {
    match outcome {
        Ok(exits) => Answer::Unloaded { exits },
        Err(error) => Answer::Refused { error },
    }
}

fn done(outcome: Result<(), Error>) -> Answer {
    match outcome {
        Ok(()) => Answer::Done {},
        Err(error) => Answer::Refused { error },
    }
}
