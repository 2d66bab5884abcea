//! What an implementer implements: a loop device in the kernel's own words, its errors and its
//! profile; and the [`Driver`] that runs a case on it.
//!
//! It does not cover how the device is made nor where the backing lies: the driver is given a
//! function that makes a fresh one for every case.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cases::{Op, Setup};
use super::model::{Answer, Call, Event, ReadAnswer};
use super::{Attachment, Cipher, Iv, Key, Loopdev, Sector, Transform};
use crate::core::{Bytes, Case, End, Subject, Trace};

/// Which way data are transformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the device to the image.
    Encrypt,
    /// From the image to the device.
    Decrypt,
}

/// A transform that a user of the device adds: direction, the number *n* of the first sector, and
/// whole sectors to be transformed in place.
pub type Transfer = Arc<dyn Fn(Direction, u64, &mut [u8]) + Send + Sync>;

/// One loop device on one backing.
///
/// Only [`attach`](Self::attach), [`read`](Self::read) and [`write`](Self::write) are needed; what
/// else a device can do, it says in its [`Profile`] and overrides here.
///
/// The caller guarantees: the device is attached for every call but `attach`, `register`,
/// `unregister`, `image`, `flip` and `crypt_unit`; it is detached for `attach`; buffers are whole
/// sectors and not empty.
/// Not promised: which of several errors a call with several faults reports.
///
/// ```
/// use lawbook_spec::core::{Judge, Mechanism, Subject};
/// use lawbook_spec::loopdev::*;
///
/// struct Disk(Vec<u8>);
///
/// impl LoopDevice for Disk {
///     fn attach(&mut self, to: &Attachment) -> Result<(), Error> {
///         let plain = to.transform == Transform::None {} && to.key == Key::empty();
///         if plain { Ok(()) } else { Err(Error::Unsupported) }
///     }
///     fn read(&mut self, sector: Sector, into: &mut [u8]) -> Result<(), Error> {
///         let from = self.0.get(sector.0 as usize * 512..);
///         let from = from.and_then(|disk| disk.get(..into.len()));
///         Ok(into.copy_from_slice(from.ok_or(Error::PastEnd)?))
///     }
///     fn write(&mut self, sector: Sector, data: &[u8]) -> Result<(), Error> {
///         let to = self.0.get_mut(sector.0 as usize * 512..);
///         let to = to.and_then(|disk| disk.get_mut(..data.len()));
///         Ok(to.ok_or(Error::PastEnd)?.copy_from_slice(data))
///     }
/// }
///
/// let profile = Profile { none: true, ..Profile::default() };
/// let mut disk = Driver::new(profile.clone(), |bytes| Disk(vec![0; bytes as usize]));
/// let judge = Judge::<Loopdev>::new(profile.clone());
/// for case in Loopdev::small(&profile) {
///     let trace = disk.run(&case);
///     assert_eq!(judge.judge(&case, &trace).broken, None);
/// }
/// ```
pub trait LoopDevice {
    /// Attaches the device to its backing, which keeps its bytes from one attachment to the next.
    ///
    /// # Errors
    ///
    /// Whatever does not fit is refused and changes nothing: an offset that is no multiple of 512
    /// or lies behind the backing's end; a size limit that is no multiple of the unit or reaches
    /// past the backing's end; a device that is not whole units; an offset or `first` that is no
    /// multiple of the unit where large sectors are asked for; a key of the wrong length; equal
    /// halves of an XTS key, where the profile says so; a unit of more than 2²⁰ blocks; a cipher
    /// that needs an IV without a scheme for it; a transform that the device does not offer.
    ///
    /// Judged by LOOPDEV-14, LOOPDEV-15 and LOOPDEV-16.
    fn attach(&mut self, attachment: &Attachment) -> Result<(), Error>;

