//! Passes and the daemon: which pages move where, so that free blocks come about.
//!
//! A pass looks at every frame once and plans on what it saw; a page that it moves it looks at once
//! more.
//! It does not cover migrations in steps: what they have, a pass leaves alone.

use lawbook_spec::memory::{Budget, Ended, Error, Frame, Move, Order, Pass, Planner, Tick};

use super::super::decisions::{Candidate, Change, Copying, Entry, Flush, Held, Mover, Walk};
use super::{Understudy, slots_of};

/// A frame, as a pass has seen it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Free,
    Movable,
    Fixed,
}

/// What a pass has done, and may do.
struct Work {
    budget: Budget,
    scanned: u64,
    moves: Vec<Move>,
    met: Vec<Frame>,
    /// Whether the daemon works, which stops when there are enough free blocks.
    is_daemon: bool,
}

impl Understudy {
    pub(super) fn pass(&mut self, order: Order, budget: Budget) -> Result<Pass, Error> {
        if order > self.setup.memory.most {
            return Err(Error::OrderBeyond);
        }
        if budget.scanned == 0 || budget.moved == 0 {
            return Err(Error::BudgetZero);
        }
        let mut work = Work::new(budget, false);
        let ended = match self.profile.planner {
            Some(Planner::TwoFinger) => self.two_fingers(&mut work),
            _ => self.make_block(order, &mut work),
        };
        Ok(self.told(work, ended))
    }

    pub(super) fn look_after(&mut self) -> Tick {
        let woke = self.decisions.wakes(!self.lacking().is_empty());
        let mut work = Work::new(self.setup.tick, true);
        let ended = match self.profile.planner {
            _ if !woke => Ended::Balanced,
            Some(Planner::TwoFinger) => self.two_fingers(&mut work),
            _ => self.make_blocks(&mut work),
        };
        Tick { woke, pass: self.told(work, ended) }
    }

    fn told(&self, work: Work, ended: Ended) -> Pass {
        let rounds = self.decisions.rounds(work.moves.len());
        let moves = self.decisions.moves_told(work.moves);
        Pass { scanned: work.scanned.saturating_mul(rounds), moves, met: work.met, ended }
    }

    /// The watched orders of which too few blocks are free, the greatest first.
    fn lacking(&self) -> Vec<Order> {
        let watched = self.setup.watched.iter().enumerate().rev();
        let lacks = watched.filter(|(which, watched)| {
            self.decisions.lacks(self.count_blocks(watched.order), watched.blocks, *which)
        });
        lacks.map(|(_, watched)| watched.order).collect()
    }

    fn count_blocks(&self, order: Order) -> u64 {
        self.free_runs(order).len() as u64
    }

    fn is_balanced(&self) -> bool {
        self.decisions.stops(self.lacking().is_empty())
    }

    /// Looks at every frame, as far as the budget goes.
    fn inventory(&self, work: &mut Work) -> Option<Vec<Kind>> {
        let facts = self.all_facts();
        let mut kinds = Vec::new();
        for (frame, facts) in self.frames.iter().zip(facts) {
            if !self.decisions.may_scan(work.scanned, work.budget) {
                return None;
            }
            work.scanned += 1;
            kinds.push(if self.decisions.hands_out(frame.held) {
                Kind::Free
            } else if self.decisions.may_move(&facts, Mover::Pass) {
                Kind::Movable
            } else {
                Kind::Fixed
            });
        }
        Some(kinds)
    }

    /// Makes a block of an order, if there is none.
    fn make_block(&mut self, order: Order, work: &mut Work) -> Ended {
        let Some(mut kinds) = self.inventory(work) else { return Ended::Budget };
        if self.decisions.is_done(!self.free_runs(order).is_empty()) {
            return Ended::Whole;
        }
        match self.plan(&kinds, order, false) {
            None => Ended::Whole,
            Some(plan) => self.carry_out(&plan, &mut kinds, work).unwrap_or(Ended::Whole),
        }
    }

