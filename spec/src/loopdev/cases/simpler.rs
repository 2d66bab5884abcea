//! How a case gets simpler: the greatest simplification first, and every chain ends.
//!
//! It does not cover leaving out ops, which is the core's, nor whether a simpler case is admitted.

use super::super::{Loopdev, Sector, Transform};
use super::draw::{small_u32, small_usize};
use super::{Change, Op, Setup};
use crate::core::{Bytes, Case};

/// Cases a little simpler than this one.
pub(in super::super) fn simpler(case: &Case<Loopdev>) -> Vec<Case<Loopdev>> {
    let mut cases = Vec::new();
    cases.extend(begun_later(case));
    cases.extend(moved_down(case));
    for setup in simpler_setups(&case.setup) {
        cases.push(Case { setup, ops: case.ops.clone() });
    }
    for (index, op) in case.ops.iter().enumerate() {
        cases.extend(simpler_ops(op).into_iter().map(|op| {
            let mut simpler = case.clone();
            simpler.ops[index] = op;
            simpler
        }));
    }
    cases.retain(|simpler| simpler != case);
    cases
}

/// The first op made part of the world, where it only changes how the device is attached.
fn begun_later(case: &Case<Loopdev>) -> Option<Case<Loopdev>> {
    let (first, later) = case.ops.split_first()?;
    let mut setup = case.setup.clone();
    match first {
        Op::Reopen { change } => setup.attachment = change.of(&setup.attachment),
        Op::SetBlockSize { bytes } => setup.attachment.block_bytes = *bytes,
        _ => return None,
    }
    Some(Case { setup, ops: later.to_vec() })
}

/// The far window moved next to the device's start, and all sectors moved down together.
fn moved_down(case: &Case<Loopdev>) -> Vec<Case<Loopdev>> {
    let unit = u64::from(case.setup.attachment.transform.unit_bytes()) / 512;
    let start = case.setup.attachment.offset_bytes / 512;
    let places = |op: &Op| match op {
        Op::Write { sector, .. } | Op::Read { sector, .. } => Some(sector.0),
        Op::Show { sector, .. } => sector.0.checked_sub(start),
        Op::Flip { byte, .. } => (byte / 512).checked_sub(start),
        _ => None,
    };
    let mut distances = Vec::new();
    distances.extend(case.setup.far.map(|far| far.0));
    distances.extend(case.ops.iter().filter_map(places).min().map(|least| least / unit * unit));
    let mut cases = Vec::new();
    for distance in distances.into_iter().filter(|distance| *distance > 0) {
        let mut moved = case.clone();
        for op in &mut moved.ops {
            match op {
                Op::Write { sector, .. } | Op::Read { sector, .. } | Op::Show { sector, .. } => {
                    sector.0 = sector.0.saturating_sub(distance);
                }
                Op::Flip { byte, .. } => *byte = byte.saturating_sub(distance * 512),
                _ => {}
            }
        }
        cases.push(moved.clone());
        let less = |bytes: &mut u64| *bytes = bytes.saturating_sub(distance * 512);
        moved.setup.far = None;
        less(&mut moved.setup.backing_bytes);
        less(&mut moved.setup.attachment.size_limit_bytes);
        cases.insert(0, moved);
    }
    cases
}

fn simpler_setups(setup: &Setup) -> Vec<Setup> {
    let mut setups = Vec::new();
    let mut offer = |part: &dyn Fn(&mut Setup)| setups.extend(with(setup, part));
    let before = &setup.attachment;
    let device_bytes = setup.backing_bytes.saturating_sub(before.offset_bytes);
    let unit = u64::from(before.transform.unit_bytes());
    if let Some(far) = setup.far {
        offer(&|s| {
            s.far = None;
            s.backing_bytes = s.backing_bytes.saturating_sub(far.0 * 512);
            s.attachment.size_limit_bytes =
                s.attachment.size_limit_bytes.saturating_sub(far.0 * 512);
        });
    }
    offer(&|s| s.attachment.size_limit_bytes = 0);
    offer(&|s| {
        s.attachment.size_limit_bytes = 0;
        s.backing_bytes = s.backing_bytes.div_ceil(unit) * unit;
    });
    offer(&|s| {
        s.attachment.offset_bytes = 0;
        s.backing_bytes = device_bytes.max(unit);
    });
    offer(&|s| {
        let smaller = s.attachment.offset_bytes.min(unit);
        s.backing_bytes -= s.attachment.offset_bytes - smaller;
        s.attachment.offset_bytes = smaller;
    });
    offer(&|s| s.attachment.first = 0);
    offer(&|s| s.attachment.first = s.attachment.first.min(unit / 512));
    offer(&|s| s.attachment.read_only = false);
    offer(&|s| s.attachment.block_bytes = 512);
    if let Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors } = before.transform
    {
        if unit_bytes > 512 {
            offer(&|s| {
                s.attachment.transform = Transform::Cipher {
                    cipher,
                    key_bits,
                    iv,
                    unit_bytes: 512,
                    large_sectors: false,
                };
            });
        }
        if large_sectors {
            offer(&|s| {
                s.attachment.transform =
                    Transform::Cipher { cipher, key_bits, iv, unit_bytes, large_sectors: false };
            });
        }
    }
    offer(&|s| {
        if device_bytes > 2 * unit {
            s.backing_bytes = s.attachment.offset_bytes + device_bytes / 2 / unit * unit;
        }
    });
    offer(&|s| {
        // Halving comes near; only then do single units matter.
        if device_bytes > unit && device_bytes <= 64 * unit {
            s.backing_bytes -= unit;
        }
    });
    setups
}

