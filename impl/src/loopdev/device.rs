//! The device: requests to units, units to the backing, and the transforms that are no cipher.
//!
//! Its nouns: the *codec* (what transforms sectors while attached) and the *reach* of a request
//! (the whole units that it touches).
//! It does not cover how ciphers work, nor which of them an implementation should offer.

use std::collections::BTreeMap;

use lawbook_spec::loopdev::{
    Attachment, Cipher, Direction, EqualHalves, Error, Key, LoopDevice, MOST_UNIT_BYTES,
    PartialRequests, Profile, SECTOR_BYTES, Sector, Transfer, Transform,
};

use super::backing::Backing;
use super::sector_cipher::{Place, SectorCipher};
use super::variants;

/// A loop device on a backing.
///
/// It refuses what its profile does not offer. An XTS key with equal halves is up to the profile:
/// the reference takes it, as Linux does, and as vector 1 of IEEE 1619-2007 asks; but with one key
/// for tweaks and data, chosen ciphertexts break XTS, which is why FIPS 140-2 (IG A.9) forbids it.
///
/// A call that needs an attached device, on one that is not, gives [`Error::Io`]. A backing that
/// fails gives [`Error::Io`]; a write that failed so may have been done in part.
pub struct Device<B> {
    backing: B,
    profile: Profile,
    transfers: BTreeMap<u8, Transfer>,
    attached: Option<Attached>,
    /// The units of a request while they are not in the caller's memory.
    scratch: Vec<u8>,
}

struct Attached {
    codec: Codec,
    offset_bytes: u64,
    first: u64,
    device_bytes: u64,
    unit_bytes: usize,
    block_bytes: u32,
    read_only: bool,
}

enum Codec {
    None,
    Xor(Vec<u8>),
    Registered { slot: u8, transfer: Transfer },
    Cipher(Box<SectorCipher>),
}

/// The whole units that a request touches.
struct Reach {
    /// The first byte of the first unit, on the device.
    start: u64,
    /// The bytes of the units.
    bytes: usize,
    /// The bytes before the request in its first unit.
    skip: usize,
}

impl<B: Backing> Device<B> {
    /// A device that is not attached, with the transforms that keep every law: XTS with plain64
    /// and plain64be, CBC with ESSIV, loop-AES v2 and v3, none, and registered transfers.
    pub fn new(backing: B) -> Self {
        Device::offering(backing, variants::profile())
    }

    /// A device that is not attached and offers what this profile says.
    pub fn offering(backing: B, profile: Profile) -> Self {
        Device { backing, profile, transfers: BTreeMap::new(), attached: None, scratch: Vec::new() }
    }

    /// The backing, to be used otherwise.
    pub fn into_backing(self) -> B {
        self.backing
    }

    /// How many bytes the device would have, if this attachment fits.
    fn fit(&self, attachment: &Attachment) -> Result<u64, Error> {
        let Attachment { offset_bytes, first, size_limit_bytes, .. } = *attachment;
        let unit_bytes = u64::from(attachment.transform.unit_bytes());
        let room = self.backing.len().checked_sub(offset_bytes).ok_or(Error::Misfit)?;
        let device_bytes = match size_limit_bytes {
            0 => room,
            limit => limit,
        };
        let fits = offset_bytes.is_multiple_of(SECTOR_BYTES)
            && device_bytes <= room
            && device_bytes > 0
            && device_bytes.is_multiple_of(unit_bytes)
            && is_block_size(attachment.block_bytes);
        let unit_sectors = unit_bytes / SECTOR_BYTES;
        let divides = !attachment.transform.large_sectors()
            || offset_bytes.is_multiple_of(unit_bytes) && first.is_multiple_of(unit_sectors);
        if fits && divides { Ok(device_bytes) } else { Err(Error::Misfit) }
    }

    /// Whether the profile has what this attachment asks for.
    fn check_offered(&self, attachment: &Attachment, device_bytes: u64) -> Result<(), Error> {
        const FAR_BYTES: u64 = 2 << 40;
        let profile = &self.profile;
        let offered = (profile.offsets || attachment.offset_bytes == 0)
            && (profile.first || attachment.first == 0)
            && (profile.size_limit || attachment.size_limit_bytes == 0)
            && (profile.read_only || !attachment.read_only)
            && (profile.far || device_bytes < FAR_BYTES);
        if offered { Ok(()) } else { Err(Error::Unsupported) }
    }

