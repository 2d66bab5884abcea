//! Zones: what is wrong with them, how blocks lie in them, and which of them serves.

use lawbook_reference::frames::{
    Allocator, Error, Frame, Geometry, GeometryError, MOST_ZONE_FRAMES, Mobility, Order, Run, Zone,
    ZoneGeometry,
};

const MOBILITIES: [Mobility; 3] = [Mobility::Unmovable, Mobility::Reclaimable, Mobility::Movable];

fn run(base: u64, frames: u64) -> Run {
    Run { base: Frame(base), frames }
}

fn normal(base: u64, frames: u64) -> ZoneGeometry {
    ZoneGeometry::new(Zone::Normal, Frame(base), frames)
}

fn allocator(most: u8, zones: impl IntoIterator<Item = ZoneGeometry>) -> Allocator {
    Allocator::new(&zones.into_iter().fold(Geometry::new(Order(most)), Geometry::zone))
        .expect("sound zones")
}

/// The free blocks of each order, whatever their mobility.
fn blocks(allocator: &Allocator, zone: Zone) -> Vec<u64> {
    let [unmovable, reclaimable, movable] = allocator.statistics(zone).expect("a zone").blocks;
    let of = |order: usize| unmovable[order] + reclaimable[order] + movable[order];
    (0..movable.len()).map(of).collect()
}

/// No allocator is made for this: the error, and what it says.
#[track_caller]
fn refuses(geometry: Geometry, error: GeometryError, says: &str) {
    assert_eq!(Allocator::new(&geometry).expect_err("it is wrong"), error);
    assert_eq!(error.to_string(), says);
}

#[test]
fn a_wrong_zone_is_named() {
    let zone = Zone::Normal;
    let ten = || Geometry::new(Order(10));
    refuses(
        Geometry::new(Order(21)).zone(normal(0, 8)),
        GeometryError::Order { order: Order(21) },
        "expected a greatest order of at most 20, found 21",
    );
    refuses(
        ten().zone(ZoneGeometry::new(Zone::HighMem, Frame(8), 0)),
        GeometryError::Empty { zone: Zone::HighMem },
        "zone highmem: expected at least 1 frame, found none",
    );
    refuses(
        ten().zone(normal(MOST_ZONE_FRAMES, MOST_ZONE_FRAMES + 1)),
        GeometryError::TooLong { zone, frames: MOST_ZONE_FRAMES + 1 },
        "zone normal: expected at most 4293918719 frames, found 4293918720",
    );
    refuses(
        ten().zone(ZoneGeometry::new(Zone::Dma, Frame(4000), 97)),
        GeometryError::BeyondDma { run: run(4000, 97) },
        "zone dma: expected frames below 0x1000, found 0xfa0..0x1001",
    );
    refuses(
        ten().zone(normal(0, 8)).zone(normal(8, 8)),
        GeometryError::Twice { zone },
        "zone normal: expected each kind of zone once, found it twice",
    );
    refuses(
        ten().zone(normal(0, 9)).zone(ZoneGeometry::new(Zone::HighMem, Frame(8), 8)),
        GeometryError::Overlap { zone: Zone::HighMem, with: zone },
        "zone highmem: expected frames of its own, found some of zone normal",
    );
}

#[test]
fn a_zone_ends_at_2_to_the_52_at_last() {
    let end = 1 << 52;
    let says = "zone normal: expected frames below 0x10000000000000, found \
                0xffffffffffff8..0x10000000000001";
    refuses(
        Geometry::new(Order(3)).zone(normal(end - 8, 9)),
        GeometryError::OutOfReach { zone: Zone::Normal, run: run(end - 8, 9) },
        says,
    );
    for base in [end, end + 1, u64::MAX] {
        let error = Allocator::new(&Geometry::new(Order(3)).zone(normal(base, 8))).unwrap_err();
        assert_eq!(error, GeometryError::OutOfReach { zone: Zone::Normal, run: run(base, 8) });
    }
    let mut last = allocator(3, [normal(end - 8, 8)]);
    assert_eq!(last.alloc(Order(3), Zone::Normal, Mobility::Movable), Ok(Frame(end - 8)));
}

