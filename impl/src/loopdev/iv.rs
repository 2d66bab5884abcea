//! From the number *n* of a unit to its IV, and the keys and hashes of loop-AES.
//!
//! It does not cover [`Iv::Block`], which knows no *n*, nor what is done with an IV.

use aes::Block;
use lawbook_spec::loopdev::{Error, Iv};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::cipher::{Aes, BLOCK_BYTES};

/// Makes the IVs of units.
pub(super) struct Ivs {
    scheme: Iv,
    unit_bytes: u64,
    /// What the scheme's number is encrypted with: for ESSIV, eboiv, and the tweaks of XTS.
    secret: Option<Aes>,
}

impl Ivs {
    pub(super) fn new(scheme: Iv, unit_bytes: u32, secret: Option<Aes>) -> Self {
        Ivs { scheme, unit_bytes: u64::from(unit_bytes), secret }
    }

    /// Whether units are sectors of 512 bytes and nothing else.
    pub(super) fn only_sectors(&self) -> bool {
        self.scheme.key_lines() > 0
    }

    /// Makes one IV for each *n*, as many as there is room for.
    pub(super) fn fill(&self, numbers: impl Iterator<Item = u64>, ivs: &mut [Block]) {
        for (iv, n) in ivs.iter_mut().zip(numbers) {
            *iv = self.public(n).to_le_bytes().into();
        }
        if let Some(aes) = &self.secret {
            aes.ecb(lawbook_spec::loopdev::Direction::Encrypt, ivs);
        }
    }

    /// The IV before it is encrypted, as a little-endian number.
    fn public(&self, n: u64) -> u128 {
        let big_endian = |n: u64| u128::from(n.swap_bytes()) << 64;
        match self.scheme {
            Iv::Plain => u128::from(n & 0xffff_ffff),
            Iv::Plain64 | Iv::EssivSha256 | Iv::LoopAesV1 => u128::from(n),
            Iv::Plain64be => big_endian(n),
            Iv::Benbi => big_endian(n.wrapping_mul(32).wrapping_add(1)),
            Iv::Eboiv => u128::from(n.wrapping_mul(self.unit_bytes)),
            Iv::Null => 0,
            Iv::Block | Iv::LoopAesV2 | Iv::LoopAesV3 => {
                unreachable!("{} makes its IVs of more than n", self.scheme)
            }
        }
    }
}

/// The AES keys of a loop-AES key file: a hash of each line, marked with the version.
pub(super) fn loop_aes_keys(
    version: Iv,
    key_bits: u16,
    lines: &[String],
) -> Result<Vec<Vec<u8>>, Error> {
    if lines.len() != version.key_lines() {
        return Err(Error::BadKey);
    }
    let mark = match lines.len() {
        64 => 0x55,
        65 => 0xf4,
        _ => 0,
    };
    lines
        .iter()
        .map(|line| {
            let mut key = match key_bits {
                128 => Sha256::digest(line)[..16].to_vec(),
                192 => Sha384::digest(line)[..24].to_vec(),
                256 => Sha512::digest(line)[..32].to_vec(),
                _ => return Err(Error::BadKey),
            };
            key[0] ^= mark;
            Ok(key)
        })
        .collect()
}

/// The hash by which loop-AES v2 and v3 make a sector's IV of its plaintext: MD5 that starts from
/// a secret state in v3.
#[derive(Clone, Copy)]
pub(super) struct SectorHash([u32; 4]);

impl SectorHash {
    /// `extra` is the last of v3's 65 keys.
    pub(super) fn new(extra: Option<&[u8]>) -> Self {
        let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
        if let Some(extra) = extra {
            let mut first = [0; 64];
            first[..BLOCK_BYTES].copy_from_slice(&extra[..BLOCK_BYTES]);
            md5::block_api::compress(&mut state, &[first]);
        }
        SectorHash(state)
    }

    /// The IV of a sector of 512 bytes, of which the first 16 do not matter.
    pub(super) fn iv(&self, n: u64, plain: &[u8]) -> Block {
        // What is hashed: the sector but for its first block, and 56 bits of n. The length at the
        // end counts these and nothing else, in v3 too.
        const HASHED_BYTES: usize = 512 - BLOCK_BYTES + 7;
        let mut message = [0; 512];
        message[..512 - BLOCK_BYTES].copy_from_slice(&plain[BLOCK_BYTES..512]);
        message[512 - BLOCK_BYTES..HASHED_BYTES].copy_from_slice(&n.to_le_bytes()[..7]);
        message[HASHED_BYTES] = 0x80;
        message[504..].copy_from_slice(&(HASHED_BYTES as u64 * 8).to_le_bytes());
        let SectorHash(mut state) = *self;
        md5::block_api::compress(&mut state, message.as_chunks::<64>().0);
        let mut iv = Block::default();
        for (bytes, word) in iv.chunks_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        iv
    }
}