    /// Makes the keys ready; `None` is a device, which goes both directions.
    fn codec(
        &self,
        transform: &Transform,
        key: &Key,
        direction: Option<Direction>,
    ) -> Result<Codec, Error> {
        if transform.unit_bytes() > MOST_UNIT_BYTES {
            return Err(Error::UnitTooLong);
        }
        if let Transform::Cipher { cipher: Cipher::AesCbc | Cipher::AesXts, iv: None, .. } =
            transform
        {
            return Err(Error::NoIv);
        }
        if !self.profile.offers(transform) {
            return Err(Error::Unsupported);
        }
        let bytes = match key {
            Key::Bytes { bytes } => Some(bytes.0.as_slice()),
            Key::Lines { .. } => None,
        };
        match (*transform, bytes) {
            (Transform::None {}, Some([])) => Ok(Codec::None),
            (Transform::Registered { slot }, Some([])) => {
                let transfer = self.transfers.get(&slot).ok_or(Error::Unsupported)?;
                Ok(Codec::Registered { slot, transfer: Transfer::clone(transfer) })
            }
            (Transform::Xor {}, Some(bytes)) if !bytes.is_empty() => Ok(Codec::Xor(bytes.to_vec())),
            (Transform::Cipher { cipher, .. }, _) => {
                let refuses = match self.profile.equal_halves {
                    EqualHalves::Refused => true,
                    EqualHalves::Accepted => false,
                    EqualHalves::DecryptOnly => direction != Some(Direction::Decrypt),
                };
                if cipher == Cipher::AesXts && refuses && bytes.is_some_and(has_equal_halves) {
                    return Err(Error::BadKey);
                }
                let cipher = SectorCipher::new(transform, key)?;
                Ok(Codec::Cipher(Box::new(cipher)))
            }
            _ => Err(Error::BadKey),
        }
    }

    fn attached(&self) -> Result<&Attached, Error> {
        self.attached.as_ref().ok_or(Error::Io)
    }

    /// What every request is checked for: it lies inside the device, and is whole units where
    /// nothing else is offered.
    fn reach(&self, sector: Sector, bytes: usize) -> Result<Reach, Error> {
        let attached = self.attached()?;
        let reach = attached.reach(sector, bytes)?;
        if reach.bytes != bytes && self.profile.partial_requests == PartialRequests::Refused {
            return Err(Error::Partial);
        }
        Ok(reach)
    }

    /// Fills a part of the scratch with the plaintext of units.
    fn load(&mut self, start: u64, part: std::ops::Range<usize>) -> Result<(), Error> {
        let attached = self.attached.as_ref().ok_or(Error::Io)?;
        attached.load(&self.backing, start, &mut self.scratch[part])
    }
}

impl<B: Backing> LoopDevice for Device<B> {
    /// Attached already: [`Error::Busy`].
    fn attach(&mut self, attachment: &Attachment) -> Result<(), Error> {
        if self.attached.is_some() {
            return Err(Error::Busy);
        }
        let codec = self.codec(&attachment.transform, &attachment.key, None)?;
        let device_bytes = self.fit(attachment)?;
        self.check_offered(attachment, device_bytes)?;
        self.attached = Some(Attached {
            codec,
            offset_bytes: attachment.offset_bytes,
            first: attachment.first,
            device_bytes,
            unit_bytes: attachment.transform.unit_bytes() as usize,
            block_bytes: attachment.block_bytes,
            read_only: attachment.read_only,
        });
        Ok(())
    }

    fn detach(&mut self) -> Result<(), Error> {
        self.attached.take().map(drop).ok_or(Error::Io)
    }

    /// Whole units are transformed in the caller's memory, without a copy.
    fn read(&mut self, sector: Sector, into: &mut [u8]) -> Result<(), Error> {
        let reach = self.reach(sector, into.len())?;
        if reach.bytes == into.len() {
            self.attached()?.load(&self.backing, reach.start, into)
        } else {
            self.read_segments(sector, &mut [into])
        }
    }

