//! Runs cases on an allocator: a fresh one for each, and the slot table of the case.
//!
//! It does not cover what the answers should be.

use std::fmt;
use std::sync::Arc;

use smallvec::smallvec;

use super::super::cases::Op;
use super::super::model::{Answer, Answers, Counts, Event};
use super::super::slots::Slots;
use super::super::{FRAMES_END, Frame, Frames, Mobility, Order, Setup, Zone};
use super::{Error, FrameAllocator, Profile};
use crate::core::{Case, End, Subject, Tell, Trace};

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
            let mut session = Session::new(&self.profile, &case.setup, &mut self.make);
            events.reserve_exact(case.ops.len());
            for op in &case.ops {
                events.push(session.step(op)?);
            }
            Ok(())
        })
    }

    fn stream(
        &mut self,
        setup: &Setup,
        ops: &mut dyn Iterator<Item = Op>,
        tell: &mut Tell<'_, Frames>,
    ) -> End {
        End::watch(|| {
            let mut session = Session::new(&self.profile, setup, &mut self.make);
            for op in ops {
                if tell(&op, &session.step(&op)?).is_break() {
                    break;
                }
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
    slots: Slots,
}

impl<'c, A: FrameAllocator> Session<'c, A> {
    fn new(
        profile: &'c Profile,
        setup: &'c Setup,
        make: &mut impl FnMut(&Setup) -> A,
    ) -> Session<'c, A> {
        Session { profile, setup, allocator: make(setup), slots: Slots::default() }
    }

    fn step(&mut self, op: &Op) -> Result<Event, End> {
        if self.slots.skips(op) {
            return Ok(Event::Skipped {});
        }
        let answers: Answers = match *op {
            Op::Alloc { slot, order, zone, mobility } => {
                let answer = self.allocator.alloc(order, zone, mobility);
                smallvec![self.fill_slot(slot, order, Some(mobility), answer)]
            }
            Op::AllocAt { slot, frame, order } => {
                let answer = self.allocator.alloc_at(frame, order).map(|()| frame);
                smallvec![self.fill_slot(slot, order, None, answer)]
            }
            Op::AllocBeyond { order } => {
                let answer = self.allocator.alloc(order, Zone::HighMem, Mobility::Movable);
                smallvec![block_or_refusal(answer)]
            }
            Op::Free { slot } => smallvec![self.free_slot(slot)],
            Op::FreeTwice { slot } => self.free_slot_twice(slot),
            Op::FreeWrongOrder { slot, order } => {
                let (frame, _) = self.slots.block(slot);
                smallvec![self.free(frame, order)]
            }
            Op::FreeInside { slot, offset, order } => {
                let (frame, _) = self.slots.block(slot);
                smallvec![self.free(Frame(frame.0 + offset), order)]
            }
            Op::FreeNever { frame, order } | Op::FreeOutside { frame, order } => {
                smallvec![self.free(frame, order)]
            }
            Op::Refill {} => self.refill()?,
            Op::Drain {} => {
                self.allocator.drain();
                smallvec![Answer::Done {}]
            }
            Op::Isolate { frame } => smallvec![done_or_refusal(self.allocator.isolate(frame))],
            Op::Unisolate { frame } => smallvec![done_or_refusal(self.allocator.unisolate(frame))],
            Op::Statistics { zone } => smallvec![match self.allocator.statistics(zone) {
                Ok(statistics) => Answer::Statistics { statistics: Arc::new(statistics) },
                Err(error) => Answer::Refused { error },
            }],
            Op::Fragmentation { zone, order } => {
                smallvec![match self.allocator.fragmentation(zone, order) {
                    Ok(fragmentation) => Answer::Fragmentation { fragmentation },
                    Err(error) => Answer::Refused { error },
                }]
            }
        };
        Ok(Event::Done { answers, free: self.free_counts(), cached: self.cached_counts() })
    }

    fn fill_slot(
        &mut self,
        slot: u32,
        order: Order,
        mobility: Option<Mobility>,
        answer: Result<Frame, Error>,
    ) -> Answer {
        if let Ok(frame) = answer {
            self.slots.fill(slot, frame, order, mobility);
        }
        block_or_refusal(answer)
    }

    fn free(&mut self, frame: Frame, order: Order) -> Answer {
        done_or_refusal(self.allocator.free(frame, order))
    }

    /// A block that is not taken back stays where it is.
    fn free_slot(&mut self, slot: u32) -> Answer {
        let (frame, order) = self.slots.block(slot);
        let answer = self.free(frame, order);
        if answer.is_done() {
            self.slots.empty(slot);
        }
        answer
    }

    /// The second free is only misuse when the first one was done.
    fn free_slot_twice(&mut self, slot: u32) -> Answers {
        let (frame, order) = self.slots.block(slot);
        let first = self.free_slot(slot);
        if !first.is_done() {
            return smallvec![first];
        }
        smallvec![first, self.free(frame, order)]
    }

    /// Frees all and drains the caches, takes blocks of the greatest order until there are none, and
    /// frees them.
    fn refill(&mut self) -> Result<Answers, End> {
        let mut answers = Answers::new();
        for slot in self.slots.full() {
            answers.push(self.free_slot(slot));
        }
        if self.profile.caches {
            self.allocator.drain();
        }
        let highest = self.setup.zones.last().map_or(Zone::Normal, |zone| zone.zone);
        let most = self.setup.frames();
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

    fn free_counts(&self) -> Counts {
        if !self.profile.free_count {
            return Counts::new();
        }
        let zones = self.setup.zones.iter();
        zones.map(|zone| self.allocator.free_frames(zone.zone)).collect()
    }

    fn cached_counts(&self) -> Counts {
        if !self.profile.caches {
            return Counts::new();
        }
        let zones = self.setup.zones.iter();
        zones.map(|zone| self.allocator.cached_frames(zone.zone)).collect()
    }
}

fn block_or_refusal(answer: Result<Frame, Error>) -> Answer {
    match answer {
        Ok(frame) => Answer::Block { frame },
        Err(error) => Answer::Refused { error },
    }
}

fn done_or_refusal(answer: Result<(), Error>) -> Answer {
    match answer {
        Ok(()) => Answer::Done {},
        Err(error) => Answer::Refused { error },
    }
}
