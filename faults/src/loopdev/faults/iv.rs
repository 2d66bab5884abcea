//! Faults in what the number *n* counts, and in how it is written down as an IV.

use lawbook_spec::core::Implementation;
use lawbook_spec::loopdev::{Attachment, Error, Iv, Loopdev, Offer, Profile, Transform};

use super::super::ciphers::{Block, be64, le64};
use super::super::decisions::{Decisions, Right};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Loopdev>; 14] = [
    fault::<CountsHostBlocks>(
        "counts-host-blocks",
        "LOOPDEV-02",
        "The IV is the byte offset divided by the block size of the hosting filesystem.",
        "Linux cryptoloop until 2003 (LWN kernel page, June 2003); Ceph pull request 39005",
    ),
    fault::<BlockNumberWithoutCarry>(
        "block-number-without-carry",
        "LOOPDEV-04",
        "The legacy block number adds the quotients of sector and offset, and loses the carry \
             of their remainders.",
        "constructed: the legacy formula of Linux 2.4 has the carry as a step of its own",
    ),
    fault::<CountsUnits>(
        "counts-units",
        "LOOPDEV-04",
        "n counts units instead of 512-byte sectors, without large sectors being asked for.",
        "GRUB until cf3a3acf",
    ),
    fault::<CountsSectorsOfLargeUnits>(
        "counts-sectors-of-large-units",
        "LOOPDEV-04",
        "n counts 512-byte sectors although large sectors are asked for.",
        "constructed: an option that one of two layers does not know; VeraCrypt #1632 is near",
    ),
    fault::<OffsetIgnored>(
        "offset-ignored",
        "LOOPDEV-09",
        "n does not count the sectors before the device's offset.",
        "constructed: the sector number of the device is at hand, that of the backing is not",
    ),
    fault::<OffsetAddedTwice>(
        "offset-added-twice",
        "LOOPDEV-09",
        "n counts the sectors before the device's offset twice.",
        "constructed: two layers each add the offset",
    ),
    fault::<OffsetAddedInBytes>(
        "offset-added-in-bytes",
        "LOOPDEV-09",
        "n counts the bytes before the device's offset, not the sectors.",
        "constructed: offset and sector are both plain integers in C",
    ),
    fault::<OffsetTruncated>(
        "offset-truncated",
        "LOOPDEV-14",
        "An offset that is no multiple of 512 is truncated instead of refused.",
        "constructed: an offset is turned into sectors by a shift",
    ),
    fault::<WrapsAt32Bits>(
        "wraps-at-32-bits",
        "LOOPDEV-04",
        "n wraps at 2³² sectors.",
        "Linux dm-crypt's `plain`, which is why there is a `plain64`",
    ),
    fault::<FirstIn32Bits>(
        "first-in-32-bits",
        "LOOPDEV-04",
        "The number that is added to the sector is stored in 32 bits before the sum.",
        "Linux dm-crypt 8d683dcd",
    ),
    fault::<SignedNumber>(
        "signed-number",
        "LOOPDEV-04",
        "n is a signed 32-bit number, which is extended by its sign.",
        "constructed: `int` holds a sector number",
    ),
    fault::<Plain64InBigEndian>(
        "plain64-in-big-endian",
        "LOOPDEV-04",
        "The IV of plain64 is n in big endian.",
        "constructed: n is copied as a big-endian machine holds it",
    ),
    fault::<Plain64beAtTheWrongEnd>(
        "plain64be-at-the-wrong-end",
        "LOOPDEV-04",
        "The IV of plain64be has n in its first eight bytes.",
        "constructed: the offset of eight bytes into the IV is forgotten",
    ),
    fault::<OffByOne>(
        "off-by-one",
        "LOOPDEV-04",
        "n is one too high.",
        "constructed: sectors are counted from one",
    ),
];

#[derive(Default)]
struct CountsHostBlocks;

impl Decisions for CountsHostBlocks {
    fn number(&self, attachment: &Attachment, sector: u64) -> u64 {
        let at = 512 * sector + attachment.offset_bytes;
        attachment.first.wrapping_add(at / u64::from(attachment.block_bytes))
    }
}

#[derive(Default)]
struct BlockNumberWithoutCarry;

impl Decisions for BlockNumberWithoutCarry {
    fn profile(&self) -> Profile {
        profiles::only(vec![profiles::block()])
    }

