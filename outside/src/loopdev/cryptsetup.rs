//! cryptsetup on a plain file, as the cipher of the area device: an area lies in a file at the
//! sector that its number says, and `cryptsetup reencrypt` encrypts or decrypts that file in place,
//! with a detached LUKS2 header, offline and without the kernel.
//!
//! Its nouns: a *header* says what is to be done, made once for each direction, transform and key
//! (`--init-only`) and copied for each area; *resuming* a copy does it (`--resume-only`).
//!
//! The laws about bytes, IVs, position and diffusion are about cryptsetup, and so is which keys
//! LOOPDEV-14 and LOOPDEV-15 see taken, and LOOPDEV-16: the volume key file and the sector size are
//! handed over as they are. LOOPDEV-12, 13, 17, 18, 19 and 21 are about the area device.
//!
//! It does not cover what would take a sector number that is no multiple of the unit, or one that
//! is large, since all before it is encrypted with it: offsets, first numbers, far windows, and
//! units by themselves. Nor large sectors, which LUKS2 does not have: its IVs count sectors of 512
//! bytes whatever its sector size is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lawbook_spec::core::Missing;
use lawbook_spec::loopdev::{
    Cipher, Direction, EqualHalves, Error, Iv, Key, MOST_UNIT_BYTES, Offer, Profile, SECTOR_BYTES,
    Transform,
};

use super::area::{self, AreaCipher, Numbers};
use super::program::{self, Scratch};

const PROGRAMS: &[(&str, &str)] = &[("cryptsetup", "cryptsetup-bin")];

/// Whether the program is there.
///
/// # Errors
///
/// It is missing.
pub(super) fn need() -> Result<(), Missing> {
    program::need(PROGRAMS)
}

/// One scheme in one direction, with a folder to work in.
pub(super) struct Reencryption {
    direction: Direction,
    scheme: Scheme,
    scratch: Scratch,
}

const HEADER: &str = "header";
const DATA: &str = "data";
const PASSWORD: &str = "password";
const VOLUME_KEY: &str = "volume-key";

/// The file that holds areas is so long, or a multiple of it: cryptsetup takes none that is shorter.
const DATA_BYTES: u64 = 1 << 20;

/// A header with the least metadata and the smallest area for keys that it takes for 512-bit keys.
const HEADER_BYTES: u64 = (2 * 16 + 256) << 10;
const LEAST_HEADER: [&str; 4] = ["--luks2-metadata-size", "16k", "--luks2-keyslots-size", "256k"];

impl AreaCipher for Reencryption {
    fn profile() -> Profile {
        let offer = |cipher, iv, key_bits| Offer {
            cipher,
            iv: Some(iv),
            key_bits,
            unit_bytes: vec![512, 4096],
            large_sectors: false,
        };
        Profile {
            ciphers: vec![
                offer(Cipher::AesXts, Iv::Plain64, vec![256, 512]),
                offer(Cipher::AesXts, Iv::Plain64be, vec![512]),
                offer(Cipher::AesCbc, Iv::EssivSha256, vec![128, 192, 256]),
            ],
            equal_halves: EqualHalves::Refused,
            offsets: false,
            first: false,
            far: false,
            crypt_unit: false,
            partial_units: false,
            ..area::profile()
        }
    }

    fn new(direction: Direction, transform: &Transform, key: &Key) -> Result<Self, Error> {
        let scheme = Scheme::of(transform, key)?;
        let refused = |_| match scheme.unit_bytes {
            bytes if bytes > MOST_UNIT_BYTES => Error::UnitTooLong,
            _ => Error::BadKey,
        };
        // Some keys are taken at first, and refused when there is something to encrypt.
        header(Header::Encrypted, &scheme).map_err(refused)?;
        let scratch = Scratch::new();
        scratch.put(PASSWORD, b"password");
        Ok(Reencryption { direction, scheme, scratch })
    }

