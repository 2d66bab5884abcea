//! Cases from bytes.
//!
//! The generator comes back to what it wrote: the same data at the same *n* under another block
//! size, split or offset, with one byte changed, or at a place with another IV. That is what most
//! laws need to see.
//! It does not cover how many ops a case has, nor which kind comes next: that is the core's.

use std::rc::Rc;

use arbitrary::Unstructured;

use super::super::contract::{Direction, EqualHalves, PartialRequests, Profile};
use super::super::formulas::{n_of, public_iv};
use super::super::model::{PUBLIC_IVS, misfit};
use super::super::{Attachment, Cipher, IEEE_1619, Iv, Key, Sector, Transform};
use super::admit::check_op;
use super::small::{vector_op, vector_transform};
use super::{Change, Kind, MOST_SECTORS, Op, Setup};
use crate::core::{Bytes, hug};

/// An offset that takes more than 32 bits, and is whole units.
const FAR_OFFSET_BYTES: u64 = 1 << 32;
/// A case takes at most 64 KiB as JSON: from so many bytes of it on, it only looks.
const SPENT_BYTES: usize = 24 << 10;

/// What the generator guesses while it draws: how the device is attached, what was written.
#[derive(Debug, Default)]
pub struct Draft {
    attachment: Option<Rc<Attachment>>,
    past: Vec<Past>,
    /// The registered slots, as bits.
    slots: u8,
    /// How long the case is so far, in bytes of JSON, roughly.
    spent_bytes: usize,
    /// The backing sectors last written or damaged: the first, and how many.
    touched: Option<(u64, u64)>,
}

/// A write to come back to.
#[derive(Debug, Clone)]
struct Past {
    /// The undivided *n* of its first sector.
    n: u64,
    sector: u64,
    data: Vec<u8>,
}

/// The writes that the generator comes back to.
const PAST_WRITES: usize = 6;
/// The slots of transfers that are drawn.
const SLOTS: u8 = 3;

/// Draws the world of a case, within what the profile can do.
pub(in super::super) fn draw_setup(
    u: &mut Unstructured<'_>,
    profile: &Profile,
) -> arbitrary::Result<Setup> {
    let transform = draw_transform(u, profile)?;
    let key = key_of(&transform, profile, u.arbitrary()?);
    let unit = u64::from(transform.unit_bytes());
    let first = if profile.first && chance(u, 2)? { draw_first(u, &transform)? } else { 0 };
    let far = if profile.far && chance(u, 4)? {
        let starts = [1 << 32, 1 << 32, 1 << 32, 1 << 31, 1 << 16, 1 << 10, 1 << 33, 1 << 32];
        Some(Sector(starts[usize::from(u.arbitrary::<u8>()? % 8)]))
    } else {
        None
    };
    let limited = profile.size_limit && chance(u, 4)?;
    // Without a limit the backing itself must be whole units from the offset on.
    let step = if limited && !transform.large_sectors() { 512 } else { unit };
    let mut offset_bytes = if profile.offsets && chance(u, 2)? { pick(u, 5)? * step } else { 0 };
    if offset_bytes > 0 && profile.far && chance(u, 6)? {
        // Where 32 bits of bytes end.
        offset_bytes += FAR_OFFSET_BYTES;
    }
    let window_bytes = unit * (2 + pick(u, if unit == 512 { 31 } else { 7 })?);
    let device_bytes = far.map_or(0, |far| far.0 * 512) + window_bytes;
    let spare_bytes = if limited { pick(u, 3)? * unit } else { 0 };
    Ok(Setup {
        backing_bytes: offset_bytes + device_bytes + spare_bytes,
        attachment: Attachment {
            transform,
            key,
            offset_bytes,
            first,
            size_limit_bytes: if limited { device_bytes } else { 0 },
            read_only: profile.read_only && chance(u, 32)?,
            block_bytes: if profile.block_size { draw_block_bytes(u)? } else { 1024 },
        },
        far,
    })
}

