//! The page-frame allocator: the reference judged, and the reference held against the understudy.
//!
//! Each may choose another free block, so that one follows the other: what the first was handed out
//! the second is asked for by its frame. Then all that is answered is the same, without any law,
//! but which error a refusal names, of which mobility free blocks are, and which isolated blocks are
//! merged.
//! It does not cover what the contract says: that the laws do.

use std::sync::Arc;

use arbitrary::Unstructured;
use lawbook::judge_bytes;
use lawbook::spec::core::{Case, Trace, draw_case};
use lawbook::spec::frames::{Answer, Error, Event, Frame, Frames, Op, Statistics};

use crate::pair::{Boxed, difference, open};

/// Judges the reference on the case that these bytes stand for.
///
/// # Panics
///
/// With a story, when a law is broken.
pub fn frames(bytes: &[u8]) {
    if let Err(story) = judge_bytes::<Frames>(&mut reference(), bytes) {
        panic!("{story}");
    }
}

/// Runs the reference and the understudy on the case that these bytes stand for, each following
/// the other once.
///
/// # Panics
///
/// With the case and both events, when they differ.
pub fn frames_pair(bytes: &[u8]) {
    let (mut reference, mut understudy) = (reference(), understudy());
    let found = pair(&mut reference, &mut understudy, bytes)
        .or_else(|| pair(&mut understudy, &mut reference, bytes));
    if let Some(difference) = found {
        panic!("the reference and the understudy differ\n{difference}");
    }
}

/// Where the second differs from the first, which it follows, on the case of these bytes.
fn pair(first: &mut Boxed<Frames>, second: &mut Boxed<Frames>, bytes: &[u8]) -> Option<String> {
    let profile = first.profile();
    assert_eq!(profile, second.profile(), "the two can do the same");
    let case = draw_case::<Frames>(&mut Unstructured::new(bytes), &profile).ok()?;
    let trace = first.run(&case);
    let case = following(&case, &trace);
    difference(&case, &trace, &second.run(&case), settled)
}

fn reference() -> Boxed<Frames> {
    open(&lawbook_reference::frames::implementations(), "reference")
}

fn understudy() -> Boxed<Frames> {
    open(&lawbook_faults::frames::implementations(), "understudy")
}

/// A case in which each block that was handed out is asked for by its frame.
fn following(case: &Case<Frames>, trace: &Trace<Frames>) -> Case<Frames> {
    let mut followed = case.clone();
    for (op, event) in followed.ops.iter_mut().zip(&trace.events) {
        let (Op::Alloc { slot, order, .. }, Event::Done { answers, .. }) = (*op, event) else {
            continue;
        };
        if let [Answer::Block { frame }] = *answers.as_slice() {
            *op = Op::AllocAt { slot, frame, order };
        }
    }
    followed
}

/// An event without what is left open: names of errors, the blocks of a refill, mobilities, and
/// which isolated blocks are merged.
fn settled(op: &Op, event: &Event) -> Event {
    let mut event = event.clone();
    let Event::Done { answers, .. } = &mut event else { return event };
    for answer in answers {
        match answer {
            Answer::Refused { error } => *error = Error::Unsupported,
            Answer::Block { frame } if matches!(op, Op::Refill {}) => *frame = Frame(0),
            Answer::Statistics { statistics } => {
                let Statistics { blocks, isolated } = Arc::make_mut(statistics);
                let [unmovable, others @ ..] = blocks;
                for (order, count) in unmovable.iter_mut().enumerate() {
                    *count += others.iter().map(|blocks| blocks[order]).sum::<u64>();
                }
                others.iter_mut().for_each(|blocks| blocks.fill(0));
                let frames = isolated.iter().zip(0..).map(|(count, order)| count << order).sum();
                *isolated = vec![frames];
            }
            _ => {}
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::bytes;

    #[test]
    fn a_fault_and_the_reference_differ_whoever_follows() {
        for name in ["merges-any-order", "counts-refused-free", "looks-at-first-frame"] {
            let mut faulty = open(&lawbook_faults::frames::implementations(), name);
            let mut differs = |seed| pair(&mut reference(), &mut faulty, &bytes(seed)).is_some();
            assert!((0..300).any(&mut differs), "{name}");
            let mut differs = |seed| pair(&mut faulty, &mut reference(), &bytes(seed)).is_some();
            assert!((0..300).any(&mut differs), "{name}");
        }
    }

    #[test]
    fn the_understudy_and_the_reference_do_not() {
        (0..200).for_each(|seed| frames_pair(&bytes(seed)));
    }

    #[test]
    fn mobilities_are_left_open_and_their_sums_are_not() {
        let told = |blocks: [u64; 3]| {
            let blocks = blocks.map(|count| vec![count]);
            let statistics = Arc::new(Statistics { blocks, isolated: vec![] });
            let answers = [Answer::Statistics { statistics }].into();
            Event::Done { answers, free: Default::default(), cached: Default::default() }
        };
        let settled = |blocks| settled(&Op::Refill {}, &told(blocks));
        assert_eq!(settled([1, 0, 2]), settled([0, 3, 0]));
        assert_ne!(settled([1, 0, 2]), settled([1, 1, 0]));
    }
}