#[test]
fn a_hole_outside_its_zone_is_named() {
    for part in [run(15, 2), run(31, 2), run(40, 1), run(0, 100), run(20, u64::MAX)] {
        let (zone, run) = (Zone::Normal, run(16, 16));
        let error = GeometryError::Outside { zone, run, part };
        for outside in [normal(16, 16).hole(part), normal(16, 16).reserved(part)] {
            assert_eq!(Allocator::new(&Geometry::new(Order(3)).zone(outside)).unwrap_err(), error);
        }
    }
    let error = GeometryError::Outside { zone: Zone::Normal, run: run(16, 16), part: run(15, 2) };
    let says = "zone normal: expected holes and reserved frames inside 0x10..0x20, found 0xf..0x11";
    assert_eq!(error.to_string(), says);
}

#[test]
fn a_reserve_against_a_zone_that_is_not_higher_is_named() {
    let three = || Geometry::new(Order(3));
    let reserve = |zone, against, frames| GeometryError::Reserve { zone, against, frames };
    refuses(
        three().zone(normal(0, 8).reserve(Zone::Normal, 1)),
        reserve(Zone::Normal, Zone::Normal, 1),
        "zone normal: expected reserves only against higher zones, found one of 1 against normal",
    );
    let high = ZoneGeometry::new(Zone::HighMem, Frame(8), 8).reserve(Zone::Dma, u64::MAX);
    refuses(
        three().zone(normal(0, 8)).zone(high),
        reserve(Zone::HighMem, Zone::Dma, u64::MAX),
        "zone highmem: expected reserves only against higher zones, found one of \
         18446744073709551615 against dma",
    );
    let dma = ZoneGeometry::new(Zone::Dma, Frame(0), 8);
    refuses(
        three().zone(dma.clone().reserve(Zone::HighMem, 1).reserve(Zone::Dma, 2)),
        reserve(Zone::Dma, Zone::Dma, 2),
        "zone dma: expected reserves only against higher zones, found one of 2 against dma",
    );
    // None at all is no reserve, and a higher zone need not exist.
    let sound = dma.reserve(Zone::Dma, 0).reserve(Zone::Normal, 8).reserve(Zone::HighMem, 8);
    allocator(3, [sound.min(8)]);
}

#[test]
fn pageblocks_are_of_the_greatest_order_at_most() {
    for order in [4, 64, 255] {
        refuses(
            Geometry::new(Order(3)).zone(normal(0, 8)).pageblock(Order(order)),
            GeometryError::Pageblock { order: Order(order), most: Order(3) },
            &format!("expected pageblocks of at most the greatest order, 3, found order {order}"),
        );
    }
    // What is wrong first is told first.
    let error = Allocator::new(&Geometry::new(Order(21)).pageblock(Order(30))).unwrap_err();
    assert_eq!(error, GeometryError::Order { order: Order(21) });
    for order in 0..=3 {
        let geometry = Geometry::new(Order(3)).zone(normal(0, 8)).pageblock(Order(order));
        assert_eq!(Allocator::new(&geometry).unwrap().isolate(Frame(0)), Ok(()));
    }
}

#[test]
fn a_frame_costs_at_most_9_bytes_wherever_its_zone_begins() {
    for (base, frames) in [(0, 1 << 16), ((1 << 20) - 1, 1 << 16), (12_345, 8), (1 << 40, 1)] {
        let allocator = allocator(20, [normal(base, frames)]);
        let bytes = u64::try_from(allocator.bookkeeping_bytes()).unwrap();
        assert!(bytes <= 9 * frames, "{bytes} for {frames}");
    }
}

#[test]
fn alignment_is_of_the_frame_and_not_of_its_place_in_the_zone() {
    // 5, 6..8, 8..16, 16..20, 20.
    let mut allocator = allocator(3, [normal(5, 16)]);
    assert_eq!(blocks(&allocator, Zone::Normal), [2, 1, 1, 1]);
    assert_eq!(allocator.alloc(Order(3), Zone::Normal, Mobility::Movable), Ok(Frame(8)));
    assert_eq!(allocator.alloc_at(Frame(5), Order(0)), Ok(()));
    assert_eq!(allocator.alloc_at(Frame(4), Order(1)), Err(Error::Taken));
    assert_eq!(allocator.alloc_at(Frame(20), Order(1)), Err(Error::Taken));
    assert_eq!(allocator.alloc_at(Frame(20), Order(0)), Ok(()));
}