    /// Makes blocks of the orders that lack some, until none does.
    fn make_blocks(&mut self, work: &mut Work) -> Ended {
        let Some(mut kinds) = self.inventory(work) else { return Ended::Budget };
        loop {
            let orders: Vec<Order> = match self.lacking() {
                lacking if lacking.is_empty() => {
                    self.setup.watched.iter().map(|watched| watched.order).collect()
                }
                lacking => lacking,
            };
            let plan = orders.into_iter().find_map(|order| self.plan(&kinds, order, true));
            let Some(plan) = plan else { return Ended::Whole };
            let before = work.moves.len();
            if let Some(ended) = self.carry_out(&plan, &mut kinds, work) {
                return ended;
            }
            if work.moves.len() == before {
                return Ended::Whole;
            }
        }
    }

    /// The moves that empty the first run that can be: from where to where.
    fn plan(&self, kinds: &[Kind], order: Order, is_daemon: bool) -> Option<Vec<(usize, usize)>> {
        let size = slots_of(order);
        for zone in 0..self.setup.memory.zones.len() {
            let targets = self.targets(kinds, zone);
            for first in self.runs(zone, order) {
                let run = first..first + size;
                let room: Vec<usize> =
                    targets.iter().copied().filter(|slot| !run.contains(slot)).collect();
                let of_kind = |kind| run.clone().filter(move |slot| kinds[*slot] == kind);
                let moves: Vec<(usize, usize)> =
                    of_kind(Kind::Movable).zip(room.iter().copied()).collect();
                let is_whole = of_kind(Kind::Movable).count() == moves.len();
                let candidate = Candidate {
                    fixed: of_kind(Kind::Fixed).count(),
                    moves: of_kind(Kind::Movable).count(),
                    room: room.len(),
                    helps: !is_daemon || (is_whole && self.helps(kinds, &moves, order)),
                };
                if self.decisions.empties(&candidate) {
                    return Some(moves);
                }
            }
        }
        None
    }

    /// The free frames that a page of a zone can go to, the worst for free blocks last.
    fn targets(&self, kinds: &[Kind], zone: usize) -> Vec<usize> {
        let is_target = |slot: &usize| {
            kinds[*slot] == Kind::Free && self.decisions.is_room(zone, self.frames[*slot].zone)
        };
        let mut block_frames = vec![1; kinds.len()];
        for order in (1..=self.setup.memory.most.0).map(Order) {
            let size = slots_of(order);
            for other in 0..self.setup.memory.zones.len() {
                for first in self.runs(other, order) {
                    if kinds[first..first + size].iter().all(|kind| *kind == Kind::Free) {
                        block_frames[first..first + size].fill(size);
                    }
                }
            }
        }
        let mut targets: Vec<usize> = (0..kinds.len()).filter(is_target).collect();
        targets.sort_by_key(|slot| self.decisions.rank(block_frames[*slot]));
        targets
    }

    /// Whether moves make a block of the order, and cost no watched order one that it needs.
    fn helps(&self, kinds: &[Kind], moves: &[(usize, usize)], order: Order) -> bool {
        let mut after = kinds.to_vec();
        for (from, to) in moves {
            after[*from] = Kind::Free;
            after[*to] = Kind::Fixed;
        }
        let count = |kinds: &[Kind], order: Order| {
            let size = slots_of(order);
            let zones = 0..self.setup.memory.zones.len();
            let runs = zones.flat_map(|zone| self.runs(zone, order));
            let is_free =
                |first: &usize| kinds[*first..first + size].iter().all(|kind| *kind == Kind::Free);
            runs.filter(is_free).count() as u64
        };
        let keeps = self.setup.watched.iter().all(|watched| {
            count(&after, watched.order) >= count(kinds, watched.order).min(watched.blocks)
        });
        keeps && count(&after, order) > count(kinds, order)
    }

