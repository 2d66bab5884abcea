//! The frames: which page is in each, who counts on it, and its bytes.
//!
//! Its nouns: the *rank* of a frame (how many frames are before it in the zones, without the gaps
//! between them: what all else counts frames by), the *span* (the ranks of a zone), and the *owner*
//! of a frame (what is in it). All frames have one mobility, so that a request is always served from
//! the smallest free block of a zone.
//! It does not cover who maps a page, nor when a frame is given back.

use lawbook_spec::frames::{Setup, ZonePlan};
use lawbook_spec::memory::{Error, Frame, Hold, Order};

use super::chains::Chain;
use super::content::Content;
use super::error::{MOST_FRAMES, MachineError};
use super::objects::ObjectId;
use crate::frames::{Allocator, Geometry, Mobility, Zone};

/// The number of a frame among the frames of all zones.
pub(super) type Rank = u32;

/// What is in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nothing.
    Free,
    /// It does not exist, or is never handed out.
    Unmanaged,
    /// A private page, at an index of its anonymous object.
    Anonymous { object: ObjectId, index: u32 },
    /// A page of a file, named or not.
    Cached { object: ObjectId, index: u32 },
    /// A page that is held, and that nothing else has.
    Detached,
    /// A kernel block.
    Kernel { block: Hold },
    /// The bytes of a migrating page, when they are copied; the rest of it is at the old frame.
    Target,
}

/// What is known of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageState {
    pub(super) owner: Owner,
    /// How many PTEs point to it, and how many of them are locked.
    pub(super) mappings: u32,
    pub(super) locks: u32,
    /// Where the pointers to those PTEs are.
    pub(super) chain: Chain,
    pub(super) pins: u32,
    pub(super) writeback: bool,
    pub(super) isolated: bool,
    pub(super) dirty: bool,
}

impl PageState {
    const FREE: PageState = PageState::new(Owner::Free);

    const fn new(owner: Owner) -> Self {
        PageState {
            owner,
            mappings: 0,
            locks: 0,
            chain: Chain::EMPTY,
            pins: 0,
            writeback: false,
            isolated: false,
            dirty: false,
        }
    }

    /// Whether something keeps the page where it is.
    pub(super) fn is_held(&self) -> bool {
        self.pins > 0 || self.writeback || self.isolated
    }
}

/// The ranks of a zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) zone: Zone,
    pub(super) base: u64,
    pub(super) first: Rank,
    pub(super) frames: u32,
}

impl Span {
    pub(super) fn end(&self) -> Rank {
        self.first + self.frames
    }

    /// The frame of a rank, which is in the span or at its end.
    pub(super) fn frame(&self, rank: Rank) -> Frame {
        Frame(self.base + u64::from(rank - self.first))
    }
}

/// All frames.
#[derive(Debug)]
pub(super) struct Frames {
    allocator: Allocator,
    most: Order,
    /// By their frames.
    spans: Vec<Span>,
    pages: Vec<PageState>,
    contents: Vec<Content>,
    /// How many requests are still to be served before one fails.
    failing: Option<u32>,
}

impl Frames {
    /// All that can be handed out is free.
    pub(super) fn new(setup: &Setup) -> Result<Self, MachineError> {
        let allocator = Allocator::new(&Geometry::from(setup))?;
        let total = setup.frames();
        if total > MOST_FRAMES {
            return Err(MachineError::TooManyFrames { frames: total });
        }
        if let Some(plan) = setup.zones.iter().find(|plan| has_watermark(plan)) {
            return Err(MachineError::Watermark { zone: plan.zone });
        }
        let mut plans: Vec<&ZonePlan> = setup.zones.iter().collect();
        plans.sort_by_key(|plan| plan.run.base);
        let frames = usize::try_from(total).expect("few frames were made sure of");
        let mut pages = vec![PageState::FREE; frames];
        let mut spans: Vec<Span> = Vec::new();
        for plan in plans {
            let first = spans.last().map_or(0, Span::end);
            let base = plan.run.base.0;
            for run in plan.unmanaged() {
                let start = first + rank_of(run.base.0 - base);
                let end = start + rank_of(run.frames);
                pages[start as usize..end as usize].fill(PageState::new(Owner::Unmanaged));
            }
            spans.push(Span { zone: plan.zone, base, first, frames: rank_of(plan.run.frames) });
        }
        let contents = vec![Content::ZEROS; frames];
        Ok(Frames { allocator, most: setup.most, spans, pages, contents, failing: None })
    }

    pub(super) fn most(&self) -> Order {
        self.most
    }

    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    pub(super) fn frame(&self, rank: Rank) -> Frame {
        let span = self.spans.iter().find(|span| rank < span.end());
        span.expect("a rank is of a zone").frame(rank)
    }

