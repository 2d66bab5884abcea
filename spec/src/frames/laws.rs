//! The laws of page frames, in id order, and the situations that a campaign must meet.

use std::sync::Arc;

use super::cases::{Kind, Op};
use super::contract::{Error, Profile, Sight};
use super::model::{
    Answer, Event, Fragmentation, Model, Shown, Since, Statistics, Told, ZoneNow, blocks_within,
};
use super::{Frame, Frames, Mobility, Order, Run, ZonePlan};
use crate::core::Judgement::{Holds, Silent};
use crate::core::{Check, Judgement, Law, LawId, Level, Source, always};

const KNUTH: Source = Source::Work {
    work: "D. E. Knuth, The Art of Computer Programming, volume 1",
    place: "2.5, Dynamic Storage Allocation, the buddy system",
};
const PAGE_ALLOC: Source = Source::Work { work: "Linux", place: "mm/page_alloc.c" };
const WATERMARK: Source =
    Source::Work { work: "Linux", place: "mm/page_alloc.c, __zone_watermark_ok" };
const ISOLATION: Source = Source::Work { work: "Linux", place: "mm/page_isolation.c" };
const REACHED: Source = Source::Ours { why: "where allocators go wrong" };
const MISUSE: Source =
    Source::Ours { why: "a block that is given back wrongly is handed out twice later" };

