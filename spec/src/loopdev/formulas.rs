//! The formulas: from a transform, a key and *n* to the bytes of the image, by the plain use of
//! the crates `aes`, `xts-mode`, `cbc`, `sha2` and `md-5`. No speed is sought here.
//!
//! It does not cover where units lie nor what is written when: that is the model's.

use aes::cipher::{
    Array, Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt,
    BlockSizeUser, InnerIvInit, KeyInit, consts::U16,
};
use aes::{Aes128, Aes192, Aes256};
use sha2::{Digest, Sha256, Sha384, Sha512};
use xts_mode::Xts128;

use super::contract::{Direction, Error};
use super::{Attachment, Cipher, Iv, Key, MOST_UNIT_BYTES, SECTOR_BYTES, Sector, Transform};

/// The bytes of an AES block.
pub(super) const BLOCK_BYTES: usize = 16;

/// Computes what one transform under one key makes of data units.
pub struct Oracle(Inner);

#[allow(clippy::large_enum_variant, reason = "there is one a scheme: its size is no matter")]
enum Inner {
    None,
    Xor(Vec<u8>),
    Registered(u8),
    Ecb(Aes),
    Cbc { data: Aes, iv: Iv, salted: Option<Aes>, unit_bytes: u32 },
    Xts { area: Xts, iv: Iv, unit_bytes: u32 },
    LoopAes { data: Vec<Aes>, version: Iv, extra: [u8; BLOCK_BYTES] },
}

impl Oracle {
    /// The oracle of a transform under a key.
    ///
    /// # Errors
    ///
    /// A unit of more than 2²⁰ blocks; a cipher that needs an IV, without a scheme; a scheme that
    /// the cipher does not know; a key of the wrong kind or length.
    pub fn new(transform: &Transform, key: &Key) -> Result<Self, Error> {
        let bytes = match key {
            Key::Bytes { bytes } => bytes.0.as_slice(),
            Key::Lines { .. } => &[],
        };
        Ok(Oracle(match *transform {
            Transform::None {} => Inner::None,
            Transform::Xor {} if bytes.is_empty() => return Err(Error::BadKey),
            Transform::Xor {} => Inner::Xor(bytes.to_vec()),
            Transform::Registered { slot } => Inner::Registered(slot),
            Transform::Cipher { unit_bytes, .. } if unit_bytes > MOST_UNIT_BYTES => {
                return Err(Error::UnitTooLong);
            }
            Transform::Cipher { cipher: Cipher::AesEcb, key_bits, iv, .. } => match iv {
                None => Inner::Ecb(Aes::new(bytes, key_bits)?),
                Some(_) => return Err(Error::Unsupported),
            },
            Transform::Cipher { iv: None, .. } => return Err(Error::NoIv),
            Transform::Cipher {
                cipher: Cipher::AesXts,
                key_bits,
                iv: Some(iv),
                unit_bytes,
                ..
            } => match iv {
                Iv::Plain | Iv::Plain64 | Iv::Plain64be | Iv::Null => {
                    let area = Xts::new(bytes, key_bits)?;
                    Inner::Xts { area, iv, unit_bytes }
                }
                _ => return Err(Error::Unsupported),
            },
            Transform::Cipher {
                cipher: Cipher::AesCbc,
                key_bits,
                iv: Some(iv),
                unit_bytes,
                ..
            } => match (iv, key) {
                (Iv::LoopAesV1 | Iv::LoopAesV2 | Iv::LoopAesV3, Key::Lines { lines }) => {
                    Self::loop_aes(iv, key_bits, lines)?
                }
                (Iv::LoopAesV1 | Iv::LoopAesV2 | Iv::LoopAesV3, Key::Bytes { .. }) => {
                    return Err(Error::BadKey);
                }
                _ => {
                    let data = Aes::new(bytes, key_bits)?;
                    let salted = match iv {
                        Iv::EssivSha256 => Some(Aes::new(&Sha256::digest(bytes), 256)?),
                        Iv::Eboiv => Some(Aes::new(bytes, key_bits)?),
                        _ => None,
                    };
                    Inner::Cbc { data, iv, salted, unit_bytes }
                }
            },
        }))
    }

