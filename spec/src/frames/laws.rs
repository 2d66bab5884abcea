//! The laws of page frames, in id order, and the situations that a campaign must meet.

use super::cases::Op;
use super::contract::{Profile, Sight};
use super::model::{Answer, Event, Model, blocks_within};
use super::{Frame, Frames, Order, Run, ZonePlan};
use crate::core::Judgement::{Holds, Silent};
use crate::core::{Check, Judgement, Law, LawId, Level, Source, always};

const KNUTH: Source = Source::Work {
    work: "D. E. Knuth, The Art of Computer Programming, volume 1",
    place: "2.5, Dynamic Storage Allocation, the buddy system",
};
const PAGE_ALLOC: Source = Source::Work { work: "Linux", place: "mm/page_alloc.c" };
const MISUSE: Source =
    Source::Ours { why: "a block that is given back wrongly is handed out twice later" };

pub(super) const LAWS: &[Law<Frames>] = &[
    Law {
        id: LawId("FRAMES-00"),
        level: Level::Must,
        says: "The implementation answers, and skips an op exactly when its slot requires it.",
        source: Source::Ours { why: "what does not answer can't be judged" },
        needs: always,
        check: Check::Answers,
    },
    law(
        "FRAMES-01",
        "A block handed out is aligned to its size, by the number of its first frame.",
        Source::Work { work: "Linux", place: "commit 787af64d05cd: zones need not be aligned" },
        always,
        aligned,
    ),
    law(
        "FRAMES-02",
        "A block handed out lies inside one zone, which the request allows.",
        PAGE_ALLOC,
        always,
        inside_a_zone,
    ),
    law(
        "FRAMES-03",
        "A block handed out touches no hole and no reserved frame.",
        PAGE_ALLOC,
        holes,
        no_hole,
    ),
    law("FRAMES-04", "A block handed out overlaps no live block.", KNUTH, always, no_overlap),
    law(
        "FRAMES-05",
        "In each zone the free and the live frames are all that there are to hand out.",
        PAGE_ALLOC,
        free_count,
        conservation,
    ),
    law(
        "FRAMES-06",
        "An allocation fails only when no free block of its order is in a zone that it allows.",
        KNUTH,
        strict,
        fails_only_when_dry,
    ),
    law(
        "FRAMES-07",
        "Free buddies are merged: there are as few free blocks as there can be.",
        KNUTH,
        statistics,
        merged,
    ),
    law(
        "FRAMES-08",
        "An allocation that fails changes nothing that can be seen.",
        Source::Ours { why: "who got nothing owes nothing" },
        free_count,
        failure_changes_nothing,
    ),
    law(
        "FRAMES-09",
        "When all is freed, the greatest order is served everywhere it fits.",
        Source::Ours { why: "what is lost then is lost for ever" },
        strict,
        nothing_is_lost,
    ),
    law("FRAMES-10", "A second free of a block is refused.", MISUSE, double_free, second_free),
    law("FRAMES-11", "A free with another order is refused.", MISUSE, wrong_order, other_order),
    law(
        "FRAMES-12",
        "A free of a frame inside a block is refused.",
        MISUSE,
        unaligned,
        inside_free,
    ),
    law("FRAMES-13", "A free of what is not handed out is refused.", MISUSE, never, never_free),
    law(
        "FRAMES-14",
        "A free of what does not exist is refused.",
        MISUSE,
        out_of_range,
        outside_free,
    ),
    law(
        "FRAMES-15",
        "Misuse that is refused changes nothing that can be seen.",
        MISUSE,
        any_misuse,
        misuse_changes_nothing,
    ),
    law(
        "FRAMES-16",
        "A block asked for at a frame is granted exactly when all of it is free.",
        Source::Work { work: "Linux", place: "mm/page_alloc.c, alloc_contig_range" },
        alloc_at,
        granted_when_free,
    ),
    law("FRAMES-17", "What was just freed can be handed out again.", KNUTH, always, freed_is_free),
    law(
        "FRAMES-18",
        "A request is served from a zone before its own only when no later one has a block.",
        PAGE_ALLOC,
        zones,
        falls_back_last,
    ),
    law(
        "FRAMES-19",
        "The blocks of the statistics are all that is free.",
        Source::Work { work: "Linux", place: "commit ad53f92eb416: free counts by mobility" },
        statistics,
        statistics_add_up,
    ),
    law("FRAMES-20", "A live block that is given back is taken.", KNUTH, always, free_is_done),
    reach(
        "FRAMES-R01",
        "Not one frame of the zones that a request allows is free.",
        strict,
        |model, op, event| refused_order(op, event) == Some(Order(0)) && model.live.len() > 1,
    ),
    reach(
        "FRAMES-R02",
        "The greatest order is refused, and frames are free.",
        strict,
        |model, op, event| {
            refused_order(op, event) == Some(model.setup.most)
                && model.setup.zones.iter().any(|zone| model.live_frames(zone) < zone.managed())
        },
    ),
    reach("FRAMES-R03", "A free of one frame merges up to the greatest order.", big, merges_all),
    reach(
        "FRAMES-R04",
        "A block of the greatest order is split down to one frame.",
        big,
        splits_all,
    ),
    reach("FRAMES-R05", "A block at the end of a zone is freed.", always, |model, op, event| {
        freed(model, op, event)
            .is_some_and(|run| model.setup.zones.iter().any(|zone| zone.run.end() == run.end()))
    }),
    reach("FRAMES-R06", "A block beside a hole is freed.", holes, |model, op, event| {
        freed(model, op, event).is_some_and(|run| {
            let holes = model.setup.zones.iter().flat_map(|zone| &zone.holes);
            let mut holes = holes.map(|hole| (hole.base, hole.end()));
            holes.any(|(base, end)| base == run.end() || end == run.base)
        })
    }),
    reach(
        "FRAMES-R07",
        "A block at the base of a zone is freed that is not aligned to the greatest order.",
        unaligned_zones,
        |model, op, event| {
            freed(model, op, event).is_some_and(|run| {
                let mut zones = model.setup.zones.iter();
                zones.any(|zone| {
                    zone.run.base == run.base && run.base.0 % model.setup.most.frames() != 0
                })
            })
        },
    ),
    reach(
        "FRAMES-R08",
        "A request falls back to a zone before its own.",
        zones,
        |model, op, event| {
            let Op::Alloc { order, zone, .. } = *op else { return false };
            handed_out(op, event).is_some_and(|frame| {
                let found = model.zone_of(&Run::block(frame, order));
                found.is_some_and(|found| found.zone < zone)
                    && model.setup.zones.iter().any(|plan| plan.zone == zone)
            })
        },
    ),
    reach(
        "FRAMES-R09",
        "A second free is refused of a block whose buddy is free.",
        double_free,
        |model, op, event| {
            let Some(run) = freed(model, op, event) else { return false };
            let buddy = Run { base: Frame(run.base.0 ^ run.frames), frames: run.frames };
            matches!(op, Op::FreeTwice { .. }) && model.is_free(&buddy)
        },
    ),
    reach("FRAMES-R10", "All is freed after more than 100 ops.", always, |model, op, _| {
        matches!(op, Op::Refill {}) && model.ops > 100
    }),
];

