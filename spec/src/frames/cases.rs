//! What a case says: ops on slots, and how a story tells them.
//!
//! How cases are drawn, admitted, simplified and enumerated is in the files below. It does not cover
//! what an allocator should answer.

mod admit;
mod draw;
mod simpler;
mod slots;
mod small;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contract::{Checks, Sight};
use super::{Frame, Mobility, Order, Zone};
use crate::core::KindOf;

pub(super) use self::admit::admits;
pub(super) use self::draw::{Draft, draw_op, draw_setup, draw_setup_of};
pub(super) use self::simpler::simpler;
pub(super) use self::slots::slots;
pub(super) use self::small::small;

/// One thing that a case asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// Asks for a block. Skipped when the slot is full; a block that is handed out fills it.
    Alloc {
        /// Where the case keeps it.
        slot: u32,
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
        slot: u32,
        /// The first frame, aligned.
        frame: Frame,
        /// Of which order.
        order: Order,
    },
    /// Misuse: asks for a block of an order above the greatest.
    AllocBeyond {
        /// Of which.
        order: Order,
    },
    /// Gives a block back. Skipped when the slot is empty.
    Free {
        /// Which.
        slot: u32,
    },
    /// Misuse: gives a block back twice, with nothing in between; once when the first time it is
    /// refused. Skipped when the slot is empty.
    FreeTwice {
        /// Which.
        slot: u32,
    },
    /// Misuse: gives a block back with an order that it does not have. Skipped when the slot is
    /// empty, or its block has this order.
    FreeWrongOrder {
        /// Which.
        slot: u32,
        /// The order.
        order: Order,
    },
    /// Misuse: gives back a smaller block inside a block. Skipped when the slot is empty, or its
    /// block has none there.
    FreeInside {
        /// Which.
        slot: u32,
        /// How far from its first frame: at least 1.
        offset: u64,
        /// Of which order.
        order: Order,
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
    /// Frees all and drains the caches, then takes every block of the greatest order, and frees them
    /// again.
    Refill {},
    /// Empties all caches.
    Drain {},
    /// Isolates a pageblock.
    Isolate {
        /// Its first frame.
        frame: Frame,
    },
    /// Undoes that.
    Unisolate {
        /// The first frame of the pageblock.
        frame: Frame,
    },
    /// Asks what is free.
    Statistics {
        /// In which zone.
        zone: Zone,
    },
    /// Asks how fragmented a zone is.
    Fragmentation {
        /// Which.
        zone: Zone,
        /// For requests of which order.
        order: Order,
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
    /// The misuses.
    Misuse,
    /// [`Op::Refill`].
    Refill,
    /// [`Op::Drain`].
    Drain,
    /// [`Op::Isolate`] and [`Op::Unisolate`].
    Isolate,
    /// [`Op::Statistics`].
    Statistics,
    /// [`Op::Fragmentation`].
    Fragmentation,
}

pub(super) const KINDS: &[KindOf<Kind>] = &[
    KindOf { kind: Kind::Alloc, name: "alloc", weight: 90, producer: true },
    KindOf { kind: Kind::AllocAt, name: "alloc_at", weight: 18, producer: false },
    KindOf { kind: Kind::Free, name: "free", weight: 72, producer: false },
    KindOf { kind: Kind::Misuse, name: "misuse", weight: 24, producer: false },
    KindOf { kind: Kind::Refill, name: "refill", weight: 4, producer: false },
    KindOf { kind: Kind::Drain, name: "drain", weight: 4, producer: false },
    KindOf { kind: Kind::Isolate, name: "isolate", weight: 14, producer: false },
    KindOf { kind: Kind::Statistics, name: "statistics", weight: 20, producer: false },
    KindOf { kind: Kind::Fragmentation, name: "fragmentation", weight: 10, producer: false },
];

impl Op {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Op::Alloc { .. } => Kind::Alloc,
            Op::AllocAt { .. } => Kind::AllocAt,
            Op::Free { .. } => Kind::Free,
            Op::AllocBeyond { .. }
            | Op::FreeTwice { .. }
            | Op::FreeWrongOrder { .. }
            | Op::FreeInside { .. }
            | Op::FreeNever { .. }
            | Op::FreeOutside { .. } => Kind::Misuse,
            Op::Refill {} => Kind::Refill,
            Op::Drain {} => Kind::Drain,
            Op::Isolate { .. } | Op::Unisolate { .. } => Kind::Isolate,
            Op::Statistics { .. } => Kind::Statistics,
            Op::Fragmentation { .. } => Kind::Fragmentation,
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
            Op::AllocBeyond { .. } => Some(checks.order_beyond),
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
            Op::AllocBeyond { order } => write!(f, "alloc order {order}"),
            Op::Free { slot } => write!(f, "free slot {slot}"),
            Op::FreeTwice { slot } => write!(f, "free slot {slot} twice"),
            Op::FreeWrongOrder { slot, order } => write!(f, "free slot {slot} as order {order}"),
            Op::FreeInside { slot, offset, order } => {
                write!(f, "free order {order} at frame {offset} of slot {slot}")
            }
            Op::FreeNever { frame, order } | Op::FreeOutside { frame, order } => {
                write!(f, "free order {order} at {frame}")
            }
            Op::Refill {} => write!(f, "free all and refill"),
            Op::Drain {} => write!(f, "drain"),
            Op::Isolate { frame } => write!(f, "isolate the pageblock at {frame}"),
            Op::Unisolate { frame } => write!(f, "undo the isolation at {frame}"),
            Op::Statistics { zone } => write!(f, "statistics of {zone}"),
            Op::Fragmentation { zone, order } => {
                write!(f, "fragmentation of {zone} for order {order}")
            }
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
        // Sequences of steps: up by one in three ways, or down in as many ways as there are live
        // blocks.
        let sequences = |length: u32| {
            let mut ways = [1usize, 0, 0, 0, 0, 0, 0];
            for _ in 0..length {
                let mut next = [0; 7];
                for (live, count) in ways.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                    next[live + 1] += 3 * count;
                    next[live.saturating_sub(1)] += live * count;
                }
                ways = next;
            }
            ways.into_iter().sum::<usize>()
        };
        assert_eq!(counts[1], sequences(6) + sequences(3));
        // 17 ops fill a slot and 24 need none; each live block has five misuses that leave it live,
        // and one that does not, as has a free.
        let third = |live: usize| 17 + 24 + 7 * live;
        let second = |live: usize| {
            let down = 2 * live * third(live.saturating_sub(1));
            17 * third(live + 1) + (24 + 5 * live) * third(live) + down
        };
        let first = 17 * second(1) + 24 * second(0);
        assert_eq!(counts[0], sequences(6) + first);
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
        let (slot, order) = (0, Order(64));
        assert!(with(Op::FreeWrongOrder { slot, order }).starts_with("op 0: expected at most 63"));
        let (frame, order) = (Frame(0), Order(11));
        assert!(with(Op::AllocAt { slot, frame, order }).starts_with("op 0: expected at most "));
        let order = Order(0);
        let why = with(Op::AllocAt { slot: 1 << 24, frame, order });
        assert!(why.starts_with("op 0: expected at most 16777215 for the slot"), "{why}");
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
