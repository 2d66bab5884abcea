//! Laws of what is read, refused, waited for and counted.
//!
//! It does not cover what a look shows.

use super::super::contract::{Completed, Error, Stage};
use super::super::model::{Answer, Cell, Event, Last, Model, Waits, World, access_of};
use super::super::{Op, Place, Process};
use super::passes;
use crate::core::Judgement::{self, Holds, Silent};

/// Of what a read is evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Circumstance {
    Plain,
    Moved,
    WrittenInMigration,
    Split,
    ByOthers,
    Unwritten,
    Remapped,
}

/// Of what a read of a page is evidence: the rarest of what has become of it.
fn circumstance(cell: Option<&Cell>, is_remapped: bool, reader: Process) -> Circumstance {
    let Some(cell) = cell else { return Circumstance::Unwritten };
    let past = cell.past;
    if past.written_in_migration {
        Circumstance::WrittenInMigration
    } else if past.moved_since {
        Circumstance::Moved
    } else if is_remapped {
        Circumstance::Remapped
    } else if past.split {
        Circumstance::Split
    } else if !past.written {
        Circumstance::Unwritten
    } else if past.writer != Some(reader) {
        Circumstance::ByOthers
    } else {
        Circumstance::Plain
    }
}

fn read(model: &Model, op: &Op, event: &Event, of: Circumstance) -> Judgement {
    let (Op::Read { process, address }, Answer::Byte { byte }) = (op, &event.answer) else {
        return Silent;
    };
    let place = Place { process: *process, page: address.page };
    let Some((cell, expected)) = model.world.would_read(place, address.offset) else {
        return Silent;
    };
    let is_remapped = model.world.present(place).is_some_and(|present| present.remapped);
    if circumstance(cell, is_remapped, *process) != of {
        return Silent;
    }
    Judgement::when(*byte == expected, || format!("expected {expected}, read {byte}"))
}

pub(super) fn plain(model: &Model, op: &Op, event: &Event) -> Judgement {
    read(model, op, event, Circumstance::Plain)
}

pub(super) fn after_a_move(model: &Model, op: &Op, event: &Event) -> Judgement {
    read(model, op, event, Circumstance::Moved)
}

pub(super) fn after_a_write_in_migration(model: &Model, op: &Op, event: &Event) -> Judgement {
    read(model, op, event, Circumstance::WrittenInMigration)
}

pub(super) fn after_a_split(model: &Model, op: &Op, event: &Event) -> Judgement {
    read(model, op, event, Circumstance::Split)
}

pub(super) fn by_others(model: &Model, op: &Op, event: &Event) -> Judgement {
    read(model, op, event, Circumstance::ByOthers)
}

pub(super) fn unwritten(model: &Model, op: &Op, event: &Event) -> Judgement {
    read(model, op, event, Circumstance::Unwritten)
}

pub(super) fn after_a_remap(model: &Model, op: &Op, event: &Event) -> Judgement {
    read(model, op, event, Circumstance::Remapped)
}

pub(super) fn waits_where_it_must(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Some((place, access)) = access_of(op) else { return Silent };
    let waits = model.world.waits(&model.profile, place, access);
    match (waits, &event.answer) {
        (Waits::No, Answer::Waits {}) => {
            Judgement::broken(format!("{place} waits, and is neither frozen nor to be mapped"))
        }
        (Waits::No, _) | (_, Answer::Refused { .. }) => Silent,
        (Waits::Yes, Answer::Waits {}) | (Waits::Perhaps, _) => Holds,
        (Waits::Yes, _) => {
            Judgement::broken(format!("{place} does not wait, and its page is being migrated"))
        }
    }
}

