//! How a case gets simpler.
//!
//! It does not cover which of the simpler cases are legal: whoever tries them asks `admits`.

use super::super::{Init, Linkage, ModuleId, Priority};
use super::{Act, Ending, ModulePlan, Op, PairPlan, Script, Setup, Twin};
use crate::core::Case;

/// Simpler cases, the greatest simplification first: without a twin, without a module, without a
/// pair, and then each part a little plainer.
pub(in super::super) fn simpler(case: &Case<Init>) -> Vec<Case<Init>> {
    let mut all = Vec::new();
    let setup = &case.setup;
    if setup.twin.is_some() {
        let mut apart = case.clone();
        apart.setup.twin = None;
        all.push(apart);
    }
    for id in ids(setup).rev() {
        all.extend(without_module(case, id));
    }
    for id in ids(setup) {
        for pair in (0..setup.module(id).pair_count()).rev() {
            all.extend(without_pair(case, id, pair));
        }
    }
    for id in ids(setup) {
        all.extend(plainer_modules(case, id));
        for pair in 0..setup.module(id).pair_count() {
            plainer_pairs(case, id, pair, &mut all);
        }
        all.extend(smaller_priorities(case, id));
    }
    for (at, op) in case.ops.iter().enumerate() {
        if let Op::Break { module, pair, end } = *op {
            all.push(broken_from_the_start(case, at, module, pair, end));
            for end in plainer_endings(end) {
                let mut plainer = case.clone();
                plainer.ops[at] = Op::Break { module, pair, end };
                all.push(plainer);
            }
        }
    }
    all
}

/// The init ends so in the setup, and the op at this place is gone.
fn broken_from_the_start(
    case: &Case<Init>,
    at: usize,
    module: ModuleId,
    pair: u8,
    end: Ending,
) -> Case<Init> {
    let mut plainer = case.clone();
    plainer.ops.remove(at);
    for (module, pair) in twin_pairs(&case.setup, module, pair) {
        let plan = plainer.setup.modules[usize::from(module.0)].pair_mut(pair);
        if let Some(init) = plan.and_then(|plan| plan.init.as_mut()) {
            init.end = end;
        }
    }
    plainer
}

fn ids(setup: &Setup) -> impl DoubleEndedIterator<Item = ModuleId> + use<> {
    let count = u8::try_from(setup.modules.len()).expect("there are few modules");
    (0..count).map(ModuleId)
}

/// The module leaves, with all that names it; those behind it get smaller numbers.
fn without_module(case: &Case<Init>, gone: ModuleId) -> Option<Case<Init>> {
    let mut case = case.clone();
    if case.setup.modules.len() < 2 {
        return None;
    }
    if let Some(twin) = &mut case.setup.twin {
        if twin.of == gone || usize::from(gone.0) + 1 == case.setup.modules.len() {
            case.setup.twin = None;
        } else {
            twin.of = renamed(twin.of, gone)?;
        }
    }
    case.setup.modules.remove(usize::from(gone.0));
    for module in &mut case.setup.modules {
        for index in 0..module.pair_count() {
            let pair = module.pair_mut(index).expect("the index is one of its pairs");
            for script in scripts(pair) {
                script.acts =
                    script.acts.iter().filter_map(|act| renamed_act(*act, gone)).collect();
            }
        }
    }
    case.ops = case.ops.iter().filter_map(|op| renamed_op(*op, gone)).collect();
    Some(case)
}

fn scripts(pair: &mut PairPlan) -> impl Iterator<Item = &mut Script> {
    [&mut pair.init, &mut pair.exit].into_iter().flatten()
}

fn renamed(module: ModuleId, gone: ModuleId) -> Option<ModuleId> {
    (module != gone).then_some(ModuleId(module.0 - u8::from(module > gone)))
}

fn renamed_act(act: Act, gone: ModuleId) -> Option<Act> {
    Some(match act {
        Act::Load { module } => Act::Load { module: renamed(module, gone)? },
        Act::Unload { module } => Act::Unload { module: renamed(module, gone)? },
        Act::Get { module } => Act::Get { module: renamed(module, gone)? },
        Act::Put { module } => Act::Put { module: renamed(module, gone)? },
        Act::Look { module } => Act::Look { module: renamed(module, gone)? },
        Act::Register {} | Act::Enter {} => act,
    })
}

