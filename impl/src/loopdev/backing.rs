//! Where the image lies: memory that takes room only where something was written, or a file.
//!
//! It does not cover transforms: a backing holds raw bytes.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Raw bytes of a fixed length, read and written at any place.
pub trait Backing {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `into` with the bytes from byte `at` on.
    ///
    /// # Errors
    ///
    /// When the backing ends before, or what holds it fails.
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()>;

    /// Replaces the bytes from byte `at` on.
    ///
    /// # Errors
    ///
    /// When the backing ends before, and nothing is written then; or what holds it fails.
    fn write_at(&mut self, at: u64, data: &[u8]) -> io::Result<()>;
}

const PAGE_BYTES: usize = 4096;

/// Memory, in pages that exist once they are written: it can be longer than any real memory.
#[derive(Clone)]
pub struct Memory {
    bytes: u64,
    pages: BTreeMap<u64, Box<[u8; PAGE_BYTES]>>,
}

impl Memory {
    /// So many zero bytes.
    pub fn zeroed(bytes: u64) -> Self {
        Memory { bytes, pages: BTreeMap::new() }
    }
}

impl Backing for Memory {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, mut at: u64, mut into: &mut [u8]) -> io::Result<()> {
        check_range(self.bytes, at, into.len())?;
        while !into.is_empty() {
            let (page, from) = page_of(at);
            let now = into.len().min(PAGE_BYTES - from);
            let (part, rest) = into.split_at_mut(now);
            match self.pages.get(&page) {
                Some(bytes) => part.copy_from_slice(&bytes[from..from + now]),
                None => part.fill(0),
            }
            at = at.wrapping_add(now as u64);
            into = rest;
        }
        Ok(())
    }

    fn write_at(&mut self, mut at: u64, mut data: &[u8]) -> io::Result<()> {
        check_range(self.bytes, at, data.len())?;
        while !data.is_empty() {
            let (page, from) = page_of(at);
            let (part, rest) = data.split_at(data.len().min(PAGE_BYTES - from));
            let bytes = self.pages.entry(page).or_insert_with(|| Box::new([0; PAGE_BYTES]));
            bytes[from..from + part.len()].copy_from_slice(part);
            at = at.wrapping_add(part.len() as u64);
            data = rest;
        }
        Ok(())
    }
}

/// Its length and how many pages exist; not their bytes.
impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory")
            .field("bytes", &self.bytes)
            .field("pages", &self.pages.len())
            .finish()
    }
}

/// A file or a partition. Its length is that of the moment when it was opened.
///
/// The file's cursor is moved: nobody else may use the same open file meanwhile.
#[derive(Debug)]
pub struct FileBacking {
    file: File,
    bytes: u64,
}

impl FileBacking {
    /// An open file or partition as it is.
    ///
    /// # Errors
    ///
    /// When its length can't be found out.
    pub fn new(mut file: File) -> io::Result<Self> {
        // Metadata would call a partition empty.
        let bytes = file.seek(SeekFrom::End(0))?;
        Ok(FileBacking { file, bytes })
    }

    /// The file or partition at a path, which must exist, for reading and writing.
    ///
    /// # Errors
    ///
    /// When it can't be opened.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        FileBacking::new(OpenOptions::new().read(true).write(true).open(path)?)
    }

    /// An open file, emptied and made so many zero bytes long, that take no room on file systems
    /// that can leave holes.
    ///
    /// # Errors
    ///
    /// When the file system can't hold so long a file.
    pub fn zeroed(file: File, bytes: u64) -> io::Result<Self> {
        file.set_len(0)?;
        file.set_len(bytes)?;
        Ok(FileBacking { file, bytes })
    }
}

impl Backing for FileBacking {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        check_range(self.bytes, at, into.len())?;
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(into)
    }

    fn write_at(&mut self, at: u64, data: &[u8]) -> io::Result<()> {
        check_range(self.bytes, at, data.len())?;
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(data)
    }
}

/// The page in which a byte lies, and where in it.
fn page_of(at: u64) -> (u64, usize) {
    let from = usize::try_from(at % PAGE_BYTES as u64).expect("a place in a page is small");
    (at / PAGE_BYTES as u64, from)
}

fn check_range(len: u64, at: u64, bytes: usize) -> io::Result<()> {
    match at.checked_add(bytes as u64) {
        Some(end) if end <= len => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("expected a range within {len} bytes, found {bytes} bytes at {at}"),
        )),
    }
}
