//! What a case asks: the world, the ops, how both are drawn from bytes, how they get simpler, and
//! the exhaustive small tier.
//!
//! It does not know what the right answer is.

use std::fmt;

use arbitrary::Unstructured;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contract::{Direction, Profile};
use super::{Attachment, Key, Loopdev, Sector, Transform};
use crate::core::{Bytes, Case, KindOf};

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
    KindOf {
        kind: Kind::Write,
        name: "write",
        weight: 70,
        producer: true,
    },
    KindOf {
        kind: Kind::Read,
        name: "read",
        weight: 50,
        producer: true,
    },
    KindOf {
        kind: Kind::Show,
        name: "show",
        weight: 50,
        producer: true,
    },
    KindOf {
        kind: Kind::SetBlockSize,
        name: "set_block_size",
        weight: 18,
        producer: false,
    },
    KindOf {
        kind: Kind::Flip,
        name: "flip",
        weight: 10,
        producer: false,
    },
    KindOf {
        kind: Kind::Reopen,
        name: "reopen",
        weight: 24,
        producer: false,
    },
    KindOf {
        kind: Kind::Attach,
        name: "attach",
        weight: 10,
        producer: false,
    },
    KindOf {
        kind: Kind::Register,
        name: "register",
        weight: 4,
        producer: false,
    },
    KindOf {
        kind: Kind::Unregister,
        name: "unregister",
        weight: 4,
        producer: false,
    },
    KindOf {
        kind: Kind::CryptUnit,
        name: "crypt_unit",
        weight: 14,
        producer: false,
    },
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

#[derive(Debug, Default)]
pub struct Draft {}

pub(super) fn draw_setup(_u: &mut Unstructured<'_>, _p: &Profile) -> arbitrary::Result<Setup> {
    todo!()
}
pub(super) fn draw_op(
    _u: &mut Unstructured<'_>,
    _k: Kind,
    _s: &Setup,
    _p: &Profile,
    _d: &mut Draft,
) -> arbitrary::Result<Op> {
    todo!()
}
pub(super) fn admits(_p: &Profile, _c: &Case<Loopdev>) -> Result<(), String> {
    Ok(())
}
pub(super) fn simpler(_c: &Case<Loopdev>) -> Vec<Case<Loopdev>> {
    vec![]
}
pub(super) fn small(_p: &Profile) -> Box<dyn Iterator<Item = Case<Loopdev>>> {
    todo!()
}
impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "")
    }
}
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "")
    }
}
