//! The device of the reference: requests, units, backings, registered transfers, and what it
//! refuses.

use std::sync::{Arc, Mutex};

use lawbook_reference::loopdev::{Backing, Device, FileBacking, Memory, implementations, profile};
use lawbook_spec::core::{Bytes, Case, End};
use lawbook_spec::loopdev::{
    Attachment, Cipher, Direction, EqualHalves, Error, Iv, Key, LoopDevice, Loopdev, Offer, Op,
    Oracle, Profile, Sector, Setup, Transfer, Transform,
};

const BACKING_BYTES: u64 = 1 << 16;
const WHOLE_BYTES: usize = 1 << 16;

fn xts(unit_bytes: u32) -> Attachment {
    Attachment {
        transform: Transform::Cipher {
            cipher: Cipher::AesXts,
            key_bits: 256,
            iv: Some(Iv::Plain64),
            unit_bytes,
            large_sectors: false,
        },
        key: Key::Bytes { bytes: Bytes((0..32).collect()) },
        offset_bytes: 0,
        first: 0,
        size_limit_bytes: 0,
        read_only: false,
        block_bytes: 1024,
    }
}

fn with_transform(transform: Transform, key: &[u8]) -> Attachment {
    Attachment { transform, key: Key::Bytes { bytes: Bytes(key.to_vec()) }, ..xts(512) }
}

fn block(block_bytes: u32) -> Attachment {
    let transform = Transform::Cipher {
        cipher: Cipher::AesCbc,
        key_bits: 128,
        iv: Some(Iv::Block),
        unit_bytes: 512,
        large_sectors: false,
    };
    Attachment { block_bytes, ..with_transform(transform, &[9; 16]) }
}

/// The first of what an offer offers.
fn attachment_of(offer: &Offer) -> Attachment {
    let transform = Transform::Cipher {
        cipher: offer.cipher,
        key_bits: offer.key_bits[0],
        iv: offer.iv,
        unit_bytes: offer.unit_bytes[0],
        large_sectors: false,
    };
    let bytes: Vec<u8> = (0..=255).take(usize::from(offer.key_bits[0] / 8)).collect();
    match offer.iv.map_or(0, Iv::key_lines) {
        0 => with_transform(transform, &bytes),
        count => Attachment {
            key: Key::Lines { lines: vec!["a line".into(); count] },
            ..with_transform(transform, &[])
        },
    }
}

fn profile_of(name: &str) -> Profile {
    implementations()
        .into_iter()
        .find(|implementation| implementation.name == name)
        .and_then(|implementation| (implementation.open)().ok())
        .expect("an implementation that is there")
        .profile()
}

fn attached(attachment: &Attachment) -> Device<Memory> {
    attached_as("reference", attachment)
}

fn attached_as(name: &str, attachment: &Attachment) -> Device<Memory> {
    let mut device = Device::offering(Memory::zeroed(BACKING_BYTES), profile_of(name));
    device.attach(attachment).expect("an attachment that fits");
    device
}

/// Bytes of which no two neighbouring sectors are the same.
fn pattern(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| at.wrapping_mul(0x9e37_79b1).to_le_bytes()[3] ^ seed).collect()
}

fn read<B: Backing>(device: &mut Device<B>, sector: u64, bytes: usize) -> Vec<u8> {
    let mut into = vec![0xee; bytes];
    device.read(Sector(sector), &mut into).expect("a read inside the device");
    into
}

fn image<B: Backing>(device: &mut Device<B>, at: u64, bytes: usize) -> Vec<u8> {
    let mut into = vec![0; bytes];
    device.image(at, &mut into).expect("a part of the image");
    into
}

#[test]
fn a_write_of_a_part_of_a_unit_keeps_the_rest_of_it() {
    for unit_bytes in [512, 1024, 2048, 4096] {
        for (sector, sectors) in [(0, 1), (1, 1), (3, 9), (7, 1), (7, 2), (8, 8), (5, 20)] {
            let mut device = attached(&xts(unit_bytes));
            let mut expected = pattern(1, 32 * 512);
            device.write(Sector(0), &expected).unwrap();
            let part = pattern(2, sectors * 512);
            device.write(Sector(sector as u64), &part).unwrap();
            expected[sector * 512..][..part.len()].copy_from_slice(&part);
            assert_eq!(read(&mut device, 0, expected.len()), expected);
            for (index, sector) in expected.chunks(512).enumerate() {
                assert_eq!(read(&mut device, index as u64, 512), sector);
            }
        }
    }
}

