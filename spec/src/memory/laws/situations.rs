//! The situations that a campaign must meet.
//!
//! It does not cover whether anything is right there.

use std::collections::BTreeSet;

use super::super::contract::{Ended, Error, Stage, Undone};
use super::super::model::{Answer, Cell, Event, Migration, Model, access_of};
use super::super::{Op, Page, Place, Process};
use super::passes;

/// The pages that an event moves, as far as they are known.
fn moved<'m>(model: &'m Model, event: &'m Event) -> Vec<&'m Cell> {
    let cells = &model.world.cells;
    match (&event.answer, event.pass()) {
        (Answer::Step { step }, _) if step.stage == (Stage::Freed {}) => {
            let migration = model.world.migration.as_ref();
            migration.and_then(|migration| cells.get(&migration.cell)).into_iter().collect()
        }
        (_, Some(pass)) => {
            let from: BTreeSet<_> = pass.moves.iter().map(|moved| Some(moved.from)).collect();
            cells
                .values()
                .filter(|cell| cell.frame.is_some() && from.contains(&cell.frame))
                .collect()
        }
        _ => Vec::new(),
    }
}

pub(super) fn four_sharers_move(model: &Model, _: &Op, event: &Event) -> bool {
    moved(model, event).iter().any(|cell| cell.places.len() >= 4)
}

pub(super) fn three_addresses_move(model: &Model, _: &Op, event: &Event) -> bool {
    moved(model, event).iter().filter(|cell| cell.part.is_some()).any(|cell| {
        let pages: BTreeSet<Page> = cell.places.iter().map(|place| place.page).collect();
        let processes: BTreeSet<Process> = cell.places.iter().map(|place| place.process).collect();
        pages.len() >= 3 && processes.len() >= 3
    })
}

pub(super) fn pinned_half_frozen(model: &Model, _: &Op, event: &Event) -> bool {
    let undone = Stage::Undone { why: Undone::Referenced };
    let (Answer::Step { step }, Some(migration)) = (&event.answer, &model.world.migration) else {
        return false;
    };
    step.stage == undone && !migration.frozen.is_empty()
}

/// A write to the page that is being migrated, and what came of it.
fn write_in_migration<'m>(model: &'m Model, op: &Op) -> Option<(&'m Migration, Place)> {
    let (Op::Write { .. }, migration) = (op, model.world.migration.as_ref()?) else { return None };
    let (place, _) = access_of(op)?;
    let cell = model.world.present(place)?.cell;
    (cell == migration.cell).then_some((migration, place))
}

pub(super) fn written_isolated(model: &Model, op: &Op, event: &Event) -> bool {
    let written = write_in_migration(model, op);
    event.answer == (Answer::Done {})
        && written.is_some_and(|(migration, _)| migration.stage.is_none())
}

pub(super) fn written_frozen(model: &Model, op: &Op, _: &Event) -> bool {
    let written = write_in_migration(model, op);
    written.is_some_and(|(migration, _)| !migration.frozen.is_empty() && !migration.copied)
}

pub(super) fn written_copied(model: &Model, op: &Op, event: &Event) -> bool {
    let written = write_in_migration(model, op);
    event.answer == (Answer::Waits {})
        && written.is_some_and(|(migration, _)| migration.stage == Some(Stage::Copied {}))
}

pub(super) fn written_restored(model: &Model, op: &Op, _: &Event) -> bool {
    let written = write_in_migration(model, op);
    written.is_some_and(|(migration, _)| migration.stage == Some(Stage::Restored {}))
}

/// Whether an op is done while some of these places are frozen.
fn done_to_frozen(model: &Model, event: &Event, is_one: impl Fn(&Place) -> bool) -> bool {
    let migration = model.world.migration.as_ref();
    event.answer == (Answer::Done {})
        && migration.is_some_and(|migration| migration.frozen.iter().any(is_one))
}

pub(super) fn forked_frozen(model: &Model, op: &Op, event: &Event) -> bool {
    let Op::Fork { parent, .. } = op else { return false };
    done_to_frozen(model, event, |place| place.process == *parent)
}

