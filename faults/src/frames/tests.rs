//! What the understudies and the catalogue promise.

use std::collections::BTreeSet;

use lawbook_spec::core::{Case, Judge, Mechanism, Subject, Trace};
use lawbook_spec::frames::{
    Answer, Driver, Error, Event, Fragmentation, Frame, Frames, Mobility, Op, Order, Profile, Run,
    Setup, Sight, Statistics, Zone, ZonePlan,
};

use super::decisions::{Cached, Decisions, Plain, Right};
use super::understudy::Understudy;
use super::{driver, implementations, map, profiles};
use crate::checks::{self, laws_broken};

#[test]
fn the_understudies_keep_every_law_in_drawn_cases() {
    assert_eq!(laws_broken(&mut driver::<Right>(), 4_000), BTreeSet::new());
    assert_eq!(laws_broken(&mut driver::<Plain>(), 2_000), BTreeSet::new());
    assert_eq!(laws_broken(&mut driver::<Cached>(), 4_000), BTreeSet::new());
}

#[test]
fn the_understudies_keep_every_law_in_the_small_tier() {
    check_small_tier(driver::<Right>());
    check_small_tier(driver::<Plain>());
    check_small_tier(driver::<Cached>());
}

#[test]
fn the_map_keeps_every_law() {
    assert_eq!(laws_broken(&mut map::driver(), 4_000), BTreeSet::new());
    check_small_tier(map::driver());
}

#[test]
fn every_mix_of_abilities_keeps_every_law() {
    for profile in profiles_of_every_mix() {
        profile.check().unwrap();
        let make = |setup: &Setup| Understudy::new(Box::new(Choosing(profile.clone())), setup);
        let broken = laws_broken(&mut Driver::new(profile.clone(), make), 1_000);
        assert_eq!(broken, BTreeSet::new(), "{profile:?}");
    }
}

#[test]
fn blocks_end_at_holes_and_are_aligned_by_their_own_frames() {
    // Of frames 5 to 12 without 9, whole blocks are 5, 6..8, 8, 10..12 and 12.
    let hole = Run { base: Frame(9), frames: 1 };
    let zone = ZonePlan { holes: vec![hole], ..plan(Zone::Dma, 5, 8) };
    let ops = vec![Op::Statistics { zone: Zone::Dma }];
    let case = Case { setup: setup(vec![zone], 2), ops };
    let trace = driver::<Right>().run(&case);
    let Answer::Statistics { statistics } = answer(&trace, 0) else { panic!("{trace:?}") };
    assert_eq!(statistics.blocks, [vec![0; 3], vec![0; 3], vec![3, 2, 0]]);
}

#[test]
fn a_request_falls_back_to_the_zone_before_and_never_to_one_behind() {
    let zones = [(Zone::Dma, 64), (Zone::Normal, 5000), (Zone::HighMem, 5001)]
        .map(|(zone, base)| plan(zone, base, 1))
        .to_vec();
    let (order, mobility) = (Order(0), Mobility::Unmovable);
    let ops = (0..3).map(|slot| Op::Alloc { slot, order, zone: Zone::Normal, mobility });
    let case = Case { setup: setup(zones, 0), ops: ops.collect() };
    let trace = driver::<Right>().run(&case);
    assert_eq!(answer(&trace, 0), &Answer::Block { frame: Frame(5000) });
    assert_eq!(answer(&trace, 1), &Answer::Block { frame: Frame(64) });
    assert_eq!(answer(&trace, 2), &Answer::Refused { error: Error::OutOfMemory });
}

#[test]
fn buddies_in_two_zones_stay_apart() {
    // Frame 5001 would make a block with 5000, which is in the zone before.
    let zones = vec![plan(Zone::Normal, 5000, 1), plan(Zone::HighMem, 5001, 3)];
    let (slot, mobility) = (0, Mobility::Movable);
    let ops = vec![
        Op::Alloc { slot, order: Order(0), zone: Zone::HighMem, mobility },
        Op::Free { slot },
        Op::Statistics { zone: Zone::HighMem },
        Op::Alloc { slot, order: Order(2), zone: Zone::HighMem, mobility },
    ];
    let case = Case { setup: setup(zones, 2), ops };
    let trace = driver::<Right>().run(&case);
    assert_eq!(answer(&trace, 0), &Answer::Block { frame: Frame(5001) });
    let Answer::Statistics { statistics } = answer(&trace, 2) else { panic!("{trace:?}") };
    assert_eq!(statistics.blocks[2], [1, 1, 0]);
    assert_eq!(answer(&trace, 3), &Answer::Refused { error: Error::OutOfMemory });
}

