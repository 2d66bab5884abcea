//! The loader of June 2003, by its author and with the first correction that he was sent.
//!
//! `v1` is both. It does not cover the loaders of today's kernels, which run outside this process.

#[cfg(test)]
mod tests;
mod v1;

use lawbook_spec::core::{EVERY_CASE, Implementation, Origin};
use lawbook_spec::init::Init;

use self::v1::Edition;

/// The loaders that others wrote.
pub fn implementations() -> Vec<Implementation<Init>> {
    vec![
        Implementation {
            name: "russell-v1",
            version: || "2003-06-23".into(),
            about: "Rusty Russell's patch of 23 June 2003 as it was posted, bug for bug.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: || Ok(Box::new(v1::subject(Edition::Posted))),
        },
        Implementation {
            name: "russell-v1-corbet",
            version: || "2003-06-23".into(),
            about: "The same with Jonathan Corbet's patch of the same day.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: || Ok(Box::new(v1::subject(Edition::Corbet))),
        },
    ]
}
