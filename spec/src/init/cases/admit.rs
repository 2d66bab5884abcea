//! Which cases are for which profile.
//!
//! It does not cover what a loader should answer: a case that is admitted may well be refused.

use super::super::contract::Profile;
use super::super::{Half, Init, Linkage, ModuleId, Priority};
use super::{Act, Ending, How, ModulePlan, Op, PairPlan, Script, Setup, Twin};
use crate::core::Case;
use crate::core::admit::{expect_at_most, needs};

/// The most ops of a case.
const MOST_OPS: usize = 1_000_000;
/// The most modules, a twin among them.
const MOST_MODULES: usize = 4;
/// The most pairs of a module, the legacy pair not among them.
pub(super) const MOST_PAIRS: usize = 32;
/// The most acts of a callback.
const MOST_ACTS: usize = 4;
/// The most acts of a case that load and unload modules, so that what one op calls is bounded.
pub(super) const MOST_LOADING_ACTS: usize = 8;

/// Whether a case is one for an implementation with this profile.
pub(in super::super) fn admits(profile: &Profile, case: &Case<Init>) -> Result<(), String> {
    expect_at_most("ops", case.ops.len() as u64, MOST_OPS as u64)?;
    profile.check()?;
    check_setup(profile, &case.setup).map_err(|why| format!("setup: {why}"))?;
    for (index, op) in case.ops.iter().enumerate() {
        check_op(profile, &case.setup, op).map_err(|why| format!("op {index}: {why}"))?;
    }
    Ok(())
}

fn check_setup(profile: &Profile, setup: &Setup) -> Result<(), String> {
    if setup.modules.is_empty() {
        return Err("expected at least 1 module, found none".into());
    }
    expect_at_most("modules", setup.modules.len() as u64, MOST_MODULES as u64)?;
    let mut loading = 0;
    for (id, module) in (0..).map(ModuleId).zip(&setup.modules) {
        check_module(profile, setup, id, module).map_err(|why| format!("{id}: {why}"))?;
        let acts = module.acts();
        loading += acts.filter(|act| matches!(act, Act::Load { .. } | Act::Unload { .. })).count();
    }
    expect_at_most("acts that load or unload", loading as u64, MOST_LOADING_ACTS as u64)?;
    match &setup.twin {
        None => Ok(()),
        Some(twin) => check_twin(setup, twin).map_err(|why| format!("twin: {why}")),
    }
}

fn check_module(
    profile: &Profile,
    setup: &Setup,
    id: ModuleId,
    module: &ModulePlan,
) -> Result<(), String> {
    if module.linkage == Linkage::BuiltIn {
        needs(profile.built_in, "built-in modules")?;
    }
    if module.bad_parameters {
        needs(profile.parameters, "parameters")?;
        if module.linkage == Linkage::BuiltIn {
            return Err("expected wrong parameters only of a loadable module".into());
        }
    }
    expect_at_most("pairs", module.pairs.len() as u64, MOST_PAIRS as u64)?;
    if let Some(legacy) = &module.legacy {
        needs(profile.legacy, "legacy pairs")?;
        expect_at_most(
            "init_after",
            usize::from(legacy.init_after) as u64,
            module.pairs.len() as u64,
        )?;
        expect_at_most(
            "exit_after",
            usize::from(legacy.exit_after) as u64,
            module.pairs.len() as u64,
        )?;
        if legacy.pair.priority != Priority::DEVICE {
            let found = legacy.pair.priority;
            return Err(format!("expected priority 0 of the legacy pair, found {found}"));
        }
    }
    for (index, pair) in module.pairs().enumerate() {
        check_pair(profile, setup, id, pair).map_err(|why| format!("pair {index}: {why}"))?;
    }
    Ok(())
}

fn check_pair(
    profile: &Profile,
    setup: &Setup,
    id: ModuleId,
    pair: &PairPlan,
) -> Result<(), String> {
    if pair.init.is_none() || pair.exit.is_none() {
        needs(profile.nulls, "NULL halves")?;
    }
    if pair.blacklisted {
        needs(profile.blacklist, "a blacklist")?;
        if pair.init.is_none() {
            return Err("expected an init on the blacklist, found NULL".into());
        }
    }
    for (half, script) in [(Half::Init, &pair.init), (Half::Exit, &pair.exit)] {
        if let Some(script) = script {
            check_script(profile, setup, id, half, script)?;
        }
    }
    Ok(())
}

fn check_script(
    profile: &Profile,
    setup: &Setup,
    id: ModuleId,
    half: Half,
    script: &Script,
) -> Result<(), String> {
    expect_at_most("acts", script.acts.len() as u64, MOST_ACTS as u64)?;
    let entries = script.acts.iter().filter(|act| matches!(act, Act::Enter {})).count();
    expect_at_most("entries of an init", entries as u64, 1)?;
    for act in &script.acts {
        check_act(profile, setup, id, half, act)?;
    }
    check_ending(profile, half, script.end)
}

fn check_act(
    profile: &Profile,
    setup: &Setup,
    id: ModuleId,
    half: Half,
    act: &Act,
) -> Result<(), String> {
    let module = match *act {
        Act::Enter {} if half == Half::Exit => return Err("expected no entry of an exit".into()),
        Act::Enter {} => return needs(profile.entries, "entries"),
        Act::Register {} => id,
        Act::Load { module }
        | Act::Unload { module }
        | Act::Get { module }
        | Act::Put { module }
        | Act::Look { module } => module,
    };
    needs(profile.reentrant, "callbacks that call back in")?;
    if matches!(act, Act::Get { .. } | Act::Put { .. }) {
        needs(profile.references, "references")?;
    }
    if matches!(act, Act::Put { .. }) && module == id {
        return Err("expected a put of another module, found the own one".into());
    }
    let plan = setup.modules.get(usize::from(module.0));
    match plan {
        Some(plan) if plan.linkage == Linkage::Loadable => Ok(()),
        _ => Err(format!("expected an act on a loadable module, found {act} in {id}")),
    }
}

