//! One zone: blocks are split when they are handed out, and merged when they are taken back.
//!
//! Its nouns: the *place* of a frame (how far it is from the zone's base: what links and states are
//! found by), and the *phase* (where the base lies in a block of the greatest order: what alignment
//! is counted from, as it is the frame's number that is aligned and not its place).
//!
//! Inside a block, free or live, only the first frame is a head. Merging turns the upper head into a
//! tail, and splitting makes the upper half a head, so that no head is ever out of date: a look at
//! one state is enough to refuse any misuse.
//! What an isolation does is in `isolation`, and what is told of a zone in `counts`. It does not
//! cover which zone serves: that is in `allocator`.

mod counts;
mod isolation;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use lawbook_spec::frames::{Error, Frame, Mobility, Order, Run, Zone};

use super::geometry::{MOST_ORDER, ZoneGeometry};
use super::lists::Lists;
use super::state::{State, low_order};

/// A zone.
pub(super) struct Buddy {
    zone: Zone,
    base: u64,
    phase: u32,
    most: u8,
    /// The order of its pageblocks.
    pageblock: u8,
    /// By the highest zone that a request allows: how many free frames are not for it.
    kept: [u64; 3],
    free_frames: u64,
    states: Vec<State>,
    lists: Lists,
    /// The numbers of the pageblocks that are isolated.
    isolated: BTreeSet<u32>,
}

impl Buddy {
    /// A zone of a geometry that was checked: all is free, and movable.
    pub(super) fn new(most: Order, pageblock: Order, geometry: &ZoneGeometry) -> Self {
        let base = geometry.run.base.0;
        let frames = usize::try_from(geometry.run.frames).expect("a zone has few frames");
        let mut buddy = Buddy {
            zone: geometry.zone,
            base,
            phase: u32::try_from(base % MOST_ORDER.frames()).expect("an order is at most 20"),
            most: most.0,
            pageblock: pageblock.0,
            kept: geometry.reserve.map(|frames| geometry.min.saturating_add(frames)),
            free_frames: 0,
            states: vec![State::TAIL; frames],
            lists: Lists::new(frames),
            isolated: BTreeSet::new(),
        };
        buddy.fill(geometry);
        buddy
    }

    pub(super) fn zone(&self) -> Zone {
        self.zone
    }

    /// The place of a frame, if it is in the zone.
    #[inline]
    pub(super) fn place(&self, frame: Frame) -> Option<u32> {
        let place = frame.0.wrapping_sub(self.base);
        if place < self.states.len() as u64 { u32::try_from(place).ok() } else { None }
    }

    /// Whether the watermark lets a block go, for a request that allows zones up to `highest`.
    #[inline]
    pub(super) fn spares(&self, order: u8, highest: Zone) -> bool {
        self.free_frames > self.kept[highest as usize].saturating_add((1 << order) - 1)
    }

    /// Hands out a block, of an order that is not above the greatest.
    #[inline]
    pub(super) fn alloc(&mut self, order: u8, mobility: Mobility) -> Option<Frame> {
        let own = self.lists.least_from(order, mobility);
        let from = own.or_else(|| self.fallback(order, mobility))?;
        let at = self.lists.pop(from);
        let mut half = from.order();
        while half > order {
            half -= 1;
            self.put(at + (1 << half), State::free(half, mobility));
        }
        self.states[at as usize] = State::live(order, mobility);
        self.free_frames -= 1 << order;
        Some(Frame(self.base + u64::from(at)))
    }

    /// Hands out the block at a place, which is aligned. It has the mobility of what it is split
    /// from.
    pub(super) fn alloc_at(&mut self, at: u32, order: u8) -> Result<(), Error> {
        let head = self.carve(at, order).ok_or(Error::Taken)?;
        self.states[at as usize] = head.to_live(order);
        Ok(())
    }

    /// Takes back a block, if one of this order is live at this place.
    #[inline]
    pub(super) fn free(&mut self, at: u32, order: Order) -> Result<(), Error> {
        let head = self.states[at as usize];
        if !head.is_live(order) {
            return Err(self.misuse(at));
        }
        if self.isolated.is_empty() {
            self.give(at, order.0, head);
        } else {
            self.give_beside_isolated(at, order.0, head);
        }
        Ok(())
    }

    /// Makes a block free, with the mobility of a head, and merges it.
    #[inline]
    fn give(&mut self, at: u32, order: u8, head: State) {
        self.free_frames += 1 << order;
        let (at, order) = self.merge(at, order, self.most, State::is_free);
        self.put(at, head.to_free(order));
    }

    /// Merges a block that is in no list with its buddy as often as that is a head such as this, up
    /// to an order.
    #[inline]
    fn merge(
        &mut self,
        at: u32,
        order: u8,
        most: u8,
        is_such: impl Fn(State, u8) -> bool,
    ) -> (u32, u8) {
        let (mut at, mut order) = (at, order);
        while order < most {
            let buddy = self.buddy(at, order);
            let Some(&other) = self.states.get(buddy as usize) else { break };
            if !is_such(other, order) {
                break;
            }
            self.lists.unlink(buddy, other);
            self.states[at.max(buddy) as usize] = State::MERGED;
            at = at.min(buddy);
            order += 1;
        }
        (at, order)
    }

