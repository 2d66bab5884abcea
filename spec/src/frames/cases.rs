//! What a case says: ops on slots, and how a story tells them.
//!
//! How cases are drawn, admitted, simplified and enumerated is in the files below. It does not cover
//! what an allocator should answer.

mod admit;
mod draw;
mod simpler;
mod small;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contract::{Checks, Sight};
use super::{Frame, Mobility, Order, Zone};
use crate::core::KindOf;

pub(super) use self::admit::admits;
pub(super) use self::draw::{Draft, draw_op, draw_setup};
pub(super) use self::simpler::simpler;
pub(super) use self::small::small;

/// One thing that a case asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// Asks for a block. Skipped when the slot is full; a block that is handed out fills it.
    Alloc {
        /// Where the case keeps it.
        slot: u8,
        /// Of which order.
        order: Order,
        /// Up to which zone.
        zone: Zone,
        /// What may become of it.
        mobility: Mobility,
    },
    /// Asks for the block at a frame. Skipped when the slot is full.
    AllocAt {
        /// Where the case keeps it.
        slot: u8,
        /// The first frame, aligned.
        frame: Frame,
        /// Of which order.
        order: Order,
    },
    /// Gives a block back. Skipped when the slot is empty.
    Free {
        /// Which.
        slot: u8,
    },
    /// Misuse: gives a block back twice, and the second time nothing was in between. Skipped when
    /// the slot is empty.
    FreeTwice {
        /// Which.
        slot: u8,
    },
    /// Misuse: gives a block back with an order that it does not have. Skipped when the slot is
    /// empty, or its block has this order.
    FreeWrongOrder {
        /// Which.
        slot: u8,
        /// The order.
        order: Order,
    },
    /// Misuse: gives back one frame inside a block. Skipped when the slot is empty, or its block has
    /// no such frame.
    FreeInside {
        /// Which.
        slot: u8,
        /// How far from its first frame: at least 1.
        offset: u64,
    },
    /// Misuse: gives back frames that exist and are not handed out. Skipped when some of them are.
    FreeNever {
        /// The first.
        frame: Frame,
        /// Of which order.
        order: Order,
    },
    /// Misuse: gives back frames some of which are outside every zone, in a hole or reserved.
    FreeOutside {
        /// The first.
        frame: Frame,
        /// Of which order.
        order: Order,
    },
    /// Frees all, then takes every block of the greatest order, and frees them again.
    Refill {},
    /// Asks what is free.
    Statistics {
        /// In which zone.
        zone: Zone,
    },
}

/// The kinds of op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Op::Alloc`].
    Alloc,
    /// [`Op::AllocAt`].
    AllocAt,
    /// [`Op::Free`].
    Free,
    /// The misuses of `free`.
    Misuse,
    /// [`Op::Refill`].
    Refill,
    /// [`Op::Statistics`].
    Statistics,
}

pub(super) const KINDS: &[KindOf<Kind>] = &[
    KindOf { kind: Kind::Alloc, name: "alloc", weight: 100, producer: true },
    KindOf { kind: Kind::AllocAt, name: "alloc_at", weight: 24, producer: false },
    KindOf { kind: Kind::Free, name: "free", weight: 76, producer: false },
    KindOf { kind: Kind::Misuse, name: "misuse", weight: 24, producer: false },
    KindOf { kind: Kind::Refill, name: "refill", weight: 4, producer: false },
    KindOf { kind: Kind::Statistics, name: "statistics", weight: 16, producer: false },
];

