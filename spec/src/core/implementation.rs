//! Implementations that are built in, as a list of values: what `--impl` can name.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZero;

use super::{LawId, Mechanism, Subject};

/// That a campaign judges every case.
pub const EVERY_CASE: NonZero<u64> = NonZero::<u64>::MIN;

/// An implementation that is built in, or that can be found at run time.
pub struct Implementation<M: Mechanism> {
    /// What `--impl` calls it, in kebab-case; the command puts `fault:` before a fault's.
    pub name: &'static str,
    /// Its version: that of the package it comes from, or what a program says that is run.
    pub version: fn() -> Cow<'static, str>,
    /// What it is or, for a fault, what it does wrong, in one sentence.
    pub about: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// Of how many cases a campaign judges one, unless it is told otherwise: [`EVERY_CASE`], or
    /// more where a case takes long, and then a prime number, as the small tier has a rhythm.
    pub every: NonZero<u64>,
    /// Makes one that is ready to run cases.
    pub open: fn() -> Result<Box<dyn Subject<M>>, Missing>,
}

/// Where an implementation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The reference, or a variant of it that makes other choices.
    Reference,
    /// The understudy: written independently of the reference.
    Understudy,
    /// The understudy with one decision changed.
    Fault {
        /// The law that it is expected to break.
        breaks: LawId,
        /// Where it was seen: project and issue, commit or advisory.
        precedent: &'static str,
    },
    /// Others wrote it.
    Outside,
}

/// Why an implementation can't run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What is missing.
    pub what: String,
    /// What brings it: a package, a feature.
    pub package: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is missing; {} brings it", self.what, self.package)
    }
}

impl std::error::Error for Missing {}

impl<M: Mechanism> Implementation<M> {
    /// Whether it is a fault of the catalogue.
    pub fn is_fault(&self) -> bool {
        matches!(self.origin, Origin::Fault { .. })
    }
}

impl<M: Mechanism> fmt::Debug for Implementation<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Implementation")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