    fn loop_aes(version: Iv, key_bits: u16, lines: &[String]) -> Result<Inner, Error> {
        if lines.len() != version.key_lines() {
            return Err(Error::BadKey);
        }
        let marker = match version {
            Iv::LoopAesV1 => 0x00,
            Iv::LoopAesV2 => 0x55,
            _ => 0xf4,
        };
        let mut keys = Vec::new();
        for line in lines {
            let mut key = match key_bits {
                128 => Sha256::digest(line)[..16].to_vec(),
                192 => Sha384::digest(line)[..24].to_vec(),
                256 => Sha512::digest(line)[..32].to_vec(),
                _ => return Err(Error::BadKey),
            };
            key[0] ^= marker;
            keys.push(key);
        }
        let mut extra = [0; BLOCK_BYTES];
        if version == Iv::LoopAesV3 {
            extra.copy_from_slice(&keys[64][..BLOCK_BYTES]);
            keys.truncate(64);
        }
        let data = keys.iter().map(|key| Aes::new(key, key_bits)).collect::<Result<_, _>>()?;
        Ok(Inner::LoopAes { data, version, extra })
    }

    /// Transforms one unit in place. *n* is the number that the IV is made of, after any division
    /// for large sectors.
    ///
    /// # Panics
    ///
    /// When the unit is not one of this transform: under loop-AES 512 bytes, under CBC and ECB
    /// whole blocks, under XTS at least one block. Under [`Iv::Block`], which has no units: see
    /// [`Oracle::chain`].
    pub fn crypt(&self, direction: Direction, n: u64, unit: &mut [u8]) {
        match &self.0 {
            Inner::None => {}
            Inner::Xor(key) => {
                for sector in unit.chunks_mut(512) {
                    for (byte, key) in sector.iter_mut().zip(key.iter().cycle()) {
                        *byte ^= key;
                    }
                }
            }
            Inner::Registered(slot) => {
                for (index, sector) in unit.chunks_mut(512).enumerate() {
                    test_transfer(direction, *slot, n.wrapping_add(index as u64), sector);
                }
            }
            Inner::Ecb(aes) => aes.ecb(direction, unit),
            Inner::Cbc { data, iv, salted, unit_bytes } => {
                let mut block = public_iv(*iv, n, *unit_bytes)
                    .expect("the block scheme has chains and no units");
                if let Some(salted) = salted {
                    salted.ecb(Direction::Encrypt, &mut block);
                }
                data.cbc(direction, block, unit);
            }
            Inner::Xts { area, iv, unit_bytes } => {
                let tweak = public_iv(*iv, n, *unit_bytes).expect("XTS knows no block scheme");
                area.crypt(direction, tweak, unit);
            }
            Inner::LoopAes { data, version: Iv::LoopAesV1, .. } => {
                data[0].cbc(direction, le64(n), unit);
            }
            Inner::LoopAes { data, version, extra } => {
                let extra = (*version == Iv::LoopAesV3).then_some(extra);
                let key = &data[(n & 63) as usize];
                if direction == Direction::Encrypt {
                    key.cbc(direction, loop_aes_iv(extra, n, unit), unit);
                } else {
                    key.cbc(direction, [0; BLOCK_BYTES], unit);
                    let iv = loop_aes_iv(extra, n, unit);
                    unit.iter_mut().zip(iv).for_each(|(byte, iv)| *byte ^= iv);
                }
            }
        }
    }

    /// Transforms one CBC chain of whole blocks under an IV of one's own, in place: for
    /// [`Iv::Block`], where IV and chain follow the request.
    ///
    /// # Panics
    ///
    /// When the transform is not CBC.
    pub fn chain(&self, direction: Direction, iv: [u8; BLOCK_BYTES], chain: &mut [u8]) {
        match &self.0 {
            Inner::Cbc { data, .. } => data.cbc(direction, iv, chain),
            _ => panic!("only CBC has chains"),
        }
    }
}

impl std::fmt::Debug for Oracle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oracle").finish_non_exhaustive()
    }
}

/// The number *n* of the unit that starts at a device sector.
pub(super) fn n_of(attachment: &Attachment, sector: Sector) -> u64 {
    let n = attachment
        .first
        .wrapping_add(sector.0)
        .wrapping_add(attachment.offset_bytes / SECTOR_BYTES);
    if attachment.transform.large_sectors() {
        n / (u64::from(attachment.transform.unit_bytes()) / SECTOR_BYTES)
    } else {
        n
    }
}

