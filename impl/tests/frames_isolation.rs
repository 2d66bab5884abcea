//! Isolation: what of a zone is out of reach, what stays live in it, and what comes back.

use std::collections::{BTreeMap, BTreeSet};

use lawbook_reference::frames::{
    Allocator, Error, Frame, Geometry, Mobility, Order, Run, Zone, ZoneGeometry,
};

const MOBILITIES: [Mobility; 3] = [Mobility::Unmovable, Mobility::Reclaimable, Mobility::Movable];

fn normal(base: u64, frames: u64) -> ZoneGeometry {
    ZoneGeometry::new(Zone::Normal, Frame(base), frames)
}

/// Blocks of up to 8, and pageblocks of this order.
fn allocator(pageblock: u8, zone: ZoneGeometry) -> Allocator {
    let geometry = Geometry::new(Order(3)).pageblock(Order(pageblock)).zone(zone);
    Allocator::new(&geometry).expect("a sound zone")
}

/// The free blocks of each order, whatever their mobility, and those that are isolated.
fn blocks(allocator: &Allocator) -> [Vec<u64>; 2] {
    blocks_of(allocator, Zone::Normal)
}

fn blocks_of(allocator: &Allocator, zone: Zone) -> [Vec<u64>; 2] {
    let statistics = allocator.statistics(zone).expect("a zone");
    let of = |order: usize| statistics.blocks.iter().map(|blocks| blocks[order]).sum();
    let free: Vec<u64> = (0..statistics.isolated.len()).map(of).collect();
    let frames: u64 = free.iter().enumerate().map(|(order, count)| count << order).sum();
    assert_eq!(allocator.free_frames(zone), frames);
    [free, statistics.isolated]
}

#[track_caller]
fn check(allocator: &Allocator, free: [u64; 4], isolated: [u64; 4]) {
    assert_eq!(blocks(allocator), [free, isolated]);
}

#[test]
fn a_free_block_that_is_greater_is_split_and_is_one_again_when_it_is_undone() {
    for frame in [16, 18, 20, 22] {
        let mut allocator = allocator(1, normal(16, 16));
        allocator.isolate(Frame(frame)).unwrap();
        check(&allocator, [0, 1, 1, 1], [0, 1, 0, 0]);
        allocator.unisolate(Frame(frame)).unwrap();
        check(&allocator, [0, 0, 0, 2], [0; 4]);
    }
}

#[test]
fn smaller_free_blocks_are_isolated_as_they_are() {
    let mut allocator = allocator(3, normal(16, 16));
    allocator.alloc_at(Frame(19), Order(0)).unwrap();
    check(&allocator, [1, 1, 1, 1], [0; 4]);
    allocator.isolate(Frame(16)).unwrap();
    check(&allocator, [0, 0, 0, 1], [1, 1, 1, 0]);
    allocator.unisolate(Frame(16)).unwrap();
    check(&allocator, [1, 1, 1, 1], [0; 4]);
    allocator.free(Frame(19), Order(0)).unwrap();
    check(&allocator, [0, 0, 0, 2], [0; 4]);
}

#[test]
fn nothing_isolated_is_handed_out() {
    let mut allocator = allocator(2, normal(16, 16));
    allocator.isolate(Frame(20)).unwrap();
    for frame in 20..24 {
        assert_eq!(allocator.alloc_at(Frame(frame), Order(0)), Err(Error::Taken), "{frame}");
    }
    assert_eq!(allocator.alloc_at(Frame(20), Order(2)), Err(Error::Taken));
    assert_eq!(allocator.alloc_at(Frame(16), Order(3)), Err(Error::Taken));
    let mut taken = BTreeSet::new();
    while let Ok(frame) = allocator.alloc(Order(0), Zone::HighMem, MOBILITIES[taken.len() % 3]) {
        taken.insert(frame.0);
    }
    assert_eq!(taken, (16..20).chain(24..32).collect());
    check(&allocator, [0; 4], [0, 0, 1, 0]);
    allocator.unisolate(Frame(20)).unwrap();
    assert_eq!(allocator.alloc(Order(2), Zone::Normal, Mobility::Movable), Ok(Frame(20)));
}

