//! Transforms under their keys: AES block by block in ECB, CBC and XTS, the IV schemes, loop-AES.
//!
//! It does not know sectors, requests or devices: it is given *n* and the bytes of one piece.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use lawbook_spec::loopdev::{Cipher, Direction, EqualHalves, Error, Iv, Key, Transfer, Transform};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::decisions::Decisions;

/// 16 bytes: a block of AES, an IV, a tweak.
pub(super) type Block = [u8; 16];

/// A number in the first eight bytes, the lowest byte first.
pub(super) fn le64(number: u64) -> Block {
    u128::from(number).to_le_bytes()
}

/// A number in the last eight bytes, the lowest byte last.
pub(super) fn be64(number: u64) -> Block {
    u128::from(number).to_be_bytes()
}

/// AES under one key.
pub(super) enum Aes {
    Bits128(Box<aes::Aes128>),
    Bits192(Box<aes::Aes192>),
    Bits256(Box<aes::Aes256>),
}

impl Aes {
    /// The AES that a key of this length is for.
    pub(super) fn new(key: &[u8]) -> Result<Self, Error> {
        let aes = match key.len() {
            16 => aes::Aes128::new_from_slice(key).map(|aes| Aes::Bits128(Box::new(aes))),
            24 => aes::Aes192::new_from_slice(key).map(|aes| Aes::Bits192(Box::new(aes))),
            _ => aes::Aes256::new_from_slice(key).map(|aes| Aes::Bits256(Box::new(aes))),
        };
        aes.map_err(|_| Error::BadKey)
    }

    pub(super) fn encrypt(&self, block: Block) -> Block {
        let mut block = Array::from(block);
        match self {
            Aes::Bits128(aes) => aes.encrypt_block(&mut block),
            Aes::Bits192(aes) => aes.encrypt_block(&mut block),
            Aes::Bits256(aes) => aes.encrypt_block(&mut block),
        }
        block.into()
    }

    pub(super) fn decrypt(&self, block: Block) -> Block {
        let mut block = Array::from(block);
        match self {
            Aes::Bits128(aes) => aes.decrypt_block(&mut block),
            Aes::Bits192(aes) => aes.decrypt_block(&mut block),
            Aes::Bits256(aes) => aes.decrypt_block(&mut block),
        }
        block.into()
    }

    fn crypt(&self, direction: Direction, block: Block) -> Block {
        match direction {
            Direction::Encrypt => self.encrypt(block),
            Direction::Decrypt => self.decrypt(block),
        }
    }
}

/// One piece of a request: what is enciphered by itself.
pub(super) struct Piece<'a> {
    /// The number that its IV is made of.
    pub(super) n: u64,
    /// Where its memory goes on elsewhere, in bytes from its start.
    pub(super) segment_ends: &'a [usize],
}

/// A transform under its key.
pub(super) enum Keyed {
    None,
    Xor(Vec<u8>),
    Registered(Transfer),
    Ecb(Aes),
    Cbc { data: Aes, ivs: Ivs },
    Xts { data: Aes, tweak: Aes, ivs: Ivs },
    LoopAes(LoopAes),
}

/// Where IVs come from, but for those of loop-AES that depend on the data.
pub(super) struct Ivs {
    scheme: Option<Iv>,
    unit_bytes: u32,
    /// What enciphers the number, under ESSIV and eboiv.
    cipher: Option<Aes>,
}

/// loop-AES of version 2 or 3.
pub(super) struct LoopAes {
    keys: Vec<Aes>,
    /// What the MD5 begins with, in version 3.
    primer: Vec<u8>,
}

impl Keyed {
    /// A cipher, `none` or `xor` under its key; `alone` is the direction when it is for one unit
    /// by itself.
    pub(super) fn new(
        decisions: &dyn Decisions,
        transform: &Transform,
        key: &Key,
        equal_halves: EqualHalves,
        alone: Option<Direction>,
    ) -> Result<Self, Error> {
        match (transform, key) {
            (Transform::None {}, Key::Bytes { bytes }) if bytes.0.is_empty() => Ok(Keyed::None),
            (Transform::Xor {}, Key::Bytes { bytes }) if !bytes.0.is_empty() => {
                Ok(Keyed::Xor(bytes.0.clone()))
            }
            (Transform::Cipher { cipher, key_bits, iv, unit_bytes, .. }, key) => {
                let key = key_bytes(decisions, *iv, *key_bits, key)?;
                if *cipher == Cipher::AesXts {
                    let (left, right) = key[0].split_at(key[0].len() / 2);
                    if left == right && !decisions.takes_equal_halves(equal_halves, alone) {
                        return Err(Error::BadKey);
                    }
                }
                Keyed::cipher(decisions, *cipher, *iv, *unit_bytes, &key)
            }
            _ => Err(Error::BadKey),
        }
    }