#[test]
fn a_request_gives_the_same_image_however_it_is_cut() {
    let data = pattern(3, 16 * 512);
    let mut whole = attached(&xts(2048));
    whole.write(Sector(5), &data).unwrap();
    let mut segmented = attached(&xts(2048));
    segmented.write_segments(Sector(5), &[&data[..1], &data[1..700], &[], &data[700..]]).unwrap();
    let mut single = attached(&xts(2048));
    for (index, sector) in data.chunks(512).enumerate() {
        single.write(Sector(5 + index as u64), sector).unwrap();
    }
    let expected = image(&mut whole, 0, WHOLE_BYTES);
    assert_eq!(image(&mut segmented, 0, WHOLE_BYTES), expected);
    assert_eq!(image(&mut single, 0, WHOLE_BYTES), expected);

    let mut into = vec![0; data.len()];
    let (first, rest) = into.split_at_mut(513);
    whole.read_segments(Sector(5), &mut [first, rest]).unwrap();
    assert_eq!(into, data);
}

#[test]
fn memory_that_changes_is_fetched_once() {
    let mut device = attached(&xts(4096));
    let mut fetches = 0;
    device
        .write_from(Sector(3), 1024, &mut |into| {
            fetches += 1;
            into.fill(fetches);
        })
        .unwrap();
    assert_eq!(fetches, 1);
    assert_eq!(read(&mut device, 3, 1024), [1; 1024]);
}

#[test]
fn a_file_and_memory_hold_the_same_bytes() {
    let file = tempfile::tempfile().unwrap();
    let backing = FileBacking::zeroed(file, BACKING_BYTES).unwrap();
    let mut on_file = Device::new(backing);
    let mut on_memory = Device::new(Memory::zeroed(BACKING_BYTES));
    let attachment =
        Attachment { offset_bytes: 1024, first: 77, size_limit_bytes: 32 << 10, ..xts(1024) };
    on_file.attach(&attachment).unwrap();
    on_memory.attach(&attachment).unwrap();
    for (sector, sectors) in [(0, 3), (9, 4), (2, 30), (61, 3)] {
        let data = pattern(3, sectors * 512);
        on_file.write(Sector(sector), &data).unwrap();
        on_memory.write(Sector(sector), &data).unwrap();
        assert_eq!(read(&mut on_file, sector, data.len()), data);
    }
    assert_eq!(image(&mut on_file, 0, WHOLE_BYTES), image(&mut on_memory, 0, WHOLE_BYTES));
}

#[test]
fn a_file_that_is_opened_again_holds_what_was_written() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let backing = FileBacking::zeroed(file.reopen().unwrap(), BACKING_BYTES).unwrap();
    let mut before = Device::new(backing);
    before.attach(&xts(512)).unwrap();
    before.write(Sector(4), &[5; 512]).unwrap();
    before.detach().unwrap();
    let mut after = Device::new(FileBacking::open(file.path()).unwrap());
    after.attach(&xts(512)).unwrap();
    assert_eq!(read(&mut after, 4, 512), [5; 512]);
}

#[test]
fn a_file_that_became_shorter_is_an_io_error() {
    let file = tempfile::tempfile().unwrap();
    let backing = FileBacking::zeroed(file.try_clone().unwrap(), BACKING_BYTES).unwrap();
    let mut device = Device::new(backing);
    device.attach(&xts(512)).unwrap();
    file.set_len(0).unwrap();
    assert_eq!(device.read(Sector(0), &mut [0; 512]), Err(Error::Io));
}

#[test]
fn a_window_beyond_two_to_the_32_sectors_is_another_place() {
    let far = (1 << 32) + 3;
    let bytes = (far + 8) * 512;
    let mut device = Device::new(Memory::zeroed(bytes));
    device.attach(&xts(512)).unwrap();
    device.write(Sector(3), &[1; 512]).unwrap();
    device.write(Sector(far), &[1; 512]).unwrap();
    assert_eq!(read(&mut device, 3, 512), [1; 512]);
    assert_eq!(read(&mut device, far, 512), [1; 512]);
    assert_ne!(image(&mut device, 3 * 512, 512), image(&mut device, far * 512, 512));

    let mut file = Device::new(FileBacking::zeroed(tempfile::tempfile().unwrap(), bytes).unwrap());
    file.attach(&xts(512)).unwrap();
    file.write(Sector(far), &[1; 512]).unwrap();
    assert_eq!(image(&mut file, far * 512, 512), image(&mut device, far * 512, 512));
}

