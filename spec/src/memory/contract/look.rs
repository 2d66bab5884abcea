//! What can be seen of a machine at once: page tables, translations, frames, and what is free.
//!
//! It does not cover areas: what is mapped where is known from the case.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{File, Frame, Hold, Page, Place, Process};
use crate::frames::Run;

/// All that can be seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dump {
    /// The processes, by their numbers.
    pub processes: Vec<ProcessShown>,
    /// The frames that are neither free nor unmanaged, rising.
    pub frames: Vec<FrameShown>,
    /// The free frames: rising, in runs that do not touch each other within a zone.
    pub free: Vec<Run>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessShown {
    /// Which.
    pub process: Process,
    /// Its PTEs, by their pages.
    pub ptes: Vec<Pte>,
    /// Its cached translations, by their pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub translations: Vec<Translation>,
}

/// An entry of a page table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pte {
    /// Of which page.
    pub page: Page,
    /// To which frame it points; where it is frozen, the frame from which the page is to move.
    pub frame: Frame,
    /// Whether the process can write there without a fault.
    pub writable: bool,
    /// Whether the process has touched the page here since the PTE was made.
    pub accessed: bool,
    /// Whether the page is locked here.
    pub locked: bool,
    /// Whether it is frozen by a migration.
    pub frozen: bool,
}

/// A PTE as the processor has cached it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Translation {
    /// Of which page.
    pub page: Page,
    /// To which frame.
    pub frame: Frame,
    /// Whether it lets the process write.
    pub writable: bool,
}

/// A frame that is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameShown {
    /// Which.
    pub frame: Frame,
    /// What is in it.
    pub holds: Holds,
    /// How many PTEs point to it, frozen ones too.
    pub mappings: u32,
    /// The mappings, and one each for its file, the migration that isolated it, each pin, and its
    /// writeback; 0 of a frame that is the kernel's or a target.
    #[serde(default)]
    pub references: u32,
    /// How many pins it has.
    pub pins: u32,
    /// Whether it is under writeback.
    pub writeback: bool,
    /// Whether a migration has isolated it.
    pub isolated: bool,
    /// Whether it was written since it was filled or last written back.
    pub dirty: bool,
    /// Its bytes at [`SAMPLES`](super::super::SAMPLES); 0 of a frame that is the kernel's or a
    /// target.
    pub bytes: [u8; 4],
    /// The places whose PTEs point to it, as the reverse map has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverse_map: Vec<Place>,
    /// The same, as the chain has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Place>,
}

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Holds {
    /// A private page.
    Anonymous {},
    /// A file's page.
    File {
        /// Which file.
        file: File,
        /// Which page.
        index: u32,
    },
    /// A page of shared anonymous memory.
    Unnamed {
        /// Which page of it.
        index: u32,
    },
    /// What was a page of a file, or of memory that nobody maps any more, and is held all the same.
    Detached {},
    /// A frame of the kernel's block.
    Kernel {
        /// Which block.
        block: Hold,
    },
    /// Nothing yet: it is the target of the migration.
    Target {},
}
