//! Laws of what a look shows.
//!
//! It does not cover free blocks: that is in `passes`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::contract::{Dump, FrameShown, Holds, Pte, Stage};
use super::super::model::{CellId, Look, Migration, Model, Object};
use super::super::{Frame, Place, Sharing};
use crate::core::Judgement::{self, Holds as Kept, Silent};

/// Judges the last op, if it was a look.
fn at_look(model: &Model, judge: impl FnOnce(&Look) -> Judgement) -> Judgement {
    model.look.as_ref().map_or(Silent, judge)
}

/// Whether the bytes of a page that is being migrated are in two frames, because PTEs are being
/// restored: then nothing is judged of these frames.
fn is_in_two(migration: &Migration) -> bool {
    migration.stage == Some(Stage::Restored {})
}

/// Whether nothing is judged of this frame for that reason.
fn is_torn(model: &Model, frame: Frame) -> bool {
    let migration = model.world.migration.as_ref().filter(|migration| is_in_two(migration));
    migration.is_some_and(|migration| [migration.from, migration.to].contains(&frame))
}

/// The places of a look by the frames to which their PTEs point.
fn places(look: &Look) -> BTreeMap<Frame, BTreeSet<Place>> {
    let mut places: BTreeMap<Frame, BTreeSet<Place>> = BTreeMap::new();
    for (place, pte, _) in &look.ptes {
        places.entry(pte.frame).or_default().insert(*place);
    }
    places
}

pub(super) fn truncated_is_unmapped(model: &Model) -> Judgement {
    at_look(model, |look| {
        let present: BTreeSet<Place> = look.ptes.iter().map(|(place, ..)| *place).collect();
        let spaces = model.world.spaces.iter();
        let truncated = spaces.flat_map(|(process, space)| {
            space.truncated.iter().map(|page| Place { process: *process, page: *page })
        });
        Judgement::all(truncated.map(|place| {
            Judgement::when(!present.contains(&place), || format!("{place} has a PTE"))
        }))
    })
}

pub(super) fn ptes_are_the_touched_pages(model: &Model) -> Judgement {
    at_look(model, |look| {
        let shown: Vec<_> = look.dump.processes.iter().map(|shown| shown.process).collect();
        if !shown.iter().eq(model.world.spaces.keys()) {
            let expected: Vec<_> = model.world.spaces.keys().map(|process| process.0).collect();
            let shown: Vec<_> = shown.iter().map(|process| process.0).collect();
            return Judgement::broken(format!("expected processes {expected:?}, found {shown:?}"));
        }
        let present: BTreeSet<Place> = look.ptes.iter().map(|(place, ..)| *place).collect();
        let untouched = look.ptes.iter().find(|(place, _, cell)| {
            let space = &model.world.spaces[&place.process];
            cell.is_none() && !space.truncated.contains(&place.page)
        });
        if let Some((place, ..)) = untouched {
            return Judgement::broken(format!("{place} has a PTE, and nothing is there"));
        }
        let spaces = model.world.spaces.iter();
        Judgement::all(spaces.flat_map(|(process, space)| {
            space.present.keys().map(|page| {
                let place = Place { process: *process, page: *page };
                Judgement::when(present.contains(&place), || format!("{place} has no PTE"))
            })
        }))
    })
}

pub(super) fn shares_frames(model: &Model) -> Judgement {
    at_look(model, |look| {
        let moving = model.world.migration.as_ref().filter(|migration| is_in_two(migration));
        let moving = moving.map(|migration| migration.cell);
        let mut frames: BTreeMap<CellId, (Place, Frame)> = BTreeMap::new();
        let mut cells: BTreeMap<Frame, (Place, CellId)> = BTreeMap::new();
        let known = look.ptes.iter().filter_map(|(place, pte, cell)| Some((place, pte, (*cell)?)));
        Judgement::all(known.filter(|(.., cell)| Some(*cell) != moving).map(
            |(place, pte, cell)| {
                let (other, frame) = *frames.entry(cell).or_insert((*place, pte.frame));
                if frame != pte.frame {
                    return Judgement::broken(format!(
                        "{other} and {place} share a page, and are at {frame} and {}",
                        pte.frame
                    ));
                }
                let (other, found) = *cells.entry(pte.frame).or_insert((*place, cell));
                Judgement::when(found == cell, || {
                    format!("{other} and {place} do not share a page, and are both at {frame}")
                })
            },
        ))
    })
}

