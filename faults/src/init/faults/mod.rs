//! The catalogue of faults: each is a few lines that change one decision.
//!
//! | room | what goes wrong |
//! | --- | --- |
//! | `order` | in which order inits are called |
//! | `inits` | which of them are called, when a load stops, and what it answers |
//! | `exits` | which exits run, in which order, and what is reported of them |
//! | `aftermath` | what is left of a load or an unload, and of the next one |
//! | `refusals` | what is refused, what calls back in, and references |
//! | `boot` | what is built in, and the legacy pair |

mod aftermath;
mod boot;
mod exits;
mod inits;
mod order;
mod refusals;

use lawbook_spec::core::Implementation;
use lawbook_spec::init::Init;

/// Every fault.
pub(super) fn all() -> impl Iterator<Item = Implementation<Init>> {
    order::FAULTS
        .into_iter()
        .chain(inits::FAULTS)
        .chain(exits::FAULTS)
        .chain(aftermath::FAULTS)
        .chain(refusals::FAULTS)
        .chain(boot::FAULTS)
}
