//! A machine for threads: what waits for a migration blocks, and who moves pages lets the others in
//! between its steps.
//!
//! Its nouns: the *turn* (to move pages: a thread has it from the beginning of a migration, or of a
//! pass, to the end), the *tables* (all of a [`Machine`], and who waits in it), and the *part* (of a
//! pass: what it does before it lets others in).
//!
//! | lock | what it is for | when it is taken | how long it is held |
//! | --- | --- | --- | --- |
//! | 1. the turn | one thread moves pages at a time: no migration begins while another goes on, and no pass finds a page isolated and so misses a block | first, by who migrates, defragments or ticks, and by nobody else | for a whole migration or pass |
//! | 2. the tables | page tables, areas, objects, chains, frames and bytes are seen by one thread at a time | under the turn for each step or part; alone for every other operation | for one operation, one step, or one part |
//! | the end, a condition of the tables | an access whose page is frozen sleeps until it is done | by who has the tables, and not the turn | the tables are given up while it sleeps |
//!
//! A thread that has the tables takes nothing more, and one that has the turn takes the tables and
//! never waits for an end: it is the one that brings it about. The types see to that (`locks`):
//! what is done under a lock borrows nothing, and so has no way to another.
//!
//! The tables are one lock, and not one for each address space, since nearly everything crosses them:
//! a fault changes the chain and the counts of a frame that other spaces map, a step walks an object
//! and changes a PTE in whichever space has one, and fork, truncate and copy on write change several
//! spaces at once.
//!
//! An access that waits is done by who ends the migration, before anyone else has the tables, in the
//! order of arrival; its thread only fetches what came of it. So it is done once, in its place among
//! the others, and waits for one migration and never for a second.
//!
//! It does not cover processors: the cached translations are those of the address space, and flushed
//! under the tables' lock.

mod locks;
mod monitor;
mod tables;

use lawbook_spec::memory::{
    Address, Area, Budget, Dump, Ended, Error, File, Frame, Hold, Move, Order, Page, Pages, Pass,
    Place, Process, Setup, Stage, Step, Tick, Undone,
};

use self::locks::{Locks, Turn};
use self::tables::{Answer, Tables};
use super::error::MachineError;
use super::machine::{Choices, Machine};

pub use self::monitor::{Monitor, Monitors, Native, NativeMonitor};

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrated {
    /// The page is in its new frame, if anything has it still.
    Moved(Move),
    /// The page is where it was, if anything has it still.
    Undone(Undone),
}

/// A [`Machine`] that many threads use at once.
///
/// [`read`](Self::read), [`write`](Self::write), [`pin`](Self::pin) and [`lock`](Self::lock) block
/// while their page is frozen, and never answer [`Error::Waits`]; all else that is asked during a
/// migration is done between two of its steps. [`migrate`](Self::migrate),
/// [`defragment`](Self::defragment) and [`tick`](Self::tick) go one after the other, whole; each lets
/// accesses in as it goes. In which order threads get in is the scheduler's choice.
///
/// A machine in which a thread has panicked panics for all others too.
///
/// ```
/// use std::thread;
///
/// use lawbook_reference::frames::{Frame, Order, Zone};
/// use lawbook_reference::memory::{
///     Address, Area, Backing, Budget, Choices, Migrated, Page, Pages, Process, Setup, SharedMachine,
///     Sharing,
/// };
/// use lawbook_spec::frames::{self, ZonePlan};
///
/// let zones = vec![ZonePlan::new(Zone::Normal, Frame(0), 64)];
/// let memory = frames::Setup { zones, most: Order(6), pageblock: None };
/// let tick = Budget { scanned: 128, moved: 64 };
/// let setup = Setup { memory, files: vec![], watched: vec![], tick };
/// let machine = SharedMachine::new(&setup, Choices::default())?;
///
/// let (process, page) = (Process(0), Page(0x100));
/// let area = Area {
///     pages: Pages { first: page, count: 1 },
///     backing: Backing::Anonymous {},
///     sharing: Sharing::Private,
///     writable: true,
/// };
/// machine.spawn(process)?;
/// machine.map(process, area)?;
/// let at = Address { page, offset: 5 };
/// machine.write(process, at, 0)?;
///
/// // The page goes from frame to frame under the writer, which notices nothing of it.
/// thread::scope(|threads| {
///     threads.spawn(|| {
///         for byte in 1..=100 {
///             machine.write(process, at, byte).expect("it is mapped");
///             assert_eq!(machine.read(process, at), Ok(byte));
///         }
///     });
///     for _ in 0..10 {
///         let moved = machine.migrate(process, page);
///         assert!(matches!(moved, Ok(Migrated::Moved(_))));
///     }
/// });
/// assert_eq!(machine.free_frames(), [63]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SharedMachine<M: Monitors = Native> {
    locks: Locks<M>,
    /// How many pages a tick may move.
    tick_moves: u64,
}