fn simpler_ops(op: &Op) -> Vec<Op> {
    match op {
        Op::Write { sector, data, cuts, segments, then } => {
            simpler_writes(*sector, data, cuts, segments, then.as_ref())
        }
        Op::Read { sector, sectors, cuts, segments } => {
            simpler_reads(*sector, *sectors, cuts, segments)
        }
        Op::SetBlockSize { .. } | Op::Register { slot: 0 } | Op::Unregister { slot: 0 } => vec![],
        Op::Register { .. } => vec![Op::Register { slot: 0 }],
        Op::Unregister { .. } => vec![Op::Unregister { slot: 0 }],
        Op::Show { sector, sectors } => shorter(*sector, u64::from(*sectors))
            .into_iter()
            .map(|(sector, sectors)| Op::Show { sector, sectors: small_u32(sectors) })
            .collect(),
        Op::Flip { byte, bit } => [(byte / 512 * 512, 0), (*byte, 0)]
            .into_iter()
            .filter(|simpler| *simpler != (*byte, *bit))
            .map(|(byte, bit)| Op::Flip { byte, bit })
            .collect(),
        Op::Reopen { change } => {
            simpler_changes(change).into_iter().map(|change| Op::Reopen { change }).collect()
        }
        Op::Attach { change } => {
            simpler_changes(change).into_iter().map(|change| Op::Attach { change }).collect()
        }
        Op::CryptUnit { direction, transform, key, n, data } => {
            let mut ops = Vec::new();
            for n in [0, 1, n / 2].into_iter().filter(|simpler| simpler < n) {
                let (transform, key, data) = (*transform, key.clone(), data.clone());
                ops.push(Op::CryptUnit { direction: *direction, transform, key, n, data });
            }
            let bytes = data.0.len();
            let shorter = [32, bytes / 2 / 16 * 16, bytes - 16.min(bytes), bytes - 1]
                .into_iter()
                .filter(|shorter| (16..bytes).contains(shorter))
                .map(|shorter| data.0[..shorter].to_vec());
            for data in shorter.chain(plainer(&data.0)) {
                let (transform, key, n) = (*transform, key.clone(), *n);
                let data = Bytes(data);
                ops.push(Op::CryptUnit { direction: *direction, transform, key, n, data });
            }
            ops
        }
    }
}

