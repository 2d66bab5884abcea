//! The exhaustive small tier: what comes between the steps of a migration, requests that fail one
//! after the other, and passes over every way to fill eight frames.
//!
//! It does not cover several zones, holes, and watched orders among which there is a conflict.

use super::super::contract::Profile;
use super::super::{
    Address, Area, Backing, Budget, File, Hold, Memory, Order, Page, Pages, Place, Process, Setup,
    Sharing, Watched,
};
use super::Op;
use super::admit::check_op;
use super::draft::Draft;
use crate::core::Case;
use crate::frames::{self, DMA_END, Zone, ZonePlan};

/// The frames of a machine on which a page is migrated.
const FRAMES: u64 = 16;
/// The frames of a machine that is filled.
const FEW_FRAMES: u32 = 8;
/// The greatest order.
const MOST: Order = Order(3);
/// What no pass over these machines uses up.
const AMPLE: Budget = Budget { scanned: 1024, moved: 64 };
/// How many steps a migration of two PTEs has, where each is frozen, flushed and restored by itself.
const STEPS: usize = 8;
/// How many more it has when it comes to more PTEs in its course.
const MORE_STEPS: usize = 4;
/// In how many ways eight frames have a page, a kernel block, or nothing.
const OCCUPANCIES: u32 = 6561;
/// How far the second of two things is behind the first, in steps.
const APART: [usize; 3] = [0, 1, 3];
/// How many pages a pass moves at most, of those in eight frames.
const MOVES: u32 = FEW_FRAMES / 2;
/// How far pages are moved away.
const FAR: u32 = 8;
/// The one file.
const FILE: File = File(0);

/// Everything that can be done after each step of a migration, and two such things after each other;
/// short histories; two passes, or ticks, over every way to have pages, kernel blocks and nothing in
/// eight frames. Then all of that again for each request for a frame in it, which fails.
pub(in super::super) fn small(profile: &Profile) -> Box<dyn Iterator<Item = Case<Memory>>> {
    let failing = profile.failures.then(|| {
        let of = profile.clone();
        undisturbed(profile).flat_map(move |case| failing(&of, &case))
    });
    Box::new(undisturbed(profile).chain(failing.into_iter().flatten()))
}

/// Those in which no failure is asked for, but for that which comes between steps.
fn undisturbed(profile: &Profile) -> impl Iterator<Item = Case<Memory>> + use<> {
    let between = worlds().into_iter().flat_map({
        let profile = profile.clone();
        move |world| between_steps(&profile, &world)
    });
    let histories = histories().into_iter().map({
        let profile = profile.clone();
        move |history| with_an_end(&profile, history)
    });
    between.chain(histories).chain(passes(profile)).chain(ticks(profile))
}

/// Each request for a frame that a case makes fails once, with a look right before the op that makes
/// it and right after it.
fn failing(profile: &Profile, case: &Case<Memory>) -> Vec<Case<Memory>> {
    let mut draft = Draft::default();
    draft.begin(&case.setup);
    let mut cases = Vec::new();
    for (at, op) in case.ops.iter().enumerate() {
        let before = draft.requested();
        draft.apply(op);
        let needed = match op {
            Op::Fork { .. } if profile.fork_copies_pinned => draft.pins.len() as u64,
            Op::Defragment { .. } | Op::Tick {} => MOVES.into(),
            _ => draft.requested() - before,
        };
        for requests in (0..needed).filter_map(|requests| u32::try_from(requests).ok()) {
            let (past, rest) = case.ops.split_at(at);
            let mut ops = past.to_vec();
            ops.extend([Op::Look {}, Op::FailAfter { requests }, *op, Op::Look {}]);
            ops.extend(&rest[1..]);
            ops.retain(|op| check_op(profile, op).is_ok());
            cases.push(Case { setup: case.setup.clone(), ops });
        }
    }
    cases
}

