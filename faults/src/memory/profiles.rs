//! What the understudies say of themselves; a fault says what one of them says.
//!
//! It does not cover the mixes of abilities that the tests go through.

use lawbook_spec::memory::{Planner, Profile};

/// The understudy's: every ability, and the planner that makes blocks.
pub(super) fn understudy() -> Profile {
    Profile::full()
}

/// The understudy's with two fingers.
pub(super) fn two_finger() -> Profile {
    Profile { planner: Some(Planner::TwoFinger), ..understudy() }
}

/// Only accesses are seen.
pub(super) fn plain() -> Profile {
    Profile::default()
}

/// A kernel of 2003: pages move in passes only, locked ones don't, a fork shares what is pinned, and
/// there is no daemon.
pub(super) fn of_2003() -> Profile {
    Profile {
        translations: false,
        steps: false,
        planner: Some(Planner::TwoFinger),
        daemon: false,
        moves_locked: false,
        fork_copies_pinned: false,
        failures: false,
        ..understudy()
    }
}
