//! The EVP ciphers of OpenSSL's libcrypto, by the crate `openssl`: XTS and CBC, one call for each
//! unit, with a new IV each; for ESSIV the IV comes from EVP too.
//!
//! OpenSSL has no notion of an area: cutting it into units, and their numbers, are ours.
//! It does not cover AES-192 in XTS, which OpenSSL does not have.

use ::openssl::cipher::{Cipher as EvpCipher, CipherRef};
use ::openssl::cipher_ctx::CipherCtx;
use ::openssl::error::ErrorStack;
use ::openssl::sha::sha256;
use lawbook_spec::loopdev::{
    Cipher, Direction, EqualHalves, Error, Iv, Key, MOST_UNIT_BYTES, Offer, Profile, Transform,
};

use super::area::{self, AreaCipher, Numbers};

const BLOCK_BYTES: usize = 16;

/// The version of the library that is linked, as in `OpenSSL 3.0.17 1 Jul 2025`.
pub(super) fn version() -> &'static str {
    ::openssl::version::version().split_whitespace().nth(1).unwrap_or("unknown")
}

/// One key in EVP, in one direction.
pub(super) struct Evp {
    context: CipherCtx,
    /// For ESSIV: AES-256 in ECB under the hash of the key.
    salted: Option<CipherCtx>,
    direction: Direction,
    iv: Iv,
    unit_bytes: u32,
}

impl AreaCipher for Evp {
    fn profile() -> Profile {
        let offer = |cipher, iv, key_bits| Offer {
            cipher,
            iv: Some(iv),
            key_bits,
            unit_bytes: vec![512, 1024, 2048, 4096],
            large_sectors: true,
        };
        let ciphers = vec![
            offer(Cipher::AesXts, Iv::Plain64, vec![256, 512]),
            offer(Cipher::AesXts, Iv::Plain64be, vec![256, 512]),
            offer(Cipher::AesCbc, Iv::EssivSha256, vec![128, 192, 256]),
        ];
        Profile { ciphers, equal_halves: EqualHalves::DecryptOnly, ..area::profile() }
    }

    fn new(direction: Direction, transform: &Transform, key: &Key) -> Result<Self, Error> {
        let Transform::Cipher { cipher, key_bits, iv: Some(iv), unit_bytes, .. } = *transform
        else {
            return Err(Error::Unsupported);
        };
        let bytes = match key {
            Key::Bytes { bytes } if bytes.0.len() * 8 == usize::from(key_bits) => &bytes.0,
            _ => return Err(Error::BadKey),
        };
        let evp = evp_cipher(cipher, key_bits).ok_or(Error::Unsupported)?;
        let salted = match iv {
            Iv::EssivSha256 => Some(
                context(Direction::Encrypt, EvpCipher::aes_256_ecb(), &sha256(bytes))
                    .map_err(|_| Error::BadKey)?,
            ),
            _ => None,
        };
        let mut one = Evp {
            context: context(direction, evp, bytes).map_err(|_| Error::BadKey)?,
            salted,
            direction,
            iv,
            unit_bytes,
        };
        one.try_long_unit()?;
        Ok(one)
    }

    fn crypt_area(&mut self, numbers: Numbers, area: &mut [u8]) -> Result<(), Error> {
        let units = area.chunks_mut(self.unit_bytes as usize);
        (0..).zip(units).try_for_each(|(index, unit)| self.crypt_unit(numbers.of(index), unit))
    }

    fn crypt_unit(&mut self, n: u64, unit: &mut [u8]) -> Result<(), Error> {
        let iv = self.unit_iv(n).map_err(|_| Error::Io)?;
        // In CBC, EVP asks for room for one block more than it then writes.
        let mut out = vec![0; unit.len() + BLOCK_BYTES];
        let crypted = init(&mut self.context, self.direction, None, None, Some(&iv))
            .and_then(|()| self.context.cipher_update(unit, Some(&mut out)))
            .map_err(|_| Error::Misfit)?;
        if crypted != unit.len() {
            return Err(Error::Misfit);
        }
        unit.copy_from_slice(&out[..crypted]);
        Ok(())
    }
}