const fn law(
    id: &'static str,
    says: &'static str,
    source: Source,
    needs: fn(&Profile) -> Result<(), &'static str>,
    check: fn(&Model, &Op, &Event) -> Judgement,
) -> Law<Frames> {
    Law { id: LawId(id), level: Level::Must, says, source, needs, check: Check::Step(check) }
}

const fn reach(
    id: &'static str,
    says: &'static str,
    needs: fn(&Profile) -> Result<(), &'static str>,
    met: fn(&Model, &Op, &Event) -> bool,
) -> Law<Frames> {
    let source = Source::Ours { why: "where allocators go wrong" };
    Law { id: LawId(id), level: Level::Must, says, source, needs, check: Check::Reach(met) }
}

fn holes(profile: &Profile) -> Result<(), &'static str> {
    if profile.holes { Ok(()) } else { Err("its zones have no holes") }
}

fn zones(profile: &Profile) -> Result<(), &'static str> {
    match (profile.zones, profile.strict) {
        (true, true) => Ok(()),
        (true, false) => Err("it may fail though a block is free"),
        (false, _) => Err("it has one zone"),
    }
}

fn unaligned_zones(profile: &Profile) -> Result<(), &'static str> {
    if profile.unaligned { Ok(()) } else { Err("its zones are aligned") }
}

