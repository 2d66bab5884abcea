//! Two fingers in each zone: one goes up from its first frame and stops at free frames, one goes down
//! from its last and stops at pages that can move, which go from the one to the other until the
//! fingers meet. Each frame is looked at once.
//!
//! It does not cover whether that makes a block of the order that is wanted.

use lawbook_spec::memory::{Budget, Ended, Frame, Pass};

use super::super::machine::Machine;
use super::super::pages::{Rank, Span};
use super::{Goal, Plan, Stand, Work};

#[derive(Debug)]
pub(super) struct TwoFinger;

/// The frames between the fingers.
struct Fingers {
    low: Rank,
    high: Rank,
}

impl Plan for TwoFinger {
    fn pass(&mut self, machine: &mut Machine, goal: &Goal, budget: Budget) -> Pass {
        let mut work = Work::new(budget);
        let spans = machine.frames.spans().to_vec();
        let mut is_met = false;
        let mut met = Vec::new();
        for span in spans {
            let mut fingers = Fingers { low: span.first, high: span.end() };
            while !work.is_cut && !is_met && fingers.go_on(machine, &mut work) {
                is_met = goal.ends_when_met && goal.is_met(machine);
            }
            met.push(meeting(&span, &fingers));
        }
        work.end(met, is_met.then_some(Ended::Balanced))
    }
}

impl Fingers {
    /// Moves the next page; not when there is none, or the budget does not let it.
    fn go_on(&mut self, machine: &mut Machine, work: &mut Work) -> bool {
        loop {
            let Some(to) = self.up(machine, work) else { return false };
            let Some(from) = self.down(machine, work) else { return false };
            if !work.may_move() {
                return false;
            }
            if work.relocate(machine, from, to) {
                return true;
            }
        }
    }

    fn up(&mut self, machine: &Machine, work: &mut Work) -> Option<Rank> {
        while self.low < self.high && work.scan(1) {
            self.low += 1;
            if machine.stand(self.low - 1) == Stand::Free {
                return Some(self.low - 1);
            }
        }
        None
    }

    fn down(&mut self, machine: &Machine, work: &mut Work) -> Option<Rank> {
        while self.low < self.high && work.scan(1) {
            self.high -= 1;
            if machine.stand(self.high) == Stand::Movable {
                return Some(self.high);
            }
        }
        None
    }
}

/// Where the upper finger is: what moved is at it or above, and went below it.
fn meeting(span: &Span, fingers: &Fingers) -> Frame {
    span.frame(fingers.high.min(span.end() - 1))
}
