//! The exhaustive small tier.
//!
//! It does not cover several zones, holes and misuse.

use super::super::contract::Profile;
use super::super::{Frame, Frames, Mobility, Order, Run, Setup, Zone, ZonePlan};
use super::Op;
use super::admit::admits;
use crate::core::Case;

/// How many ops a case of this tier has.
const OPS: u32 = 6;
/// The frames of its one zone.
const FRAMES: u64 = 8;
/// The greatest order.
const MOST: Order = Order(2);
/// How many ops are possible at each place: an alloc of each order into the next slot, and a free of
/// each of the first slots.
const CHOICES: u32 = 6;

/// Every sequence of six allocs and frees on eight frames with three orders; slots are filled in
/// order.
pub(in super::super) fn small(profile: &Profile) -> Box<dyn Iterator<Item = Case<Frames>>> {
    let profile = profile.clone();
    let cases = (0..CHOICES.pow(OPS)).filter_map(case);
    Box::new(cases.filter(move |case| admits(&profile, case).is_ok()))
}

/// The case with this number; none when it frees a slot that it has not filled, or frees it twice.
fn case(number: u32) -> Option<Case<Frames>> {
    let mut ops = Vec::new();
    let mut full: Vec<u8> = Vec::new();
    let mut next = 0;
    for at in 0..OPS {
        let choice = number / CHOICES.pow(at) % CHOICES;
        if let Ok(order @ 0..=2) = u8::try_from(choice) {
            full.push(next);
            let (zone, mobility) = (Zone::Normal, Mobility::Movable);
            ops.push(Op::Alloc { slot: next, order: Order(order), zone, mobility });
            next += 1;
        } else {
            let at = usize::try_from(choice - 3).ok()?;
            if at >= full.len() {
                return None;
            }
            ops.push(Op::Free { slot: full.remove(at) });
        }
    }
    ops.push(Op::Refill {});
    let run = Run { base: Frame(FRAMES * 1024), frames: FRAMES };
    let zone = ZonePlan { zone: Zone::Normal, run, holes: vec![], reserved: vec![] };
    Some(Case { setup: Setup { zones: vec![zone], most: MOST }, ops })
}
