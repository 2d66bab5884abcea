//! From bytes to cases.
//!
//! It does not cover which cases are legal: all that is drawn is within the profile, and `admits`
//! says so.

use arbitrary::Unstructured;

use super::super::contract::{Profile, Sight};
use super::super::{DMA_END, Frame, Mobility, Order, Run, Setup, Zone, ZonePlan};
use super::{Kind, Op};
use crate::core::{one_in, pick};

/// How many slots a case uses.
const SLOTS: u8 = 48;

/// What the generator guesses while it draws: which slots are full, with blocks of which orders.
#[derive(Debug, Default)]
pub struct Draft {
    full: Vec<(u8, Order)>,
}

pub(in super::super) fn draw_setup(
    u: &mut Unstructured<'_>,
    profile: &Profile,
) -> arbitrary::Result<Setup> {
    let most = Order(pick(u, &[2, 3, 3, 4, 4, 5, 6, 10])?.min(profile.most.0));
    let kinds: &[Zone] = match u.arbitrary::<u8>()? {
        0..120 if profile.zones => &[Zone::Dma, Zone::Normal, Zone::HighMem],
        120..150 if profile.zones => &[Zone::Normal, Zone::HighMem],
        150..170 => &[Zone::Dma],
        170..190 => &[Zone::HighMem],
        _ => &[Zone::Normal],
    };
    let mut zones: Vec<ZonePlan> = Vec::new();
    for &zone in kinds {
        let after = zones.last().map_or(Frame(0), |zone| zone.run.end());
        zones.push(draw_zone(u, profile, most, zone, after, kinds.len())?);
    }
    Ok(Setup { zones, most })
}

fn draw_zone(
    u: &mut Unstructured<'_>,
    profile: &Profile,
    most: Order,
    zone: Zone,
    after: Frame,
    zones: usize,
) -> arbitrary::Result<ZonePlan> {
    let size = most.frames();
    let blocks: u64 = pick(u, &[1, 1, 2, 2, 3, 4, 6, 8])?;
    // Larger zones make slow cases, and show nothing more.
    let room = (1024 / zones as u64).max(size);
    let least = 8u64.next_multiple_of(size);
    let frames = ((blocks * size).min(room) / size * size).max(least);
    let first = match zone {
        Zone::Dma => 0,
        Zone::Normal | Zone::HighMem => after.0.max(DMA_END.0),
    };
    let far = match zone {
        Zone::Dma => 0,
        _ => pick(u, &[0u64, 0, 1 << 10, 1 << 20, (1 << 32) - 2048, 1 << 40])?,
    };
    let mut base = (first + far).next_multiple_of(size);
    let mut length = frames;
    if profile.unaligned && one_in(u, 2)? {
        base += u64::from(u.arbitrary::<u8>()?) % size;
        length = (frames + u64::from(u.arbitrary::<u8>()?) % size).max(8);
    }
    if zone == Zone::Dma {
        length = length.min(DMA_END.0 - base);
    }
    // Zones that meet inside a block have buddies on both sides of their border.
    if profile.unaligned && one_in(u, 4)? {
        match zone {
            Zone::Dma => base = DMA_END.0 - length,
            _ if after >= DMA_END => base = after.0,
            _ => {}
        }
    }
    let run = Run { base: Frame(base), frames: length };
    let (mut holes, mut reserved) = (Vec::new(), Vec::new());
    if profile.holes {
        for (share, list) in [(3, &mut holes), (5, &mut reserved)] {
            if one_in(u, share)? && length > 8 {
                let frames = 1 + u64::from(u.arbitrary::<u8>()?) % (length / 4);
                let at = u64::from(u.arbitrary::<u16>()?) % (length - frames);
                list.push(Run { base: Frame(base + at), frames });
            }
        }
    }
    if holes.iter().any(|hole: &Run| reserved.iter().any(|run| run.overlaps(hole))) {
        reserved.clear();
    }
    Ok(ZonePlan { zone, run, holes, reserved })
}

