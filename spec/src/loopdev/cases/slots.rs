//! Cases that test nothing but the slots of transfers: for whoever writes a slot table in another
//! language.
//!
//! It does not cover what a transfer does.

use super::super::contract::Profile;
use super::super::{Key, Loopdev, Transform};
use super::admit::admits;
use super::{Change, Op, small};
use crate::core::Case;

/// Registrations in full slots, and whatever needs a transfer of an empty one.
pub(in super::super) fn slots(profile: &Profile) -> Vec<Case<Loopdev>> {
    let offered = profile.ciphers.iter().flat_map(small::transforms).next();
    let setup = small::bare(profile, offered.unwrap_or(Transform::None {}), 16);
    let cases = [
        // Empty at first, full once registered, empty again.
        vec![unregister(0), register(0), register(0), unregister(0), unregister(0), register(0)],
        // Each for itself.
        vec![register(1), unregister(0), register(0), unregister(1), register(1), unregister(0)],
        vec![attach(0), register(0), attach(1), attach(0)],
        vec![register(0), unregister(0), attach(0), register(1), attach(0), attach(1)],
    ];
    let cases = cases.into_iter().map(|ops| Case { setup: setup.clone(), ops });
    cases.filter(|case| admits(profile, case).is_ok()).collect()
}

fn register(slot: u8) -> Op {
    Op::Register { slot }
}

fn unregister(slot: u8) -> Op {
    Op::Unregister { slot }
}

fn attach(slot: u8) -> Op {
    let transform = Some(Transform::Registered { slot });
    Op::Attach { change: Change { transform, key: Some(Key::empty()), ..Change::default() } }
}
