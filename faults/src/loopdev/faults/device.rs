//! Faults in what a device takes and keeps, in registered transfers, and in plain data.

use std::cell::RefCell;

use lawbook_spec::core::{Case, EVERY_CASE, Implementation, LawId, Origin, Subject, Trace};
use lawbook_spec::loopdev::{
    Answer, Attachment, Direction, Error, Event, Iv, Key, Loopdev, Offer, Op, Profile, Transform,
};

use super::super::ciphers::Block;
use super::super::decisions::{Decisions, Right};
use super::super::{driver, fault, profiles};

pub(super) const FAULTS: [Implementation<Loopdev>; 12] = [
    fault::<UnregistersInUse>(
        "unregisters-in-use",
        "LOOPDEV-22",
        "A transfer is unregistered while the device uses it.",
        "Linux, which released the device instead",
    ),
    fault::<WritesSplitReadOnly>(
        "writes-split-read-only",
        "LOOPDEV-18",
        "Read-only is ignored for a request whose memory lies in several segments.",
        "constructed: the check is made on one of two ways to write",
    ),
    fault::<LimitOffByOne>(
        "limit-off-by-one",
        "LOOPDEV-17",
        "A size limit ends the device one sector late.",
        "constructed: `>` in place of `>=`",
    ),
    fault::<DetachDropsLastWrite>(
        "detach-drops-last-write",
        "LOOPDEV-01",
        "A detach drops the last write.",
        "constructed: the queue is emptied, not drained",
    ),
    fault::<KeepsFirstKey>(
        "keeps-first-key",
        "LOOPDEV-20",
        "The key of the first attachment is used for later ones, whatever their key.",
        "constructed: the key schedule is kept from one attachment to the next",
    ),
    fault::<NoneSwapsBytes>(
        "none-swaps-bytes",
        "LOOPDEV-23",
        "The plain bytes of `none` are swapped in pairs.",
        "constructed: the IDE disks of an Atari hold their bytes so",
    ),
    fault::<TransferGetsRequestsNumber>(
        "transfer-gets-requests-number",
        "LOOPDEV-24",
        "A registered transfer is told the request's n for every piece of it.",
        "constructed: n is computed once, before the loop",
    ),
    fault::<TransferAlwaysEncrypts>(
        "transfer-always-encrypts",
        "LOOPDEV-01",
        "A registered transfer is asked to encipher when the device reads.",
        "constructed: transfers that undo themselves, as XOR does, hide it",
    ),
    fault::<OffsetIn32Bits>(
        "offset-in-32-bits",
        "LOOPDEV-04",
        "The offset is stored in 32 bits of bytes, so a device beyond 4 GiB starts elsewhere.",
        "Linux loop driver, whose `lo_offset` was an int",
    ),
    fault::<UnitAloneDividesTwice>(
        "unit-alone-divides-twice",
        "LOOPDEV-10",
        "The n of a unit by itself is divided for large sectors although it was already.",
        "constructed: both layers know of large sectors",
    ),
    fault::<CbcChainsOnPlaintext>(
        "cbc-chains-on-plaintext",
        "LOOPDEV-05",
        "CBC decryption chains on the plaintext of the block before.",
        "isa-l_crypto #143, where it happened in place",
    ),
    Implementation {
        name: "answers-for-a-full-slot",
        version: || env!("CARGO_PKG_VERSION").into(),
        about: "To register under a slot that is full is answered, not skipped.",
        origin: Origin::Fault {
            breaks: LawId("LOOPDEV-00"),
            precedent: "constructed: an adapter keeps no table of slots",
        },
        every: EVERY_CASE,
        open: || Ok(Box::new(AnswersForFullSlot(driver::<Right>()))),
    },
];

#[derive(Default)]
struct UnregistersInUse;

impl Decisions for UnregistersInUse {
    fn profile(&self) -> Profile {
        transfers_only()
    }

    fn unregisters(&self, _in_use: bool) -> bool {
        true
    }
}

fn transfers_only() -> Profile {
    Profile {
        // No transfer is registered yet when a case begins.
        none: true,
        transfers: true,
        ..profiles::only(Vec::new())
    }
}

