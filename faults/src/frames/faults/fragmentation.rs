//! Faults in the formulas of fragmentation.
//!
//! It does not cover which free blocks there are.

use lawbook_spec::core::Implementation;
use lawbook_spec::frames::{Frames, Order};

use super::super::decisions::{Block, Decisions, Fragments, Right};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Frames>; 7] = [
    fault::<IndexCountsIsolated>(
        "index-counts-isolated",
        "FRAMES-25",
        "Isolated blocks are among the free ones that the fragmentation is told from.",
        "constructed: the lists are walked, and those of isolated blocks are among them",
    ),
    fault::<IndexNeedsGreater>(
        "index-needs-greater",
        "FRAMES-25",
        "Only a block of a greater order is taken for one that would do.",
        "constructed: `>` for `>=`",
    ),
    fault::<IndexIsUnsigned>(
        "index-is-unsigned",
        "FRAMES-25",
        "The index of a request that can't be served is never below 0.",
        "constructed: it is kept unsigned, as a share of 1000",
    ),
    fault::<IndexRoundsTwice>(
        "index-rounds-twice",
        "FRAMES-25",
        "The two parts of the index are divided, and rounded, each on its own.",
        "constructed: the fraction is written as a sum of two",
    ),
    fault::<IndexOfNothing>(
        "index-of-nothing",
        "FRAMES-25",
        "The index of a zone without free blocks is that of one that can serve.",
        "constructed: there is no block that is too small",
    ),
    fault::<ExternalInPerMille>(
        "external-in-per-mille",
        "FRAMES-25",
        "External fragmentation is told in per mille.",
        "constructed: it is told like the index",
    ),
    fault::<ExternalOfLargest>(
        "external-of-largest",
        "FRAMES-25",
        "Only one block of the order in question is taken to be of use.",
        "constructed: whether there is one is kept for how many there are",
    ),
];

#[derive(Default)]
struct IndexCountsIsolated;

impl Decisions for IndexCountsIsolated {
    fn fragments(&self, _block: &Block) -> bool {
        true
    }
}

#[derive(Default)]
struct IndexNeedsGreater;

impl Decisions for IndexNeedsGreater {
    fn suits(&self, free: Order, wanted: Order) -> bool {
        free > wanted
    }
}

#[derive(Default)]
struct IndexIsUnsigned;

impl Decisions for IndexIsUnsigned {
    fn index(&self, now: &Fragments) -> i64 {
        let index = Right.index(now);
        if now.suitable > 0 { index } else { index.max(0) }
    }
}

#[derive(Default)]
struct IndexRoundsTwice;

impl Decisions for IndexRoundsTwice {
    fn index(&self, now: &Fragments) -> i64 {
        if now.blocks == 0 || now.suitable > 0 {
            return Right.index(now);
        }
        1000 - 1000 / now.blocks - now.free * 1000 / now.wanted / now.blocks
    }
}

#[derive(Default)]
struct IndexOfNothing;

impl Decisions for IndexOfNothing {
    fn index(&self, now: &Fragments) -> i64 {
        if now.blocks == 0 { -1000 } else { Right.index(now) }
    }
}

#[derive(Default)]
struct ExternalInPerMille;

impl Decisions for ExternalInPerMille {
    fn external(&self, now: &Fragments) -> i64 {
        let useless = now.free - now.suitable * now.wanted;
        if now.free == 0 { 0 } else { useless * 1000 / now.free }
    }
}

#[derive(Default)]
struct ExternalOfLargest;

impl Decisions for ExternalOfLargest {
    fn external(&self, now: &Fragments) -> i64 {
        Right.external(&Fragments { suitable: now.suitable.min(1), ..*now })
    }
}
