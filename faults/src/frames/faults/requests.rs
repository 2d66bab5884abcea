//! Faults in which block serves a request, in what is left of it, and in what a failure leaves.
//!
//! It does not cover what is counted for it: that is `books`.

use lawbook_spec::core::Implementation;
use lawbook_spec::frames::{FRAME_BYTES, Frames, Mobility, Order, Run, Zone, ZonePlan};

use super::super::decisions::{Block, Decisions, Leaves, Refused, Right};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Frames>; 21] = [
    fault::<DmaFromNormal>(
        "dma-from-normal",
        "FRAMES-02",
        "A request that finds nothing up to its own zone is served from one behind it.",
        "constructed: the list of zones to fall back to is a ring",
    ),
    fault::<LowestZoneFirst>(
        "lowest-zone-first",
        "FRAMES-18",
        "The zones that a request allows are tried from the lowest.",
        "constructed: the list of zones is walked in the order of the frames",
    ),
    fault::<NeverFallsBack>(
        "never-falls-back",
        "FRAMES-06",
        "A request is served from its own zone alone.",
        "constructed: out of memory is reported while a block is free",
    ),
    fault::<ExactOrderOnly>(
        "exact-order-only",
        "FRAMES-06",
        "Only a free block of just the order that is asked for is found; none is split.",
        "constructed: out of memory is reported while a block is free",
    ),
    fault::<GreatestIsKept>(
        "greatest-is-kept",
        "FRAMES-09",
        "The search for a block ends one list too early, before that of the greatest order.",
        "constructed: `order < max` for `order <= max`, as when Linux changed the meaning of \
         MAX_ORDER",
    ),
    fault::<WrongHalfPutBack>(
        "wrong-half-put-back",
        "FRAMES-04",
        "The half of a split block that is handed out becomes free, and the other one is lost.",
        "constructed: the halves are mixed up in the loop that splits",
    ),
    fault::<RoundsUpOnAlloc>(
        "rounds-up-on-alloc",
        "FRAMES-05",
        "An order above 0 is rounded up when it is allocated, and not when it is freed.",
        "linked-list-allocator #66: the padding behind a block is handed out with it, and not \
         freed with it",
    ),
    fault::<LooksAtFirstFrame>(
        "looks-at-first-frame",
        "FRAMES-16",
        "A block at a frame is granted when that frame is free, whatever is behind it.",
        "constructed: the check is made once and not for each frame",
    ),
    fault::<GrantsOnlyWholeBlocks>(
        "grants-only-whole-blocks",
        "FRAMES-16",
        "A block at a frame is granted only when just that block is in the list.",
        "constructed: the list is searched for the frame, and larger blocks are not split",
    ),
    fault::<GrantedStaysFree>(
        "granted-stays-free",
        "FRAMES-04",
        "A block that is granted at a frame stays in the list of free ones.",
        "nonos-micro-kernel #400: a frame has two owners",
    ),
    fault::<FailureLeavesItSplit>(
        "failure-leaves-it-split",
        "FRAMES-07",
        "A failed alloc at a frame leaves the block split at which it looked.",
        "constructed: it splits first and looks later",
    ),
    fault::<FailureLosesBlock>(
        "failure-loses-block",
        "FRAMES-07",
        "A failed alloc loses the block at which it looked last.",
        "constructed: the block is taken from its list before it is known to be too small",
    ),
    fault::<FailureIsCounted>(
        "failure-is-counted",
        "FRAMES-08",
        "The free frames are counted down before it is known whether there is a block.",
        "constructed: the way out for errors forgets to count them up again",
    ),
    fault::<SmallestOfAnyMobility>(
        "smallest-of-any-mobility",
        "FRAMES-27",
        "The smallest block that fits is taken, whatever its mobility.",
        "constructed: it falls back to other mobilities though a block of its own fits",
    ),
    fault::<RestBecomesMovable>(
        "rest-becomes-movable",
        "FRAMES-27",
        "What is left of a split block becomes movable.",
        "constructed: the halves are listed as at boot",
    ),
    fault::<OrderWrapsIndex>(
        "order-wraps-index",
        "FRAMES-28",
        "An order beyond the greatest is taken by the number of orders, and served as another.",
        "constructed: the index of the list wraps",
    ),
    fault::<SizeOverflows>(
        "size-overflows",
        "FRAMES-28",
        "The size of a request is kept in 32 bits: one that overflows to 0 is served with one \
         frame.",
        "SunriseOS #94: the size of a request overflows",
    ),
    fault::<ServesGreatestBeyond>(
        "serves-greatest-beyond",
        "FRAMES-28",
        "A request for an order beyond the greatest is served with a block of the greatest.",
        "constructed: the order is clamped to the last list",
    ),
    fault::<FailedAllocLeavesItSplit>(
        "failed-alloc-leaves-it-split",
        "FRAMES-07",
        "A failed alloc leaves a block split that it does not take.",
        "constructed: it splits first and looks later",
    ),
    fault::<FailedAllocClaimsBlock>(
        "failed-alloc-claims-block",
        "FRAMES-08",
        "A failed alloc leaves a block among the unmovable ones that it does not take.",
        "constructed: a block of another mobility is claimed before it is known to be large \
         enough",
    ),
    fault::<FailedAllocAtLosesBlock>(
        "failed-alloc-at-loses-block",
        "FRAMES-07",
        "A failed alloc at a frame loses the block at which it looked.",
        "constructed: the way out for errors forgets to list it again",
    ),
];

#[derive(Default)]
struct DmaFromNormal;

