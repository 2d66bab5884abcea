//! Frames handed out and taken back by the reference beside the crates that others wrote, in the
//! same run and in the orders that matter: medians of the thread's CPU time in nanoseconds an
//! operation, and how many times that of the reference they are.
//!
//! Each crate is called by its own functions, without a trait object and without the suite. Who is
//! slow is not waited for: such a number is marked, and is of the first operations alone. It asserts
//! nothing but that each does what it says.
//!
//! `cargo bench -p lawbook-outside --bench frames -- 16` measures zones of 2^16 frames alone.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use bitmap_allocator::{BitAlloc, BitAlloc1M, BitAlloc16M, BitAlloc64K};
use buddy_system_allocator::FrameAllocator;
use frame_alloc::{
    InitError, PageSize, PhysRange, PhysicalAllocator, Provenance, RegionInit,
    SummaryBuddyAllocator,
};
use free_list::{FreeList, PAGE_SIZE, PageLayout};
use lawbook_reference::frames::{Allocator, Frame, Geometry, Mobility, Order, Zone, ZoneGeometry};
use rustix::time::{ClockId, clock_gettime};

/// The greatest order, of those allocators that have one.
const MOST: u8 = 10;
const ORDERS: usize = MOST as usize + 1;

/// The first frame of the zone, of those allocators that can begin anywhere.
const BASE: usize = 1 << 20;

const ROUNDS: u64 = 3;
const COLUMNS: [&str; 5] =
    ["fill", "free in order", "free at random", "churn at half", "mixed orders"];

/// How long is waited for one number, and for the state that it needs.
const PATIENCE: Duration = Duration::from_secs(12);