    fn write(&mut self, sector: Sector, data: &[u8]) -> Result<(), Error> {
        self.write_segments(sector, &[data])
    }

    fn read_segments(&mut self, sector: Sector, segments: &mut [&mut [u8]]) -> Result<(), Error> {
        let bytes = segments.iter().map(|segment| segment.len()).sum();
        let reach = self.reach(sector, bytes)?;
        self.scratch.resize(reach.bytes, 0);
        self.load(reach.start, 0..reach.bytes)?;
        let mut rest = &self.scratch[reach.skip..];
        for segment in segments {
            let (now, later) = rest.split_at(segment.len());
            segment.copy_from_slice(now);
            rest = later;
        }
        Ok(())
    }

    fn write_segments(&mut self, sector: Sector, segments: &[&[u8]]) -> Result<(), Error> {
        let bytes = segments.iter().map(|segment| segment.len()).sum();
        self.write_from(sector, bytes, &mut |mut into| {
            for segment in segments {
                let (now, later) = into.split_at_mut(segment.len());
                now.copy_from_slice(segment);
                into = later;
            }
        })
    }

    /// Calls `fetch` once, and not at all when the request is refused.
    fn write_from(
        &mut self,
        sector: Sector,
        bytes: usize,
        fetch: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), Error> {
        if self.attached()?.read_only {
            return Err(Error::ReadOnly);
        }
        let reach = self.reach(sector, bytes)?;
        self.scratch.resize(reach.bytes, 0);
        if reach.bytes != bytes {
            let unit_bytes = self.attached()?.unit_bytes;
            let last = reach.bytes - unit_bytes;
            self.load(reach.start, 0..unit_bytes)?;
            self.load(reach.start + last as u64, last..reach.bytes)?;
        }
        fetch(&mut self.scratch[reach.skip..][..bytes]);
        let attached = self.attached.as_ref().ok_or(Error::Io)?;
        attached.crypt(Direction::Encrypt, reach.start, &mut self.scratch);
        self.backing
            .write_at(attached.offset_bytes + reach.start, &self.scratch)
            .map_err(|_| Error::Io)
    }

    /// A size that is no power of two from 512 to 4096: [`Error::Misfit`].
    fn set_block_size(&mut self, bytes: u32) -> Result<(), Error> {
        if !self.profile.block_size {
            return Err(Error::Unsupported);
        }
        if !is_block_size(bytes) {
            return Err(Error::Misfit);
        }
        self.attached.as_mut().ok_or(Error::Io)?.block_bytes = bytes;
        Ok(())
    }

    /// Past the backing's end: [`Error::PastEnd`].
    fn image(&mut self, at: u64, into: &mut [u8]) -> Result<(), Error> {
        if !self.profile.image {
            return Err(Error::Unsupported);
        }
        check_end(self.backing.len(), at, into.len())?;
        self.backing.read_at(at, into).map_err(|_| Error::Io)
    }

    /// Past the backing's end: [`Error::PastEnd`]. A bit above 7: [`Error::Misfit`].
    fn flip(&mut self, at: u64, bit: u8) -> Result<(), Error> {
        if !self.profile.flips {
            return Err(Error::Unsupported);
        }
        if bit > 7 {
            return Err(Error::Misfit);
        }
        check_end(self.backing.len(), at, 1)?;
        let mut byte = [0];
        self.backing.read_at(at, &mut byte).map_err(|_| Error::Io)?;
        byte[0] ^= 1 << bit;
        self.backing.write_at(at, &byte).map_err(|_| Error::Io)
    }

    /// A slot that is not free: [`Error::Busy`].
    fn register(&mut self, slot: u8, transfer: Transfer) -> Result<(), Error> {
        if !self.profile.transfers {
            return Err(Error::Unsupported);
        }
        if self.transfers.contains_key(&slot) {
            return Err(Error::Busy);
        }
        self.transfers.insert(slot, transfer);
        Ok(())
    }

