//! Cases and traces.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use super::Mechanism;

/// What an implementation is told: a world, and ops to be done in order.
///
/// A case is complete before it runs, and any subsequence of its ops is a case too, because ops
/// name things by slots and places that the case chose, never by what an implementation returned.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub struct Case<M: Mechanism> {
    /// The world.
    pub setup: M::Setup,
    /// What is asked, in order.
    pub ops: Vec<M::Op>,
}

/// What an implementation was seen to do.
pub struct Trace<M: Mechanism> {
    /// One event per op, in order; fewer when the end is a mishap.
    pub events: Vec<M::Event>,
    /// How it ended.
    pub end: End,
}

/// How a trace ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Every op has its event.
    Whole,
    /// The implementation can't run this case; its profile did not say so.
    Unsupported(String),
    /// A panic, a crash, a hang or a garbled answer, at the op after the last event.
    Mishap(String),
}

impl<M: Mechanism> Trace<M> {
    /// Collects events while `work` runs, and turns what stops it, a panic included, into the
    /// trace's end.
    pub fn watch(work: impl FnOnce(&mut Vec<M::Event>) -> Result<(), End>) -> Self {
        let mut events = Vec::new();
        let end = End::watch(|| work(&mut events));
        Trace { events, end }
    }
}

impl End {
    /// What `work` comes to: whole, or what stops it, a panic included.
    pub fn watch(work: impl FnOnce() -> Result<(), End>) -> Self {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(())) => End::Whole,
            Ok(Err(end)) => end,
            Err(payload) => End::Mishap(format!("panicked: {}", panic_message(&*payload))),
        }
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

// Derives would ask for bounds on `M` itself.
impl<M: Mechanism> Clone for Case<M> {
    fn clone(&self) -> Self {
        Case { setup: self.setup.clone(), ops: self.ops.clone() }
    }
}

impl<M: Mechanism> PartialEq for Case<M> {
    fn eq(&self, other: &Self) -> bool {
        self.setup == other.setup && self.ops == other.ops
    }
}

impl<M: Mechanism> fmt::Debug for Case<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("setup", &self.setup).field("ops", &self.ops).finish()
    }
}

impl<M: Mechanism> Clone for Trace<M> {
    fn clone(&self) -> Self {
        Trace { events: self.events.clone(), end: self.end.clone() }
    }
}

impl<M: Mechanism> PartialEq for Trace<M> {
    fn eq(&self, other: &Self) -> bool {
        self.events == other.events && self.end == other.end
    }
}

impl<M: Mechanism> fmt::Debug for Trace<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("events", &self.events).field("end", &self.end).finish()
    }
}