fn setup(frames: u64, watched: Option<Watched>, tick: Budget) -> Setup {
    let zones = vec![ZonePlan::new(Zone::Normal, DMA_END, frames)];
    let memory = frames::Setup { zones, most: MOST, pageblock: None };
    Setup { memory, files: vec![3], watched: watched.into_iter().collect(), tick }
}

/// The case with those of these ops that are for this profile.
fn case(profile: &Profile, setup: Setup, mut ops: Vec<Op>) -> Case<Memory> {
    ops.retain(|op| check_op(profile, op).is_ok());
    Case { setup, ops }
}

/// A page that two processes share, at these places, and a third that could share it or not.
struct World {
    ops: Vec<Op>,
    places: [Place; 3],
    has_file: bool,
}

fn worlds() -> Vec<World> {
    let sharings = [Sharing::Private, Sharing::Shared].into_iter();
    sharings.flat_map(|sharing| [family(sharing), sharers_of_the_file(sharing)]).collect()
}

/// A parent, its child, and another that has a page like theirs.
fn family(sharing: Sharing) -> World {
    let places = [place(0, 0), place(1, 0), place(2, 0)];
    let ops = vec![
        map(0, 0, Backing::Anonymous {}, sharing),
        write(places[0], 200),
        Op::Fork { parent: Process(0), child: Process(1) },
        Op::Spawn { process: Process(2) },
        map(2, 0, Backing::Anonymous {}, sharing),
    ];
    World { ops, places, has_file: false }
}

/// Two processes that have read a file's page, mapped at different offsets; the third could.
fn sharers_of_the_file(sharing: Sharing) -> World {
    let places = [place(0, 1), place(1, 0), place(2, 3)];
    let backing = |index| Backing::File { file: FILE, index };
    let mut ops: Vec<Op> = (1..3).map(|at| Op::Spawn { process: Process(at) }).collect();
    ops.push(map(0, 0, backing(0), sharing));
    ops.push(map(1, 0, backing(1), sharing));
    ops.push(map(2, 2, backing(0), Sharing::Shared));
    ops.extend([read(places[0]), read(places[1])]);
    World { ops, places, has_file: true }
}

fn between_steps(profile: &Profile, world: &World) -> Vec<Case<Memory>> {
    let is_admitted = |ops: &Vec<Op>| ops.iter().all(|op| check_op(profile, op).is_ok());
    let mut main = main_things(world);
    let mut all = [main.clone(), other_things(world)].concat();
    main.retain(is_admitted);
    all.retain(is_admitted);
    let stages = if profile.steps { 0..STEPS } else { 0..1 };
    let mut cases = Vec::new();
    for at in stages {
        for thing in &all {
            cases.push(migration(profile, world, &[(at, thing)]));
        }
        let seconds = APART.iter().filter(|apart| profile.steps || **apart == 0);
        for second in seconds.map(|apart| at + apart) {
            for one in &main {
                for other in &main {
                    let other: Vec<Op> = other.iter().copied().map(renumbered).collect();
                    cases.push(migration(profile, world, &[(at, one), (second, &other)]));
                }
            }
        }
    }
    cases
}

/// The page is migrated, these things are done after so many steps, and all is looked at in the end.
fn migration(profile: &Profile, world: &World, things: &[(usize, &Vec<Op>)]) -> Case<Memory> {
    let [Place { process, page }, ..] = world.places;
    let mut ops = world.ops.clone();
    ops.push(Op::Migrate { process, page });
    for step in 0..STEPS + MORE_STEPS {
        for (_, thing) in things.iter().filter(|(at, _)| *at == step) {
            ops.extend(*thing);
        }
        ops.push(Op::Step {});
    }
    ops.push(Op::Look {});
    ops.extend(world.places.iter().map(|place| read(*place)));
    ops.extend(world.places.iter().map(|Place { process, page }| {
        let page = Page(page.0 + FAR);
        read(Place { process: *process, page })
    }));
    ops.extend([read(Place { process: Process(3), page }), Op::Look {}, Op::Teardown {}]);
    case(profile, setup(FRAMES, Some(Watched { order: MOST, blocks: 2 }), AMPLE), ops)
}