    fn cipher(
        decisions: &dyn Decisions,
        cipher: Cipher,
        iv: Option<Iv>,
        unit_bytes: u32,
        keys: &[Vec<u8>],
    ) -> Result<Self, Error> {
        if let Some(Iv::LoopAesV2 | Iv::LoopAesV3) = iv {
            return Ok(Keyed::LoopAes(LoopAes::new(keys)?));
        }
        let key = &keys[0];
        let ivs = Ivs {
            scheme: iv,
            unit_bytes,
            cipher: match iv {
                Some(Iv::EssivSha256) => Some(Aes::new(&decisions.essiv_key(key))?),
                Some(Iv::Eboiv) => Some(Aes::new(key)?),
                _ => None,
            },
        };
        match cipher {
            Cipher::AesEcb => Ok(Keyed::Ecb(Aes::new(key)?)),
            Cipher::AesCbc => {
                let data = Aes::new(key)?;
                Ok(Keyed::Cbc { data, ivs })
            }
            Cipher::AesXts => {
                let (data, tweak) = decisions.halves(key);
                let (data, tweak) = (Aes::new(data)?, Aes::new(tweak)?);
                Ok(Keyed::Xts { data, tweak, ivs })
            }
        }
    }

    /// Whether a piece can have so many bytes.
    pub(super) fn takes_length(&self, bytes: usize) -> bool {
        match self {
            Keyed::None | Keyed::Xor(_) | Keyed::Registered(_) => true,
            Keyed::Ecb(_) => bytes.is_multiple_of(16),
            Keyed::Cbc { ivs, .. } if ivs.scheme == Some(Iv::LoopAesV1) => bytes == 512,
            Keyed::Cbc { .. } => bytes.is_multiple_of(16),
            Keyed::Xts { .. } => bytes >= 16,
            Keyed::LoopAes(_) => bytes == 512,
        }
    }

    /// Transforms a piece in place. `fetched` is its plaintext, for an IV that is made of it; a
    /// piece that is deciphered has none yet.
    pub(super) fn crypt(
        &self,
        decisions: &dyn Decisions,
        direction: Direction,
        piece: &Piece<'_>,
        fetched: &[u8],
        data: &mut [u8],
    ) {
        match (self, direction) {
            (Keyed::None, _) => decisions.none(data),
            (Keyed::Xor(key), _) => {
                for sector in data.chunks_mut(512) {
                    for (byte, key) in sector.iter_mut().zip(key.iter().cycle()) {
                        *byte ^= key;
                    }
                }
            }
            (Keyed::Registered(transfer), _) => {
                transfer(decisions.asks(direction), piece.n, data);
            }
            (Keyed::Ecb(aes), _) => map_blocks(data, |block| aes.crypt(direction, block)),
            (Keyed::Cbc { data: aes, ivs }, Direction::Encrypt) => {
                cbc_encrypt(aes, ivs.iv(decisions, piece.n), data);
            }
            (Keyed::Cbc { data: aes, ivs }, Direction::Decrypt) => {
                cbc_decrypt(decisions, aes, ivs.iv(decisions, piece.n), data);
            }
            (Keyed::Xts { data: aes, tweak, ivs }, _) => {
                let first = tweak.encrypt(ivs.iv(decisions, piece.n));
                let tweaks = tweaks(decisions, first, piece, data.len());
                xts(decisions, aes, direction, &tweaks, data);
            }
            (Keyed::LoopAes(keys), Direction::Encrypt) => {
                keys.encrypt(decisions, piece.n, fetched, data);
            }
            (Keyed::LoopAes(keys), Direction::Decrypt) => keys.decrypt(decisions, piece.n, data),
        }
    }
}

impl Ivs {
    fn iv(&self, decisions: &dyn Decisions, n: u64) -> Block {
        match (self.scheme, &self.cipher) {
            (Some(Iv::EssivSha256), Some(cipher)) => decisions.essiv_iv(cipher, n),
            (Some(Iv::Eboiv), Some(cipher)) => {
                cipher.encrypt(le64(decisions.eboiv_number(n, self.unit_bytes)))
            }
            (Some(scheme), _) => decisions.written_iv(scheme, n),
            (None, _) => [0; 16],
        }
    }
}

impl LoopAes {
    fn new(keys: &[Vec<u8>]) -> Result<Self, Error> {
        let (data, primer) = keys.split_at(64);
        let mut block = Vec::new();
        if let Some(primer) = primer.first() {
            block.extend_from_slice(&primer[..16]);
            block.extend_from_slice(&[0; 48]);
        }
        Ok(LoopAes {
            keys: data.iter().map(|key| Aes::new(key)).collect::<Result<_, _>>()?,
            primer: block,
        })
    }

    fn encrypt(&self, decisions: &dyn Decisions, n: u64, fetched: &[u8], sector: &mut [u8]) {
        let iv = self.iv(decisions, n, fetched);
        cbc_encrypt(self.key(decisions, n), iv, sector);
    }

    /// All blocks but the first do not depend on the IV: they are what it is made of.
    fn decrypt(&self, decisions: &dyn Decisions, n: u64, sector: &mut [u8]) {
        cbc_decrypt(decisions, self.key(decisions, n), [0; 16], sector);
        let iv = self.iv(decisions, n, sector);
        for (byte, iv) in sector.iter_mut().zip(iv) {
            *byte ^= iv;
        }
    }

