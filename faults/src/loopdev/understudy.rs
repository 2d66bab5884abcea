//! The understudy: a loop device on a backing in memory, plain and slow, written independently of
//! the reference and of the specification's formulas.
//!
//! It does not decide what a fault may decide differently: that is asked of its [`Decisions`].

use std::collections::BTreeMap;
use std::ops::Range;

use lawbook_spec::loopdev::{
    Attachment, Direction, Error, Iv, Key, LoopDevice, Profile, Sector, Transfer, Transform,
};

use super::backing::Backing;
use super::ciphers::{Keyed, Piece};
use super::decisions::Decisions;

/// A loop device that decides as it is told.
pub(super) struct Understudy {
    decisions: Box<dyn Decisions>,
    profile: Profile,
    backing: Backing,
    transfers: BTreeMap<u8, Transfer>,
    attached: Option<Attached>,
}

/// What an attached device knows.
struct Attached {
    /// As asked for; its block size is the one of now.
    attachment: Attachment,
    keyed: Keyed,
    sectors: u64,
}

/// A request, widened to whole units.
struct Request {
    /// The first sector.
    first: u64,
    /// Where in the backing that is.
    at: u64,
    bytes: usize,
    /// The part that was asked for.
    asked: Range<usize>,
    /// Where the memory goes on elsewhere, in bytes from the first sector.
    segment_ends: Vec<usize>,
}

impl Understudy {
    /// A device, not attached, on so many zero bytes.
    pub(super) fn new(decisions: Box<dyn Decisions>, backing_bytes: u64) -> Self {
        Understudy {
            profile: decisions.profile(),
            decisions,
            backing: Backing::new(backing_bytes),
            transfers: BTreeMap::new(),
            attached: None,
        }
    }

    fn keyed(
        &self,
        transform: &Transform,
        key: &Key,
        alone: Option<Direction>,
    ) -> Result<Keyed, Error> {
        if let Transform::Registered { slot } = transform {
            let transfer = self.transfers.get(slot).ok_or(Error::Unsupported)?;
            return if *key == Key::empty() {
                Ok(Keyed::Registered(Transfer::clone(transfer)))
            } else {
                Err(Error::BadKey)
            };
        }
        Keyed::new(
            self.decisions.as_ref(),
            transform,
            &self.decisions.key(key),
            self.profile.equal_halves,
            alone,
        )
    }

    fn attached(&self) -> Result<&Attached, Error> {
        self.attached.as_ref().ok_or(Error::Io)
    }

    /// The units that a request touches, if it may be done at all.
    fn widen(
        &self,
        sector: Sector,
        bytes: usize,
        segment_ends: &[usize],
    ) -> Result<Request, Error> {
        let attached = self.attached()?;
        let unit_sectors = u64::from(attached.attachment.transform.unit_bytes()) / 512;
        let sectors = bytes as u64 / 512;
        let whole = sector.0.is_multiple_of(unit_sectors) && sectors.is_multiple_of(unit_sectors);
        if !whole && !self.decisions.takes_partial(self.profile.partial_requests) {
            return Err(Error::Partial);
        }
        let (first, sectors) = self.decisions.touched(sector.0, sectors, unit_sectors);
        let ahead = bytes_of(sector.0 - first);
        Ok(Request {
            first,
            at: attached.attachment.offset_bytes + 512 * first,
            bytes: bytes_of(sectors),
            asked: ahead..ahead + bytes,
            segment_ends: segment_ends.iter().map(|end| ahead + end).collect(),
        })
    }

    /// The pieces of a request that are enciphered by themselves, each with the number that its
    /// IV is made of.
    fn pieces(&self, request: &Request) -> Result<Vec<(Range<usize>, u64)>, Error> {
        let attachment = &self.attached()?.attachment;
        if attachment.transform.iv() == Some(Iv::Block) {
            return Ok(self.transfers_of_linux_2_4(attachment, request));
        }
        let unit_bytes = usize::try_from(attachment.transform.unit_bytes()).unwrap_or(usize::MAX);
        let piece_bytes = self.decisions.piece_bytes(unit_bytes, request.bytes);
        let n = |sector| {
            let counted = self.decisions.counted(attachment, request.first, sector);
            let number = self.decisions.number(attachment, counted);
            self.decisions.n(&attachment.transform, number)
        };
        Ok((0..request.bytes)
            .step_by(piece_bytes)
            .map(|start| {
                let sector = request.first + start as u64 / 512;
                let n = self.decisions.along(n(request.first), n(sector));
                (start..request.bytes.min(start + piece_bytes), n)
            })
            .collect())
    }