/// Draws one op of a kind; a write where the profile lacks what the kind needs.
pub(in super::super) fn draw_op(
    u: &mut Unstructured<'_>,
    kind: Kind,
    setup: &Setup,
    profile: &Profile,
    draft: &mut Draft,
) -> arbitrary::Result<Op> {
    let now = Rc::clone(draft.attachment.get_or_insert_with(|| Rc::new(setup.attachment.clone())));
    let scene = Scene { setup, profile, now };
    let op = scene.draw(u, kind, draft)?;
    draft.spent_bytes += json_bytes(&op);
    Ok(op)
}

/// The length of an op as JSON, roughly: what is long in it are bytes, as hex, and key lines.
fn json_bytes(op: &Op) -> usize {
    let key_bytes = |key: &Key| match key {
        Key::Bytes { bytes } => 2 * bytes.0.len(),
        Key::Lines { lines } => lines.iter().map(|line| line.len() + 3).sum(),
    };
    100 + match op {
        Op::Write { data, then, .. } => {
            2 * (data.0.len() + then.as_ref().map_or(0, |then| then.0.len()))
        }
        Op::Reopen { change } | Op::Attach { change } => {
            200 + change.key.as_ref().map_or(0, key_bytes)
        }
        Op::CryptUnit { key, data, .. } => 200 + key_bytes(key) + 2 * data.0.len(),
        _ => 0,
    }
}

/// The kinds of op that can be long.
const LONG: &[Kind] = &[Kind::Write, Kind::Reopen, Kind::Attach, Kind::CryptUnit];

/// What is fixed while one op is drawn.
struct Scene<'a> {
    setup: &'a Setup,
    profile: &'a Profile,
    now: Rc<Attachment>,
}