#[test]
fn the_offset_and_first_are_parts_of_n() {
    let oracle = Oracle::new(&xts(1024).transform, &xts(1024).key).unwrap();
    for (offset_bytes, first) in [(0, 0), (512, 0), (4096, u64::MAX - 9), (0, 1 << 32)] {
        let attachment =
            Attachment { offset_bytes, first, size_limit_bytes: 16 << 10, ..xts(1024) };
        let mut device = attached(&attachment);
        device.write(Sector(6), &[7; 1024]).unwrap();
        let mut expected = [7; 1024];
        let n = first.wrapping_add(6 + offset_bytes / 512);
        oracle.crypt(Direction::Encrypt, n, &mut expected);
        assert_eq!(image(&mut device, offset_bytes + 6 * 512, 1024), expected);
    }
}

#[test]
fn large_sectors_divide_n() {
    let Transform::Cipher { cipher, key_bits, iv, unit_bytes, .. } = xts(4096).transform else {
        panic!("a cipher");
    };
    let transform = Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors: true };
    let attachment = Attachment { transform, offset_bytes: 4096, first: 16, ..xts(4096) };
    let mut device = attached(&attachment);
    device.write(Sector(24), &[7; 4096]).unwrap();
    let oracle = Oracle::new(&transform, &attachment.key).unwrap();
    let mut expected = [7; 4096];
    oracle.crypt(Direction::Encrypt, (16 + 24 + 8) / 8, &mut expected);
    assert_eq!(image(&mut device, 4096 + 24 * 512, 4096), expected);
}

#[test]
fn block_numbers_as_ivs_lose_the_data_when_the_block_size_changes() {
    let data = pattern(4, 16 * 512);
    let mut device = attached_as("reference-block", &block(1024));
    device.write(Sector(0), &data).unwrap();
    assert_eq!(read(&mut device, 0, data.len()), data);
    device.set_block_size(4096).unwrap();
    assert_ne!(read(&mut device, 0, data.len()), data);
    device.set_block_size(1024).unwrap();
    assert_eq!(read(&mut device, 0, data.len()), data);
}

#[test]
fn chains_of_block_numbers_end_with_the_block_of_the_backing() {
    for block_bytes in [512, 1024, 2048, 4096] {
        for offset_bytes in [0, 512, 1536, 4096] {
            let attachment = Attachment { offset_bytes, ..block(block_bytes) };
            let data = pattern(6, 21 * 512);
            let mut expected = data.clone();
            let oracle = Oracle::new(&attachment.transform, &attachment.key).unwrap();
            let start = 3 * 512 + offset_bytes;
            // Sector by sector: a chain goes on until the next sector lies in another block.
            let mut from = 0;
            for to in (512..=expected.len()).step_by(512) {
                let block = |at: usize| (start + at as u64) / u64::from(block_bytes);
                if to == expected.len() || block(to) != block(from) {
                    let mut iv = [0; 16];
                    iv[..4].copy_from_slice(&u32::try_from(block(from)).unwrap().to_le_bytes());
                    oracle.chain(Direction::Encrypt, iv, &mut expected[from..to]);
                    from = to;
                }
            }
            let mut device = attached_as("reference-block", &attachment);
            device.write_segments(Sector(3), &[&data[..700], &data[700..]]).unwrap();
            assert_eq!(image(&mut device, start, data.len()), expected);
        }
    }
}

#[test]
fn every_other_scheme_survives_a_change_of_the_block_size() {
    let data = pattern(5, 16 * 512);
    for implementation in implementations() {
        let (name, profile) = (implementation.name, profile_of(implementation.name));
        for offer in &profile.ciphers {
            if offer.iv == Some(Iv::Block) {
                continue;
            }
            let mut device = attached_as(name, &attachment_of(offer));
            device.write(Sector(1), &data).unwrap();
            device.set_block_size(512).unwrap();
            assert_eq!(read(&mut device, 1, data.len()), data, "{offer:?}");
        }
    }
}