impl Op {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Op::Alloc { .. } => Kind::Alloc,
            Op::AllocAt { .. } => Kind::AllocAt,
            Op::Free { .. } => Kind::Free,
            Op::FreeTwice { .. }
            | Op::FreeWrongOrder { .. }
            | Op::FreeInside { .. }
            | Op::FreeNever { .. }
            | Op::FreeOutside { .. } => Kind::Misuse,
            Op::Refill {} => Kind::Refill,
            Op::Statistics { .. } => Kind::Statistics,
        }
    }

    /// What becomes of it, when it is misuse.
    pub(super) fn misuse(&self, checks: &Checks) -> Option<Sight> {
        match self {
            Op::FreeTwice { .. } => Some(checks.double_free),
            Op::FreeWrongOrder { .. } => Some(checks.wrong_order),
            Op::FreeInside { .. } => Some(checks.unaligned),
            Op::FreeNever { .. } => Some(checks.never_allocated),
            Op::FreeOutside { .. } => Some(checks.out_of_range),
            _ => None,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Alloc { slot, order, zone, mobility } => {
                write!(f, "alloc slot {slot} order {order}")?;
                if *zone != Zone::Normal {
                    write!(f, " {zone}")?;
                }
                if *mobility != Mobility::Unmovable {
                    write!(f, " {mobility}")?;
                }
                Ok(())
            }
            Op::AllocAt { slot, frame, order } => {
                write!(f, "alloc slot {slot} order {order} at {frame}")
            }
            Op::Free { slot } => write!(f, "free slot {slot}"),
            Op::FreeTwice { slot } => write!(f, "free slot {slot} twice"),
            Op::FreeWrongOrder { slot, order } => write!(f, "free slot {slot} as order {order}"),
            Op::FreeInside { slot, offset } => write!(f, "free frame {offset} of slot {slot}"),
            Op::FreeNever { frame, order } | Op::FreeOutside { frame, order } => {
                write!(f, "free order {order} at {frame}")
            }
            Op::Refill {} => write!(f, "free all and refill"),
            Op::Statistics { zone } => write!(f, "statistics of {zone}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::Profile;
    use super::super::{Frames, Run};
    use super::*;
    use crate::core::checks::{self, drawn};

    fn plain() -> Profile {
        Profile { most: Order(4), ..Profile::default() }
    }

    #[test]
    fn every_drawn_case_is_admitted_and_survives_json() {
        checks::drawn_cases_are_admitted::<Frames>(&[Profile::full(), plain()]);
    }

    #[test]
    fn every_case_of_the_small_tier_is_admitted_and_there_are_all_sequences() {
        let counts = checks::small_cases_are_admitted::<Frames>(&[Profile::full(), plain()]);
        // Sequences of six steps: up by one in three ways, or down in as many ways as there are live
        // blocks, of which the first three can be named.
        let mut ways = [1usize, 0, 0, 0, 0, 0, 0];
        for _ in 0..6 {
            let mut next = [0; 7];
            for (live, count) in ways.iter().enumerate().filter(|(_, count)| **count > 0) {
                if live < 6 {
                    next[live + 1] += 3 * count;
                }
                if live > 0 {
                    next[live - 1] += live.min(3) * count;
                }
            }
            ways = next;
        }
        let all: usize = ways.iter().sum();
        assert_eq!(counts, [all, all]);
    }

    #[test]
    fn every_chain_of_simpler_cases_ends() {
        checks::chains_of_simpler_cases_end::<Frames>(&Profile::full());
    }

    #[test]
    fn an_unknown_field_is_refused() {
        for text in [
            r#"{"free":{"slot":0,"slots":1}}"#,
            r#"{"alloc":{"slot":0,"order":0,"zone":"normal","mobility":"movable","at":1}}"#,
        ] {
            assert!(serde_json::from_str::<Op>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_out_of_place_is_refused_with_the_place() {
        let is_big = |case: &crate::core::Case<Frames>| {
            case.setup.zones.len() == 2 && case.setup.most >= Order(2)
        };
        let case = drawn::<Frames>(&Profile::full(), 500).find(is_big).unwrap();
        let with = |op| {
            let case = crate::core::Case { ops: vec![op], ..case.clone() };
            admits(&Profile::full(), &case).unwrap_err()
        };
        let (slot, order) = (0, Order(21));
        assert!(with(Op::FreeWrongOrder { slot, order }).starts_with("op 0: expected at most "));
        let (frame, order) = (Frame(4097), Order(1));
        let expected = "op 0: expected a frame aligned to order 1, found 0x1001";
        assert_eq!(with(Op::AllocAt { slot, frame, order }), expected);
        let mut turned = case.clone();
        turned.setup.zones.reverse();
        let expected = "setup: expected zones that rise and do not overlap, found others";
        assert_eq!(admits(&Profile::full(), &turned).unwrap_err(), expected);
        let mut outside = case.clone();
        let end = outside.setup.zones[1].run.end();
        outside.setup.zones[1].holes = vec![Run { base: end, frames: 1 }];
        let why = admits(&Profile::full(), &outside).unwrap_err();
        assert!(why.contains("expected holes and reserved frames inside it"), "{why}");
    }
}
