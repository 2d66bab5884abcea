//! The laws of the loop device, in id order, and the situations that a campaign must meet.
//!
//! Where two laws could claim the same difference, each claims it only when its own circumstance
//! is the one thing that changed: so a broken split is not reported as a broken block size.

use super::cases::{Change, Op};
use super::contract::{EqualHalves, Error, Profile};
use super::formulas::{BLOCK_BYTES, public_iv};
use super::model::{
    Answer, Entry, Event, Misfit, Model, PUBLIC_IVS, ReadAnswer, Request, Seen, Since, Written,
    halves_equal, misfit, requests,
};
use super::{Cipher, IEEE_1619, Iv, Key, Loopdev, Sector, Transform};
use crate::core::Judgement::{Holds, Silent};
use crate::core::Level::{Must, Should};
use crate::core::{Check, Judgement, Law, LawId, Source, always};

const LWN: &str = "LWN kernel page, June 2003";
const LOOP: &str = "Fixing the cryptoloop driver";
const IEEE: &str = "IEEE Std 1619-2007";

pub(super) const LAWS: &[Law<Loopdev>] = &[
    Law {
        id: LawId("LOOPDEV-00"),
        level: Must,
        says: "The implementation answers, and skips an op exactly when its slot requires it.",
        source: Source::Ours { why: "what does not answer can't be judged" },
        needs: always,
        check: Check::Answers,
    },
    Law {
        id: LawId("LOOPDEV-01"),
        level: Must,
        says: "A read returns what was last written there, across any splits, any order and any \
               reopen with the same key.",
        source: Source::Work { work: LWN, place: LOOP },
        needs: always,
        check: Check::Step(round_trip),
    },
    Law {
        id: LawId("LOOPDEV-02"),
        level: Must,
        says: "The block size of the hosting filesystem, at any moment, changes neither what a \
               read returns nor the image.",
        source: Source::Work { work: LWN, place: LOOP },
        needs: block_size,
        check: Check::Step(block_size_independence),
    },
    Law {
        id: LawId("LOOPDEV-03"),
        level: Must,
        says: "Any split of a request into requests, or of its memory into segments, gives the \
               same reads and the same image.",
        source: Source::Work { work: "Linux", place: "loop driver, commit a7297a6a" },
        needs: always,
        check: Check::Step(partition_independence),
    },
    Law {
        id: LawId("LOOPDEV-04"),
        level: Must,
        says: "The image is exactly the transform, under its key, of what was written.",
        source: Source::Work { work: "Linux dm-crypt and loop-AES", place: "their IV schemes" },
        needs: image,
        check: Check::Step(image_is_the_transform),
    },
    Law {
        id: LawId("LOOPDEV-05"),
        level: Must,
        says: "A read is exactly the inverse transform, under the key, of the image.",
        source: Source::Work { work: "Linux dm-crypt and loop-AES", place: "their IV schemes" },
        needs: always,
        check: Check::Step(read_is_the_inverse),
    },
    Law {
        id: LawId("LOOPDEV-06"),
        level: Must,
        says: "A write changes only the units that it touches.",
        source: Source::Ours { why: "data next to a write are somebody else's" },
        needs: image,
        check: Check::Step(locality),
    },
    Law {
        id: LawId("LOOPDEV-07"),
        level: Must,
        says: "A change inside one plaintext block of a unit changes in the image: under ECB and \
               XTS that block (with stealing, one or both of the last two), under CBC from that block to the unit's end, under \
               loop-AES v2 and v3 the whole sector.",
        source: Source::Work { work: IEEE, place: "5.3; NIST SP 800-38A, 6.1 and 6.2" },
        needs: units_seen,
        check: Check::Always(diffusion),
    },
    Law {
        id: LawId("LOOPDEV-08"),
        level: Must,
        says: "A flipped image bit changes in what is read: under ECB and XTS its block, under CBC \
               its block and that bit of the next block of the unit, under loop-AES v2 and v3 also \
               the first block of the sector; without a cipher, just itself.",
        source: Source::Work { work: "NIST SP 800-38A", place: "appendix D" },
        needs: flips,
        check: Check::Step(damage),
    },
    Law {
        id: LawId("LOOPDEV-09"),
        level: Must,
        says: "Sector s of a device at offset o is encrypted as sector s + o / 512 of a device at \
               offset 0.",
        source: Source::Work { work: LWN, place: LOOP },
        needs: offsets,
        check: Check::Step(offset_equivariance),
    },
    Law {
        id: LawId("LOOPDEV-10"),
        level: Must,
        says: "The unit at sector s, larger than a sector, has n = first + s + offset / 512, divided by unit / 512 with \
               large sectors, and is encrypted as the unit of that n by itself.",
        source: Source::Work { work: "Linux dm-crypt", place: "iv_large_sectors" },
        needs: unit_relation,
        check: Check::Always(units_agree),
    },
    Law {
        id: LawId("LOOPDEV-11"),
        level: Must,
        // loop-AES v2 and v3 use 56 bits of n, and have no first number by which a device, of at
        // most 2⁵⁵ sectors, would come to need more: there n is compared modulo 2⁵⁶.
        says: "The same plaintext in two units of different n gives different ciphertext, from the \
               first block on; under loop-AES v2 and v3, different modulo 2⁵⁶.",
        source: Source::Work { work: LWN, place: LOOP },
        needs: units_of_ciphers_seen,
        check: Check::Always(position),
    },
    Law {
        id: LawId("LOOPDEV-12"),
        level: Must,
        says: "A read leaves the image as it is.",
        source: Source::Ours { why: "a disk that is only read must not change" },
        needs: image,
        check: Check::Step(reads_change_nothing),
    },
    Law {
        id: LawId("LOOPDEV-13"),
        level: Must,
        says: "What is refused leaves the image and what is read as they are.",
        source: Source::Ours { why: "a refused write that wrote its first half has lost data" },
        needs: always,
        check: Check::Step(refusals_change_nothing),
    },
    Law {
        id: LawId("LOOPDEV-14"),
        level: Must,
        says: "An attachment is taken exactly when its transform is offered and its key, offset, \
               first number and length fit.",
        source: Source::Work { work: "Linux", place: "cryptoloop and dm-crypt: EINVAL" },
        needs: always,
        check: Check::Step(attachments_that_fit),
    },
    Law {
        id: LawId("LOOPDEV-15"),
        level: Must,
        says: "An XTS key whose halves are equal gets what the profile says.",
        source: Source::Work { work: "NIST", place: "FIPS 140-2 IG A.9: the halves must differ" },
        needs: xts,
        check: Check::Step(equal_halves),
    },
    Law {
        id: LawId("LOOPDEV-16"),
        level: Must,
        says: "A unit of more than 2²⁰ blocks is refused.",
        source: Source::Work { work: IEEE, place: "5.1; openssl issue 8627" },
        needs: ciphers,
        check: Check::Step(unit_length),
    },
    Law {
        id: LawId("LOOPDEV-17"),
        level: Must,
        says: "A request that reaches past the device's end is refused whole, and one of whole \
               units inside it is done, but for a write to a read-only device.",
        source: Source::Ours { why: "a device has an end, also one set by a size limit" },
        needs: always,
        check: Check::Step(device_end),
    },
    Law {
        id: LawId("LOOPDEV-18"),
        level: Must,
        says: "A device attached read-only refuses writes.",
        source: Source::Ours { why: "that is what read-only means" },
        needs: read_only,
        check: Check::Step(read_only_refuses),
    },
    Law {
        id: LawId("LOOPDEV-19"),
        level: Must,
        says: "A request that is not whole units gets what the profile says.",
        source: Source::Work { work: "Linux dm-crypt", place: "crypt_map: EIO" },
        needs: larger_units,
        check: Check::Step(partial_requests),
    },
    Law {
        id: LawId("LOOPDEV-20"),
        level: Must,
        says: "Another key does not read the data back.",
        source: Source::Ours { why: "the key is what keeps data from prying eyes" },
        needs: ciphers,
        check: Check::Step(other_keys),
    },
    Law {
        id: LawId("LOOPDEV-21"),
        level: Must,
        says: "Each sector of a write reads back, by the same split, as one fetch of its memory, \
               though its owner changes the memory meanwhile.",
        source: Source::Work {
            work: "loop-AES",
            place: "README: plaintext is hashed, then encrypted",
        },
        needs: always,
        check: Check::Step(one_fetch),
    },
    Law {
        id: LawId("LOOPDEV-22"),
        level: Must,
        says: "A transfer that the device uses can't be unregistered (EBUSY), and one that it does \
               not use can.",
        source: Source::Ours { why: "Linux released the device instead; a user would lose data" },
        needs: transfers,
        check: Check::Step(transfers_in_use),
    },
    Law {
        id: LawId("LOOPDEV-23"),
        level: Must,
        says: "Under no transform the image shows the plain bytes.",
        source: Source::Work { work: LWN, place: "Fixing the cryptoloop driver: ISO images" },
        needs: none_seen,
        check: Check::Step(none_is_plain),
    },
    Law {
        id: LawId("LOOPDEV-24"),
        level: Must,
        says: "A registered transfer is called once for each sector of a request that is done, \
               with the sector's n, whatever the split.",
        source: Source::Work { work: LWN, place: "Fixing the cryptoloop driver: transfer hooks" },
        needs: transfers,
        check: Check::Step(transfer_calls),
    },
    Law {
        id: LawId("LOOPDEV-25"),
        level: Must,
        says: "The vectors of IEEE 1619-2007 hold, both ways.",
        source: Source::Work { work: IEEE, place: "annex B, vectors 1 to 19" },
        needs: vectors,
        check: Check::Step(published_vectors),
    },
    Law {
        id: LawId("LOOPDEV-26"),
        level: Should,
        says: "Two units whose plaintexts differ just by the IVs that anybody can compute, in \
               their first block, give different ciphertexts.",
        source: Source::Work { work: "CVE-2004-2135", place: "watermark attack on cryptoloop" },
        needs: units_of_ciphers_seen,
        check: Check::Always(no_watermark),
    },
    Law {
        id: LawId("LOOPDEV-27"),
        level: Must,
        says: "A unit by itself, of any length that the transform allows, is exactly the \
               transform, under its key and n.",
        source: Source::Work { work: IEEE, place: "5.3, with ciphertext stealing" },
        needs: crypt_unit,
        check: Check::Step(unit_alone),
    },
    reach("LOOPDEV-R01", "A request straddles a page.", always, reach_page),
    reach("LOOPDEV-R02", "A request straddles a unit.", always, reach_unit),
    reach("LOOPDEV-R03", "A request straddles a block.", always, reach_block),
    reach("LOOPDEV-R04", "Sectors on both sides of n = 2³² are written.", first_or_far, reach_2_32),
    reach("LOOPDEV-R05", "The block size grows between write and read.", block_size, reach_grow),
    reach(
        "LOOPDEV-R06",
        "The block size shrinks between write and read.",
        block_size,
        reach_shrink,
    ),
    reach(
        "LOOPDEV-R07",
        "A unit of 4096 bytes is written without large sectors.",
        unit_4096,
        reach_4096,
    ),
    reach(
        "LOOPDEV-R08",
        "A unit of 4096 bytes is written with large sectors.",
        large_4096,
        reach_large_4096,
    ),
    reach("LOOPDEV-R09", "A device at an offset is written.", offsets, reach_offset),
    reach("LOOPDEV-R10", "A unit is written between written ones.", always, reach_between),
    reach("LOOPDEV-R11", "The same sector is written in both windows.", far, reach_both_windows),
];

