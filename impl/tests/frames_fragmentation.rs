//! The fragmentation index and the external fragmentation: numbers worked out by hand.

use lawbook_reference::frames::{
    Allocator, Fragmentation, Frame, Geometry, Mobility, Order, Zone, ZoneGeometry,
};

/// 16 frames, and blocks of up to 8, without these frames.
fn without(frames: impl IntoIterator<Item = u64>) -> Allocator {
    let zone = ZoneGeometry::new(Zone::Normal, Frame(16), 16);
    let geometry = Geometry::new(Order(3)).pageblock(Order(1)).zone(zone);
    let mut allocator = Allocator::new(&geometry).expect("a sound zone");
    for frame in frames {
        allocator.alloc_at(Frame(frame), Order(0)).expect("it is free");
    }
    allocator
}

/// The index and the external fragmentation, by order.
#[track_caller]
fn check(allocator: &Allocator, expected: &[(u8, i64, u64)]) {
    for &(order, index, external) in expected {
        let found = allocator.fragmentation(Zone::Normal, Order(order));
        assert_eq!(found, Some(Fragmentation { index, external }), "order {order}");
    }
}

#[test]
fn a_zone_without_free_frames_is_not_fragmented() {
    check(&without(16..32), &[(0, 0, 0), (3, 0, 0), (255, 0, 0)]);
}

#[test]
fn what_can_be_served_has_the_index_of_minus_1000_and_the_rest_is_of_no_use() {
    check(&without([]), &[(0, -1000, 0), (3, -1000, 0)]);
    // 17, 18..20, 20..24 and 24..32 are free: 1 + 2 + 4 + 8.
    let allocator = without([16]);
    check(&allocator, &[(0, -1000, 0), (1, -1000, 6), (2, -1000, 20), (3, -1000, 46)]);
}

#[test]
fn pieces_have_an_index_towards_1000_and_a_lack_one_towards_0_and_below() {
    // 8 frames, each by itself: 1000 - (1000 + 8000 / 2^order) / 8.
    let pieces = without((16..32).step_by(2));
    check(&pieces, &[(0, -1000, 0), (1, 375, 100), (2, 625, 100), (3, 750, 100)]);
    // One frame: 1000 - (1000 + 1000 / 2^order).
    let one = without(17..32);
    check(&one, &[(0, -1000, 0), (1, -500, 100), (2, -250, 100), (3, -125, 100)]);
    // Three frames in two pieces, rounded down twice: 1000 - (1000 + 375) / 2.
    check(&without(19..32), &[(3, 313, 100), (1, -1000, 33)]);
    // Eight frames in seven pieces; the sum is divided, and not its parts: 1000 - 3000 / 7.
    let seven = without([16, 18, 20, 22, 24, 26, 30, 31]);
    check(&seven, &[(2, 572, 100), (3, 715, 100), (1, -1000, 75)]);
}

#[test]
fn every_order_has_an_answer_also_above_the_greatest() {
    // Two pieces of 8 frames: 1000 - (1000 + 16000 / 2^order) / 2.
    let orders = [(4, 0, 100), (5, 250, 100), (13, 500, 100), (14, 500, 100)];
    check(&without([]), &orders);
    check(&without([]), &[(63, 500, 100), (64, 500, 100), (128, 500, 100), (255, 500, 100)]);
}

#[test]
fn isolated_blocks_are_not_counted_and_mobilities_do_not_matter() {
    let mut allocator = without((16..32).step_by(2));
    for frame in [16, 18, 20, 22] {
        allocator.isolate(Frame(frame)).unwrap();
    }
    check(&allocator, &[(1, 250, 100), (2, 500, 100)]);
    // What is freed has three mobilities, and is in pieces all the same.
    let mut allocator = without([]);
    let mobilities = [Mobility::Unmovable, Mobility::Reclaimable, Mobility::Movable];
    let frames: Vec<Frame> = (0..16)
        .map(|at| allocator.alloc(Order(0), Zone::Normal, mobilities[at % 3]).expect("it is free"))
        .collect();
    for frame in frames.iter().filter(|frame| frame.0 % 2 == 1) {
        allocator.free(*frame, Order(0)).unwrap();
    }
    check(&allocator, &[(0, -1000, 0), (1, 375, 100), (3, 750, 100)]);
}

#[test]
fn a_zone_that_there_is_not_has_no_answer() {
    assert_eq!(without([]).fragmentation(Zone::HighMem, Order(0)), None);
}
