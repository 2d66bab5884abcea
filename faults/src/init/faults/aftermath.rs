//! Faults in what is left of a load or an unload, and in how the next one goes.

use lawbook_spec::core::Implementation;
use lawbook_spec::init::{Error, Held, Init, Profile, State};

use super::super::decisions::{Decisions, Right};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Init>; 13] = [
    fault::<LiveAfterFailure>(
        "live-after-failure",
        "INIT-10",
        "A module stays live after its load failed.",
        "kpatch #816: a module whose init failed stays in the tables as a phantom",
    ),
    fault::<RegisteredAfterFailure>(
        "registered-after-failure",
        "INIT-11",
        "A module whose load failed is gone, but the next load finds its name taken.",
        "kpatch #816: a module whose init failed stays in the tables as a phantom",
    ),
    fault::<LeaksReferences>(
        "leaks-references",
        "INIT-10",
        "The references that were taken during a failed load stay.",
        "Rusty Russell's first version of 23 June 2003, whose module is \"stuck\" then",
    ),
    fault::<LeaksEntriesOfFailure>(
        "leaks-entries-of-failure",
        "INIT-10",
        "The entries that the inits of a failed load made stay.",
        "Linux's Bluetooth, whose debugfs directory was left for the next load to trip over",
    ),
    fault::<LeaksEntriesOfUnload>(
        "leaks-entries-of-unload",
        "INIT-38",
        "The entries that the inits made stay after an unload.",
        "constructed: only the error path removes them",
    ),
    fault::<UnwindsStuck>(
        "unwinds-stuck",
        "INIT-41",
        "A module whose load fails while references are held is unwound, and its users left alone.",
        "constructed: the count is looked at after the exits",
    ),
    fault::<ForgetsStuck>(
        "forgets-stuck",
        "INIT-41",
        "A module whose load fails while references are held is freed without its exits.",
        "constructed: only the exits are left out, and not the rest of the error path",
    ),
    fault::<GoingForEver>(
        "going-for-ever",
        "INIT-38",
        "A module stays going after its unload.",
        "constructed: the last transition is made by a work item that is never queued",
    ),
    fault::<KeepsProgressOfFailure>(
        "keeps-progress-of-failure",
        "INIT-12",
        "What completed in a failed load still counts in the next one, which unwinds it again.",
        "uber fx 60aeb8ca: the count of started hooks is not reset",
    ),
    fault::<KeepsProgressOfUnload>(
        "keeps-progress-of-unload",
        "INIT-13",
        "What completed before an unload still counts after the next load, and is unloaded again.",
        "uber fx 60aeb8ca: the count of started hooks is not reset",
    ),
    fault::<UnloadsUnwound>(
        "unloads-unwound",
        "INIT-14",
        "An unload after a failed load runs the exits that the unwinding has run.",
        "gdev #3: the error path and then the exit clean up the same",
    ),
    fault::<UnloadsUnloaded>(
        "unloads-unloaded",
        "INIT-14",
        "To unload what is not loaded succeeds.",
        "constructed: there is nothing to do, so it is done",
    ),
    fault::<NeverLive>(
        "never-live",
        "INIT-32",
        "A module stays coming after its load.",
        "constructed: the state is only set on the path that wakes waiters",
    ),
];

#[derive(Default)]
struct LiveAfterFailure;

impl Decisions for LiveAfterFailure {
    fn state_after_exits(&self, failed: bool) -> State {
        if failed { State::Live } else { State::Unloaded }
    }
}

#[derive(Default)]
struct RegisteredAfterFailure;

impl Decisions for RegisteredAfterFailure {
    fn refuses_load(&self, state: State, failed_before: bool) -> Option<Error> {
        if failed_before { Some(Error::AlreadyLoaded) } else { Right.refuses_load(state, false) }
    }
}

#[derive(Default)]
struct LeaksReferences;

impl Decisions for LeaksReferences {
    fn references_after_failure(&self, held: u32) -> u32 {
        held
    }
}

#[derive(Default)]
struct LeaksEntriesOfFailure;

impl Decisions for LeaksEntriesOfFailure {
    fn entries_after_exits(&self, failed: bool, entries: Vec<String>) -> Vec<String> {
        if failed { entries } else { Vec::new() }
    }
}

#[derive(Default)]
struct LeaksEntriesOfUnload;

impl Decisions for LeaksEntriesOfUnload {
    fn entries_after_exits(&self, failed: bool, entries: Vec<String>) -> Vec<String> {
        if failed { Vec::new() } else { entries }
    }
}

#[derive(Default)]
struct UnwindsStuck;

impl Decisions for UnwindsStuck {
    fn profile(&self) -> Profile {
        profiles::of_2003()
    }

    fn sticks(&self, _rule: Held, _references: u32) -> bool {
        false
    }
}

#[derive(Default)]
struct ForgetsStuck;

impl Decisions for ForgetsStuck {
    fn profile(&self) -> Profile {
        profiles::of_2003()
    }

    fn state_when_stuck(&self) -> State {
        State::Unloaded
    }
}

#[derive(Default)]
struct GoingForEver;

impl Decisions for GoingForEver {
    fn state_after_exits(&self, failed: bool) -> State {
        if failed { State::Unloaded } else { State::Going }
    }
}

#[derive(Default)]
struct KeepsProgressOfFailure;

impl Decisions for KeepsProgressOfFailure {
    fn completed_after_exits(&self, failed: bool, completed: Vec<usize>) -> Vec<usize> {
        if failed { completed } else { Vec::new() }
    }
}

#[derive(Default)]
struct KeepsProgressOfUnload;

impl Decisions for KeepsProgressOfUnload {
    fn completed_after_exits(&self, failed: bool, completed: Vec<usize>) -> Vec<usize> {
        if failed { Vec::new() } else { completed }
    }
}

#[derive(Default)]
struct UnloadsUnwound;

impl Decisions for UnloadsUnwound {
    fn refuses_unload(&self, state: State) -> Option<Error> {
        UnloadsUnloaded.refuses_unload(state)
    }

    fn completed_after_exits(&self, failed: bool, completed: Vec<usize>) -> Vec<usize> {
        KeepsProgressOfFailure.completed_after_exits(failed, completed)
    }
}

#[derive(Default)]
struct UnloadsUnloaded;

impl Decisions for UnloadsUnloaded {
    fn refuses_unload(&self, state: State) -> Option<Error> {
        if state == State::Unloaded { None } else { Right.refuses_unload(state) }
    }
}

#[derive(Default)]
struct NeverLive;

impl Decisions for NeverLive {
    fn state_after_load(&self) -> State {
        State::Coming
    }
}
