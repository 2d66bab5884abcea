//! What the understudies say of themselves; a fault says what the understudy says.
//!
//! It does not cover the mixes of abilities that the tests go through.

use lawbook_spec::frames::Profile;

/// The understudy's: every ability, and all misuse is refused.
pub(super) fn understudy() -> Profile {
    Profile::full()
}

/// One zone of whole blocks; no misuse is seen, and nothing can be asked about what is free.
pub(super) fn plain() -> Profile {
    Profile { strict: true, ..Profile::default() }
}
