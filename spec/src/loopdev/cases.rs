//! What a case asks: the world, the ops, and how a story tells them.
//!
//! | file | holds |
//! | --- | --- |
//! | `draw` | how both are drawn from bytes |
//! | `admit` | which cases are for which profile |
//! | `simpler` | how a case gets simpler |
//! | `small` | the exhaustive small tier |
//!
//! It does not know what the right answer is.

mod admit;
mod draw;
mod simpler;
mod slots;
mod small;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contract::Direction;
use super::{Attachment, Key, Sector, Transform};
use crate::core::{Bytes, KindOf};

pub(super) use self::admit::admits;
pub(super) use self::draw::{Draft, draw_op, draw_setup};
pub(super) use self::simpler::simpler;
pub(super) use self::slots::slots;
pub(super) use self::small::small;

/// The most sectors of a window, of a request and of a look at the image.
const MOST_SECTORS: u64 = 128;

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
    use super::super::contract::{EqualHalves, Offer, PartialRequests, Profile};
    use super::super::{Cipher, Iv, Loopdev};
    use super::small::transforms;
    use super::*;
    use crate::core::Case;
    use crate::core::checks::{self, drawn};

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

    #[test]
    fn every_drawn_case_is_admitted_and_survives_json() {
        checks::drawn_cases_are_admitted::<Loopdev>(&[able(), unable()]);
    }

    #[test]
    fn every_drawn_case_takes_at_most_64_kib_as_json() {
        for case in drawn::<Loopdev>(&able(), 500) {
            let bytes = serde_json::to_vec(&case).unwrap().len();
            assert!(bytes <= 64 << 10, "{bytes}");
        }
    }

    #[test]
    fn a_profile_that_offers_what_does_not_exist_admits_nothing() {
        let case = drawn::<Loopdev>(&able(), 1).next().unwrap();
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
        let profiles = [able(), unable()];
        let counts = checks::small_cases_are_admitted::<Loopdev>(&profiles);
        for (profile, count) in profiles.iter().zip(counts) {
            let transforms = profile.ciphers.iter().flat_map(transforms).count();
            let numbers = if profile.first { 5 } else { 1 };
            let vectors = if profile.crypt_unit { 19 } else { 0 };
            assert_eq!(count, vectors + transforms * (numbers * 8 + 1));
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
        checks::chains_of_simpler_cases_end::<Loopdev>(&able());
    }

    #[test]
    fn what_the_profile_lacks_is_not_admitted() {
        let case =
            drawn::<Loopdev>(&able(), 200).find(|case| admits(&unable(), case).is_err()).unwrap();
        let Err(why) = admits(&unable(), &case) else { panic!("just found to be refused") };
        assert!(!why.is_empty());
        let read =
            |sectors| Op::Read { sector: Sector(0), sectors, cuts: vec![], segments: vec![] };
        let setup = drawn::<Loopdev>(&able(), 1).next().unwrap().setup;
        let too_long = Case { setup, ops: vec![read(1), read(u32::MAX)] };
        assert_eq!(
            admits(&able(), &too_long).unwrap_err(),
            "op 1: expected 1 to 128 whole sectors, found 2199023255040 bytes"
        );
    }
}
