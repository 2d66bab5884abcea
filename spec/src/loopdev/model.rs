//! What was seen, and what is remembered of it.
//!
//! The memory holds the image as the formulas have it, who wrote each sector and how, what was
//! shown of the image and what happened since, and a codebook of every unit whose plaintext and
//! ciphertext were both seen. It does not judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cases::{Op, Setup};
use super::contract::{Direction, EqualHalves, Error, PartialRequests, Profile};
use super::formulas::{Oracle, block_iv, n_of};
use super::{Attachment, Cipher, Iv, Key, MOST_UNIT_BYTES, Sector, Transform};
use crate::core::{Bytes, Outcome};

/// What was seen while one op was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The op's slot did not allow it.
    Skipped {},
    /// A write: an answer for each of its requests.
    Written {
        /// In the order of the requests.
        answers: Vec<Answer>,
        /// What a registered transfer was called with.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<Call>,
    },
    /// A read: an answer for each of its requests.
    Read {
        /// In the order of the requests.
        answers: Vec<ReadAnswer>,
        /// What a registered transfer was called with.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<Call>,
    },
    /// The hosting filesystem changed its block size.
    BlockSize {
        /// Whether it could.
        answer: Answer,
    },
    /// The raw bytes of the image.
    Image {
        /// The bytes.
        answer: ReadAnswer,
    },
    /// A bit of the image was flipped.
    Flipped {
        /// Whether it could be.
        answer: Answer,
    },
    /// The device was attached anew; when refused, as before.
    Reopened {
        /// Whether the new attachment was taken.
        answer: Answer,
    },
    /// An attachment was tried, and the device attached as before.
    Attached {
        /// Whether it was taken.
        answer: Answer,
    },
    /// A transfer was added.
    Registered {
        /// Whether it was taken.
        answer: Answer,
    },
    /// A transfer was removed.
    Unregistered {
        /// Whether it was let go.
        answer: Answer,
    },
    /// A unit was transformed by itself.
    Crypted {
        /// The transformed bytes.
        answer: ReadAnswer,
    },
}

/// Whether something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// It was.
    Done {},
    /// It was not, and nothing was changed.
    Refused {
        /// Why.
        error: Error,
    },
}

/// The bytes asked for, or why there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ReadAnswer {
    /// The bytes.
    Data {
        /// As many as were asked for.
        bytes: Bytes,
    },
    /// None.
    Refused {
        /// Why.
        error: Error,
    },
}

/// One call of a registered transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The *n* of the first sector.
    pub n: u64,
    /// How many bytes.
    pub bytes: u32,
}

impl Answer {
    /// Whether it was done.
    pub fn is_done(&self) -> bool {
        matches!(self, Answer::Done {})
    }
}

impl ReadAnswer {
    /// The bytes, where there are any.
    pub fn data(&self) -> Option<&[u8]> {
        match self {
            ReadAnswer::Data { bytes } => Some(&bytes.0),
            ReadAnswer::Refused { .. } => None,
        }
    }
}

impl Event {
    pub(super) fn outcome(&self) -> Outcome {
        let done = match self {
            Event::Skipped {} => return Outcome::Skipped,
            Event::Written { answers, .. } => answers.iter().all(Answer::is_done),
            Event::Read { answers, .. } => answers.iter().all(|answer| answer.data().is_some()),
            Event::Image { answer } | Event::Crypted { answer } => answer.data().is_some(),
            Event::BlockSize { answer }
            | Event::Flipped { answer }
            | Event::Reopened { answer }
            | Event::Attached { answer }
            | Event::Registered { answer }
            | Event::Unregistered { answer } => answer.is_done(),
        };
        if done { Outcome::Done } else { Outcome::Refused }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Skipped {} => write!(f, "skipped"),
            Event::Written { answers, calls } => {
                list(f, answers)?;
                list_calls(f, calls)
            }
            Event::Read { answers, calls } => {
                list(f, answers)?;
                list_calls(f, calls)
            }
            Event::Image { answer } | Event::Crypted { answer } => write!(f, "{answer}"),
            Event::BlockSize { answer }
            | Event::Flipped { answer }
            | Event::Reopened { answer }
            | Event::Attached { answer }
            | Event::Registered { answer }
            | Event::Unregistered { answer } => write!(f, "{answer}"),
        }
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            write!(f, ", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

fn list_calls(f: &mut fmt::Formatter<'_>, calls: &[Call]) -> fmt::Result {
    for (index, call) in calls.iter().enumerate() {
        let lead = if index == 0 { "; transfer called with " } else { ", " };
        write!(f, "{lead}n {:#x} ({} bytes)", call.n, call.bytes)?;
    }
    Ok(())
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Done {} => write!(f, "ok"),
            Answer::Refused { error } => write!(f, "refused: {error}"),
        }
    }
}

