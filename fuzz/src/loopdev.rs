//! The loop device: the reference judged, and the reference held against the understudy.
//!
//! The two are compared without any law, so that a mistake that the laws share with the model is
//! seen too: the same case, drawn within what both do, gets the same events. What the contract
//! leaves open is taken out first: which of several errors a refusal names, into what pieces the
//! calls of a registered transfer are cut, and keys with equal halves, of which the two make
//! different choices.

use arbitrary::Unstructured;
use lawbook::judge_bytes;
use lawbook::spec::core::draw_case;
use lawbook::spec::loopdev::{
    Answer, Call, EqualHalves, Error, Event, Key, Loopdev, Offer, Op, Profile, ReadAnswer,
    SECTOR_BYTES,
};

use crate::pair::{Boxed, difference, open};

/// Judges the reference on the case that these bytes stand for.
///
/// # Panics
///
/// With a story, when a law is broken.
pub fn loopdev(bytes: &[u8]) {
    if let Err(story) = judge_bytes::<Loopdev>(&mut reference(), bytes) {
        panic!("{story}");
    }
}

/// Runs the reference and the understudy on the case that these bytes stand for, drawn within what
/// both do.
///
/// # Panics
///
/// With the case and both events, when they differ.
pub fn loopdev_pair(bytes: &[u8]) {
    if let Some(difference) = pair(&mut reference(), &mut understudy(), bytes) {
        panic!("the reference and the understudy differ\n{difference}");
    }
}

/// Where two implementations differ on the case that these bytes stand for.
fn pair(one: &mut Boxed<Loopdev>, other: &mut Boxed<Loopdev>, bytes: &[u8]) -> Option<String> {
    let profile = common(&one.profile(), &other.profile());
    let mut case = draw_case::<Loopdev>(&mut Unstructured::new(bytes), &profile).ok()?;
    if has_equal_halves(&case.setup.attachment.key) {
        return None;
    }
    case.ops.retain(|op| key_of(op).is_none_or(|key| !has_equal_halves(key)));
    let (first, second) = (one.run(&case), other.run(&case));
    difference(&case, &first, &second, |_, event| settled(event))
}

fn reference() -> Boxed<Loopdev> {
    open(&lawbook_reference::loopdev::implementations(), "reference")
}

fn understudy() -> Boxed<Loopdev> {
    open(&lawbook_faults::loopdev::implementations(), "understudy")
}

/// What both do.
///
/// # Panics
///
/// When they make different choices about requests, so that most cases would differ.
fn common(one: &Profile, other: &Profile) -> Profile {
    assert_eq!(one.partial_requests, other.partial_requests, "the two make the same choice");
    Profile {
        ciphers: common_offers(&one.ciphers, &other.ciphers),
        none: one.none && other.none,
        xor: one.xor && other.xor,
        transfers: one.transfers && other.transfers,
        image: one.image && other.image,
        flips: one.flips && other.flips,
        block_size: one.block_size && other.block_size,
        offsets: one.offsets && other.offsets,
        first: one.first && other.first,
        far: one.far && other.far,
        size_limit: one.size_limit && other.size_limit,
        read_only: one.read_only && other.read_only,
        crypt_unit: one.crypt_unit && other.crypt_unit,
        partial_units: one.partial_units && other.partial_units,
        equal_halves: EqualHalves::Refused,
        partial_requests: one.partial_requests,
    }
}

fn common_offers(one: &[Offer], other: &[Offer]) -> Vec<Offer> {
    let pairs = one.iter().flat_map(|mine| other.iter().map(move |theirs| (mine, theirs)));
    pairs
        .filter(|(mine, theirs)| mine.cipher == theirs.cipher && mine.iv == theirs.iv)
        .map(|(mine, theirs)| Offer {
            cipher: mine.cipher,
            iv: mine.iv,
            key_bits: both(&mine.key_bits, &theirs.key_bits),
            unit_bytes: both(&mine.unit_bytes, &theirs.unit_bytes),
            large_sectors: mine.large_sectors && theirs.large_sectors,
        })
        .collect()
}