impl Scene<'_> {
    fn draw(
        &self,
        u: &mut Unstructured<'_>,
        kind: Kind,
        draft: &mut Draft,
    ) -> arbitrary::Result<Op> {
        let profile = self.profile;
        match kind {
            _ if draft.spent_bytes > SPENT_BYTES && LONG.contains(&kind) => {
                self.draw_read(u, draft)
            }
            Kind::Read => self.draw_read(u, draft),
            Kind::SetBlockSize if profile.block_size => {
                Ok(Op::SetBlockSize { bytes: draw_block_bytes(u)? })
            }
            Kind::Show if profile.image => self.draw_show(u, draft),
            Kind::Flip if profile.flips => self.draw_flip(u, draft),
            Kind::Reopen => self.draw_reopen(u, draft),
            Kind::Attach => self.draw_attach(u),
            Kind::Register if profile.transfers => {
                let slot = u.arbitrary::<u8>()? % SLOTS;
                draft.slots |= 1 << slot;
                Ok(Op::Register { slot })
            }
            Kind::Unregister if profile.transfers => {
                let tag: u8 = u.arbitrary()?;
                let in_use = match self.now.transform {
                    Transform::Registered { slot } => Some(slot),
                    _ => None,
                };
                let slot = in_use.filter(|_| tag & 0x80 != 0).unwrap_or(tag % SLOTS);
                if in_use != Some(slot) {
                    draft.slots &= !(1 << slot);
                }
                Ok(Op::Unregister { slot })
            }
            Kind::CryptUnit if profile.crypt_unit => match self.draw_crypt_unit(u, draft)? {
                Some(op) => Ok(op),
                None => self.draw_write(u, draft),
            },
            _ => self.draw_write(u, draft),
        }
    }

    fn unit_sectors(&self) -> u64 {
        u64::from(self.now.transform.unit_bytes()) / 512
    }

    /// The device's windows: their first sectors and lengths.
    fn windows(&self) -> [(u64, u64); 2] {
        let room = self.setup.backing_bytes.saturating_sub(self.now.offset_bytes);
        let limit = self.now.size_limit_bytes;
        let sectors = if limit == 0 { room } else { limit.min(room) } / 512;
        let near = (0, sectors.min(MOST_SECTORS));
        match self.setup.far {
            Some(Sector(far)) if far < sectors => [near, (far, (sectors - far).min(MOST_SECTORS))],
            _ => [near, near],
        }
    }

    /// A place of some units inside a window: its first sector and its sectors.
    fn draw_place(&self, u: &mut Unstructured<'_>) -> arbitrary::Result<(u64, u64)> {
        let tag: u8 = u.arbitrary()?;
        let (start, length) = self.windows()[usize::from(tag >> 7)];
        let step = self.unit_sectors();
        let units = (length / step).max(1);
        let first = u64::from(tag & 0x7f) % units;
        // Mostly a few units; with small ones, now and then many.
        let span = match pick(u, 16)? {
            0 if step == 1 => pick(u, 32)?,
            few => few.min(3),
        };
        let span = 1 + span % (units - first).max(1);
        let (mut sector, mut sectors) = (start + first * step, span * step);
        let partial = self.profile.partial_requests == PartialRequests::ReadModifyWrite;
        if step > 1 && chance(u, if partial { 3 } else { 24 })? {
            let skip = pick(u, step)?;
            sector += skip;
            sectors = 1 + pick(u, (sectors - skip).max(1))?;
        }
        if chance(u, 24)? {
            // At, over or past the end.
            sector = (start + length).saturating_sub(step * pick(u, 3)?);
            sectors = step * (1 + pick(u, 3)?);
        }
        Ok((sector, sectors.clamp(1, MOST_SECTORS)))
    }

    fn draw_cuts(&self, u: &mut Unstructured<'_>, sectors: u64) -> arbitrary::Result<Vec<u32>> {
        let tag: u8 = u.arbitrary()?;
        let rmw = self.profile.partial_requests == PartialRequests::ReadModifyWrite;
        let loose = if rmw { tag & 4 != 0 } else { tag & 0xfc == 0xfc };
        let step = if loose { 1 } else { self.unit_sectors() };
        let slots = sectors.div_ceil(step).saturating_sub(1);
        let count = if tag & 8 == 0 { 0 } else { u64::from(tag & 3) };
        let mut cuts = Vec::new();
        for _ in 0..count.min(slots) {
            cuts.push(small_u32((1 + pick(u, slots)?) * step * 512));
        }
        cuts.sort_unstable();
        cuts.dedup();
        Ok(cuts)
    }

    fn draw_write(&self, u: &mut Unstructured<'_>, draft: &mut Draft) -> arbitrary::Result<Op> {
        let flavour: u8 = u.arbitrary()?;
        let old = match draft.past.len() {
            0 => None,
            many => Some(draft.past[usize::from(flavour >> 4) % many].clone()),
        };
        let (sector, data) = match (flavour & 15, old) {
            (8..=10, Some(old)) => (self.echo_sector(&old), old.data),
            (11..=12, Some(old)) => {
                let mut data = old.data.clone();
                let at = usize::from(u.arbitrary::<u16>()?) % data.len();
                data[at] ^= u.arbitrary::<u8>()? | 1;
                (self.echo_sector(&old), data)
            }
            (13, Some(old)) => self.draw_watermark(u, &old)?,
            (14, Some(old)) => (self.draw_place(u)?.0, old.data),
            _ => {
                let (sector, sectors) = self.draw_place(u)?;
                (sector, draw_data(u, sectors, self.unit_sectors())?)
            }
        };
        let sectors = data.len() as u64 / 512;
        let cuts = self.draw_cuts(u, sectors)?;
        let segments = draw_segments(u, data.len())?;
        let twice = data.len() <= 4096 && chance(u, 24)?;
        let then = if twice { Some(Bytes(fill(u.arbitrary()?, data.len()))) } else { None };
        let n = self.undivided_n(sector);
        if draft.past.len() == PAST_WRITES {
            draft.past.remove(0);
        }
        draft.past.push(Past { n, sector, data: data.clone() });
        draft.touched = Some((self.backing_sector(sector), sectors));
        Ok(Op::Write { sector: Sector(sector), data: Bytes(data), cuts, segments, then })
    }

    /// Where the device as it is now has the *n* of an old write; its own sector where it has not.
    fn echo_sector(&self, old: &Past) -> u64 {
        let sector = old.n.wrapping_sub(self.undivided_n(0));
        let inside = self.windows().iter().any(|(start, length)| {
            sector >= *start
                && sector - *start < *length
                && sector.is_multiple_of(self.unit_sectors())
        });
        if inside { sector } else { old.sector }
    }

    /// An old write at another place, its first blocks changed by what two public IVs differ by.
    fn draw_watermark(
        &self,
        u: &mut Unstructured<'_>,
        old: &Past,
    ) -> arbitrary::Result<(u64, Vec<u8>)> {
        let sector = self.draw_place(u)?.0;
        let from = self.echo_sector(old);
        let schemes = PUBLIC_IVS;
        let iv = schemes[usize::from(u.arbitrary::<u8>()?) % schemes.len()];
        let iv = self.now.transform.iv().filter(|own| schemes.contains(own)).unwrap_or(iv);
        let unit_bytes = self.now.transform.unit_bytes();
        let mut data = old.data.clone();
        for (index, unit) in data.chunks_mut(unit_bytes as usize).enumerate() {
            let skip = index as u64 * self.unit_sectors();
            let [one, other] = [from + skip, sector + skip]
                .map(|sector| public_iv(iv, n_of(&self.now, Sector(sector)), unit_bytes));
            if let (Some(one), Some(other)) = (one, other) {
                for (byte, (one, other)) in unit.iter_mut().zip(one.iter().zip(other)) {
                    *byte ^= one ^ other;
                }
            }
        }
        Ok((sector, data))
    }

    fn undivided_n(&self, sector: u64) -> u64 {
        self.now.first.wrapping_add(sector).wrapping_add(self.now.offset_bytes / 512)
    }

    fn backing_sector(&self, sector: u64) -> u64 {
        sector.saturating_add(self.now.offset_bytes / 512)
    }

    fn draw_read(&self, u: &mut Unstructured<'_>, draft: &Draft) -> arbitrary::Result<Op> {
        let tag: u8 = u.arbitrary()?;
        let (sector, sectors) = match draft.past.len() {
            many if many > 0 && tag & 3 != 0 => {
                let old = &draft.past[usize::from(tag >> 2) % many];
                (self.echo_sector(old), old.data.len() as u64 / 512)
            }
            _ => self.draw_place(u)?,
        };
        let cuts = self.draw_cuts(u, sectors)?;
        let segments = draw_segments(u, small_usize(sectors * 512))?;
        Ok(Op::Read { sector: Sector(sector), sectors: small_u32(sectors), cuts, segments })
    }

    fn draw_show(&self, u: &mut Unstructured<'_>, draft: &Draft) -> arbitrary::Result<Op> {
        let tag: u8 = u.arbitrary()?;
        let unit = self.unit_sectors();
        let (start, length) = match draft.touched {
            Some((start, length)) if tag & 3 != 0 => {
                (start.saturating_sub(unit), length + 2 * unit)
            }
            _ => {
                let (start, length) = self.windows()[usize::from(tag >> 7)];
                (self.backing_sector(start), length)
            }
        };
        let end = self.setup.backing_bytes / 512;
        let start = start.min(end.saturating_sub(1));
        let sectors = length.min(end - start).clamp(1, MOST_SECTORS);
        Ok(Op::Show { sector: Sector(start), sectors: small_u32(sectors) })
    }

    fn draw_flip(&self, u: &mut Unstructured<'_>, draft: &mut Draft) -> arbitrary::Result<Op> {
        let (start, sectors) = draft.touched.unwrap_or((self.now.offset_bytes / 512, 1));
        let at = u64::from(u.arbitrary::<u16>()?) % (sectors * 512);
        let byte = (start * 512 + at).min(self.setup.backing_bytes - 1);
        draft.touched = Some((byte / 512, 1));
        Ok(Op::Flip { byte, bit: u.arbitrary::<u8>()? & 7 })
    }

    fn draw_reopen(&self, u: &mut Unstructured<'_>, draft: &mut Draft) -> arbitrary::Result<Op> {
        let mut change = self.draw_change(u, draft)?;
        let after = change.of(&self.now);
        let empty_slot = matches!(after.transform, Transform::Registered { slot }
            if draft.slots & (1 << slot) == 0);
        if empty_slot || misfit(self.profile, self.setup.backing_bytes, &after).is_some() {
            change = Change::default();
        }
        draft.attachment = Some(Rc::new(change.of(&self.now)));
        Ok(Op::Reopen { change })
    }

    /// A change that mostly fits.
    fn draw_change(&self, u: &mut Unstructured<'_>, draft: &Draft) -> arbitrary::Result<Change> {
        let (profile, now) = (self.profile, &self.now);
        let unit = u64::from(now.transform.unit_bytes());
        let mut change = Change::default();
        match u.arbitrary::<u8>()? % 12 {
            1 | 2 => change.key = Some(key_of(&now.transform, profile, u.arbitrary()?)),
            3 if profile.block_size => change.block_bytes = Some(draw_block_bytes(u)?),
            4 | 5 if profile.offsets => {
                let offset = pick(u, 5)? * if now.size_limit_bytes == 0 { unit } else { 512 };
                let offset = offset + now.offset_bytes / FAR_OFFSET_BYTES * FAR_OFFSET_BYTES;
                change.offset_bytes = Some(offset);
                if profile.first && chance(u, 2)? {
                    let moved = now.offset_bytes / 512;
                    change.first = Some(now.first.wrapping_add(moved).wrapping_sub(offset / 512));
                }
                if now.size_limit_bytes != 0 {
                    let room = self.setup.backing_bytes.saturating_sub(offset) / unit * unit;
                    change.size_limit_bytes = Some(now.size_limit_bytes.min(room));
                }
            }
            6 if profile.first => change.first = Some(draw_first(u, &now.transform)?),
            7 if profile.first => {
                let distances = [1, 8, 1 << 8, 1 << 16, 1 << 32, 1 << 52, 1 << 55, 1 << 59];
                let distance: u64 = distances[usize::from(u.arbitrary::<u8>()? % 8)];
                let step = if now.transform.large_sectors() { self.unit_sectors() } else { 1 };
                change.first = Some(now.first.wrapping_add(distance.wrapping_mul(step)));
            }
            8 if profile.size_limit => {
                let room = self.setup.backing_bytes.saturating_sub(now.offset_bytes) / unit;
                change.size_limit_bytes = Some(room.saturating_sub(pick(u, 3)?) * unit);
            }
            9 if profile.read_only => change.read_only = Some(!now.read_only),
            0 if draft.slots != 0 => {
                let slot = u.arbitrary::<u8>()? % SLOTS;
                change.transform = Some(Transform::Registered { slot });
                change.key = Some(Key::empty());
            }
            10 => {
                let transform = draw_transform(u, profile)?;
                change.transform = Some(transform);
                change.key = Some(key_of(&transform, profile, u.arbitrary()?));
            }
            11 => change = self.back_to_setup(),
            _ => {}
        }
        if now.read_only && chance(u, 2)? {
            change.read_only = Some(false);
        }
        Ok(change)
    }

    fn back_to_setup(&self) -> Change {
        let before = self.setup.attachment.clone();
        Change {
            transform: Some(before.transform),
            key: Some(before.key),
            offset_bytes: Some(before.offset_bytes),
            first: Some(before.first),
            size_limit_bytes: Some(before.size_limit_bytes),
            read_only: Some(before.read_only),
            block_bytes: None,
        }
    }

    /// A change that mostly does not fit, of what the profile says can be changed.
    fn draw_attach(&self, u: &mut Unstructured<'_>) -> arbitrary::Result<Op> {
        let (profile, now) = (self.profile, &self.now);
        let unit = u64::from(now.transform.unit_bytes());
        let backing = self.setup.backing_bytes;
        let mut change = Change::default();
        match u.arbitrary::<u8>()? % 14 {
            0 if profile.offsets => {
                change.offset_bytes = Some(now.offset_bytes + 1 + pick(u, 511)?);
            }
            1 if profile.offsets => change.offset_bytes = Some(now.offset_bytes + 256),
            2 if profile.offsets => change.offset_bytes = Some(backing + 512 * pick(u, 3)?),
            3 if profile.offsets => change.offset_bytes = Some(now.offset_bytes + 512),
            4 if profile.first => change.first = Some(now.first.wrapping_add(1)),
            5 => change.key = Some(misfit_key(&now.key, u.arbitrary()?)),
            6 => change.key = equal_halves(&now.transform, u.arbitrary()?),
            7 | 8 => {
                let bytes =
                    [32 << 20, (16 << 20) + 4096, 8192, 256][usize::from(u.arbitrary::<u8>()? & 3)];
                change.transform = now.transform.with_unit(bytes);
                if profile.size_limit && change.transform.is_some() {
                    // Whole units, so that the length alone is no reason to refuse.
                    change.size_limit_bytes = Some(u64::from(bytes));
                }
            }
            9 => change.transform = now.transform.without_iv(),
            10 if profile.size_limit => {
                change.size_limit_bytes = Some(unit + 1 + pick(u, unit - 1)?);
            }
            11 if profile.size_limit => {
                let room = backing - now.offset_bytes;
                change.size_limit_bytes = Some(room / unit * unit + unit * (1 + pick(u, 2)?));
            }
            12 if profile.size_limit => change.size_limit_bytes = Some(unit),
            13 if profile.first => change.first = Some(draw_first(u, &now.transform)?),
            _ => {}
        }
        Ok(Op::Attach { change })
    }

    /// A unit by itself; `None` where nothing that the profile offers has units.
    fn draw_crypt_unit(
        &self,
        u: &mut Unstructured<'_>,
        draft: &Draft,
    ) -> arbitrary::Result<Option<Op>> {
        let tag: u8 = u.arbitrary()?;
        if tag & 0x70 == 0x70 {
            let vector = pick(u, IEEE_1619.len() as u64)?;
            let vector = &IEEE_1619[small_usize(vector)];
            let op = vector_transform(self.profile, vector)
                .map(|transform| vector_op(vector, transform, direction_of(tag)));
            return Ok(op.filter(|op| check_op(self.profile, self.setup, &self.now, op).is_ok()));
        }
        let same = tag & 1 == 0;
        let transform = if same { self.now.transform } else { draw_transform(u, self.profile)? };
        let Transform::Cipher { cipher, iv, unit_bytes, .. } = transform else {
            return Ok(None);
        };
        if iv == Some(Iv::Block) {
            return Ok(None);
        }
        let mut key =
            if same { self.now.key.clone() } else { key_of(&transform, self.profile, tag) };
        if tag & 0xf0 == 0xf0 {
            key = equal_halves(&transform, tag).unwrap_or(key);
        }
        let (n, data) = match draft.past.first() {
            Some(old) if same && tag & 2 == 0 => {
                let at = pick(u, (old.data.len() as u64 / u64::from(unit_bytes)).max(1))?;
                let n = n_of(&self.now, Sector(old.sector.wrapping_add(at * self.unit_sectors())));
                let from = small_usize(at * u64::from(unit_bytes));
                let end = (from + unit_bytes as usize).min(old.data.len());
                (n, old.data[from..end].to_vec())
            }
            _ => {
                let steal = self.profile.partial_units && cipher == Cipher::AesXts && tag & 4 != 0;
                let bytes = match steal {
                    true => 16 + pick(u, 64)?,
                    false => u64::from(unit_bytes),
                };
                (hug(u)?, fill(u.arbitrary()?, small_usize(bytes)))
            }
        };
        let direction = direction_of(tag);
        Ok(Some(Op::CryptUnit { direction, transform, key, n, data: Bytes(data) }))
    }
}

