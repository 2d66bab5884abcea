//! From bytes to cases.
//!
//! It does not cover which cases are legal: all that is drawn is within the profile, and `admits`
//! says so. Ops that belong together are planned in `scenes`, and wrong ones drawn in `mistakes`.

use arbitrary::{Result, Unstructured};

use super::super::contract::Profile;
use super::super::{
    Address, Area, Backing, Budget, File, MOST_FILE_PAGES, Order, Page, Pages, Place, SAMPLES,
    SPACE_PAGES, Setup, Sharing, Watched,
};
pub(in super::super) use super::draft::Draft;
use super::draft::{Content, Mapped, unused_hold};
use super::{Kind, Op, mistakes, scenes};
use crate::core::{one_in, pick};
use crate::frames::{self, DMA_END, Frame, Run, Zone, ZonePlan};

/// How many frames a zone has: mostly so few that memory is short now and then.
const ZONE_FRAMES: &[u64] = &[8, 8, 8, 12, 16, 16, 16, 24, 32, 32, 48, 64, 64, 128, 256, 1024];
/// The most pages of an area, where no scene wants more.
const AREA_PAGES: u32 = 6;
/// How many processes there are at most, where no scene wants more.
const PROCESSES: usize = 6;
/// How many holds of a kind there are at most, where no scene wants more.
const HOLDS: usize = 6;

pub(in super::super) fn draw_setup(u: &mut Unstructured<'_>, profile: &Profile) -> Result<Setup> {
    let most = Order(pick(u, &[3, 3, 3, 4, 4, 5, 6])?);
    let kinds: &[Zone] = match u.arbitrary::<u8>()? {
        0..150 => &[Zone::Normal],
        150..190 => &[Zone::Dma],
        _ => &[Zone::Dma, Zone::Normal],
    };
    let mut zones = Vec::new();
    for zone in kinds {
        zones.push(draw_zone(u, *zone, most)?);
    }
    let memory = frames::Setup { zones, most, pageblock: None };
    let mut files = Vec::new();
    for _ in 0..pick(u, &[0, 1, 1, 1, 2, 2, 3])? {
        files.push(1 + below(u, 8)?);
    }
    let watched = if profile.daemon { draw_watched(u, &memory)? } else { Vec::new() };
    let tick = draw_budget(u, memory.frames())?;
    Ok(Setup { memory, files, watched, tick })
}

fn draw_zone(u: &mut Unstructured<'_>, zone: Zone, most: Order) -> Result<ZonePlan> {
    let size = most.frames();
    let first = if zone == Zone::Dma { 0 } else { DMA_END.0 };
    let mut base = first + pick(u, &[0, 0, 1, 16])? * size;
    let mut length = pick(u, ZONE_FRAMES)?;
    if one_in(u, 4)? {
        base += u64::from(u.arbitrary::<u8>()?) % size;
        length += u64::from(u.arbitrary::<u8>()?) % size;
    }
    let mut plan = ZonePlan::new(zone, Frame(base), length);
    let gap = |u: &mut Unstructured<'_>| {
        let frames = 1 + u64::from(u.arbitrary::<u8>()?) % (length / 8);
        let at = u64::from(u.arbitrary::<u8>()?) % (length - frames + 1);
        Ok(Run { base: Frame(base + at), frames })
    };
    if one_in(u, 6)? {
        plan.holes.push(gap(u)?);
    }
    if one_in(u, 6)? {
        let run = gap(u)?;
        if !plan.holes.iter().any(|hole| hole.overlaps(&run)) {
            plan.reserved.push(run);
        }
    }
    Ok(plan)
}

fn draw_watched(u: &mut Unstructured<'_>, memory: &frames::Setup) -> Result<Vec<Watched>> {
    let mut orders = Vec::new();
    for _ in 0..pick(u, &[0, 1, 1, 2])? {
        orders.push(Order(u8::try_from(below(u, u32::from(memory.most.0) + 1)?).unwrap_or(0)));
    }
    orders.sort();
    orders.dedup();
    let mut watched = Vec::new();
    for order in orders {
        let all = memory.frames() / order.frames();
        let blocks = pick(u, &[1, 1, 2, all / 4, all / 2, all / 2, all])?.max(1);
        watched.push(Watched { order, blocks });
    }
    Ok(watched)
}

