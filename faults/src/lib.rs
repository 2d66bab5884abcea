//! Understudies, and each fault as a small variation of one.
//!
//! An understudy is a second implementation of a mechanism that keeps every law; a fault is an
//! understudy with one decision changed, and is expected to break a law.
//! It does not cover how they are run and judged: that is the engine's.

#![forbid(unsafe_code)]

#[cfg(test)]
mod checks;
pub mod frames;
pub mod init;
pub mod loopdev;
pub mod memory;

use lawbook_spec::core::{EVERY_CASE, Implementation, LawId, Mechanism, Missing, Origin, Subject};

/// Makes an understudy or a fault that is ready to run cases.
type Open<M> = fn() -> Result<Box<dyn Subject<M>>, Missing>;

/// An understudy, and what it is.
const fn understudy<M: Mechanism>(
    name: &'static str,
    about: &'static str,
    open: Open<M>,
) -> Implementation<M> {
    let version = || env!("CARGO_PKG_VERSION").into();
    Implementation { name, version, about, origin: Origin::Understudy, every: EVERY_CASE, open }
}

/// A fault, and why it is in the catalogue.
const fn fault<M: Mechanism>(
    name: &'static str,
    breaks: &'static str,
    about: &'static str,
    precedent: &'static str,
    open: Open<M>,
) -> Implementation<M> {
    let origin = Origin::Fault { breaks: LawId(breaks), precedent };
    Implementation {
        name,
        version: || env!("CARGO_PKG_VERSION").into(),
        about,
        origin,
        every: EVERY_CASE,
        open,
    }
}
