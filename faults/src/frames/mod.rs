//! The understudies of `frames`, and its faults: an understudy with one decision changed.
//!
//! | room | holds |
//! | --- | --- |
//! | `understudy` | the allocator: a list of free blocks and one of live ones |
//! | `decisions` | the steps at which allocators went wrong, each with its right answer |
//! | `profiles` | what the understudies say of themselves |
//! | `faults` | the catalogue |
//!
//! It does not cover watermarks, isolation and caches.

mod decisions;
mod faults;
mod profiles;
#[cfg(test)]
mod tests;
mod understudy;

use lawbook_spec::core::{Implementation, Missing, Subject};
use lawbook_spec::frames::{Driver, Frames};

use self::decisions::{Decisions, Plain, Right};
use self::understudy::Understudy;
use crate::understudy;

/// The understudies, and then every fault.
pub fn implementations() -> Vec<Implementation<Frames>> {
    let mut all = vec![
        understudy(
            "understudy",
            "A plain buddy allocator that keeps two lists of blocks, written independently of the \
             reference.",
            open::<Right>,
        ),
        understudy(
            "understudy-plain",
            "The understudy as an allocator that offers nothing optional and sees no misuse.",
            open::<Plain>,
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
) -> Implementation<Frames> {
    crate::fault(name, breaks, about, precedent, open::<D>)
}

fn open<D: Decisions + Default + 'static>() -> Result<Box<dyn Subject<Frames>>, Missing> {
    Ok(Box::new(driver::<D>()))
}

/// Drives an allocator that decides like this, a fresh one for each case.
fn driver<D: Decisions + Default + 'static>() -> impl Subject<Frames> {
    Driver::new(D::default().profile(), |setup| Understudy::new(Box::<D>::default(), setup))
}
