//! What the understudies and the catalogue promise.

use std::collections::BTreeSet;

use lawbook_spec::core::{Case, Subject, Trace};
use lawbook_spec::frames::{
    Answer, Driver, Error, Event, Frame, Frames, Mobility, Op, Order, Profile, Run, Setup, Sight,
    Zone, ZonePlan,
};

use super::decisions::{Decisions, Plain, Right};
use super::understudy::Understudy;
use super::{driver, implementations, profiles};
use crate::checks::{self, laws_broken};

#[test]
fn the_understudies_keep_every_law() {
    assert_eq!(laws_broken(&mut driver::<Right>(), 2_000), BTreeSet::new());
    assert_eq!(laws_broken(&mut driver::<Plain>(), 2_000), BTreeSet::new());
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
    let case = Case { setup: Setup { zones: vec![zone], most: Order(2) }, ops };
    let trace = driver::<Right>().run(&case);
    let Answer::Statistics { statistics } = answer(&trace, 0) else { panic!("{trace:?}") };
    assert_eq!(statistics.blocks, [vec![0; 3], vec![0; 3], vec![3, 2, 0]]);
}

#[test]
fn a_request_falls_back_to_the_zone_before_and_never_to_one_behind() {
    let zones =
        vec![plan(Zone::Dma, 64, 1), plan(Zone::Normal, 5000, 1), plan(Zone::HighMem, 5001, 1)];
    let (order, mobility) = (Order(0), Mobility::Unmovable);
    let ops = (0..3).map(|slot| Op::Alloc { slot, order, zone: Zone::Normal, mobility });
    let case = Case { setup: Setup { zones, most: Order(0) }, ops: ops.collect() };
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
    let case = Case { setup: Setup { zones, most: Order(2) }, ops };
    let trace = driver::<Right>().run(&case);
    assert_eq!(answer(&trace, 0), &Answer::Block { frame: Frame(5001) });
    let Answer::Statistics { statistics } = answer(&trace, 2) else { panic!("{trace:?}") };
    assert_eq!(statistics.blocks[2], [1, 1, 0]);
    assert_eq!(answer(&trace, 3), &Answer::Refused { error: Error::OutOfMemory });
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

/// A zone without holes.
fn plan(zone: Zone, base: u64, frames: u64) -> ZonePlan {
    let run = Run { base: Frame(base), frames };
    ZonePlan { zone, run, holes: Vec::new(), reserved: Vec::new() }
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

/// All abilities without each of them, and none with each of them.
fn profiles_of_every_mix() -> Vec<Profile> {
    type Change = fn(&mut Profile, bool);
    let abilities: [Change; 12] = [
        |profile, able| profile.zones = able,
        |profile, able| profile.holes = able,
        |profile, able| profile.unaligned = able,
        |profile, able| profile.alloc_at = able,
        |profile, able| profile.free_count = able || profile.statistics,
        |profile, able| (profile.statistics, profile.free_count) = (able, true),
        |profile, able| profile.strict = able,
        |profile, able| profile.checks.double_free = sight(able),
        |profile, able| profile.checks.wrong_order = sight(able),
        |profile, able| profile.checks.unaligned = sight(able),
        |profile, able| profile.checks.never_allocated = sight(able),
        |profile, able| profile.checks.out_of_range = sight(able),
    ];
    let changed = |mut profile: Profile, change: Change, able: bool| {
        change(&mut profile, able);
        profile
    };
    let mut mixes = Vec::new();
    for ability in abilities {
        mixes.push(changed(profiles::understudy(), ability, false));
        mixes.push(changed(profiles::plain(), ability, true));
    }
    for most in [0, 1, 2] {
        mixes.push(Profile { most: Order(most), ..profiles::understudy() });
    }
    mixes
}

fn sight(able: bool) -> Sight {
    if able { Sight::Refused } else { Sight::Unseen }
}
