//! What the crates do with misuse, each called alone: no law is asked, and no adapter is between. And
//! that each keeps the laws that its profile leaves to it.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{NonNull, with_exposed_provenance_mut};

use bitmap_allocator::{BitAlloc, BitAlloc256};
use buddy_system_allocator::FrameAllocator;
use frame_alloc::{PageSize, PhysicalAllocator, Provenance, RegionInit, SummaryBuddyAllocator};
use free_list::{FreeList, PageLayout, PageRange};
use lawbook::{Length, Plan, ReachReport, Verdict};
use lawbook_spec::core::{Case, Implementation, Subject, Trace};
use lawbook_spec::frames::{Checks, Frames, Profile, Sight};

use super::*;

#[test]
fn the_versions_are_those_of_the_lock_file() {
    let lock = include_str!("../../../Cargo.lock");
    for (package, version) in [
        ("bitmap-allocator", BITMAP_ALLOCATOR_VERSION),
        ("buddy_system_allocator", BUDDY_SYSTEM_ALLOCATOR_VERSION),
        ("frame-alloc", FRAME_ALLOC_VERSION),
        ("free-list", FREE_LIST_VERSION),
    ] {
        let entry = format!("name = \"{package}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&entry), "{package} is not {version}");
    }
}

#[test]
fn every_crate_keeps_the_laws_and_meets_the_situations_that_its_profile_leaves_to_it() {
    for implementation in implementations() {
        // What is trusted though it does not look at what it is given breaks what its file says.
        if implementation.name != "bitmap-allocator-trusted" {
            let broken = laws_broken(&implementation, |_| {});
            assert_eq!(broken, [""; 0], "{}", implementation.name);
        }
    }
}

/// One kind of misuse.
type SightOf = fn(&mut Checks) -> &mut Sight;

#[test]
fn no_crate_refuses_what_its_profile_says_goes_unseen() {
    for implementation in implementations() {
        let checks: [(&str, SightOf); 6] = [
            ("FRAMES-10", |checks| &mut checks.double_free),
            ("FRAMES-11", |checks| &mut checks.wrong_order),
            ("FRAMES-12", |checks| &mut checks.unaligned),
            ("FRAMES-13", |checks| &mut checks.never_allocated),
            ("FRAMES-14", |checks| &mut checks.out_of_range),
            ("FRAMES-28", |checks| &mut checks.order_beyond),
        ];
        for (law, sight) in checks {
            let mut own = (implementation.open)().unwrap().profile().checks;
            if *sight(&mut own) == Sight::Unseen {
                let broken = laws_broken(&implementation, |profile| {
                    *sight(&mut profile.checks) = Sight::Refused;
                });
                assert!(broken.contains(&law), "{} refuses: {law}", implementation.name);
            }
        }
    }
}

/// The laws broken by an implementation of which this is said, and those and the situations that
/// nothing met.
fn laws_broken(
    implementation: &Implementation<Frames>,
    claim: impl Fn(&mut Profile) + Sync,
) -> Vec<&'static str> {
    let open = || {
        let subject = (implementation.open)().unwrap();
        let mut profile = subject.profile();
        claim(&mut profile);
        Claimed { subject, profile }
    };
    let plan = Plan { length: Length::Cases(2_000), ..Plan::default() };
    let report = lawbook::check::<Frames, _>(open, &plan);
    let is_broken = |verdict| matches!(verdict, Verdict::Broken | Verdict::NotExercised);
    let laws = report.laws.iter().filter(|law| is_broken(law.verdict)).map(|law| law.id);
    let is_missed = |reach: &&ReachReport| reach.count == 0 && reach.reason.is_none();
    laws.chain(report.reached.iter().filter(is_missed).map(|reach| reach.id)).collect()
}

/// An implementation of which something else is said than it says itself.
struct Claimed {
    subject: Box<dyn Subject<Frames>>,
    profile: Profile,
}

impl Subject<Frames> for Claimed {
    fn profile(&self) -> Profile {
        self.profile.clone()
    }

    fn run(&mut self, case: &Case<Frames>) -> Trace<Frames> {
        self.subject.run(case)
    }
}

// buddy_system_allocator

