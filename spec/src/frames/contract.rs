//! What an implementer implements: a page-frame allocator in the kernel's own words, its errors and
//! its profile; and the [`Driver`] that runs a case on it.
//!
//! It does not cover threads, nor where an allocator keeps its bookkeeping.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cases::Op;
use super::model::{Answer, Event, Statistics};
use super::{FRAMES_END, Frame, Frames, Mobility, Order, Run, Setup, Zone};
use crate::core::{Case, End, Subject, Trace};

/// An allocator of page frames, on the memory that it was made for.
///
/// Only [`alloc`](Self::alloc) and [`free`](Self::free) are needed; what else an allocator can do,
/// it says in its [`Profile`] and overrides here.
///
/// The caller guarantees: no order above the greatest that the allocator was made for, in `alloc`
/// and `alloc_at`; what is freed is live and freed with its own order, except where the profile
/// says that misuse is seen.
/// The implementer may choose any free block that fits.
/// Not promised: which of several errors a call with several faults reports.
pub trait FrameAllocator {
    /// Hands out a block of 2^order frames, aligned to its size by the number of its first frame,
    /// from this zone or, when that has none, from one before it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] when no such block is free; nothing is changed then.
    ///
    /// Judged by FRAMES-01 to FRAMES-09, FRAMES-17 and FRAMES-18.
    fn alloc(&mut self, order: Order, zone: Zone, mobility: Mobility) -> Result<Frame, Error>;

    /// Hands out the block at this frame, which is aligned.
    ///
    /// # Errors
    ///
    /// [`Error::Taken`] when not all of its frames are free and in one zone; nothing is changed then.
    ///
    /// Judged by FRAMES-05, FRAMES-08, FRAMES-09 and FRAMES-16.
    fn alloc_at(&mut self, _frame: Frame, _order: Order) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Takes back a block: all of it becomes free, and is one with its buddy where that is free too.
    ///
    /// # Errors
    ///
    /// Misuse that the profile says is refused: of a block that was freed before
    /// ([`Error::DoubleFree`]), with another order than it has ([`Error::WrongOrder`]), of a frame
    /// inside a block ([`Error::Unaligned`]), of frames that were never handed out
    /// ([`Error::NotAllocated`]), of frames outside every zone ([`Error::OutOfRange`]). Any of these
    /// names will do. Nothing is changed then.
    ///
    /// Judged by FRAMES-05, FRAMES-07, FRAMES-08 and FRAMES-10 to FRAMES-15.
    fn free(&mut self, frame: Frame, order: Order) -> Result<(), Error>;

    /// How many frames of a zone are free.
    ///
    /// Judged by FRAMES-05 and FRAMES-09.
    fn free_frames(&self, _zone: Zone) -> u64 {
        0
    }

    /// What is free in a zone, by order and mobility.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the profile says that it can't.
    ///
    /// Judged by FRAMES-07 and FRAMES-19.
    fn statistics(&self, _zone: Zone) -> Result<Statistics, Error> {
        Err(Error::Unsupported)
    }
}

/// Why an allocator refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Error {
    /// No block that would do is free.
    OutOfMemory,
    /// Some of the frames that were asked for are not free.
    Taken,
    /// The block was freed before.
    DoubleFree,
    /// The block has another order.
    WrongOrder,
    /// The frame is not the first of a block.
    Unaligned,
    /// The frames were never handed out.
    NotAllocated,
    /// The frames are outside every zone, in a hole, or reserved.
    OutOfRange,
    /// The allocator does not offer this.
    Unsupported,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::OutOfMemory => "out of memory",
            Error::Taken => "taken",
            Error::DoubleFree => "double free",
            Error::WrongOrder => "wrong order",
            Error::Unaligned => "unaligned",
            Error::NotAllocated => "not allocated",
            Error::OutOfRange => "out of range",
            Error::Unsupported => "unsupported",
        })
    }
}

impl std::error::Error for Error {}

