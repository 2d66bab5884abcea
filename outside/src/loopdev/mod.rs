//! Sector encryption that others wrote, each behind the contract of a loop device.
//!
//! `area` is a small device of ours; `xts_mode` and `openssl` put a library's cipher into it,
//! `aespipe` and `cryptsetup` a program's, and say in their profiles what that library or program
//! does. `qemu` is a device of qemu's own. `program` holds what all programs need.
//! It does not cover devices of a kernel (dm-crypt).

mod aespipe;
mod area;
mod cryptsetup;
#[cfg(feature = "openssl")]
mod openssl;
mod program;
mod qemu;
mod xts_mode;

use std::borrow::Cow;
use std::num::NonZero;

use lawbook_spec::core::{EVERY_CASE, Implementation, Missing, Origin, Subject};
use lawbook_spec::loopdev::Loopdev;

/// The version of the crate `xts-mode`; a test holds it against the lock file.
const XTS_MODE_VERSION: &str = "0.6.0";

/// The loop devices whose ciphers others wrote.
pub fn implementations() -> Vec<Implementation<Loopdev>> {
    vec![
        Implementation {
            name: "xts-mode",
            version: || XTS_MODE_VERSION.into(),
            about: "The area functions of the crate xts-mode, on the crate aes.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: || Ok(area::boxed::<xts_mode::Area128>()),
        },
        Implementation {
            name: "openssl",
            version: openssl_version,
            about: "The EVP ciphers of OpenSSL's libcrypto, one call for each unit.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: open_openssl,
        },
        Implementation {
            name: "aespipe",
            version: || program::version("aespipe"),
            about: "The filter aespipe with the many keys of loop-AES v2 and v3, run for each request.",
            origin: Origin::Outside,
            every: prime(31),
            open: || aespipe::need().map(|()| area::boxed::<aespipe::ManyKeys>()),
        },
        Implementation {
            name: "aespipe-v1",
            version: || program::version("aespipe"),
            about: "The filter aespipe with the one key of loop-AES v1, run for each request.",
            origin: Origin::Outside,
            every: prime(31),
            open: || aespipe::need().map(|()| area::boxed::<aespipe::OneKey>()),
        },
        Implementation {
            name: "qemu",
            version: || program::version("qemu-io"),
            about: "The LUKS driver of qemu's block layer, by qemu-io on a sparse file.",
            origin: Origin::Outside,
            every: prime(13),
            open: qemu::subject,
        },
        Implementation {
            name: "cryptsetup",
            version: || program::version("cryptsetup"),
            about: "cryptsetup reencrypt on a plain file, offline, run for each request.",
            origin: Origin::Outside,
            every: prime(103),
            open: || cryptsetup::need().map(|()| area::boxed::<cryptsetup::Reencryption>()),
        },
    ]
}

/// Of so many cases one is judged: of programs, which take milliseconds to a third of a second a case.
fn prime(number: u64) -> NonZero<u64> {
    NonZero::new(number).expect("a prime number is not 0")
}

/// The version of the library.
#[cfg(feature = "openssl")]
fn openssl_version() -> Cow<'static, str> {
    openssl::version().into()
}

#[cfg(not(feature = "openssl"))]
fn openssl_version() -> Cow<'static, str> {
    "unknown".into()
}

#[cfg(feature = "openssl")]
fn open_openssl() -> Result<Box<dyn Subject<Loopdev>>, Missing> {
    Ok(area::boxed::<openssl::Evp>())
}

#[cfg(not(feature = "openssl"))]
fn open_openssl() -> Result<Box<dyn Subject<Loopdev>>, Missing> {
    Err(Missing {
        what: "OpenSSL's libcrypto".to_owned(),
        package: "feature `openssl`, with libssl-dev",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_lock_file() {
        let lock = include_str!("../../../Cargo.lock");
        let entry = format!("name = \"xts-mode\"\nversion = \"{XTS_MODE_VERSION}\"\n");
        assert!(lock.contains(&entry), "xts-mode is not {XTS_MODE_VERSION}");
    }

    #[cfg(not(feature = "openssl"))]
    #[test]
    fn without_its_feature_openssl_is_listed_and_missing() {
        let all = implementations();
        let openssl = all.iter().find(|one| one.name == "openssl").unwrap();
        let missing = (openssl.open)().err().unwrap();
        assert_eq!(missing.package, "feature `openssl`, with libssl-dev");
    }
}
