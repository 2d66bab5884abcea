//! The bytes of a page: one byte as long as all are the same, and 4 KiB from when they are not.
//!
//! It does not cover which frame they are in.

use lawbook_spec::memory::PAGE_BYTES;

const BYTES: usize = PAGE_BYTES as usize;

/// The bytes of a page.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// All are this one.
    Same(u8),
    /// Each by itself.
    Bytes(Box<[u8; BYTES]>),
}

impl Content {
    pub(super) const ZEROS: Content = Content::Same(0);

    /// The byte at an offset, which is in the page.
    #[inline]
    pub(super) fn read(&self, offset: u16) -> u8 {
        match self {
            Content::Same(byte) => *byte,
            Content::Bytes(bytes) => bytes[usize::from(offset)],
        }
    }

    /// Puts a byte at an offset, which is in the page.
    #[inline]
    pub(super) fn write(&mut self, offset: u16, byte: u8) {
        match self {
            Content::Same(same) if *same == byte => {}
            Content::Same(same) => {
                let mut bytes = Box::new([*same; BYTES]);
                bytes[usize::from(offset)] = byte;
                *self = Content::Bytes(bytes);
            }
            Content::Bytes(bytes) => bytes[usize::from(offset)] = byte,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_one_byte_takes_no_bytes_of_its_own() {
        let mut page = Content::Same(7);
        page.write(4095, 7);
        assert!(matches!(page, Content::Same(7)));
        assert_eq!(size_of::<Content>(), 16);
    }

    #[test]
    fn a_byte_that_differs_changes_no_other() {
        let mut page = Content::Same(7);
        page.write(0, 1);
        page.write(4095, 2);
        let read: Vec<u8> = [0, 1, 4094, 4095].map(|offset| page.read(offset)).to_vec();
        assert_eq!(read, [1, 7, 7, 2]);
    }
}
