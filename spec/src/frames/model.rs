//! What is seen, and what is remembered of it: the live blocks, and what is free because they are
//! not there.
//!
//! It never judges.

mod free;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::cases::Op;
use super::contract::{Error, Profile, Sight};
use super::slots::Slots;
use super::{Frame, Mobility, Order, Run, Setup, Zone, ZonePlan};
use crate::core::Outcome;

pub(super) use self::free::FreeBlocks;

/// What was seen while one op was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// It was done, or refused.
    Done {
        /// One answer; of a free twice two, when the first free is done; of a refill those of the frees by slot, then the blocks
        /// of the greatest order, then their frees.
        answers: Answers,
        /// How many frames are free after it, for each zone of the setup; none where that can't be
        /// seen.
        #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
        free: Counts,
        /// How many are cached then, likewise.
        #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
        cached: Counts,
    },
    /// Its slot did not allow it.
    Skipped {},
}

/// The answers of an event: nearly always one.
pub(super) type Answers = SmallVec<[Answer; 1]>;

/// A count for each zone.
pub(super) type Counts = SmallVec<[u64; 3]>;

/// A result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// Of an alloc: the block.
    Block {
        /// Its first frame.
        frame: Frame,
    },
    /// Of a free, of a drain, and of an isolation and its undoing.
    Done {},
    /// Of a statistics.
    Statistics {
        /// What is free.
        statistics: Arc<Statistics>,
    },
    /// Of a fragmentation.
    Fragmentation {
        /// How fragmented the zone is.
        fragmentation: Fragmentation,
    },
    /// It was refused.
    Refused {
        /// Why.
        error: Error,
    },
}

/// What is free in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// How many free blocks there are of each order, from 0 to the greatest, for unmovable,
    /// reclaimable and movable contents.
    pub blocks: [Vec<u64>; 3],
    /// How many free blocks of each order are isolated; none where there is no isolation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub isolated: Vec<u64>,
}

/// How fragmented a zone is, for requests of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fragmentation {
    /// The fragmentation index of Linux: −1000 where such a request can be served; else nearer to 0
    /// the more it is memory that lacks, and nearer to 1000 the more it is that memory is in pieces.
    pub index: i64,
    /// How much of what is free is of no use for such requests: external fragmentation, in percent.
    pub external: u64,
}

impl Fragmentation {
    /// Of a zone with so many free blocks of each order, from 0 on, for requests of an order.
    ///
    /// # Panics
    ///
    /// When these are more frames than there can be.
    pub fn of(blocks: &[u64], order: Order) -> Self {
        let frames = |(order, count): (u8, &u64)| count * Order(order).frames();
        let all: u64 = blocks.iter().sum();
        let free: u64 = (0..).zip(blocks).map(frames).sum();
        let fit = (0..).zip(blocks).skip(usize::from(order.0));
        let suitable = fit.map(frames).sum::<u64>() / order.frames();
        let signed = |count: u64| i64::try_from(count).expect("frames are below 2^52");
        let index = match (all, suitable) {
            (0, _) => 0,
            (_, 0) => 1000 - (1000 + signed(free) * 1000 / signed(order.frames())) / signed(all),
            _ => -1000,
        };
        let useless = (free - suitable * order.frames()) * 100;
        Fragmentation { index, external: useless.checked_div(free).unwrap_or(0) }
    }
}

/// What is remembered of a case.
#[derive(Debug)]
pub struct Model {
    pub(super) profile: Profile,
    pub(super) setup: Setup,
    /// The blocks of the case.
    pub(super) slots: Slots,
    /// As the zones of the setup.
    pub(super) zones: Vec<ZoneNow>,
    /// The first frames of the pageblocks that are isolated.
    pub(super) isolated: BTreeSet<Frame>,
    /// The last block that was freed, if nothing was handed out or isolated since.
    pub(super) freed: Option<Run>,
    /// The orders of which a request was refused: a bit each.
    pub(super) refused: u32,
    /// How many ops were done.
    pub(super) ops: usize,
    /// Whether the last op was done.
    pub(super) was_done: bool,
}