    /// The parts of a request that lie in one block of the hosting filesystem and in one page.
    fn transfers_of_linux_2_4(
        &self,
        attachment: &Attachment,
        request: &Request,
    ) -> Vec<(Range<usize>, u64)> {
        let mut transfers: Vec<(Range<usize>, u64)> = Vec::new();
        for start in (0..request.bytes).step_by(512) {
            let at = request.at + start as u64;
            let begins =
                at.is_multiple_of(u64::from(attachment.block_bytes)) || at.is_multiple_of(4096);
            match transfers.last_mut() {
                Some((range, _)) if !begins => range.end += 512,
                _ => {
                    let sector = request.first + start as u64 / 512;
                    let number = self.decisions.block_number(attachment, sector);
                    transfers.push((start..start + 512, number));
                }
            }
        }
        transfers
    }

    /// Transforms a whole request in place, piece by piece.
    fn crypt(
        &self,
        direction: Direction,
        request: &Request,
        fetched: &[u8],
        data: &mut [u8],
    ) -> Result<(), Error> {
        let attached = self.attached()?;
        for (range, n) in self.pieces(request)? {
            let segment_ends: Vec<usize> = request
                .segment_ends
                .iter()
                .filter(|end| range.contains(end))
                .map(|end| end - range.start)
                .collect();
            let piece = Piece { n, segment_ends: &segment_ends };
            let fetched = fetched.get(range.clone()).unwrap_or_default();
            let decisions = self.decisions.as_ref();
            let data = &mut data[range];
            attached.keyed.crypt(decisions, direction, &piece, fetched, data);
        }
        Ok(())
    }

    /// The ciphertext of a request, sector by sector through the hosting filesystem.
    fn load(&self, request: &Request) -> Result<Vec<u8>, Error> {
        let block_bytes = u64::from(self.attached()?.attachment.block_bytes);
        let mut ciphertext = vec![0; request.bytes];
        for (sector, at) in ciphertext.chunks_mut(512).zip((request.at..).step_by(512)) {
            let mut bytes = [0; 512];
            self.backing.read(at, &mut bytes);
            let (block, place) = (at / block_bytes, at % block_bytes);
            sector.copy_from_slice(&self.decisions.sector_read(block, place, bytes));
        }
        Ok(ciphertext)
    }

    fn save(&mut self, at: u64, ciphertext: &[u8]) -> Result<(), Error> {
        let block_bytes = u64::from(self.attached()?.attachment.block_bytes);
        for at in (at..at + ciphertext.len() as u64).step_by(512) {
            self.decisions.sector_written(at / block_bytes, at % block_bytes);
        }
        self.backing.write(at, ciphertext);
        Ok(())
    }

    fn read_request(
        &mut self,
        sector: Sector,
        bytes: usize,
        segment_ends: &[usize],
    ) -> Result<Vec<u8>, Error> {
        if self.fitting_sectors(sector)? < bytes as u64 / 512 {
            return Err(Error::PastEnd);
        }
        let request = self.widen(sector, bytes, segment_ends)?;
        let ciphertext = self.load(&request)?;
        let mut plaintext = ciphertext.clone();
        self.crypt(Direction::Decrypt, &request, &[], &mut plaintext)?;
        if let Some(left) = self.decisions.left_by_read(&ciphertext, &plaintext) {
            self.save(request.at, &left)?;
        }
        Ok(plaintext[request.asked].to_vec())
    }

