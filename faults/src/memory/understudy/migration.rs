//! A migration in steps: what the next one is follows from the page tables each time.
//!
//! It does not cover passes, which move a page at once.

use std::collections::BTreeSet;

use lawbook_spec::memory::{Completed, Error, Move, Place, Process, Stage, Step, Undone};

use super::super::decisions::{
    Change, Copying, Decisions, Entry, Flush, Held, Mover, Next, Outcome, Progress, Right, Waiting,
    Walk, What,
};
use super::Understudy;

/// A page on its way.
pub(super) struct Migration {
    /// The slots of both frames.
    pub(super) from: usize,
    pub(super) to: usize,
    flushed: BTreeSet<Process>,
    has_bytes: bool,
    /// Whether the stage is over at which they are copied.
    is_copied: bool,
}

impl Migration {
    /// Whether a frame is one of both.
    pub(super) fn has(&self, slot: usize) -> bool {
        slot == self.from || slot == self.to
    }
}

impl Understudy {
    pub(super) fn begin(&mut self, place: Place) -> Result<Move, Error> {
        if !self.spaces.contains_key(&place.process) {
            return Err(Error::NoProcess);
        }
        let entry = self.entry(place);
        if let Some(now) = &self.migration {
            let is_same = entry.is_some_and(|entry| now.has(entry.slot));
            if self.decisions.is_busy(is_same) {
                return Err(Error::Busy);
            }
        }
        let from = entry.ok_or(Error::NotPresent)?.slot;
        if !self.decisions.may_move(&self.facts(from), Mover::Steps) {
            return Err(Error::Held);
        }
        let to = self.take(Held::Target)?;
        let flushed = BTreeSet::new();
        self.migration = Some(Migration { from, to, flushed, has_bytes: false, is_copied: false });
        Ok(Move { from: self.frames[from].number, to: self.frames[to].number })
    }

    pub(super) fn go_on(&mut self) -> Result<Step, Error> {
        let Some(progress) = self.progress() else { return Err(Error::NoMigration) };
        let next = self.possible(&progress, self.decisions.next(&progress));
        if let Some(why) = self.decisions.gives_up(&progress, next) {
            return Ok(self.undo(why));
        }
        if next == self.decisions.copies_with() || next == Next::Copy {
            self.copy();
        }
        let (stage, at) = match next {
            Next::Freeze => (Stage::Frozen {}, self.freeze()),
            Next::Flush => (Stage::Flushed {}, self.flush_space()),
            Next::Copy => (Stage::Copied {}, self.told_copied()),
            Next::Restore => (Stage::Restored {}, self.restore()),
            Next::End => return Ok(self.end()),
        };
        Ok(Step { stage, at, completed: Vec::new() })
    }

    fn progress(&self) -> Option<Progress> {
        let now = self.migration.as_ref()?;
        Some(Progress {
            facts: self.facts(now.from),
            to_freeze: self.with_frozen(Walk::Freeze, false).len(),
            to_flush: self.to_flush().len(),
            is_copied: now.is_copied,
            to_restore: self.with_frozen(Walk::Restore, true).len(),
            target_pins: self.all_facts()[now.to].pins,
        })
    }

    /// What is decided, if there is anything to do; so that every step gets on.
    fn possible(&self, progress: &Progress, decided: Next) -> Next {
        let is_possible = match decided {
            Next::Freeze => progress.to_freeze > 0,
            Next::Flush => progress.to_flush > 0,
            Next::Copy => !progress.is_copied,
            Next::Restore => progress.is_copied && progress.to_restore > 0,
            Next::End => progress.is_copied,
        };
        if is_possible { decided } else { Right.next(progress) }
    }

    /// The places of the PTEs to the old frame that the walk finds, frozen or not.
    fn with_frozen(&self, why: Walk, frozen: bool) -> Vec<Place> {
        let Some(now) = &self.migration else { return Vec::new() };
        let mut found = self.found(now.from, why);
        found.retain(|place| self.entry(*place).is_some_and(|entry| entry.frozen == frozen));
        found
    }

    /// The address spaces with frozen PTEs that have not been flushed, each by a place.
    fn to_flush(&self) -> Vec<Place> {
        let Some(now) = &self.migration else { return Vec::new() };
        let is_frozen = |place: &Place| self.entry(*place).is_some_and(|entry| entry.frozen);
        let mut left = self.places(now.from);
        left.retain(|place| !now.flushed.contains(&place.process) && is_frozen(place));
        left.dedup_by_key(|place| place.process);
        left
    }

