//! The decisions of a loop device: each step of the understudy at which real devices went wrong.
//!
//! The methods' bodies are right; a fault overrides one, rarely two. Nouns as in
//! `lawbook_spec::loopdev`; a *request* here is what is read or written at once, widened to whole
//! units, and a *piece* is what is enciphered by itself.
//! It does not cover what no fault changes: that is in the understudy and in the ciphers.

use lawbook_spec::loopdev::{
    Attachment, Cipher, Direction, EqualHalves, Error, Iv, Key, MOST_UNIT_BYTES, PartialRequests,
    Profile, Transform,
};
use sha2::{Digest, Sha256};

use super::ciphers::{Aes, Block, be64, le64};
use super::profiles;

/// What a device decides; the right answers, where a fault does not override them.
pub(super) trait Decisions {
    // What the device takes.

    /// What the device says of itself.
    fn profile(&self) -> Profile {
        profiles::understudy()
    }

    /// Whether it takes this transform, whatever the key.
    fn takes(&self, profile: &Profile, transform: &Transform) -> Result<(), Error> {
        if transform.unit_bytes() > MOST_UNIT_BYTES {
            return Err(Error::UnitTooLong);
        }
        if let Transform::Cipher { cipher, iv, .. } = transform
            && *cipher != Cipher::AesEcb
            && iv.is_none()
        {
            return Err(Error::NoIv);
        }
        if profile.offers(transform) { Ok(()) } else { Err(Error::Unsupported) }
    }

    /// The key to be used when this one is given.
    fn key(&self, given: &Key) -> Key {
        given.clone()
    }

    /// Whether an XTS key with equal halves is taken, for a device or for one unit by itself.
    fn takes_equal_halves(&self, rule: EqualHalves, alone: Option<Direction>) -> bool {
        match rule {
            EqualHalves::Refused => false,
            EqualHalves::Accepted => true,
            EqualHalves::DecryptOnly => alone == Some(Direction::Decrypt),
        }
    }

    /// Where in the backing the device starts when this offset is asked for.
    fn start(&self, offset_bytes: u64) -> Result<u64, Error> {
        if offset_bytes.is_multiple_of(512) { Ok(offset_bytes) } else { Err(Error::Misfit) }
    }

    /// How many bytes the device has when the backing has so much room behind its start.
    fn length(&self, attachment: &Attachment, room_bytes: u64) -> Result<u64, Error> {
        let bytes = match attachment.size_limit_bytes {
            0 => room_bytes,
            limit => limit,
        };
        let unit_bytes = u64::from(attachment.transform.unit_bytes());
        if bytes > 0 && bytes <= room_bytes && bytes.is_multiple_of(unit_bytes) {
            Ok(bytes)
        } else {
            Err(Error::Misfit)
        }
    }

    /// How many sectors can be read and written on a device of so many bytes.
    fn sectors(&self, _attachment: &Attachment, device_bytes: u64) -> u64 {
        device_bytes / 512
    }

    /// Whether a transfer is removed, when it is in use or not.
    fn unregisters(&self, in_use: bool) -> bool {
        !in_use
    }

    // Requests.

    /// Whether a write is refused on a device that is read-only or not, when its memory lies in
    /// so many segments.
    fn refuses_write(&self, read_only: bool, _segments: usize) -> bool {
        read_only
    }

    /// Whether a request that is not whole units is done.
    fn takes_partial(&self, rule: PartialRequests) -> bool {
        rule == PartialRequests::ReadModifyWrite
    }

    /// How many sectors of a write that reaches past the end are written before it is refused;
    /// so many would fit.
    fn written_before_refusal(&self, _fitting: u64) -> u64 {
        0
    }

    /// The plaintext to encipher, where this one was fetched and the memory can be fetched anew.
    fn enciphered(&self, fetched: &[u8], _fetch: &mut dyn FnMut(&mut [u8])) -> Vec<u8> {
        fetched.to_vec()
    }

    /// The first sector and the number of sectors of the units that a request touches.
    fn touched(&self, sector: u64, sectors: u64, unit_sectors: u64) -> (u64, u64) {
        let first = sector / unit_sectors * unit_sectors;
        let end = (sector + sectors).next_multiple_of(unit_sectors);
        (first, end - first)
    }

    /// The plaintext around a part that is written, when the units at this place of the backing
    /// were just read as these bytes.
    fn surroundings(&self, _at: u64, just_read: Vec<u8>) -> Vec<u8> {
        just_read
    }

    /// What is written at this place of the backing for the units of a request.
    fn stored(&self, _at: u64, _plaintext: &[u8], ciphertext: Vec<u8>) -> Vec<u8> {
        ciphertext
    }