const fn reach(
    id: &'static str,
    says: &'static str,
    needs: fn(&Profile) -> Result<(), &'static str>,
    check: fn(&Model, &Op, &Event) -> bool,
) -> Law<Loopdev> {
    Law {
        id: LawId(id),
        level: Must,
        says,
        source: Source::Ours { why: "a campaign that never meets it has not tried" },
        needs,
        check: Check::Reach(check),
    }
}

// What laws need.

fn block_size(profile: &Profile) -> Result<(), &'static str> {
    if profile.block_size { Ok(()) } else { Err("the block size can't change") }
}

fn image(profile: &Profile) -> Result<(), &'static str> {
    if profile.image { Ok(()) } else { Err("the image can't be seen") }
}

fn flips(profile: &Profile) -> Result<(), &'static str> {
    if profile.flips { fixed_units(profile) } else { Err("the image can't be damaged") }
}

fn offsets(profile: &Profile) -> Result<(), &'static str> {
    if profile.offsets { Ok(()) } else { Err("the device always starts with its backing") }
}

fn read_only(profile: &Profile) -> Result<(), &'static str> {
    if profile.read_only { Ok(()) } else { Err("the device is never read-only") }
}

fn transfers(profile: &Profile) -> Result<(), &'static str> {
    if profile.transfers { Ok(()) } else { Err("no transfer can be registered") }
}

