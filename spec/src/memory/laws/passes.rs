//! Laws of the defragmenter and of its daemon.
//!
//! It does not cover what becomes of the pages that it moves: that is in `looks`.

use std::collections::BTreeSet;

use super::super::contract::{Dump, Ended, FrameShown, Holds, Pass, Planner, Profile};
use super::super::model::{Answer, Event, Model, Passed};
use super::super::{Frame, Op, Order, Setup};
use crate::core::Judgement::{self, Holds as Kept, Silent};
use crate::frames::{Run, ZonePlan};

/// How many free blocks of an order a look shows, apart from each other.
pub(super) fn free_blocks(dump: &Dump, order: Order) -> u64 {
    dump.free.iter().map(|run| blocks_in(run, order)).sum()
}

fn blocks_in(run: &Run, order: Order) -> u64 {
    run.blocks(order).count() as u64
}

fn free_frames(dump: &Dump) -> BTreeSet<Frame> {
    dump.free.iter().flat_map(Run::each).collect()
}

/// The greatest order of which a look shows a free block.
fn largest(setup: &Setup, dump: &Dump) -> Option<Order> {
    (0..=setup.memory.most.0).rev().map(Order).find(|order| free_blocks(dump, *order) > 0)
}

/// Whether a pass may move what is in a frame.
fn may_move(profile: &Profile, dump: &Dump, shown: &FrameShown) -> bool {
    let is_page =
        matches!(shown.holds, Holds::Anonymous {} | Holds::File { .. } | Holds::Unnamed { .. });
    let is_locked = || {
        let mut ptes = dump.processes.iter().flat_map(|process| &process.ptes);
        ptes.any(|pte| pte.frame == shown.frame && pte.locked)
    };
    let is_free = shown.pins == 0 && !shown.writeback && !shown.isolated;
    is_page && is_free && (profile.moves_locked || !is_locked())
}

/// The frames that no pass may empty.
fn staying(profile: &Profile, dump: &Dump) -> BTreeSet<Frame> {
    let stays = dump.frames.iter().filter(|shown| !may_move(profile, dump, shown));
    stays.map(|shown| shown.frame).collect()
}

/// The aligned runs of an order that could be emptied, if there were room, each with its zone.
fn clearable<'s>(
    setup: &'s Setup,
    staying: &'s BTreeSet<Frame>,
    order: Order,
) -> impl Iterator<Item = (&'s ZonePlan, Run)> {
    setup.memory.zones.iter().flat_map(move |zone| {
        let can_be =
            |run: &Run| zone.manages(run) && staying.range(run.base..run.end()).next().is_none();
        zone.run.blocks(order).filter(can_be).map(move |run| (zone, run))
    })
}

fn free_in(dump: &Dump, zone: &ZonePlan) -> u64 {
    let runs = dump.free.iter().filter(|run| zone.run.holds(run));
    runs.map(|run| run.frames).sum()
}

/// Whether a free block of an order could be made that is not there, beside those that are.
fn can_be_made(model: &Model, dump: &Dump, order: Order) -> bool {
    let staying = staying(&model.profile, dump);
    let is_free = |run: &Run| dump.free.iter().any(|free| free.holds(run));
    clearable(&model.setup, &staying, order).any(|(zone, run)| {
        let runs = dump.free.iter().filter(|free| zone.run.holds(free));
        let blocks: u64 = runs.map(|free| blocks_in(free, order)).sum();
        let room = free_in(dump, zone).saturating_sub(blocks * order.frames());
        !is_free(&run) && room >= order.frames()
    })
}

pub(super) fn keeps_free_frames(model: &Model, _: &Op, event: &Event) -> Judgement {
    let Some(pass) = event.pass() else { return Silent };
    if pass.moves.is_empty() && event.free == model.free {
        return Silent;
    }
    Judgement::when(event.free == model.free, || {
        format!("{:?} frames were free, and now {:?}", model.free, event.free)
    })
}

pub(super) fn stays_in_the_zone(model: &Model, _: &Op, event: &Event) -> Judgement {
    let Some(pass) = event.pass() else { return Silent };
    let zone = |frame| model.setup.memory.place_of(&Run::block(frame, Order(0)));
    Judgement::all(pass.moves.iter().map(|moved| {
        let (from, to) = (zone(moved.from), zone(moved.to));
        Judgement::when(from.is_some() && from == to, || format!("{moved} leaves its zone"))
    }))
}

pub(super) fn keeps_its_budget(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Some(pass) = event.pass() else { return Silent };
    let budget = match op {
        Op::Defragment { budget, .. } => *budget,
        _ => model.setup.tick,
    };
    let moved = pass.moves.len() as u64;
    Judgement::when(pass.scanned <= budget.scanned && moved <= budget.moved, || {
        format!("expected {budget} at most, found {} scanned and {moved} moved", pass.scanned)
    })
}

