//! A cipher under an IV scheme with its keys made ready: sectors in, sectors out.
//!
//! It does not cover devices, nor the transforms that are no cipher.

use aes::Block;
use lawbook_spec::loopdev::{Cipher, Direction, Error, Iv, Key, MOST_UNIT_BYTES, Transform};
use sha2::{Digest, Sha256};

use super::cipher::{self, Aes, BLOCK_BYTES, CHUNK_BLOCKS};
use super::iv::{self, Ivs, SectorHash};

/// A cipher under an IV scheme, with the key schedules made.
pub struct SectorCipher {
    mode: Mode,
    unit_bytes: usize,
    large_sectors: bool,
}

/// Where data lie, in the three numbers of which IVs are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of the first sector, in 512s whatever the unit: *n* before any division for
    /// large sectors.
    pub number: u64,
    /// The first byte, in the backing; only [`Iv::Block`] reads it.
    pub backing_byte: u64,
    /// The block size of the hosting filesystem, a power of two from 512 to 4096; only
    /// [`Iv::Block`] reads it.
    pub block_bytes: u32,
}

enum Mode {
    Ecb(Aes),
    Cbc {
        data: Aes,
        ivs: Ivs,
    },
    Xts {
        data: Aes,
        tweaks: Ivs,
    },
    /// CBC chains that follow the request: [`Iv::Block`].
    Chains(Aes),
    /// loop-AES v2 and v3.
    Hashed {
        data: Vec<Aes>,
        hash: SectorHash,
    },
}

impl SectorCipher {
    /// Makes the key schedules of a cipher.
    ///
    /// # Errors
    ///
    /// [`Error::UnitTooLong`] for a unit of more than 2²⁰ blocks; [`Error::Misfit`] for one that
    /// is no power of two from 512 on; [`Error::NoIv`] for CBC or XTS without a scheme;
    /// [`Error::BadKey`] for a key of the wrong kind or length; [`Error::Unsupported`] for a
    /// transform that is no cipher, and a scheme or a unit that the cipher does not know. Equal
    /// halves of an XTS key are taken.
    pub fn new(transform: &Transform, key: &Key) -> Result<Self, Error> {
        let Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors } = *transform
        else {
            return Err(Error::Unsupported);
        };
        if unit_bytes > MOST_UNIT_BYTES {
            return Err(Error::UnitTooLong);
        }
        if unit_bytes < 512 || !unit_bytes.is_power_of_two() {
            return Err(Error::Misfit);
        }
        let only_sectors = matches!(iv, Some(iv) if iv == Iv::Block || iv.key_lines() > 0);
        if only_sectors && unit_bytes != 512 {
            return Err(Error::Unsupported);
        }
        let mode = match (cipher, iv) {
            (Cipher::AesEcb, None) => Mode::Ecb(Aes::new(key_bytes(key, key_bits)?)?),
            (Cipher::AesEcb, Some(_)) => return Err(Error::Unsupported),
            (_, None) => return Err(Error::NoIv),
            (Cipher::AesCbc, Some(iv)) => Mode::cbc(iv, unit_bytes, key, key_bits)?,
            (Cipher::AesXts, Some(iv)) => Mode::xts(iv, unit_bytes, key, key_bits)?,
        };
        Ok(SectorCipher { mode, unit_bytes: unit_bytes as usize, large_sectors })
    }

    /// Transforms units that follow one another, in place.
    ///
    /// # Panics
    ///
    /// When `data` are not whole units.
    pub fn crypt(&self, direction: Direction, place: Place, data: &mut [u8]) {
        assert!(
            data.len().is_multiple_of(self.unit_bytes),
            "expected whole units of {} bytes, found {} bytes",
            self.unit_bytes,
            data.len()
        );
        if let Mode::Chains(aes) = &self.mode {
            crypt_chains(aes, direction, place, data);
            return;
        }
        let step = (self.unit_bytes / 512) as u64;
        let divisor = if self.large_sectors { step } else { 1 };
        let numbers =
            (0u64..).map(|unit| place.number.wrapping_add(unit.wrapping_mul(step)) / divisor);
        self.mode.crypt(direction, numbers, data, self.unit_bytes / BLOCK_BYTES);
    }

    /// Transforms one unit of any length by itself, in place. `n` is the number that the IV is
    /// made of, after any division for large sectors.
    ///
    /// # Errors
    ///
    /// [`Error::UnitTooLong`] for more than 2²⁰ blocks; [`Error::Misfit`] for a length that the
    /// mode does not know: under XTS less than a block, under ECB and CBC no whole blocks, under
    /// loop-AES no 512 bytes; [`Error::Unsupported`] under [`Iv::Block`], which has no units.
    pub fn crypt_unit(&self, direction: Direction, n: u64, unit: &mut [u8]) -> Result<(), Error> {
        let one_chain = match &self.mode {
            _ if unit.len() > MOST_UNIT_BYTES as usize => return Err(Error::UnitTooLong),
            Mode::Chains(_) => return Err(Error::Unsupported),
            Mode::Xts { .. } => unit.len() >= BLOCK_BYTES,
            Mode::Hashed { .. } => unit.len() == 512,
            Mode::Cbc { ivs, .. } if ivs.only_sectors() => unit.len() == 512,
            Mode::Cbc { .. } | Mode::Ecb(_) => {
                !unit.is_empty() && unit.len().is_multiple_of(BLOCK_BYTES)
            }
        };
        if !one_chain {
            return Err(Error::Misfit);
        }
        match &self.mode {
            Mode::Xts { data, tweaks } if !unit.len().is_multiple_of(BLOCK_BYTES) => {
                let mut tweak = [Block::default()];
                tweaks.fill(std::iter::once(n), &mut tweak);
                cipher::xts_stealing(data, direction, &tweak[0], unit);
            }
            mode => mode.crypt(direction, std::iter::once(n), unit, unit.len() / BLOCK_BYTES),
        }
        Ok(())
    }
}