fn crypt_unit(profile: &Profile) -> Result<(), &'static str> {
    let has_units = profile.ciphers.iter().any(|offer| offer.iv != Some(Iv::Block));
    if profile.crypt_unit && has_units { Ok(()) } else { Err("no unit can be had by itself") }
}

fn far(profile: &Profile) -> Result<(), &'static str> {
    if profile.far { Ok(()) } else { Err("the device is small") }
}

fn ciphers(profile: &Profile) -> Result<(), &'static str> {
    if profile.ciphers.is_empty() { Err("no cipher is offered") } else { Ok(()) }
}

fn fixed_units(profile: &Profile) -> Result<(), &'static str> {
    if profile.ciphers.iter().any(|offer| offer.iv != Some(Iv::Block)) || profile.xor {
        Ok(())
    } else {
        Err("the scheme has no units: its chains follow the requests")
    }
}

fn units_seen(profile: &Profile) -> Result<(), &'static str> {
    image(profile)?;
    ciphers(profile)?;
    fixed_units(profile)
}

fn units_of_ciphers_seen(profile: &Profile) -> Result<(), &'static str> {
    image(profile)?;
    if profile.xor { Ok(()) } else { ciphers(profile) }
}

fn larger_units(profile: &Profile) -> Result<(), &'static str> {
    let larger = |bytes: &u32| *bytes > 512;
    if profile.ciphers.iter().any(|offer| offer.unit_bytes.iter().any(larger)) {
        Ok(())
    } else {
        Err("no unit is larger than a sector")
    }
}

fn unit_relation(profile: &Profile) -> Result<(), &'static str> {
    image(profile)?;
    larger_units(profile)?;
    let large = profile.ciphers.iter().any(|offer| offer.large_sectors);
    if profile.crypt_unit || (large && profile.first) {
        Ok(())
    } else {
        Err("no unit can be compared with the same one elsewhere")
    }
}

fn xts(profile: &Profile) -> Result<(), &'static str> {
    if profile.ciphers.iter().any(|offer| offer.cipher == Cipher::AesXts) {
        Ok(())
    } else {
        Err("XTS is not offered")
    }
}

fn vectors(profile: &Profile) -> Result<(), &'static str> {
    crypt_unit(profile)?;
    let plain64 = |cipher, iv| cipher == Cipher::AesXts && iv == Some(Iv::Plain64);
    if profile.ciphers.iter().any(|offer| plain64(offer.cipher, offer.iv)) {
        Ok(())
    } else {
        Err("XTS under plain64 is not offered")
    }
}

fn none_seen(profile: &Profile) -> Result<(), &'static str> {
    image(profile)?;
    if profile.none { Ok(()) } else { Err("data are always transformed") }
}

fn first_or_far(profile: &Profile) -> Result<(), &'static str> {
    if profile.first || profile.far { Ok(()) } else { Err("n never comes near 2³²") }
}

fn unit_4096(profile: &Profile) -> Result<(), &'static str> {
    if profile.ciphers.iter().any(|offer| offer.unit_bytes.contains(&4096)) {
        Ok(())
    } else {
        Err("no unit has 4096 bytes")
    }
}

fn large_4096(profile: &Profile) -> Result<(), &'static str> {
    let large = |bytes: &[u32]| bytes.contains(&4096);
    if profile.ciphers.iter().any(|offer| offer.large_sectors && large(&offer.unit_bytes)) {
        Ok(())
    } else {
        Err("n never counts units of 4096 bytes")
    }
}

// What is read.

/// Judges every sector that a read returned, with its request and the op's segments.
fn each_sector(
    op: &Op,
    event: &Event,
    mut judge: impl FnMut(u64, &[u8; 512], &Request, &[u32]) -> Judgement,
) -> Judgement {
    let (Op::Read { sector, sectors, cuts, segments }, Event::Read { answers, .. }) = (op, event)
    else {
        return Silent;
    };
    let requests = requests(*sector, *sectors as usize * 512, cuts);
    let done = requests.iter().zip(answers).filter_map(|(request, answer)| {
        let sectors = request.sectors().zip(answer.data()?.as_chunks::<512>().0);
        Some(sectors.map(move |(at, bytes)| (at, bytes, request)))
    });
    Judgement::all(done.flatten().map(|(at, bytes, request)| judge(at, bytes, request, segments)))
}

fn same_as_written(at: u64, found: &[u8; 512], written: &Written) -> Judgement {
    Judgement::when(*found == *written.data, || {
        format!("sector {} is not what was last written there", Sector(at))
    })
}

