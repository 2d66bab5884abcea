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
//! | `buddy::isolation` | the isolated pageblocks of a zone |
//! | `buddy::counts` | what is told of a zone: statistics, fragmentation |
//! | `lists` | the free blocks of a zone, by order and mobility |
//! | `state` | the byte that is kept for each frame |
//! | `judged` | the implementation that is judged |
//!
//! A frame costs 9 bytes of bookkeeping: its state, and two links of 4 bytes that are in use while
//! it is the head of a free block. Only heads are written when a block is handed out or taken back,
//! so that an operation costs at most a step for each order, however many frames there are. To
//! isolate a pageblock, and to undo that, costs a look at each of its frames; a block that is taken
//! back costs as many steps more as there are isolated pageblocks in it. While a pageblock is
//! isolated, its number is kept too.
//!
//! A mobility is served from its own blocks, and from the others only when it has none that fits;
//! then the largest free block is claimed whole. No mobility of other blocks is changed by that, be
//! they in the same pageblock or not.
//!
//! It does *not* cover caches, threads, nor what is mapped where.
//!
//! ```
//! use lawbook_reference::frames::{
//!     Allocator, Error, Frame, Geometry, Mobility, Order, Run, Zone, ZoneGeometry,
//! };
//!
//! let hole = Run { base: Frame(0x1400), frames: 0x100 };
//! let dma = ZoneGeometry::new(Zone::Dma, Frame(0), 4096)
//!     .reserved(Run::block(Frame(0), Order(0)))
//!     .min(64)
//!     .reserve(Zone::Normal, 4000);
//! let normal = ZoneGeometry::new(Zone::Normal, Frame(4096), 4096).hole(hole);
//! let geometry = Geometry::new(Order(10)).pageblock(Order(9)).zone(dma).zone(normal);
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
//!
//! // The pageblock is live: it is isolated as it is, and what is freed in it stays there.
//! frames.isolate(Frame(0x1200))?;
//! frames.free(Frame(0x1200), Order(9))?;
//! assert_eq!(frames.alloc_at(Frame(0x1200), Order(0)), Err(Error::Taken));
//! assert_eq!(frames.statistics(Zone::Normal).expect("a zone").isolated[9], 1);
//! frames.unisolate(Frame(0x1200))?;
//! assert_eq!(frames.free_frames(Zone::Normal), 4096 - 0x100);
//!
//! // A DMA request takes from its zone what a normal one has to leave there.
//! while frames.free_frames(Zone::Normal) > 0 {
//!     frames.alloc(Order(0), Zone::Normal, Mobility::Movable)?;
//! }
//! frames.alloc(Order(5), Zone::Normal, Mobility::Movable).expect_err("4095 - 31 = 4000 + 64");
//! frames.alloc(Order(5), Zone::Dma, Mobility::Movable)?;
//!
//! // Nothing lacks here for requests of order 8, and a part of what is free is of no use for them.
//! let fragmentation = frames.fragmentation(Zone::Dma, Order(8)).expect("a zone");
//! assert_eq!((fragmentation.index, fragmentation.external), (-1000, 5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod allocator;
mod buddy;
mod geometry;
mod judged;
mod lists;
mod state;

pub use lawbook_spec::frames::{
    Error, Fragmentation, Frame, Mobility, Order, Run, Statistics, Zone,
};

pub use self::allocator::Allocator;
pub use self::geometry::{Geometry, GeometryError, MOST_ORDER, MOST_ZONE_FRAMES, ZoneGeometry};
pub use self::judged::{implementations, profile};
