//! A plan that makes blocks of the wanted orders whenever they can be made, and moves nothing else.
//!
//! Its nouns: the *run* (an aligned part of a zone, as large as a block of the least wanted order),
//! the *group* (of runs: an aligned part as large as a block of a wanted order), the *load* (of a run
//! or a group: how many pages have to leave it; there is none where something in it can't), and what
//! is *kept* (groups that are free, or are to be: no page goes there).
//! A zone can have as many free groups of an order as there are groups with a load, and as its free
//! frames suffice for; pages that leave them fit into the rest. So one look at the frames is enough to
//! choose: for each order, the greatest first, as many groups as are wanted, those with the least load
//! first. What is chosen is emptied, the least load first, into the smallest free blocks of the rest.
//! A page that moved is in the rest, and never moves again. What no order can have at the end, no
//! second pass can make. Where the budget ends the look, only the groups that were seen count, each as
//! a whole: the next pass goes on from there. An order of which no group fits into the budget is left
//! alone.
//!
//! It does not cover in which zone a block is made.

use std::ops::Range;

use lawbook_spec::memory::{Budget, Ended, Order, Pass, Watched};

use super::super::machine::Machine;
use super::super::pages::{Rank, Span};
use super::{Goal, Plan, Stand, Work};

/// A plan, and where it goes on when the budget did not suffice to look at all frames.
#[derive(Debug, Default)]
pub(super) struct Exact {
    from: Rank,
}

impl Plan for Exact {
    fn pass(&mut self, machine: &mut Machine, goal: &Goal, budget: Budget) -> Pass {
        let mut work = Work::new(budget);
        if !goal.is_met(machine) {
            self.plan(machine, goal, &mut work);
        }
        let met = if goal.ends_when_met { Ended::Balanced } else { Ended::Whole };
        let is_met = goal.is_met(machine);
        work.end(Vec::new(), is_met.then_some(met))
    }
}

impl Exact {
    fn plan(&mut self, machine: &mut Machine, goal: &Goal, work: &mut Work) {
        let spans = machine.frames.spans().to_vec();
        let frames: u64 = spans.iter().map(|span| u64::from(span.frames)).sum();
        // To empty a group is to look at its frames again: that is not to be used up before.
        let fits = |wanted: &&Watched| 2 * wanted.order.frames() <= work.left();
        let fitting = goal.wanted.iter().filter(fits).count();
        work.is_cut = fitting < goal.wanted.len();
        let wanted = &goal.wanted[..fitting];
        let [Some(least), Some(most)] = [wanted.first(), wanted.last()] else { return };
        let mut zones: Vec<Zone> =
            spans.iter().map(|span| Zone::new(*span, least.order.0, most.order.0)).collect();
        let limit = work.left() - most.order.frames();
        let from = if limit >= frames { 0 } else { std::mem::take(&mut self.from) };
        let around = zones.iter().find(|zone| from < zone.span.end());
        let start = around.map_or(0, |zone| zone.head(from));
        for (zone, ranks) in windows(&spans, start) {
            if let Some(rank) = zones[zone].survey(machine, ranks, limit, work) {
                work.is_cut = true;
                self.from = rank;
                break;
            }
        }
        let jobs = choose(machine, wanted, &mut zones);
        empty(machine, goal, jobs, &mut zones, work);
    }
}

/// The ranks of all zones, from a rank on, and up to it at last.
fn windows(spans: &[Span], start: Rank) -> Vec<(usize, Range<Rank>)> {
    let zones = || spans.iter().enumerate();
    let after = zones().map(|(zone, span)| (zone, span.first.max(start)..span.end()));
    let before = zones().map(|(zone, span)| (zone, span.first..span.end().min(start)));
    after.chain(before).filter(|(_, ranks)| !ranks.is_empty()).collect()
}

/// A group that is to be emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Job {
    load: u32,
    zone: usize,
    /// The number of its first run.
    run: usize,
    order: u8,
}