fn both<T: Copy + PartialEq>(one: &[T], other: &[T]) -> Vec<T> {
    let mut shared = one.to_vec();
    shared.retain(|value| other.contains(value));
    shared
}

/// The key that an op names.
fn key_of(op: &Op) -> Option<&Key> {
    match op {
        Op::Reopen { change } | Op::Attach { change } => change.key.as_ref(),
        Op::CryptUnit { key, .. } => Some(key),
        _ => None,
    }
}

fn has_equal_halves(key: &Key) -> bool {
    match key {
        Key::Bytes { bytes } => {
            let (data, tweak) = bytes.0.split_at(bytes.0.len() / 2);
            !data.is_empty() && data == tweak
        }
        Key::Lines { .. } => false,
    }
}

/// An event without what the contract leaves open.
fn settled(event: &Event) -> Event {
    match event.clone() {
        Event::Skipped {} => Event::Skipped {},
        Event::Written { answers, calls } => Event::Written {
            answers: answers.into_iter().map(any_error).collect(),
            calls: in_sectors(&calls),
        },
        Event::Read { answers, calls } => Event::Read {
            answers: answers.into_iter().map(any_read_error).collect(),
            calls: in_sectors(&calls),
        },
        Event::BlockSize { answer } => Event::BlockSize { answer: any_error(answer) },
        Event::Image { answer } => Event::Image { answer: any_read_error(answer) },
        Event::Flipped { answer } => Event::Flipped { answer: any_error(answer) },
        Event::Reopened { answer } => Event::Reopened { answer: any_error(answer) },
        Event::Attached { answer } => Event::Attached { answer: any_error(answer) },
        Event::Registered { answer } => Event::Registered { answer: any_error(answer) },
        Event::Unregistered { answer } => Event::Unregistered { answer: any_error(answer) },
        Event::Crypted { answer } => Event::Crypted { answer: any_read_error(answer) },
    }
}

fn any_error(answer: Answer) -> Answer {
    match answer {
        Answer::Refused { .. } => Answer::Refused { error: Error::Io },
        done => done,
    }
}

fn any_read_error(answer: ReadAnswer) -> ReadAnswer {
    match answer {
        ReadAnswer::Refused { .. } => ReadAnswer::Refused { error: Error::Io },
        data => data,
    }
}

/// Calls cut into single sectors, in order of *n*.
fn in_sectors(calls: &[Call]) -> Vec<Call> {
    let sectors = calls.iter().flat_map(|call| {
        (0..u64::from(call.bytes) / SECTOR_BYTES).map(|at| call.n.wrapping_add(at))
    });
    let mut numbers: Vec<u64> = sectors.collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|n| Call { n, bytes: 512 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::bytes;

    fn read(calls: Vec<Call>) -> Event {
        let error = Error::PastEnd;
        let answers = vec![ReadAnswer::Refused { error }];
        Event::Read { answers, calls }
    }

    #[test]
    fn a_fault_and_the_reference_differ() {
        let faults = lawbook_faults::loopdev::implementations();
        let mut faulty = open(&faults, "iv-restarts-per-request");
        let differs = |seed| pair(&mut reference(), &mut faulty, &bytes(seed)).is_some();
        assert!((0..200).any(differs));
    }

    #[test]
    fn the_understudy_and_the_reference_do_not() {
        (0..200).for_each(|seed| loopdev_pair(&bytes(seed)));
    }

    #[test]
    fn the_pieces_of_calls_and_the_names_of_errors_are_left_open() {
        let whole = read(vec![Call { n: 3, bytes: 1024 }]);
        let pieces = read(vec![Call { n: 4, bytes: 512 }, Call { n: 3, bytes: 512 }]);
        assert_eq!(settled(&whole), settled(&pieces));
    }

    #[test]
    fn a_sector_that_is_called_twice_is_not_left_open() {
        let once = read(vec![Call { n: 3, bytes: 512 }]);
        let twice = read(vec![Call { n: 3, bytes: 512 }; 2]);
        assert_ne!(settled(&once), settled(&twice));
    }
}
