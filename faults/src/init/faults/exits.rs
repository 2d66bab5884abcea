//! Faults in which exits run, in which order, and in what is reported of them.

use std::cmp::Reverse;

use lawbook_spec::core::Implementation;
use lawbook_spec::init::{ExitFailure, Failure, Init, ModuleId, Pair, Priority, Profile};

use super::super::decisions::{Decisions, Right, Stopped};
use super::super::{fault, profiles};

/// So many rounds stand for a loop without an end.
const FOR_EVER: usize = 5000;

pub(super) const FAULTS: [Implementation<Init>; 18] = [
    fault::<UnwindsFailingPair>(
        "unwinds-failing-pair",
        "INIT-06",
        "The exit of the pair that failed runs too.",
        "LKRG #378, whose failed init runs the clean-up of what it had not made; FreeBSD \
         b08ee10c0646; the detach that Windows sends a DllMain that failed to attach",
    ),
    fault::<SkipsLastSuccess>(
        "skips-last-success",
        "INIT-05",
        "The exit of the last init that succeeded is left out of the unwinding.",
        "Linux 2f3957c7eb4e (the clean-up of Bluetooth's LEDs is missing)",
    ),
    fault::<StopsBeforeFirst>(
        "stops-before-first",
        "INIT-05",
        "The unwinding stops before the exit of the init that came first.",
        "Linux's Bluetooth, whose debugfs directory was left for the next load to trip over",
    ),
    fault::<OmitsMiddle>(
        "omits-middle",
        "INIT-05",
        "An entry in the middle is left out of the unwinding.",
        "Linux 99600f79b28c (the notifier of mpls), itself introduced by an error-path fix",
    ),
    fault::<UnwindsTwice>(
        "unwinds-twice",
        "INIT-05",
        "The unwinding runs every owed exit twice.",
        "SOF #10976: an init that fails frees what its caller frees again",
    ),
    fault::<DeadlineStopsUnwinding>(
        "deadline-stops-unwinding",
        "INIT-05",
        "A failed load is out of time: the module counts as stopped, and no exit has run.",
        "uber fx #1035: no stop hook is called when the start times out",
    ),
    fault::<DeadlineStopsUnload>(
        "deadline-stops-unload",
        "INIT-31",
        "An unload is out of time: the module counts as stopped, and no exit has run.",
        "uber fx #1035, reproduced with an expired context",
    ),
    fault::<UnwindsForward>(
        "unwinds-forward",
        "INIT-07",
        "The exits of a failed load run in the order of the inits.",
        "NestJS #14111 and #14267: hooks of shutdown in the order of those of start-up",
    ),
    fault::<UnloadsForward>(
        "unloads-forward",
        "INIT-07",
        "The exits of an unload run in the order of the inits.",
        "oklog/run, which interrupts its actors in the order of their addition by design",
    ),
    fault::<KeepsTiesForward>(
        "keeps-ties-forward",
        "INIT-07",
        "Exits run by falling priority, and ties in the order of the inits.",
        "FreeBSD's SYSUNINIT",
    ),
    fault::<UnloadsTiesForward>(
        "unloads-ties-forward",
        "INIT-08",
        "An unload runs ties in the order of the inits, and an unwinding does not.",
        "constructed: unwinding walks back, and unload sorts again",
    ),
    fault::<SortsAgain>(
        "sorts-again",
        "INIT-04",
        "As many exits run as inits completed, but of a list that was sorted again to stop.",
        "uber fx, in its branch of 2019 for the priorities of hooks",
    ),
    fault::<NeverEnds>(
        "never-ends",
        "INIT-00",
        "The loop of an unload counts down an unsigned number, and so never ends.",
        "Rusty Russell's first version of 23 June 2003",
    ),
    fault::<StopsAtFailingExit>(
        "stops-at-failing-exit",
        "INIT-15",
        "The exits behind one that failed are left out.",
        "constructed: an error is returned from within the loop",
    ),
    fault::<StopsAtPanickingExit>(
        "stops-at-panicking-exit",
        "INIT-15",
        "The exits behind one that panicked are left out, and the module counts as stopped.",
        "uber fx, reproduced with version 1.20.1",
    ),
    fault::<LosesExitErrors>(
        "loses-exit-errors",
        "INIT-16",
        "The failures of exits are reported nowhere.",
        "CPython #102201, reproduced: an ExitStack loses all exceptions except one",
    ),
    fault::<ReportsExitsSorted>(
        "reports-exits-sorted",
        "INIT-16",
        "The failures of exits are reported by index, not in the order in which they ran.",
        "constructed: they are gathered in a map",
    ),
    fault::<UnwindsOthers>(
        "unwinds-others",
        "INIT-30",
        "When a module fails, the others that are live are unwound as well.",
        "tokio-graceful-shutdown f0000d3b: one subsystem's failure stops another",
    ),
];

#[derive(Default)]
struct UnwindsFailingPair;

