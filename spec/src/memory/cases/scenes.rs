//! Ops that belong together: what random ops would rarely come to by themselves, and cost few bytes.
//!
//! It does not cover what comes between them: other ops may, where nothing is to be seen right
//! before and right after.

use arbitrary::{Result, Unstructured};

use super::super::contract::Profile;
use super::super::{
    Address, Area, Backing, Budget, File, Hold, Order, Page, Pages, Place, Process, Setup, Sharing,
};
use super::Op;
use super::draft::{Draft, unused_hold};
use super::draw::{below, draw_budget, draw_byte, draw_offset, draw_pass_order, files, nth};
use crate::core::{one_in, pick};

/// How many frames a scene leaves free before it fills what is left page by page.
const FEW_FRAMES: u64 = 12;
/// How many kernel blocks take the others.
const FEW_BLOCKS: usize = 6;

/// A scene while it is planned.
struct Scene<'d> {
    profile: &'d Profile,
    draft: &'d mut Draft,
    /// How many of the processes that there are play in it.
    known: usize,
    /// How many it has made.
    made: usize,
    /// The kernel blocks that it has taken.
    blocks: u8,
    /// Where in a page it wrote last.
    offset: u16,
}

/// Plans a scene.
pub(super) fn plan_scene(
    u: &mut Unstructured<'_>,
    setup: &Setup,
    profile: &Profile,
    draft: &mut Draft,
) -> Result<()> {
    let named: Vec<File> = files(draft).collect();
    let file = nth(named, u.arbitrary()?);
    let mut scene = Scene { profile, draft, known: 0, made: 0, blocks: 0, offset: 0 };
    match (u.arbitrary::<u8>()? % 16, file) {
        (0..=3, _) => scene.plan_family(u, setup),
        (4 | 5, Some(file)) => scene.plan_sharers_of_a_file(u, setup, file),
        (6, Some(file)) => scene.plan_private_file(u, file),
        (7, _) => scene.plan_held_blocks(u, setup),
        (8 | 9, _) => scene.plan_lack(u, setup, file),
        (10, _) => scene.plan_failure(u, setup, file),
        (11, _) => scene.plan_lock(u, setup),
        (12 | 13, _) => scene.plan_sharers_in_fragments(u, setup, file),
        _ => scene.plan_fragments(u, setup),
    }
}

