//! A loop device around a cipher that somebody else wrote.
//!
//! Its nouns: the *image* (sparse memory), the *area* (the bytes of one request, handed to the
//! cipher whole), and the [`AreaCipher`], the foreign part.
//!
//! The device is ours: whether offsets, limits, read-only and ends of the device are respected,
//! whether reads leave the image alone and whether a refusal changes nothing (LOOPDEV-12, 13, 14,
//! 17, 18, 21) says nothing about the library. The cipher is theirs: bytes, tweaks, ciphertext
//! stealing, equal halves, units that are too long and a last part that is not a whole unit are the
//! library's to get right, and nothing here checks them in its place. A request that begins inside
//! a unit is refused: an area begins with a unit, and no library can be told otherwise.
//!
//! It does not cover block sizes (there is no hosting filesystem), registered transfers, `none`
//! and `xor`: no library has a part in those.

use std::collections::BTreeMap;

use lawbook_spec::core::Subject;
use lawbook_spec::loopdev::{
    Attachment, Cipher, Direction, Driver, Error, Key, LoopDevice, Loopdev, MOST_UNIT_BYTES,
    PartialRequests, Profile, SECTOR_BYTES, Sector, Transform,
};

/// A foreign cipher under one transform, one key, and in one direction.
pub(super) trait AreaCipher: Sized {
    /// Whether it takes an area whose last part is not a whole unit. Where it does not, the device
    /// refuses one.
    const TAKES_A_REST: bool = false;

    /// What it offers and can do, and what the device adds to that: see [`profile`].
    fn profile() -> Profile;

    /// Takes a key for one of the transforms that it offers, or for such a one in XTS with units
    /// of more than 2²⁰ blocks.
    ///
    /// # Errors
    ///
    /// A key of the wrong kind or length; whatever else the library refuses.
    fn new(direction: Direction, transform: &Transform, key: &Key) -> Result<Self, Error>;

    /// Transforms an area in place, whose units have these numbers.
    ///
    /// # Errors
    ///
    /// What the library refuses.
    fn crypt_area(&mut self, numbers: Numbers, area: &mut [u8]) -> Result<(), Error>;

    /// Transforms one unit of at least 16 bytes in place. `n` is the number that the IV is made of.
    ///
    /// # Errors
    ///
    /// What the library refuses; [`Error::Unsupported`] where its profile says so.
    fn crypt_unit(&mut self, _n: u64, _unit: &mut [u8]) -> Result<(), Error> {
        Err(Error::Unsupported)
    }
}

/// The numbers that the IVs of an area's units are made of.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    /// *n* of the first unit, before any division for large sectors.
    n: u64,
    unit_sectors: u64,
    large_sectors: bool,
}

impl Numbers {
    /// Those from *n* on, without large sectors.
    #[cfg(test)]
    pub(super) fn at(n: u64, unit_bytes: u32) -> Self {
        Numbers { n, unit_sectors: u64::from(unit_bytes) / SECTOR_BYTES, large_sectors: false }
    }

    /// That of the first unit.
    pub(super) fn first(self) -> u64 {
        self.of(0)
    }

    /// That of the unit at an index into the area.
    pub(super) fn of(self, index: u64) -> u64 {
        let n = self.n.wrapping_add(index.wrapping_mul(self.unit_sectors));
        if self.large_sectors { n / self.unit_sectors } else { n }
    }
}

/// The device around a cipher, ready to run cases.
pub(super) fn boxed<C: AreaCipher + 'static>() -> Box<dyn Subject<Loopdev>> {
    Box::new(Driver::new(C::profile(), Area::<C>::new))
}

/// What the device can do around any cipher that knows every *n* and units by themselves. A cipher
/// adds its offers and what it does with equal halves, and takes away what it can't do.
pub(super) fn profile() -> Profile {
    Profile {
        image: true,
        flips: true,
        offsets: true,
        first: true,
        far: true,
        size_limit: true,
        read_only: true,
        crypt_unit: true,
        partial_units: true,
        partial_requests: PartialRequests::Refused,
        ..Profile::default()
    }
}

