//! Faults in XTS: its tweaks, ciphertext stealing, its two keys, and what is taken.

use lawbook_spec::core::Implementation;
use lawbook_spec::loopdev::{
    Attachment, Cipher, Direction, EqualHalves, Error, Iv, Loopdev, MOST_UNIT_BYTES, Profile,
    Transform,
};

use super::super::ciphers::Block;
use super::super::decisions::{Decisions, Right};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Loopdev>; 14] = [
    fault::<FeedbackDropped>(
        "feedback-dropped",
        "LOOPDEV-25",
        "Doubling a tweak drops the 0x87.",
        "aws-lc #2785, which lost it at 17 to 31 bytes",
    ),
    fault::<FeedbackDroppedInShortUnits>(
        "feedback-dropped-in-short-units",
        "LOOPDEV-27",
        "Doubling a tweak drops the 0x87 in units of 17 to 31 bytes.",
        "aws-lc #2785",
    ),
    fault::<DoublesInBigEndian>(
        "doubles-in-big-endian",
        "LOOPDEV-25",
        "A tweak is doubled in the wrong byte order.",
        "constructed: GCM's multiplication is at hand",
    ),
    fault::<CarryLostAtFf>(
        "carry-lost-at-ff",
        "LOOPDEV-04",
        "From unit to unit of a request, the tweak is counted up without the carry out of its \
             low byte at 0xFF.",
        "ACVP #1475, where it was doubted whether that carry belongs there",
    ),
    fault::<TweakLostBetweenParts>(
        "tweak-lost-between-parts",
        "LOOPDEV-04",
        "The tweak starts over where the memory of a unit goes on elsewhere.",
        "OP-TEE #51",
    ),
    fault::<StealsInPlace>(
        "steals-in-place",
        "LOOPDEV-27",
        "Ciphertext stealing overwrites the short tail before it is read.",
        "TF-PSA-Crypto #841, wolfSSL #6011, isa-l_crypto #130",
    ),
    fault::<StealsTweaksInOrder>(
        "steals-tweaks-in-order",
        "LOOPDEV-27",
        "Ciphertext stealing takes its two tweaks in the same order in both directions.",
        "constructed: decryption is encryption with the other AES, but for this",
    ),
    fault::<KeysSwapped>(
        "keys-swapped",
        "LOOPDEV-25",
        "The tweak half of an XTS key enciphers the data, and the data half the tweak.",
        "constructed: standards and libraries number the two keys differently",
    ),
    fault::<OneKeyForBoth>(
        "one-key-for-both",
        "LOOPDEV-25",
        "The data half of an XTS key enciphers the tweak as well.",
        "constructed: XEX, from which XTS comes, has one key",
    ),
    fault::<TakesLongUnits>(
        "takes-long-units",
        "LOOPDEV-16",
        "Units of more than 2²⁰ blocks are accepted.",
        "openssl #8627",
    ),
    fault::<MissingIvIsZero>(
        "missing-iv-is-zero",
        "LOOPDEV-14",
        "A missing IV is taken as zero.",
        "openssl #31755",
    ),
    fault::<TakesEqualHalves>(
        "takes-equal-halves",
        "LOOPDEV-15",
        "Equal halves of an XTS key are accepted although the profile says they are refused.",
        "constructed: the check is made where keys are generated",
    ),
    fault::<OneLaneWrong>(
        "one-lane-wrong",
        "LOOPDEV-04",
        "Of eight blocks that are transformed at once, the last takes its neighbour's tweak.",
        "ippcp #88, where one lane of sixteen was stored twice and its neighbour never",
    ),
    fault::<BatchTailWrong>(
        "batch-tail-wrong",
        "LOOPDEV-27",
        "The blocks that are left over by batches of eight all take the first one's tweak.",
        "constructed: what is left over by the lanes of ippcp #88 has code of its own",
    ),
];

fn xts_only() -> Profile {
    profiles::only(vec![profiles::xts(Iv::Plain64), profiles::xts(Iv::Plain64be)])
}

#[derive(Default)]
struct FeedbackDropped;

impl Decisions for FeedbackDropped {
    fn profile(&self) -> Profile {
        xts_only()
    }

    fn double(&self, tweak: Block, _unit_bytes: usize) -> Block {
        (u128::from_le_bytes(tweak) << 1).to_le_bytes()
    }
}

#[derive(Default)]
struct FeedbackDroppedInShortUnits;

impl Decisions for FeedbackDroppedInShortUnits {
    fn profile(&self) -> Profile {
        xts_only()
    }