impl Decisions for UnwindsFailingPair {
    fn unwinding(&self, stopped: &Stopped<'_>) -> Vec<usize> {
        let mut places = vec![stopped.failing];
        places.extend(Right.unwinding(stopped));
        places
    }
}

#[derive(Default)]
struct SkipsLastSuccess;

impl Decisions for SkipsLastSuccess {
    fn unwinding(&self, stopped: &Stopped<'_>) -> Vec<usize> {
        Right.unwinding(stopped).into_iter().skip(1).collect()
    }
}

#[derive(Default)]
struct StopsBeforeFirst;

impl Decisions for StopsBeforeFirst {
    fn unwinding(&self, stopped: &Stopped<'_>) -> Vec<usize> {
        let mut places = Right.unwinding(stopped);
        places.pop();
        places
    }
}

#[derive(Default)]
struct OmitsMiddle;

impl Decisions for OmitsMiddle {
    fn unwinding(&self, stopped: &Stopped<'_>) -> Vec<usize> {
        let mut places = Right.unwinding(stopped);
        if places.len() >= 3 {
            places.remove(places.len() / 2);
        }
        places
    }
}

#[derive(Default)]
struct UnwindsTwice;

impl Decisions for UnwindsTwice {
    fn unwinding(&self, stopped: &Stopped<'_>) -> Vec<usize> {
        Right.unwinding(stopped).repeat(2)
    }
}

#[derive(Default)]
struct DeadlineStopsUnwinding;

impl Decisions for DeadlineStopsUnwinding {
    fn unwinding(&self, _stopped: &Stopped<'_>) -> Vec<usize> {
        Vec::new()
    }
}

#[derive(Default)]
struct DeadlineStopsUnload;

impl Decisions for DeadlineStopsUnload {
    fn unloading(&self, _pairs: &[Pair], _completed: &[usize]) -> Vec<usize> {
        Vec::new()
    }
}

#[derive(Default)]
struct UnwindsForward;

impl Decisions for UnwindsForward {
    fn unwinding(&self, stopped: &Stopped<'_>) -> Vec<usize> {
        stopped.completed.to_vec()
    }
}

#[derive(Default)]
struct UnloadsForward;

impl Decisions for UnloadsForward {
    fn unloading(&self, _pairs: &[Pair], completed: &[usize]) -> Vec<usize> {
        completed.to_vec()
    }
}

/// By falling priority, ties as they are.
fn by_falling_priority(pairs: &[Pair], completed: &[usize]) -> Vec<usize> {
    let mut places = completed.to_vec();
    places.sort_by_key(|place| Reverse(pairs[*place].priority));
    places
}

#[derive(Default)]
struct KeepsTiesForward;

impl Decisions for KeepsTiesForward {
    fn backwards(&self, pairs: &[Pair], completed: &[usize]) -> Vec<usize> {
        by_falling_priority(pairs, completed)
    }
}

#[derive(Default)]
struct UnloadsTiesForward;

impl Decisions for UnloadsTiesForward {
    fn profile(&self) -> Profile {
        profiles::plain()
    }

    fn unloading(&self, pairs: &[Pair], completed: &[usize]) -> Vec<usize> {
        by_falling_priority(pairs, completed)
    }
}

#[derive(Default)]
struct SortsAgain;

impl Decisions for SortsAgain {
    fn backwards(&self, pairs: &[Pair], completed: &[usize]) -> Vec<usize> {
        let priorities: Vec<Priority> = pairs.iter().map(|pair| pair.priority).collect();
        let to_stop = Right.order(&priorities).into_iter().rev();
        to_stop.take(completed.len()).collect()
    }
}

#[derive(Default)]
struct NeverEnds;

impl Decisions for NeverEnds {
    fn unloading(&self, pairs: &[Pair], completed: &[usize]) -> Vec<usize> {
        Right.unloading(pairs, completed).repeat(FOR_EVER)
    }
}

#[derive(Default)]
struct StopsAtFailingExit;

impl Decisions for StopsAtFailingExit {
    fn stops_at_exit(&self, _failure: Failure) -> bool {
        true
    }
}

#[derive(Default)]
struct StopsAtPanickingExit;

impl Decisions for StopsAtPanickingExit {
    fn stops_at_exit(&self, failure: Failure) -> bool {
        failure == Failure::Panic {}
    }
}

#[derive(Default)]
struct LosesExitErrors;

impl Decisions for LosesExitErrors {
    fn reported(&self, _exits: Vec<ExitFailure>) -> Vec<ExitFailure> {
        Vec::new()
    }
}

#[derive(Default)]
struct ReportsExitsSorted;

impl Decisions for ReportsExitsSorted {
    fn reported(&self, mut exits: Vec<ExitFailure>) -> Vec<ExitFailure> {
        exits.sort_by_key(|exit| exit.pair);
        exits
    }
}

#[derive(Default)]
struct UnwindsOthers;

impl Decisions for UnwindsOthers {
    fn unwinds_also(&self, others: Vec<ModuleId>) -> Vec<ModuleId> {
        others
    }
}
