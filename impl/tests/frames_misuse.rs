//! What is refused, and by which name: heads that are out of date above all.
//!
//! It does not cover that a refusal changes nothing elsewhere: the laws do.

use lawbook_reference::frames::{
    Allocator, Error, Frame, Geometry, Mobility, Order, Run, Zone, ZoneGeometry,
};

/// 16 frames from this one on, and blocks of up to 8.
fn sixteen(base: u64) -> Allocator {
    let zone = ZoneGeometry::new(Zone::Normal, Frame(base), 16);
    Allocator::new(&Geometry::new(Order(3)).zone(zone)).expect("a sound zone")
}

/// The free blocks of each order, whatever their mobility.
fn blocks(allocator: &Allocator) -> Vec<u64> {
    let [unmovable, reclaimable, movable] =
        allocator.statistics(Zone::Normal).expect("a zone").blocks;
    let of = |order: usize| unmovable[order] + reclaimable[order] + movable[order];
    (0..movable.len()).map(of).collect()
}

/// Frees that are refused with this name, and change nothing.
#[track_caller]
fn refuses(allocator: &mut Allocator, error: Error, frees: &[(u64, u8)]) {
    for &(frame, order) in frees {
        let before = blocks(allocator);
        assert_eq!(allocator.free(Frame(frame), Order(order)), Err(error), "{frame}, {order}");
        assert_eq!(blocks(allocator), before, "{frame}, {order}");
    }
}

#[test]
fn a_block_that_was_freed_is_not_freed_again() {
    let mut allocator = sixteen(16);
    allocator.alloc_at(Frame(16), Order(0)).unwrap();
    allocator.alloc_at(Frame(17), Order(0)).unwrap();
    allocator.free(Frame(17), Order(0)).unwrap();
    refuses(&mut allocator, Error::DoubleFree, &[(17, 0), (17, 1)]);
}

#[test]
fn a_block_that_was_merged_into_a_larger_one_is_not_freed_again() {
    let mut allocator = sixteen(16);
    for frame in 16..32 {
        allocator.alloc_at(Frame(frame), Order(0)).unwrap();
    }
    for frame in 16..32 {
        allocator.free(Frame(frame), Order(0)).unwrap();
    }
    assert_eq!(blocks(&allocator), [0, 0, 0, 2]);
    for frame in 16..32 {
        refuses(&mut allocator, Error::DoubleFree, &[(frame, 0), (frame, 3)]);
    }
}

#[test]
fn a_live_block_that_was_a_buddy_keeps_no_head_inside_it() {
    let mut allocator = sixteen(16);
    for frame in 16..24 {
        allocator.alloc_at(Frame(frame), Order(0)).unwrap();
    }
    for frame in (16..24).rev() {
        allocator.free(Frame(frame), Order(0)).unwrap();
    }
    allocator.alloc_at(Frame(16), Order(3)).unwrap();
    for frame in 17..24 {
        refuses(&mut allocator, Error::Unaligned, &[(frame, 0), (frame, 1), (frame, 2)]);
        assert_eq!(allocator.alloc_at(Frame(frame), Order(0)), Err(Error::Taken));
    }
    refuses(&mut allocator, Error::WrongOrder, &[(16, 0), (16, 1), (16, 2)]);
    allocator.free(Frame(16), Order(3)).unwrap();
    assert_eq!(blocks(&allocator), [0, 0, 0, 2]);
}

#[test]
fn a_live_head_that_is_now_inside_a_live_block_is_out_of_date() {
    let mut allocator = sixteen(16);
    // The upper half of a pair is freed last, and was the head of what it was merged into.
    allocator.alloc_at(Frame(20), Order(1)).unwrap();
    allocator.alloc_at(Frame(22), Order(1)).unwrap();
    allocator.free(Frame(20), Order(1)).unwrap();
    allocator.free(Frame(22), Order(1)).unwrap();
    allocator.alloc_at(Frame(20), Order(2)).unwrap();
    refuses(&mut allocator, Error::Unaligned, &[(22, 1), (22, 0), (21, 0), (23, 0)]);
    refuses(&mut allocator, Error::WrongOrder, &[(20, 1), (20, 0), (20, 3)]);
}

