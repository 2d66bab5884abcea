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
    /// Whether it is free and not to be handed out, because its pageblock is isolated.
    pub(super) isolated: bool,
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
    /// Whether it is in the cache.
    pub(super) is_cached: bool,
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
    /// An isolation, or its undoing.
    Isolation,
}

/// What something that was refused does to a free block that it has looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    /// Nothing.
    It,
    /// It is in halves.
    Halves,
    /// It is counted as unmovable.
    Unmovable,
    /// It is in no list any more.
    Nothing,
}

/// The frames of a zone that are not live.
#[derive(Clone, Copy)]
pub(super) struct Level {
    /// What can be handed out.
    pub(super) free: u64,
    /// What is in a cache.
    pub(super) cached: u64,
    /// What is free in isolated pageblocks.
    pub(super) isolated: u64,
}

/// Why caches are drained.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Drain {
    /// It was asked for.
    Asked,
    /// A request found nothing.
    Dry,
    /// A pageblock is to be isolated.
    Isolation,
}

/// What is done to a pageblock.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is isolated.
    Isolated,
    /// It is isolated no longer.
    Undone,
}

/// What of the free memory of a pageblock is turned with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All that lies in it.
    Pageblock,
    /// The blocks that lie in it, and not a part of a greater one.
    Inside,
    /// Each block that reaches into it, with what of it lies outside.
    Whole,
    /// Nothing.
    Nothing,
}

/// From where a block comes back to the free ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Back {
    /// It was freed.
    Freed,
    /// It was cached.
    Drained,
    /// It was isolated, or is now.
    Turned,
}

/// What of a zone the fragmentation is told from.
pub(super) struct Fragments {
    /// How many free blocks there are.
    pub(super) blocks: i64,
    /// How many frames they have.
    pub(super) free: i64,
    /// How many blocks of the order in question can be handed out, one after the other.
    pub(super) suitable: i64,
    /// How many frames one of these has.
    pub(super) wanted: i64,
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

    /// The order of the block that is taken for a request; none when there is no such order.
    fn taken(&self, wanted: Order, most: Order) -> Option<Order> {
        (wanted <= most).then_some(wanted)
    }

    /// Whether the watermark of a zone lets a block go, for a request up to the `highest` zone.
    fn spares(&self, plan: &ZonePlan, now: Level, order: Order, highest: Zone) -> bool {
        now.free.saturating_sub(order.frames() - 1) > plan.min + plan.reserve[highest as usize]
    }

    /// Whether the watermark of a zone lets a block go that is asked for by its frame.
    fn spares_at(&self, _plan: &ZonePlan, _now: Level, _order: Order) -> bool {
        true
    }

    /// Whether a free block can serve a request.
    fn serves(&self, free: &Block, wanted: Order) -> bool {
        free.order >= wanted && !free.isolated
    }

    /// Whether a free block can serve a request for these frames.
    fn covers(&self, free: &Block, wanted: &Run) -> bool {
        free.run().holds(wanted) && !free.isolated
    }

    /// How good a free block is for a request of this mobility: the least is taken.
    fn rank(&self, free: &Block, wanted: Mobility) -> (bool, Order) {
        (free.mobility != wanted, free.order)
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

    /// Whether a block is merged when it comes back.
    fn merges_back(&self, _from: Back) -> bool {
        true
    }

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
        let alike = |block: &Block| (block.order, block.zone, block.isolated);
        matches!(buddy, Buddy::Free(free) if alike(&free) == alike(block))
    }

    // Isolation.

    /// Whether an isolation or its undoing is refused that is wrong like this.
    fn refuses_isolation(&self, _misuse: Error) -> bool {
        true
    }

    /// What becomes isolated with a pageblock, or can be handed out again with it.
    fn turned(&self, _turn: Turn) -> Part {
        Part::Pageblock
    }

    /// Whether what is turned with a pageblock is counted out of the free frames, or back in.
    fn counts_turned(&self, _turn: Turn) -> bool {
        true
    }

    /// A freed block of which a part is isolated, in pieces of which each is isolated or not.
    fn pieces(&self, block: Block, pageblock: Order) -> Vec<Block> {
        let frames = block.run();
        let heads = (frames.base.0..frames.end().0).filter(|frame| frame % pageblock.frames() == 0);
        heads.map(|head| Block { frame: Frame(head), order: pageblock, ..block }).collect()
    }

    /// Whether what is freed is isolated, of which this is so of its pageblock.
    fn freed_isolated(&self, is_isolated: bool) -> bool {
        is_isolated
    }

    // Caches.

    /// How many frames of a zone are cached at most.
    fn cache_frames(&self) -> usize {
        if self.profile().caches { 4 } else { 0 }
    }

    /// Whether a freed frame may stay in the cache.
    fn caches(&self, freed: &Block) -> bool {
        !freed.isolated
    }

    /// Whether a cached frame can serve a request in the zone at a place.
    fn serves_cached(&self, cached: &Block, place: usize) -> bool {
        cached.zone == place
    }

    /// Whether a cached frame that is handed out leaves the cache.
    fn uncaches(&self) -> bool {
        true
    }

    /// How many of the cached frames become free.
    fn drained(&self, _why: Drain, cached: usize) -> usize {
        cached
    }

    // The books.

    /// How many frames of a zone are said to be free.
    fn free_told(&self, now: Level) -> u64 {
        now.free
    }

    /// How many frames of a zone are said to be cached.
    fn cached_told(&self, now: Level) -> u64 {
        now.cached
    }

    /// Whether a block that was freed is counted as free.
    fn counts_freed(&self, block: &Block) -> bool {
        !block.isolated
    }

    /// Whether the frames that leave a cache are counted as free.
    fn counts_drained(&self) -> bool {
        true
    }

    /// The place of the zone whose free frames are counted down for a block, which was asked of
    /// that one.
    fn charged(&self, block: &Block, _asked: usize) -> usize {
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

    /// Whether a free block is among those that the fragmentation is told from.
    fn fragments(&self, block: &Block) -> bool {
        !block.isolated
    }

    /// Whether a free block would do for the order in question.
    fn suits(&self, free: Order, wanted: Order) -> bool {
        free >= wanted
    }

    /// The fragmentation index.
    fn index(&self, now: &Fragments) -> i64 {
        if now.blocks == 0 {
            0
        } else if now.suitable > 0 {
            -1000
        } else {
            1000 - (1000 + now.free * 1000 / now.wanted) / now.blocks
        }
    }

    /// The external fragmentation.
    fn external(&self, now: &Fragments) -> i64 {
        let useless = now.free - now.suitable * now.wanted;
        if now.free == 0 { 0 } else { useless * 100 / now.free }
    }
}

/// The understudy.
#[derive(Default)]
pub(super) struct Right;

impl Decisions for Right {}

/// The understudy with a cache.
#[derive(Default)]
pub(super) struct Cached;

impl Decisions for Cached {
    fn profile(&self) -> Profile {
        profiles::cached()
    }
}

/// The understudy that offers nothing optional.
#[derive(Default)]
pub(super) struct Plain;

impl Decisions for Plain {
    fn profile(&self) -> Profile {
        profiles::plain()
    }
}
