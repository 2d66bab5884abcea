//! The crate `xts-mode`, by its own area functions, as its documentation shows them.
//!
//! Each request is one call: the area, the bytes of a unit, and *n* as the sector number. The
//! crate counts units, which is the numbering of large sectors; without those the function that
//! makes the tweak, which the crate leaves to its user, counts in steps of the unit. That function
//! is also where a scheme's byte order is, and its 64 bits: the crate's numbers have 128.
//!
//! The crate checks nothing about keys, the length of a unit or whole units. It does not cover key
//! lengths: those are types there.

use ::xts_mode::{Array, Xts128, get_tweak_default};
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16};
use aes::{Aes128, Aes256};
use lawbook_spec::loopdev::{
    Cipher, Direction, EqualHalves, Error, Iv, Key, Offer, Profile, Transform,
};

use super::area::{self, AreaCipher, Numbers};

/// One key of the crate, in one direction.
pub(super) struct Area128 {
    xts: Xts,
    direction: Direction,
    iv: Iv,
    unit_bytes: u32,
}

enum Xts {
    Aes128(Box<Xts128<Aes128>>),
    Aes256(Box<Xts128<Aes256>>),
}

impl AreaCipher for Area128 {
    const TAKES_A_REST: bool = true;

    fn profile() -> Profile {
        let ciphers = [Iv::Plain64, Iv::Plain64be].map(|iv| Offer {
            cipher: Cipher::AesXts,
            iv: Some(iv),
            key_bits: vec![256, 512],
            unit_bytes: vec![512, 1024, 2048, 4096],
            large_sectors: true,
        });
        let ciphers = ciphers.into();
        Profile { ciphers, equal_halves: EqualHalves::Accepted, ..area::profile() }
    }

    fn new(direction: Direction, transform: &Transform, key: &Key) -> Result<Self, Error> {
        let Transform::Cipher { key_bits, iv: Some(iv), unit_bytes, .. } = *transform else {
            return Err(Error::Unsupported);
        };
        let Key::Bytes { bytes } = key else {
            return Err(Error::BadKey);
        };
        let (data, tweak) = bytes.0.split_at(bytes.0.len() / 2);
        let xts = match key_bits {
            256 => Xts::Aes128(Box::new(Xts128::new(aes(data)?, aes(tweak)?))),
            _ => Xts::Aes256(Box::new(Xts128::new(aes(data)?, aes(tweak)?))),
        };
        Ok(Area128 { xts, direction, iv, unit_bytes })
    }

    fn crypt_area(&mut self, numbers: Numbers, area: &mut [u8]) -> Result<(), Error> {
        match &self.xts {
            Xts::Aes128(xts) => self.call(xts, numbers, area),
            Xts::Aes256(xts) => self.call(xts, numbers, area),
        }
        Ok(())
    }

    fn crypt_unit(&mut self, n: u64, unit: &mut [u8]) -> Result<(), Error> {
        let tweak = tweak(self.iv, n);
        match (&self.xts, self.direction) {
            (Xts::Aes128(xts), Direction::Encrypt) => xts.encrypt_sector(unit, tweak),
            (Xts::Aes128(xts), Direction::Decrypt) => xts.decrypt_sector(unit, tweak),
            (Xts::Aes256(xts), Direction::Encrypt) => xts.encrypt_sector(unit, tweak),
            (Xts::Aes256(xts), Direction::Decrypt) => xts.decrypt_sector(unit, tweak),
        }
        Ok(())
    }
}

impl Area128 {
    fn call<C>(&self, xts: &Xts128<C>, numbers: Numbers, area: &mut [u8])
    where
        C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt,
    {
        let unit_bytes = self.unit_bytes as usize;
        let first = u128::from(numbers.first());
        let tweak_of = |number: u128| {
            let index = u64::try_from(number - first).expect("an area has fewer than 2⁶⁴ units");
            tweak(self.iv, numbers.of(index))
        };
        match self.direction {
            Direction::Encrypt => xts.encrypt_area(area, unit_bytes, first, tweak_of),
            Direction::Decrypt => xts.decrypt_area(area, unit_bytes, first, tweak_of),
        }
    }
}

fn aes<C: KeyInit>(key: &[u8]) -> Result<C, Error> {
    C::new_from_slice(key).map_err(|_| Error::BadKey)
}

/// The tweak of a unit; the big-endian one is that of the crate's own example.
fn tweak(iv: Iv, n: u64) -> Array<u8, U16> {
    match iv {
        Iv::Plain64be => Array(u128::from(n).to_be_bytes()),
        _ => get_tweak_default(u128::from(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xts(data: u8, tweak: u8) -> Xts128<Aes128> {
        let key = |byte| Aes128::new(&Array([byte; 16]));
        Xts128::new(key(data), key(tweak))
    }

    #[test]
    fn the_crate_takes_a_key_with_equal_halves() {
        let mut unit = [5; 512];
        xts(1, 1).encrypt_sector(&mut unit, get_tweak_default(0));
        xts(1, 1).decrypt_sector(&mut unit, get_tweak_default(0));
        assert_eq!(unit, [5; 512]);
    }

    #[test]
    fn the_crate_gives_the_rest_of_an_area_a_tweak_of_its_own() {
        let (mut area, mut unit) = ([5; 1536], [5; 512]);
        xts(1, 2).encrypt_area(&mut area, 1024, 7, get_tweak_default);
        xts(1, 2).encrypt_sector(&mut unit, get_tweak_default(8));
        assert_eq!(area[1024..], unit);
    }

    #[test]
    fn the_crate_reads_the_first_part_of_a_unit_and_no_other() {
        let mut area = [5; 1024];
        xts(1, 2).encrypt_area(&mut area, 1024, 7, get_tweak_default);
        let (first, second) = area.split_at_mut(512);
        xts(1, 2).decrypt_area(first, 1024, 7, get_tweak_default);
        xts(1, 2).decrypt_area(second, 1024, 7, get_tweak_default);
        assert_eq!(first, [5; 512]);
        assert_ne!(second, [5; 512]);
    }

    #[test]
    fn the_crate_takes_a_unit_of_more_than_2_to_the_20_blocks() {
        let mut unit = vec![5; (16 << 20) + 16];
        xts(1, 2).encrypt_sector(&mut unit, get_tweak_default(0));
        assert_ne!(unit[16 << 20..], [5; 16]);
    }

    #[test]
    fn the_crate_counts_past_2_to_the_64_where_n_wraps() {
        let (mut area, mut wrapped) = ([5; 1024], [5; 512]);
        xts(1, 2).encrypt_area(&mut area, 512, u128::from(u64::MAX), get_tweak_default);
        xts(1, 2).encrypt_sector(&mut wrapped, get_tweak_default(0));
        assert_ne!(area[512..], wrapped);
    }
}
