//! The chains: for each frame the places of the PTEs that point to it, one link for each.
//!
//! It is the reverse map that takes memory for every mapping, kept beside the one by objects. A link
//! is put in front, and taken out by a walk along the chain.
//! It does not cover the PTEs themselves.

use lawbook_spec::memory::{Page, Place, Process};

/// No link.
const NONE: u32 = u32::MAX;

/// The first link of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain(u32);

impl Chain {
    pub(super) const EMPTY: Chain = Chain(NONE);
}

#[derive(Debug, Clone, Copy)]
struct Link {
    page: Page,
    process: Process,
    next: u32,
}

/// The links of all chains.
#[derive(Debug)]
pub(super) struct Chains {
    links: Vec<Link>,
    /// The first of the links that are in no chain.
    unused: u32,
}

impl Chains {
    pub(super) fn new() -> Self {
        Chains { links: Vec::new(), unused: NONE }
    }

    /// Puts a place in front of a chain.
    pub(super) fn push(&mut self, chain: &mut Chain, place: Place) {
        let link = Link { page: place.page, process: place.process, next: chain.0 };
        if self.unused == NONE {
            chain.0 = u32::try_from(self.links.len()).expect("fewer PTEs than 2^32");
            self.links.push(link);
        } else {
            chain.0 = self.unused;
            let unused = &mut self.links[self.unused as usize];
            self.unused = unused.next;
            *unused = link;
        }
    }

    /// Takes a place, which is in it, out of a chain.
    pub(super) fn remove(&mut self, chain: &mut Chain, place: Place) {
        let mut before = NONE;
        let mut at = chain.0;
        while at != NONE && self.place(at) != place {
            before = at;
            at = self.links[at as usize].next;
        }
        debug_assert_ne!(at, NONE, "every PTE is in the chain of its frame");
        let Some(link) = self.links.get_mut(at as usize) else { return };
        let next = std::mem::replace(&mut link.next, self.unused);
        self.unused = at;
        match before {
            NONE => chain.0 = next,
            before => self.links[before as usize].next = next,
        }
    }

    /// The places of a chain, the latest first.
    pub(super) fn places(&self, chain: Chain) -> impl Iterator<Item = Place> {
        let first = Some(chain.0).filter(|at| *at != NONE);
        let next = |at: &u32| Some(self.links[*at as usize].next).filter(|next| *next != NONE);
        std::iter::successors(first, next).map(|at| self.place(at))
    }

    pub(super) fn bookkeeping_bytes(&self) -> usize {
        size_of_val(self.links.as_slice())
    }

    fn place(&self, at: u32) -> Place {
        let Link { page, process, .. } = self.links[at as usize];
        Place { process, page }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(process: u8, page: u32) -> Place {
        Place { process: Process(process), page: Page(page) }
    }

    #[test]
    fn a_link_is_taken_out_wherever_it_is_and_used_again() {
        let places = [place(0, 1), place(1, 2), place(2, 3)];
        for gone in places {
            let mut chains = Chains::new();
            let mut chain = Chain::EMPTY;
            places.iter().for_each(|place| chains.push(&mut chain, *place));
            chains.remove(&mut chain, gone);
            let left: Vec<Place> = chains.places(chain).collect();
            let expected: Vec<Place> =
                places.iter().rev().copied().filter(|place| *place != gone).collect();
            assert_eq!(left, expected);
            let mut other = Chain::EMPTY;
            chains.push(&mut other, gone);
            assert_eq!(chains.links.len(), 3);
            assert_eq!(chains.places(other).collect::<Vec<_>>(), [gone]);
            assert_eq!(chains.places(chain).count(), 2);
        }
    }
}