fn check_ending(profile: &Profile, half: Half, end: Ending) -> Result<(), String> {
    match (half, end) {
        (_, Ending::Panics {}) => needs(profile.panics, "panics"),
        (Half::Exit, end) if end != Ending::OK => needs(profile.exit_errors, "failing exits"),
        _ => Ok(()),
    }
}

fn check_twin(setup: &Setup, twin: &Twin) -> Result<(), String> {
    let (Some(module), Some(last)) = (setup.modules.last(), setup.twin_id()) else {
        return Err("expected modules, found none".into());
    };
    if twin.of >= last {
        return Err(format!("expected it to be of a module before {last}, found {}", twin.of));
    }
    let of = setup.module(twin.of);
    let count = usize::from(module.pair_count());
    let mut known = twin.pairs.clone();
    known.sort_unstable();
    known.dedup();
    let within = known.last().is_none_or(|pair| *pair < of.pair_count());
    if twin.pairs.len() != count || known.len() != count || !within {
        return Err(format!(
            "expected one pair of {} for each of {count}, found {:?}",
            twin.of, twin.pairs
        ));
    }
    let differs = match twin.how {
        How::Prefix => !is_prefix(of, &known),
        How::Permutation => {
            known.len() != usize::from(of.pair_count()) || !same_priorities(of, module, twin)
        }
        How::Map => !is_map(of, module, twin),
        How::Linkage => (of.linkage, module.linkage) != (Linkage::Loadable, Linkage::BuiltIn),
    };
    let loadable = twin.how == How::Linkage || (of.linkage, module.linkage) == Default::default();
    let in_place = matches!(twin.how, How::Permutation) || twin.pairs.is_sorted();
    let whole = twin.how == How::Prefix || known.len() == usize::from(of.pair_count());
    let priorities = twin.how == How::Map || same_priorities(of, module, twin);
    if differs
        || !loadable
        || !in_place
        || !whole
        || !priorities
        || !same_callbacks(of, module, twin)
    {
        return Err(format!(
            "expected a twin of {} by {:?}, found another module",
            twin.of, twin.how
        ));
    }
    Ok(())
}

/// The pairs of the twin with those of its original.
fn both<'p>(
    of: &'p ModulePlan,
    module: &'p ModulePlan,
    twin: &'p Twin,
) -> impl Iterator<Item = (&'p PairPlan, &'p PairPlan)> {
    let originals = twin.pairs.iter().filter_map(|pair| of.pair(*pair));
    originals.zip(module.pairs())
}

fn same_callbacks(of: &ModulePlan, module: &ModulePlan, twin: &Twin) -> bool {
    let halves = |pair: &PairPlan| (pair.init.clone(), pair.exit.clone(), pair.blacklisted);
    both(of, module, twin).all(|(one, other)| halves(one) == halves(other))
        && of.bad_parameters == module.bad_parameters
        && legacy_matches(of, module, twin)
}

/// The legacy pair of the one is that of the other.
fn legacy_matches(of: &ModulePlan, module: &ModulePlan, twin: &Twin) -> bool {
    let legacy = of.legacy.as_ref().map(|_| of.pair_count() - 1);
    match module.legacy {
        Some(_) => twin.pairs.last().copied() == legacy,
        None => !twin.pairs.iter().any(|pair| Some(*pair) == legacy),
    }
}

fn same_priorities(of: &ModulePlan, module: &ModulePlan, twin: &Twin) -> bool {
    both(of, module, twin).all(|(one, other)| one.priority == other.priority)
}

fn is_prefix(of: &ModulePlan, known: &[u8]) -> bool {
    let mut first = of.order();
    first.truncate(known.len());
    first.sort_unstable();
    first == known
}

fn is_map(of: &ModulePlan, module: &ModulePlan, twin: &Twin) -> bool {
    let mut maps: Vec<(Priority, Priority)> =
        both(of, module, twin).map(|(one, other)| (one.priority, other.priority)).collect();
    maps.sort_unstable();
    maps.dedup();
    maps.is_sorted_by(|one, next| one.0 < next.0 && one.1 < next.1)
}

fn check_op(profile: &Profile, setup: &Setup, op: &Op) -> Result<(), String> {
    let module = match *op {
        Op::Boot {} => return needs(profile.built_in, "built-in modules"),
        Op::Load { module }
        | Op::Unload { module }
        | Op::Get { module }
        | Op::Put { module }
        | Op::Break { module, .. }
        | Op::Repair { module, .. } => module,
    };
    let Some(plan) = setup.modules.get(usize::from(module.0)) else {
        let count = setup.modules.len();
        return Err(format!("expected one of {count} modules, found {module}"));
    };
    match *op {
        Op::Get { .. } | Op::Put { .. } => needs(profile.references, "references"),
        Op::Break { pair, .. } | Op::Repair { pair, .. } if pair >= plan.pair_count() => {
            let count = plan.pair_count();
            Err(format!("expected one of {count} pairs of {module}, found {pair}"))
        }
        Op::Break { end, .. } => check_ending(profile, Half::Init, end),
        _ => Ok(()),
    }
}