#[test]
fn what_is_live_stays_live_and_is_isolated_when_it_is_freed() {
    let mut allocator = allocator(2, normal(16, 16));
    for frame in 16..20 {
        allocator.alloc_at(Frame(frame), Order(0)).unwrap();
    }
    allocator.isolate(Frame(16)).unwrap();
    check(&allocator, [0, 0, 1, 1], [0; 4]);
    for (frame, isolated) in [(17, [1, 0, 0, 0]), (18, [2, 0, 0, 0]), (16, [1, 1, 0, 0])] {
        allocator.free(Frame(frame), Order(0)).unwrap();
        check(&allocator, [0, 0, 1, 1], isolated);
        assert_eq!(allocator.free(Frame(frame), Order(0)), Err(Error::DoubleFree));
    }
    // All of the pageblock is one, and not with its buddy.
    allocator.free(Frame(19), Order(0)).unwrap();
    check(&allocator, [0, 0, 1, 1], [0, 0, 1, 0]);
    for frame in 16..20 {
        assert_eq!(allocator.free(Frame(frame), Order(0)), Err(Error::DoubleFree));
    }
    allocator.unisolate(Frame(16)).unwrap();
    check(&allocator, [0, 0, 0, 2], [0; 4]);
}

#[test]
fn a_greater_live_block_is_cut_at_the_borders_of_pageblocks() {
    for (frame, free) in [(16, [0, 1, 1, 1]), (18, [0, 1, 1, 1]), (22, [0, 1, 1, 1])] {
        let mut allocator = allocator(1, normal(16, 16));
        allocator.alloc_at(Frame(16), Order(3)).unwrap();
        allocator.isolate(Frame(frame)).unwrap();
        check(&allocator, [0, 0, 0, 1], [0; 4]);
        assert!(allocator.free(Frame(frame), Order(1)).is_err());
        allocator.free(Frame(16), Order(3)).unwrap();
        check(&allocator, free, [0, 1, 0, 0]);
        allocator.unisolate(Frame(frame)).unwrap();
        check(&allocator, [0, 0, 0, 2], [0; 4]);
    }
    // Where all of it is isolated, nothing is left.
    let mut allocator = allocator(0, normal(16, 16));
    allocator.alloc_at(Frame(16), Order(3)).unwrap();
    (16..24).for_each(|frame| allocator.isolate(Frame(frame)).unwrap());
    allocator.free(Frame(16), Order(3)).unwrap();
    check(&allocator, [0, 0, 0, 1], [8, 0, 0, 0]);
}

#[test]
fn nothing_merges_across_a_border() {
    let mut allocator = allocator(1, normal(16, 16));
    for frame in [16, 18, 20, 22] {
        allocator.alloc_at(Frame(frame), Order(1)).unwrap();
    }
    allocator.isolate(Frame(16)).unwrap();
    allocator.isolate(Frame(18)).unwrap();
    // Freed inside beside what is free outside, outside beside what is free inside, and both inside.
    for (frame, free, isolated) in
        [(20, [0, 1, 0, 1], 0), (16, [0, 1, 0, 1], 1), (18, [0, 1, 0, 1], 2), (22, [0, 0, 1, 1], 2)]
    {
        allocator.free(Frame(frame), Order(1)).unwrap();
        check(&allocator, free, [0, isolated, 0, 0]);
    }
    // Undone one by one, it comes together when the last one is.
    allocator.unisolate(Frame(16)).unwrap();
    check(&allocator, [0, 1, 1, 1], [0, 1, 0, 0]);
    allocator.unisolate(Frame(18)).unwrap();
    check(&allocator, [0, 0, 0, 2], [0; 4]);
}

#[test]
fn what_comes_back_is_movable() {
    let mut allocator = allocator(2, normal(16, 8));
    let frame = allocator.alloc(Order(0), Zone::Normal, Mobility::Unmovable).unwrap();
    let pageblock = Frame(frame.0 / 4 * 4);
    allocator.isolate(pageblock).unwrap();
    allocator.unisolate(pageblock).unwrap();
    let [unmovable, _, movable] = allocator.statistics(Zone::Normal).unwrap().blocks;
    assert_eq!((unmovable, movable), (vec![0, 0, 1, 0], vec![1, 1, 0, 0]));
}

