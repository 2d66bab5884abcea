//! The crate `free-list`: the free page ranges, sorted, with those that touch made one.
//!
//! What is given back is refused when a page of it is free, and taken with any order, from the middle
//! of a block, in a hole and outside the zone. There is no greatest order. The list holds
//! [`INLINE`] ranges in place and more on the heap, so that free memory may be in any number of
//! pieces.
//! It does not cover a kernel without a heap, in which the list can't grow.

use free_list::{FreeList, PAGE_SIZE, PageLayout, PageRange};
use lawbook_spec::core::Subject;
use lawbook_spec::frames::{Error, Frames, Profile, ZonePlan};

use super::zone::{self, Peer, as_usize, managed_runs};

/// How many ranges lie in the list itself: few, so that cases reach the heap.
const INLINE: usize = 4;

pub(super) fn subject() -> impl Subject<Frames> {
    zone::subject(profile(), |_, plan| Box::new(free(plan)))
}

fn profile() -> Profile {
    let checks = zone::sees_free_frames();
    Profile { alloc_at: true, free_count: true, checks, ..zone::profile() }
}

/// A list to which every frame of the zone was given.
fn free(plan: &ZonePlan) -> FreeList<INLINE> {
    let mut list = FreeList::new();
    for run in managed_runs(plan) {
        give_back(&mut list, run.base.0, as_usize(run.frames)).expect("an empty list takes any");
    }
    list
}

impl Peer for FreeList<INLINE> {
    fn alloc(&mut self, count: usize) -> Option<u64> {
        let bytes = count.checked_mul(PAGE_SIZE)?;
        let layout = PageLayout::from_size_align(bytes, bytes).ok()?;
        let range = self.allocate(layout).ok()?;
        Some((range.start() / PAGE_SIZE) as u64)
    }

    fn alloc_at(&mut self, first: u64, count: usize) -> bool {
        pages(first, count).is_some_and(|range| self.allocate_at(range).is_ok())
    }

    fn free(&mut self, first: u64, count: usize) -> Result<(), Error> {
        give_back(self, first, count)
    }

    fn free_frames(&self) -> u64 {
        (self.free_space() / PAGE_SIZE) as u64
    }
}

#[allow(
    unsafe_code,
    reason = "the crate hands out numbers, and calls whoever takes one back unsafe"
)]
fn give_back(list: &mut FreeList<INLINE>, first: u64, count: usize) -> Result<(), Error> {
    let range = pages(first, count).ok_or(Error::OutOfRange)?;
    // SAFETY: the list reads and writes no page, and nor does anyone here: the frames are numbers
    // without memory behind them, so that no use of them, even of one handed out twice, is one of
    // memory.
    unsafe { list.deallocate(range) }.map_err(|_| Error::DoubleFree)
}

/// The bytes of these frames, where they have addresses.
fn pages(first: u64, count: usize) -> Option<PageRange> {
    let start = as_usize(first).checked_mul(PAGE_SIZE)?;
    PageRange::from_start_len(start, count.checked_mul(PAGE_SIZE)?).ok()
}
