//! Ops that are deliberately wrong: what they name is not there, is there already, or is out of
//! bounds.
//!
//! It does not cover mistakes that only a lack of frames, or a migration, makes of sound ops.

use arbitrary::{Result, Unstructured};

use super::super::{
    Address, Area, Backing, Budget, File, Hold, MOST_FILE_PAGES, Order, Page, Pages, Place,
    Process, SPACE_PAGES, Setup, Sharing,
};
use super::Op;
use super::draft::{Draft, Mapped, Source, unused_hold};
use super::draw::{below, draw_byte, draw_offset, draw_place, nth};
use crate::core::pick;

/// A hold and a process that no drawn case has.
const UNKNOWN: u8 = 63;

/// One of the mistakes; an access where nothing is mapped, where there is nothing to get wrong.
pub(super) fn draw_mistake(u: &mut Unstructured<'_>, setup: &Setup, draft: &Draft) -> Result<Op> {
    let found = match u.arbitrary::<u8>()? % 16 {
        0 | 1 => Some(of_a_process(u, draft)?),
        2..=4 => of_a_map(u, setup, draft)?,
        5 => of_an_unmap(u, draft)?,
        6 | 7 => of_a_remap(u, draft)?,
        8 => Some(of_a_file(u, setup, draft)?),
        9 | 10 => Some(of_a_hold(u, setup, draft)?),
        11 => Some(of_a_migration(u, draft)?),
        12 | 13 => Some(of_a_pass(u, setup)?),
        _ => of_an_access(u, draft)?,
    };
    match found {
        Some(op) => Ok(op),
        None => unmapped(u, draft),
    }
}

