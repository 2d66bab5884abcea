//! The exhaustive small tier: eight frames with three orders.
//!
//! It does not cover several zones, holes and watermarks.

use super::super::contract::Profile;
use super::super::{Frame, Frames, Mobility, Order, Setup, Zone, ZonePlan};
use super::Op;
use super::admit::admits;
use crate::core::Case;

/// The frames of the one zone.
const FRAMES: u64 = 8;
/// The first of them.
const BASE: u64 = 1 << 13;
/// The greatest order.
const MOST: Order = Order(2);
/// The order of pageblocks: smaller than the greatest, so that blocks reach over their borders.
const PAGEBLOCK: Order = Order(1);
/// How many allocs and frees follow each other.
const FEW: u32 = 6;
/// How many ops of all kinds follow each other.
const ALL: u32 = 3;

/// Every sequence of six allocs and frees, and every sequence of three ops of all kinds; slots are
/// filled in order. Each ends with what can be asked of it, and a refill.
pub(in super::super) fn small(profile: &Profile) -> Box<dyn Iterator<Item = Case<Frames>>> {
    let setup = setup(profile);
    let is_admitted = |op: &Op| is_admitted(profile, &setup, op);
    let few: Vec<Op> = few().into_iter().filter(is_admitted).collect();
    let all: Vec<Op> = few.iter().copied().chain(others()).filter(is_admitted).collect();
    let last: Vec<Op> = last().into_iter().filter(is_admitted).collect();
    let sequences = |ops: Vec<Op>, length: u32| {
        let count = ops.len().pow(length);
        let (setup, last) = (setup.clone(), last.clone());
        (0..count).filter_map(move |number| case(&setup, &ops, &last, number, length))
    };
    Box::new(sequences(few, FEW).chain(sequences(all, ALL)))
}

pub(super) fn setup(profile: &Profile) -> Setup {
    let zones = vec![ZonePlan::new(Zone::Normal, Frame(BASE), FRAMES)];
    let most = MOST.min(profile.most);
    Setup { zones, most, pageblock: profile.isolation.then_some(PAGEBLOCK.min(most)) }
}

fn is_admitted(profile: &Profile, setup: &Setup, op: &Op) -> bool {
    admits(profile, &Case { setup: setup.clone(), ops: vec![*op] }).is_ok()
}

/// Allocs of each order, and frees. A slot stands for the how many-th of those that are full.
fn few() -> Vec<Op> {
    let (zone, mobility) = (Zone::Normal, Mobility::Movable);
    let allocs = orders().map(|order| Op::Alloc { slot: 0, order, zone, mobility });
    // After five allocs there is room for one free.
    allocs.chain((0..FEW - 1).map(|slot| Op::Free { slot })).collect()
}

/// All other ops that make sense on this memory.
fn others() -> Vec<Op> {
    let blocks = orders().flat_map(|order| {
        let frames = (0..FRAMES >> order.0).map(move |block| Frame(BASE + (block << order.0)));
        frames.map(move |frame| (frame, order))
    });
    let blocks: Vec<(Frame, Order)> = blocks.collect();
    let (slot, order) = (0, Order(0));
    let mut all: Vec<Op> = Vec::new();
    all.extend(blocks.iter().map(|&(frame, order)| Op::AllocAt { slot, frame, order }));
    all.extend(blocks.iter().map(|&(frame, order)| Op::FreeNever { frame, order }));
    all.push(Op::FreeOutside { frame: Frame(BASE + FRAMES), order });
    all.push(Op::AllocBeyond { order: Order(MOST.0 + 1) });
    // After two allocs there is room for one misuse.
    for slot in 0..ALL - 1 {
        all.push(Op::FreeTwice { slot });
        all.extend(orders().map(|order| Op::FreeWrongOrder { slot, order }));
        all.push(Op::FreeInside { slot, offset: 1, order: Order(0) });
        all.push(Op::FreeInside { slot, offset: 2, order: Order(1) });
    }
    let pageblocks = blocks.iter().filter(|(_, order)| *order == PAGEBLOCK);
    for &(frame, _) in pageblocks {
        all.extend([Op::Isolate { frame }, Op::Unisolate { frame }]);
    }
    all.push(Op::Drain {});
    all
}

/// What ends every case.
fn last() -> Vec<Op> {
    let zone = Zone::Normal;
    let order = Order(1);
    let asked = [Op::Statistics { zone }, Op::Fragmentation { zone, order }];
    asked.into_iter().chain([Op::Refill {}, Op::Statistics { zone }]).collect()
}

fn orders() -> impl Iterator<Item = Order> {
    (0..=MOST.0).map(Order)
}

/// The case with this number; none when it names a slot that is not full.
fn case(
    setup: &Setup,
    choices: &[Op],
    last: &[Op],
    number: usize,
    length: u32,
) -> Option<Case<Frames>> {
    let mut ops = Vec::new();
    let mut full: Vec<u32> = Vec::new();
    let mut next = 0;
    let mut left = number;
    for _ in 0..length {
        let mut op = choices[left % choices.len()];
        left /= choices.len();
        match &mut op {
            Op::Alloc { slot, .. } | Op::AllocAt { slot, .. } => {
                *slot = next;
                full.push(next);
                next += 1;
            }
            Op::Free { slot } | Op::FreeTwice { slot } => {
                let at = usize::try_from(*slot).ok()?;
                if at >= full.len() {
                    return None;
                }
                *slot = full.remove(at);
            }
            Op::FreeWrongOrder { slot, .. } | Op::FreeInside { slot, .. } => {
                *slot = *full.get(usize::try_from(*slot).ok()?)?;
            }
            _ => {}
        }
        ops.push(op);
    }
    ops.extend(last);
    Some(Case { setup: setup.clone(), ops })
}
