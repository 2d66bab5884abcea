//! Faults in what pins, locks and writebacks hold, and in what makes a page dirty.
//!
//! It does not cover what becomes of a pin at a fork: that is `sharing`.

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::{Memory, Profile};

use super::super::decisions::{
    Change, Decisions, Entry, Facts, Flush, Held, Mover, Right, Soiled, Touch,
};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Memory>; 14] = [
    fault::<PassMovesThePinned>(
        "pass-moves-the-pinned",
        "MEMORY-24",
        "A pass moves pages that a device has pinned.",
        "Linux 119d6d59dcc0: compaction moved pages that were pinned",
    ),
    fault::<MigratesThePinned>(
        "migrates-the-pinned",
        "MEMORY-11",
        "A migration begins though the page is pinned.",
        "Linux 119d6d59dcc0: pages were moved that were pinned",
    ),
    fault::<PassMovesUnderWriteback>(
        "pass-moves-under-writeback",
        "MEMORY-43",
        "A pass moves pages that are being written back.",
        "openzfs #15140: pages under writeback were moved",
    ),
    fault::<PassMovesTheLocked>(
        "pass-moves-the-locked",
        "MEMORY-24",
        "A pass moves locked pages where these stay.",
        "constructed: a lock that keeps a page in memory, and not where it is",
    ),
    fault::<PassMovesTheIsolated>(
        "pass-moves-the-isolated",
        "MEMORY-43",
        "A pass moves the page that is being migrated.",
        "constructed: a page is isolated twice",
    ),
    fault::<FreesThePinned>(
        "frees-the-pinned",
        "MEMORY-13",
        "A pinned page is freed when nobody maps it any more.",
        "constructed: the mappings are counted, and not the references",
    ),
    fault::<FreesUnderWriteback>(
        "frees-under-writeback",
        "MEMORY-13",
        "A page under writeback is freed when its file lets it go.",
        "constructed: the mappings are counted, and not the references",
    ),
    fault::<HandsOutTheDetached>(
        "hands-out-the-detached",
        "MEMORY-35",
        "A frame is handed out whose page is cut off and held.",
        "constructed: the owner is looked at, and not the references",
    ),
    fault::<PinLeavesClean>(
        "pin-leaves-clean",
        "MEMORY-26",
        "A page that is pinned for a device is not dirty.",
        "constructed: only processes make pages dirty",
    ),
    fault::<WritebackLeavesDirty>(
        "writeback-leaves-dirty",
        "MEMORY-26",
        "A page that is written back stays dirty.",
        "constructed: the dirty bit is not cleared",
    ),
    fault::<WritebackLeavesTranslations>(
        "writeback-leaves-translations",
        "MEMORY-26",
        "What is written while a page is being written back leaves it clean, where it is cached as \
         writable.",
        "constructed: the dirty bit of a PTE is cleared without a flush",
    ),
    fault::<LockIsForgotten>(
        "lock-is-forgotten",
        "MEMORY-28",
        "A page that is locked when it is first touched is not locked.",
        "constructed: the PTE is made after the lock is set",
    ),
    fault::<UnlockIsForgotten>(
        "unlock-is-forgotten",
        "MEMORY-28",
        "An unlock leaves the page locked.",
        "constructed: locks are only ever added",
    ),
    fault::<WriteLeavesUnaccessed>(
        "write-leaves-unaccessed",
        "MEMORY-27",
        "A write does not make a PTE accessed.",
        "constructed: only a read sets the bit",
    ),
];

#[derive(Default)]
struct PassMovesThePinned;

impl Decisions for PassMovesThePinned {
    fn may_move(&self, facts: &Facts, by: Mover) -> bool {
        let pins = if by == Mover::Pass { 0 } else { facts.pins };
        Right.may_move(&Facts { pins, ..*facts }, by)
    }
}

#[derive(Default)]
struct MigratesThePinned;

impl Decisions for MigratesThePinned {
    fn may_move(&self, facts: &Facts, by: Mover) -> bool {
        let pins = if by == Mover::Steps { 0 } else { facts.pins };
        Right.may_move(&Facts { pins, ..*facts }, by)
    }
}

#[derive(Default)]
struct PassMovesUnderWriteback;

impl Decisions for PassMovesUnderWriteback {
    fn may_move(&self, facts: &Facts, by: Mover) -> bool {
        let writeback = facts.writeback && by == Mover::Steps;
        Right.may_move(&Facts { writeback, ..*facts }, by)
    }
}

#[derive(Default)]
struct PassMovesTheLocked;

impl Decisions for PassMovesTheLocked {
    fn profile(&self) -> Profile {
        profiles::of_2003()
    }

    fn may_move(&self, facts: &Facts, by: Mover) -> bool {
        Right.may_move(&Facts { locks: 0, ..*facts }, by)
    }
}

#[derive(Default)]
struct PassMovesTheIsolated;

impl Decisions for PassMovesTheIsolated {
    fn may_move(&self, facts: &Facts, by: Mover) -> bool {
        let isolated = facts.isolated && by == Mover::Steps;
        Right.may_move(&Facts { isolated, ..*facts }, by)
    }
}

#[derive(Default)]
struct FreesThePinned;

impl Decisions for FreesThePinned {
    fn is_nobodys(&self, facts: &Facts) -> bool {
        Right.is_nobodys(&Facts { pins: 0, ..*facts })
    }
}

#[derive(Default)]
struct FreesUnderWriteback;

impl Decisions for FreesUnderWriteback {
    fn is_nobodys(&self, facts: &Facts) -> bool {
        Right.is_nobodys(&Facts { writeback: false, ..*facts })
    }
}

#[derive(Default)]
struct HandsOutTheDetached;

impl Decisions for HandsOutTheDetached {
    fn hands_out(&self, held: Held) -> bool {
        matches!(held, Held::Free | Held::Detached)
    }
}

#[derive(Default)]
struct PinLeavesClean;

impl Decisions for PinLeavesClean {
    fn soils(&self, by: Soiled, _held: Held) -> bool {
        by != Soiled::Pinned
    }
}

#[derive(Default)]
struct WritebackLeavesDirty;

impl Decisions for WritebackLeavesDirty {
    fn dirty_after_writeback(&self, was: bool) -> bool {
        was
    }
}

#[derive(Default)]
struct WritebackLeavesTranslations;

impl Decisions for WritebackLeavesTranslations {
    fn flushes(&self, why: Flush) -> bool {
        why != Flush::WrittenBack
    }

    fn soils(&self, by: Soiled, _held: Held) -> bool {
        by != Soiled::Written { is_translated: true }
    }
}

#[derive(Default)]
struct LockIsForgotten;

impl Decisions for LockIsForgotten {
    fn entry(&self, change: Change, before: &Entry, right: Entry) -> Entry {
        let is_fresh = change == Change::Touched(Touch::Lock) && !before.accessed;
        if is_fresh { Entry { locked: false, ..right } } else { right }
    }
}

#[derive(Default)]
struct UnlockIsForgotten;

impl Decisions for UnlockIsForgotten {
    fn entry(&self, change: Change, before: &Entry, right: Entry) -> Entry {
        if change == Change::Unlocked { *before } else { right }
    }
}

#[derive(Default)]
struct WriteLeavesUnaccessed;

impl Decisions for WriteLeavesUnaccessed {
    fn entry(&self, change: Change, before: &Entry, right: Entry) -> Entry {
        let is_write = change == Change::Touched(Touch::Write);
        if is_write { Entry { accessed: before.accessed, ..right } } else { right }
    }
}
