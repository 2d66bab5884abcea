//! The understudies of `frames`, and its faults: an understudy with one decision changed.
//!
//! | room | holds |
//! | --- | --- |
//! | `understudy` | the allocator: lists of free blocks, of live ones, and of cached frames |
//! | `map` | another allocator: what each frame is, and no list |
//! | `decisions` | the steps at which allocators went wrong, each with its right answer |
//! | `profiles` | what the understudies say of themselves |
//! | `faults` | the catalogue |
//!
//! It does not cover caches of several processors: there is one for each zone.

mod decisions;
mod faults;
mod map;
mod profiles;
#[cfg(test)]
mod tests;
mod understudy;

use lawbook_spec::core::{Implementation, Missing, Subject};
use lawbook_spec::frames::{Driver, Frames};

use self::decisions::{Cached, Decisions, Plain, Right};
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
        understudy(
            "understudy-cached",
            "The understudy with a cache: single frames that were freed stay in it until they are \
             asked for again, or drained.",
            open::<Cached>,
        ),
        understudy(
            "understudy-map",
            "A map of what each frame is, without a list of blocks: what is free is looked for at \
             each question.",
            map::open,
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
