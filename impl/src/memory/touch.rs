//! Accesses: reads, writes, pins and locks, and the faults by which a page gets a frame, or a copy
//! of its own.
//!
//! An access goes by the cached translation where that lets it, and else by the PTE.
//! It does not cover when an access that waits is done: that is in `migration`.

use lawbook_spec::memory::{Address, Error, Hold, Page, Place, Process, on_disk};

use super::content::Content;
use super::machine::Machine;
use super::objects::{ObjectId, Sort};
use super::pages::{Owner, Rank};
use super::space::{Area, Line};
use super::table::Entry;

/// What is done to a page.
#[derive(Debug, Clone, Copy)]
pub(super) enum Access {
    Read { offset: u16 },
    Write { offset: u16, byte: u8 },
    Pin { pin: Hold },
    Lock,
}

impl Machine {
    /// Reads a byte.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::NoArea`], [`Error::PastEnd`], [`Error::OutOfMemory`];
    /// [`Error::Waits`] when it is done with the end of the migration.
    pub fn read(&mut self, process: Process, address: Address) -> Result<u8, Error> {
        let place = Place { process, page: address.page };
        let byte = self.access_or_wait(place, Access::Read { offset: address.offset })?;
        Ok(byte.unwrap_or_default())
    }

    /// Writes a byte.
    ///
    /// # Errors
    ///
    /// As for a read, and [`Error::Protection`].
    pub fn write(&mut self, process: Process, address: Address, byte: u8) -> Result<(), Error> {
        let place = Place { process, page: address.page };
        self.access_or_wait(place, Access::Write { offset: address.offset, byte }).map(drop)
    }

    /// Pins the page for a device, as a write would get it.
    ///
    /// # Errors
    ///
    /// As for a write, and [`Error::HoldTaken`].
    pub fn pin(&mut self, pin: Hold, process: Process, page: Page) -> Result<(), Error> {
        self.access_or_wait(Place { process, page }, Access::Pin { pin }).map(drop)
    }

    /// Locks a page in memory, which is touched as by a read.
    ///
    /// # Errors
    ///
    /// As for a read.
    pub fn lock(&mut self, process: Process, page: Page) -> Result<(), Error> {
        self.access_or_wait(Place { process, page }, Access::Lock).map(drop)
    }

    /// Unlocks a page, if it was locked.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::NoArea`].
    pub fn unlock(&mut self, process: Process, page: Page) -> Result<(), Error> {
        self.space(process)?.area(page.0).ok_or(Error::NoArea)?;
        let Some(entry) = self.entry_mut(Place { process, page }) else { return Ok(()) };
        let Entry { rank, locked, .. } = *entry;
        entry.locked = false;
        self.frames.page_mut(rank).locks -= u32::from(locked);
        Ok(())
    }

    fn access_or_wait(&mut self, place: Place, access: Access) -> Result<Option<u8>, Error> {
        let answer = self.access(place, access);
        if let (Err(Error::Waits), Some(migration)) = (&answer, &mut self.migration) {
            migration.wait(place, access);
        }
        answer
    }

    /// Does an access; the byte is that of a read.
    pub(super) fn access(&mut self, place: Place, access: Access) -> Result<Option<u8>, Error> {
        match access {
            Access::Read { offset } => {
                let rank = self.translate(place, false)?;
                Ok(Some(self.frames.content(rank).read(offset)))
            }
            Access::Write { offset, byte } => {
                let rank = self.translate(place, true)?;
                self.store(rank, offset, byte);
                Ok(None)
            }
            Access::Pin { pin } => {
                if self.pins.contains_key(&pin) {
                    return Err(Error::HoldTaken);
                }
                let rank = self.fault(place, true)?.rank;
                self.frames.page_mut(rank).pins += 1;
                let home = self.home(rank);
                self.frames.page_mut(home).dirty = true;
                self.pins.insert(pin, rank);
                Ok(None)
            }
            Access::Lock => {
                let Entry { rank, locked, .. } = self.fault(place, false)?;
                self.frames.page_mut(rank).locks += u32::from(!locked);
                if let Some(entry) = self.entry_mut(place) {
                    entry.locked = true;
                }
                Ok(None)
            }
        }
    }