#[test]
fn a_transfer_in_use_stays_registered() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&calls);
    let transfer: Transfer = Arc::new(move |direction, n, data| {
        log.lock().unwrap().push((direction, n, data.len()));
        data.iter_mut().for_each(|byte| *byte ^= 0x55);
    });
    let attachment = Attachment {
        offset_bytes: 1024,
        first: 100,
        ..with_transform(Transform::Registered { slot: 7 }, &[])
    };
    let mut device = Device::new(Memory::zeroed(BACKING_BYTES));
    assert_eq!(device.attach(&attachment), Err(Error::Unsupported));
    device.register(7, Arc::clone(&transfer)).unwrap();
    device.register(8, Arc::clone(&transfer)).unwrap();
    assert_eq!(device.register(7, transfer), Err(Error::Busy));
    device.attach(&attachment).unwrap();
    assert_eq!(device.unregister(7), Err(Error::Busy));
    assert_eq!(device.unregister(8), Ok(()));
    device.write(Sector(4), &[0; 1024]).unwrap();
    assert_eq!(image(&mut device, 1024 + 4 * 512, 1024), [0x55; 1024]);
    assert_eq!(read(&mut device, 4, 1024), [0; 1024]);
    assert_eq!(
        *calls.lock().unwrap(),
        [(Direction::Encrypt, 106, 1024), (Direction::Decrypt, 106, 1024)]
    );
    device.detach().unwrap();
    assert_eq!(device.unregister(7), Ok(()));
    assert_eq!(device.unregister(7), Err(Error::Misfit));
}

#[test]
fn none_and_xor_show_what_they_say() {
    let data = pattern(9, 1024);
    let mut none = attached(&with_transform(Transform::None {}, &[]));
    none.write(Sector(2), &data).unwrap();
    assert_eq!(image(&mut none, 1024, 1024), data);

    let mut xor = attached_as("reference-xor", &with_transform(Transform::Xor {}, b"abc"));
    xor.write(Sector(2), &[0; 1024]).unwrap();
    let sector: Vec<u8> = b"abc".iter().copied().cycle().take(512).collect();
    assert_eq!(image(&mut xor, 1024, 1024), [sector.clone(), sector].concat());
}

#[test]
fn a_flipped_bit_is_in_the_image() {
    let mut device = attached(&with_transform(Transform::None {}, &[]));
    device.flip(700, 3).unwrap();
    assert_eq!(image(&mut device, 700, 1), [8]);
    assert_eq!(device.flip(700, 8), Err(Error::Misfit));
    assert_eq!(device.flip(BACKING_BYTES, 0), Err(Error::PastEnd));
}

#[test]
fn requests_that_are_refused_change_nothing() {
    let limited = Attachment { offset_bytes: 512, size_limit_bytes: 8 << 10, ..xts(1024) };
    let read_only = Attachment { read_only: true, ..limited.clone() };
    for (attachment, sector, error) in [
        (&limited, 15, Error::PastEnd),
        (&limited, 16, Error::PastEnd),
        (&limited, u64::MAX, Error::PastEnd),
        (&limited, 1 << 55, Error::PastEnd),
        (&read_only, 0, Error::ReadOnly),
    ] {
        let mut device = attached(attachment);
        assert_eq!(device.write(Sector(sector), &[1; 1024]), Err(error));
        let whole = image(&mut device, 0, WHOLE_BYTES);
        assert!(whole.iter().all(|byte| *byte == 0), "{error}: image changed");
    }
    let mut device = attached(&limited);
    device.write(Sector(14), &[1; 1024]).unwrap();
    assert_eq!(device.read(Sector(15), &mut [0; 1024]), Err(Error::PastEnd));
}

#[test]
fn attachments_that_do_not_fit_are_refused() {
    let long = BACKING_BYTES + 512;
    let changed = |change: fn(&mut Attachment)| {
        let mut attachment = xts(1024);
        change(&mut attachment);
        attachment
    };
    for (attachment, error) in [
        (changed(|it| it.offset_bytes = 1), Error::Misfit),
        (changed(|it| it.offset_bytes = 512), Error::Misfit),
        (changed(|it| it.offset_bytes = BACKING_BYTES), Error::Misfit),
        (changed(|it| it.offset_bytes = u64::MAX - 511), Error::Misfit),
        (changed(|it| it.size_limit_bytes = 512), Error::Misfit),
        (changed(|it| it.size_limit_bytes = u64::MAX - 1023), Error::Misfit),
        (changed(|it| it.block_bytes = 0), Error::Misfit),
        (changed(|it| it.block_bytes = 8192), Error::Misfit),
        (changed(|it| it.key = Key::empty()), Error::BadKey),
        (Attachment { size_limit_bytes: long, ..xts(512) }, Error::Misfit),
        (xts(768), Error::Unsupported),
        (xts(32 << 20), Error::UnitTooLong),
        (block(512), Error::Unsupported),
        (with_transform(Transform::Xor {}, &[1]), Error::Unsupported),
        (with_transform(Transform::None {}, &[1]), Error::BadKey),
    ] {
        let mut device = Device::new(Memory::zeroed(BACKING_BYTES));
        assert_eq!(device.attach(&attachment), Err(error), "{attachment}");
        assert_eq!(device.attach(&xts(512)), Ok(()), "after {attachment}");
    }
}

