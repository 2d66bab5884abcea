//! Sector encryption that others wrote, each as the cipher of a small device of ours.
//!
//! `area` is that device; `xts_mode` and `openssl` put a library's cipher into it and say in
//! their profiles what that library does.
//! It does not cover whole devices of others (dm-crypt, aespipe), which run outside this process.

mod area;
#[cfg(feature = "openssl")]
mod openssl;
mod xts_mode;

use lawbook_spec::core::{EVERY_CASE, Implementation, Missing, Origin, Subject};
use lawbook_spec::loopdev::Loopdev;

/// The version of the crate `xts-mode`; a test holds it against the lock file.
const XTS_MODE_VERSION: &str = "0.6.0";

/// The version of the crate `openssl`; a test holds it against the lock file. That of the library
/// behind it is known only at run time.
const OPENSSL_VERSION: &str = "0.10.82";

/// The loop devices whose ciphers others wrote.
pub fn implementations() -> Vec<Implementation<Loopdev>> {
    vec![
        Implementation {
            name: "xts-mode",
            version: XTS_MODE_VERSION,
            about: "The area functions of the crate xts-mode, on the crate aes.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: || Ok(Box::new(area::subject::<xts_mode::Area128>())),
        },
        Implementation {
            name: "openssl",
            version: OPENSSL_VERSION,
            about: "The EVP ciphers of OpenSSL's libcrypto, one call for each unit.",
            origin: Origin::Outside,
            every: EVERY_CASE,
            open: open_openssl,
        },
    ]
}

#[cfg(feature = "openssl")]
fn open_openssl() -> Result<Box<dyn Subject<Loopdev>>, Missing> {
    Ok(Box::new(area::subject::<openssl::Evp>()))
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