/// The kinds of op that hand out blocks.
const GRANTS: &[Kind] = &[Kind::Alloc, Kind::AllocAt, Kind::Refill];
/// The kinds that take back the block of a slot.
const FREES: &[Kind] = &[Kind::Free, Kind::Misuse];

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
        GRANTS,
        aligned,
    ),
    law(
        "FRAMES-02",
        "A block handed out lies inside one zone, which the request allows.",
        PAGE_ALLOC,
        always,
        GRANTS,
        inside_a_zone,
    ),
    law(
        "FRAMES-03",
        "A block handed out touches no hole and no reserved frame.",
        PAGE_ALLOC,
        holes,
        GRANTS,
        no_hole,
    ),
    law(
        "FRAMES-04",
        "A block handed out overlaps no live block.",
        KNUTH,
        always,
        GRANTS,
        no_overlap,
    ),
    Law {
        id: LawId("FRAMES-05"),
        level: Level::Must,
        says: "In each zone the free, cached, isolated and live frames are all that there are to hand \
               out.",
        source: PAGE_ALLOC,
        needs: free_count,
        check: Check::Always(conservation),
    },
    law(
        "FRAMES-06",
        "An allocation fails only when no zone that it allows has a free block of its order that its \
         watermark spares.",
        KNUTH,
        strict,
        &[Kind::Alloc],
        fails_only_when_dry,
    ),
    law(
        "FRAMES-07",
        "Free buddies are merged, in whatever order they were freed: there are as few free blocks as \
         there can be.",
        KNUTH,
        merged_statistics,
        &[Kind::Statistics],
        merged,
    ),
    law(
        "FRAMES-08",
        "A request that is refused changes nothing that can be seen, but that caches may be drained.",
        Source::Ours { why: "who got nothing owes nothing" },
        free_count,
        &[Kind::Alloc, Kind::AllocAt, Kind::Isolate, Kind::Statistics],
        failure_changes_nothing,
    ),
    law(
        "FRAMES-09",
        "When all is freed, the greatest order is served everywhere it fits and nothing is isolated, \
         down to the watermarks.",
        Source::Ours { why: "what is lost then is lost for ever" },
        refill,
        &[Kind::Refill],
        nothing_is_lost,
    ),
    law(
        "FRAMES-10",
        "A second free of a block is refused.",
        MISUSE,
        double_free,
        &[Kind::Misuse],
        second_free,
    ),
    law(
        "FRAMES-11",
        "A free with another order is refused.",
        MISUSE,
        wrong_order,
        &[Kind::Misuse],
        other_order,
    ),
    law(
        "FRAMES-12",
        "A free of a smaller block inside a block is refused.",
        MISUSE,
        unaligned,
        &[Kind::Misuse],
        inside_free,
    ),
    law(
        "FRAMES-13",
        "A free of what is not handed out is refused.",
        MISUSE,
        never,
        &[Kind::Misuse],
        never_free,
    ),
    law(
        "FRAMES-14",
        "A free of what does not exist is refused.",
        MISUSE,
        out_of_range,
        &[Kind::Misuse],
        outside_free,
    ),
    law(
        "FRAMES-15",
        "Misuse that is refused changes nothing that can be seen.",
        MISUSE,
        any_misuse,
        &[Kind::Misuse, Kind::Statistics],
        misuse_changes_nothing,
    ),
    law(
        "FRAMES-16",
        "A block asked for at a frame is granted exactly when all of it is free, in one zone and not \
         isolated, unless free memory would be in too many pieces.",
        Source::Work { work: "Linux", place: "mm/page_alloc.c, alloc_contig_range" },
        alloc_at,
        &[Kind::AllocAt],
        granted_when_free,
    ),
    law(
        "FRAMES-17",
        "What was just freed can be handed out again, where the watermark spares it.",
        KNUTH,
        always,
        &[Kind::Alloc],
        freed_is_free,
    ),
    law(
        "FRAMES-18",
        "A request is served from a zone before its own only when no later one can serve it.",
        PAGE_ALLOC,
        zones,
        &[Kind::Alloc],
        falls_back_last,
    ),
    law(
        "FRAMES-19",
        "The blocks of the statistics are all that is free.",
        Source::Work { work: "Linux", place: "commit ad53f92eb416: free counts by mobility" },
        statistics,
        &[Kind::Statistics],
        statistics_add_up,
    ),
    law(
        "FRAMES-20",
        "A live block that is given back is taken, unless free memory would be in too many pieces.",
        KNUTH,
        always,
        &[Kind::Free, Kind::Misuse, Kind::Refill],
        free_is_done,
    ),
    law(
        "FRAMES-21",
        "A zone serves a request only while its watermark, with the reserve against what the request \
         allows, spares the block.",
        WATERMARK,
        watermarks,
        &[Kind::Alloc],
        watermark_is_kept,
    ),
    law(
        "FRAMES-22",
        "A block handed out touches no isolated pageblock.",
        ISOLATION,
        isolation,
        GRANTS,
        takes_nothing_isolated,
    ),
    law(
        "FRAMES-23",
        "A pageblock that has frames is isolated unless it is already, and that is undone exactly when \
         it is; one with something reserved, or live and not asked for as movable, may be refused.",
        ISOLATION,
        isolation,
        &[Kind::Isolate],
        isolated_once,
    ),
    law(
        "FRAMES-24",
        "The isolated blocks of the statistics have as many frames as are free in isolated \
         pageblocks.",
        Source::Work { work: "Linux", place: "commit d9dddbf55667: merging across an isolation" },
        isolated_statistics,
        &[Kind::Statistics],
        isolated_add_up,
    ),
    law(
        "FRAMES-25",
        "The fragmentation index and the external fragmentation are the formulas.",
        Source::Work { work: "Linux", place: "mm/vmstat.c, __fragmentation_index" },
        fragmentation,
        &[Kind::Fragmentation],
        formula,
    ),
    law(
        "FRAMES-26",
        "After a drain nothing is cached.",
        Source::Work { work: "Linux", place: "mm/page_alloc.c, drain_all_pages" },
        caches,
        &[Kind::Drain],
        drained,
    ),
    law(
        "FRAMES-27",
        "A mobility that has a free block that fits is served from its own blocks, and the others \
         are left as they are.",
        Source::Work { work: "Linux", place: "mm/page_alloc.c, __rmqueue_smallest" },
        mobility,
        &[Kind::Statistics],
        own_mobility_first,
    ),
    law(
        "FRAMES-28",
        "An allocation of an order above the greatest is refused.",
        Source::Work { work: "SunriseOS", place: "issue 94: the size of a request overflows" },
        order_beyond,
        &[Kind::Misuse],
        beyond_is_refused,
    ),
    reach(
        "FRAMES-R01",
        "Not one frame of the zones that a request allows is free.",
        strict,
        &[Kind::Alloc],
        |model, op, event| {
            let Op::Alloc { zone, .. } = *op else { return false };
            refused_order(op, event) == Some(Order(0))
                && model.slots.len() > 1
                && model.allowed(zone).next().is_some()
                && model.allowed(zone).all(|(_, now)| now.free.frames() == 0)
        },
    ),
    reach(
        "FRAMES-R02",
        "The greatest order is refused, and frames are free.",
        strict,
        &[Kind::Alloc],
        |model, op, event| {
            let Op::Alloc { zone, .. } = *op else { return false };
            refused_order(op, event) == Some(model.setup.most)
                && model.allowed(zone).any(|(_, now)| now.free.frames() > 0)
        },
    ),
    reach(
        "FRAMES-R03",
        "A free of one frame merges up to the greatest order.",
        big,
        FREES,
        merges_all,
    ),
    reach(
        "FRAMES-R04",
        "A block of the greatest order is split down to one frame.",
        big,
        &[Kind::Alloc],
        splits_all,
    ),
    reach(
        "FRAMES-R05",
        "A block at the end of a zone is freed.",
        always,
        FREES,
        |model, op, event| {
            freed(model, op, event)
                .is_some_and(|run| model.setup.zones.iter().any(|zone| zone.run.end() == run.end()))
        },
    ),
    reach("FRAMES-R06", "A block beside a hole is freed.", holes, FREES, |model, op, event| {
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
        FREES,
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
        &[Kind::Alloc],
        |model, op, event| {
            let Op::Alloc { order, zone, .. } = *op else { return false };
            handed_out(op, event).is_some_and(|frame| {
                let found = model.zone_of(&Run::block(frame, order));
                found.is_some_and(|(found, _)| found.zone < zone) && model.zone(zone).is_some()
            })
        },
    ),
    reach(
        "FRAMES-R09",
        "A second free is refused of a block whose buddy is free.",
        double_free,
        &[Kind::Misuse],
        |model, op, event| {
            let Some(run) = freed(model, op, event) else { return false };
            matches!(op, Op::FreeTwice { .. }) && model.is_free(&buddy(&run))
        },
    ),
    reach(
        "FRAMES-R10",
        "All is freed after more than 100 ops.",
        refill,
        &[Kind::Refill],
        |model, op, _| is_refill(op) && model.ops > 100,
    ),
    Law {
        id: LawId("FRAMES-R11"),
        level: Level::Must,
        says: "Each order was refused in one case.",
        source: REACHED,
        needs: strict,
        check: Check::ReachAlways(|model: &Model| model.refused == (2 << model.setup.most.0) - 1),
    },
    reach(
        "FRAMES-R12",
        "A request is refused for the watermarks alone.",
        watermarks,
        &[Kind::Alloc],
        |model, op, event| {
            let (Op::Alloc { zone, .. }, Some(order)) = (op, refused_order(op, event)) else {
                return false;
            };
            model.allowed(*zone).any(|(_, now)| now.free.suitable(order) > 0)
        },
    ),
    reach(
        "FRAMES-R13",
        "A zone that a request of its own could take falls to a reserve against a higher one.",
        watermarked_zones,
        &[Kind::Alloc],
        |model, op, event| {
            let Op::Alloc { order, zone, .. } = *op else { return false };
            let is_spared = |(plan, now): (&ZonePlan, &ZoneNow)| {
                now.must_serve(plan, order, plan.zone) && !now.must_serve(plan, order, zone)
            };
            refused_order(op, event).is_some() && model.allowed(zone).any(is_spared)
        },
    ),
    reach(
        "FRAMES-R14",
        "A request is refused, and what would serve it is isolated.",
        isolation,
        &[Kind::Alloc],
        |model, op, event| {
            let (Op::Alloc { zone, .. }, Some(order)) = (op, refused_order(op, event)) else {
                return false;
            };
            model.allowed(*zone).any(|(_, now)| now.isolated_free >= order.frames())
        },
    ),
    reach(
        "FRAMES-R15",
        "A block is freed in an isolated pageblock, and its buddy outside is free.",
        isolation,
        FREES,
        |model, op, event| {
            freed(model, op, event)
                .is_some_and(|run| model.isolated_in(&run).is_some() && model.is_free(&buddy(&run)))
        },
    ),
    reach(
        "FRAMES-R16",
        "A block is freed of which a part is isolated.",
        isolation,
        FREES,
        |model, op, event| {
            freed(model, op, event)
                .is_some_and(|run| (1..run.frames).contains(&model.not_isolated(&run)))
        },
    ),
    reach(
        "FRAMES-R17",
        "A request is served though no free block of its mobility fits.",
        mobility,
        &[Kind::Alloc],
        |model, op, event| {
            let Op::Alloc { order, mobility, .. } = *op else { return false };
            let frame = handed_out(op, event);
            let block = frame.map(|frame| Run::block(frame, order));
            let found = block.and_then(|block| model.zone_of(&block));
            let shown = found.and_then(|(_, now)| now.shown.as_ref());
            shown.is_some_and(|shown| {
                matches!(shown.since, Since::Refused { .. })
                    && !has_own(&shown.statistics, order, mobility)
            })
        },
    ),
    reach(
        "FRAMES-R18",
        "A drain finds frames in caches.",
        caches,
        &[Kind::Drain],
        |model, op, _| matches!(op, Op::Drain {}) && model.zones.iter().any(|now| now.cached() > 0),
    ),
];

