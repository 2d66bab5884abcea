//! From bytes to cases.
//!
//! It does not cover which cases are legal: all that is drawn is within the profile, and `admits`
//! says so.

use arbitrary::Unstructured;

use super::super::contract::{FailureRule, Profile};
use super::super::model::failure_of;
use super::super::{Half, Linkage, ModuleId, Priority};
use super::admit::MOST_LOADING_ACTS;
use super::{Act, Ending, How, Kind, LegacyPlan, ModulePlan, Op, PairPlan, Script, Setup, Twin};
use crate::core::{one_in, pick};

/// Palettes of priorities, of which each module has one: close to 0, the levels of 2003, the
/// extremes, and numbers that sort otherwise as text.
const PALETTES: [&[i32]; 5] = [
    &[-1, 0, 1],
    &[-5000, -4000, -3000, -2000, -1000, 0, 1000],
    &[i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX - 1, i32::MAX],
    &[-100, -10, -9, -2, 0, 2, 9, 10, 100],
    &[0, 1, 2],
];

/// How many pairs a module has. Library sorts are stable by chance up to 20 entries.
const COUNTS: [u8; 16] = [0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 6, 8, 24];

/// What failing callbacks return: EPERM, ENOENT, EIO, ENOMEM, EBUSY, EINVAL, the extreme, and
/// numbers above 0.
const CODES: [i32; 8] = [-1, -2, -5, -12, -16, -22, i32::MIN, 5];

/// What the generator guesses while it draws.
#[derive(Debug, Default)]
pub struct Draft {
    modules: [Guess; 4],
    booted: bool,
}

#[derive(Debug, Default)]
struct Guess {
    live: bool,
    references: u32,
    /// The inits that end otherwise than in the setup.
    changed: Vec<(u8, Ending)>,
}

/// One module in most cases, and perhaps a twin of one.
pub(in super::super) fn draw_setup(
    u: &mut Unstructured<'_>,
    profile: &Profile,
) -> arbitrary::Result<Setup> {
    let count = match u.arbitrary::<u8>()? {
        0..140 => 1,
        140..215 => 2,
        _ => 3,
    };
    let mut linkages = Vec::with_capacity(count);
    for _ in 0..count {
        let built_in = profile.built_in && one_in(u, 4)?;
        linkages.push(if built_in { Linkage::BuiltIn } else { Linkage::Loadable });
    }
    let mut modules = Vec::with_capacity(count + 1);
    let mut loading_acts = MOST_LOADING_ACTS / 2;
    for at in 0..count {
        // Who is asked for by another module's callbacks asks for that one in turn.
        let asked_by = modules.iter().position(|module| asks_for(module, module_id(at)));
        let place = Place { linkages: &linkages, at, asked_by };
        modules.push(draw_module(u, profile, &place, &mut loading_acts)?);
    }
    let mut setup = Setup { modules, twin: None };
    if one_in(u, 3)? {
        draw_twin(u, profile, &mut setup)?;
    }
    Ok(setup)
}

/// Where a module stands among the others while it is drawn.
struct Place<'p> {
    linkages: &'p [Linkage],
    at: usize,
    asked_by: Option<usize>,
}

fn asks_for(module: &ModulePlan, other: ModuleId) -> bool {
    module
        .acts()
        .any(|act| matches!(act, Act::Load { module } | Act::Unload { module } if *module == other))
}

fn draw_module(
    u: &mut Unstructured<'_>,
    profile: &Profile,
    place: &Place<'_>,
    loading_acts: &mut usize,
) -> arbitrary::Result<ModulePlan> {
    let linkage = place.linkages[place.at];
    let palette = pick(u, &PALETTES)?;
    let count = pick(u, &COUNTS)?;
    let troubled = one_in(u, 2)?;
    let active = one_in(u, 3)? || place.asked_by.is_some();
    let mut module = ModulePlan { linkage, ..ModulePlan::default() };
    for _ in 0..count {
        let priority = draw_priority(u, palette, &module.pairs)?;
        let mut pair = draw_pair(u, profile, priority, troubled)?;
        if active {
            draw_acts(u, profile, place, &mut pair, loading_acts)?;
        }
        module.pairs.push(pair);
    }
    if profile.legacy && one_in(u, 4)? {
        let pair = draw_pair(u, profile, Priority::DEVICE, troubled)?;
        let places = count + 1;
        let init_after = u.arbitrary::<u8>()? % places;
        let exit_after = u.arbitrary::<u8>()? % places;
        module.legacy = Some(LegacyPlan { pair, init_after, exit_after });
    }
    let loadable = linkage == Linkage::Loadable;
    module.bad_parameters = profile.parameters && loadable && one_in(u, 24)?;
    Ok(module)
}

