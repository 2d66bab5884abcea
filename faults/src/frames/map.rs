//! The understudy without a list of blocks: a map of what each frame is, and nothing else.
//!
//! Its nouns: the *page* (what is known of one frame that can be handed out), the *area* (a zone,
//! and the pages in it), and the *block* (what a scan of the pages finds free in one piece). Nothing
//! is split or merged: blocks are looked for at each question, and forgotten. It reads the numbers
//! of a setup and uses none of the rules that come with them, so that it does not share their errors.
//!
//! It does not cover caches, nor speed: every op looks at all frames.

use std::collections::BTreeMap;

use lawbook_spec::core::{Missing, Subject};
use lawbook_spec::frames::{
    Driver, Error, Fragmentation, Frame, FrameAllocator, Frames, Mobility, Order, Profile, Run,
    Setup, Statistics, Zone, ZonePlan,
};

pub(super) fn open() -> Result<Box<dyn Subject<Frames>>, Missing> {
    Ok(Box::new(driver()))
}

/// Drives a map, a fresh one for each case: every ability but a cache, and all misuse is refused.
pub(super) fn driver() -> impl Subject<Frames> {
    Driver::new(Profile::full(), Map::new)
}

/// The allocator.
struct Map {
    most: Order,
    pageblock: Option<Order>,
    /// As the zones of the setup.
    areas: Vec<Area>,
}

struct Area {
    plan: ZonePlan,
    most: Order,
    /// The frames that can be handed out; holes and reserved frames have no page.
    pages: BTreeMap<Frame, Page>,
}

struct Page {
    state: State,
    isolated: bool,
}

/// What a frame is.
#[derive(Clone, Copy)]
enum State {
    /// Free, and last used for such contents.
    Free(Mobility),
    /// The first of a live block.
    Head(Order, Mobility),
    /// Another of a live block.
    Tail,
}

/// An aligned block of free frames, as large as it can be.
struct Block {
    base: Frame,
    order: Order,
    /// That of its first frame: the others may differ until something is handed out of it.
    mobility: Mobility,
}

impl Map {
    fn new(setup: &Setup) -> Self {
        let areas = setup.zones.iter().map(|plan| Area::new(plan, setup.most)).collect();
        Map { most: setup.most, pageblock: setup.pageblock, areas }
    }

    fn area(&self, zone: Zone) -> Result<&Area, Error> {
        self.areas.iter().find(|area| area.plan.zone == zone).ok_or(Error::OutOfRange)
    }

    /// The pages of the pageblock at this frame.
    fn pageblock(&mut self, frame: Frame) -> Vec<&mut Page> {
        let Some(order) = self.pageblock else { return Vec::new() };
        self.areas.iter_mut().flat_map(|area| area.pages(frame, order)).collect()
    }
}

impl FrameAllocator for Map {
    fn alloc(&mut self, order: Order, zone: Zone, mobility: Mobility) -> Result<Frame, Error> {
        if order > self.most {
            return Err(Error::OutOfMemory);
        }
        let mut allowed = self.areas.iter_mut().rev().filter(|area| area.plan.zone <= zone);
        allowed.find_map(|area| area.alloc(order, zone, mobility)).ok_or(Error::OutOfMemory)
    }

    fn alloc_at(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        if order > self.most {
            return Err(Error::Taken);
        }
        let mut areas = self.areas.iter_mut();
        let area = areas.find(|area| area.is_free(frame, order, false)).ok_or(Error::Taken)?;
        area.hand_out(frame, order, Mobility::Movable);
        Ok(())
    }

    fn free(&mut self, frame: Frame, order: Order) -> Result<(), Error> {
        let mut areas = self.areas.iter_mut();
        let area = areas.find(|area| area.pages.contains_key(&frame)).ok_or(Error::OutOfRange)?;
        match area.pages[&frame].state {
            State::Head(own, mobility) if own == order => {
                area.set(frame, order, State::Free(mobility));
                Ok(())
            }
            State::Head(..) => Err(Error::WrongOrder),
            State::Tail => Err(Error::Unaligned),
            State::Free(_) => Err(Error::DoubleFree),
        }
    }

    fn free_frames(&self, zone: Zone) -> u64 {
        self.area(zone).map_or(0, Area::free_frames)
    }

    fn statistics(&self, zone: Zone) -> Result<Statistics, Error> {
        let none = vec![0; usize::from(self.most.0) + 1];
        let area = self.area(zone)?;
        let mut blocks = [none.clone(), none.clone(), none.clone()];
        for block in area.blocks(false) {
            blocks[block.mobility as usize][usize::from(block.order.0)] += 1;
        }
        let mut isolated = none;
        for block in area.blocks(true) {
            isolated[usize::from(block.order.0)] += 1;
        }
        Ok(Statistics { blocks, isolated })
    }