    fn block_number(&self, attachment: &Attachment, sector: u64) -> u64 {
        let block_bytes = u64::from(attachment.block_bytes);
        sector / (block_bytes / 512) + attachment.offset_bytes / block_bytes
    }
}

/// Units that are larger than a sector, with and without large sectors.
fn large_units() -> Profile {
    profiles::only(vec![Offer { unit_bytes: vec![1024, 4096], ..profiles::xts(Iv::Plain64) }])
}

#[derive(Default)]
struct CountsUnits;

impl Decisions for CountsUnits {
    fn profile(&self) -> Profile {
        large_units()
    }

    fn n(&self, transform: &Transform, number: u64) -> u64 {
        number / u64::from(transform.unit_bytes() / 512)
    }
}

#[derive(Default)]
struct CountsSectorsOfLargeUnits;

impl Decisions for CountsSectorsOfLargeUnits {
    fn profile(&self) -> Profile {
        large_units()
    }

    fn n(&self, _transform: &Transform, number: u64) -> u64 {
        number
    }
}

/// One transform on a device that is moved in its backing, and judged by what it reads: that takes
/// the fewest ops.
fn moved_devices() -> Profile {
    Profile {
        image: false,
        crypt_unit: false,
        flips: false,
        read_only: false,
        ..profiles::only(vec![Offer { unit_bytes: vec![512], ..profiles::xts(Iv::Plain64) }])
    }
}

#[derive(Default)]
struct OffsetIgnored;

impl Decisions for OffsetIgnored {
    fn profile(&self) -> Profile {
        moved_devices()
    }

    fn number(&self, attachment: &Attachment, sector: u64) -> u64 {
        attachment.first.wrapping_add(sector)
    }
}

#[derive(Default)]
struct OffsetAddedTwice;

impl Decisions for OffsetAddedTwice {
    fn profile(&self) -> Profile {
        moved_devices()
    }

    fn number(&self, attachment: &Attachment, sector: u64) -> u64 {
        Right.number(attachment, sector).wrapping_add(attachment.offset_bytes / 512)
    }
}

#[derive(Default)]
struct OffsetAddedInBytes;

impl Decisions for OffsetAddedInBytes {
    fn profile(&self) -> Profile {
        moved_devices()
    }

    fn number(&self, attachment: &Attachment, sector: u64) -> u64 {
        attachment.first.wrapping_add(sector).wrapping_add(attachment.offset_bytes)
    }
}

#[derive(Default)]
struct OffsetTruncated;

impl Decisions for OffsetTruncated {
    fn start(&self, offset_bytes: u64) -> Result<u64, Error> {
        Ok(offset_bytes / 512 * 512)
    }
}

#[derive(Default)]
struct WrapsAt32Bits;

impl Decisions for WrapsAt32Bits {
    fn number(&self, attachment: &Attachment, sector: u64) -> u64 {
        Right.number(attachment, sector) & 0xffff_ffff
    }
}

#[derive(Default)]
struct FirstIn32Bits;

impl Decisions for FirstIn32Bits {
    fn number(&self, attachment: &Attachment, sector: u64) -> u64 {
        (attachment.first & 0xffff_ffff)
            .wrapping_add(sector)
            .wrapping_add(attachment.offset_bytes / 512)
    }
}

#[derive(Default)]
struct SignedNumber;

impl Decisions for SignedNumber {
    fn number(&self, attachment: &Attachment, sector: u64) -> u64 {
        let low = Right.number(attachment, sector) & 0xffff_ffff;
        if low < 1 << 31 { low } else { low | 0xffff_ffff << 32 }
    }
}

#[derive(Default)]
struct Plain64InBigEndian;

impl Decisions for Plain64InBigEndian {
    fn profile(&self) -> Profile {
        profiles::only(vec![profiles::xts(Iv::Plain64)])
    }

    fn written_iv(&self, _scheme: Iv, n: u64) -> Block {
        be64(n)
    }
}

#[derive(Default)]
struct Plain64beAtTheWrongEnd;

impl Decisions for Plain64beAtTheWrongEnd {
    fn profile(&self) -> Profile {
        profiles::only(vec![profiles::xts(Iv::Plain64be)])
    }

    fn written_iv(&self, _scheme: Iv, n: u64) -> Block {
        le64(n.swap_bytes())
    }
}

#[derive(Default)]
struct OffByOne;

impl Decisions for OffByOne {
    fn number(&self, attachment: &Attachment, sector: u64) -> u64 {
        Right.number(attachment, sector).wrapping_add(1)
    }
}
