//! The understudy: a buddy allocator over a list of free blocks, one of live ones and one of cached
//! frames, plain and slow, written independently of the reference.
//!
//! It does not decide what a fault may decide differently: that is asked of its [`Decisions`].

use lawbook_spec::frames::{
    Error, Fragmentation, Frame, FrameAllocator, Mobility, Order, Run, Setup, Statistics, Zone,
    ZonePlan,
};

use super::decisions::{
    Back, Block, Buddy, Decisions, Drain, Fragments, Freed, Leaves, Level, Part, Refused, Turn,
};

/// An allocator that decides as it is told.
pub(super) struct Understudy {
    decisions: Box<dyn Decisions>,
    setup: Setup,
    /// By their first frames; those in isolated pageblocks are marked.
    free: Vec<Block>,
    live: Vec<Block>,
    /// Single frames; the one that was freed last is at the end.
    cached: Vec<Block>,
    /// The first frames of the isolated pageblocks.
    isolated: Vec<Frame>,
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

/// What is asked for.
#[derive(Clone, Copy)]
struct Request {
    order: Order,
    highest: Zone,
    mobility: Mobility,
}

impl Understudy {
    /// An allocator of this memory, all of it free.
    pub(super) fn new(decisions: Box<dyn Decisions>, setup: &Setup) -> Self {
        let none = vec![0; usize::from(setup.most.0) + 1];
        let isolated = if decisions.profile().isolation { none.clone() } else { Vec::new() };
        let blocks = Statistics { blocks: [(); 3].map(|()| none.clone()), isolated };
        let books =
            setup.zones.iter().map(|zone| Books { free: zone.managed(), blocks: blocks.clone() });
        let mut allocator = Understudy {
            decisions,
            books: books.collect(),
            setup: setup.clone(),
            free: Vec::new(),
            live: Vec::new(),
            cached: Vec::new(),
            isolated: Vec::new(),
            returned: Vec::new(),
        };
        for place in 0..setup.zones.len() {
            allocator.fill(place);
        }
        allocator
    }

    /// Cuts a zone into free blocks, each as large as it can be.
    fn fill(&mut self, zone: usize) {
        let plan = &self.setup.zones[zone];
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
                    self.list(Block { frame: at, order, mobility, zone, isolated: false });
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
        self.count(&block, block.mobility, |count| count + 1);
    }

    /// Takes a block from the free ones, for contents of this mobility.
    fn unlist(&mut self, block: Block, wanted: Mobility) {
        if let Some(at) = self.free.iter().position(|other| *other == block) {
            self.free.remove(at);
        }
        let mobility = self.decisions.counted_out(block.mobility, wanted);
        self.count(&block, mobility, |count| count.saturating_sub(1));
    }

    fn count(&mut self, block: &Block, mobility: Mobility, change: fn(u64) -> u64) {
        let counts = &mut self.books[block.zone].blocks;
        let column = if block.isolated {
            &mut counts.isolated
        } else {
            &mut counts.blocks[mobility as usize]
        };
        // There is no place for a block above the greatest order.
        if let Some(count) = column.get_mut(usize::from(block.order.0)) {
            *count = change(*count);
        }
    }

    fn count_free(&mut self, zone: usize, frames: u64) {
        self.books[zone].free += frames;
    }

    fn count_taken(&mut self, zone: usize, frames: u64) {
        let free = &mut self.books[zone].free;
        *free = free.saturating_sub(frames);
    }

    fn level(&self, zone: usize) -> Level {
        let frames = |blocks: &[Block], isolated: bool| {
            let of_it = |block: &&Block| block.zone == zone && block.isolated == isolated;
            blocks.iter().filter(of_it).map(|block| block.order.frames()).sum()
        };
        Level {
            free: self.books[zone].free,
            cached: frames(&self.cached, false),
            isolated: frames(&self.free, true),
        }
    }

    /// Serves a request from the first zone that can.
    fn serve(&mut self, zones: &[usize], request: Request) -> Option<Block> {
        zones.iter().find_map(|zone| self.serve_from(*zone, request, zones[0]))
    }