    #[inline]
    pub(super) fn page(&self, rank: Rank) -> &PageState {
        &self.pages[rank as usize]
    }

    #[inline]
    pub(super) fn page_mut(&mut self, rank: Rank) -> &mut PageState {
        &mut self.pages[rank as usize]
    }

    #[inline]
    pub(super) fn content(&self, rank: Rank) -> &Content {
        &self.contents[rank as usize]
    }

    #[inline]
    pub(super) fn content_mut(&mut self, rank: Rank) -> &mut Content {
        &mut self.contents[rank as usize]
    }

    /// A frame of zeros for an owner.
    pub(super) fn take(&mut self, owner: Owner) -> Result<Rank, Error> {
        self.take_block(owner, Order(0))
    }

    /// A block of zeros for an owner, from any zone.
    pub(super) fn take_block(&mut self, owner: Owner, order: Order) -> Result<Rank, Error> {
        self.request()?;
        let Ok(frame) = self.allocator.alloc(order, Zone::HighMem, Mobility::Movable) else {
            // It failed by itself: no other has to.
            self.failing = None;
            return Err(Error::OutOfMemory);
        };
        let first = self.rank(frame);
        let block = first as usize..first as usize + (1 << order.0);
        self.pages[block].fill(PageState::new(owner));
        Ok(first)
    }

    /// This frame, which is free, for an owner.
    pub(super) fn take_at(&mut self, rank: Rank, owner: Owner) -> Result<(), Error> {
        self.request()?;
        let taken = self.allocator.alloc_at(self.frame(rank), Order(0));
        taken.map_err(|_| Error::OutOfMemory)?;
        self.pages[rank as usize] = PageState::new(owner);
        Ok(())
    }

    /// Takes a frame back, and forgets its bytes.
    pub(super) fn give(&mut self, rank: Rank) {
        self.give_block(rank, Order(0));
    }

    /// Takes a block back, and forgets its bytes.
    pub(super) fn give_block(&mut self, first: Rank, order: Order) {
        let block = first as usize..first as usize + (1 << order.0);
        self.pages[block.clone()].fill(PageState::FREE);
        self.contents[block].fill(Content::ZEROS);
        self.allocator.free(self.frame(first), order).expect("what was taken is given once");
    }

    /// Makes the request that comes after so many others fail.
    pub(super) fn fail_after(&mut self, requests: u32) {
        self.failing = Some(requests);
    }

    pub(super) fn free_frames(&self, zone: Zone) -> u64 {
        self.allocator.free_frames(zone)
    }

    /// How many blocks of an order are free, apart from each other: a larger one is cut into them.
    pub(super) fn free_blocks(&self, order: Order) -> u64 {
        let of = |span: &Span| {
            let statistics = self.allocator.statistics(span.zone).expect("a span is of a zone");
            let orders = usize::from(order.0)..=usize::from(self.most.0);
            orders
                .flat_map(|at| {
                    statistics
                        .blocks
                        .each_ref()
                        .map(|blocks| blocks[at] << (at - usize::from(order.0)))
                })
                .sum::<u64>()
        };
        self.spans.iter().map(of).sum()
    }

    /// The rank of a frame, if there is such a frame.
    pub(super) fn find(&self, frame: Frame) -> Option<Rank> {
        let has = |span: &Span| (span.base..span.base + u64::from(span.frames)).contains(&frame.0);
        self.spans.iter().any(has).then(|| self.rank(frame))
    }

    pub(super) fn bookkeeping_bytes(&self) -> usize {
        size_of_val(self.pages.as_slice())
            + size_of_val(self.contents.as_slice())
            + self.allocator.bookkeeping_bytes()
    }

    fn request(&mut self) -> Result<(), Error> {
        match &mut self.failing {
            None => Ok(()),
            Some(0) => {
                self.failing = None;
                Err(Error::OutOfMemory)
            }
            Some(requests) => {
                *requests -= 1;
                Ok(())
            }
        }
    }

    fn rank(&self, frame: Frame) -> Rank {
        let behind = |span: &&Span| frame.0 >= span.base;
        let span = self.spans.iter().rev().find(behind).expect("the allocator knows the zones");
        span.first + rank_of(frame.0 - span.base)
    }
}

fn has_watermark(plan: &ZonePlan) -> bool {
    plan.min > 0 || plan.reserve.iter().any(|frames| *frames > 0)
}

fn rank_of(frames: u64) -> Rank {
    Rank::try_from(frames).expect("few frames were made sure of")
}
