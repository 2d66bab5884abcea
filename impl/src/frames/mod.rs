//! A buddy allocator of page frames: blocks of 2^order contiguous frames, from zones with holes.
//!
//! Its nouns are those of [`lawbook_spec::frames`], and a few of its own: the [`Geometry`] (the
//! zones that an [`Allocator`] is made for), the *head* (the first frame of a block, at which its
//! state stands), the *tail* (a frame behind the head), and the *list* (the free blocks of one
//! order and one mobility).
//!
//! | room | holds |
//! | --- | --- |
//! | `geometry` | zones as they are described, and what can be wrong with them |
//! | `allocator` | the zones, and the order in which they serve |
//! | `buddy` | one zone: splitting, merging, misuse |
//! | `lists` | the free blocks of a zone, by order and mobility |
//! | `state` | the byte that is kept for each frame |
//! | `judged` | the implementation that is judged |
//!
//! A frame costs 9 bytes of bookkeeping: its state, and two links of 4 bytes that are in use while
//! it is the head of a free block. Only heads are written when a block is handed out or taken back,
//! so that an operation costs at most a step for each order, however many frames there are.
//!
//! It does *not* cover watermarks, isolation, caches, the fragmentation index, threads, nor what is
//! mapped where.
//!
//! ```
//! use lawbook_reference::frames::{
//!     Allocator, Error, Frame, Geometry, Mobility, Order, Run, Zone, ZoneGeometry,
//! };
//!
//! let hole = Run { base: Frame(0x1400), frames: 0x100 };
//! let geometry = Geometry::new(Order(10))
//!     .zone(ZoneGeometry::new(Zone::Dma, Frame(0), 4096).reserved(Run::block(Frame(0), Order(0))))
//!     .zone(ZoneGeometry::new(Zone::Normal, Frame(4096), 4096).hole(hole));
//! let mut frames = Allocator::new(&geometry)?;
//! assert_eq!(frames.free_frames(Zone::Normal), 4096 - 0x100);
//!
//! let block = frames.alloc(Order(3), Zone::Normal, Mobility::Unmovable)?;
//! assert!(block.0.is_multiple_of(8));
//! assert_eq!(frames.free(Frame(block.0 + 1), Order(0)), Err(Error::Unaligned));
//! assert_eq!(frames.free(block, Order(2)), Err(Error::WrongOrder));
//! frames.free(block, Order(3))?;
//! assert_eq!(frames.free(block, Order(3)), Err(Error::DoubleFree));
//!
//! frames.alloc_at(Frame(0x1200), Order(9))?;
//! assert_eq!(frames.alloc_at(Frame(0x1300), Order(0)), Err(Error::Taken));
//! assert_eq!(frames.alloc_at(Frame(0x1400), Order(0)), Err(Error::Taken));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod allocator;
mod buddy;
mod geometry;
mod judged;
mod lists;
mod state;

pub use lawbook_spec::frames::{Error, Frame, Mobility, Order, Run, Statistics, Zone};

pub use self::allocator::Allocator;
pub use self::geometry::{Geometry, GeometryError, MOST_ORDER, MOST_ZONE_FRAMES, ZoneGeometry};
pub use self::judged::{implementations, profile};
