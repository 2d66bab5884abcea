//! AES in ECB, CBC and XTS, over many data units at a time.
//!
//! Data are whole 16-byte blocks; a unit is so many blocks, and has one IV (for XTS: its tweak,
//! already encrypted). Only [`xts_stealing`] takes another number of bytes.
//! It does not cover where IVs come from.

use aes::Block;
use aes::cipher::consts::U16;
use aes::cipher::{
    Array, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit,
};
use lawbook_spec::loopdev::{Direction, Error};

pub(super) const BLOCK_BYTES: usize = 16;

/// AES with the key schedule of one of its three key lengths.
pub(super) enum Aes {
    Aes128(aes::Aes128),
    Aes192(aes::Aes192),
    Aes256(aes::Aes256),
}

impl Aes {
    /// The key's length says which: 16, 24 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Result<Self, Error> {
        let bad = |_| Error::BadKey;
        Ok(match key.len() {
            16 => Aes::Aes128(aes::Aes128::new_from_slice(key).map_err(bad)?),
            24 => Aes::Aes192(aes::Aes192::new_from_slice(key).map_err(bad)?),
            32 => Aes::Aes256(aes::Aes256::new_from_slice(key).map_err(bad)?),
            _ => return Err(Error::BadKey),
        })
    }

    pub(super) fn ecb(&self, direction: Direction, data: &mut [Block]) {
        match direction {
            Direction::Encrypt => self.encrypt_blocks(data),
            Direction::Decrypt => self.decrypt_blocks(data),
        }
    }
}

impl BlockSizeUser for Aes {
    type BlockSize = U16;
}

impl BlockCipherEncrypt for Aes {
    fn encrypt_with_backend(&self, work: impl BlockCipherEncClosure<BlockSize = U16>) {
        match self {
            Aes::Aes128(aes) => aes.encrypt_with_backend(work),
            Aes::Aes192(aes) => aes.encrypt_with_backend(work),
            Aes::Aes256(aes) => aes.encrypt_with_backend(work),
        }
    }
}

impl BlockCipherDecrypt for Aes {
    fn decrypt_with_backend(&self, work: impl BlockCipherDecClosure<BlockSize = U16>) {
        match self {
            Aes::Aes128(aes) => aes.decrypt_with_backend(work),
            Aes::Aes192(aes) => aes.decrypt_with_backend(work),
            Aes::Aes256(aes) => aes.decrypt_with_backend(work),
        }
    }
}

/// Bytes as blocks.
///
/// # Panics
///
/// When they are not whole blocks.
pub(super) fn blocks(bytes: &mut [u8]) -> &mut [Block] {
    let (blocks, rest) = Array::slice_as_chunks_mut(bytes);
    assert!(rest.is_empty(), "data are whole blocks");
    blocks
}

/// One CBC chain per unit. What `ivs` holds afterwards is of no use.
pub(super) fn cbc(
    aes: &Aes,
    direction: Direction,
    ivs: &mut [Block],
    data: &mut [Block],
    unit_blocks: usize,
) {
    match direction {
        Direction::Encrypt => cbc_encrypt(aes, ivs, data, unit_blocks),
        Direction::Decrypt => cbc_decrypt(aes, ivs, data, unit_blocks),
    }
}

/// All chains side by side: a chain by itself waits for every block.
fn cbc_encrypt(aes: &Aes, states: &mut [Block], units: &mut [Block], unit_blocks: usize) {
    for at in 0..unit_blocks {
        for (state, unit) in states.iter_mut().zip(units.chunks(unit_blocks)) {
            xor(state, &unit[at]);
        }
        aes.encrypt_blocks(states);
        for (state, unit) in states.iter().zip(units.chunks_mut(unit_blocks)) {
            unit[at] = *state;
        }
    }
}

fn cbc_decrypt(aes: &Aes, ivs: &[Block], data: &mut [Block], unit_blocks: usize) {
    let mut ivs = ivs.iter();
    let mut blocks_left = 0;
    let mut previous = Block::default();
    let mut saved = [Block::default(); CHUNK_BLOCKS];
    for chunk in data.chunks_mut(CHUNK_BLOCKS) {
        let saved = &mut saved[..chunk.len()];
        saved.copy_from_slice(chunk);
        aes.decrypt_blocks(chunk);
        for (block, cipher) in chunk.iter_mut().zip(saved) {
            if blocks_left == 0 {
                previous = *ivs.next().expect("an IV for every unit");
                blocks_left = unit_blocks;
            }
            xor(block, &previous);
            previous = *cipher;
            blocks_left -= 1;
        }
    }
}

pub(super) fn xor(block: &mut Block, with: &Block) {
    for (byte, with) in block.iter_mut().zip(with) {
        *byte ^= with;
    }
}

/// XTS over whole blocks. `tweaks` holds one tweak a unit, already encrypted; units are
/// [`CHUNK_BLOCKS`] blocks or half of it or any multiple of it, or there is only one.
pub(super) fn xts(
    aes: &Aes,
    direction: Direction,
    tweaks: &[Block],
    data: &mut [Block],
    unit_blocks: usize,
) {
    let work = Xts { tweaks, data, unit_blocks };
    match direction {
        Direction::Encrypt => aes.encrypt_with_backend(work),
        Direction::Decrypt => aes.decrypt_with_backend(work),
    }
}

