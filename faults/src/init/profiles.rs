//! What the understudies and the faults say of themselves.
//!
//! A fault that only shows between a module and its twin is a plain loader, so that twins are met
//! soon.

use lawbook_spec::init::{FailureRule, Held, Permanence, Profile};

/// The understudy's: the choices of today's Linux, and every ability.
pub(super) fn understudy() -> Profile {
    Profile::full()
}

/// The choices of 2003, and every ability.
pub(super) fn of_2003() -> Profile {
    Profile { failure: FailureRule::Nonzero, held: Held::Stuck, ..balance() }
}

/// The understudy's, but that any code except 0 is a failure.
pub(super) fn nonzero() -> Profile {
    Profile { failure: FailureRule::Nonzero, ..understudy() }
}

/// The understudy's, but that exits are counted over the whole module.
pub(super) fn balance() -> Profile {
    Profile { permanence: Permanence::Balance, ..understudy() }
}

/// A loader that loads and unloads, and does nothing else.
pub(super) fn plain() -> Profile {
    Profile { permanence: Permanence::Never, ..Profile::default() }
}
