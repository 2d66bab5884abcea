//! The catalogue of faults: each is a few lines that change one decision.
//!
//! | room | what goes wrong |
//! | --- | --- |
//! | `memory` | which frames there are, and where blocks are aligned |
//! | `requests` | which block serves a request, what of it is left, and what a failure leaves |
//! | `merging` | which buddies become one |
//! | `misuse` | which frees are refused, and what a refusal does |
//! | `watermarks` | which requests a watermark holds |
//! | `isolation` | which frames are isolated, and what becomes of them |
//! | `caches` | which frames are cached, and whom they serve |
//! | `books` | what is counted and shown |
//! | `fragmentation` | how fragmented a zone is said to be |

mod books;
mod caches;
mod fragmentation;
mod isolation;
mod memory;
mod merging;
mod misuse;
mod requests;
mod watermarks;

use lawbook_spec::core::Implementation;
use lawbook_spec::frames::Frames;

/// Every fault.
pub(super) fn all() -> impl Iterator<Item = Implementation<Frames>> {
    memory::FAULTS
        .into_iter()
        .chain(requests::FAULTS)
        .chain(merging::FAULTS)
        .chain(misuse::FAULTS)
        .chain(watermarks::FAULTS)
        .chain(isolation::FAULTS)
        .chain(caches::FAULTS)
        .chain(books::FAULTS)
        .chain(fragmentation::FAULTS)
}