/// A zone, as it is.
#[derive(Debug)]
pub(super) struct ZoneNow {
    /// What can be handed out, and is not; cached frames are in it too.
    pub(super) free: FreeBlocks,
    /// How many frames in isolated pageblocks are free.
    pub(super) isolated_free: u64,
    /// How many frames are free, as the implementation last said; none where it does not say.
    pub(super) told: Option<Told>,
    /// The statistics that were last asked for, while it is known what was done since.
    pub(super) shown: Option<Shown>,
}

/// What an implementation says of a zone with each event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) free: u64,
    pub(super) cached: u64,
}

/// Statistics, and what was done in the zone since.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) statistics: Arc<Statistics>,
    pub(super) since: Since,
}

/// What was done in a zone since its statistics were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// Nothing but what was refused.
    Refused {
        /// Requests among that.
        requests: bool,
        /// Misuse among that.
        misuse: bool,
    },
    /// One block was handed out.
    HandedOut {
        /// Its order.
        order: Order,
        /// What was asked for.
        mobility: Mobility,
    },
}

impl Model {
    /// All is free.
    pub(super) fn new(profile: &Profile, setup: &Setup) -> Self {
        let zones = setup.zones.iter().map(|plan| {
            let mut free = FreeBlocks::new(setup.most);
            for run in gaps(plan.run, plan.unmanaged().copied().collect()) {
                free.give(run);
            }
            let told = Told { free: plan.managed().saturating_sub(profile.kept), cached: 0 };
            ZoneNow {
                free,
                isolated_free: 0,
                told: profile.free_count.then_some(told),
                shown: None,
            }
        });
        Model {
            profile: profile.clone(),
            setup: setup.clone(),
            slots: Slots::default(),
            zones: zones.collect(),
            isolated: BTreeSet::new(),
            freed: None,
            refused: 0,
            ops: 0,
            was_done: false,
        }
    }

    /// The zones of the setup, as they are.
    pub(super) fn zones(&self) -> impl DoubleEndedIterator<Item = (&ZonePlan, &ZoneNow)> {
        self.setup.zones.iter().zip(&self.zones)
    }

    /// The zone of this kind, if there is one.
    pub(super) fn zone(&self, zone: Zone) -> Option<(&ZonePlan, &ZoneNow)> {
        self.zones().find(|(plan, _)| plan.zone == zone)
    }

    /// The zones from which a request for this one may be served.
    pub(super) fn allowed(&self, zone: Zone) -> impl Iterator<Item = (&ZonePlan, &ZoneNow)> {
        self.zones().filter(move |(plan, _)| plan.zone <= zone)
    }

    /// The zone in which the whole run can be handed out, apart from what is live.
    pub(super) fn zone_of(&self, run: &Run) -> Option<(&ZonePlan, &ZoneNow)> {
        self.zones().find(|(plan, _)| plan.manages(run))
    }

    /// Whether every frame of an aligned block can be handed out.
    pub(super) fn is_free(&self, block: &Run) -> bool {
        let zone = self.zones().find(|(plan, _)| plan.run.holds(block));
        zone.is_some_and(|(_, now)| now.free.hold(block))
    }

    /// The isolated pageblock that has a frame in common with this run, if there is one.
    pub(super) fn isolated_in(&self, run: &Run) -> Option<Run> {
        let order = self.setup.pageblock?;
        let before = self.isolated.range(..run.end()).next_back()?;
        Some(Run::block(*before, order)).filter(|pageblock| pageblock.overlaps(run))
    }

    /// How many frames of a live block are in no isolated pageblock.
    pub(super) fn not_isolated(&self, block: &Run) -> u64 {
        self.pieces(*block)
            .filter(|piece| self.isolated_in(piece).is_none())
            .map(|piece| piece.frames)
            .sum()
    }

    /// How many frames of a zone that could be handed out are in isolated pageblocks, free and live.
    pub(super) fn isolated_frames(&self, plan: &ZonePlan) -> u64 {
        let Some(order) = self.setup.pageblock else { return 0 };
        let pageblocks = self.isolated.iter().map(|head| Run::block(*head, order));
        let inside = pageblocks.filter(|pageblock| plan.run.overlaps(pageblock));
        inside.flat_map(|pageblock| managed_in(plan, &pageblock)).map(|run| run.frames).sum()
    }