impl fmt::Display for ReadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadAnswer::Data { bytes } => write!(f, "{bytes}"),
            ReadAnswer::Refused { error } => write!(f, "refused: {error}"),
        }
    }
}

/// The IV schemes that everybody can compute without the key.
pub(super) const PUBLIC_IVS: [Iv; 5] = [Iv::Plain64, Iv::Plain, Iv::Plain64be, Iv::Null, Iv::Benbi];

/// The bytes of a page of the hosting kernel.
const PAGE_BYTES: u64 = 4096;

/// What is remembered of a case. Sectors are the backing's where nothing else is said.
#[derive(Debug)]
pub struct Model {
    pub(super) profile: Profile,
    pub(super) backing_bytes: u64,
    pub(super) attachment: Attachment,
    pub(super) far: Option<Sector>,
    /// The transforms under their keys that were met; large sectors left out, as they only say
    /// what *n* is.
    schemes: Vec<Scheme>,
    /// The scheme of the attachment.
    pub(super) scheme: usize,
    slots: [bool; 256],
    /// The image as the formulas have it; zeroes where absent.
    image: BTreeMap<u64, Box<[u8; 512]>>,
    /// Sectors of which the formulas can't know the image: the memory changed while written.
    uncertain: BTreeSet<u64>,
    /// Who last wrote a sector, and how.
    written: BTreeMap<u64, Written>,
    /// What was last shown of a sector, and what happened since.
    pub(super) shown: BTreeMap<u64, Shown>,
    /// Every unit of which plaintext and ciphertext were both seen.
    pub(super) book: Vec<Entry>,
    /// The entries of the last event.
    pub(super) fresh: Range<usize>,
    /// How many writes were answered.
    requests: u64,
    /// Whether a unit below *n* = 2³² was written.
    pub(super) low_written: bool,
}

/// A transform under a key, and what it computes.
#[derive(Debug)]
struct Scheme {
    transform: Transform,
    key: Key,
    oracle: Oracle,
}

/// One sector as it was last written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) data: Box<[u8; 512]>,
    /// What the memory held when it was fetched again.
    pub(super) then: Option<Box<[u8; 512]>>,
    pub(super) scheme: usize,
    /// The number of its unit.
    pub(super) n: u64,
    /// The first sector of its unit.
    unit: u64,
    pub(super) large: bool,
    pub(super) offset_bytes: u64,
    pub(super) block_bytes: u32,
    request: u64,
    pub(super) shape: Rc<Shape>,
    /// The one bit of the unit's image that was flipped since: byte of the unit, and bit.
    pub(super) damage: Option<(usize, u8)>,
    /// Whether a request that reaches this sector was refused since.
    pub(super) refused_since: bool,
}

/// How a request lies around a unit, and its memory in segments: bytes, relative to the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    start: i64,
    end: i64,
    segments: Vec<i64>,
}

/// What was last shown of a sector.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) bytes: Box<[u8; 512]>,
    /// The [`Since`] of everything that happened since, as bits.
    since: u8,
}

/// What can happen between two looks at a sector that should stay the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Since {
    Write = 1,
    Read = 2,
    BlockSize = 4,
    Refusal = 8,
    Other = 16,
}

impl Shown {
    /// Whether this, and nothing else, happened since.
    pub(super) fn only(&self, since: Since) -> bool {
        self.since == since as u8
    }
}

/// A unit of which plaintext and ciphertext were both seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) scheme: usize,
    pub(super) n: u64,
    pub(super) plain: Vec<u8>,
    pub(super) cipher: Vec<u8>,
    pub(super) seen: Seen,
}

/// Where a unit was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// By itself.
    Alone,
    /// On the device.
    Device {
        large: bool,
        offset_bytes: u64,
        block_bytes: u32,
        /// `None` when several requests wrote parts of it.
        shape: Option<Rc<Shape>>,
    },
}

/// A unit that a look at the image shows.
#[derive(Debug)]
pub(super) struct ShownUnit<'a> {
    pub(super) scheme: usize,
    pub(super) n: u64,
    /// Sector by sector.
    plain: Vec<&'a [u8; 512]>,
    pub(super) cipher: &'a [u8],
    pub(super) seen: Seen,
}

impl ShownUnit<'_> {
    /// Whether it is the unit of an entry, with the same plaintext.
    pub(super) fn is(&self, entry: &Entry) -> bool {
        self.scheme == entry.scheme
            && self.n == entry.n
            && self.plain.len() * 512 == entry.plain.len()
            && self.plain.iter().zip(entry.plain.chunks(512)).all(|(one, other)| *one == other)
    }

    /// Whether the image shows the plaintext itself.
    pub(super) fn shows_plain(&self) -> bool {
        self.plain.iter().zip(self.cipher.chunks(512)).all(|(plain, shown)| *plain == shown)
    }

    fn into_entry(self) -> Entry {
        Entry {
            scheme: self.scheme,
            n: self.n,
            plain: self.plain.into_iter().flatten().copied().collect(),
            cipher: self.cipher.to_vec(),
            seen: self.seen,
        }
    }
}