impl Transform {
    fn with_unit(self, bytes: u32) -> Option<Transform> {
        match self {
            Transform::Cipher { cipher, key_bits, iv, large_sectors, .. } => {
                Some(Transform::Cipher { cipher, key_bits, iv, unit_bytes: bytes, large_sectors })
            }
            _ => None,
        }
    }

    fn without_iv(self) -> Option<Transform> {
        match self {
            Transform::Cipher { cipher, key_bits, unit_bytes, large_sectors, .. } => {
                let iv = None;
                Some(Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors })
            }
            _ => None,
        }
    }
}

fn direction_of(tag: u8) -> Direction {
    if tag & 8 == 0 { Direction::Encrypt } else { Direction::Decrypt }
}

fn chance(u: &mut Unstructured<'_>, one_in: u8) -> arbitrary::Result<bool> {
    Ok(u.arbitrary::<u8>()? % one_in == one_in - 1)
}

fn pick(u: &mut Unstructured<'_>, below: u64) -> arbitrary::Result<u64> {
    Ok(u64::from(u.arbitrary::<u8>()?) % below.max(1))
}

pub(super) fn small_u32(value: u64) -> u32 {
    u32::try_from(value).expect("the sizes of a case are small")
}

pub(super) fn small_usize(value: u64) -> usize {
    usize::try_from(value).expect("the sizes of a case are small")
}

