//! The exhaustive small tier.
//!
//! It does not cover what only a longer history shows.

use super::super::contract::{Direction, Offer, Profile};
use super::super::{Attachment, Cipher, IEEE_1619, Iv, Key, Loopdev, Sector, Transform, Vector};
use super::admit::admits;
use super::draw::{fill, key_of, small_u32};
use super::{Op, Setup};
use crate::core::{Bytes, Case};

/// The exhaustive small tier: every partition of a request of 4 units, for every transform and
/// every size of unit, around n = 0, 2⁸, 2¹⁶, 2³² and 2⁶³; for each also one long request; and the
/// published vectors.
pub(in super::super) fn small(profile: &Profile) -> Box<dyn Iterator<Item = Case<Loopdev>>> {
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

pub(super) fn transforms(offer: &Offer) -> Vec<Transform> {
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

/// A device of so many sectors, attached in the plainest way.
pub(super) fn bare(profile: &Profile, transform: Transform, sectors: u32) -> Setup {
    let attachment = Attachment {
        transform,
        key: key_of(&transform, profile, 1),
        offset_bytes: 0,
        first: 0,
        size_limit_bytes: 0,
        read_only: false,
        block_bytes: 1024,
    };
    Setup { backing_bytes: u64::from(sectors) * 512, attachment, far: None }
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
    let mut setup = bare(profile, transform, sectors);
    setup.attachment.block_bytes = 4096;
    Case { setup, ops: [write].into_iter().chain(show).chain([read]).collect() }
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
    let mut setup = bare(profile, transform, sectors);
    if profile.first {
        setup.attachment.first = n.wrapping_sub(u64::from(unit_bytes) / 256);
    }
    Case { setup, ops }
}

/// A case per published vector that the profile admits: the unit encrypted, and decrypted.
fn vector_cases(profile: &Profile) -> Vec<Case<Loopdev>> {
    let cases = IEEE_1619.iter().filter_map(|vector| {
        let transform = vector_transform(profile, vector)?;
        let ways = [Direction::Encrypt, Direction::Decrypt];
        let ops = ways.map(|direction| vector_op(vector, transform, direction)).to_vec();
        Some(Case { setup: bare(profile, transform, transform.unit_bytes() / 512), ops })
    });
    cases.filter(|case| admits(profile, case).is_ok()).collect()
}

/// The transform of a vector, in a size of unit that is offered: the vectors have their own.
pub(super) fn vector_transform(profile: &Profile, vector: &Vector) -> Option<Transform> {
    let (cipher, iv) = (Cipher::AesXts, Some(Iv::Plain64));
    let key_bits = small_u16(vector.key.len() * 4);
    let offer = profile.ciphers.iter().find(|offer| {
        offer.cipher == cipher && offer.iv == iv && offer.key_bits.contains(&key_bits)
    })?;
    let unit_bytes = *offer.unit_bytes.first()?;
    Some(Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors: false })
}

pub(super) fn vector_op(vector: &Vector, transform: Transform, direction: Direction) -> Op {
    let [key, data] = [vector.key, vector.ends(direction).0]
        .map(|text| Bytes(hex::decode(text).expect("the vectors are hex")));
    Op::CryptUnit { direction, transform, key: Key::Bytes { bytes: key }, n: vector.n, data }
}

fn small_u16(value: usize) -> u16 {
    u16::try_from(value).expect("keys are short")
}