/// Why an attachment does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    UnitTooLong,
    NoIv,
    NotOffered,
    Key,
    EqualHalves,
    Offset,
    First,
    Length,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Misfit::UnitTooLong => "a unit has at most 2²⁰ blocks",
            Misfit::NoIv => "the cipher needs an IV scheme",
            Misfit::NotOffered => "the transform is not offered",
            Misfit::Key => "the key is not of the transform's kind and length",
            Misfit::EqualHalves => "the halves of the key are equal",
            Misfit::Offset => "the offset does not fit",
            Misfit::First => "the first number does not fit",
            Misfit::Length => "the device would not be whole units inside the backing",
        })
    }
}

/// Why an attachment does not fit a backing; `None` when it does.
pub(super) fn misfit(profile: &Profile, backing_bytes: u64, to: &Attachment) -> Option<Misfit> {
    if let Transform::Cipher { unit_bytes, cipher, iv, .. } = to.transform {
        if unit_bytes > MOST_UNIT_BYTES {
            return Some(Misfit::UnitTooLong);
        }
        if iv.is_none() && cipher != Cipher::AesEcb {
            return Some(Misfit::NoIv);
        }
    }
    if !profile.offers(&to.transform) {
        return Some(Misfit::NotOffered);
    }
    if !key_fits(&to.transform, &to.key) {
        return Some(Misfit::Key);
    }
    if halves_equal(&to.transform, &to.key) && profile.equal_halves != EqualHalves::Accepted {
        return Some(Misfit::EqualHalves);
    }
    let unit = u64::from(to.transform.unit_bytes());
    let step = if to.transform.large_sectors() { unit } else { 512 };
    if !to.offset_bytes.is_multiple_of(step) || to.offset_bytes >= backing_bytes {
        return Some(Misfit::Offset);
    }
    if !to.first.is_multiple_of(step / 512) {
        return Some(Misfit::First);
    }
    let room = backing_bytes - to.offset_bytes;
    let limit = to.size_limit_bytes;
    let length = if limit == 0 { room } else { limit };
    (length > room || length < unit || length % unit != 0).then_some(Misfit::Length)
}

fn key_fits(transform: &Transform, key: &Key) -> bool {
    match (transform, key) {
        (Transform::None {} | Transform::Registered { .. }, Key::Bytes { bytes }) => {
            bytes.0.is_empty()
        }
        (Transform::Xor {}, Key::Bytes { bytes }) => !bytes.0.is_empty(),
        (Transform::Cipher { key_bits, iv, .. }, Key::Bytes { bytes }) => {
            iv.is_none_or(|iv| iv.key_lines() == 0) && bytes.0.len() * 8 == usize::from(*key_bits)
        }
        (Transform::Cipher { iv: Some(iv), .. }, Key::Lines { lines }) => {
            iv.key_lines() > 0 && lines.len() == iv.key_lines()
        }
        _ => false,
    }
}

/// Whether it is an XTS key whose halves are equal.
pub(super) fn halves_equal(transform: &Transform, key: &Key) -> bool {
    match (transform, key) {
        (Transform::Cipher { cipher: Cipher::AesXts, .. }, Key::Bytes { bytes }) => {
            let (data, tweak) = bytes.0.split_at(bytes.0.len() / 2);
            key_fits(transform, key) && data == tweak
        }
        _ => false,
    }
}

/// A request of an op: its first device sector and its bytes in the op's data.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) sector: u64,
    pub(super) bytes: Range<usize>,
}

impl Request {
    pub(super) fn sectors(&self) -> Range<u64> {
        self.sector..self.sector + self.bytes.len() as u64 / 512
    }
}

/// The requests into which an op of so many bytes is cut.
pub(super) fn requests(sector: Sector, bytes: usize, cuts: &[u32]) -> Vec<Request> {
    let ends = cuts.iter().map(|at| *at as usize).chain([bytes]);
    let mut start = 0;
    ends.map(|end| {
        let request = Request { sector: sector.0 + start as u64 / 512, bytes: start..end };
        start = end;
        request
    })
    .collect()
}

impl Model {
    pub(super) fn new(profile: &Profile, setup: &Setup) -> Self {
        let attachment = setup.attachment.clone();
        let mut model = Model {
            profile: profile.clone(),
            backing_bytes: setup.backing_bytes,
            schemes: Vec::new(),
            attachment: attachment.clone(),
            far: setup.far,
            scheme: 0,
            slots: [false; 256],
            image: BTreeMap::new(),
            uncertain: BTreeSet::new(),
            written: BTreeMap::new(),
            shown: BTreeMap::new(),
            book: Vec::new(),
            fresh: 0..0,
            requests: 0,
            low_written: false,
        };
        model
            .intern(&attachment.transform, &attachment.key)
            .expect("the attachment of an admitted setup fits");
        model
    }

