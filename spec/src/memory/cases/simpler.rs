//! How a case gets simpler.
//!
//! It does not cover which of the simpler cases are legal: whoever tries them asks `admits`.

use super::super::{
    Address, Area, Backing, Budget, FIRST_PROCESS, File, Hold, Memory, Order, Page, Pages, Process,
    SPACE_PAGES, Setup, Sharing,
};
use super::Op;
use crate::core::Case;
use crate::frames::{DMA_END, Frame, Zone, ZonePlan};

/// A budget that most machines can't use up.
const AMPLE: Budget = Budget { scanned: 1 << 16, moved: 1 << 16 };

/// Simpler cases, the greatest simplification first: with a plainer machine, without a file, with
/// processes and holds renamed from 0, with the pages near each other, and then each op a little
/// plainer.
pub(in super::super) fn simpler(case: &Case<Memory>) -> Vec<Case<Memory>> {
    let mut all = Vec::new();
    all.extend(simpler_setups(&case.setup).into_iter().map(|setup| {
        let ops = case.ops.clone();
        Case { setup, ops }
    }));
    all.extend((0..case.setup.files.len()).filter_map(|file| without_file(case, file)));
    all.extend((0..case.ops.len()).flat_map(|at| without_block(case, at)));
    let mut changed = vec![finished(&case.ops), filled(&case.ops)];
    changed.extend([[].as_slice(), &[FIRST_PROCESS.0]].map(|names| renamed(&case.ops, names)));
    changed.push(gathered(&case.ops));
    all.extend(changed.into_iter().filter(|ops| *ops != case.ops).map(|ops| {
        let setup = case.setup.clone();
        Case { setup, ops }
    }));
    for (at, op) in case.ops.iter().enumerate() {
        for op in plainer(*op) {
            let mut ops = case.ops.clone();
            ops[at] = op;
            all.push(Case { setup: case.setup.clone(), ops });
        }
    }
    all
}

fn simpler_setups(setup: &Setup) -> Vec<Setup> {
    let mut all = Vec::new();
    let change = |change: &dyn Fn(&mut Setup)| {
        let mut plainer = setup.clone();
        change(&mut plainer);
        plainer
    };
    all.extend((0..setup.memory.zones.len()).flat_map(|at| plainer_zones(setup, at)));
    if setup.memory.most > Order(0) {
        all.push(change(&|setup| setup.memory.most.0 -= 1));
    }
    if setup.watched.len() > 1 {
        all.push(change(&|setup| setup.watched.clear()));
    }
    for (at, watched) in setup.watched.iter().enumerate() {
        all.push(change(&|setup| {
            setup.watched.remove(at);
        }));
        if watched.blocks > 1 {
            all.push(change(&|setup| setup.watched[at].blocks /= 2));
            all.push(change(&|setup| setup.watched[at].blocks -= 1));
        }
        all.extend(lower(watched.order).map(|order| change(&|s| s.watched[at].order = order)));
    }
    for (at, pages) in setup.files.iter().enumerate() {
        if *pages > 1 {
            all.push(change(&|setup| setup.files[at] /= 2));
            all.push(change(&|setup| setup.files[at] -= 1));
        }
    }
    all.extend(ampler(setup.tick).into_iter().map(|tick| change(&|setup| setup.tick = tick)));
    all
}

/// The same machine without this zone, or with a plainer one.
fn plainer_zones(setup: &Setup, at: usize) -> Vec<Setup> {
    let mut all = Vec::new();
    let zones = &setup.memory.zones;
    let change = |change: &dyn Fn(&mut ZonePlan)| {
        let mut plainer = setup.clone();
        change(&mut plainer.memory.zones[at]);
        plainer
    };
    if zones.len() > 1 {
        let mut without = setup.clone();
        without.memory.zones.remove(at);
        all.push(without);
    }
    let zone = &zones[at];
    if !zone.holes.is_empty() {
        all.push(change(&|zone| zone.holes.clear()));
    }
    if !zone.reserved.is_empty() {
        all.push(change(&|zone| zone.reserved.clear()));
    }
    if zone.zone == Zone::Dma && zones.len() == 1 && zone.unmanaged().next().is_none() {
        all.push(change(&|zone| (zone.zone, zone.run.base) = (Zone::Normal, DMA_END)));
    }
    let lowest = if zone.zone == Zone::Dma { Frame(0) } else { DMA_END };
    if zone.run.base > lowest && zone.unmanaged().next().is_none() {
        all.push(change(&|zone| zone.run.base = lowest));
    }
    for frames in [zone.run.frames / 2, zone.run.frames - 1] {
        if frames > 0 {
            all.push(change(&|zone| zone.run.frames = frames));
        }
    }
    all
}