pub(super) fn waiting_accesses_are_done(model: &Model, _: &Op, event: &Event) -> Judgement {
    let completed = event.completed();
    let mut world = model.world.clone();
    let waiting = match &event.answer {
        Answer::Step { step } => world.step(step.stage, step.at),
        Answer::TornDown { .. } => world.step(Stage::Freed {}, None),
        _ => return Silent,
    };
    if completed.len() != waiting.len() {
        let (expected, found) = (waiting.len(), completed.len());
        return Judgement::broken(format!(
            "expected {expected} accesses that waited to be done, found {found}"
        ));
    }
    let mut may_fail = model.failing;
    Judgement::all(waiting.into_iter().zip(completed).map(|((place, access), completed)| {
        if completed.place != place {
            return Judgement::broken(format!("expected {place}, found {}", completed.place));
        }
        let reasons = world.reasons_of(place, access);
        match completed.error {
            Some(Error::OutOfMemory) if reasons.is_empty() => {
                let is_dry = free(model, &world) < i128::from(world.needs_of(place, access));
                let is_told = std::mem::take(&mut may_fail);
                Judgement::when(is_dry || is_told, || format!("{place}: frames are free"))
            }
            Some(error) => Judgement::when(reasons.contains(&error), || {
                format!("{place} is refused without a reason: {error}")
            }),
            None if reasons.is_empty() => {
                let judgement = byte_of(&world, place, access, completed);
                world.access(place, access);
                judgement
            }
            None => Judgement::broken(format!("{place} is done, expected: {}", reasons[0])),
        }
    }))
}

/// Whether a read that waited returned the right byte.
fn byte_of(
    world: &World,
    place: Place,
    access: super::super::model::Access,
    completed: &Completed,
) -> Judgement {
    let super::super::model::Access::Read { offset } = access else { return Holds };
    let expected = world.would_read(place, offset).map(|(_, byte)| byte);
    Judgement::when(completed.byte == expected, || {
        format!("{place}: expected {expected:?}, read {:?}", completed.byte)
    })
}

pub(super) fn refusal_has_a_reason(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Answer::Refused { error } = event.answer else { return Silent };
    let reasons = model.world.reasons(&model.profile, &model.setup, op);
    match error {
        Error::OutOfMemory if !reasons.contains(&error) => Silent,
        _ => Judgement::when(reasons.contains(&error), || match reasons.first() {
            None => format!("{error}: there is no reason to refuse it"),
            Some(reason) => format!("expected: {reason}, found: {error}"),
        }),
    }
}

pub(super) fn reason_is_minded(model: &Model, op: &Op, event: &Event) -> Judgement {
    let reasons = model.world.reasons(&model.profile, &model.setup, op);
    let Some(reason) = reasons.first() else { return Silent };
    match &event.answer {
        Answer::Refused { .. } => Holds,
        Answer::Waits {} => Silent,
        _ => Judgement::broken(format!("it is not refused, expected: {reason}")),
    }
}

pub(super) fn memory_lacks_only_when_dry(model: &Model, op: &Op, event: &Event) -> Judgement {
    let needs = model.world.needs(&model.profile, op);
    let left = free(model, &model.world) - i128::from(needs);
    if event.answer != (Answer::Refused { error: Error::OutOfMemory }) {
        return Silent;
    }
    let reasons = model.world.reasons(&model.profile, &model.setup, op);
    if model.failing || left < 0 || reasons.contains(&Error::OutOfMemory) {
        return Holds;
    }
    match op {
        Op::Alloc { order, .. } if order.0 > 0 => match model.fresh() {
            None => Silent,
            Some(dump) => Judgement::when(passes::free_blocks(dump, *order) == 0, || {
                format!("a block of order {order} is free")
            }),
        },
        _ => Judgement::broken(format!(
            "{} frames are free, and it needs {needs}",
            left + i128::from(needs)
        )),
    }
}

/// How many frames should be free.
fn free(model: &Model, world: &World) -> i128 {
    i128::from(model.setup.managed()) - i128::from(world.used())
}

/// Whether as many frames are free as should be.
fn free_is_right(model: &Model) -> Judgement {
    let expected = free(model, &model.world);
    let found: u64 = model.free.iter().sum();
    Judgement::when(i128::from(found) == expected, || {
        format!("expected {expected} free frames, found {found}")
    })
}

pub(super) fn conservation(model: &Model) -> Judgement {
    if model.last == Last::Other { free_is_right(model) } else { Silent }
}

pub(super) fn all_is_given_back(model: &Model) -> Judgement {
    if model.last == Last::Teardown { free_is_right(model) } else { Silent }
}

pub(super) fn fork_copies_nothing(model: &Model) -> Judgement {
    if model.last == Last::Fork { free_is_right(model) } else { Silent }
}
