//! Faults in which inits are called, when a load stops, and what it answers.

use lawbook_spec::core::Implementation;
use lawbook_spec::init::{ExitFailure, Failure, FailureRule, Half, Init, LoadError, Profile};

use super::super::decisions::{Decisions, Right, Stopped};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Init>; 10] = [
    fault::<GoesOnAfterFailure>(
        "goes-on-after-failure",
        "INIT-03",
        "The inits behind the one that failed are called all the same.",
        "constructed: the first error is noted, and looked at after the loop",
    ),
    fault::<OverwritesError>(
        "overwrites-error",
        "INIT-09",
        "The load answers with the failure of the last exit that failed.",
        "Python's ExitStack: the exception of the last exit replaces the first",
    ),
    fault::<SucceedsAfterUnwinding>(
        "succeeds-after-unwinding",
        "INIT-09",
        "The load answers success after it has unwound.",
        "litepcie #53: a probe that returns 0 at the end of its error path",
    ),
    fault::<ReturnsPositiveAsSuccess>(
        "returns-positive-as-success",
        "INIT-09",
        "An init fails with a positive code, and the load returns that code as its own success.",
        "memflow-kvm #5: an init that fails with 9, and is told to follow the 0/-E convention",
    ),
    fault::<TakesPositiveForSuccess>(
        "takes-positive-for-success",
        "INIT-09",
        "An init that fails with a positive code is taken for a success.",
        "libpfc #8: an init that fails with 1, and is loaded anyway",
    ),
    fault::<PanicUnwindsNothing>(
        "panic-unwinds-nothing",
        "INIT-17",
        "After an init that panicked no exit runs.",
        "constructed: the panic passes by the code that unwinds",
    ),
    fault::<CallsNullInit>(
        "calls-null-init",
        "INIT-18",
        "An init that is NULL is called: the load oopses.",
        "Rusty Russell's first version of 23 June 2003",
    ),
    fault::<CallsNullExit>(
        "calls-null-exit",
        "INIT-18",
        "An exit that is NULL is called: it is a failing exit.",
        "uber fx #917 (a hook that lacks one of its functions)",
    ),
    fault::<CallsBlacklisted>(
        "calls-blacklisted",
        "INIT-27",
        "An init on the blacklist is called.",
        "constructed: the blacklist is asked about built-in code alone",
    ),
    fault::<OwesBlacklisted>(
        "owes-blacklisted",
        "INIT-27",
        "An init on the blacklist is skipped and counts as a success, so that its exit is owed.",
        "constructed: a skipped call returns 0",
    ),
];

#[derive(Default)]
struct GoesOnAfterFailure;

impl Decisions for GoesOnAfterFailure {
    fn goes_on_after_failure(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct OverwritesError;

impl Decisions for OverwritesError {
    fn answer(&self, failure: Failure, exits: Vec<ExitFailure>) -> Result<(), LoadError> {
        let failure = exits.last().map_or(failure, |exit| exit.failure);
        Err(LoadError::Failed { failure, exits })
    }
}

#[derive(Default)]
struct SucceedsAfterUnwinding;

impl Decisions for SucceedsAfterUnwinding {
    fn answer(&self, _failure: Failure, _exits: Vec<ExitFailure>) -> Result<(), LoadError> {
        Ok(())
    }
}

#[derive(Default)]
struct ReturnsPositiveAsSuccess;

impl Decisions for ReturnsPositiveAsSuccess {
    fn profile(&self) -> Profile {
        profiles::nonzero()
    }

    fn answer(&self, failure: Failure, exits: Vec<ExitFailure>) -> Result<(), LoadError> {
        match failure {
            Failure::Code { code: 1.. } => Ok(()),
            _ => Err(LoadError::Failed { failure, exits }),
        }
    }
}

#[derive(Default)]
struct TakesPositiveForSuccess;

impl Decisions for TakesPositiveForSuccess {
    fn profile(&self) -> Profile {
        profiles::nonzero()
    }

    fn fails(&self, _rule: FailureRule, code: i32) -> bool {
        code < 0
    }
}

#[derive(Default)]
struct PanicUnwindsNothing;

impl Decisions for PanicUnwindsNothing {
    fn unwinding(&self, stopped: &Stopped<'_>) -> Vec<usize> {
        match stopped.failure {
            Failure::Panic {} => Vec::new(),
            _ => Right.unwinding(stopped),
        }
    }
}

#[derive(Default)]
struct CallsNullInit;

impl Decisions for CallsNullInit {
    fn null(&self, half: Half) -> Result<(), Failure> {
        if half == Half::Init { Err(Failure::Panic {}) } else { Ok(()) }
    }
}

#[derive(Default)]
struct CallsNullExit;

impl Decisions for CallsNullExit {
    fn null(&self, half: Half) -> Result<(), Failure> {
        if half == Half::Exit { Err(Failure::Panic {}) } else { Ok(()) }
    }
}

#[derive(Default)]
struct CallsBlacklisted;

impl Decisions for CallsBlacklisted {
    fn blacklisted(&self) -> Option<Result<(), Failure>> {
        None
    }
}

#[derive(Default)]
struct OwesBlacklisted;

impl Decisions for OwesBlacklisted {
    fn blacklisted(&self) -> Option<Result<(), Failure>> {
        Some(Ok(()))
    }
}