fn round_trip(model: &Model, op: &Op, event: &Event) -> Judgement {
    each_sector(op, event, |at, bytes, _, _| match model.readable(at) {
        Some(written) => same_as_written(at, bytes, written),
        None => Silent,
    })
}

fn read_is_the_inverse(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Read { sector, sectors, cuts, .. }, Event::Read { answers, .. }) = (op, event) else {
        return Silent;
    };
    let mut whole = Silent;
    for (request, answer) in requests(*sector, *sectors as usize * 512, cuts).iter().zip(answers) {
        let Some(bytes) = answer.data().filter(|_| !model.past_end(request)) else {
            continue;
        };
        let expected = model.expected_read(request);
        for ((at, found), expected) in
            request.sectors().zip(bytes.as_chunks::<512>().0).zip(expected)
        {
            let Some(expected) = expected else { continue };
            if *found != expected {
                let why = differ(&format!("sector {}", Sector(at)), &expected, found);
                return Judgement::broken(why);
            }
            whole = Holds;
        }
    }
    whole
}

fn damage(model: &Model, op: &Op, event: &Event) -> Judgement {
    each_sector(op, event, |at, bytes, _, _| {
        let Some((written, (byte, bit))) = model
            .comparable(at)
            .filter(|written| written.scheme == model.scheme && written.then.is_none())
            .and_then(|written| Some((written, written.damage?)))
        else {
            return Silent;
        };
        let skip = usize::try_from(at - model.unit_start(at)).expect("inside the unit") * 512;
        let Some(expected) = Damage::of(model.transform(model.scheme), byte, bit) else {
            return Silent;
        };
        let blocks = bytes.as_chunks::<BLOCK_BYTES>().0.iter();
        let before = written.data.as_chunks::<BLOCK_BYTES>().0;
        Judgement::all(blocks.zip(before).enumerate().map(|(index, (found, before))| {
            expected.judge(skip / BLOCK_BYTES + index, found, before)
        }))
    })
}

/// What a flipped bit does to a unit.
struct Damage {
    byte: usize,
    bit: u8,
    /// Whether the block of the bit is garbled; else just the bit changes.
    garbles: bool,
    /// Whether the next block has that bit changed.
    chains: bool,
    /// Whether the first block is garbled too.
    hashes: bool,
}

impl Damage {
    fn of(transform: &Transform, byte: usize, bit: u8) -> Option<Self> {
        let (garbles, chains, hashes) = match transform {
            Transform::Cipher { iv: Some(Iv::Block), .. } | Transform::Registered { .. } => {
                return None;
            }
            Transform::Cipher { iv: Some(Iv::LoopAesV2 | Iv::LoopAesV3), .. } => (true, true, true),
            Transform::Cipher { cipher: Cipher::AesCbc, .. } => (true, true, false),
            Transform::Cipher { .. } => (true, false, false),
            _ => (false, false, false),
        };
        Some(Damage { byte, bit, garbles, chains, hashes })
    }

    fn judge(
        &self,
        block: usize,
        found: &[u8; BLOCK_BYTES],
        before: &[u8; BLOCK_BYTES],
    ) -> Judgement {
        let hit = self.byte / BLOCK_BYTES;
        let garbled = (self.garbles && block == hit) || (self.hashes && block == 0);
        if garbled {
            return Judgement::when(found != before, || {
                format!("block {block} of the unit reads as if its image were undamaged")
            });
        }
        let mut expected = *before;
        if block == hit || (self.chains && block == hit + 1) {
            expected[self.byte % BLOCK_BYTES] ^= 1 << self.bit;
        }
        Judgement::when(*found == expected, || {
            format!("the damage of block {hit} of the unit changes block {block} otherwise")
        })
    }
}

fn other_keys(model: &Model, op: &Op, event: &Event) -> Judgement {
    each_sector(op, event, |at, bytes, request, _| match model.comparable(at) {
        Some(written) if model.differ_in_key(written.scheme, model.scheme) => {
            // Keys of many lines, or of one byte repeated, may agree where this sector is concerned.
            let expected = model.expected_read(request);
            let index = usize::try_from(at - request.sector).expect("inside the request");
            if expected[index] == Some(*written.data) {
                return Silent;
            }
            Judgement::when(*bytes != *written.data, || {
                format!("sector {} reads back under another key", Sector(at))
            })
        }
        _ => Silent,
    })
}

fn one_fetch(model: &Model, op: &Op, event: &Event) -> Judgement {
    each_sector(op, event, |at, bytes, request, segments| {
        let written = model
            .comparable(at)
            .filter(|written| written.scheme == model.scheme && written.damage.is_none());
        let Some((written, then)) =
            written.and_then(|written| Some((written, written.then.as_ref()?)))
        else {
            return Silent;
        };
        if !Same::of_read(model, at, request, segments, written).but_offset() {
            return Silent;
        }
        Judgement::when(*bytes == *written.data || *bytes == **then, || {
            format!("sector {} is neither the first nor a later fetch", Sector(at))
        })
    })
}

// What changes nothing.

/// What a look at the image shows: the first sector, and the bytes.
fn look<'a>(op: &Op, event: &'a Event) -> Option<(u64, &'a [u8])> {
    match (op, event) {
        (Op::Show { sector, .. }, Event::Image { answer }) => Some((sector.0, answer.data()?)),
        _ => None,
    }
}

/// Judges every sector of an image that was shown before, if this alone happened since.
fn unchanged_since(model: &Model, op: &Op, event: &Event, since: Since) -> Judgement {
    let Some((sector, bytes)) = look(op, event) else { return Silent };
    let sectors = bytes.as_chunks::<512>().0.iter().zip(sector..);
    Judgement::all(sectors.map(|(found, at)| match model.shown.get(&at) {
        Some(shown) if shown.only(since) => Judgement::when(*found == *shown.bytes, || {
            differ(&format!("image sector {}", Sector(at)), &*shown.bytes, found)
        }),
        _ => Silent,
    }))
}