/// One of the palette, or the one before again, or any.
fn draw_priority(
    u: &mut Unstructured<'_>,
    palette: &[i32],
    pairs: &[PairPlan],
) -> arbitrary::Result<Priority> {
    let tag: u8 = u.arbitrary()?;
    Ok(match (tag, pairs.last()) {
        (0..64, Some(last)) => last.priority,
        (250.., _) => Priority(u.arbitrary()?),
        _ => Priority(palette[usize::from(tag) % palette.len()]),
    })
}

fn draw_pair(
    u: &mut Unstructured<'_>,
    profile: &Profile,
    priority: Priority,
    troubled: bool,
) -> arbitrary::Result<PairPlan> {
    let mut pair = PairPlan {
        priority,
        init: Some(Script::default()),
        exit: Some(Script::default()),
        blacklisted: false,
    };
    match u.arbitrary::<u8>()? {
        0..14 if profile.nulls => pair.init = None,
        14..22 if profile.nulls => pair.exit = None,
        22..25 if profile.nulls => (pair.init, pair.exit) = (None, None),
        25..80 if troubled => {
            pair.init = Some(Script { end: draw_failure(u, profile, Half::Init)?, acts: vec![] });
        }
        80..150 if troubled => {
            pair.exit = Some(Script { end: draw_failure(u, profile, Half::Exit)?, acts: vec![] });
        }
        150..160 if profile.blacklist => pair.blacklisted = true,
        _ => {}
    }
    Ok(pair)
}

/// An ending that is odd, within the profile.
fn draw_failure(
    u: &mut Unstructured<'_>,
    profile: &Profile,
    half: Half,
) -> arbitrary::Result<Ending> {
    let tag: u8 = u.arbitrary()?;
    Ok(match half {
        _ if profile.panics && tag.is_multiple_of(4) => Ending::Panics {},
        Half::Exit if !profile.exit_errors => Ending::OK,
        _ => Ending::Returns { code: CODES[usize::from(tag / 4) % CODES.len()] },
    })
}

/// Now and then a callback asks something of the loader.
fn draw_acts(
    u: &mut Unstructured<'_>,
    profile: &Profile,
    place: &Place<'_>,
    pair: &mut PairPlan,
    loading_acts: &mut usize,
) -> arbitrary::Result<()> {
    for (half, script) in [(Half::Init, &mut pair.init), (Half::Exit, &mut pair.exit)] {
        let Some(script) = script else { continue };
        let share = if place.asked_by.is_some() { 2 } else { 3 };
        while script.acts.len() < 2 && one_in(u, share)? {
            let Some(act) = draw_act(u, profile, place, half)? else { break };
            if act == (Act::Enter {}) && script.acts.contains(&act) {
                break;
            }
            if matches!(act, Act::Load { .. } | Act::Unload { .. }) {
                if *loading_acts == 0 {
                    break;
                }
                *loading_acts -= 1;
            }
            script.acts.push(act);
        }
    }
    Ok(())
}

fn draw_act(
    u: &mut Unstructured<'_>,
    profile: &Profile,
    place: &Place<'_>,
    half: Half,
) -> arbitrary::Result<Option<Act>> {
    let tag: u8 = u.arbitrary()?;
    if half == Half::Init && profile.entries && (tag < 80 || !profile.reentrant) {
        return Ok(Some(Act::Enter {}));
    }
    let other = match place.asked_by {
        Some(other) if tag % 2 == 1 => other,
        _ => usize::from(tag) % place.linkages.len(),
    };
    if !profile.reentrant || place.linkages[other] == Linkage::BuiltIn {
        return Ok(None);
    }
    let (own, module) = (other == place.at, module_id(other));
    let answers_back = place.asked_by == Some(other);
    Ok(Some(match u.arbitrary::<u8>()? % if answers_back { 4 } else { 8 } {
        0 | 1 => Act::Load { module },
        2 => Act::Unload { module },
        3 | 4 if profile.references => Act::Get { module },
        5 if profile.references && !own => Act::Put { module },
        6 if own => Act::Register {},
        _ => Act::Look { module },
    }))
}

fn module_id(at: usize) -> ModuleId {
    ModuleId(u8::try_from(at).expect("there are few modules"))
}