#[test]
fn a_request_that_is_wrong_is_named_and_changes_nothing() {
    let zone = normal(16, 16).hole(Run { base: Frame(20), frames: 2 });
    let mut allocator = allocator(2, zone.reserved(Run { base: Frame(22), frames: 2 }));
    allocator.isolate(Frame(24)).unwrap();
    let before = blocks(&allocator);
    let isolates = [
        (24, Error::Isolated),
        (25, Error::Unaligned),
        (20, Error::OutOfRange),
        (12, Error::OutOfRange),
        (32, Error::OutOfRange),
        (1 << 52, Error::OutOfRange),
        (u64::MAX - 3, Error::OutOfRange),
        (u64::MAX, Error::Unaligned),
    ];
    for (frame, error) in isolates {
        assert_eq!(allocator.isolate(Frame(frame)), Err(error), "{frame}");
        let undo = if error == Error::Unaligned { error } else { Error::NotIsolated };
        if frame != 24 {
            assert_eq!(allocator.unisolate(Frame(frame)), Err(undo), "{frame}");
        }
        assert_eq!(blocks(&allocator), before, "{frame}");
    }
    assert_eq!(allocator.unisolate(Frame(16)), Err(Error::NotIsolated));
    assert_eq!(allocator.unisolate(Frame(24)), Ok(()));
    assert_eq!(allocator.unisolate(Frame(24)), Err(Error::NotIsolated));
}

#[test]
fn without_pageblocks_nothing_can_be_isolated() {
    let mut allocator = Allocator::new(&Geometry::new(Order(3)).zone(normal(16, 16))).unwrap();
    assert_eq!(allocator.isolate(Frame(16)), Err(Error::OutOfRange));
    assert_eq!(allocator.unisolate(Frame(16)), Err(Error::NotIsolated));
    check(&allocator, [0, 0, 0, 2], [0; 4]);
}

#[test]
fn a_pageblock_may_reach_over_the_ends_of_its_zone() {
    // 5, 6..8, 8..16, 16..20, 20.
    let mut allocator = allocator(3, normal(5, 16));
    allocator.isolate(Frame(0)).unwrap();
    check(&allocator, [1, 0, 1, 1], [1, 1, 0, 0]);
    allocator.isolate(Frame(16)).unwrap();
    check(&allocator, [0, 0, 0, 1], [2, 1, 1, 0]);
    assert_eq!(allocator.isolate(Frame(0)), Err(Error::Isolated));
    assert_eq!(allocator.isolate(Frame(24)), Err(Error::OutOfRange));
    allocator.unisolate(Frame(0)).unwrap();
    allocator.unisolate(Frame(16)).unwrap();
    check(&allocator, [2, 1, 1, 1], [0; 4]);
}

#[test]
fn a_pageblock_of_two_zones_is_isolated_in_both() {
    let dma = ZoneGeometry::new(Zone::Dma, Frame(4080), 12);
    let zones = Geometry::new(Order(3)).pageblock(Order(3)).zone(dma).zone(normal(4092, 20));
    let mut allocator = Allocator::new(&zones).unwrap();
    let both = |allocator: &Allocator| {
        [Zone::Dma, Zone::Normal].map(|zone| blocks_of(allocator, zone)[1][2])
    };
    allocator.isolate(Frame(4088)).unwrap();
    assert_eq!(both(&allocator), [1, 1]);
    assert_eq!(allocator.isolate(Frame(4088)), Err(Error::Isolated));
    allocator.unisolate(Frame(4088)).unwrap();
    assert_eq!(both(&allocator), [0, 0]);

    // Where one of them has only a hole of it, that zone has nothing to do with it.
    let hole = Run { base: Frame(4088), frames: 4 };
    let dma = ZoneGeometry::new(Zone::Dma, Frame(4080), 12).hole(hole);
    let zones = Geometry::new(Order(3)).pageblock(Order(3)).zone(dma).zone(normal(4092, 20));
    let mut allocator = Allocator::new(&zones).unwrap();
    allocator.isolate(Frame(4088)).unwrap();
    assert_eq!(both(&allocator), [0, 1]);
    allocator.unisolate(Frame(4088)).unwrap();
    assert_eq!(both(&allocator), [0, 0]);
}