    /// Moves pages, in order; says why it ended if it did not get to the end.
    fn carry_out(
        &mut self,
        plan: &[(usize, usize)],
        kinds: &mut [Kind],
        work: &mut Work,
    ) -> Option<Ended> {
        for (from, to) in plan {
            if let Err(ended) = self.try_move(*from, *to, work) {
                return Some(ended);
            }
            kinds[*from] = Kind::Free;
            kinds[*to] = if self.decisions.moves_again() { Kind::Movable } else { Kind::Fixed };
            if work.is_daemon && self.is_balanced() {
                return Some(Ended::Balanced);
            }
        }
        None
    }

    /// Moves a page, if the budget permits it and the frame is to be had.
    fn try_move(&mut self, from: usize, to: usize, work: &mut Work) -> Result<(), Ended> {
        let moved = work.moves.len() as u64;
        if !self.decisions.may_move_on(moved, work.budget)
            || !self.decisions.may_scan(work.scanned, work.budget)
        {
            return Err(Ended::Budget);
        }
        work.scanned += 1;
        self.request().map_err(|_| Ended::Whole)?;
        self.relocate(from, to);
        work.moves.push(Move { from: self.frames[from].number, to: self.frames[to].number });
        Ok(())
    }

    /// Moves a page at once.
    fn relocate(&mut self, from: usize, to: usize) {
        self.copy_bytes(from, to, Copying::Moving(Mover::Pass));
        for place in self.found(from, Walk::Move) {
            if let Some(before) = self.entry(place) {
                let right = Entry { slot: to, ..before };
                let entry = self.decisions.entry(Change::Moved, &before, right);
                self.set_entry(place, Entry { slot: to, ..entry });
                self.flush(place, Flush::Moved);
            }
        }
        self.hand_over(from, to, Mover::Pass);
    }

    /// In each zone, moves pages from the end to free frames at the beginning.
    fn two_fingers(&mut self, work: &mut Work) -> Ended {
        let mut ended = Ended::Whole;
        for zone in 0..self.setup.memory.zones.len() {
            if ended == Ended::Whole {
                ended = self.fingers_of(zone, work);
            } else {
                work.met.push(self.setup.memory.zones[zone].run.base);
            }
        }
        ended
    }

    fn fingers_of(&mut self, zone: usize, work: &mut Work) -> Ended {
        let in_zone = |slot: &usize| self.frames[*slot].zone == zone;
        let slots: Vec<usize> = (0..self.frames.len()).filter(in_zone).collect();
        let (mut low, mut high) = (0, slots.len());
        let mut ended = Ended::Whole;
        while !self.decisions.meets(low, high, slots.len()) {
            if !self.decisions.may_scan(work.scanned, work.budget) {
                ended = Ended::Budget;
                break;
            }
            let (to, from) = (slots[low], slots[high - 1]);
            if !self.decisions.hands_out(self.frames[to].held) {
                work.scanned += 1;
                low += 1;
            } else if !self.can_go(from) || from == to {
                work.scanned += 1;
                high -= 1;
            } else {
                match self.try_move(from, to, work) {
                    Ok(()) => {
                        (low, high) = (low + 1, high - 1);
                        if work.is_daemon && self.is_balanced() {
                            ended = Ended::Balanced;
                            break;
                        }
                    }
                    Err(Ended::Budget) => {
                        ended = Ended::Budget;
                        break;
                    }
                    Err(_) => high -= 1,
                }
            }
            // A finger at its end has nothing more to stop at.
            if low == slots.len() || high == 0 {
                break;
            }
        }
        let met = slots.get(self.decisions.met(low)).map(|slot| self.frames[*slot].number);
        work.met.push(met.unwrap_or(self.setup.memory.zones[zone].run.end()));
        ended
    }

    fn can_go(&self, slot: usize) -> bool {
        let is_page = matches!(self.frames[slot].held, Held::Anonymous | Held::Cached { .. });
        is_page && self.decisions.may_move(&self.all_facts()[slot], Mover::Pass)
    }
}

impl Work {
    fn new(budget: Budget, is_daemon: bool) -> Self {
        Work { budget, scanned: 0, moves: Vec::new(), met: Vec::new(), is_daemon }
    }
}
