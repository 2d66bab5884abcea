//! Pairs registered, sorted, started and stopped by the reference, beside a plain `Vec` of boxed
//! closures that does the same work, in the same run: medians in nanoseconds an entry and their
//! ratio, for a growing number of entries. It asserts nothing.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lawbook_reference::init::{Loader, Module, Pair, Priority};

/// Each ten times the one before: what grows faster than the entries shows.
const SIZES: [u32; 3] = [10_000, 100_000, 1_000_000];
const ROUNDS: usize = 11;

fn main() {
    // `cargo test --benches` asks for nothing to be measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("ns an entry (medians of {ROUNDS} rounds)");
    for entries in SIZES {
        println!("{entries} entries");
        measure(entries, "in order of priority", |number| number as i32);
        measure(entries, "in the reverse order", |number| -(number as i32));
        measure(entries, "ten priorities, mixed", |number| {
            (number.wrapping_mul(2_654_435_761) >> 16) as i32 % 10
        });
        measure(entries, "mixed", |number| number.wrapping_mul(2_654_435_761) as i32);
    }
}

fn measure(entries: u32, name: &str, priority: impl Fn(u32) -> i32) {
    let mut ns = [Vec::new(), Vec::new()];
    // Turn by turn, so that a noisy moment meets both.
    for _ in 0..ROUNDS {
        ns[0].push(time(entries, || reference(entries, &priority)));
        ns[1].push(time(entries, || plain(entries, &priority)));
    }
    let [ours, peer] = ns.map(median);
    let ratio = ours / peer;
    println!("  {name:22}  reference {ours:6.1}  plain Vec {peer:6.1}  ratio {ratio:4.2}");
}

fn reference(entries: u32, priority: impl Fn(u32) -> i32) -> u64 {
    let live = Arc::new(AtomicU64::new(0));
    let mut module = Module::new("all");
    for number in 0..entries {
        let (more, fewer) = (Arc::clone(&live), Arc::clone(&live));
        let pair = Pair::new(Priority(priority(number)))
            .init(move |_| start(&more, number))
            .exit(move |_| stop(&fewer, number));
        module = module.pair(pair);
    }
    let loader = Loader::new();
    loader.add(module).expect("the first of its name");
    loader.load("all").expect("no init fails");
    loader.unload("all").expect("it is live");
    live.load(Ordering::Relaxed)
}

type Work = Box<dyn Fn() -> Result<(), i32> + Send + Sync>;

fn plain(count: u32, priority: impl Fn(u32) -> i32) -> u64 {
    let live = Arc::new(AtomicU64::new(0));
    let mut entries: Vec<(i32, u32, Work, Work)> = Vec::new();
    for number in 0..count {
        let (more, fewer) = (Arc::clone(&live), Arc::clone(&live));
        let init = Box::new(move || start(&more, number));
        let exit = Box::new(move || stop(&fewer, number));
        entries.push((priority(number), number, init, exit));
    }
    entries.sort_unstable_by_key(|entry| (entry.0, entry.1));
    for (_, _, init, _) in &entries {
        init().expect("no init fails");
    }
    for (_, _, _, exit) in entries.iter().rev() {
        exit().expect("no exit fails");
    }
    live.load(Ordering::Relaxed)
}

fn start(live: &AtomicU64, number: u32) -> Result<(), i32> {
    live.fetch_add(u64::from(number), Ordering::Relaxed);
    Ok(())
}

fn stop(live: &AtomicU64, number: u32) -> Result<(), i32> {
    live.fetch_sub(u64::from(number), Ordering::Relaxed);
    Ok(())
}

fn time(entries: u32, work: impl FnOnce() -> u64) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64() * 1e9 / f64::from(entries)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