pub(super) fn bytes_are_right(model: &Model) -> Judgement {
    at_look(model, |look| {
        let known = look.frames(&model.world).filter(|(shown, ..)| !is_torn(model, shown.frame));
        Judgement::all(known.map(|(shown, _, cell)| {
            let expected = cell.samples();
            Judgement::when(shown.bytes == expected, || {
                let places: Vec<String> = cell.places.iter().map(Place::to_string).collect();
                let (frame, found) = (shown.frame, shown.bytes);
                format!("{frame} ({}): expected {expected:?}, found {found:?}", places.join(", "))
            })
        }))
    })
}

fn told<'l>(places: impl IntoIterator<Item = &'l Place>) -> String {
    let places: Vec<String> = places.into_iter().map(Place::to_string).collect();
    if places.is_empty() { "nothing".into() } else { places.join(", ") }
}

pub(super) fn reverse_map_is_exact(model: &Model) -> Judgement {
    at_look(model, |look| {
        let places = places(look);
        let none = BTreeSet::new();
        let frames = look.dump.frames.iter().filter(|shown| !is_torn(model, shown.frame));
        Judgement::all(frames.map(|shown| {
            let expected = places.get(&shown.frame).unwrap_or(&none);
            let found: BTreeSet<Place> = shown.reverse_map.iter().copied().collect();
            if expected.is_empty() && shown.reverse_map.is_empty() {
                return Silent;
            }
            let is_exact = found == *expected && found.len() == shown.reverse_map.len();
            Judgement::when(is_exact, || {
                let (frame, found) = (shown.frame, told(&shown.reverse_map));
                format!("{frame}: expected {}, found {found}", told(expected))
            })
        }))
    })
}

pub(super) fn reverse_maps_agree(model: &Model) -> Judgement {
    at_look(model, |look| {
        Judgement::all(look.dump.frames.iter().map(|shown| {
            let (mut one, mut other) = (shown.reverse_map.clone(), shown.chain.clone());
            if one.is_empty() && other.is_empty() {
                return Silent;
            }
            one.sort();
            other.sort();
            Judgement::when(one == other, || {
                let frame = shown.frame;
                format!("{frame}: the map has {}, the chain {}", told(&one), told(&other))
            })
        }))
    })
}

pub(super) fn holds_what_it_says(model: &Model) -> Judgement {
    at_look(model, |look| {
        let known = look.frames(&model.world).filter(|(shown, ..)| !is_torn(model, shown.frame));
        Judgement::all(known.map(|(shown, _, cell)| {
            let object = cell.part.map(|(object, index)| (&model.world.objects[&object], index));
            let expected = match object {
                Some((Object { file: Some(file), .. }, index)) => {
                    Holds::File { file: *file, index }
                }
                Some((Object { file: None, .. }, index)) => Holds::Unnamed { index },
                None if cell.anonymous && !cell.places.is_empty() => Holds::Anonymous {},
                // Whether a private page that nobody maps any more is still one is open.
                None if cell.anonymous => return Silent,
                None => Holds::Detached {},
            };
            Judgement::when(shown.holds == expected, || {
                format!("{}: expected {expected:?}, found {:?}", shown.frame, shown.holds)
            })
        }))
    })
}

pub(super) fn pinned_stays(model: &Model) -> Judgement {
    at_look(model, |look| {
        let is_pinned = |frame: &Frame| {
            look.dump.frames.iter().any(|shown| shown.frame == *frame && shown.pins > 0)
        };
        let pinned = model.world.cells.iter().filter(|(_, cell)| cell.pins > 0);
        Judgement::all(pinned.map(|(id, cell)| match look.expected.get(id) {
            None => Silent,
            Some(frame) if is_torn(model, *frame) => Silent,
            Some(frame) => {
                let is_there = cell.frame == Some(*frame) && is_pinned(frame);
                Judgement::when(is_there, || {
                    format!("{frame} is pinned, and {}", told(&cell.places))
                        + " has another frame, or it is not"
                })
            }
        }))
    })
}

pub(super) fn counts_are_right(model: &Model) -> Judgement {
    at_look(model, |look| {
        let places = places(look);
        let known = look.frames(&model.world).filter(|(shown, ..)| !is_torn(model, shown.frame));
        Judgement::all(known.map(|(shown, _, cell)| {
            let mappings = places.get(&shown.frame).map_or(0, BTreeSet::len);
            let others = [cell.part.is_some(), cell.isolated, cell.writeback];
            let others = others.iter().filter(|has| **has).count();
            let references = mappings + others + cell.pins as usize;
            let is_counted = shown.mappings as usize == mappings
                && (!model.profile.references || shown.references as usize == references)
                && (shown.pins, shown.writeback, shown.isolated)
                    == (cell.pins, cell.writeback, cell.isolated);
            Judgement::when(is_counted, || wrong_counts(shown, mappings, references))
        }))
    })
}

