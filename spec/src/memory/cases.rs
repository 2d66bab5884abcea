//! What a case says: ops on processes, pages, files and holds, and how a story tells them.
//!
//! How cases are drawn, admitted, simplified and enumerated is in the files below. It does not cover
//! what a machine should answer.

mod admit;
mod draft;
mod draw;
mod mistakes;
mod scenes;
mod simpler;
mod small;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contract::Budget;
use super::{Address, Area, File, Hold, Order, Page, Pages, Process};
use crate::core::KindOf;

pub(super) use self::admit::admits;
pub(super) use self::draw::{Draft, draw_op, draw_setup};
pub(super) use self::simpler::simpler;
pub(super) use self::small::small;

/// One thing that a case asks. None is skipped: what can't be done is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// Makes a process.
    Spawn {
        /// Its number.
        process: Process,
    },
    /// Ends a process.
    Exit {
        /// Which.
        process: Process,
    },
    /// Copies a process.
    Fork {
        /// Which.
        parent: Process,
        /// The number of the copy.
        child: Process,
    },
    /// Maps an area.
    Map {
        /// In which process.
        process: Process,
        /// What, and where.
        area: Area,
    },
    /// Unmaps pages.
    Unmap {
        /// In which process.
        process: Process,
        /// Which.
        pages: Pages,
    },
    /// Moves pages to another part of the address space.
    Remap {
        /// In which process.
        process: Process,
        /// Which.
        pages: Pages,
        /// Where the first of them goes.
        to: Page,
    },
    /// Makes a file shorter or longer.
    Truncate {
        /// Which.
        file: File,
        /// How many pages it has then.
        pages: u32,
    },
    /// Deletes a file.
    Delete {
        /// Which.
        file: File,
    },
    /// Reads a byte.
    Read {
        /// By whom.
        process: Process,
        /// Where.
        address: Address,
    },
    /// Writes a byte.
    Write {
        /// By whom.
        process: Process,
        /// Where.
        address: Address,
        /// Which.
        byte: u8,
    },
    /// Writes a byte to the first byte of each of these pages: stands for as many writes.
    Fill {
        /// By whom.
        process: Process,
        /// Which, in their order.
        pages: Pages,
        /// Which byte.
        byte: u8,
    },
    /// Pins a page.
    Pin {
        /// The number of the pin.
        pin: Hold,
        /// Whose page.
        process: Process,
        /// Which.
        page: Page,
    },
    /// Lets a pinned page go.
    Unpin {
        /// Which pin.
        pin: Hold,
    },
    /// A device writes to the page that it has pinned.
    DeviceWrite {
        /// By which pin.
        pin: Hold,
        /// Where in the page.
        offset: u16,
        /// Which byte.
        byte: u8,
    },
    /// Locks a page.
    Lock {
        /// Whose.
        process: Process,
        /// Which.
        page: Page,
    },
    /// Unlocks a page.
    Unlock {
        /// Whose.
        process: Process,
        /// Which.
        page: Page,
    },
    /// Begins to write a file's page back.
    StartWriteback {
        /// The number of the writeback.
        io: Hold,
        /// Of which file.
        file: File,
        /// Which page of it.
        index: u32,
    },
    /// Ends that.
    EndWriteback {
        /// Which writeback.
        io: Hold,
    },
    /// The kernel asks for a block.
    Alloc {
        /// The number of the block.
        block: Hold,
        /// Its order.
        order: Order,
    },
    /// The kernel gives a block back.
    Free {
        /// Which.
        block: Hold,
    },
    /// Begins to migrate a page.
    Migrate {
        /// Whose.
        process: Process,
        /// Which.
        page: Page,
    },
    /// Goes on with the migration.
    Step {},
    /// Goes on with it to its end: stands for as many steps.
    Finish {},
    /// Lets the defragmenter pass over all frames.
    Defragment {
        /// For a free block of which order.
        order: Order,
        /// What it may do.
        budget: Budget,
    },
    /// Lets the daemon tick.
    Tick {},
    /// Makes a request for a frame fail.
    FailAfter {
        /// After how many others.
        requests: u32,
    },
    /// Shows all that can be seen.
    Look {},
    /// Ends the migration, all processes, holds, and files.
    Teardown {},
}