fn draw_block_bytes(u: &mut Unstructured<'_>) -> arbitrary::Result<u32> {
    Ok(512 << (u.arbitrary::<u8>()? & 3))
}

fn draw_first(u: &mut Unstructured<'_>, transform: &Transform) -> arbitrary::Result<u64> {
    let first = hug(u)?;
    let step = if transform.large_sectors() { u64::from(transform.unit_bytes()) / 512 } else { 1 };
    Ok(first / step * step)
}

fn draw_transform(u: &mut Unstructured<'_>, profile: &Profile) -> arbitrary::Result<Transform> {
    let (tag, sizes): (u8, u8) = (u.arbitrary()?, u.arbitrary()?);
    // Four shares for each offer, and fewer for those whose keys take long to make.
    let shares = profile.ciphers.iter().flat_map(|offer| {
        let lines = offer.iv.map_or(0, Iv::key_lines);
        std::iter::repeat_n(offer, if lines > 1 { 2 } else { 4 })
    });
    let ciphers = shares.clone().count();
    let total = ciphers + 2 * usize::from(profile.xor) + usize::from(profile.none);
    let choice = usize::from(tag) % total.max(1);
    let Some(offer) = shares.clone().nth(choice) else {
        let xor = profile.xor && choice < ciphers + 2;
        return Ok(if xor { Transform::Xor {} } else { Transform::None {} });
    };
    let sizes = usize::from(sizes);
    // Half of the units are of the first size: the small ones make short cases.
    let units = &offer.unit_bytes;
    let unit_bytes = if sizes & 1 == 0 { units[0] } else { units[(sizes >> 1) % units.len()] };
    Ok(Transform::Cipher {
        cipher: offer.cipher,
        key_bits: offer.key_bits[(sizes >> 4) % offer.key_bits.len()],
        iv: offer.iv,
        unit_bytes,
        large_sectors: offer.large_sectors && unit_bytes > 512 && sizes & 8 != 0,
    })
}

