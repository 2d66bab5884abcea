//! What can be wrong with the setup of a machine.
//!
//! It does not cover what a machine answers once it is made: that is the contract's `Error`.

use std::fmt;

use lawbook_spec::memory::{File, MOST_FILE_PAGES, Order};

use crate::frames::{GeometryError, Zone};

/// The most frames of all zones together: they are counted in 32 bits.
pub const MOST_FRAMES: u64 = u32::MAX as u64 - 1;

/// The most files: they are numbered in 8 bits.
pub const MOST_FILES: usize = 256;

/// Why no machine can be made for a setup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineError {
    /// Its frames.
    Geometry(GeometryError),
    /// All zones together have more than [`MOST_FRAMES`].
    TooManyFrames {
        /// How many they have.
        frames: u64,
    },
    /// A zone has a watermark, or a reserve: a machine would keep frames that nobody can have.
    Watermark {
        /// Which zone.
        zone: Zone,
    },
    /// There are more than [`MOST_FILES`].
    TooManyFiles {
        /// How many there are.
        files: usize,
    },
    /// A file has more than [`MOST_FILE_PAGES`].
    FileTooLong {
        /// Which.
        file: File,
        /// How many it has.
        pages: u32,
    },
    /// A watched order is above the greatest.
    WatchedBeyond {
        /// Which of those watched, from 0.
        at: usize,
        /// Its order.
        order: Order,
        /// The greatest.
        most: Order,
    },
    /// A watched order does not rise above the one before it.
    WatchedFalls {
        /// Which of those watched, from 0.
        at: usize,
        /// Its order.
        order: Order,
        /// The one before.
        before: Order,
    },
    /// The daemon may look at no frame in a tick.
    NoneScanned,
    /// The daemon may move no page in a tick.
    NoneMoved,
}

impl From<GeometryError> for MachineError {
    fn from(error: GeometryError) -> Self {
        MachineError::Geometry(error)
    }
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MachineError::Geometry(error) => write!(f, "memory: {error}"),
            MachineError::TooManyFrames { frames } => {
                write!(f, "memory: expected at most {MOST_FRAMES} frames in all, found {frames}")
            }
            MachineError::Watermark { zone } => {
                write!(f, "memory: zone {zone}: expected no watermark and no reserve, found one")
            }
            MachineError::TooManyFiles { files } => {
                write!(f, "files: expected at most {MOST_FILES}, found {files}")
            }
            MachineError::FileTooLong { file, pages } => {
                write!(f, "{file}: expected at most {MOST_FILE_PAGES} pages, found {pages}")
            }
            MachineError::WatchedBeyond { at, order, most } => write!(
                f,
                "watched {at}: expected at most the greatest order, {most}, found order {order}"
            ),
            MachineError::WatchedFalls { at, order, before } => write!(
                f,
                "watched {at}: expected an order above the one before, {before}, found order {order}"
            ),
            MachineError::NoneScanned => {
                write!(f, "tick: expected a budget of at least 1 frame scanned, found none")
            }
            MachineError::NoneMoved => {
                write!(f, "tick: expected a budget of at least 1 page moved, found none")
            }
        }
    }
}

impl std::error::Error for MachineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            MachineError::Geometry(error) => Some(error),
            _ => None,
        }
    }
}
