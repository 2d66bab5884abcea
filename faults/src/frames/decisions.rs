//! The decisions of an allocator: each step of the understudy at which real allocators went wrong.
//!
//! The methods' bodies are right; a fault overrides one, rarely two. Nouns as in
//! `lawbook_spec::frames`; a zone goes by its *place* in the setup.
//! It does not cover what no fault changes: that is in the understudy.

use lawbook_spec::frames::{
    Error, Frame, Mobility, Order, Profile, Run, Statistics, Zone, ZonePlan,
};

use super::profiles;

/// A block, free or live.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// Its first frame.
    pub(super) frame: Frame,
    /// Its size.
    pub(super) order: Order,
    /// Among which blocks it is counted when it is free.
    pub(super) mobility: Mobility,
    /// The place of its zone.
    pub(super) zone: usize,
}

impl Block {
    /// Its frames.
    pub(super) fn run(&self) -> Run {
        Run::block(self.frame, self.order)
    }
}

/// What is found where the buddy of a block should be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Buddy {
    /// The first frame of a free block.
    Free(Block),
    /// The first frame of a live block.
    Live(Block),
    /// The inside of another block, free or live.
    Inside,
    /// A hole or reserved frames.
    Unmanaged,
    /// Frames some of which are before the base of the zone.
    BelowZone,
    /// Frames some of which are behind the end of the zone.
    AboveZone,
}

/// What a free is about.
pub(super) struct Freed {
    /// The block that is given back.
    pub(super) block: Block,
    /// What is wrong with it.
    pub(super) misuse: Option<Error>,
    /// Whether exactly this block is in the list of free blocks.
    pub(super) is_listed: bool,
    /// What is at its buddy.
    pub(super) buddy: Buddy,
    /// The greatest order.
    pub(super) most: Order,
}

/// What was refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// An alloc of any block.
    Alloc,
    /// An alloc of a certain block.
    AllocAt,
    /// A free.
    Free,
}

/// What an alloc that was refused does to a free block that it has looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    /// Nothing.
    It,
    /// It is in halves.
    Halves,
    /// It is in no list any more.
    Nothing,
}

/// What an allocator decides; the right answers, where a fault does not override them.
pub(super) trait Decisions {
    /// What the allocator says of itself.
    fn profile(&self) -> Profile {
        profiles::understudy()
    }

    // What there is.

    /// The frames of a zone, without what is not managed.
    fn bounds(&self, zone: &ZonePlan) -> Run {
        zone.run
    }

    /// What in it can't be handed out.
    fn unmanaged(&self, zone: &ZonePlan) -> Vec<Run> {
        zone.unmanaged().copied().collect()
    }

    /// The frame from which alignment is measured, and so where buddies are.
    fn origin(&self, _zone: &ZonePlan) -> Frame {
        Frame(0)
    }

    // Which block.

    /// The places of the zones that a request may be served from, in the order in which they are
    /// tried.
    fn zones(&self, zones: &[ZonePlan], wanted: Zone) -> Vec<usize> {
        let allowed = (0..zones.len()).rev().filter(|place| zones[*place].zone <= wanted);
        allowed.collect()
    }

    /// The order of the block that is taken for a request.
    fn taken(&self, wanted: Order, _most: Order) -> Order {
        wanted
    }

    /// Whether a free block can serve a request.
    fn serves(&self, free: Order, wanted: Order) -> bool {
        free >= wanted
    }

    /// Whether a free block can serve a request for these frames.
    fn covers(&self, free: &Run, wanted: &Run) -> bool {
        free.holds(wanted)
    }

    /// The half of a split block that becomes free, of which one is kept.
    fn put_back(&self, _kept: Block, other: Block) -> Block {
        other
    }

    /// Whether a block that is asked for by its frame leaves the list of free blocks.
    fn unlists(&self) -> bool {
        true
    }

    /// The frame as the caller is told it.
    fn told(&self, frame: Frame) -> Frame {
        frame
    }

    // What is refused.

    /// The block that is meant when this one is freed, which lies in that live one.
    fn meant(&self, asked: Block, _around: Option<Block>) -> Block {
        asked
    }

    /// Why a free is refused.
    fn refuses(&self, freed: &Freed) -> Option<Error> {
        freed.misuse
    }

    /// What becomes of a free block that was looked at in vain.
    fn leaves(&self, _what: Refused) -> Leaves {
        Leaves::It
    }

    /// How many frames are free after something was refused that was about so many.
    fn free_after_refusal(&self, _what: Refused, free: u64, _about: u64) -> u64 {
        free
    }

    // Merging.

    /// The block that goes to the free ones when this one is freed.
    fn given_back(&self, block: Block) -> Option<Block> {
        Some(block)
    }

    /// The order to which blocks are merged.
    fn merges_up_to(&self, most: Order) -> Order {
        most
    }

    /// Whether a block that is already merged from so many is merged with its buddy.
    fn merges(&self, block: &Block, buddy: Buddy, _merged: u32) -> bool {
        matches!(buddy, Buddy::Free(free) if free.order == block.order && free.zone == block.zone)
    }

    // The books.

    /// The place of the zone whose free frames are counted down for a block, which was asked of
    /// that one.
    fn charged(&self, block: &Block, _asked: Option<usize>) -> usize {
        block.zone
    }

    /// How many frames are counted for a block that is handed out at a frame.
    fn counted_at(&self, order: Order) -> u64 {
        order.frames()
    }

    /// The mobility under which a free block is counted out that was taken for another.
    fn counted_out(&self, free: Mobility, _wanted: Mobility) -> Mobility {
        free
    }

    /// What is said of a zone, of which this is so.
    fn shown(&self, _zone: Zone, now: Statistics) -> Statistics {
        now
    }
}

/// The understudy.
#[derive(Default)]
pub(super) struct Right;

impl Decisions for Right {}

/// The understudy that offers nothing optional.
#[derive(Default)]
pub(super) struct Plain;

impl Decisions for Plain {
    fn profile(&self) -> Profile {
        profiles::plain()
    }
}