fn big(profile: &Profile) -> Result<(), &'static str> {
    if profile.most > Order(0) { Ok(()) } else { Err("it has one order") }
}

fn free_count(profile: &Profile) -> Result<(), &'static str> {
    if profile.free_count { Ok(()) } else { Err("its number of free frames can't be seen") }
}

fn statistics(profile: &Profile) -> Result<(), &'static str> {
    if profile.statistics { Ok(()) } else { Err("its free blocks can't be seen") }
}

fn strict(profile: &Profile) -> Result<(), &'static str> {
    if profile.strict { Ok(()) } else { Err("it may fail though a block is free") }
}

fn alloc_at(profile: &Profile) -> Result<(), &'static str> {
    if profile.alloc_at { Ok(()) } else { Err("no block at a frame can be asked for") }
}

fn seen(sight: Sight) -> Result<(), &'static str> {
    match sight {
        Sight::Refused => Ok(()),
        Sight::Unseen => Err("it does not see this misuse"),
        Sight::Aborts => Err("this misuse ends the case"),
    }
}

fn double_free(profile: &Profile) -> Result<(), &'static str> {
    seen(profile.checks.double_free)
}

fn wrong_order(profile: &Profile) -> Result<(), &'static str> {
    if profile.most == Order(0) {
        return Err("it has one order");
    }
    seen(profile.checks.wrong_order)
}

fn unaligned(profile: &Profile) -> Result<(), &'static str> {
    if profile.most == Order(0) {
        return Err("it has one order");
    }
    seen(profile.checks.unaligned)
}

fn never(profile: &Profile) -> Result<(), &'static str> {
    seen(profile.checks.never_allocated)
}

fn out_of_range(profile: &Profile) -> Result<(), &'static str> {
    seen(profile.checks.out_of_range)
}

fn any_misuse(profile: &Profile) -> Result<(), &'static str> {
    free_count(profile)?;
    let kinds = [double_free, wrong_order, unaligned, never, out_of_range];
    if kinds.iter().any(|kind| kind(profile).is_ok()) { Ok(()) } else { Err("it sees no misuse") }
}

/// The block that an op hands out, with the zone up to which it may come.
fn handed_out(op: &Op, event: &Event) -> Option<Frame> {
    let Event::Done { answers, .. } = event else { return None };
    match (op, answers.as_slice()) {
        (Op::Alloc { .. } | Op::AllocAt { .. }, [Answer::Block { frame }]) => Some(*frame),
        _ => None,
    }
}

/// The blocks that an op hands out: one, or those of a refill.
fn blocks(model: &Model, op: &Op, event: &Event) -> Vec<Run> {
    let Event::Done { answers, .. } = event else { return Vec::new() };
    let order = match op {
        Op::Alloc { order, .. } | Op::AllocAt { order, .. } => *order,
        Op::Refill {} => model.setup.most,
        _ => return Vec::new(),
    };
    let frames = answers.iter().filter_map(|answer| match answer {
        Answer::Block { frame } => Some(*frame),
        _ => None,
    });
    frames.map(|frame| Run::block(frame, order)).collect()
}

