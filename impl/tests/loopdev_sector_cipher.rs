//! Sectors that the reference makes, against the standard's vectors and against the specification's
//! oracle, which shares no code with it but the block cipher and the hashes.

use lawbook_reference::loopdev::{Place, SectorCipher};
use lawbook_spec::core::Bytes;
use lawbook_spec::loopdev::{
    Cipher, Direction, Error, IEEE_1619, Iv, Key, MOST_UNIT_BYTES, Oracle, Transform,
};

const CBC_SCHEMES: [Iv; 7] =
    [Iv::Plain, Iv::Plain64, Iv::Plain64be, Iv::Null, Iv::EssivSha256, Iv::Benbi, Iv::Eboiv];
const XTS_SCHEMES: [Iv; 4] = [Iv::Plain, Iv::Plain64, Iv::Plain64be, Iv::Null];
const LOOP_AES_SCHEMES: [Iv; 3] = [Iv::LoopAesV1, Iv::LoopAesV2, Iv::LoopAesV3];
const UNITS_BYTES: [u32; 4] = [512, 1024, 2048, 4096];

/// Where schemes wrap: each with its neighbours.
fn edges() -> Vec<u64> {
    let mut edges = vec![0, 1, 63, 64, u64::MAX];
    for exponent in [8, 16, 32, 52, 55, 56, 59, 63] {
        let edge = 1u64 << exponent;
        edges.extend([edge - 1, edge, edge + 1]);
    }
    edges
}

fn transform(cipher: Cipher, key_bits: u16, iv: Option<Iv>, unit_bytes: u32) -> Transform {
    Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors: false }
}

fn large(transform: Transform) -> Transform {
    let Transform::Cipher { cipher, key_bits, iv, unit_bytes, .. } = transform else {
        panic!("only ciphers have units");
    };
    Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors: true }
}

/// Every transform that has units.
fn transforms() -> Vec<Transform> {
    let mut all = Vec::new();
    for unit_bytes in UNITS_BYTES {
        for key_bits in [128, 192, 256] {
            all.push(transform(Cipher::AesEcb, key_bits, None, unit_bytes));
            for iv in CBC_SCHEMES {
                all.push(transform(Cipher::AesCbc, key_bits, Some(iv), unit_bytes));
            }
        }
        for key_bits in [256, 512] {
            for iv in XTS_SCHEMES {
                all.push(transform(Cipher::AesXts, key_bits, Some(iv), unit_bytes));
            }
        }
    }
    for key_bits in [128, 192, 256] {
        for iv in LOOP_AES_SCHEMES {
            all.push(transform(Cipher::AesCbc, key_bits, Some(iv), 512));
        }
    }
    all
}

fn key(transform: &Transform) -> Key {
    let Transform::Cipher { key_bits, iv, .. } = transform else {
        panic!("only ciphers have keys here");
    };
    match iv.map_or(0, Iv::key_lines) {
        0 => Key::Bytes { bytes: Bytes(noise(u64::from(*key_bits), usize::from(*key_bits) / 8)) },
        count => Key::Lines { lines: (0..count).map(|line| format!("line {line}")).collect() },
    }
}

/// Bytes that look like nothing, the same for the same seed (splitmix64).
fn noise(mut seed: u64, bytes: usize) -> Vec<u8> {
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = seed;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        noise.extend((mixed ^ mixed >> 31).to_le_bytes());
    }
    noise.truncate(bytes);
    noise
}

/// Holds so many units from a sector number on against the oracle, in both directions.
fn check_units(transform: &Transform, number: u64, units: usize) {
    let key = key(transform);
    let unit_bytes = transform.unit_bytes() as usize;
    let sectors = unit_bytes as u64 / 512;
    let divisor = if transform.large_sectors() { sectors } else { 1 };
    let number = number - number % divisor;
    let plain = noise(number, units * unit_bytes);
    let mut expected = plain.clone();
    let oracle = Oracle::new(transform, &key).expect("a transform of the contract");
    for (index, unit) in (0..).zip(expected.chunks_mut(unit_bytes)) {
        let n = number.wrapping_add(sectors * index) / divisor;
        oracle.crypt(Direction::Encrypt, n, unit);
    }
    let cipher = SectorCipher::new(transform, &key).expect("a transform of the contract");
    let place = Place { number, backing_byte: 0, block_bytes: 512 };
    let mut data = plain.clone();
    cipher.crypt(Direction::Encrypt, place, &mut data);
    assert!(data == expected, "{transform} from {number:#x}: ciphertext");
    cipher.crypt(Direction::Decrypt, place, &mut data);
    assert!(data == plain, "{transform} from {number:#x}: plaintext");
}

/// Holds one unit by itself against the oracle, in both directions.
fn check_unit_alone(transform: &Transform, n: u64, bytes: usize) {
    let key = key(transform);
    let plain = noise(n, bytes);
    let mut expected = plain.clone();
    let oracle = Oracle::new(transform, &key).expect("a transform of the contract");
    oracle.crypt(Direction::Encrypt, n, &mut expected);
    let cipher = SectorCipher::new(transform, &key).expect("a transform of the contract");
    let mut unit = plain.clone();
    cipher.crypt_unit(Direction::Encrypt, n, &mut unit).expect("a length that the mode knows");
    assert!(unit == expected, "{transform}, {bytes} bytes: ciphertext");
    cipher.crypt_unit(Direction::Decrypt, n, &mut unit).expect("a length that the mode knows");
    assert!(unit == plain, "{transform}, {bytes} bytes: plaintext");
}

