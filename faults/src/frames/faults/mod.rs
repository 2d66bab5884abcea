//! The catalogue of faults: each is a few lines that change one decision.
//!
//! | room | what goes wrong |
//! | --- | --- |
//! | `memory` | which frames there are, and where blocks are aligned |
//! | `requests` | which block serves a request, what of it is left, and what a failure leaves |
//! | `merging` | which buddies become one |
//! | `misuse` | which frees are refused, and what a refusal does |
//! | `books` | what is counted and shown |

mod books;
mod memory;
mod merging;
mod misuse;
mod requests;

use lawbook_spec::core::Implementation;
use lawbook_spec::frames::Frames;

/// Every fault.
pub(super) fn all() -> impl Iterator<Item = Implementation<Frames>> {
    memory::FAULTS
        .into_iter()
        .chain(requests::FAULTS)
        .chain(merging::FAULTS)
        .chain(misuse::FAULTS)
        .chain(books::FAULTS)
}