/// Makes a twin of a loadable module, where one makes sense.
fn draw_twin(
    u: &mut Unstructured<'_>,
    profile: &Profile,
    setup: &mut Setup,
) -> arbitrary::Result<()> {
    let of = usize::from(u.arbitrary::<u8>()?) % setup.modules.len();
    let how = pick(u, &[How::Prefix, How::Permutation, How::Map, How::Linkage])?;
    let original = &setup.modules[of];
    if original.linkage == Linkage::BuiltIn || original.pair_count() < 2 {
        return Ok(());
    }
    if how == How::Linkage && !profile.built_in {
        return Ok(());
    }
    if setup.modules.iter().flat_map(ModulePlan::acts).any(|act| !matches!(act, Act::Enter {})) {
        // Both would do it, and the second would find what the first has done.
        strip_acts(&mut setup.modules[of]);
    }
    let original = &setup.modules[of];
    let (pairs, mut plan) = match how {
        How::Prefix => {
            let duty = failing_place(profile, original);
            let mut pairs = original.order();
            pairs.truncate(duty.unwrap_or(pairs.len() - 1));
            pairs.sort_unstable();
            let plan = select(original, &pairs);
            (pairs, plan)
        }
        How::Permutation => {
            let pairs = draw_permutation(u, original)?;
            let plan = select(original, &pairs);
            (pairs, plan)
        }
        How::Map => {
            let pairs: Vec<u8> = (0..original.pair_count()).collect();
            let plan = draw_map(u, original)?;
            (pairs, plan)
        }
        How::Linkage => ((0..original.pair_count()).collect(), original.clone()),
    };
    if how == How::Linkage {
        (plan.linkage, plan.bad_parameters) = (Linkage::BuiltIn, false);
        setup.modules[of].bad_parameters = false;
    }
    setup.modules.push(plan);
    setup.twin = Some(Twin { of: module_id(of), how, pairs });
    Ok(())
}

fn strip_acts(module: &mut ModulePlan) {
    for index in 0..module.pair_count() {
        let pair = module.pair_mut(index).expect("the index is one of its pairs");
        for script in [&mut pair.init, &mut pair.exit].into_iter().flatten() {
            script.acts.retain(|act| matches!(act, Act::Enter {}));
        }
    }
}

/// How many pairs complete before the first that fails, as the module is drawn.
fn failing_place(profile: &Profile, module: &ModulePlan) -> Option<usize> {
    module.order().iter().position(|pair| {
        let pair = module.pair(*pair).expect("the order has its own pairs");
        let end = pair.init.as_ref().map_or(Ending::OK, |init| init.end);
        pair.blacklisted || failure_of(profile.failure, end).is_some()
    })
}

/// The module with only these pairs, in this order; the legacy pair is the last, if it is there.
fn select(original: &ModulePlan, pairs: &[u8]) -> ModulePlan {
    let plain = pairs.iter().filter_map(|pair| original.pairs.get(usize::from(*pair)));
    let pairs_of: Vec<PairPlan> = plain.cloned().collect();
    let count = u8::try_from(pairs_of.len()).expect("there are few pairs");
    let legacy = original.legacy.clone().filter(|_| pairs_of.len() < pairs.len());
    let legacy = legacy.map(|legacy| LegacyPlan {
        init_after: legacy.init_after.min(count),
        exit_after: legacy.exit_after.min(count),
        ..legacy
    });
    ModulePlan { pairs: pairs_of, legacy, ..original.clone() }
}

fn draw_permutation(u: &mut Unstructured<'_>, module: &ModulePlan) -> arbitrary::Result<Vec<u8>> {
    let mut pairs: Vec<u8> = (0..module.pair_count()).collect();
    for at in (1..module.pairs.len()).rev() {
        let other = usize::from(u.arbitrary::<u8>()?) % (at + 1);
        pairs.swap(at, other);
    }
    Ok(pairs)
}

/// Other priorities in the same order; 0 stays 0, where the legacy pair stands.
fn draw_map(u: &mut Unstructured<'_>, module: &ModulePlan) -> arbitrary::Result<ModulePlan> {
    let mut plan = module.clone();
    let mut known: Vec<i32> = plan.pairs.iter().map(|pair| pair.priority.0).collect();
    known.sort_unstable();
    known.dedup();
    let below = known.iter().filter(|priority| **priority < 0).count();
    let spread = pick(u, &[1, 10, 1000, i32::MAX / 32])?;
    let to_edges = one_in(u, 2)?;
    let map = |priority: i32| {
        let rank = known.iter().position(|other| *other == priority).unwrap_or(0);
        let (rank, below) = (small_i32(rank), small_i32(below));
        match priority {
            0 => 0,
            _ if to_edges && rank == 0 && priority < 0 => i32::MIN,
            _ if to_edges && rank + 1 == small_i32(known.len()) && priority > 0 => i32::MAX,
            ..0 => (rank - below) * spread,
            _ => (rank - below + 1) * spread,
        }
    };
    for pair in &mut plan.pairs {
        pair.priority = Priority(map(pair.priority.0));
    }
    Ok(plan)
}

fn small_i32(value: usize) -> i32 {
    i32::try_from(value).expect("there are few pairs")
}