fn renamed_op(op: Op, gone: ModuleId) -> Option<Op> {
    Some(match op {
        Op::Load { module } => Op::Load { module: renamed(module, gone)? },
        Op::Unload { module } => Op::Unload { module: renamed(module, gone)? },
        Op::Get { module } => Op::Get { module: renamed(module, gone)? },
        Op::Put { module } => Op::Put { module: renamed(module, gone)? },
        Op::Boot {} => op,
        Op::Break { module, pair, end } => Op::Break { module: renamed(module, gone)?, pair, end },
        Op::Repair { module, pair } => Op::Repair { module: renamed(module, gone)?, pair },
    })
}

/// The pair leaves, its module's twin too; those behind it get smaller indices.
fn without_pair(case: &Case<Init>, id: ModuleId, gone: u8) -> Option<Case<Init>> {
    let mut case = case.clone();
    let mut gone_pairs = vec![(id, gone)];
    if let (Some(twin), Some(last)) = (case.setup.twin.clone(), case.setup.twin_id()) {
        let (of, in_twin) = if id == last {
            (*twin.pairs.get(usize::from(gone))?, Some(gone))
        } else if id == twin.of {
            let place = twin.pairs.iter().position(|pair| *pair == gone);
            (gone, place.and_then(|place| u8::try_from(place).ok()))
        } else {
            return Some(drop_pairs(case, &gone_pairs));
        };
        gone_pairs = vec![(twin.of, of)];
        gone_pairs.extend(in_twin.map(|pair| (last, pair)));
        let pairs = twin.pairs.iter().filter(|pair| **pair != of);
        let pairs = pairs.map(|pair| pair - u8::from(*pair > of)).collect();
        case.setup.twin = Some(Twin { pairs, ..twin });
    }
    Some(drop_pairs(case, &gone_pairs))
}

fn drop_pairs(mut case: Case<Init>, gone: &[(ModuleId, u8)]) -> Case<Init> {
    for &(id, pair) in gone {
        let module = &mut case.setup.modules[usize::from(id.0)];
        if usize::from(pair) == module.pairs.len() {
            module.legacy = None;
        } else {
            module.pairs.remove(usize::from(pair));
            if let Some(legacy) = &mut module.legacy {
                legacy.init_after -= u8::from(legacy.init_after > pair);
                legacy.exit_after -= u8::from(legacy.exit_after > pair);
            }
        }
        case.ops.retain_mut(|op| match op {
            Op::Break { module, pair: index, .. } | Op::Repair { module, pair: index } => {
                let stays = *module != id || *index != pair;
                if *module == id && *index > pair {
                    *index -= 1;
                }
                stays
            }
            _ => true,
        });
    }
    case
}

fn plainer_modules(case: &Case<Init>, id: ModuleId) -> Vec<Case<Init>> {
    let change = |change: &dyn Fn(&mut ModulePlan)| {
        let mut plainer = case.clone();
        change(&mut plainer.setup.modules[usize::from(id.0)]);
        plainer
    };
    let module = case.setup.module(id);
    let mut all = Vec::new();
    if module.linkage == Linkage::BuiltIn {
        all.push(change(&|module| module.linkage = Linkage::Loadable));
    }
    if module.bad_parameters {
        all.push(change(&|module| module.bad_parameters = false));
    }
    if let Some(legacy) = &module.legacy {
        let last = u8::try_from(module.pairs.len()).expect("there are few pairs");
        if (legacy.init_after, legacy.exit_after) != (last, last) {
            all.push(change(&|module| {
                if let Some(legacy) = &mut module.legacy {
                    (legacy.init_after, legacy.exit_after) = (last, last);
                }
            }));
        }
    }
    all
}