    /// Detaches the device. Every write that was answered is in the image.
    ///
    /// # Errors
    ///
    /// None is expected.
    fn detach(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Reads whole sectors from `sector` on.
    ///
    /// # Errors
    ///
    /// A request that reaches past the device's end; a request that is not whole units, where the
    /// profile says that those are refused. Nothing is read then.
    ///
    /// Judged by LOOPDEV-01 to LOOPDEV-03, LOOPDEV-05, LOOPDEV-08, LOOPDEV-09, LOOPDEV-12,
    /// LOOPDEV-17, LOOPDEV-19 and LOOPDEV-20.
    fn read(&mut self, sector: Sector, into: &mut [u8]) -> Result<(), Error>;

    /// Writes whole sectors from `sector` on.
    ///
    /// # Errors
    ///
    /// A device that is read-only; a request that reaches past the device's end; a request that
    /// is not whole units, where the profile says that those are refused. Nothing is written
    /// then, not even the part that would have fitted.
    ///
    /// Judged by LOOPDEV-01 to LOOPDEV-11, LOOPDEV-13, LOOPDEV-17 to LOOPDEV-19, LOOPDEV-21,
    /// LOOPDEV-23 and LOOPDEV-26.
    fn write(&mut self, sector: Sector, data: &[u8]) -> Result<(), Error>;

    /// As [`read`](Self::read), into memory that lies in several segments of any length, as the
    /// segments of a kernel's bio do.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    fn read_segments(&mut self, sector: Sector, segments: &mut [&mut [u8]]) -> Result<(), Error> {
        let mut whole = vec![0; segments.iter().map(|segment| segment.len()).sum()];
        self.read(sector, &mut whole)?;
        let mut rest = whole.as_slice();
        for segment in segments {
            let (now, later) = rest.split_at(segment.len());
            segment.copy_from_slice(now);
            rest = later;
        }
        Ok(())
    }

    /// As [`write`](Self::write), from memory that lies in several segments of any length.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    fn write_segments(&mut self, sector: Sector, segments: &[&[u8]]) -> Result<(), Error> {
        self.write(sector, &segments.concat())
    }

    /// As [`write`](Self::write), from memory that its owner may change meanwhile: two calls of
    /// `fetch` may give different bytes. What is written to a sector is what one fetch gave.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    fn write_from(
        &mut self,
        sector: Sector,
        bytes: usize,
        fetch: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), Error> {
        let mut data = vec![0; bytes];
        fetch(&mut data);
        self.write(sector, &data)
    }

    /// The hosting filesystem changes its block size, to a power of two from 512 to 4096.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the profile says that it can't.
    ///
    /// Judged by LOOPDEV-02.
    fn set_block_size(&mut self, _bytes: u32) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Shows the raw bytes of the backing from byte `at` on, as another program would read them.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the profile says that it can't.
    fn image(&mut self, _at: u64, _into: &mut [u8]) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Flips one bit of the backing, as a failing disk would.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the profile says that it can't.
    fn flip(&mut self, _at: u64, _bit: u8) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Adds a transfer under a slot that is free. It is called with whole sectors, in any pieces:
    /// each sector of a request once, with the *n* of the piece's first sector.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the profile says that it can't.
    ///
    /// Judged by LOOPDEV-24.
    fn register(&mut self, _slot: u8, _transfer: Transfer) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Removes a transfer.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] when the attached device uses it, which changes nothing.
    ///
    /// Judged by LOOPDEV-22.
    fn unregister(&mut self, _slot: u8) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Transforms one unit by itself, in place, without any device: at least 16 bytes; a number
    /// of bytes that is no multiple of 16 where the profile says that it can.
    /// *n* is the number that the IV is made of, after any division for large sectors.
    ///
    /// # Errors
    ///
    /// Those of [`attach`](Self::attach) that concern the transform and the key.
    ///
    /// Judged by LOOPDEV-10, LOOPDEV-15, LOOPDEV-25 and LOOPDEV-27.
    fn crypt_unit(
        &mut self,
        _direction: Direction,
        _transform: &Transform,
        _key: &Key,
        _n: u64,
        _unit: &mut [u8],
    ) -> Result<(), Error> {
        Err(Error::Unsupported)
    }
}

/// Why a device refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Error {
    /// The request reaches past the device's end (EIO, ENOSPC).
    PastEnd,
    /// The device is read-only (EROFS).
    ReadOnly,
    /// The request is not whole units (EIO).
    Partial,
    /// An offset, a length or `first` that does not fit (EINVAL).
    Misfit,
    /// A key of the wrong kind or length, or with equal halves (EINVAL).
    BadKey,
    /// A unit of more than 2²⁰ blocks (EINVAL).
    UnitTooLong,
    /// A cipher that needs an IV, without a scheme for it (EINVAL).
    NoIv,
    /// The transfer is in use (EBUSY).
    Busy,
    /// The device does not offer this (EOPNOTSUPP).
    Unsupported,
    /// The backing failed (EIO).
    Io,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::PastEnd => "past the end",
            Error::ReadOnly => "read-only",
            Error::Partial => "not whole units",
            Error::Misfit => "does not fit",
            Error::BadKey => "bad key",
            Error::UnitTooLong => "unit too long",
            Error::NoIv => "no IV scheme",
            Error::Busy => "busy",
            Error::Unsupported => "unsupported",
            Error::Io => "I/O error",
        })
    }
}

