//! The flow case → trace → verdict, for any mechanism.
//!
//! | room | holds |
//! | --- | --- |
//! | [`mechanism`](Mechanism) | what a mechanism is, and [`Subject`], the one port of an implementation |
//! | [`law`](Law) | laws as values, and the judgement of one event |
//! | [`case`](Case) | cases and traces, and their JSON form |
//! | [`judge`](Judge) | one case and its trace to one [`Verdict`], with evidence |
//! | [`draw`](draw_case) | bytes to a case, with swarm masks |
//! | [`implementation`](Implementation) | what is built in, as a list of values |
//! | [`picture`](Pictures) | how a mechanism draws its cases, where it does |
//! | [`shrink`](Shrinker) | a broken case to a smaller one |
//! | [`strategy`](cases) | cases as a proptest `Strategy` |
//!
//! It does not cover how cases are spread over threads, machines or processes, nor any report:
//! that is the engine's.

pub(crate) mod admit;
mod bytes;
mod case;
#[cfg(test)]
pub(crate) mod checks;
mod draw;
mod implementation;
mod judge;
mod law;
mod mechanism;
mod picture;
mod shrink;
mod strategy;
#[cfg(test)]
mod toy;

pub use self::bytes::{Bytes, hug};
pub use self::case::{Case, End, Trace};
pub use self::draw::{Drawer, draw_case, draw_case_of};
pub(crate) use self::draw::{one_in, pick};
pub use self::implementation::{EVERY_CASE, Implementation, Missing, Origin};
pub use self::judge::{Break, Judge, Verdict, Watch};
pub use self::law::{Breach, Check, Judgement, Law, LawId, Level, Source, always};
pub use self::mechanism::{Data, KindOf, Mechanism, Outcome, Subject, Tell};
pub use self::picture::{Draw, Heading, Pictures};
pub use self::shrink::Shrinker;
pub use self::strategy::{CaseStrategy, CaseTree, cases};
