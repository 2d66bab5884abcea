//! The free blocks of a zone: a doubly linked list for each order and mobility, through the frames,
//! and one for each order of those that are isolated.
//!
//! Its nouns: the *list* (its first block, and how many there are), the *links* (of a head: the
//! next and the previous one in its list), and the *mask* (of a mobility: the orders whose lists
//! may hold something; none of the others does). A head is named by its place in the zone.
//! It does not cover the states: who pushes or takes out a head says at it what it is now.

use lawbook_spec::frames::Mobility;

use super::state::{LISTS, MOBILITIES, State, low_order};

/// No head.
const NONE: u32 = u32::MAX;
/// Of links: the next head.
const NEXT: usize = 0;
/// Of links: the previous head. Of the first in a list it is out of date: the list knows its first.
const PREVIOUS: usize = 1;

/// The lists of a zone.
pub(super) struct Lists {
    lists: [List; LISTS],
    masks: [u32; MOBILITIES],
    links: Vec<[u32; 2]>,
}

#[derive(Debug, Clone, Copy)]
struct List {
    first: u32,
    blocks: u32,
}

const EMPTY: List = List { first: NONE, blocks: 0 };

impl Lists {
    /// No block is free.
    pub(super) fn new(frames: usize) -> Self {
        // Zeros, so that the system can give pages when they are first written.
        Lists { lists: [EMPTY; LISTS], masks: [0; MOBILITIES], links: vec![[0; 2]; frames] }
    }

    /// The list of the least order, from this one on, that holds a block of a mobility. Lists that
    /// were emptied by merging are met here, and leave the mask: merging does not wait for it.
    #[inline]
    pub(super) fn least_from(&mut self, order: u8, mobility: Mobility) -> Option<State> {
        loop {
            let mask = &mut self.masks[mobility as usize];
            let orders = *mask >> order << order;
            if orders == 0 {
                return None;
            }
            let head = State::free(low_order(orders.trailing_zeros()), mobility);
            if self.lists[head.list()].first != NONE {
                return Some(head);
            }
            *mask &= !(1 << head.order());
        }
    }

    /// How many blocks are in a list.
    pub(super) fn blocks(&self, head: State) -> u64 {
        self.lists[head.list()].blocks.into()
    }

    /// How many bytes the links take.
    pub(super) fn link_bytes(&self) -> usize {
        self.links.capacity() * size_of::<[u32; 2]>()
    }

    /// Puts a head in front of its list.
    #[inline]
    pub(super) fn push(&mut self, at: u32, head: State) {
        let list = &mut self.lists[head.list()];
        let next = list.first;
        list.first = at;
        list.blocks += 1;
        self.links[at as usize][NEXT] = next;
        if next != NONE {
            self.links[next as usize][PREVIOUS] = at;
        }
        let (mask, bit) = (&mut self.masks[head.mobility()], 1 << head.order());
        if *mask & bit == 0 {
            *mask |= bit;
        }
    }

    /// Takes the first head out of its list, which holds one.
    #[inline]
    pub(super) fn pop(&mut self, head: State) -> u32 {
        let list = &mut self.lists[head.list()];
        let at = list.first;
        let next = self.links[at as usize][NEXT];
        list.first = next;
        list.blocks -= 1;
        if next == NONE {
            self.masks[head.mobility()] &= !(1 << head.order());
        }
        at
    }

    /// Takes a head out of its list, wherever in it. The mask is left as it is.
    #[inline]
    pub(super) fn unlink(&mut self, at: u32, head: State) {
        let list = &mut self.lists[head.list()];
        list.blocks -= 1;
        let [next, previous] = self.links[at as usize];
        if list.first == at {
            list.first = next;
            return;
        }
        self.links[previous as usize][NEXT] = next;
        if next != NONE {
            self.links[next as usize][PREVIOUS] = previous;
        }
    }
}
