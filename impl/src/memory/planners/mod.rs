//! How a pass chooses which page goes to which frame.
//!
//! Its nouns: the *goal* (how many free blocks of which orders there are to be), and the *work* (what
//! a pass has done of its budget).
//! It does not cover how a page moves.

mod exact;
#[cfg(test)]
mod tests;
mod two_finger;

use std::fmt;

use lawbook_spec::memory::{Budget, Ended, Frame, Move, Pass, Planner, Watched};

use super::machine::Machine;
use super::pages::{Owner, Rank};

/// A way to plan passes.
pub(super) trait Plan: fmt::Debug + Send + Sync {
    /// Passes over the frames of a machine, moves what serves the goal, and stays in the budget.
    fn pass(&mut self, machine: &mut Machine, goal: &Goal, budget: Budget) -> Pass;
}

pub(super) fn open(planner: Planner) -> Box<dyn Plan> {
    match planner {
        Planner::TwoFinger => Box::new(two_finger::TwoFinger),
        Planner::Exact => Box::new(exact::Exact::default()),
    }
}

/// What a pass is for.
#[derive(Debug)]
pub(super) struct Goal {
    /// By rising orders.
    pub(super) wanted: Vec<Watched>,
    /// Whether that is the daemon's, which stops as soon as it is met.
    pub(super) ends_when_met: bool,
}

impl Goal {
    pub(super) fn is_met(&self, machine: &Machine) -> bool {
        self.wanted.iter().all(|wanted| machine.free_blocks(wanted.order) >= wanted.blocks)
    }
}

/// What stands at a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Free,
    Movable,
    Fixed,
}

impl Machine {
    fn stand(&self, rank: Rank) -> Stand {
        match self.frames.page(rank).owner {
            Owner::Free => Stand::Free,
            _ if self.is_movable(rank) => Stand::Movable,
            _ => Stand::Fixed,
        }
    }
}

/// What a pass has done.
#[derive(Debug)]
struct Work {
    budget: Budget,
    scanned: u64,
    moves: Vec<Move>,
    /// Whether the budget kept it from something.
    is_cut: bool,
}

impl Work {
    fn new(budget: Budget) -> Self {
        Work { budget, scanned: 0, moves: Vec::new(), is_cut: false }
    }

    /// Whether so many more frames may be looked at; then they count.
    fn scan(&mut self, frames: u64) -> bool {
        if frames > self.left() {
            self.scanned = self.budget.scanned;
            self.is_cut = true;
            return false;
        }
        self.scanned += frames;
        true
    }

    /// How many more frames may be looked at.
    fn left(&self) -> u64 {
        self.budget.scanned - self.scanned
    }

    /// Whether one more page may be moved.
    fn may_move(&mut self) -> bool {
        let may = (self.moves.len() as u64) < self.budget.moved;
        self.is_cut |= !may;
        may
    }

    /// Moves a page, unless its target is refused; then it stays.
    fn relocate(&mut self, machine: &mut Machine, from: Rank, to: Rank) -> bool {
        let moved = machine.relocate(from, to);
        self.moves.extend(moved.ok().map(|(from, to)| Move { from, to }));
        moved.is_ok()
    }

    fn end(self, met: Vec<Frame>, goal: Option<Ended>) -> Pass {
        let cut = if self.is_cut { Ended::Budget } else { Ended::Whole };
        Pass { scanned: self.scanned, moves: self.moves, met, ended: goal.unwrap_or(cut) }
    }
}