const fn law(
    id: &'static str,
    says: &'static str,
    source: Source,
    needs: fn(&Profile) -> Result<(), &'static str>,
    about: &'static [Kind],
    check: fn(&Model, &Op, &Event) -> Judgement,
) -> Law<Frames> {
    let check = Check::StepOf(about, check);
    Law { id: LawId(id), level: Level::Must, says, source, needs, check }
}

const fn reach(
    id: &'static str,
    says: &'static str,
    needs: fn(&Profile) -> Result<(), &'static str>,
    about: &'static [Kind],
    met: fn(&Model, &Op, &Event) -> bool,
) -> Law<Frames> {
    let check = Check::ReachOf(about, met);
    Law { id: LawId(id), level: Level::Must, says, source: REACHED, needs, check }
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

fn merged_statistics(profile: &Profile) -> Result<(), &'static str> {
    statistics(profile)?;
    if profile.kept == 0 { Ok(()) } else { Err("which frames it keeps can't be seen") }
}

fn strict(profile: &Profile) -> Result<(), &'static str> {
    if profile.strict { Ok(()) } else { Err("it may fail though a block is free") }
}

fn refill(profile: &Profile) -> Result<(), &'static str> {
    match profile.fragments {
        Some(_) => Err("it may refuse a free"),
        None => strict(profile),
    }
}

