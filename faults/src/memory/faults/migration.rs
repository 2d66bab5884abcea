//! Faults in the steps of a migration.
//!
//! It does not cover accesses that wait: that is `waiting`.

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::{Memory, Place, Undone};

use super::super::decisions::{
    Change, Copying, Decisions, Entry, Facts, Flush, Held, Mover, Next, Progress, Right, Seen, Walk,
};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Memory>; 20] = [
    fault::<OnePteLeftOld>(
        "one-pte-left-old",
        "MEMORY-34",
        "The last PTE of a page is not restored to the new frame.",
        "constructed: a walk that stops too early",
    ),
    fault::<OnePteLeftUnfrozen>(
        "one-pte-left-unfrozen",
        "MEMORY-31",
        "The last of several PTEs is not frozen.",
        "constructed: a walk that stops too early",
    ),
    fault::<FlushesNobody>(
        "flushes-nobody",
        "MEMORY-36",
        "No address space is flushed before the copy.",
        "constructed: what the flush is for is not frozen",
    ),
    fault::<FlushesTheFirst>(
        "flushes-the-first",
        "MEMORY-36",
        "Only the first of the address spaces is flushed.",
        "constructed: a loop that ends after its first round",
    ),
    fault::<FlushesAfterTheCopy>(
        "flushes-after-the-copy",
        "MEMORY-54",
        "The address spaces are flushed when the bytes are copied.",
        "constructed: a write between the copy and the flush is lost",
    ),
    fault::<CopiesBeforeTheFreeze>(
        "copies-before-the-freeze",
        "MEMORY-03",
        "The bytes are copied before the PTEs are frozen.",
        "constructed: a write between the copy and the freeze is lost",
    ),
    fault::<CopiesBeforeTheFlush>(
        "copies-before-the-flush",
        "MEMORY-19",
        "The bytes are copied before the address spaces are flushed.",
        "constructed: a write between the copy and the flush is lost",
    ),
    fault::<RestoresWritable>(
        "restores-writable",
        "MEMORY-30",
        "A PTE is writable when it is restored, whatever it was.",
        "Linux 2022: a PTE that was not writable was restored so",
    ),
    fault::<DirtyIsLost>(
        "dirty-is-lost",
        "MEMORY-29",
        "A page is clean when it has moved.",
        "Linux fd35ca3d12cc: the dirty bit was lost in a migration",
    ),
    fault::<AccessedIsLost>(
        "accessed-is-lost",
        "MEMORY-29",
        "A PTE is not accessed when it is restored.",
        "constructed: a new PTE with the flags of the area alone",
    ),
    fault::<LockIsLost>(
        "lock-is-lost",
        "MEMORY-29",
        "A PTE is not locked when it is restored.",
        "constructed: a new PTE with the flags of the area alone",
    ),
    fault::<ExtraReferenceIsIgnored>(
        "extra-reference-is-ignored",
        "MEMORY-24",
        "A page is moved that was pinned in the course of the migration.",
        "constructed: the references are compared before the freeze alone",
    ),
    fault::<GivesUpOnSharers>(
        "gives-up-on-sharers",
        "MEMORY-33",
        "The migration of a page that three have is given up.",
        "constructed: the references of the PTEs are not expected",
    ),
    fault::<IsolatedTwice>(
        "isolated-twice",
        "MEMORY-11",
        "A page that is being migrated is isolated again, for another target.",
        "constructed: the isolation is not looked at",
    ),
    fault::<TwoMigrationsAtOnce>(
        "two-migrations-at-once",
        "MEMORY-11",
        "A migration begins while that of another page goes on, and takes its place.",
        "constructed: the isolation is looked at, and not who else is at work",
    ),
    fault::<TargetLeftAllocated>(
        "target-left-allocated",
        "MEMORY-13",
        "The target of a migration that was given up is not freed.",
        "constructed: a way out that leaves something behind",
    ),
    fault::<EntryLeftFrozen>(
        "entry-left-frozen",
        "MEMORY-31",
        "The last PTE stays frozen when a migration is given up.",
        "constructed: a walk that stops too early",
    ),
    fault::<OldFrameLeft>(
        "old-frame-left",
        "MEMORY-13",
        "The frame from which a page was migrated is not freed.",
        "constructed: the reference of the isolation is not dropped",
    ),
    fault::<TargetHandedOut>(
        "target-handed-out",
        "MEMORY-32",
        "The target of a migration is handed out to others.",
        "constructed: a target that is not taken from the free frames",
    ),
    fault::<FileKeepsTheOldFrame>(
        "file-keeps-the-old-frame",
        "MEMORY-18",
        "A page leaves its file in the old frame when it is migrated.",
        "constructed: the page cache is not told",
    ),
];

#[derive(Default)]
struct OnePteLeftOld;

impl Decisions for OnePteLeftOld {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let is_missed = seen.why == Walk::Restore && seen.before + 1 == seen.count;
        (!is_missed).then_some(seen.place)
    }
}