/// The IV of a scheme before any encryption of it, which everybody can compute; `None` for the
/// schemes that make it of more than *n*.
pub(super) fn public_iv(iv: Iv, n: u64, unit_bytes: u32) -> Option<[u8; BLOCK_BYTES]> {
    let be64 = |n: u64| {
        let mut block = [0; BLOCK_BYTES];
        block[8..].copy_from_slice(&n.to_be_bytes());
        block
    };
    match iv {
        Iv::Plain => Some(le64(n & 0xffff_ffff)),
        Iv::Plain64 | Iv::EssivSha256 | Iv::LoopAesV1 => Some(le64(n)),
        Iv::Plain64be => Some(be64(n)),
        Iv::Null => Some([0; BLOCK_BYTES]),
        Iv::Benbi => Some(be64(n.wrapping_mul(32).wrapping_add(1))),
        Iv::Eboiv => Some(le64(n.wrapping_mul(u64::from(unit_bytes)))),
        Iv::Block | Iv::LoopAesV2 | Iv::LoopAesV3 => None,
    }
}

/// The IV of Linux 2.4: LE32 of the filesystem block in which a byte of the backing lies.
pub(super) fn block_iv(backing_byte: u64, block_bytes: u32) -> [u8; BLOCK_BYTES] {
    le64((backing_byte / u64::from(block_bytes)) & 0xffff_ffff)
}

/// The transfer that cases register: it adds bytes that depend on *n* and on the slot, and takes
/// them away again; done twice the same way, it does not undo itself.
pub(super) fn test_transfer(direction: Direction, slot: u8, n: u64, sector: &mut [u8]) {
    let key = n.to_le_bytes().map(|byte| byte ^ slot.wrapping_mul(0x3d).wrapping_add(0x5a));
    for (byte, key) in sector.iter_mut().zip(key.iter().cycle()) {
        *byte = match direction {
            Direction::Encrypt => byte.wrapping_add(*key),
            Direction::Decrypt => byte.wrapping_sub(*key),
        };
    }
}

fn le64(n: u64) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    block[..8].copy_from_slice(&n.to_le_bytes());
    block
}

/// The IV of loop-AES v2, and of v3 where there is an extra key: MD5 over the sector's plaintext
/// but its first block, and 56 bits of *n*. The length field stays that of 503 bytes in v3 too.
fn loop_aes_iv(extra: Option<&[u8; BLOCK_BYTES]>, n: u64, plain: &[u8]) -> [u8; BLOCK_BYTES] {
    const HASHED_BITS: u64 = 503 * 8;
    let mut message = Vec::with_capacity(576);
    if let Some(extra) = extra {
        message.extend_from_slice(extra);
        message.resize(64, 0);
    }
    message.extend_from_slice(&plain[BLOCK_BYTES..512]);
    message.extend_from_slice(&n.to_le_bytes()[..7]);
    message.push(0x80);
    message.extend_from_slice(&HASHED_BITS.to_le_bytes());
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    let (blocks, rest) = message.as_chunks::<64>();
    assert!(rest.is_empty(), "the padded message is whole MD5 blocks");
    md5::block_api::compress(&mut state, blocks);
    let mut iv = [0; BLOCK_BYTES];
    for (bytes, word) in iv.chunks_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    iv
}

enum Aes {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

impl Aes {
    fn new(key: &[u8], key_bits: u16) -> Result<Self, Error> {
        let bad = |_| Error::BadKey;
        if key.len() * 8 != usize::from(key_bits) {
            return Err(Error::BadKey);
        }
        Ok(match key_bits {
            128 => Aes::Aes128(Aes128::new_from_slice(key).map_err(bad)?),
            192 => Aes::Aes192(Aes192::new_from_slice(key).map_err(bad)?),
            256 => Aes::Aes256(Aes256::new_from_slice(key).map_err(bad)?),
            _ => return Err(Error::BadKey),
        })
    }

    fn ecb(&self, direction: Direction, data: &mut [u8]) {
        match self {
            Aes::Aes128(aes) => ecb(aes, direction, data),
            Aes::Aes192(aes) => ecb(aes, direction, data),
            Aes::Aes256(aes) => ecb(aes, direction, data),
        }
    }

