//! The catalogue of faults: each is a few lines that change one decision.
//!
//! | room | what goes wrong |
//! | --- | --- |
//! | `reads` | which bytes a page has |
//! | `sharing` | who gets a copy, at a fork and on a write |
//! | `areas` | what is mapped, moved, cut off and unmapped |
//! | `reverse_map` | which places have a page |
//! | `holds` | what pins, locks and writebacks hold |
//! | `migration` | the steps of a migration |
//! | `waiting` | what waits for its end |
//! | `books` | which frames are free, and what is told of them |
//! | `passes` | what the defragmenter moves |
//! | `daemon` | when it works by itself |
//! | `errors` | what is refused |

mod areas;
mod books;
mod daemon;
mod errors;
mod holds;
mod migration;
mod passes;
mod reads;
mod reverse_map;
mod sharing;
mod waiting;

use lawbook_spec::core::Implementation;
use lawbook_spec::memory::Memory;

/// Every fault.
pub(super) fn all() -> impl Iterator<Item = Implementation<Memory>> {
    reads::FAULTS
        .into_iter()
        .chain(sharing::FAULTS)
        .chain(areas::FAULTS)
        .chain(reverse_map::FAULTS)
        .chain(holds::FAULTS)
        .chain(migration::FAULTS)
        .chain(waiting::FAULTS)
        .chain(books::FAULTS)
        .chain(passes::FAULTS)
        .chain(daemon::FAULTS)
        .chain(errors::FAULTS)
}
