//! The laws of kernel mechanisms, and the core that judges by them.
//!
//! A case is what an implementation is told; a trace is what it was seen to do; a verdict is what
//! the laws make of the two.
//! [`core`] knows no mechanism; each mechanism is one module beside it, with the same rooms.
//!
//! This crate does no I/O and holds no implementation of any mechanism.

#![forbid(unsafe_code)]

pub mod core;
pub mod frames;
pub mod init;
pub mod loopdev;
pub mod memory;