    /// Serves a request that came to the `asked` zone first.
    fn serve_from(&mut self, zone: usize, request: Request, asked: usize) -> Option<Block> {
        let Request { order, highest, mobility } = request;
        let (plan, now) = (&self.setup.zones[zone], self.level(zone));
        let is_spared = self.decisions.spares(plan, now, order, highest);
        if order == Order(0) && is_spared {
            let mut cached = self.cached.iter();
            if let Some(at) = cached.rposition(|block| self.decisions.serves_cached(block, zone)) {
                let uncaches = self.decisions.uncaches();
                let block = self.cached[at];
                self.cached.retain(|other| *other != block || !uncaches);
                return Some(block);
            }
        }
        if !is_spared {
            return None;
        }
        let found = self.find(zone, order, mobility)?;
        self.unlist(found, mobility);
        let block = self.split(found, order, None);
        self.count_taken(self.decisions.charged(&block, asked), order.frames());
        Some(block)
    }

    /// The free block of a zone that serves best: of this mobility, and the smallest.
    fn find(&self, zone: usize, order: Order, mobility: Mobility) -> Option<Block> {
        let blocks = self.free.iter().filter(|block| block.zone == zone);
        let serving = blocks.filter(|block| self.decisions.serves(block, order));
        serving.min_by_key(|block| self.decisions.rank(block, mobility)).copied()
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

    /// What something that was refused does to the block that it looked at.
    fn refuse(&mut self, what: Refused, looked_at: Option<Block>, zone: usize, about: u64) {
        if let Some(block) = looked_at {
            match self.decisions.leaves(what) {
                Leaves::It => {}
                Leaves::Nothing => self.unlist(block, block.mobility),
                Leaves::Unmovable => {
                    self.unlist(block, block.mobility);
                    self.list(Block { mobility: Mobility::Unmovable, ..block });
                }
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

    /// The free block in which a frame is.
    fn free_around(&self, frame: Frame) -> Option<Block> {
        let first = Run::block(frame, Order(0));
        self.free.iter().find(|block| block.run().holds(&first)).copied()
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

    /// What a block that is given back is cut into: it is whole, unless a part of it is isolated.
    fn pieces(&self, block: Block) -> Vec<Block> {
        let reaches_in = |order: &Order| block.order > *order && self.is_isolated(&block.run());
        match self.setup.pageblock.filter(reaches_in) {
            Some(order) => self.decisions.pieces(block, order),
            None => vec![block],
        }
    }

    /// Whether a part of a run is isolated.
    fn is_isolated(&self, run: &Run) -> bool {
        let Some(order) = self.setup.pageblock else { return false };
        self.isolated.iter().any(|head| Run::block(*head, order).overlaps(run))
    }

    /// Takes back a block that lies in no pageblock, in one, or in several that are not isolated.
    fn take_back(&mut self, piece: Block) {
        let first = Run::block(piece.frame, Order(0));
        let isolated = self.decisions.freed_isolated(self.is_isolated(&first));
        let piece = Block { isolated, ..piece };
        let is_cached = |block: &&Block| block.zone == piece.zone;
        let has_room = self.cached.iter().filter(is_cached).count() < self.decisions.cache_frames();
        if piece.order == Order(0) && has_room && self.decisions.caches(&piece) {
            self.cached.push(piece);
            return;
        }
        if self.decisions.counts_freed(&piece) {
            self.count_free(piece.zone, piece.order.frames());
        }
        if let Some(block) = self.decisions.given_back(piece) {
            self.merge(block, Back::Freed);
        }
    }

    /// Makes a block free, as one with its buddy where that is free too, and so on.
    fn merge(&mut self, mut block: Block, from: Back) {
        let mut merged = 0;
        while self.decisions.merges_back(from)
            && block.order < self.decisions.merges_up_to(self.setup.most)
        {
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

    fn empty_caches(&mut self, why: Drain) {
        let drained = self.decisions.drained(why, self.cached.len());
        for block in self.cached.drain(..drained).collect::<Vec<_>>() {
            if self.decisions.counts_drained() {
                self.count_free(block.zone, 1);
            }
            self.merge(block, Back::Drained);
        }
    }

    /// Refuses what is wrong with an isolation, or its undoing.
    fn check_isolation(&mut self, pageblock: Run, misuse: Option<Error>) -> Result<(), Error> {
        let Some(error) = misuse else { return Ok(()) };
        if !self.decisions.refuses_isolation(error) {
            return Ok(());
        }
        // What is outside every zone is booked on the first.
        let zone = self.zone_of(pageblock.base).unwrap_or(0);
        let looked_at = self.free_around(pageblock.base);
        self.refuse(Refused::Isolation, looked_at, zone, pageblock.frames);
        Err(error)
    }

    /// Marks what is free in a pageblock as isolated, or not so.
    fn turn(&mut self, pageblock: Run, turn: Turn) {
        let part = self.decisions.turned(turn);
        let isolated = turn == Turn::Isolated;
        let is_turned = |block: &&Block| {
            let run = block.run();
            let turns = match part {
                Part::Pageblock | Part::Whole => run.overlaps(&pageblock),
                Part::Inside => pageblock.holds(&run),
                Part::Nothing => false,
            };
            turns && block.isolated != isolated
        };
        for block in self.free.iter().filter(is_turned).copied().collect::<Vec<_>>() {
            self.unlist(block, block.mobility);
            let is_cut = part == Part::Pageblock && pageblock.frames < block.order.frames();
            let inside = match self.setup.pageblock.filter(|_| is_cut) {
                Some(order) => self.split(block, order, Some(pageblock.base)),
                None => block,
            };
            match self.decisions.counts_turned(turn) {
                true if isolated => self.count_taken(inside.zone, inside.order.frames()),
                true => self.count_free(inside.zone, inside.order.frames()),
                false => {}
            }
            self.merge(Block { isolated, ..inside }, Back::Turned);
        }
    }

    fn place_of(&self, zone: Zone) -> Option<usize> {
        self.setup.zones.iter().position(|plan| plan.zone == zone)
    }
}

impl FrameAllocator for Understudy {
    fn alloc(&mut self, order: Order, zone: Zone, mobility: Mobility) -> Result<Frame, Error> {
        let taken = self.decisions.taken(order, self.setup.most).ok_or(Error::OutOfMemory)?;
        let zones = self.decisions.zones(&self.setup.zones, zone);
        let request = Request { order: taken, highest: zone, mobility };
        let mut found = self.serve(&zones, request);
        if found.is_none() {
            self.empty_caches(Drain::Dry);
            found = self.serve(&zones, request);
        }
        let Some(block) = found else {
            if let Some(zone) = zones.first() {
                let is_free = |block: &&Block| block.zone == *zone && !block.isolated;
                let looked_at = self.free.iter().find(is_free).copied();
                self.refuse(Refused::Alloc, looked_at, *zone, order.frames());
            }
            return Err(Error::OutOfMemory);
        };
        self.live.push(Block { order: order.min(taken), mobility, ..block });
        Ok(self.decisions.told(block.frame))
    }

    fn alloc_at(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        let wanted = Run::block(frame, order);
        let covers = |block: &&Block| {
            let plan = &self.setup.zones[block.zone];
            self.decisions.covers(block, &wanted)
                && self.decisions.spares_at(plan, self.level(block.zone), order)
        };
        let Some(found) = self.free.iter().find(covers).copied() else {
            if let Some(zone) = self.zone_of(frame) {
                self.refuse(Refused::AllocAt, self.free_around(frame), zone, order.frames());
            }
            return Err(Error::Taken);
        };
        if self.decisions.unlists() {
            self.unlist(found, found.mobility);
            self.split(found, order, Some(frame));
        }
        self.count_taken(found.zone, self.decisions.counted_at(order));
        self.live.push(Block { frame, order, isolated: false, ..found });
        Ok(())
    }

    fn free(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        let first = Run::block(frame, Order(0));
        let around = self.live.iter().find(|live| live.run().holds(&first)).copied();
        let mobility = around.map_or(Mobility::Movable, |live| live.mobility);
        // What is outside every zone is booked on the first.
        let zone = self.zone_of(frame).unwrap_or(0);
        let asked = Block { frame, order, mobility, zone, isolated: false };
        let block = self.decisions.meant(asked, around);
        let freed = Freed {
            block,
            misuse: self.misuse(&block),
            is_listed: self.free.iter().any(|free| free.run() == block.run()),
            is_cached: self.cached.iter().any(|cached| cached.run() == block.run()),
            buddy: self.buddy(&block),
            most: self.setup.most,
        };
        if let Some(error) = self.decisions.refuses(&freed) {
            self.refuse(Refused::Free, self.free_around(frame), zone, order.frames());
            return Err(error);
        }
        self.live.retain(|live| live.frame != block.frame);
        self.returned.push(block.run());
        for piece in self.pieces(block) {
            self.take_back(piece);
        }
        Ok(())
    }

    fn free_frames(&self, zone: Zone) -> u64 {
        self.place_of(zone).map_or(0, |zone| self.decisions.free_told(self.level(zone)))
    }

    fn cached_frames(&self, zone: Zone) -> u64 {
        self.place_of(zone).map_or(0, |zone| self.decisions.cached_told(self.level(zone)))
    }

    fn drain(&mut self) {
        self.empty_caches(Drain::Asked);
    }

    fn statistics(&self, zone: Zone) -> Result<Statistics, Error> {
        let place = self.place_of(zone).ok_or(Error::OutOfRange)?;
        Ok(self.decisions.shown(zone, self.books[place].blocks.clone()))
    }

    fn fragmentation(&self, zone: Zone, order: Order) -> Result<Fragmentation, Error> {
        let place = self.place_of(zone).ok_or(Error::OutOfRange)?;
        let mut now = Fragments { blocks: 0, free: 0, suitable: 0, wanted: 1 << order.0 };
        let in_it = |block: &&Block| block.zone == place && self.decisions.fragments(block);
        for block in self.free.iter().filter(in_it) {
            let frames = 1 << block.order.0;
            now.blocks += 1;
            now.free += frames;
            if self.decisions.suits(block.order, order) {
                now.suitable += frames / now.wanted;
            }
        }
        let external = u64::try_from(self.decisions.external(&now)).unwrap_or(0);
        Ok(Fragmentation { index: self.decisions.index(&now), external })
    }

    fn isolate(&mut self, frame: Frame) -> Result<(), Error> {
        let pageblock = Run::block(frame, self.setup.pageblock.ok_or(Error::OutOfRange)?);
        let mut frames = (frame.0..pageblock.end().0).map(|at| Run::block(Frame(at), Order(0)));
        let misuse = if self.isolated.contains(&frame) {
            Some(Error::Isolated)
        } else if !frames.any(|frame| self.is_managed(&frame)) {
            Some(Error::OutOfRange)
        } else {
            None
        };
        self.check_isolation(pageblock, misuse)?;
        self.empty_caches(Drain::Isolation);
        self.isolated.push(frame);
        self.turn(pageblock, Turn::Isolated);
        Ok(())
    }

    fn unisolate(&mut self, frame: Frame) -> Result<(), Error> {
        let pageblock = Run::block(frame, self.setup.pageblock.ok_or(Error::NotIsolated)?);
        let is_isolated = self.isolated.contains(&frame);
        self.check_isolation(pageblock, (!is_isolated).then_some(Error::NotIsolated))?;
        self.isolated.retain(|head| *head != frame);
        self.turn(pageblock, Turn::Undone);
        Ok(())
    }
}

fn halves(block: Block) -> (Block, Block) {
    let order = Order(block.order.0 - 1);
    let lower = Block { order, ..block };
    (lower, Block { frame: lower.run().end(), ..lower })
}
