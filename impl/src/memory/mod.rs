//! A machine's memory: pages with their bytes, files, processes, and frames that can be emptied
//! because every pointer to a page can be found.
//!
//! Its nouns are those of [`lawbook_spec::memory`], and a few of its own: the *object* (a file, shared
//! anonymous memory, or the private pages that an area has together with its copies), the *index* of
//! a page in its object, the *entry* (a PTE), the *rank* (the number of a frame, without the gaps
//! between zones), and the *home* of a migrating page (its old frame).
//!
//! | room | holds |
//! | --- | --- |
//! | `machine` | what a machine is made of; processes, areas, files, holds |
//! | `error` | what can be wrong with a setup |
//! | `touch` | accesses and faults, copy on write |
//! | `fork` | copies of address spaces |
//! | `links` | what is counted and listed where a PTE or an area comes or goes |
//! | `objects` | files and anonymous objects: the reverse map that takes no memory for a mapping |
//! | `chains` | the pointers to PTEs: the reverse map that does |
//! | `space`, `table` | areas and cached translations; the page table |
//! | `pages`, `content` | the state of each frame, on [`frames`](crate::frames); its bytes |
//! | `migration` | a page that moves, in steps or at once |
//! | `daemon` | passes, and when they start |
//! | `planners` | which page goes where: `two_finger`, `exact` |
//! | `look` | what can be seen |
//! | `shared` | a machine for threads: locks, their order, and how accesses wait |
//! | `judged` | the implementations that are judged |
//!
//! A frame costs 57 bytes: a state, an empty content, and what the allocator keeps; and 4 KiB more
//! only from when its bytes differ. What an operation costs depends on the pages, PTEs and areas
//! that it touches, and not on how many frames there are; that is for passes and looks.
//!
//! Both reverse maps are always kept. Pages move by the one through objects: it visits the areas that
//! can have the page, also those that do not. The chain visits what has it, and costs 12 bytes for
//! each.
//!
//! It does *not* cover swap, the memory that page tables take, nor processors.
//!
//! ```
//! use lawbook_reference::frames::{Frame, Order, Zone};
//! use lawbook_reference::memory::{
//!     Address, Area, Backing, Budget, Choices, Hold, Machine, Page, Pages, Process, Setup, Sharing,
//! };
//! use lawbook_spec::frames::{self, ZonePlan};
//!
//! let zones = vec![ZonePlan::new(Zone::Normal, Frame(0), 64)];
//! let memory = frames::Setup { zones, most: Order(6), pageblock: None };
//! let tick = Budget { scanned: 128, moved: 64 };
//! let setup = Setup { memory, files: vec![], watched: vec![], tick };
//! let mut machine = Machine::new(&setup, Choices::default())?;
//!
//! let (parent, child) = (Process(0), Process(1));
//! let at = Address { page: Page(0x100), offset: 5 };
//! let area = Area {
//!     pages: Pages { first: at.page, count: 8 },
//!     backing: Backing::Anonymous {},
//!     sharing: Sharing::Private,
//!     writable: true,
//! };
//! machine.spawn(parent)?;
//! machine.map(parent, area)?;
//! machine.write(parent, at, 7)?;
//! machine.fork(parent, child)?;
//! assert_eq!(machine.free_frames(), [63]);
//!
//! // The one frame that is in use is in the way of a block of all frames but for the page itself.
//! machine.alloc(Hold(0), Order(5))?;
//! let pass = machine.defragment(Order(4), tick)?;
//! assert!(pass.moves.is_empty(), "a block of order 4 is free");
//!
//! // Both PTEs follow the page to its new frame, and the child's write copies it.
//! let moved = machine.migrate(child, at.page)?;
//! while machine.step().is_ok() {}
//! assert!(machine.look().processes.iter().all(|shown| shown.ptes[0].frame == moved.to));
//! machine.write(child, at, 8)?;
//! assert_eq!((machine.read(parent, at)?, machine.read(child, at)?), (7, 8));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chains;
mod content;
mod daemon;
mod error;
mod fork;
mod judged;
mod links;
mod look;
mod machine;
mod migration;
mod objects;
mod pages;
mod planners;
mod shared;
mod space;
mod table;
#[cfg(test)]
mod tests;
mod touch;

pub use lawbook_spec::memory::{
    Address, Area, Backing, Budget, Completed, Dump, Ended, Error, File, Frame, FrameShown, Hold,
    Holds, Move, Order, Page, Pages, Pass, Place, Planner, Process, ProcessShown, Pte, Setup,
    Sharing, Stage, Step, Tick, Translation, Undone, Watched,
};

pub use self::error::{MOST_FILES, MOST_FRAMES, MachineError};
pub use self::judged::{implementations, profile};
pub use self::look::Bookkeeping;
pub use self::machine::{Choices, Machine};
pub use self::shared::{Migrated, Monitor, Monitors, Native, NativeMonitor, SharedMachine};
