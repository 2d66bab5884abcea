//! The catalogue of faults: each is a few lines that change one decision.
//!
//! | room | what goes wrong |
//! | --- | --- |
//! | `iv` | what the number *n* counts, and how it is written down |
//! | `requests` | how a request is cut into pieces, and what becomes of it |
//! | `xts` | tweaks, ciphertext stealing and keys of XTS |
//! | `essiv_loop_aes` | keys and IVs of ESSIV, eboiv and loop-AES |
//! | `device` | what is taken, what is kept, and registered transfers |

mod device;
mod essiv_loop_aes;
mod iv;
mod requests;
mod xts;

use lawbook_spec::core::Implementation;
use lawbook_spec::loopdev::Loopdev;

/// Every fault.
pub(super) fn all() -> impl Iterator<Item = Implementation<Loopdev>> {
    iv::FAULTS
        .into_iter()
        .chain(requests::FAULTS)
        .chain(xts::FAULTS)
        .chain(essiv_loop_aes::FAULTS)
        .chain(device::FAULTS)
}
