//! What the understudies and the catalogue promise.

use std::collections::BTreeSet;

use lawbook_spec::core::{Bytes, LawId};
use lawbook_spec::loopdev::{
    Attachment, Cipher, Direction, Error, IEEE_1619, Iv, Key, LoopDevice, Offer, Oracle,
    PartialRequests, Profile, Sector, Transform,
};

use super::decisions::{Decisions, Right, Strict};
use super::understudy::Understudy;
use super::{driver, implementations, profiles};
use crate::checks::{self, laws_broken, noise};

const EDGES: [u64; 18] = [
    0,
    1,
    63,
    64,
    65,
    (1 << 8) - 1,
    1 << 8,
    1 << 16,
    (1 << 31) - 1,
    (1 << 32) - 1,
    1 << 32,
    (1 << 32) + 1,
    1 << 52,
    1 << 55,
    (1 << 56) + 1,
    1 << 59,
    1 << 63,
    u64::MAX,
];

/// The understudy with every transform, the weak ones too.
#[derive(Default)]
struct Everything;

impl Decisions for Everything {
    fn profile(&self) -> Profile {
        let mut ciphers = profiles::understudy().ciphers;
        ciphers.extend([Iv::Plain, Iv::Null].map(profiles::xts));
        ciphers.extend(
            [Iv::Plain, Iv::Plain64, Iv::Plain64be, Iv::Null, Iv::Benbi, Iv::Eboiv]
                .map(profiles::cbc),
        );
        ciphers.extend([profiles::loop_aes(Iv::LoopAesV1), profiles::block()]);
        ciphers.push(Offer { cipher: Cipher::AesEcb, iv: None, ..profiles::cbc(Iv::Null) });
        Profile { ciphers, xor: true, ..profiles::understudy() }
    }
}

/// The understudy with the scheme of Linux 2.4 alone.
#[derive(Default)]
struct LinuxTwoFour;

impl Decisions for LinuxTwoFour {
    fn profile(&self) -> Profile {
        profiles::only(vec![profiles::block()])
    }
}

#[test]
fn the_understudy_keeps_the_vectors_of_ieee_1619() {
    for vector in IEEE_1619 {
        let transform = Transform::Cipher {
            cipher: Cipher::AesXts,
            key_bits: u16::try_from(vector.key.len() * 4).unwrap(),
            iv: Some(Iv::Plain64),
            unit_bytes: 512,
            large_sectors: false,
        };
        let key = Key::Bytes { bytes: Bytes(hex::decode(vector.key).unwrap()) };
        let mut unit = hex::decode(vector.plain).unwrap();
        let mut device = Understudy::new(Box::<Right>::default(), 512);
        let mut crypt = |direction, unit: &mut [u8]| {
            device.crypt_unit(direction, &transform, &key, vector.n, unit)
        };
        crypt(Direction::Encrypt, &mut unit).unwrap();
        assert_eq!(hex::encode(&unit), vector.cipher, "vector {}", vector.number);
        crypt(Direction::Decrypt, &mut unit).unwrap();
        assert_eq!(hex::encode(&unit), vector.plain, "vector {}", vector.number);
    }
}

#[test]
fn the_understudy_agrees_with_the_oracle_on_units_of_every_transform() {
    for transform in every_transform(&Everything.profile()) {
        if transform.iv() == Some(Iv::Block) {
            continue;
        }
        let key = key_of(&transform);
        let oracle = Oracle::new(&transform, &key).unwrap();
        let mut device = Understudy::new(Box::<Everything>::default(), 512);
        for n in EDGES {
            for bytes in lengths(&transform) {
                for direction in [Direction::Encrypt, Direction::Decrypt] {
                    let mut ours = noise(n ^ bytes as u64, bytes);
                    let mut theirs = ours.clone();
                    let outcome = device.crypt_unit(direction, &transform, &key, n, &mut ours);
                    assert_eq!(outcome, Ok(()), "{transform}, n {n:#x}, {bytes} bytes");
                    oracle.crypt(direction, n, &mut theirs);
                    assert_eq!(ours, theirs, "{transform}, n {n:#x}, {bytes} bytes");
                }
            }
        }
    }
}

