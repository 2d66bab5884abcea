//! The byte that is kept for each frame: what stands at it.
//!
//! Its nouns: the *head* (free, isolated or live, with its order and its mobility) and what is no
//! head: a tail, a hole, a reserved frame. A tail does not say of which block it is, so that nothing is
//! written to it when its block is handed out or taken back.
//! It does not cover what may follow what: that is in `buddy`.

use lawbook_spec::frames::{Mobility, Order};

/// What stands at a frame. Of a head the low 5 bits are the order, the next 2 the mobility, and the
/// top one says whether it is live; no order is above 20, so that the rest is free for other uses.
/// The fourth mobility is that of free blocks that are isolated; no live block has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State(u8);

const LIVE: u8 = 0x80;
const MOBILITY: u8 = 0x60;
const MOBILITY_SHIFT: u32 = 5;
const ISOLATED: u8 = 0x60;
/// Added to a head that is not live, it carries into the top bit when the head is isolated, and
/// stays within the mobility when it is not.
const CARRY: u8 = 0x20;
const ORDER: u8 = 0x1f;

impl State {
    /// A frame behind a head, at which no free block began yet.
    pub(super) const TAIL: State = State(0x1f);
    /// A frame behind a head, at which a free block began until it was merged with its buddy.
    pub(super) const MERGED: State = State(0x1e);
    /// No frame.
    pub(super) const HOLE: State = State(0x1d);
    /// A frame that is never handed out.
    pub(super) const RESERVED: State = State(0x1c);

    /// The head of a free block.
    #[inline]
    pub(super) fn free(order: u8, mobility: Mobility) -> State {
        State(order | (mobility as u8) << MOBILITY_SHIFT)
    }

    /// The head of a free block that is isolated.
    #[inline]
    pub(super) fn isolated(order: u8) -> State {
        State(order | ISOLATED)
    }

    /// The head of a live block.
    #[inline]
    pub(super) fn live(order: u8, mobility: Mobility) -> State {
        State(State::free(order, mobility).0 | LIVE)
    }

    /// The head of a free block with the mobility of this head.
    #[inline]
    pub(super) fn to_free(self, order: u8) -> State {
        State(self.0 & MOBILITY | order)
    }

    /// The head of a live block with the mobility of this head.
    #[inline]
    pub(super) fn to_live(self, order: u8) -> State {
        State(self.0 & MOBILITY | order | LIVE)
    }

    /// Whether it is the head of a free block of this order that is not isolated.
    #[inline]
    pub(super) fn is_free(self, order: u8) -> bool {
        self.0.wrapping_add(CARRY) & !MOBILITY == order
    }

    /// Whether it is the head of a free block of this order that is isolated.
    #[inline]
    pub(super) fn is_isolated(self, order: u8) -> bool {
        self == State::isolated(order)
    }

    /// Whether it is the head of a free block of any order, isolated or not.
    pub(super) fn is_any_free(self) -> bool {
        self.0 & !MOBILITY < State::RESERVED.0
    }

    /// Whether its frame can be handed out.
    pub(super) fn is_managed(self) -> bool {
        !matches!(self, State::HOLE | State::RESERVED)
    }

    /// Whether it is the head of a live block of this order; any order may be asked for.
    #[inline]
    pub(super) fn is_live(self, order: Order) -> bool {
        u16::from(self.0 & !MOBILITY) == u16::from(LIVE) + u16::from(order.0)
    }

    /// Whether it is the head of a block of this order.
    pub(super) fn is_head(self, order: u8) -> bool {
        self.0 & ORDER == order
    }

    /// Whether it is the head of a live block.
    pub(super) fn is_any_live(self) -> bool {
        self.0 & LIVE != 0
    }

    /// Of a head: its order.
    #[inline]
    pub(super) fn order(self) -> u8 {
        self.0 & ORDER
    }

    /// Of a head: the number of its mobility, below [`MOBILITIES`].
    #[inline]
    pub(super) fn mobility(self) -> usize {
        usize::from((self.0 & MOBILITY) >> MOBILITY_SHIFT)
    }

    /// Of the head of a free block: the number of its list, below [`LISTS`].
    #[inline]
    pub(super) fn list(self) -> usize {
        usize::from(self.0 & !LIVE)
    }
}

/// How many mobilities a state can tell apart, that of isolated blocks being the last.
pub(super) const MOBILITIES: usize = 4;
/// How many lists a state can tell apart.
pub(super) const LISTS: usize = 128;

/// An order that was found in 32 bits.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "a number of 32 bits has few of them")]
pub(super) fn low_order(bit: u32) -> u8 {
    bit as u8
}