/// XTS over one unit that ends in a part of a block: the part steals the end of the block before.
///
/// # Panics
///
/// When there is no whole block.
pub(super) fn xts_stealing(aes: &Aes, direction: Direction, tweak: &Block, unit: &mut [u8]) {
    let whole = unit.len() / BLOCK_BYTES;
    let (body, tail) = unit.split_at_mut(whole * BLOCK_BYTES);
    let (last, body) = blocks(body).split_last_mut().expect("a whole block");
    xts(aes, direction, std::slice::from_ref(tweak), body, whole - 1);
    let before =
        (1..whole).fold(u128::from_le_bytes((*tweak).into()), |tweak, _| times_x_to(tweak, 1));
    let after = times_x_to(before, 1);
    let (of_last, of_stolen) = match direction {
        Direction::Encrypt => (before, after),
        Direction::Decrypt => (after, before),
    };
    let one = |tweak: u128, block: &mut Block| {
        let tweak = Block::from(tweak.to_le_bytes());
        xts(aes, direction, &[tweak], std::slice::from_mut(block), 1);
    };
    one(of_last, last);
    tail.swap_with_slice(&mut last[..tail.len()]);
    one(of_stolen, last);
}

/// The blocks whose tweaks are made at once. A multiple of what any backend encrypts at once.
pub(super) const CHUNK_BLOCKS: usize = 64;

/// Runs inside the cipher's backend, where the compiler may use all that the processor can: hence
/// everything that it calls is inlined.
struct Xts<'a> {
    tweaks: &'a [Block],
    data: &'a mut [Block],
    unit_blocks: usize,
}

impl Xts<'_> {
    #[inline(always)]
    fn run(self, crypt: impl Fn(&mut [Block])) {
        let span_blocks = self.unit_blocks.min(CHUNK_BLOCKS);
        let mut starts = self.tweaks.iter();
        let mut blocks_left = 0;
        let mut next = 0;
        let mut table = [0; 2 * CHUNK_BLOCKS];
        for chunk in self.data.chunks_mut(CHUNK_BLOCKS) {
            let table = &mut table[..2 * chunk.len()];
            for span in table.chunks_mut(2 * span_blocks) {
                if blocks_left == 0 {
                    let start = starts.next().expect("a tweak for every unit");
                    next = u128::from_le_bytes((*start).into());
                    blocks_left = self.unit_blocks;
                }
                next = powers(next, span);
                blocks_left -= span.len() / 2;
            }
            xor_lanes(chunk, table);
            crypt(chunk);
            xor_lanes(chunk, table);
        }
    }
}

impl BlockSizeUser for Xts<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Xts<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        self.run(
            #[inline(always)]
            |data| {
                let (many, rest) = Array::slice_as_chunks_mut(data);
                for blocks in many {
                    backend.encrypt_par_blocks_inplace(blocks);
                }
                backend.encrypt_tail_blocks_inplace(rest);
            },
        );
    }
}

impl BlockCipherDecClosure for Xts<'_> {
    #[inline(always)]
    fn call<B: BlockCipherDecBackend<BlockSize = U16>>(self, backend: &B) {
        self.run(
            #[inline(always)]
            |data| {
                let (many, rest) = Array::slice_as_chunks_mut(data);
                for blocks in many {
                    backend.decrypt_par_blocks_inplace(blocks);
                }
                backend.decrypt_tail_blocks_inplace(rest);
            },
        );
    }
}

#[inline(always)]
fn xor_lanes(data: &mut [Block], table: &[u64]) {
    let (lanes, _) = Array::slice_as_flattened_mut(data).as_chunks_mut::<8>();
    for (lane, tweak) in lanes.iter_mut().zip(table) {
        *lane = (u64::from_le_bytes(*lane) ^ tweak).to_le_bytes();
    }
}

/// Fills the lanes with `tweak`, `tweak`·x, `tweak`·x² and so on, low half before high half, and
/// gives the power that follows; it does so only when the lanes are whole groups of sixteen.
#[inline(always)]
fn powers(tweak: u128, lanes: &mut [u64]) -> u128 {
    let mut eight = [0; 16];
    for (power, pair) in (0..).zip(eight.as_chunks_mut::<2>().0) {
        *pair = halves(times_x_to(tweak, power));
    }
    for group in lanes.chunks_mut(16) {
        group.copy_from_slice(&eight[..group.len()]);
        eight = times_x8(eight);
    }
    u128::from(eight[0]) | u128::from(eight[1]) << 64
}

#[allow(clippy::cast_possible_truncation, reason = "the low half of the tweak is meant")]
#[inline(always)]
fn halves(tweak: u128) -> [u64; 2] {
    [tweak as u64, (tweak >> 64) as u64]
}

/// Multiplies by x to the power 0 to 8 in the field of XTS: x¹²⁸ = x⁷ + x² + x + 1.
#[inline(always)]
fn times_x_to(tweak: u128, power: u32) -> u128 {
    let carry = tweak >> 1 >> (127 - power);
    tweak << power ^ carry ^ carry << 1 ^ carry << 2 ^ carry << 7
}

/// Multiplies eight tweaks by x⁸, lane by lane, so that the compiler can use vectors.
#[inline(always)]
fn times_x8(lanes: [u64; 16]) -> [u64; 16] {
    std::array::from_fn(|index| {
        let carry = lanes[index ^ 1] >> 56;
        let low_half = carry ^ carry << 1 ^ carry << 2 ^ carry << 7;
        lanes[index] << 8 ^ if index % 2 == 0 { low_half } else { carry }
    })
}
