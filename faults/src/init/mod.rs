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

use lawbook_spec::core::{Implementation, LawId, Missing, Origin, Subject};
use lawbook_spec::init::{Driver, Init};

use self::decisions::{Decisions, Of2003, Plain, Right};
use self::understudy::Understudy;

/// The understudies, and then every fault.
pub fn implementations() -> Vec<Implementation<Init>> {
    let mut all = vec![
        understudy::<Right>(
            "understudy",
            "A plain loader of modules in memory, written independently of the reference.",
        ),
        understudy::<Of2003>(
            "understudy-2003",
            "The understudy with the choices of 2003: any code but 0 is a failure, exits are \
             counted over the whole module, and a module with references that fails is stuck.",
        ),
        understudy::<Plain>(
            "understudy-plain",
            "The understudy as a loader that offers nothing optional.",
        ),
    ];
    all.extend(faults::all());
    all
}

const fn understudy<D: Decisions + Default + 'static>(
    name: &'static str,
    about: &'static str,
) -> Implementation<Init> {
    Implementation {
        name,
        version: env!("CARGO_PKG_VERSION"),
        about,
        origin: Origin::Understudy,
        open: open::<D>,
    }
}

/// A fault: these decisions, and why they are in the catalogue.
const fn fault<D: Decisions + Default + 'static>(
    name: &'static str,
    breaks: &'static str,
    about: &'static str,
    precedent: &'static str,
) -> Implementation<Init> {
    Implementation {
        name,
        version: env!("CARGO_PKG_VERSION"),
        about,
        origin: Origin::Fault { breaks: LawId(breaks), precedent },
        open: open::<D>,
    }
}

fn open<D: Decisions + Default + 'static>() -> Result<Box<dyn Subject<Init>>, Missing> {
    Ok(Box::new(driver::<D>()))
}

/// Drives a loader that decides like this, a fresh one for each case.
fn driver<D: Decisions + Default + 'static>() -> impl Subject<Init> {
    Driver::new(D::default().profile(), || Understudy::new(Box::<D>::default()))
}
