//! Migration of a page to another frame: in steps that other operations may come between, or at
//! once, for a pass.
//!
//! Its nouns: the *stage* (what the next step goes on with). Every step walks the objects anew, so
//! that PTEs that came, went or moved in between are found where they are.
//! The page is known at its old frame until the end; only its bytes, and the PTEs that are restored,
//! are at the target before.
//! It does not cover which page moves where.

use lawbook_spec::memory::{
    Completed, Error, Frame, Move, Page, Place, Process, Stage, Step, Undone,
};

use super::content::Content;
use super::machine::Machine;
use super::pages::{Owner, PageState, Rank};
use super::table::Entry;
use super::touch::Access;

/// A migration that is going on.
#[derive(Debug)]
pub(super) struct Migration {
    pub(super) from: Rank,
    pub(super) to: Rank,
    at: At,
    /// The processes whose translations of the page are flushed.
    flushed: Vec<Process>,
    waiting: Vec<(Place, Access)>,
}

/// What the next step goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Freezing,
    Flushing,
    Restoring,
}

impl Migration {
    pub(super) fn wait(&mut self, place: Place, access: Access) {
        self.waiting.push((place, access));
    }

    /// A process has ended.
    pub(super) fn forget(&mut self, process: Process) {
        self.waiting.retain(|(place, _)| place.process != process);
        self.flushed.retain(|flushed| *flushed != process);
    }
}

impl Machine {
    /// Begins a migration: takes a free frame as the target, and isolates the page.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::NotPresent`], [`Error::Busy`], [`Error::Held`],
    /// [`Error::OutOfMemory`].
    pub fn migrate(&mut self, process: Process, page: Page) -> Result<Move, Error> {
        let entry = self.space(process)?.table.get(page.0).ok_or(Error::NotPresent)?;
        if self.migration.is_some() {
            return Err(Error::Busy);
        }
        let from = entry.rank;
        if !self.is_movable(from) {
            return Err(Error::Held);
        }
        let to = self.frames.take(Owner::Target)?;
        self.frames.page_mut(from).isolated = true;
        let (flushed, waiting) = (Vec::new(), Vec::new());
        self.migration = Some(Migration { from, to, at: At::Freezing, flushed, waiting });
        Ok(Move { from: self.frames.frame(from), to: self.frames.frame(to) })
    }

    /// Goes on with the migration by one step: one PTE is frozen, one address space flushed, the bytes
    /// copied, one PTE restored, or the old frame freed.
    ///
    /// # Errors
    ///
    /// [`Error::NoMigration`].
    pub fn step(&mut self) -> Result<Step, Error> {
        let Some(&Migration { from, to, at, .. }) = self.migration.as_ref() else {
            return Err(Error::NoMigration);
        };
        // Pinned at its target, the page has to stay there, even if nothing else has it.
        let is_gone = self.frames.page(from).owner == Owner::Detached;
        if is_gone && self.frames.page(to).pins == 0 {
            return Ok(self.undo(Undone::Gone));
        }
        if at == At::Restoring {
            return Ok(self.restore());
        }
        if self.frames.page(from).pins > 0 {
            return Ok(self.undo(Undone::Referenced));
        }
        if at == At::Freezing
            && let Some(step) = self.freeze(from)
        {
            return Ok(step);
        }
        if let Some(step) = self.flush(from) {
            return Ok(step);
        }
        *self.frames.content_mut(to) = self.frames.content(from).clone();
        self.go_on(At::Restoring);
        Ok(stage(Stage::Copied {}, None))
    }

    fn freeze(&mut self, from: Rank) -> Option<Step> {
        let is_thawed = |place: &Place| self.entry(*place).is_some_and(|entry| !entry.frozen);
        let Some(place) = self.places(from).find(is_thawed) else {
            self.go_on(At::Flushing);
            return None;
        };
        self.entry_mut(place)?.frozen = true;
        Some(stage(Stage::Frozen {}, Some(place)))
    }

    fn flush(&mut self, from: Rank) -> Option<Step> {
        let flushed = &self.migration.as_ref()?.flushed;
        let place = self.places(from).find(|place| !flushed.contains(&place.process))?;
        self.space_mut(place.process).cache.flush_frame(from);
        self.migration.as_mut()?.flushed.push(place.process);
        Some(stage(Stage::Flushed {}, Some(place)))
    }