fn locality(model: &Model, op: &Op, event: &Event) -> Judgement {
    unchanged_since(model, op, event, Since::Write)
}

fn reads_change_nothing(model: &Model, op: &Op, event: &Event) -> Judgement {
    unchanged_since(model, op, event, Since::Read)
}

fn refusals_change_nothing(model: &Model, op: &Op, event: &Event) -> Judgement {
    let read = each_sector(op, event, |at, bytes, request, segments| match model.readable(at) {
        Some(written)
            if written.refused_since
                && Same::of_read(model, at, request, segments, written).but_offset() =>
        {
            same_as_written(at, bytes, written)
        }
        _ => Silent,
    });
    Judgement::all([read, unchanged_since(model, op, event, Since::Refusal)])
}

// What does not depend on circumstances.

fn block_size_independence(model: &Model, op: &Op, event: &Event) -> Judgement {
    let other = |same: &Same| same.offset && same.shape && !same.block_size;
    Judgement::all([
        same_data(model, op, event, other),
        same_units(model, op, event, other),
        unchanged_since(model, op, event, Since::BlockSize),
    ])
}

fn partition_independence(model: &Model, op: &Op, event: &Event) -> Judgement {
    let other = |same: &Same| same.offset && same.block_size && !same.shape;
    Judgement::all([same_data(model, op, event, other), same_units(model, op, event, other)])
}

fn offset_equivariance(model: &Model, op: &Op, event: &Event) -> Judgement {
    let other = |same: &Same| same.block_size && same.shape && !same.offset;
    Judgement::all([same_data(model, op, event, other), same_units(model, op, event, other)])
}

/// Judges every sector that a read returned beside what was written there, where the
/// circumstances are of interest.
fn same_data(
    model: &Model,
    op: &Op,
    event: &Event,
    of_interest: impl Fn(&Same) -> bool,
) -> Judgement {
    each_sector(op, event, |at, bytes, request, segments| {
        let written = model
            .readable(at)
            .filter(|written| of_interest(&Same::of_read(model, at, request, segments, written)));
        written.map_or(Silent, |written| same_as_written(at, bytes, written))
    })
}

/// In what the circumstances of two sightings of the same data agree.
struct Same {
    offset: bool,
    block_size: bool,
    shape: bool,
}

impl Same {
    /// Those of a sector that is read and its last write.
    fn of_read(
        model: &Model,
        at: u64,
        request: &Request,
        segments: &[u32],
        written: &Written,
    ) -> Self {
        Same {
            offset: written.offset_bytes == model.attachment.offset_bytes,
            block_size: written.block_bytes == model.attachment.block_bytes,
            shape: *written.shape == model.shape(model.unit_start(at), request, segments)
                && model.chain_is_whole(at, request),
        }
    }

    fn but_offset(&self) -> bool {
        self.block_size && self.shape
    }

    /// `None` where the circumstances are not known.
    fn of(one: &Seen, other: &Seen) -> Option<Self> {
        let (
            Seen::Device { offset_bytes, block_bytes, shape: Some(shape), .. },
            Seen::Device { offset_bytes: offset, block_bytes: block, shape: Some(form), .. },
        ) = (one, other)
        else {
            return None;
        };
        Some(Same {
            offset: offset_bytes == offset,
            block_size: block_bytes == block,
            shape: shape == form,
        })
    }
}

/// Judges every unit that a look at the image shows beside earlier sightings of it with the same
/// plaintext, where the circumstances are of interest.
fn same_units(
    model: &Model,
    op: &Op,
    event: &Event,
    of_interest: impl Fn(&Same) -> bool,
) -> Judgement {
    let Some((sector, bytes)) = look(op, event) else { return Silent };
    let mut whole = Silent;
    for unit in model.shown_units(sector, bytes) {
        if model.transform(unit.scheme).iv() == Some(Iv::Block) {
            // What comes before a sector in its chain is not part of the sighting.
            continue;
        }
        for entry in model.book.iter().filter(|entry| unit.is(entry)) {
            if !Same::of(&unit.seen, &entry.seen).is_some_and(|same| of_interest(&same)) {
                continue;
            }
            if unit.cipher != entry.cipher {
                let what = format!("unit {:#x}, written again,", unit.n);
                return Judgement::broken(differ(&what, &entry.cipher, unit.cipher));
            }
            whole = Holds;
        }
    }
    whole
}

// What the image is.

fn image_is_the_transform(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Some((sector, bytes)) = look(op, event) else { return Silent };
    let sectors = bytes.as_chunks::<512>().0.iter().zip(sector..);
    Judgement::all(sectors.map(|(found, at)| match model.expected_image(at) {
        Some(expected) => Judgement::when(found == expected, || {
            differ(&format!("image sector {}", Sector(at)), expected, found)
        }),
        None => Silent,
    }))
}

fn none_is_plain(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Some((sector, bytes)) = look(op, event) else { return Silent };
    let units = model.shown_units(sector, bytes);
    let plain = units.iter().filter(|unit| *model.transform(unit.scheme) == Transform::None {});
    Judgement::all(plain.map(|unit| {
        Judgement::when(unit.shows_plain(), || {
            format!("the image of sector {:#x} is not what was written", unit.n)
        })
    }))
}

/// Judges each new entry of the codebook beside each older one of the same scheme.
fn each_pair(model: &Model, judge: impl Fn(&Entry, &Entry) -> Judgement) -> Judgement {
    let judge = &judge;
    Judgement::all(model.fresh.clone().flat_map(|at| {
        let (new, older) = (&model.book[at], &model.book[..at]);
        let same = older.iter().filter(|old| old.scheme == new.scheme);
        same.map(move |old| judge(new, old))
    }))
}

