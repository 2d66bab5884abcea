//! Sector encryption that others wrote, each behind the contract of a loop device.
//!
//! `area` is a small device of ours; `xts_mode` and `openssl` put a library's cipher into it,
//! `aespipe` and `cryptsetup` a program's, and say in their profiles what that library or program does. `qemu` is a
//! device of qemu's own. `program` holds what all programs need.
//! It does not cover devices of a kernel (dm-crypt).

mod aespipe;
mod area;
mod cryptsetup;
#[cfg(feature = "openssl")]
mod openssl;
mod program;
mod qemu;
mod xts_mode;

use lawbook_spec::core::{EVERY_CASE, Implementation, Missing, Origin, Subject};
use lawbook_spec::loopdev::Loopdev;

/// The version of the crate `xts-mode`; a test holds it against the lock file.
const XTS_MODE_VERSION: &str = "0.6.0";

/// The version of the crate `openssl`; a test holds it against the lock file. That of the library
/// behind it is known only at run time.
const OPENSSL_VERSION: &str = "0.10.82";

/// The version of a program: whichever the machine has.
const FOUND_AT_RUN_TIME: &str = "installed";

/// The loop devices whose ciphers others wrote.
pub fn implementations() -> Vec<Implementation<Loopdev>> {
    vec![
        Implementation {
            name: "xts-mode",
            version: XTS_MODE_VERSION,
            about: "The area functions of the crate xts-mode, on the crate aes.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: || Ok(area::boxed::<xts_mode::Area128>()),
        },
        Implementation {
            name: "openssl",
            version: OPENSSL_VERSION,
            about: "The EVP ciphers of OpenSSL's libcrypto, one call for each unit.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: open_openssl,
        },
        Implementation {
            name: "aespipe",
            version: FOUND_AT_RUN_TIME,
            about: "The filter aespipe with the many keys of loop-AES v2 and v3, run for each request.",
            origin: Origin::Outside,
            open: || aespipe::need().map(|()| area::boxed::<aespipe::ManyKeys>()),
        },
        Implementation {
            name: "aespipe-v1",
            version: FOUND_AT_RUN_TIME,
            about: "The filter aespipe with the one key of loop-AES v1, run for each request.",
            origin: Origin::Outside,
            open: || aespipe::need().map(|()| area::boxed::<aespipe::OneKey>()),
        },
        Implementation {
            name: "qemu",
            version: FOUND_AT_RUN_TIME,
            about: "The LUKS driver of qemu's block layer, by qemu-io on a sparse file.",
            origin: Origin::Outside,
            open: qemu::subject,
        },
        Implementation {
            name: "cryptsetup",
            version: FOUND_AT_RUN_TIME,
            about: "cryptsetup reencrypt on a plain file, offline, run for each request.",
            origin: Origin::Outside,
            open: || cryptsetup::need().map(|()| area::boxed::<cryptsetup::Reencryption>()),
        },
    ]
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
    fn the_versions_are_those_of_the_lock_file() {
        let lock = include_str!("../../../Cargo.lock");
        for (package, version) in [("xts-mode", XTS_MODE_VERSION), ("openssl", OPENSSL_VERSION)] {
            let entry = format!("name = \"{package}\"\nversion = \"{version}\"\n");
            assert!(lock.contains(&entry), "{package} is not {version}");
        }
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
