//! The understudy: a buddy allocator over a list of free blocks and one of live ones, plain and
//! slow, written independently of the reference.
//!
//! It does not decide what a fault may decide differently: that is asked of its [`Decisions`].

use lawbook_spec::frames::{
    Error, Frame, FrameAllocator, Mobility, Order, Run, Setup, Statistics, Zone, ZonePlan,
};

use super::decisions::{Block, Buddy, Decisions, Freed, Leaves, Refused};

/// An allocator that decides as it is told.
pub(super) struct Understudy {
    decisions: Box<dyn Decisions>,
    setup: Setup,
    /// By their first frames.
    free: Vec<Block>,
    live: Vec<Block>,
    /// All blocks that were ever freed.
    returned: Vec<Run>,
    /// For each zone.
    books: Vec<Books>,
}

/// What is counted of a zone.
struct Books {
    free: u64,
    blocks: Statistics,
}

impl Understudy {
    /// An allocator of this memory, all of it free.
    pub(super) fn new(decisions: Box<dyn Decisions>, setup: &Setup) -> Self {
        let orders = usize::from(setup.most.0) + 1;
        let blocks = Statistics { blocks: [(); 3].map(|()| vec![0; orders]) };
        let books =
            setup.zones.iter().map(|zone| Books { free: zone.managed(), blocks: blocks.clone() });
        let mut allocator = Understudy {
            decisions,
            books: books.collect(),
            setup: setup.clone(),
            free: Vec::new(),
            live: Vec::new(),
            returned: Vec::new(),
        };
        for place in 0..setup.zones.len() {
            allocator.fill(place);
        }
        allocator
    }

    /// Cuts a zone into free blocks, each as large as it can be.
    fn fill(&mut self, place: usize) {
        let plan = &self.setup.zones[place];
        let (bounds, origin) = (self.decisions.bounds(plan), self.decisions.origin(plan));
        let unmanaged = self.decisions.unmanaged(plan);
        let exists =
            |run: &Run| bounds.holds(run) && !unmanaged.iter().any(|other| other.overlaps(run));
        let most = self.setup.most;
        let mut at = bounds.base;
        while at < bounds.end() {
            let mut orders = (0..=most.0).rev().map(Order);
            let fits = |order: &Order| {
                (at.0 - origin.0).is_multiple_of(order.frames()) && exists(&Run::block(at, *order))
            };
            match orders.find(fits) {
                Some(order) => {
                    let mobility = Mobility::Movable;
                    self.list(Block { frame: at, order, mobility, zone: place });
                    at = Run::block(at, order).end();
                }
                None => at = Frame(at.0 + 1),
            }
        }
    }

    /// Adds a block to the free ones.
    fn list(&mut self, block: Block) {
        let at = self.free.iter().position(|other| other.frame > block.frame);
        self.free.insert(at.unwrap_or(self.free.len()), block);
        self.count(block.zone, block.mobility, block.order, |count| count + 1);
    }

    /// Takes a block from the free ones, for contents of this mobility.
    fn unlist(&mut self, block: Block, wanted: Mobility) {
        if let Some(at) = self.free.iter().position(|other| *other == block) {
            self.free.remove(at);
        }
        let mobility = self.decisions.counted_out(block.mobility, wanted);
        self.count(block.zone, mobility, block.order, |count| count.saturating_sub(1));
    }

    fn count(&mut self, zone: usize, mobility: Mobility, order: Order, change: fn(u64) -> u64) {
        let blocks = &mut self.books[zone].blocks.blocks[mobility as usize];
        // There is no column for a block above the greatest order.
        if let Some(count) = blocks.get_mut(usize::from(order.0)) {
            *count = change(*count);
        }
    }

