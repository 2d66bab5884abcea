//! Known answers, from the author's own test module of 24 June 2003.
//!
//! Its hooks 5, 1, 2, 3, 4, 6 are registered in that order with priority −number; a parameter says
//! which of them fails, with −EINVAL. It has the legacy pair too.
//! It does not cover ties: the module has none.

use super::cases::{Ending, LegacyPlan, ModulePlan, Op, PairPlan, Script, Setup};
use super::{Half, Init, ModuleId, Priority};
use crate::core::Case;

/// −EINVAL, as Linux numbers it.
pub(super) const EINVAL: i32 = -22;

/// The hooks, in the order of the source.
const HOOKS: [u8; 6] = [5, 1, 2, 3, 4, 6];

/// What one run of the module prints.
#[derive(Debug, Clone, Copy)]
pub struct KnownAnswer {
    /// Which hook fails; 0: none.
    pub fails: u8,
    /// What loading calls: `i3` is the init of hook 3, `x3` its exit, `L` and `L⁻` are the legacy
    /// pair's.
    pub load: &'static str,
    /// What unloading calls, when it is loaded.
    pub unload: &'static str,
}

/// The answers that the module gave: Rusty Russell, "Re: \[PATCH 3/3\] Allow arbitrary number of
/// init funcs in modules", message id `20030624065937.1B45E2C273@lists.samba.org`.
pub const RUSSELL_2003: &[KnownAnswer] = &[
    KnownAnswer { fails: 0, load: "i6 i5 i4 i3 i2 i1 L", unload: "L⁻ x1 x2 x3 x4 x5 x6" },
    KnownAnswer { fails: 3, load: "i6 i5 i4 i3 x4 x5 x6", unload: "" },
    KnownAnswer { fails: 6, load: "i6", unload: "" },
    KnownAnswer { fails: 1, load: "i6 i5 i4 i3 i2 i1 x2 x3 x4 x5 x6", unload: "" },
];

impl KnownAnswer {
    /// The case: the module, loaded and, where that succeeds, unloaded.
    pub fn case(&self) -> Case<Init> {
        let pairs = HOOKS.map(|hook| {
            let code = if hook == self.fails { EINVAL } else { 0 };
            PairPlan {
                priority: Priority(-i32::from(hook)),
                init: Some(Script { acts: Vec::new(), end: Ending::Returns { code } }),
                exit: Some(Script::default()),
                blacklisted: false,
            }
        });
        let pair = PairPlan {
            init: Some(Script::default()),
            exit: Some(Script::default()),
            ..PairPlan::default()
        };
        let legacy = Some(LegacyPlan { pair, init_after: 6, exit_after: 6 });
        let module = ModulePlan { pairs: pairs.to_vec(), legacy, ..ModulePlan::default() };
        let ops = [Op::Load { module: ModuleId(0) }, Op::Unload { module: ModuleId(0) }];
        let count = if self.unload.is_empty() { 1 } else { 2 };
        Case { setup: Setup { modules: vec![module], twin: None }, ops: ops[..count].to_vec() }
    }

    /// How the answers write a callback of the module.
    pub fn name(half: Half, pair: u8) -> String {
        match (half, HOOKS.get(usize::from(pair))) {
            (Half::Init, Some(hook)) => format!("i{hook}"),
            (Half::Exit, Some(hook)) => format!("x{hook}"),
            (Half::Init, None) => "L".into(),
            (Half::Exit, None) => "L⁻".into(),
        }
    }
}