impl Scene<'_> {
    fn next(&mut self, op: Op) {
        self.draft.plan(self.profile, op);
    }

    fn later(&mut self, op: Op) {
        self.draft.plan_later(self.profile, op);
    }

    /// An op with a look right before and right after it.
    fn between_looks(&mut self, op: Op) {
        self.later(Op::Look {});
        self.next(op);
        self.next(Op::Look {});
    }

    /// A process that the scene does not have yet: one that there is, or a new one.
    fn process(&mut self) -> Process {
        let known = self.draft.spaces.keys().nth(self.known).copied();
        self.known += 1;
        known.unwrap_or_else(|| {
            let process = self.unused_process();
            self.later(Op::Spawn { process });
            process
        })
    }

    fn fork(&mut self, parent: Process) -> Process {
        let child = self.unused_process();
        self.later(Op::Fork { parent, child });
        child
    }

    fn unused_process(&mut self) -> Process {
        self.made += 1;
        self.draft.unused_process(self.made - 1)
    }

    /// Maps an area from this page on, or where there is room; where it is then.
    fn map(&mut self, process: Process, from: u32, count: u32, of: (Backing, Sharing)) -> Page {
        let first = self.draft.room(process, from, count);
        let pages = Pages { first, count };
        let area = Area { pages, backing: of.0, sharing: of.1, writable: true };
        self.later(Op::Map { process, area });
        first
    }

    fn write(&mut self, u: &mut Unstructured<'_>, Place { process, page }: Place) -> Result<()> {
        self.offset = draw_offset(u)?;
        let address = Address { page, offset: self.offset };
        let byte = draw_byte(u)?;
        self.later(Op::Write { process, address, byte });
        Ok(())
    }

    /// All read the byte that was written last.
    fn read_all(&mut self, places: &[Place]) {
        for Place { process, page } in places {
            let address = Address { page: *page, offset: self.offset };
            self.later(Op::Read { process: *process, address });
        }
    }

    /// A process, up to three that are forked from it, and a page that they share.
    fn plan_family(&mut self, u: &mut Unstructured<'_>, setup: &Setup) -> Result<()> {
        let first = below(u, 16)?;
        let shared = if one_in(u, 4)? { Sharing::Shared } else { Sharing::Private };
        let parent = self.process();
        let page = self.map(parent, first, 1 + first % 3, (Backing::Anonymous {}, shared));
        self.write(u, Place { process: parent, page })?;
        let mut family = vec![parent];
        for tag in 0..1 + below(u, 3)? {
            let of = if tag == 2 { family[family.len() - 1] } else { parent };
            family.push(self.fork(of));
        }
        let places: Vec<Place> =
            family.into_iter().map(|process| Place { process, page }).collect();
        match one_in(u, 4)? {
            true => {
                let at = u.arbitrary()?;
                self.write(u, nth(places.clone(), at).unwrap_or(places[0]))?;
                self.read_all(&places);
            }
            false => self.plan_migration(u, setup, &places, None)?,
        }
        Ok(())
    }

    /// Three processes that map a page of a file, each at another offset.
    fn plan_sharers_of_a_file(
        &mut self,
        u: &mut Unstructured<'_>,
        setup: &Setup,
        file: File,
    ) -> Result<()> {
        let (pages, _) = self.draft.files[usize::from(file.0)];
        let target = below(u, pages.min(8))?;
        let first = below(u, 16)?;
        let mut places = Vec::new();
        for at in 0..3 {
            let process = self.process();
            let index = target.saturating_sub(at);
            let sharing =
                if at == 2 && first % 2 == 0 { Sharing::Private } else { Sharing::Shared };
            let backing = Backing::File { file, index };
            let start = self.map(process, first + 2 * at, at + 1 + first % 2, (backing, sharing));
            places.push(Place { process, page: Page(start.0 + (target - index)) });
        }
        self.write(u, places[0])?;
        self.read_all(&places[1..]);
        self.plan_migration(u, setup, &places, Some((file, target)))
    }

    /// Private pages of a file in two processes, written before and after a fork, and a third that
    /// shares the file.
    fn plan_private_file(&mut self, u: &mut Unstructured<'_>, file: File) -> Result<()> {
        let first = below(u, 16)?;
        let mut places = Vec::new();
        for sharing in [Sharing::Private, Sharing::Private, Sharing::Shared] {
            let process = self.process();
            let page = self.map(process, first, 2, (Backing::File { file, index: 0 }, sharing));
            places.push(Place { process, page });
        }
        let order = u.arbitrary::<u8>()?;
        if order % 2 == 0 {
            self.read_all(&places);
        }
        self.write(u, places[usize::from(order / 2) % 3])?;
        places.push(Place { process: self.fork(places[0].process), ..places[0] });
        self.write(u, places[usize::from(order / 8) % 4])?;
        self.read_all(&places);
        self.later(Op::Look {});
        Ok(())
    }

    /// The page at these places is migrated; at some step something else is done to it, and then all
    /// read it.
    fn plan_migration(
        &mut self,
        u: &mut Unstructured<'_>,
        setup: &Setup,
        places: &[Place],
        of: Option<(File, u32)>,
    ) -> Result<()> {
        let Some(Place { process, page }) = nth(places.to_vec(), u.arbitrary()?) else {
            return Ok(());
        };
        let begin = Op::Migrate { process, page };
        if one_in(u, 3)? {
            self.between_looks(begin);
        } else {
            self.later(begin);
        }
        let steps = 3 * places.len() + 2;
        let disturbed = usize::from(u.arbitrary::<u8>()?) % steps;
        for step in 0..steps {
            if step == disturbed {
                self.plan_disturbance(u, setup, places, of)?;
            }
            if step > disturbed && one_in(u, 3)? {
                self.later(Op::Finish {});
                break;
            }
            self.later(Op::Step {});
        }
        self.read_all(places);
        self.next(Op::Look {});
        Ok(())
    }

    /// One or two things that can be done to a page while it is being migrated.
    fn plan_disturbance(
        &mut self,
        u: &mut Unstructured<'_>,
        setup: &Setup,
        places: &[Place],
        of: Option<(File, u32)>,
    ) -> Result<()> {
        for _ in 0..1 + below(u, 2)? {
            let place = nth(places.to_vec(), u.arbitrary()?).unwrap_or(places[0]);
            let Place { process, page } = place;
            let pages = Pages { first: page, count: 1 };
            let pin = unused_hold(&self.draft.pins);
            let io = unused_hold(&self.draft.writebacks);
            match (u.arbitrary::<u8>()? % 16, of) {
                (0..=2, _) => self.write(u, place)?,
                (3, _) => self.read_all(&[place]),
                (4, _) => self.later(Op::Pin { pin, process, page }),
                (5, _) => {
                    self.later(Op::Pin { pin, process, page });
                    self.next(Op::DeviceWrite { pin, offset: 0, byte: draw_byte(u)? });
                    self.later(Op::Unpin { pin });
                }
                (6, _) => drop(self.fork(process)),
                (7, _) => self.later(Op::Unmap { process, pages }),
                (8, _) => self.later(Op::Remap { process, pages, to: Page(page.0 + 32) }),
                (9, _) => self.later(Op::Exit { process }),
                (10, Some((file, index))) => self.later(Op::Truncate { file, pages: index }),
                (11, Some((file, index))) => self.later(Op::StartWriteback { io, file, index }),
                (12, Some((file, _))) => self.later(Op::Delete { file }),
                (13, _) => {
                    let budget = draw_budget(u, setup.memory.frames())?;
                    self.between_looks(Op::Defragment { order: setup.memory.most, budget });
                }
                (14, _) => self.later(Op::Lock { process, page }),
                _ => drop(self.alloc(Order(0))),
            }
        }
        Ok(())
    }

    fn alloc(&mut self, order: Order) -> Hold {
        let taken = unused_hold(&self.draft.blocks).0;
        let block = Hold(taken.saturating_add(self.blocks));
        self.blocks += 1;
        self.later(Op::Alloc { block, order });
        block
    }

    /// Takes kernel blocks until so few frames are free, if not many are needed; how many are free
    /// then.
    fn fill(&mut self, setup: &Setup, keep: u64) -> u64 {
        let mut free = self.draft.free();
        for _ in 0..FEW_BLOCKS {
            let fits = |order: &Order| order.frames() + keep <= free;
            let Some(order) = (0..=setup.memory.most.0).rev().map(Order).find(fits) else { break };
            self.alloc(order);
            free -= order.frames();
        }
        free
    }

    /// Memory is filled, by pages of two processes or of the kernel too, and a part of it freed; then
    /// there are two passes, or ticks.
    fn plan_fragments(&mut self, u: &mut Unstructured<'_>, setup: &Setup) -> Result<()> {
        let keep = FEW_FRAMES - u64::from(below(u, 6)?);
        let free = self.fill(setup, keep);
        let count = u32::try_from(free.min(FEW_FRAMES)).unwrap_or(0).max(1);
        let (kept, gone) = (self.process(), self.process());
        let [first, other] = [kept, gone]
            .map(|process| self.map(process, 8, count, (Backing::Anonymous {}, Sharing::Private)));
        let kinds: u8 = u.arbitrary()?;
        let mut blocks = Vec::new();
        for at in 0..count {
            let (process, first) = if at % 2 == 0 { (kept, first) } else { (gone, other) };
            match kinds >> (at % 8) & 1 {
                1 if kinds.is_multiple_of(3) => blocks.push(self.alloc(Order(0))),
                _ => self.write(u, Place { process, page: Page(first.0 + at) })?,
            }
        }
        for (at, block) in blocks.into_iter().enumerate() {
            if at % 2 == 0 || kinds > 128 {
                self.later(Op::Free { block });
            }
        }
        self.later(Op::Exit { process: gone });
        if kinds.is_multiple_of(4) {
            let pages = Pages { first, count: 1 + count / 4 };
            self.later(Op::Unmap { process: kept, pages });
        }
        self.plan_passes(u, setup)?;
        let pages = (first.0..first.0 + count).step_by(2).map(Page);
        let every: Vec<Place> = pages.map(|page| Place { process: kept, page }).collect();
        self.read_all(&every[every.len() / 2..]);
        Ok(())
    }

    /// Memory is filled by pages of one process, some of them a file's, shared with its child, locked
    /// or under writeback; a few are unmapped, and then there are passes.
    fn plan_sharers_in_fragments(
        &mut self,
        u: &mut Unstructured<'_>,
        setup: &Setup,
        file: Option<File>,
    ) -> Result<()> {
        let free = self.fill(setup, 8);
        let process = self.process();
        let tags: u8 = u.arbitrary()?;
        let file = file.filter(|_| tags & 1 == 1);
        let backing = file.map_or(Backing::Anonymous {}, |file| Backing::File { file, index: 0 });
        let sharing = if tags & 2 == 0 { Sharing::Private } else { Sharing::Shared };
        let length = file.map_or(8, |file| self.draft.files[usize::from(file.0)].0);
        let count = u32::try_from(free).unwrap_or(8).min(length).clamp(1, 8);
        let first = self.map(process, 0, count, (backing, sharing));
        let pages = Pages { first, count };
        self.later(Op::Fill { process, pages, byte: draw_byte(u)? });
        let child = if tags & 4 == 4 { Some(self.fork(process)) } else { None };
        let held = Page(first.0 + below(u, count)?);
        match (tags >> 3 & 3, file) {
            (0, _) => self.later(Op::Lock { process, page: held }),
            (1, Some(file)) => {
                let io = unused_hold(&self.draft.writebacks);
                let index = held.0 - first.0;
                self.later(Op::StartWriteback { io, file, index });
            }
            _ => {}
        }
        let gone: u8 = u.arbitrary()?;
        for at in (0..count).filter(|at| gone >> at & 1 == 1) {
            let pages = Pages { first: Page(first.0 + at), count: 1 };
            for process in [Some(process), child].into_iter().flatten() {
                self.later(Op::Unmap { process, pages });
            }
        }
        if let Some(file) = file.filter(|_| tags & 32 == 32) {
            self.later(Op::Truncate { file, pages: count / 2 });
        }
        self.plan_passes(u, setup)?;
        self.offset = 0;
        let kept = (0..count).filter(|at| gone >> at & 1 == 0).map(|at| Page(first.0 + at));
        let kept: Vec<Place> = kept.map(|page| Place { process, page }).collect();
        self.read_all(&kept[..kept.len().min(3)]);
        Ok(())
    }

    /// A page is locked and perhaps unlocked, and something is done to it meanwhile.
    fn plan_lock(&mut self, u: &mut Unstructured<'_>, setup: &Setup) -> Result<()> {
        let process = self.process();
        let first = below(u, 16)?;
        let page = self.map(process, first, 2, (Backing::Anonymous {}, Sharing::Private));
        let place = Place { process, page };
        self.later(Op::Lock { process, page });
        let mut at = page;
        match u.arbitrary::<u8>()? % 8 {
            0 => drop(self.fork(process)),
            1 => self.write(u, place)?,
            2 => {
                at = Page(page.0 + 32);
                self.later(Op::Remap { process, pages: Pages { first: page, count: 1 }, to: at });
            }
            3 => self.plan_migration(u, setup, &[place], None)?,
            4 => self.plan_passes(u, setup)?,
            _ => {}
        }
        if one_in(u, 2)? {
            self.later(Op::Unlock { process, page: at });
        }
        self.later(Op::Look {});
        Ok(())
    }

    /// Two passes, with looks; or ticks where something is watched.
    fn plan_passes(&mut self, u: &mut Unstructured<'_>, setup: &Setup) -> Result<()> {
        let ticks = !setup.watched.is_empty() && one_in(u, 2)?;
        let order = draw_pass_order(u, setup)?;
        let budget = draw_budget(u, setup.memory.frames())?;
        let pass = if ticks { Op::Tick {} } else { Op::Defragment { order, budget } };
        self.between_looks(pass);
        self.next(pass);
        self.next(Op::Look {});
        Ok(())
    }

    /// Each block of an order holds a page that is pinned, or else a frame of the kernel, when there
    /// is a pass.
    fn plan_held_blocks(&mut self, u: &mut Unstructured<'_>, setup: &Setup) -> Result<()> {
        let free = self.fill(setup, 16);
        let count = u32::try_from(free.min(16)).unwrap_or(0).max(1);
        let process = self.process();
        let every = pick(u, &[2, 4, 4, 8])?;
        let uses_pins = self.profile.pins && one_in(u, 2)?;
        let area = (Backing::Anonymous {}, Sharing::Private);
        let Page(first) = self.map(process, 0, count, area);
        let pins = unused_hold(&self.draft.pins).0;
        let mut blocks = Vec::new();
        for at in 0..count {
            let page = Page(first + at);
            match at % every == 0 {
                true if uses_pins => {
                    let pin = Hold(pins.saturating_add(u8::try_from(at / every).unwrap_or(0)));
                    self.later(Op::Pin { pin, process, page });
                }
                true => blocks.push(self.alloc(Order(0))),
                false => self.write(u, Place { process, page })?,
            }
        }
        for at in (1..count).step_by(4) {
            let pages = Pages { first: Page(first + at), count: 1 };
            self.later(Op::Unmap { process, pages });
        }
        self.plan_passes(u, setup)?;
        if let Some(block) = blocks.first() {
            self.later(Op::Free { block: *block });
            self.plan_passes(u, setup)?;
        }
        Ok(())
    }

    /// Hardly a frame is left for what needs one.
    fn plan_lack(
        &mut self,
        u: &mut Unstructured<'_>,
        setup: &Setup,
        file: Option<File>,
    ) -> Result<()> {
        let left = u64::from(below(u, 3)?);
        let needy = self.plan_needy(u, file)?;
        self.fill(setup, left);
        self.between_looks(needy);
        self.plan_after(needy);
        Ok(())
    }

    /// A request for a frame fails.
    fn plan_failure(
        &mut self,
        u: &mut Unstructured<'_>,
        setup: &Setup,
        file: Option<File>,
    ) -> Result<()> {
        let requests = pick(u, &[0, 0, 0, 1, 1, 2, 3])?;
        let pass = Op::Defragment {
            order: draw_pass_order(u, setup)?,
            budget: Budget {
                scanned: 2 * setup.memory.frames() + 64,
                moved: setup.memory.frames(),
            },
        };
        let needy = self.plan_needy(u, file)?;
        let needy = if self.profile.planner.is_some() && one_in(u, 5)? { pass } else { needy };
        self.later(Op::FailAfter { requests });
        self.next(Op::Look {});
        self.next(needy);
        self.next(Op::Look {});
        self.plan_after(needy);
        Ok(())
    }

    /// What leads to an op that needs a frame, or two; and that op.
    fn plan_needy(&mut self, u: &mut Unstructured<'_>, file: Option<File>) -> Result<Op> {
        let first = below(u, 16)?;
        let process = self.process();
        let backing = match file {
            Some(file) if one_in(u, 3)? => Backing::File { file, index: 0 },
            _ => Backing::Anonymous {},
        };
        let page = self.map(process, first, 2, (backing, Sharing::Private));
        let address = Address { page, offset: 0 };
        let tag = u.arbitrary::<u8>()? % 8;
        if tag > 1 {
            self.write(u, Place { process, page })?;
        }
        let pin = unused_hold(&self.draft.pins);
        Ok(match tag {
            2 | 3 => {
                self.later(Op::Pin { pin, process, page });
                if tag == 3 {
                    let next = Hold(pin.0.saturating_add(1));
                    self.later(Op::Pin { pin: next, process, page: Page(page.0 + 1) });
                }
                Op::Fork { parent: process, child: self.unused_process() }
            }
            4 => Op::Migrate { process, page },
            5 => Op::Alloc { block: Hold(200), order: Order(u8::from(first % 2 == 0)) },
            6 => {
                let child = self.fork(process);
                Op::Write { process: child, address, byte: draw_byte(u)? }
            }
            7 => {
                self.fork(process);
                Op::Pin { pin, process, page }
            }
            _ => Op::Write { process, address, byte: draw_byte(u)? },
        })
    }

    /// What shows whether an op that needs a frame left all as it was, or did all.
    fn plan_after(&mut self, needy: Op) {
        match needy {
            Op::Migrate { .. } => (0..5).for_each(|_| self.later(Op::Step {})),
            Op::Write { process, address, .. } => {
                self.later(Op::Read { process, address });
                self.later(needy);
                self.later(Op::Read { process, address });
            }
            other => self.later(other),
        }
        self.later(Op::Look {});
    }
}
