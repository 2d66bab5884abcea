//! The crate `frame-alloc`, its `SummaryBuddyAllocator` with as many orders as the zone has.
//!
//! The crate keeps a bit for each block of each order, in memory that it is given with the frames.
//! Real memory stands behind the [`Bitmap`] here, and where that lies decides the addresses of the
//! frames, which are numbers: a frame is translated by a multiple of the greatest block, and back.
//!
//! What is given back is looked at in debug builds alone, by an assertion that misses a block which is
//! one with its buddy by then.
//! It does not cover the crate's caches for each processor and its regions, nor threads.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::num::NonZeroUsize;
use std::ptr::{NonNull, with_exposed_provenance_mut};

use frame_alloc::{
    AllocatorStats, InitError, PageSize, PhysRange, PhysicalAllocator, Provenance, RegionInit,
    SummaryBuddyAllocator,
};
use lawbook_spec::core::{Case, End, Subject, Tell, Trace};
use lawbook_spec::frames::{Checks, Error, Frame, Frames, Op, Profile, Run, Setup, Sight};

use super::zone::{self, Peer, as_usize, managed_runs, of_orders, origin};

/// Where the crate keeps its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bitmap {
    /// In a range of its own before the zone: every frame of the zone can be handed out.
    Beside,
    /// In a frame of the zone.
    Inside,
}

/// For how many frames a bitmap fits into one.
const MOST_INSIDE: u64 = 1 << 13;

/// A frame, as the crate says it.
const FRAME: PageSize = PageSize::from_log2(12);
const BYTES: usize = FRAME.bytes();

pub(super) fn beside() -> impl Subject<Frames> {
    zone::subject(profile(Bitmap::Beside), |setup, _| of_orders!(setup, beside_zone))
}

pub(super) fn inside() -> impl Subject<Frames> {
    Small(zone::subject(profile(Bitmap::Inside), |setup, _| of_orders!(setup, inside_zone)))
}

fn profile(bitmap: Bitmap) -> Profile {
    let checks = Checks { order_beyond: Sight::Refused, ..Checks::default() };
    let profile = Profile { free_count: true, checks, ..zone::profile() };
    match bitmap {
        Bitmap::Beside => Profile { statistics: true, ..profile },
        // A law that knows which frames are free does not know which of them is the bitmap's.
        Bitmap::Inside => Profile { strict: false, kept: 1, ..profile },
    }
}

/// The crate's allocator.
struct Pool<const ORDERS: usize> {
    allocator: SummaryBuddyAllocator<ORDERS, Exposed>,
    /// What its bitmap is in.
    _memory: Memory,
    /// The addresses that its bitmap has bits for.
    span: PhysRange,
    /// A frame that is aligned to the greatest block, as its address is.
    origin: u64,
    /// Its address.
    address: usize,
}

fn beside_zone<const ORDERS: usize>(setup: &Setup) -> Box<dyn Peer> {
    let (plan, block) = (&setup.zones[0], setup.most.frames());
    let origin = origin(setup, plan);
    // A bitmap has 2 bits for each frame, and what is rounded up for each order: this is more.
    let before = as_usize((setup.frames() / 1024 + 2).next_multiple_of(block)) * BYTES;
    let len = before + as_usize(plan.run.end().0 - origin) * BYTES;
    let allocator = SummaryBuddyAllocator::<ORDERS, Exposed>::new(FRAME);
    let bitmap_bytes = bitmap_bytes(&allocator, len);
    assert!(bitmap_bytes <= before, "a bitmap of {bitmap_bytes} bytes reaches into the zone");
    let memory = Memory::new(bitmap_bytes, as_usize(block) * BYTES);
    let base = memory.address();
    let span = PhysRange { base, len };
    let pool = Pool { allocator, _memory: memory, span, origin, address: base + before };
    let mut usable = vec![PhysRange { base, len: bitmap_bytes }];
    usable.extend(managed_runs(plan).iter().map(|run| pool.range(run)));
    pool.init(&usable);
    Box::new(pool)
}

/// The bitmap is in a frame between others, so that blocks at both ends come and go.
fn inside_zone<const ORDERS: usize>(setup: &Setup) -> Box<dyn Peer> {
    let (mut plan, block) = (setup.zones[0].clone(), setup.most.frames());
    let origin = origin(setup, &plan);
    let first = managed_runs(&plan)[0];
    let bitmap = Run { base: Frame(first.base.0 + first.frames / 2), frames: 1 };
    let before = bitmap.base.0 % block;
    let memory = Memory::new(as_usize(before + 1) * BYTES, as_usize(block) * BYTES);
    let address = memory.address() - as_usize(bitmap.base.0 - before - origin) * BYTES;
    let len = as_usize(plan.run.end().0 - origin) * BYTES;
    let span = PhysRange { base: address, len };
    let allocator = SummaryBuddyAllocator::<ORDERS, Exposed>::new(FRAME);
    let pool = Pool { allocator, _memory: memory, span, origin, address };
    pool.init(&[pool.range(&bitmap)]);
    plan.reserved.push(bitmap);
    managed_runs(&plan).iter().for_each(|run| pool.add(run));
    Box::new(pool)
}

/// How much a bitmap takes for so many bytes of frames, as the crate says when it is given none.
#[allow(unsafe_code, reason = "the crate says it of an attempt to make one")]
fn bitmap_bytes(allocator: &impl RegionInit, len: usize) -> usize {
    // SAFETY: without a range there is nowhere to write.
    match unsafe { allocator.try_init(0, len, &[]) } {
        Err(InitError::MetadataWontFit { required_bytes }) => required_bytes,
        other => panic!("expected no place for a bitmap, found {other:?}"),
    }
}