/// What is done in the course of a migration, also one after the other.
fn main_things(world: &World) -> Vec<Vec<Op>> {
    let [mine, other, third] = world.places;
    let pin = Hold(0);
    let remap = |place: Place| Op::Remap {
        process: place.process,
        pages: Pages { first: place.page, count: 1 },
        to: Page(place.page.0 + FAR),
    };
    let fork = |place: Place| Op::Fork { parent: place.process, child: Process(3) };
    let mut all = vec![
        vec![write(mine, 2)],
        vec![write(other, 2)],
        vec![read(other)],
        vec![pinned(mine)],
        vec![pinned(other)],
        vec![pinned(other), Op::DeviceWrite { pin, offset: 0, byte: 2 }, Op::Unpin { pin }],
        vec![Op::Lock { process: other.process, page: other.page }],
        vec![fork(mine)],
        vec![fork(other)],
        vec![unmap(mine)],
        vec![unmap(other)],
        vec![remap(mine)],
        vec![remap(other)],
        vec![Op::Exit { process: mine.process }],
        vec![Op::Exit { process: other.process }],
        vec![Op::Alloc { block: Hold(0), order: Order(0) }],
        vec![Op::Defragment { order: MOST, budget: AMPLE }],
    ];
    if world.has_file {
        all.extend([
            vec![write(third, 2)],
            vec![read(third)],
            vec![Op::Truncate { file: FILE, pages: 1 }],
            vec![Op::Delete { file: FILE }],
        ]);
    }
    all
}

/// What is done by itself.
fn other_things(world: &World) -> Vec<Vec<Op>> {
    let [mine, other, third] = world.places;
    let (pin, io, block) = (Hold(0), Hold(0), Hold(0));
    let migrate = |Place { process, page }| Op::Migrate { process, page };
    let lock = |Place { process, page }| Op::Lock { process, page };
    let unlock = |Place { process, page }| Op::Unlock { process, page };
    let write_back = Op::StartWriteback { io, file: FILE, index: 1 };
    let [shorter, longer] = [1, 3].map(|pages| Op::Truncate { file: FILE, pages });
    let all = Pages { first: Page(0), count: FAR };
    vec![
        vec![read(mine)],
        vec![write(mine, 2), read(other), write(other, 3), read(mine)],
        vec![pinned(mine), Op::Unpin { pin }],
        vec![pinned(third)],
        vec![lock(mine)],
        vec![lock(mine), unlock(mine)],
        vec![unlock(other)],
        vec![lock(third)],
        vec![Op::Unmap { process: mine.process, pages: all }],
        vec![Op::Unmap { process: third.process, pages: all }],
        vec![Op::Exit { process: third.process }],
        vec![Op::Exit { process: mine.process }, Op::Exit { process: other.process }],
        vec![Op::Alloc { block, order: MOST }],
        vec![Op::Alloc { block, order: Order(0) }, Op::Free { block }],
        vec![write_back],
        vec![write_back, Op::EndWriteback { io }],
        vec![shorter, longer, read(mine)],
        vec![Op::Defragment { order: Order(1), budget: AMPLE }],
        [fragments(third.process), vec![Op::Defragment { order: MOST, budget: AMPLE }]].concat(),
        [fragments(mine.process), vec![Op::Tick {}]].concat(),
        vec![Op::Tick {}],
        vec![migrate(mine)],
        vec![read(third), migrate(third)],
        vec![Op::FailAfter { requests: 0 }, write(mine, 2)],
        vec![Op::Look {}],
        vec![Op::Teardown {}],
    ]
}

/// The same with other numbers, as it comes second.
fn renumbered(op: Op) -> Op {
    let next = |hold: Hold| Hold(hold.0 + 1);
    match op {
        Op::Write { process, address, byte } => Op::Write { process, address, byte: byte + 1 },
        Op::Pin { pin, process, page } => Op::Pin { pin: next(pin), process, page },
        Op::Unpin { pin } => Op::Unpin { pin: next(pin) },
        Op::DeviceWrite { pin, offset, byte } => {
            Op::DeviceWrite { pin: next(pin), offset, byte: byte + 1 }
        }
        Op::Fork { parent, child } => Op::Fork { parent, child: Process(child.0 + 1) },
        Op::Alloc { block, order } => Op::Alloc { block: next(block), order },
        other => other,
    }
}