fn wrong_counts(shown: &FrameShown, mappings: usize, references: usize) -> String {
    let FrameShown { frame, mappings: m, references: r, pins, .. } = shown;
    let state = [(shown.writeback, ", under writeback"), (shown.isolated, ", isolated")];
    let state: String = state.iter().filter(|(is, _)| *is).map(|(_, text)| *text).collect();
    format!(
        "{frame}: expected {mappings} mappings and {references} references, found {m} and {r}, with \
         {pins} pins{state}"
    )
}

pub(super) fn dirty_is_right(model: &Model) -> Judgement {
    at_look(model, |look| {
        let known = look
            .frames(&model.world)
            .filter(|(shown, id, _)| !look.moved.contains(id) && !is_torn(model, shown.frame));
        Judgement::all(known.map(|(shown, _, cell)| {
            Judgement::when(shown.dirty == cell.dirty, || wrong_dirty(shown, cell.dirty))
        }))
    })
}

fn wrong_dirty(shown: &FrameShown, expected: bool) -> String {
    let (expected, found) = if expected { ("dirty", "clean") } else { ("clean", "dirty") };
    format!("{}: expected it {expected}, found it {found}", shown.frame)
}

/// The PTEs of a look whose pages have or have not moved, with what is known of each.
fn known_ptes<'l>(
    model: &'l Model,
    look: &'l Look,
    moved: bool,
) -> impl Iterator<Item = (Place, &'l Pte, &'l super::super::model::Present)> {
    look.ptes.iter().filter_map(move |(place, pte, cell)| {
        if look.moved.contains(&(*cell)?) != moved {
            return None;
        }
        Some((*place, pte, model.world.present(*place)?))
    })
}

pub(super) fn accessed_is_right(model: &Model) -> Judgement {
    at_look(model, |look| {
        let touched = known_ptes(model, look, false).filter(|(.., present)| present.accessed);
        Judgement::all(touched.map(|(place, pte, _)| {
            Judgement::when(pte.accessed, || format!("{place} was touched, and is not accessed"))
        }))
    })
}

pub(super) fn locked_is_right(model: &Model) -> Judgement {
    at_look(model, |look| {
        Judgement::all(known_ptes(model, look, false).map(|(place, pte, present)| {
            if !pte.locked && !present.locked {
                return Silent;
            }
            Judgement::when(pte.locked == present.locked, || wrong_lock(place, present.locked))
        }))
    })
}

fn wrong_lock(place: Place, expected: bool) -> String {
    if expected { format!("{place} is not locked") } else { format!("{place} is locked") }
}

pub(super) fn flags_survive(model: &Model) -> Judgement {
    at_look(model, |look| {
        let before = look.previous.as_ref().filter(|previous| previous.is_moved_only);
        let before = before.map(|previous| writable(&previous.dump)).unwrap_or_default();
        let ptes = known_ptes(model, look, true).map(|(place, pte, present)| {
            let what = if present.accessed && !pte.accessed {
                "not accessed any more"
            } else if pte.locked != present.locked {
                if pte.locked { "locked now" } else { "not locked any more" }
            } else if !pte.frozen && before.get(&place).is_some_and(|was| *was != pte.writable) {
                if pte.writable { "writable now" } else { "not writable any more" }
            } else {
                return Kept;
            };
            Judgement::broken(format!("{place} is {what}"))
        });
        let moved = look
            .frames(&model.world)
            .filter(|(shown, id, _)| look.moved.contains(id) && !is_torn(model, shown.frame));
        let frames = moved.map(|(shown, _, cell)| {
            Judgement::when(shown.dirty == cell.dirty, || wrong_dirty(shown, cell.dirty))
        });
        Judgement::all(ptes.chain(frames))
    })
}

/// Which PTEs of a look are writable, but for frozen ones.
fn writable(dump: &Dump) -> BTreeMap<Place, bool> {
    let ptes = dump.processes.iter().flat_map(|shown| {
        let process = shown.process;
        shown.ptes.iter().map(move |pte| (Place { process, page: pte.page }, pte))
    });
    ptes.filter(|(_, pte)| !pte.frozen).map(|(place, pte)| (place, pte.writable)).collect()
}

