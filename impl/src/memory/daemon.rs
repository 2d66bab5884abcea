//! Passes of the defragmenter, and the daemon that starts them when free blocks lack.
//!
//! It does not cover how a pass is planned.

use lawbook_spec::memory::{Budget, Ended, Error, Order, Pass, Tick, Watched};

use super::machine::Machine;
use super::planners::Goal;

impl Machine {
    /// Moves pages within their zones, so that a free block of this order comes about.
    ///
    /// # Errors
    ///
    /// [`Error::OrderBeyond`], [`Error::BudgetZero`].
    pub fn defragment(&mut self, order: Order, budget: Budget) -> Result<Pass, Error> {
        if order > self.frames.most() {
            return Err(Error::OrderBeyond);
        }
        if budget.scanned == 0 || budget.moved == 0 {
            return Err(Error::BudgetZero);
        }
        let wanted = vec![Watched { order, blocks: 1 }];
        Ok(self.pass(&Goal { wanted, ends_when_met: false }, budget))
    }

    /// Lets the daemon look after the free blocks: it sleeps while there are as many as there are to
    /// be.
    pub fn tick(&mut self) -> Tick {
        let goal = Goal { wanted: self.watched.clone(), ends_when_met: true };
        if goal.is_met(self) {
            let pass =
                Pass { scanned: 0, moves: Vec::new(), met: Vec::new(), ended: Ended::Balanced };
            return Tick { woke: false, pass };
        }
        Tick { woke: true, pass: self.pass(&goal, self.tick) }
    }

    fn pass(&mut self, goal: &Goal, budget: Budget) -> Pass {
        let mut planner = self.planner.take().expect("a planner does not plan inside a plan");
        let pass = planner.pass(self, goal, budget);
        self.planner = Some(planner);
        pass
    }
}