fn mobility(profile: &Profile) -> Result<(), &'static str> {
    match (profile.mobility, profile.caches) {
        (true, false) => Ok(()),
        (true, true) => Err("it may serve from its caches"),
        (false, _) => Err("it does not tell mobilities apart"),
    }
}

fn watermarks(profile: &Profile) -> Result<(), &'static str> {
    if profile.watermarks { Ok(()) } else { Err("its zones have no watermarks") }
}

fn watermarked_zones(profile: &Profile) -> Result<(), &'static str> {
    zones(profile)?;
    watermarks(profile)
}

fn isolation(profile: &Profile) -> Result<(), &'static str> {
    if profile.isolation { Ok(()) } else { Err("its pageblocks can't be isolated") }
}

fn isolated_statistics(profile: &Profile) -> Result<(), &'static str> {
    isolation(profile)?;
    statistics(profile)
}

fn caches(profile: &Profile) -> Result<(), &'static str> {
    if profile.caches { Ok(()) } else { Err("it has no caches") }
}

fn fragmentation(profile: &Profile) -> Result<(), &'static str> {
    if profile.fragmentation { Ok(()) } else { Err("it can't tell how fragmented a zone is") }
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

fn order_beyond(profile: &Profile) -> Result<(), &'static str> {
    seen(profile.checks.order_beyond)
}

fn any_misuse(profile: &Profile) -> Result<(), &'static str> {
    free_count(profile)?;
    let kinds = [double_free, wrong_order, unaligned, never, out_of_range, order_beyond];
    if kinds.iter().any(|kind| kind(profile).is_ok()) { Ok(()) } else { Err("it sees no misuse") }
}

/// The block that an op hands out.
fn handed_out(op: &Op, event: &Event) -> Option<Frame> {
    let Event::Done { answers, .. } = event else { return None };
    match (op, answers.as_slice()) {
        (Op::Alloc { .. } | Op::AllocAt { .. }, [Answer::Block { frame }]) => Some(*frame),
        _ => None,
    }
}

/// The blocks that an op hands out: one, or those of a refill.
fn blocks<'e>(model: &Model, op: &Op, event: &'e Event) -> impl Iterator<Item = Run> + use<'e> {
    let order = match op {
        Op::Alloc { order, .. } | Op::AllocAt { order, .. } => Some(*order),
        Op::Refill {} => Some(model.setup.most),
        _ => None,
    };
    let answers = match event {
        Event::Done { answers, .. } => answers.as_slice(),
        Event::Skipped {} => &[],
    };
    answers.iter().filter_map(move |answer| match answer {
        Answer::Block { frame } => Some(Run::block(*frame, order?)),
        _ => None,
    })
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
    let (frame, order) = model.slots.get(*slot)?;
    answers.first().is_some_and(Answer::is_done).then(|| Run::block(frame, order))
}

fn aligned(model: &Model, op: &Op, event: &Event) -> Judgement {
    Judgement::all(blocks(model, op, event).map(|block| {
        Judgement::when(block.base.0.is_multiple_of(block.frames), || {
            format!("{block} is not aligned to its {} frames", block.frames)
        })
    }))
}

