//! aespipe, the filter of loop-AES, as the cipher of the area device: one process for each request,
//! with the key lines in a file.
//!
//! aespipe makes keys, IVs and ciphertext, of any whole sectors from a sector number on: the laws
//! about bytes, position and diffusion are about it, and so is which keys LOOPDEV-14 sees taken. The
//! key file is all that says which version is meant: its lines are handed over as they are, and
//! aespipe counts them.
//! It has no notion of a device: ends, read-only and the image are those of the area device, and so
//! are refused units and IV schemes, for which it has no option at all (LOOPDEV-12, 13, 16, 17, 18
//! and 21).
//!
//! It does not cover first numbers and units by themselves: `-O` keeps the low 32 bits of what it
//! is given. Nor seeds, iterations (`-C`) and gpg.

use std::process::Command;

use lawbook_spec::core::Missing;
use lawbook_spec::loopdev::{Cipher, Direction, Error, Iv, Key, Offer, Profile, Transform};

use super::area::{self, AreaCipher, Numbers};
use super::program::{self, Scratch};

const PROGRAMS: &[(&str, &str)] = &[("aespipe", "aespipe")];

/// Whether the program is there.
///
/// # Errors
///
/// It is missing.
pub(super) fn need() -> Result<(), Missing> {
    program::need(PROGRAMS)
}

/// loop-AES v2 and v3.
pub(super) type ManyKeys = Pipe<true>;

/// loop-AES v1.
pub(super) type OneKey = Pipe<false>;

/// aespipe under one key file, in one direction; with many keys or one.
pub(super) struct Pipe<const MANY_KEYS: bool> {
    direction: Direction,
    key_bits: u16,
    scratch: Scratch,
}

const KEY_FILE: &str = "key";

impl<const MANY_KEYS: bool> AreaCipher for Pipe<MANY_KEYS> {
    fn profile() -> Profile {
        match MANY_KEYS {
            true => profile(&[Iv::LoopAesV2, Iv::LoopAesV3]),
            false => profile(&[Iv::LoopAesV1]),
        }
    }

    fn new(direction: Direction, transform: &Transform, key: &Key) -> Result<Self, Error> {
        let Transform::Cipher { key_bits, .. } = *transform else {
            return Err(Error::Unsupported);
        };
        let Key::Lines { lines } = key else {
            return Err(Error::BadKey);
        };
        let scratch = Scratch::new();
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        scratch.put(KEY_FILE, text.as_bytes());
        let pipe = Pipe { direction, key_bits, scratch };
        // What it thinks of the key, it says only when it is run.
        program::run(&mut pipe.command(0), &[]).map_err(|_| Error::BadKey)?;
        Ok(pipe)
    }

    fn crypt_area(&mut self, numbers: Numbers, area: &mut [u8]) -> Result<(), Error> {
        let out = program::run(&mut self.command(numbers.first()), area)
            .unwrap_or_else(|said| panic!("aespipe, of {} bytes: {said}", area.len()));
        assert_eq!(out.len(), area.len(), "the bytes that aespipe gives back");
        area.copy_from_slice(&out);
        Ok(())
    }
}

impl<const MANY_KEYS: bool> Pipe<MANY_KEYS> {
    fn command(&self, n: u64) -> Command {
        let mut command = self.scratch.command("aespipe");
        command.args(["-e", &format!("AES{}", self.key_bits)]);
        command.args(["-O", &n.to_string(), "-P", KEY_FILE]);
        if self.direction == Direction::Decrypt {
            command.arg("-d");
        }
        command
    }
}

fn profile(versions: &[Iv]) -> Profile {
    let offer = |iv: &Iv| Offer {
        cipher: Cipher::AesCbc,
        iv: Some(*iv),
        key_bits: vec![128, 192, 256],
        unit_bytes: vec![512],
        large_sectors: false,
    };
    Profile {
        ciphers: versions.iter().map(offer).collect(),
        first: false,
        far: false,
        crypt_unit: false,
        partial_units: false,
        ..area::profile()
    }
}

#[cfg(test)]
mod tests {
    use lawbook_spec::loopdev::Oracle;

    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (1..=count).map(|line| format!("a line of the key, number {line}")).collect()
    }

    fn transform(iv: Iv, key_bits: u16) -> Transform {
        let (cipher, iv) = (Cipher::AesCbc, Some(iv));
        Transform::Cipher { cipher, key_bits, iv, unit_bytes: 512, large_sectors: false }
    }

    /// What aespipe makes of sectors from `n` on, under a key of so many lines.
    fn piped(lines: Vec<String>, n: u64, sectors: usize) -> Result<Vec<u8>, Error> {
        let key = Key::Lines { lines };
        let transform = transform(Iv::LoopAesV2, 128);
        let pipe = ManyKeys::new(Direction::Encrypt, &transform, &key)?;
        let area = vec![5; sectors * 512];
        Ok(program::run(&mut pipe.command(n), &area).unwrap())
    }

    fn expected(version: Iv, n: u64) -> Vec<u8> {
        let lines = lines(version.key_lines());
        let oracle = Oracle::new(&transform(version, 128), &Key::Lines { lines }).unwrap();
        let mut unit = vec![5; 512];
        oracle.crypt(Direction::Encrypt, n, &mut unit);
        unit
    }

    #[test]
    fn one_line_is_v1_and_64_are_v2_and_65_are_v3() {
        if program::skips("one_line_is_v1", PROGRAMS) {
            return;
        }
        for (count, version) in [(1, Iv::LoopAesV1), (64, Iv::LoopAesV2), (65, Iv::LoopAesV3)] {
            assert!(piped(lines(count), 7, 1).unwrap() == expected(version, 7), "{version}");
        }
    }

    #[test]
    fn two_to_63_lines_are_taken_as_the_first_alone_and_more_than_65_as_65() {
        if program::skips("two_to_63_lines", PROGRAMS) {
            return;
        }
        for (count, version) in
            [(2, Iv::LoopAesV1), (63, Iv::LoopAesV1), (66, Iv::LoopAesV3), (128, Iv::LoopAesV3)]
        {
            assert!(piped(lines(count), 7, 1).unwrap() == expected(version, 7), "{count}");
        }
    }

    #[test]
    fn a_line_of_less_than_20_bytes_is_refused_wherever_it_is_the_first() {
        if program::skips("a_line_of_less_than_20_bytes", PROGRAMS) {
            return;
        }
        let mut short = lines(64);
        short[0].truncate(19);
        assert_eq!(piped(short, 0, 1).err(), Some(Error::BadKey));
        assert_eq!(piped(vec![], 0, 1).err(), Some(Error::BadKey));
    }

    #[test]
    fn a_sector_number_is_cut_to_32_bits_where_it_is_given_and_not_where_it_is_counted() {
        if program::skips("a_sector_number", PROGRAMS) {
            return;
        }
        let given = piped(lines(1), 1 << 32, 1).unwrap();
        assert!(given == expected(Iv::LoopAesV1, 0));
        let counted = piped(lines(1), u64::from(u32::MAX), 2).unwrap();
        assert!(counted[512..] == expected(Iv::LoopAesV1, 1 << 32));
    }
}
