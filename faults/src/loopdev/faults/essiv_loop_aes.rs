//! Faults in the keys and IVs of ESSIV, eboiv and loop-AES.

use lawbook_spec::core::Implementation;
use lawbook_spec::loopdev::{Iv, Loopdev, Offer, Profile};

use super::super::ciphers::{Aes, Block, be64, le64};
use super::super::decisions::{Decisions, Right};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Loopdev>; 11] = [
    fault::<EssivHashCut>(
        "essiv-hash-cut",
        "LOOPDEV-04",
        "ESSIV cuts the hash of the key to the key's length.",
        "constructed: the cipher of the IVs is made like that of the data",
    ),
    fault::<EssivRawKey>(
        "essiv-raw-key",
        "LOOPDEV-04",
        "ESSIV enciphers the sector number under the key itself, not under its hash.",
        "constructed: eboiv does so, and is right to",
    ),
    fault::<EssivBigEndian>(
        "essiv-big-endian",
        "LOOPDEV-04",
        "ESSIV enciphers the sector number in big endian.",
        "constructed: the number is copied as a big-endian machine holds it",
    ),
    fault::<EssivWritesNumberDown>(
        "essiv-writes-number-down",
        "LOOPDEV-26",
        "Under the name of ESSIV, the IV is the sector number as it is.",
        "constructed: the second cipher is left out to be faster; CVE-2004-2135 is what follows",
    ),
    fault::<LoopAesTrueLength>(
        "loop-aes-true-length",
        "LOOPDEV-04",
        "The MD5 of loop-AES version 3 closes with the length 4536, not with 4024.",
        "constructed: loop-AES itself calls its 4024 a wrong length",
    ),
    fault::<LoopAesKeyByQuotient>(
        "loop-aes-key-by-quotient",
        "LOOPDEV-04",
        "loop-AES takes key number n / 64.",
        "constructed: a shift in place of a mask",
    ),
    fault::<LoopAesKeyOf65>(
        "loop-aes-key-of-65",
        "LOOPDEV-04",
        "loop-AES takes key number n % 65.",
        "constructed: version 3 has 65 keys, of which 64 encipher",
    ),
    fault::<LoopAesMarkMissing>(
        "loop-aes-mark-missing",
        "LOOPDEV-04",
        "The byte that tells keys of several lines from others is not XORed onto them.",
        "constructed: it is easy to overlook, in the program and not in the kernel",
    ),
    fault::<LoopAesHashesFirstBlock>(
        "loop-aes-hashes-first-block",
        "LOOPDEV-01",
        "The MD5 of loop-AES includes the first block, to which its hash is the IV.",
        "constructed: the whole sector is hashed",
    ),
    fault::<LoopAesWholeNumber>(
        "loop-aes-whole-number",
        "LOOPDEV-04",
        "The MD5 of loop-AES takes the sector number whole, not cut to 56 bits.",
        "constructed: eight bytes are hashed where the eighth is padding",
    ),
    fault::<EboivOnSector>(
        "eboiv-on-sector",
        "LOOPDEV-04",
        "eboiv enciphers the sector number, not the byte offset.",
        "constructed: every other scheme counts sectors",
    ),
];

fn essiv_only() -> Profile {
    profiles::only(vec![profiles::cbc(Iv::EssivSha256)])
}

fn loop_aes_only() -> Profile {
    profiles::only(vec![profiles::loop_aes(Iv::LoopAesV2), profiles::loop_aes(Iv::LoopAesV3)])
}

#[derive(Default)]
struct EssivHashCut;

impl Decisions for EssivHashCut {
    fn profile(&self) -> Profile {
        essiv_only()
    }

    fn essiv_key(&self, key: &[u8]) -> Vec<u8> {
        Right.essiv_key(key)[..key.len()].to_vec()
    }
}

#[derive(Default)]
struct EssivRawKey;

impl Decisions for EssivRawKey {
    fn profile(&self) -> Profile {
        essiv_only()
    }

    fn essiv_key(&self, key: &[u8]) -> Vec<u8> {
        key.to_vec()
    }
}

#[derive(Default)]
struct EssivBigEndian;

impl Decisions for EssivBigEndian {
    fn profile(&self) -> Profile {
        essiv_only()
    }

    fn essiv_iv(&self, cipher: &Aes, n: u64) -> Block {
        cipher.encrypt(be64(n))
    }
}

#[derive(Default)]
struct EssivWritesNumberDown;

impl Decisions for EssivWritesNumberDown {
    fn profile(&self) -> Profile {
        // Writes and looks at the image, and little else: a watermark needs two units in one look.
        Profile {
            crypt_unit: false,
            offsets: false,
            first: false,
            far: false,
            flips: false,
            ..profiles::only(vec![Offer {
                unit_bytes: vec![512],
                ..profiles::cbc(Iv::EssivSha256)
            }])
        }
    }

    fn essiv_iv(&self, _cipher: &Aes, n: u64) -> Block {
        le64(n)
    }
}

#[derive(Default)]
struct LoopAesTrueLength;

impl Decisions for LoopAesTrueLength {
    fn profile(&self) -> Profile {
        profiles::only(vec![profiles::loop_aes(Iv::LoopAesV3)])
    }

    fn hashed_bits(&self, message_bytes: u64, primer_bytes: u64) -> u64 {
        8 * (message_bytes + primer_bytes)
    }
}

#[derive(Default)]
struct LoopAesKeyByQuotient;

impl Decisions for LoopAesKeyByQuotient {
    fn profile(&self) -> Profile {
        loop_aes_only()
    }

    fn loop_aes_key(&self, n: u64) -> u64 {
        n / 64
    }
}

#[derive(Default)]
struct LoopAesKeyOf65;

impl Decisions for LoopAesKeyOf65 {
    fn profile(&self) -> Profile {
        loop_aes_only()
    }

    fn loop_aes_key(&self, n: u64) -> u64 {
        n % 65
    }
}

#[derive(Default)]
struct LoopAesMarkMissing;

impl Decisions for LoopAesMarkMissing {
    fn profile(&self) -> Profile {
        loop_aes_only()
    }

    fn loop_aes_mark(&self, _keys: usize) -> u8 {
        0
    }
}

#[derive(Default)]
struct LoopAesHashesFirstBlock;

impl Decisions for LoopAesHashesFirstBlock {
    fn profile(&self) -> Profile {
        loop_aes_only()
    }

    fn hashed_plaintext<'a>(&self, sector: &'a [u8]) -> &'a [u8] {
        sector
    }
}

#[derive(Default)]
struct LoopAesWholeNumber;

impl Decisions for LoopAesWholeNumber {
    fn profile(&self) -> Profile {
        loop_aes_only()
    }

    fn hashed_n(&self, n: u64) -> Vec<u8> {
        n.to_le_bytes().to_vec()
    }
}

#[derive(Default)]
struct EboivOnSector;

impl Decisions for EboivOnSector {
    fn profile(&self) -> Profile {
        profiles::only(vec![profiles::cbc(Iv::Eboiv)])
    }

    fn eboiv_number(&self, n: u64, _unit_bytes: u32) -> u64 {
        n
    }
}