#[test]
fn another_order_than_the_block_has_is_refused_up_to_the_greatest_number() {
    let mut allocator = sixteen(16);
    allocator.alloc_at(Frame(18), Order(1)).unwrap();
    // 33 and 129 have the low bits of 1.
    let orders = [0, 2, 3, 4, 20, 33, 65, 127, 128, 129, 161, 255];
    refuses(&mut allocator, Error::WrongOrder, &orders.map(|order| (18, order)));
    refuses(&mut allocator, Error::DoubleFree, &orders.map(|order| (24, order)));
    allocator.free(Frame(18), Order(1)).unwrap();
}

#[test]
fn a_frame_inside_a_free_block_was_never_handed_out() {
    let mut allocator = sixteen(16);
    refuses(&mut allocator, Error::NotAllocated, &[(17, 0), (18, 1), (20, 2), (23, 0), (31, 0)]);
}

#[test]
fn frames_that_do_not_exist_are_out_of_range() {
    let zone = ZoneGeometry::new(Zone::Normal, Frame(5000), 64)
        .hole(Run { base: Frame(5004), frames: 3 })
        .reserved(Run { base: Frame(5060), frames: 4 });
    let mut allocator = Allocator::new(&Geometry::new(Order(4)).zone(zone)).unwrap();
    let frames = [5004, 5006, 5060, 5063, 4999, 5064, 0, 1 << 51, 5000 + (1 << 32), u64::MAX];
    refuses(&mut allocator, Error::OutOfRange, &frames.map(|frame| (frame, 0)));
    for frame in frames {
        assert_eq!(allocator.alloc_at(Frame(frame), Order(0)), Err(Error::Taken), "{frame}");
    }
}

#[test]
fn orders_above_the_greatest_are_refused_when_they_are_asked_for() {
    let mut allocator = sixteen(16);
    for order in [4, 5, 32, 64, 255] {
        let answer = allocator.alloc(Order(order), Zone::HighMem, Mobility::Movable);
        assert_eq!(answer, Err(Error::OutOfMemory), "{order}");
        assert_eq!(allocator.alloc_at(Frame(16), Order(order)), Err(Error::Taken), "{order}");
    }
    assert_eq!(allocator.alloc_at(Frame(17), Order(1)), Err(Error::Unaligned));
    assert_eq!(allocator.free_frames(Zone::Normal), 16);
}

/// Every frame with every order after every step of a long random run: what is live with that order
/// is freed, and all else is refused. The map of live blocks is all that is known of them.
#[test]
fn only_live_blocks_are_freed_after_any_history() {
    let mut allocator = sixteen(19);
    let mut live: Vec<(u64, u8)> = Vec::new();
    let mut random = 7_u64;
    let mut next = |end: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040);
        (random >> 33) % end
    };
    for _ in 0..4000 {
        let order = u8::try_from(next(4)).unwrap();
        if next(2) == 0 {
            if let Ok(frame) = allocator.alloc(Order(order), Zone::Normal, Mobility::Unmovable) {
                live.push((frame.0, order));
            }
        } else if !live.is_empty() {
            let (frame, order) =
                live.swap_remove(usize::try_from(next(live.len() as u64)).unwrap());
            allocator.free(Frame(frame), Order(order)).unwrap();
        }
        let before = blocks(&allocator);
        for frame in 16..40 {
            for order in (0..5).filter(|order| !live.contains(&(frame, *order))) {
                let around = |&(base, of): &(u64, u8)| base <= frame && frame < base + (1 << of);
                let error = allocator.free(Frame(frame), Order(order)).unwrap_err();
                let is_live = matches!(error, Error::WrongOrder | Error::Unaligned);
                assert_eq!(is_live, live.iter().any(around), "{frame}, {order}: {error}");
                let outside = !(19..35).contains(&frame);
                assert_eq!(error == Error::OutOfRange, outside, "{frame}, {order}: {error}");
            }
        }
        assert_eq!(blocks(&allocator), before);
    }
}