/// What an implementation says of itself.
///
/// The default is an allocator of one zone that sees no misuse: say what yours can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The greatest order that it can be made for.
    pub most: Order,
    /// Whether it takes several zones.
    pub zones: bool,
    /// Whether zones can have holes and reserved frames.
    pub holes: bool,
    /// Whether a zone can begin and end anywhere, and not only at a multiple of the greatest block.
    pub unaligned: bool,
    /// What becomes of each kind of misuse.
    pub checks: Checks,
    /// Whether a block at a frame can be asked for.
    pub alloc_at: bool,
    /// Whether the number of free frames can be seen.
    pub free_count: bool,
    /// Whether what is free can be seen by order and mobility.
    pub statistics: bool,
    /// Whether an allocation fails only when no free aligned run would do, as of a strict buddy.
    pub strict: bool,
    /// How many frames of each zone it keeps for itself.
    pub kept: u64,
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            most: Order(10),
            zones: false,
            holes: false,
            unaligned: false,
            checks: Checks::default(),
            alloc_at: false,
            free_count: false,
            statistics: false,
            strict: true,
            kept: 0,
        }
    }
}

/// What becomes of each kind of misuse of `free`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Of a block that was freed before.
    pub double_free: Sight,
    /// With another order than the block has.
    pub wrong_order: Sight,
    /// Of a frame inside a block.
    pub unaligned: Sight,
    /// Of frames that were never handed out.
    pub never_allocated: Sight,
    /// Of frames outside every zone.
    pub out_of_range: Sight,
}

/// What becomes of a kind of misuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// It is not seen: cases do not have it.
    #[default]
    Unseen,
    /// It is refused, and changes nothing.
    Refused,
    /// It ends the case, as by a panic.
    Aborts,
}

impl Profile {
    /// An allocator that can do all that the contract knows.
    pub fn full() -> Self {
        let checks = Checks {
            double_free: Sight::Refused,
            wrong_order: Sight::Refused,
            unaligned: Sight::Refused,
            never_allocated: Sight::Refused,
            out_of_range: Sight::Refused,
        };
        Profile {
            most: Order(10),
            zones: true,
            holes: true,
            unaligned: true,
            checks,
            alloc_at: true,
            free_count: true,
            statistics: true,
            strict: true,
            kept: 0,
        }
    }

    /// Whether the parts fit together.
    ///
    /// # Errors
    ///
    /// What was expected, and what came.
    pub fn check(&self) -> Result<(), String> {
        if self.most > Order(20) {
            return Err(format!("expected a greatest order of at most 20, found {}", self.most));
        }
        if self.statistics && !self.free_count {
            return Err("expected statistics only with free_count, found them without".into());
        }
        if self.strict && self.kept > 0 {
            return Err("expected a strict allocator to keep no frames, found kept".into());
        }
        Ok(())
    }
}

/// Runs cases on a [`FrameAllocator`], a fresh one for each.
pub struct Driver<F> {
    profile: Profile,
    make: F,
}

impl<A: FrameAllocator, F: FnMut(&Setup) -> A> Driver<F> {
    /// Drives what `make` gives: an allocator of this memory, all of it free.
    pub fn new(profile: Profile, make: F) -> Self {
        Driver { profile, make }
    }
}

impl<F> fmt::Debug for Driver<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl<A: FrameAllocator, F: FnMut(&Setup) -> A> Subject<Frames> for Driver<F> {
    fn profile(&self) -> Profile {
        self.profile.clone()
    }

    fn run(&mut self, case: &Case<Frames>) -> Trace<Frames> {
        Trace::watch(|events| {
            let allocator = (self.make)(&case.setup);
            let slots = vec![None; 256];
            let mut session =
                Session { profile: &self.profile, setup: &case.setup, allocator, slots };
            for op in &case.ops {
                events.push(session.step(op)?);
            }
            Ok(())
        })
    }
}

/// One allocator while one case runs.
struct Session<'c, A> {
    profile: &'c Profile,
    setup: &'c Setup,
    allocator: A,
    /// The block of each slot.
    slots: Vec<Option<(Frame, Order)>>,
}

