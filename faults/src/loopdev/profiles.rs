//! What the understudies and the faults say of themselves.
//!
//! A fault that concerns one transform offers that one alone, so that it is met soon.

use lawbook_spec::loopdev::{Cipher, EqualHalves, Iv, Offer, PartialRequests, Profile};

const ALL_UNITS: [u32; 4] = [512, 1024, 2048, 4096];
const XTS_KEYS: [u16; 2] = [256, 512];
const AES_KEYS: [u16; 3] = [128, 192, 256];

/// The understudy's: every transform that keeps every law, and every ability.
pub(super) fn understudy() -> Profile {
    Profile {
        none: true,
        transfers: true,
        ..only(vec![
            xts(Iv::Plain64),
            xts(Iv::Plain64be),
            cbc(Iv::EssivSha256),
            loop_aes(Iv::LoopAesV2),
            loop_aes(Iv::LoopAesV3),
        ])
    }
}

/// The strict understudy's: the other choices.
pub(super) fn strict() -> Profile {
    Profile {
        equal_halves: EqualHalves::DecryptOnly,
        partial_requests: PartialRequests::Refused,
        ..understudy()
    }
}

/// The understudy's, with these ciphers and nothing else to transform by.
pub(super) fn only(ciphers: Vec<Offer>) -> Profile {
    Profile {
        ciphers,
        none: false,
        xor: false,
        transfers: false,
        image: true,
        flips: true,
        block_size: true,
        offsets: true,
        first: true,
        far: true,
        size_limit: true,
        read_only: true,
        crypt_unit: true,
        partial_units: true,
        equal_halves: EqualHalves::Accepted,
        partial_requests: PartialRequests::ReadModifyWrite,
    }
}

/// AES-XTS under a scheme, in every size.
pub(super) fn xts(iv: Iv) -> Offer {
    Offer {
        cipher: Cipher::AesXts,
        iv: Some(iv),
        key_bits: XTS_KEYS.to_vec(),
        unit_bytes: ALL_UNITS.to_vec(),
        large_sectors: true,
    }
}

/// AES-CBC under a scheme, in every size.
pub(super) fn cbc(iv: Iv) -> Offer {
    Offer {
        cipher: Cipher::AesCbc,
        iv: Some(iv),
        key_bits: AES_KEYS.to_vec(),
        unit_bytes: ALL_UNITS.to_vec(),
        large_sectors: true,
    }
}

/// A loop-AES version, whose units are always 512 bytes.
pub(super) fn loop_aes(iv: Iv) -> Offer {
    Offer { unit_bytes: vec![512], large_sectors: false, ..cbc(iv) }
}

/// The scheme of Linux 2.4, which knows no units.
pub(super) fn block() -> Offer {
    Offer { unit_bytes: vec![512], large_sectors: false, ..cbc(Iv::Block) }
}