    /// The free block of a zone that serves best: of this mobility, and the smallest.
    fn find(&self, zone: usize, order: Order, mobility: Mobility) -> Option<Block> {
        let blocks = self.free.iter().filter(|block| block.zone == zone);
        let serving = blocks.filter(|block| self.decisions.serves(block.order, order));
        serving.min_by_key(|block| (block.mobility != mobility, block.order)).copied()
    }

    /// Splits a block of which a part is taken: the one at a frame, or any.
    fn split(&mut self, mut block: Block, order: Order, at: Option<Frame>) -> Block {
        while block.order > order {
            let (lower, upper) = halves(block);
            let takes_upper = at.is_some_and(|frame| frame >= upper.frame);
            let (kept, other) = if takes_upper { (upper, lower) } else { (lower, upper) };
            let back = self.decisions.put_back(kept, other);
            self.list(back);
            block = kept;
        }
        block
    }

    /// What a refused request does to the block that it looked at.
    fn refuse(&mut self, what: Refused, looked_at: Option<Block>, zone: usize, about: u64) {
        if let Some(block) = looked_at {
            match self.decisions.leaves(what) {
                Leaves::It => {}
                Leaves::Nothing => self.unlist(block, block.mobility),
                Leaves::Halves if block.order == Order(0) => {}
                Leaves::Halves => {
                    self.unlist(block, block.mobility);
                    let (lower, upper) = halves(block);
                    self.list(lower);
                    self.list(upper);
                }
            }
        }
        let free = &mut self.books[zone].free;
        *free = self.decisions.free_after_refusal(what, *free, about);
    }

    /// The place of the zone in which a frame is.
    fn zone_of(&self, frame: Frame) -> Option<usize> {
        let holds = |plan: &ZonePlan| plan.run.holds(&Run::block(frame, Order(0)));
        self.setup.zones.iter().position(holds)
    }

    fn is_managed(&self, run: &Run) -> bool {
        let managed = |plan: &ZonePlan| {
            plan.run.holds(run) && !plan.unmanaged().any(|other| other.overlaps(run))
        };
        self.setup.zones.iter().any(managed)
    }

    /// What is wrong with a free of this block.
    fn misuse(&self, block: &Block) -> Option<Error> {
        let run = block.run();
        if !self.is_managed(&run) {
            return Some(Error::OutOfRange);
        }
        if let Some(live) = self.live.iter().find(|live| live.frame == block.frame) {
            return (live.order != block.order).then_some(Error::WrongOrder);
        }
        if self.live.iter().any(|live| live.run().overlaps(&run)) {
            return Some(Error::Unaligned);
        }
        let returned = self.returned.contains(&run);
        Some(if returned { Error::DoubleFree } else { Error::NotAllocated })
    }

    fn buddy(&self, block: &Block) -> Buddy {
        let plan = &self.setup.zones[block.zone];
        let origin = self.decisions.origin(plan).0;
        let offset = block.frame.0.saturating_sub(origin) ^ block.order.frames();
        let run = Run::block(Frame(origin + offset), block.order);
        let at = |other: &&Block| other.frame == run.base;
        if let Some(free) = self.free.iter().find(at) {
            Buddy::Free(*free)
        } else if let Some(live) = self.live.iter().find(at) {
            Buddy::Live(*live)
        } else if run.base < plan.run.base {
            Buddy::BelowZone
        } else if run.end() > plan.run.end() {
            Buddy::AboveZone
        } else if self.is_managed(&run) {
            Buddy::Inside
        } else {
            Buddy::Unmanaged
        }
    }

    /// Makes a block free, as one with its buddy where that is free too, and so on.
    fn merge(&mut self, mut block: Block) {
        let mut merged = 0;
        while block.order < self.decisions.merges_up_to(self.setup.most) {
            let buddy = self.buddy(&block);
            if !self.decisions.merges(&block, buddy, merged) {
                break;
            }
            if let Buddy::Free(free) = buddy {
                self.unlist(free, free.mobility);
            }
            let origin = self.decisions.origin(&self.setup.zones[block.zone]).0;
            let offset = block.frame.0.saturating_sub(origin) & !block.order.frames();
            block.frame = Frame(origin + offset);
            block.order = Order(block.order.0 + 1);
            merged += 1;
        }
        self.list(block);
    }
}

