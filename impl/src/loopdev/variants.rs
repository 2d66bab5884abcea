//! The implementations that are judged: the reference, on memory and on a file, and a variant for
//! every scheme that is kept for old images or for the record.
//!
//! Each is the same [`Device`] under a profile of its own. It does not cover why the weak ones
//! break laws: their exemption files say so.

use std::fs::File;

use lawbook_spec::core::{Case, EVERY_CASE, End, Implementation, Missing, Origin, Subject, Trace};
use lawbook_spec::loopdev::{
    Cipher, Driver, EqualHalves, Iv, Loopdev, Offer, PartialRequests, Profile,
};

use super::backing::{FileBacking, Memory};
use super::device::Device;

/// All implementations of this module; the first is the reference.
pub fn implementations() -> Vec<Implementation<Loopdev>> {
    vec![
        variant("reference", "The transforms that keep every law, on sparse memory.", || {
            Ok(on_memory(profile()))
        }),
        variant("reference-file", "The reference, on a sparse temporary file.", || {
            Ok(Box::new(OnFile::open()?))
        }),
        variant("reference-block", "CBC with the block-number IV of Linux 2.4.", || {
            Ok(on_memory(Profile {
                // Linux 2.4 adds nothing to block numbers, and its chains are no units.
                first: false,
                crypt_unit: false,
                ..weak(vec![sectors(Iv::Block)])
            }))
        }),
        variant("reference-plain", "CBC and XTS with the sector number cut to 32 bits.", || {
            let xts = xts(Iv::Plain);
            Ok(on_memory(with_stealing(weak(vec![cbc(Iv::Plain), xts]))))
        }),
        variant("reference-null", "CBC and XTS without any IV.", || {
            let xts = xts(Iv::Null);
            Ok(on_memory(with_stealing(weak(vec![cbc(Iv::Null), xts]))))
        }),
        variant("reference-ecb", "ECB: each block by itself.", || {
            Ok(on_memory(weak(vec![Offer {
                cipher: Cipher::AesEcb,
                iv: None,
                key_bits: vec![128, 192, 256],
                unit_bytes: vec![512, 1024, 2048, 4096],
                large_sectors: false,
            }])))
        }),
        variant(
            "reference-cbc-plain64",
            "CBC with the sector number as its IV, which everybody can compute.",
            || Ok(on_memory(weak(vec![cbc(Iv::Plain64), cbc(Iv::Plain64be)]))),
        ),
        variant(
            "reference-benbi",
            "CBC with the number of the narrow block, counted from 1.",
            || Ok(on_memory(weak(vec![cbc(Iv::Benbi)]))),
        ),
        variant("reference-eboiv", "CBC with the encrypted byte offset.", || {
            Ok(on_memory(weak(vec![cbc(Iv::Eboiv)])))
        }),
        variant("reference-loop-aes-v1", "loop-AES with one key.", || {
            Ok(on_memory(weak(vec![sectors(Iv::LoopAesV1)])))
        }),
        variant("reference-xor", "The XOR transfer.", || {
            Ok(on_memory(Profile { xor: true, crypt_unit: false, ..weak(vec![]) }))
        }),
    ]
}

/// The profile of the reference: the transforms that keep every law, and every capability.
pub fn profile() -> Profile {
    with_stealing(Profile {
        none: true,
        transfers: true,
        ..weak(vec![
            xts(Iv::Plain64),
            xts(Iv::Plain64be),
            cbc(Iv::EssivSha256),
            sectors(Iv::LoopAesV2),
            sectors(Iv::LoopAesV3),
        ])
    })
}

/// Only these ciphers; no none, no xor, no transfers of users.
fn weak(ciphers: Vec<Offer>) -> Profile {
    Profile {
        ciphers,
        none: false,
        xor: false,
        transfers: false,
        image: true,
        flips: true,
        block_size: true,
        offsets: true,
        first: true,
        far: true,
        size_limit: true,
        read_only: true,
        crypt_unit: true,
        partial_units: false,
        equal_halves: EqualHalves::Accepted,
        partial_requests: PartialRequests::ReadModifyWrite,
    }
}

/// XTS takes units that are not whole blocks; the other modes do not.
fn with_stealing(profile: Profile) -> Profile {
    Profile { partial_units: true, ..profile }
}

fn xts(iv: Iv) -> Offer {
    Offer { cipher: Cipher::AesXts, key_bits: vec![256, 512], ..cbc(iv) }
}

fn cbc(iv: Iv) -> Offer {
    Offer {
        cipher: Cipher::AesCbc,
        iv: Some(iv),
        key_bits: vec![128, 192, 256],
        unit_bytes: vec![512, 1024, 2048, 4096],
        large_sectors: true,
    }
}

/// CBC with a scheme that knows sectors and no larger units.
fn sectors(iv: Iv) -> Offer {
    Offer { unit_bytes: vec![512], large_sectors: false, ..cbc(iv) }
}

type Open = fn() -> Result<Box<dyn Subject<Loopdev>>, Missing>;

fn variant(name: &'static str, about: &'static str, open: Open) -> Implementation<Loopdev> {
    Implementation {
        name,
        version: || env!("CARGO_PKG_VERSION").into(),
        about,
        origin: Origin::Reference,
        every: EVERY_CASE,
        open,
    }
}

fn on_memory(profile: Profile) -> Box<dyn Subject<Loopdev>> {
    let offered = profile.clone();
    Box::new(Driver::new(profile, move |bytes| {
        Device::offering(Memory::zeroed(bytes), offered.clone())
    }))
}

/// Runs cases on one temporary file, which is emptied for each.
struct OnFile {
    file: File,
}

impl OnFile {
    fn open() -> Result<Self, Missing> {
        // A device of 2 TiB and some more, wherever it begins.
        const FAR_BYTES: u64 = 4 << 40;
        let missing = |error: std::io::Error| Missing {
            what: format!("a folder for temporary files that holds sparse ones of 4 TiB ({error})"),
            package: "TMPDIR on ext4, XFS, Btrfs or tmpfs",
        };
        let file = tempfile::tempfile().map_err(missing)?;
        file.set_len(FAR_BYTES).map_err(missing)?;
        Ok(OnFile { file })
    }

    fn backing(&self, bytes: u64) -> std::io::Result<FileBacking> {
        FileBacking::zeroed(self.file.try_clone()?, bytes)
    }
}

impl Subject<Loopdev> for OnFile {
    fn profile(&self) -> Profile {
        profile()
    }

    fn run(&mut self, case: &Case<Loopdev>) -> Trace<Loopdev> {
        let bytes = case.setup.backing_bytes;
        // The driver's maker can't fail, so the file is made first, and handed over when asked for.
        match self.backing(bytes) {
            Err(error) => Trace {
                events: Vec::new(),
                end: End::Unsupported(format!("no file of {bytes} bytes: {error}")),
            },
            Ok(backing) => {
                let mut device = Some(Device::offering(backing, profile()));
                Driver::new(profile(), |_| device.take().expect("a driver makes one device a case"))
                    .run(case)
            }
        }
    }
}