fn units_agree(model: &Model) -> Judgement {
    each_pair(model, |new, old| {
        let comparable = match (&new.seen, &old.seen) {
            (Seen::Alone, Seen::Device { .. }) | (Seen::Device { .. }, Seen::Alone) => true,
            (Seen::Device { large, .. }, Seen::Device { large: other, .. }) => large != other,
            (Seen::Alone, Seen::Alone) => false,
        };
        if !comparable || new.plain.len() <= 512 || new.n != old.n || new.plain != old.plain {
            return Silent;
        }
        Judgement::when(new.cipher == old.cipher, || {
            differ(&format!("unit {:#x}", new.n), &old.cipher, &new.cipher)
        })
    })
}

fn diffusion(model: &Model) -> Judgement {
    each_pair(model, |new, old| {
        let transform = model.transform(new.scheme);
        if new.n != old.n || new.plain.len() != old.plain.len() {
            return Silent;
        }
        let Some(changed) = only_block_changed(&new.plain, &old.plain) else {
            return Silent;
        };
        let blocks = new.plain.len().div_ceil(BLOCK_BYTES);
        let stolen = new.plain.len() % BLOCK_BYTES != 0 && changed + 2 >= blocks;
        let spread = match transform {
            Transform::Cipher { iv: Some(Iv::Block), .. } | Transform::None {} => return Silent,
            Transform::Cipher { iv: Some(Iv::LoopAesV2 | Iv::LoopAesV3), .. } => 0..blocks,
            Transform::Cipher { cipher: Cipher::AesCbc, .. } => changed..blocks,
            _ if stolen => blocks - 2..blocks,
            _ => changed..changed + 1,
        };
        let pairs = new.cipher.chunks(BLOCK_BYTES).zip(old.cipher.chunks(BLOCK_BYTES));
        let moved: Vec<usize> = pairs
            .enumerate()
            .filter(|(_, (one, other))| one != other)
            .map(|(block, _)| block)
            .collect();
        let right = if stolen {
            // The stolen bytes may be few, and equal by chance.
            !moved.is_empty() && moved.iter().all(|block| spread.contains(block))
        } else {
            moved.iter().copied().eq(spread.clone())
        };
        Judgement::when(right, || {
            format!(
                "a change in block {changed} of unit {:#x} changes {}, expected blocks {}..{}",
                new.n,
                tell_blocks(&moved),
                spread.start,
                spread.end
            )
        })
    })
}

/// The one block in which two plaintexts differ, if there is just one.
fn only_block_changed(one: &[u8], other: &[u8]) -> Option<usize> {
    let pairs = one.chunks(BLOCK_BYTES).zip(other.chunks(BLOCK_BYTES)).enumerate();
    let mut changed = pairs.filter(|(_, (one, other))| one != other).map(|(block, _)| block);
    let first = changed.next()?;
    changed.next().is_none().then_some(first)
}

fn tell_blocks(blocks: &[usize]) -> String {
    match blocks {
        [] => "no block".into(),
        [one] => format!("block {one}"),
        [first, .., last] => format!("{} blocks from {first} to {last}", blocks.len()),
    }
}

/// Whether a transform is meant to hide anything.
fn hides(transform: &Transform) -> bool {
    matches!(transform, Transform::Cipher { .. } | Transform::Xor {})
}

/// Whether two units must have IVs of their own.
fn apart(transform: &Transform, one: u64, other: u64) -> bool {
    let reach = match transform.iv() {
        Some(Iv::LoopAesV2 | Iv::LoopAesV3) => (1 << 56) - 1,
        _ => u64::MAX,
    };
    hides(transform) && one & reach != other & reach
}

fn position(model: &Model) -> Judgement {
    each_pair(model, |new, old| {
        if new.plain != old.plain || !apart(model.transform(new.scheme), new.n, old.n) {
            return Silent;
        }
        Judgement::when(new.cipher[..BLOCK_BYTES] != old.cipher[..BLOCK_BYTES], || {
            format!("units {:#x} and {:#x} show that they hold the same", old.n, new.n)
        })
    })
}

fn no_watermark(model: &Model) -> Judgement {
    each_pair(model, |new, old| {
        let transform = model.transform(new.scheme);
        let comparable = apart(transform, new.n, old.n)
            && new.plain.len() == old.plain.len()
            && new.plain[BLOCK_BYTES..] == old.plain[BLOCK_BYTES..];
        if !comparable {
            return Silent;
        }
        let guessed = PUBLIC_IVS.iter().any(|iv| {
            let ivs = [new.n, old.n].map(|n| public_iv(*iv, n, transform.unit_bytes()));
            let [Some(one), Some(other)] = ivs else {
                return false;
            };
            (0..BLOCK_BYTES).all(|at| new.plain[at] ^ old.plain[at] == one[at] ^ other[at])
        });
        if !guessed {
            return Silent;
        }
        Judgement::when(new.cipher != old.cipher, || {
            format!(
                "units {:#x} and {:#x} have equal ciphertext, as public IVs foretell",
                old.n, new.n
            )
        })
    })
}

// Units by themselves.

fn unit_alone(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::CryptUnit { direction, transform, key, n, data }, Event::Crypted { answer }) =
        (op, event)
    else {
        return Silent;
    };
    if halves_equal(transform, key) && model.refuses_halves(Some(*direction)) {
        return Silent;
    }
    let expected = model.expected_unit(*direction, transform, key, *n, &data.0);
    match (expected, answer) {
        (Some(expected), ReadAnswer::Data { bytes }) => {
            Judgement::when(bytes.0 == expected, || differ("the unit", &expected, &bytes.0))
        }
        (Some(_), ReadAnswer::Refused { error }) => {
            Judgement::broken(format!("the unit is refused: {error}"))
        }
        (None, ReadAnswer::Refused { .. }) => Holds,
        (None, ReadAnswer::Data { .. }) => {
            Judgement::broken("a key of the wrong kind or length is taken")
        }
    }
}

