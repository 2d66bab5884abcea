//! Prioritized init/exit pairs: a module registers pairs; at load its inits run in increasing
//! priority; when one fails, the exits of those that succeeded run in reverse.
//!
//! Its nouns: the *pair* (an init, an exit and a priority; either half may be NULL), the *module*
//! (pairs in registration order, and perhaps the legacy pair of `module_init` and `module_exit`),
//! the *order* of its pairs (by priority, then by registration), what is *owed* (the exits of
//! the inits that completed in this load), and the *linkage*: a module is loadable, or built in
//! and started at boot.
//! A pair whose init is NULL completes when it is reached, and a NULL exit counts as done.
//!
//! It does *not* cover dependencies between modules, deferred probing, forced unloading, what a
//! module's parameters mean and how they are mended, a boot that a callback asks for, pairs that
//! are registered outside callbacks after the module is linked, and who waits for whom: an
//! operation is answered or refused at once.

mod cases;
mod contract;
mod laws;
mod model;
mod threads;
mod vectors;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::{Case, KindOf, Law, Mechanism, Outcome};

pub use self::cases::{
    Act, Ending, How, Kind, LegacyPlan, ModulePlan, Op, PairPlan, Script, Setup, Twin,
};
pub use self::contract::{
    Callback, Driver, Error, FailureRule, Held, Legacy, LoadError, Module, ModuleLoader, Pair,
    Permanence, Profile, Runaway,
};
pub use self::model::{Answer, Call, Deed, Event, Left, Model};
pub use self::threads::{History, Mark, Moment, Threads, Yield};
pub use self::vectors::{KnownAnswer, RUSSELL_2003};

/// The number of a module: its place in link order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct ModuleId(pub u8);

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}", self.0)
    }
}

/// When an init runs: the smaller, the earlier. Any number is legal.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Priority(pub i32);

impl Priority {
    /// `arch_initcall` of 2003.
    pub const ARCH: Self = Priority(-3000);
    /// `core_initcall` of 2003.
    pub const CORE: Self = Priority(-5000);
    /// `device_initcall`, `module_init` and the legacy pair.
    pub const DEVICE: Self = Priority(0);
    /// `fs_initcall` of 2003.
    pub const FS: Self = Priority(-1000);
    /// `late_initcall` of 2003.
    pub const LATE: Self = Priority(1000);
    /// `postcore_initcall` of 2003.
    pub const POSTCORE: Self = Priority(-4000);
    /// `subsys_initcall` of 2003.
    pub const SUBSYS: Self = Priority(-2000);
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            i32::MIN => f.write_str("MIN"),
            i32::MAX => f.write_str("MAX"),
            number => write!(f, "{number}"),
        }
    }
}

/// Which function of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Half {
    /// What starts.
    Init,
    /// What cleans up after the init, and only after it.
    Exit,
}

/// How a module comes into the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Linkage {
    /// It is loaded and unloaded.
    #[default]
    Loadable,
    /// It is linked in and started at boot; its exits are discarded.
    BuiltIn,
}

/// Where a loadable module stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not there.
    #[default]
    Unloaded,
    /// Its inits run.
    Coming,
    /// All its inits completed.
    Live,
    /// Its exits run.
    Going,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Unloaded => "unloaded",
            State::Coming => "coming",
            State::Live => "live",
            State::Going => "going",
        })
    }
}

/// How a callback failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Failure {
    /// It returned this code.
    Code {
        /// As returned.
        code: i32,
    },
    /// It panicked.
    Panic {},
    /// It is an init on the blacklist, and was not called (EPERM).
    Blacklisted {},
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Code { code } => write!(f, "{code}"),
            Failure::Panic {} => f.write_str("panic"),
            Failure::Blacklisted {} => f.write_str("blacklisted"),
        }
    }
}

/// An exit that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExitFailure {
    /// The index of its pair.
    pub pair: u8,
    /// How it failed.
    pub failure: Failure,
}

/// An init that failed at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitFailure {
    /// Its module.
    pub module: ModuleId,
    /// The index of its pair.
    pub pair: u8,
    /// How it failed.
    pub failure: Failure,
}

/// The mechanism, as a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Init;

impl Mechanism for Init {
    const NAME: &'static str = "init";
    const TITLE: &'static str = "prioritized init/exit with unwinding";
    const CASES: u64 = 40_000;
    const DRAW_BYTES: usize = 1024;
    const LENGTHS: &'static [u16] = &[2, 3, 4, 4, 6, 6, 8, 8, 8, 12, 12, 16, 16, 24, 32, 64];
    const KINDS: &'static [KindOf<Kind>] = cases::KINDS;

    type Draft = cases::Draft;
    type Event = Event;
    type Kind = Kind;
    type Model = Model;
    type Op = Op;
    type Profile = Profile;
    type Setup = Setup;

    fn laws() -> &'static [Law<Self>] {
        laws::LAWS
    }

    fn kind(op: &Op) -> Kind {
        op.kind()
    }

    fn outcome(event: &Event) -> Outcome {
        event.outcome()
    }

    fn draw_setup(
        u: &mut arbitrary::Unstructured<'_>,
        profile: &Profile,
    ) -> arbitrary::Result<Setup> {
        cases::draw_setup(u, profile)
    }

    fn draw_op(
        u: &mut arbitrary::Unstructured<'_>,
        kind: Kind,
        setup: &Setup,
        profile: &Profile,
        draft: &mut cases::Draft,
    ) -> arbitrary::Result<Op> {
        cases::draw_op(u, kind, setup, profile, draft)
    }

    fn check_profile(profile: &Profile) -> Result<(), String> {
        profile.check()
    }

    fn admits(profile: &Profile, case: &Case<Self>) -> Result<(), String> {
        cases::admits(profile, case)
    }

    fn simpler(case: &Case<Self>) -> Vec<Case<Self>> {
        cases::simpler(case)
    }

    fn small(profile: &Profile) -> Box<dyn Iterator<Item = Case<Self>>> {
        cases::small(profile)
    }

    fn model(profile: &Profile, setup: &Setup) -> Model {
        Model::new(profile, setup)
    }

    fn record(model: &mut Model, op: &Op, event: &Event) {
        model.record(op, event);
    }

    fn answers(model: &Model, op: &Op, event: &Event) -> Result<(), String> {
        model.answers(op, event)
    }

    fn tell_setup(setup: &Setup) -> String {
        setup.to_string()
    }

    fn tell_op(op: &Op) -> String {
        op.to_string()
    }

    fn tell_event(event: &Event) -> String {
        event.to_string()
    }
}