#[test]
fn the_vectors_of_ieee_1619_hold_in_both_directions() {
    for vector in IEEE_1619 {
        let bytes = hex::decode(vector.key).unwrap();
        let bits = u16::try_from(bytes.len() * 8).unwrap();
        let transform = transform(Cipher::AesXts, bits, Some(Iv::Plain64), 512);
        let key = Key::Bytes { bytes: Bytes(bytes) };
        let cipher = SectorCipher::new(&transform, &key).unwrap();
        let mut unit = hex::decode(vector.plain).unwrap();
        cipher.crypt_unit(Direction::Encrypt, vector.n, &mut unit).unwrap();
        assert_eq!(hex::encode(&unit), vector.cipher, "vector {}", vector.number);
        cipher.crypt_unit(Direction::Decrypt, vector.n, &mut unit).unwrap();
        assert_eq!(hex::encode(&unit), vector.plain, "vector {}", vector.number);
    }
}

#[test]
fn every_transform_agrees_with_the_oracle_at_every_edge_of_n() {
    for transform in transforms() {
        for number in edges() {
            check_units(&transform, number, 2);
        }
    }
}

#[test]
fn large_sectors_agree_with_the_oracle_at_every_edge_of_n() {
    for transform in transforms() {
        if transform.iv().is_some_and(|iv| iv.key_lines() == 0) {
            for number in edges() {
                check_units(&large(transform), number, 2);
            }
        }
    }
}

#[test]
fn batches_of_any_number_of_units_agree_with_the_oracle() {
    for transform in transforms() {
        let Transform::Cipher { key_bits: 256, unit_bytes: 512 | 1024, .. } = transform else {
            continue;
        };
        for units in [1, 3, 63, 64, 65, 129] {
            check_units(&transform, (1 << 32) - 5, units);
        }
    }
}

#[test]
fn stolen_ciphertext_of_every_length_agrees_with_the_oracle() {
    for key_bits in [256, 512] {
        let transform = transform(Cipher::AesXts, key_bits, Some(Iv::Plain64), 512);
        for bytes in (16..=80).chain(500..=530).chain(1008..=1056).chain([4095, 5000]) {
            check_unit_alone(&transform, bytes as u64, bytes);
        }
    }
}

#[test]
fn a_unit_alone_agrees_with_the_oracle_under_every_transform() {
    for transform in transforms() {
        let lengths: &[usize] = if transform.iv().is_some_and(|iv| iv.key_lines() > 0) {
            &[512]
        } else {
            &[16, 32, 512, 1040, 4096]
        };
        for bytes in lengths {
            check_unit_alone(&transform, 0x1_0000_0007, *bytes);
        }
    }
}

#[test]
fn a_unit_of_a_length_that_its_mode_does_not_know_is_refused() {
    let cbc = transform(Cipher::AesCbc, 128, Some(Iv::Plain64), 512);
    let xts = transform(Cipher::AesXts, 256, Some(Iv::Plain64), 512);
    let v1 = transform(Cipher::AesCbc, 128, Some(Iv::LoopAesV1), 512);
    let v3 = transform(Cipher::AesCbc, 128, Some(Iv::LoopAesV3), 512);
    let block = transform(Cipher::AesCbc, 128, Some(Iv::Block), 512);
    let longest = MOST_UNIT_BYTES as usize;
    for (transform, bytes, error) in [
        (cbc, 0, Error::Misfit),
        (cbc, 17, Error::Misfit),
        (xts, 15, Error::Misfit),
        (v1, 528, Error::Misfit),
        (v3, 1024, Error::Misfit),
        (block, 512, Error::Unsupported),
        (xts, longest + 16, Error::UnitTooLong),
    ] {
        let cipher = SectorCipher::new(&transform, &key(&transform)).unwrap();
        let mut unit = vec![0; bytes];
        let outcome = cipher.crypt_unit(Direction::Encrypt, 0, &mut unit);
        assert_eq!(outcome, Err(error), "{transform}, {bytes} bytes");
        assert!(unit.iter().all(|byte| *byte == 0), "refused and changed");
    }
}

#[test]
fn what_is_no_cipher_is_refused() {
    let bytes = |count| Key::Bytes { bytes: Bytes(vec![1; count]) };
    let line = Key::Lines { lines: vec!["a line".into()] };
    let xts = |bits, iv, unit| transform(Cipher::AesXts, bits, iv, unit);
    let cbc = |bits, iv, unit| transform(Cipher::AesCbc, bits, iv, unit);
    let plain64 = Some(Iv::Plain64);
    for (transform, key, error) in [
        (Transform::None {}, bytes(0), Error::Unsupported),
        (cbc(128, None, 512), bytes(16), Error::NoIv),
        (xts(256, None, 512), bytes(32), Error::NoIv),
        (xts(256, Some(Iv::EssivSha256), 512), bytes(32), Error::Unsupported),
        (xts(384, plain64, 512), bytes(48), Error::BadKey),
        (xts(256, plain64, 512), bytes(31), Error::BadKey),
        (xts(256, plain64, 768), bytes(32), Error::Misfit),
        (xts(256, plain64, 32 << 20), bytes(32), Error::UnitTooLong),
        (cbc(128, plain64, 512), line.clone(), Error::BadKey),
        (cbc(128, Some(Iv::LoopAesV1), 512), bytes(16), Error::BadKey),
        (cbc(128, Some(Iv::LoopAesV2), 512), line, Error::BadKey),
        (cbc(128, Some(Iv::Block), 1024), bytes(16), Error::Unsupported),
        (transform(Cipher::AesEcb, 128, plain64, 512), bytes(16), Error::Unsupported),
    ] {
        let outcome = SectorCipher::new(&transform, &key).map(drop);
        assert_eq!(outcome, Err(error), "{transform}, {key}");
    }
}
