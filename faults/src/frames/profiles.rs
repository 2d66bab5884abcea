//! What the understudies say of themselves; a fault says what one of them says.
//!
//! It does not cover the mixes of abilities that the tests go through.

use lawbook_spec::frames::Profile;

/// The understudy's: every ability but a cache, and all misuse is refused.
pub(super) fn understudy() -> Profile {
    Profile::full()
}

/// The understudy's with a cache.
pub(super) fn cached() -> Profile {
    Profile { caches: true, ..understudy() }
}

/// One zone of whole blocks; no misuse is seen, and nothing can be asked about what is free.
pub(super) fn plain() -> Profile {
    Profile { strict: true, ..Profile::default() }
}