/// One of four keys of a transform: the same tag gives the same key. The last XTS key has equal
/// halves where those are accepted.
pub(super) fn key_of(transform: &Transform, profile: &Profile, tag: u8) -> Key {
    let tag = tag & 3;
    let bytes = |count: usize| Key::Bytes { bytes: Bytes(fill(0x40 + tag, count)) };
    match *transform {
        Transform::None {} | Transform::Registered { .. } => Key::empty(),
        Transform::Xor {} => bytes([1, 7, 16, 32][usize::from(tag)]),
        Transform::Cipher { key_bits, iv, .. } => match iv.map_or(0, Iv::key_lines) {
            0 if tag == 3 && profile.equal_halves == EqualHalves::Accepted => {
                equal_halves(transform, tag).unwrap_or_else(|| bytes(usize::from(key_bits / 8)))
            }
            0 => bytes(usize::from(key_bits / 8)),
            count => Key::Lines {
                lines: (1..=count)
                    .map(|line| format!("key {tag} of the case, line {line:02}"))
                    .collect(),
            },
        },
    }
}

fn misfit_key(key: &Key, tag: u8) -> Key {
    match key {
        Key::Bytes { bytes } => {
            let mut bytes = bytes.0.clone();
            if tag & 1 == 0 || bytes.is_empty() {
                bytes.push(tag);
            } else {
                bytes.truncate(bytes.len() / 2);
            }
            Key::Bytes { bytes: Bytes(bytes) }
        }
        Key::Lines { lines } => {
            let keep = if tag & 1 == 0 { lines.len() / 2 } else { lines.len() - 1 };
            Key::Lines { lines: lines[..keep].to_vec() }
        }
    }
}