    fn write_request(
        &mut self,
        sector: Sector,
        bytes: usize,
        segment_ends: &[usize],
        fetch: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), Error> {
        let read_only = self.attached()?.attachment.read_only;
        if self.decisions.refuses_write(read_only, segment_ends.len() + 1) {
            return Err(Error::ReadOnly);
        }
        let fitting = self.fitting_sectors(sector)?;
        if fitting < bytes as u64 / 512 {
            let part = bytes_of(self.decisions.written_before_refusal(fitting));
            if part > 0 {
                let mut fetched = vec![0; bytes];
                fetch(&mut fetched);
                let request = self.widen(sector, part, segment_ends)?;
                self.store(&request, &fetched[..part], &fetched[..part])?;
            }
            return Err(Error::PastEnd);
        }
        let request = self.widen(sector, bytes, segment_ends)?;
        let mut fetched = vec![0; bytes];
        fetch(&mut fetched);
        let enciphered = self.decisions.enciphered(&fetched, fetch);
        self.store(&request, &fetched, &enciphered)
    }

    /// Enciphers a request and writes it; where it is not whole units, what lies around is read
    /// before.
    fn store(&mut self, request: &Request, fetched: &[u8], data: &[u8]) -> Result<(), Error> {
        let mut around = vec![0; request.bytes];
        if request.asked != (0..request.bytes) {
            around = self.load(request)?;
            self.crypt(Direction::Decrypt, request, &[], &mut around)?;
            around = self.decisions.surroundings(request.at, around);
        }
        let within = |asked: &[u8]| {
            let mut whole = around.clone();
            whole[request.asked.clone()].copy_from_slice(asked);
            whole
        };
        let (fetched, plaintext) = (within(fetched), within(data));
        let mut ciphertext = plaintext.clone();
        self.crypt(Direction::Encrypt, request, &fetched, &mut ciphertext)?;
        let stored = self.decisions.stored(request.at, &plaintext, ciphertext);
        self.save(request.at, &stored)
    }

    /// How many sectors there are from this one to the device's end.
    fn fitting_sectors(&self, sector: Sector) -> Result<u64, Error> {
        Ok(self.attached()?.sectors.saturating_sub(sector.0))
    }
}

impl LoopDevice for Understudy {
    fn attach(&mut self, asked: &Attachment) -> Result<(), Error> {
        let attachment =
            Attachment { offset_bytes: self.decisions.start(asked.offset_bytes)?, ..asked.clone() };
        check_block_size(attachment.block_bytes)?;
        self.decisions.takes(&self.profile, &attachment.transform)?;
        let keyed = self.keyed(&attachment.transform, &attachment.key, None)?;
        let room_bytes = room_bytes(&attachment, self.backing.bytes)?;
        let device_bytes = self.decisions.length(&attachment, room_bytes)?;
        self.attached = Some(Attached {
            sectors: self.decisions.sectors(&attachment, device_bytes),
            attachment,
            keyed,
        });
        Ok(())
    }

    fn detach(&mut self) -> Result<(), Error> {
        self.attached()?;
        if self.decisions.detach_keeps_last_write() {
            self.backing.settle();
        } else {
            self.backing.forget();
        }
        self.attached = None;
        Ok(())
    }

    fn read(&mut self, sector: Sector, into: &mut [u8]) -> Result<(), Error> {
        self.read_segments(sector, &mut [into])
    }

    fn write(&mut self, sector: Sector, data: &[u8]) -> Result<(), Error> {
        self.write_segments(sector, &[data])
    }

    fn read_segments(&mut self, sector: Sector, segments: &mut [&mut [u8]]) -> Result<(), Error> {
        let lengths: Vec<usize> = segments.iter().map(|segment| segment.len()).collect();
        let bytes = lengths.iter().sum();
        let data = self.read_request(sector, bytes, &inner_ends(&lengths))?;
        let mut rest = data.as_slice();
        for segment in segments {
            let (now, later) = rest.split_at(segment.len());
            segment.copy_from_slice(now);
            rest = later;
        }
        Ok(())
    }

    fn write_segments(&mut self, sector: Sector, segments: &[&[u8]]) -> Result<(), Error> {
        let lengths: Vec<usize> = segments.iter().map(|segment| segment.len()).collect();
        let data = segments.concat();
        let mut fetch = |into: &mut [u8]| into.copy_from_slice(&data);
        self.write_request(sector, data.len(), &inner_ends(&lengths), &mut fetch)
    }

