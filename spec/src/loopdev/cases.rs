//! What a case asks: the world, the ops, how both are drawn from bytes, how they get simpler, and
//! the exhaustive small tier.
//!
//! It does not know what the right answer is.

use std::fmt;
use std::rc::Rc;

use arbitrary::Unstructured;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contract::{Direction, EqualHalves, Offer, PartialRequests, Profile};
use super::formulas::{n_of, public_iv};
use super::model::misfit;
use super::{Attachment, Cipher, IEEE_1619, Iv, Key, Loopdev, Sector, Transform, Vector};
use crate::core::{Bytes, Case, KindOf, hug};

/// The most sectors of a window, of a request and of a look at the image.
const MOST_SECTORS: u64 = 128;
/// The most ops of a case.
const MOST_OPS: usize = 1_000_000;
/// An offset that takes more than 32 bits, and is whole units.
const FAR_OFFSET_BYTES: u64 = 1 << 32;
/// A case takes at most 64 KiB as JSON: from so many bytes of it on, it only looks.
const SPENT_BYTES: usize = 24 << 10;
/// The sectors of all windows lie below this one, so that no byte number overflows.
const SECTORS_END: u64 = 1 << 53;

/// The world of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The length of the backing, which starts as zeroes.
    pub backing_bytes: u64,
    /// How the device is attached at first. It fits.
    pub attachment: Attachment,
    /// Where a second window of the device begins, far from the first, for ops to be drawn in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far: Option<Sector>,
}

/// One thing that a case asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// Writes whole sectors.
    Write {
        /// The first sector.
        sector: Sector,
        /// The bytes.
        data: Bytes,
        /// Where one request ends and the next begins, in bytes of `data`: whole sectors.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        cuts: Vec<u32>,
        /// Where the memory of a request goes on elsewhere, in bytes of `data`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        segments: Vec<u32>,
        /// What the memory holds when it is fetched a second time; as `data` where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        then: Option<Bytes>,
    },
    /// Reads whole sectors.
    Read {
        /// The first sector.
        sector: Sector,
        /// How many.
        sectors: u32,
        /// Where one request ends and the next begins, in bytes: whole sectors.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        cuts: Vec<u32>,
        /// Where the memory of a request goes on elsewhere, in bytes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        segments: Vec<u32>,
    },
    /// The hosting filesystem changes its block size.
    SetBlockSize {
        /// The new size: a power of two from 512 to 4096.
        bytes: u32,
    },
    /// Shows raw sectors of the backing.
    Show {
        /// The first sector, of the backing.
        sector: Sector,
        /// How many.
        sectors: u32,
    },
    /// Flips a bit of the backing.
    Flip {
        /// The byte, of the backing.
        byte: u64,
        /// The bit: 0 to 7.
        bit: u8,
    },
    /// Detaches the device and attaches it anew; as before when that is refused.
    Reopen {
        /// What is different.
        change: Change,
    },
    /// Tries an attachment, and attaches as before.
    Attach {
        /// What is different.
        change: Change,
    },
    /// Adds a transfer.
    Register {
        /// Under this slot: skipped when it is full.
        slot: u8,
    },
    /// Removes a transfer.
    Unregister {
        /// From this slot: skipped when it is empty.
        slot: u8,
    },
    /// Transforms one unit by itself.
    CryptUnit {
        /// Which way.
        direction: Direction,
        /// The transform; its unit size does not limit `data`.
        transform: Transform,
        /// The key.
        key: Key,
        /// The number that the IV is made of.
        n: u64,
        /// The bytes: at least 16.
        data: Bytes,
    },
}

/// What is different from the attachment before; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Another transform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
    /// Another key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Another offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_bytes: Option<u64>,
    /// Another first number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Another limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_limit_bytes: Option<u64>,
    /// Read-only, or no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Another block size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_bytes: Option<u32>,
}

impl Change {
    /// The attachment after the change.
    pub fn of(&self, before: &Attachment) -> Attachment {
        Attachment {
            transform: self.transform.unwrap_or(before.transform),
            key: self.key.clone().unwrap_or_else(|| before.key.clone()),
            offset_bytes: self.offset_bytes.unwrap_or(before.offset_bytes),
            first: self.first.unwrap_or(before.first),
            size_limit_bytes: self.size_limit_bytes.unwrap_or(before.size_limit_bytes),
            read_only: self.read_only.unwrap_or(before.read_only),
            block_bytes: self.block_bytes.unwrap_or(before.block_bytes),
        }
    }
}

/// The kinds of op.
#[allow(missing_docs, reason = "each is the op of its name")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Write,
    Read,
    SetBlockSize,
    Show,
    Flip,
    Reopen,
    Attach,
    Register,
    Unregister,
    CryptUnit,
}