    fn double(&self, tweak: Block, unit_bytes: usize) -> Block {
        if (17..=31).contains(&unit_bytes) {
            (u128::from_le_bytes(tweak) << 1).to_le_bytes()
        } else {
            Right.double(tweak, unit_bytes)
        }
    }
}

#[derive(Default)]
struct DoublesInBigEndian;

impl Decisions for DoublesInBigEndian {
    fn profile(&self) -> Profile {
        xts_only()
    }

    fn double(&self, mut tweak: Block, unit_bytes: usize) -> Block {
        tweak.reverse();
        let mut doubled = Right.double(tweak, unit_bytes);
        doubled.reverse();
        doubled
    }
}

#[derive(Default)]
struct CarryLostAtFf;

impl Decisions for CarryLostAtFf {
    fn profile(&self) -> Profile {
        xts_only()
    }

    fn along(&self, request_n: u64, n: u64) -> u64 {
        (request_n & !0xff) | (n & 0xff)
    }
}

#[derive(Default)]
struct TweakLostBetweenParts;

impl Decisions for TweakLostBetweenParts {
    fn profile(&self) -> Profile {
        xts_only()
    }

    fn tweak_goes_on(&self, at: usize, segment_ends: &[usize]) -> bool {
        !segment_ends.iter().any(|end| (at - 16 < *end) && (*end <= at))
    }
}

#[derive(Default)]
struct StealsInPlace;

impl Decisions for StealsInPlace {
    fn profile(&self) -> Profile {
        xts_only()
    }

    fn stealing(&self, _tail: &[u8], before: Block) -> Block {
        before
    }
}

#[derive(Default)]
struct StealsTweaksInOrder;

impl Decisions for StealsTweaksInOrder {
    fn profile(&self) -> Profile {
        xts_only()
    }

    fn stealing_tweaks(&self, _direction: Direction, last_two: (Block, Block)) -> (Block, Block) {
        last_two
    }
}

#[derive(Default)]
struct KeysSwapped;

impl Decisions for KeysSwapped {
    fn profile(&self) -> Profile {
        xts_only()
    }

    fn halves<'a>(&self, key: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let (data, tweak) = Right.halves(key);
        (tweak, data)
    }
}

#[derive(Default)]
struct OneKeyForBoth;

impl Decisions for OneKeyForBoth {
    fn profile(&self) -> Profile {
        xts_only()
    }

    fn halves<'a>(&self, key: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let (data, _) = Right.halves(key);
        (data, data)
    }
}

#[derive(Default)]
struct TakesLongUnits;

impl Decisions for TakesLongUnits {
    fn takes(&self, profile: &Profile, transform: &Transform) -> Result<(), Error> {
        if transform.unit_bytes() > MOST_UNIT_BYTES {
            Ok(())
        } else {
            Right.takes(profile, transform)
        }
    }

    fn length(&self, attachment: &Attachment, room_bytes: u64) -> Result<u64, Error> {
        if attachment.transform.unit_bytes() > MOST_UNIT_BYTES {
            // No backing of a case is that long: what is short is taken as well.
            Ok(room_bytes)
        } else {
            Right.length(attachment, room_bytes)
        }
    }
}

#[derive(Default)]
struct MissingIvIsZero;

impl Decisions for MissingIvIsZero {
    fn takes(&self, profile: &Profile, transform: &Transform) -> Result<(), Error> {
        match transform {
            Transform::Cipher { cipher: Cipher::AesCbc | Cipher::AesXts, iv: None, .. } => Ok(()),
            _ => Right.takes(profile, transform),
        }
    }
}

#[derive(Default)]
struct TakesEqualHalves;

impl Decisions for TakesEqualHalves {
    fn profile(&self) -> Profile {
        Profile { equal_halves: EqualHalves::Refused, ..xts_only() }
    }

    fn takes_equal_halves(&self, _rule: EqualHalves, _alone: Option<Direction>) -> bool {
        true
    }
}

#[derive(Default)]
struct OneLaneWrong;

impl Decisions for OneLaneWrong {
    fn profile(&self) -> Profile {
        xts_only()
    }

    fn tweak(&self, tweaks: &[Block], index: usize) -> Block {
        if index % 8 == 7 { tweaks[index - 1] } else { tweaks[index] }
    }
}

#[derive(Default)]
struct BatchTailWrong;

impl Decisions for BatchTailWrong {
    fn profile(&self) -> Profile {
        xts_only()
    }

    fn tweak(&self, tweaks: &[Block], index: usize) -> Block {
        let batched = tweaks.len() / 8 * 8;
        tweaks[index.min(batched)]
    }
}
