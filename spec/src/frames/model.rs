//! What is seen, and what is remembered of it: the live blocks, and nothing else.
//!
//! What is free is computed from them when a law asks. It never judges.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cases::Op;
use super::contract::{Error, Profile};
use super::{Frame, Order, Run, Setup, Zone, ZonePlan};
use crate::core::Outcome;

/// What was seen while one op was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// It was done, or refused.
    Done {
        /// One answer; of a free twice two; of a refill those of the frees by slot, then the blocks
        /// of the greatest order, then their frees.
        answers: Vec<Answer>,
        /// How many frames are free after it, for each zone of the setup; none where that can't be
        /// seen.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        free: Vec<u64>,
    },
    /// Its slot did not allow it.
    Skipped {},
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// Of an alloc: the block.
    Block {
        /// Its first frame.
        frame: Frame,
    },
    /// Of a free.
    Done {},
    /// Of a statistics.
    Statistics {
        /// What is free.
        statistics: Statistics,
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
}

/// What is remembered of a case.
#[derive(Debug)]
pub struct Model {
    pub(super) profile: Profile,
    pub(super) setup: Setup,
    /// The live blocks by their first frame.
    pub(super) live: BTreeMap<Frame, Order>,
    /// The block of each slot.
    pub(super) slots: BTreeMap<u8, (Frame, Order)>,
    /// The free frames of each zone, as they were last seen.
    pub(super) free: Vec<u64>,
    /// The last block that was freed, and whether anything was handed out since.
    pub(super) freed: Option<Run>,
    /// How many ops were done.
    pub(super) ops: usize,
}

impl Model {
    /// All is free.
    pub(super) fn new(profile: &Profile, setup: &Setup) -> Self {
        let managed =
            setup.zones.iter().map(|zone| zone.managed() - profile.kept.min(zone.managed()));
        let free = if profile.free_count { managed.collect() } else { Vec::new() };
        Model {
            profile: profile.clone(),
            setup: setup.clone(),
            live: BTreeMap::new(),
            slots: BTreeMap::new(),
            free,
            freed: None,
            ops: 0,
        }
    }

    /// The live block that has a frame in common with this run, if there is one.
    pub(super) fn live_in(&self, run: &Run) -> Option<Run> {
        // Blocks are apart from each other, so that only the last one before its end can reach in.
        let (base, order) = self.live.range(..run.end()).next_back()?;
        Some(Run::block(*base, *order)).filter(|block| block.overlaps(run))
    }

    /// The zone in which the whole run lies, apart from holes and reserved frames.
    pub(super) fn zone_of(&self, run: &Run) -> Option<&ZonePlan> {
        self.setup.zones.iter().find(|zone| zone.manages(run))
    }

    /// Whether every frame of the run can be handed out.
    pub(super) fn is_free(&self, run: &Run) -> bool {
        self.zone_of(run).is_some() && self.live_in(run).is_none()
    }

    /// The zones from which a request for this one may be served.
    pub(super) fn allowed(&self, zone: Zone) -> impl Iterator<Item = &ZonePlan> {
        self.setup.zones.iter().filter(move |plan| plan.zone <= zone)
    }

    /// The first free block of an order in a zone.
    pub(super) fn free_block(&self, zone: &ZonePlan, order: Order) -> Option<Run> {
        blocks_within(&zone.run, order).find(|block| self.is_free(block))
    }

    /// How many free blocks of each order a zone has when every buddy that can be merged is.
    pub(super) fn merged(&self, zone: &ZonePlan) -> Vec<u64> {
        let most = self.setup.most;
        let mut counts = vec![0; usize::from(most.0) + 1];
        let mut at = zone.run.base.0;
        while at < zone.run.end().0 {
            let largest = Order(u8::try_from(at.trailing_zeros()).unwrap_or(u8::MAX)).min(most);
            let orders = (0..=largest.0).rev().map(Order);
            let mut blocks = orders.map(|order| (order, Run::block(Frame(at), order)));
            match blocks.find(|(_, block)| self.is_free(block)) {
                Some((order, block)) => {
                    counts[usize::from(order.0)] += 1;
                    at = block.end().0;
                }
                None => at += 1,
            }
        }
        counts
    }

    /// How many frames of a zone are live.
    pub(super) fn live_frames(&self, zone: &ZonePlan) -> u64 {
        let blocks = self.live.range(zone.run.base..zone.run.end());
        blocks.map(|(_, order)| order.frames()).sum()
    }

