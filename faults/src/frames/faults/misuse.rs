//! Faults in which frees are refused, and in what a refusal does.
//!
//! It does not cover what becomes of the block that is freed: that is `merging`.

use lawbook_spec::core::Implementation;
use lawbook_spec::frames::{Error, Frames, Order};

use super::super::decisions::{Block, Buddy, Decisions, Freed, Leaves, Refused};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Frames>; 16] = [
    fault::<AcceptsDoubleFree>(
        "accepts-double-free",
        "FRAMES-10",
        "A block that was freed before is freed again.",
        "nyx-os #50: free_page permits a silent double free",
    ),
    fault::<MissesMergedDoubleFree>(
        "misses-merged-double-free",
        "FRAMES-10",
        "A second free is refused only while just this block is in the list: not after a merge.",
        "constructed: the mark of a free block is on its first frame alone",
    ),
    fault::<AcceptsWrongOrder>(
        "accepts-wrong-order",
        "FRAMES-11",
        "A block is freed with the order that the caller gives.",
        "constructed: the order of a live block is noted nowhere",
    ),
    fault::<KnowsBetter>(
        "knows-better",
        "FRAMES-11",
        "A block is freed with its own order, whatever the caller gives.",
        "constructed: a wrong caller is helped, and never found",
    ),
    fault::<AcceptsTail>(
        "accepts-tail",
        "FRAMES-12",
        "A frame inside a block is freed as a block of its own.",
        "constructed: every frame that is not free is taken for a block",
    ),
    fault::<AcceptsInnerBlock>(
        "accepts-inner-block",
        "FRAMES-12",
        "A block of several frames inside a block is freed as a block of its own.",
        "constructed: only single frames are looked up in the blocks around them",
    ),
    fault::<RoundsDown>(
        "rounds-down",
        "FRAMES-12",
        "A free of a frame inside a block frees the block.",
        "constructed: an unaligned free is rounded down",
    ),
    fault::<AcceptsNeverAllocated>(
        "accepts-never-allocated",
        "FRAMES-13",
        "A block is freed that was never handed out.",
        "vib-OS #44: an invalid free is not detected",
    ),
    fault::<AcceptsOutside>(
        "accepts-outside",
        "FRAMES-14",
        "Frames are freed that do not exist.",
        "vib-OS #44: an invalid free is not detected",
    ),
    fault::<IndexesBeforeItLooks>(
        "indexes-before-it-looks",
        "FRAMES-00",
        "A free of frames that do not exist reads behind the end of the table of frames.",
        "constructed: the bounds are left to the language",
    ),
    fault::<CountsRefusedFree>(
        "counts-refused-free",
        "FRAMES-15",
        "A free that is refused is counted all the same.",
        "constructed: the free frames are counted up before the block is looked at",
    ),
    fault::<RefusesGreatest>(
        "refuses-greatest",
        "FRAMES-20",
        "A free of a block of the greatest order is refused.",
        "constructed: `order < max` for `order <= max`, as when Linux changed the meaning of \
         MAX_ORDER",
    ),
    fault::<TakesBuddyForIt>(
        "takes-buddy-for-it",
        "FRAMES-20",
        "A free is refused as the second one when it is the buddy that is free.",
        "constructed: the check comes after the frame was changed to that of the pair",
    ),
    fault::<FreedOrderWraps>(
        "freed-order-wraps",
        "FRAMES-11",
        "A free with an order of 32 or more is taken for one with 32 less.",
        "constructed: a shift by the order looks at five bits of it",
    ),
    fault::<RefusedFreeSplits>(
        "refused-free-splits",
        "FRAMES-15",
        "A free that is refused leaves the free block split at which it looked.",
        "constructed: the block is cut out before its state is looked at",
    ),
    fault::<RefusedFreeClaimsBlock>(
        "refused-free-claims-block",
        "FRAMES-15",
        "A free that is refused leaves the free block at which it looked among the unmovable \
         ones.",
        "constructed: the mobility is written before the state is looked at",
    ),
];

/// All misuse but this is refused.
fn forgives(freed: &Freed, forgiven: Error) -> Option<Error> {
    freed.misuse.filter(|misuse| *misuse != forgiven)
}

#[derive(Default)]
struct AcceptsDoubleFree;

