//! Faults in who gets a copy, at a fork and on a write.
//!
//! It does not cover which bytes a copy has: that is `reads`.

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::{Memory, Place, Profile};

use super::super::decisions::{
    Change, Copying, Decisions, Entry, Facts, Flush, Forked, Held, Region, Right,
};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Memory>; 16] = [
    fault::<ForkLeavesWritable>(
        "fork-leaves-writable",
        "MEMORY-30",
        "After a fork the parent can write as before to the pages that both have.",
        "constructed: the parent is not protected",
    ),
    fault::<ForkSharesWrites>(
        "fork-shares-writes",
        "MEMORY-04",
        "Both processes write to the same page after a fork.",
        "constructed: neither of both is protected",
    ),
    fault::<WritesInPlaceForTwo>(
        "writes-in-place-for-two",
        "MEMORY-04",
        "A private page that two have is written in its frame.",
        "constructed: a count that is compared one off",
    ),
    fault::<WritesToTheFile>(
        "writes-to-the-file",
        "MEMORY-06",
        "A write to a private page of a file goes to the page that the file has.",
        "constructed: a page that one process maps is taken for its own",
    ),
    fault::<CopiesThoughAlone>(
        "copies-though-alone",
        "MEMORY-44",
        "A write copies a private page that nobody else has.",
        "constructed: a page that is never taken back from its sharers",
    ),
    fault::<CopiesForAllButOne>(
        "copies-for-all-but-one",
        "MEMORY-18",
        "A copy on write takes all sharers along but one.",
        "constructed: copy on write that breaks all but one of the mappings",
    ),
    fault::<ForkCopiesAll>(
        "fork-copies-all",
        "MEMORY-15",
        "A fork copies every private page.",
        "constructed: a fork without copy on write",
    ),
    fault::<ForkCopiesShared>(
        "fork-copies-shared",
        "MEMORY-05",
        "A fork copies the pages of shared areas.",
        "constructed: shared memory that is private after a fork",
    ),
    fault::<ForkSharesPinned>(
        "fork-shares-pinned",
        "MEMORY-15",
        "A fork shares what is pinned, and the next write takes it from the device.",
        "constructed: pin and fork, as in Linux before 5.9",
    ),
    fault::<ForkLocksTheChild>(
        "fork-locks-the-child",
        "MEMORY-28",
        "The child has the locks of the parent.",
        "constructed: the flags are copied as they are",
    ),
    fault::<ForkForgetsFrozen>(
        "fork-forgets-frozen",
        "MEMORY-17",
        "A page whose PTE is frozen is not in the child.",
        "constructed: an entry that is not present is taken for none",
    ),
    fault::<ForkThawsTheChild>(
        "fork-thaws-the-child",
        "MEMORY-31",
        "A frozen PTE is not frozen in the child.",
        "constructed: the flags of the child are set anew",
    ),
    fault::<ForkLeavesTranslations>(
        "fork-leaves-translations",
        "MEMORY-36",
        "A fork leaves what the parent has cached, so that it can write as before.",
        "constructed: a flush is missing behind the write protection",
    ),
    fault::<CopyLosesTheLock>(
        "copy-loses-the-lock",
        "MEMORY-28",
        "A copy on write unlocks the page.",
        "constructed: a new PTE with the flags of the area alone",
    ),
    fault::<CopyAtForkIsClean>(
        "copy-at-fork-is-clean",
        "MEMORY-26",
        "The copy that a fork makes is not dirty.",
        "constructed: a copy that could be thrown away",
    ),
    fault::<PinGoesWithTheCopy>(
        "pin-goes-with-the-copy",
        "MEMORY-23",
        "A pin goes to the copy that somebody gets of the page.",
        "constructed: the device writes to a page that nobody but the writer has",
    ),
];

#[derive(Default)]
struct ForkLeavesWritable;

impl Decisions for ForkLeavesWritable {
    fn entry(&self, change: Change, before: &Entry, right: Entry) -> Entry {
        if change == Change::Forked { *before } else { right }
    }
}