    /// A slot that is free: [`Error::Misfit`].
    fn unregister(&mut self, slot: u8) -> Result<(), Error> {
        if !self.profile.transfers {
            return Err(Error::Unsupported);
        }
        if let Some(attached) = &self.attached
            && attached.codec.uses(slot)
        {
            return Err(Error::Busy);
        }
        self.transfers.remove(&slot).map(drop).ok_or(Error::Misfit)
    }

    /// A number of bytes that the transform does not know: [`Error::Misfit`]. A transform that is
    /// no cipher, or [`Iv::Block`](lawbook_spec::loopdev::Iv::Block): [`Error::Unsupported`].
    fn crypt_unit(
        &mut self,
        direction: Direction,
        transform: &Transform,
        key: &Key,
        n: u64,
        unit: &mut [u8],
    ) -> Result<(), Error> {
        if !self.profile.crypt_unit {
            return Err(Error::Unsupported);
        }
        let codec = self.codec(transform, key, Some(direction))?;
        if !self.profile.partial_units && !unit.len().is_multiple_of(16) {
            return Err(Error::Misfit);
        }
        match codec {
            Codec::Cipher(cipher) => cipher.crypt_unit(direction, n, unit),
            _ => Err(Error::Unsupported),
        }
    }
}

/// Everything but the bytes and the keys.
impl<B: std::fmt::Debug> std::fmt::Debug for Device<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("backing", &self.backing)
            .field("attached", &self.attached.is_some())
            .field("transfers", &self.transfers.keys())
            .finish_non_exhaustive()
    }
}

impl Attached {
    fn reach(&self, sector: Sector, bytes: usize) -> Result<Reach, Error> {
        if !(bytes as u64).is_multiple_of(SECTOR_BYTES) {
            return Err(Error::Misfit);
        }
        let from = sector.0.checked_mul(SECTOR_BYTES).ok_or(Error::PastEnd)?;
        check_end(self.device_bytes, from, bytes)?;
        let skip = usize::try_from(from % self.unit_bytes as u64).expect("less than a unit");
        Ok(Reach {
            start: from - skip as u64,
            bytes: (skip + bytes).next_multiple_of(self.unit_bytes),
            skip,
        })
    }

    fn load(&self, backing: &impl Backing, start: u64, units: &mut [u8]) -> Result<(), Error> {
        backing.read_at(self.offset_bytes + start, units).map_err(|_| Error::Io)?;
        self.crypt(Direction::Decrypt, start, units);
        Ok(())
    }

    /// Transforms units that begin at a byte of the device.
    fn crypt(&self, direction: Direction, start: u64, units: &mut [u8]) {
        let backing_byte = self.offset_bytes + start;
        let place = Place {
            number: self.first.wrapping_add(backing_byte / SECTOR_BYTES),
            backing_byte,
            block_bytes: self.block_bytes,
        };
        self.codec.crypt(direction, place, units);
    }
}

impl Codec {
    fn crypt(&self, direction: Direction, place: Place, data: &mut [u8]) {
        match self {
            Codec::None => {}
            Codec::Xor(key) => {
                for sector in data.chunks_mut(512) {
                    for part in sector.chunks_mut(key.len()) {
                        for (byte, key) in part.iter_mut().zip(key) {
                            *byte ^= key;
                        }
                    }
                }
            }
            Codec::Registered { transfer, .. } => transfer(direction, place.number, data),
            Codec::Cipher(cipher) => cipher.crypt(direction, place, data),
        }
    }

    fn uses(&self, wanted: u8) -> bool {
        matches!(self, Codec::Registered { slot, .. } if *slot == wanted)
    }
}

fn is_block_size(bytes: u32) -> bool {
    bytes.is_power_of_two() && (512..=4096).contains(&bytes)
}

fn has_equal_halves(key: &[u8]) -> bool {
    let (data, tweak) = key.split_at(key.len() / 2);
    data == tweak
}

fn check_end(end: u64, at: u64, bytes: usize) -> Result<(), Error> {
    match at.checked_add(bytes as u64) {
        Some(to) if to <= end => Ok(()),
        _ => Err(Error::PastEnd),
    }
}