impl std::fmt::Debug for SectorCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SectorCipher").finish_non_exhaustive()
    }
}

impl Mode {
    fn cbc(iv: Iv, unit_bytes: u32, key: &Key, key_bits: u16) -> Result<Self, Error> {
        if iv.key_lines() > 0 {
            return Mode::loop_aes(iv, key, key_bits);
        }
        let bytes = key_bytes(key, key_bits)?;
        let secret = match iv {
            Iv::Block => return Ok(Mode::Chains(Aes::new(bytes)?)),
            Iv::EssivSha256 => Some(Aes::new(&Sha256::digest(bytes))?),
            Iv::Eboiv => Some(Aes::new(bytes)?),
            _ => None,
        };
        Ok(Mode::Cbc { data: Aes::new(bytes)?, ivs: Ivs::new(iv, unit_bytes, secret) })
    }

    fn loop_aes(version: Iv, key: &Key, key_bits: u16) -> Result<Self, Error> {
        let Key::Lines { lines } = key else {
            return Err(Error::BadKey);
        };
        let keys = iv::loop_aes_keys(version, key_bits, lines)?;
        if version == Iv::LoopAesV1 {
            return Ok(Mode::Cbc { data: Aes::new(&keys[0])?, ivs: Ivs::new(version, 512, None) });
        }
        Ok(Mode::Hashed {
            data: keys[..64].iter().map(|key| Aes::new(key)).collect::<Result<_, _>>()?,
            hash: SectorHash::new(keys.get(64).map(Vec::as_slice)),
        })
    }

    fn xts(iv: Iv, unit_bytes: u32, key: &Key, key_bits: u16) -> Result<Self, Error> {
        if !matches!(iv, Iv::Plain | Iv::Plain64 | Iv::Plain64be | Iv::Null) {
            return Err(Error::Unsupported);
        }
        let bytes = key_bytes(key, key_bits)?;
        if !matches!(key_bits, 256 | 512) {
            return Err(Error::BadKey);
        }
        let (data, tweak) = bytes.split_at(bytes.len() / 2);
        Ok(Mode::Xts {
            data: Aes::new(data)?,
            tweaks: Ivs::new(iv, unit_bytes, Some(Aes::new(tweak)?)),
        })
    }