impl std::error::Error for Error {}

/// What an implementation says of itself.
///
/// The default is a device that can do nothing: say what yours can.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The ciphers under IV schemes that it offers.
    pub ciphers: Vec<Offer>,
    /// Whether it offers [`Transform::None`].
    pub none: bool,
    /// Whether it offers [`Transform::Xor`].
    pub xor: bool,
    /// Whether users can register transfers.
    pub transfers: bool,
    /// Whether the image can be seen.
    pub image: bool,
    /// Whether the image can be damaged.
    pub flips: bool,
    /// Whether the block size of the hosting filesystem can change while attached.
    pub block_size: bool,
    /// Whether the device can start at an offset into the backing.
    pub offsets: bool,
    /// Whether a number can be added to the sector numbers.
    pub first: bool,
    /// Whether the device can be 2 TiB and more long (a sparse backing).
    pub far: bool,
    /// Whether the device can be shorter than the backing.
    pub size_limit: bool,
    /// Whether it can be attached read-only.
    pub read_only: bool,
    /// Whether units can be transformed by themselves.
    pub crypt_unit: bool,
    /// Whether those can have a number of bytes that is no multiple of 16 (ciphertext stealing).
    pub partial_units: bool,
    /// What it does with an XTS key whose halves are equal.
    pub equal_halves: EqualHalves,
    /// What a request that is not whole units gets.
    pub partial_requests: PartialRequests,
}

/// A cipher under an IV scheme, in the sizes that an implementation offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Block cipher and mode.
    pub cipher: Cipher,
    /// The IV scheme; `None` only with ECB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iv: Option<Iv>,
    /// The lengths of key.
    pub key_bits: Vec<u16>,
    /// The sizes of unit.
    pub unit_bytes: Vec<u32>,
    /// Whether *n* can be divided by the sectors of a unit.
    pub large_sectors: bool,
}

impl Offer {
    fn check(&self) -> Result<(), (&'static str, String)> {
        let fits = match (self.cipher, self.iv) {
            (Cipher::AesEcb, iv) => iv.is_none(),
            (Cipher::AesXts, iv) => {
                matches!(iv, Some(Iv::Plain | Iv::Plain64 | Iv::Plain64be | Iv::Null))
            }
            (Cipher::AesCbc, iv) => iv.is_some(),
        };
        if !fits {
            return Err(("an IV scheme that the cipher takes", format!("{:?}", self.iv)));
        }
        let (expected, lengths): (_, &[u16]) = match self.cipher {
            Cipher::AesXts => ("key_bits of 256 or 512", &[256, 512]),
            _ => ("key_bits of 128, 192 or 256", &[128, 192, 256]),
        };
        let known = self.key_bits.iter().all(|bits| lengths.contains(bits));
        if self.key_bits.is_empty() || !known {
            return Err((expected, format!("{:?}", self.key_bits)));
        }
        let sectors_only = self.iv.is_some_and(|iv| iv == Iv::Block || iv.key_lines() > 0);
        let (expected, sizes): (_, &[u32]) = match sectors_only {
            true => ("unit_bytes of 512", &[512]),
            false => ("unit_bytes of 512, 1024, 2048 or 4096", &[512, 1024, 2048, 4096]),
        };
        let known = self.unit_bytes.iter().all(|bytes| sizes.contains(bytes));
        if self.unit_bytes.is_empty() || !known {
            return Err((expected, format!("{:?}", self.unit_bytes)));
        }
        if sectors_only && self.large_sectors {
            return Err(("no large sectors", "large_sectors".into()));
        }
        Ok(())
    }
}

/// What an implementation does with an XTS key whose halves are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EqualHalves {
    /// It refuses them.
    #[default]
    Refused,
    /// It takes them, as Linux does.
    Accepted,
    /// It refuses to encrypt and accepts to decrypt, as OpenSSL does. A device is refused.
    DecryptOnly,
}

/// What a request that is not a whole number of units gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartialRequests {
    /// An error, as from dm-crypt.
    #[default]
    Refused,
    /// The units it touches are read, changed and written.
    ReadModifyWrite,
}

impl Profile {
    /// Whether every offer is one that the formulas know, in sizes that exist.
    ///
    /// # Errors
    ///
    /// What was expected of which offer, and what came.
    pub fn check(&self) -> Result<(), String> {
        for offer in &self.ciphers {
            offer.check().map_err(|(expected, found)| {
                format!(
                    "offer of {:?} with {:?}: expected {expected}, found {found}",
                    offer.cipher, offer.iv
                )
            })?;
        }
        Ok(())
    }

