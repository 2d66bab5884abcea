//! One case as a file: a counterexample, a plain case, or a recorded trace.
//!
//! They are one form; a counterexample says which law it breaks and a recording what an
//! implementation with which profile did, and a plain case neither.
//! A record holds ops, never a seed, so that it outlives every change of the generator.

use std::fmt;

use lawbook_spec::core::{Case, End, Mechanism, Trace};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One case, and what is known of it.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub struct Record<M: Mechanism> {
    /// The version of this form: 1.
    pub lawbook: u64,
    /// The mechanism's name.
    pub mechanism: String,
    /// The law that it breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub law: Option<String>,
    /// The implementation that broke it, as `--impl` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implementation: Option<String>,
    /// What that implementation says of itself; a recording needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<M::Profile>,
    /// The case.
    pub case: Case<M>,
    /// What the implementation did; a recording needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<M::Event>>,
    /// How it ended, unless every op has its event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<RecordEnd>,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How a recorded trace ended before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RecordEnd {
    /// The implementation can't run this case.
    Unsupported {
        /// Why.
        why: String,
    },
    /// A panic, a crash, a hang or a garbled answer, at the op after the last event.
    Mishap {
        /// What happened.
        what: String,
    },
}

impl<M: Mechanism> Record<M> {
    /// A case, with the trace that an implementation gave where there is one.
    pub fn of(case: Case<M>, trace: Option<Trace<M>>) -> Self {
        let (events, end) = match trace {
            Some(trace) => (Some(trace.events), trace.end),
            None => (None, End::Whole),
        };
        Record {
            lawbook: crate::FORMAT,
            mechanism: M::NAME.to_owned(),
            law: None,
            implementation: None,
            profile: None,
            case,
            events,
            end: match end {
                End::Whole => None,
                End::Unsupported(why) => Some(RecordEnd::Unsupported { why }),
                End::Mishap(what) => Some(RecordEnd::Mishap { what }),
            },
            why: None,
        }
    }

    /// The recorded trace, where there is one.
    pub fn trace(&self) -> Option<Trace<M>> {
        Some(Trace {
            events: self.events.clone()?,
            end: match self.end.clone() {
                None => End::Whole,
                Some(RecordEnd::Unsupported { why }) => End::Unsupported(why),
                Some(RecordEnd::Mishap { what }) => End::Mishap(what),
            },
        })
    }
}

impl<M: Mechanism> fmt::Debug for Record<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("law", &self.law)
            .field("implementation", &self.implementation)
            .field("case", &self.case)
            .finish_non_exhaustive()
    }
}

/// The same as JSON text, fields in the order of their declaration.
pub(crate) fn raw(data: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(data).expect("cases, traces and profiles have a JSON form")
}