    /// The transform of a scheme; its large sectors are left out.
    pub(super) fn transform(&self, scheme: usize) -> &Transform {
        &self.schemes[scheme].transform
    }

    /// Whether two schemes differ in the key alone.
    pub(super) fn differ_in_key(&self, one: usize, other: usize) -> bool {
        one != other && self.transform(one) == self.transform(other)
    }

    pub(super) fn unit_sectors(&self) -> u64 {
        u64::from(self.attachment.transform.unit_bytes()) / 512
    }

    /// The sectors of the device.
    pub(super) fn device_sectors(&self) -> u64 {
        let room = self.backing_bytes - self.attachment.offset_bytes;
        match self.attachment.size_limit_bytes {
            0 => room / 512,
            limit => limit / 512,
        }
    }

    /// The backing sector of a device sector.
    pub(super) fn backing(&self, sector: u64) -> u64 {
        sector + self.attachment.offset_bytes / 512
    }

    /// The undivided *n* of a device sector.
    pub(super) fn undivided_n(&self, sector: u64) -> u64 {
        self.attachment.first.wrapping_add(self.backing(sector))
    }

    /// The first device sector of the unit of a device sector.
    pub(super) fn unit_start(&self, sector: u64) -> u64 {
        sector - sector % self.unit_sectors()
    }

    /// The number of the unit of a device sector.
    pub(super) fn unit_n(&self, sector: u64) -> u64 {
        n_of(&self.attachment, Sector(self.unit_start(sector)))
    }

    /// Who last wrote a device sector, whatever the scheme.
    pub(super) fn last_written(&self, sector: u64) -> Option<&Written> {
        self.written.get(&self.backing(sector))
    }

    /// Who last wrote a device sector, if the device as it is now should read it back: the same
    /// unit under the same number. The key may be another, the image may be damaged.
    pub(super) fn comparable(&self, sector: u64) -> Option<&Written> {
        self.last_written(sector).filter(|written| {
            written.n == self.unit_n(sector)
                && written.unit == self.backing(self.unit_start(sector))
        })
    }

    /// Who last wrote a device sector, if it should read back just that.
    pub(super) fn readable(&self, sector: u64) -> Option<&Written> {
        self.comparable(sector).filter(|written| {
            written.scheme == self.scheme && written.damage.is_none() && written.then.is_none()
        })
    }

    /// How a request lies around the unit of a device sector.
    pub(super) fn shape(&self, sector: u64, request: &Request, segments: &[u32]) -> Shape {
        let unit = self.unit_start(sector);
        let origin = (request.sector.cast_signed() - unit.cast_signed()) * 512;
        let bytes = |at: usize| i64::try_from(at).expect("the sizes of a case are small");
        let inside = segments
            .iter()
            .map(|at| *at as usize)
            .filter(|at| request.bytes.start < *at && *at < request.bytes.end);
        Shape {
            start: origin,
            end: origin + bytes(request.bytes.len()),
            segments: inside.map(|at| origin + bytes(at - request.bytes.start)).collect(),
        }
    }

    /// Whether, under [`Iv::Block`], one request wrote all that a request reads with a sector: a
    /// chain of which a part was written again is another chain.
    pub(super) fn chain_is_whole(&self, sector: u64, request: &Request) -> bool {
        if self.attachment.transform.iv() != Some(Iv::Block) {
            return true;
        }
        let writer = |at| self.last_written(at).map(|written| written.request);
        request.sectors().all(|at| writer(at) == writer(sector))
    }

    pub(super) fn past_end(&self, request: &Request) -> bool {
        request.sectors().end > self.device_sectors()
    }

    pub(super) fn partial(&self, request: &Request) -> bool {
        let (sectors, unit) = (request.sectors(), self.unit_sectors());
        sectors.start % unit != 0 || sectors.end % unit != 0
    }

    /// The image of some sectors as the formulas have it; `None` where they can't know.
    pub(super) fn expected_image(&self, sector: u64) -> Option<&[u8; 512]> {
        const ZEROES: &[u8; 512] = &[0; 512];
        if self.uncertain.contains(&sector) {
            return None;
        }
        Some(self.image.get(&sector).map_or(ZEROES, |bytes| bytes))
    }