pub(super) const KINDS: &[KindOf<Kind>] = &[
    KindOf { kind: Kind::Write, name: "write", weight: 66, producer: true },
    KindOf { kind: Kind::Read, name: "read", weight: 50, producer: true },
    KindOf { kind: Kind::Show, name: "show", weight: 50, producer: true },
    KindOf { kind: Kind::SetBlockSize, name: "set_block_size", weight: 18, producer: false },
    KindOf { kind: Kind::Flip, name: "flip", weight: 10, producer: false },
    KindOf { kind: Kind::Reopen, name: "reopen", weight: 24, producer: false },
    KindOf { kind: Kind::Attach, name: "attach", weight: 10, producer: false },
    KindOf { kind: Kind::Register, name: "register", weight: 6, producer: false },
    KindOf { kind: Kind::Unregister, name: "unregister", weight: 6, producer: false },
    KindOf { kind: Kind::CryptUnit, name: "crypt_unit", weight: 14, producer: false },
];

impl Op {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Op::Write { .. } => Kind::Write,
            Op::Read { .. } => Kind::Read,
            Op::SetBlockSize { .. } => Kind::SetBlockSize,
            Op::Show { .. } => Kind::Show,
            Op::Flip { .. } => Kind::Flip,
            Op::Reopen { .. } => Kind::Reopen,
            Op::Attach { .. } => Kind::Attach,
            Op::Register { .. } => Kind::Register,
            Op::Unregister { .. } => Kind::Unregister,
            Op::CryptUnit { .. } => Kind::CryptUnit,
        }
    }
}

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
pub(super) fn draw_setup(u: &mut Unstructured<'_>, profile: &Profile) -> arbitrary::Result<Setup> {
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
pub(super) fn draw_op(
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
        let schemes = super::model::PUBLIC_IVS;
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

fn small_u32(value: u64) -> u32 {
    u32::try_from(value).expect("the sizes of a case are small")
}

fn small_usize(value: u64) -> usize {
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
fn key_of(transform: &Transform, profile: &Profile, tag: u8) -> Key {
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
fn fill(tag: u8, bytes: usize) -> Vec<u8> {
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

/// Whether a case is one for an implementation with this profile.
pub(super) fn admits(profile: &Profile, case: &Case<Loopdev>) -> Result<(), String> {
    if case.ops.len() > MOST_OPS {
        return Err(format!("expected at most {MOST_OPS} ops, found {}", case.ops.len()));
    }
    profile.check()?;
    let setup = &case.setup;
    check_setup(profile, setup).map_err(|why| format!("setup: {why}"))?;
    let mut now = setup.attachment.clone();
    for (index, op) in case.ops.iter().enumerate() {
        check_op(profile, setup, &now, op).map_err(|why| format!("op {index}: {why}"))?;
        if let Op::Reopen { change } = op {
            now = change.of(&now);
        }
    }
    Ok(())
}

fn check_setup(profile: &Profile, setup: &Setup) -> Result<(), String> {
    if setup.backing_bytes > SECTORS_END * 512 {
        return Err(format!(
            "expected a backing of at most {} bytes, found {}",
            SECTORS_END * 512,
            setup.backing_bytes
        ));
    }
    if let Some(far) = setup.far {
        needs(profile.far, "a far window")?;
        expect_at_most("a far window from sector", far.0, SECTORS_END)?;
    }
    if !matches!(setup.attachment.transform, Transform::Cipher { .. })
        && !profile.offers(&setup.attachment.transform)
    {
        return Err(format!("the transform {} is not offered", setup.attachment.transform));
    }
    if matches!(setup.attachment.transform, Transform::Registered { .. }) {
        return Err("a transfer can't be registered before the first op".into());
    }
    check_attachment(profile, &setup.attachment, &Change::default())?;
    match misfit(profile, setup.backing_bytes, &setup.attachment) {
        None => Ok(()),
        Some(error) => Err(format!("the attachment must fit, but: {error}")),
    }
}

fn check_attachment(profile: &Profile, to: &Attachment, change: &Change) -> Result<(), String> {
    if to.offset_bytes != 0 {
        needs(profile.offsets, "an offset")?;
    }
    if to.first != 0 {
        needs(profile.first, "a first number")?;
    }
    if to.size_limit_bytes != 0 {
        needs(profile.size_limit, "a size limit")?;
    }
    if to.read_only {
        needs(profile.read_only, "read-only")?;
    }
    if change.block_bytes.is_some() {
        needs(profile.block_size, "another block size")?;
    }
    expect_block_bytes(to.block_bytes)
}

fn check_op(profile: &Profile, setup: &Setup, now: &Attachment, op: &Op) -> Result<(), String> {
    match op {
        Op::Write { sector, data, cuts, segments, then } => {
            check_request(*sector, data.0.len() as u64, cuts, segments)?;
            match then {
                Some(then) if then.0.len() != data.0.len() => Err(format!(
                    "expected `then` to be as long as `data`, {} bytes, found {}",
                    data.0.len(),
                    then.0.len()
                )),
                _ => Ok(()),
            }
        }
        Op::Read { sector, sectors, cuts, segments } => {
            check_request(*sector, u64::from(*sectors) * 512, cuts, segments)
        }
        Op::SetBlockSize { bytes } => {
            needs(profile.block_size, "another block size")?;
            expect_block_bytes(*bytes)
        }
        Op::Show { sector, sectors } => {
            needs(profile.image, "a look at the image")?;
            check_request(*sector, u64::from(*sectors) * 512, &[], &[])?;
            let end = setup.backing_bytes / 512;
            expect_at_most("a look up to sector", sector.0 + u64::from(*sectors), end)
        }
        Op::Flip { byte, bit } => {
            needs(profile.flips, "damage of the image")?;
            expect_at_most("bit", u64::from(*bit), 7)?;
            expect_at_most("byte", *byte, setup.backing_bytes.saturating_sub(1))
        }
        Op::Reopen { change } | Op::Attach { change } => {
            let to = change.of(now);
            if matches!(to.transform, Transform::Registered { .. }) {
                needs(profile.transfers, "a registered transfer")?;
            }
            check_attachment(profile, &to, change)
        }
        Op::Register { .. } | Op::Unregister { .. } => {
            needs(profile.transfers, "a registered transfer")
        }
        Op::CryptUnit { transform, data, .. } => check_unit(profile, transform, data),
    }
}

fn check_request(sector: Sector, bytes: u64, cuts: &[u32], segments: &[u32]) -> Result<(), String> {
    expect_at_most("sector", sector.0, SECTORS_END)?;
    if bytes == 0 || !bytes.is_multiple_of(512) || bytes > MOST_SECTORS * 512 {
        return Err(format!("expected 1 to {MOST_SECTORS} whole sectors, found {bytes} bytes"));
    }
    for (name, points, step) in [("cuts", cuts, 512), ("segments", segments, 1)] {
        let rising = points.is_sorted_by(|one, next| one < next);
        let inside = points.iter().all(|at| *at > 0 && u64::from(*at) < bytes && at % step == 0);
        if !rising || !inside {
            return Err(format!(
                "expected {name} that rise by multiples of {step} between 0 and {bytes}, \
                 found {points:?}"
            ));
        }
    }
    Ok(())
}

fn check_unit(profile: &Profile, transform: &Transform, data: &Bytes) -> Result<(), String> {
    needs(profile.crypt_unit, "a unit by itself")?;
    let Transform::Cipher { cipher, iv, .. } = transform else {
        return Err(format!("expected a cipher, found {transform}"));
    };
    if !profile.offers(transform) || *iv == Some(Iv::Block) {
        return Err(format!("expected a cipher that is offered and has units, found {transform}"));
    }
    let bytes = data.0.len();
    let loop_aes = iv.is_some_and(|iv| iv.key_lines() > 0);
    let fits = match cipher {
        _ if loop_aes => bytes == 512,
        Cipher::AesXts if profile.partial_units => bytes >= 16,
        _ => bytes >= 16 && bytes.is_multiple_of(16),
    };
    if !fits || bytes as u64 > MOST_SECTORS * 512 {
        return Err(format!("expected the bytes of a unit of {transform}, found {bytes}"));
    }
    Ok(())
}

fn needs(able: bool, what: &str) -> Result<(), String> {
    if able { Ok(()) } else { Err(format!("needs {what}, which the profile lacks")) }
}

fn expect_at_most(what: &str, found: u64, most: u64) -> Result<(), String> {
    if found <= most {
        Ok(())
    } else {
        Err(format!("expected {what} at most {most}, found {found}"))
    }
}

fn expect_block_bytes(bytes: u32) -> Result<(), String> {
    match bytes {
        512 | 1024 | 2048 | 4096 => Ok(()),
        _ => Err(format!("expected a block size of 512, 1024, 2048 or 4096, found {bytes}")),
    }
}

/// Cases a little simpler than this one.
pub(super) fn simpler(case: &Case<Loopdev>) -> Vec<Case<Loopdev>> {
    let mut cases = Vec::new();
    cases.extend(begun_later(case));
    cases.extend(moved_down(case));
    for setup in simpler_setups(&case.setup) {
        cases.push(Case { setup, ops: case.ops.clone() });
    }
    for (index, op) in case.ops.iter().enumerate() {
        cases.extend(simpler_ops(op).into_iter().map(|op| {
            let mut simpler = case.clone();
            simpler.ops[index] = op;
            simpler
        }));
    }
    cases.retain(|simpler| simpler != case);
    cases
}

/// The first op made part of the world, where it only changes how the device is attached.
fn begun_later(case: &Case<Loopdev>) -> Option<Case<Loopdev>> {
    let (first, later) = case.ops.split_first()?;
    let mut setup = case.setup.clone();
    match first {
        Op::Reopen { change } => setup.attachment = change.of(&setup.attachment),
        Op::SetBlockSize { bytes } => setup.attachment.block_bytes = *bytes,
        _ => return None,
    }
    Some(Case { setup, ops: later.to_vec() })
}

/// The far window moved next to the device's start, and all sectors moved down together.
fn moved_down(case: &Case<Loopdev>) -> Vec<Case<Loopdev>> {
    let unit = u64::from(case.setup.attachment.transform.unit_bytes()) / 512;
    let start = case.setup.attachment.offset_bytes / 512;
    let places = |op: &Op| match op {
        Op::Write { sector, .. } | Op::Read { sector, .. } => Some(sector.0),
        Op::Show { sector, .. } => sector.0.checked_sub(start),
        Op::Flip { byte, .. } => (byte / 512).checked_sub(start),
        _ => None,
    };
    let mut distances = Vec::new();
    distances.extend(case.setup.far.map(|far| far.0));
    distances.extend(case.ops.iter().filter_map(places).min().map(|least| least / unit * unit));
    let mut cases = Vec::new();
    for distance in distances.into_iter().filter(|distance| *distance > 0) {
        let mut moved = case.clone();
        for op in &mut moved.ops {
            match op {
                Op::Write { sector, .. } | Op::Read { sector, .. } | Op::Show { sector, .. } => {
                    sector.0 = sector.0.saturating_sub(distance);
                }
                Op::Flip { byte, .. } => *byte = byte.saturating_sub(distance * 512),
                _ => {}
            }
        }
        cases.push(moved.clone());
        let less = |bytes: &mut u64| *bytes = bytes.saturating_sub(distance * 512);
        moved.setup.far = None;
        less(&mut moved.setup.backing_bytes);
        less(&mut moved.setup.attachment.size_limit_bytes);
        cases.insert(0, moved);
    }
    cases
}

fn simpler_setups(setup: &Setup) -> Vec<Setup> {
    let mut setups = Vec::new();
    let mut offer = |change: &dyn Fn(&mut Setup)| {
        let mut simpler = setup.clone();
        change(&mut simpler);
        if simpler != *setup {
            setups.push(simpler);
        }
    };
    let before = &setup.attachment;
    let device_bytes = setup.backing_bytes.saturating_sub(before.offset_bytes);
    let unit = u64::from(before.transform.unit_bytes());
    if let Some(far) = setup.far {
        offer(&|s| {
            s.far = None;
            s.backing_bytes = s.backing_bytes.saturating_sub(far.0 * 512);
            s.attachment.size_limit_bytes =
                s.attachment.size_limit_bytes.saturating_sub(far.0 * 512);
        });
    }
    offer(&|s| s.attachment.size_limit_bytes = 0);
    offer(&|s| {
        s.attachment.size_limit_bytes = 0;
        s.backing_bytes = s.backing_bytes.div_ceil(unit) * unit;
    });
    offer(&|s| {
        s.attachment.offset_bytes = 0;
        s.backing_bytes = device_bytes.max(unit);
    });
    offer(&|s| {
        let smaller = s.attachment.offset_bytes.min(unit);
        s.backing_bytes -= s.attachment.offset_bytes - smaller;
        s.attachment.offset_bytes = smaller;
    });
    offer(&|s| s.attachment.first = 0);
    offer(&|s| s.attachment.first = s.attachment.first.min(unit / 512));
    offer(&|s| s.attachment.read_only = false);
    offer(&|s| s.attachment.block_bytes = 512);
    if let Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors } = before.transform
    {
        if unit_bytes > 512 {
            offer(&|s| {
                s.attachment.transform = Transform::Cipher {
                    cipher,
                    key_bits,
                    iv,
                    unit_bytes: 512,
                    large_sectors: false,
                };
            });
        }
        if large_sectors {
            offer(&|s| {
                s.attachment.transform =
                    Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors: false };
            });
        }
    }
    offer(&|s| {
        if device_bytes > 2 * unit {
            s.backing_bytes = s.attachment.offset_bytes + device_bytes / 2 / unit * unit;
        }
    });
    offer(&|s| {
        // Halving comes near; only then do single units matter.
        if device_bytes > unit && device_bytes <= 64 * unit {
            s.backing_bytes -= unit;
        }
    });
    setups
}

fn simpler_ops(op: &Op) -> Vec<Op> {
    match op {
        Op::Write { sector, data, cuts, segments, then } => {
            simpler_writes(*sector, data, cuts, segments, then.as_ref())
        }
        Op::Read { sector, sectors, cuts, segments } => {
            simpler_reads(*sector, *sectors, cuts, segments)
        }
        Op::SetBlockSize { .. } | Op::Register { slot: 0 } | Op::Unregister { slot: 0 } => vec![],
        Op::Register { .. } => vec![Op::Register { slot: 0 }],
        Op::Unregister { .. } => vec![Op::Unregister { slot: 0 }],
        Op::Show { sector, sectors } => shorter(*sector, u64::from(*sectors))
            .into_iter()
            .map(|(sector, sectors)| Op::Show { sector, sectors: small_u32(sectors) })
            .collect(),
        Op::Flip { byte, bit } => [(byte / 512 * 512, 0), (*byte, 0)]
            .into_iter()
            .filter(|simpler| *simpler != (*byte, *bit))
            .map(|(byte, bit)| Op::Flip { byte, bit })
            .collect(),
        Op::Reopen { change } => {
            simpler_changes(change).into_iter().map(|change| Op::Reopen { change }).collect()
        }
        Op::Attach { change } => {
            simpler_changes(change).into_iter().map(|change| Op::Attach { change }).collect()
        }
        Op::CryptUnit { direction, transform, key, n, data } => {
            let mut ops = Vec::new();
            for n in [0, 1, n / 2].into_iter().filter(|simpler| simpler < n) {
                let (transform, key, data) = (*transform, key.clone(), data.clone());
                ops.push(Op::CryptUnit { direction: *direction, transform, key, n, data });
            }
            let bytes = data.0.len();
            let shorter = [32, bytes / 2 / 16 * 16, bytes - 16.min(bytes), bytes - 1]
                .into_iter()
                .filter(|shorter| (16..bytes).contains(shorter))
                .map(|shorter| data.0[..shorter].to_vec());
            for data in shorter.chain(plainer(&data.0)) {
                let (transform, key, n) = (*transform, key.clone(), *n);
                let data = Bytes(data);
                ops.push(Op::CryptUnit { direction: *direction, transform, key, n, data });
            }
            ops
        }
    }
}

fn simpler_writes(
    sector: Sector,
    data: &Bytes,
    cuts: &[u32],
    segments: &[u32],
    then: Option<&Bytes>,
) -> Vec<Op> {
    let write =
        |sector, data: Vec<u8>, cuts: &[u32], segments: &[u32], then: Option<Vec<u8>>| Op::Write {
            sector,
            data: Bytes(data),
            cuts: cuts.to_vec(),
            segments: segments.to_vec(),
            then: then.map(Bytes),
        };
    let (all, second) = (data.0.clone(), then.map(|then| then.0.clone()));
    let mut ops = Vec::new();
    if then.is_some() {
        ops.push(write(sector, all.clone(), cuts, segments, None));
    }
    for cuts in fewer(cuts) {
        ops.push(write(sector, all.clone(), &cuts, segments, second.clone()));
    }
    for segments in fewer(segments) {
        ops.push(write(sector, all.clone(), cuts, &segments, second.clone()));
    }
    for (start, sectors) in shorter(sector, all.len() as u64 / 512) {
        let from = small_usize(start.0.saturating_sub(sector.0) * 512);
        let range = from..from + small_usize(sectors * 512);
        let (Some(part), second) =
            (all.get(range.clone()), second.as_ref().and_then(|then| then.get(range.clone())))
        else {
            continue;
        };
        let moved = |points: &[u32]| -> Vec<u32> {
            let range = small_u32(range.start as u64)..small_u32(range.end as u64);
            let inside = points.iter().filter(|at| **at > range.start && **at < range.end);
            inside.map(|at| at - range.start).collect()
        };
        let second = second.map(<[u8]>::to_vec);
        ops.push(write(start, part.to_vec(), &moved(cuts), &moved(segments), second));
    }
    for plain in plainer(&all) {
        ops.push(write(sector, plain, cuts, segments, second.clone()));
    }
    if let Some(then) = &second {
        for plain in plainer(then) {
            ops.push(write(sector, all.clone(), cuts, segments, Some(plain)));
        }
    }
    ops
}

fn simpler_reads(sector: Sector, sectors: u32, cuts: &[u32], segments: &[u32]) -> Vec<Op> {
    let read = |sector, sectors, cuts: &[u32], segments: &[u32]| Op::Read {
        sector,
        sectors,
        cuts: cuts.to_vec(),
        segments: segments.to_vec(),
    };
    let mut ops = Vec::new();
    for cuts in fewer(cuts) {
        ops.push(read(sector, sectors, &cuts, segments));
    }
    for segments in fewer(segments) {
        ops.push(read(sector, sectors, cuts, &segments));
    }
    for (start, sectors) in shorter(sector, u64::from(sectors)) {
        let inside = |points: &[u32]| -> Vec<u32> {
            points.iter().copied().filter(|at| u64::from(*at) < sectors * 512).collect()
        };
        ops.push(read(start, small_u32(sectors), &inside(cuts), &inside(segments)));
    }
    ops
}

/// Shorter ranges inside a range, and the range moved to the front.
fn shorter(sector: Sector, sectors: u64) -> Vec<(Sector, u64)> {
    let mut ranges = Vec::new();
    for half in [sectors / 2, sectors.saturating_sub(8), sectors - 1] {
        if half > 0 && half < sectors {
            ranges.push((sector, half));
            ranges.push((Sector(sector.0 + sectors - half), half));
        }
    }
    ranges.dedup();
    if sector.0 > 0 {
        ranges.push((Sector(0), sectors));
        let less = if sector.0 > 128 { sector.0 / 2 } else { sector.0.saturating_sub(8) };
        ranges.push((Sector(less), sectors));
    }
    ranges
}

/// No points, and each left out in turn.
fn fewer(points: &[u32]) -> Vec<Vec<u32>> {
    let mut lists = Vec::new();
    if !points.is_empty() {
        lists.push(Vec::new());
    }
    if points.len() > 1 {
        for index in 0..points.len() {
            let mut list = points.to_vec();
            list.remove(index);
            lists.push(list);
        }
    }
    lists
}

/// Plainer bytes of the same length: zeroes, else all of one kind.
fn plainer(data: &[u8]) -> Vec<Vec<u8>> {
    let all = |byte: u8| data.iter().all(|other| *other == byte);
    if all(0) {
        vec![]
    } else if all(b'A') {
        vec![vec![0; data.len()]]
    } else {
        vec![vec![0; data.len()], vec![b'A'; data.len()]]
    }
}

fn simpler_changes(change: &Change) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut offer = |part: &dyn Fn(&mut Change)| {
        let mut simpler = change.clone();
        part(&mut simpler);
        if simpler != *change {
            changes.push(simpler);
        }
    };
    offer(&|c| *c = Change::default());
    offer(&|c| c.transform = None);
    offer(&|c| c.key = None);
    offer(&|c| c.offset_bytes = None);
    offer(&|c| c.first = None);
    offer(&|c| c.size_limit_bytes = None);
    offer(&|c| c.read_only = None);
    offer(&|c| c.block_bytes = None);
    offer(&|c| c.offset_bytes = c.offset_bytes.map(|offset| offset.min(512)));
    offer(&|c| c.offset_bytes = c.offset_bytes.map(|offset| offset.min(1)));
    changes
}

/// The exhaustive small tier: every partition of a request of 4 units, for every transform and
/// every size of unit, around n = 0, 2⁸, 2¹⁶, 2³² and 2⁶³; for each also one long request; and the
/// published vectors.
pub(super) fn small(profile: &Profile) -> Box<dyn Iterator<Item = Case<Loopdev>>> {
    let transforms: Vec<_> = profile.ciphers.iter().flat_map(transforms).collect();
    let profile = profile.clone();
    let vectors = vector_cases(&profile);
    let partitions = transforms.into_iter().flat_map(move |transform| {
        let profile = profile.clone();
        let numbers: &[u64] =
            if profile.first { &[0, 1 << 8, 1 << 16, 1 << 32, 1 << 63] } else { &[0] };
        let long = long_case(&profile, transform);
        let partitions = numbers.iter().flat_map(move |n| {
            let profile = profile.clone();
            (0..8u8).map(move |partition| partition_case(&profile, transform, *n, partition))
        });
        std::iter::once(long).chain(partitions)
    });
    Box::new(vectors.into_iter().chain(partitions))
}

fn transforms(offer: &Offer) -> Vec<Transform> {
    let mut transforms = Vec::new();
    for &key_bits in &offer.key_bits {
        for &unit_bytes in &offer.unit_bytes {
            for large_sectors in [false, true] {
                if !large_sectors || (offer.large_sectors && unit_bytes > 512) {
                    let (cipher, iv) = (offer.cipher, offer.iv);
                    let transform =
                        Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors };
                    transforms.push(transform);
                }
            }
        }
    }
    transforms
}

/// One request over several pages and many units, as a batch would take it.
fn long_case(profile: &Profile, transform: Transform) -> Case<Loopdev> {
    let unit_bytes = transform.unit_bytes();
    let units: u8 = if unit_bytes == 512 { 34 } else { 9 };
    let data: Vec<u8> = (2..2 + units).flat_map(|tag| fill(tag, unit_bytes as usize)).collect();
    let sectors = small_u32(data.len() as u64 / 512);
    let sector = Sector(0);
    let write = Op::Write { sector, data: Bytes(data), cuts: vec![], segments: vec![], then: None };
    let read = Op::Read { sector, sectors, cuts: vec![], segments: vec![] };
    let show = profile.image.then_some(Op::Show { sector, sectors });
    let attachment = Attachment {
        transform,
        key: key_of(&transform, profile, 1),
        offset_bytes: 0,
        first: 0,
        size_limit_bytes: 0,
        read_only: false,
        block_bytes: 4096,
    };
    let backing_bytes = u64::from(sectors) * 512;
    let ops = [write].into_iter().chain(show).chain([read]).collect();
    Case { setup: Setup { backing_bytes, attachment, far: None }, ops }
}

/// Four units around a number, written by one partition and read by another: the bits say after
/// which units a request ends.
fn partition_case(profile: &Profile, transform: Transform, n: u64, partition: u8) -> Case<Loopdev> {
    let unit_bytes = transform.unit_bytes();
    let sectors = 4 * unit_bytes / 512;
    let cuts = |bits: u8| -> Vec<u32> {
        (0..3).filter(|at| bits & (1 << at) != 0).map(|at| (at + 1) * unit_bytes).collect()
    };
    let units = [2, 3, 2, 4].map(|tag| fill(tag, unit_bytes as usize));
    let write = |cuts| Op::Write {
        sector: Sector(0),
        data: Bytes(units.concat()),
        cuts,
        segments: vec![],
        then: None,
    };
    let read = |cuts| Op::Read { sector: Sector(0), sectors, cuts, segments: vec![] };
    let show = Op::Show { sector: Sector(0), sectors };
    let mut ops = vec![write(cuts(partition)), read(vec![])];
    if profile.image {
        ops.push(show.clone());
    }
    if profile.block_size {
        ops.push(Op::SetBlockSize { bytes: 4096 });
    }
    ops.extend([read(cuts(!partition & 7)), write(vec![])]);
    if profile.image {
        ops.push(show);
    }
    let attachment = Attachment {
        transform,
        key: key_of(&transform, profile, 1),
        offset_bytes: 0,
        first: if profile.first { n.wrapping_sub(u64::from(unit_bytes) / 256) } else { 0 },
        size_limit_bytes: 0,
        read_only: false,
        block_bytes: 1024,
    };
    let backing_bytes = u64::from(sectors) * 512;
    Case { setup: Setup { backing_bytes, attachment, far: None }, ops }
}

/// A case per published vector that the profile admits: the unit encrypted, and decrypted.
fn vector_cases(profile: &Profile) -> Vec<Case<Loopdev>> {
    let cases = IEEE_1619.iter().filter_map(|vector| {
        let transform = vector_transform(profile, vector)?;
        let ways = [Direction::Encrypt, Direction::Decrypt];
        let ops = ways.map(|direction| vector_op(vector, transform, direction)).to_vec();
        let attachment = Attachment {
            transform,
            key: key_of(&transform, profile, 1),
            offset_bytes: 0,
            first: 0,
            size_limit_bytes: 0,
            read_only: false,
            block_bytes: 1024,
        };
        let backing_bytes = u64::from(transform.unit_bytes());
        Some(Case { setup: Setup { backing_bytes, attachment, far: None }, ops })
    });
    cases.filter(|case| admits(profile, case).is_ok()).collect()
}

/// The transform of a vector, in a size of unit that is offered: the vectors have their own.
fn vector_transform(profile: &Profile, vector: &Vector) -> Option<Transform> {
    let (cipher, iv) = (Cipher::AesXts, Some(Iv::Plain64));
    let key_bits = small_u16(vector.key.len() * 4);
    let offer = profile.ciphers.iter().find(|offer| {
        offer.cipher == cipher && offer.iv == iv && offer.key_bits.contains(&key_bits)
    })?;
    let unit_bytes = *offer.unit_bytes.first()?;
    Some(Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors: false })
}

