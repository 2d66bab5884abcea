//! XTS-AES-256 by the reference beside the crate `xts-mode`, in the same run: medians in GB/s and
//! their ratio. It asserts nothing.
//!
//! The ratio is only fair with `CARGO_PROFILE_BENCH_CODEGEN_UNITS=1`: spread over more units the
//! peer is not inlined, and is four to five times slower than it can be.

use std::hint::black_box;
use std::time::Instant;

use aes::Aes256;
use aes::cipher::KeyInit;
use lawbook_reference::loopdev::{Place, SectorCipher};
use lawbook_spec::core::Bytes;
use lawbook_spec::loopdev::{Cipher, Direction, Iv, Key, Transform};
use xts_mode::{Xts128, get_tweak_default};

const DATA_BYTES: usize = 64 << 10;
const ROUNDS: usize = 101;
const PASSES_A_ROUND: usize = 20;

fn main() {
    let key: Vec<u8> = (0..64).collect();
    println!("XTS-AES-256, {DATA_BYTES} bytes a call; GB/s (medians of {ROUNDS} rounds)");
    for unit_bytes in [512, 1024, 2048, 4096] {
        for direction in [Direction::Encrypt, Direction::Decrypt] {
            measure(&key, unit_bytes, direction);
        }
    }
    measure_cbc(&key[..32]);
}

fn measure(key: &[u8], unit_bytes: u32, direction: Direction) {
    let ours = cipher(Cipher::AesXts, Iv::Plain64, unit_bytes, key);
    let peer = Xts128::new(
        Aes256::new_from_slice(&key[..32]).expect("a key of 32 bytes"),
        Aes256::new_from_slice(&key[32..]).expect("a key of 32 bytes"),
    );
    let mut data = vec![0; DATA_BYTES];
    let mut gbps = [Vec::new(), Vec::new()];
    // Turn by turn, so that a noisy moment meets both.
    for _ in 0..ROUNDS {
        gbps[0].push(time(|| ours.crypt(direction, PLACE, &mut data)));
        gbps[1].push(time(|| {
            let unit_bytes = unit_bytes as usize;
            match direction {
                Direction::Encrypt => {
                    peer.encrypt_area(&mut data, unit_bytes, 0, get_tweak_default)
                }
                Direction::Decrypt => {
                    peer.decrypt_area(&mut data, unit_bytes, 0, get_tweak_default)
                }
            }
        }));
    }
    black_box(&data);
    let [ours, peer] = gbps.map(median);
    println!(
        "units of {unit_bytes:4}  {direction:?}  reference {ours:5.2}  xts-mode {peer:5.2}  ratio {:4.1}",
        ours / peer
    );
}

/// CBC with ESSIV has no peer here; it is shown because chains can't be done block by block.
fn measure_cbc(key: &[u8]) {
    for unit_bytes in [512, 4096] {
        for direction in [Direction::Encrypt, Direction::Decrypt] {
            let ours = cipher(Cipher::AesCbc, Iv::EssivSha256, unit_bytes, key);
            let mut data = vec![0; DATA_BYTES];
            let gbps =
                (0..ROUNDS).map(|_| time(|| ours.crypt(direction, PLACE, &mut data))).collect();
            black_box(&data);
            println!(
                "units of {unit_bytes:4}  {direction:?}  AES-256-CBC-ESSIV {:5.2}",
                median(gbps)
            );
        }
    }
}

const PLACE: Place = Place { number: 0, backing_byte: 0, block_bytes: 512 };

fn cipher(cipher: Cipher, iv: Iv, unit_bytes: u32, key: &[u8]) -> SectorCipher {
    let transform = Transform::Cipher {
        cipher,
        key_bits: u16::try_from(key.len() * 8).expect("a short key"),
        iv: Some(iv),
        unit_bytes,
        large_sectors: true,
    };
    let key = Key::Bytes { bytes: Bytes(key.to_vec()) };
    SectorCipher::new(&transform, &key).expect("a transform that is known")
}

fn time(mut pass: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..PASSES_A_ROUND {
        pass();
    }
    (DATA_BYTES * PASSES_A_ROUND) as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
