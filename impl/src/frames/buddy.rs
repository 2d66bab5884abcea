//! One zone: blocks are split when they are handed out, and merged when they are taken back.
//!
//! Its nouns: the *place* of a frame (how far it is from the zone's base: what links and states are
//! found by), and the *phase* (where the base lies in a block of the greatest order: what alignment
//! is counted from, as it is the frame's number that is aligned and not its place).
//!
//! Inside a block, free or live, only the first frame is a head. Merging turns the upper head into a
//! tail, and splitting makes the upper half a head, so that no head is ever out of date: a look at
//! one state is enough to refuse any misuse.
//! It does not cover which zone serves: that is in `allocator`.

use std::fmt;

use lawbook_spec::frames::{Error, Frame, Mobility, Order, Run, Statistics, Zone};

use super::geometry::{MOST_ORDER, ZoneGeometry};
use super::lists::Lists;
use super::state::State;

/// A zone.
pub(super) struct Buddy {
    zone: Zone,
    base: u64,
    phase: u32,
    most: u8,
    free_frames: u64,
    states: Vec<State>,
    lists: Lists,
}

impl Buddy {
    /// A zone of a geometry that was checked: all is free, and movable.
    pub(super) fn new(most: Order, geometry: &ZoneGeometry) -> Self {
        let base = geometry.run.base.0;
        let frames = usize::try_from(geometry.run.frames).expect("a zone has few frames");
        let phase = u32::try_from(base % MOST_ORDER.frames()).expect("an order is at most 20");
        let mut states = vec![State::TAIL; frames];
        let unmanaged = [(&geometry.reserved, State::RESERVED), (&geometry.holes, State::HOLE)];
        for (runs, state) in unmanaged {
            for run in runs {
                states[places(base, run)].fill(state);
            }
        }
        let lists = Lists::new(frames);
        let zone = geometry.zone;
        let mut buddy = Buddy { zone, base, phase, most: most.0, free_frames: 0, states, lists };
        buddy.fill();
        buddy
    }

    pub(super) fn zone(&self) -> Zone {
        self.zone
    }

    pub(super) fn free_frames(&self) -> u64 {
        self.free_frames
    }

    pub(super) fn bookkeeping_bytes(&self) -> usize {
        self.states.capacity() * size_of::<State>() + self.lists.link_bytes()
    }

    /// The place of a frame, if it is in the zone.
    #[inline]
    pub(super) fn place(&self, frame: Frame) -> Option<u32> {
        let place = frame.0.wrapping_sub(self.base);
        if place < self.states.len() as u64 { u32::try_from(place).ok() } else { None }
    }

    pub(super) fn statistics(&self) -> Statistics {
        let mobilities = [Mobility::Unmovable, Mobility::Reclaimable, Mobility::Movable];
        let blocks = mobilities.map(|mobility| {
            let orders = 0..=self.most;
            orders.map(|order| self.lists.blocks(State::free(order, mobility))).collect()
        });
        Statistics { blocks }
    }

    /// Hands out a block, of an order that is not above the greatest.
    #[inline]
    pub(super) fn alloc(&mut self, order: u8, mobility: Mobility) -> Option<Frame> {
        let own = self.lists.orders_from(order, mobility);
        let from = match own {
            0 => self.fallback(order, mobility)?,
            // The least that fits.
            _ => State::free(low_order(own.trailing_zeros()), mobility),
        };
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
        let around = (order..=self.most).find_map(|order| {
            let head = self.head_around(at, order)?;
            let state = self.states[head as usize];
            state.is_free(order).then_some((head, state))
        });
        let (mut head, state) = around.ok_or(Error::Taken)?;
        self.lists.unlink(head, state);
        let mut half = state.order();
        while half > order {
            half -= 1;
            let upper = head + (1 << half);
            let (kept, other) = if at < upper { (head, upper) } else { (upper, head) };
            self.put(other, state.to_free(half));
            head = kept;
        }
        self.states[at as usize] = state.to_live(order);
        self.free_frames -= 1 << order;
        Ok(())
    }

    /// Takes back a block, if one of this order is live at this place.
    #[inline]
    pub(super) fn free(&mut self, at: u32, order: Order) -> Result<(), Error> {
        let state = self.states[at as usize];
        if !state.is_live(order) {
            return Err(self.misuse(at));
        }
        self.free_frames += order.frames();
        let (mut at, mut order) = (at, order.0);
        while order < self.most {
            let buddy = self.buddy(at, order);
            let Some(&other) = self.states.get(buddy as usize) else { break };
            if !other.is_free(order) {
                break;
            }
            self.lists.unlink(buddy, other);
            self.states[at.max(buddy) as usize] = State::MERGED;
            at = at.min(buddy);
            order += 1;
        }
        self.put(at, state.to_free(order));
        Ok(())
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
        let found = others.map(|other| (other, self.lists.orders_from(order, other)));
        let found = found.into_iter().filter(|(_, orders)| *orders != 0);
        let (other, orders) = found.max_by_key(|(_, orders)| orders.ilog2())?;
        Some(State::free(low_order(orders.ilog2()), other))
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

    /// Makes every frame that is neither hole nor reserved free, in blocks as large as can be.
    fn fill(&mut self) {
        let frames = self.states.len();
        let mut at = 0;
        while at < frames {
            let rest = &self.states[at..];
            let run = rest.iter().position(|state| *state != State::TAIL).unwrap_or(rest.len());
            let end = at + run;
            while at < end {
                let place = u32::try_from(at).expect("a zone has few frames");
                let aligned = (place + self.phase).trailing_zeros();
                let order = aligned.min((end - at).ilog2()).min(self.most.into());
                self.put(place, State::free(low_order(order), Mobility::Movable));
                self.free_frames += 1 << order;
                at += 1 << order;
            }
            // What ended the run is no frame to hand out.
            at += 1;
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

fn places(base: u64, run: &Run) -> std::ops::Range<usize> {
    let place = |frame: Frame| usize::try_from(frame.0 - base).expect("a zone has few frames");
    place(run.base)..place(run.end())
}

/// An order that was found in 32 bits.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "a number of 32 bits has few of them")]
fn low_order(bit: u32) -> u8 {
    bit as u8
}