/// Mostly ample; else tight in one part.
pub(super) fn draw_budget(u: &mut Unstructured<'_>, frames: u64) -> Result<Budget> {
    let ample = Budget { scanned: 2 * frames + 64, moved: frames };
    let share: u8 = u.arbitrary()?;
    Ok(match u.arbitrary::<u8>()? % 8 {
        0 | 1 => Budget { moved: 1 + u64::from(share % 4), ..ample },
        2 => Budget { scanned: 1 + u64::from(share) * frames / 128, ..ample },
        _ => ample,
    })
}

/// One op: one that is planned, or of this kind, or of another where that one makes no sense.
pub(in super::super) fn draw_op(
    u: &mut Unstructured<'_>,
    kind: Kind,
    setup: &Setup,
    profile: &Profile,
    draft: &mut Draft,
) -> Result<Op> {
    draft.begin(setup);
    let share = if draft.spaces.is_empty() { 2 } else { 12 };
    if draft.has_no_plan() && one_in(u, share)? {
        scenes::plan_scene(u, setup, profile, draft)?;
    }
    let digresses = draft.may_digress() && one_in(u, 6)?;
    let planned = if digresses { None } else { draft.planned() };
    let op = match planned {
        Some(op) => op,
        None => draw_plain(u, kind, setup, profile, draft)?,
    };
    draft.apply(&op);
    Ok(op)
}

fn draw_plain(
    u: &mut Unstructured<'_>,
    kind: Kind,
    setup: &Setup,
    profile: &Profile,
    draft: &mut Draft,
) -> Result<Op> {
    let op = match one_in(u, 12)? {
        true => mistakes::draw_mistake(u, setup, draft)?,
        false => draw_sound(u, kind, setup, draft)?,
    };
    let op = match super::admit::check_op(profile, &op) {
        Ok(()) => op,
        Err(_) => draw_access(u, kind == Kind::Write, setup, draft)?,
    };
    let share = match op {
        Op::Defragment { .. } | Op::Tick {} => 2,
        Op::Migrate { .. } => 4,
        Op::Look {} | Op::Step {} | Op::Finish {} | Op::Teardown {} => return Ok(op),
        _ => 10,
    };
    // What an op changed is seen where nothing else was done between two looks.
    if profile.look && draft.may_digress() && one_in(u, share)? {
        draft.plan_first(&[op, Op::Look {}]);
        return Ok(Op::Look {});
    }
    Ok(op)
}

/// An op that makes sense, of this kind if one does.
fn draw_sound(u: &mut Unstructured<'_>, kind: Kind, setup: &Setup, draft: &Draft) -> Result<Op> {
    if draft.free() == 0 && one_in(u, 2)? {
        return draw_release(u, setup, draft);
    }
    let is_idle = draft.present.is_empty() && !one_in(u, 8)?;
    let found = match kind {
        _ if draft.migration.is_some() && one_in(u, 4)? => Some(draw_step(u)?),
        Kind::Process => Some(draw_process(u, draft)?),
        Kind::Map => draw_map(u, draft)?,
        Kind::Unmap => draw_unmap(u, draft)?,
        Kind::File => draw_file(u, setup, draft)?,
        Kind::Pin => draw_pin(u, draft)?,
        Kind::Lock => draw_touched(u, draft)?.map(|(Place { process, page }, tag)| match tag % 3 {
            0 => Op::Unlock { process, page },
            _ => Op::Lock { process, page },
        }),
        Kind::Writeback => draw_writeback(u, draft)?,
        Kind::Kernel => draw_kernel(u, setup, draft)?,
        Kind::Migrate if draft.migration.is_none() => draw_migrate(u, draft)?,
        Kind::Step if draft.migration.is_some() => Some(draw_step(u)?),
        Kind::Step if one_in(u, 4)? => draw_migrate(u, draft)?,
        Kind::Defragment | Kind::Tick if is_idle => None,
        Kind::Tick if setup.watched.is_empty() && !one_in(u, 4)? => None,
        Kind::Defragment => {
            let order = draw_pass_order(u, setup)?;
            Some(Op::Defragment { order, budget: draw_budget(u, setup.memory.frames())? })
        }
        Kind::Tick => Some(Op::Tick {}),
        Kind::Fail => Some(Op::FailAfter { requests: below(u, 4)? }),
        Kind::Look => Some(Op::Look {}),
        Kind::Teardown => Some(Op::Teardown {}),
        Kind::Read | Kind::Write | Kind::Migrate | Kind::Step => None,
    };
    match found {
        Some(op) => Ok(op),
        None => draw_access(u, kind == Kind::Write || kind == Kind::Map, setup, draft),
    }
}