    /// Transforms units of so many blocks, of which the numbers are *n*.
    fn crypt(
        &self,
        direction: Direction,
        mut numbers: impl Iterator<Item = u64>,
        data: &mut [u8],
        unit_blocks: usize,
    ) {
        let mut ivs = [Block::default(); BATCH_UNITS];
        let batch_bytes = BATCH_UNITS * unit_blocks * BLOCK_BYTES;
        match self {
            Mode::Ecb(aes) => aes.ecb(direction, cipher::blocks(data)),
            Mode::Cbc { data: aes, ivs: make } => {
                for batch in data.chunks_mut(batch_bytes) {
                    let batch = cipher::blocks(batch);
                    let ivs = &mut ivs[..batch.len() / unit_blocks];
                    make.fill(&mut numbers, ivs);
                    cipher::cbc(aes, direction, ivs, batch, unit_blocks);
                }
            }
            Mode::Xts { data: aes, tweaks } => {
                for batch in data.chunks_mut(batch_bytes) {
                    let batch = cipher::blocks(batch);
                    let ivs = &mut ivs[..batch.len() / unit_blocks];
                    tweaks.fill(&mut numbers, ivs);
                    cipher::xts(aes, direction, ivs, batch, unit_blocks);
                }
            }
            Mode::Hashed { data: keys, hash } => {
                for (sector, n) in data.chunks_mut(512).zip(numbers) {
                    crypt_hashed(&keys[(n % 64) as usize], hash, direction, n, sector);
                }
            }
            Mode::Chains(_) => unreachable!("chains follow the request and have no units"),
        }
    }
}

/// The units whose IVs are made at once.
const BATCH_UNITS: usize = CHUNK_BLOCKS;

fn crypt_hashed(aes: &Aes, hash: &SectorHash, direction: Direction, n: u64, sector: &mut [u8]) {
    let unit_blocks = sector.len() / BLOCK_BYTES;
    match direction {
        Direction::Encrypt => {
            let mut iv = [hash.iv(n, sector)];
            cipher::cbc(aes, direction, &mut iv, cipher::blocks(sector), unit_blocks);
        }
        Direction::Decrypt => {
            // The hash covers all but the first block, which is the only one that the IV touches.
            let mut zero = [Block::default()];
            cipher::cbc(aes, direction, &mut zero, cipher::blocks(sector), unit_blocks);
            let iv = hash.iv(n, sector);
            cipher::xor(&mut cipher::blocks(sector)[0], &iv);
        }
    }
}

/// Linux 2.4: a chain ends where a filesystem block or a page of the backing ends, and its IV is
/// 32 bits of the number of the filesystem block that it lies in.
fn crypt_chains(aes: &Aes, direction: Direction, place: Place, mut data: &mut [u8]) {
    const PAGE_BYTES: u64 = 4096;
    let mut at = place.backing_byte;
    let block_bytes = u64::from(place.block_bytes);
    // Both are powers of two, so that the smaller one's borders include the larger one's.
    let stride = block_bytes.min(PAGE_BYTES);
    while !data.is_empty() {
        let to_border = usize::try_from(stride - at % stride).expect("at most a page");
        let (chain, rest) = data.split_at_mut(to_border.min(data.len()));
        let block = (at / block_bytes) & 0xffff_ffff;
        let mut iv = [Block::from(u128::from(block).to_le_bytes())];
        let chain = cipher::blocks(chain);
        let chain_blocks = chain.len();
        cipher::cbc(aes, direction, &mut iv, chain, chain_blocks);
        at += (chain_blocks * BLOCK_BYTES) as u64;
        data = rest;
    }
}

/// The bytes of a key that is no list of lines, of the length that the transform says.
fn key_bytes(key: &Key, key_bits: u16) -> Result<&[u8], Error> {
    match key {
        Key::Bytes { bytes } if bytes.0.len() * 8 == usize::from(key_bits) => Ok(&bytes.0),
        _ => Err(Error::BadKey),
    }
}
