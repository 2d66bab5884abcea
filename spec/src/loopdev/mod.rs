//! A loop device: a block device over a file, a partition or memory, that can transform the data
//! on the way.
//!
//! Its nouns: the *backing* (where the image lies), the *image* (its raw bytes), the *device* (512-byte
//! sectors, of which sector 0 lies `offset_bytes` into the backing), the *transform* (cipher and IV
//! scheme), the *unit* (data unit: what is encrypted by itself), and *n*, the number from which a
//! unit's IV is made: `first + sector + offset_bytes / 512`, 64 bits, wrapping.
//! Three sizes are three things: the device's logical sector (512 bytes), the unit, and the block
//! of the filesystem that hosts the image.
//!
//! It does *not* cover authentication (no scheme here detects damage), caching and barriers (a
//! write answered is a write done), discard, partitions, or several devices on one backing.

mod cases;
mod contract;
mod formulas;
mod laws;
mod model;
mod vectors;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::{Bytes, Case, KindOf, Law, Mechanism, Outcome};

pub use self::cases::{Change, Kind, Op, Setup};
pub use self::contract::{
    Direction, Driver, EqualHalves, Error, LoopDevice, Offer, PartialRequests, Profile, Transfer,
};
pub use self::formulas::Oracle;
pub use self::model::{Answer, Call, Event, Model, ReadAnswer};
pub use self::vectors::{IEEE_1619, Vector};

/// The bytes in a sector: what sector numbers and *n* count.
pub const SECTOR_BYTES: u64 = 512;

/// A unit of more blocks than this is refused (IEEE 1619: at most 2²⁰ blocks).
pub const MOST_UNIT_BYTES: u32 = 16 << 20;

/// The number of a 512-byte sector, of the device or of the backing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Sector(pub u64);

impl fmt::Display for Sector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1 << 16 { write!(f, "{}", self.0) } else { write!(f, "{:#x}", self.0) }
    }
}

/// How data are transformed between the device and the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Transform {
    /// Not at all: for ISO images and plain files. The key is empty.
    None {},
    /// Each byte of a sector XOR the key's bytes, which start anew with every sector.
    Xor {},
    /// A cipher under an IV scheme.
    Cipher {
        /// Block cipher and mode.
        cipher: Cipher,
        /// The bits of the key: of AES for ECB and CBC, of both halves for XTS.
        key_bits: u16,
        /// The IV scheme; `None` only with ECB.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        iv: Option<Iv>,
        /// The bytes of a unit.
        unit_bytes: u32,
        /// Whether *n* is divided by `unit_bytes / 512`.
        large_sectors: bool,
    },
    /// A transfer that a user registered. The key is empty.
    Registered {
        /// Its slot.
        slot: u8,
    },
}

/// A block cipher in a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cipher {
    /// AES, each block by itself.
    AesEcb,
    /// AES in cipher block chaining; the chain is one unit (one transfer under [`Iv::Block`]).
    AesCbc,
    /// AES in XTS (IEEE 1619); the IV is the tweak.
    AesXts,
}

/// How the IV of a unit is made from *n*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Iv {
    /// Linux 2.4: LE32(⌊(512·s + offset) / block size of the hosting filesystem⌋), one chain per
    /// part of a request that lies in one block and one page.
    Block,
    /// LE32(n).
    Plain,
    /// LE64(n).
    Plain64,
    /// BE64(n), in the last eight bytes.
    Plain64be,
    /// Zero.
    Null,
    /// AES-256 under SHA-256(key), of LE64(n).
    EssivSha256,
    /// BE64(32·n + 1), in the last eight bytes.
    Benbi,
    /// AES under the key, of LE64(n · unit bytes).
    Eboiv,
    /// loop-AES with one key: LE64(n).
    LoopAesV1,
    /// loop-AES with 64 keys: MD5 over the plaintext and *n*.
    LoopAesV2,
    /// loop-AES with 65 keys: as v2, the MD5 primed with the last key.
    LoopAesV3,
}

impl Iv {
    /// How many key lines the scheme takes; 0 when it takes a key of bytes.
    pub fn key_lines(self) -> usize {
        match self {
            Iv::LoopAesV1 => 1,
            Iv::LoopAesV2 => 64,
            Iv::LoopAesV3 => 65,
            _ => 0,
        }
    }
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Key {
    /// The bytes themselves; for XTS, the data half and then the tweak half.
    Bytes {
        /// The bytes.
        bytes: Bytes,
    },
    /// The lines of a loop-AES key file; each is hashed into one AES key.
    Lines {
        /// 1, 64 or 65 lines.
        lines: Vec<String>,
    },
}

impl Key {
    /// The key of a transform that takes none.
    pub fn empty() -> Self {
        Key::Bytes { bytes: Bytes::default() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Bytes { bytes } if bytes.0.is_empty() => write!(f, "no key"),
            Key::Bytes { bytes } => write!(f, "key {bytes}"),
            Key::Lines { lines } => match lines.as_slice() {
                [] => write!(f, "no key lines"),
                [line] => write!(f, "key line {line:?}"),
                [first, ..] => write!(f, "{} key lines from {first:?}", lines.len()),
            },
        }
    }
}

/// How a device is attached to the backing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// How data are transformed.
    pub transform: Transform,
    /// The key.
    pub key: Key,
    /// Where in the backing the device's sector 0 lies.
    pub offset_bytes: u64,
    /// The number added to every sector number to make *n* (dm-crypt's `iv_offset`).
    pub first: u64,
    /// The device ends this many bytes after its start; 0: with the backing.
    pub size_limit_bytes: u64,
    /// Whether writes are refused.
    pub read_only: bool,
    /// The block size of the hosting filesystem.
    pub block_bytes: u32,
}