fn published_vectors(_: &Model, op: &Op, event: &Event) -> Judgement {
    let (
        Op::CryptUnit { direction, transform, key: Key::Bytes { bytes: key }, n, data },
        Event::Crypted { answer: ReadAnswer::Data { bytes: found } },
    ) = (op, event)
    else {
        return Silent;
    };
    let xts = matches!(
        transform,
        Transform::Cipher { cipher: Cipher::AesXts, iv: Some(Iv::Plain64), .. }
    );
    // Most units are no vector's: their numbers say so at once.
    let vector = IEEE_1619.iter().filter(|vector| xts && vector.n == *n).find(|vector| {
        let (input, _) = vector.ends(*direction);
        hex::encode(&key.0) == vector.key && hex::encode(&data.0) == input
    });
    vector.map_or(Silent, |vector| {
        let (_, output) = vector.ends(*direction);
        Judgement::when(hex::encode(&found.0) == output, || {
            format!("vector {} gives other bytes", vector.number)
        })
    })
}

// What is taken and what is refused.

/// The attachment that an op asks for, and whether it was taken.
fn attempt(model: &Model, op: &Op, event: &Event) -> Option<(Option<Misfit>, Answer)> {
    let ask = |change: &Change, answer: &Answer| {
        let to = change.of(&model.attachment);
        (misfit(&model.profile, model.backing_bytes, &to), *answer)
    };
    match (op, event) {
        (Op::Attach { change }, Event::Attached { answer })
        | (Op::Reopen { change }, Event::Reopened { answer }) => Some(ask(change, answer)),
        _ => None,
    }
}

fn must_refuse(answer: Answer, why: impl std::fmt::Display) -> Judgement {
    Judgement::when(!answer.is_done(), || format!("it is taken, though {why}"))
}

fn attachments_that_fit(model: &Model, op: &Op, event: &Event) -> Judgement {
    match attempt(model, op, event) {
        None | Some((Some(Misfit::EqualHalves), _)) => Silent,
        Some((Some(Misfit::UnitTooLong), _)) if ciphers(&model.profile).is_ok() => Silent,
        Some((Some(misfit), answer)) => must_refuse(answer, misfit),
        Some((None, answer)) => {
            Judgement::when(answer.is_done(), || format!("it fits, and is not taken: {answer}"))
        }
    }
}

fn equal_halves(model: &Model, op: &Op, event: &Event) -> Judgement {
    if let Some((misfit, answer)) = attempt(model, op, event) {
        let (Op::Attach { change } | Op::Reopen { change }) = op else {
            return Silent;
        };
        let to = change.of(&model.attachment);
        return match misfit {
            Some(Misfit::EqualHalves) => must_refuse(answer, Misfit::EqualHalves),
            None if halves_equal(&to.transform, &to.key) => {
                Judgement::when(answer.is_done(), || {
                    format!("the profile says that equal halves are accepted: {answer}")
                })
            }
            _ => Silent,
        };
    }
    let (Op::CryptUnit { direction, transform, key, .. }, Event::Crypted { answer }) = (op, event)
    else {
        return Silent;
    };
    if !halves_equal(transform, key) {
        return Silent;
    }
    let refused = answer.data().is_none();
    Judgement::when(refused == model.refuses_halves(Some(*direction)), || {
        let policy = match model.profile.equal_halves {
            EqualHalves::Refused => "refused",
            EqualHalves::Accepted => "accepted",
            EqualHalves::DecryptOnly => "accepted to decrypt only",
        };
        format!("the profile says that equal halves are {policy}, found: {answer}")
    })
}

fn unit_length(model: &Model, op: &Op, event: &Event) -> Judgement {
    match attempt(model, op, event) {
        Some((Some(Misfit::UnitTooLong), answer)) => must_refuse(answer, Misfit::UnitTooLong),
        _ => Silent,
    }
}

/// Judges each request of a write or a read: whether it is a write, and whether it was done.
fn each_request(
    op: &Op,
    event: &Event,
    mut judge: impl FnMut(&Request, bool, bool) -> Judgement,
) -> Judgement {
    match (op, event) {
        (Op::Write { sector, data, cuts, .. }, Event::Written { answers, .. }) => {
            let requests = requests(*sector, data.0.len(), cuts);
            let judged = requests.iter().zip(answers);
            Judgement::all(judged.map(|(request, answer)| judge(request, true, answer.is_done())))
        }
        (Op::Read { sector, sectors, cuts, .. }, Event::Read { answers, .. }) => {
            let requests = requests(*sector, *sectors as usize * 512, cuts);
            let judged = requests.iter().zip(answers);
            Judgement::all(
                judged.map(|(request, answer)| judge(request, false, answer.data().is_some())),
            )
        }
        _ => Silent,
    }
}

fn tell_request(request: &Request) -> String {
    let sectors = request.sectors();
    format!("the request for sectors {}..{}", Sector(sectors.start), Sector(sectors.end))
}

fn device_end(model: &Model, op: &Op, event: &Event) -> Judgement {
    each_request(op, event, |request, write, done| {
        let past = model.past_end(request);
        let other_law = model.partial(request) || (write && model.attachment.read_only);
        if other_law && !past {
            return Silent;
        }
        Judgement::when(done != past, || {
            let end = Sector(model.device_sectors());
            let was = if done { "is done" } else { "is refused" };
            format!("{} {was}; the device ends at sector {end}", tell_request(request))
        })
    })
}

fn read_only_refuses(model: &Model, op: &Op, event: &Event) -> Judgement {
    each_request(op, event, |request, write, done| {
        if !write || !model.attachment.read_only {
            return Silent;
        }
        Judgement::when(!done, || format!("{} is done", tell_request(request)))
    })
}

fn partial_requests(model: &Model, op: &Op, event: &Event) -> Judgement {
    each_request(op, event, |request, write, done| {
        let other_law = model.past_end(request) || (write && model.attachment.read_only);
        if other_law || !model.partial(request) {
            return Silent;
        }
        Judgement::when(done != model.refuses_partial(), || {
            let was = if done { "is done" } else { "is refused" };
            format!("{}, not whole units, {was}", tell_request(request))
        })
    })
}

