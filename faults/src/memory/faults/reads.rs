//! Faults in which bytes a page has.
//!
//! It does not cover bytes that are lost for a migration: that is `migration`.

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::{File, Memory};

use super::super::decisions::{Bytes, Copying, Decisions, Right};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Memory>; 7] = [
    fault::<DropsTheLastByte>(
        "drops-the-last-byte",
        "MEMORY-01",
        "A write to the last byte of a page is not done.",
        "constructed: `<` for `<=` at the end of a page",
    ),
    fault::<LeavesOldBytes>(
        "leaves-old-bytes",
        "MEMORY-06",
        "A fresh page has the bytes of the page that had the frame before.",
        "constructed: a frame that is not cleared",
    ),
    fault::<ReadsThePageBehind>(
        "reads-the-page-behind",
        "MEMORY-06",
        "A page of a file is read in from the place of the one behind it.",
        "constructed: an index one off",
    ),
    fault::<ReadsWhatWasCutOff>(
        "reads-what-was-cut-off",
        "MEMORY-06",
        "A file that grows again has the bytes that were cut off.",
        "constructed: the blocks behind the end are kept",
    ),
    fault::<CopiesHalfAPage>(
        "copies-half-a-page",
        "MEMORY-19",
        "A copy on write has the first half of the page alone.",
        "constructed: a copy of as many bytes as there are in a smaller page",
    ),
    fault::<MovesHalfAPage>(
        "moves-half-a-page",
        "MEMORY-02",
        "A page that is moved takes the first half of its bytes along.",
        "constructed: a copy of as many bytes as there are in a smaller page",
    ),
    fault::<DeviceWritesElsewhere>(
        "device-writes-elsewhere",
        "MEMORY-19",
        "What a device writes to the second half of a page goes to the first.",
        "constructed: a device that counts in smaller pages",
    ),
];

#[derive(Default)]
struct DropsTheLastByte;

impl Decisions for DropsTheLastByte {
    fn written(&self, offset: u16, byte: u8) -> Option<(u16, u8)> {
        (offset < 4095).then_some((offset, byte))
    }
}

#[derive(Default)]
struct LeavesOldBytes;

impl Decisions for LeavesOldBytes {
    fn fresh(&self, before: &Bytes) -> Bytes {
        before.clone()
    }
}

#[derive(Default)]
struct ReadsThePageBehind;

impl Decisions for ReadsThePageBehind {
    fn filled(&self, file: File, index: u32, is_on_disk: bool, before: &Bytes) -> Bytes {
        let index = if is_on_disk { index + 1 } else { index };
        Right.filled(file, index, is_on_disk, before)
    }
}

#[derive(Default)]
struct ReadsWhatWasCutOff;

impl Decisions for ReadsWhatWasCutOff {
    fn disk(&self, disk: u32, _pages: u32) -> u32 {
        disk
    }
}

#[derive(Default)]
struct CopiesHalfAPage;

impl Decisions for CopiesHalfAPage {
    fn copied(&self, from: &Bytes, why: Copying) -> Bytes {
        if why == Copying::OnWrite { half(from) } else { from.clone() }
    }
}

#[derive(Default)]
struct MovesHalfAPage;

impl Decisions for MovesHalfAPage {
    fn copied(&self, from: &Bytes, why: Copying) -> Bytes {
        if matches!(why, Copying::Moving(_)) { half(from) } else { from.clone() }
    }
}

#[derive(Default)]
struct DeviceWritesElsewhere;

impl Decisions for DeviceWritesElsewhere {
    fn written_by_device(&self, offset: u16) -> u16 {
        offset % 2048
    }
}

/// The first half of a page, and 0.
fn half(from: &Bytes) -> Bytes {
    let mut to = from.clone();
    to.written.retain(|offset, _| *offset < 2048);
    to.written.extend((2048..4096).map(|offset| (offset, 0)));
    to
}
