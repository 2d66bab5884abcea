//! The slot table of a case: which block each slot holds, and which frames are live by that.
//!
//! The driver has one, to know what an op is about; the memory of the laws has one of its own.
//! It does not cover whether a block that fills a slot is one that may be handed out.

use std::collections::BTreeMap;

use super::cases::Op;
use super::{Frame, Mobility, Order, Run};

/// The slots, all empty at first.
#[derive(Debug, Default)]
pub(super) struct Slots {
    held: BTreeMap<u32, (Frame, Order)>,
    /// With the mobility that was asked for, where one was.
    live: BTreeMap<Frame, (Order, Option<Mobility>)>,
}

impl Slots {
    /// The block of a slot, if it holds one.
    pub(super) fn get(&self, slot: u32) -> Option<(Frame, Order)> {
        self.held.get(&slot).copied()
    }

    /// The block of a slot of which an op is not skipped.
    ///
    /// # Panics
    ///
    /// When the slot is empty.
    pub(super) fn block(&self, slot: u32) -> (Frame, Order) {
        self.get(slot).expect("an op on an empty slot is skipped")
    }

    /// The slots that hold a block, rising.
    pub(super) fn full(&self) -> Vec<u32> {
        self.held.keys().copied().collect()
    }

    /// How many slots hold a block.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn fill(
        &mut self,
        slot: u32,
        frame: Frame,
        order: Order,
        mobility: Option<Mobility>,
    ) {
        self.held.insert(slot, (frame, order));
        self.live.insert(frame, (order, mobility));
    }

    pub(super) fn empty(&mut self, slot: u32) {
        if let Some((frame, _)) = self.held.remove(&slot) {
            self.live.remove(&frame);
        }
    }

    /// The live block that has a frame in common with this run, if there is one.
    pub(super) fn live_in(&self, run: &Run) -> Option<Run> {
        // Blocks are apart from each other, so that only the last one before its end can reach in.
        let (base, (order, _)) = self.live.range(..run.end()).next_back()?;
        Some(Run::block(*base, *order)).filter(|block| block.overlaps(run))
    }

    /// The live blocks of which a frame is in this run, from the last one to the first, each with
    /// the mobility that was asked for.
    pub(super) fn lives_in(&self, run: Run) -> impl Iterator<Item = (Run, Option<Mobility>)> {
        let before = self.live.range(..run.end()).rev();
        let blocks = before.map(|(base, (order, mobility))| (Run::block(*base, *order), *mobility));
        blocks.take_while(move |(block, _)| block.overlaps(&run))
    }

    /// Whether the slots do not allow an op.
    pub(super) fn skips(&self, op: &Op) -> bool {
        match op {
            Op::Alloc { slot, .. } | Op::AllocAt { slot, .. } => self.get(*slot).is_some(),
            Op::Free { slot } | Op::FreeTwice { slot } => self.get(*slot).is_none(),
            Op::FreeWrongOrder { slot, order } => {
                self.get(*slot).is_none_or(|(_, own)| own == *order)
            }
            Op::FreeInside { slot, offset, order } => {
                let has = |own: u64| *offset > 0 && offset.saturating_add(order.frames()) <= own;
                !self.get(*slot).is_some_and(|(_, own)| has(own.frames()))
            }
            Op::FreeNever { frame, order } => self.live_in(&Run::block(*frame, *order)).is_some(),
            Op::AllocBeyond { .. }
            | Op::FreeOutside { .. }
            | Op::Refill {}
            | Op::Drain {}
            | Op::Isolate { .. }
            | Op::Unisolate { .. }
            | Op::Statistics { .. }
            | Op::Fragmentation { .. } => false,
        }
    }
}