/// The kinds of op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Op::Spawn`], [`Op::Exit`] and [`Op::Fork`].
    Process,
    /// [`Op::Map`].
    Map,
    /// [`Op::Unmap`] and [`Op::Remap`].
    Unmap,
    /// [`Op::Truncate`] and [`Op::Delete`].
    File,
    /// [`Op::Read`].
    Read,
    /// [`Op::Write`] and [`Op::Fill`].
    Write,
    /// [`Op::Pin`], [`Op::Unpin`] and [`Op::DeviceWrite`].
    Pin,
    /// [`Op::Lock`] and [`Op::Unlock`].
    Lock,
    /// [`Op::StartWriteback`] and [`Op::EndWriteback`].
    Writeback,
    /// [`Op::Alloc`] and [`Op::Free`].
    Kernel,
    /// [`Op::Migrate`].
    Migrate,
    /// [`Op::Step`] and [`Op::Finish`].
    Step,
    /// [`Op::Defragment`].
    Defragment,
    /// [`Op::Tick`].
    Tick,
    /// [`Op::FailAfter`].
    Fail,
    /// [`Op::Look`].
    Look,
    /// [`Op::Teardown`].
    Teardown,
}

pub(super) const KINDS: &[KindOf<Kind>] = &[
    KindOf { kind: Kind::Write, name: "write", weight: 44, producer: true },
    KindOf { kind: Kind::Map, name: "map", weight: 20, producer: true },
    KindOf { kind: Kind::Process, name: "process", weight: 16, producer: true },
    KindOf { kind: Kind::Read, name: "read", weight: 34, producer: false },
    KindOf { kind: Kind::Unmap, name: "unmap", weight: 12, producer: false },
    KindOf { kind: Kind::File, name: "file", weight: 7, producer: false },
    KindOf { kind: Kind::Pin, name: "pin", weight: 14, producer: false },
    KindOf { kind: Kind::Lock, name: "lock", weight: 6, producer: false },
    KindOf { kind: Kind::Writeback, name: "writeback", weight: 8, producer: false },
    KindOf { kind: Kind::Kernel, name: "kernel", weight: 10, producer: false },
    KindOf { kind: Kind::Migrate, name: "migrate", weight: 10, producer: false },
    KindOf { kind: Kind::Step, name: "step", weight: 34, producer: false },
    KindOf { kind: Kind::Defragment, name: "defragment", weight: 8, producer: false },
    KindOf { kind: Kind::Tick, name: "tick", weight: 6, producer: false },
    KindOf { kind: Kind::Fail, name: "fail", weight: 3, producer: false },
    KindOf { kind: Kind::Look, name: "look", weight: 20, producer: false },
    KindOf { kind: Kind::Teardown, name: "teardown", weight: 2, producer: false },
];

