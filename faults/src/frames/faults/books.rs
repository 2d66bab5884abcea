//! Faults in what is counted and shown.
//!
//! It does not cover counts that are wrong because a block is lost or doubled.

use std::cell::RefCell;
use std::collections::BTreeMap;

use lawbook_spec::core::Implementation;
use lawbook_spec::frames::{Frames, Mobility, Order, Statistics, Zone};

use super::super::decisions::{Block, Decisions};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Frames>; 6] = [
    fault::<ChargesAskedZone>(
        "charges-asked-zone",
        "FRAMES-05",
        "A block that another zone serves is counted out of the one that was asked.",
        "constructed: the count is kept by the request and not by the block",
    ),
    fault::<CountsOneFrame>(
        "counts-one-frame",
        "FRAMES-05",
        "A block that is granted at a frame is counted as one frame.",
        "constructed: a count of blocks for one of frames",
    ),
    fault::<CountsWantedMobility>(
        "counts-wanted-mobility",
        "FRAMES-19",
        "A free block is counted out under the mobility that was asked for, not under its own.",
        "Linux ad53f92eb416: the free count is kept under the wrong mobility",
    ),
    fault::<OneBehind>(
        "one-behind",
        "FRAMES-19",
        "The statistics are those that should have been shown the time before.",
        "constructed: the copy is refreshed after it was read",
    ),
    fault::<ShowsIsolatedAsMovable>(
        "shows-isolated-as-movable",
        "FRAMES-19",
        "Isolated blocks are counted as movable ones.",
        "Linux ad53f92eb416: what was freed in an isolated pageblock is listed under another type",
    ),
    fault::<ShowsNothingIsolated>(
        "shows-nothing-isolated",
        "FRAMES-24",
        "Isolated blocks are not shown.",
        "constructed: the table has a column for each mobility, and none for them",
    ),
];

#[derive(Default)]
struct ChargesAskedZone;

impl Decisions for ChargesAskedZone {
    fn charged(&self, _block: &Block, asked: usize) -> usize {
        asked
    }
}

#[derive(Default)]
struct CountsOneFrame;

impl Decisions for CountsOneFrame {
    fn counted_at(&self, _order: Order) -> u64 {
        1
    }
}

#[derive(Default)]
struct CountsWantedMobility;

impl Decisions for CountsWantedMobility {
    fn counted_out(&self, _free: Mobility, wanted: Mobility) -> Mobility {
        wanted
    }
}

#[derive(Default)]
struct OneBehind {
    last: RefCell<BTreeMap<Zone, Statistics>>,
}

impl Decisions for OneBehind {
    fn shown(&self, zone: Zone, now: Statistics) -> Statistics {
        let last = self.last.borrow_mut().insert(zone, now.clone());
        last.unwrap_or(now)
    }
}

#[derive(Default)]
struct ShowsIsolatedAsMovable;

impl Decisions for ShowsIsolatedAsMovable {
    fn shown(&self, _zone: Zone, mut now: Statistics) -> Statistics {
        for (movable, isolated) in now.blocks[2].iter_mut().zip(&now.isolated) {
            *movable += isolated;
        }
        now
    }
}

#[derive(Default)]
struct ShowsNothingIsolated;

impl Decisions for ShowsNothingIsolated {
    fn shown(&self, _zone: Zone, mut now: Statistics) -> Statistics {
        now.isolated.fill(0);
        now
    }
}