    /// What a request should read: the decryption of the image; `None` for sectors of which the
    /// formulas can't know the image.
    pub(super) fn expected_read(&self, request: &Request) -> Vec<Option<[u8; 512]>> {
        let sectors = request.sectors();
        let mut plain = Vec::new();
        for chain in self.chains(&sectors) {
            let mut bytes = self.image_of(&chain);
            self.crypt_chain(Direction::Decrypt, chain.start, &mut bytes);
            let known = chain.clone().all(|at| !self.uncertain.contains(&self.backing(at)));
            for (at, sector) in chain.zip(bytes.as_chunks::<512>().0) {
                if sectors.contains(&at) {
                    plain.push(known.then_some(*sector));
                }
            }
        }
        plain
    }

    /// The ranges of device sectors that are transformed by themselves when these are read or
    /// written: units, or under [`Iv::Block`] transfers.
    fn chains(&self, sectors: &Range<u64>) -> Vec<Range<u64>> {
        let mut chains = Vec::new();
        if self.attachment.transform.iv() == Some(Iv::Block) {
            let step = u64::from(self.attachment.block_bytes).min(PAGE_BYTES) / 512;
            let skip = self.attachment.offset_bytes / 512;
            let mut start = sectors.start;
            while start < sectors.end {
                let end = ((start + skip) / step + 1) * step - skip;
                chains.push(start..end.min(sectors.end));
                start = end;
            }
            return chains;
        }
        let mut start = self.unit_start(sectors.start);
        while start < sectors.end {
            chains.push(start..start + self.unit_sectors());
            start += self.unit_sectors();
        }
        chains
    }

    fn crypt_chain(&self, direction: Direction, sector: u64, bytes: &mut [u8]) {
        if self.attachment.transform.iv() == Some(Iv::Block) {
            let iv = block_iv(self.backing(sector) * 512, self.attachment.block_bytes);
            self.schemes[self.scheme].oracle.chain(direction, iv, bytes);
        } else {
            let n = n_of(&self.attachment, Sector(sector));
            self.schemes[self.scheme].oracle.crypt(direction, n, bytes);
        }
    }