#[test]
fn the_buddy_takes_a_frame_twice_and_hands_it_out_twice() {
    let mut buddy = FrameAllocator::<3>::new();
    buddy.insert(0..4);
    assert_eq!((buddy.alloc(2), buddy.alloc(1)), (Some(0), Some(2)));
    buddy.dealloc(2, 1);
    buddy.dealloc(2, 1);
    assert_eq!((buddy.alloc(1), buddy.alloc(1)), (Some(2), Some(2)));
}

#[test]
fn the_buddy_takes_what_it_never_had_and_hands_it_out() {
    let mut buddy = FrameAllocator::<3>::new();
    buddy.insert(0..4);
    assert_eq!(buddy.alloc(4), Some(0));
    buddy.dealloc(100, 1);
    assert_eq!(buddy.alloc(1), Some(100));
}

#[test]
fn the_buddy_takes_a_part_of_a_block_and_more_than_it() {
    let mut buddy = FrameAllocator::<3>::new();
    buddy.insert(0..4);
    assert_eq!((buddy.alloc(2), buddy.alloc(2)), (Some(0), Some(2)));
    buddy.dealloc(1, 1);
    assert_eq!(buddy.alloc(1), Some(1));
    buddy.dealloc(0, 4);
    assert_eq!(buddy.alloc(4), Some(0));
}

#[test]
fn the_buddy_refuses_more_than_its_greatest_block() {
    let mut buddy = FrameAllocator::<3>::new();
    buddy.insert(0..16);
    assert_eq!((buddy.alloc(8), buddy.alloc(1 << 63)), (None, None));
}

// bitmap-allocator

fn bits(free: std::ops::Range<usize>) -> BitAlloc256 {
    let mut bits = BitAlloc256::default();
    bits.insert(free);
    bits
}

#[test]
fn the_bitmap_refuses_frames_that_are_free() {
    let mut bits = bits(0..64);
    assert!(!bits.dealloc(3));
    assert!(!bits.dealloc_contiguous(0, 32));
}

#[test]
fn the_bitmap_takes_what_was_never_inserted_and_hands_it_out() {
    let mut bits = bits(0..4);
    assert!(bits.dealloc_contiguous(8, 4));
    assert_eq!(bits.alloc_contiguous(Some(8), 4, 2), Some(8));
}

#[test]
fn the_bitmap_takes_a_part_of_a_block() {
    let mut bits = bits(0..4);
    assert_eq!(bits.alloc_contiguous(None, 4, 2), Some(0));
    assert!(bits.dealloc(1));
    assert!(bits.dealloc_contiguous(2, 2));
}

#[test]
fn the_bitmap_refuses_a_free_and_does_a_part_of_it() {
    let mut bits = bits(0..32);
    assert_eq!(bits.alloc_contiguous(Some(0), 16, 4), Some(0));
    assert!(!bits.dealloc_contiguous(0, 32));
    assert!(bits.test(0), "the half that was live was taken");
}

#[test]
fn the_bitmap_knows_no_greatest_order() {
    assert_eq!(bits(0..256).alloc_contiguous(None, 256, 8), Some(0));
}

// free-list

fn pages(first: usize, count: usize) -> PageRange {
    PageRange::from_start_len(first * free_list::PAGE_SIZE, count * free_list::PAGE_SIZE).unwrap()
}

#[allow(unsafe_code, reason = "the crate calls whoever takes pages back unsafe")]
fn take_back<const N: usize>(list: &mut FreeList<N>, range: PageRange) -> bool {
    // SAFETY: no memory is behind the pages, and nobody uses any.
    unsafe { list.deallocate(range) }.is_ok()
}

#[test]
fn the_list_refuses_pages_of_which_one_is_free() {
    let mut list = FreeList::<4>::new();
    assert!(take_back(&mut list, pages(2, 2)));
    assert!(!take_back(&mut list, pages(2, 2)));
    assert!(!take_back(&mut list, pages(0, 4)));
    assert_eq!(list.free_space(), 2 * free_list::PAGE_SIZE);
}

#[test]
fn the_list_takes_what_it_never_had_and_a_part_of_a_block() {
    let mut list = FreeList::<4>::new();
    assert!(take_back(&mut list, pages(0, 4)));
    list.allocate_at(pages(0, 4)).unwrap();
    assert!(take_back(&mut list, pages(1, 1)));
    assert!(take_back(&mut list, pages(100, 1)));
    list.allocate_at(pages(100, 1)).unwrap();
}