    fn crypt_area(&mut self, numbers: Numbers, area: &mut [u8]) -> Result<(), Error> {
        let header = match self.direction {
            Direction::Encrypt => Header::Encrypting,
            Direction::Decrypt => Header::Decrypting,
        };
        let header = self::header(header, &self.scheme)
            .unwrap_or_else(|said| panic!("cryptsetup, of a key that it took: {said}"));
        self.scratch.put(HEADER, &header);
        let at = numbers.first().checked_mul(SECTOR_BYTES).ok_or(Error::Misfit)?;
        let end = at.checked_add(area.len() as u64).ok_or(Error::Misfit)?;
        let data = self.scratch.make(DATA, end.next_multiple_of(DATA_BYTES));
        program::write_at(&data, at, area).map_err(|_| Error::Io)?;
        reencrypt(&self.scratch, &["--resume-only"])
            .unwrap_or_else(|said| panic!("cryptsetup, of {} bytes: {said}", area.len()));
        program::read_at(&data, at, area).map_err(|_| Error::Io)
    }
}

/// What a header is made for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Scheme {
    cipher: &'static str,
    key_bits: u16,
    unit_bytes: u32,
    key: Vec<u8>,
}

impl Scheme {
    fn of(transform: &Transform, key: &Key) -> Result<Self, Error> {
        let Transform::Cipher { cipher, key_bits, iv, unit_bytes, .. } = *transform else {
            return Err(Error::Unsupported);
        };
        let Key::Bytes { bytes } = key else {
            return Err(Error::BadKey);
        };
        let cipher = match (cipher, iv) {
            (Cipher::AesXts, Some(Iv::Plain64)) => "aes-xts-plain64",
            (Cipher::AesXts, Some(Iv::Plain64be)) => "aes-xts-plain64be",
            (Cipher::AesCbc, Some(Iv::EssivSha256)) => "aes-cbc-essiv:sha256",
            _ => return Err(Error::Unsupported),
        };
        Ok(Scheme { cipher, key_bits, unit_bytes, key: bytes.0.clone() })
    }
}

/// What a header says of its file. Each is made of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Header {
    /// It is to be encrypted.
    Encrypting,
    /// It is encrypted.
    Encrypted,
    /// It is to be decrypted.
    Decrypting,
}

type Made = Arc<OnceLock<Result<Arc<[u8]>, String>>>;

/// More headers are not kept: there are three for each scheme and key, and those of keys that do not
/// fit.
const MOST_HEADERS: usize = 300;

/// The headers that were made so far. They hold for every device, and one takes up to a second.
static HEADERS: Mutex<BTreeMap<(Header, Scheme), Made>> = Mutex::new(BTreeMap::new());

/// A header.
///
/// # Errors
///
/// What cryptsetup says when it refuses.
fn header(header: Header, scheme: &Scheme) -> Result<Arc<[u8]>, String> {
    let place = (header, scheme.clone());
    let made = {
        let mut headers = HEADERS.lock().unwrap_or_else(PoisonError::into_inner);
        if headers.len() >= MOST_HEADERS && !headers.contains_key(&place) {
            headers.clear();
        }
        Arc::clone(headers.entry(place).or_default())
    };
    // Whoever comes for the same one meanwhile waits here.
    made.get_or_init(|| make(header, scheme)).clone()
}

fn make(made: Header, scheme: &Scheme) -> Result<Arc<[u8]>, String> {
    let scratch = Scratch::new();
    scratch.put(PASSWORD, b"password");
    scratch.make(DATA, DATA_BYTES);
    match made {
        Header::Encrypting => {
            scratch.make(HEADER, HEADER_BYTES);
            begin(&scratch, scheme)?;
        }
        Header::Encrypted => {
            scratch.put(HEADER, &header(Header::Encrypting, scheme)?);
            reencrypt(&scratch, &["--resume-only"])?;
        }
        Header::Decrypting => {
            scratch.put(HEADER, &header(Header::Encrypted, scheme)?);
            reencrypt(&scratch, &["--decrypt", "--init-only"])?;
        }
    }
    Ok(scratch.get(HEADER).into())
}

fn begin(scratch: &Scratch, scheme: &Scheme) -> Result<(), String> {
    scratch.put(VOLUME_KEY, &scheme.key);
    let (key_bits, unit_bytes) = (scheme.key_bits.to_string(), scheme.unit_bytes.to_string());
    let asked = ["--encrypt", "--init-only", "--cipher", scheme.cipher];
    let sizes = ["--key-size", &key_bits, "--sector-size", &unit_bytes];
    let key = ["--volume-key-file", VOLUME_KEY];
    // What protects the volume key does not matter here, and takes long.
    let password = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
    reencrypt(scratch, &[&asked[..], &sizes, &key, &password, &LEAST_HEADER].concat())
}

