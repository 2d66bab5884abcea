//! The understudy of `memory`, and its faults: an understudy with one decision changed.
//!
//! | room | holds |
//! | --- | --- |
//! | `understudy` | the machine: what each frame is, and what each page table says |
//! | `decisions` | the steps at which machines went wrong, each with its right answer |
//! | `profiles` | what the understudies say of themselves |
//! | `faults` | the catalogue |
//!
//! It does not cover what it costs to find the PTEs of a page: the understudy looks at all.

mod decisions;
mod faults;
mod profiles;
#[cfg(test)]
mod tests;
mod understudy;

use lawbook_spec::core::{Implementation, Missing, Subject};
use lawbook_spec::memory::{Driver, Memory};

use self::decisions::{Decisions, Of2003, Plain, Right, TwoFinger};
use self::understudy::Understudy;
use crate::understudy;

/// The understudies, and then every fault.
pub fn implementations() -> Vec<Implementation<Memory>> {
    let mut all = vec![
        understudy(
            "understudy",
            "A machine that knows what each frame is, and looks through all page tables for the \
             rest, written independently of the reference.",
            open::<Right>,
        ),
        understudy(
            "understudy-two-finger",
            "The understudy with a finger from each end of a zone.",
            open::<TwoFinger>,
        ),
        understudy(
            "understudy-plain",
            "The understudy as a machine of which only the accesses can be seen.",
            open::<Plain>,
        ),
        understudy(
            "understudy-2003",
            "The understudy as a kernel of 2003: locked pages stay, a fork shares what is pinned, \
             and pages move in passes only.",
            open::<Of2003>,
        ),
    ];
    all.extend(faults::all());
    all
}

/// A fault: these decisions, and why they are in the catalogue.
const fn fault<D: Decisions + Default + 'static>(
    name: &'static str,
    breaks: &'static str,
    about: &'static str,
    precedent: &'static str,
) -> Implementation<Memory> {
    crate::fault(name, breaks, about, precedent, open::<D>)
}

fn open<D: Decisions + Default + 'static>() -> Result<Box<dyn Subject<Memory>>, Missing> {
    Ok(Box::new(driver::<D>()))
}

/// Drives a machine that decides like this, a fresh one for each case.
fn driver<D: Decisions + Default + 'static>() -> impl Subject<Memory> {
    Driver::new(D::default().profile(), |setup| Understudy::new(Box::<D>::default(), setup))
}