impl Transform {
    /// The bytes of a unit: 512 where the transform knows no larger one.
    pub fn unit_bytes(&self) -> u32 {
        match self {
            Transform::Cipher { unit_bytes, .. } => *unit_bytes,
            _ => 512,
        }
    }

    /// The IV scheme, where there is one.
    pub fn iv(&self) -> Option<Iv> {
        match self {
            Transform::Cipher { iv, .. } => *iv,
            _ => None,
        }
    }

    /// Whether *n* is divided by the sectors of a unit.
    pub fn large_sectors(&self) -> bool {
        matches!(self, Transform::Cipher { large_sectors: true, .. })
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Transform::None {} => write!(f, "none"),
            Transform::Xor {} => write!(f, "xor"),
            Transform::Registered { slot } => write!(f, "transfer {slot}"),
            Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors } => {
                match cipher {
                    Cipher::AesEcb => write!(f, "aes-ecb")?,
                    Cipher::AesCbc => write!(f, "aes-cbc")?,
                    Cipher::AesXts => write!(f, "aes-xts")?,
                }
                if let Some(iv) = iv {
                    write!(f, "-{iv}")?;
                }
                write!(f, " {key_bits}-bit key, units of {unit_bytes}")?;
                if *large_sectors { write!(f, ", large sectors") } else { Ok(()) }
            }
        }
    }
}

impl fmt::Display for Iv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Iv::Block => "block",
            Iv::Plain => "plain",
            Iv::Plain64 => "plain64",
            Iv::Plain64be => "plain64be",
            Iv::Null => "null",
            Iv::EssivSha256 => "essiv:sha256",
            Iv::Benbi => "benbi",
            Iv::Eboiv => "eboiv",
            Iv::LoopAesV1 => "loop-aes-v1",
            Iv::LoopAesV2 => "loop-aes-v2",
            Iv::LoopAesV3 => "loop-aes-v3",
        })
    }
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.transform, self.key)?;
        if self.offset_bytes != 0 {
            write!(f, ", offset {}", self.offset_bytes)?;
        }
        if self.first != 0 {
            write!(f, ", first {:#x}", self.first)?;
        }
        if self.size_limit_bytes != 0 {
            write!(f, ", limited to {} bytes", self.size_limit_bytes)?;
        }
        if self.read_only {
            write!(f, ", read-only")?;
        }
        write!(f, ", block size {}", self.block_bytes)
    }
}

/// The mechanism, as a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loopdev;

impl Mechanism for Loopdev {
    const NAME: &'static str = "loopdev";
    const TITLE: &'static str = "a loop device with sector-IV encryption";
    const CASES: u64 = 20_000;
    const DRAW_BYTES: usize = 4096;
    const LENGTHS: &'static [u16] = &[4, 4, 8, 8, 8, 8, 16, 16, 16, 16, 16, 32, 32, 64, 64, 256];
    const KINDS: &'static [KindOf<Kind>] = cases::KINDS;

    type Draft = cases::Draft;
    type Event = Event;
    type Kind = Kind;
    type Model = Model;
    type Op = Op;
    type Profile = Profile;
    type Setup = Setup;

    fn laws() -> &'static [Law<Self>] {
        laws::LAWS
    }

    fn kind(op: &Op) -> Kind {
        op.kind()
    }

    fn outcome(event: &Event) -> Outcome {
        event.outcome()
    }

    fn draw_setup(
        u: &mut arbitrary::Unstructured<'_>,
        profile: &Profile,
    ) -> arbitrary::Result<Setup> {
        cases::draw_setup(u, profile)
    }

    fn draw_op(
        u: &mut arbitrary::Unstructured<'_>,
        kind: Kind,
        setup: &Setup,
        profile: &Profile,
        draft: &mut cases::Draft,
    ) -> arbitrary::Result<Op> {
        cases::draw_op(u, kind, setup, profile, draft)
    }

    fn check_profile(profile: &Profile) -> Result<(), String> {
        profile.check()
    }

    fn admits(profile: &Profile, case: &Case<Self>) -> Result<(), String> {
        cases::admits(profile, case)
    }

    fn simpler(case: &Case<Self>) -> Vec<Case<Self>> {
        cases::simpler(case)
    }

    fn small(profile: &Profile) -> Box<dyn Iterator<Item = Case<Self>>> {
        cases::small(profile)
    }

    fn slots(profile: &Profile) -> Vec<Case<Self>> {
        cases::slots(profile)
    }

    fn model(profile: &Profile, setup: &Setup) -> Model {
        Model::new(profile, setup)
    }

    fn record(model: &mut Model, op: &Op, event: &Event) {
        model.record(op, event);
    }

    fn answers(model: &Model, op: &Op, event: &Event) -> Result<(), String> {
        model.answers(op, event)
    }

    fn tell_setup(setup: &Setup) -> String {
        setup.to_string()
    }

    fn tell_op(op: &Op) -> String {
        op.to_string()
    }

    fn tell_event(event: &Event) -> String {
        event.to_string()
    }
}
