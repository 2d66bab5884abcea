//! Faults in how a request is cut into pieces, and in what becomes of its bytes.

use std::cell::RefCell;
use std::collections::BTreeMap;

use lawbook_spec::core::Implementation;
use lawbook_spec::loopdev::{Attachment, Iv, Loopdev, PartialRequests, Profile};

use super::super::decisions::Decisions;
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Loopdev>; 17] = [
    fault::<IvRestartsPerRequest>(
        "iv-restarts-per-request",
        "LOOPDEV-03",
        "The sectors of a request are counted from its own first one.",
        "constructed: the loop over a request counts from zero",
    ),
    fault::<IvPerRequest>(
        "iv-per-request",
        "LOOPDEV-03",
        "The IV of a request's first sector is not advanced for the sectors after it.",
        "openzfs #16631, suspected",
    ),
    fault::<IvPerPage>(
        "iv-per-page",
        "LOOPDEV-11",
        "All sectors of a page get the IV of its first.",
        "constructed: a page is the unit of the page cache, and its index is at hand",
    ),
    fault::<WrongBaseAfterSplit>(
        "wrong-base-after-split",
        "LOOPDEV-03",
        "A request that starts inside a page is counted from the start of that page.",
        "Linux loop a7297a6a, where a request split inside a page lost its place in it",
    ),
    fault::<ChainAcrossSectors>(
        "chain-across-sectors",
        "LOOPDEV-03",
        "The CBC chain of a request does not end with each unit.",
        "kerneli",
    ),
    fault::<TailWithIvOfItsOwn>(
        "tail-with-iv-of-its-own",
        "LOOPDEV-03",
        "Units are counted from the request's first sector, and a short tail is enciphered \
             under an IV of its own.",
        "constructed: `encrypt_area` of the crate xts-mode does so with an area's tail",
    ),
    fault::<OnlyFirstPagesBase>(
        "only-first-pages-base",
        "LOOPDEV-03",
        "Only the first page of a request is counted right; the others start over.",
        "constructed: the base is set before the loop over pages, and not in it",
    ),
    fault::<StaleNeighbour>(
        "stale-neighbour",
        "LOOPDEV-01",
        "A part of a unit is written with what was around it when that was first read.",
        "constructed: the buffer of read-modify-write is kept, and not kept fresh",
    ),
    fault::<HashesOneFetch>(
        "hashes-one-fetch",
        "LOOPDEV-21",
        "The plaintext is read twice: once to be hashed, and once to be enciphered.",
        "loop-AES warns of it",
    ),
    fault::<WritesFirstHalf>(
        "writes-first-half",
        "LOOPDEV-13",
        "A write that reaches past the end is refused after the part that fits was written.",
        "constructed: the end is checked sector by sector",
    ),
    fault::<KeepsOldCache>(
        "keeps-old-cache",
        "LOOPDEV-02",
        "The cache of the old block size is kept: its block numbers are taken for new ones.",
        "constructed: block caches are keyed by block number, and the size is not in the key",
    ),
    fault::<HidesDamage>(
        "hides-damage",
        "LOOPDEV-08",
        "A sector is read from the image only once, so that damage is not seen.",
        "constructed: a cache does not know that the image is shared",
    ),
    fault::<SkipsUnchangedBlocks>(
        "skips-unchanged-blocks",
        "LOOPDEV-07",
        "A write leaves out the blocks whose plaintext is as it was at the last write there.",
        "constructed: right for XTS and ECB, and written with those in mind",
    ),
    fault::<Spills>(
        "spills",
        "LOOPDEV-06",
        "A write stores one block too many.",
        "constructed: `<=` in place of `<`",
    ),
    fault::<DoesPartialRequests>(
        "does-partial-requests",
        "LOOPDEV-19",
        "A request that is not whole units is done although the profile says it is refused.",
        "constructed: the check is made for reads and writes of the file, not of the device",
    ),
    fault::<ReadLeavesPlaintext>(
        "read-leaves-plaintext",
        "LOOPDEV-12",
        "A read deciphers in place, and the page with the plaintext goes back to the image.",
        "constructed: the page cache of the image is the buffer",
    ),
    fault::<PanicsOnLongReads>(
        "panics-on-long-reads",
        "LOOPDEV-00",
        "A read of more than one page panics.",
        "constructed: the bounce buffer has one page",
    ),
];

#[derive(Default)]
struct IvRestartsPerRequest;

impl Decisions for IvRestartsPerRequest {
    fn counted(&self, _attachment: &Attachment, request_first: u64, sector: u64) -> u64 {
        sector - request_first
    }
}

#[derive(Default)]
struct IvPerRequest;

impl Decisions for IvPerRequest {
    fn along(&self, request_n: u64, _n: u64) -> u64 {
        request_n
    }
}

/// How many sectors a sector lies behind the start of its page of the backing.
fn place_in_page(attachment: &Attachment, sector: u64) -> u64 {
    (attachment.offset_bytes / 512 + sector) % 8
}

#[derive(Default)]
struct IvPerPage;

impl Decisions for IvPerPage {
    fn counted(&self, attachment: &Attachment, _request_first: u64, sector: u64) -> u64 {
        sector.wrapping_sub(place_in_page(attachment, sector))
    }
}

#[derive(Default)]
struct WrongBaseAfterSplit;

impl Decisions for WrongBaseAfterSplit {
    fn counted(&self, attachment: &Attachment, request_first: u64, sector: u64) -> u64 {
        let lost = place_in_page(attachment, request_first);
        if sector - request_first < 8 - lost { sector.wrapping_sub(lost) } else { sector }
    }
}