/// The order that an alloc was refused.
fn refused_order(op: &Op, event: &Event) -> Option<Order> {
    let Event::Done { answers, .. } = event else { return None };
    match (op, answers.as_slice()) {
        (Op::Alloc { order, .. }, [Answer::Refused { .. }]) => Some(*order),
        _ => None,
    }
}

/// The block that an op gave back.
fn freed(model: &Model, op: &Op, event: &Event) -> Option<Run> {
    let Event::Done { answers, .. } = event else { return None };
    let (Op::Free { slot } | Op::FreeTwice { slot }) = op else { return None };
    let (frame, order) = model.slots.get(slot)?;
    (answers.first() == Some(&Answer::Done {})).then(|| Run::block(*frame, *order))
}

fn aligned(model: &Model, op: &Op, event: &Event) -> Judgement {
    Judgement::all(blocks(model, op, event).iter().map(|block| {
        Judgement::when(block.base.0.is_multiple_of(block.frames), || {
            format!("{block} is not aligned to its {} frames", block.frames)
        })
    }))
}

fn inside_a_zone(model: &Model, op: &Op, event: &Event) -> Judgement {
    Judgement::all(blocks(model, op, event).iter().map(|block| {
        let zone = model.setup.zones.iter().find(|zone| zone.run.holds(block));
        let Some(zone) = zone else {
            return Judgement::broken(format!("{block} is inside no zone"));
        };
        let highest = match op {
            Op::Alloc { zone, .. } => *zone,
            _ => zone.zone,
        };
        Judgement::when(zone.zone <= highest, || {
            format!("{block} is in {}, and the request was for {highest}", zone.zone)
        })
    }))
}

fn no_hole(model: &Model, op: &Op, event: &Event) -> Judgement {
    let unmanaged = || model.setup.zones.iter().flat_map(ZonePlan::unmanaged);
    Judgement::all(blocks(model, op, event).iter().map(|block| {
        let touched = unmanaged().find(|run| run.overlaps(block));
        match touched {
            None => Holds,
            Some(run) => Judgement::broken(format!("{block} touches {run}")),
        }
    }))
}

fn no_overlap(model: &Model, op: &Op, event: &Event) -> Judgement {
    let mut handed: Vec<Run> = Vec::new();
    Judgement::all(blocks(model, op, event).into_iter().map(|block| {
        // Before a refill all is freed.
        let live = if matches!(op, Op::Refill {}) { None } else { model.live_in(&block) };
        let other = live.or_else(|| handed.iter().find(|other| other.overlaps(&block)).copied());
        handed.push(block);
        match other {
            None => Holds,
            Some(other) => Judgement::broken(format!("{block} overlaps {other}, which is live")),
        }
    }))
}

/// How many frames of a zone are live after the op.
fn live_after(model: &Model, zone: &ZonePlan, op: &Op, event: &Event) -> u64 {
    let live = model.live_frames(zone);
    let of = |run: Option<Run>| run.filter(|run| zone.run.holds(run)).map_or(0, |run| run.frames);
    if matches!(op, Op::Refill {}) {
        return 0;
    }
    let order = match op {
        Op::Alloc { order, .. } | Op::AllocAt { order, .. } => *order,
        _ => Order(0),
    };
    let new = handed_out(op, event).map(|frame| Run::block(frame, order));
    (live + of(new)).saturating_sub(of(freed(model, op, event)))
}

fn conservation(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Event::Done { free, .. } = event else { return Silent };
    Judgement::all(model.setup.zones.iter().zip(free).map(|(zone, free)| {
        let live = live_after(model, zone, op, event);
        let managed = zone.managed() - model.profile.kept.min(zone.managed());
        Judgement::when(free + live == managed, || {
            format!("{}: {free} frames are free and {live} live, of {managed}", zone.zone)
        })
    }))
}

fn fails_only_when_dry(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Alloc { zone, .. }, Some(order)) = (op, refused_order(op, event)) else {
        return Silent;
    };
    let mut free = model.allowed(*zone).filter_map(|zone| model.free_block(zone, order));
    match free.next() {
        None => Holds,
        Some(block) => Judgement::broken(format!("order {order} is refused, and {block} is free")),
    }
}

