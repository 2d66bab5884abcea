//! 2^20 frames handed out and taken back by the reference, in the orders that matter: medians in
//! nanoseconds an operation. It asserts nothing but that it does what it says.

use std::hint::black_box;
use std::time::Instant;

use lawbook_reference::frames::{Allocator, Frame, Geometry, Mobility, Order, Zone, ZoneGeometry};

const FRAMES: usize = 1 << 20;
const MOST: Order = Order(10);
const ROUNDS: usize = 11;

fn main() {
    // `cargo test --benches` asks for nothing to be measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("{FRAMES} frames; ns an operation (medians of {ROUNDS} rounds)");
    let mut all: [(&str, Vec<f64>); 5] = [
        ("fill with order 0", Vec::new()),
        ("free in order", Vec::new()),
        ("free at random", Vec::new()),
        ("churn at half occupancy", Vec::new()),
        ("mixed orders", Vec::new()),
    ];
    for round in 0..ROUNDS {
        let mut random = Random(round as u64 + 1);
        let times = [
            fill_and_free(&mut random, false),
            fill_and_free(&mut random, true),
            [churn(&mut random), mixed(&mut random)],
        ];
        let [[fill, in_order], [_, at_random], [churn, mixed]] = times;
        for ((_, ns), time) in all.iter_mut().zip([fill, in_order, at_random, churn, mixed]) {
            ns.push(time);
        }
    }
    for (name, ns) in all {
        println!("{name:24} {:6.1}", median(ns));
    }
}

/// Every frame is handed out, and then all are freed, as they came or shuffled.
fn fill_and_free(random: &mut Random, shuffled: bool) -> [f64; 2] {
    let mut allocator = allocator();
    let mut frames = vec![Frame(0); FRAMES];
    // Once to touch the memory, so that the system's work is not measured.
    fill(&mut allocator, &mut frames);
    free(&mut allocator, &frames);
    let filled = time(FRAMES, || fill(&mut allocator, &mut frames));
    if shuffled {
        random.shuffle(&mut frames);
    }
    let freed = time(FRAMES, || free(&mut allocator, &frames));
    [filled, freed]
}

/// Half of the frames are live, strewn at random, and one is exchanged at a time.
fn churn(random: &mut Random) -> f64 {
    let mut allocator = allocator();
    let mut frames = vec![Frame(0); FRAMES];
    fill(&mut allocator, &mut frames);
    random.shuffle(&mut frames);
    free(&mut allocator, &frames[FRAMES / 2..]);
    frames.truncate(FRAMES / 2);
    time(2 * frames.len(), || {
        for frame in &mut frames {
            let new = alloc(&mut allocator, Order(0));
            allocator.free(*frame, Order(0)).expect("it is live");
            *frame = new;
        }
    })
}

/// Blocks of small orders come and go at random, about half of the frames being live.
fn mixed(random: &mut Random) -> f64 {
    let mut allocator = allocator();
    let slots = FRAMES / 8;
    // Order 0 half of the time, and each next one half as often: 4 frames on average.
    let order = |random: &mut Random| {
        Order(u8::try_from((random.next() | 1 << 7).trailing_zeros()).expect("at most 7"))
    };
    let mut blocks = Vec::new();
    for _ in 0..slots {
        let order = order(random);
        blocks.push((alloc(&mut allocator, order), order));
    }
    let turns: Vec<(usize, Order)> =
        (0..FRAMES).map(|_| (random.below(slots), order(random))).collect();
    time(2 * FRAMES, || {
        for &(turn, order) in &turns {
            let (frame, own) = blocks[turn];
            allocator.free(frame, own).expect("it is live");
            blocks[turn] = (alloc(&mut allocator, order), order);
        }
    })
}

fn allocator() -> Allocator {
    let zone = ZoneGeometry::new(Zone::Normal, Frame(1 << 20), FRAMES as u64);
    Allocator::new(&Geometry::new(MOST).zone(zone)).expect("a sound zone")
}

fn fill(allocator: &mut Allocator, frames: &mut [Frame]) {
    for frame in frames {
        *frame = alloc(allocator, Order(0));
    }
}

fn free(allocator: &mut Allocator, frames: &[Frame]) {
    for &frame in frames {
        allocator.free(frame, Order(0)).expect("it is live");
    }
}

fn alloc(allocator: &mut Allocator, order: Order) -> Frame {
    allocator.alloc(order, Zone::Normal, Mobility::Movable).expect("there is room")
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

    fn shuffle(&mut self, frames: &mut [Frame]) {
        for at in (1..frames.len()).rev() {
            frames.swap(at, self.below(at + 1));
        }
    }
}

fn time(operations: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    black_box(start.elapsed().as_secs_f64() * 1e9 / operations as f64)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
