//! Which cases are for which profile.
//!
//! It does not cover what a machine should answer: a case that is admitted may well be refused, and
//! a part of most cases is.

use super::super::contract::Profile;
use super::super::{Budget, MOST_FILE_PAGES, Memory, Order, PAGE_BYTES, Process, Setup, Watched};
use super::Op;
use crate::core::Case;
use crate::core::admit::{expect_at_most, needs};
use crate::frames;

/// The most ops of a case.
const MOST_OPS: u64 = 1 << 25;
/// The most frames of a machine.
const MOST_FRAMES: u64 = 1 << 24;
/// The most files.
const MOST_FILES: u64 = 16;
/// The greatest number of a process.
const MOST_PROCESS: Process = Process(63);
/// The most pages that are filled by one op.
const MOST_FILLED: u32 = 1024;
/// The greatest order that an op may name: a block of it has a size in 64 bits.
const MOST_NAMED: Order = Order(63);

/// Whether a case is one for an implementation with this profile.
pub(in super::super) fn admits(profile: &Profile, case: &Case<Memory>) -> Result<(), String> {
    expect_at_most("ops", case.ops.len() as u64, MOST_OPS)?;
    profile.check()?;
    check_setup(&case.setup).map_err(|why| format!("setup: {why}"))?;
    for (index, op) in case.ops.iter().enumerate() {
        check_op(profile, op).map_err(|why| format!("op {index}: {why}"))?;
    }
    Ok(())
}

fn check_setup(setup: &Setup) -> Result<(), String> {
    // Frames are handed out one by one, and no request leaves any for others.
    let allocator = frames::Profile {
        isolation: false,
        watermarks: false,
        fragmentation: false,
        ..frames::Profile::full()
    };
    setup.memory.check(&allocator)?;
    expect_at_most("frames", setup.memory.frames(), MOST_FRAMES)?;
    expect_at_most("files", setup.files.len() as u64, MOST_FILES)?;
    for (file, pages) in setup.files.iter().enumerate() {
        let what = format!("pages in file {file}");
        expect_at_most(&what, (*pages).into(), MOST_FILE_PAGES.into())?;
    }
    let rises = |one: &Watched, next: &Watched| one.order < next.order;
    if !setup.watched.is_sorted_by(rises) {
        return Err("expected watched orders that rise, found others".into());
    }
    for Watched { order, blocks } in &setup.watched {
        expect_at_most("for a watched order", order.0.into(), setup.memory.most.0.into())?;
        if *blocks == 0 {
            return Err(format!("expected at least 1 block of order {order} watched, found none"));
        }
    }
    match setup.tick {
        Budget { scanned: 0, .. } | Budget { moved: 0, .. } => {
            Err(format!("expected a tick that may do something, found a budget {}", setup.tick))
        }
        Budget { .. } => Ok(()),
    }
}

/// Whether an op is one for an implementation with this profile: it needs nothing that is not there,
/// and its numbers are within bounds.
pub(super) fn check_op(profile: &Profile, op: &Op) -> Result<(), String> {
    match *op {
        Op::Spawn { process }
        | Op::Exit { process }
        | Op::Map { process, .. }
        | Op::Unmap { process, .. }
        | Op::Remap { process, .. } => expect_process(process),
        Op::Fork { parent, child } => {
            expect_process(parent)?;
            expect_process(child)
        }
        Op::Read { process, address } | Op::Write { process, address, .. } => {
            expect_process(process)?;
            expect_offset(address.offset)
        }
        Op::Fill { process, pages, .. } => {
            expect_process(process)?;
            expect_at_most("pages to fill", pages.count.into(), MOST_FILLED.into())?;
            let what = "expected pages of an address space to fill, found";
            if pages.is_in_space() { Ok(()) } else { Err(format!("{what} {pages}")) }
        }
        Op::Pin { process, .. } => {
            needs(profile.pins, "pins")?;
            expect_process(process)
        }
        Op::Unpin { .. } => needs(profile.pins, "pins"),
        Op::DeviceWrite { offset, .. } => {
            needs(profile.pins, "pins")?;
            expect_offset(offset)
        }
        Op::Lock { process, .. } | Op::Unlock { process, .. } => {
            needs(profile.locks, "locked pages")?;
            expect_process(process)
        }
        Op::StartWriteback { .. } | Op::EndWriteback { .. } => {
            needs(profile.writeback, "writeback")
        }
        Op::Alloc { order, .. } => expect_order(order),
        Op::Migrate { process, .. } => {
            needs(profile.steps, "migrations in steps")?;
            expect_process(process)
        }
        Op::Step {} | Op::Finish {} => needs(profile.steps, "migrations in steps"),
        Op::Defragment { order, .. } => {
            needs(profile.planner.is_some(), "a planner")?;
            expect_order(order)
        }
        Op::Tick {} => needs(profile.daemon, "a daemon"),
        Op::FailAfter { .. } => needs(profile.failures, "requests that can be made to fail"),
        Op::Look {} => needs(profile.look, "a look"),
        Op::Truncate { .. } | Op::Delete { .. } | Op::Free { .. } | Op::Teardown {} => Ok(()),
    }
}

fn expect_process(process: Process) -> Result<(), String> {
    expect_at_most("for the process", process.0.into(), MOST_PROCESS.0.into())
}

fn expect_offset(offset: u16) -> Result<(), String> {
    expect_at_most("for the offset", offset.into(), (PAGE_BYTES - 1).into())
}

fn expect_order(order: Order) -> Result<(), String> {
    expect_at_most("for the order", order.0.into(), MOST_NAMED.0.into())
}