fn merged(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Statistics { zone }, Event::Done { answers, .. }) = (op, event) else { return Silent };
    let [Answer::Statistics { statistics }] = answers.as_slice() else { return Silent };
    let Some(plan) = model.setup.zones.iter().find(|plan| plan.zone == *zone) else {
        return Silent;
    };
    let expected = model.merged(plan);
    let found: Vec<u64> = (0..expected.len())
        .map(|order| statistics.blocks.iter().map(|blocks| blocks[order]).sum())
        .collect();
    Judgement::when(found == expected, || {
        format!("free blocks by order: expected {expected:?}, found {found:?}")
    })
}

fn failure_changes_nothing(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Alloc { .. } | Op::AllocAt { .. }, Event::Done { answers, free }) = (op, event) else {
        return Silent;
    };
    if !matches!(answers.as_slice(), [Answer::Refused { .. }]) {
        return Silent;
    }
    Judgement::when(*free == model.free, || {
        format!("free frames before it {:?}, after it {free:?}", model.free)
    })
}

fn nothing_is_lost(model: &Model, op: &Op, event: &Event) -> Judgement {
    if !matches!((op, event), (Op::Refill {}, Event::Done { .. })) {
        return Silent;
    }
    let found = blocks(model, op, event).len();
    let most = model.setup.most;
    let fits = |zone: &ZonePlan| {
        let blocks = blocks_within(&zone.run, most);
        blocks.filter(|block| model.zone_of(block).is_some()).count()
    };
    let expected: usize = model.setup.zones.iter().map(fits).sum();
    Judgement::when(found == expected, || {
        format!("blocks of order {most}: expected {expected}, found {found}")
    })
}

/// The last answer to this kind of misuse is a refusal.
fn is_refused(op: &Op, event: &Event, is_such: fn(&Op) -> bool) -> Judgement {
    let (true, Event::Done { answers, .. }) = (is_such(op), event) else { return Silent };
    match answers.last() {
        Some(Answer::Refused { .. }) => Holds,
        _ => Judgement::broken(format!("{op} is taken")),
    }
}

fn second_free(_: &Model, op: &Op, event: &Event) -> Judgement {
    is_refused(op, event, |op| matches!(op, Op::FreeTwice { .. }))
}

fn other_order(_: &Model, op: &Op, event: &Event) -> Judgement {
    is_refused(op, event, |op| matches!(op, Op::FreeWrongOrder { .. }))
}

fn inside_free(_: &Model, op: &Op, event: &Event) -> Judgement {
    is_refused(op, event, |op| matches!(op, Op::FreeInside { .. }))
}

fn never_free(_: &Model, op: &Op, event: &Event) -> Judgement {
    is_refused(op, event, |op| matches!(op, Op::FreeNever { .. }))
}

fn outside_free(_: &Model, op: &Op, event: &Event) -> Judgement {
    is_refused(op, event, |op| matches!(op, Op::FreeOutside { .. }))
}

fn misuse_changes_nothing(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Event::Done { answers, free } = event else { return Silent };
    let refused = matches!(answers.last(), Some(Answer::Refused { .. }));
    if op.misuse(&model.profile.checks) != Some(Sight::Refused) || !refused {
        return Silent;
    }
    let back = freed(model, op, event);
    let before = model.setup.zones.iter().zip(&model.free).map(|(zone, free)| {
        free + back.filter(|run| zone.run.holds(run)).map_or(0, |run| run.frames)
    });
    let before: Vec<u64> = before.collect();
    Judgement::when(*free == before, || format!("free frames: expected {before:?}, found {free:?}"))
}