    fn cbc(&self, direction: Direction, iv: [u8; BLOCK_BYTES], data: &mut [u8]) {
        match self {
            Aes::Aes128(aes) => cbc(aes, direction, iv, data),
            Aes::Aes192(aes) => cbc(aes, direction, iv, data),
            Aes::Aes256(aes) => cbc(aes, direction, iv, data),
        }
    }
}

#[allow(clippy::large_enum_variant, reason = "there is one a scheme: its size is no matter")]
enum Xts {
    Aes128(Xts128<Aes128>),
    Aes256(Xts128<Aes256>),
}

impl Xts {
    fn new(key: &[u8], key_bits: u16) -> Result<Self, Error> {
        let bad = |_| Error::BadKey;
        if key.len() * 8 != usize::from(key_bits) {
            return Err(Error::BadKey);
        }
        let (data, tweak) = key.split_at(key.len() / 2);
        Ok(match key_bits {
            256 => Xts::Aes128(Xts128::new(
                Aes128::new_from_slice(data).map_err(bad)?,
                Aes128::new_from_slice(tweak).map_err(bad)?,
            )),
            512 => Xts::Aes256(Xts128::new(
                Aes256::new_from_slice(data).map_err(bad)?,
                Aes256::new_from_slice(tweak).map_err(bad)?,
            )),
            _ => return Err(Error::BadKey),
        })
    }

    fn crypt(&self, direction: Direction, tweak: [u8; BLOCK_BYTES], unit: &mut [u8]) {
        match (self, direction) {
            (Xts::Aes128(xts), Direction::Encrypt) => xts.encrypt_sector(unit, tweak.into()),
            (Xts::Aes128(xts), Direction::Decrypt) => xts.decrypt_sector(unit, tweak.into()),
            (Xts::Aes256(xts), Direction::Encrypt) => xts.encrypt_sector(unit, tweak.into()),
            (Xts::Aes256(xts), Direction::Decrypt) => xts.decrypt_sector(unit, tweak.into()),
        }
    }
}

fn blocks<C: BlockSizeUser<BlockSize = U16>>(data: &mut [u8]) -> &mut [Block<C>] {
    let (blocks, rest) = Array::slice_as_chunks_mut(data);
    assert!(rest.is_empty(), "whole blocks are expected");
    blocks
}

fn ecb<C>(aes: &C, direction: Direction, data: &mut [u8])
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt,
{
    match direction {
        Direction::Encrypt => aes.encrypt_blocks(blocks::<C>(data)),
        Direction::Decrypt => aes.decrypt_blocks(blocks::<C>(data)),
    }
}

fn cbc<C>(aes: &C, direction: Direction, iv: [u8; BLOCK_BYTES], data: &mut [u8])
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt,
{
    match direction {
        Direction::Encrypt => {
            cbc::Encryptor::inner_iv_init(aes, &iv.into()).encrypt_blocks(blocks::<C>(data));
        }
        Direction::Decrypt => {
            cbc::Decryptor::inner_iv_init(aes, &iv.into()).decrypt_blocks(blocks::<C>(data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::IEEE_1619;
    use super::*;
    use crate::core::Bytes;

    #[test]
    fn the_oracle_keeps_the_vectors_of_ieee_1619() {
        for vector in IEEE_1619 {
            let key = hex::decode(vector.key).unwrap();
            let transform = Transform::Cipher {
                cipher: Cipher::AesXts,
                key_bits: u16::try_from(key.len() * 8).unwrap(),
                iv: Some(Iv::Plain64),
                unit_bytes: 512,
                large_sectors: false,
            };
            let oracle = Oracle::new(&transform, &Key::Bytes { bytes: Bytes(key) }).unwrap();
            let mut unit = hex::decode(vector.plain).unwrap();
            oracle.crypt(Direction::Encrypt, vector.n, &mut unit);
            assert_eq!(hex::encode(&unit), vector.cipher, "vector {}", vector.number);
            oracle.crypt(Direction::Decrypt, vector.n, &mut unit);
            assert_eq!(hex::encode(&unit), vector.plain, "vector {}", vector.number);
        }
    }
}