    fn freeze(&mut self) -> Option<Place> {
        let place = self.with_frozen(Walk::Freeze, false).first().copied()?;
        let before = self.entry(place)?;
        let right = self.decisions.entry(Change::Frozen, &before, Entry { frozen: true, ..before });
        self.set_entry(place, Entry { frozen: true, ..right });
        Some(place)
    }

    fn flush_space(&mut self) -> Option<Place> {
        let place = self.to_flush().first().copied()?;
        let now = self.migration.as_mut()?;
        let from = now.from;
        let before = now.flushed.len();
        now.flushed.insert(place.process);
        for other in self.places(from) {
            if other.process == place.process {
                self.flush(other, Flush::Migrated(before));
            }
        }
        Some(place)
    }

    /// Copies the bytes, once.
    fn copy(&mut self) {
        if let Some(now) = self.migration.as_mut().filter(|now| !now.has_bytes) {
            now.has_bytes = true;
            let (from, to) = (now.from, now.to);
            self.copy_bytes(from, to, Copying::Moving(Mover::Steps));
        }
    }

    /// The stage is over; it is at no place.
    fn told_copied(&mut self) -> Option<Place> {
        self.migration.as_mut()?.is_copied = true;
        None
    }

    fn restore(&mut self) -> Option<Place> {
        let to = self.migration.as_ref()?.to;
        let place = self.with_frozen(Walk::Restore, true).first().copied()?;
        let before = self.entry(place)?;
        let right = Entry { slot: to, frozen: false, ..before };
        let entry = self.decisions.entry(Change::Restored, &before, right);
        self.set_entry(place, Entry { slot: to, frozen: false, ..entry });
        Some(place)
    }

    /// The page is in the target from now on.
    fn end(&mut self) -> Step {
        let left = self.migration.take().map(|now| (now.from, now.to));
        if let Some((from, to)) = left {
            self.hand_over(from, to, Mover::Steps);
            self.settle();
        }
        let completed = self.complete(Outcome::Freed, left.map(|(from, _)| from));
        Step { stage: Stage::Freed {}, at: None, completed }
    }

    /// What the old frame was, the new one is; the old one is free.
    pub(super) fn hand_over(&mut self, from: usize, to: usize, by: Mover) {
        let held = self.frames[from].held;
        self.frames[to].held = held;
        if let Held::Cached { object, index } = held
            && self.decisions.keeps_in_file(by)
        {
            self.objects[object].cached.insert(index, to);
        }
        let frees = self.decisions.frees_left(by);
        self.frames[from].held = if frees { Held::Free } else { Held::Target };
    }

    /// The page stays where it is.
    fn undo(&mut self, why: Undone) -> Step {
        if let Some(now) = &self.migration {
            let (from, to) = (now.from, now.to);
            for place in self.found(from, Walk::Thaw) {
                if let Some(before) = self.entry(place) {
                    let right = Entry { frozen: false, ..before };
                    let entry = self.decisions.entry(Change::Thawed, &before, right);
                    self.set_entry(place, entry);
                }
            }
            if self.decisions.frees_target(why) {
                self.frames[to].held = Held::Free;
            }
        }
        self.migration = None;
        self.settle();
        let completed = self.complete(Outcome::Undone(why), None);
        Step { stage: Stage::Undone { why }, at: None, completed }
    }

    /// Does what waited.
    fn complete(&mut self, how: Outcome, old: Option<usize>) -> Vec<Completed> {
        let waiting = std::mem::take(&mut self.waiting);
        let waiting = self.decisions.completes(waiting, how);
        let completed = waiting.into_iter().map(|waiting| self.complete_one(waiting, old));
        let completed = completed.collect();
        self.settle();
        completed
    }

    fn complete_one(&mut self, waiting: Waiting, old: Option<usize>) -> Completed {
        let Waiting { place, what } = waiting;
        let old = old.filter(|_| self.decisions.completes_in_old());
        if let (Some(old), What::Write { offset, byte }) = (old, what) {
            self.frames[old].bytes.written.insert(offset, byte);
            return Completed { place, byte: None, error: None };
        }
        let answer = self.perform(place, what);
        self.settle();
        match answer {
            Ok(byte) => Completed { place, byte, error: None },
            Err(error) => Completed { place, byte: None, error: Some(error) },
        }
    }
}