    /// A block, by the pageblocks that it lies in, where any is isolated.
    fn pieces(&self, block: Run) -> impl Iterator<Item = Run> + use<> {
        let pageblock = self.setup.pageblock.filter(|_| !self.isolated.is_empty());
        let frames = pageblock.map_or(block.frames, |order| order.frames().min(block.frames));
        let step = usize::try_from(frames).expect("a block is at most of the greatest order");
        let heads = (block.base.0..block.end().0).step_by(step);
        heads.map(move |head| Run { base: Frame(head), frames })
    }

    /// Folds an event.
    pub(super) fn record(&mut self, op: &Op, event: &Event) {
        self.was_done = matches!(event, Event::Done { .. });
        let Event::Done { answers, free, cached } = event else { return };
        self.ops += 1;
        self.record_shown(op, answers);
        for (place, now) in self.zones.iter_mut().enumerate() {
            let cached = cached.get(place).copied().unwrap_or(0);
            now.told = free.get(place).map(|free| Told { free: *free, cached });
        }
        match (*op, answers.as_slice()) {
            (Op::Alloc { slot, order, mobility, .. }, [Answer::Block { frame }]) => {
                self.slots.fill(slot, *frame, order, Some(mobility));
                self.hand_out(&Run::block(*frame, order));
            }
            (Op::AllocAt { slot, order, .. }, [Answer::Block { frame }]) => {
                self.slots.fill(slot, *frame, order, None);
                self.hand_out(&Run::block(*frame, order));
            }
            (Op::Alloc { order, zone, .. }, _) => self.note_refused(order, zone),
            (Op::Free { slot } | Op::FreeTwice { slot }, [Answer::Done {}, ..]) => {
                self.freed = self.slots.get(slot).map(|(frame, order)| Run::block(frame, order));
                self.release(slot);
            }
            (Op::Refill {}, answers) => {
                let full = self.slots.full();
                for (slot, _) in
                    full.into_iter().zip(answers).filter(|(_, answer)| answer.is_done())
                {
                    self.release(slot);
                }
                self.freed = None;
            }
            (Op::Isolate { frame }, [Answer::Done {}]) => self.isolate(frame),
            (Op::Unisolate { frame }, [Answer::Done {}]) => self.unisolate(frame),
            _ => {}
        }
    }

    /// A request for zones that there are was refused.
    fn note_refused(&mut self, order: Order, zone: Zone) {
        if self.allowed(zone).next().is_some() {
            self.refused |= 1 << order.0;
        }
    }

    fn hand_out(&mut self, block: &Run) {
        self.freed = None;
        if let Some(place) = self.setup.place_of(block) {
            self.zones[place].free.take(block);
        }
    }

    /// The block of a slot is live no longer.
    fn release(&mut self, slot: u32) {
        let Some((frame, order)) = self.slots.get(slot) else { return };
        self.slots.empty(slot);
        let block = Run::block(frame, order);
        let Some(place) = self.setup.place_of(&block) else { return };
        for piece in self.pieces(block) {
            match self.isolated_in(&piece) {
                Some(_) => self.zones[place].isolated_free += piece.frames,
                None => self.zones[place].free.give(piece),
            }
        }
    }

    /// The place of the zone that has frames in this pageblock.
    pub(super) fn place_of_pageblock(&self, pageblock: &Run) -> Option<usize> {
        let has = |plan: &ZonePlan| {
            plan.run.overlaps(pageblock) && managed_in(plan, pageblock).next().is_some()
        };
        self.setup.zones.iter().position(has)
    }

    fn isolate(&mut self, frame: Frame) {
        self.freed = None;
        let Some(pageblock) = self.setup.pageblock_of(frame) else { return };
        let Some(place) = self.place_of_pageblock(&pageblock) else { return };
        let now = &mut self.zones[place];
        now.isolated_free += now.free.take_within(&pageblock);
        self.isolated.insert(pageblock.base);
    }

    fn unisolate(&mut self, frame: Frame) {
        let Some(pageblock) = self.setup.pageblock_of(frame) else { return };
        let Some(place) = self.place_of_pageblock(&pageblock) else { return };
        if !self.isolated.remove(&pageblock.base) {
            return;
        }
        let plan = &self.setup.zones[place];
        let live = self.slots.lives_in(pageblock).map(|(block, _)| block);
        let busy = live.chain(plan.unmanaged().copied()).collect();
        let now = &mut self.zones[place];
        for run in gaps(common(pageblock, plan.run), busy) {
            now.isolated_free -= run.frames.min(now.isolated_free);
            now.free.give(run);
        }
    }

