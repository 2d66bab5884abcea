//! The crate `buddy_system_allocator`, its `FrameAllocator` with as many orders as the zone has.
//!
//! The crate keeps an ordered set of free blocks for each order. It counts what is handed out and
//! tells nobody, and looks at nothing of what it is given back: a block that was freed before, or that
//! it never had, is in its sets twice.
//! It does not cover the crate's heap, which keeps its lists in the memory that it hands out.

use buddy_system_allocator::FrameAllocator;
use lawbook_spec::core::Subject;
use lawbook_spec::frames::{Checks, Error, Frames, Profile, Setup, Sight};

use super::zone::{self, Peer, as_usize, managed_runs, of_orders};

pub(super) fn subject() -> impl Subject<Frames> {
    zone::subject(profile(), |setup, _| of_orders!(setup, free))
}

fn profile() -> Profile {
    let checks = Checks { order_beyond: Sight::Refused, ..Checks::default() };
    Profile { alloc_at: true, checks, ..zone::profile() }
}

/// An allocator to which every frame of the zone was given.
fn free<const ORDERS: usize>(setup: &Setup) -> Box<dyn Peer> {
    let mut allocator = FrameAllocator::<ORDERS>::new();
    for run in managed_runs(&setup.zones[0]) {
        allocator.insert(as_usize(run.base.0)..as_usize(run.end().0));
    }
    Box::new(allocator)
}

impl<const ORDERS: usize> Peer for FrameAllocator<ORDERS> {
    fn alloc(&mut self, count: usize) -> Option<u64> {
        FrameAllocator::alloc(self, count).map(|first| first as u64)
    }

    fn alloc_at(&mut self, first: u64, count: usize) -> bool {
        FrameAllocator::alloc_at(self, as_usize(first), count).is_some()
    }

    fn free(&mut self, first: u64, count: usize) -> Result<(), Error> {
        self.dealloc(as_usize(first), count);
        Ok(())
    }
}
