//! Faults in which frames stay in a cache, whom they serve, and what becomes of them.
//!
//! It does not cover caches of several processors.

use lawbook_spec::core::Implementation;
use lawbook_spec::frames::{Error, Frames, Profile};

use super::super::decisions::{Back, Block, Cached, Decisions, Drain, Freed, Level};
use super::super::fault;

pub(super) const FAULTS: [Implementation<Frames>; 10] = [
    fault::<NeitherCountedNorDrained>(
        "cached-neither-counted-nor-drained",
        "FRAMES-05",
        "Cached frames are neither counted nor drained.",
        "constructed: who counts and who drains does not know of the cache",
    ),
    fault::<CountsCachedAsFree>(
        "counts-cached-as-free",
        "FRAMES-05",
        "Cached frames are counted as free too.",
        "constructed: a frame is counted when it is freed, and again by its cache",
    ),
    fault::<DrainIsNotCounted>(
        "drain-is-not-counted",
        "FRAMES-05",
        "Frames that are drained are not counted as free.",
        "constructed: the count is kept by who frees and not by who lists",
    ),
    fault::<DrainForgetsOne>(
        "drain-forgets-one",
        "FRAMES-26",
        "A drain leaves the frame in the cache that was freed last.",
        "constructed: `while count > 1` for `while count > 0`",
    ),
    fault::<DrainDoesNotMerge>(
        "drain-does-not-merge",
        "FRAMES-07",
        "Frames that are drained are not merged with their buddies.",
        "constructed: they are listed as they were cached, one by one",
    ),
    fault::<IsolationDrainsNothing>(
        "isolation-drains-nothing",
        "FRAMES-05",
        "Frames that are cached when their pageblock is isolated can still be handed out.",
        "Linux 51bb1a4093cc: a cached frame of an isolated pageblock goes to the list of its old \
         type",
    ),
    fault::<CachesIsolated>(
        "caches-isolated",
        "FRAMES-22",
        "A frame that is freed in an isolated pageblock is cached, and handed out from there.",
        "Linux 51bb1a4093cc: it could be allocated though its pageblock is isolated",
    ),
    fault::<CachedServesTwice>(
        "cached-serves-twice",
        "FRAMES-05",
        "A frame that is handed out from the cache stays in it.",
        "constructed: it is read from the top of the stack, and the stack is not popped",
    ),
    fault::<CacheOfAnyZone>(
        "cache-of-any-zone",
        "FRAMES-02",
        "A request is served from the cache whatever the zone of the frames in it.",
        "constructed: there is one cache and not one for each zone",
    ),
    fault::<MissesCachedDoubleFree>(
        "misses-cached-double-free",
        "FRAMES-10",
        "A second free of a frame is taken while it is in the cache.",
        "constructed: the mark of a free block is set when it is listed, and a cached one is in \
         no list",
    ),
];

#[derive(Default)]
struct NeitherCountedNorDrained;

impl Decisions for NeitherCountedNorDrained {
    fn profile(&self) -> Profile {
        Cached.profile()
    }

    fn cached_told(&self, _now: Level) -> u64 {
        0
    }

    fn drained(&self, _why: Drain, _cached: usize) -> usize {
        0
    }
}

#[derive(Default)]
struct CountsCachedAsFree;

impl Decisions for CountsCachedAsFree {
    fn profile(&self) -> Profile {
        Cached.profile()
    }

    fn free_told(&self, now: Level) -> u64 {
        now.free + now.cached
    }
}

#[derive(Default)]
struct DrainIsNotCounted;

impl Decisions for DrainIsNotCounted {
    fn profile(&self) -> Profile {
        Cached.profile()
    }

    fn counts_drained(&self) -> bool {
        false
    }
}

#[derive(Default)]
struct DrainForgetsOne;

impl Decisions for DrainForgetsOne {
    fn profile(&self) -> Profile {
        Cached.profile()
    }

    fn drained(&self, _why: Drain, cached: usize) -> usize {
        cached.saturating_sub(1)
    }
}

#[derive(Default)]
struct DrainDoesNotMerge;

impl Decisions for DrainDoesNotMerge {
    fn profile(&self) -> Profile {
        Cached.profile()
    }

    fn merges_back(&self, from: Back) -> bool {
        from != Back::Drained
    }
}

#[derive(Default)]
struct IsolationDrainsNothing;

impl Decisions for IsolationDrainsNothing {
    fn profile(&self) -> Profile {
        Cached.profile()
    }

    fn drained(&self, why: Drain, cached: usize) -> usize {
        if why == Drain::Isolation { 0 } else { cached }
    }
}

#[derive(Default)]
struct CachesIsolated;

impl Decisions for CachesIsolated {
    fn profile(&self) -> Profile {
        Cached.profile()
    }

    fn caches(&self, _freed: &Block) -> bool {
        true
    }
}

#[derive(Default)]
struct CachedServesTwice;

impl Decisions for CachedServesTwice {
    fn profile(&self) -> Profile {
        Cached.profile()
    }

    fn uncaches(&self) -> bool {
        false
    }
}

#[derive(Default)]
struct CacheOfAnyZone;

impl Decisions for CacheOfAnyZone {
    fn profile(&self) -> Profile {
        Cached.profile()
    }

    fn serves_cached(&self, _cached: &Block, _place: usize) -> bool {
        true
    }
}

#[derive(Default)]
struct MissesCachedDoubleFree;

impl Decisions for MissesCachedDoubleFree {
    fn profile(&self) -> Profile {
        Cached.profile()
    }

    fn refuses(&self, freed: &Freed) -> Option<Error> {
        freed.misuse.filter(|misuse| *misuse != Error::DoubleFree || !freed.is_cached)
    }
}