/// What was seen of a zone.
struct Zone {
    span: Span,
    /// The order of its runs.
    order: u8,
    /// The order of its largest groups: each is looked at whole, or not at all.
    most: u8,
    /// The load of each run and 1; 0 where it has none, or was not looked at.
    runs: Vec<u32>,
    kept: Vec<bool>,
    /// The free frames that are not kept.
    room: u64,
    /// The free blocks that are smaller than a run, by order; then those of runs.
    blocks: Vec<Vec<Rank>>,
    /// The next target: a block, by its order and its place there, and a frame in it.
    next: (usize, usize, u32),
}

impl Zone {
    fn new(span: Span, order: u8, most: u8) -> Self {
        let last = (span.base + u64::from(span.frames) - 1) >> order;
        let runs = usize::try_from(last - (span.base >> order) + 1).expect("fewer than frames");
        Zone {
            span,
            order,
            most,
            runs: vec![0; runs],
            kept: vec![false; runs],
            room: 0,
            blocks: Vec::new(),
            next: (0, 0, 0),
        }
    }

    /// Looks at frames, group by group; where it ends when the limit does not let it.
    fn survey(
        &mut self,
        machine: &Machine,
        ranks: Range<Rank>,
        limit: u64,
        work: &mut Work,
    ) -> Option<Rank> {
        self.blocks.resize(usize::from(self.order) + 1, Vec::new());
        let mut at = ranks.start;
        while at < ranks.end {
            let group_end = self.end_around(at, self.most);
            if work.scanned + u64::from(group_end - at) > limit {
                return Some(at);
            }
            work.scanned += u64::from(group_end - at);
            while at < group_end {
                let end = self.end_around(at, self.order);
                let load = self.load(machine, at..end);
                if let Some(load) = load.filter(|_| end - at == 1 << self.order) {
                    let run = self.run_around(at);
                    self.runs[run] = load + 1;
                }
                at = end;
            }
        }
        None
    }

    /// How many pages have to leave these frames, if all can; and notes what of them is free.
    fn load(&mut self, machine: &Machine, ranks: Range<Rank>) -> Option<u32> {
        let (mut load, mut is_fixed, mut free) = (0, false, 0);
        for rank in ranks.clone() {
            match machine.stand(rank) {
                Stand::Free => {
                    free += 1;
                    continue;
                }
                Stand::Movable => load += 1,
                Stand::Fixed => is_fixed = true,
            }
            self.note_free(rank - free..rank);
            self.room += u64::from(std::mem::take(&mut free));
        }
        self.note_free(ranks.end - free..ranks.end);
        self.room += u64::from(free);
        (!is_fixed).then_some(load)
    }

    /// Cuts free frames into blocks as large as can be.
    fn note_free(&mut self, ranks: Range<Rank>) {
        let mut at = ranks.start;
        while at < ranks.end {
            let aligned = self.span.frame(at).0.trailing_zeros();
            let order = aligned.min((ranks.end - at).ilog2());
            self.blocks[order as usize].push(at);
            at += 1 << order;
        }
    }

    /// The number of the run around a rank.
    fn run_around(&self, rank: Rank) -> usize {
        let number = self.span.frame(rank).0 >> self.order;
        let run = usize::try_from(number - (self.span.base >> self.order));
        run.expect("fewer runs than frames")
    }

    /// The rank behind the aligned part of an order that is around a rank, in the zone.
    fn end_around(&self, rank: Rank, order: u8) -> Rank {
        let end = (((self.span.frame(rank).0 >> order) + 1) << order) - self.span.base;
        let end = u32::try_from(end).map_or(self.span.frames, |end| end.min(self.span.frames));
        self.span.first + end
    }

    /// The first rank, in the zone, of the largest group around a rank.
    fn head(&self, rank: Rank) -> Rank {
        let frame = self.span.frame(rank).0 >> self.most << self.most;
        let before = frame.saturating_sub(self.span.base);
        u32::try_from(before).map_or(self.span.first, |before| self.span.first + before)
    }