pub(super) fn work_is_bounded(model: &Model, _: &Op, event: &Event) -> Judgement {
    let Some(pass) = event.pass() else { return Silent };
    let (frames, moved) = (model.setup.memory.frames(), pass.moves.len() as u64);
    Judgement::when(pass.scanned <= 2 * frames + 64 && moved <= frames, || {
        format!("of {frames} frames {} were scanned, and {moved} moved", pass.scanned)
    })
}

pub(super) fn moves_none_twice(_: &Model, _: &Op, event: &Event) -> Judgement {
    let Some(pass) = event.pass() else { return Silent };
    let mut filled = BTreeSet::new();
    Judgement::all(pass.moves.iter().map(|moved| {
        let is_first = !filled.contains(&moved.from);
        filled.insert(moved.to);
        Judgement::when(is_first, || format!("{moved} is the second move of its page"))
    }))
}

pub(super) fn moves_what_may_move(model: &Model, _: &Op, event: &Event) -> Judgement {
    let (Some(pass), Some(dump)) = (event.pass(), model.fresh()) else { return Silent };
    let mut free = free_frames(dump);
    Judgement::all(pass.moves.iter().map(|moved| {
        let shown = dump.frames.iter().find(|shown| shown.frame == moved.from);
        let is_movable = shown.is_some_and(|shown| may_move(&model.profile, dump, shown));
        let is_free = free.remove(&moved.to);
        free.insert(moved.from);
        Judgement::when(is_movable && is_free, || {
            let what = if is_free { "what is there may not move" } else { "its target is in use" };
            format!("{moved}: {what}")
        })
    }))
}

pub(super) fn second_moves_nothing(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Defragment { order, .. }, Answer::Pass { pass }) = (op, &event.answer) else {
        return Silent;
    };
    let Some(Passed { op: Op::Defragment { order: before, .. }, ended, failing, .. }) = &model.pass
    else {
        return Silent;
    };
    if *ended != Ended::Whole || before != order || *failing {
        return Silent;
    }
    Judgement::when(pass.moves.is_empty(), || {
        format!("it moves {} pages, and the pass before had ended", pass.moves.len())
    })
}

/// The last pass, if it was a whole one for an order, and now is a look.
fn whole_pass(model: &Model) -> Option<(&Passed, Order, &Dump)> {
    let passed = model.pass.as_ref().filter(|passed| passed.ended == Ended::Whole);
    let passed = passed.filter(|passed| !passed.failing)?;
    let Op::Defragment { order, .. } = passed.op else { return None };
    Some((passed, order, &model.look.as_ref()?.dump))
}

pub(super) fn makes_the_block(model: &Model) -> Judgement {
    let Some((_, order, dump)) = whole_pass(model) else { return Silent };
    if free_blocks(dump, order) > 0 {
        return Kept;
    }
    match can_be_made(model, dump, order) {
        false => Silent,
        true => {
            Judgement::broken(format!("no block of order {order} is free, and one can be made"))
        }
    }
}

pub(super) fn largest_is_not_smaller(model: &Model) -> Judgement {
    let Some((passed, _, dump)) = whole_pass(model) else { return Silent };
    let Some(before) = &passed.before else { return Silent };
    let (before, after) = (largest(&model.setup, before), largest(&model.setup, dump));
    Judgement::when(after >= before, || {
        let told = |order: Option<Order>| order.map_or("nothing".into(), |order| order.to_string());
        format!("the largest free block had order {}, and has {}", told(before), told(after))
    })
}

pub(super) fn fingers_are_bounded(model: &Model, _: &Op, event: &Event) -> Judgement {
    let (Some(pass), Some(dump)) = (event.pass(), model.fresh()) else { return Silent };
    let is_asleep = matches!(&event.answer, Answer::Tick { tick } if !tick.woke);
    if is_asleep {
        return Silent;
    }
    let zones = &model.setup.memory.zones;
    if pass.met.len() != zones.len() {
        let (expected, found) = (zones.len(), pass.met.len());
        return Judgement::broken(format!(
            "expected {expected} places where they met, found {found}"
        ));
    }
    Judgement::all(zones.iter().zip(&pass.met).map(|(zone, met)| {
        let moves = pass.moves.iter().filter(|moved| zone.run.has(moved.from)).count() as u64;
        let above = dump.frames.iter().filter(|shown| {
            zone.run.has(shown.frame)
                && shown.frame >= *met
                && may_move(&model.profile, dump, shown)
        });
        let runs = dump.free.iter().filter(|run| zone.run.has(run.base));
        let below: u64 = runs.map(|run| run.end().0.min(met.0).saturating_sub(run.base.0)).sum();
        let most = below.min(above.count() as u64);
        Judgement::when(moves <= most, || {
            format!("they met at {met} and moved {moves} pages, expected at most {most}")
        })
    }))
}

