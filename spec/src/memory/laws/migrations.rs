//! Laws of the steps of a migration, and of who has which frame.
//!
//! It does not cover what a look shows of it.

use std::collections::BTreeSet;

use super::super::contract::{Dump, Holds, Stage, Undone};
use super::super::model::{Answer, Event, Model};
use super::super::{Frame, Op, Order};
use crate::core::Judgement::{self, Holds as Kept, Silent};
use crate::frames::Run;

/// The frames that must not move, as far as they are known.
fn held(model: &Model) -> BTreeSet<Frame> {
    let world = &model.world;
    let cells = world.cells.values().filter(|cell| world.stays(&model.profile, cell));
    let mut held: BTreeSet<Frame> = cells.filter_map(|cell| cell.frame).collect();
    for (frame, order) in world.blocks.values() {
        held.extend((frame.0..frame.0 + order.frames()).map(Frame));
    }
    held
}

pub(super) fn held_stays(model: &Model, _: &Op, event: &Event) -> Judgement {
    if let Some(pass) = event.pass() {
        let held = held(model);
        if held.is_empty() || pass.moves.is_empty() {
            return Silent;
        }
        let moved = pass.moves.iter().find(|moved| held.contains(&moved.from));
        return match moved {
            None => Kept,
            Some(moved) => Judgement::broken(format!("{} is held, and moved", moved.from)),
        };
    }
    let (Answer::Step { step }, Some(migration)) = (&event.answer, &model.world.migration) else {
        return Silent;
    };
    let Some(cell) = model.world.cells.get(&migration.cell).filter(|cell| cell.is_held()) else {
        return Silent;
    };
    if migration.copied {
        return Silent;
    }
    let goes_on = matches!(step.stage, Stage::Copied {} | Stage::Restored {} | Stage::Freed {});
    Judgement::when(!goes_on, || {
        let what = if cell.pins > 0 { "pinned" } else { "under writeback" };
        format!("the page at {} is {what}, and goes on", migration.from)
    })
}

pub(super) fn target_is_kept(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Some(migration) = &model.world.migration else { return Silent };
    let target = migration.to;
    let given = match (op, &event.answer) {
        (Op::Alloc { order, .. }, Answer::Block { frame }) => {
            let block = Run::block(*frame, *order);
            block.holds(&Run::block(target, Order(0)))
        }
        (Op::Look {}, Answer::Look { dump }) => has_another(model, dump, target),
        (_, Answer::Pass { .. } | Answer::Tick { .. }) => {
            let moves = event.pass().map(|pass| pass.moves.as_slice()).unwrap_or_default();
            if moves.is_empty() {
                return Silent;
            }
            moves.iter().any(|moved| moved.to == target)
        }
        _ => return Silent,
    };
    Judgement::when(!given, || format!("the target {target} is given to another"))
}

/// Whether a PTE of another page points to the target.
fn has_another(model: &Model, dump: &Dump, target: Frame) -> bool {
    let migrating = model.world.migration.as_ref().map(|migration| migration.cell);
    let mut ptes = dump.processes.iter().flat_map(|shown| {
        let process = shown.process;
        shown.ptes.iter().map(move |pte| (super::super::Place { process, page: pte.page }, pte))
    });
    ptes.any(|(place, pte)| {
        let cell = model.world.present(place).map(|present| present.cell);
        pte.frame == target && cell.is_some() && cell != migrating
    })
}

pub(super) fn given_up_for_a_reason(model: &Model, _: &Op, event: &Event) -> Judgement {
    let (Answer::Step { step }, Some(migration)) = (&event.answer, &model.world.migration) else {
        return Silent;
    };
    let Stage::Undone { why } = step.stage else { return Silent };
    let Some(cell) = model.world.cells.get(&migration.cell) else { return Kept };
    let is_gone = cell.places.is_empty() && cell.part.is_none();
    let (is_so, what) = match why {
        Undone::Referenced => (cell.is_held(), "it is not held"),
        Undone::Gone => (is_gone, "somebody has it"),
    };
    Judgement::when(is_so, || {
        format!("the migration of the page at {} is given up, and {what}", migration.from)
    })
}

