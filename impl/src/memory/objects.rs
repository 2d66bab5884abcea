//! The objects whose pages are mapped, and the areas that map them: the reverse map that takes no
//! memory for a mapping.
//!
//! Its nouns: the *object* (a file, the unnamed file of shared anonymous memory, or the private pages
//! of an area and of its copies in all processes that were forked: they have one object together),
//! the *index* of a page in its object (it stays the page's own wherever its area goes), and the
//! *mapping* (an area as an object lists it: where it begins, and at which index).
//! From a page to the places that can map it: every mapping of its object that has its index inside
//! it, at the mapping's first page + (the index − the mapping's first). Which of these places do map
//! it is said by the page tables: of private pages several have one index.
//! It does not cover page tables.

use std::collections::BTreeMap;

use lawbook_spec::memory::{File, Page, Place, Process};

use super::pages::Rank;

/// The number of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectId(u32);

/// What kind of object it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Private pages.
    Anonymous,
    /// Shared anonymous memory.
    Unnamed,
    /// A file.
    File(File),
}

/// An area, as its object lists it: by its first index, so that those behind an index are passed
/// over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mapping {
    pub(super) index: u32,
    pub(super) process: Process,
    pub(super) first: u32,
}

/// An object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) sort: Sort,
    /// Whether it stays when no area maps it.
    pub(super) is_named: bool,
    /// How many pages it has.
    pub(super) size: u32,
    /// How many of them it has always had.
    pub(super) disk: u32,
    /// The frames of its pages; of private ones the page tables know them.
    pub(super) cached: BTreeMap<u32, Rank>,
    /// How many pages each of its mappings has.
    pub(super) mappings: BTreeMap<Mapping, u32>,
}

impl Object {
    pub(super) fn new(sort: Sort, size: u32) -> Self {
        Object {
            sort,
            is_named: matches!(sort, Sort::File(_)),
            size,
            disk: if matches!(sort, Sort::File(_)) { size } else { 0 },
            cached: BTreeMap::new(),
            mappings: BTreeMap::new(),
        }
    }

    /// The places at which areas have an index.
    pub(super) fn places(&self, index: u32) -> impl Iterator<Item = Place> {
        let last = Mapping { index, process: Process(u8::MAX), first: u32::MAX };
        self.mappings.range(..=last).filter_map(move |(mapping, count)| {
            let inside = index - mapping.index;
            let page = Page(mapping.first.wrapping_add(inside));
            (inside < *count).then_some(Place { process: mapping.process, page })
        })
    }

    /// Whether nothing can come to its pages any more.
    pub(super) fn is_lost(&self) -> bool {
        !self.is_named && self.mappings.is_empty()
    }
}

/// All objects.
#[derive(Debug, Default)]
pub(super) struct Objects {
    objects: Vec<Option<Object>>,
    unused: Vec<ObjectId>,
}

impl Objects {
    pub(super) fn add(&mut self, object: Object) -> ObjectId {
        if let Some(id) = self.unused.pop() {
            self.objects[id.0 as usize] = Some(object);
            return id;
        }
        let id = u32::try_from(self.objects.len()).expect("fewer objects than 2^32");
        self.objects.push(Some(object));
        ObjectId(id)
    }

    pub(super) fn remove(&mut self, id: ObjectId) -> Option<Object> {
        let object = self.objects[id.0 as usize].take()?;
        self.unused.push(id);
        Some(object)
    }

    /// The bytes of the objects and of their lists of areas. Where a file has its pages is not a part
    /// of the reverse map.
    pub(super) fn bookkeeping_bytes(&self) -> usize {
        let listed: usize = self.objects.iter().flatten().map(|object| object.mappings.len()).sum();
        size_of_val(self.objects.as_slice()) + listed * size_of::<(Mapping, u32)>()
    }

    #[inline]
    pub(super) fn get(&self, id: ObjectId) -> &Object {
        self.objects[id.0 as usize].as_ref().expect(NAMED)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: ObjectId) -> &mut Object {
        self.objects[id.0 as usize].as_mut().expect(NAMED)
    }
}

const NAMED: &str = "an object lasts as long as its name, its areas and its pages";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_found_inside_each_mapping_and_nowhere_else() {
        let mut object = Object::new(Sort::Anonymous, 0);
        let mut list = |index, process, first, count| {
            let mapping = Mapping { index, process: Process(process), first };
            object.mappings.insert(mapping, count);
        };
        list(0, 0, 100, 4);
        list(2, 1, 200, 4);
        list(4, 2, 300, 1);
        let found = |index| {
            let places = object.places(index);
            places.map(|place| (place.process.0, place.page.0)).collect::<Vec<_>>()
        };
        assert_eq!(found(0), [(0, 100)]);
        assert_eq!(found(3), [(0, 103), (1, 201)]);
        assert_eq!(found(4), [(1, 202), (2, 300)]);
        assert_eq!(found(6), []);
    }
}