    /// Folds an event.
    pub(super) fn record(&mut self, op: &Op, event: &Event) {
        let Event::Done { answers, free } = event else { return };
        self.ops += 1;
        self.free.clone_from(free);
        match (*op, answers.as_slice()) {
            (Op::Alloc { slot, order, .. } | Op::AllocAt { slot, order, .. }, [answer]) => {
                if let Answer::Block { frame } = answer {
                    self.live.insert(*frame, order);
                    self.slots.insert(slot, (*frame, order));
                    self.freed = None;
                }
            }
            (Op::Free { slot } | Op::FreeTwice { slot }, [Answer::Done {}, ..]) => {
                if let Some((frame, order)) = self.slots.remove(&slot) {
                    self.live.remove(&frame);
                    self.freed = Some(Run::block(frame, order));
                }
            }
            (Op::Refill {}, _) => {
                self.live.clear();
                self.slots.clear();
                self.freed = None;
            }
            _ => {}
        }
    }

    /// Whether the event answers the op.
    pub(super) fn answers(&self, op: &Op, event: &Event) -> Result<(), String> {
        let (answers, free) = match (self.skips(op), event) {
            (true, Event::Skipped {}) => return Ok(()),
            (true, Event::Done { .. }) => {
                return Err(format!("expected {op} to be skipped, found {event}"));
            }
            (false, Event::Skipped {}) => {
                return Err(format!("expected {op} to be done, found it skipped"));
            }
            (false, Event::Done { answers, free }) => (answers, free),
        };
        let expected = if self.profile.free_count { self.setup.zones.len() } else { 0 };
        if free.len() != expected {
            return Err(format!("expected {expected} free counts, found {}", free.len()));
        }
        let offered = |answer: &Answer| *answer != (Answer::Refused { error: Error::Unsupported });
        let done = |answer: &Answer| matches!(answer, Answer::Done {} | Answer::Refused { .. });
        let block =
            |answer: &Answer| matches!(answer, Answer::Block { .. } | Answer::Refused { .. });
        let fits = answers.iter().all(offered)
            && match (op, answers.as_slice()) {
                (Op::Alloc { .. } | Op::AllocAt { .. }, [answer]) => block(answer),
                (Op::FreeTwice { .. }, [first, second]) => done(first) && done(second),
                (Op::Free { .. } | Op::FreeWrongOrder { .. } | Op::FreeInside { .. }, [answer])
                | (Op::FreeNever { .. } | Op::FreeOutside { .. }, [answer]) => done(answer),
                (Op::Statistics { .. }, [Answer::Statistics { statistics }]) => {
                    let orders = usize::from(self.setup.most.0) + 1;
                    statistics.blocks.iter().all(|blocks| blocks.len() == orders)
                }
                (Op::Refill {}, answers) => self.answers_refill(answers),
                _ => false,
            };
        if fits { Ok(()) } else { Err(format!("expected an answer to {op}, found {event}")) }
    }

    /// The frees by slot, then blocks, and then as many frees.
    fn answers_refill(&self, answers: &[Answer]) -> bool {
        let Some((frees, rest)) = answers.split_at_checked(self.slots.len()) else { return false };
        let (blocks, again) = rest.split_at(rest.len() / 2);
        let done = |answer: &Answer| matches!(answer, Answer::Done {} | Answer::Refused { .. });
        let is_block = |answer: &Answer| matches!(answer, Answer::Block { .. });
        frees.iter().all(done)
            && blocks.len() == again.len()
            && blocks.iter().all(is_block)
            && again.iter().all(done)
    }

    fn skips(&self, op: &Op) -> bool {
        let of = |slot: &u8| self.slots.get(slot);
        match op {
            Op::Alloc { slot, .. } | Op::AllocAt { slot, .. } => of(slot).is_some(),
            Op::Free { slot } | Op::FreeTwice { slot } => of(slot).is_none(),
            Op::FreeWrongOrder { slot, order } => of(slot).is_none_or(|(_, own)| own == order),
            Op::FreeInside { slot, offset } => {
                of(slot).is_none_or(|(_, order)| *offset == 0 || *offset >= order.frames())
            }
            Op::FreeNever { frame, order } => self.live_in(&Run::block(*frame, *order)).is_some(),
            Op::FreeOutside { .. } | Op::Refill {} | Op::Statistics { .. } => false,
        }
    }
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
        let Event::Done { answers, free } = self else { return f.write_str("skipped") };
        for (index, answer) in answers.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{answer}")?;
        }
        if !free.is_empty() {
            let free: Vec<String> = free.iter().map(u64::to_string).collect();
            write!(f, "; free {}", free.join(" "))?;
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
                    let counts: Vec<String> = blocks.iter().map(u64::to_string).collect();
                    let kind = ["unmovable", "reclaimable", "movable"][index];
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{kind} {}", counts.join(" "))?;
                }
                Ok(())
            }
        }
    }
}