    /// What is known of the statistics of each zone after an op.
    fn record_shown(&mut self, op: &Op, answers: &[Answer]) {
        if let (Op::Statistics { zone }, [Answer::Statistics { statistics }]) = (op, answers) {
            let since = Since::Refused { requests: false, misuse: false };
            let shown = Shown { statistics: Arc::clone(statistics), since };
            for (plan, now) in self.setup.zones.iter().zip(&mut self.zones) {
                if plan.zone == *zone {
                    now.shown = Some(shown);
                    return;
                }
            }
            return;
        }
        if let (Op::Alloc { order, mobility, .. }, [Answer::Block { frame }]) = (op, answers) {
            let place = self.setup.place_of(&Run::block(*frame, *order));
            let Some(now) = place.map(|place| &mut self.zones[place]) else { return };
            let nothing = Since::Refused { requests: false, misuse: false };
            let since = Since::HandedOut { order: *order, mobility: *mobility };
            let shown = now.shown.take().filter(|shown| shown.since == nothing);
            now.shown = shown.map(|shown| Shown { since, ..shown });
            return;
        }
        let is_refused = matches!(answers, [Answer::Refused { .. }]);
        for now in &mut self.zones {
            let Some(shown) = &mut now.shown else { continue };
            match (&mut shown.since, op) {
                (_, Op::Fragmentation { .. } | Op::Statistics { .. }) => {}
                (Since::Refused { misuse, .. }, _)
                    if is_refused && op.misuse(&self.profile.checks).is_some() =>
                {
                    *misuse |= !matches!(op, Op::FreeTwice { .. });
                }
                (Since::Refused { requests, .. }, _) if is_refused => *requests = true,
                _ => now.shown = None,
            }
        }
    }

    /// Whether the event answers the op.
    pub(super) fn answers(&self, op: &Op, event: &Event) -> Result<(), String> {
        let (answers, free, cached) = match (self.slots.skips(op), event) {
            (true, Event::Skipped {}) => return Ok(()),
            (true, Event::Done { .. }) => {
                return Err(format!("expected {op} to be skipped, found {event}"));
            }
            (false, Event::Skipped {}) => {
                return Err(format!("expected {op} to be done, found it skipped"));
            }
            (false, Event::Done { answers, free, cached }) => (answers, free, cached),
        };
        let zones = self.setup.zones.len();
        let counts =
            [("free", free, self.profile.free_count), ("cached", cached, self.profile.caches)];
        for (name, counts, able) in counts {
            let expected = if able { zones } else { 0 };
            if counts.len() != expected {
                return Err(format!("expected {expected} {name} counts, found {}", counts.len()));
            }
        }
        let is_offered =
            |answer: &Answer| !matches!(answer, Answer::Refused { error: Error::Unsupported });
        if !answers.iter().all(is_offered) || !self.fits(op, answers) {
            return Err(format!("expected an answer to {op}, found {event}"));
        }
        let last = answers.last();
        let is_taken = |answer: &Answer| !matches!(answer, Answer::Refused { .. });
        let is_second = !matches!(op, Op::FreeTwice { .. }) || answers.len() == 2;
        if op.misuse(&self.profile.checks) == Some(Sight::Aborts)
            && is_second
            && last.is_some_and(is_taken)
        {
            return Err(format!("expected {op} to end the case, found {event}"));
        }
        Ok(())
    }

    /// Whether there are as many answers of the right kind as there should be.
    fn fits(&self, op: &Op, answers: &[Answer]) -> bool {
        let is_end = |answer: &Answer| matches!(answer, Answer::Done {} | Answer::Refused { .. });
        match (op, answers) {
            (Op::Alloc { .. } | Op::AllocAt { .. } | Op::AllocBeyond { .. }, [answer]) => {
                matches!(answer, Answer::Block { .. } | Answer::Refused { .. })
            }
            (Op::FreeTwice { .. }, [Answer::Done {}, second]) => is_end(second),
            (Op::FreeTwice { .. }, [Answer::Refused { .. }]) => true,
            (
                Op::Free { .. }
                | Op::FreeWrongOrder { .. }
                | Op::FreeInside { .. }
                | Op::FreeNever { .. }
                | Op::FreeOutside { .. }
                | Op::Isolate { .. }
                | Op::Unisolate { .. },
                [answer],
            ) => is_end(answer),
            (Op::Drain {}, [Answer::Done {}]) => true,
            (Op::Statistics { .. }, [Answer::Statistics { statistics }]) => {
                let orders = usize::from(self.setup.most.0) + 1;
                let isolated = if self.profile.isolation { orders } else { 0 };
                statistics.blocks.iter().all(|blocks| blocks.len() == orders)
                    && statistics.isolated.len() == isolated
            }
            (Op::Fragmentation { .. }, [Answer::Fragmentation { .. }]) => true,
            (Op::Refill {}, answers) => self.fits_refill(answers),
            _ => false,
        }
    }