/// An XTS key whose halves are equal; `None` for other ciphers.
fn equal_halves(transform: &Transform, tag: u8) -> Option<Key> {
    match *transform {
        Transform::Cipher { cipher: Cipher::AesXts, key_bits, .. } => {
            let half = fill(0x50 + (tag & 3), usize::from(key_bits / 16));
            Some(Key::Bytes { bytes: Bytes([half.clone(), half].concat()) })
        }
        _ => None,
    }
}

/// Bytes that a tag stands for: zeroes, ones, or noise that repeats nowhere.
pub(super) fn fill(tag: u8, bytes: usize) -> Vec<u8> {
    match tag {
        0 => vec![0; bytes],
        1 => vec![0xff; bytes],
        _ => {
            let mut state = u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut data = Vec::with_capacity(bytes + 8);
            while data.len() < bytes {
                // xorshift64: any noise would do.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                data.extend_from_slice(&state.to_le_bytes());
            }
            data.truncate(bytes);
            data
        }
    }
}

/// Data of which units are often equal, to each other and to those of other writes.
fn draw_data(u: &mut Unstructured<'_>, sectors: u64, unit: u64) -> arbitrary::Result<Vec<u8>> {
    let tag: u8 = u.arbitrary()?;
    let same = tag & 8 == 0;
    let mut data = Vec::with_capacity(small_usize(sectors * 512));
    for index in 0..sectors.div_ceil(unit) {
        let bytes = small_usize((sectors - index * unit).min(unit) * 512);
        let step = if same { 0 } else { u8::try_from(index & 7).expect("masked") };
        data.extend(fill(tag.wrapping_add(step) & 7, bytes));
    }
    Ok(data)
}

fn draw_segments(u: &mut Unstructured<'_>, bytes: usize) -> arbitrary::Result<Vec<u32>> {
    let tag: u8 = u.arbitrary()?;
    let count = if tag & 0x30 == 0 { usize::from(tag & 3) } else { 0 };
    let mut segments = Vec::new();
    for _ in 0..count {
        let at = 1 + usize::from(u.arbitrary::<u16>()?) % (bytes - 1);
        let at = if tag & 4 == 0 { at } else { (at / 16 * 16).max(16) };
        segments.push(small_u32(at as u64));
    }
    segments.sort_unstable();
    segments.dedup();
    Ok(segments)
}
