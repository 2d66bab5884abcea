//! A loop device over memory or a sparse file, with every cipher and IV scheme of the contract.
//!
//! Its nouns are those of [`lawbook_spec::loopdev`], and three of its own: the [`Backing`] (where
//! the image lies), the [`SectorCipher`] (a transform with its keys made ready, which works on
//! sectors without any device), and the [`Device`] (both together, behind
//! [`LoopDevice`](lawbook_spec::loopdev::LoopDevice)).
//!
//! | room | holds |
//! | --- | --- |
//! | `backing` | memory and files |
//! | `cipher` | AES in ECB, CBC and XTS, many units at a time |
//! | `iv` | from *n* to IVs; the keys and hashes of loop-AES |
//! | `sector_cipher` | transform and key to sectors |
//! | `device` | offsets, limits, partial units, registered transfers |
//! | `variants` | the implementations that are judged, each with its profile |
//!
//! It does *not* cover caching, several devices on one backing, nor waiting until a disk holds
//! what was written. Keys are not wiped from memory.
//!
//! ```
//! use lawbook_reference::loopdev::{Device, Memory};
//! use lawbook_spec::core::Bytes;
//! use lawbook_spec::loopdev::{Attachment, Cipher, Iv, Key, LoopDevice, Sector, Transform};
//!
//! let mut device = Device::new(Memory::zeroed(1 << 20));
//! device.attach(&Attachment {
//!     transform: Transform::Cipher {
//!         cipher: Cipher::AesXts,
//!         key_bits: 512,
//!         iv: Some(Iv::Plain64),
//!         unit_bytes: 4096,
//!         large_sectors: false,
//!     },
//!     key: Key::Bytes { bytes: Bytes((0..64).collect()) },
//!     offset_bytes: 0,
//!     first: 0,
//!     size_limit_bytes: 0,
//!     read_only: false,
//!     block_bytes: 4096,
//! })?;
//! device.write(Sector(3), &[7; 1024])?;
//! let mut back = [0; 1024];
//! device.read(Sector(3), &mut back)?;
//! assert_eq!(back, [7; 1024]);
//! # Ok::<(), lawbook_spec::loopdev::Error>(())
//! ```

mod backing;
mod cipher;
mod device;
mod iv;
mod sector_cipher;
mod variants;

pub use self::backing::{Backing, FileBacking, Memory};
pub use self::device::Device;
pub use self::sector_cipher::{Place, SectorCipher};
pub use self::variants::{implementations, profile};