    fn image_of(&self, sectors: &Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4096);
        for at in sectors.clone() {
            match self.image.get(&self.backing(at)) {
                Some(sector) => bytes.extend_from_slice(&**sector),
                None => bytes.resize(bytes.len() + 512, 0),
            }
        }
        bytes
    }

    /// Whether an op must be skipped because of its slot.
    pub(super) fn must_skip(&self, op: &Op) -> bool {
        match op {
            Op::Register { slot } => self.slots[usize::from(*slot)],
            Op::Unregister { slot } => !self.slots[usize::from(*slot)],
            Op::Reopen { change } | Op::Attach { change } => {
                match change.transform.unwrap_or(self.attachment.transform) {
                    Transform::Registered { slot } => !self.slots[usize::from(slot)],
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Whether the event answers the op: see [`Mechanism::answers`](crate::core::Mechanism::answers).
    pub(super) fn answers(&self, op: &Op, event: &Event) -> Result<(), String> {
        if self.must_skip(op) != (*event == Event::Skipped {}) {
            let expected = if self.must_skip(op) { "the op skipped" } else { "an answer" };
            return Err(format!("expected {expected}, as its slot requires, found: {event}"));
        }
        match (op, event) {
            (_, Event::Skipped {}) => Ok(()),
            (Op::Write { data, cuts, .. }, Event::Written { answers, .. }) => {
                expect_answers(data.0.len() / 512, cuts, answers.len())
            }
            (Op::Read { sector, sectors, cuts, .. }, Event::Read { answers, .. }) => {
                expect_answers(*sectors as usize, cuts, answers.len())?;
                let requests = requests(*sector, *sectors as usize * 512, cuts);
                requests
                    .iter()
                    .zip(answers)
                    .try_for_each(|(request, answer)| expect_bytes(request.bytes.len(), answer))
            }
            (Op::CryptUnit { data, .. }, Event::Crypted { answer }) => {
                expect_bytes(data.0.len(), answer)
            }
            (Op::Show { sectors, .. }, Event::Image { answer }) => match answer {
                ReadAnswer::Data { .. } => expect_bytes(*sectors as usize * 512, answer),
                ReadAnswer::Refused { error } => Err(unable(op, *error)),
            },
            (Op::SetBlockSize { .. }, Event::BlockSize { answer })
            | (Op::Flip { .. }, Event::Flipped { answer })
            | (Op::Register { .. }, Event::Registered { answer }) => match answer {
                Answer::Done {} => Ok(()),
                Answer::Refused { error } => Err(unable(op, *error)),
            },
            (Op::Reopen { .. }, Event::Reopened { .. })
            | (Op::Attach { .. }, Event::Attached { .. })
            | (Op::Unregister { .. }, Event::Unregistered { .. }) => Ok(()),
            _ => Err(format!("expected the answer to {op}, found: {event}")),
        }
    }

    /// Folds one op and its event into the memory.
    pub(super) fn record(&mut self, op: &Op, event: &Event) {
        self.fresh = self.book.len()..self.book.len();
        match (op, event) {
            (Op::Write { sector, data, cuts, segments, then }, Event::Written { answers, .. }) => {
                for (request, answer) in requests(*sector, data.0.len(), cuts).iter().zip(answers) {
                    if answer.is_done() {
                        self.record_write(request, &data.0, segments, then.as_ref());
                    } else {
                        self.record_refused(request);
                    }
                }
            }
            (Op::Read { .. }, Event::Read { answers, .. }) => {
                if answers.iter().any(|answer| answer.data().is_some()) {
                    self.happened(Since::Read);
                }
                if answers.iter().any(|answer| answer.data().is_none()) {
                    self.happened(Since::Refusal);
                }
            }
            (Op::SetBlockSize { bytes }, Event::BlockSize { answer: Answer::Done {} }) => {
                self.attachment.block_bytes = *bytes;
                self.happened(Since::BlockSize);
            }
            (Op::Show { sector, .. }, Event::Image { answer: ReadAnswer::Data { bytes } }) => {
                self.record_image(sector.0, &bytes.0);
            }
            (Op::Flip { byte, bit }, Event::Flipped { answer: Answer::Done {} }) => {
                self.record_flip(*byte, *bit);
            }
            (Op::Reopen { change }, Event::Reopened { answer: Answer::Done {} }) => {
                self.record_reopened(change.of(&self.attachment));
            }
            (Op::Register { slot }, Event::Registered { answer: Answer::Done {} }) => {
                self.slots[usize::from(*slot)] = true;
            }
            (Op::Unregister { slot }, Event::Unregistered { answer }) => {
                self.slots[usize::from(*slot)] = !answer.is_done();
                self.happened(if answer.is_done() { Since::Other } else { Since::Refusal });
            }
            (Op::Attach { .. }, Event::Attached { answer: Answer::Refused { .. } })
            | (Op::Reopen { .. }, Event::Reopened { answer: Answer::Refused { .. } }) => {
                self.happened(Since::Refusal);
            }
            (
                Op::CryptUnit { direction, transform, key, n, data },
                Event::Crypted { answer: ReadAnswer::Data { bytes } },
            ) => {
                let (plain, cipher) = match direction {
                    Direction::Encrypt => (data.0.clone(), bytes.0.clone()),
                    Direction::Decrypt => (bytes.0.clone(), data.0.clone()),
                };
                if let Some(scheme) = self.intern(transform, key) {
                    self.enter(Entry { scheme, n: *n, plain, cipher, seen: Seen::Alone });
                }
            }
            _ => self.happened(Since::Other),
        }
    }

    fn happened(&mut self, since: Since) {
        for shown in self.shown.values_mut() {
            shown.since |= since as u8;
        }
    }

    fn known(&self, transform: &Transform, key: &Key) -> Option<usize> {
        let transform = scheme_of(transform);
        self.schemes.iter().position(|known| known.transform == transform && known.key == *key)
    }

    /// The scheme of a transform under a key; `None` when the key does not fit it, whatever an
    /// implementation made of the two.
    fn intern(&mut self, transform: &Transform, key: &Key) -> Option<usize> {
        if let Some(scheme) = self.known(transform, key) {
            return Some(scheme);
        }
        let oracle = Oracle::new(transform, key).ok()?;
        self.schemes.push(Scheme { transform: scheme_of(transform), key: key.clone(), oracle });
        Some(self.schemes.len() - 1)
    }

    fn enter(&mut self, entry: Entry) {
        if !self.book.contains(&entry) {
            self.book.push(entry);
            self.fresh.end = self.book.len();
        }
    }

    fn record_write(
        &mut self,
        request: &Request,
        data: &[u8],
        segments: &[u32],
        then: Option<&Bytes>,
    ) {
        self.happened(Since::Write);
        self.requests += 1;
        let sectors = request.sectors();
        let piece = &data[request.bytes.clone()];
        let second = then.map(|then| &then.0[request.bytes.clone()]);
        for chain in self.chains(&sectors) {
            let covered = chain.start.max(sectors.start)..chain.end.min(sectors.end);
            let from = usize::try_from((covered.start - sectors.start) * 512)
                .expect("the sizes of a case are small");
            let bytes = from..from + data_len(&covered);
            self.write_chain(&chain, &covered, &piece[bytes.clone()], then.is_some());
            let mut shape = Rc::new(self.shape(chain.start, request, segments));
            for (index, at) in covered.enumerate() {
                if self.attachment.transform.iv() == Some(Iv::Block) {
                    // Each sector is a unit there, and lies elsewhere in its request.
                    shape = Rc::new(self.shape(at, request, segments));
                }
                let part = bytes.start + index * 512;
                let data = sector_at(piece, part);
                let then = second.map(|second| sector_at(second, part));
                let written = self.written_now(at, data, then, Rc::clone(&shape));
                self.low_written |= self.undivided_n(at) < 1 << 32;
                self.written.insert(self.backing(at), written);
            }
        }
    }

    fn written_now(
        &self,
        sector: u64,
        data: Box<[u8; 512]>,
        then: Option<Box<[u8; 512]>>,
        shape: Rc<Shape>,
    ) -> Written {
        Written {
            data,
            then,
            scheme: self.scheme,
            n: self.unit_n(sector),
            unit: self.backing(self.unit_start(sector)),
            large: self.attachment.transform.large_sectors(),
            offset_bytes: self.attachment.offset_bytes,
            block_bytes: self.attachment.block_bytes,
            request: self.requests,
            shape,
            damage: None,
            refused_since: false,
        }
    }

    /// Writes the covered part of a chain into the image as the formulas have it, and forgets
    /// what that makes void.
    fn write_chain(
        &mut self,
        chain: &Range<u64>,
        covered: &Range<u64>,
        data: &[u8],
        uncertain: bool,
    ) {
        let mut plain = data.to_vec();
        let mut lost = uncertain;
        if covered != chain {
            plain = self.image_of(chain);
            self.crypt_chain(Direction::Decrypt, chain.start, &mut plain);
            let from = data_len(&(chain.start..covered.start));
            plain[from..from + data.len()].copy_from_slice(data);
            lost |= chain.clone().any(|at| self.uncertain.contains(&self.backing(at)));
        }
        self.crypt_chain(Direction::Encrypt, chain.start, &mut plain);
        self.forget_torn(&(self.backing(chain.start)..self.backing(chain.end)));
        for (at, bytes) in chain.clone().zip(plain.as_chunks::<512>().0) {
            let backing = self.backing(at);
            if !covered.contains(&at) && self.readable(at).is_none() {
                // Another key's or a damaged remainder, decrypted and encrypted again.
                self.written.remove(&backing);
            }
            self.image.insert(backing, Box::new(*bytes));
            self.shown.remove(&backing);
            if lost {
                self.uncertain.insert(backing);
            } else {
                self.uncertain.remove(&backing);
            }
        }
    }

    /// Forgets what was written in units that lie partly in these sectors and partly outside, as
    /// units of another offset do: what is left of them reads otherwise.
    fn forget_torn(&mut self, sectors: &Range<u64>) {
        let around = sectors.start.saturating_sub(7)..sectors.end + 7;
        let torn: Vec<u64> = self
            .written
            .range(around)
            .filter(|(_, written)| {
                let unit = self.transform(written.scheme).unit_bytes() / 512;
                let end = written.unit + u64::from(unit);
                let overlaps = written.unit < sectors.end && sectors.start < end;
                overlaps && (written.unit < sectors.start || end > sectors.end)
            })
            .map(|(at, _)| *at)
            .collect();
        for at in torn {
            self.written.remove(&at);
        }
    }

    fn record_refused(&mut self, request: &Request) {
        self.happened(Since::Refusal);
        let offset = self.attachment.offset_bytes / 512;
        let sectors = request.sectors();
        for (_, written) in self.written.range_mut(sectors.start + offset..sectors.end + offset) {
            written.refused_since = true;
        }
    }

    fn record_image(&mut self, sector: u64, bytes: &[u8]) {
        let entries: Vec<Entry> =
            self.shown_units(sector, bytes).into_iter().map(ShownUnit::into_entry).collect();
        for entry in entries {
            self.enter(entry);
        }
        for (bytes, at) in bytes.as_chunks::<512>().0.iter().zip(sector..) {
            self.shown.insert(at, Shown { bytes: Box::new(*bytes), since: 0 });
        }
    }

    /// The units of which these bytes of the image show the whole, and whose plaintext is known.
    pub(super) fn shown_units<'a>(&'a self, sector: u64, bytes: &'a [u8]) -> Vec<ShownUnit<'a>> {
        let end = sector + bytes.len() as u64 / 512;
        let mut units = Vec::new();
        let mut at = sector;
        while at < end {
            let unit = self.written.get(&at).and_then(|first| {
                let next = at + u64::from(self.transform(first.scheme).unit_bytes()) / 512;
                (first.unit == at && next <= end).then_some((first, next))
            });
            let shown = unit.and_then(|(first, next)| {
                let from = data_len(&(sector..at));
                let cipher = &bytes[from..from + data_len(&(at..next))];
                self.shown_unit(first, at..next, cipher)
            });
            units.extend(shown);
            at = unit.map_or(at + 1, |(_, next)| next);
        }
        units
    }

    fn shown_unit<'a>(
        &'a self,
        first: &'a Written,
        sectors: Range<u64>,
        cipher: &'a [u8],
    ) -> Option<ShownUnit<'a>> {
        let mut plain = Vec::with_capacity(8);
        let mut shape = Some(&first.shape);
        for sector in sectors {
            let part = self.written.get(&sector)?;
            let same = (part.scheme, part.n, part.unit) == (first.scheme, first.n, first.unit);
            let damaged = part.damage.is_some() || part.then.is_some();
            if !same || damaged || self.uncertain.contains(&sector) {
                return None;
            }
            shape = shape.filter(|_| part.request == first.request);
            plain.push(&*part.data);
        }
        let seen = Seen::Device {
            large: first.large,
            offset_bytes: first.offset_bytes,
            block_bytes: first.block_bytes,
            shape: shape.cloned(),
        };
        Some(ShownUnit { scheme: first.scheme, n: first.n, plain, cipher, seen })
    }

    fn record_flip(&mut self, byte: u64, bit: u8) {
        let sector = byte / 512;
        let image = self.image.entry(sector).or_insert_with(|| Box::new([0; 512]));
        image[usize::try_from(byte % 512).expect("below 512")] ^= 1 << bit;
        self.shown.remove(&sector);
        self.happened(Since::Other);
        // The unit that holds the byte, as each writer saw it.
        let near = sector.saturating_sub(7)..sector + 8;
        let mut lost = Vec::new();
        for (at, written) in self.written.range_mut(near) {
            let transform = &self.schemes[written.scheme].transform;
            if transform.iv() == Some(Iv::Block) {
                // The damage goes on into the next sector of the chain.
                if *at >= sector {
                    lost.push(*at);
                }
                continue;
            }
            let unit = u64::from(transform.unit_bytes());
            let start = written.unit * 512;
            if !(start..start + unit).contains(&byte) {
                continue;
            }
            if written.damage.is_some() || written.then.is_some() {
                lost.push(*at);
            }
            written.damage = usize::try_from(byte - start).ok().map(|at| (at, bit));
        }
        for at in lost {
            self.written.remove(&at);
        }
    }

    fn record_reopened(&mut self, to: Attachment) {
        self.happened(Since::Other);
        if let Some(scheme) = self.intern(&to.transform, &to.key) {
            self.scheme = scheme;
            self.attachment = to;
        }
    }

    /// What the formulas make of a unit by itself; `None` when the key does not fit.
    pub(super) fn expected_unit(
        &self,
        direction: Direction,
        transform: &Transform,
        key: &Key,
        n: u64,
        data: &[u8],
    ) -> Option<Vec<u8>> {
        let mut unit = data.to_vec();
        if let Some(scheme) = self.known(transform, key) {
            self.schemes[scheme].oracle.crypt(direction, n, &mut unit);
        } else {
            let oracle = key_fits(transform, key).then(|| Oracle::new(transform, key).ok())??;
            oracle.crypt(direction, n, &mut unit);
        }
        Some(unit)
    }

    /// Whether equal halves of a key must be refused, one way or both.
    pub(super) fn refuses_halves(&self, direction: Option<Direction>) -> bool {
        match self.profile.equal_halves {
            EqualHalves::Accepted => false,
            EqualHalves::Refused => true,
            EqualHalves::DecryptOnly => direction != Some(Direction::Decrypt),
        }
    }

    pub(super) fn refuses_partial(&self) -> bool {
        self.profile.partial_requests == PartialRequests::Refused
    }
}

/// A transform without what only says how *n* is counted.
fn scheme_of(transform: &Transform) -> Transform {
    match *transform {
        Transform::Cipher { cipher, key_bits, iv, unit_bytes, .. } => {
            Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors: false }
        }
        other => other,
    }
}

fn data_len(sectors: &Range<u64>) -> usize {
    usize::try_from((sectors.end - sectors.start) * 512).expect("the sizes of a case are small")
}

fn sector_at(bytes: &[u8], from: usize) -> Box<[u8; 512]> {
    let sector = bytes[from..].first_chunk::<512>().expect("whole sectors");
    Box::new(*sector)
}

fn expect_answers(sectors: usize, cuts: &[u32], found: usize) -> Result<(), String> {
    let expected = cuts.len() + 1;
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "expected an answer to each of {expected} requests of {sectors} sectors, found {found}"
    ))
}

fn expect_bytes(expected: usize, answer: &ReadAnswer) -> Result<(), String> {
    match answer.data() {
        Some(bytes) if bytes.len() != expected => {
            Err(format!("expected {expected} bytes, found {}", bytes.len()))
        }
        _ => Ok(()),
    }
}

fn unable(op: &Op, error: Error) -> String {
    format!("expected that the device can {op}, as its profile says, found a refusal: {error}")
}
