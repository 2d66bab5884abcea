//! Faults in which frames are free, and in what is told of them.
//!
//! It does not cover frames that a migration leaves: that is `migration`.

use std::cell::Cell;

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::{Memory, Undone};

use super::super::decisions::{Decisions, Halfway, Next, Progress, Right};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Memory>; 6] = [
    fault::<FreeCountIsLost>(
        "free-count-is-lost",
        "MEMORY-13",
        "Each migration that is given up takes one from the count of free frames.",
        "constructed: a count that a way out does not put right",
    ),
    fault::<ZonesAreAddedUp>(
        "zones-are-added-up",
        "MEMORY-00",
        "The free frames of all zones are told as one number.",
        "constructed: a count that knows no zones",
    ),
    fault::<FirstWriteKeepsThePage>(
        "first-write-keeps-the-page",
        "MEMORY-13",
        "A first write that finds no frame for the copy leaves the file's page without a count.",
        "constructed: half a fault is undone by half",
    ),
    fault::<ForkKeepsTheCopies>(
        "fork-keeps-the-copies",
        "MEMORY-15",
        "A fork that finds no frame keeps those that it has.",
        "constructed: half a fork is undone by half",
    ),
    fault::<BlockLosesItsLastFrame>(
        "block-loses-its-last-frame",
        "MEMORY-14",
        "The last frame of a kernel's block of more than one is not given back.",
        "constructed: an end that is one off",
    ),
    fault::<KeepsAReserve>(
        "keeps-a-reserve",
        "MEMORY-12",
        "The last two frames are handed out to nobody.",
        "constructed: a reserve for those who free memory, kept against all",
    ),
];

#[derive(Default)]
struct FreeCountIsLost(Cell<u64>);

impl Decisions for FreeCountIsLost {
    fn gives_up(&self, progress: &Progress, next: Next) -> Option<Undone> {
        let why = Right.gives_up(progress, next);
        self.0.set(self.0.get() + u64::from(why.is_some()));
        why
    }

    fn free_told(&self, mut free: Vec<u64>) -> Vec<u64> {
        for free in &mut free {
            *free = free.saturating_sub(self.0.get());
        }
        free
    }
}

#[derive(Default)]
struct ZonesAreAddedUp;

impl Decisions for ZonesAreAddedUp {
    fn free_told(&self, free: Vec<u64>) -> Vec<u64> {
        vec![free.iter().sum()]
    }
}

#[derive(Default)]
struct FirstWriteKeepsThePage;

impl Decisions for FirstWriteKeepsThePage {
    fn gives_back(&self, halfway: Halfway) -> bool {
        halfway != Halfway::FirstWrite
    }
}

#[derive(Default)]
struct ForkKeepsTheCopies;

impl Decisions for ForkKeepsTheCopies {
    fn gives_back(&self, halfway: Halfway) -> bool {
        halfway != Halfway::Fork
    }
}

#[derive(Default)]
struct BlockLosesItsLastFrame;

impl Decisions for BlockLosesItsLastFrame {
    fn freed(&self, frames: usize) -> usize {
        frames.div_ceil(2).max(frames - 1)
    }
}

#[derive(Default)]
struct KeepsAReserve;

impl Decisions for KeepsAReserve {
    fn reserve(&self) -> usize {
        2
    }
}
