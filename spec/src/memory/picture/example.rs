//! The case that is drawn when no law is broken: pages of every kind, then holes between them, and
//! then a pass.
//!
//! It does not cover what becomes of it: that is the machine's.

use super::super::contract::{Budget, Profile};
use super::super::{
    Address, Area, Backing, File, Hold, Memory, Op, Order, Page, Pages, Process, Setup, Sharing,
};
use crate::core::Case;
use crate::frames::{self, DMA_END, Frame, Run, Zone, ZonePlan};

/// The order for which the pass is.
const WANTED: Order = Order(5);
/// How many pages are touched before some are unmapped again.
const TOUCHED: u32 = 170;

const FIRST: Process = Process(0);
const SECOND: Process = Process(1);
const FILE: File = File(0);

/// The areas of the first process, and of which pages they are.
const ANONYMOUS: Pages = Pages { first: Page(0), count: TOUCHED };
const OF_FILE: Pages = Pages { first: Page(0x1000), count: TOUCHED };
const SHARED: Pages = Pages { first: Page(0x2000), count: TOUCHED };

/// The case, without what the profile does not have.
pub(super) fn example(profile: &Profile) -> Case<Memory> {
    let mut ops = vec![Op::Spawn { process: FIRST }];
    ops.extend(areas());
    ops.extend((0..TOUCHED).flat_map(touch));
    ops.push(Op::Fork { parent: FIRST, child: SECOND });
    ops.push(Op::Unmap { process: SECOND, pages: Pages { first: Page(24), count: 146 } });
    ops.extend((0..TOUCHED).filter_map(unmap));
    ops.extend(holds(profile));
    if profile.planner.is_some() {
        let budget = Budget { scanned: 4096, moved: 256 };
        ops.push(Op::Defragment { order: WANTED, budget });
    }
    Case { setup: setup(), ops }
}

fn setup() -> Setup {
    let reserved = vec![Run { base: Frame(0), frames: 4 }];
    let holes = vec![Run { base: Frame(DMA_END.0 + 84), frames: 12 }];
    let zones = vec![
        ZonePlan { reserved, ..ZonePlan::new(Zone::Dma, Frame(0), 64) },
        ZonePlan { holes, ..ZonePlan::new(Zone::Normal, DMA_END, 128) },
    ];
    let memory = frames::Setup { zones, most: Order(6), pageblock: None };
    let tick = Budget { scanned: 1, moved: 1 };
    Setup { memory, files: vec![TOUCHED], watched: Vec::new(), tick }
}

fn areas() -> impl Iterator<Item = Op> {
    let anonymous = Backing::Anonymous {};
    let file = Backing::File { file: FILE, index: 0 };
    let areas = [
        (ANONYMOUS, anonymous, Sharing::Private),
        (OF_FILE, file, Sharing::Shared),
        (SHARED, anonymous, Sharing::Shared),
    ];
    areas.into_iter().map(|(pages, backing, sharing)| {
        let area = Area { pages, backing, sharing, writable: true };
        Op::Map { process: FIRST, area }
    })
}

/// The page that is touched at a step: most are anonymous.
fn touched(step: u32) -> Page {
    let area = match step % 9 {
        2 => OF_FILE,
        5 => SHARED,
        _ => ANONYMOUS,
    };
    Page(area.first.0 + step)
}

fn touch(step: u32) -> Vec<Op> {
    let address = Address { page: touched(step), offset: 0 };
    let mut ops = vec![Op::Write { process: FIRST, address, byte: 1 }];
    // Kernel blocks where they are in the way of most aligned runs, and not of all.
    if let Some(block) = [8, 45, 118].iter().position(|at| *at == step) {
        let block = u8::try_from(block).map(Hold).unwrap_or(Hold(u8::MAX));
        ops.push(Op::Alloc { block, order: Order(block.0 % 2) });
    }
    ops
}

/// Most anonymous pages are gone again; the others stay cached.
fn unmap(step: u32) -> Option<Op> {
    let is_gone = (step * 5 + step / 9) % 7 < 5;
    let pages = Pages { first: touched(step), count: 1 };
    is_gone.then_some(Op::Unmap { process: FIRST, pages })
}

/// Pins, writebacks and locks, of those that the machine has.
fn holds(profile: &Profile) -> Vec<Op> {
    let mut ops = Vec::new();
    if profile.pins {
        let pins = (0..).map(Hold).zip([19, 75, 138]);
        ops.extend(pins.map(|(pin, step)| Op::Pin { pin, process: FIRST, page: touched(step) }));
    }
    if profile.writeback {
        let ios = (0..).map(Hold).zip([38, 101]);
        ops.extend(ios.map(|(io, index)| Op::StartWriteback { io, file: FILE, index }));
    }
    if profile.locks {
        ops.push(Op::Lock { process: FIRST, page: touched(49) });
    }
    ops
}
