//! Faults in what is refused.
//!
//! It does not cover what is refused for a migration: that is `waiting`.

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::{Error, Memory, Pages, SPACE_PAGES};

use super::super::decisions::{Decisions, Region, Right, Touch};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Memory>; 8] = [
    fault::<NeighboursOverlap>(
        "neighbours-overlap",
        "MEMORY-10",
        "An area can not begin where another ends.",
        "constructed: `<=` for `<`",
    ),
    fault::<ProtectionSaidNoArea>(
        "protection-said-no-area",
        "MEMORY-10",
        "A write to an area that is not writable is told that there is none.",
        "constructed: two faults with one answer",
    ),
    fault::<WritesReadOnly>(
        "writes-read-only",
        "MEMORY-11",
        "An area is written that is not writable, where the page is already there or not.",
        "constructed: only the PTE is looked at",
    ),
    fault::<PinsReadOnly>(
        "pins-read-only",
        "MEMORY-11",
        "A page is pinned for writing whose area is not writable.",
        "constructed: a pin that is taken for a read",
    ),
    fault::<ReadsPastTheEnd>(
        "reads-past-the-end",
        "MEMORY-11",
        "The page behind the last one of a file can be touched.",
        "constructed: `>` for `>=`",
    ),
    fault::<TakesNoPages>(
        "takes-no-pages",
        "MEMORY-11",
        "An area of no pages is not refused.",
        "constructed: only the end is looked at",
    ),
    fault::<TakesTheNumberAgain>(
        "takes-the-number-again",
        "MEMORY-11",
        "The number of a hold can be used for another one.",
        "constructed: the older one is forgotten",
    ),
    fault::<RefusedWriteMakesDirty>(
        "refused-write-makes-dirty",
        "MEMORY-37",
        "A write that is refused makes the page dirty.",
        "constructed: the dirty bit is set before the protection is looked at",
    ),
];

#[derive(Default)]
struct NeighboursOverlap;

impl Decisions for NeighboursOverlap {
    fn overlaps(&self, asked: &Pages, mapped: &Pages) -> bool {
        asked.overlaps(mapped) || u64::from(asked.first.0) == mapped.end()
    }
}

#[derive(Default)]
struct ProtectionSaidNoArea;

impl Decisions for ProtectionSaidNoArea {
    fn refuses(&self, touch: Touch, region: &Region) -> Option<Error> {
        Right.refuses(touch, region).map(|_| Error::NoArea)
    }
}

#[derive(Default)]
struct WritesReadOnly;

impl Decisions for WritesReadOnly {
    fn refuses(&self, touch: Touch, region: &Region) -> Option<Error> {
        Right.refuses(touch, region).filter(|_| touch != Touch::Write)
    }
}

#[derive(Default)]
struct PinsReadOnly;

impl Decisions for PinsReadOnly {
    fn refuses(&self, touch: Touch, region: &Region) -> Option<Error> {
        Right.refuses(touch, region).filter(|_| touch != Touch::Pin)
    }
}

#[derive(Default)]
struct ReadsPastTheEnd;

impl Decisions for ReadsPastTheEnd {
    fn is_past_end(&self, index: u32, pages: u32) -> bool {
        index > pages
    }
}

#[derive(Default)]
struct TakesNoPages;

impl Decisions for TakesNoPages {
    fn is_out_of_space(&self, pages: &Pages) -> bool {
        pages.end() > u64::from(SPACE_PAGES)
    }
}

#[derive(Default)]
struct TakesTheNumberAgain;

impl Decisions for TakesTheNumberAgain {
    fn is_taken(&self, _is_in_use: bool) -> bool {
        false
    }
}

#[derive(Default)]
struct RefusedWriteMakesDirty;

impl Decisions for RefusedWriteMakesDirty {
    fn soils_refused(&self) -> bool {
        true
    }
}