/// The budgets that are less tight than this one, and not 0 where it is not.
fn ampler(budget: Budget) -> Vec<Budget> {
    let Budget { scanned, moved } = budget;
    let ampler = |part: u64, ample: u64| if part == 0 { 0 } else { ample };
    let (more_scanned, more_moved) = (ampler(scanned, AMPLE.scanned), ampler(moved, AMPLE.moved));
    let mut all = vec![
        Budget { scanned: more_scanned, moved: more_moved },
        Budget { scanned: more_scanned, moved },
        Budget { scanned, moved: more_moved },
    ];
    all.retain(|other| *other != budget);
    all
}

/// Without a file and the ops that name it.
fn without_file(case: &Case<Memory>, at: usize) -> Option<Case<Memory>> {
    let file = File(u8::try_from(at).ok()?);
    let mut without = case.clone();
    without.setup.files.remove(at);
    without.ops.retain(|op| file_of(&mut op.clone()).is_none_or(|other| *other != file));
    for other in without.ops.iter_mut().filter_map(file_of) {
        if *other > file {
            other.0 -= 1;
        }
    }
    Some(without)
}

fn file_of(op: &mut Op) -> Option<&mut File> {
    match op {
        Op::Map { area, .. } => match &mut area.backing {
            Backing::File { file, .. } => Some(file),
            Backing::Anonymous {} => None,
        },
        Op::Truncate { file, .. } | Op::Delete { file } | Op::StartWriteback { file, .. } => {
            Some(file)
        }
        _ => None,
    }
}

/// Without a kernel block, and without as many frames in a zone.
fn without_block(case: &Case<Memory>, at: usize) -> Vec<Case<Memory>> {
    let Op::Alloc { order, .. } = case.ops[at] else { return Vec::new() };
    let has_more = |zone: &&ZonePlan| order.0 < 32 && zone.run.frames > order.frames();
    let zones = case.setup.memory.zones.iter().enumerate().filter(|(_, zone)| has_more(zone));
    let smaller = zones.map(|(zone, _)| {
        let mut smaller = case.clone();
        smaller.setup.memory.zones[zone].run.frames -= order.frames();
        smaller.ops.remove(at);
        smaller
    });
    smaller.collect()
}

/// Steps one after the other go to the end at once.
fn finished(ops: &[Op]) -> Vec<Op> {
    let is_going_on = |op: &Op| matches!(op, Op::Step {} | Op::Finish {});
    let alike = ops.chunk_by(|one, next| is_going_on(one) && is_going_on(next));
    alike
        .flat_map(|ops| match ops.len() > 1 {
            true => vec![Op::Finish {}],
            false => ops.to_vec(),
        })
        .collect()
}

/// Writes of a process to pages one after the other are one op.
fn filled(ops: &[Op]) -> Vec<Op> {
    let mut all: Vec<Op> = Vec::new();
    for op in ops {
        let filled = all.last().and_then(|last| joined(last, op));
        match (filled, all.last_mut()) {
            (Some(filled), Some(last)) => *last = filled,
            _ => all.push(*op),
        }
    }
    all
}

/// Both as one, if they write to pages one after the other.
fn joined(one: &Op, next: &Op) -> Option<Op> {
    let written = |op: &Op| match *op {
        Op::Write { process, address, byte } => {
            Some((process, Pages { first: address.page, count: 1 }, byte))
        }
        Op::Fill { process, pages, byte } => Some((process, pages, byte)),
        _ => None,
    };
    let ((process, pages, byte), (other, behind, _)) = (written(one)?, written(next)?);
    let are_joined = process == other && pages.end() == u64::from(behind.first.0);
    let count = pages.count + behind.count;
    are_joined.then_some(Op::Fill { process, pages: Pages { count, ..pages }, byte })
}