/// How far a stage is.
fn rank(stage: Stage) -> u8 {
    match stage {
        Stage::Frozen {} => 1,
        Stage::Flushed {} => 2,
        Stage::Copied {} => 3,
        Stage::Restored {} => 4,
        Stage::Freed {} | Stage::Undone { .. } => 5,
    }
}

pub(super) fn stages_in_order(model: &Model, _: &Op, event: &Event) -> Judgement {
    if let Answer::Migrating { from, to } = &event.answer {
        return Judgement::when(from != to, || format!("{from} is to move to itself"));
    }
    let (Answer::Step { step }, Some(migration)) = (&event.answer, &model.world.migration) else {
        return Silent;
    };
    if let Some(before) = migration.stage
        && rank(step.stage) < rank(before)
    {
        return Judgement::broken(format!("{before:?} comes before {:?}", step.stage));
    }
    let Some(place) = step.at else { return Kept };
    let is_of_page = model.world.present(place).map(|present| present.cell) == Some(migration.cell);
    let is_frozen = migration.frozen.contains(&place);
    let is_right = match step.stage {
        Stage::Frozen {} => is_of_page && !is_frozen,
        Stage::Restored {} => is_of_page && is_frozen,
        _ => true,
    };
    Judgement::when(is_right, || {
        let state = if is_frozen { "frozen" } else { "not frozen" };
        let whose = if is_of_page { "of the page" } else { "of another page" };
        format!("{:?} at {place}, which is {whose} and {state}", step.stage)
    })
}

pub(super) fn each_frame_is_one_thing(model: &Model, op: &Op, event: &Event) -> Judgement {
    match (op, &event.answer) {
        (Op::Alloc { order, .. }, Answer::Block { frame }) => {
            block_is_free(model, Run::block(*frame, *order))
        }
        (_, Answer::Look { dump }) => frames_are_apart(model, dump),
        _ => Silent,
    }
}

fn block_is_free(model: &Model, block: Run) -> Judgement {
    if !block.base.0.is_multiple_of(block.frames) || model.setup.memory.place_of(&block).is_none() {
        return Judgement::broken(format!("{block} is not aligned, or not in a zone"));
    }
    let mut blocks = model.world.blocks.values().map(|(frame, order)| Run::block(*frame, *order));
    let mut pages = model.world.cells.values().filter_map(|cell| cell.frame);
    let is_used = blocks.any(|other| other.overlaps(&block)) || pages.any(|frame| block.has(frame));
    Judgement::when(!is_used, || format!("{block} is in use"))
}

fn frames_are_apart(model: &Model, dump: &Dump) -> Judgement {
    let is_managed = |run: &Run| model.setup.memory.place_of(run).is_some();
    let mut all: Vec<Run> = dump.free.clone();
    all.extend(dump.frames.iter().map(|shown| Run::block(shown.frame, Order(0))));
    all.sort_by_key(|run| run.base);
    if let Some(run) = all.iter().find(|run| !is_managed(run)) {
        return Judgement::broken(format!("{run} is not in a zone"));
    }
    if let Some(pair) = all.windows(2).find(|pair| pair[0].overlaps(&pair[1])) {
        return Judgement::broken(format!("{} and {} overlap", pair[0], pair[1]));
    }
    let (expected, found) = (model.setup.managed(), all.iter().map(|run| run.frames).sum::<u64>());
    if expected != found {
        return Judgement::broken(format!("expected {expected} frames in all, found {found}"));
    }
    let kernel = dump.frames.iter().filter_map(|shown| match shown.holds {
        Holds::Kernel { block } => Some((shown.frame, block)),
        _ => None,
    });
    let kernel: BTreeSet<_> = kernel.collect();
    let known = model.world.blocks.iter().flat_map(|(block, (frame, order))| {
        (frame.0..frame.0 + order.frames()).map(|frame| (Frame(frame), *block))
    });
    let known: BTreeSet<_> = known.collect();
    match kernel.symmetric_difference(&known).next() {
        None => Kept,
        Some((frame, block)) => {
            Judgement::broken(format!("{frame} is of kernel block {}, or is said to be", block.0))
        }
    }
}