impl SharedMachine {
    /// A machine of this memory, with these files and nothing else.
    ///
    /// # Errors
    ///
    /// What is wrong with the setup, and where.
    pub fn new(setup: &Setup, choices: Choices) -> Result<Self, MachineError> {
        SharedMachine::with_monitors(setup, choices)
    }
}

impl<M: Monitors> SharedMachine<M> {
    /// As [`new`](SharedMachine::new), with monitors of another kind.
    ///
    /// # Errors
    ///
    /// What is wrong with the setup, and where.
    pub fn with_monitors(setup: &Setup, choices: Choices) -> Result<Self, MachineError> {
        // A part of a tick moves one page.
        let tick = one_move(setup.tick);
        let machine = Machine::new(&Setup { tick, ..setup.clone() }, choices)?;
        Ok(SharedMachine { locks: Locks::new(Tables::new(machine)), tick_moves: setup.tick.moved })
    }

    /// Reads a byte; while the page is frozen, it blocks.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], also when the process ends meanwhile; [`Error::NoArea`],
    /// [`Error::PastEnd`], [`Error::OutOfMemory`].
    pub fn read(&self, process: Process, address: Address) -> Result<u8, Error> {
        let byte = self.access(process, move |machine| machine.read(process, address).map(Some))?;
        Ok(byte.unwrap_or_default())
    }

    /// Writes a byte; while the page is frozen, it blocks.
    ///
    /// # Errors
    ///
    /// As for a read, and [`Error::Protection`].
    pub fn write(&self, process: Process, address: Address, byte: u8) -> Result<(), Error> {
        self.access(process, move |machine| machine.write(process, address, byte).map(|()| None))
            .map(drop)
    }

    /// Pins the page for a device, as a write would get it; while it is frozen, it blocks.
    ///
    /// # Errors
    ///
    /// As for a write, and [`Error::HoldTaken`].
    pub fn pin(&self, pin: Hold, process: Process, page: Page) -> Result<(), Error> {
        self.access(process, move |machine| machine.pin(pin, process, page).map(|()| None))
            .map(drop)
    }

    /// Locks a page in memory, which is touched as by a read; while it is frozen, it blocks.
    ///
    /// # Errors
    ///
    /// As for a read.
    pub fn lock(&self, process: Process, page: Page) -> Result<(), Error> {
        self.access(process, move |machine| machine.lock(process, page).map(|()| None)).map(drop)
    }

    /// Moves a page to another frame, step by step: others go on in between.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::NotPresent`], [`Error::Held`], [`Error::OutOfMemory`].
    pub fn migrate(&self, process: Process, page: Page) -> Result<Migrated, Error> {
        self.locks.turn(move |turn| {
            let moved = turn.tables(move |tables| tables.machine.migrate(process, page))?;
            loop {
                M::pause();
                match turn.tables(Tables::step)? {
                    Step { stage: Stage::Freed {}, .. } => return Ok(Migrated::Moved(moved)),
                    Step { stage: Stage::Undone { why }, .. } => return Ok(Migrated::Undone(why)),
                    _ => {}
                }
            }
        })
    }