impl Op {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Op::Spawn { .. } | Op::Exit { .. } | Op::Fork { .. } => Kind::Process,
            Op::Map { .. } => Kind::Map,
            Op::Unmap { .. } | Op::Remap { .. } => Kind::Unmap,
            Op::Truncate { .. } | Op::Delete { .. } => Kind::File,
            Op::Read { .. } => Kind::Read,
            Op::Write { .. } | Op::Fill { .. } => Kind::Write,
            Op::Pin { .. } | Op::Unpin { .. } | Op::DeviceWrite { .. } => Kind::Pin,
            Op::Lock { .. } | Op::Unlock { .. } => Kind::Lock,
            Op::StartWriteback { .. } | Op::EndWriteback { .. } => Kind::Writeback,
            Op::Alloc { .. } | Op::Free { .. } => Kind::Kernel,
            Op::Migrate { .. } => Kind::Migrate,
            Op::Step {} | Op::Finish {} => Kind::Step,
            Op::Defragment { .. } => Kind::Defragment,
            Op::Tick {} => Kind::Tick,
            Op::FailAfter { .. } => Kind::Fail,
            Op::Look {} => Kind::Look,
            Op::Teardown {} => Kind::Teardown,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Spawn { process } => write!(f, "spawn {process}"),
            Op::Exit { process } => write!(f, "exit {process}"),
            Op::Fork { parent, child } => write!(f, "fork {parent} as {}", child.0),
            Op::Map { process, area } => write!(f, "map in {process} {area}"),
            Op::Unmap { process, pages } => write!(f, "unmap {pages} of {process}"),
            Op::Remap { process, pages, to } => {
                write!(f, "move {pages} of {process} to {to}")
            }
            Op::Truncate { file, pages } => write!(f, "truncate {file} to {pages} pages"),
            Op::Delete { file } => write!(f, "delete {file}"),
            Op::Read { process, address } => write!(f, "{process} reads {address}"),
            Op::Write { process, address, byte } => {
                write!(f, "{process} writes {byte} to {address}")
            }
            Op::Fill { process, pages, byte } => write!(f, "{process} fills {pages} with {byte}"),
            Op::Pin { pin, process, page } => write!(f, "pin {}: {page} of {process}", pin.0),
            Op::Unpin { pin } => write!(f, "unpin {}", pin.0),
            Op::DeviceWrite { pin, offset, byte } => {
                write!(f, "the device of pin {} writes {byte} to byte {offset}", pin.0)
            }
            Op::Lock { process, page } => write!(f, "lock {page} of {process}"),
            Op::Unlock { process, page } => write!(f, "unlock {page} of {process}"),
            Op::StartWriteback { io, file, index } => {
                write!(f, "writeback {}: page {index} of {file}", io.0)
            }
            Op::EndWriteback { io } => write!(f, "writeback {} ends", io.0),
            Op::Alloc { block, order } => write!(f, "kernel block {} of order {order}", block.0),
            Op::Free { block } => write!(f, "free kernel block {}", block.0),
            Op::Migrate { process, page } => write!(f, "migrate {page} of {process}"),
            Op::Step {} => write!(f, "step"),
            Op::Finish {} => write!(f, "finish"),
            Op::Defragment { order, budget } => {
                write!(f, "defragment for order {order} with a budget {budget}")
            }
            Op::Tick {} => write!(f, "tick"),
            Op::FailAfter { requests } => write!(f, "fail after {requests} requests for a frame"),
            Op::Look {} => write!(f, "look"),
            Op::Teardown {} => write!(f, "tear down"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::contract::Profile;
    use super::super::{Backing, Memory, Setup, Sharing, Watched};
    use super::*;
    use crate::core::Case;
    use crate::core::checks::{self, drawn};
    use crate::frames::{self, DMA_END, Zone, ZonePlan};

    fn plain() -> Profile {
        Profile::default()
    }

    fn setup() -> Setup {
        let zones = vec![ZonePlan::new(Zone::Normal, DMA_END, 16)];
        let memory = frames::Setup { zones, most: Order(3), pageblock: None };
        let tick = Budget { scanned: 1, moved: 1 };
        Setup { memory, files: vec![2], watched: Vec::new(), tick }
    }

    #[test]
    fn every_drawn_case_is_admitted_and_survives_json() {
        checks::drawn_cases_are_admitted::<Memory>(&[Profile::full(), plain()]);
    }

    #[test]
    fn every_kind_of_op_is_drawn() {
        let name = |op: &Op| format!("{op:?}").split(' ').next().unwrap().to_owned();
        let all = |profile: &Profile| -> BTreeSet<String> {
            drawn::<Memory>(profile, 500).flat_map(|case| case.ops).map(|op| name(&op)).collect()
        };
        // As many as there are ops, and without pins, locks, writebacks, steps, passes, ticks,
        // failures and looks.
        assert_eq!(all(&Profile::full()).len(), 28);
        assert_eq!(all(&plain()).len(), 28 - 3 - 2 - 2 - 3 - 1 - 1 - 1 - 1);
    }

    #[test]
    fn every_case_of_the_small_tier_is_admitted_and_there_are_all() {
        let never_fails = Profile { failures: false, ..Profile::full() };
        let profiles = [never_fails, Profile::full(), plain()];
        let counts = checks::small_cases_are_admitted::<Memory>(&profiles);
        // At each of eight steps one thing, or one of the main ones there and one of them there or
        // at one of two later steps.
        let between = |main: usize, others: usize| 8 * (main + others + 3 * main * main);
        let both = |others: usize| 2 * (between(17, others) + between(21, others));
        // Nine short histories for each of four areas, and what eight frames hold.
        let histories = 4 * 9;
        let filled = 2 * 3usize.pow(8) + 8 * 2usize.pow(8);
        assert_eq!(counts[0], both(25) + histories + filled);
        // Eight requests fill eight frames, and two passes make four at most. Before a migration
        // there is one at least, and it needs its target.
        let failing = counts[1] - both(26) - histories - filled;
        assert!(failing >= 16 * filled + 2 * both(26), "{failing}");
        assert!(counts[2] > 0);
    }

    #[test]
    fn every_chain_of_simpler_cases_ends() {
        checks::chains_of_simpler_cases_end::<Memory>(&Profile::full());
    }

    #[test]
    fn simpler_cases_bring_pages_near_each_other() {
        let process = Process(0);
        let pages = |first, count| Pages { first: Page(first), count };
        let map = |first| {
            let (backing, sharing) = (Backing::Anonymous {}, Sharing::Private);
            Op::Map {
                process,
                area: Area { pages: pages(first, 3), backing, sharing, writable: true },
            }
        };
        let unmap = |first| Op::Unmap { process, pages: pages(first, 1) };
        let case = |ops: &[Op]| Case::<Memory> { setup: setup(), ops: ops.to_vec() };
        let far = case(&[map(20), unmap(22), map(23), map(40), unmap(41)]);
        let near = case(&[map(0), unmap(2), map(3), map(7), unmap(8)]);
        assert!(simpler(&far).contains(&near));
        assert!(!simpler(&near).contains(&near));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        for text in [r#"{"free":{"block":0,"order":0}}"#, r#"{"look":{"at":0}}"#] {
            assert!(serde_json::from_str::<Op>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_op_that_is_out_of_bounds_is_refused_with_its_place() {
        let process = Process(64);
        let order = Order(64);
        for (op, why) in [
            (Op::Spawn { process }, "op 0: expected at most 63 for the process, found 64"),
            (
                Op::Fork { parent: Process(0), child: process },
                "op 0: expected at most 63 for the process, found 64",
            ),
            (
                Op::DeviceWrite { pin: Hold(0), offset: 4096, byte: 1 },
                "op 0: expected at most 4095 for the offset, found 4096",
            ),
            (
                Op::Alloc { block: Hold(0), order },
                "op 0: expected at most 63 for the order, found 64",
            ),
        ] {
            let case = Case { setup: setup(), ops: vec![op] };
            assert_eq!(admits(&Profile::full(), &case), Err(why.into()));
        }
    }

    #[test]
    fn an_op_that_the_profile_lacks_is_refused() {
        let case = Case { setup: setup(), ops: vec![Op::Look {}, Op::Step {}] };
        assert_eq!(admits(&Profile::full(), &case), Ok(()));
        let why = "op 0: needs a look, which the profile lacks";
        assert_eq!(admits(&plain(), &case), Err(why.into()));
        let why = "op 1: needs migrations in steps, which the profile lacks";
        let looks = Profile { look: true, ..plain() };
        assert_eq!(admits(&looks, &case), Err(why.into()));
    }

    #[test]
    fn a_machine_that_can_not_be_is_refused() {
        let refused = |change: &dyn Fn(&mut Setup), why: &str| {
            let mut setup = setup();
            change(&mut setup);
            let found = admits(&Profile::full(), &Case { setup, ops: Vec::new() }).unwrap_err();
            assert_eq!(found, format!("setup: {why}"));
        };
        refused(
            &|setup| setup.memory.zones[0].min = 1,
            "normal: needs watermarks, which the profile lacks",
        );
        refused(
            &|setup| setup.memory.pageblock = Some(Order(0)),
            "needs pageblocks, which the profile lacks",
        );
        refused(
            &|setup| setup.memory.zones[0].run.frames = (1 << 24) + 1,
            "expected at most 16777216 frames, found 16777217",
        );
        refused(&|setup| setup.files = vec![1; 17], "expected at most 16 files, found 17");
        refused(
            &|setup| setup.files = vec![1, 1 << 17],
            "expected at most 65536 pages in file 1, found 131072",
        );
        let watched = |order, blocks| Watched { order: Order(order), blocks };
        refused(
            &|setup| setup.watched = vec![watched(1, 1), watched(1, 1)],
            "expected watched orders that rise, found others",
        );
        refused(
            &|setup| setup.watched = vec![watched(4, 1)],
            "expected at most 3 for a watched order, found 4",
        );
        refused(
            &|setup| setup.watched = vec![watched(1, 0)],
            "expected at least 1 block of order 1 watched, found none",
        );
        refused(
            &|setup| setup.tick.moved = 0,
            "expected a tick that may do something, found a budget of 1 frames scanned and 0 moved",
        );
    }
}