pub(super) fn write_protection(model: &Model) -> Judgement {
    at_look(model, |look| {
        Judgement::all(look.ptes.iter().map(|(place, pte, cell)| {
            let space = model.world.spaces.get(&place.process);
            let area = space.and_then(|space| space.area_at(place.page));
            let cell = cell.and_then(|cell| model.world.cells.get(&cell));
            let (Some(area), Some(cell), true) = (area, cell, pte.writable && !pte.frozen) else {
                return Silent;
            };
            let is_own = cell.anonymous && cell.places.len() == 1;
            let is_allowed = area.writable && (area.sharing == Sharing::Shared || is_own);
            Judgement::when(is_allowed, || {
                let why =
                    if area.writable { "others have the page too" } else { "its area is not" };
                format!("{place} is writable, and {why}")
            })
        }))
    })
}

pub(super) fn frozen_as_told(model: &Model) -> Judgement {
    at_look(model, |look| {
        let none = BTreeSet::new();
        let frozen = model.world.migration.as_ref().map_or(&none, |migration| &migration.frozen);
        Judgement::all(look.ptes.iter().map(|(place, pte, _)| {
            match (frozen.contains(place), pte.frozen) {
                (true, true) => Kept,
                (false, false) => Silent,
                (true, false) => Judgement::broken(format!("{place} is not frozen")),
                (false, true) => Judgement::broken(format!("{place} is frozen")),
            }
        }))
    })
}

pub(super) fn one_frame_after_migration(model: &Model) -> Judgement {
    let Some(ended) = model.ended else { return Silent };
    at_look(model, |look| {
        if look.dump.frames.iter().any(|shown| shown.frame == ended.not_at) {
            return Judgement::broken(format!("{} is not free", ended.not_at));
        }
        if let Some(shown) = look.dump.frames.iter().find(|shown| shown.isolated) {
            return Judgement::broken(format!("{} is isolated", shown.frame));
        }
        let ptes = look.ptes.iter().filter(|(.., cell)| *cell == Some(ended.cell));
        Judgement::all(ptes.map(|(place, pte, _)| {
            Judgement::when(pte.frame == ended.at, || {
                format!("{place} is at {}, expected {}", pte.frame, ended.at)
            })
        }))
    })
}

pub(super) fn translations_are_current(model: &Model) -> Judgement {
    at_look(model, |look| {
        let ptes: BTreeMap<Place, &Pte> =
            look.ptes.iter().map(|(place, pte, _)| (*place, pte)).collect();
        let none = BTreeSet::new();
        let migration = model.world.migration.as_ref();
        let flushed = migration.map_or(&none, |migration| &migration.flushed);
        let cached = look.dump.processes.iter().flat_map(|shown| {
            let process = shown.process;
            shown.translations.iter().map(move |cached| (process, cached))
        });
        Judgement::all(cached.map(|(process, cached)| {
            let place = Place { process, page: cached.page };
            let Some(pte) = ptes.get(&place) else {
                return Judgement::broken(format!("{place} has no PTE, and one is cached"));
            };
            if pte.frozen && flushed.contains(&place) {
                return Judgement::broken(format!("{place} was flushed, and is cached"));
            }
            let is_current =
                cached.frame == pte.frame && (pte.frozen || pte.writable || !cached.writable);
            Judgement::when(is_current, || {
                let writable = if cached.writable { ", writable" } else { "" };
                format!("{place} is at {pte}, and cached as {}{writable}", cached.frame)
            })
        }))
    })
}

pub(super) fn refusal_changes_nothing(model: &Model) -> Judgement {
    at_look(model, |look| {
        let before = look.previous.as_ref().filter(|previous| previous.is_fresh);
        let Some((before, error)) = before.and_then(|before| Some((before, before.refused?)))
        else {
            return Silent;
        };
        let ptes = |dump: &Dump| -> Vec<(super::super::Process, Vec<Pte>)> {
            dump.processes.iter().map(|shown| (shown.process, shown.ptes.clone())).collect()
        };
        let (before, after) = (&before.dump, &look.dump);
        let what = if ptes(before) != ptes(after) {
            "the page tables are"
        } else if before.frames != after.frames {
            "the frames are"
        } else if before.free != after.free {
            "what is free is"
        } else {
            return Kept;
        };
        Judgement::broken(format!("{what} not as before the refusal ({error})"))
    })
}

pub(super) fn moved_as_told(model: &Model) -> Judgement {
    at_look(model, |look| {
        Judgement::all(look.expected.iter().map(|(id, frame)| {
            let cell = model.world.cells.get(id);
            let Some(cell) = cell.filter(|cell| cell.pins == 0) else { return Silent };
            let torn = is_torn(model, *frame);
            match cell.frame {
                Some(found) if found != *frame && !torn => Judgement::broken(format!(
                    "{} was at {frame}, and is at {found}",
                    told(&cell.places)
                )),
                _ => Kept,
            }
        }))
    })
}