/// How many operations are timed at once: the clock is asked in between.
const CHUNK: usize = 1 << 12;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` asks for nothing to be measured.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let size = arguments.iter().find_map(|argument| argument.parse().ok());
    println!("CPU time in ns an operation (medians of {ROUNDS} rounds), and times the reference's");
    match size {
        Some(16) => measure::<BitAlloc64K>(16),
        Some(20) => measure::<BitAlloc1M>(20),
        Some(24) => measure::<BitAlloc16M>(24),
        Some(other) => println!("expected 16, 20 or 24, found {other}"),
        None => {
            measure::<BitAlloc1M>(20);
            measure::<BitAlloc16M>(24);
        }
    }
}

/// Prints the table for zones of 2^`size` frames; `B` is a bitmap of as many bits.
fn measure<B: BitAlloc>(size: u32) {
    let frames = 1 << size;
    println!("\n2^{size} frames");
    print!("{:24}", "");
    COLUMNS.iter().for_each(|column| print!("{column:>22}"));
    println!();
    let reference = row::<Allocator>(frames);
    print_row("reference", &reference, &reference);
    print_row("buddy_system_allocator", &row::<FrameAllocator<ORDERS>>(frames), &reference);
    print_row("frame-alloc", &row::<SummaryBuddyAllocator<ORDERS, Fixed>>(frames), &reference);
    print_row("bitmap-allocator", &row::<Box<B>>(frames), &reference);
    print_row("free-list", &row::<FreeList<16>>(frames), &reference);
    println!("*: of its first operations alone, as many as {PATIENCE:?} were enough for");
    println!("-: {PATIENCE:?} were not enough to make the state that is measured");
}

fn print_row(name: &str, cells: &[Cell; 5], reference: &[Cell; 5]) {
    print!("{name:24}");
    for (cell, reference) in cells.iter().zip(reference) {
        let text = match (cell.median(), reference.median()) {
            (Some(own), Some(other)) => format!("{cell} {:6.1}x", own / other),
            _ => cell.to_string(),
        };
        print!("{text:>22}");
    }
    println!();
}

/// What was measured of one allocator in one order of things.
#[derive(Default)]
struct Cell {
    ns: Vec<f64>,
    /// Whether patience ended: it is not tried again.
    is_given_up: bool,
}

impl Cell {
    fn median(&self) -> Option<f64> {
        let mut all = self.ns.clone();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }

    /// Times so many steps, each of so many operations, while there is patience.
    fn time(&mut self, steps: usize, operations: usize, step: impl FnMut(usize)) {
        if self.is_given_up {
            return;
        }
        let start = now();
        let done = patiently(steps, step);
        let ns = (now() - start).as_secs_f64() * 1e9;
        self.is_given_up = done < steps;
        self.ns.push(ns / (done * operations) as f64);
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.median() {
            Some(ns) => write!(f, "{ns:.1}{}", if self.is_given_up { "*" } else { "" }),
            None => f.write_str("-"),
        }
    }
}

/// Does so many steps while there is patience, and says how many were done.
fn patiently(steps: usize, mut step: impl FnMut(usize)) -> usize {
    let start = now();
    let mut done = 0;
    while done < steps && now() - start < PATIENCE {
        let until = steps.min(done + CHUNK);
        (done..until).for_each(&mut step);
        done = until;
    }
    done
}

fn now() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).expect("CPU time is not negative")
}

fn row<P: Peer>(frames: usize) -> [Cell; 5] {
    let mut cells: [Cell; 5] = Default::default();
    for round in 1..=ROUNDS {
        let mut random = Random(round);
        let [fill, in_order, at_random, churned, mixed] = &mut cells;
        fill_and_free::<P>(frames, &mut random, [fill, in_order, at_random]);
        churn::<P>(frames, &mut random, churned);
        mix::<P>(frames, &mut random, mixed);
    }
    cells
}

/// Every frame is handed out, and then all are freed, as they came or shuffled.
fn fill_and_free<P: Peer>(frames: usize, random: &mut Random, cells: [&mut Cell; 3]) {
    let [fill, in_order, at_random] = cells;
    let mut peer = P::new(frames);
    let mut taken = vec![0; frames];
    // Once to touch the memory, so that the system's work is not measured.
    taken.iter_mut().for_each(|frame| *frame = peer.alloc(0));
    taken.iter().for_each(|frame| peer.free(*frame, 0));
    fill.time(frames, 1, |at| taken[at] = peer.alloc(0));
    in_order.time(frames, 1, |at| peer.free(taken[at], 0));
    taken.iter_mut().for_each(|frame| *frame = peer.alloc(0));
    random.shuffle(&mut taken);
    at_random.time(frames, 1, |at| peer.free(taken[at], 0));
}

/// Half of the frames are live, strewn at random, and one is exchanged at a time.
fn churn<P: Peer>(frames: usize, random: &mut Random, cell: &mut Cell) {
    if cell.is_given_up {
        return;
    }
    let mut peer = P::new(frames);
    let mut taken: Vec<usize> = (0..frames).map(|_| peer.alloc(0)).collect();
    random.shuffle(&mut taken);
    let freed = taken.split_off(frames / 2);
    if patiently(freed.len(), |at| peer.free(freed[at], 0)) < freed.len() {
        cell.is_given_up = true;
        return;
    }
    cell.time(taken.len(), 2, |at| {
        let new = peer.alloc(0);
        peer.free(taken[at], 0);
        taken[at] = new;
    });
}

/// Blocks of small orders come and go at random, about half of the frames being live.
fn mix<P: Peer>(frames: usize, random: &mut Random, cell: &mut Cell) {
    if cell.is_given_up {
        return;
    }
    let mut peer = P::new(frames);
    // Order 0 half of the time, and each next one half as often: 4.5 frames on average.
    let order = |random: &mut Random| {
        u8::try_from((random.next() | 1 << 7).trailing_zeros()).expect("at most 7")
    };
    let orders: Vec<u8> = (0..frames / 8).map(|_| order(random)).collect();
    let mut blocks = vec![(0, 0); orders.len()];
    let made = patiently(orders.len(), |at| blocks[at] = (peer.alloc(orders[at]), orders[at]));
    if made < orders.len() {
        cell.is_given_up = true;
        return;
    }
    let turns: Vec<(usize, u8)> =
        (0..frames.min(1 << 21)).map(|_| (random.below(blocks.len()), order(random))).collect();
    cell.time(turns.len(), 2, |at| {
        let (turn, order) = turns[at];
        let (frame, own) = blocks[turn];
        peer.free(frame, own);
        blocks[turn] = (peer.alloc(order), order);
    });
}

/// An allocator that is measured: its own functions, and the numbers that it goes by.
trait Peer {
    /// One whose frames are all free.
    fn new(frames: usize) -> Self;
    /// A block of 2^order frames, of which there is one.
    fn alloc(&mut self, order: u8) -> usize;
    fn free(&mut self, frame: usize, order: u8);
}

/// The frames of the zone, of those allocators that can begin anywhere.
fn zone(frames: usize) -> Range<usize> {
    BASE..BASE + frames
}

impl Peer for Allocator {
    fn new(frames: usize) -> Self {
        let zone = ZoneGeometry::new(Zone::Normal, Frame(BASE as u64), frames as u64);
        Allocator::new(&Geometry::new(Order(MOST)).zone(zone)).expect("a sound zone")
    }

    fn alloc(&mut self, order: u8) -> usize {
        let frame = Allocator::alloc(self, Order(order), Zone::Normal, Mobility::Movable);
        usize::try_from(frame.expect("there is room").0).expect("a word has 64 bits")
    }

    fn free(&mut self, frame: usize, order: u8) {
        Allocator::free(self, Frame(frame as u64), Order(order)).expect("it is live");
    }
}

impl Peer for FrameAllocator<ORDERS> {
    fn new(frames: usize) -> Self {
        let mut allocator = FrameAllocator::new();
        allocator.insert(zone(frames));
        allocator
    }

    fn alloc(&mut self, order: u8) -> usize {
        FrameAllocator::alloc(self, 1 << order).expect("there is room")
    }

    fn free(&mut self, frame: usize, order: u8) {
        self.dealloc(frame, 1 << order);
    }
}

impl<B: BitAlloc> Peer for Box<B> {
    fn new(frames: usize) -> Self {
        let mut bits = Box::<B>::default();
        bits.insert(0..frames);
        bits
    }

    fn alloc(&mut self, order: u8) -> usize {
        let bit = match order {
            0 => B::alloc(self),
            _ => self.alloc_contiguous(None, 1 << order, order.into()),
        };
        bit.expect("there is room")
    }

    fn free(&mut self, frame: usize, order: u8) {
        assert!(match order {
            0 => self.dealloc(frame),
            _ => self.dealloc_contiguous(frame, 1 << order),
        });
    }
}

impl Peer for FreeList<16> {
    fn new(frames: usize) -> Self {
        let mut list = FreeList::new();
        give_back(&mut list, zone(frames));
        list
    }

    fn alloc(&mut self, order: u8) -> usize {
        let bytes = PAGE_SIZE << order;
        let layout = PageLayout::from_size_align(bytes, bytes).expect("a power of two");
        self.allocate(layout).expect("there is room").start() / PAGE_SIZE
    }

    fn free(&mut self, frame: usize, order: u8) {
        give_back(self, frame..frame + (1 << order));
    }
}

#[allow(
    unsafe_code,
    reason = "the crate hands out numbers, and calls whoever takes one back unsafe"
)]
fn give_back(list: &mut FreeList<16>, frames: Range<usize>) {
    let bytes = frames.start * PAGE_SIZE..frames.end * PAGE_SIZE;
    // SAFETY: no memory is behind the pages, and nobody uses any.
    unsafe { list.deallocate(bytes.try_into().expect("whole pages")) }.expect("none is free");
}

/// A frame, as the crate `frame-alloc` says it.
const FRAME: PageSize = PageSize::from_log2(12);

impl Peer for SummaryBuddyAllocator<ORDERS, Fixed> {
    /// Its bitmap is given a range before the zone. That alone has memory behind it.
    #[allow(unsafe_code, reason = "the crate writes its bitmap where it is told that memory is")]
    fn new(frames: usize) -> Self {
        let allocator = SummaryBuddyAllocator::new(FRAME);
        let zone = PhysRange { base: BASE * FRAME.bytes(), len: frames * FRAME.bytes() };
        let before = 8 << MOST;
        let (start, len) = (zone.base - before * FRAME.bytes(), zone.len + before * FRAME.bytes());
        // SAFETY: without a range nothing is written.
        let error = unsafe { allocator.try_init(start, len, &[]) };
        let Err(InitError::MetadataWontFit { required_bytes }) = error else {
            panic!("expected no place for a bitmap, found {error:?}");
        };
        assert!(required_bytes <= before * FRAME.bytes());
        let bitmap = vec![0usize; required_bytes / size_of::<usize>()].leak();
        BITMAP.store(bitmap.as_mut_ptr().cast(), Ordering::Relaxed);
        let usable = [PhysRange { base: start, len: required_bytes }, zone];
        // SAFETY: the bitmap is as long as the first range, which it fills, and is never given back;
        // nothing else is read or written, and there is one thread.
        unsafe { allocator.try_init(start, len, &usable) }.expect("ranges that rise");
        allocator
    }

    fn alloc(&mut self, order: u8) -> usize {
        self.allocate_physical(FRAME, power(order)).expect("there is room") / FRAME.bytes()
    }

    #[allow(unsafe_code, reason = "the crate looks at nothing of what it is given back")]
    fn free(&mut self, frame: usize, order: u8) {
        // SAFETY: it is live, and of this order; no memory is behind it.
        unsafe { self.deallocate_physical(FRAME, power(order), frame * FRAME.bytes()) };
    }
}

fn power(order: u8) -> NonZeroUsize {
    NonZeroUsize::new(1 << order).expect("a power of two is not 0")
}

/// Where the one bitmap of the crate `frame-alloc` lies that is made at the time.
static BITMAP: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());

/// The first address that is asked for is the bitmap's, and there is no other.
struct Fixed;

// SAFETY: the crate asks once for each allocator, for the range that holds the bitmap; the pointer is
// to all of that.
#[allow(unsafe_code, reason = "the crate has no safe way to reach its bitmap")]
unsafe impl Provenance for Fixed {
    unsafe fn create(_: usize) -> NonNull<u8> {
        NonNull::new(BITMAP.load(Ordering::Relaxed)).expect("the bitmap is there")
    }

    unsafe fn destroy<T>(ptr: NonNull<T>) -> usize {
        ptr.as_ptr().expose_provenance()
    }
}

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    fn shuffle(&mut self, frames: &mut [usize]) {
        for at in (1..frames.len()).rev() {
            frames.swap(at, self.below(at + 1));
        }
    }
}
