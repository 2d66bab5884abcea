//! The understudies of `init`, and its faults: an understudy with one decision changed.
//!
//! | room | holds |
//! | --- | --- |
//! | `understudy` | the loader: modules, callbacks, states |
//! | `decisions` | the steps at which loaders went wrong, each with its right answer |
//! | `profiles` | what understudies and faults say of themselves |
//! | `faults` | the catalogue |
//!
//! It does not cover faults that threads are needed for.

mod decisions;
mod faults;
mod profiles;
#[cfg(test)]
mod tests;
mod understudy;

use lawbook_spec::core::{Implementation, Missing, Subject};
use lawbook_spec::init::{Driver, Init};

use self::decisions::{Decisions, Of2003, Plain, Right};
use self::understudy::Understudy;
use crate::understudy;

/// The understudies, and then every fault.
pub fn implementations() -> Vec<Implementation<Init>> {
    let mut all = vec![
        understudy(
            "understudy",
            "A plain loader of modules in memory, written independently of the reference.",
            open::<Right>,
        ),
        understudy(
            "understudy-2003",
            "The understudy with the choices of 2003: any code but 0 is a failure, exits are \
             counted over the whole module, and a module with references that fails is stuck.",
            open::<Of2003>,
        ),
        understudy(
            "understudy-plain",
            "The understudy as a loader that offers nothing optional.",
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
) -> Implementation<Init> {
    crate::fault(name, breaks, about, precedent, open::<D>)
}

fn open<D: Decisions + Default + 'static>() -> Result<Box<dyn Subject<Init>>, Missing> {
    Ok(Box::new(driver::<D>()))
}

/// Drives a loader that decides like this, a fresh one for each case.
fn driver<D: Decisions + Default + 'static>() -> impl Subject<Init> {
    Driver::new(D::default().profile(), || Understudy::new(Box::<D>::default()))
}