fn draw_step(u: &mut Unstructured<'_>) -> Result<Op> {
    Ok(if one_in(u, 6)? { Op::Finish {} } else { Op::Step {} })
}

/// A read or a write where something is mapped; a map, or a new process, where nothing is.
fn draw_access(u: &mut Unstructured<'_>, writes: bool, setup: &Setup, draft: &Draft) -> Result<Op> {
    let Some(Place { process, page }) = draw_place(u, draft)? else {
        let map = draw_map(u, draft)?;
        return Ok(map.unwrap_or(Op::Spawn { process: draft.unused_process(0) }));
    };
    let is_full = setup.managed() < 64 && draft.free() == 0;
    let address = Address { page, offset: draw_offset(u)? };
    let pages = Pages { first: page, count: 1 + below(u, 3)? };
    Ok(match writes && !is_full {
        true if pages.is_in_space() && one_in(u, 12)? => {
            Op::Fill { process, pages, byte: draw_byte(u)? }
        }
        true => Op::Write { process, address, byte: draw_byte(u)? },
        false => Op::Read { process, address },
    })
}

/// Something that gives frames back.
fn draw_release(u: &mut Unstructured<'_>, setup: &Setup, draft: &Draft) -> Result<Op> {
    let block = nth(draft.blocks.keys().copied(), u.arbitrary()?);
    let pin = nth(draft.pins.keys().copied(), u.arbitrary()?);
    Ok(match (u.arbitrary::<u8>()? % 4, block, pin) {
        (0, Some(block), _) => Op::Free { block },
        (1, _, Some(pin)) => Op::Unpin { pin },
        (2, ..) => match draw_unmap(u, draft)? {
            Some(op) => op,
            None => draw_access(u, false, setup, draft)?,
        },
        _ => match nth(draft.spaces.keys().copied(), u.arbitrary()?) {
            Some(process) => Op::Exit { process },
            None => Op::Spawn { process: draft.unused_process(0) },
        },
    })
}

