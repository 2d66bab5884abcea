//! The machine: the reference judged, and the reference held against the understudy.
//!
//! Each may take another frame and plan another pass, so that the two are held against each other
//! without frames: what processes read, what is refused, and how many frames are free.
//! It does not cover migrations by steps, since each may take other steps, nor what the contract
//! says: that the laws do.

use arbitrary::Unstructured;
use lawbook::judge_bytes;
use lawbook::spec::core::{Case, draw_case};
use lawbook::spec::memory::{Answer, Error, Event, Frame, Memory, Op, Order};

use crate::pair::{Boxed, difference, open};

/// Judges the reference on the case that these bytes stand for.
///
/// # Panics
///
/// With a story, when a law is broken.
pub fn memory(bytes: &[u8]) {
    if let Err(story) = judge_bytes::<Memory>(&mut reference(), bytes) {
        panic!("{story}");
    }
}

/// Runs the reference and the understudy on the case that these bytes stand for, without what
/// depends on which frames are taken.
///
/// # Panics
///
/// With the case and both events, when they differ.
pub fn memory_pair(bytes: &[u8]) {
    let (mut reference, mut understudy) = (reference(), understudy());
    let profile = reference.profile();
    assert_eq!(profile, understudy.profile(), "the two can do the same");
    let Ok(case) = draw_case::<Memory>(&mut Unstructured::new(bytes), &profile) else { return };
    let case = without_choices(&case);
    let (one, other) = (reference.run(&case), understudy.run(&case));
    if let Some(difference) = difference(&case, &one, &other, settled) {
        panic!("the reference and the understudy differ\n{difference}");
    }
}

fn reference() -> Boxed<Memory> {
    open(&lawbook_reference::memory::implementations(), "reference")
}

fn understudy() -> Boxed<Memory> {
    open(&lawbook_faults::memory::implementations(), "understudy")
}

/// The case without migrations by steps, without failures, which may meet another request, and
/// without blocks that are there or not as frames were chosen.
fn without_choices(case: &Case<Memory>) -> Case<Memory> {
    let depends = |op: &Op| match op {
        Op::Migrate { .. } | Op::Step {} | Op::Finish {} | Op::FailAfter { .. } | Op::Look {} => {
            true
        }
        Op::Alloc { order, .. } => *order > Order(0),
        _ => false,
    };
    let ops = case.ops.iter().copied().filter(|op| !depends(op)).collect();
    Case { setup: case.setup.clone(), ops }
}

/// An event without what is left open: frames, passes, and which of several errors is told.
fn settled(_: &Op, event: &Event) -> Event {
    settled_event(event)
}

fn settled_event(event: &Event) -> Event {
    let answer = match &event.answer {
        Answer::Several { events } => {
            Answer::Several { events: events.iter().map(settled_event).collect() }
        }
        Answer::Refused { .. } => Answer::Refused { error: Error::Unsupported },
        Answer::Block { .. } => Answer::Block { frame: Frame(0) },
        Answer::Pass { .. } | Answer::Tick { .. } => Answer::Done {},
        other => other.clone(),
    };
    Event { answer, free: vec![event.free.iter().sum()], blocks: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::bytes;

    #[test]
    fn both_targets_return_on_right_implementations() {
        for seed in 0..300 {
            memory(&bytes(seed));
            memory_pair(&bytes(seed));
        }
    }

    #[test]
    fn a_difference_is_told_with_the_case_and_both_events() {
        let all = lawbook_faults::memory::implementations();
        let mut faulty = open(&all, "writes-in-place-for-two");
        let mut right = understudy();
        let found = (0..300).find_map(|seed| {
            let bytes = bytes(seed);
            let case =
                draw_case::<Memory>(&mut Unstructured::new(&bytes), &right.profile()).ok()?;
            let case = without_choices(&case);
            difference(&case, &right.run(&case), &faulty.run(&case), settled)
        });
        let found = found.expect("300 cases show what a process reads of another");
        assert!(found.contains("understudy → "), "{found}");
    }
}
