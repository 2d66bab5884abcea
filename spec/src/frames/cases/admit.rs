//! Which cases are for which profile.
//!
//! It does not cover what an allocator should answer: a case that is admitted may well be refused.

use super::super::contract::{Profile, Sight};
use super::super::{
    DMA_END, FRAMES_END, Frame, Frames, MOST_FRAMES, Order, Run, Setup, Zone, ZonePlan,
};
use super::Op;
use crate::core::Case;
use crate::core::admit::{expect_at_most, needs};

/// The most ops of a case.
const MOST_OPS: usize = 1 << 25;
/// The most slots of a case.
const MOST_SLOTS: u32 = 1 << 24;
/// The greatest order that a free may name, where one above the greatest is seen: a block of it has
/// a size in 64 bits.
const MOST_NAMED: Order = Order(63);

/// Whether a case is one for an implementation with this profile.
pub(in super::super) fn admits(profile: &Profile, case: &Case<Frames>) -> Result<(), String> {
    expect_at_most("ops", case.ops.len() as u64, MOST_OPS as u64)?;
    profile.check()?;
    case.setup.check(profile).map_err(|why| format!("setup: {why}"))?;
    for (index, op) in case.ops.iter().enumerate() {
        check_op(profile, &case.setup, op).map_err(|why| format!("op {index}: {why}"))?;
    }
    Ok(())
}

impl Setup {
    /// Whether it is one for an allocator with this profile.
    pub(crate) fn check(&self, profile: &Profile) -> Result<(), String> {
        expect_at_most("for the greatest order", self.most.0.into(), profile.most.0.into())?;
        if self.zones.is_empty() {
            return Err("expected at least 1 zone, found none".into());
        }
        if self.zones.len() > 1 {
            needs(profile.zones, "several zones")?;
        }
        expect_at_most("frames", self.frames(), MOST_FRAMES)?;
        if let Some(order) = self.pageblock {
            needs(profile.isolation, "pageblocks")?;
            expect_at_most("for the order of pageblocks", order.0.into(), self.most.0.into())?;
        }
        for zone in &self.zones {
            check_zone(profile, self, zone).map_err(|why| format!("{}: {why}", zone.zone))?;
        }
        let apart = |one: &ZonePlan, next: &ZonePlan| {
            one.zone < next.zone && one.run.end() <= next.run.base
        };
        if !self.zones.is_sorted_by(apart) {
            return Err("expected zones that rise and do not overlap, found others".into());
        }
        Ok(())
    }
}

fn check_zone(profile: &Profile, setup: &Setup, zone: &ZonePlan) -> Result<(), String> {
    let run = zone.run;
    if run.frames == 0 {
        return Err("expected at least 1 frame, found none".into());
    }
    expect_at_most("for its end", run.end().0, FRAMES_END.0)?;
    if zone.zone == Zone::Dma {
        expect_at_most("for its end", run.end().0, DMA_END.0)?;
    }
    let aligned = |frame: Frame| frame.0.is_multiple_of(setup.most.frames());
    if !aligned(run.base) || !aligned(run.end()) {
        needs(profile.unaligned, "zones that begin and end anywhere")?;
    }
    let apart = |one: &Run, next: &Run| one.end() <= next.base;
    let rise = [&zone.holes, &zone.reserved].into_iter().all(|runs| runs.is_sorted_by(apart));
    let mut unmanaged: Vec<&Run> = zone.unmanaged().collect();
    if !unmanaged.is_empty() {
        needs(profile.holes, "holes and reserved frames")?;
    }
    let inside = unmanaged.iter().all(|other| other.frames > 0 && run.holds(other));
    unmanaged.sort_by_key(|other| other.base);
    if !inside || !rise || !unmanaged.is_sorted_by(|one, next| apart(one, next)) {
        return Err("expected holes and reserved frames inside it and apart, found others".into());
    }
    if zone.min > 0 || zone.reserve != [0; 3] {
        needs(profile.watermarks, "watermarks")?;
    }
    expect_at_most("for its watermark", zone.min, MOST_FRAMES)?;
    for highest in [Zone::Dma, Zone::Normal, Zone::HighMem] {
        let most = if highest > zone.zone { MOST_FRAMES } else { 0 };
        let what = format!("for its reserve against {highest}");
        expect_at_most(&what, zone.reserve[highest as usize], most)?;
    }
    if zone.managed() == 0 {
        return Err("expected a frame that is neither hole nor reserved, found none".into());
    }
    Ok(())
}

