//! Pictures of cases: the frame maps before and after what moved pages, side by side.
//!
//! | room | holds |
//! | --- | --- |
//! | `map` | a look, frame by frame |
//! | `svg` | maps on a sheet |
//! | `example` | the case that is drawn when no law is broken |
//!
//! Its noun: the *scene* (the op of which a picture is: it shows the look before it and the last one).
//! It does not cover page tables and what the pages hold.

mod example;
mod map;
mod svg;
#[cfg(test)]
mod tests;

use std::ops::Range;

use self::map::FrameMap;
use self::svg::Sheet;
use super::contract::{Dump, Move, Profile, Stage};
use super::{Answer, Memory, Op, Order, Setup};
use crate::core::{Case, End, Heading, Mechanism, Pictures, Trace};

pub(super) const PICTURES: Pictures<Memory> =
    Pictures { needs, example: example::example, pose, draw };

/// A machine of more frames is not drawn: nobody would see them.
const MOST_FRAMES: u64 = 1 << 14;
/// The most lines that tell what was done between the maps.
const MOST_LINES: usize = 8;

fn needs(profile: &Profile) -> Result<(), &'static str> {
    if profile.look { Ok(()) } else { Err("its frames can't be seen") }
}

/// The place of the op of which a picture is: the last one that moves pages, else the last one.
fn scene(ops: &[Op]) -> Option<usize> {
    let moves = |op: &Op| matches!(op, Op::Migrate { .. } | Op::Defragment { .. } | Op::Tick {});
    let is_done = |op: &Op| !matches!(op, Op::Look {});
    ops.iter().rposition(moves).or_else(|| ops.iter().rposition(is_done))
}

/// Looks before the scene, and at the end.
fn pose(mut case: Case<Memory>) -> Case<Memory> {
    if let Some(at) = scene(&case.ops) {
        case.ops.insert(at, Op::Look {});
    }
    if case.ops.last() != Some(&Op::Look {}) {
        case.ops.push(Op::Look {});
    }
    case
}

fn draw(
    profile: &Profile,
    case: &Case<Memory>,
    trace: &Trace<Memory>,
    heading: &Heading,
) -> Result<String, String> {
    let frames = case.setup.memory.frames();
    if frames > MOST_FRAMES {
        return Err(format!("expected at most {MOST_FRAMES} frames to draw, found {frames}"));
    }
    let at = scene(&case.ops).unwrap_or(0);
    let looks = || looks(trace);
    let before = looks().rfind(|(look, _)| *look < at).or_else(|| looks().next());
    let Some((first, before)) = before else {
        return Err("expected a look to draw, found none that was answered".into());
    };
    let after = looks().next_back().filter(|(last, _)| *last > first);
    let end = after.map_or(case.ops.len(), |(last, _)| last);
    let map = |dump: &Dump| FrameMap::new(profile, &case.setup, dump);
    let maps = match after {
        Some((_, after)) => vec![("Before", map(before)), ("After", map(after))],
        None => vec![("What was seen", map(before))],
    };
    let sheet = Sheet {
        heading,
        story: story(case, trace, first..end),
        maps,
        moves: moves(trace, first..end),
        wanted: case.ops.get(at).and_then(|op| wanted(&case.setup, op)),
    };
    Ok(sheet.svg())
}

/// The looks that were answered, each with its place.
fn looks(trace: &Trace<Memory>) -> impl DoubleEndedIterator<Item = (usize, &Dump)> {
    trace.events.iter().enumerate().filter_map(|(at, event)| match &event.answer {
        Answer::Look { dump } => Some((at, &**dump)),
        _ => None,
    })
}

/// The blocks that an op is to make free.
fn wanted(setup: &Setup, op: &Op) -> Option<Order> {
    match op {
        Op::Defragment { order, .. } => Some(*order),
        Op::Tick {} => setup.watched.last().map(|watched| watched.order),
        _ => None,
    }
}

/// What was done there, but for looks.
fn story(case: &Case<Memory>, trace: &Trace<Memory>, ops: Range<usize>) -> Vec<String> {
    let told = ops.filter(|at| !matches!(case.ops.get(*at), Some(Op::Look {}) | None));
    let lines = told.map(|at| {
        let event = match (trace.events.get(at), &trace.end) {
            (Some(event), _) => Memory::tell_event(event),
            (None, End::Mishap(why) | End::Unsupported(why)) => format!("no answer: {why}"),
            (None, End::Whole) => "no answer".to_owned(),
        };
        format!("{} → {event}", Memory::tell_op(&case.ops[at]))
    });
    let mut lines: Vec<String> = lines.collect();
    if lines.len() > MOST_LINES {
        let more = lines.len() - MOST_LINES;
        lines.truncate(MOST_LINES);
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// The pages that moved there, as the machine told, each from where it was to where it is.
fn moves(trace: &Trace<Memory>, ops: Range<usize>) -> Vec<Move> {
    let mut moves: Vec<Move> = Vec::new();
    let mut migrating = None;
    for (at, event) in trace.events.iter().enumerate().take(ops.end) {
        let mut told = Vec::new();
        match &event.answer {
            Answer::Migrating { from, to } => migrating = Some(Move { from: *from, to: *to }),
            Answer::Step { step } => match step.stage {
                Stage::Freed {} => told.extend(migrating.take()),
                Stage::Undone { .. } => migrating = None,
                _ => {}
            },
            _ => told.extend(event.pass().into_iter().flat_map(|pass| &pass.moves).copied()),
        }
        for moved in told.into_iter().filter(|_| ops.contains(&at)) {
            match moves.iter_mut().find(|earlier| earlier.to == moved.from) {
                Some(earlier) => earlier.to = moved.to,
                None => moves.push(moved),
            }
        }
    }
    moves
}