    /// Moves pages within their zones, so that a free block of this order comes about: one page in
    /// each part, with others in between. Each part looks anew, at as many frames as the budget says
    /// for it alone; all of them together move as many pages as it says.
    ///
    /// What other threads do in between may let it move a page twice, or miss a block.
    ///
    /// # Errors
    ///
    /// [`Error::OrderBeyond`], [`Error::BudgetZero`].
    pub fn defragment(&self, order: Order, budget: Budget) -> Result<Pass, Error> {
        self.locks.turn(move |turn| {
            let part = one_move(budget);
            in_parts(&turn, budget.moved, move |machine| {
                machine.defragment(order, part).map(|pass| Tick { woke: true, pass })
            })
            .map(|tick| tick.pass)
        })
    }

    /// Lets the daemon look after the free blocks: one page in each part, as
    /// [`defragment`](Self::defragment) does, within the budget of the setup.
    pub fn tick(&self) -> Tick {
        let moves = self.tick_moves;
        let Ok(tick) = self.locks.turn(move |turn| {
            in_parts(&turn, moves, |machine| Ok::<_, std::convert::Infallible>(machine.tick()))
        });
        tick
    }

    /// How many accesses have blocked, or still do.
    pub fn waited(&self) -> u64 {
        self.locks.tables(|tables| tables.waited())
    }

    /// Does an access, or waits until the machine has done it.
    fn access(
        &self,
        process: Process,
        mut access: impl FnMut(&mut Machine) -> Answer + 'static,
    ) -> Answer {
        let mut ticket = None;
        self.locks.wait(move |tables| match ticket {
            Some(ticket) => tables.fetch(ticket),
            None => match access(&mut tables.machine) {
                Err(Error::Waits) => {
                    ticket = Some(tables.wait(process));
                    None
                }
                answer => Some(answer),
            },
        })
    }

    /// Does something that never waits.
    fn at_once<R>(&self, work: impl FnOnce(&mut Machine) -> R + 'static) -> R {
        self.locks.tables(|tables| work(&mut tables.machine))
    }
}

/// What never waits: it is as [`Machine`] does it, between the steps of a migration if one goes on.
impl<M: Monitors> SharedMachine<M> {
    /// Makes a process with an empty address space.
    ///
    /// # Errors
    ///
    /// [`Error::ProcessExists`].
    pub fn spawn(&self, process: Process) -> Result<(), Error> {
        self.at_once(move |machine| machine.spawn(process))
    }

    /// Ends a process. Its accesses that wait are refused.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`].
    pub fn exit(&self, process: Process) -> Result<(), Error> {
        self.locks.tables(move |tables| tables.exit(process))
    }

    /// Makes a process whose address space is a copy.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::ProcessExists`], [`Error::OutOfMemory`].
    pub fn fork(&self, parent: Process, child: Process) -> Result<(), Error> {
        self.at_once(move |machine| machine.fork(parent, child))
    }

    /// Maps an area. Nothing is touched.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::OutOfSpace`], [`Error::Overlap`], [`Error::NoFile`].
    pub fn map(&self, process: Process, area: Area) -> Result<(), Error> {
        self.at_once(move |machine| machine.map(process, area))
    }

    /// Unmaps what is mapped of these pages.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::OutOfSpace`].
    pub fn unmap(&self, process: Process, pages: Pages) -> Result<(), Error> {
        self.at_once(move |machine| machine.unmap(process, pages))
    }

    /// Moves pages of one area, with their PTEs, to another part of the address space.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::OutOfSpace`], [`Error::NoArea`], [`Error::Overlap`].
    pub fn remap(&self, process: Process, pages: Pages, to: Page) -> Result<(), Error> {
        self.at_once(move |machine| machine.remap(process, pages, to))
    }

    /// Makes a file this long.
    ///
    /// # Errors
    ///
    /// [`Error::NoFile`], [`Error::FileTooLong`].
    pub fn truncate(&self, file: File, pages: u32) -> Result<(), Error> {
        self.at_once(move |machine| machine.truncate(file, pages))
    }

