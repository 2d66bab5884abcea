//! What the fuzz targets call, one function for each, and what the replay of regressions calls
//! again under a plain `cargo test`.
//!
//! An input is the bytes from which a case is drawn. A function returns when the case is kept, or
//! when the bytes do not suffice for one, and panics with a story when it is not.
//! It does not cover libFuzzer, which only the targets depend on.

mod frames;
mod init;
mod loopdev;
mod memory;
mod pair;

pub use self::frames::{frames, frames_pair};
pub use self::init::{init, init_pair};
pub use self::loopdev::{loopdev, loopdev_pair};
pub use self::memory::{memory, memory_pair};

/// What a fuzz target does with its bytes.
pub type Target = fn(&[u8]);

/// The targets by name: those of `fuzz_targets/`, and of the folders of `regressions/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("frames", frames),
    ("frames_pair", frames_pair),
    ("init", init),
    ("init_pair", init_pair),
    ("loopdev", loopdev),
    ("loopdev_pair", loopdev_pair),
    ("memory", memory),
    ("memory_pair", memory_pair),
];