fn inside_a_zone(model: &Model, op: &Op, event: &Event) -> Judgement {
    Judgement::all(blocks(model, op, event).map(|block| {
        let zone = model.setup.zones.iter().find(|zone| zone.run.holds(&block));
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
    Judgement::all(blocks(model, op, event).map(|block| {
        let touched = unmanaged().find(|run| run.overlaps(&block));
        match touched {
            None => Holds,
            Some(run) => Judgement::broken(format!("{block} touches {run}")),
        }
    }))
}

fn no_overlap(model: &Model, op: &Op, event: &Event) -> Judgement {
    let overlaps = |one: &Run, other: &Run| {
        Judgement::when(!one.overlaps(other), || format!("{one} overlaps {other}, which is live"))
    };
    if is_refill(op) {
        // All is freed before it.
        let mut handed: Vec<Run> = blocks(model, op, event).collect();
        handed.sort_by_key(|block| block.base);
        return Judgement::all(handed.windows(2).map(|pair| overlaps(&pair[1], &pair[0])));
    }
    Judgement::all(blocks(model, op, event).map(|block| match model.slots.live_in(&block) {
        None => Holds,
        Some(live) => overlaps(&block, &live),
    }))
}

fn is_refill(op: &Op) -> bool {
    matches!(op, Op::Refill {})
}

fn conservation(model: &Model) -> Judgement {
    if !model.was_done {
        return Silent;
    }
    Judgement::all(model.zones().filter_map(|(plan, now)| {
        let Told { free, cached } = now.told?;
        let expected = now.free.frames().saturating_sub(model.profile.kept);
        Some(Judgement::when(free.checked_add(cached) == Some(expected), || {
            let live = plan.managed() - now.free.frames() - now.isolated_free;
            let cached =
                if model.profile.caches { format!(", {cached} cached") } else { "".into() };
            let isolated = match now.isolated_free {
                0 => String::new(),
                frames => format!(", {frames} isolated"),
            };
            let (zone, managed) = (plan.zone, plan.managed());
            format!(
                "{zone}: {free} frames are free{cached}{isolated} and {live} live, of {managed}"
            )
        }))
    }))
}

fn fails_only_when_dry(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Alloc { zone, .. }, Some(order)) = (op, refused_order(op, event)) else {
        return Silent;
    };
    let mut able = model.allowed(*zone).filter(|(plan, now)| now.must_serve(plan, order, *zone));
    match able.next().and_then(|(_, now)| now.free.first(order)) {
        None => Holds,
        Some(block) => Judgement::broken(format!("order {order} is refused, and {block} is free")),
    }
}

fn merged(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Some((_, now, statistics)) = shown(model, op, event) else { return Silent };
    // Which frames are cached is not known.
    if now.cached() > 0 {
        return Silent;
    }
    let expected = now.free.counts();
    let found: Vec<u64> = (0..expected.len())
        .map(|order| sum(statistics.blocks.iter().map(|blocks| blocks[order])))
        .collect();
    Judgement::when(found == expected, || {
        format!("free blocks by order: expected {expected:?}, found {found:?}")
    })
}

/// The statistics that an op asked for, with their zone.
fn shown<'a>(
    model: &'a Model,
    op: &Op,
    event: &'a Event,
) -> Option<(&'a ZonePlan, &'a ZoneNow, &'a Arc<Statistics>)> {
    let (Op::Statistics { zone }, Event::Done { answers, .. }) = (op, event) else { return None };
    let [Answer::Statistics { statistics }] = answers.as_slice() else { return None };
    let (plan, now) = model.zone(*zone)?;
    Some((plan, now, statistics))
}

/// Of a zone whose statistics were asked for before: what they were, when nothing was done since
/// but what was refused, all of this kind.
fn is_as_before(
    model: &Model,
    op: &Op,
    event: &Event,
    is_such: fn(requests: bool, misuse: bool) -> bool,
) -> Judgement {
    let Some((_, now, statistics)) = shown(model, op, event) else { return Silent };
    match &now.shown {
        Some(Shown { statistics: before, since: Since::Refused { requests, misuse } })
            if is_such(*requests, *misuse) && !model.profile.caches =>
        {
            Judgement::when(statistics == before, || {
                let answer = Answer::Statistics { statistics: Arc::clone(before) };
                format!("what was refused changed the statistics, which were {answer}")
            })
        }
        _ => Silent,
    }
}

fn failure_changes_nothing(model: &Model, op: &Op, event: &Event) -> Judgement {
    let is_request = matches!(
        op,
        Op::Alloc { .. } | Op::AllocAt { .. } | Op::Isolate { .. } | Op::Unisolate { .. }
    );
    let Event::Done { answers, free, cached } = event else { return Silent };
    if !is_request {
        return is_as_before(model, op, event, |requests, misuse| requests && !misuse);
    }
    if !matches!(answers.as_slice(), [Answer::Refused { .. }]) {
        return Silent;
    }
    same_counts(model, free, cached, |_| 0)
}

/// The free and cached frames of each zone are as many as before, and those that `more` gives.
fn same_counts(
    model: &Model,
    free: &[u64],
    cached: &[u64],
    more: impl Fn(&ZonePlan) -> u64,
) -> Judgement {
    let sum = |place: usize| {
        let of = |counts: &[u64]| counts.get(place).copied().unwrap_or(0);
        of(free).saturating_add(of(cached))
    };
    Judgement::all(model.zones().enumerate().filter_map(|(place, (plan, now))| {
        let told = now.told?;
        let (expected, found) = (told.free + told.cached + more(plan), sum(place));
        Some(Judgement::when(found == expected, || {
            format!("free frames of {}: expected {expected}, found {found}", plan.zone)
        }))
    }))
}

fn nothing_is_lost(model: &Model, op: &Op, event: &Event) -> Judgement {
    if !is_refill(op) {
        return Silent;
    }
    let found = blocks(model, op, event).count();
    let (most, highest) = (model.setup.most, model.setup.zones.last().map(|plan| plan.zone));
    let Some(highest) = highest else { return Silent };
    let served = |plan: &ZonePlan| {
        let is_whole = |block: &Run| plan.manages(block) && model.isolated_in(block).is_none();
        let blocks = blocks_within(&plan.run, most).filter(is_whole);
        let free = plan.managed() - model.isolated_frames(plan);
        let is_spared =
            |(before, _): &(u64, Run)| plan.spares(free - before * most.frames(), most, highest);
        (0..).zip(blocks).take_while(is_spared).count()
    };
    let expected: usize = model.setup.zones.iter().map(served).sum();
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
    let Event::Done { answers, free, cached } = event else { return Silent };
    if op.misuse(&model.profile.checks).is_none() {
        return is_as_before(model, op, event, |requests, misuse| misuse && !requests);
    }
    let back = freed(model, op, event);
    let is_first = matches!(op, Op::FreeTwice { .. }) && back.is_none();
    if is_first || !matches!(answers.last(), Some(Answer::Refused { .. })) {
        return Silent;
    }
    same_counts(model, free, cached, |plan| {
        back.filter(|run| plan.run.holds(run)).map_or(0, |run| model.not_isolated(&run))
    })
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
        ([Answer::Block { .. }], false) => {
            let live = model.slots.live_in(&block).map(|live| format!("{live} is live"));
            let isolated = || Some(format!("{} is isolated", model.isolated_in(&block)?));
            let why = live.or_else(isolated).unwrap_or_else(|| "it does not exist".into());
            Judgement::broken(format!("{block} is granted, and {why}"))
        }
        (_, true) if model.zone_of(&block).is_some_and(|(_, now)| now.cached() > 0) => Silent,
        (_, true) if model.profile.kept > 0 => Silent,
        (_, true)
            if model.profile.fragments.is_some_and(|most| pieces_without(model, &block) > most) =>
        {
            Silent
        }
        (_, true) => Judgement::broken(format!("{block} is free, and refused")),
        (_, false) => Holds,
    }
}