fn vector_op(vector: &Vector, transform: Transform, direction: Direction) -> Op {
    let [key, data] = [vector.key, vector.ends(direction).0]
        .map(|text| Bytes(hex::decode(text).expect("the vectors are hex")));
    Op::CryptUnit { direction, transform, key: Key::Bytes { bytes: key }, n: vector.n, data }
}

fn small_u16(value: usize) -> u16 {
    u16::try_from(value).expect("keys are short")
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of zeroes; {}", self.backing_bytes, self.attachment)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Write { sector, data, cuts, segments, then } => {
                write!(f, "write {}, {data}", range(*sector, data.0.len() as u64 / 512))?;
                tell_points(f, cuts, segments)?;
                match then {
                    Some(then) => write!(f, ", fetched again as {then}"),
                    None => Ok(()),
                }
            }
            Op::Read { sector, sectors, cuts, segments } => {
                write!(f, "read {}", range(*sector, u64::from(*sectors)))?;
                tell_points(f, cuts, segments)
            }
            Op::SetBlockSize { bytes } => write!(f, "set block size {bytes}"),
            Op::Show { sector, sectors } => {
                write!(f, "show image {}", range(*sector, u64::from(*sectors)))
            }
            Op::Flip { byte, bit } => write!(f, "flip image byte {byte} bit {bit}"),
            Op::Reopen { change } => write!(f, "reopen {change}"),
            Op::Attach { change } => write!(f, "attach {change}"),
            Op::Register { slot } => write!(f, "register transfer {slot}"),
            Op::Unregister { slot } => write!(f, "unregister transfer {slot}"),
            Op::CryptUnit { direction, transform, key, n, data } => {
                let verb = match direction {
                    Direction::Encrypt => "encrypt",
                    Direction::Decrypt => "decrypt",
                };
                write!(f, "{verb} unit {n:#x} of {transform}, {key}: {data}")
            }
        }
    }
}

