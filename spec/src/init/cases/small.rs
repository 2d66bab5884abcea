//! The exhaustive small tier.
//!
//! It does not cover several modules, nor callbacks that panic or call back in.

use super::super::contract::Profile;
use super::super::{Init, ModuleId, Priority, RUSSELL_2003};
use super::admit::admits;
use super::{Ending, ModulePlan, Op, PairPlan, Script, Setup};
use crate::core::Case;

/// The most pairs of a module of this tier.
const MOST_PAIRS: u32 = 4;

/// The priorities of this tier.
const PRIORITIES: [i32; 3] = [-1, 0, 1];

/// What the failing init returns: −EIO.
const CODE: i32 = -5;

/// All modules of up to four pairs over three priorities, each half NULL or not, with each init
/// failing in turn and with none: load, unload, load; and where one failed, load and unload
/// without the fault. And the known answers of 2003.
pub(in super::super) fn small(profile: &Profile) -> Box<dyn Iterator<Item = Case<Init>>> {
    let nulls = if profile.nulls { 4 } else { 1 };
    let modules = (0..=MOST_PAIRS).flat_map(move |count| {
        (0..3u32.pow(count)).flat_map(move |priorities| {
            (0..u32::pow(nulls, count)).map(move |halves| module(count, priorities, halves))
        })
    });
    let known = RUSSELL_2003.iter().map(|known| known.case());
    let profile = profile.clone();
    let cases = modules.flat_map(cases_of).chain(known);
    Box::new(cases.filter(move |case| admits(&profile, case).is_ok()))
}

/// The module with these priorities, to the base 3, and these halves, two bits a pair.
fn module(count: u32, priorities: u32, halves: u32) -> ModulePlan {
    let script = |there: bool| there.then(Script::default);
    let pairs = (0..count).map(|at| {
        let priority = PRIORITIES[(priorities / 3u32.pow(at) % 3) as usize];
        let null = halves >> (2 * at);
        PairPlan {
            priority: Priority(priority),
            init: script(null & 1 == 0),
            exit: script(null & 2 == 0),
            blacklisted: false,
        }
    });
    ModulePlan { pairs: pairs.collect(), ..ModulePlan::default() }
}

/// The cases of a module: no init fails, and each in turn.
fn cases_of(module: ModulePlan) -> impl Iterator<Item = Case<Init>> {
    let id = ModuleId(0);
    (0..=module.pair_count()).filter_map(move |fails| {
        let mut module = module.clone();
        let mut ops =
            vec![Op::Load { module: id }, Op::Unload { module: id }, Op::Load { module: id }];
        if let Some(pair) = fails.checked_sub(1) {
            let init = module.pair_mut(pair)?.init.as_mut()?;
            init.end = Ending::Returns { code: CODE };
            ops.push(Op::Repair { module: id, pair });
            ops.push(Op::Load { module: id });
            ops.push(Op::Unload { module: id });
        }
        Some(Case { setup: Setup { modules: vec![module], twin: None }, ops })
    })
}