/// What is known without an allocator: which frames can be handed out, are live, and are isolated.
struct Naive {
    managed: BTreeSet<u64>,
    live: BTreeMap<u64, u8>,
    isolated: BTreeSet<u64>,
    pageblock: u8,
}

impl Naive {
    /// Free blocks as large as they can be, and as small as the borders make them.
    fn blocks(&self) -> [Vec<u64>; 2] {
        let mut free = self.managed.clone();
        for (&base, &order) in &self.live {
            (base..base + (1 << order)).for_each(|frame| assert!(free.remove(&frame)));
        }
        let is_isolated = |frame: &u64| self.isolated.contains(&(frame >> self.pageblock));
        let (isolated, free): (BTreeSet<u64>, BTreeSet<u64>) =
            free.into_iter().partition(is_isolated);
        [as_large_as_can_be(free, 3), as_large_as_can_be(isolated, self.pageblock)]
    }
}

fn as_large_as_can_be(mut frames: BTreeSet<u64>, most: u8) -> Vec<u64> {
    let mut counts = vec![0; 4];
    for order in (0..=most).rev() {
        for base in (0..64).step_by(1 << order) {
            let block = base..base + (1 << order);
            if block.clone().all(|frame| frames.contains(&frame)) {
                block.for_each(|frame| assert!(frames.remove(&frame)));
                counts[usize::from(order)] += 1;
            }
        }
    }
    counts
}

/// After every step of a long random run the free blocks are those that a look at every frame finds.
#[track_caller]
fn keeps_to_borders(pageblock: u8, zone: ZoneGeometry, managed: impl Iterator<Item = u64>) {
    let mut allocator = allocator(pageblock, zone);
    let (live, isolated) = (BTreeMap::new(), BTreeSet::new());
    let mut naive = Naive { managed: managed.collect(), live, isolated, pageblock };
    let mut random = 11_u64;
    let mut next = |end: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040);
        usize::try_from(random >> 33).expect("31 bits") % end
    };
    for _ in 0..5000 {
        let (order, mobility) = ([0, 1, 2, 3][next(4)], MOBILITIES[next(3)]);
        match next(5) {
            0 | 1 => {
                if let Ok(frame) = allocator.alloc(Order(order), Zone::Normal, mobility) {
                    naive.live.insert(frame.0, order);
                }
            }
            2 | 3 => {
                let at = next(naive.live.len().max(1));
                if let Some((&frame, &order)) = naive.live.iter().nth(at) {
                    assert_eq!(allocator.free(Frame(frame), Order(order)), Ok(()));
                    naive.live.remove(&frame);
                }
            }
            _ => {
                let number = next(64 >> pageblock) as u64;
                let frame = Frame(number << pageblock);
                let mut inside = frame.0..frame.0 + (1 << pageblock);
                if naive.isolated.remove(&number) {
                    assert_eq!(allocator.isolate(frame), Err(Error::Isolated));
                    assert_eq!(allocator.unisolate(frame), Ok(()));
                } else if inside.any(|frame| naive.managed.contains(&frame)) {
                    assert_eq!(allocator.unisolate(frame), Err(Error::NotIsolated));
                    assert_eq!(allocator.isolate(frame), Ok(()));
                    naive.isolated.insert(number);
                } else {
                    assert_eq!(allocator.isolate(frame), Err(Error::OutOfRange));
                }
            }
        }
        assert_eq!(blocks(&allocator), naive.blocks());
    }
}

#[test]
fn free_blocks_are_as_large_as_borders_allow_after_any_history() {
    for pageblock in 0..=3 {
        keeps_to_borders(pageblock, normal(0, 32), 0..32);
        let hole = Run { base: Frame(14), frames: 3 };
        let managed = (5..40).filter(|frame| !(14..17).contains(frame));
        keeps_to_borders(pageblock, normal(5, 35).hole(hole), managed);
    }
}
