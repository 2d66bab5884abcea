//! The reference implementation of every mechanism, one module each: fast, complete, and meant to
//! be used by itself as well as judged.
//!
//! It carries no fault switches and no laws: those are in `lawbook-faults` and `lawbook-spec`.

pub mod frames;
pub mod init;
pub mod loopdev;
pub mod memory;