struct Area<C> {
    profile: Profile,
    image: Image,
    attached: Option<Attached<C>>,
}

struct Attached<C> {
    offset_bytes: u64,
    bytes: u64,
    first: u64,
    read_only: bool,
    unit_bytes: u64,
    large_sectors: bool,
    encrypt: C,
    decrypt: C,
}

impl<C: AreaCipher> Area<C> {
    fn new(backing_bytes: u64) -> Self {
        Area { profile: C::profile(), image: Image::new(backing_bytes), attached: None }
    }

    /// The cipher of a transform that is offered. That a unit is too long is the library's to say.
    fn cipher(&self, direction: Direction, transform: &Transform, key: &Key) -> Result<C, Error> {
        let mut put = *transform;
        match &mut put {
            Transform::Cipher { iv: None, .. } => return Err(Error::NoIv),
            Transform::Cipher { cipher: Cipher::AesXts, unit_bytes, .. }
                if *unit_bytes > MOST_UNIT_BYTES =>
            {
                *unit_bytes = 512
            }
            _ => {}
        }
        if self.profile.offers(&put) {
            C::new(direction, transform, key)
        } else {
            Err(Error::Unsupported)
        }
    }
}

impl<C: AreaCipher> LoopDevice for Area<C> {
    fn attach(&mut self, attachment: &Attachment) -> Result<(), Error> {
        let Attachment { transform, key, .. } = attachment;
        self.attached = Some(Attached {
            offset_bytes: attachment.offset_bytes,
            bytes: device_bytes(attachment, self.image.bytes)?,
            first: attachment.first,
            read_only: attachment.read_only,
            unit_bytes: u64::from(transform.unit_bytes()),
            large_sectors: transform.large_sectors(),
            encrypt: self.cipher(Direction::Encrypt, transform, key)?,
            decrypt: self.cipher(Direction::Decrypt, transform, key)?,
        });
        Ok(())
    }

    fn detach(&mut self) -> Result<(), Error> {
        self.attached = None;
        Ok(())
    }

    fn read(&mut self, sector: Sector, into: &mut [u8]) -> Result<(), Error> {
        let device = self.attached.as_mut().expect("the device is attached");
        let at = device.place::<C>(sector, into.len())?;
        let mut area = vec![0; into.len()];
        self.image.read(at, &mut area)?;
        let numbers = device.numbers(sector);
        device.decrypt.crypt_area(numbers, &mut area)?;
        into.copy_from_slice(&area);
        Ok(())
    }

    fn write(&mut self, sector: Sector, data: &[u8]) -> Result<(), Error> {
        let device = self.attached.as_mut().expect("the device is attached");
        if device.read_only {
            return Err(Error::ReadOnly);
        }
        let at = device.place::<C>(sector, data.len())?;
        let mut area = data.to_vec();
        let numbers = device.numbers(sector);
        device.encrypt.crypt_area(numbers, &mut area)?;
        self.image.write(at, &area)
    }

    fn image(&mut self, at: u64, into: &mut [u8]) -> Result<(), Error> {
        self.image.read(at, into)
    }

    fn flip(&mut self, at: u64, bit: u8) -> Result<(), Error> {
        let mut byte = [0];
        self.image.read(at, &mut byte)?;
        self.image.write(at, &[byte[0] ^ (1 << (bit & 7))])
    }

    fn crypt_unit(
        &mut self,
        direction: Direction,
        transform: &Transform,
        key: &Key,
        n: u64,
        unit: &mut [u8],
    ) -> Result<(), Error> {
        self.cipher(direction, transform, key)?.crypt_unit(n, unit)
    }
}