#[test]
fn a_device_does_what_its_profile_says_and_no_more() {
    let poor = Profile { ciphers: profile().ciphers, ..Profile::default() };
    let mut device = Device::offering(Memory::zeroed(BACKING_BYTES), poor);
    for attachment in [
        Attachment { offset_bytes: 1024, ..xts(1024) },
        Attachment { first: 2, ..xts(1024) },
        Attachment { size_limit_bytes: 1024, ..xts(1024) },
        Attachment { read_only: true, ..xts(1024) },
        with_transform(Transform::None {}, &[]),
    ] {
        assert_eq!(device.attach(&attachment), Err(Error::Unsupported), "{attachment}");
    }
    device.attach(&xts(1024)).unwrap();
    assert_eq!(device.write(Sector(1), &[0; 1024]), Err(Error::Partial));
    assert_eq!(device.read(Sector(0), &mut [0; 512]), Err(Error::Partial));
    assert_eq!(device.set_block_size(512), Err(Error::Unsupported));
    assert_eq!(device.image(0, &mut [0; 512]), Err(Error::Unsupported));
    assert_eq!(device.flip(0, 0), Err(Error::Unsupported));
    assert_eq!(device.register(0, Arc::new(|_, _, _| {})), Err(Error::Unsupported));
}

#[test]
fn equal_halves_follow_the_profile() {
    for (policy, attaches, encrypts, decrypts) in [
        (EqualHalves::Refused, false, false, false),
        (EqualHalves::DecryptOnly, false, false, true),
        (EqualHalves::Accepted, true, true, true),
    ] {
        let profile = Profile { equal_halves: policy, ..profile() };
        let weak = with_transform(xts(512).transform, &[3; 32]);
        let mut device = Device::offering(Memory::zeroed(BACKING_BYTES), profile);
        let mut takes = |direction| {
            device.crypt_unit(direction, &weak.transform, &weak.key, 0, &mut [0; 32]).is_ok()
        };
        assert_eq!(takes(Direction::Encrypt), encrypts, "{policy:?}");
        assert_eq!(takes(Direction::Decrypt), decrypts, "{policy:?}");
        assert_eq!(device.attach(&weak).is_ok(), attaches, "{policy:?}");
    }
}

#[test]
fn a_device_that_is_not_attached_says_so() {
    let mut device = Device::new(Memory::zeroed(BACKING_BYTES));
    assert_eq!(device.read(Sector(0), &mut [0; 512]), Err(Error::Io));
    assert_eq!(device.write(Sector(0), &[0; 512]), Err(Error::Io));
    assert_eq!(device.set_block_size(512), Err(Error::Io));
    assert_eq!(device.detach(), Err(Error::Io));
    device.attach(&xts(512)).unwrap();
    assert_eq!(device.attach(&xts(512)), Err(Error::Busy));
}

#[test]
fn every_variant_runs_a_case_on_a_device_of_two_tebibytes() {
    for implementation in implementations() {
        let mut subject = (implementation.open)().unwrap();
        let profile = subject.profile();
        let attachment = match profile.ciphers.first() {
            None => with_transform(Transform::Xor {}, &[1, 2, 3]),
            Some(offer) => attachment_of(offer),
        };
        let case: Case<Loopdev> = Case {
            setup: Setup { backing_bytes: (2 << 40) + 4096, attachment, far: None },
            ops: vec![Op::Read {
                sector: Sector(1 << 32),
                sectors: 8,
                cuts: Vec::new(),
                segments: Vec::new(),
            }],
        };
        let trace = subject.run(&case);
        assert_eq!(trace.end, End::Whole, "{}", implementation.name);
        assert_eq!(trace.events.len(), 1, "{}", implementation.name);
    }
}

#[test]
fn a_file_that_is_too_long_for_its_file_system_is_unsupported() {
    let mut subject = implementations()
        .into_iter()
        .find(|implementation| implementation.name == "reference-file")
        .and_then(|implementation| (implementation.open)().ok())
        .unwrap();
    let case: Case<Loopdev> = Case {
        setup: Setup { backing_bytes: u64::MAX - 511, attachment: xts(512), far: None },
        ops: Vec::new(),
    };
    assert!(matches!(subject.run(&case).end, End::Unsupported(_)));
}