pub(super) fn unmapped_frozen(model: &Model, op: &Op, event: &Event) -> bool {
    let Op::Unmap { process, pages } = op else { return false };
    done_to_frozen(model, event, |place| place.process == *process && pages.has(place.page))
}

pub(super) fn truncated_frozen(model: &Model, op: &Op, event: &Event) -> bool {
    let Op::Truncate { file, pages } = op else { return false };
    let object = model.world.file(*file);
    done_to_frozen(model, event, |place| {
        let space = &model.world.spaces[&place.process];
        let part = space.area_at(place.page).and_then(|area| area.part_at(place.page));
        part.is_some_and(|(mapped, index)| Some(mapped) == object && index >= *pages)
    })
}

pub(super) fn exited_frozen(model: &Model, op: &Op, event: &Event) -> bool {
    let Op::Exit { process } = op else { return false };
    done_to_frozen(model, event, |place| place.process == *process)
}

pub(super) fn moved_frozen(model: &Model, op: &Op, event: &Event) -> bool {
    let Op::Remap { process, pages, .. } = op else { return false };
    done_to_frozen(model, event, |place| place.process == *process && pages.has(place.page))
}

pub(super) fn two_wait(_: &Model, _: &Op, event: &Event) -> bool {
    let completed = event.completed().iter().map(|completed| completed.place.process);
    completed.collect::<BTreeSet<Process>>().len() >= 2
}

pub(super) fn kernel_block_in_migration(model: &Model, _: &Op, event: &Event) -> bool {
    matches!(event.answer, Answer::Block { .. }) && model.world.migration.is_some()
}

pub(super) fn nothing_to_do(_: &Model, _: &Op, event: &Event) -> bool {
    let Answer::Pass { pass } = &event.answer else { return false };
    pass.moves.is_empty() && pass.ended == Ended::Whole
}

pub(super) fn every_block_holds(model: &Model, op: &Op, event: &Event) -> bool {
    let (Op::Defragment { order, .. }, Answer::Pass { .. }) = (op, &event.answer) else {
        return false;
    };
    model.fresh().is_some_and(|dump| passes::every_block_stays(model, dump, *order))
}

pub(super) fn pass_in_migration(model: &Model, _: &Op, event: &Event) -> bool {
    let is_moving = event.pass().is_some_and(|pass| !pass.moves.is_empty());
    is_moving && model.world.migration.is_some()
}

pub(super) fn out_of_budget(_: &Model, _: &Op, event: &Event) -> bool {
    matches!(&event.answer, Answer::Pass { pass } if pass.ended == Ended::Budget)
}

pub(super) fn daemon_woke(_: &Model, _: &Op, event: &Event) -> bool {
    matches!(&event.answer, Answer::Tick { tick } if tick.woke)
}

pub(super) fn daemon_balanced(_: &Model, _: &Op, event: &Event) -> bool {
    let Answer::Tick { tick } = &event.answer else { return false };
    tick.woke && !tick.pass.moves.is_empty() && tick.pass.ended == Ended::Balanced
}

pub(super) fn daemon_out_of_budget(_: &Model, _: &Op, event: &Event) -> bool {
    matches!(&event.answer, Answer::Tick { tick } if tick.pass.ended == Ended::Budget)
}

fn is_dry(event: &Event) -> bool {
    event.answer == (Answer::Refused { error: Error::OutOfMemory })
}

pub(super) fn fault_is_dry(_: &Model, op: &Op, event: &Event) -> bool {
    is_dry(event) && access_of(op).is_some()
}

pub(super) fn fork_is_dry(_: &Model, op: &Op, event: &Event) -> bool {
    is_dry(event) && matches!(op, Op::Fork { .. })
}

pub(super) fn migration_is_dry(_: &Model, op: &Op, event: &Event) -> bool {
    is_dry(event) && matches!(op, Op::Migrate { .. })
}