    /// What a read leaves in the image in place of the ciphertext, if anything.
    fn left_by_read(&self, _ciphertext: &[u8], _plaintext: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// A sector of the image as it is read, by its block of the hosting filesystem and its place
    /// therein, when the backing holds these bytes.
    fn sector_read(&self, _block: u64, _place: u64, backing: [u8; 512]) -> [u8; 512] {
        backing
    }

    /// A sector of the image is written.
    fn sector_written(&self, _block: u64, _place: u64) {}

    /// Whether the last write is in the backing after a detach.
    fn detach_keeps_last_write(&self) -> bool {
        true
    }

    // The number n.

    /// The sector that is counted for a sector of a request.
    fn counted(&self, _attachment: &Attachment, _request_first: u64, sector: u64) -> u64 {
        sector
    }

    /// The number of a device sector, in units of 512 bytes.
    fn number(&self, attachment: &Attachment, sector: u64) -> u64 {
        attachment.first.wrapping_add(sector).wrapping_add(attachment.offset_bytes / 512)
    }

    /// *n*, from the number of a unit's first sector.
    fn n(&self, transform: &Transform, number: u64) -> u64 {
        if transform.large_sectors() {
            number / u64::from(transform.unit_bytes() / 512)
        } else {
            number
        }
    }

    /// The *n* of a unit in a request whose first unit has that one.
    fn along(&self, _request_n: u64, n: u64) -> u64 {
        n
    }

    /// Which way a registered transfer is asked to go.
    fn asks(&self, direction: Direction) -> Direction {
        direction
    }

    /// The *n* of a unit by itself, when the caller says this one.
    fn n_alone(&self, _transform: &Transform, n: u64) -> u64 {
        n
    }

    /// The number from which scheme `block` makes the IV of a piece that starts with this sector.
    fn block_number(&self, attachment: &Attachment, sector: u64) -> u64 {
        (512 * sector + attachment.offset_bytes) / u64::from(attachment.block_bytes)
    }

    // IVs.

    /// The IV of a scheme that only writes the number down.
    fn written_iv(&self, scheme: Iv, n: u64) -> Block {
        match scheme {
            Iv::Block | Iv::Plain => le64(n & 0xffff_ffff),
            Iv::Plain64 | Iv::LoopAesV1 => le64(n),
            Iv::Plain64be => be64(n),
            Iv::Benbi => be64(n.wrapping_mul(32).wrapping_add(1)),
            Iv::Null | Iv::EssivSha256 | Iv::Eboiv | Iv::LoopAesV2 | Iv::LoopAesV3 => [0; 16],
        }
    }

    /// The key of ESSIV's own cipher, for a key of the data.
    fn essiv_key(&self, key: &[u8]) -> Vec<u8> {
        Sha256::digest(key).to_vec()
    }

    /// The IV of ESSIV.
    fn essiv_iv(&self, cipher: &Aes, n: u64) -> Block {
        cipher.encrypt(le64(n))
    }

    /// What eboiv enciphers.
    fn eboiv_number(&self, n: u64, unit_bytes: u32) -> u64 {
        n.wrapping_mul(u64::from(unit_bytes))
    }

    /// What is XORed onto the first byte of each loop-AES key, of which there are so many.
    fn loop_aes_mark(&self, keys: usize) -> u8 {
        match keys {
            64 => 0x55,
            65 => 0xf4,
            _ => 0,
        }
    }

    /// Which of the 64 keys of loop-AES a sector is enciphered under.
    fn loop_aes_key(&self, n: u64) -> u64 {
        n % 64
    }

    /// What loop-AES hashes of a sector's plaintext.
    fn hashed_plaintext<'a>(&self, sector: &'a [u8]) -> &'a [u8] {
        &sector[16..]
    }

    /// What loop-AES hashes of *n*.
    fn hashed_n(&self, n: u64) -> Vec<u8> {
        n.to_le_bytes()[..7].to_vec()
    }

    /// The length that closes the MD5 of loop-AES, for a message of so many bytes behind a primer
    /// of so many: upstream does not count the primer.
    fn hashed_bits(&self, message_bytes: u64, _primer_bytes: u64) -> u64 {
        8 * message_bytes
    }

    // Modes.

    /// How many bytes of a request of so many are enciphered as one.
    fn piece_bytes(&self, unit_bytes: usize, _request_bytes: usize) -> usize {
        unit_bytes
    }

    /// The block that CBC decryption chains on, of the ciphertext and the plaintext before.
    fn chained(&self, ciphertext: Block, _plaintext: Block) -> Block {
        ciphertext
    }

    /// The data half and the tweak half of an XTS key.
    fn halves<'a>(&self, key: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        key.split_at(key.len() / 2)
    }

    /// The next tweak in a unit of so many bytes: times x in GF(2¹²⁸), little-endian.
    fn double(&self, tweak: Block, _unit_bytes: usize) -> Block {
        let mut doubled = [0; 16];
        let mut carry = 0;
        for (out, byte) in doubled.iter_mut().zip(tweak) {
            *out = byte << 1 | carry;
            carry = byte >> 7;
        }
        if carry == 1 {
            doubled[0] ^= 0x87;
        }
        doubled
    }

    /// Whether the tweak of the block at this byte of a unit follows from the one before, when
    /// the unit's memory goes on elsewhere at these bytes.
    fn tweak_goes_on(&self, _at: usize, _segment_ends: &[usize]) -> bool {
        true
    }

    /// The tweak of a whole block, out of the tweaks of all blocks of the unit.
    fn tweak(&self, tweaks: &[Block], index: usize) -> Block {
        tweaks[index]
    }

    /// The block that ciphertext stealing transforms last: the short tail, and what it steals
    /// from the block before.
    fn stealing(&self, tail: &[u8], before: Block) -> Block {
        let mut block = before;
        block[..tail.len()].copy_from_slice(tail);
        block
    }

    /// The tweaks of the first and the second block that ciphertext stealing transforms, out of
    /// the last two tweaks of the unit.
    fn stealing_tweaks(&self, direction: Direction, last_two: (Block, Block)) -> (Block, Block) {
        match direction {
            Direction::Encrypt => last_two,
            Direction::Decrypt => (last_two.1, last_two.0),
        }
    }

    /// What transform `none` makes of a sector.
    fn none(&self, _sector: &mut [u8]) {}
}

/// The right decisions.
#[derive(Debug, Default)]
pub(super) struct Right;

impl Decisions for Right {}

/// The right decisions, and the other choice wherever the contract leaves one.
#[derive(Debug, Default)]
pub(super) struct Strict;

impl Decisions for Strict {
    fn profile(&self) -> Profile {
        profiles::strict()
    }
}