#[test]
fn a_zone_keeps_its_watermark_and_the_reserve_against_requests_for_higher_zones() {
    let dma = ZonePlan { min: 1, reserve: [0, 2, 2], ..plan(Zone::Dma, 64, 4) };
    let zones = vec![dma, plan(Zone::Normal, 5000, 1)];
    // The last frame of Normal; then DMA has four frames, and three of them against Normal.
    check(
        &mut driver::<Right>(),
        setup(zones, 1),
        &[
            (alloc(0, 0, Zone::Normal), block(5000)),
            (alloc(1, 0, Zone::Normal), block(64)),
            (alloc(2, 0, Zone::Normal), refused(Error::OutOfMemory)),
            (alloc(2, 1, Zone::Dma), block(66)),
            (alloc(3, 0, Zone::Dma), refused(Error::OutOfMemory)),
            (at(3, 65, 0), block(65)),
        ],
    );
}

#[test]
fn a_block_that_is_freed_across_the_border_of_an_isolated_pageblock_is_cut_there() {
    let zones = vec![plan(Zone::Dma, 8, 4)];
    check(
        &mut driver::<Right>(),
        setup(zones, 2),
        &[
            (alloc(0, 2, Zone::Dma), block(8)),
            (Op::Isolate { frame: Frame(10) }, Answer::Done {}),
            (Op::Isolate { frame: Frame(10) }, refused(Error::Isolated)),
            (Op::Isolate { frame: Frame(12) }, refused(Error::OutOfRange)),
            (Op::Free { slot: 0 }, Answer::Done {}),
            (Op::Statistics { zone: Zone::Dma }, movable([0, 1, 0], [0, 1, 0])),
            (alloc(0, 2, Zone::Dma), refused(Error::OutOfMemory)),
            (at(0, 10, 0), refused(Error::Taken)),
            (Op::Unisolate { frame: Frame(10) }, Answer::Done {}),
            (Op::Unisolate { frame: Frame(10) }, refused(Error::NotIsolated)),
            (alloc(0, 2, Zone::Dma), block(8)),
        ],
    );
}

#[test]
fn a_freed_frame_stays_in_the_cache_until_it_is_drained_or_asked_for() {
    let zones = vec![plan(Zone::Dma, 8, 4)];
    check(
        &mut driver::<Cached>(),
        setup(zones, 2),
        &[
            (at(0, 11, 0), block(11)),
            (Op::Free { slot: 0 }, Answer::Done {}),
            (at(0, 11, 0), refused(Error::Taken)),
            (alloc(0, 0, Zone::Dma), block(11)),
            (Op::Free { slot: 0 }, Answer::Done {}),
            (Op::Isolate { frame: Frame(10) }, Answer::Done {}),
            (Op::Statistics { zone: Zone::Dma }, movable([0, 1, 0], [0, 1, 0])),
            (Op::Unisolate { frame: Frame(10) }, Answer::Done {}),
            (at(0, 11, 0), block(11)),
            (Op::Free { slot: 0 }, Answer::Done {}),
            (alloc(0, 2, Zone::Dma), block(8)),
        ],
    );
}

#[test]
fn the_fragmentation_index_is_below_0_where_it_is_memory_that_lacks() {
    let asked = |order| Op::Fragmentation { zone: Zone::Dma, order: Order(order) };
    let told = |index, external| Answer::Fragmentation {
        fragmentation: Fragmentation { index, external },
    };
    check(
        &mut driver::<Right>(),
        setup(vec![plan(Zone::Dma, 8, 3)], 1),
        &[
            (asked(1), told(-1000, 33)),
            (at(0, 8, 1), block(8)),
            (asked(1), told(-500, 100)),
            (at(1, 10, 0), block(10)),
            (asked(1), told(0, 0)),
        ],
    );
}

#[test]
fn every_name_is_in_kebab_case_and_used_once() {
    checks::names_are_in_kebab_case_and_used_once(&implementations());
}

#[test]
fn every_law_is_expected_to_be_broken_by_a_fault() {
    checks::every_law_is_expected_to_be_broken(&implementations());
}

#[test]
fn every_fault_breaks_the_law_that_it_names() {
    checks::every_fault_breaks_its_law::<Frames>(&implementations(), 0, 4_000);
}

#[test]
fn every_law_is_silent_about_other_kinds() {
    checks::every_law_is_silent_about_other_kinds(&implementations(), 100);
}

/// A zone without holes.
fn plan(zone: Zone, base: u64, frames: u64) -> ZonePlan {
    ZonePlan::new(zone, Frame(base), frames)
}