impl<const ORDERS: usize> Pool<ORDERS> {
    /// The addresses of frames of the zone.
    fn range(&self, run: &Run) -> PhysRange {
        let base = self.address + as_usize(run.base.0 - self.origin) * BYTES;
        PhysRange { base, len: as_usize(run.frames) * BYTES }
    }

    #[allow(unsafe_code, reason = "the crate writes its bitmap into the first range")]
    fn init(&self, usable: &[PhysRange]) {
        // SAFETY: the first range is as long as the bitmap, which the crate refuses to put where it
        // does not fit, and the memory of this pool is behind it: that lives as long as the
        // allocator, is nobody else's, and has its provenance exposed. The crate reaches into no
        // other range, and nor does anyone here. No other thread knows of either.
        let done = unsafe { self.allocator.try_init(self.span.base, self.span.len, usable) };
        done.expect("the ranges rise, and the first holds the bitmap");
    }

    #[allow(unsafe_code, reason = "the crate calls whoever gives it frames unsafe")]
    fn add(&self, run: &Run) {
        let range = self.range(run);
        // SAFETY: the frames are in the span, each is given once, and nobody reaches into them.
        unsafe { self.allocator.add_usable(range.base, range.len) };
    }

    fn spans(&self, range: PhysRange) -> bool {
        let end = |range: PhysRange| range.base.checked_add(range.len);
        self.span.base <= range.base && end(range).is_some_and(|it| Some(it) <= end(self.span))
    }
}

impl<const ORDERS: usize> Peer for Pool<ORDERS> {
    fn alloc(&mut self, count: usize) -> Option<u64> {
        let address = self.allocator.allocate_physical(FRAME, NonZeroUsize::new(count)?).ok()?;
        Some(self.origin + ((address - self.address) / BYTES) as u64)
    }

    #[allow(unsafe_code, reason = "the crate looks at nothing of what it is given back")]
    fn free(&mut self, first: u64, count: usize) -> Result<(), Error> {
        let count = NonZeroUsize::new(count).ok_or(Error::WrongOrder)?;
        let range = self.range(&Run { base: Frame(first), frames: count.get() as u64 });
        assert!(self.spans(range), "the crate would write outside of its bitmap");
        // SAFETY: the crate turns an address into a place in its bitmap, which has one for every
        // frame of the span, and touches no more than that: a frame that is handed out twice is a
        // wrong number here and no more.
        unsafe { self.allocator.deallocate_physical(FRAME, count, range.base) };
        Ok(())
    }

    fn free_frames(&self) -> u64 {
        (self.allocator.free_bytes() / BYTES) as u64
    }

    fn free_blocks(&self) -> Option<Vec<u64>> {
        Some(self.allocator.free_stats().map(|count| count as u64).into())
    }
}

/// What does not run cases on more frames than a bitmap of one frame is for: how many frames are kept
/// is one number in a profile.
struct Small<S>(S);

impl<S> Small<S> {
    fn refusal(setup: &Setup) -> Option<End> {
        let frames = setup.frames();
        let why = || format!("a bitmap for {frames} frames takes more than one of them");
        (frames > MOST_INSIDE).then(|| End::Unsupported(why()))
    }
}

impl<S: Subject<Frames>> Subject<Frames> for Small<S> {
    fn profile(&self) -> Profile {
        self.0.profile()
    }

    fn run(&mut self, case: &Case<Frames>) -> Trace<Frames> {
        match Self::refusal(&case.setup) {
            Some(end) => Trace { events: Vec::new(), end },
            None => self.0.run(case),
        }
    }

    fn stream(
        &mut self,
        setup: &Setup,
        ops: &mut dyn Iterator<Item = Op>,
        tell: &mut Tell<'_, Frames>,
    ) -> End {
        Self::refusal(setup).unwrap_or_else(|| self.0.stream(setup, ops, tell))
    }
}

/// Memory at an address that is a multiple of a block.
struct Memory {
    bytes: NonNull<u8>,
    layout: Layout,
}

impl Memory {
    #[allow(unsafe_code, reason = "memory that is aligned to a block has no safe name")]
    fn new(bytes: usize, align: usize) -> Self {
        let layout = Layout::from_size_align(bytes, align).expect("a bitmap is small");
        assert!(layout.size() > 0, "a bitmap has a bit");
        // SAFETY: the size is not 0.
        let bytes = NonNull::new(unsafe { alloc(layout) });
        let bytes = bytes.unwrap_or_else(|| handle_alloc_error(layout));
        Memory { bytes, layout }
    }

    /// Where it begins, for who makes pointers of addresses.
    fn address(&self) -> usize {
        self.bytes.as_ptr().expose_provenance()
    }
}

impl Drop for Memory {
    #[allow(unsafe_code, reason = "what was allocated with a layout is given back with it")]
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout, and is given back once. The allocator that has
        // its bitmap there has nothing to drop.
        unsafe { dealloc(self.bytes.as_ptr(), self.layout) };
    }
}

/// An address of [`Memory`] is a pointer to it.
struct Exposed;

// SAFETY: the crate asks for the bitmap's address alone, which is in one live allocation; its
// provenance was exposed when the address was asked for, and is recovered here: the second of the two
// ways that the crate describes.
#[allow(unsafe_code, reason = "the crate has no safe way to reach its bitmap")]
unsafe impl Provenance for Exposed {
    unsafe fn create(phys: usize) -> NonNull<u8> {
        NonNull::new(with_exposed_provenance_mut(phys)).expect("no memory is at 0")
    }

    unsafe fn destroy<T>(ptr: NonNull<T>) -> usize {
        ptr.as_ptr().expose_provenance()
    }
}