fn draw_process(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Op> {
    let unused = draft.unused_process(0);
    let tag: u8 = u.arbitrary()?;
    let Some(process) = nth(draft.spaces.keys().copied(), tag / 8) else {
        return Ok(Op::Spawn { process: unused });
    };
    Ok(match tag % 8 {
        _ if draft.spaces.len() >= PROCESSES => Op::Exit { process },
        0 | 1 => Op::Spawn { process: unused },
        2 | 3 if draft.spaces.len() > 1 => Op::Exit { process },
        _ => Op::Fork { parent: process, child: unused },
    })
}

fn draw_map(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Option<Op>> {
    let Some(process) = nth(draft.spaces.keys().copied(), u.arbitrary()?) else { return Ok(None) };
    let tag: u8 = u.arbitrary()?;
    let count = 1 + below(u, AREA_PAGES)?;
    let mut first = draft.room(process, u32::from(tag) % 24, count);
    let end = Page(SPACE_PAGES - count);
    if tag > 240 && draft.area_at(Place { process, page: end }).is_none() {
        first = end;
    }
    let named: Vec<File> = files(draft).collect();
    let backing = match u.arbitrary::<u8>()? {
        140.. if !named.is_empty() => {
            let file = pick(u, &named)?;
            let (pages, _) = draft.files[usize::from(file.0)];
            Backing::File { file, index: below(u, pages.min(8) + 1)? }
        }
        _ => Backing::Anonymous {},
    };
    let tag: u8 = u.arbitrary()?;
    let sharing = if tag % 8 < 5 { Sharing::Private } else { Sharing::Shared };
    let pages = Pages { first, count };
    let area = Area { pages, backing, sharing, writable: tag < 220 };
    Ok(Some(Op::Map { process, area }))
}

/// The files that can be named.
pub(super) fn files(draft: &Draft) -> impl Iterator<Item = File> {
    (0..=u8::MAX).zip(&draft.files).filter(|(_, known)| known.1).map(|(file, _)| File(file))
}

/// Unmaps or moves a part of an area.
fn draw_unmap(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Option<Op>> {
    let Some(Place { process, page }) = draw_place(u, draft)? else { return Ok(None) };
    let Some(Mapped { pages, .. }) = draft.area_at(Place { process, page }) else {
        return Ok(None);
    };
    let tag: u8 = u.arbitrary()?;
    let left = u32::try_from(pages.end()).unwrap_or(u32::MAX) - page.0;
    let part = match tag % 3 {
        0 => pages,
        _ => Pages { first: page, count: 1 + u32::from(tag / 8) % left },
    };
    Ok(Some(match tag % 2 {
        0 => Op::Unmap { process, pages: part },
        _ => {
            let to = draft.room(process, below(u, 24)?, part.count);
            Op::Remap { process, pages: part, to }
        }
    }))
}

fn draw_file(u: &mut Unstructured<'_>, setup: &Setup, draft: &Draft) -> Result<Option<Op>> {
    let Some(file) = nth(files(draft), u.arbitrary()?) else { return Ok(None) };
    if one_in(u, 6)? {
        return Ok(Some(Op::Delete { file }));
    }
    let (pages, _) = draft.files[usize::from(file.0)];
    let first = setup.files[usize::from(file.0)];
    let pages = pick(u, &[0, 1, pages.saturating_sub(1), pages / 2, pages + 1, first, 8])?;
    Ok(Some(Op::Truncate { file, pages: pages.min(MOST_FILE_PAGES) }))
}

fn draw_pin(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Option<Op>> {
    let tag: u8 = u.arbitrary()?;
    if let Some(pin) = nth(draft.pins.keys().copied(), tag / 8)
        && (tag.is_multiple_of(2) || draft.pins.len() >= HOLDS)
    {
        return Ok(Some(match tag / 2 % 2 {
            0 => Op::Unpin { pin },
            _ => Op::DeviceWrite { pin, offset: draw_offset(u)?, byte: draw_byte(u)? },
        }));
    }
    let pin = unused_hold(&draft.pins);
    Ok(draw_place(u, draft)?.map(|Place { process, page }| Op::Pin { pin, process, page }))
}

fn draw_writeback(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Option<Op>> {
    let tag: u8 = u.arbitrary()?;
    if let Some(io) = nth(draft.writebacks.keys().copied(), tag / 4)
        && (tag.is_multiple_of(2) || draft.writebacks.len() >= HOLDS)
    {
        return Ok(Some(Op::EndWriteback { io }));
    }
    let cached: Vec<(File, u32)> = draft.cached_pages().collect();
    let io = unused_hold(&draft.writebacks);
    Ok(nth(cached, tag / 2).map(|(file, index)| Op::StartWriteback { io, file, index }))
}

fn draw_kernel(u: &mut Unstructured<'_>, setup: &Setup, draft: &Draft) -> Result<Option<Op>> {
    let tag: u8 = u.arbitrary()?;
    if let Some(block) = nth(draft.blocks.keys().copied(), tag / 4)
        && (tag.is_multiple_of(2) || draft.blocks.len() >= 2 * HOLDS)
    {
        return Ok(Some(Op::Free { block }));
    }
    let order = pick(u, &[0, 0, 0, 1, 1, 2, setup.memory.most.0])?;
    Ok(Some(Op::Alloc { block: unused_hold(&draft.blocks), order: Order(order) }))
}

fn draw_migrate(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Option<Op>> {
    let touched = draw_touched(u, draft)?;
    Ok(touched.map(|(Place { process, page }, _)| Op::Migrate { process, page }))
}

/// A place that was touched, preferably one of several that share its page, and what is left of the
/// byte.
pub(super) fn draw_touched(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Option<(Place, u8)>> {
    let (at, tag) = (u.arbitrary()?, u.arbitrary::<u8>()?);
    let shared = draft.present.iter().filter(|(_, content)| draft.places_of(**content).len() > 1);
    let shared = nth(shared.map(|(place, _)| *place), at).filter(|_| tag < 208);
    Ok(shared.or_else(|| nth(draft.present.keys().copied(), at)).map(|place| (place, tag)))
}

/// The order of a pass, mostly the greatest.
pub(super) fn draw_pass_order(u: &mut Unstructured<'_>, setup: &Setup) -> Result<Order> {
    let most = setup.memory.most.0;
    Ok(Order(pick(u, &[most, most, most.min(3), most.min(2), 1, 0])?))
}

/// A place where something is mapped; half of the time one of the page that is being migrated.
pub(super) fn draw_place(u: &mut Unstructured<'_>, draft: &Draft) -> Result<Option<Place>> {
    if let Some((content, _)) = draft.migration
        && one_in(u, 2)?
    {
        let found = nth(places_at(draft, content), u.arbitrary()?);
        if found.is_some() {
            return Ok(found);
        }
    }
    let areas = draft
        .spaces
        .iter()
        .flat_map(|(process, areas)| areas.iter().map(|area| (*process, area.pages)));
    let Some((process, pages)) = nth(areas, u.arbitrary()?) else { return Ok(None) };
    let page = Page(pages.first.0 + below(u, pages.count)?);
    Ok(Some(Place { process, page }))
}

/// The places that share a page, and those that would if they were touched.
pub(super) fn places_at(draft: &Draft, content: Content) -> Vec<Place> {
    let mut all = draft.places_of(content);
    let Content::Of(source, index) = content else { return all };
    for (process, areas) in &draft.spaces {
        for area in areas.iter().filter(|area| area.source == source) {
            let Some(at) = index.checked_sub(area.index) else { continue };
            let place = Place { process: *process, page: Page(area.pages.first.0 + at) };
            if at < area.pages.count && !draft.present.contains_key(&place) {
                all.push(place);
            }
        }
    }
    all
}

/// Where a dump shows bytes, mostly.
pub(super) fn draw_offset(u: &mut Unstructured<'_>) -> Result<u16> {
    let tag: u8 = u.arbitrary()?;
    Ok(match tag {
        0..230 => SAMPLES[usize::from(tag) % SAMPLES.len()],
        _ => u.arbitrary::<u16>()? % super::super::PAGE_BYTES,
    })
}

pub(super) fn draw_byte(u: &mut Unstructured<'_>) -> Result<u8> {
    Ok(u.arbitrary::<u8>()?.max(1))
}

/// A number below so many, by a byte; 0 where there are none.
pub(super) fn below(u: &mut Unstructured<'_>, count: u32) -> Result<u32> {
    Ok(u32::from(u.arbitrary::<u8>()?).checked_rem(count).unwrap_or(0))
}

/// One of these, if there are any.
pub(super) fn nth<T: Clone>(from: impl IntoIterator<Item = T>, at: u8) -> Option<T> {
    let all: Vec<T> = from.into_iter().collect();
    usize::from(at).checked_rem(all.len()).map(|at| all[at].clone())
}
