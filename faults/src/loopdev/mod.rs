//! The understudies of the loop device, and its faults: an understudy with one decision changed.
//!
//! | room | holds |
//! | --- | --- |
//! | `understudy` | the device: what it takes, requests, units, the image |
//! | `decisions` | the steps at which devices went wrong, each with its right answer |
//! | `ciphers` | AES in its modes, IV schemes, loop-AES |
//! | `backing` | a sparse backing in memory |
//! | `profiles` | what understudies and faults say of themselves |
//! | `faults` | the catalogue |
//!
//! It does not cover faults that never end or that take the process down.

mod backing;
mod ciphers;
mod decisions;
mod faults;
mod profiles;
#[cfg(test)]
mod tests;
mod understudy;

use lawbook_spec::core::{Implementation, Missing, Subject};
use lawbook_spec::loopdev::{Driver, Loopdev};

use self::decisions::{Decisions, Right, Strict};
use self::understudy::Understudy;
use crate::understudy;

/// The understudies, and then every fault.
pub fn implementations() -> Vec<Implementation<Loopdev>> {
    let mut all = vec![
        understudy(
            "understudy",
            "A plain loop device in memory, written independently of the reference.",
            open::<Right>,
        ),
        understudy(
            "understudy-strict",
            "The understudy with the other choices: partial requests are refused, and \
                    equal halves of an XTS key only decipher.",
            open::<Strict>,
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
) -> Implementation<Loopdev> {
    crate::fault(name, breaks, about, precedent, open::<D>)
}

fn open<D: Decisions + Default + 'static>() -> Result<Box<dyn Subject<Loopdev>>, Missing> {
    Ok(Box::new(driver::<D>()))
}

/// Drives a device that decides like this, a fresh one for each case.
fn driver<D: Decisions + Default + 'static>() -> impl Subject<Loopdev> {
    Driver::new(D::default().profile(), |backing_bytes| {
        Understudy::new(Box::<D>::default(), backing_bytes)
    })
}