fn granted_when_free(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::AllocAt { frame, order, .. }, Event::Done { answers, .. }) = (op, event) else {
        return Silent;
    };
    let block = Run::block(*frame, *order);
    match (answers.as_slice(), model.is_free(&block)) {
        ([Answer::Block { frame: found }], true) => Judgement::when(found == frame, || {
            format!("{frame} was asked for, and {found} handed out")
        }),
        ([Answer::Block { .. }], false) => match model.live_in(&block) {
            Some(live) => Judgement::broken(format!("{block} is granted, and {live} is live")),
            None => Judgement::broken(format!("{block} is granted, and does not exist")),
        },
        (_, true) => Judgement::broken(format!("{block} is free, and refused")),
        (_, false) => Holds,
    }
}

fn freed_is_free(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Alloc { order, zone, .. }, Some(run)) = (op, model.freed) else { return Silent };
    let Some(plan) = model.zone_of(&run) else { return Silent };
    if plan.zone > *zone || order.frames() != run.frames || *event == (Event::Skipped {}) {
        return Silent;
    }
    Judgement::when(refused_order(op, event).is_none(), || {
        format!("{run} was just freed, and order {order} is refused")
    })
}

fn falls_back_last(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Op::Alloc { order, zone, .. } = *op else { return Silent };
    let Some(frame) = handed_out(op, event) else { return Silent };
    let Some(from) = model.zone_of(&Run::block(frame, order)) else { return Silent };
    let later = model.allowed(zone).filter(|plan| plan.zone > from.zone);
    let mut looked = false;
    for plan in later {
        if let Some(block) = model.free_block(plan, order) {
            let (from, zone) = (from.zone, plan.zone);
            return Judgement::broken(format!(
                "it is served from {from}, and {block} in {zone} is free"
            ));
        }
        looked = true;
    }
    if looked { Holds } else { Silent }
}

fn statistics_add_up(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Statistics { zone }, Event::Done { answers, free }) = (op, event) else {
        return Silent;
    };
    let [Answer::Statistics { statistics }] = answers.as_slice() else { return Silent };
    let mut zones = model.setup.zones.iter().zip(free);
    let Some((_, free)) = zones.find(|(plan, _)| plan.zone == *zone) else { return Silent };
    let frames = |blocks: &Vec<u64>| -> u64 {
        (0..).zip(blocks).map(|(order, count)| count * Order(order).frames()).sum()
    };
    let found: u64 = statistics.blocks.iter().map(frames).sum();
    Judgement::when(found == *free, || {
        format!("the blocks have {found} frames, and {free} are free")
    })
}

fn free_is_done(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Event::Done { answers, .. } = event else { return Silent };
    let frees = match op {
        Op::Free { .. } | Op::FreeTwice { .. } => &answers[..1],
        Op::Refill {} => answers,
        _ => return Silent,
    };
    let refused = frees.iter().find(|answer| matches!(answer, Answer::Refused { .. }));
    match refused {
        None if frees.is_empty() => Silent,
        None => Holds,
        Some(_) => {
            let live = model.live.len();
            Judgement::broken(format!("a free of a live block is refused, {live} were live"))
        }
    }
}

fn merges_all(model: &Model, op: &Op, event: &Event) -> bool {
    let Some(run) = freed(model, op, event).filter(|run| run.frames == 1) else { return false };
    let block = around(model, run.base);
    let rest_is_free = || {
        let mut frames =
            (block.base.0..block.end().0).map(|frame| Run::block(Frame(frame), Order(0)));
        frames.all(|frame| frame == run || model.is_free(&frame))
    };
    model.zone_of(&block).is_some() && rest_is_free()
}

fn splits_all(model: &Model, op: &Op, event: &Event) -> bool {
    let Op::Alloc { order: Order(0), .. } = op else { return false };
    handed_out(op, event).is_some_and(|frame| model.is_free(&around(model, frame)))
}

/// The block of the greatest order in which a frame is.
fn around(model: &Model, frame: Frame) -> Run {
    let most = model.setup.most;
    Run::block(Frame(frame.0 / most.frames() * most.frames()), most)
}