fn plainer_pairs(case: &Case<Init>, id: ModuleId, pair: u8, all: &mut Vec<Case<Init>>) {
    let Some(plan) = case.setup.module(id).pair(pair) else { return };
    let mut plainer = Vec::new();
    if plan.blacklisted {
        plainer.push(PairPlan { blacklisted: false, ..plan.clone() });
    }
    for script in plainer_scripts(plan.init.as_ref()) {
        plainer.push(PairPlan { init: Some(script), ..plan.clone() });
    }
    for script in plainer_scripts(plan.exit.as_ref()) {
        plainer.push(PairPlan { exit: Some(script), ..plan.clone() });
    }
    for plan in plainer {
        let mut plainer = case.clone();
        for (module, index) in twin_pairs(&case.setup, id, pair) {
            let module = &mut plainer.setup.modules[usize::from(module.0)];
            if let Some(place) = module.pair_mut(index) {
                let priority = place.priority;
                *place = PairPlan { priority, ..plan.clone() };
            }
        }
        all.push(plainer);
    }
}

/// The pair, and the one that is its twin.
fn twin_pairs(setup: &Setup, id: ModuleId, pair: u8) -> Vec<(ModuleId, u8)> {
    let mut pairs = vec![(id, pair)];
    if let (Some(twin), Some(last)) = (&setup.twin, setup.twin_id()) {
        if id == last {
            pairs.extend(twin.pairs.get(usize::from(pair)).map(|of| (twin.of, *of)));
        } else if id == twin.of {
            let place = twin.pairs.iter().position(|of| *of == pair);
            pairs.extend(place.and_then(|place| u8::try_from(place).ok()).map(|at| (last, at)));
        }
    }
    pairs
}

/// NULL gets an empty script; a script loses an act, and ends more plainly.
fn plainer_scripts(script: Option<&Script>) -> Vec<Script> {
    let Some(script) = script else { return vec![Script::default()] };
    let mut all = Vec::new();
    for at in 0..script.acts.len() {
        let mut plainer = script.clone();
        plainer.acts.remove(at);
        all.push(plainer);
    }
    for end in plainer_endings(script.end) {
        all.push(Script { end, ..script.clone() });
    }
    all
}

/// From a panic over a code to −1, and to none.
fn plainer_endings(end: Ending) -> Vec<Ending> {
    let minus_one = Ending::Returns { code: -1 };
    match end {
        Ending::Returns { code: 0 } => vec![],
        Ending::Returns { code: -1 } => vec![Ending::OK],
        _ => vec![Ending::OK, minus_one],
    }
}

/// The priorities by their ranks around 0, all at once; and each a 0.
fn smaller_priorities(case: &Case<Init>, id: ModuleId) -> Vec<Case<Init>> {
    let module = case.setup.module(id);
    let mut known: Vec<i32> = module.pairs.iter().map(|pair| pair.priority.0).chain([0]).collect();
    known.sort_unstable();
    known.dedup();
    let zero = known.iter().position(|priority| *priority == 0).unwrap_or(0);
    let rank = |priority: i32| {
        let rank = known.iter().position(|other| *other == priority).unwrap_or(zero);
        let small = |at: usize| i32::try_from(at).expect("there are few pairs");
        Priority(small(rank) - small(zero))
    };
    let mut ranked = case.clone();
    for pair in &mut ranked.setup.modules[usize::from(id.0)].pairs {
        pair.priority = rank(pair.priority.0);
    }
    // A permutation and a prefix have the priorities of their originals.
    let mut both = ranked.clone();
    for (at, plan) in (0..).zip(&ranked.setup.module(id).pairs) {
        for (other, index) in twin_pairs(&case.setup, id, at) {
            if let Some(pair) = both.setup.modules[usize::from(other.0)].pair_mut(index) {
                pair.priority = plan.priority;
            }
        }
    }
    let mut all: Vec<Case<Init>> = [ranked, both].into_iter().filter(|one| one != case).collect();
    for (at, plan) in module.pairs.iter().enumerate() {
        if plan.priority != Priority::DEVICE {
            let mut zeroed = case.clone();
            zeroed.setup.modules[usize::from(id.0)].pairs[at].priority = Priority::DEVICE;
            all.push(zeroed);
        }
    }
    all
}