fn freed_is_free(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Alloc { order, zone, .. }, Some(run)) = (op, model.freed) else { return Silent };
    let Some((plan, now)) = model.zone_of(&run) else { return Silent };
    let can_serve = plan.zone <= *zone
        && order.frames() == run.frames
        && model.is_free(&run)
        && now.must_serve(plan, *order, *zone);
    if !can_serve || *event == (Event::Skipped {}) {
        return Silent;
    }
    Judgement::when(refused_order(op, event).is_none(), || {
        format!("{run} was just freed, and order {order} is refused")
    })
}

fn falls_back_last(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Op::Alloc { order, zone, .. } = *op else { return Silent };
    let Some(frame) = handed_out(op, event) else { return Silent };
    let Some((from, _)) = model.zone_of(&Run::block(frame, order)) else { return Silent };
    let mut looked = false;
    for (plan, now) in model.allowed(zone).filter(|(plan, _)| plan.zone > from.zone) {
        if now.must_serve(plan, order, zone)
            && let Some(block) = now.free.first(order)
        {
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
    let Some((plan, _, statistics)) = shown(model, op, event) else { return Silent };
    let Event::Done { free, .. } = event else { return Silent };
    let mut zones = model.setup.zones.iter().zip(free);
    let Some((_, free)) = zones.find(|(other, _)| other.zone == plan.zone) else { return Silent };
    let found = sum(statistics.blocks.iter().map(|blocks| frames_of(blocks)));
    Judgement::when(found == *free, || {
        format!("the blocks have {found} frames, and {free} are free")
    })
}

/// How many frames so many blocks of each order have.
fn frames_of(blocks: &[u64]) -> u64 {
    sum((0..).zip(blocks).map(|(order, count)| count.saturating_mul(Order(order).frames())))
}

/// The sum of counts that an implementation says, and that may be any.
fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

fn free_is_done(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Event::Done { answers, .. } = event else { return Silent };
    let frees = match op {
        Op::Free { .. } | Op::FreeTwice { .. } => &answers[..1],
        Op::Refill {} => answers.as_slice(),
        _ => return Silent,
    };
    let refused = frees.iter().any(|answer| matches!(answer, Answer::Refused { .. }));
    if let (true, Some(most), Op::Free { slot } | Op::FreeTwice { slot }) =
        (refused, model.profile.fragments, op)
    {
        let Some((frame, order)) = model.slots.get(*slot) else { return Silent };
        let pieces = pieces_with(model, Run::block(frame, order));
        return Judgement::when(pieces > most, || {
            format!("a free is refused, and free memory would be in {pieces} pieces of {most}")
        });
    }
    if frees.is_empty() {
        return Silent;
    }
    Judgement::when(!refused, || {
        let live = model.slots.len();
        format!("a free of a live block is refused, {live} were live")
    })
}

/// In how many pieces free memory is when this run is free too.
fn pieces_with(model: &Model, run: Run) -> u64 {
    pieces(model, |plan, blocks| {
        if plan.run.holds(&run) {
            blocks.push(run);
        }
    })
}

/// In how many pieces it is when this block of it is not.
fn pieces_without(model: &Model, block: &Run) -> u64 {
    pieces(model, |_, blocks| {
        let Some(at) = blocks.iter().position(|free| free.holds(block)) else { return };
        let free = blocks.swap_remove(at);
        let before = Run { base: free.base, frames: block.base.0 - free.base.0 };
        let behind = Run { base: block.end(), frames: free.end().0 - block.end().0 };
        blocks.extend([before, behind].into_iter().filter(|rest| rest.frames > 0));
    })
}

/// In how many pieces free memory is at most after a change: nothing is one across zones, and each
/// frame that is kept or cached may lie in the middle of a piece.
fn pieces(model: &Model, change: impl Fn(&ZonePlan, &mut Vec<Run>)) -> u64 {
    let of_zone = |(plan, now): (&ZonePlan, &ZoneNow)| {
        let mut blocks = now.free.blocks();
        change(plan, &mut blocks);
        blocks.sort_by_key(|block| block.base);
        let breaks = blocks.windows(2).filter(|pair| pair[0].end() != pair[1].base).count();
        let unknown = now.cached().saturating_add(model.profile.kept);
        (breaks as u64 + u64::from(!blocks.is_empty())).saturating_add(unknown)
    };
    sum(model.zones().map(of_zone))
}

fn watermark_is_kept(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Alloc { order, zone: highest, .. }, Some(frame)) = (op, handed_out(op, event)) else {
        return Silent;
    };
    let block = Run::block(frame, *order);
    let Some((plan, now)) = model.zone_of(&block) else { return Silent };
    // What was cached may have been drained first.
    let free = now.free.frames();
    Judgement::when(plan.spares(free, *order, *highest), || {
        let (zone, kept) = (plan.zone, plan.min + plan.reserve[*highest as usize]);
        format!("{zone}: {free} frames were free, and {kept} are kept from such a request")
    })
}

fn takes_nothing_isolated(model: &Model, op: &Op, event: &Event) -> Judgement {
    Judgement::all(blocks(model, op, event).map(|block| match model.isolated_in(&block) {
        None => Holds,
        Some(pageblock) => Judgement::broken(format!("{block} is in {pageblock}, isolated")),
    }))
}

fn isolated_once(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Isolate { frame } | Op::Unisolate { frame }, Event::Done { answers, .. }) =
        (op, event)
    else {
        return Silent;
    };
    let Some(pageblock) = model.setup.pageblock_of(*frame) else { return Silent };
    let is_isolated = model.isolated_in(&pageblock).is_some();
    let exists = model.place_of_pageblock(&pageblock).is_some();
    let is_granted = matches!(op, Op::Isolate { .. }) && exists && !is_isolated
        || matches!(op, Op::Unisolate { .. }) && is_isolated;
    match (answers.as_slice(), is_granted) {
        ([Answer::Done {}], true) | ([Answer::Refused { .. }], false) => Holds,
        ([Answer::Refused { error: Error::Unmovable }], true)
            if matches!(op, Op::Isolate { .. }) && has_unmovable(model, &pageblock) =>
        {
            Silent
        }
        _ => {
            let is = if is_isolated { "is isolated" } else { "is not isolated" };
            let is = if exists { is } else { "has no frames" };
            Judgement::broken(format!("{pageblock} {is}, found {event}"))
        }
    }
}