    /// The groups of an order that have a load, and have nothing that is kept.
    fn groups(&self, order: u8) -> impl Iterator<Item = (usize, u32)> {
        let size = 1_usize << (order - self.order);
        let first = self.span.base >> self.order;
        let into = usize::try_from(first % size as u64).unwrap_or_default();
        let skipped = if into == 0 { 0 } else { size - into };
        let starts = (skipped..self.runs.len()).step_by(size);
        starts.filter_map(move |run| {
            let runs = self.runs.get(run..run + size)?;
            let has_load = runs.iter().all(|load| *load > 0) && !self.kept[run];
            has_load.then(|| (run, runs.iter().map(|load| load - 1).sum()))
        })
    }

    /// The ranks of a group.
    fn ranks(&self, run: usize, order: u8) -> Range<Rank> {
        let number = (self.span.base >> self.order) + run as u64;
        let before = (number << self.order) - self.span.base;
        let first = self.span.first + u32::try_from(before).unwrap_or(self.span.frames);
        first..first + (1 << order)
    }

    /// How many groups of an order were free, kept or not.
    fn free_groups(&self, order: u8) -> u64 {
        let size = 1_u64 << (order - self.order);
        let first = self.span.base >> self.order;
        let numbered = self.runs.iter().zip(first..);
        let mut free = 0;
        let mut length = 0;
        for (load, number) in numbered {
            let begins = number.is_multiple_of(size);
            length = if *load == 1 && (begins || length > 0) { length + 1 } else { 0 };
            if length == size {
                free += 1;
                length = 0;
            }
        }
        free
    }

    fn keep(&mut self, run: usize, order: u8) {
        self.kept[run..run + (1 << (order - self.order))].fill(true);
        self.room -= 1 << order;
    }

    /// The next free frame that is not kept: of the smallest blocks first.
    fn target(&mut self) -> Option<Rank> {
        loop {
            let (order, place, at) = self.next;
            let blocks = self.blocks.get(order)?;
            let Some(&block) = blocks.get(place) else {
                self.next = (order + 1, 0, 0);
                continue;
            };
            let run = self.run_around(block);
            if at >> order > 0 || self.kept[run] {
                self.next = (order, place + 1, 0);
                continue;
            }
            self.next = (order, place, at + 1);
            return Some(block + at);
        }
    }
}

/// Chooses the groups to be free at the end, keeps them, and says which of them are to be emptied:
/// the least load first.
fn choose(machine: &Machine, goal: &[Watched], zones: &mut [Zone]) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut kept: Vec<u8> = Vec::new();
    for wanted in goal.iter().rev() {
        let order = wanted.order.0;
        let mut groups: Vec<Job> = Vec::new();
        for (zone, seen) in zones.iter().enumerate() {
            let found = seen.groups(order);
            groups.extend(found.map(|(run, load)| Job { load, zone, run, order }));
        }
        groups.sort_unstable();
        let mut blocks = unseen(machine, wanted.order, zones);
        blocks += kept.iter().map(|of| 1 << (of - order)).sum::<u64>();
        for group in groups {
            if blocks >= wanted.blocks {
                break;
            }
            let zone = &mut zones[group.zone];
            if zone.room >= wanted.order.frames() {
                zone.keep(group.run, order);
                kept.push(order);
                blocks += 1;
                jobs.extend(Some(group).filter(|job| job.load > 0));
            }
        }
    }
    jobs.sort_unstable();
    jobs
}

/// How many free blocks of an order are where was not looked.
fn unseen(machine: &Machine, order: Order, zones: &[Zone]) -> u64 {
    let seen = zones.iter().map(|zone| zone.free_groups(order.0)).sum();
    machine.free_blocks(order).saturating_sub(seen)
}

/// Empties groups until the goal is met, or the budget does not let it, or a target is refused.
fn empty(machine: &mut Machine, goal: &Goal, jobs: Vec<Job>, zones: &mut [Zone], work: &mut Work) {
    for job in jobs {
        let zone = &mut zones[job.zone];
        for from in zone.ranks(job.run, job.order) {
            if !work.scan(1) {
                return;
            }
            if machine.stand(from) != Stand::Movable {
                continue;
            }
            if !work.may_move() {
                return;
            }
            let moved = zone.target().is_some_and(|to| work.relocate(machine, from, to));
            if !moved {
                return;
            }
        }
        if goal.is_met(machine) {
            return;
        }
    }
}
