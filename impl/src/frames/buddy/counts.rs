//! What is told of a zone: how much of it is free, in which blocks, and what that means for larger
//! requests.
//!
//! It does not cover how the blocks are counted: the lists do, as they change.

use lawbook_spec::frames::{Fragmentation, Mobility, Order, Statistics};

use super::super::state::State;
use super::Buddy;

const MOBILITIES: [Mobility; 3] = [Mobility::Unmovable, Mobility::Reclaimable, Mobility::Movable];

impl Buddy {
    /// How many frames are free and not isolated.
    pub(in super::super) fn free_frames(&self) -> u64 {
        self.free_frames
    }

    pub(in super::super) fn bookkeeping_bytes(&self) -> usize {
        self.states.capacity() * size_of::<State>() + self.lists.link_bytes()
    }

    pub(in super::super) fn statistics(&self) -> Statistics {
        let of = |head: &dyn Fn(u8) -> State| {
            (0..=self.most).map(|order| self.lists.blocks(head(order))).collect()
        };
        Statistics {
            blocks: MOBILITIES.map(|mobility| of(&|order| State::free(order, mobility))),
            isolated: of(&State::isolated),
        }
    }

    /// The formulas of Linux, over what is free and not isolated. What is suitable for requests of an
    /// order are the blocks of that order and those above.
    pub(in super::super) fn fragmentation(&self, order: Order) -> Fragmentation {
        let (mut blocks, mut suitable_frames) = (0, 0);
        for of in 0..=self.most {
            let count: u64 = MOBILITIES
                .iter()
                .map(|mobility| self.lists.blocks(State::free(of, *mobility)))
                .sum();
            blocks += count;
            if of >= order.0 {
                suitable_frames += count << of;
            }
        }
        let free = self.free_frames;
        let index = if blocks == 0 {
            0
        } else if suitable_frames > 0 {
            -1000
        } else {
            // No request is so large that none of a thousandth of it is free: from order 64 on.
            let requests = (free * 1000).checked_shr(order.0.into()).unwrap_or(0);
            1000 - i64::try_from((1000 + requests) / blocks).expect("a zone has few frames")
        };
        let external = ((free - suitable_frames) * 100).checked_div(free).unwrap_or(0);
        Fragmentation { index, external }
    }
}