/// One op; of another kind where that one makes no sense.
pub(in super::super) fn draw_op(
    u: &mut Unstructured<'_>,
    kind: Kind,
    setup: &Setup,
    profile: &Profile,
    draft: &mut Draft,
) -> arbitrary::Result<Op> {
    let drawn = draw_place(u, setup)?;
    let has_built_in = setup.modules.iter().any(|module| module.linkage == Linkage::BuiltIn);
    let boots = match kind {
        Kind::Boot => has_built_in && (!draft.booted || one_in(u, 4)?),
        _ => setup.modules[drawn].linkage == Linkage::BuiltIn && !draft.booted,
    };
    if boots && !matches!(kind, Kind::Break | Kind::Repair) {
        draft.booted = true;
        return Ok(Op::Boot {});
    }
    if matches!(kind, Kind::Break | Kind::Repair)
        && let Some(op) = draw_change(u, kind, setup, profile, draft, drawn)?
    {
        return Ok(op);
    }
    let loadable = |at: &usize| setup.modules[*at].linkage == Linkage::Loadable;
    let others = (drawn..setup.modules.len()).chain(0..drawn);
    let Some(at) = others.into_iter().find(loadable) else {
        return Ok(Op::Load { module: module_id(drawn) });
    };
    let module = module_id(at);
    let guess = &mut draft.modules[at];
    // What makes sense is done as drawn; what does not, now and then.
    let sensible = match kind {
        Kind::Unload => guess.live,
        Kind::Get => profile.references && guess.live,
        Kind::Put => profile.references && guess.references > 0,
        _ => !guess.live,
    };
    let offered = profile.references || !matches!(kind, Kind::Get | Kind::Put);
    let kind = match kind {
        _ if sensible || (offered && one_in(u, 6)?) => kind,
        _ if guess.live => Kind::Unload,
        _ => Kind::Load,
    };
    Ok(match kind {
        Kind::Unload => {
            guess.live &= guess.references > 0;
            Op::Unload { module }
        }
        Kind::Get => {
            guess.references += u32::from(guess.live);
            Op::Get { module }
        }
        Kind::Put => {
            guess.references = guess.references.saturating_sub(1);
            Op::Put { module }
        }
        _ => {
            guess.live |= guess.starts(profile.failure, &setup.modules[at]);
            Op::Load { module }
        }
    })
}

/// Any module; where there is a twin, mostly it or its original.
fn draw_place(u: &mut Unstructured<'_>, setup: &Setup) -> arbitrary::Result<usize> {
    let tag = usize::from(u.arbitrary::<u8>()?);
    Ok(match &setup.twin {
        Some(_) if tag % 4 == 0 => setup.modules.len() - 1,
        Some(twin) if tag % 4 == 1 => usize::from(twin.of.0),
        _ => tag / 4 % setup.modules.len(),
    })
}

impl Guess {
    fn ending(&self, pair: u8, plan: &PairPlan) -> Ending {
        let changed = self.changed.iter().rev().find(|(other, _)| *other == pair);
        let planned = plan.init.as_ref().map_or(Ending::OK, |init| init.end);
        changed.map_or(planned, |(_, end)| *end)
    }

    /// Whether a load should succeed.
    fn starts(&self, rule: FailureRule, module: &ModulePlan) -> bool {
        !module.bad_parameters
            && self.failing(rule, module).is_none()
            && module.pairs().all(|pair| !pair.blacklisted)
    }

    /// A pair whose init fails.
    fn failing(&self, rule: FailureRule, module: &ModulePlan) -> Option<u8> {
        let mut pairs = (0..).zip(module.pairs());
        let fails =
            |(pair, plan): &(u8, &PairPlan)| failure_of(rule, self.ending(*pair, plan)).is_some();
        pairs.find(fails).map(|(pair, _)| pair)
    }
}

/// Breaks an init, or repairs one that fails.
fn draw_change(
    u: &mut Unstructured<'_>,
    kind: Kind,
    setup: &Setup,
    profile: &Profile,
    draft: &mut Draft,
    at: usize,
) -> arbitrary::Result<Option<Op>> {
    let plan = &setup.modules[at];
    let guess = &mut draft.modules[at];
    let module = module_id(at);
    let pair = match (kind, guess.failing(profile.failure, plan)) {
        (Kind::Repair, failing) => failing,
        _ if plan.pair_count() > 0 => Some(u.arbitrary::<u8>()? % plan.pair_count()),
        _ => None,
    };
    let Some(pair) = pair.filter(|pair| plan.pair(*pair).is_some_and(|pair| pair.init.is_some()))
    else {
        return Ok(None);
    };
    if kind == Kind::Repair {
        guess.changed.push((pair, Ending::OK));
        return Ok(Some(Op::Repair { module, pair }));
    }
    let end = draw_failure(u, profile, Half::Init)?;
    guess.changed.push((pair, end));
    Ok(Some(Op::Break { module, pair, end }))
}