    /// Deletes a file: it can't be named any more.
    ///
    /// # Errors
    ///
    /// [`Error::NoFile`].
    pub fn delete(&self, file: File) -> Result<(), Error> {
        self.at_once(move |machine| machine.delete(file))
    }

    /// Lets a pinned page go.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    pub fn unpin(&self, pin: Hold) -> Result<(), Error> {
        self.at_once(move |machine| machine.unpin(pin))
    }

    /// The device writes a byte to the page that it has pinned, and makes it dirty.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    pub fn device_write(&self, pin: Hold, offset: u16, byte: u8) -> Result<(), Error> {
        self.at_once(move |machine| machine.device_write(pin, offset, byte))
    }

    /// Unlocks a page, if it was locked.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`], [`Error::NoArea`].
    pub fn unlock(&self, process: Process, page: Page) -> Result<(), Error> {
        self.at_once(move |machine| machine.unlock(process, page))
    }

    /// Begins to write a file's cached page back.
    ///
    /// # Errors
    ///
    /// [`Error::HoldTaken`], [`Error::NoFile`], [`Error::NotCached`]; [`Error::Busy`] also while the
    /// page is being migrated.
    pub fn start_writeback(&self, io: Hold, file: File, index: u32) -> Result<(), Error> {
        self.at_once(move |machine| machine.start_writeback(io, file, index))
    }

    /// The writeback has ended.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    pub fn end_writeback(&self, io: Hold) -> Result<(), Error> {
        self.at_once(move |machine| machine.end_writeback(io))
    }

    /// Hands out a block of frames to the kernel, which keeps them where they are.
    ///
    /// # Errors
    ///
    /// [`Error::HoldTaken`], [`Error::OutOfMemory`].
    pub fn alloc(&self, block: Hold, order: Order) -> Result<Frame, Error> {
        self.at_once(move |machine| machine.alloc(block, order))
    }

    /// Takes the kernel's block back.
    ///
    /// # Errors
    ///
    /// [`Error::NoHold`].
    pub fn free(&self, block: Hold) -> Result<(), Error> {
        self.at_once(move |machine| machine.free(block))
    }

    /// The request for a frame, or a block of them, that comes after so many others fails once,
    /// whichever thread's it is.
    pub fn fail_after(&self, requests: u32) {
        self.at_once(move |machine| machine.fail_after(requests));
    }

    /// How many frames are free in each zone, in the order of the setup.
    pub fn free_frames(&self) -> Vec<u64> {
        self.at_once(|machine| machine.free_frames())
    }

    /// How many blocks of an order are free, and apart from each other.
    pub fn free_blocks(&self, order: Order) -> u64 {
        self.at_once(move |machine| machine.free_blocks(order))
    }

    /// All that can be seen, at one moment.
    pub fn look(&self) -> Dump {
        self.at_once(|machine| machine.look())
    }

    /// The places that map a page of a frame, as the objects have them and as the chain has them.
    pub fn reverse_maps(&self, place: Place) -> Option<[Vec<Place>; 2]> {
        self.at_once(move |machine| machine.reverse_maps(place))
    }
}

fn one_move(budget: Budget) -> Budget {
    Budget { moved: budget.moved.min(1), ..budget }
}

/// Does a pass part by part, as long as only its budget ends a part and each moves something.
fn in_parts<M: Monitors, E>(
    turn: &Turn<'_, M>,
    most: u64,
    part: impl FnOnce(&mut Machine) -> Result<Tick, E> + Copy + 'static,
) -> Result<Tick, E> {
    let next = || turn.tables(move |tables| part(&mut tables.machine));
    let mut whole = next()?;
    let pass = &mut whole.pass;
    let mut before = 0;
    let mut moved = pass.moves.len();
    while pass.ended == Ended::Budget && moved > before && (moved as u64) < most {
        M::pause();
        let Tick { pass: Pass { scanned, moves, met, ended }, .. } = next()?;
        pass.scanned += scanned;
        pass.moves.extend(moves);
        pass.ended = ended;
        if !met.is_empty() {
            pass.met = met;
        }
        (before, moved) = (moved, pass.moves.len());
    }
    Ok(whole)
}
