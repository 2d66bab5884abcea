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