/// An access, or what touches as one does, where nothing is mapped.
fn unmapped(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Op> {
    let tag: u8 = u.arbitrary()?;
    let known = nth(draft.spaces.keys().copied(), tag / 8);
    let process = known.filter(|_| !tag.is_multiple_of(8)).unwrap_or(Process(UNKNOWN));
    let page = pick(u, &[Page(0), Page(31), Page(40), Page(SPACE_PAGES - 1), Page(u32::MAX)])?;
    let address = Address { page, offset: 0 };
    Ok(match tag % 5 {
        0 => Op::Write { process, address, byte: 1 },
        1 => Op::Pin { pin: unused_hold(&draft.pins), process, page },
        2 => Op::Lock { process, page },
        3 => Op::Unlock { process, page },
        _ => Op::Read { process, address },
    })
}

fn of_a_process(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Op> {
    let tag: u8 = u.arbitrary()?;
    let unknown = Process(UNKNOWN);
    let Some(known) = nth(draft.spaces.keys().copied(), tag / 8) else {
        return Ok(Op::Exit { process: unknown });
    };
    let other = nth(draft.spaces.keys().copied(), tag / 16).unwrap_or(known);
    let pages = Pages { first: Page(0), count: 1 };
    Ok(match tag % 6 {
        0 => Op::Spawn { process: known },
        1 => Op::Fork { parent: known, child: other },
        2 => Op::Fork { parent: unknown, child: draft.unused_process(0) },
        3 => Op::Exit { process: unknown },
        4 => Op::Unmap { process: unknown, pages },
        _ => Op::Remap { process: unknown, pages, to: Page(8) },
    })
}

/// Over another area, without pages, past the end of the address space, of no file, or past the last
/// index of a file; or, which is no mistake yet, past the end of a file.
fn of_a_map(u: &mut Unstructured<'_>, setup: &Setup, draft: &Draft) -> Result<Option<Op>> {
    let Some(process) = nth(draft.spaces.keys().copied(), u.arbitrary()?) else { return Ok(None) };
    let areas = draft.spaces.get(&process).into_iter().flatten();
    let overlapped = nth(areas.map(|area| area.pages), u.arbitrary()?);
    let room = Pages { first: draft.room(process, 0, 3), count: 3 };
    let end = Page(SPACE_PAGES - 1);
    let tag: u8 = u.arbitrary()?;
    let pages = match (tag % 8, overlapped) {
        (0 | 1, Some(Pages { first, count })) => {
            let first = Page((first.0 + u32::from(tag / 8) % (count + 1)).saturating_sub(1));
            Pages { first, count: 1 + u32::from(tag / 64) }
        }
        (2, _) => Pages { count: 0, ..room },
        (3, _) => Pages { first: end, count: 2 },
        (4, _) => Pages { first: Page(SPACE_PAGES), count: 1 },
        (5, _) => Pages { count: u32::MAX, ..room },
        _ => room,
    };
    let missing = File(u8::try_from(setup.files.len()).unwrap_or(u8::MAX));
    let known = nth((0..missing.0).map(File), tag / 8);
    let backing = match (tag % 8, known) {
        (6, Some(file)) => Backing::File { file, index: u32::MAX - u32::from(tag / 8) % 4 },
        (6, None) => Backing::File { file: missing, index: 0 },
        (7, Some(file)) if tag >= 128 => {
            let pages = draft.files.get(usize::from(file.0)).map_or(0, |known| known.0);
            Backing::File { file, index: pages.saturating_sub(1) }
        }
        (7, _) => Backing::File { file: missing, index: 0 },
        _ => Backing::Anonymous {},
    };
    let area = Area { pages, backing, sharing: Sharing::Private, writable: true };
    Ok(Some(Op::Map { process, area }))
}

fn of_an_unmap(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Option<Op>> {
    let Some(process) = nth(draft.spaces.keys().copied(), u.arbitrary()?) else { return Ok(None) };
    let first = Page(below(u, 32)?);
    let end = Page(SPACE_PAGES - 1);
    let pages = match u.arbitrary::<u8>()? % 4 {
        0 => Pages { first, count: 0 },
        1 => Pages { first: end, count: 2 },
        2 => Pages { first, count: u32::MAX },
        // Over several areas and gaps: this is none.
        _ => Pages { first, count: 12 },
    };
    Ok(Some(Op::Unmap { process, pages }))
}

/// Onto itself, onto another area, past the end, and of pages that are in no area, or in two.
fn of_a_remap(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Option<Op>> {
    let Some(Place { process, page }) = draw_place(u, draft)? else { return Ok(None) };
    let Some(Mapped { pages, .. }) = draft.area_at(Place { process, page }) else {
        return Ok(None);
    };
    let areas = draft.spaces.get(&process).into_iter().flatten();
    let other = nth(areas.map(|area| area.pages.first), u.arbitrary()?).unwrap_or(page);
    let room = draft.room(process, 0, pages.count);
    let (pages, to) = match u.arbitrary::<u8>()? % 6 {
        0 => (pages, Page(pages.first.0 + pages.count / 2)),
        1 => (pages, other),
        2 => (pages, Page(SPACE_PAGES - pages.count + 1)),
        3 => (Pages { count: pages.count + 1, ..pages }, Page(64)),
        4 => (Pages { count: 0, ..pages }, room),
        _ => (Pages { first: Page(40), ..pages }, room),
    };
    Ok(Some(Op::Remap { process, pages, to }))
}

fn of_a_file(u: &mut Unstructured<'_>, setup: &Setup, draft: &Draft) -> Result<Op> {
    let tag: u8 = u.arbitrary()?;
    let missing = File(u8::try_from(setup.files.len()).unwrap_or(u8::MAX));
    let deleted = (0..missing.0).map(File).find(|file| !draft.is_named(*file));
    let known = (0..missing.0).map(File).find(|file| draft.is_named(*file));
    let gone = deleted.filter(|_| tag < 160).unwrap_or(missing);
    Ok(match (tag % 4, known) {
        (0, Some(file)) => Op::Truncate { file, pages: MOST_FILE_PAGES + 1 },
        (1, _) => Op::Delete { file: gone },
        (2, _) => Op::StartWriteback { io: unused_hold(&draft.writebacks), file: gone, index: 0 },
        _ => Op::Truncate { file: gone, pages: 1 },
    })
}

fn of_a_hold(u: &mut Unstructured<'_>, setup: &Setup, draft: &Draft) -> Result<Op> {
    let tag: u8 = u.arbitrary()?;
    let unknown = Hold(UNKNOWN);
    let place = draw_place(u, draft)?;
    let cached = nth(draft.cached_pages(), tag / 16);
    let pin = nth(draft.pins.keys().copied(), tag / 16);
    let io = nth(draft.writebacks.keys().copied(), tag / 16);
    let block = nth(draft.blocks.keys().copied(), tag / 16);
    let unused = unused_hold(&draft.writebacks);
    let beyond = Order(pick(u, &[setup.memory.most.0 + 1, 31, 32, 63])?);
    let found = match tag % 10 {
        0 => Some(Op::Unpin { pin: unknown }),
        1 => Some(Op::DeviceWrite { pin: unknown, offset: draw_offset(u)?, byte: 1 }),
        2 => Some(Op::EndWriteback { io: unknown }),
        3 => Some(Op::Free { block: unknown }),
        4 => pin.zip(place).map(|(pin, Place { process, page })| Op::Pin { pin, process, page }),
        5 => io.zip(cached).map(|(io, (file, index))| Op::StartWriteback { io, file, index }),
        6 => cached.map(|(file, index)| Op::StartWriteback { io: unused, file, index: index + 1 }),
        7 => block.map(|block| Op::Alloc { block, order: Order(0) }),
        _ => None,
    };
    let block = unused_hold(&draft.blocks);
    Ok(found.unwrap_or(Op::Alloc { block, order: beyond }))
}

/// A migration where one goes on, or of nothing; a step of none.
fn of_a_migration(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Op> {
    let place = draw_place(u, draft)?;
    let Place { process, page } =
        place.unwrap_or(Place { process: Process(UNKNOWN), page: Page(0) });
    Ok(match draft.migration {
        None if u.arbitrary::<u8>()? % 2 == 0 => Op::Step {},
        None => Op::Migrate { process, page: Page(page.0 + 1) },
        Some(_) => Op::Migrate { process, page },
    })
}

fn of_a_pass(u: &mut Unstructured<'_>, setup: &Setup) -> Result<Op> {
    let most = setup.memory.most.0;
    let (order, scanned, moved) = pick(
        u,
        &[(most, 0, 1), (1, 1, 0), (0, 0, 0), (most + 1, 64, 8), (32, 64, 8), (63, 64, 8)],
    )?;
    Ok(Op::Defragment { order: Order(order), budget: Budget { scanned, moved } })
}

/// A write where the area is not writable, or an access past the end of a file.
fn of_an_access(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Option<Op>> {
    let mut wrong = Vec::new();
    for (process, areas) in &draft.spaces {
        for area in areas {
            let last = Page(area.pages.first.0 + (area.pages.count - 1));
            let is_past_end = match area.source {
                Source::File(file) => draft
                    .files
                    .get(usize::from(file.0))
                    .is_some_and(|(pages, _)| area.index_of(last) >= *pages),
                _ => false,
            };
            if is_past_end || !area.writable {
                wrong.push(Place { process: *process, page: last });
            }
        }
    }
    let Some(Place { process, page }) = nth(wrong, u.arbitrary()?) else { return Ok(None) };
    let address = Address { page, offset: draw_offset(u)? };
    Ok(Some(match u.arbitrary::<u8>()? % 4 {
        0 => Op::Read { process, address },
        1 => Op::Pin { pin: unused_hold(&draft.pins), process, page },
        2 => Op::Lock { process, page },
        _ => Op::Write { process, address, byte: draw_byte(u)? },
    }))
}