    fn fragmentation(&self, zone: Zone, order: Order) -> Result<Fragmentation, Error> {
        let blocks = self.area(zone)?.blocks(false);
        let (large, small): (Vec<Block>, Vec<Block>) =
            blocks.into_iter().partition(|block| block.order >= order);
        let all = frames(&large) + frames(&small);
        let index = match (large.is_empty(), small.len() as u64) {
            (false, _) => -1000,
            (true, 0) => 0,
            (true, count) => 1000 - ((1000 + all * 1000 / order.frames()) / count).cast_signed(),
        };
        let external = (frames(&small) * 100).checked_div(all).unwrap_or(0);
        Ok(Fragmentation { index, external })
    }

    fn isolate(&mut self, frame: Frame) -> Result<(), Error> {
        let pages = self.pageblock(frame);
        match pages.first() {
            None => return Err(Error::OutOfRange),
            Some(page) if page.isolated => return Err(Error::Isolated),
            Some(_) => {}
        }
        pages.into_iter().for_each(|page| page.isolated = true);
        Ok(())
    }

    fn unisolate(&mut self, frame: Frame) -> Result<(), Error> {
        let pages = self.pageblock(frame);
        if !pages.iter().any(|page| page.isolated) {
            return Err(Error::NotIsolated);
        }
        pages.into_iter().for_each(|page| page.isolated = false);
        Ok(())
    }
}

impl Area {
    fn new(plan: &ZonePlan, most: Order) -> Self {
        let mut pages = BTreeMap::new();
        for frame in all(&plan.run) {
            let state = State::Free(Mobility::Movable);
            pages.insert(frame, Page { state, isolated: false });
        }
        for frame in plan.holes.iter().chain(&plan.reserved).flat_map(all) {
            pages.remove(&frame);
        }
        Area { plan: plan.clone(), most, pages }
    }

    /// The first free block of this mobility in which the order fits, or else the first of any.
    fn alloc(&mut self, order: Order, highest: Zone, mobility: Mobility) -> Option<Frame> {
        let kept = self.plan.min + self.plan.reserve[highest as usize];
        if self.free_frames() < kept + order.frames() {
            return None;
        }
        let blocks = self.blocks(false);
        let fits = || blocks.iter().filter(|block| block.order >= order);
        let block = fits().find(|block| block.mobility == mobility).or_else(|| fits().next())?;
        // What is left of the block is of its mobility, whatever its frames were used for.
        self.set(block.base, block.order, State::Free(block.mobility));
        self.hand_out(block.base, order, mobility);
        Some(block.base)
    }

    fn hand_out(&mut self, base: Frame, order: Order, mobility: Mobility) {
        self.set(base, order, State::Tail);
        self.set(base, Order(0), State::Head(order, mobility));
    }

    fn set(&mut self, base: Frame, order: Order, state: State) {
        self.pages(base, order).for_each(|page| page.state = state);
    }

    fn pages(&mut self, base: Frame, order: Order) -> impl Iterator<Item = &mut Page> {
        self.pages.range_mut(base..Frame(base.0 + order.frames())).map(|(_, page)| page)
    }

    fn free_frames(&self) -> u64 {
        let free = self.pages.values().filter(|page| page.is_free(false));
        free.count() as u64
    }

    /// All that is free and isolated, or free and not, in blocks as large as they can be.
    fn blocks(&self, isolated: bool) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut end = 0;
        for (&base, page) in &self.pages {
            let State::Free(mobility) = page.state else { continue };
            let mut orders = (0..=self.most.0).rev().map(Order);
            let is_block = |order: &Order| {
                base.0.is_multiple_of(order.frames()) && self.is_free(base, *order, isolated)
            };
            if base.0 >= end
                && let Some(order) = orders.find(is_block)
            {
                end = base.0 + order.frames();
                blocks.push(Block { base, order, mobility });
            }
        }
        blocks
    }

    /// Whether all of these frames are free, and isolated or not.
    fn is_free(&self, base: Frame, order: Order, isolated: bool) -> bool {
        let mut frames = all(&Run { base, frames: order.frames() });
        frames.all(|frame| self.pages.get(&frame).is_some_and(|page| page.is_free(isolated)))
    }
}

impl Page {
    fn is_free(&self, isolated: bool) -> bool {
        matches!(self.state, State::Free(_)) && self.isolated == isolated
    }
}

fn all(run: &Run) -> impl Iterator<Item = Frame> + use<> {
    (run.base.0..run.base.0 + run.frames).map(Frame)
}

fn frames(blocks: &[Block]) -> u64 {
    blocks.iter().map(|block| block.order.frames()).sum()
}