// Registered transfers.

fn transfers_in_use(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Unregister { slot }, Event::Unregistered { answer }) = (op, event) else {
        return Silent;
    };
    let in_use = model.attachment.transform == Transform::Registered { slot: *slot };
    let expected = if in_use { Answer::Refused { error: Error::Busy } } else { Answer::Done {} };
    Judgement::when(*answer == expected, || format!("expected {expected}, found {answer}"))
}

fn transfer_calls(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Event::Written { calls, .. } | Event::Read { calls, .. }) = event else {
        return Silent;
    };
    let registered = matches!(model.attachment.transform, Transform::Registered { .. });
    if !registered && calls.is_empty() {
        return Silent;
    }
    let mut expected = Vec::new();
    each_request(op, event, |request, _, done| {
        if done && registered {
            expected.extend(request.sectors().map(|at| model.undivided_n(at)));
        }
        Silent
    });
    let called: u64 = calls.iter().map(|call| u64::from(call.bytes / 512)).sum();
    if called != expected.len() as u64 {
        return Judgement::broken(format!(
            "expected calls for {} sectors, found calls for {called}",
            expected.len()
        ));
    }
    let mut found: Vec<u64> = calls
        .iter()
        .flat_map(|call| (0..u64::from(call.bytes / 512)).map(|at| call.n.wrapping_add(at)))
        .collect();
    expected.sort_unstable();
    found.sort_unstable();
    let whole = calls.iter().all(|call| call.bytes % 512 == 0);
    Judgement::when(whole && found == expected, || {
        format!("expected calls for the sectors {}, found {}", tell_ns(&expected), tell_ns(&found))
    })
}

fn tell_ns(ns: &[u64]) -> String {
    let all: Vec<String> = ns.iter().take(9).map(|n| format!("{n:#x}")).collect();
    let more = if ns.len() > 9 { ", …" } else { "" };
    format!("[{}{more}]", all.join(", "))
}

// Situations.

/// Whether some request that was done is such a one.
fn some_request(op: &Op, event: &Event, such: impl Fn(&Request, bool) -> bool) -> bool {
    let mut met = false;
    each_request(op, event, |request, write, done| {
        met |= done && such(request, write);
        Silent
    });
    met
}

fn straddles(model: &Model, request: &Request, bytes: u64) -> bool {
    let sectors = request.sectors();
    let block = |sector| model.backing(sector) * 512 / bytes;
    block(sectors.start) != block(sectors.end - 1)
}

fn reach_page(model: &Model, op: &Op, event: &Event) -> bool {
    some_request(op, event, |request, _| straddles(model, request, 4096))
}

fn reach_unit(model: &Model, op: &Op, event: &Event) -> bool {
    some_request(op, event, |request, _| {
        let sectors = request.sectors();
        model.unit_start(sectors.start) != model.unit_start(sectors.end - 1)
    })
}

fn reach_block(model: &Model, op: &Op, event: &Event) -> bool {
    let bytes = u64::from(model.attachment.block_bytes);
    some_request(op, event, |request, _| straddles(model, request, bytes))
}

fn reach_2_32(model: &Model, op: &Op, event: &Event) -> bool {
    some_request(op, event, |request, write| {
        let last = request.sectors().end - 1;
        write && model.low_written && model.undivided_n(last) >= 1 << 32
    })
}

fn reach_grow(model: &Model, op: &Op, event: &Event) -> bool {
    reads_of_other_block_size(model, op, event, |then, now| then < now)
}

fn reach_shrink(model: &Model, op: &Op, event: &Event) -> bool {
    reads_of_other_block_size(model, op, event, |then, now| then > now)
}

fn reads_of_other_block_size(
    model: &Model,
    op: &Op,
    event: &Event,
    such: impl Fn(u32, u32) -> bool,
) -> bool {
    let now = model.attachment.block_bytes;
    let met = each_sector(op, event, |at, _, _, _| match model.readable(at) {
        Some(written) if such(written.block_bytes, now) => Holds,
        _ => Silent,
    });
    met == Holds
}

fn writes_units(model: &Model, op: &Op, event: &Event, large: bool) -> bool {
    let transform = &model.attachment.transform;
    transform.unit_bytes() == 4096
        && transform.large_sectors() == large
        && some_request(op, event, |_, write| write)
}

fn reach_4096(model: &Model, op: &Op, event: &Event) -> bool {
    writes_units(model, op, event, false)
}

fn reach_large_4096(model: &Model, op: &Op, event: &Event) -> bool {
    writes_units(model, op, event, true)
}

fn reach_offset(model: &Model, op: &Op, event: &Event) -> bool {
    some_request(op, event, |_, write| write && model.attachment.offset_bytes > 0)
}

fn reach_between(model: &Model, op: &Op, event: &Event) -> bool {
    some_request(op, event, |request, write| {
        let sectors = request.sectors();
        let before = sectors.start.checked_sub(1).and_then(|at| model.last_written(at));
        write && before.is_some() && model.last_written(sectors.end).is_some()
    })
}

fn reach_both_windows(model: &Model, op: &Op, event: &Event) -> bool {
    some_request(op, event, |request, write| {
        let near = model.far.and_then(|far| request.sector.checked_sub(far.0));
        write && near.is_some_and(|near| model.last_written(near).is_some())
    })
}

/// What two byte strings of the same length differ in, for a story.
fn differ(what: &str, expected: &[u8], found: &[u8]) -> String {
    let at = expected.iter().zip(found).position(|(one, other)| one != other).unwrap_or(0);
    let part = |bytes: &[u8]| hex::encode(&bytes[at..bytes.len().min(at + 8)]);
    format!(
        "{what} differs from byte {at} on: expected {}…, found {}…",
        part(expected),
        part(found)
    )
}
