//! What is shown: page tables, translations, frames, and what is free.
//!
//! It does not cover areas.

use lawbook_spec::frames::Run;
use lawbook_spec::memory::{
    Dump, FrameShown, Holds, Order, Page, ProcessShown, Pte, SAMPLES, Translation,
};

use super::super::decisions::{Entry, Facts, Held, Walk};
use super::{FrameNow, Space, Understudy};

impl Understudy {
    pub(super) fn dump(&self) -> Dump {
        let spaces = self.spaces.iter();
        let processes = spaces.map(|(process, space)| ProcessShown {
            process: *process,
            ptes: space.entries.iter().map(|(page, entry)| self.pte(*page, entry)).collect(),
            translations: self.translations(space),
        });
        let facts = self.all_facts();
        let used = |slot: &usize| self.frames[*slot].held != Held::Free;
        let slots = (0..self.frames.len()).filter(used);
        let mut frames: Vec<_> = slots.map(|slot| self.frame(slot, &facts[slot])).collect();
        frames.sort_by_key(|shown| shown.frame);
        Dump { processes: processes.collect(), frames, free: self.free_shown() }
    }

    fn pte(&self, page: Page, entry: &Entry) -> Pte {
        Pte {
            page,
            frame: self.frames[entry.slot].number,
            writable: entry.writable,
            accessed: entry.accessed,
            locked: entry.locked,
            frozen: entry.frozen,
        }
    }

    fn translations(&self, space: &Space) -> Vec<Translation> {
        let cached = space.cached.iter().map(|(page, cached)| Translation {
            page: *page,
            frame: self.frames[cached.slot].number,
            writable: cached.writable,
        });
        cached.collect()
    }

    fn frame(&self, slot: usize, facts: &Facts) -> FrameShown {
        let frame = &self.frames[slot];
        let (holds, is_page) = self.holds(frame);
        let others = [matches!(frame.held, Held::Cached { .. }), facts.isolated, facts.writeback];
        let others: u32 = others.map(u32::from).iter().sum();
        let references = facts.mappings + facts.pins + others;
        let (reverse_map, chains) = (self.profile.reverse_map, self.profile.chains);
        let walk = |why, shows: bool| if shows { self.walk(slot, why) } else { Vec::new() };
        let right = FrameShown {
            frame: frame.number,
            holds,
            mappings: facts.mappings,
            references: if is_page && self.profile.references { references } else { 0 },
            pins: facts.pins,
            writeback: facts.writeback,
            isolated: facts.isolated,
            dirty: is_page && frame.dirty,
            bytes: SAMPLES.map(|offset| if is_page { frame.bytes.at(offset) } else { 0 }),
            reverse_map: walk(Walk::Shown, reverse_map),
            chain: walk(Walk::Chain, chains),
        };
        self.decisions.shown(facts, right)
    }

    /// What is in a frame, and whether that is a page.
    fn holds(&self, frame: &FrameNow) -> (Holds, bool) {
        match frame.held {
            Held::Cached { object, index } => match self.objects[object].file {
                Some(file) => (Holds::File { file, index }, true),
                None => (Holds::Unnamed { index }, true),
            },
            Held::Anonymous => (Holds::Anonymous {}, true),
            Held::Free | Held::Detached => (Holds::Detached {}, true),
            Held::Kernel { block } => (Holds::Kernel { block }, false),
            Held::Target => (Holds::Target {}, false),
        }
    }

    /// The free frames in runs that do not touch each other within a zone.
    fn free_shown(&self) -> Vec<Run> {
        let mut runs: Vec<(usize, Run)> = Vec::new();
        for frame in self.frames.iter().filter(|frame| frame.held == Held::Free) {
            match runs.last_mut() {
                Some((zone, run)) if *zone == frame.zone && run.end() == frame.number => {
                    run.frames += 1;
                }
                _ => runs.push((frame.zone, Run::block(frame.number, Order(0)))),
            }
        }
        let mut runs: Vec<Run> = runs.into_iter().map(|(_, run)| run).collect();
        runs.sort_by_key(|run| run.base);
        runs
    }
}