impl<A: FrameAllocator> Session<'_, A> {
    fn step(&mut self, op: &Op) -> Result<Event, End> {
        let answers = match *op {
            Op::Alloc { slot, order, zone, mobility } => {
                self.fill_slot(slot, order, |allocator| allocator.alloc(order, zone, mobility))
            }
            Op::AllocAt { slot, frame, order } => self.fill_slot(slot, order, |allocator| {
                allocator.alloc_at(frame, order).map(|()| frame)
            }),
            Op::Free { slot } => self.slots[usize::from(slot)].take().map(|(frame, order)| {
                let answer = self.free(frame, order);
                if answer != (Answer::Done {}) {
                    self.slots[usize::from(slot)] = Some((frame, order));
                }
                vec![answer]
            }),
            Op::FreeTwice { slot } => self.slots[usize::from(slot)]
                .take()
                .map(|(frame, order)| vec![self.free(frame, order), self.free(frame, order)]),
            Op::FreeWrongOrder { slot, order } => self.slots[usize::from(slot)]
                .filter(|(_, own)| *own != order)
                .map(|(frame, _)| vec![self.free(frame, order)]),
            Op::FreeInside { slot, offset } => self.slots[usize::from(slot)]
                .filter(|(_, order)| offset > 0 && offset < order.frames())
                .map(|(frame, _)| vec![self.free(Frame(frame.0 + offset), Order(0))]),
            Op::FreeNever { frame, order } => {
                let block = Run::block(frame, order);
                let live = self.slots.iter().flatten();
                let mut live = live.map(|(frame, order)| Run::block(*frame, *order));
                (!live.any(|other| other.overlaps(&block))).then(|| vec![self.free(frame, order)])
            }
            Op::FreeOutside { frame, order } => Some(vec![self.free(frame, order)]),
            Op::Refill {} => Some(self.refill()?),
            Op::Statistics { zone } => Some(vec![match self.allocator.statistics(zone) {
                Ok(statistics) => Answer::Statistics { statistics },
                Err(error) => Answer::Refused { error },
            }]),
        };
        let Some(answers) = answers else { return Ok(Event::Skipped {}) };
        Ok(Event::Done { answers, free: self.free_counts() })
    }

    fn fill_slot(
        &mut self,
        slot: u8,
        order: Order,
        work: impl FnOnce(&mut A) -> Result<Frame, Error>,
    ) -> Option<Vec<Answer>> {
        if self.slots[usize::from(slot)].is_some() {
            return None;
        }
        Some(vec![match work(&mut self.allocator) {
            Ok(frame) => {
                self.slots[usize::from(slot)] = Some((frame, order));
                Answer::Block { frame }
            }
            Err(error) => Answer::Refused { error },
        }])
    }

    fn free(&mut self, frame: Frame, order: Order) -> Answer {
        match self.allocator.free(frame, order) {
            Ok(()) => Answer::Done {},
            Err(error) => Answer::Refused { error },
        }
    }

    /// Frees all, takes blocks of the greatest order until there are none, and frees them.
    fn refill(&mut self) -> Result<Vec<Answer>, End> {
        let mut answers = Vec::new();
        for slot in 0..self.slots.len() {
            if let Some((frame, order)) = self.slots[slot].take() {
                answers.push(self.free(frame, order));
            }
        }
        let highest = self.setup.zones.last().map_or(Zone::Normal, |zone| zone.zone);
        let most: u64 = self.setup.zones.iter().map(|zone| zone.run.frames).sum();
        let mut taken = Vec::new();
        while let Ok(frame) = self.allocator.alloc(self.setup.most, highest, Mobility::Movable) {
            answers.push(Answer::Block { frame });
            taken.push(frame);
            if taken.len() as u64 > most || frame >= FRAMES_END {
                return Err(End::Mishap(format!("block {} at {frame} of too many", taken.len())));
            }
        }
        for frame in taken {
            answers.push(self.free(frame, self.setup.most));
        }
        Ok(answers)
    }

    fn free_counts(&self) -> Vec<u64> {
        if !self.profile.free_count {
            return Vec::new();
        }
        let zones = self.setup.zones.iter();
        zones.map(|zone| self.allocator.free_frames(zone.zone)).collect()
    }
}