/// The length of the device that an attachment makes of a backing.
fn device_bytes(attachment: &Attachment, backing_bytes: u64) -> Result<u64, Error> {
    let unit_bytes = u64::from(attachment.transform.unit_bytes());
    let unit_sectors = unit_bytes / SECTOR_BYTES;
    let Some(room) = backing_bytes.checked_sub(attachment.offset_bytes) else {
        return Err(Error::Misfit);
    };
    let bytes = match attachment.size_limit_bytes {
        0 => room,
        limit => limit,
    };
    let fits = attachment.offset_bytes.is_multiple_of(SECTOR_BYTES)
        && unit_sectors > 0
        && 0 < bytes
        && bytes <= room
        && bytes.is_multiple_of(unit_bytes);
    let large_fits = !attachment.transform.large_sectors()
        || (attachment.offset_bytes.is_multiple_of(unit_bytes)
            && attachment.first.is_multiple_of(unit_sectors));
    if fits && large_fits { Ok(bytes) } else { Err(Error::Misfit) }
}

impl<C> Attached<C> {
    /// The numbers of the units from a sector on.
    fn numbers(&self, sector: Sector) -> Numbers {
        let before = self.first.wrapping_add(self.offset_bytes / SECTOR_BYTES);
        Numbers {
            n: before.wrapping_add(sector.0),
            unit_sectors: self.unit_bytes / SECTOR_BYTES,
            large_sectors: self.large_sectors,
        }
    }

    /// Where in the backing a request lies.
    fn place<Cipher: AreaCipher>(&self, sector: Sector, len: usize) -> Result<u64, Error> {
        let len = u64::try_from(len).map_err(|_| Error::PastEnd)?;
        let from = sector.0.checked_mul(SECTOR_BYTES).ok_or(Error::PastEnd)?;
        let end = from.checked_add(len).ok_or(Error::PastEnd)?;
        if end > self.bytes {
            return Err(Error::PastEnd);
        }
        let rest_fits = len.is_multiple_of(self.unit_bytes) || Cipher::TAKES_A_REST;
        if from.is_multiple_of(self.unit_bytes) && rest_fits {
            Ok(self.offset_bytes + from)
        } else {
            Err(Error::Partial)
        }
    }
}

/// Sparse memory: what was never written is zero.
struct Image {
    bytes: u64,
    sectors: BTreeMap<u64, [u8; SECTOR]>,
}

const SECTOR: usize = 512;

impl Image {
    fn new(bytes: u64) -> Self {
        Image { bytes, sectors: BTreeMap::new() }
    }

    fn read(&self, at: u64, mut into: &mut [u8]) -> Result<(), Error> {
        self.inside(at, into.len())?;
        let mut at = at;
        while !into.is_empty() {
            let (index, from, len) = step(at, into.len());
            let (now, later) = into.split_at_mut(len);
            match self.sectors.get(&index) {
                Some(sector) => now.copy_from_slice(&sector[from..from + len]),
                None => now.fill(0),
            }
            into = later;
            at += len as u64;
        }
        Ok(())
    }

    fn write(&mut self, at: u64, mut data: &[u8]) -> Result<(), Error> {
        self.inside(at, data.len())?;
        let mut at = at;
        while !data.is_empty() {
            let (index, from, len) = step(at, data.len());
            let (now, later) = data.split_at(len);
            let sector = self.sectors.entry(index).or_insert([0; SECTOR]);
            sector[from..from + len].copy_from_slice(now);
            data = later;
            at += len as u64;
        }
        Ok(())
    }

    fn inside(&self, at: u64, len: usize) -> Result<(), Error> {
        match at.checked_add(len as u64) {
            Some(end) if end <= self.bytes => Ok(()),
            _ => Err(Error::PastEnd),
        }
    }
}

/// The sector in which a byte lies, its place there, and how many of `left` bytes lie there too.
fn step(at: u64, left: usize) -> (u64, usize, usize) {
    let from = usize::try_from(at % SECTOR_BYTES).expect("less than 512 fits");
    (at / SECTOR_BYTES, from, left.min(SECTOR - from))
}