    /// The frame that an access goes to, by the translation; it is cached where it was not.
    fn translate(&mut self, place: Place, write: bool) -> Result<Rank, Error> {
        let page = place.page.0;
        let cached = self.space(place.process)?.cache.get(page);
        if let Some(line) = cached.filter(|line| line.writable || !write) {
            return Ok(line.rank);
        }
        let Entry { rank, writable, .. } = self.fault(place, write)?;
        self.space_mut(place.process).cache.put(Line { page, rank, writable });
        Ok(rank)
    }

    /// Makes the PTE one that lets the process do this, as an access does: it is accessed.
    fn fault(&mut self, place: Place, write: bool) -> Result<Entry, Error> {
        let area = self.space(place.process)?.area(place.page.0).ok_or(Error::NoArea)?;
        if write && !area.writable {
            return Err(Error::Protection);
        }
        let entry = match self.entry(place) {
            None => return self.first_touch(place, &area, write),
            Some(entry) if entry.frozen => return Err(Error::Waits),
            Some(entry) if write && !entry.writable => self.unshare(place, &area, entry)?,
            Some(entry) => entry,
        };
        let touched = Entry { accessed: true, ..entry };
        if let Some(entry) = self.entry_mut(place) {
            *entry = touched;
        }
        Ok(touched)
    }

    /// A process wants to write to a page that others may have too.
    fn unshare(&mut self, place: Place, area: &Area, entry: Entry) -> Result<Entry, Error> {
        let writable = Entry { writable: true, ..entry };
        let Some(private) = area.private else { return Ok(writable) };
        let home = self.home(entry.rank);
        let is_anonymous = matches!(self.frames.page(home).owner, Owner::Anonymous { .. });
        if is_anonymous && self.mapped(home) == 1 {
            return Ok(writable);
        }
        let rank = self.copy(entry.rank, private, area.index_of(place.page.0))?;
        self.unlink(place);
        self.release(entry.rank);
        let copied = Entry { rank, ..writable };
        self.link(place, copied);
        Ok(copied)
    }

    fn first_touch(&mut self, place: Place, area: &Area, write: bool) -> Result<Entry, Error> {
        let index = area.index_of(place.page.0);
        let (rank, writable) = match (area.file, area.private) {
            (Some(file), None) => (self.cached(file, index)?.0, area.writable),
            (Some(file), Some(private)) => {
                let (cached, is_fresh) = self.cached(file, index)?;
                match write.then(|| self.copy(cached, private, index)) {
                    None => (cached, false),
                    Some(Ok(copy)) => (copy, true),
                    Some(Err(error)) => {
                        if is_fresh {
                            self.objects.get_mut(file).cached.remove(&index);
                            self.frames.give(cached);
                        }
                        return Err(error);
                    }
                }
            }
            (None, Some(object)) => {
                (self.frames.take(Owner::Anonymous { object, index })?, area.writable)
            }
            (None, None) => return Err(Error::NoArea),
        };
        let entry = Entry { rank, writable, accessed: true, locked: false, frozen: false };
        self.link(place, entry);
        Ok(entry)
    }

    /// The frame in which a file has a page, and whether it has it there only now.
    fn cached(&mut self, id: ObjectId, index: u32) -> Result<(Rank, bool), Error> {
        let object = self.objects.get(id);
        if index >= object.size {
            return Err(Error::PastEnd);
        }
        if let Some(rank) = object.cached.get(&index) {
            return match self.frames.page(*rank).isolated {
                true => Err(Error::Waits),
                false => Ok((*rank, false)),
            };
        }
        let byte = match object.sort {
            Sort::File(file) if index < object.disk => on_disk(file, index),
            _ => 0,
        };
        let rank = self.frames.take(Owner::Cached { object: id, index })?;
        *self.frames.content_mut(rank) = Content::Same(byte);
        self.objects.get_mut(id).cached.insert(index, rank);
        Ok((rank, true))
    }
}
