//! What was seen, and what is remembered of it.
//!
//! The memory holds the image as the formulas have it, who wrote each sector and how, what was
//! shown of the image and what happened since, and a codebook of every unit whose plaintext and
//! ciphertext were both seen. It does not judge.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contract::Error;
use crate::core::{Bytes, Outcome};

/// What was seen while one op was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The op's slot did not allow it.
    Skipped {},
    /// A write: an answer for each of its requests.
    Written {
        /// In the order of the requests.
        answers: Vec<Answer>,
        /// What a registered transfer was called with.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<Call>,
    },
    /// A read: an answer for each of its requests.
    Read {
        /// In the order of the requests.
        answers: Vec<ReadAnswer>,
        /// What a registered transfer was called with.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<Call>,
    },
    /// The hosting filesystem changed its block size.
    BlockSize {
        /// Whether it could.
        answer: Answer,
    },
    /// The raw bytes of the image.
    Image {
        /// The bytes.
        answer: ReadAnswer,
    },
    /// A bit of the image was flipped.
    Flipped {
        /// Whether it could be.
        answer: Answer,
    },
    /// The device was attached anew; when refused, as before.
    Reopened {
        /// Whether the new attachment was taken.
        answer: Answer,
    },
    /// An attachment was tried, and the device attached as before.
    Attached {
        /// Whether it was taken.
        answer: Answer,
    },
    /// A transfer was added.
    Registered {
        /// Whether it was taken.
        answer: Answer,
    },
    /// A transfer was removed.
    Unregistered {
        /// Whether it was let go.
        answer: Answer,
    },
    /// A unit was transformed by itself.
    Crypted {
        /// The transformed bytes.
        answer: ReadAnswer,
    },
}

/// Whether something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// It was.
    Done {},
    /// It was not, and nothing was changed.
    Refused {
        /// Why.
        error: Error,
    },
}

/// The bytes asked for, or why there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ReadAnswer {
    /// The bytes.
    Data {
        /// As many as were asked for.
        bytes: Bytes,
    },
    /// None.
    Refused {
        /// Why.
        error: Error,
    },
}

/// One call of a registered transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The *n* of the first sector.
    pub n: u64,
    /// How many bytes.
    pub bytes: u32,
}

impl Answer {
    /// Whether it was done.
    pub fn is_done(&self) -> bool {
        matches!(self, Answer::Done {})
    }
}

impl ReadAnswer {
    /// The bytes, where there are any.
    pub fn data(&self) -> Option<&[u8]> {
        match self {
            ReadAnswer::Data { bytes } => Some(&bytes.0),
            ReadAnswer::Refused { .. } => None,
        }
    }
}

impl Event {
    pub(super) fn outcome(&self) -> Outcome {
        let done = match self {
            Event::Skipped {} => return Outcome::Skipped,
            Event::Written { answers, .. } => answers.iter().all(Answer::is_done),
            Event::Read { answers, .. } => answers.iter().all(|answer| answer.data().is_some()),
            Event::Image { answer } | Event::Crypted { answer } => answer.data().is_some(),
            Event::BlockSize { answer }
            | Event::Flipped { answer }
            | Event::Reopened { answer }
            | Event::Attached { answer }
            | Event::Registered { answer }
            | Event::Unregistered { answer } => answer.is_done(),
        };
        if done {
            Outcome::Done
        } else {
            Outcome::Refused
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Skipped {} => write!(f, "skipped"),
            Event::Written { answers, calls } => {
                list(f, answers)?;
                list_calls(f, calls)
            }
            Event::Read { answers, calls } => {
                list(f, answers)?;
                list_calls(f, calls)
            }
            Event::Image { answer } | Event::Crypted { answer } => write!(f, "{answer}"),
            Event::BlockSize { answer }
            | Event::Flipped { answer }
            | Event::Reopened { answer }
            | Event::Attached { answer }
            | Event::Registered { answer }
            | Event::Unregistered { answer } => write!(f, "{answer}"),
        }
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            write!(f, ", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

fn list_calls(f: &mut fmt::Formatter<'_>, calls: &[Call]) -> fmt::Result {
    for (index, call) in calls.iter().enumerate() {
        let lead = if index == 0 {
            "; transfer called with "
        } else {
            ", "
        };
        write!(f, "{lead}n {:#x} ({} bytes)", call.n, call.bytes)?;
    }
    Ok(())
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Done {} => write!(f, "ok"),
            Answer::Refused { error } => write!(f, "refused: {error}"),
        }
    }
}

impl fmt::Display for ReadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadAnswer::Data { bytes } => write!(f, "{bytes}"),
            ReadAnswer::Refused { error } => write!(f, "refused: {error}"),
        }
    }
}

/// Placeholder until the memory is written.
#[derive(Debug)]
pub struct Model {}
impl Model {
    pub(super) fn new(_p: &super::Profile, _s: &super::Setup) -> Self {
        Model {}
    }
    pub(super) fn record(&mut self, _o: &super::Op, _e: &Event) {}
    pub(super) fn answers(&self, _o: &super::Op, _e: &Event) -> Result<(), String> {
        Ok(())
    }
}