    /// The frees by slot, then blocks, and then as many frees.
    fn fits_refill(&self, answers: &[Answer]) -> bool {
        let Some((frees, rest)) = answers.split_at_checked(self.slots.len()) else { return false };
        let (blocks, again) = rest.split_at(rest.len() / 2);
        let is_end = |answer: &Answer| matches!(answer, Answer::Done {} | Answer::Refused { .. });
        let is_block = |answer: &Answer| matches!(answer, Answer::Block { .. });
        frees.iter().all(is_end)
            && blocks.len() == again.len()
            && blocks.iter().all(is_block)
            && again.iter().all(is_end)
    }
}

impl ZoneNow {
    /// How many frames are cached, as the implementation last said.
    pub(super) fn cached(&self) -> u64 {
        self.told.map_or(0, |told| told.cached)
    }

    /// Whether it must serve a request that allows zones up to `highest`: it has a block, though
    /// every cached frame were in another, and its watermark spares it.
    pub(super) fn must_serve(&self, plan: &ZonePlan, order: Order, highest: Zone) -> bool {
        let free = self.free.frames().saturating_sub(self.cached());
        self.free.suitable(order) > self.cached() && plan.spares(free, order, highest)
    }
}

/// What of a run none of these runs has.
fn gaps(run: Run, mut busy: Vec<Run>) -> Vec<Run> {
    busy.sort_by_key(|run| run.base);
    let mut at = run.base;
    let mut gaps = Vec::new();
    for other in busy.into_iter().chain([Run { base: run.end(), frames: 0 }]) {
        let end = other.base.min(run.end());
        if end > at {
            gaps.push(Run { base: at, frames: end.0 - at.0 });
        }
        at = at.max(other.end());
    }
    gaps
}

/// What two runs have in common, which is something.
fn common(one: Run, other: Run) -> Run {
    let base = one.base.max(other.base);
    Run { base, frames: one.end().min(other.end()).0 - base.0 }
}

/// What of a run, which has frames of a zone, can be handed out there.
fn managed_in(plan: &ZonePlan, run: &Run) -> impl Iterator<Item = Run> + use<> {
    gaps(common(*run, plan.run), plan.unmanaged().copied().collect()).into_iter()
}

/// The aligned blocks of an order that lie in a run.
pub(super) fn blocks_within(run: &Run, order: Order) -> impl Iterator<Item = Run> + use<> {
    let (end, frames) = (run.end(), order.frames());
    let first = run.base.0.next_multiple_of(frames);
    let starts = (first..end.0).step_by(usize::try_from(frames).unwrap_or(usize::MAX));
    let blocks = starts.map(move |base| Run::block(Frame(base), order));
    blocks.take_while(move |block| block.end() <= end)
}

impl Event {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Event::Skipped {} => Outcome::Skipped,
            Event::Done { answers, .. }
                if answers.iter().any(|answer| matches!(answer, Answer::Refused { .. })) =>
            {
                Outcome::Refused
            }
            Event::Done { .. } => Outcome::Done,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event::Done { answers, free, cached } = self else { return f.write_str("skipped") };
        for (index, answer) in answers.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{answer}")?;
        }
        for (name, counts) in [("free", free), ("cached", cached)] {
            if !counts.is_empty() {
                write!(f, "; {name} {}", spaced(counts))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Block { frame } => write!(f, "frame {frame}"),
            Answer::Done {} => write!(f, "ok"),
            Answer::Refused { error } => write!(f, "refused: {error}"),
            Answer::Statistics { statistics } => {
                for (index, blocks) in statistics.blocks.iter().enumerate() {
                    let kind = ["unmovable", "reclaimable", "movable"][index];
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{kind} {}", spaced(blocks))?;
                }
                if statistics.isolated.iter().any(|count| *count > 0) {
                    write!(f, ", isolated {}", spaced(&statistics.isolated))?;
                }
                Ok(())
            }
            Answer::Fragmentation { fragmentation: Fragmentation { index, external } } => {
                write!(f, "index {index}, external {external} %")
            }
        }
    }
}