    /// Whether the implementation offers this transform.
    pub fn offers(&self, transform: &Transform) -> bool {
        match *transform {
            Transform::None {} => self.none,
            Transform::Xor {} => self.xor,
            Transform::Registered { .. } => self.transfers,
            Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors } => {
                self.ciphers.iter().any(|offer| {
                    offer.cipher == cipher
                        && offer.iv == iv
                        && offer.key_bits.contains(&key_bits)
                        && offer.unit_bytes.contains(&unit_bytes)
                        && (offer.large_sectors || !large_sectors)
                })
            }
        }
    }
}

/// Runs cases on a [`LoopDevice`], a fresh one for each.
pub struct Driver<F> {
    profile: Profile,
    make: F,
}

impl<D: LoopDevice, F: FnMut(u64) -> D> Driver<F> {
    /// Drives what `make` gives: a device, not attached, on a backing of that many zero bytes.
    pub fn new(profile: Profile, make: F) -> Self {
        Driver { profile, make }
    }
}

impl<F> fmt::Debug for Driver<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl<D: LoopDevice, F: FnMut(u64) -> D> Subject<Loopdev> for Driver<F> {
    fn profile(&self) -> Profile {
        self.profile.clone()
    }

    fn run(&mut self, case: &Case<Loopdev>) -> Trace<Loopdev> {
        Trace::watch(|events| {
            let mut session = Session::open((self.make)(case.setup.backing_bytes), &case.setup)?;
            for op in &case.ops {
                events.push(session.step(op)?);
            }
            Ok(())
        })
    }
}

/// One device while one case runs.
struct Session<D> {
    device: D,
    attachment: Attachment,
    slots: [bool; 256],
    calls: Arc<Mutex<Vec<Call>>>,
}

impl<D: LoopDevice> Session<D> {
    fn open(mut device: D, setup: &Setup) -> Result<Self, End> {
        device.attach(&setup.attachment).map_err(|error| {
            End::Mishap(format!("the attachment of the setup is refused: {error}"))
        })?;
        Ok(Session {
            device,
            attachment: setup.attachment.clone(),
            slots: [false; 256],
            calls: Arc::default(),
        })
    }

    fn step(&mut self, op: &Op) -> Result<Event, End> {
        Ok(match op {
            Op::Write { sector, data, cuts, segments, then } => {
                let answers = pieces(data.0.len(), cuts)
                    .map(|(from, to)| {
                        let sector = Sector(sector.0.wrapping_add(from as u64 / 512));
                        answer(self.write(sector, data, (from, to), segments, then.as_ref()))
                    })
                    .collect();
                Event::Written { answers, calls: self.drain_calls() }
            }
            Op::Read { sector, sectors, cuts, segments } => {
                let bytes = *sectors as usize * 512;
                let answers = pieces(bytes, cuts)
                    .map(|(from, to)| {
                        let sector = Sector(sector.0.wrapping_add(from as u64 / 512));
                        self.read(sector, (from, to), segments)
                    })
                    .collect();
                Event::Read { answers, calls: self.drain_calls() }
            }
            Op::SetBlockSize { bytes } => {
                let outcome = self.device.set_block_size(*bytes);
                if outcome.is_ok() {
                    // The hosting filesystem keeps it, whoever attaches.
                    self.attachment.block_bytes = *bytes;
                }
                Event::BlockSize { answer: answer(outcome) }
            }
            Op::Show { sector, sectors } => {
                let mut bytes = vec![0; *sectors as usize * 512];
                let shown = self.device.image(sector.0 * 512, &mut bytes);
                Event::Image { answer: read_answer(shown, bytes) }
            }
            Op::Flip { byte, bit } => {
                Event::Flipped { answer: answer(self.device.flip(*byte, *bit)) }
            }
            Op::Reopen { change } => self.reopen(&change.of(&self.attachment), true)?,
            Op::Attach { change } => self.reopen(&change.of(&self.attachment), false)?,
            Op::Register { slot } if !self.slots[usize::from(*slot)] => {
                let outcome = self.device.register(*slot, self.test_transfer(*slot));
                self.slots[usize::from(*slot)] = outcome.is_ok();
                Event::Registered { answer: answer(outcome) }
            }
            Op::Unregister { slot } if self.slots[usize::from(*slot)] => {
                let outcome = self.device.unregister(*slot);
                self.slots[usize::from(*slot)] = outcome.is_err();
                Event::Unregistered { answer: answer(outcome) }
            }
            Op::Register { .. } | Op::Unregister { .. } => Event::Skipped {},
            Op::CryptUnit { direction, transform, key, n, data } => {
                let mut unit = data.0.clone();
                let outcome = self.device.crypt_unit(*direction, transform, key, *n, &mut unit);
                Event::Crypted { answer: read_answer(outcome, unit) }
            }
        })
    }

