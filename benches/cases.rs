//! Cases a second on one core, for the reference of each mechanism: drawn; drawn and run; drawn,
//! run and judged.
//!
//! Medians of several rounds. It asserts nothing: how fast a machine is, is no law.

use std::hint::black_box;
use std::time::Instant;

use lawbook::spec::core::{Implementation, Judge, Mechanism};
use lawbook::{Seed, random_case};

/// The cases of a round.
const CASES: u64 = 4_000;

/// An odd number, so that there is a median.
const ROUNDS: usize = 5;

fn main() {
    // `cargo test --benches` asks for nothing to be measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("{:>12} {:>12} {:>12} {:>12}", "cases/s", "drawn", "and run", "and judged");
    measure(&lawbook_reference::frames::implementations());
    measure(&lawbook_reference::init::implementations());
    measure(&lawbook_reference::loopdev::implementations());
    measure(&lawbook_reference::memory::implementations());
}

fn measure<M: Mechanism>(implementations: &[Implementation<M>]) {
    let reference = implementations.iter().find(|found| found.name == "reference");
    let open = reference.expect("every mechanism has a reference").open;
    let mut subject = open().expect("the reference runs everywhere");
    let judge = Judge::new(subject.profile());
    let draw = |index| random_case::<M>(Seed(0), index, judge.profile(), None);

    let drawn = cases_per_second(|index| {
        black_box(draw(index));
    });
    let run = cases_per_second(|index| {
        black_box(subject.run(&draw(index)));
    });
    let judged = cases_per_second(|index| {
        let case = draw(index);
        let trace = subject.run(&case);
        black_box(judge.judge(&case, &trace));
    });
    println!("{:>12} {drawn:>12.0} {run:>12.0} {judged:>12.0}", M::NAME);
}

fn cases_per_second(mut work: impl FnMut(u64)) -> f64 {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..CASES).for_each(&mut work);
            CASES as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}
