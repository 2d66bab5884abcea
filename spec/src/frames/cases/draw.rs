//! From bytes to cases.
//!
//! It does not cover which cases are legal: all that is drawn is within the profile, and `admits`
//! says so.

use arbitrary::Unstructured;

use super::super::contract::{Profile, Sight};
use super::super::{DMA_END, Frame, Mobility, Order, Run, Setup, Zone, ZonePlan};
use super::{Kind, Op};
use crate::core::{one_in, pick};

/// How many frames a zone has at most, where no size is asked for.
const MOST_SMALL: u64 = 4096;
/// How many slots a case uses, where its memory is small.
const SLOTS: u64 = 48;
/// How many it uses at most.
const MOST_SLOTS: u64 = 1 << 23;
/// How many holes a zone has at most, and how many runs of reserved frames.
const MOST_RUNS: usize = 3;
/// Where a zone of [`Zone::Normal`] and [`Zone::HighMem`] lies behind the one before.
const FAR: &[u64] = &[0, 0, 1 << 10, 1 << 20, (1 << 32) - 2048, 1 << 40];

/// What the generator guesses while it draws: which slots are full, and how much is free.
#[derive(Debug, Default)]
pub struct Draft {
    full: Vec<Held>,
    /// Slots that were full.
    empty: Vec<u32>,
    /// The slots from this one on were never full.
    next: u32,
    /// The free frames of each zone; none before the first op.
    free: Vec<u64>,
    isolated: Vec<Frame>,
    /// The zone whose statistics the last op asks for, and the one before it.
    asked: [Option<Zone>; 2],
}

/// A slot that is probably full.
#[derive(Debug, Clone, Copy)]
struct Held {
    slot: u32,
    order: Order,
    /// The place of the zone.
    place: usize,
}

impl Draft {
    /// The zone from which a request is probably served.
    fn serving(&self, setup: &Setup, order: Order, highest: Zone) -> Option<usize> {
        let spares = |place: &usize| {
            let plan = &setup.zones[*place];
            plan.zone <= highest && plan.spares(self.free[*place], order, highest)
        };
        (0..setup.zones.len()).rev().find(spares)
    }

    fn hold(&mut self, slot: u32, order: Order, place: usize) {
        self.free[place] = self.free[place].saturating_sub(order.frames());
        self.full.push(Held { slot, order, place });
    }

    fn release(&mut self, at: usize) -> u32 {
        let Held { slot, order, place } = self.full.swap_remove(at);
        self.free[place] += order.frames();
        self.empty.push(slot);
        slot
    }
}

pub(in super::super) fn draw_setup(
    u: &mut Unstructured<'_>,
    profile: &Profile,
) -> arbitrary::Result<Setup> {
    let most = Order(pick(u, &[2, 3, 3, 4, 4, 5, 6, 10])?.min(profile.most.0));
    let kinds = draw_kinds(u, profile)?;
    let length = |u: &mut Unstructured<'_>| {
        let blocks: u64 = pick(u, &[1, 1, 2, 2, 3, 4, 6, 8])?;
        Ok((blocks * most.frames()).min(MOST_SMALL))
    };
    draw_zones(u, profile, most, kinds, length)
}

/// Zones that share so many frames, but that there is only so much DMA.
pub(in super::super) fn draw_setup_of(
    u: &mut Unstructured<'_>,
    profile: &Profile,
    size: u64,
) -> arbitrary::Result<Setup> {
    let most = Order(pick(u, &[9, 10, 10, 10])?.min(profile.most.0));
    let kinds = draw_kinds(u, profile)?;
    let share = size / kinds.len() as u64;
    draw_zones(u, profile, most, kinds, |_| Ok(share))
}

