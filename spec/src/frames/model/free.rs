//! The free blocks of a zone: what is free, cut into aligned blocks that are as large as they can be.
//!
//! There is one such cut for each set of free frames, so that it is remembered from op to op and
//! costs no look at all frames. It does not cover which frames may be free.

use std::collections::BTreeSet;

use super::super::{Frame, Order, Run};

/// The free blocks of a zone.
#[derive(Debug)]
pub(in super::super) struct FreeBlocks {
    /// By order: their first frames.
    heads: Vec<BTreeSet<Frame>>,
    frames: u64,
}

impl FreeBlocks {
    /// Nothing is free.
    pub(super) fn new(most: Order) -> Self {
        FreeBlocks { heads: vec![BTreeSet::new(); usize::from(most.0) + 1], frames: 0 }
    }

    /// How many frames are free.
    pub(in super::super) fn frames(&self) -> u64 {
        self.frames
    }

    /// How many blocks of each order are free.
    pub(in super::super) fn counts(&self) -> Vec<u64> {
        self.heads.iter().map(|heads| heads.len() as u64).collect()
    }

    /// How many blocks of an order can be handed out, one after the other.
    pub(in super::super) fn suitable(&self, order: Order) -> u64 {
        let from = usize::from(order.0);
        let heads = self.heads.iter().skip(from);
        heads.zip(0..).map(|(heads, above)| (heads.len() as u64) << above).sum()
    }

    /// The first free block of the smallest order that an order fits in.
    pub(in super::super) fn first(&self, order: Order) -> Option<Run> {
        let heads = self.heads.iter().skip(usize::from(order.0));
        let first = heads.filter_map(BTreeSet::first).next()?;
        Some(Run::block(*first, order))
    }

    /// Whether all of an aligned block is free.
    pub(in super::super) fn hold(&self, block: &Run) -> bool {
        self.around(block).is_some()
    }

    /// All blocks, by their first frames.
    pub(in super::super) fn blocks(&self) -> Vec<Run> {
        let mut all: Vec<Run> = Vec::new();
        for (heads, order) in self.heads.iter().zip(0..) {
            all.extend(heads.iter().map(|head| Run::block(*head, Order(order))));
        }
        all.sort_by_key(|block| block.base);
        all
    }

    /// Makes frames free that are not.
    pub(super) fn give(&mut self, run: Run) {
        let mut at = run.base;
        while at < run.end() {
            let rest = run.end().0 - at.0;
            let order = at.0.trailing_zeros().min(rest.ilog2());
            let block = Run { base: at, frames: 1 << order.min(self.greatest()) };
            self.give_block(block);
            at = block.end();
        }
    }

    fn give_block(&mut self, block: Run) {
        self.frames += block.frames;
        let (mut base, mut order) = (block.base.0, block.frames.trailing_zeros());
        while order < self.greatest()
            && self.heads[order as usize].remove(&Frame(base ^ 1 << order))
        {
            base &= !(1 << order);
            order += 1;
        }
        self.heads[order as usize].insert(Frame(base));
    }

    /// Takes an aligned block, if all of it is free.
    pub(super) fn take(&mut self, block: &Run) -> bool {
        let Some((mut head, mut order)) = self.around(block) else { return false };
        self.heads[order as usize].remove(&head);
        while 1 << order > block.frames {
            order -= 1;
            let upper = Frame(head.0 + (1 << order));
            let (kept, other) = if block.base < upper { (head, upper) } else { (upper, head) };
            self.heads[order as usize].insert(other);
            head = kept;
        }
        self.frames -= block.frames;
        true
    }

    /// Takes what is free in an aligned block; how many frames that is.
    pub(super) fn take_within(&mut self, block: &Run) -> u64 {
        if self.take(block) {
            return block.frames;
        }
        let before = self.frames;
        for (heads, order) in self.heads.iter_mut().zip(0..) {
            let inside: Vec<Frame> = heads.range(block.base..block.end()).copied().collect();
            for head in inside {
                heads.remove(&head);
                self.frames -= Order(order).frames();
            }
        }
        before - self.frames
    }

    /// The free block in which an aligned block lies.
    fn around(&self, block: &Run) -> Option<(Frame, u32)> {
        let orders = block.frames.trailing_zeros()..=self.greatest();
        let mut heads = orders.map(|order| (Frame(block.base.0 >> order << order), order));
        heads.find(|(head, order)| self.heads[*order as usize].contains(head))
    }

    fn greatest(&self) -> u32 {
        // There is a list for the order 0 at least.
        (0..).zip(&self.heads).last().map_or(0, |(order, _)| order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(base: u64, order: u8) -> Run {
        Run::block(Frame(base), Order(order))
    }

    #[test]
    fn what_is_given_is_cut_into_the_largest_aligned_blocks() {
        let mut free = FreeBlocks::new(Order(2));
        free.give(Run { base: Frame(5), frames: 12 });
        let expected = [block(5, 0), block(6, 1), block(8, 2), block(12, 2), block(16, 0)];
        assert_eq!(free.blocks(), expected);
        assert_eq!((free.frames(), free.counts()), (12, vec![2, 1, 2]));
        assert_eq!((free.suitable(Order(1)), free.suitable(Order(2))), (5, 2));
    }

    #[test]
    fn the_order_of_takes_and_gives_does_not_matter() {
        let all = || {
            let mut free = FreeBlocks::new(Order(3));
            free.give(block(0, 3));
            free
        };
        for frames in [[1, 4, 6], [6, 1, 4], [4, 6, 1]] {
            let mut free = all();
            assert!(frames.iter().all(|frame| free.take(&block(*frame, 0))));
            assert!(!free.take(&block(4, 1)) && !free.hold(&block(0, 2)));
            assert_eq!(free.blocks(), [block(0, 0), block(2, 1), block(5, 0), block(7, 0)]);
            frames.iter().for_each(|frame| free.give(block(*frame, 0)));
            assert_eq!(free.blocks(), all().blocks());
        }
    }

    #[test]
    fn what_is_taken_within_a_block_leaves_the_rest() {
        let mut free = FreeBlocks::new(Order(3));
        free.give(block(0, 3));
        assert_eq!(free.take_within(&block(2, 1)), 2);
        assert_eq!(free.blocks(), [block(0, 1), block(4, 2)]);
        assert_eq!(free.take_within(&block(0, 2)), 2);
        assert_eq!((free.frames(), free.first(Order(1))), (4, Some(block(4, 1))));
    }
}