#[test]
fn the_list_holds_more_pieces_than_are_named_in_its_type() {
    let mut list = FreeList::<2>::new();
    assert!((0..100).all(|piece| take_back(&mut list, pages(2 * piece, 1))));
    assert_eq!(list.iter().count(), 100);
}

#[test]
fn the_list_knows_no_greatest_order() {
    let mut list = FreeList::<2>::new();
    assert!(take_back(&mut list, pages(0, 1 << 20)));
    let bytes = free_list::PAGE_SIZE << 20;
    list.allocate(PageLayout::from_size_align(bytes, bytes).unwrap()).unwrap();
}

// frame-alloc

const FRAME: PageSize = PageSize::from_log2(12);

/// Addresses are pointers.
struct Exposed;

// SAFETY: the tests give the crate memory whose provenance is exposed.
#[allow(unsafe_code, reason = "the crate has no safe way to reach its bitmap")]
unsafe impl Provenance for Exposed {
    unsafe fn create(phys: usize) -> NonNull<u8> {
        NonNull::new(with_exposed_provenance_mut(phys)).unwrap()
    }

    unsafe fn destroy<T>(ptr: NonNull<T>) -> usize {
        ptr.as_ptr().expose_provenance()
    }
}

/// 8 frames of orders 0 to 2, aligned, of which the first holds the bitmap.
#[allow(unsafe_code, reason = "the crate writes its bitmap into the memory that it is given")]
fn summary() -> (SummaryBuddyAllocator<3, Exposed>, usize) {
    let memory: &mut [u64] = vec![0; 12 * FRAME.bytes() / size_of::<u64>()].leak();
    let base = memory.as_mut_ptr().expose_provenance().next_multiple_of(4 * FRAME.bytes());
    let summary = SummaryBuddyAllocator::new(FRAME);
    // SAFETY: it is never given back, and nobody else has it.
    unsafe { summary.try_init_region(base, 8 * FRAME.bytes()) }.unwrap();
    (summary, base)
}

fn take(summary: &impl PhysicalAllocator, count: usize) -> Option<usize> {
    summary.allocate_physical(FRAME, NonZeroUsize::new(count).unwrap()).ok()
}

#[allow(unsafe_code, reason = "the crate looks at nothing of what it is given back")]
fn free(summary: &impl PhysicalAllocator, count: usize, address: usize) {
    // SAFETY: the address is in the memory of the allocator, so that its bitmap has a place for it;
    // nobody uses the frames.
    unsafe { summary.deallocate_physical(FRAME, NonZeroUsize::new(count).unwrap(), address) }
}

#[test]
fn the_summary_takes_a_frame_twice_that_is_one_with_its_buddy_and_hands_it_out_twice() {
    let (summary, base) = summary();
    let second = base + 2 * FRAME.bytes();
    assert_eq!(take(&summary, 1), Some(base + FRAME.bytes()));
    assert_eq!(take(&summary, 1), Some(second));
    free(&summary, 1, second);
    free(&summary, 1, second);
    assert_eq!((take(&summary, 1), take(&summary, 1)), (Some(second), Some(second)));
}

#[test]
fn the_summary_looks_for_a_second_free_in_debug_builds_alone() {
    let (summary, base) = summary();
    assert_eq!(take(&summary, 4), Some(base + 4 * FRAME.bytes()));
    free(&summary, 4, base + 4 * FRAME.bytes());
    let again = AssertUnwindSafe(|| free(&summary, 4, base + 4 * FRAME.bytes()));
    assert_eq!(catch_unwind(again).is_err(), cfg!(debug_assertions));
}

#[test]
fn the_summary_takes_the_frame_of_its_own_bitmap_and_a_part_of_a_block() {
    let (summary, base) = summary();
    let block = take(&summary, 4).unwrap();
    free(&summary, 1, block + FRAME.bytes());
    free(&summary, 1, base);
    assert_eq!(
        (take(&summary, 2), take(&summary, 2)),
        (Some(base), Some(base + 2 * FRAME.bytes()))
    );
}

#[test]
fn the_summary_refuses_more_than_its_greatest_block() {
    let (summary, _) = summary();
    assert_eq!((take(&summary, 8), take(&summary, 1 << 63)), (None, None));
}