/// A short history is looked at, and goes on for a while.
fn with_an_end(profile: &Profile, mut ops: Vec<Op>) -> Case<Memory> {
    ops.push(Op::Look {});
    ops.extend([0, 1].map(|process| read(place(process, 0))));
    ops.extend([Op::Step {}; STEPS]);
    ops.extend([Op::Look {}, Op::Teardown {}]);
    case(profile, setup(FRAMES, None, AMPLE), ops)
}

/// Short histories, each with an op at its end that needs frames.
fn histories() -> Vec<Vec<Op>> {
    let mine = place(0, 0);
    let Place { process, page } = mine;
    let backings = [Backing::Anonymous {}, Backing::File { file: FILE, index: 0 }];
    let mut all = Vec::new();
    for backing in backings {
        for sharing in [Sharing::Private, Sharing::Shared] {
            let with = |ops: &[Op]| [&[map(0, 0, backing, sharing)], ops].concat();
            let fork = Op::Fork { parent: process, child: Process(1) };
            let pin = |page: u8| Op::Pin { pin: Hold(page), process, page: Page(page.into()) };
            all.extend([
                with(&[write(mine, 2)]),
                with(&[read(mine), write(mine, 2)]),
                with(&[pinned(mine)]),
                with(&[Op::Lock { process, page }]),
                with(&[write(mine, 2), fork, write(mine, 3)]),
                with(&[write(mine, 2), fork, pinned(place(1, 0))]),
                with(&[pin(0), pin(1), fork]),
                with(&[write(mine, 2), fork, Op::Migrate { process, page }]),
                with(&[Op::Alloc { block: Hold(0), order: Order(1) }]),
            ]);
        }
    }
    all
}

/// Two passes for the greatest order, and one for each of two others, over every way to fill eight
/// frames.
fn passes(profile: &Profile) -> impl Iterator<Item = Case<Memory>> + use<> {
    let profile = profile.clone();
    let count = if profile.planner.is_some() { OCCUPANCIES } else { 0 };
    let pass = |order| Op::Defragment { order, budget: AMPLE };
    (0..count).flat_map(move |number| {
        [[MOST, MOST], [Order(1), Order(2)]]
            .map(|orders| filled(&profile, number, None, &orders.map(pass)))
    })
}

/// Two ticks over every way to have pages or nothing in eight frames, with an order watched.
fn ticks(profile: &Profile) -> impl Iterator<Item = Case<Memory>> + use<> {
    let profile = profile.clone();
    let count = if profile.daemon { 1u32 << FEW_FRAMES } else { 0 };
    (0..count).flat_map(move |pages| {
        // The same to the base 3.
        let bits = (0..FEW_FRAMES).rev();
        let number = bits.fold(0, |number, bit| 3 * number + (pages >> bit & 1));
        let mut cases = Vec::new();
        for (order, blocks) in [(1, 2), (1, 3), (2, 1), (3, 1)] {
            let watched = Watched { order: Order(order), blocks };
            for moved in [1, AMPLE.moved] {
                let tick = Budget { moved, ..AMPLE };
                cases.push(filled(&profile, number, Some((watched, tick)), &[Op::Tick {}; 2]));
            }
        }
        cases
    })
}