#[derive(Default)]
struct WritesSplitReadOnly;

impl Decisions for WritesSplitReadOnly {
    fn refuses_write(&self, read_only: bool, segments: usize) -> bool {
        read_only && segments == 1
    }
}

#[derive(Default)]
struct LimitOffByOne;

impl Decisions for LimitOffByOne {
    fn sectors(&self, attachment: &Attachment, device_bytes: u64) -> u64 {
        let limited = attachment.size_limit_bytes > 0;
        device_bytes / 512 + u64::from(limited)
    }
}

#[derive(Default)]
struct DetachDropsLastWrite;

impl Decisions for DetachDropsLastWrite {
    fn detach_keeps_last_write(&self) -> bool {
        false
    }
}

/// The first key of each length.
#[derive(Default)]
struct KeepsFirstKey(RefCell<Vec<Key>>);

impl Decisions for KeepsFirstKey {
    fn key(&self, given: &Key) -> Key {
        let mut kept = self.0.borrow_mut();
        if let Some(first) = kept.iter().find(|key| same_length(key, given)) {
            return first.clone();
        }
        kept.push(given.clone());
        given.clone()
    }
}

fn same_length(left: &Key, right: &Key) -> bool {
    match (left, right) {
        (Key::Bytes { bytes: left }, Key::Bytes { bytes: right }) => left.0.len() == right.0.len(),
        (Key::Lines { lines: left }, Key::Lines { lines: right }) => left.len() == right.len(),
        _ => false,
    }
}

#[derive(Default)]
struct NoneSwapsBytes;

impl Decisions for NoneSwapsBytes {
    fn profile(&self) -> Profile {
        Profile { none: true, ..profiles::only(Vec::new()) }
    }

    fn none(&self, sector: &mut [u8]) {
        for pair in sector.chunks_exact_mut(2) {
            pair.swap(0, 1);
        }
    }
}

#[derive(Default)]
struct TransferGetsRequestsNumber;

impl Decisions for TransferGetsRequestsNumber {
    fn profile(&self) -> Profile {
        transfers_only()
    }

    fn along(&self, request_n: u64, _n: u64) -> u64 {
        request_n
    }
}

#[derive(Default)]
struct TransferAlwaysEncrypts;

impl Decisions for TransferAlwaysEncrypts {
    fn profile(&self) -> Profile {
        transfers_only()
    }

    fn asks(&self, _direction: Direction) -> Direction {
        Direction::Encrypt
    }
}

#[derive(Default)]
struct OffsetIn32Bits;

impl Decisions for OffsetIn32Bits {
    fn start(&self, offset_bytes: u64) -> Result<u64, Error> {
        Right.start(offset_bytes & 0xffff_ffff)
    }
}

#[derive(Default)]
struct UnitAloneDividesTwice;

impl Decisions for UnitAloneDividesTwice {
    fn profile(&self) -> Profile {
        profiles::only(vec![Offer { unit_bytes: vec![1024], ..profiles::xts(Iv::Plain64) }])
    }

    fn n_alone(&self, transform: &Transform, n: u64) -> u64 {
        Right.n(transform, n)
    }
}

#[derive(Default)]
struct CbcChainsOnPlaintext;

impl Decisions for CbcChainsOnPlaintext {
    fn chained(&self, _ciphertext: Block, plaintext: Block) -> Block {
        plaintext
    }
}

/// Rewrites what the understudy skipped.
struct AnswersForFullSlot<S>(S);

impl<S: Subject<Loopdev>> Subject<Loopdev> for AnswersForFullSlot<S> {
    fn profile(&self) -> Profile {
        self.0.profile()
    }

    fn run(&mut self, case: &Case<Loopdev>) -> Trace<Loopdev> {
        let mut trace = self.0.run(case);
        for (op, event) in case.ops.iter().zip(&mut trace.events) {
            if matches!((op, &event), (Op::Register { .. }, Event::Skipped {})) {
                *event = Event::Registered { answer: Answer::Done {} };
            }
        }
        trace
    }
}
