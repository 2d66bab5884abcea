//! A look, put beside what is known: which cell is in which frame.
//!
//! It does not cover whether that is right.

use std::collections::{BTreeMap, BTreeSet};

use super::super::contract::{Dump, Error, FrameShown, Holds, Pte};
use super::super::{Frame, Place};
use super::world::{CellId, World};

/// The last op was a look, and this was seen.
#[derive(Debug)]
pub(in super::super) struct Look {
    pub(in super::super) dump: Dump,
    /// The PTEs, each with the cell that is known to be there.
    pub(in super::super) ptes: Vec<(Place, Pte, Option<CellId>)>,
    /// Which cell is in a frame, by its PTEs, or by what the frame is said to hold.
    pub(in super::super) cells: BTreeMap<Frame, CellId>,
    /// Where cells were by all that was seen and told before.
    pub(in super::super) expected: BTreeMap<CellId, Frame>,
    /// The cells that may have moved since the look before.
    pub(in super::super) moved: BTreeSet<CellId>,
    /// The look before.
    pub(in super::super) previous: Option<Seen>,
}

/// A look, and what came after it.
#[derive(Debug)]
pub(in super::super) struct Seen {
    pub(in super::super) dump: Dump,
    /// Whether nothing came but refusals and preparations for a failure.
    pub(in super::super) is_fresh: bool,
    /// Whether nothing came but these, and what moves pages.
    pub(in super::super) is_moved_only: bool,
    /// What was refused since, while it is fresh.
    pub(in super::super) refused: Option<Error>,
}

impl Seen {
    pub(super) fn new(dump: Dump) -> Self {
        Seen { dump, is_fresh: true, is_moved_only: true, refused: None }
    }
}

impl Look {
    /// Puts a dump beside the world, which learns where its cells are.
    pub(super) fn new(world: &mut World, dump: &Dump, previous: Option<Seen>) -> Self {
        let mut cells = BTreeMap::new();
        let mut ptes = Vec::new();
        for shown in &dump.processes {
            for pte in &shown.ptes {
                let place = Place { process: shown.process, page: pte.page };
                let cell = world.present(place).map(|present| present.cell);
                if let Some(cell) = cell {
                    cells.entry(pte.frame).or_insert(cell);
                }
                ptes.push((place, *pte, cell));
            }
        }
        for shown in &dump.frames {
            if let Some(cell) = cached(world, shown) {
                cells.entry(shown.frame).or_insert(cell);
            }
        }
        let known = world.cells.iter();
        let expected = known.clone().filter_map(|(id, cell)| Some((*id, cell.frame?))).collect();
        let moved = known.filter(|(_, cell)| cell.moved).map(|(id, _)| *id).collect();
        for cell in world.cells.values_mut() {
            cell.moved = false;
        }
        for (frame, id) in &cells {
            if let Some(cell) = world.cells.get_mut(id) {
                cell.frame = Some(*frame);
            }
        }
        Look { dump: dump.clone(), ptes, cells, expected, moved, previous }
    }

    /// The frames that are in use, each with its cell where that is known.
    pub(in super::super) fn frames<'w>(
        &'w self,
        world: &'w World,
    ) -> impl Iterator<Item = (&'w FrameShown, CellId, &'w super::Cell)> {
        self.dump.frames.iter().filter_map(|shown| {
            let id = *self.cells.get(&shown.frame)?;
            Some((shown, id, world.cells.get(&id)?))
        })
    }
}

/// The cell that a file has where a frame is said to hold its page.
fn cached(world: &World, shown: &FrameShown) -> Option<CellId> {
    let Holds::File { file, index } = shown.holds else { return None };
    let mut objects = world.objects.values().filter(|object| object.file == Some(file));
    objects.next()?.cells.get(&index).copied()
}
