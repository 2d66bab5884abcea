//! The crate `bitmap-allocator`: a bit for each frame, and a tree of words that say where bits are
//! set.
//!
//! The crate's bits are numbered from 0; the adapter counts from the last frame before the zone that
//! is aligned to the greatest block. A bit knows no block: what is given back is refused when a
//! bit of it is set, and taken with any order, from the middle of a block, and in a hole. There is no
//! greatest order: a request above that of the zone is served where so many frames are free.
//! What is refused may be done in part: a free is taken word by word, up to the first bit that is
//! set (`tests`). Such a free is one with an order that the block does not have, or in a hole.
//! It does not cover the crate's search for single bits from a place on.

use std::thread;

use bitmap_allocator::{BitAlloc, BitAlloc1M, BitAlloc16M, BitAlloc64K, BitAlloc256M};
use lawbook_spec::core::Subject;
use lawbook_spec::frames::{Checks, Error, Frames, Profile, Setup, Sight, ZonePlan};

use super::zone::{self, Peer, as_usize, managed_runs, origin};

pub(super) fn subject() -> impl Subject<Frames> {
    zone::subject(profile(), free)
}

/// The same, of which it is said that what it takes was live, in a block of just this order.
pub(super) fn trusted() -> impl Subject<Frames> {
    let refused = Sight::Refused;
    let checks = Checks { wrong_order: refused, unaligned: refused, ..profile().checks };
    zone::subject(Profile { checks, ..profile() }, free)
}

fn profile() -> Profile {
    Profile { alloc_at: true, checks: zone::sees_free_frames(), ..zone::profile() }
}

struct Bits<B> {
    bits: Box<B>,
    /// The frame of bit 0.
    origin: u64,
}

/// All frames of the zone, in the smallest bitmap that has a bit for each.
fn free(setup: &Setup, plan: &ZonePlan) -> Box<dyn Peer> {
    let needed = as_usize(plan.run.end().0 - origin(setup, plan));
    match needed {
        _ if needed <= BitAlloc64K::CAP => Box::new(Bits::<BitAlloc64K>::new(setup, plan)),
        _ if needed <= BitAlloc1M::CAP => Box::new(Bits::<BitAlloc1M>::new(setup, plan)),
        _ if needed <= BitAlloc16M::CAP => Box::new(Bits::<BitAlloc16M>::new(setup, plan)),
        _ => Box::new(Bits::<BitAlloc256M>::new(setup, plan)),
    }
}

impl<B: BitAlloc + Send + 'static> Bits<B> {
    fn new(setup: &Setup, plan: &ZonePlan) -> Self {
        let origin = origin(setup, plan);
        let mut bits = empty::<B>();
        for run in managed_runs(plan) {
            bits.insert(as_usize(run.base.0 - origin)..as_usize(run.end().0 - origin));
        }
        Bits { bits, origin }
    }
}

/// The crate makes a bitmap on the stack, where a large one needs more than a thread has.
fn empty<B: BitAlloc + Send + 'static>() -> Box<B> {
    if size_of::<B>() < 1 << 16 {
        return Box::default();
    }
    let thread = thread::Builder::new().stack_size(8 * size_of::<B>() + (1 << 16));
    let made = thread.spawn(Box::<B>::default).expect("there is memory for a stack");
    made.join().expect("an empty bitmap can be made")
}

impl<B: BitAlloc> Peer for Bits<B> {
    fn alloc(&mut self, count: usize) -> Option<u64> {
        let bit = match count {
            1 => self.bits.alloc(),
            _ => self.bits.alloc_contiguous(None, count, count.trailing_zeros() as usize),
        };
        bit.map(|bit| self.origin + bit as u64)
    }

    fn alloc_at(&mut self, first: u64, count: usize) -> bool {
        // The crate has no bit for what lies before the first.
        let Some(bit) = first.checked_sub(self.origin).map(as_usize) else { return false };
        self.bits.alloc_contiguous(Some(bit), count, count.trailing_zeros() as usize).is_some()
    }

    fn free(&mut self, first: u64, count: usize) -> Result<(), Error> {
        let bit = as_usize(first - self.origin);
        let is_done = match count {
            1 => self.bits.dealloc(bit),
            _ => self.bits.dealloc_contiguous(bit, count),
        };
        if is_done { Ok(()) } else { Err(Error::DoubleFree) }
    }
}