fn reencrypt(scratch: &Scratch, asked: &[&str]) -> Result<(), String> {
    let mut command = scratch.command("cryptsetup");
    command.args(["reencrypt", "--batch-mode", "--disable-locks", "--type", "luks2"]);
    command.args(["--header", HEADER, "--key-file", PASSWORD]);
    // Nothing survives a crash here, so nothing is written for one.
    command.args(["--force-offline-reencrypt", "--resilience", "none"]);
    command.args(asked).arg(DATA);
    program::run(&mut command, &[]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use lawbook_spec::core::Bytes;
    use lawbook_spec::loopdev::Oracle;

    use super::*;

    fn transform(unit_bytes: u32) -> Transform {
        let (cipher, iv) = (Cipher::AesXts, Some(Iv::Plain64));
        Transform::Cipher { cipher, key_bits: 256, iv, unit_bytes, large_sectors: false }
    }

    fn key(bytes: u8) -> Key {
        Key::Bytes { bytes: Bytes((0..bytes).collect()) }
    }

    fn opened(direction: Direction, unit_bytes: u32, key: &Key) -> Result<Reencryption, Error> {
        Reencryption::new(direction, &transform(unit_bytes), key)
    }

    #[test]
    fn an_area_is_encrypted_as_the_formula_says_and_decrypted_again() {
        if program::skips("an_area_is_encrypted", PROGRAMS) {
            return;
        }
        // The second lies behind the first MiB of its file. The IV of a large unit counts sectors.
        for (n, unit_bytes) in [(5, 512), (4096, 4096)] {
            let numbers = Numbers::at(n, unit_bytes);
            let mut area = vec![7; 2 * unit_bytes as usize];
            let mut encrypt = opened(Direction::Encrypt, unit_bytes, &key(32)).unwrap();
            encrypt.crypt_area(numbers, &mut area).unwrap();
            let mut expected = vec![7; unit_bytes as usize];
            let oracle = Oracle::new(&transform(unit_bytes), &key(32)).unwrap();
            oracle.crypt(Direction::Encrypt, n + u64::from(unit_bytes / 512), &mut expected);
            assert!(area[unit_bytes as usize..] == expected, "units of {unit_bytes}");
            let mut decrypt = opened(Direction::Decrypt, unit_bytes, &key(32)).unwrap();
            decrypt.crypt_area(numbers, &mut area).unwrap();
            assert!(area == vec![7; area.len()], "units of {unit_bytes}");
        }
    }

    #[test]
    fn a_volume_key_that_is_too_short_is_refused_and_one_too_long_is_cut() {
        if program::skips("a_volume_key_that_is_too_short", PROGRAMS) {
            return;
        }
        assert_eq!(opened(Direction::Encrypt, 512, &key(31)).err(), Some(Error::BadKey));
        let [mut cut, mut whole] = [[7; 512]; 2];
        for (bytes, area) in [(33, &mut cut), (32, &mut whole)] {
            let mut encrypt = opened(Direction::Encrypt, 512, &key(bytes)).unwrap();
            encrypt.crypt_area(Numbers::at(0, 512), area).unwrap();
        }
        assert!(cut == whole);
    }

    #[test]
    fn a_key_with_equal_halves_gets_a_header_and_encrypts_nothing() {
        if program::skips("a_key_with_equal_halves", PROGRAMS) {
            return;
        }
        let key = Key::Bytes { bytes: Bytes(vec![1; 32]) };
        let scheme = Scheme::of(&transform(512), &key).unwrap();
        assert!(header(Header::Encrypting, &scheme).is_ok());
        assert_eq!(opened(Direction::Encrypt, 512, &key).err(), Some(Error::BadKey));
    }

    #[test]
    fn a_sector_of_more_than_4096_bytes_is_refused() {
        if program::skips("a_sector_of_more_than_4096_bytes", PROGRAMS) {
            return;
        }
        let refused = |bytes| opened(Direction::Encrypt, bytes, &key(32)).err();
        assert_eq!(refused(8192), Some(Error::BadKey));
        assert_eq!(refused(32 << 20), Some(Error::UnitTooLong));
    }
}
