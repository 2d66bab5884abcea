//! The page-frame allocator: the reference judged.
//!
//! It does not cover a comparison of two allocators: each may choose another free block.

use lawbook::judge_bytes;
use lawbook::spec::frames::Frames;

use crate::pair::open;

/// Judges the reference on the case that these bytes stand for.
///
/// # Panics
///
/// With a story, when a law is broken.
pub fn frames(bytes: &[u8]) {
    let mut reference = open(&lawbook_reference::frames::implementations(), "reference");
    if let Err(story) = judge_bytes::<Frames>(&mut reference, bytes) {
        panic!("{story}");
    }
}
