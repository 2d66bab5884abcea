//! A backing in memory: sparse, so that it can be 2 TiB and more long.
//!
//! It does not know where the device ends: the understudy does.

use std::collections::BTreeMap;

/// The bytes of an image, by sector; what was never written is zero.
///
/// The last write waits in memory until the next one, or until it is settled.
pub(super) struct Backing {
    /// How long it is.
    pub(super) bytes: u64,
    sectors: BTreeMap<u64, [u8; 512]>,
    waiting: Option<(u64, Vec<u8>)>,
}

impl Backing {
    /// So many zero bytes.
    pub(super) fn new(bytes: u64) -> Self {
        Backing { bytes, sectors: BTreeMap::new(), waiting: None }
    }

    /// Reads from byte `at` on.
    pub(super) fn read(&self, at: u64, into: &mut [u8]) {
        self.read_settled(at, into);
        if let Some((start, data)) = &self.waiting {
            for (index, byte) in into.iter_mut().enumerate() {
                let waiting = (at + index as u64).checked_sub(*start);
                if let Some(waiting) = waiting.and_then(|place| data.get(index_of(place))) {
                    *byte = *waiting;
                }
            }
        }
    }

    /// Writes from byte `at` on.
    pub(super) fn write(&mut self, at: u64, data: &[u8]) {
        self.settle();
        self.waiting = Some((at, data.to_vec()));
    }

    /// Puts the write that waits where it belongs.
    pub(super) fn settle(&mut self) {
        let Some((mut at, data)) = self.waiting.take() else {
            return;
        };
        let mut rest = data.as_slice();
        while !rest.is_empty() {
            let within = index_of(at % 512);
            let (now, later) = rest.split_at(rest.len().min(512 - within));
            let sector = self.sectors.entry(at / 512).or_insert([0; 512]);
            sector[within..within + now.len()].copy_from_slice(now);
            at += now.len() as u64;
            rest = later;
        }
    }

    /// Forgets the write that waits.
    pub(super) fn forget(&mut self) {
        self.waiting = None;
    }

    fn read_settled(&self, mut at: u64, into: &mut [u8]) {
        let mut rest = into;
        while !rest.is_empty() {
            let within = index_of(at % 512);
            let now = rest.len().min(512 - within);
            let (part, later) = rest.split_at_mut(now);
            match self.sectors.get(&(at / 512)) {
                Some(sector) => part.copy_from_slice(&sector[within..within + now]),
                None => part.fill(0),
            }
            at += now as u64;
            rest = later;
        }
    }
}

/// A place in a buffer; one that no buffer has, when it is too far.
fn index_of(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}