    /// Takes the block at a place out of the free block in which it lies, if there is one, whose
    /// head it was; what is left of that stays free.
    fn carve(&mut self, at: u32, order: u8) -> Option<State> {
        let (mut head, state) = (order..=self.most).find_map(|order| {
            let head = self.head_around(at, order)?;
            let state = self.states[head as usize];
            state.is_free(order).then_some((head, state))
        })?;
        self.lists.unlink(head, state);
        let mut half = state.order();
        while half > order {
            half -= 1;
            let upper = head + (1 << half);
            let (kept, other) = if at < upper { (head, upper) } else { (upper, head) };
            self.put(other, state.to_free(half));
            head = kept;
        }
        self.free_frames -= 1 << order;
        Some(state)
    }

    /// A free block for a mobility that has none: the largest of the others. What is split
    /// off it becomes the asker's, so that the next one need not fall back.
    #[cold]
    fn fallback(&self, order: u8, mobility: Mobility) -> Option<State> {
        // Of two that are as large the later one is taken.
        let others = match mobility {
            Mobility::Unmovable => [Mobility::Movable, Mobility::Reclaimable],
            Mobility::Reclaimable => [Mobility::Movable, Mobility::Unmovable],
            Mobility::Movable => [Mobility::Unmovable, Mobility::Reclaimable],
        };
        let lists =
            (order..=self.most).flat_map(|order| others.map(|other| State::free(order, other)));
        lists.rev().find(|head| self.lists.blocks(*head) > 0)
    }

    /// The name of what is wrong with a free at this place: known to be wrong, so that it may cost a
    /// look at each order.
    #[cold]
    fn misuse(&self, at: u32) -> Error {
        let state = self.states[at as usize];
        match state {
            State::HOLE | State::RESERVED => Error::OutOfRange,
            State::TAIL | State::MERGED => {
                let heads = (1..=self.most).filter_map(|order| {
                    let head = self.states[self.head_around(at, order)? as usize];
                    head.is_head(order).then_some(head)
                });
                match heads.into_iter().any(State::is_any_live) {
                    true => Error::Unaligned,
                    false if state == State::MERGED => Error::DoubleFree,
                    false => Error::NotAllocated,
                }
            }
            head if head.is_any_live() => Error::WrongOrder,
            _ => Error::DoubleFree,
        }
    }

    /// Makes every frame that is neither hole nor reserved free.
    fn fill(&mut self, geometry: &ZoneGeometry) {
        let unmanaged = [(&geometry.reserved, State::RESERVED), (&geometry.holes, State::HOLE)];
        let mut gaps = Vec::new();
        for (runs, state) in unmanaged {
            for run in runs {
                let places = places(self.base, run);
                self.states[places.clone()].fill(state);
                gaps.push(places);
            }
        }
        gaps.sort_by_key(|places| places.start);
        let mut at = 0;
        for places in gaps {
            self.fill_run(at..places.start);
            at = at.max(places.end);
        }
        self.fill_run(at..self.states.len());
    }

    /// Makes a run free, in blocks as large as can be; nothing, when it ends before it begins.
    fn fill_run(&mut self, run: Range<usize>) {
        let mut at = run.start;
        while at < run.end {
            let place = u32::try_from(at).expect("a zone has few frames");
            let aligned = (place + self.phase).trailing_zeros();
            let order = aligned.min((run.end - at).ilog2()).min(self.most.into());
            self.put(place, State::free(low_order(order), Mobility::Movable));
            self.free_frames += 1 << order;
            at += 1 << order;
        }
    }

    /// Makes the frame at a place the head of a free block.
    #[inline]
    fn put(&mut self, at: u32, head: State) {
        self.states[at as usize] = head;
        self.lists.push(at, head);
    }

    /// The buddy of a block; outside the zone it is no place.
    #[inline]
    fn buddy(&self, at: u32, order: u8) -> u32 {
        ((at + self.phase) ^ (1 << order)).wrapping_sub(self.phase)
    }

    /// Where the block of an order around a place begins, if that is in the zone.
    fn head_around(&self, at: u32, order: u8) -> Option<u32> {
        ((at + self.phase) >> order << order).checked_sub(self.phase)
    }
}

impl fmt::Debug for Buddy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = Run { base: Frame(self.base), frames: self.states.len() as u64 };
        f.debug_struct("Buddy")
            .field("zone", &self.zone)
            .field("run", &run)
            .field("free_frames", &self.free_frames)
            .finish_non_exhaustive()
    }
}

fn places(base: u64, run: &Run) -> Range<usize> {
    let place = |frame: Frame| usize::try_from(frame.0 - base).expect("a zone has few frames");
    place(run.base)..place(run.end())
}
