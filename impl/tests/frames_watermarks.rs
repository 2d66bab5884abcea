//! Watermarks and reserves: which request a zone still serves, to the frame.

use lawbook_reference::frames::{
    Allocator, Error, Frame, Geometry, Mobility, Order, Zone, ZoneGeometry,
};

const DRY: Result<Frame, Error> = Err(Error::OutOfMemory);

fn zone(zone: Zone, base: u64, frames: u64) -> ZoneGeometry {
    ZoneGeometry::new(zone, Frame(base), frames)
}

fn allocator(zones: impl IntoIterator<Item = ZoneGeometry>) -> Allocator {
    let geometry = Geometry::new(Order(3)).pageblock(Order(2));
    Allocator::new(&zones.into_iter().fold(geometry, Geometry::zone)).expect("sound zones")
}

fn alloc(allocator: &mut Allocator, order: u8, zone: Zone) -> Result<Frame, Error> {
    allocator.alloc(Order(order), zone, Mobility::Movable)
}

/// Of a zone of 16 frames with this watermark, so many are left when nothing of the order is served
/// any more.
#[track_caller]
fn leaves(min: u64, order: u8, expected: u64) {
    let mut allocator = allocator([zone(Zone::Normal, 16, 16).min(min)]);
    while alloc(&mut allocator, order, Zone::Normal).is_ok() {}
    assert_eq!(allocator.free_frames(Zone::Normal), expected, "min {min}, order {order}");
}

#[test]
fn a_zone_serves_down_to_its_watermark_and_no_frame_further() {
    for min in 0..=16 {
        leaves(min, 0, min);
    }
    // free - (2^order - 1) > min: the last frame of the block may be of the watermark.
    leaves(0, 1, 0);
    leaves(1, 1, 2);
    leaves(2, 1, 2);
    leaves(3, 1, 4);
    leaves(0, 2, 0);
    leaves(1, 2, 4);
    leaves(4, 2, 4);
    leaves(5, 2, 8);
    leaves(8, 3, 8);
    leaves(9, 3, 16);
    leaves(17, 0, 16);
    leaves(u64::MAX, 3, 16);
}

#[test]
fn a_freed_frame_brings_a_zone_back_above_its_watermark() {
    let mut allocator = allocator([zone(Zone::Normal, 16, 16).min(4)]);
    let blocks: Vec<_> = (0..3).map(|_| alloc(&mut allocator, 2, Zone::Normal).unwrap()).collect();
    assert_eq!(alloc(&mut allocator, 0, Zone::Normal), DRY);
    allocator.free(blocks[1], Order(2)).unwrap();
    assert!(alloc(&mut allocator, 2, Zone::Normal).is_ok());
    assert_eq!(alloc(&mut allocator, 0, Zone::Normal), DRY);
}

#[test]
fn a_block_at_a_frame_is_granted_below_the_watermark() {
    let mut allocator = allocator([zone(Zone::Normal, 16, 16).min(16)]);
    assert_eq!(alloc(&mut allocator, 0, Zone::Normal), DRY);
    assert_eq!(allocator.alloc_at(Frame(16), Order(3)), Ok(()));
    assert_eq!(allocator.alloc_at(Frame(24), Order(3)), Ok(()));
    assert_eq!(allocator.free_frames(Zone::Normal), 0);
}

#[test]
fn a_reserve_holds_against_requests_that_allow_higher_zones_only() {
    // Each request has its own reserve, by the highest zone that it allows.
    let dma = zone(Zone::Dma, 0, 8).min(1).reserve(Zone::Normal, 2).reserve(Zone::HighMem, 5);
    let mut allocator = allocator([dma, zone(Zone::Normal, 4096, 8), zone(Zone::HighMem, 8192, 8)]);
    for zone in [Zone::HighMem, Zone::Normal] {
        assert!(alloc(&mut allocator, 3, zone).is_ok());
    }
    let mut left = |zone| {
        while alloc(&mut allocator, 0, zone).is_ok() {}
        allocator.free_frames(Zone::Dma)
    };
    assert_eq!([left(Zone::HighMem), left(Zone::Normal), left(Zone::Dma)], [6, 3, 1]);
}

#[test]
fn what_counts_is_the_zone_that_is_allowed_and_not_the_highest_that_there_is() {
    let dma = || zone(Zone::Dma, 0, 8).reserve(Zone::HighMem, 8);
    assert_eq!(alloc(&mut allocator([dma()]), 0, Zone::HighMem), DRY);
    assert!(alloc(&mut allocator([dma()]), 3, Zone::Normal).is_ok());
    assert!(alloc(&mut allocator([dma(), zone(Zone::HighMem, 8192, 8)]), 3, Zone::Normal).is_ok());
}

#[test]
fn a_zone_below_its_watermark_is_passed_over_for_one_before_it() {
    let zones = [zone(Zone::Dma, 0, 8), zone(Zone::Normal, 4096, 8).min(4)];
    let mut allocator = allocator(zones);
    let frames = [2, 2, 0, 0].map(|order| alloc(&mut allocator, order, Zone::Normal).unwrap().0);
    assert_eq!(frames.map(|frame| frame >= 4096), [true, false, false, false]);
    assert_eq!(allocator.free_frames(Zone::Normal), 4);
}

#[test]
fn a_watermark_and_a_reserve_beyond_all_numbers_do_not_wrap() {
    let dma = zone(Zone::Dma, 0, 8).min(u64::MAX).reserve(Zone::Normal, u64::MAX);
    let mut allocator = allocator([dma]);
    for order in 0..=3 {
        for zone in [Zone::Dma, Zone::Normal, Zone::HighMem] {
            assert_eq!(alloc(&mut allocator, order, zone), DRY);
        }
    }
}

#[test]
fn isolated_frames_are_not_above_the_watermark() {
    let mut allocator = allocator([zone(Zone::Normal, 16, 16).min(10)]);
    allocator.isolate(Frame(16)).unwrap();
    assert!(alloc(&mut allocator, 1, Zone::Normal).is_ok());
    assert_eq!(alloc(&mut allocator, 0, Zone::Normal), DRY);
    allocator.unisolate(Frame(16)).unwrap();
    assert!(alloc(&mut allocator, 2, Zone::Normal).is_ok());
    assert_eq!(alloc(&mut allocator, 0, Zone::Normal), DRY);
}