#[test]
fn weak_transforms_break_no_law_but_those_that_they_are_weak_in() {
    let everything = laws_broken(&mut driver::<Everything>(), 8_000);
    let linux_2_4 = laws_broken(&mut driver::<LinuxTwoFour>(), 2_000);
    let of_block = ["LOOPDEV-01", "LOOPDEV-02", "LOOPDEV-03"].map(LawId);
    let of_any = ["LOOPDEV-11", "LOOPDEV-26"].map(LawId);
    let weaknesses: BTreeSet<_> = of_block.into_iter().chain(of_any).collect();
    assert_eq!(everything, weaknesses);
    assert_eq!(linux_2_4, weaknesses);
}

#[test]
fn the_understudies_keep_every_law() {
    assert_eq!(laws_broken(&mut driver::<Right>(), 600), BTreeSet::new());
    assert_eq!(laws_broken(&mut driver::<Strict>(), 600), BTreeSet::new());
}

#[test]
fn the_two_understudies_make_different_choices() {
    let attachment = Attachment {
        transform: Transform::Cipher {
            cipher: Cipher::AesXts,
            key_bits: 256,
            iv: Some(Iv::Plain64),
            unit_bytes: 1024,
            large_sectors: false,
        },
        key: Key::Bytes { bytes: Bytes(noise(1, 32)) },
        offset_bytes: 0,
        first: 0,
        size_limit_bytes: 0,
        read_only: false,
        block_bytes: 512,
    };
    let equal_halves =
        Attachment { key: Key::Bytes { bytes: Bytes(vec![7; 32]) }, ..attachment.clone() };
    let mut lenient = Understudy::new(Box::<Right>::default(), 4096);
    let mut strict = Understudy::new(Box::<Strict>::default(), 4096);
    assert_eq!(lenient.attach(&equal_halves), Ok(()));
    assert_eq!(strict.attach(&equal_halves), Err(Error::BadKey));
    lenient.attach(&attachment).unwrap();
    strict.attach(&attachment).unwrap();
    assert_eq!(lenient.write(Sector(1), &[1; 512]), Ok(()));
    assert_eq!(strict.write(Sector(1), &[1; 512]), Err(Error::Partial));
    let rule = |device: &Profile| device.partial_requests;
    assert_eq!(rule(&Strict.profile()), PartialRequests::Refused);
    assert_eq!(rule(&Right.profile()), PartialRequests::ReadModifyWrite);
}

#[test]
fn every_name_is_in_kebab_case_and_used_once() {
    checks::names_are_in_kebab_case_and_used_once(&implementations());
}

#[test]
fn every_law_is_expected_to_be_broken_by_a_fault() {
    checks::every_law_is_expected_to_be_broken(&implementations());
}

#[test]
fn every_fault_breaks_the_law_that_it_names() {
    checks::every_fault_breaks_its_law(&implementations(), 2 * IEEE_1619.len(), 2_000);
}

fn every_transform(profile: &Profile) -> Vec<Transform> {
    let mut transforms = vec![Transform::None {}, Transform::Xor {}];
    for offer in &profile.ciphers {
        for &key_bits in &offer.key_bits {
            for &unit_bytes in &offer.unit_bytes {
                transforms.push(Transform::Cipher {
                    cipher: offer.cipher,
                    key_bits,
                    iv: offer.iv,
                    unit_bytes,
                    large_sectors: false,
                });
            }
        }
    }
    transforms
}

/// The lengths of unit to try: its own, and all short ones where stealing allows them.
fn lengths(transform: &Transform) -> Vec<usize> {
    let unit_bytes = transform.unit_bytes() as usize;
    match transform {
        Transform::Cipher { cipher: Cipher::AesXts, unit_bytes: 512, .. } => {
            (16..=65).chain([129, 511, unit_bytes]).collect()
        }
        _ => vec![unit_bytes],
    }
}

fn key_of(transform: &Transform) -> Key {
    let lines = transform.iv().map_or(0, Iv::key_lines);
    match transform {
        Transform::Cipher { .. } if lines > 0 => {
            Key::Lines { lines: (0..lines).map(|line| format!("line {line}")).collect() }
        }
        Transform::Cipher { key_bits, .. } => {
            Key::Bytes { bytes: Bytes(noise(3, usize::from(key_bits / 8))) }
        }
        Transform::Xor {} => Key::Bytes { bytes: Bytes(noise(3, 7)) },
        _ => Key::empty(),
    }
}