/// Zones whose pageblocks have two frames.
fn setup(zones: Vec<ZonePlan>, most: u8) -> Setup {
    Setup { zones, most: Order(most), pageblock: Some(Order(1.min(most))) }
}

/// An implementation breaks no law in any case of the small tier.
fn check_small_tier(mut subject: impl Subject<Frames>) {
    let judge = Judge::<Frames>::new(subject.profile());
    for case in Frames::small(judge.profile()) {
        let trace = subject.run(&case);
        assert_eq!(judge.judge(&case, &trace).broken, None, "{case:?}");
    }
}

/// Each op is answered like this.
fn check(subject: &mut impl Subject<Frames>, setup: Setup, steps: &[(Op, Answer)]) {
    let ops = steps.iter().map(|(op, _)| *op).collect();
    let trace = subject.run(&Case { setup, ops });
    for (place, (op, expected)) in steps.iter().enumerate() {
        assert_eq!(answer(&trace, place), expected, "{op}");
    }
}

fn alloc(slot: u32, order: u8, zone: Zone) -> Op {
    Op::Alloc { slot, order: Order(order), zone, mobility: Mobility::Movable }
}

fn at(slot: u32, frame: u64, order: u8) -> Op {
    Op::AllocAt { slot, frame: Frame(frame), order: Order(order) }
}

fn block(frame: u64) -> Answer {
    Answer::Block { frame: Frame(frame) }
}

fn refused(error: Error) -> Answer {
    Answer::Refused { error }
}

/// The statistics of a zone whose free blocks are movable, and isolated.
fn movable(blocks: [u64; 3], isolated: [u64; 3]) -> Answer {
    let blocks = [vec![0; 3], vec![0; 3], blocks.to_vec()];
    Answer::Statistics { statistics: Statistics { blocks, isolated: isolated.to_vec() }.into() }
}

/// What the op at this place is answered.
fn answer(trace: &Trace<Frames>, at: usize) -> &Answer {
    match &trace.events[at] {
        Event::Done { answers, .. } => &answers[0],
        Event::Skipped {} => panic!("op {at} is skipped"),
    }
}

/// The understudy with a profile of its own.
struct Choosing(Profile);

impl Decisions for Choosing {
    fn profile(&self) -> Profile {
        self.0.clone()
    }
}

/// All abilities without each of them, and none with each of them; with what these need.
fn profiles_of_every_mix() -> Vec<Profile> {
    type Change = fn(&mut Profile, bool);
    let abilities: [Change; 18] = [
        |profile, able| profile.zones = able,
        |profile, able| profile.holes = able,
        |profile, able| profile.unaligned = able,
        |profile, able| profile.alloc_at = able,
        |profile, able| profile.free_count = able,
        |profile, able| profile.statistics = able,
        |profile, able| profile.strict = able,
        |profile, able| profile.mobility = able,
        |profile, able| profile.watermarks = able,
        |profile, able| profile.isolation = able,
        |profile, able| profile.caches = able,
        |profile, able| profile.fragmentation = able,
        |profile, able| profile.checks.double_free = sight(able),
        |profile, able| profile.checks.wrong_order = sight(able),
        |profile, able| profile.checks.unaligned = sight(able),
        |profile, able| profile.checks.never_allocated = sight(able),
        |profile, able| profile.checks.out_of_range = sight(able),
        |profile, able| profile.checks.order_beyond = sight(able),
    ];
    let mut mixes = vec![profiles::understudy()];
    for ability in abilities {
        let (mut without, mut with) = (profiles::cached(), profiles::plain());
        ability(&mut without, false);
        ability(&mut with, true);
        mixes.extend([without_the_rest(without), with_the_rest(with)]);
    }
    for most in [0, 1, 2] {
        mixes.push(Profile { most: Order(most), ..profiles::understudy() });
        mixes.push(Profile { most: Order(most), ..profiles::cached() });
    }
    mixes
}

/// Without the abilities for which it lacks another.
fn without_the_rest(mut profile: Profile) -> Profile {
    profile.statistics &= profile.free_count;
    profile.caches &= profile.free_count;
    profile.mobility &= profile.statistics;
    for ability in [&mut profile.watermarks, &mut profile.isolation, &mut profile.fragmentation] {
        *ability &= profile.strict;
    }
    profile
}

/// With the abilities that the others need.
fn with_the_rest(mut profile: Profile) -> Profile {
    profile.statistics |= profile.mobility;
    profile.free_count |= profile.statistics || profile.caches;
    profile
}

fn sight(able: bool) -> Sight {
    if able { Sight::Refused } else { Sight::Unseen }
}