/// Processes and holds are 0, 1, 2 and so on, as they are first named; these processes are so
/// already.
fn renamed(ops: &[Op], processes: &[u8]) -> Vec<Op> {
    let (mut ops, mut processes) = (ops.to_vec(), processes.to_vec());
    let [mut pins, mut writebacks, mut blocks] = [const { Vec::new() }; 3];
    for op in &mut ops {
        match op {
            Op::Fork { parent, child } => {
                rename(&mut processes, &mut parent.0);
                rename(&mut processes, &mut child.0);
            }
            Op::Pin { pin: Hold(hold), .. }
            | Op::Unpin { pin: Hold(hold) }
            | Op::DeviceWrite { pin: Hold(hold), .. } => rename(&mut pins, hold),
            Op::StartWriteback { io: Hold(hold), .. } | Op::EndWriteback { io: Hold(hold) } => {
                rename(&mut writebacks, hold);
            }
            Op::Alloc { block: Hold(hold), .. } | Op::Free { block: Hold(hold) } => {
                rename(&mut blocks, hold);
            }
            _ => {}
        }
        if let Some(Process(process)) = process_of(op) {
            rename(&mut processes, process);
        }
    }
    ops
}

fn rename(names: &mut Vec<u8>, name: &mut u8) {
    let known = names.iter().position(|known| known == name);
    let at = known.unwrap_or_else(|| {
        names.push(*name);
        names.len() - 1
    });
    *name = u8::try_from(at).unwrap_or(*name);
}

/// The one process that an op names.
fn process_of(op: &mut Op) -> Option<&mut Process> {
    match op {
        Op::Spawn { process }
        | Op::Exit { process }
        | Op::Map { process, .. }
        | Op::Unmap { process, .. }
        | Op::Remap { process, .. }
        | Op::Read { process, .. }
        | Op::Write { process, .. }
        | Op::Fill { process, .. }
        | Op::Pin { process, .. }
        | Op::Lock { process, .. }
        | Op::Unlock { process, .. }
        | Op::Migrate { process, .. } => Some(process),
        _ => None,
    }
}

/// The parts of the address space that ops name come right behind each other, from page 0 on, with
/// a page between them where there were some. What is past its end stays there.
fn gathered(ops: &[Op]) -> Vec<Op> {
    let mut parts: Vec<Pages> = ops.iter().flat_map(parts_of).filter(Pages::is_in_space).collect();
    parts.sort_by_key(|pages| pages.first);
    // The first page and the end of each stretch, and how far down it goes.
    let mut stretches: Vec<(u64, u64, u64)> = Vec::new();
    for pages in parts {
        let first = u64::from(pages.first.0);
        match stretches.last_mut() {
            Some((_, end, _)) if first <= *end => *end = pages.end().max(*end),
            Some(&mut (_, end, down)) => {
                stretches.push((first, pages.end(), down + (first - end - 1)));
            }
            None => stretches.push((first, pages.end(), first)),
        }
    }
    let move_down = |page: &mut Page| {
        let at = u64::from(page.0);
        let stretch = stretches.iter().find(|(first, end, _)| (*first..*end).contains(&at));
        if let Some((_, _, down)) = stretch.filter(|_| page.0 < SPACE_PAGES) {
            page.0 = u32::try_from(at - down).unwrap_or(page.0);
        }
    };
    let mut ops = ops.to_vec();
    ops.iter_mut().flat_map(firsts_of).for_each(move_down);
    ops
}

/// The pages that an op names.
fn parts_of(op: &Op) -> Vec<Pages> {
    let one = |page: Page| Pages { first: page, count: 1 };
    match *op {
        Op::Map { area, .. } => vec![area.pages],
        Op::Unmap { pages, .. } | Op::Fill { pages, .. } => vec![pages],
        Op::Remap { pages, to, .. } => vec![pages, Pages { first: to, ..pages }],
        Op::Read { address, .. } | Op::Write { address, .. } => vec![one(address.page)],
        Op::Pin { page, .. }
        | Op::Lock { page, .. }
        | Op::Unlock { page, .. }
        | Op::Migrate { page, .. } => vec![one(page)],
        _ => Vec::new(),
    }
}

