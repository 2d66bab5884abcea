//! What can be seen of a machine: its page tables, translations and frames, with both reverse maps.
//!
//! It does not cover areas.

use lawbook_spec::frames::Run;
use lawbook_spec::memory::{
    Dump, Frame, FrameShown, Holds, Page, Place, Process, ProcessShown, Pte, SAMPLES, SPACE_PAGES,
    Translation,
};

use super::machine::Machine;
use super::objects::Sort;
use super::pages::{Owner, PageState, Rank, Span};
use super::space::Space;

/// The bytes that a machine keeps, without those of its pages, its page tables and its areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bookkeeping {
    /// For its frames, used or not: state, content while that is one byte, and what the allocator
    /// keeps.
    pub frames: usize,
    /// For the objects and their lists of areas, by their entries: the nodes of the lists have room
    /// for up to twice as many.
    pub objects: usize,
    /// For the links that are or were in a chain.
    pub chains: usize,
}

impl Machine {
    /// All that can be seen.
    pub fn look(&self) -> Dump {
        let mut dump = Dump::default();
        let spaces = self.spaces.iter();
        dump.processes = spaces.map(|(process, space)| self.show(*process, space)).collect();
        for span in self.frames.spans() {
            self.show_span(span, &mut dump);
        }
        dump
    }

    /// The places that map a page of a frame, as the objects have them and as the chain has them: of
    /// tests and measurements.
    pub fn reverse_maps(&self, place: Place) -> Option<[Vec<Place>; 2]> {
        let rank = self.entry(place)?.rank;
        Some([self.places(rank).collect(), self.chain(rank).collect()])
    }

    /// The places that map the page of a frame, as its object has them; none where there is no such
    /// frame.
    pub fn walk_objects(&self, frame: Frame) -> impl Iterator<Item = Place> {
        self.frames.find(frame).into_iter().flat_map(|rank| self.places(rank))
    }

    /// The same, as its chain has them.
    pub fn walk_chain(&self, frame: Frame) -> impl Iterator<Item = Place> {
        self.frames.find(frame).into_iter().flat_map(|rank| self.chain(rank))
    }

    /// What is kept for frames, and for each of the reverse maps.
    pub fn bookkeeping(&self) -> Bookkeeping {
        Bookkeeping {
            frames: self.frames.bookkeeping_bytes(),
            objects: self.objects.bookkeeping_bytes(),
            chains: self.chains.bookkeeping_bytes(),
        }
    }

    fn show(&self, process: Process, space: &Space) -> ProcessShown {
        let ptes = space.table.within(0..SPACE_PAGES).map(|(page, entry)| Pte {
            page: Page(page),
            frame: self.frames.frame(entry.rank),
            writable: entry.writable,
            accessed: entry.accessed,
            locked: entry.locked,
            frozen: entry.frozen,
        });
        let mut translations: Vec<Translation> = space
            .cache
            .lines()
            .map(|line| Translation {
                page: Page(line.page),
                frame: self.frames.frame(line.rank),
                writable: line.writable,
            })
            .collect();
        translations.sort_by_key(|translation| translation.page);
        ProcessShown { process, ptes: ptes.collect(), translations }
    }

    fn show_span(&self, span: &Span, dump: &mut Dump) {
        let mut run: Option<Run> = None;
        for rank in span.first..span.end() {
            let frame = span.frame(rank);
            match self.frames.page(rank).owner {
                Owner::Free => run.get_or_insert(Run { base: frame, frames: 0 }).frames += 1,
                owner => {
                    dump.free.extend(run.take());
                    dump.frames.extend(self.holds(owner).map(|holds| self.shown(rank, holds)));
                }
            }
        }
        dump.free.extend(run);
    }

    fn holds(&self, owner: Owner) -> Option<Holds> {
        Some(match owner {
            Owner::Free | Owner::Unmanaged => return None,
            Owner::Anonymous { .. } => Holds::Anonymous {},
            Owner::Cached { object, index } => match self.objects.get(object).sort {
                Sort::File(file) => Holds::File { file, index },
                Sort::Unnamed | Sort::Anonymous => Holds::Unnamed { index },
            },
            Owner::Detached => Holds::Detached {},
            Owner::Kernel { block } => Holds::Kernel { block },
            Owner::Target => Holds::Target {},
        })
    }

    fn shown(&self, rank: Rank, holds: Holds) -> FrameShown {
        let PageState { mappings, pins, writeback, isolated, dirty, .. } = *self.frames.page(rank);
        let is_cached = matches!(holds, Holds::File { .. } | Holds::Unnamed { .. });
        let is_page = !matches!(holds, Holds::Kernel { .. } | Holds::Target {});
        let content = self.frames.content(rank);
        let mut reverse_map: Vec<Place> = self.places(rank).collect();
        reverse_map.sort_unstable();
        let mut chain: Vec<Place> = self.chain(rank).collect();
        chain.sort_unstable();
        let holders = u32::from(is_cached) + u32::from(isolated) + u32::from(writeback) + pins;
        FrameShown {
            frame: self.frames.frame(rank),
            holds,
            mappings,
            references: if is_page { mappings + holders } else { 0 },
            pins,
            writeback,
            isolated,
            dirty,
            bytes: if is_page { SAMPLES.map(|offset| content.read(offset)) } else { [0; 4] },
            reverse_map,
            chain,
        }
    }

    fn chain(&self, rank: Rank) -> impl Iterator<Item = Place> {
        self.chains.places(self.frames.page(rank).chain)
    }
}
