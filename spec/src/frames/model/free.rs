//! The free blocks of a zone: what is free, cut into aligned blocks that are as large as they can be.
//!
//! There is one such cut for each set of free frames, so that it is remembered from op to op and
//! costs no look at all frames. It does not cover which frames may be free.

use std::collections::BTreeMap;

use super::super::{Frame, Order, Run};

/// The free blocks of a zone.
#[derive(Debug)]
pub(in super::super) struct FreeBlocks {
    /// By their first frames: their orders.
    blocks: BTreeMap<Frame, Order>,
    /// How many there are of each order.
    counts: Vec<u64>,
    most: Order,
    frames: u64,
}

impl FreeBlocks {
    /// Nothing is free.
    pub(super) fn new(most: Order) -> Self {
        let counts = vec![0; usize::from(most.0) + 1];
        FreeBlocks { blocks: BTreeMap::new(), counts, most, frames: 0 }
    }

    /// How many frames are free.
    pub(in super::super) fn frames(&self) -> u64 {
        self.frames
    }

    /// How many blocks of each order are free.
    pub(in super::super) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many blocks of an order can be handed out, one after the other.
    pub(in super::super) fn suitable(&self, order: Order) -> u64 {
        let counts = self.counts.iter().skip(usize::from(order.0));
        counts.zip(0..).map(|(count, above)| count << above).sum()
    }

    /// The first free block of the smallest order that an order fits in.
    pub(in super::super) fn first(&self, order: Order) -> Option<Run> {
        let fitting = self.blocks.iter().filter(|(_, own)| **own >= order);
        let (head, _) = fitting.min_by_key(|(_, own)| **own)?;
        Some(Run::block(*head, order))
    }

    /// Whether all of an aligned block is free.
    pub(in super::super) fn hold(&self, block: &Run) -> bool {
        self.around(block).is_some()
    }

    /// All blocks, by their first frames.
    pub(in super::super) fn blocks(&self) -> Vec<Run> {
        self.blocks.iter().map(|(head, order)| Run::block(*head, *order)).collect()
    }

    /// Makes frames free that are not.
    pub(super) fn give(&mut self, run: Run) {
        let mut at = run.base;
        while at < run.end() {
            let rest = run.end().0 - at.0;
            let order = at.0.trailing_zeros().min(rest.ilog2()).min(self.most.0.into());
            let order = Order(u8::try_from(order).expect("no order is above the greatest"));
            self.give_block(at, order);
            at = Run::block(at, order).end();
        }
    }

    fn give_block(&mut self, head: Frame, order: Order) {
        let (mut head, mut order) = (head, order);
        while order < self.most {
            let buddy = Frame(head.0 ^ order.frames());
            if self.blocks.get(&buddy) != Some(&order) {
                break;
            }
            self.remove(buddy, order);
            head = head.min(buddy);
            order = Order(order.0 + 1);
        }
        self.insert(head, order);
    }

    /// Takes an aligned block, if all of it is free.
    pub(super) fn take(&mut self, block: &Run) -> bool {
        let Some((mut head, mut order)) = self.around(block) else { return false };
        self.remove(head, order);
        while order.frames() > block.frames {
            order = Order(order.0 - 1);
            let upper = Frame(head.0 + order.frames());
            let (kept, other) = if block.base < upper { (head, upper) } else { (upper, head) };
            self.insert(other, order);
            head = kept;
        }
        true
    }

    /// Takes what is free in an aligned block; how many frames that is.
    pub(super) fn take_within(&mut self, block: &Run) -> u64 {
        if self.take(block) {
            return block.frames;
        }
        let before = self.frames;
        let inside = self.blocks.range(block.base..block.end());
        let inside: Vec<_> = inside.map(|(head, order)| (*head, *order)).collect();
        for (head, order) in inside {
            self.remove(head, order);
        }
        before - self.frames
    }

    fn insert(&mut self, head: Frame, order: Order) {
        self.blocks.insert(head, order);
        self.counts[usize::from(order.0)] += 1;
        self.frames += order.frames();
    }

    /// Removes a block that there is.
    fn remove(&mut self, head: Frame, order: Order) {
        self.blocks.remove(&head);
        self.counts[usize::from(order.0)] -= 1;
        self.frames -= order.frames();
    }

    /// The free block in which an aligned block lies. One that is not aligned, which only breaks a
    /// law, counts as the aligned one around its first frame.
    fn around(&self, block: &Run) -> Option<(Frame, Order)> {
        let base = Frame(block.base.0 & !(block.frames - 1));
        let (head, order) = self.blocks.range(..=base).next_back()?;
        let aligned = Run { base, frames: block.frames };
        Run::block(*head, *order).holds(&aligned).then_some((*head, *order))
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
        assert_eq!((free.frames(), free.counts()), (12, &[2, 1, 2][..]));
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
