//! What was seen while one op was done, and how a story tells it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Frame;
use super::super::contract::{Completed, Dump, Error, Pass, Pte, Stage, Step, Tick};
use crate::core::Outcome;

/// What was seen while one op was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// What the machine answered.
    pub answer: Answer,
    /// How many frames are free in each zone afterwards, where that can be seen. Each of several
    /// events says so of itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub free: Vec<u64>,
    /// How many free blocks there are of each watched order, where there is a daemon.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<u64>,
}

/// What a machine answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// It is done.
    Done {},
    /// It is refused, or faults.
    Refused {
        /// Why.
        error: Error,
    },
    /// It will be done when the migration has ended.
    Waits {},
    /// A byte was read.
    Byte {
        /// Which.
        byte: u8,
    },
    /// The kernel has a block.
    Block {
        /// Its first frame.
        frame: Frame,
    },
    /// A migration has begun.
    Migrating {
        /// Where the page is.
        from: Frame,
        /// Where it is to be.
        to: Frame,
    },
    /// A migration has gone on.
    Step {
        /// How far.
        step: Step,
    },
    /// The defragmenter has passed.
    Pass {
        /// What it did.
        pass: Pass,
    },
    /// The daemon has ticked.
    Tick {
        /// What it did.
        tick: Tick,
    },
    /// What can be seen.
    Look {
        /// All of it.
        dump: Box<Dump>,
    },
    /// What was seen of each of the ops that an op stands for.
    Several {
        /// In their order.
        events: Vec<Event>,
    },
    /// Nothing is left.
    TornDown {
        /// The accesses that waited, and were done before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        completed: Vec<Completed>,
    },
}

impl Event {
    pub(in super::super) fn outcome(&self) -> Outcome {
        match &self.answer {
            Answer::Several { events } => events.last().map_or(Outcome::Done, Event::outcome),
            Answer::Refused { .. } => Outcome::Refused,
            _ => Outcome::Done,
        }
    }

    /// The accesses that waited, and are done now.
    pub(in super::super) fn completed(&self) -> &[Completed] {
        match &self.answer {
            Answer::Step { step } => &step.completed,
            Answer::TornDown { completed } => completed,
            _ => &[],
        }
    }

    /// What a pass did, of the daemon or not.
    pub(in super::super) fn pass(&self) -> Option<&Pass> {
        match &self.answer {
            Answer::Pass { pass } => Some(pass),
            Answer::Tick { tick } => Some(&tick.pass),
            _ => None,
        }
    }
}

impl Answer {
    /// Its name in JSON.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Answer::Done {} => "done",
            Answer::Refused { .. } => "refused",
            Answer::Waits {} => "waits",
            Answer::Byte { .. } => "byte",
            Answer::Block { .. } => "block",
            Answer::Migrating { .. } => "migrating",
            Answer::Step { .. } => "step",
            Answer::Pass { .. } => "pass",
            Answer::Tick { .. } => "tick",
            Answer::Look { .. } => "look",
            Answer::Several { .. } => "several",
            Answer::TornDown { .. } => "torn_down",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.answer)?;
        let last = match &self.answer {
            Answer::Several { events } => events.last().unwrap_or(self),
            _ => self,
        };
        if let Some(free) = last.free.iter().copied().reduce(|sum, free| sum + free) {
            write!(f, ", {free} frames free")?;
        }
        Ok(())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Done {} => write!(f, "done"),
            Answer::Refused { error } => write!(f, "refused: {error}"),
            Answer::Waits {} => write!(f, "waits"),
            Answer::Byte { byte } => write!(f, "{byte}"),
            Answer::Block { frame } => write!(f, "block at {frame}"),
            Answer::Migrating { from, to } => write!(f, "isolated {from}, target {to}"),
            Answer::Step { step } => write!(f, "{step}"),
            Answer::Pass { pass } => write!(f, "{pass}"),
            Answer::Tick { tick } if tick.woke => write!(f, "woke, {}", tick.pass),
            Answer::Tick { tick } if tick.pass.moves.is_empty() => write!(f, "slept"),
            Answer::Tick { tick } => write!(f, "slept, {}", tick.pass),
            Answer::Look { dump } => write!(f, "{dump}"),
            Answer::Several { events } => tell_several(f, events),
            Answer::TornDown { completed } => {
                write!(f, "torn down")?;
                tell_completed(f, completed)
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stage {
            Stage::Frozen {} => write!(f, "frozen")?,
            Stage::Flushed {} => write!(f, "flushed")?,
            Stage::Copied {} => write!(f, "copied")?,
            Stage::Restored {} => write!(f, "restored")?,
            Stage::Freed {} => write!(f, "freed")?,
            Stage::Undone { why } => write!(f, "undone, {why:?}")?,
        }
        if let Some(place) = self.at {
            write!(f, " {place}")?;
        }
        tell_completed(f, &self.completed)
    }
}

/// The answers, of which those that are the same one after the other are told once.
fn tell_several(f: &mut fmt::Formatter<'_>, events: &[Event]) -> fmt::Result {
    for (at, alike) in events.chunk_by(|one, next| one.answer == next.answer).enumerate() {
        write!(f, "{}{}", if at == 0 { "" } else { ", " }, alike[0].answer)?;
        if alike.len() > 1 {
            write!(f, " × {}", alike.len())?;
        }
    }
    Ok(())
}

fn tell_completed(f: &mut fmt::Formatter<'_>, completed: &[Completed]) -> fmt::Result {
    for Completed { place, byte, error } in completed {
        write!(f, ", {place}")?;
        match (byte, error) {
            (_, Some(error)) => write!(f, " refused: {error}")?,
            (Some(byte), None) => write!(f, " read {byte}")?,
            (None, None) => write!(f, " done")?,
        }
    }
    Ok(())
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scanned {}, moved", self.scanned)?;
        match self.moves.as_slice() {
            [] => write!(f, " nothing"),
            moves if moves.len() <= 4 => {
                for (at, moved) in moves.iter().enumerate() {
                    write!(f, "{} {moved}", if at == 0 { "" } else { "," })?;
                }
                Ok(())
            }
            moves => write!(f, " {} pages", moves.len()),
        }?;
        write!(f, " ({})", format!("{:?}", self.ended).to_lowercase())
    }
}

/// The most PTEs that a story tells.
const FEW_PTES: usize = 8;

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ptes = self
            .processes
            .iter()
            .flat_map(|shown| shown.ptes.iter().map(move |pte| (shown.process, pte)));
        write!(f, "{} frames in use", self.frames.len())?;
        for (at, (process, pte)) in ptes.enumerate() {
            if at == FEW_PTES {
                return write!(f, " and more");
            }
            write!(
                f,
                "{} {}:{} at {}",
                if at == 0 { ";" } else { "," },
                process.0,
                pte.page.0,
                pte
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Pte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.frame)?;
        let flags = [(self.writable, "writable"), (self.locked, "locked"), (self.frozen, "frozen")];
        for (_, name) in flags.iter().filter(|(set, _)| *set) {
            write!(f, " {name}")?;
        }
        Ok(())
    }
}
