//! The free blocks of a zone: a doubly linked list for each order and mobility, through the frames.
//!
//! Its nouns: the *list* (its first block, and how many there are), the *links* (of a head: the
//! next and the previous one in its list), and the *mask* (of a mobility: the orders whose lists
//! hold something). A head is named by its place in the zone.
//! It does not cover the states: who pushes or takes out a head says at it what it is now.

use lawbook_spec::frames::Mobility;

use super::state::{LISTS, MOBILITIES, State};

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

    /// Which orders, from this one on, have a free block of a mobility: a bit each.
    #[inline]
    pub(super) fn orders_from(&self, order: u8, mobility: Mobility) -> u32 {
        self.masks[mobility as usize] >> order << order
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
        self.masks[head.mobility()] |= 1 << head.order();
    }

    /// Takes the first head out of its list, which holds one.
    #[inline]
    pub(super) fn pop(&mut self, head: State) -> u32 {
        let list = &mut self.lists[head.list()];
        let at = list.first;
        let next = self.links[at as usize][NEXT];
        list.first = next;
        list.blocks -= 1;
        self.masks[head.mobility()] &= !(u32::from(next == NONE) << head.order());
        at
    }

    /// Takes a head out of its list, wherever in it.
    #[inline]
    pub(super) fn unlink(&mut self, at: u32, head: State) {
        let list = &mut self.lists[head.list()];
        if list.first == at {
            self.pop(head);
            return;
        }
        list.blocks -= 1;
        let [next, previous] = self.links[at as usize];
        self.links[previous as usize][NEXT] = next;
        if next != NONE {
            self.links[next as usize][PREVIOUS] = previous;
        }
    }
}