fn draw_kinds(u: &mut Unstructured<'_>, profile: &Profile) -> arbitrary::Result<&'static [Zone]> {
    Ok(match u.arbitrary::<u8>()? {
        0..120 if profile.zones => &[Zone::Dma, Zone::Normal, Zone::HighMem],
        120..150 if profile.zones => &[Zone::Normal, Zone::HighMem],
        150..170 => &[Zone::Dma],
        170..190 => &[Zone::HighMem],
        _ => &[Zone::Normal],
    })
}

fn draw_zones<'b>(
    u: &mut Unstructured<'b>,
    profile: &Profile,
    most: Order,
    kinds: &[Zone],
    length: impl Fn(&mut Unstructured<'b>) -> arbitrary::Result<u64>,
) -> arbitrary::Result<Setup> {
    let mut zones: Vec<ZonePlan> = Vec::new();
    for &zone in kinds {
        let after = zones.last().map_or(Frame(0), |zone| zone.run.end());
        let frames = length(u)?;
        zones.push(draw_zone(u, profile, most, zone, after, frames)?);
    }
    let pageblock = match profile.isolation {
        true => Some(Order(pick(u, &[0, 1, 1, 2, 2, 3, 20])?.min(most.0))),
        false => None,
    };
    Ok(Setup { zones, most, pageblock })
}

fn draw_zone(
    u: &mut Unstructured<'_>,
    profile: &Profile,
    most: Order,
    zone: Zone,
    after: Frame,
    frames: u64,
) -> arbitrary::Result<ZonePlan> {
    let size = most.frames();
    let frames = (frames / size * size).max(8u64.next_multiple_of(size));
    let frames = if zone == Zone::Dma { frames.min(DMA_END.0) } else { frames };
    let (first, far) = match zone {
        Zone::Dma => (0, 0),
        Zone::Normal | Zone::HighMem => (after.0.max(DMA_END.0), pick(u, FAR)?),
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
    let mut plan = ZonePlan::new(zone, Frame(base), length);
    if profile.holes {
        for (share, list) in [(3, &mut plan.holes), (5, &mut plan.reserved)] {
            while list.len() < MOST_RUNS && one_in(u, share)? && length > 8 {
                let frames = 1 + u64::from(u.arbitrary::<u8>()?) % (length / 8);
                // Now and then up to the end of the zone.
                let room = length - frames + 1;
                let at = u64::from(u.arbitrary::<u32>()?) % (room + room / 16);
                let run = Run { base: Frame(base + at.min(room - 1)), frames };
                if !list.iter().any(|other| other.overlaps(&run)) {
                    list.push(run);
                }
            }
            list.sort_by_key(|run| run.base);
        }
        if plan.holes.iter().any(|hole| plan.reserved.iter().any(|run| run.overlaps(hole))) {
            plan.reserved.clear();
        }
    }
    if profile.watermarks && one_in(u, 3)? {
        draw_watermark(u, &mut plan)?;
    }
    Ok(plan)
}

/// A watermark and reserves at the edges, and so that something is left.
fn draw_watermark(u: &mut Unstructured<'_>, plan: &mut ZonePlan) -> arbitrary::Result<()> {
    let frames = plan.run.frames;
    let edges = [0, 1, 2, 3, frames / 8, frames / 4];
    plan.min = pick(u, &edges)?;
    for highest in [Zone::Normal, Zone::HighMem] {
        if highest > plan.zone {
            plan.reserve[highest as usize] = pick(u, &edges)?;
        }
    }
    Ok(())
}

/// One op; of another kind where that one makes no sense.
pub(in super::super) fn draw_op(
    u: &mut Unstructured<'_>,
    kind: Kind,
    setup: &Setup,
    profile: &Profile,
    draft: &mut Draft,
) -> arbitrary::Result<Op> {
    if draft.free.is_empty() {
        draft.free = setup.zones.iter().map(ZonePlan::managed).collect();
    }
    let [asked, before] = draft.asked;
    draft.asked = [None, asked];
    // What one op changed is seen when nothing else was done between two looks.
    if let Some(zone) = before
        && one_in(u, 2)?
    {
        draft.asked = [Some(zone), None];
        return Ok(Op::Statistics { zone });
    }
    let is_large = setup.frames() / setup.most.frames() > 64;
    match kind {
        Kind::Misuse => {
            if let Some(op) = draw_misuse(u, setup, profile, draft)? {
                return Ok(op);
            }
        }
        Kind::Refill if profile.fragments.is_none() && (!is_large || one_in_many(u)?) => {
            while let Some(last) = draft.full.len().checked_sub(1) {
                draft.release(last);
            }
            return Ok(Op::Refill {});
        }
        Kind::Drain if profile.caches => return Ok(Op::Drain {}),
        Kind::Isolate if setup.pageblock.is_some() => {
            if let Some(op) = draw_isolation(u, setup, draft)? {
                return Ok(op);
            }
        }
        Kind::Statistics if profile.statistics => {
            let zone = draw_plan(u, setup)?.zone;
            draft.asked[0] = Some(zone);
            return Ok(Op::Statistics { zone });
        }
        Kind::Fragmentation if profile.fragmentation => {
            let order = draw_order(u, setup)?;
            return Ok(Op::Fragmentation { zone: draw_plan(u, setup)?.zone, order });
        }
        Kind::Free if !draft.full.is_empty() || one_in(u, 16)? => return draw_free(u, draft),
        Kind::AllocAt if profile.alloc_at => return draw_alloc_at(u, setup, draft),
        _ => {}
    }
    draw_alloc(u, setup, draft)
}

fn draw_plan<'s>(u: &mut Unstructured<'_>, setup: &'s Setup) -> arbitrary::Result<&'s ZonePlan> {
    Ok(&setup.zones[usize::from(u.arbitrary::<u8>()?) % setup.zones.len()])
}

fn draw_alloc(u: &mut Unstructured<'_>, setup: &Setup, draft: &mut Draft) -> arbitrary::Result<Op> {
    let order = draw_order(u, setup)?;
    let zone = pick(u, &[Zone::Dma, Zone::Normal, Zone::Normal, Zone::HighMem, Zone::HighMem])?;
    let zone = if one_in(u, 24)? { zone } else { zone.max(setup.zones[0].zone) };
    let mobility = pick(u, &[Mobility::Unmovable, Mobility::Reclaimable, Mobility::Movable])?;
    let serving = draft.serving(setup, order, zone);
    if serving.is_none() && !draft.full.is_empty() && !one_in(u, 3)? {
        return draw_free(u, draft);
    }
    let Some(slot) = draw_slot(u, setup, draft)? else { return draw_free(u, draft) };
    if let Some(place) = serving {
        draft.hold(slot, order, place);
    } else {
        draft.empty.push(slot);
    }
    Ok(Op::Alloc { slot, order, zone, mobility })
}

/// It is granted the more probably the more is free.
fn draw_alloc_at(
    u: &mut Unstructured<'_>,
    setup: &Setup,
    draft: &mut Draft,
) -> arbitrary::Result<Op> {
    let order = draw_order(u, setup)?;
    let frame = draw_block(u, setup, order)?;
    let Some(slot) = draw_slot(u, setup, draft)? else { return draw_free(u, draft) };
    let chance = u64::from(u.arbitrary::<u8>()?);
    let place = setup.place_of(&Run::block(frame, order));
    match place.filter(|place| draft.free[*place] * 256 > chance * setup.zones[*place].managed()) {
        Some(place) => draft.hold(slot, order, place),
        None => draft.empty.push(slot),
    }
    Ok(Op::AllocAt { slot, frame, order })
}

/// True so rarely that it may cost a look at all frames.
fn one_in_many(u: &mut Unstructured<'_>) -> arbitrary::Result<bool> {
    Ok(u.arbitrary::<u32>()?.is_multiple_of(100_000))
}

/// A slot that is probably empty, or now and then any; none when too many are full.
fn draw_slot(
    u: &mut Unstructured<'_>,
    setup: &Setup,
    draft: &mut Draft,
) -> arbitrary::Result<Option<u32>> {
    let slots = (setup.frames() / 2).clamp(SLOTS, MOST_SLOTS);
    if one_in(u, 64)? && draft.next > 0 {
        return Ok(Some(u.arbitrary::<u32>()? % draft.next));
    }
    if draft.full.len() as u64 >= slots {
        return Ok(None);
    }
    Ok(Some(draft.empty.pop().unwrap_or_else(|| {
        draft.next += 1;
        draft.next - 1
    })))
}

/// Isolates a pageblock, or undoes that; none where the pageblock that is drawn has two zones.
fn draw_isolation(
    u: &mut Unstructured<'_>,
    setup: &Setup,
    draft: &mut Draft,
) -> arbitrary::Result<Option<Op>> {
    let Some(order) = setup.pageblock else { return Ok(None) };
    let tag: u8 = u.arbitrary()?;
    if !draft.isolated.is_empty() && tag < 144 {
        let at = usize::from(tag) % draft.isolated.len();
        return Ok(Some(match tag {
            0..16 => Op::Isolate { frame: draft.isolated[at] },
            _ => Op::Unisolate { frame: draft.isolated.swap_remove(at) },
        }));
    }
    let frame = draw_block(u, setup, order)?;
    let pageblock = Run::block(frame, order);
    if setup.zones.iter().filter(|plan| plan.run.overlaps(&pageblock)).count() > 1 {
        return Ok(None);
    }
    if tag > 240 {
        return Ok(Some(Op::Unisolate { frame }));
    }
    draft.isolated.push(frame);
    Ok(Some(Op::Isolate { frame }))
}

fn draw_free(u: &mut Unstructured<'_>, draft: &mut Draft) -> arbitrary::Result<Op> {
    let at = draw_at(u, draft.full.len())?;
    Ok(Op::Free { slot: at.map_or(0, |at| draft.release(at)) })
}

/// One of so many, if there are any.
fn draw_at(u: &mut Unstructured<'_>, count: usize) -> arbitrary::Result<Option<usize>> {
    let at = if count <= 256 { u.arbitrary::<u8>()?.into() } else { u.arbitrary::<u32>()? };
    Ok(usize::try_from(at).ok().and_then(|at| at.checked_rem(count)))
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
    let at = zone.run.base.0 + u64::from(u.arbitrary::<u32>()?) % zone.run.frames;
    Ok(Frame(at / frames * frames))
}

fn draw_misuse(
    u: &mut Unstructured<'_>,
    setup: &Setup,
    profile: &Profile,
    draft: &mut Draft,
) -> arbitrary::Result<Option<Op>> {
    let held = draw_at(u, draft.full.len())?.map(|at| (at, draft.full[at]));
    let order = draw_order(u, setup)?;
    let is_seen = |op: &Op| op.misuse(&profile.checks) != Some(Sight::Unseen);
    let op = match (u.arbitrary::<u8>()? % 6, held) {
        (0, Some((at, Held { slot, .. }))) => {
            let op = Op::FreeTwice { slot };
            if is_seen(&op) {
                draft.release(at);
            }
            op
        }
        (1, Some((_, Held { slot, order: own, .. }))) => {
            let is_beyond = profile.checks.order_beyond != Sight::Unseen && one_in(u, 4)?;
            let other = match order == own {
                _ if is_beyond => draw_order_beyond(u, setup)?.min(Order(63)),
                true => Order(u8::from(own == Order(0)).min(setup.most.0)),
                false => order,
            };
            Op::FreeWrongOrder { slot, order: other }
        }
        (2, Some((_, Held { slot, order: own, .. }))) if own > Order(0) => {
            let order = order.min(Order(own.0 - 1));
            let inside = own.frames() / order.frames();
            let at = 1 + u64::from(u.arbitrary::<u8>()?) % (inside - 1);
            Op::FreeInside { slot, offset: at * order.frames(), order }
        }
        (3, _) => Op::AllocBeyond { order: draw_order_beyond(u, setup)? },
        (tag, _) => draw_free_of_nothing(u, setup, order, tag)?,
    };
    Ok(is_seen(&op).then_some(op))
}

/// An order above the greatest: just above it, or where a size or an index overflows.
fn draw_order_beyond(u: &mut Unstructured<'_>, setup: &Setup) -> arbitrary::Result<Order> {
    let next = setup.most.0 + 1;
    Ok(Order(pick(u, &[next, next, next + 1, 31, 32, 63, 64, 255])?))
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
        (0..=4, _) => draw_block(u, setup, order)?,
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
