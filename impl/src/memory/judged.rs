//! The reference under the laws: a [`Machine`] behind the contract's trait, with each of its choices.
//!
//! It does not cover setups that are wrong: a case that is admitted has none.

use lawbook_spec::core::{EVERY_CASE, Implementation, Origin};
use lawbook_spec::memory::{
    self as spec, Address, Area, Budget, Driver, Dump, Error, File, Frame, Hold, Memory, Move,
    Order, Page, Pages, Pass, Planner, Process, Profile, Setup, Step, Tick,
};

use super::machine::{Choices, Machine};

/// All implementations of this module: the reference, and those with one choice changed.
pub fn implementations() -> Vec<Implementation<Memory>> {
    vec![
        Implementation {
            name: "reference",
            version: || env!("CARGO_PKG_VERSION").into(),
            about: "The machine that keeps every law, and can do and show all that the contract knows.",
            origin: Origin::Reference,
            every: EVERY_CASE,
            open: || Ok(Box::new(driver(Choices::default()))),
        },
        Implementation {
            name: "reference-two-finger",
            version: || env!("CARGO_PKG_VERSION").into(),
            about: "The same machine, whose passes are planned with two fingers.",
            origin: Origin::Reference,
            every: EVERY_CASE,
            open: || {
                let planner = Planner::TwoFinger;
                Ok(Box::new(driver(Choices { planner, ..Choices::default() })))
            },
        },
        Implementation {
            name: "reference-shares-pinned",
            version: || env!("CARGO_PKG_VERSION").into(),
            about: "The same machine, whose forks share pinned pages, and whose locked pages stay.",
            origin: Origin::Reference,
            every: EVERY_CASE,
            open: || {
                let choices = Choices {
                    moves_locked: false,
                    fork_copies_pinned: false,
                    ..Choices::default()
                };
                Ok(Box::new(driver(choices)))
            },
        },
    ]
}

/// The profile of a machine that makes these choices: every capability.
pub fn profile(choices: Choices) -> Profile {
    Profile {
        planner: Some(choices.planner),
        moves_locked: choices.moves_locked,
        fork_copies_pinned: choices.fork_copies_pinned,
        ..Profile::full()
    }
}

fn driver(choices: Choices) -> Driver<impl FnMut(&Setup) -> Machine> {
    Driver::new(profile(choices), move |setup| {
        Machine::new(setup, choices).expect("a case that is admitted has a sound setup")
    })
}

impl spec::Machine for Machine {
    fn spawn(&mut self, process: Process) -> Result<(), Error> {
        Machine::spawn(self, process)
    }

    fn exit(&mut self, process: Process) -> Result<(), Error> {
        Machine::exit(self, process)
    }

    fn fork(&mut self, parent: Process, child: Process) -> Result<(), Error> {
        Machine::fork(self, parent, child)
    }

    fn map(&mut self, process: Process, area: Area) -> Result<(), Error> {
        Machine::map(self, process, area)
    }

    fn unmap(&mut self, process: Process, pages: Pages) -> Result<(), Error> {
        Machine::unmap(self, process, pages)
    }

    fn remap(&mut self, process: Process, pages: Pages, to: Page) -> Result<(), Error> {
        Machine::remap(self, process, pages, to)
    }

    fn truncate(&mut self, file: File, pages: u32) -> Result<(), Error> {
        Machine::truncate(self, file, pages)
    }

    fn delete(&mut self, file: File) -> Result<(), Error> {
        Machine::delete(self, file)
    }

    fn read(&mut self, process: Process, address: Address) -> Result<u8, Error> {
        Machine::read(self, process, address)
    }

    fn write(&mut self, process: Process, address: Address, byte: u8) -> Result<(), Error> {
        Machine::write(self, process, address, byte)
    }

    fn pin(&mut self, pin: Hold, process: Process, page: Page) -> Result<(), Error> {
        Machine::pin(self, pin, process, page)
    }

    fn unpin(&mut self, pin: Hold) -> Result<(), Error> {
        Machine::unpin(self, pin)
    }

    fn device_write(&mut self, pin: Hold, offset: u16, byte: u8) -> Result<(), Error> {
        Machine::device_write(self, pin, offset, byte)
    }

    fn lock(&mut self, process: Process, page: Page) -> Result<(), Error> {
        Machine::lock(self, process, page)
    }

    fn unlock(&mut self, process: Process, page: Page) -> Result<(), Error> {
        Machine::unlock(self, process, page)
    }

    fn start_writeback(&mut self, io: Hold, file: File, index: u32) -> Result<(), Error> {
        Machine::start_writeback(self, io, file, index)
    }

    fn end_writeback(&mut self, io: Hold) -> Result<(), Error> {
        Machine::end_writeback(self, io)
    }

    fn alloc(&mut self, block: Hold, order: Order) -> Result<Frame, Error> {
        Machine::alloc(self, block, order)
    }

    fn free(&mut self, block: Hold) -> Result<(), Error> {
        Machine::free(self, block)
    }

    fn migrate(&mut self, process: Process, page: Page) -> Result<Move, Error> {
        Machine::migrate(self, process, page)
    }

    fn step(&mut self) -> Result<Step, Error> {
        Machine::step(self)
    }

    fn defragment(&mut self, order: Order, budget: Budget) -> Result<Pass, Error> {
        Machine::defragment(self, order, budget)
    }

    fn tick(&mut self) -> Result<Tick, Error> {
        Ok(Machine::tick(self))
    }

    fn fail_after(&mut self, requests: u32) {
        Machine::fail_after(self, requests);
    }

    fn free_frames(&self) -> Vec<u64> {
        Machine::free_frames(self)
    }

    fn free_blocks(&self, order: Order) -> u64 {
        Machine::free_blocks(self, order)
    }

    fn look(&self) -> Result<Dump, Error> {
        Ok(Machine::look(self))
    }
}