/// All frames are taken one by one and freed in several orders: the blocks are the same as before.
#[track_caller]
fn comes_back(zone: ZoneGeometry, most: u8, expected: &[u64]) {
    let mut allocator = allocator(most, [zone]);
    assert_eq!(blocks(&allocator, Zone::Normal), expected);
    for turn in 0..3 {
        let mut frames = Vec::new();
        while let Ok(frame) =
            allocator.alloc(Order(0), Zone::Normal, MOBILITIES[frames.len() % MOBILITIES.len()])
        {
            frames.push(frame);
        }
        assert_eq!(allocator.free_frames(Zone::Normal), 0);
        match turn {
            0 => frames.sort(),
            1 => frames.reverse(),
            _ => frames.sort_by_key(|frame| frame.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        }
        frames.iter().for_each(|&frame| allocator.free(frame, Order(0)).expect("it is live"));
        assert_eq!(blocks(&allocator, Zone::Normal), expected);
        assert_eq!(allocator.free_frames(Zone::Normal), frames.len() as u64);
    }
}

#[test]
fn blocks_merge_up_to_zone_ends_and_holes_and_not_across() {
    comes_back(normal(0, 16), 4, &[0, 0, 0, 0, 1]);
    comes_back(normal(0, 64), 4, &[0, 0, 0, 0, 4]);
    comes_back(normal(1 << 20, 1 << 11), 10, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    // 3, 4..8, 8..16, 16..18, 18.
    comes_back(normal(3, 16), 4, &[2, 1, 1, 1, 0]);
    // 0..4, 4, 6..8 and 8..16.
    comes_back(normal(0, 16).hole(run(5, 1)), 4, &[1, 1, 1, 1, 0]);
    // 1, 2..4 and 12..16, 16.
    comes_back(normal(1, 16).hole(run(4, 4)).reserved(run(8, 4)), 4, &[2, 1, 1, 0, 0]);
    // Holes in any order, one inside reserved frames, and one that begins in them: 12..14, 14.
    let reserved = normal(0, 16).hole(run(15, 1)).reserved(run(0, 10));
    comes_back(reserved.hole(run(9, 3)).hole(run(2, 3)), 4, &[1, 1, 0, 0, 0]);
    comes_back(normal(0, 8).reserved(run(0, 1)).hole(run(7, 1)), 3, &[2, 2, 0, 0]);
    comes_back(normal(7, 1), 20, &[[1].as_slice(), &[0; 20]].concat());
    comes_back(normal(0, 3), 0, &[3]);
}

#[test]
fn one_frame_splits_the_greatest_block_and_its_return_merges_all_of_it() {
    let mut allocator = allocator(20, [normal(1 << 20, 1 << 20)]);
    for frame in [1 << 20, (1 << 20) + 0x5_a5a5, (1 << 21) - 1] {
        allocator.alloc_at(Frame(frame), Order(0)).unwrap();
        assert_eq!(blocks(&allocator, Zone::Normal), [[1; 20].as_slice(), &[0]].concat());
        allocator.free(Frame(frame), Order(0)).unwrap();
        assert_eq!(blocks(&allocator, Zone::Normal), [[0; 20].as_slice(), &[1]].concat());
    }
}

#[test]
fn a_request_falls_back_to_zones_before_its_own_and_never_behind() {
    let of = |zone, base| ZoneGeometry::new(zone, Frame(base), 8);
    // In any order: what decides is the kind.
    let zones = [of(Zone::HighMem, 8192), of(Zone::Dma, 0), of(Zone::Normal, 4096)];
    let mut allocator = allocator(3, zones);
    let mut alloc = |zone| allocator.alloc(Order(2), zone, Mobility::Unmovable);
    let dry = Err(Error::OutOfMemory);
    assert_eq!(alloc(Zone::Dma), Ok(Frame(0)));
    assert_eq!(alloc(Zone::HighMem), Ok(Frame(8192)));
    assert_eq!(alloc(Zone::Normal), Ok(Frame(4096)));
    assert_eq!(alloc(Zone::Normal), Ok(Frame(4100)));
    assert_eq!(alloc(Zone::Normal), Ok(Frame(4)));
    assert_eq!([alloc(Zone::Normal), alloc(Zone::Dma)], [dry, dry]);
    assert_eq!(alloc(Zone::HighMem), Ok(Frame(8196)));
    assert_eq!(alloc(Zone::HighMem), dry);
    assert_eq!(allocator.free(Frame(4096), Order(2)), Ok(()));
    assert_eq!(allocator.alloc(Order(2), Zone::HighMem, Mobility::Movable), Ok(Frame(4096)));
}

#[test]
fn zones_that_touch_do_not_merge() {
    let dma = ZoneGeometry::new(Zone::Dma, Frame(0), 4);
    let mut allocator = allocator(3, [dma, normal(4, 4)]);
    assert_eq!(allocator.alloc_at(Frame(0), Order(3)), Err(Error::Taken));
    for frame in 0..8 {
        allocator.alloc_at(Frame(frame), Order(0)).unwrap();
    }
    for frame in 0..8 {
        allocator.free(Frame(frame), Order(0)).unwrap();
    }
    assert_eq!(blocks(&allocator, Zone::Dma), [0, 0, 1, 0]);
    assert_eq!(blocks(&allocator, Zone::Normal), [0, 0, 1, 0]);
}

#[test]
fn a_freed_block_returns_to_the_list_of_its_mobility() {
    let mut allocator = allocator(2, [normal(0, 8)]);
    let of = |allocator: &Allocator| allocator.statistics(Zone::Normal).unwrap().blocks;
    let empty = || vec![0, 0, 0];
    assert_eq!(of(&allocator), [empty(), empty(), vec![0, 0, 2]]);

    let pinned = allocator.alloc(Order(0), Zone::Normal, Mobility::Unmovable).unwrap();
    assert_eq!(of(&allocator), [vec![1, 1, 0], empty(), vec![0, 0, 1]]);
    let cache = allocator.alloc(Order(1), Zone::Normal, Mobility::Reclaimable).unwrap();
    assert_eq!(of(&allocator), [vec![1, 1, 0], vec![0, 1, 0], empty()]);
    allocator.free(pinned, Order(0)).unwrap();
    assert_eq!(of(&allocator), [vec![0, 0, 1], vec![0, 1, 0], empty()]);
    allocator.free(cache, Order(1)).unwrap();
    assert_eq!(of(&allocator), [vec![0, 0, 1], vec![0, 0, 1], empty()]);

    // Nothing is movable any more, and nothing is lost.
    for _ in 0..2 {
        allocator.alloc(Order(2), Zone::Normal, Mobility::Movable).unwrap();
    }
    assert_eq!(of(&allocator), [empty(), empty(), empty()]);
}

#[test]
fn a_mobility_that_has_a_block_leaves_the_others_alone() {
    let mut allocator = allocator(3, [normal(0, 16)]);
    let of = |allocator: &Allocator| allocator.statistics(Zone::Normal).unwrap().blocks;
    // A block of 8 is claimed, and what is left of it serves as long as it fits.
    allocator.alloc(Order(0), Zone::Normal, Mobility::Unmovable).unwrap();
    for (order, own) in [(2, [1, 1, 0, 0]), (0, [0, 1, 0, 0]), (0, [1, 0, 0, 0])] {
        allocator.alloc(Order(order), Zone::Normal, Mobility::Unmovable).unwrap();
        assert_eq!(of(&allocator), [own.to_vec(), vec![0; 4], vec![0, 0, 0, 1]]);
    }
    // Nothing of its own fits: the last block is claimed, and not merged with what is left.
    allocator.alloc(Order(1), Zone::Normal, Mobility::Unmovable).unwrap();
    assert_eq!(of(&allocator), [vec![1, 1, 1, 0], vec![0; 4], vec![0; 4]]);
}

#[test]
fn a_zone_of_2_to_the_24_frames_is_made_and_used_up() {
    let mut allocator = allocator(10, [normal(1 << 20, 1 << 24)]);
    assert_eq!(allocator.free_frames(Zone::Normal), 1 << 24);
    let mut last = Frame(0);
    for _ in 0..1 << 14 {
        last = allocator.alloc(Order(10), Zone::Normal, Mobility::Movable).unwrap();
    }
    let dry = allocator.alloc(Order(0), Zone::Normal, Mobility::Movable);
    assert_eq!((dry, allocator.free(last, Order(10))), (Err(Error::OutOfMemory), Ok(())));
}