/// Whether something in a pageblock can't be moved: what is reserved, and what is live and was not
/// asked for as movable.
fn has_unmovable(model: &Model, pageblock: &Run) -> bool {
    let mut reserved = model.setup.zones.iter().flat_map(|plan| &plan.reserved);
    reserved.any(|run| run.overlaps(pageblock))
        || model.slots.lives_in(*pageblock).any(|(_, mobility)| mobility != Some(Mobility::Movable))
}

fn isolated_add_up(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Some((_, now, statistics)) = shown(model, op, event) else { return Silent };
    let found = frames_of(&statistics.isolated);
    Judgement::when(found == now.isolated_free, || {
        format!("isolated blocks have {found} frames, and {} are free there", now.isolated_free)
    })
}

fn formula(model: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Fragmentation { zone, order }, Event::Done { answers, .. }) = (op, event) else {
        return Silent;
    };
    let [Answer::Fragmentation { fragmentation: found }] = answers.as_slice() else {
        return Silent;
    };
    let Some((_, now)) = model.zone(*zone).filter(|(_, now)| now.cached() == 0) else {
        return Silent;
    };
    let blocks = now.free.counts();
    let expected = Fragmentation::of(blocks, *order);
    Judgement::when(*found == expected, || {
        let expected = Answer::Fragmentation { fragmentation: expected };
        format!("free blocks {blocks:?}, order {order}: expected {expected}")
    })
}

