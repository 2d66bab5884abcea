//! Faults in when the daemon works by itself.
//!
//! It does not cover what it moves then: that is `passes`.

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::{Memory, Profile};

use super::super::decisions::{Candidate, Decisions};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Memory>; 6] = [
    fault::<SleepsBelowTheThreshold>(
        "sleeps-below-the-threshold",
        "MEMORY-50",
        "The daemon sleeps always.",
        "constructed: nobody wakes it",
    ),
    fault::<WatchesTheFirstOrder>(
        "watches-the-first-order",
        "MEMORY-50",
        "The daemon looks at the first of the watched orders alone.",
        "constructed: a loop that ends after its first round",
    ),
    fault::<WakesAboveTheThreshold>(
        "wakes-above-the-threshold",
        "MEMORY-49",
        "The daemon wakes when there are as many free blocks as there are to be.",
        "constructed: `<=` for `<`",
    ),
    fault::<GoesOnAfterBalance>(
        "goes-on-after-balance",
        "MEMORY-51",
        "The daemon goes on until the fingers meet.",
        "constructed: the counts are looked at before and not between",
    ),
    fault::<MovesInVain>(
        "moves-in-vain",
        "MEMORY-52",
        "The daemon moves what it can, though no block comes of it.",
        "constructed: what stays is found when it is come to",
    ),
    fault::<TellsOtherBlocks>(
        "tells-other-blocks",
        "MEMORY-53",
        "One free block more is told than there are, if there are any.",
        "constructed: a count from before the last split",
    ),
];

#[derive(Default)]
struct SleepsBelowTheThreshold;

impl Decisions for SleepsBelowTheThreshold {
    fn wakes(&self, _lacks: bool) -> bool {
        false
    }
}

#[derive(Default)]
struct WatchesTheFirstOrder;

impl Decisions for WatchesTheFirstOrder {
    fn lacks(&self, blocks: u64, watched: u64, which: usize) -> bool {
        which == 0 && blocks < watched
    }
}

#[derive(Default)]
struct WakesAboveTheThreshold;

impl Decisions for WakesAboveTheThreshold {
    fn lacks(&self, blocks: u64, watched: u64, _which: usize) -> bool {
        blocks <= watched
    }
}

#[derive(Default)]
struct GoesOnAfterBalance;

impl Decisions for GoesOnAfterBalance {
    fn profile(&self) -> Profile {
        profiles::two_finger()
    }

    fn stops(&self, _is_balanced: bool) -> bool {
        false
    }
}

#[derive(Default)]
struct MovesInVain;

impl Decisions for MovesInVain {
    fn empties(&self, candidate: &Candidate) -> bool {
        candidate.moves > 0 && candidate.room >= candidate.moves
    }
}

#[derive(Default)]
struct TellsOtherBlocks;

impl Decisions for TellsOtherBlocks {
    fn blocks_told(&self, blocks: u64) -> u64 {
        blocks + u64::from(blocks > 0)
    }
}