impl FrameAllocator for Understudy {
    fn alloc(&mut self, order: Order, zone: Zone, mobility: Mobility) -> Result<Frame, Error> {
        let places = self.decisions.zones(&self.setup.zones, zone);
        let taken = self.decisions.taken(order, self.setup.most);
        let found = places.iter().find_map(|place| self.find(*place, taken, mobility));
        let Some(found) = found else {
            if let Some(place) = places.first() {
                let looked_at = self.free.iter().find(|block| block.zone == *place).copied();
                self.refuse(Refused::Alloc, looked_at, *place, order.frames());
            }
            return Err(Error::OutOfMemory);
        };
        self.unlist(found, mobility);
        let block = self.split(found, taken, None);
        let charged = self.decisions.charged(&block, places.first().copied());
        let free = &mut self.books[charged].free;
        *free = free.saturating_sub(taken.frames());
        self.live.push(Block { order, mobility, ..block });
        Ok(self.decisions.told(block.frame))
    }

    fn alloc_at(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        let wanted = Run::block(frame, order);
        let covers = |block: &&Block| self.decisions.covers(&block.run(), &wanted);
        let Some(found) = self.free.iter().find(covers).copied() else {
            if let Some(zone) = self.zone_of(frame) {
                let first = Run::block(frame, Order(0));
                let looked_at = self.free.iter().find(|block| block.run().holds(&first)).copied();
                self.refuse(Refused::AllocAt, looked_at, zone, order.frames());
            }
            return Err(Error::Taken);
        };
        if self.decisions.unlists() {
            self.unlist(found, found.mobility);
            self.split(found, order, Some(frame));
        }
        let free = &mut self.books[found.zone].free;
        *free = free.saturating_sub(self.decisions.counted_at(order));
        self.live.push(Block { frame, order, ..found });
        Ok(())
    }

    fn free(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        let first = Run::block(frame, Order(0));
        let around = self.live.iter().find(|live| live.run().holds(&first)).copied();
        let mobility = around.map_or(Mobility::Movable, |live| live.mobility);
        // What is outside every zone is booked on the first.
        let zone = self.zone_of(frame).unwrap_or(0);
        let block = self.decisions.meant(Block { frame, order, mobility, zone }, around);
        let freed = Freed {
            block,
            misuse: self.misuse(&block),
            is_listed: self.free.iter().any(|free| free.run() == block.run()),
            buddy: self.buddy(&block),
            most: self.setup.most,
        };
        if let Some(error) = self.decisions.refuses(&freed) {
            self.refuse(Refused::Free, None, zone, order.frames());
            return Err(error);
        }
        self.live.retain(|live| live.frame != block.frame);
        self.returned.push(block.run());
        self.books[block.zone].free += block.order.frames();
        if let Some(block) = self.decisions.given_back(block) {
            self.merge(block);
        }
        Ok(())
    }

    fn free_frames(&self, zone: Zone) -> u64 {
        let mut books = self.setup.zones.iter().zip(&self.books);
        books.find(|(plan, _)| plan.zone == zone).map_or(0, |(_, books)| books.free)
    }

    fn statistics(&self, zone: Zone) -> Result<Statistics, Error> {
        let mut books = self.setup.zones.iter().zip(&self.books);
        let (_, books) = books.find(|(plan, _)| plan.zone == zone).ok_or(Error::OutOfRange)?;
        Ok(self.decisions.shown(zone, books.blocks.clone()))
    }
}

fn halves(block: Block) -> (Block, Block) {
    let order = Order(block.order.0 - 1);
    let lower = Block { order, ..block };
    (lower, Block { frame: lower.run().end(), ..lower })
}
