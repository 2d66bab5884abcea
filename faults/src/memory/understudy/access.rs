//! Accesses: how a page is touched, faulted in, and copied for a write.
//!
//! It does not cover when an access that waits is done: that is the migration's.

use lawbook_spec::memory::{Error, File, Hold, Place};

use super::super::decisions::{
    Change, Copying, Entry, Flush, Halfway, Held, Region, Soiled, Touch, Waiting, What,
};
use super::{Cached, Understudy};

impl Understudy {
    /// Does an access, or lets it wait.
    pub(super) fn access(&mut self, place: Place, what: What) -> Result<Option<u8>, Error> {
        let answer = self.perform(place, what);
        if answer == Err(Error::Waits) {
            self.waiting.push(Waiting { place, what });
        }
        self.settled(answer)
    }

    /// Does an access: gives the byte, of a read.
    pub(super) fn perform(&mut self, place: Place, what: What) -> Result<Option<u8>, Error> {
        if let What::Pin { pin } = what
            && self.decisions.is_taken(self.pins.contains_key(&pin))
        {
            return Err(Error::HoldTaken);
        }
        let before = self.entry(place);
        let (slot, is_translated) = self.reach(place, what.touch())?;
        if before.is_none() {
            self.map_around(place);
        }
        match what {
            What::Read { offset } => return Ok(Some(self.frames[slot].bytes.at(offset))),
            What::Write { offset, byte } => {
                if let Some((offset, byte)) = self.decisions.written(offset, byte) {
                    self.frames[slot].bytes.written.insert(offset, byte);
                }
                self.soil(slot, Soiled::Written { is_translated });
            }
            What::Pin { pin } => {
                self.pins.insert(pin, slot);
                self.soil(slot, Soiled::Pinned);
            }
            What::Lock => {}
        }
        Ok(None)
    }

    pub(super) fn soil(&mut self, slot: usize, by: Soiled) {
        if self.decisions.soils(by, self.frames[slot].held) {
            self.frames[slot].dirty = true;
        }
    }

    pub(super) fn unlock_page(&mut self, place: Place) -> Result<(), Error> {
        self.region(place)?;
        if let Some(before) = self.entry(place) {
            let right = Entry { locked: false, ..before };
            self.set_entry(place, self.decisions.entry(Change::Unlocked, &before, right));
        }
        Ok(())
    }

    pub(super) fn begin_writeback(
        &mut self,
        io: Hold,
        file: File,
        index: u32,
    ) -> Result<(), Error> {
        if self.decisions.is_taken(self.writebacks.contains_key(&io)) {
            return Err(Error::HoldTaken);
        }
        let object = self.file(file)?;
        let slot = *self.objects[object].cached.get(&index).ok_or(Error::NotCached)?;
        let facts = self.facts(slot);
        if facts.writeback || facts.isolated {
            return Err(Error::Busy);
        }
        self.writebacks.insert(io, slot);
        self.frames[slot].dirty = self.decisions.dirty_after_writeback(self.frames[slot].dirty);
        for place in self.places(slot) {
            self.flush(place, Flush::WrittenBack);
        }
        Ok(())
    }

    /// The frame to which a touch goes, and whether by a cached translation.
    fn reach(&mut self, place: Place, touch: Touch) -> Result<(usize, bool), Error> {
        let space = self.spaces.get(&place.process).ok_or(Error::NoProcess)?;
        if let Some(cached) = space.cached.get(&place.page)
            && self.decisions.goes_by_translation(touch, cached.writable)
        {
            return Ok((cached.slot, true));
        }
        let region = self.region(place)?;
        if let Some(error) = self.decisions.refuses(touch, &region) {
            if let Some(entry) = self.entry(place).filter(|_| self.decisions.soils_refused()) {
                self.frames[entry.slot].dirty = true;
            }
            return Err(error);
        }
        let before = match self.entry(place) {
            Some(entry) if entry.frozen && self.decisions.waits_frozen(touch) => {
                return Err(Error::Waits);
            }
            Some(entry) => self.reach_mapped(place, touch, &region, entry)?,
            None => self.fault_in(place, touch, &region)?,
        };
        let right =
            Entry { accessed: true, locked: before.locked || touch == Touch::Lock, ..before };
        let entry = self.decisions.entry(Change::Touched(touch), &before, right);
        self.set_entry(place, entry);
        self.translate(place, touch, entry);
        Ok((entry.slot, false))
    }

    fn translate(&mut self, place: Place, touch: Touch, entry: Entry) {
        let caches = self.profile.translations && matches!(touch, Touch::Read | Touch::Write);
        if let Some(space) = self.spaces.get_mut(&place.process).filter(|_| caches) {
            let cached = Cached { slot: entry.slot, writable: entry.writable };
            space.cached.insert(place.page, cached);
        }
    }

    pub(super) fn region(&self, place: Place) -> Result<Region, Error> {
        let space = self.spaces.get(&place.process).ok_or(Error::NoProcess)?;
        let mut regions = space.regions.iter();
        regions.find(|region| region.pages.has(place.page)).copied().ok_or(Error::NoArea)
    }