/// One op; of another kind where that one makes no sense.
pub(in super::super) fn draw_op(
    u: &mut Unstructured<'_>,
    kind: Kind,
    setup: &Setup,
    profile: &Profile,
    draft: &mut Draft,
) -> arbitrary::Result<Op> {
    let kind = match kind {
        Kind::AllocAt if !profile.alloc_at => Kind::Alloc,
        Kind::Statistics if !profile.statistics => Kind::Free,
        Kind::Refill
            if setup.zones.iter().map(|zone| zone.run.frames).sum::<u64>()
                / setup.most.frames()
                > 64 =>
        {
            Kind::Free
        }
        kind => kind,
    };
    match kind {
        Kind::Misuse => {
            if let Some(op) = draw_misuse(u, setup, profile, draft)? {
                return Ok(op);
            }
        }
        Kind::Refill => {
            draft.full.clear();
            return Ok(Op::Refill {});
        }
        Kind::Statistics => {
            let zones: Vec<Zone> = setup.zones.iter().map(|plan| plan.zone).collect();
            return Ok(Op::Statistics { zone: pick(u, &zones)? });
        }
        Kind::Alloc | Kind::AllocAt | Kind::Free => {}
    }
    let crowded = draft.full.len() >= usize::from(SLOTS);
    if kind == Kind::Free || crowded {
        return draw_free(u, draft);
    }
    let order = draw_order(u, setup)?;
    let slot = match one_in(u, 32)? {
        true => u.arbitrary::<u8>()? % SLOTS,
        false => {
            (0..SLOTS).find(|slot| !draft.full.iter().any(|(full, _)| full == slot)).unwrap_or(0)
        }
    };
    if !draft.full.iter().any(|(full, _)| *full == slot) {
        draft.full.push((slot, order));
    }
    if kind == Kind::AllocAt {
        let frame = draw_block(u, setup, order)?;
        return Ok(Op::AllocAt { slot, frame, order });
    }
    let zone = pick(u, &[Zone::Dma, Zone::Normal, Zone::Normal, Zone::HighMem, Zone::HighMem])?;
    let lowest = setup.zones[0].zone;
    let mobility = pick(u, &[Mobility::Unmovable, Mobility::Reclaimable, Mobility::Movable])?;
    let zone = if one_in(u, 24)? { zone } else { zone.max(lowest) };
    Ok(Op::Alloc { slot, order, zone, mobility })
}

fn draw_free(u: &mut Unstructured<'_>, draft: &mut Draft) -> arbitrary::Result<Op> {
    let at = usize::from(u.arbitrary::<u8>()?);
    if draft.full.is_empty() {
        return Ok(Op::Free { slot: 0 });
    }
    let at = at % draft.full.len();
    Ok(Op::Free { slot: draft.full.remove(at).0 })
}

/// Mostly small, and each up to the greatest.
fn draw_order(u: &mut Unstructured<'_>, setup: &Setup) -> arbitrary::Result<Order> {
    let tag: u8 = u.arbitrary()?;
    let most = setup.most.0;
    Ok(Order(match tag {
        0..110 => 0,
        110..150 => 1.min(most),
        150..180 => 2.min(most),
        180..200 => most,
        _ => tag % (most + 1),
    }))
}

/// A block of an order in a zone, or now and then across its end.
fn draw_block(u: &mut Unstructured<'_>, setup: &Setup, order: Order) -> arbitrary::Result<Frame> {
    let zone = &setup.zones[usize::from(u.arbitrary::<u8>()?) % setup.zones.len()];
    let frames = order.frames();
    let at = zone.run.base.0 + u64::from(u.arbitrary::<u16>()?) % zone.run.frames;
    Ok(Frame(at / frames * frames))
}

fn draw_misuse(
    u: &mut Unstructured<'_>,
    setup: &Setup,
    profile: &Profile,
    draft: &mut Draft,
) -> arbitrary::Result<Option<Op>> {
    let full = usize::from(u.arbitrary::<u8>()?);
    let held = full.checked_rem(draft.full.len()).map(|at| (at, draft.full[at]));
    let order = draw_order(u, setup)?;
    let op = match (u.arbitrary::<u8>()? % 5, held) {
        (0, Some((at, (slot, _)))) => {
            let op = Op::FreeTwice { slot };
            if op.misuse(&profile.checks) != Some(Sight::Unseen) {
                draft.full.remove(at);
            }
            op
        }
        (1, Some((_, (slot, own)))) => {
            let other = if order == own {
                Order(u8::from(own == Order(0)).min(setup.most.0))
            } else {
                order
            };
            Op::FreeWrongOrder { slot, order: other }
        }
        (2, Some((_, (slot, own)))) => {
            let offset = 1 + u64::from(u.arbitrary::<u8>()?) % own.frames().max(2);
            Op::FreeInside { slot, offset: offset.min(own.frames().max(2) - 1) }
        }
        (tag, _) => draw_free_of_nothing(u, setup, order, tag)?,
    };
    Ok((op.misuse(&profile.checks) != Some(Sight::Unseen)).then_some(op))
}

/// A free of a block that is nobody's: inside a zone, or outside all that exists.
fn draw_free_of_nothing(
    u: &mut Unstructured<'_>,
    setup: &Setup,
    order: Order,
    tag: u8,
) -> arbitrary::Result<Op> {
    let frames = order.frames();
    let zone = &setup.zones[usize::from(u.arbitrary::<u8>()?) % setup.zones.len()];
    let holes: Vec<Frame> = zone.unmanaged().map(|run| run.base).collect();
    let frame = match (tag, u.arbitrary::<u8>()? % 4) {
        (0..=3, _) => draw_block(u, setup, order)?,
        (_, 0) if !holes.is_empty() => holes[0],
        (_, 1) => zone.run.end(),
        (_, 2) => Frame(1 << 51),
        _ => Frame(zone.run.base.0.saturating_sub(1)),
    };
    let frame = Frame(frame.0 / frames * frames);
    let block = Run::block(frame, order);
    Ok(match setup.zones.iter().any(|zone| zone.manages(&block)) {
        true => Op::FreeNever { frame, order },
        false => Op::FreeOutside { frame, order },
    })
}