impl Answer {
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Answer::Done {})
    }
}

fn spaced(counts: &[u64]) -> String {
    let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
    counts.join(" ")
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::super::Setup;
    use super::*;

    #[test]
    fn fragmentation_is_that_of_the_formulas() {
        let of = |blocks: &[u64], order| {
            let Fragmentation { index, external } = Fragmentation::of(blocks, Order(order));
            (index, external)
        };
        assert_eq!(of(&[0, 0, 0], 1), (0, 0));
        assert_eq!(of(&[1, 0], 1), (-500, 100));
        // Four frames apart: half of the trouble is that they are apart.
        assert_eq!(of(&[4, 0, 0], 2), (500, 100));
        assert_eq!(of(&[2, 1, 1], 1), (-1000, 25));
        // 1000 - (1000 + 7000 / 4) / 4 and 700 / 7.
        assert_eq!(of(&[1, 3, 0], 2), (313, 100));
    }

    fn model(pageblock: u8) -> Model {
        let zones = vec![ZonePlan::new(Zone::Normal, Frame(4096), 8)];
        let setup = Setup { zones, most: Order(3), pageblock: Some(Order(pageblock)) };
        Model::new(&Profile::full(), &setup)
    }

    fn tell(model: &mut Model, op: Op, answer: Answer) {
        let event =
            Event::Done { answers: smallvec![answer], free: smallvec![0], cached: smallvec![] };
        model.record(&op, &event);
    }

    fn alloc(model: &mut Model, slot: u32, frame: u64, order: u8) {
        let (order, zone, mobility) = (Order(order), Zone::Normal, Mobility::Movable);
        let answer = Answer::Block { frame: Frame(frame) };
        tell(model, Op::Alloc { slot, order, zone, mobility }, answer);
    }

    #[test]
    fn what_is_free_in_an_isolated_pageblock_comes_back_with_what_was_freed_there() {
        let mut model = model(1);
        alloc(&mut model, 0, 4098, 0);
        tell(&mut model, Op::Isolate { frame: Frame(4098) }, Answer::Done {});
        let now = &model.zones[0];
        assert_eq!((now.free.counts(), now.isolated_free), (&[0, 1, 1, 0][..], 1));
        tell(&mut model, Op::Free { slot: 0 }, Answer::Done {});
        assert_eq!((model.zones[0].free.frames(), model.zones[0].isolated_free), (6, 2));
        tell(&mut model, Op::Unisolate { frame: Frame(4098) }, Answer::Done {});
        let now = &model.zones[0];
        assert_eq!((now.free.counts(), now.isolated_free), (&[0, 0, 0, 1][..], 0));
    }

    #[test]
    fn a_block_that_is_freed_over_the_border_of_an_isolated_pageblock_is_cut_there() {
        let mut model = model(1);
        alloc(&mut model, 0, 4096, 3);
        tell(&mut model, Op::Isolate { frame: Frame(4100) }, Answer::Done {});
        let block = Run::block(Frame(4096), Order(3));
        assert_eq!(model.not_isolated(&block), 6);
        tell(&mut model, Op::Free { slot: 0 }, Answer::Done {});
        let now = &model.zones[0];
        assert_eq!((now.free.counts(), now.isolated_free), (&[0, 1, 1, 0][..], 2));
        let pageblock = Run::block(Frame(4100), Order(1));
        assert_eq!(model.isolated_in(&block), Some(pageblock));
        assert!(!model.is_free(&pageblock));
    }

    #[test]
    fn gaps_are_what_no_other_run_has() {
        let run = |base, frames| Run { base: Frame(base), frames };
        let busy = vec![run(12, 2), run(4, 5), run(13, 1)];
        assert_eq!(gaps(run(8, 8), busy), [run(9, 3), run(14, 2)]);
        assert_eq!(gaps(run(8, 8), vec![run(0, 20)]), []);
    }
}
