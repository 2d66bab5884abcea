//! What is remembered of a machine: the world as its processes see it, what was told of frames, and
//! what was seen at the last look.
//!
//! It does not judge; and it knows no frame but by what was told or seen.

mod event;
mod expect;
mod look;
mod world;

use super::contract::{Dump, Ended, Error, Profile, Stage};
use super::{Address, Frame, Op, Place, Setup};
use crate::frames::ZonePlan;

pub use self::event::{Answer, Event};
pub(super) use self::expect::Waits;
pub(super) use self::look::{Look, Seen};
pub(super) use self::world::{Access, Cell, CellId, Migration, Object, Present, World, access_of};

/// What is remembered.
#[derive(Debug)]
pub struct Model {
    pub(super) profile: Profile,
    pub(super) setup: Setup,
    pub(super) world: World,
    /// The free frames by zone, as last told.
    pub(super) free: Vec<u64>,
    /// The free blocks by watched order, as last told; none before the first op.
    pub(super) blocks: Option<Vec<u64>>,
    /// Whether a request for a frame may be going to fail, since that was asked for.
    pub(super) failing: bool,
    /// The last look, and what came after it; none while it is the last op.
    pub(super) seen: Option<Seen>,
    /// The look that was the last op.
    pub(super) look: Option<Look>,
    /// The last migration that ended, while nothing but looks and refusals came after it.
    pub(super) ended: Option<EndedMigration>,
    /// The last pass, while nothing but looks and refusals came after it.
    pub(super) pass: Option<Passed>,
    /// What the last op was.
    pub(super) last: Last,
}

/// A migration that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndedMigration {
    pub(super) cell: CellId,
    /// The frame in which the page is.
    pub(super) at: Frame,
    /// The frame in which it would be, had the migration ended in the other way.
    pub(super) not_at: Frame,
}

/// A pass that is over.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) op: Op,
    pub(super) ended: Ended,
    /// Whether a request for a frame may have failed in it.
    pub(super) failing: bool,
    /// The look right before it.
    pub(super) before: Option<Dump>,
}

/// What the last op was, for the laws that look at the memory after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Fork,
    Teardown,
    Pass,
    Other,
}

impl Model {
    pub(super) fn new(profile: &Profile, setup: &Setup) -> Self {
        let free = match profile.free_count {
            true => setup.memory.zones.iter().map(ZonePlan::managed).collect(),
            false => Vec::new(),
        };
        Model {
            profile: profile.clone(),
            setup: setup.clone(),
            world: World::new(setup),
            free,
            blocks: None,
            failing: false,
            seen: None,
            look: None,
            ended: None,
            pass: None,
            last: Last::Other,
        }
    }

    /// The look before this op, while nothing but refusals came after it.
    pub(super) fn fresh(&self) -> Option<&Dump> {
        match (&self.look, &self.seen) {
            (Some(look), _) => Some(&look.dump),
            (None, Some(seen)) if seen.is_fresh => Some(&seen.dump),
            _ => None,
        }
    }

    pub(super) fn record(&mut self, op: &Op, event: &Event) {
        let before = event.pass().and_then(|_| self.fresh().cloned());
        self.age(op, event);
        match event.answer {
            Answer::Refused { error } => {
                let has_reason =
                    self.world.reasons(&self.profile, &self.setup, op).contains(&error);
                let free: u64 = self.free.iter().sum();
                let lacks = !self.profile.free_count || free < self.world.needs(&self.profile, op);
                let is_block = matches!(op, Op::Alloc { order, .. } if order.0 > 0);
                self.failing &= error != Error::OutOfMemory || has_reason || lacks || is_block;
            }
            Answer::Waits {} => {
                let waiting = self.world.migration.as_mut().zip(access_of(op));
                if let Some((migration, access)) = waiting {
                    migration.waiting.push(access);
                }
            }
            _ => self.fold(op, event, before),
        }
        (self.free, self.blocks) = (event.free.clone(), Some(event.blocks.clone()));
        self.last = match op {
            Op::Fork { .. } => Last::Fork,
            Op::Teardown {} => Last::Teardown,
            Op::Defragment { .. } | Op::Tick {} => Last::Pass,
            _ => Last::Other,
        };
    }

    /// What was seen gets older by this op.
    fn age(&mut self, op: &Op, event: &Event) {
        if let Some(look) = self.look.take() {
            self.seen = Some(Seen::new(look.dump));
        }
        let refused = match event.answer {
            Answer::Refused { error } => Some(error),
            _ => None,
        };
        let is_still = refused.is_some() || matches!(op, Op::Look {} | Op::FailAfter { .. });
        let is_move =
            matches!(op, Op::Migrate { .. } | Op::Step {} | Op::Defragment { .. } | Op::Tick {});
        if !is_still {
            (self.ended, self.pass) = (None, None);
        }
        if let Some(seen) = &mut self.seen {
            seen.is_fresh &= is_still;
            seen.is_moved_only &= is_still || (is_move && event.completed().is_empty());
            seen.refused = if seen.is_fresh { refused.or(seen.refused) } else { None };
        }
    }