    fn write_from(
        &mut self,
        sector: Sector,
        bytes: usize,
        fetch: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), Error> {
        self.write_request(sector, bytes, &[], fetch)
    }

    fn set_block_size(&mut self, bytes: u32) -> Result<(), Error> {
        check_block_size(bytes)?;
        let attached = self.attached.as_mut().ok_or(Error::Io)?;
        attached.attachment.block_bytes = bytes;
        Ok(())
    }

    fn image(&mut self, at: u64, into: &mut [u8]) -> Result<(), Error> {
        let end = at.checked_add(into.len() as u64).ok_or(Error::PastEnd)?;
        if end > self.backing.bytes {
            return Err(Error::PastEnd);
        }
        self.backing.read(at, into);
        Ok(())
    }

    fn flip(&mut self, at: u64, bit: u8) -> Result<(), Error> {
        if at >= self.backing.bytes {
            return Err(Error::PastEnd);
        }
        let mut byte = [0];
        self.backing.read(at, &mut byte);
        self.backing.write(at, &[byte[0] ^ 1 << (bit % 8)]);
        self.backing.settle();
        Ok(())
    }

    fn register(&mut self, slot: u8, transfer: Transfer) -> Result<(), Error> {
        if self.transfers.contains_key(&slot) {
            return Err(Error::Busy);
        }
        self.transfers.insert(slot, transfer);
        Ok(())
    }

    fn unregister(&mut self, slot: u8) -> Result<(), Error> {
        let in_use = self.attached.as_ref().is_some_and(|attached| {
            attached.attachment.transform == Transform::Registered { slot }
        });
        if !self.decisions.unregisters(in_use) {
            return Err(Error::Busy);
        }
        self.transfers.remove(&slot).map(|_| ()).ok_or(Error::Unsupported)
    }

    fn crypt_unit(
        &mut self,
        direction: Direction,
        transform: &Transform,
        key: &Key,
        n: u64,
        unit: &mut [u8],
    ) -> Result<(), Error> {
        self.decisions.takes(&self.profile, transform)?;
        if transform.iv() == Some(Iv::Block) {
            // The piece of this scheme is a part of a request, and there is no request.
            return Err(Error::Unsupported);
        }
        let keyed = self.keyed(transform, key, Some(direction))?;
        if !keyed.takes_length(unit.len()) {
            return Err(Error::Partial);
        }
        let piece = Piece { n: self.decisions.n_alone(transform, n), segment_ends: &[] };
        let fetched = unit.to_vec();
        keyed.crypt(self.decisions.as_ref(), direction, &piece, &fetched, unit);
        Ok(())
    }
}

/// How much room the backing has behind the start of a device that fits it.
fn room_bytes(attachment: &Attachment, backing_bytes: u64) -> Result<u64, Error> {
    let unit_bytes = u64::from(attachment.transform.unit_bytes());
    let large = attachment.transform.large_sectors();
    if large && !attachment.offset_bytes.is_multiple_of(unit_bytes) {
        return Err(Error::Misfit);
    }
    if large && !attachment.first.is_multiple_of(unit_bytes / 512) {
        return Err(Error::Misfit);
    }
    backing_bytes.checked_sub(attachment.offset_bytes).ok_or(Error::Misfit)
}

fn check_block_size(bytes: u32) -> Result<(), Error> {
    if bytes.is_power_of_two() && (512..=4096).contains(&bytes) {
        Ok(())
    } else {
        Err(Error::Misfit)
    }
}

/// Where each segment but the last ends.
fn inner_ends(lengths: &[usize]) -> Vec<usize> {
    let mut end = 0;
    let mut ends: Vec<usize> = lengths
        .iter()
        .map(|length| {
            end += length;
            end
        })
        .collect();
    ends.pop();
    ends
}

/// So many sectors of a buffer, in bytes.
fn bytes_of(sectors: u64) -> usize {
    usize::try_from(512 * sectors).unwrap_or(usize::MAX)
}