#[derive(Default)]
struct ForkSharesWrites;

impl Decisions for ForkSharesWrites {
    fn profile(&self) -> Profile {
        profiles::plain()
    }

    fn entry(&self, change: Change, before: &Entry, right: Entry) -> Entry {
        let is_fork = matches!(change, Change::Forked | Change::Inherited);
        Entry { writable: if is_fork { before.writable } else { right.writable }, ..right }
    }
}

#[derive(Default)]
struct WritesInPlaceForTwo;

impl Decisions for WritesInPlaceForTwo {
    fn profile(&self) -> Profile {
        profiles::plain()
    }

    fn writes_in_place(&self, facts: &Facts) -> bool {
        facts.held == Held::Anonymous && facts.mappings <= 2
    }
}

#[derive(Default)]
struct WritesToTheFile;

impl Decisions for WritesToTheFile {
    fn profile(&self) -> Profile {
        profiles::plain()
    }

    fn writes_in_place(&self, facts: &Facts) -> bool {
        facts.mappings == 1
    }
}

#[derive(Default)]
struct CopiesThoughAlone;

impl Decisions for CopiesThoughAlone {
    fn writes_in_place(&self, _facts: &Facts) -> bool {
        false
    }
}

#[derive(Default)]
struct CopiesForAllButOne;

impl Decisions for CopiesForAllButOne {
    fn follows(&self, _other: Place, which: usize, count: usize) -> bool {
        which + 1 < count
    }
}

#[derive(Default)]
struct ForkCopiesAll;

impl Decisions for ForkCopiesAll {
    fn copies_at_fork(&self, forked: &Forked<'_>) -> bool {
        !forked.region.shared && forked.facts.held == Held::Anonymous
    }
}

#[derive(Default)]
struct ForkCopiesShared;

impl Decisions for ForkCopiesShared {
    fn profile(&self) -> Profile {
        profiles::plain()
    }

    fn copies_at_fork(&self, forked: &Forked<'_>) -> bool {
        forked.region.shared
    }
}

#[derive(Default)]
struct ForkSharesPinned;

impl Decisions for ForkSharesPinned {
    fn copies_at_fork(&self, _forked: &Forked<'_>) -> bool {
        false
    }
}

#[derive(Default)]
struct ForkLocksTheChild;

impl Decisions for ForkLocksTheChild {
    fn entry(&self, change: Change, before: &Entry, right: Entry) -> Entry {
        if change == Change::Inherited { Entry { locked: before.locked, ..right } } else { right }
    }
}

#[derive(Default)]
struct ForkForgetsFrozen;

impl Decisions for ForkForgetsFrozen {
    fn inherits(&self, entry: &Entry, _region: &Region) -> bool {
        !entry.frozen
    }
}

#[derive(Default)]
struct ForkThawsTheChild;

impl Decisions for ForkThawsTheChild {
    fn entry(&self, change: Change, _before: &Entry, right: Entry) -> Entry {
        if change == Change::Inherited { Entry { frozen: false, ..right } } else { right }
    }
}

#[derive(Default)]
struct ForkLeavesTranslations;

impl Decisions for ForkLeavesTranslations {
    fn flushes(&self, why: Flush) -> bool {
        why != Flush::Forked
    }
}

#[derive(Default)]
struct CopyLosesTheLock;

impl Decisions for CopyLosesTheLock {
    fn entry(&self, change: Change, _before: &Entry, right: Entry) -> Entry {
        if change == Change::Copied { Entry { locked: false, ..right } } else { right }
    }
}

#[derive(Default)]
struct CopyAtForkIsClean;

impl Decisions for CopyAtForkIsClean {
    fn soils_copy(&self, why: Copying, was_dirty: bool) -> bool {
        why != Copying::AtFork && Right.soils_copy(why, was_dirty)
    }
}

#[derive(Default)]
struct PinGoesWithTheCopy;

impl Decisions for PinGoesWithTheCopy {
    fn pinned_after_copy(&self, _pinned: usize, copy: usize) -> usize {
        copy
    }
}