    fn write(
        &mut self,
        sector: Sector,
        data: &Bytes,
        (from, to): (usize, usize),
        segments: &[u32],
        then: Option<&Bytes>,
    ) -> Result<(), Error> {
        let piece = &data.0[from..to];
        let Some(then) = then else {
            let parts: Vec<&[u8]> =
                parts(from, to, segments).map(|(start, end)| &data.0[start..end]).collect();
            return match parts.as_slice() {
                [_] => self.device.write(sector, piece),
                parts => self.device.write_segments(sector, parts),
            };
        };
        let mut fetched = false;
        self.device.write_from(sector, piece.len(), &mut |into| {
            let now = if std::mem::replace(&mut fetched, true) { &then.0[from..to] } else { piece };
            into.copy_from_slice(now);
        })
    }

    fn read(&mut self, sector: Sector, (from, to): (usize, usize), segments: &[u32]) -> ReadAnswer {
        let mut bytes = vec![0; to - from];
        let mut rest = bytes.as_mut_slice();
        let mut parts: Vec<&mut [u8]> = parts(from, to, segments)
            .map(|(start, end)| {
                rest.split_off_mut(..end - start).expect("the parts cover the request")
            })
            .collect();
        let outcome = match parts.as_mut_slice() {
            [whole] => self.device.read(sector, whole),
            parts => self.device.read_segments(sector, parts),
        };
        read_answer(outcome, bytes)
    }

    /// Attaches anew; what is refused, or only tried, leaves the device attached as it was.
    fn reopen(&mut self, to: &Attachment, stay: bool) -> Result<Event, End> {
        if let Transform::Registered { slot } = to.transform
            && !self.slots[usize::from(slot)]
        {
            return Ok(Event::Skipped {});
        }
        self.detach()?;
        let outcome = self.device.attach(to);
        if stay && outcome.is_ok() {
            self.attachment = to.clone();
        } else {
            if outcome.is_ok() {
                self.detach()?;
            }
            self.device.attach(&self.attachment).map_err(|error| {
                End::Mishap(format!("to attach again as before is refused: {error}"))
            })?;
        }
        let answer = answer(outcome);
        Ok(if stay { Event::Reopened { answer } } else { Event::Attached { answer } })
    }

    fn detach(&mut self) -> Result<(), End> {
        self.device.detach().map_err(|error| End::Mishap(format!("to detach is refused: {error}")))
    }

    /// The transfer that cases register: it records its calls, and changes every sector by bytes
    /// that depend on its *n* and on the slot.
    fn test_transfer(&self, slot: u8) -> Transfer {
        let calls = Arc::clone(&self.calls);
        Arc::new(move |direction, n, data| {
            let bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
            calls.lock().unwrap_or_else(PoisonError::into_inner).push(Call { n, bytes });
            for (index, sector) in data.chunks_mut(512).enumerate() {
                let n = n.wrapping_add(index as u64);
                super::formulas::test_transfer(direction, slot, n, sector);
            }
        })
    }

    fn drain_calls(&mut self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The requests into which cut points divide so many bytes.
fn pieces(bytes: usize, cuts: &[u32]) -> impl Iterator<Item = (usize, usize)> {
    parts(0, bytes, cuts)
}

/// The parts of `from..to` between the points that lie inside it.
fn parts(from: usize, to: usize, points: &[u32]) -> impl Iterator<Item = (usize, usize)> {
    let inside =
        points.iter().map(|point| *point as usize).filter(move |at| from < *at && *at < to);
    let mut start = from;
    inside.chain(std::iter::once(to)).map(move |end| (std::mem::replace(&mut start, end), end))
}

fn answer(outcome: Result<(), Error>) -> Answer {
    match outcome {
        Ok(()) => Answer::Done {},
        Err(error) => Answer::Refused { error },
    }
}

fn read_answer(outcome: Result<(), Error>, bytes: Vec<u8>) -> ReadAnswer {
    match outcome {
        Ok(()) => ReadAnswer::Data { bytes: Bytes(bytes) },
        Err(error) => ReadAnswer::Refused { error },
    }
}