impl Evp {
    fn unit_iv(&mut self, n: u64) -> Result<[u8; BLOCK_BYTES], ErrorStack> {
        let plain = match self.iv {
            Iv::Plain64be => u128::from(n).to_be_bytes(),
            _ => u128::from(n).to_le_bytes(),
        };
        let Some(salted) = &mut self.salted else {
            return Ok(plain);
        };
        let mut out = [0; 2 * BLOCK_BYTES];
        salted.cipher_update(&plain, Some(&mut out))?;
        let (iv, _) = out.split_first_chunk().expect("two blocks hold one");
        Ok(*iv)
    }

    /// OpenSSL looks at the length of a unit only when it is given one, so one is given: of
    /// the least length that is too long, where the unit is longer still.
    fn try_long_unit(&mut self) -> Result<(), Error> {
        if self.unit_bytes <= MOST_UNIT_BYTES {
            return Ok(());
        }
        let mut unit = vec![0; MOST_UNIT_BYTES as usize + BLOCK_BYTES];
        self.crypt_unit(0, &mut unit).map_err(|_| Error::UnitTooLong)
    }
}

fn evp_cipher(cipher: Cipher, key_bits: u16) -> Option<&'static CipherRef> {
    match (cipher, key_bits) {
        (Cipher::AesXts, 256) => Some(EvpCipher::aes_128_xts()),
        (Cipher::AesXts, 512) => Some(EvpCipher::aes_256_xts()),
        (Cipher::AesCbc, 128) => Some(EvpCipher::aes_128_cbc()),
        (Cipher::AesCbc, 192) => Some(EvpCipher::aes_192_cbc()),
        (Cipher::AesCbc, 256) => Some(EvpCipher::aes_256_cbc()),
        _ => None,
    }
}

/// A context with a key and without an IV, that leaves no block behind for padding.
fn context(direction: Direction, cipher: &CipherRef, key: &[u8]) -> Result<CipherCtx, ErrorStack> {
    let mut context = CipherCtx::new()?;
    init(&mut context, direction, Some(cipher), Some(key), None)?;
    context.set_padding(false);
    Ok(context)
}

fn init(
    context: &mut CipherCtx,
    direction: Direction,
    cipher: Option<&CipherRef>,
    key: Option<&[u8]>,
    iv: Option<&[u8]>,
) -> Result<(), ErrorStack> {
    match direction {
        Direction::Encrypt => context.encrypt_init(cipher, key, iv),
        Direction::Decrypt => context.decrypt_init(cipher, key, iv),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xts(direction: Direction, key: &[u8]) -> Result<CipherCtx, ErrorStack> {
        let mut context = CipherCtx::new()?;
        let cipher = Some(EvpCipher::aes_128_xts());
        init(&mut context, direction, cipher, Some(key), Some(&[0; 16]))?;
        Ok(context)
    }

    fn two_halves() -> Vec<u8> {
        [[1; 16], [2; 16]].concat()
    }

    #[test]
    fn openssl_refuses_to_encrypt_under_equal_halves() {
        let reason = xts(Direction::Encrypt, &[1; 32]).err().unwrap();
        assert!(reason.to_string().contains("duplicated keys"), "{reason}");
    }

    #[test]
    fn openssl_decrypts_under_equal_halves() {
        let mut context = xts(Direction::Decrypt, &[1; 32]).unwrap();
        let mut plain = [0; 32];
        assert_eq!(context.cipher_update(&[5; 32], Some(&mut plain)).unwrap(), 32);
        assert_ne!(plain, [5; 32]);
    }

    #[test]
    fn openssl_takes_2_to_the_20_blocks_and_refuses_one_more() {
        let mut context = xts(Direction::Encrypt, &two_halves()).unwrap();
        let unit = vec![5; (16 << 20) + 16];
        let mut out = vec![0; unit.len()];
        context.cipher_update(&unit[..16 << 20], Some(&mut out)).unwrap();
        assert!(context.cipher_update(&unit, Some(&mut out)).is_err());
    }

    #[test]
    fn openssl_steals_ciphertext_and_refuses_less_than_a_block() {
        let mut context = xts(Direction::Encrypt, &two_halves()).unwrap();
        let mut out = [0; 48];
        assert_eq!(context.cipher_update(&[5; 17], Some(&mut out)).unwrap(), 17);
        assert!(context.cipher_update(&[5; 15], Some(&mut out)).is_err());
    }

    #[test]
    fn openssl_refuses_xts_without_an_iv() {
        let mut context =
            context(Direction::Encrypt, EvpCipher::aes_128_xts(), &two_halves()).unwrap();
        assert!(context.cipher_update(&[5; 32], Some(&mut [0; 32])).is_err());
    }
}
