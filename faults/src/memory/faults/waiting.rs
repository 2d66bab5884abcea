//! Faults in what waits for the end of a migration.
//!
//! It does not cover the steps themselves: that is `migration`.

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::Memory;

use super::super::decisions::{Decisions, Facts, Outcome, Touch, Waiting};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Memory>; 8] = [
    fault::<FrozenIsWritten>(
        "frozen-is-written",
        "MEMORY-08",
        "A write goes through a frozen PTE.",
        "constructed: a PTE that is not present, and has a frame",
    ),
    fault::<FrozenIsPinned>(
        "frozen-is-pinned",
        "MEMORY-08",
        "A page is pinned through a frozen PTE.",
        "constructed: a walk for a device that does not know frozen PTEs",
    ),
    fault::<MigratingPageIsMapped>(
        "migrating-page-is-mapped",
        "MEMORY-08",
        "A page that is being migrated is mapped at another place.",
        "constructed: the page cache gives a page without its lock",
    ),
    fault::<WaitsTooEarly>(
        "waits-too-early",
        "MEMORY-08",
        "An access waits whose PTE is not frozen.",
        "constructed: the isolation is taken for the freeze",
    ),
    fault::<WaitingIsDropped>(
        "waiting-is-dropped",
        "MEMORY-09",
        "The access that came last is forgotten.",
        "constructed: who waits is woken, and does not look again",
    ),
    fault::<WaitingIsDroppedOnFailure>(
        "waiting-is-dropped-on-failure",
        "MEMORY-09",
        "The accesses that wait are forgotten when a migration is given up.",
        "constructed: a way out that leaves somebody behind",
    ),
    fault::<WaitingInReverse>(
        "waiting-in-reverse",
        "MEMORY-09",
        "The access that came last is done first.",
        "constructed: a stack for a queue",
    ),
    fault::<WaitingInTheOldFrame>(
        "waiting-in-the-old-frame",
        "MEMORY-19",
        "A write that waited is done in the old frame.",
        "constructed: who waits has kept the frame, and not the place",
    ),
];

#[derive(Default)]
struct FrozenIsWritten;

impl Decisions for FrozenIsWritten {
    fn waits_frozen(&self, touch: Touch) -> bool {
        touch != Touch::Write
    }
}

#[derive(Default)]
struct FrozenIsPinned;

impl Decisions for FrozenIsPinned {
    fn waits_frozen(&self, touch: Touch) -> bool {
        touch != Touch::Pin
    }
}

#[derive(Default)]
struct MigratingPageIsMapped;

impl Decisions for MigratingPageIsMapped {
    fn waits_unmapped(&self, _touch: Touch) -> bool {
        false
    }
}

#[derive(Default)]
struct WaitsTooEarly;

impl Decisions for WaitsTooEarly {
    fn waits_mapped(&self, facts: &Facts) -> bool {
        facts.isolated && facts.frozen == 0
    }
}

#[derive(Default)]
struct WaitingIsDropped;

impl Decisions for WaitingIsDropped {
    fn completes(&self, mut waiting: Vec<Waiting>, _how: Outcome) -> Vec<Waiting> {
        waiting.pop();
        waiting
    }
}

#[derive(Default)]
struct WaitingIsDroppedOnFailure;

impl Decisions for WaitingIsDroppedOnFailure {
    fn completes(&self, waiting: Vec<Waiting>, how: Outcome) -> Vec<Waiting> {
        if how == Outcome::Freed { waiting } else { Vec::new() }
    }
}

#[derive(Default)]
struct WaitingInReverse;

impl Decisions for WaitingInReverse {
    fn completes(&self, mut waiting: Vec<Waiting>, _how: Outcome) -> Vec<Waiting> {
        waiting.reverse();
        waiting
    }
}

#[derive(Default)]
struct WaitingInTheOldFrame;

impl Decisions for WaitingInTheOldFrame {
    fn completes_in_old(&self) -> bool {
        true
    }
}