fn simpler_writes(
    sector: Sector,
    data: &Bytes,
    cuts: &[u32],
    segments: &[u32],
    then: Option<&Bytes>,
) -> Vec<Op> {
    let write =
        |sector, data: Vec<u8>, cuts: &[u32], segments: &[u32], then: Option<Vec<u8>>| Op::Write {
            sector,
            data: Bytes(data),
            cuts: cuts.to_vec(),
            segments: segments.to_vec(),
            then: then.map(Bytes),
        };
    let (all, second) = (data.0.clone(), then.map(|then| then.0.clone()));
    let mut ops = Vec::new();
    if then.is_some() {
        ops.push(write(sector, all.clone(), cuts, segments, None));
    }
    for cuts in fewer(cuts) {
        ops.push(write(sector, all.clone(), &cuts, segments, second.clone()));
    }
    for segments in fewer(segments) {
        ops.push(write(sector, all.clone(), cuts, &segments, second.clone()));
    }
    for (start, sectors) in shorter(sector, all.len() as u64 / 512) {
        let from = small_usize(start.0.saturating_sub(sector.0) * 512);
        let range = from..from + small_usize(sectors * 512);
        let (Some(part), second) =
            (all.get(range.clone()), second.as_ref().and_then(|then| then.get(range.clone())))
        else {
            continue;
        };
        let moved = |points: &[u32]| -> Vec<u32> {
            let range = small_u32(range.start as u64)..small_u32(range.end as u64);
            let inside = points.iter().filter(|at| **at > range.start && **at < range.end);
            inside.map(|at| at - range.start).collect()
        };
        let second = second.map(<[u8]>::to_vec);
        ops.push(write(start, part.to_vec(), &moved(cuts), &moved(segments), second));
    }
    for plain in plainer(&all) {
        ops.push(write(sector, plain, cuts, segments, second.clone()));
    }
    if let Some(then) = &second {
        for plain in plainer(then) {
            ops.push(write(sector, all.clone(), cuts, segments, Some(plain)));
        }
    }
    ops
}

fn simpler_reads(sector: Sector, sectors: u32, cuts: &[u32], segments: &[u32]) -> Vec<Op> {
    let read = |sector, sectors, cuts: &[u32], segments: &[u32]| Op::Read {
        sector,
        sectors,
        cuts: cuts.to_vec(),
        segments: segments.to_vec(),
    };
    let mut ops = Vec::new();
    for cuts in fewer(cuts) {
        ops.push(read(sector, sectors, &cuts, segments));
    }
    for segments in fewer(segments) {
        ops.push(read(sector, sectors, cuts, &segments));
    }
    for (start, sectors) in shorter(sector, u64::from(sectors)) {
        let inside = |points: &[u32]| -> Vec<u32> {
            points.iter().copied().filter(|at| u64::from(*at) < sectors * 512).collect()
        };
        ops.push(read(start, small_u32(sectors), &inside(cuts), &inside(segments)));
    }
    ops
}

/// Shorter ranges inside a range, and the range moved to the front.
fn shorter(sector: Sector, sectors: u64) -> Vec<(Sector, u64)> {
    let mut ranges = Vec::new();
    for half in [sectors / 2, sectors.saturating_sub(8), sectors - 1] {
        if half > 0 && half < sectors {
            ranges.push((sector, half));
            ranges.push((Sector(sector.0 + sectors - half), half));
        }
    }
    ranges.dedup();
    if sector.0 > 0 {
        ranges.push((Sector(0), sectors));
        let less = if sector.0 > 128 { sector.0 / 2 } else { sector.0.saturating_sub(8) };
        ranges.push((Sector(less), sectors));
    }
    ranges
}

/// No points, and each left out in turn.
fn fewer(points: &[u32]) -> Vec<Vec<u32>> {
    let mut lists = Vec::new();
    if !points.is_empty() {
        lists.push(Vec::new());
    }
    if points.len() > 1 {
        for index in 0..points.len() {
            let mut list = points.to_vec();
            list.remove(index);
            lists.push(list);
        }
    }
    lists
}

/// Plainer bytes of the same length: zeroes, else all of one kind.
fn plainer(data: &[u8]) -> Vec<Vec<u8>> {
    let all = |byte: u8| data.iter().all(|other| *other == byte);
    if all(0) {
        vec![]
    } else if all(b'A') {
        vec![vec![0; data.len()]]
    } else {
        vec![vec![0; data.len()], vec![b'A'; data.len()]]
    }
}

fn simpler_changes(change: &Change) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut offer = |part: &dyn Fn(&mut Change)| changes.extend(with(change, part));
    offer(&|c| *c = Change::default());
    offer(&|c| c.transform = None);
    offer(&|c| c.key = None);
    offer(&|c| c.offset_bytes = None);
    offer(&|c| c.first = None);
    offer(&|c| c.size_limit_bytes = None);
    offer(&|c| c.read_only = None);
    offer(&|c| c.block_bytes = None);
    offer(&|c| c.offset_bytes = c.offset_bytes.map(|offset| offset.min(512)));
    offer(&|c| c.offset_bytes = c.offset_bytes.map(|offset| offset.min(1)));
    changes
}

/// The same with a part of it simpler; `None` when it is so already.
fn with<T: Clone + PartialEq>(before: &T, part: &dyn Fn(&mut T)) -> Option<T> {
    let mut simpler = before.clone();
    part(&mut simpler);
    (simpler != *before).then_some(simpler)
}