impl Decisions for AcceptsDoubleFree {
    fn refuses(&self, freed: &Freed) -> Option<Error> {
        forgives(freed, Error::DoubleFree)
    }
}

#[derive(Default)]
struct MissesMergedDoubleFree;

impl Decisions for MissesMergedDoubleFree {
    fn refuses(&self, freed: &Freed) -> Option<Error> {
        if freed.is_listed { freed.misuse } else { forgives(freed, Error::DoubleFree) }
    }
}

#[derive(Default)]
struct AcceptsWrongOrder;

impl Decisions for AcceptsWrongOrder {
    fn refuses(&self, freed: &Freed) -> Option<Error> {
        forgives(freed, Error::WrongOrder)
    }
}

#[derive(Default)]
struct KnowsBetter;

impl Decisions for KnowsBetter {
    fn meant(&self, asked: Block, around: Option<Block>) -> Block {
        around.filter(|live| live.frame == asked.frame).unwrap_or(asked)
    }
}

#[derive(Default)]
struct AcceptsTail;

impl Decisions for AcceptsTail {
    fn refuses(&self, freed: &Freed) -> Option<Error> {
        forgives(freed, Error::Unaligned)
    }
}

#[derive(Default)]
struct AcceptsInnerBlock;

impl Decisions for AcceptsInnerBlock {
    fn refuses(&self, freed: &Freed) -> Option<Error> {
        if freed.block.order > Order(0) { forgives(freed, Error::Unaligned) } else { freed.misuse }
    }
}

#[derive(Default)]
struct RoundsDown;

impl Decisions for RoundsDown {
    fn meant(&self, asked: Block, around: Option<Block>) -> Block {
        around.filter(|live| live.frame != asked.frame).unwrap_or(asked)
    }
}

#[derive(Default)]
struct AcceptsNeverAllocated;

impl Decisions for AcceptsNeverAllocated {
    fn refuses(&self, freed: &Freed) -> Option<Error> {
        forgives(freed, Error::NotAllocated)
    }
}

#[derive(Default)]
struct AcceptsOutside;

impl Decisions for AcceptsOutside {
    fn refuses(&self, freed: &Freed) -> Option<Error> {
        // What is too large for any memory is refused all the same.
        if freed.block.order > freed.most {
            freed.misuse
        } else {
            forgives(freed, Error::OutOfRange)
        }
    }
}

#[derive(Default)]
struct IndexesBeforeItLooks;

impl Decisions for IndexesBeforeItLooks {
    fn refuses(&self, freed: &Freed) -> Option<Error> {
        assert!(freed.misuse != Some(Error::OutOfRange), "index out of bounds");
        freed.misuse
    }
}

#[derive(Default)]
struct CountsRefusedFree;

impl Decisions for CountsRefusedFree {
    fn free_after_refusal(&self, what: Refused, free: u64, about: u64) -> u64 {
        if what == Refused::Free { free + about } else { free }
    }
}

#[derive(Default)]
struct RefusesGreatest;

impl Decisions for RefusesGreatest {
    fn refuses(&self, freed: &Freed) -> Option<Error> {
        let too_great = (freed.block.order >= freed.most).then_some(Error::WrongOrder);
        freed.misuse.or(too_great)
    }
}

#[derive(Default)]
struct TakesBuddyForIt;

impl Decisions for TakesBuddyForIt {
    fn refuses(&self, freed: &Freed) -> Option<Error> {
        let is_free = matches!(freed.buddy, Buddy::Free(_)).then_some(Error::DoubleFree);
        freed.misuse.or(is_free)
    }
}

#[derive(Default)]
struct FreedOrderWraps;

impl Decisions for FreedOrderWraps {
    fn meant(&self, asked: Block, _around: Option<Block>) -> Block {
        Block { order: Order(asked.order.0 % 32), ..asked }
    }
}

#[derive(Default)]
struct RefusedFreeSplits;

impl Decisions for RefusedFreeSplits {
    fn leaves(&self, what: Refused) -> Leaves {
        if what == Refused::Free { Leaves::Halves } else { Leaves::It }
    }
}

#[derive(Default)]
struct RefusedFreeClaimsBlock;

impl Decisions for RefusedFreeClaimsBlock {
    fn leaves(&self, what: Refused) -> Leaves {
        if what == Refused::Free { Leaves::Unmovable } else { Leaves::It }
    }
}