    /// The places of a page's PTEs, without mistakes.
    pub(super) fn places(&self, slot: usize) -> Vec<Place> {
        let spaces = self.spaces.iter();
        let all = spaces.flat_map(|(process, space)| {
            let has_it = space.entries.iter().filter(|(_, entry)| entry.slot == slot);
            has_it.map(|(page, _)| Place { process: *process, page: *page })
        });
        all.collect()
    }

    /// Makes the entry fit for the touch.
    fn reach_mapped(
        &mut self,
        place: Place,
        touch: Touch,
        region: &Region,
        before: Entry,
    ) -> Result<Entry, Error> {
        let facts = self.facts(before.slot);
        if self.migration.is_some() && self.decisions.waits_mapped(&facts) {
            return Err(Error::Waits);
        }
        if !touch.writes() || before.writable {
            return Ok(before);
        }
        if region.shared || self.decisions.writes_in_place(&facts) {
            let right = Entry { writable: true, ..before };
            return Ok(self.decisions.entry(Change::InPlace, &before, right));
        }
        let copy = self.take(Held::Anonymous)?;
        self.copy_bytes(before.slot, copy, Copying::OnWrite);
        self.split_off(place, before.slot, copy);
        let right = Entry { slot: copy, writable: true, ..before };
        self.flush(place, Flush::Copied);
        Ok(self.decisions.entry(Change::Copied, &before, right))
    }

    /// What else goes with the writer to its copy.
    fn split_off(&mut self, writer: Place, old: usize, copy: usize) {
        let mut others = self.places(old);
        others.retain(|other| *other != writer);
        for (which, other) in others.iter().enumerate() {
            let follows = self.decisions.follows(*other, which, others.len());
            if let Some(entry) = self.entry(*other).filter(|_| follows) {
                self.set_entry(*other, Entry { slot: copy, ..entry });
                self.flush(*other, Flush::Copied);
            }
        }
        for pinned in self.pins.values_mut().filter(|pinned| **pinned == old) {
            *pinned = self.decisions.pinned_after_copy(old, copy);
        }
    }

    pub(super) fn copy_bytes(&mut self, from: usize, to: usize, why: Copying) {
        self.frames[to].bytes = self.decisions.copied(&self.frames[from].bytes, why);
        self.frames[to].dirty = self.decisions.soils_copy(why, self.frames[from].dirty);
    }

    /// The new entry of a page that has none.
    fn fault_in(&mut self, place: Place, touch: Touch, region: &Region) -> Result<Entry, Error> {
        let slot = match region.object {
            Some(object) => self.fault_in_object(place, touch, region, object)?,
            None => {
                let slot = self.take(Held::Anonymous)?;
                self.frames[slot].bytes = self.decisions.fresh(&self.frames[slot].bytes);
                slot
            }
        };
        let is_own = region.shared || self.frames[slot].held == Held::Anonymous;
        let right = Entry {
            slot,
            writable: region.writable && is_own,
            accessed: false,
            locked: false,
            frozen: false,
        };
        Ok(self.decisions.entry(Change::Mapped(touch), &right, right))
    }

    /// The frame of an object's page, or of a copy of it.
    fn fault_in_object(
        &mut self,
        place: Place,
        touch: Touch,
        region: &Region,
        object: usize,
    ) -> Result<usize, Error> {
        let index = self.decisions.index(region, place.page);
        if self.decisions.is_past_end(index, self.objects[object].pages) {
            return Err(Error::PastEnd);
        }
        let cached = self.objects[object].cached.get(&index).copied();
        let is_migrating = cached.is_some_and(|slot| {
            self.migration.as_ref().is_some_and(|migration| migration.has(slot))
        });
        if is_migrating && self.decisions.waits_unmapped(touch) {
            return Err(Error::Waits);
        }
        let slot = match cached {
            Some(slot) => slot,
            None => self.read_in(object, index)?,
        };
        let copies = touch.writes() && !region.shared;
        let copy = if copies { self.take(Held::Anonymous).map(Some) } else { Ok(None) };
        match copy {
            Err(error) => {
                if cached.is_none() && self.decisions.gives_back(Halfway::FirstWrite) {
                    self.frames[slot].held = Held::Free;
                    self.objects[object].cached.remove(&index);
                }
                Err(error)
            }
            Ok(None) => Ok(slot),
            Ok(Some(copy)) => {
                self.copy_bytes(slot, copy, Copying::OnWrite);
                Ok(copy)
            }
        }
    }

    /// The page next to one that was faulted in, where it is mapped too without being touched.
    fn map_around(&mut self, place: Place) {
        let Ok(region) = self.region(place) else { return };
        let Some(page) = self.decisions.around(&region, place.page) else { return };
        let other = Place { page, ..place };
        if region.pages.has(page)
            && self.entry(other).is_none()
            && let Ok(entry) = self.fault_in(other, Touch::Read, &region)
        {
            self.set_entry(other, entry);
        }
    }

    /// A frame for an object's page that is not cached.
    fn read_in(&mut self, object: usize, index: u32) -> Result<usize, Error> {
        let slot = self.take(Held::Cached { object, index })?;
        let Self { decisions, objects, frames, .. } = self;
        let before = &frames[slot].bytes;
        let bytes = match objects[object].file {
            Some(file) => decisions.filled(file, index, index < objects[object].disk, before),
            None => decisions.fresh(before),
        };
        frames[slot].bytes = bytes;
        objects[object].cached.insert(index, slot);
        Ok(slot)
    }
}