fn check_op(profile: &Profile, setup: &Setup, op: &Op) -> Result<(), String> {
    if op.misuse(&profile.checks) == Some(Sight::Unseen) {
        return Err(format!("expected no misuse that goes unseen, found {op}"));
    }
    match *op {
        Op::Alloc { slot, order, .. } => {
            expect_slot(slot)?;
            expect_order(setup, order)
        }
        Op::AllocAt { slot, frame, order } => {
            needs(profile.alloc_at, "blocks at a frame")?;
            expect_slot(slot)?;
            expect_order(setup, order)?;
            expect_block(frame, order)
        }
        Op::AllocBeyond { order } if order <= setup.most => {
            Err(format!("expected an order above {}, found {order}", setup.most))
        }
        Op::FreeWrongOrder { order, .. } if profile.checks.order_beyond != Sight::Unseen => {
            expect_at_most("for the order", order.0.into(), MOST_NAMED.0.into())
        }
        Op::FreeWrongOrder { order, .. } => expect_order(setup, order),
        Op::FreeInside { offset, order, .. } => {
            expect_order(setup, order)?;
            expect_block(Frame(offset), order)
        }
        Op::FreeNever { frame, order } | Op::FreeOutside { frame, order } => {
            expect_order(setup, order)?;
            expect_block(frame, order)?;
            let block = Run::block(frame, order);
            let inside = setup.zones.iter().any(|zone| zone.manages(&block));
            if inside == matches!(op, Op::FreeNever { .. }) {
                Ok(())
            } else {
                Err(format!(
                    "expected frames that {}exist, found {block}",
                    if inside { "do not " } else { "" }
                ))
            }
        }
        Op::Refill {} => needs(profile.fragments.is_none(), "a refill"),
        Op::Drain {} => needs(profile.caches, "a drain"),
        Op::Isolate { frame } | Op::Unisolate { frame } => expect_pageblock(setup, frame),
        Op::Statistics { zone } => {
            needs(profile.statistics, "statistics")?;
            expect_zone(setup, zone)
        }
        Op::Fragmentation { zone, order } => {
            needs(profile.fragmentation, "fragmentation")?;
            expect_zone(setup, zone)?;
            expect_order(setup, order)
        }
        Op::AllocBeyond { .. } | Op::Free { .. } | Op::FreeTwice { .. } => Ok(()),
    }
}

fn expect_slot(slot: u32) -> Result<(), String> {
    expect_at_most("for the slot", slot.into(), (MOST_SLOTS - 1).into())
}

fn expect_zone(setup: &Setup, zone: Zone) -> Result<(), String> {
    if setup.zones.iter().any(|plan| plan.zone == zone) {
        return Ok(());
    }
    Err(format!("expected a zone of the setup, found {zone}"))
}

fn expect_pageblock(setup: &Setup, frame: Frame) -> Result<(), String> {
    let Some(order) = setup.pageblock else {
        return Err("expected a setup with pageblocks, found one without".into());
    };
    expect_block(frame, order)?;
    let pageblock = Run::block(frame, order);
    match setup.zones.iter().filter(|plan| plan.run.overlaps(&pageblock)).count() {
        0 | 1 => Ok(()),
        zones => Err(format!("expected a pageblock of one zone, found {zones} at {frame}")),
    }
}

fn expect_order(setup: &Setup, order: Order) -> Result<(), String> {
    expect_at_most("for the order", order.0.into(), setup.most.0.into())
}

fn expect_block(frame: Frame, order: Order) -> Result<(), String> {
    expect_at_most("for the frame", frame.0, FRAMES_END.0)?;
    if frame.0.is_multiple_of(order.frames()) {
        return Ok(());
    }
    Err(format!("expected a frame aligned to order {order}, found {frame}"))
}
