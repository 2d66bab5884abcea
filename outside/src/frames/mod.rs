//! Page-frame allocators that others wrote: crates for kernels, each on memory of one zone.
//!
//! `zone` is what stands around each of them; `bitmap`, `buddy`, `list` and `summary` call one crate
//! each and say in their profiles what it does.
//! It does not cover the allocators of whole kernels, nor several processors.

mod bitmap;
mod buddy;
mod list;
mod summary;
#[cfg(test)]
mod tests;
mod zone;

use lawbook_spec::core::{EVERY_CASE, Implementation, Origin};
use lawbook_spec::frames::Frames;

/// The version of the crate `bitmap-allocator`; a test holds it against the lock file.
const BITMAP_ALLOCATOR_VERSION: &str = "0.4.6";

/// The version of the crate `buddy_system_allocator`; a test holds it against the lock file.
const BUDDY_SYSTEM_ALLOCATOR_VERSION: &str = "0.13.0";

/// The version of the crate `frame-alloc`; a test holds it against the lock file.
const FRAME_ALLOC_VERSION: &str = "0.1.0";

/// The version of the crate `free-list`; a test holds it against the lock file.
const FREE_LIST_VERSION: &str = "0.3.4";

/// The allocators that others wrote.
pub fn implementations() -> Vec<Implementation<Frames>> {
    vec![
        Implementation {
            name: "bitmap-allocator",
            version: || BITMAP_ALLOCATOR_VERSION.into(),
            about: "The segment tree over a bitmap of the crate bitmap-allocator.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: || Ok(Box::new(bitmap::subject())),
        },
        Implementation {
            name: "bitmap-allocator-trusted",
            version: || BITMAP_ALLOCATOR_VERSION.into(),
            about: "The same, whose answers are trusted: what it takes back must have been such a block.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: || Ok(Box::new(bitmap::trusted())),
        },
        Implementation {
            name: "buddy_system_allocator",
            version: || BUDDY_SYSTEM_ALLOCATOR_VERSION.into(),
            about: "FrameAllocator of the crate buddy_system_allocator: a buddy over ordered sets.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: || Ok(Box::new(buddy::subject())),
        },
        Implementation {
            name: "frame-alloc",
            version: || FRAME_ALLOC_VERSION.into(),
            about: "SummaryBuddyAllocator of the crate frame-alloc, its bitmap beside the zone.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: || Ok(Box::new(summary::beside())),
        },
        Implementation {
            name: "frame-alloc-inside",
            version: || FRAME_ALLOC_VERSION.into(),
            about: "The same with its bitmap in a frame of the zone.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: || Ok(Box::new(summary::inside())),
        },
        Implementation {
            name: "free-list",
            version: || FREE_LIST_VERSION.into(),
            about: "The sorted list of free page ranges of the crate free-list.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: || Ok(Box::new(list::subject())),
        },
    ]
}