/// Whether so many free blocks are all that are to be.
fn is_enough(setup: &Setup, blocks: impl Fn(usize, Order) -> u64) -> bool {
    let watched = setup.watched.iter().enumerate();
    watched.fold(true, |is, (at, watched)| is && blocks(at, watched.order) >= watched.blocks)
}

/// What a tick did, and whether there were enough free blocks before it.
fn ticked<'e>(model: &Model, event: &'e Event) -> Option<(bool, &'e super::super::Tick)> {
    let Answer::Tick { tick } = &event.answer else { return None };
    let blocks = match &model.blocks {
        Some(blocks) => is_enough(&model.setup, |at, _| blocks[at]),
        None if model.setup.watched.is_empty() => true,
        None => return None,
    };
    Some((blocks, tick))
}

pub(super) fn daemon_sleeps(model: &Model, _: &Op, event: &Event) -> Judgement {
    let Some((true, tick)) = ticked(model, event) else { return Silent };
    let is_asleep = !tick.woke && tick.pass.moves.is_empty() && tick.pass.scanned == 0;
    Judgement::when(is_asleep, || "it woke, and there were enough free blocks".into())
}

pub(super) fn daemon_wakes(model: &Model, _: &Op, event: &Event) -> Judgement {
    let Some((false, tick)) = ticked(model, event) else { return Silent };
    Judgement::when(tick.woke, || "it slept, and there were too few free blocks".into())
}

pub(super) fn daemon_stops_when_balanced(model: &Model, _: &Op, event: &Event) -> Judgement {
    let Some((false, tick)) = ticked(model, event) else { return Silent };
    let is_balanced = is_enough(&model.setup, |at, _| event.blocks[at]);
    if is_balanced != (tick.pass.ended == Ended::Balanced) {
        let what = if is_balanced { "are" } else { "are not" };
        let ended = tick.pass.ended;
        return Judgement::broken(format!(
            "it ended {ended:?}, and there {what} enough free blocks"
        ));
    }
    let early = model.fresh().and_then(|dump| balanced_after(model, dump, &tick.pass));
    match early {
        Some(moves) if moves < tick.pass.moves.len() => Judgement::broken(format!(
            "there were enough free blocks after {moves} moves, and it made {}",
            tick.pass.moves.len()
        )),
        _ if is_balanced => Kept,
        _ => Silent,
    }
}

/// After how many moves of a pass there are enough free blocks.
fn balanced_after(model: &Model, dump: &Dump, pass: &Pass) -> Option<usize> {
    let mut free = free_frames(dump);
    let mut states = pass.moves.iter().enumerate().map(|(at, moved)| {
        free.remove(&moved.to);
        free.insert(moved.from);
        let blocks = |order: Order| {
            let all = clearable(&model.setup, &EMPTY, order);
            let is_free = |run: &Run| free.range(run.base..run.end()).count() as u64 == run.frames;
            all.filter(|(_, run)| is_free(run)).count() as u64
        };
        (at + 1, is_enough(&model.setup, |_, order| blocks(order)))
    });
    states.find(|(_, is_enough)| *is_enough).map(|(moves, _)| moves)
}

static EMPTY: BTreeSet<Frame> = BTreeSet::new();

pub(super) fn daemon_moves_when_it_helps(model: &Model, _: &Op, event: &Event) -> Judgement {
    let (Some((false, tick)), Some(dump)) = (ticked(model, event), model.fresh()) else {
        return Silent;
    };
    let mut lacking = model
        .setup
        .watched
        .iter()
        .filter(|watched| free_blocks(dump, watched.order) < watched.blocks);
    if lacking.any(|watched| can_be_made(model, dump, watched.order)) {
        return Silent;
    }
    Judgement::when(tick.pass.moves.is_empty(), || {
        format!("it moved {} pages, and no block that lacks can be made", tick.pass.moves.len())
    })
}

pub(super) fn blocks_are_those_free(model: &Model) -> Judgement {
    let (Some(look), Some(told)) = (&model.look, &model.blocks) else { return Silent };
    Judgement::all(model.setup.watched.iter().zip(told).map(|(watched, told)| {
        let found = free_blocks(&look.dump, watched.order);
        Judgement::when(found == *told, || {
            format!("{told} blocks of order {} are told, and {found} are free", watched.order)
        })
    }))
}

/// Whether in every block of an order there is something that stays, and a pin among that.
pub(super) fn every_block_stays(model: &Model, dump: &Dump, order: Order) -> bool {
    let staying = staying(&model.profile, dump);
    let is_pinned = dump.frames.iter().any(|shown| shown.pins > 0);
    let is_exact = model.profile.planner == Some(Planner::Exact);
    is_pinned
        && clearable(&model.setup, &EMPTY, order).next().is_some()
        && clearable(&model.setup, &staying, order).next().is_none()
        && (is_exact || order.0 > 0)
}