/// Eight frames are filled, some of them freed, and then these ops done, with looks before and after
/// each. What a frame holds is a digit of the number to the base 3: nothing, a page, or a kernel
/// block.
fn filled(
    profile: &Profile,
    number: u32,
    daemon: Option<(Watched, Budget)>,
    then: &[Op],
) -> Case<Memory> {
    let (watched, tick) = daemon.unzip();
    let setup = setup(FEW_FRAMES.into(), watched, tick.unwrap_or(AMPLE));
    let process = Process(0);
    let pages = Pages { first: Page(0), count: FEW_FRAMES };
    let backing = Backing::Anonymous {};
    let area = Area { pages, backing, sharing: Sharing::Private, writable: true };
    let mut ops = vec![Op::Map { process, area }];
    let mut freed = Vec::new();
    let mut reads = Vec::new();
    for (at, digit) in (0..8u8).map(|at| (at, number / 3u32.pow(at.into()) % 3)) {
        let (block, page) = (Hold(at), place(0, at.into()));
        let is_kernel = digit == 2 || digit == 0 && at % 2 == 1;
        ops.push(match is_kernel {
            true => Op::Alloc { block, order: Order(0) },
            false => write(page, 1 + at),
        });
        match (digit, is_kernel) {
            (0, true) => freed.push(Op::Free { block }),
            (0, false) => freed.push(unmap(page)),
            (1, _) => reads.push(read(page)),
            _ => {}
        }
    }
    ops.extend(freed);
    ops.push(Op::Look {});
    ops.extend(then.iter().flat_map(|op| [*op, Op::Look {}]));
    ops.extend(reads);
    ops.push(Op::Teardown {});
    case(profile, setup, ops)
}

/// All memory that is left is filled with pages of this process, and every other unmapped.
fn fragments(process: Process) -> Vec<Op> {
    const PAGES: u32 = 12;
    let pages = Pages { first: Page(16), count: PAGES };
    let backing = Backing::Anonymous {};
    let area = Area { pages, backing, sharing: Sharing::Private, writable: true };
    let mut ops = vec![Op::Map { process, area }];
    let all = (16..16 + PAGES).map(|page| Place { process, page: Page(page) });
    ops.extend(all.clone().map(|place| write(place, 9)));
    ops.extend(all.step_by(2).map(unmap));
    ops
}

fn place(process: u8, page: u32) -> Place {
    Place { process: Process(process), page: Page(page) }
}

/// Two pages that can be written.
fn map(process: u8, first: u32, backing: Backing, sharing: Sharing) -> Op {
    let pages = Pages { first: Page(first), count: 2 };
    let area = Area { pages, backing, sharing, writable: true };
    Op::Map { process: Process(process), area }
}

fn read(Place { process, page }: Place) -> Op {
    Op::Read { process, address: Address { page, offset: 0 } }
}

fn write(Place { process, page }: Place, byte: u8) -> Op {
    Op::Write { process, address: Address { page, offset: 0 }, byte }
}

fn pinned(Place { process, page }: Place) -> Op {
    Op::Pin { pin: Hold(0), process, page }
}

fn unmap(Place { process, page }: Place) -> Op {
    Op::Unmap { process, pages: Pages { first: page, count: 1 } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_of_a_case_fails_in_a_case_of_its_own() {
        let fork = Op::Fork { parent: Process(0), child: Process(1) };
        let file = map(0, 0, Backing::File { file: FILE, index: 0 }, Sharing::Private);
        let [mine, other] = [place(0, 0), place(1, 0)];
        // The file's page and the copy, nothing, and another copy.
        let ops = vec![file, write(mine, 2), fork, read(other), write(other, 3)];
        let setup = setup(FRAMES, None, AMPLE);
        let failing = failing(&Profile::full(), &Case { setup, ops });
        let fails: Vec<(usize, u32)> = failing
            .iter()
            .map(|case| {
                let mut ops = case.ops.iter().enumerate();
                let at = ops.find_map(|(at, op)| match op {
                    Op::FailAfter { requests } => Some((at, *requests)),
                    _ => None,
                });
                at.expect("a request fails")
            })
            .collect();
        assert_eq!(fails, [(2, 0), (2, 1), (5, 0)]);
        assert_eq!(
            failing[2].ops[4..],
            [Op::Look {}, Op::FailAfter { requests: 0 }, write(other, 3), Op::Look {}]
        );
    }
}