    fn fold(&mut self, op: &Op, event: &Event, before: Option<Dump>) {
        let world = &mut self.world;
        if let Some((place, access)) = access_of(op) {
            world.access(place, access);
            return;
        }
        match (*op, &event.answer) {
            (Op::Spawn { process }, _) => world.spawn(process),
            (Op::Exit { process }, _) => world.exit(process),
            (Op::Fork { parent, child }, _) => world.fork(&self.profile, parent, child),
            (Op::Map { process, area }, _) => world.map(process, area),
            (Op::Unmap { process, pages }, _) => world.unmap(process, &pages),
            (Op::Remap { process, pages, to }, _) => world.remap(process, &pages, to),
            (Op::Truncate { file, pages }, _) => world.truncate(file, pages),
            (Op::Delete { file }, _) => world.delete(file),
            (Op::Unpin { pin }, _) => world.unpin(pin),
            (Op::DeviceWrite { pin, offset, byte }, _) => world.device_write(pin, offset, byte),
            (Op::Unlock { process, page }, _) => world.unlock(Place { process, page }),
            (Op::StartWriteback { io, file, index }, _) => world.start_writeback(io, file, index),
            (Op::EndWriteback { io }, _) => world.end_writeback(io),
            (Op::Alloc { block, order }, Answer::Block { frame }) => {
                world.blocks.insert(block, (*frame, order));
            }
            (Op::Free { block }, _) => drop(world.blocks.remove(&block)),
            (Op::Migrate { process, page }, Answer::Migrating { from, to }) => {
                world.begin_migration(Place { process, page }, *from, *to);
            }
            (Op::Step {}, Answer::Step { step }) => self.fold_step(step.stage, step.at, event),
            (Op::FailAfter { .. }, _) => self.failing = true,
            (Op::Look {}, Answer::Look { dump }) => {
                self.look = Some(Look::new(world, dump, self.seen.take()));
            }
            (Op::Teardown {}, _) => {
                world.tear_down();
            }
            _ => self.fold_pass(op, event, before),
        }
    }

    fn fold_step(&mut self, stage: Stage, at: Option<Place>, event: &Event) {
        let migration = self.world.migration.as_ref();
        let frames = migration.map(|migration| (migration.cell, migration.from, migration.to));
        let waiting = self.world.step(stage, at);
        if let (None, Some((cell, from, to))) = (&self.world.migration, frames) {
            let (at, not_at) = if stage == (Stage::Freed {}) { (to, from) } else { (from, to) };
            self.ended = waiting.is_empty().then_some(EndedMigration { cell, at, not_at });
        }
        for ((place, access), completed) in waiting.into_iter().zip(event.completed()) {
            match completed.error {
                None => self.world.access(place, access),
                Some(error) => self.failing &= error != Error::OutOfMemory,
            }
        }
    }

    fn fold_pass(&mut self, op: &Op, event: &Event, before: Option<Dump>) {
        let Some(pass) = event.pass() else { return };
        self.world.pass(&pass.moves);
        let (ended, failing) = (pass.ended, self.failing);
        self.pass = Some(Passed { op: *op, ended, failing, before });
    }

    /// The ops that an op stands for, with their events, where these are so many.
    pub(super) fn parts(op: &Op, event: &Event) -> Option<Vec<(Op, Event)>> {
        let Answer::Several { events } = &event.answer else { return None };
        let ops = match *op {
            Op::Fill { process, pages, byte } => {
                let write = |page| {
                    let address = Address { page, offset: 0 };
                    Op::Write { process, address, byte }
                };
                pages.each().map(write).collect()
            }
            Op::Finish {} => vec![Op::Step {}; events.len()],
            _ => return None,
        };
        let are_as_many = ops.len() == events.len() && (*op != Op::Finish {} || is_finish(events));
        are_as_many.then(|| ops.into_iter().zip(events.iter().cloned()).collect())
    }

    /// Whether an event is an answer to an op.
    pub(super) fn answers(&self, op: &Op, event: &Event) -> Result<(), String> {
        let expected = expected_answers(op);
        if let Answer::Several { events } = &event.answer {
            let what = match op {
                Op::Fill { pages, .. } => format!("an event for each of {} pages", pages.count),
                Op::Finish {} => "events of steps, of which the last ends the migration".into(),
                _ => expected.join(" or "),
            };
            return Err(format!("expected {what}, found {} events", events.len()));
        }
        if !expected.contains(&event.answer.name()) {
            let found = event.answer.name();
            return Err(format!("expected {}, found {found}", expected.join(" or ")));
        }
        let zones = if self.profile.free_count { self.setup.memory.zones.len() } else { 0 };
        let watched = if self.profile.daemon { self.setup.watched.len() } else { 0 };
        let counts =
            [("zone", zones, event.free.len()), ("watched order", watched, event.blocks.len())];
        for (what, expected, found) in counts {
            if expected != found {
                return Err(format!(
                    "expected {expected} counts, one for each {what}, found {found}"
                ));
            }
        }
        Ok(())
    }
}

/// Whether these are steps to the end of a migration, or what says that there is none.
fn is_finish(events: &[Event]) -> bool {
    let ends = |event: &Event| match &event.answer {
        Answer::Step { step } => step.stage.is_end(),
        _ => true,
    };
    events.split_last().is_some_and(|(last, before)| ends(last) && !before.iter().any(ends))
}

/// The names of the answers that an op can have.
fn expected_answers(op: &Op) -> &'static [&'static str] {
    match op {
        Op::Read { .. } => &["byte", "refused", "waits"],
        Op::Write { .. } | Op::Pin { .. } | Op::Lock { .. } => &["done", "refused", "waits"],
        Op::Alloc { .. } => &["block", "refused"],
        Op::Migrate { .. } => &["migrating", "refused"],
        Op::Step {} => &["step", "refused"],
        Op::Fill { .. } | Op::Finish {} => &["several"],
        Op::Defragment { .. } => &["pass", "refused"],
        Op::Tick {} => &["tick", "refused"],
        Op::FailAfter { .. } => &["done"],
        Op::Look {} => &["look", "refused"],
        Op::Teardown {} => &["torn_down", "refused"],
        _ => &["done", "refused"],
    }
}
