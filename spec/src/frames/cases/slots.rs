//! Cases that test nothing but the slots: for whoever writes a slot table in another language.
//!
//! It does not cover what an allocator answers: whatever it is, the slots follow from it.

use super::super::contract::Profile;
use super::super::{Frames, Mobility, Order, Zone};
use super::admit::admits;
use super::{Op, small};
use crate::core::Case;

/// Ops on empty slots and allocs into full ones, each after what empties and fills slots.
pub(in super::super) fn slots(profile: &Profile) -> Vec<Case<Frames>> {
    let setup = small::setup(profile);
    let one = Order(0);
    let (first, second, third) = (0, 1, 7);
    let cases = [
        // Empty at first, full after an alloc, empty after a free.
        vec![free(first), alloc(first, one), free(first), free(first), alloc(first, one)],
        // Full: it keeps its block.
        vec![alloc(first, one), alloc(first, one), free(first), free(first)],
        // Each for itself.
        vec![alloc(third, one), free(first), alloc(second, one), free(third), free(third)],
        vec![alloc(second, one), free(first), alloc(first, one), free(second), alloc(second, one)],
        // A refusal leaves it empty: there are two blocks of the greatest order.
        vec![
            alloc(first, setup.most),
            alloc(second, setup.most),
            alloc(third, setup.most),
            free(third),
            free(first),
            alloc(third, setup.most),
            free(third),
        ],
        // The first of two frees empties it.
        vec![Op::FreeTwice { slot: first }],
        vec![alloc(first, one), Op::FreeTwice { slot: first }, free(first), alloc(first, one)],
        // Skipped with the order that the block has.
        vec![alloc(first, one), Op::FreeWrongOrder { slot: first, order: one }, free(first)],
        vec![Op::FreeWrongOrder { slot: first, order: one }, alloc(first, one)],
        // A block of one frame has no smaller one inside.
        vec![alloc(first, one), Op::FreeInside { slot: first, offset: 1, order: one }],
        // All are empty after it.
        vec![alloc(first, one), alloc(third, one), Op::Refill {}, free(first), alloc(third, one)],
    ];
    let cases = cases.into_iter().map(|ops| Case { setup: setup.clone(), ops });
    cases.filter(|case| admits(profile, case).is_ok()).collect()
}

fn alloc(slot: u32, order: Order) -> Op {
    Op::Alloc { slot, order, zone: Zone::Normal, mobility: Mobility::Movable }
}

fn free(slot: u32) -> Op {
    Op::Free { slot }
}