    fn key(&self, decisions: &dyn Decisions, n: u64) -> &Aes {
        let number = usize::try_from(decisions.loop_aes_key(n)).unwrap_or(usize::MAX);
        &self.keys[number % self.keys.len()]
    }

    /// MD5 over what is hashed of the plaintext and of *n*, behind the primer.
    fn iv(&self, decisions: &dyn Decisions, n: u64, sector: &[u8]) -> Block {
        let mut message = decisions.hashed_plaintext(sector).to_vec();
        message.extend(decisions.hashed_n(n));
        let bits = decisions.hashed_bits(message.len() as u64, self.primer.len() as u64);
        message.push(0x80);
        message.resize((message.len() + 8).next_multiple_of(64) - 8, 0);
        message.extend(bits.to_le_bytes());
        md5(&[self.primer.as_slice(), &message].concat())
    }
}

/// The keys of a transform: one of bytes, or those of the lines of loop-AES.
fn key_bytes(
    decisions: &dyn Decisions,
    iv: Option<Iv>,
    key_bits: u16,
    key: &Key,
) -> Result<Vec<Vec<u8>>, Error> {
    let key_bytes = usize::from(key_bits / 8);
    let lines_needed = iv.map_or(0, Iv::key_lines);
    match key {
        Key::Bytes { bytes } if lines_needed == 0 && bytes.0.len() == key_bytes => {
            Ok(vec![bytes.0.clone()])
        }
        Key::Lines { lines } if lines_needed > 0 && lines.len() == lines_needed => Ok(lines
            .iter()
            .map(|line| {
                let mut key = match key_bytes {
                    16 => Sha256::digest(line).to_vec(),
                    24 => Sha384::digest(line).to_vec(),
                    _ => Sha512::digest(line).to_vec(),
                };
                key.truncate(key_bytes);
                key[0] ^= decisions.loop_aes_mark(lines.len());
                key
            })
            .collect()),
        _ => Err(Error::BadKey),
    }
}

fn cbc_encrypt(aes: &Aes, iv: Block, data: &mut [u8]) {
    let mut chained = iv;
    map_blocks(data, |block| {
        chained = aes.encrypt(xor(block, chained));
        chained
    });
}

fn cbc_decrypt(decisions: &dyn Decisions, aes: &Aes, iv: Block, data: &mut [u8]) {
    let mut chained = iv;
    map_blocks(data, |block| {
        let plaintext = xor(aes.decrypt(block), chained);
        chained = decisions.chained(block, plaintext);
        plaintext
    });
}

/// The tweaks of all blocks of a unit, a short tail's too.
fn tweaks(
    decisions: &dyn Decisions,
    first: Block,
    piece: &Piece<'_>,
    unit_bytes: usize,
) -> Vec<Block> {
    let mut tweaks = vec![first];
    let mut last = first;
    for at in (16..unit_bytes).step_by(16) {
        last = if decisions.tweak_goes_on(at, piece.segment_ends) {
            decisions.double(last, unit_bytes)
        } else {
            first
        };
        tweaks.push(last);
    }
    tweaks
}

/// XTS of one unit of at least 16 bytes; a short tail steals from the block before it.
fn xts(
    decisions: &dyn Decisions,
    aes: &Aes,
    direction: Direction,
    tweaks: &[Block],
    unit: &mut [u8],
) {
    let crypt = |block, tweak| xor(aes.crypt(direction, xor(block, tweak)), tweak);
    let tail_bytes = unit.len() % 16;
    let whole_bytes = unit.len() - tail_bytes;
    let stolen_from = if tail_bytes == 0 { whole_bytes } else { whole_bytes - 16 };
    let mut index = 0;
    map_blocks(&mut unit[..stolen_from], |block| {
        index += 1;
        crypt(block, decisions.tweak(tweaks, index - 1))
    });
    if tail_bytes > 0 {
        let last_two = (tweaks[tweaks.len() - 2], tweaks[tweaks.len() - 1]);
        let (first, second) = decisions.stealing_tweaks(direction, last_two);
        let (block, tail) = unit[stolen_from..].split_at_mut(16);
        let before = crypt(to_block(block), first);
        let last = crypt(decisions.stealing(tail, before), second);
        tail.copy_from_slice(&before[..tail_bytes]);
        block.copy_from_slice(&last);
    }
}

/// MD5 over whole blocks, which hold their own padding.
fn md5(blocks: &[u8]) -> Block {
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in blocks.chunks_exact(64) {
        let block: &[u8; 64] = block.try_into().expect("a chunk of 64 bytes");
        md5::block_api::compress(&mut state, &[*block]);
    }
    let mut hash = [0; 16];
    for (bytes, word) in hash.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    hash
}

fn map_blocks(data: &mut [u8], mut change: impl FnMut(Block) -> Block) {
    for block in data.chunks_exact_mut(16) {
        block.copy_from_slice(&change(to_block(block)));
    }
}

fn to_block(bytes: &[u8]) -> Block {
    bytes.try_into().expect("a chunk of 16 bytes")
}

fn xor(left: Block, right: Block) -> Block {
    (u128::from_ne_bytes(left) ^ u128::from_ne_bytes(right)).to_ne_bytes()
}