#[derive(Default)]
struct ChainAcrossSectors;

impl Decisions for ChainAcrossSectors {
    fn profile(&self) -> Profile {
        profiles::only(vec![profiles::cbc(Iv::EssivSha256)])
    }

    fn piece_bytes(&self, _unit_bytes: usize, request_bytes: usize) -> usize {
        request_bytes
    }
}

#[derive(Default)]
struct TailWithIvOfItsOwn;

impl Decisions for TailWithIvOfItsOwn {
    fn touched(&self, sector: u64, sectors: u64, _unit_sectors: u64) -> (u64, u64) {
        (sector, sectors)
    }
}

#[derive(Default)]
struct OnlyFirstPagesBase;

impl Decisions for OnlyFirstPagesBase {
    fn counted(&self, attachment: &Attachment, request_first: u64, sector: u64) -> u64 {
        let first_page = 8 - place_in_page(attachment, request_first);
        if sector - request_first < first_page {
            sector
        } else {
            request_first + place_in_page(attachment, sector)
        }
    }
}

/// Remembers what was around each part that was written.
#[derive(Default)]
struct StaleNeighbour(RefCell<BTreeMap<u64, Vec<u8>>>);

impl Decisions for StaleNeighbour {
    fn surroundings(&self, at: u64, just_read: Vec<u8>) -> Vec<u8> {
        let mut read_before = self.0.borrow_mut();
        let first_read = read_before.entry(at).or_insert_with(|| just_read.clone());
        if first_read.len() == just_read.len() { first_read.clone() } else { just_read }
    }
}

#[derive(Default)]
struct HashesOneFetch;

impl Decisions for HashesOneFetch {
    fn profile(&self) -> Profile {
        profiles::only(vec![profiles::loop_aes(Iv::LoopAesV2), profiles::loop_aes(Iv::LoopAesV3)])
    }

    fn enciphered(&self, fetched: &[u8], fetch: &mut dyn FnMut(&mut [u8])) -> Vec<u8> {
        let mut again = fetched.to_vec();
        fetch(&mut again);
        again
    }
}

#[derive(Default)]
struct WritesFirstHalf;

impl Decisions for WritesFirstHalf {
    fn written_before_refusal(&self, fitting: u64) -> u64 {
        fitting
    }
}

/// What was read of each block and place.
#[derive(Default)]
struct KeepsOldCache(RefCell<BTreeMap<(u64, u64), [u8; 512]>>);

impl Decisions for KeepsOldCache {
    fn sector_read(&self, block: u64, place: u64, backing: [u8; 512]) -> [u8; 512] {
        *self.0.borrow_mut().entry((block, place)).or_insert(backing)
    }

    fn sector_written(&self, block: u64, place: u64) {
        self.0.borrow_mut().remove(&(block, place));
    }

    fn profile(&self) -> Profile {
        // Damage behind the cache's back would show the cache, not what is wrong with it.
        Profile { flips: false, ..profiles::understudy() }
    }
}

#[derive(Default)]
struct HidesDamage(KeepsOldCache);

impl Decisions for HidesDamage {
    fn sector_read(&self, block: u64, place: u64, backing: [u8; 512]) -> [u8; 512] {
        self.0.sector_read(block, place, backing)
    }

    fn sector_written(&self, block: u64, place: u64) {
        self.0.sector_written(block, place);
    }

    fn profile(&self) -> Profile {
        // With one block size the cache is right but for damage.
        Profile { block_size: false, ..profiles::understudy() }
    }
}

/// The last write at each place.
#[derive(Default)]
struct SkipsUnchangedBlocks(RefCell<BTreeMap<u64, LastWrite>>);

struct LastWrite {
    plaintext: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Decisions for SkipsUnchangedBlocks {
    fn profile(&self) -> Profile {
        profiles::only(vec![profiles::cbc(Iv::EssivSha256)])
    }

    fn stored(&self, at: u64, plaintext: &[u8], mut ciphertext: Vec<u8>) -> Vec<u8> {
        let mut writes = self.0.borrow_mut();
        if let Some(last) = writes.get(&at) {
            for start in (0..plaintext.len().min(last.plaintext.len())).step_by(16) {
                let block = start..start + 16;
                if plaintext[block.clone()] == last.plaintext[block.clone()] {
                    ciphertext[block.clone()].copy_from_slice(&last.ciphertext[block]);
                }
            }
        }
        let last = LastWrite { plaintext: plaintext.to_vec(), ciphertext: ciphertext.clone() };
        writes.insert(at, last);
        ciphertext
    }
}

#[derive(Default)]
struct Spills;

impl Decisions for Spills {
    fn stored(&self, _at: u64, _plaintext: &[u8], mut ciphertext: Vec<u8>) -> Vec<u8> {
        ciphertext.extend([0; 16]);
        ciphertext
    }
}

#[derive(Default)]
struct DoesPartialRequests;

impl Decisions for DoesPartialRequests {
    fn profile(&self) -> Profile {
        profiles::strict()
    }

    fn takes_partial(&self, _rule: PartialRequests) -> bool {
        true
    }
}

#[derive(Default)]
struct ReadLeavesPlaintext;

impl Decisions for ReadLeavesPlaintext {
    fn left_by_read(&self, _ciphertext: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        Some(plaintext.to_vec())
    }
}

#[derive(Default)]
struct PanicsOnLongReads;

impl Decisions for PanicsOnLongReads {
    fn left_by_read(&self, _ciphertext: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        assert!(plaintext.len() <= 4096, "the bounce buffer has one page");
        None
    }
}