/// The first of each of these.
fn firsts_of(op: &mut Op) -> Vec<&mut Page> {
    match op {
        Op::Map { area, .. } => vec![&mut area.pages.first],
        Op::Unmap { pages, .. } | Op::Fill { pages, .. } => vec![&mut pages.first],
        Op::Remap { pages, to, .. } => vec![&mut pages.first, to],
        Op::Read { address, .. } | Op::Write { address, .. } => vec![&mut address.page],
        Op::Pin { page, .. }
        | Op::Lock { page, .. }
        | Op::Unlock { page, .. }
        | Op::Migrate { page, .. } => vec![page],
        _ => Vec::new(),
    }
}

fn plainer(op: Op) -> Vec<Op> {
    let mut all = Vec::new();
    match op {
        Op::Fork { child, .. } => all.push(Op::Spawn { process: child }),
        Op::Map { .. } => all.extend(plainer_maps(op)),
        Op::Fill { process, pages, byte } => {
            if byte != 1 {
                all.push(Op::Fill { process, pages, byte: 1 });
            }
            let one = Address { page: pages.first, offset: 0 };
            all.push(Op::Write { process, address: one, byte });
            let fewer = fewer(pages).into_iter();
            all.extend(fewer.map(|pages| Op::Fill { process, pages, byte }));
        }
        Op::Unmap { process, pages } => {
            all.extend(fewer(pages).into_iter().map(|pages| Op::Unmap { process, pages }));
        }
        Op::Remap { process, pages, to } => {
            all.extend(fewer(pages).into_iter().map(|pages| Op::Remap { process, pages, to }));
        }
        Op::Truncate { file, pages } => {
            all.extend(less(pages).into_iter().map(|pages| Op::Truncate { file, pages }));
        }
        Op::Read { process, mut address } if address.offset > 0 => {
            address.offset = 0;
            all.push(Op::Read { process, address });
        }
        Op::Write { process, mut address, byte } => {
            if byte != 1 {
                all.push(Op::Write { process, address, byte: 1 });
            }
            if address.offset > 0 {
                address.offset = 0;
                all.push(Op::Write { process, address, byte });
            }
        }
        Op::DeviceWrite { pin, offset, byte } if (offset, byte) != (0, 1) => {
            all.push(Op::DeviceWrite { pin, offset: 0, byte: 1 });
        }
        Op::StartWriteback { io, file, index } => {
            all.extend(less(index).into_iter().map(|index| Op::StartWriteback { io, file, index }));
        }
        Op::Alloc { block, order } => {
            all.extend(lower(order).map(|order| Op::Alloc { block, order }));
        }
        Op::Defragment { order, budget } => {
            let budgets = ampler(budget).into_iter();
            all.extend(budgets.map(|budget| Op::Defragment { order, budget }));
            all.extend(lower(order).map(|order| Op::Defragment { order, budget }));
        }
        Op::FailAfter { requests } => {
            all.extend(less(requests).into_iter().map(|requests| Op::FailAfter { requests }));
        }
        _ => {}
    }
    all
}

fn plainer_maps(op: Op) -> Vec<Op> {
    let Op::Map { process, area } = op else { return Vec::new() };
    let mut areas = Vec::new();
    let mut change = |change: &dyn Fn(&mut Area)| {
        let mut plainer = area;
        change(&mut plainer);
        areas.push(plainer);
    };
    if let Backing::File { file, index } = area.backing {
        change(&|area| area.backing = Backing::Anonymous {});
        for index in less(index) {
            change(&|area| area.backing = Backing::File { file, index });
        }
    }
    if area.sharing == Sharing::Shared {
        change(&|area| area.sharing = Sharing::Private);
    }
    if !area.writable {
        change(&|area| area.writable = true);
    }
    for pages in fewer(area.pages) {
        change(&|area| area.pages = pages);
    }
    areas.into_iter().map(|area| Op::Map { process, area }).collect()
}

/// Fewer of these pages, but some.
fn fewer(pages: Pages) -> Vec<Pages> {
    let Pages { first, count } = pages;
    if count < 2 {
        return Vec::new();
    }
    let mut all = vec![Pages { first, count: count / 2 }, Pages { first, count: count - 1 }];
    all.extend(first.0.checked_add(1).map(|next| Pages { first: Page(next), count: count - 1 }));
    all
}

fn less(number: u32) -> Vec<u32> {
    let mut all = vec![0, number / 2, number.saturating_sub(1)];
    all.retain(|less| *less < number);
    all.dedup();
    all
}

fn lower(order: Order) -> Option<Order> {
    order.0.checked_sub(1).map(Order)
}