fn range(sector: Sector, sectors: u64) -> String {
    match sectors {
        1 => format!("sector {sector}"),
        _ => format!("sectors {sector}..{}", Sector(sector.0.saturating_add(sectors))),
    }
}

fn tell_points(f: &mut fmt::Formatter<'_>, cuts: &[u32], segments: &[u32]) -> fmt::Result {
    if !cuts.is_empty() {
        write!(f, ", cut at {cuts:?}")?;
    }
    if !segments.is_empty() {
        write!(f, ", segments end at {segments:?}")?;
    }
    Ok(())
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.transform.map(|transform| transform.to_string()));
        parts.extend(self.key.as_ref().map(ToString::to_string));
        parts.extend(self.offset_bytes.map(|bytes| format!("offset {bytes}")));
        parts.extend(self.first.map(|first| format!("first {first:#x}")));
        parts.extend(self.size_limit_bytes.map(|bytes| format!("size limit {bytes}")));
        parts.extend(self.read_only.map(|on| if on { "read-only" } else { "writable" }.into()));
        parts.extend(self.block_bytes.map(|bytes| format!("block size {bytes}")));
        if parts.is_empty() {
            return write!(f, "as before");
        }
        write!(f, "with {}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Mechanism, draw_case};

    fn able() -> Profile {
        let offer = |cipher, iv, key_bits: &[u16], large_sectors| Offer {
            cipher,
            iv,
            key_bits: key_bits.to_vec(),
            unit_bytes: if large_sectors { vec![512, 1024, 2048, 4096] } else { vec![512] },
            large_sectors,
        };
        Profile {
            ciphers: vec![
                offer(Cipher::AesXts, Some(Iv::Plain64), &[256, 512], true),
                offer(Cipher::AesCbc, Some(Iv::EssivSha256), &[128, 192, 256], true),
                offer(Cipher::AesCbc, Some(Iv::LoopAesV3), &[128], false),
                offer(Cipher::AesCbc, Some(Iv::Block), &[128], false),
                offer(Cipher::AesEcb, None, &[256], true),
            ],
            none: true,
            xor: true,
            transfers: true,
            image: true,
            flips: true,
            block_size: true,
            offsets: true,
            first: true,
            far: true,
            size_limit: true,
            read_only: true,
            crypt_unit: true,
            partial_units: true,
            equal_halves: EqualHalves::Accepted,
            partial_requests: PartialRequests::ReadModifyWrite,
        }
    }

    fn unable() -> Profile {
        let ciphers = able().ciphers.into_iter().take(1).collect();
        Profile { ciphers, ..Profile::default() }
    }

    /// Cases from bytes of a small generator: any bytes would do.
    fn drawn(profile: &Profile, count: u64) -> impl Iterator<Item = Case<Loopdev>> {
        (1..=count).map(move |seed| {
            let bytes = noise(seed, Loopdev::DRAW_BYTES);
            draw_case(&mut Unstructured::new(&bytes), profile).unwrap()
        })
    }

    fn noise(seed: u64, bytes: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32).to_le_bytes()[0]
        })
        .take(bytes)
        .collect()
    }

    #[test]
    fn every_drawn_case_is_admitted() {
        for profile in [able(), unable()] {
            for case in drawn(&profile, 500) {
                assert_eq!(admits(&profile, &case), Ok(()), "{case:?}");
            }
        }
    }

    #[test]
    fn every_drawn_case_takes_at_most_64_kib_as_json() {
        for case in drawn(&able(), 500) {
            let bytes = serde_json::to_vec(&case).unwrap().len();
            assert!(bytes <= 64 << 10, "{bytes}");
        }
    }

    #[test]
    fn a_profile_that_offers_what_does_not_exist_admits_nothing() {
        let case = drawn(&able(), 1).next().unwrap();
        let change: [fn(&mut Offer); 5] = [
            |offer| offer.iv = Some(Iv::EssivSha256),
            |offer| offer.key_bits = vec![384],
            |offer| offer.key_bits = vec![],
            |offer| offer.unit_bytes = vec![0],
            |offer| offer.unit_bytes = vec![520],
        ];
        for change in change {
            let mut profile = able();
            change(&mut profile.ciphers[0]);
            let why = admits(&profile, &case).unwrap_err();
            assert!(why.starts_with("offer of AesXts with"), "{why}");
        }
    }

    #[test]
    fn every_case_of_the_small_tier_is_admitted_and_there_are_all_partitions() {
        for profile in [able(), unable()] {
            let cases: Vec<_> = small(&profile).collect();
            for case in &cases {
                assert_eq!(admits(&profile, case), Ok(()), "{case:?}");
            }
            let transforms = profile.ciphers.iter().flat_map(transforms).count();
            let numbers = if profile.first { 5 } else { 1 };
            let vectors = if profile.crypt_unit { 19 } else { 0 };
            assert_eq!(cases.len(), vectors + transforms * (numbers * 8 + 1));
        }
    }

    #[test]
    fn cases_survive_json() {
        for case in drawn(&able(), 100) {
            let text = serde_json::to_string(&case).unwrap();
            assert_eq!(serde_json::from_str::<Case<Loopdev>>(&text).unwrap(), case);
        }
    }

    #[test]
    fn an_unknown_field_is_refused() {
        for text in [
            r#"{"read":{"sector":0,"sectors":1,"cut":[]}}"#,
            r#"{"set_block_size":{"bytes":512,"unit":1}}"#,
            r#"{"reopen":{"change":{"offset":512}}}"#,
        ] {
            assert!(serde_json::from_str::<Op>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_chain_of_simpler_cases_ends() {
        for case in drawn(&able(), 40) {
            let mut case = Case { ops: case.ops.into_iter().take(3).collect(), ..case };
            let mut steps = 0;
            while let Some(simpler) =
                simpler(&case).into_iter().find(|simpler| admits(&able(), simpler).is_ok())
            {
                assert_ne!(simpler, case);
                case = simpler;
                steps += 1;
                assert!(steps < 2_000, "{case:?}");
            }
        }
    }

    #[test]
    fn what_the_profile_lacks_is_not_admitted() {
        let case = drawn(&able(), 200).find(|case| admits(&unable(), case).is_err()).unwrap();
        let Err(why) = admits(&unable(), &case) else { panic!("just found to be refused") };
        assert!(!why.is_empty());
        let read =
            |sectors| Op::Read { sector: Sector(0), sectors, cuts: vec![], segments: vec![] };
        let setup = drawn(&able(), 1).next().unwrap().setup;
        let too_long = Case { setup, ops: vec![read(1), read(u32::MAX)] };
        assert_eq!(
            admits(&able(), &too_long).unwrap_err(),
            "op 1: expected 1 to 128 whole sectors, found 2199023255040 bytes"
        );
    }
}