    fn restore(&mut self) -> Step {
        let Some(&Migration { from, to, .. }) = self.migration.as_ref() else {
            return stage(Stage::Freed {}, None);
        };
        let Some(place) = self.places(from).next() else { return self.finish() };
        if let Some(entry) = self.unlink(place) {
            self.link(place, Entry { rank: to, frozen: false, ..entry });
        }
        stage(Stage::Restored {}, Some(place))
    }

    /// Every PTE points to the target: the page is there, and the old frame is free.
    fn finish(&mut self) -> Step {
        let Some(migration) = self.migration.take() else { return stage(Stage::Freed {}, None) };
        let Migration { from, to, .. } = migration;
        let PageState { owner, dirty, .. } = *self.frames.page(from);
        let page = self.frames.page_mut(to);
        page.owner = owner;
        page.dirty = dirty;
        self.note_cached(to);
        self.frames.give(from);
        self.release(to);
        self.end(Stage::Freed {}, migration.waiting)
    }

    /// Every PTE is put back, and the target is freed. Nothing is restored yet, or nothing is left
    /// to be.
    fn undo(&mut self, why: Undone) -> Step {
        let stage = Stage::Undone { why };
        let Some(migration) = self.migration.take() else { return self::stage(stage, None) };
        let Migration { from, to, .. } = migration;
        let places: Vec<Place> = self.places(from).collect();
        for place in places {
            if let Some(entry) = self.entry_mut(place) {
                entry.frozen = false;
            }
        }
        self.frames.give(to);
        self.frames.page_mut(from).isolated = false;
        self.release(from);
        self.end(stage, migration.waiting)
    }

    /// The migration has ended: the accesses that waited are done.
    fn end(&mut self, ended: Stage, waiting: Vec<(Place, Access)>) -> Step {
        let done = |(place, access)| match self.access(place, access) {
            Ok(byte) => Completed { place, byte, error: None },
            Err(error) => Completed { place, byte: None, error: Some(error) },
        };
        let completed = waiting.into_iter().map(done).collect();
        Step { stage: ended, at: None, completed }
    }

    fn go_on(&mut self, at: At) {
        if let Some(migration) = &mut self.migration {
            migration.at = at;
        }
    }

    /// The frame that has the latest bytes of a page.
    pub(super) fn latest(&self, rank: Rank) -> Rank {
        match &self.migration {
            Some(migration) if migration.from == rank && migration.at == At::Restoring => {
                migration.to
            }
            _ => rank,
        }
    }

    /// Whether the page of a frame can be given another frame.
    pub(super) fn is_movable(&self, rank: Rank) -> bool {
        let page = self.frames.page(rank);
        let is_page = matches!(page.owner, Owner::Anonymous { .. } | Owner::Cached { .. });
        is_page && !page.is_held() && (self.choices.moves_locked || page.locks == 0)
    }

    /// Moves a page that can move to a free frame at once, with all that is known of it.
    pub(super) fn relocate(&mut self, from: Rank, to: Rank) -> Result<(Frame, Frame), Error> {
        self.frames.take_at(to, Owner::Target)?;
        let places: Vec<Place> = self.places(from).collect();
        for place in places {
            self.space_mut(place.process).cache.flush(place.page.0);
            if let Some(entry) = self.entry_mut(place) {
                entry.rank = to;
            }
        }
        // The links of the chain name places, so that they go along as they are.
        *self.frames.page_mut(to) = *self.frames.page(from);
        let content = std::mem::replace(self.frames.content_mut(from), Content::ZEROS);
        *self.frames.content_mut(to) = content;
        self.note_cached(to);
        self.frames.give(from);
        Ok((self.frames.frame(from), self.frames.frame(to)))
    }

    /// Tells the file of a page in which frame it is.
    fn note_cached(&mut self, rank: Rank) {
        if let Owner::Cached { object, index } = self.frames.page(rank).owner {
            self.objects.get_mut(object).cached.insert(index, rank);
        }
    }
}

fn stage(stage: Stage, at: Option<Place>) -> Step {
    Step { stage, at, completed: Vec::new() }
}
