//! Isolated pageblocks of a zone: nothing of them is handed out, and nothing is merged across their
//! borders.
//!
//! Its nouns: the *number* of a pageblock (how many begin before it, counted from the phase), and its
//! *part* (the places of those of its frames that are in the zone).
//!
//! A free block that is isolated lies in one pageblock and stands in the lists of a mobility of its
//! own, in which no request looks. While no pageblock of a zone is isolated, all that this costs is a
//! look at whether one is when a block is taken back.
//! It does not cover whether a request to isolate is sound: that is in `allocator`.

use std::ops::Range;

use lawbook_spec::frames::{Mobility, Run};

use super::super::state::State;
use super::Buddy;

impl Buddy {
    pub(in super::super) fn is_isolated(&self, pageblock: &Run) -> bool {
        let part = self.part(pageblock);
        part.is_some_and(|part| self.isolated.contains(&self.number(part.start)))
    }

    /// Isolates a pageblock that is not, and whether it has frames here that can be handed out:
    /// otherwise nothing is changed.
    pub(in super::super) fn isolate(&mut self, pageblock: &Run) -> bool {
        let Some(part) = self.part(pageblock) else { return false };
        let mut states = part.clone().map(|at| self.states[at as usize]);
        if !states.any(State::is_managed) {
            return false;
        }
        self.isolated.insert(self.number(part.start));
        // All of it is free, as a block or as a part of a greater one; or there are smaller ones.
        if self.carve(part.start, self.pageblock).is_some() {
            self.put(part.start, State::isolated(self.pageblock));
            return true;
        }
        for (at, head) in self.free_heads(part) {
            let order = head.order();
            self.lists.unlink(at, head);
            self.free_frames -= 1 << order;
            self.put(at, State::isolated(order));
        }
        true
    }

    /// Undoes that, if it was done here.
    pub(in super::super) fn unisolate(&mut self, pageblock: &Run) {
        let Some(part) = self.part(pageblock) else { return };
        if !self.isolated.remove(&self.number(part.start)) {
            return;
        }
        for (at, head) in self.free_heads(part) {
            let order = head.order();
            self.lists.unlink(at, head);
            self.give(at, order, State::free(order, Mobility::Movable));
        }
    }

    /// Makes a block free, with the mobility of a head, but for what of it is isolated.
    #[inline(never)]
    pub(super) fn give_beside_isolated(&mut self, at: u32, order: u8, head: State) {
        let last = at + ((1 << order) - 1);
        let mut isolated = self.isolated.range(self.number(at)..=self.number(last));
        if isolated.next().is_none() {
            self.give(at, order, head);
        } else if order <= self.pageblock {
            let (at, order) = self.merge(at, order, self.pageblock, State::is_isolated);
            self.put(at, State::isolated(order));
        } else {
            let half = order - 1;
            self.give_beside_isolated(at, half, head);
            self.give_beside_isolated(at + (1 << half), half, head);
        }
    }

    fn number(&self, at: u32) -> u32 {
        (at + self.phase) >> self.pageblock
    }

    /// None where the zone has no frame of the pageblock.
    fn part(&self, pageblock: &Run) -> Option<Range<u32>> {
        let place = |frame: u64| {
            let place = frame.saturating_sub(self.base).min(self.states.len() as u64);
            u32::try_from(place).expect("a zone has few frames")
        };
        let part = place(pageblock.base.0)..place(pageblock.end().0);
        (!part.is_empty()).then_some(part)
    }

    /// The heads of all free blocks in these places.
    fn free_heads(&self, part: Range<u32>) -> Vec<(u32, State)> {
        let heads = part.map(|at| (at, self.states[at as usize]));
        heads.filter(|(_, state)| state.is_any_free()).collect()
    }
}
