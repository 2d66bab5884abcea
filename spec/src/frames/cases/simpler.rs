//! How a case gets simpler.
//!
//! It does not cover which of the simpler cases are legal: whoever tries them asks `admits`.

use super::super::{Frame, Frames, Mobility, Order, Setup, Zone};
use super::Op;
use crate::core::Case;

/// Simpler cases, the greatest simplification first: without a zone, with plainer zones, with
/// smaller orders, with slots renamed from 0, and then each op a little plainer.
pub(in super::super) fn simpler(case: &Case<Frames>) -> Vec<Case<Frames>> {
    let mut all = Vec::new();
    all.extend(simpler_setups(&case.setup).into_iter().map(|setup| {
        let ops = case.ops.clone();
        Case { setup, ops }
    }));
    all.extend(moved(case));
    all.extend(renamed(case));
    for (at, op) in case.ops.iter().enumerate() {
        for op in plainer(*op) {
            let mut ops = case.ops.clone();
            ops[at] = op;
            all.push(Case { setup: case.setup.clone(), ops });
        }
    }
    all
}

fn simpler_setups(setup: &Setup) -> Vec<Setup> {
    let mut all = Vec::new();
    let change = |change: &dyn Fn(&mut Setup)| {
        let mut plainer = setup.clone();
        change(&mut plainer);
        plainer
    };
    for at in 0..setup.zones.len() {
        if setup.zones.len() > 1 {
            all.push(change(&|setup| drop(setup.zones.remove(at))));
        }
        let zone = &setup.zones[at];
        if !zone.holes.is_empty() {
            all.push(change(&|setup| setup.zones[at].holes.clear()));
        }
        if !zone.reserved.is_empty() {
            all.push(change(&|setup| setup.zones[at].reserved.clear()));
        }
        if zone.min > 0 {
            all.push(change(&|setup| setup.zones[at].min = 0));
            all.push(change(&|setup| setup.zones[at].min /= 2));
            all.push(change(&|setup| setup.zones[at].min -= 1));
        }
        for highest in 0..3 {
            if zone.reserve[highest] > 0 {
                all.push(change(&|setup| setup.zones[at].reserve[highest] = 0));
                all.push(change(&|setup| setup.zones[at].reserve[highest] /= 2));
                all.push(change(&|setup| setup.zones[at].reserve[highest] -= 1));
            }
        }
        for frames in [zone.run.frames / 2, zone.run.frames - 1] {
            if frames > 0 {
                all.push(change(&|setup| setup.zones[at].run.frames = frames));
            }
        }
        if zone.run.frames > 1 {
            all.push(change(&|setup| {
                let run = &mut setup.zones[at].run;
                (run.base, run.frames) = (Frame(run.base.0 + 1), run.frames - 1);
            }));
        }
    }
    if setup.most > Order(0) {
        all.push(change(&|setup| setup.most = Order(setup.most.0 - 1)));
    }
    if let Some(order) = setup.pageblock {
        all.push(change(&|setup| setup.pageblock = None));
        all.extend(lower(order).map(|order| change(&|setup| setup.pageblock = Some(order))));
    }
    all
}

/// All frames of a single zone lie nearer to 0, by a multiple of the greatest block.
fn moved(case: &Case<Frames>) -> Option<Case<Frames>> {
    let [zone] = case.setup.zones.as_slice() else { return None };
    let lowest = if zone.zone == Zone::Dma { 0 } else { 4096 };
    let by = zone.run.base.0.checked_sub(lowest)? / case.setup.most.frames();
    let by = by * case.setup.most.frames();
    if by == 0 {
        return None;
    }
    let mut nearer = case.clone();
    let zone = &mut nearer.setup.zones[0];
    let down = |frame: &mut Frame| frame.0 = frame.0.saturating_sub(by);
    down(&mut zone.run.base);
    zone.holes.iter_mut().chain(&mut zone.reserved).for_each(|run| down(&mut run.base));
    for op in &mut nearer.ops {
        if let Op::AllocAt { frame, .. }
        | Op::Isolate { frame }
        | Op::Unisolate { frame }
        | Op::FreeNever { frame, .. }
        | Op::FreeOutside { frame, .. } = op
        {
            down(frame);
        }
    }
    Some(nearer)
}

/// The slots are 0, 1, 2 and so on, as they are first named.
fn renamed(case: &Case<Frames>) -> Option<Case<Frames>> {
    let mut names: Vec<u32> = Vec::new();
    let mut ops = case.ops.clone();
    for op in &mut ops {
        if let Op::Alloc { slot, .. }
        | Op::AllocAt { slot, .. }
        | Op::Free { slot }
        | Op::FreeTwice { slot }
        | Op::FreeWrongOrder { slot, .. }
        | Op::FreeInside { slot, .. } = op
        {
            let known = names.iter().position(|name| name == slot);
            let at = known.unwrap_or_else(|| {
                names.push(*slot);
                names.len() - 1
            });
            *slot = u32::try_from(at).ok()?;
        }
    }
    let renamed = Case { setup: case.setup.clone(), ops };
    (renamed != *case).then_some(renamed)
}

fn plainer(op: Op) -> Vec<Op> {
    let mut all = Vec::new();
    match op {
        Op::Alloc { slot, order, zone, mobility } => {
            if mobility != Mobility::Unmovable {
                all.push(Op::Alloc { slot, order, zone, mobility: Mobility::Unmovable });
            }
            if zone != Zone::Normal {
                all.push(Op::Alloc { slot, order, zone: Zone::Normal, mobility });
            }
            all.extend(lower(order).map(|order| Op::Alloc { slot, order, zone, mobility }));
        }
        Op::AllocAt { slot, frame, order } => {
            all.extend(lower(order).map(|order| Op::AllocAt { slot, frame, order }));
        }
        Op::AllocBeyond { order } => {
            all.extend(lower(order).map(|order| Op::AllocBeyond { order }));
        }
        Op::Fragmentation { zone, order } => {
            all.extend(lower(order).map(|order| Op::Fragmentation { zone, order }));
        }
        Op::FreeTwice { slot } => all.push(Op::Free { slot }),
        Op::FreeWrongOrder { slot, order } => {
            all.extend(lower(order).map(|order| Op::FreeWrongOrder { slot, order }));
        }
        Op::FreeInside { slot, offset, order } if order > Order(0) || offset > 1 => {
            all.push(Op::FreeInside { slot, offset: 1, order: Order(0) });
            all.push(Op::FreeInside { slot, offset: order.frames(), order });
        }
        Op::FreeNever { frame, order } => {
            all.extend(lower(order).map(|order| Op::FreeNever { frame, order }));
        }
        Op::FreeOutside { frame, order } => {
            all.extend(lower(order).map(|order| Op::FreeOutside { frame, order }));
        }
        _ => {}
    }
    all
}

fn lower(order: Order) -> Option<Order> {
    order.0.checked_sub(1).map(Order)
}