fn drained(_: &Model, op: &Op, event: &Event) -> Judgement {
    let (Op::Drain {}, Event::Done { cached, .. }) = (op, event) else { return Silent };
    Judgement::when(cached.iter().all(|cached| *cached == 0), || {
        format!("after a drain {cached:?} frames are cached")
    })
}

fn own_mobility_first(model: &Model, op: &Op, event: &Event) -> Judgement {
    let Some((_, now, after)) = shown(model, op, event) else { return Silent };
    let Some(Shown { statistics: before, since: Since::HandedOut { order, mobility } }) =
        &now.shown
    else {
        return Silent;
    };
    if !has_own(before, *order, *mobility) {
        return Silent;
    }
    let others = [Mobility::Unmovable, Mobility::Reclaimable, Mobility::Movable];
    let touched = others.into_iter().find(|other| {
        other != mobility && before.blocks[*other as usize] != after.blocks[*other as usize]
    });
    match touched {
        None => Holds,
        Some(other) => Judgement::broken(format!(
            "a {mobility} block of order {order} fitted, and {other} blocks changed from {:?}",
            before.blocks[other as usize]
        )),
    }
}

/// Whether a mobility has a free block of its own that an order fits in.
fn has_own(statistics: &Statistics, order: Order, mobility: Mobility) -> bool {
    let own = &statistics.blocks[mobility as usize];
    own[usize::from(order.0)..].iter().any(|count| *count > 0)
}

fn beyond_is_refused(_: &Model, op: &Op, event: &Event) -> Judgement {
    is_refused(op, event, |op| matches!(op, Op::AllocBeyond { .. }))
}

fn merges_all(model: &Model, op: &Op, event: &Event) -> bool {
    let Some(run) = freed(model, op, event).filter(|run| run.frames == 1) else { return false };
    let orders = (0..model.setup.most.0).map(Order);
    let mut buddies = orders.map(|order| {
        let frames = order.frames();
        buddy(&Run::block(Frame(run.base.0 / frames * frames), order))
    });
    buddies.all(|buddy| model.is_free(&buddy)) && model.zone_of(&around(model, run.base)).is_some()
}

fn splits_all(model: &Model, op: &Op, event: &Event) -> bool {
    let Op::Alloc { order: Order(0), .. } = op else { return false };
    handed_out(op, event).is_some_and(|frame| model.is_free(&around(model, frame)))
}

/// The block with which a block makes one of the next order.
fn buddy(run: &Run) -> Run {
    Run { base: Frame(run.base.0 ^ run.frames), frames: run.frames }
}

/// The block of the greatest order in which a frame is.
fn around(model: &Model, frame: Frame) -> Run {
    let most = model.setup.most;
    Run::block(Frame(frame.0 / most.frames() * most.frames()), most)
}
