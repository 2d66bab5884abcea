//! How a mechanism draws its cases: pictures for people, beside the story.
//!
//! It does not cover which case is drawn, nor where a picture is written: that is the engine's.

use std::fmt;

use super::{Case, Mechanism, Trace};

/// How the cases of a mechanism are drawn. A mechanism has it where people look at its world rather
/// than read it, and none otherwise.
pub struct Pictures<M: Mechanism> {
    /// Whether an implementation with this profile shows what is drawn, or why not.
    pub needs: fn(&M::Profile) -> Result<(), &'static str>,
    /// The case that is drawn when no law is broken, for an implementation with this profile that
    /// can be drawn: always the same one.
    pub example: fn(&M::Profile) -> Case<M>,
    /// The same case, which is to end with what is drawn, and shows on the way what a picture needs.
    pub pose: fn(Case<M>) -> Case<M>,
    /// Draws it.
    pub draw: Draw<M>,
}

/// Draws a case that was posed, and what an implementation with this profile did, as SVG text; or
/// says why it can't be drawn.
pub type Draw<M> =
    fn(&<M as Mechanism>::Profile, &Case<M>, &Trace<M>, &Heading) -> Result<String, String>;

/// What stands above a picture; any text, of any length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// What is drawn, in a few words.
    pub title: String,
    /// What else there is to say, a paragraph each.
    pub lines: Vec<String>,
}

impl<M: Mechanism> fmt::Debug for Pictures<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pictures").field("of", &M::NAME).finish_non_exhaustive()
    }
}