#[derive(Default)]
struct OnePteLeftUnfrozen;

impl Decisions for OnePteLeftUnfrozen {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let is_last = seen.count > 1 && seen.before + 1 == seen.count;
        (seen.why != Walk::Freeze || !is_last).then_some(seen.place)
    }
}

#[derive(Default)]
struct FlushesNobody;

impl Decisions for FlushesNobody {
    fn flushes(&self, why: Flush) -> bool {
        !matches!(why, Flush::Migrated(_))
    }
}

#[derive(Default)]
struct FlushesTheFirst;

impl Decisions for FlushesTheFirst {
    fn flushes(&self, why: Flush) -> bool {
        !matches!(why, Flush::Migrated(1..))
    }
}

#[derive(Default)]
struct FlushesAfterTheCopy;

impl Decisions for FlushesAfterTheCopy {
    fn next(&self, progress: &Progress) -> Next {
        match Right.next(progress) {
            Next::Flush => Next::Copy,
            _ if progress.is_copied && progress.to_flush > 0 => Next::Flush,
            next => next,
        }
    }
}

#[derive(Default)]
struct CopiesBeforeTheFreeze;

impl Decisions for CopiesBeforeTheFreeze {
    fn copies_with(&self) -> Next {
        Next::Freeze
    }
}

#[derive(Default)]
struct CopiesBeforeTheFlush;

impl Decisions for CopiesBeforeTheFlush {
    fn copies_with(&self) -> Next {
        Next::Flush
    }
}

#[derive(Default)]
struct RestoresWritable;

impl Decisions for RestoresWritable {
    fn entry(&self, change: Change, _before: &Entry, right: Entry) -> Entry {
        if change == Change::Restored { Entry { writable: true, ..right } } else { right }
    }
}

#[derive(Default)]
struct DirtyIsLost;

impl Decisions for DirtyIsLost {
    fn soils_copy(&self, why: Copying, was_dirty: bool) -> bool {
        !matches!(why, Copying::Moving(_)) && Right.soils_copy(why, was_dirty)
    }
}

#[derive(Default)]
struct AccessedIsLost;

impl Decisions for AccessedIsLost {
    fn entry(&self, change: Change, _before: &Entry, right: Entry) -> Entry {
        if change == Change::Restored { Entry { accessed: false, ..right } } else { right }
    }
}

#[derive(Default)]
struct LockIsLost;

impl Decisions for LockIsLost {
    fn entry(&self, change: Change, _before: &Entry, right: Entry) -> Entry {
        if change == Change::Restored { Entry { locked: false, ..right } } else { right }
    }
}

#[derive(Default)]
struct ExtraReferenceIsIgnored;

impl Decisions for ExtraReferenceIsIgnored {
    fn gives_up(&self, progress: &Progress, next: Next) -> Option<Undone> {
        Right.gives_up(progress, next).filter(|why| *why != Undone::Referenced)
    }
}

#[derive(Default)]
struct GivesUpOnSharers;

impl Decisions for GivesUpOnSharers {
    fn gives_up(&self, progress: &Progress, next: Next) -> Option<Undone> {
        let is_shared = next == Next::Copy && progress.facts.mappings >= 3;
        Right.gives_up(progress, next).or(is_shared.then_some(Undone::Referenced))
    }
}

#[derive(Default)]
struct IsolatedTwice;

impl Decisions for IsolatedTwice {
    fn is_busy(&self, is_same: bool) -> bool {
        !is_same
    }

    fn may_move(&self, facts: &Facts, by: Mover) -> bool {
        Right.may_move(&Facts { isolated: false, ..*facts }, by)
    }
}

#[derive(Default)]
struct TwoMigrationsAtOnce;

impl Decisions for TwoMigrationsAtOnce {
    fn is_busy(&self, is_same: bool) -> bool {
        is_same
    }
}

#[derive(Default)]
struct TargetLeftAllocated;

impl Decisions for TargetLeftAllocated {
    fn frees_target(&self, _why: Undone) -> bool {
        false
    }
}

#[derive(Default)]
struct EntryLeftFrozen;

impl Decisions for EntryLeftFrozen {
    fn finds(&self, seen: &Seen<'_>) -> Option<Place> {
        let is_missed = seen.why == Walk::Thaw && seen.before + 1 == seen.count;
        (!is_missed).then_some(seen.place)
    }
}

#[derive(Default)]
struct OldFrameLeft;

impl Decisions for OldFrameLeft {
    fn frees_left(&self, by: Mover) -> bool {
        by == Mover::Pass
    }
}

#[derive(Default)]
struct TargetHandedOut;

impl Decisions for TargetHandedOut {
    fn hands_out(&self, held: Held) -> bool {
        matches!(held, Held::Free | Held::Target)
    }
}

#[derive(Default)]
struct FileKeepsTheOldFrame;

impl Decisions for FileKeepsTheOldFrame {
    fn keeps_in_file(&self, by: Mover) -> bool {
        by == Mover::Pass
    }
}
