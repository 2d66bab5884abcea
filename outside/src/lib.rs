//! Implementations that others wrote, behind the same contracts.
//!
//! Each mechanism is one module, with one file for each implementation and a list of them all.
//! What a foreign library does not do by itself, a small piece of ours does around it; that
//! piece's opening lines say which laws are then about us.
//!
//! It does not cover programs in other languages and processes.

pub mod frames;
pub mod init;
pub mod loopdev;