impl Decisions for DmaFromNormal {
    fn zones(&self, zones: &[ZonePlan], wanted: Zone) -> Vec<usize> {
        let allowed = (0..zones.len()).rev().filter(|place| zones[*place].zone <= wanted);
        let others = (0..zones.len()).filter(|place| zones[*place].zone > wanted);
        allowed.chain(others).collect()
    }
}

#[derive(Default)]
struct LowestZoneFirst;

impl Decisions for LowestZoneFirst {
    fn zones(&self, zones: &[ZonePlan], wanted: Zone) -> Vec<usize> {
        (0..zones.len()).filter(|place| zones[*place].zone <= wanted).collect()
    }
}

#[derive(Default)]
struct NeverFallsBack;

impl Decisions for NeverFallsBack {
    fn zones(&self, zones: &[ZonePlan], wanted: Zone) -> Vec<usize> {
        zones.iter().rposition(|zone| zone.zone <= wanted).into_iter().collect()
    }
}

#[derive(Default)]
struct ExactOrderOnly;

impl Decisions for ExactOrderOnly {
    fn serves(&self, free: &Block, wanted: Order) -> bool {
        free.order == wanted && Right.serves(free, wanted)
    }
}

#[derive(Default)]
struct GreatestIsKept;

impl Decisions for GreatestIsKept {
    fn taken(&self, wanted: Order, most: Order) -> Option<Order> {
        (wanted < most).then_some(wanted)
    }
}

#[derive(Default)]
struct WrongHalfPutBack;

impl Decisions for WrongHalfPutBack {
    fn put_back(&self, kept: Block, _other: Block) -> Block {
        kept
    }
}

#[derive(Default)]
struct RoundsUpOnAlloc;

impl Decisions for RoundsUpOnAlloc {
    fn taken(&self, wanted: Order, most: Order) -> Option<Order> {
        let taken = Right.taken(wanted, most)?;
        Some(if taken == Order(0) { taken } else { Order(taken.0 + 1).min(most) })
    }
}

#[derive(Default)]
struct LooksAtFirstFrame;

impl Decisions for LooksAtFirstFrame {
    fn covers(&self, free: &Block, wanted: &Run) -> bool {
        Right.covers(free, &Run::block(wanted.base, Order(0)))
    }
}

#[derive(Default)]
struct GrantsOnlyWholeBlocks;

impl Decisions for GrantsOnlyWholeBlocks {
    fn covers(&self, free: &Block, wanted: &Run) -> bool {
        free.run() == *wanted && Right.covers(free, wanted)
    }
}

#[derive(Default)]
struct GrantedStaysFree;

impl Decisions for GrantedStaysFree {
    fn unlists(&self) -> bool {
        false
    }
}

#[derive(Default)]
struct FailureLeavesItSplit;

impl Decisions for FailureLeavesItSplit {
    fn leaves(&self, what: Refused) -> Leaves {
        if what == Refused::AllocAt { Leaves::Halves } else { Leaves::It }
    }
}

#[derive(Default)]
struct FailureLosesBlock;

impl Decisions for FailureLosesBlock {
    fn leaves(&self, what: Refused) -> Leaves {
        if what == Refused::Alloc { Leaves::Nothing } else { Leaves::It }
    }
}

#[derive(Default)]
struct FailureIsCounted;

impl Decisions for FailureIsCounted {
    fn free_after_refusal(&self, what: Refused, free: u64, about: u64) -> u64 {
        if what == Refused::Alloc { free.saturating_sub(about) } else { free }
    }
}

#[derive(Default)]
struct SmallestOfAnyMobility;

impl Decisions for SmallestOfAnyMobility {
    fn rank(&self, free: &Block, _wanted: Mobility) -> (bool, Order) {
        (false, free.order)
    }
}

#[derive(Default)]
struct RestBecomesMovable;

impl Decisions for RestBecomesMovable {
    fn put_back(&self, _kept: Block, other: Block) -> Block {
        Block { mobility: Mobility::Movable, ..other }
    }
}

#[derive(Default)]
struct OrderWrapsIndex;

impl Decisions for OrderWrapsIndex {
    fn taken(&self, wanted: Order, most: Order) -> Option<Order> {
        Some(Order(wanted.0 % (most.0 + 1)))
    }
}

#[derive(Default)]
struct SizeOverflows;

impl Decisions for SizeOverflows {
    fn taken(&self, wanted: Order, most: Order) -> Option<Order> {
        let bytes = FRAME_BYTES.checked_shl(wanted.0.into()).unwrap_or(0) & u64::from(u32::MAX);
        let frames = (bytes / FRAME_BYTES).max(1);
        (0..=most.0).map(Order).find(|order| order.frames() == frames)
    }
}

#[derive(Default)]
struct ServesGreatestBeyond;

impl Decisions for ServesGreatestBeyond {
    fn taken(&self, wanted: Order, most: Order) -> Option<Order> {
        Some(wanted.min(most))
    }
}

#[derive(Default)]
struct FailedAllocLeavesItSplit;

impl Decisions for FailedAllocLeavesItSplit {
    fn leaves(&self, what: Refused) -> Leaves {
        if what == Refused::Alloc { Leaves::Halves } else { Leaves::It }
    }
}

#[derive(Default)]
struct FailedAllocClaimsBlock;

impl Decisions for FailedAllocClaimsBlock {
    fn leaves(&self, what: Refused) -> Leaves {
        if what == Refused::Alloc { Leaves::Unmovable } else { Leaves::It }
    }
}

#[derive(Default)]
struct FailedAllocAtLosesBlock;

impl Decisions for FailedAllocAtLosesBlock {
    fn leaves(&self, what: Refused) -> Leaves {
        if what == Refused::AllocAt { Leaves::Nothing } else { Leaves::It }
    }
}
