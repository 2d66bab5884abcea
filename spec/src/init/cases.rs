//! What a case says: the modules, what their callbacks do, and the ops.
//!
//! How cases are drawn, admitted, simplified and enumerated is in the files below. It does not
//! cover what a loader should answer.

mod admit;
mod draw;
mod simpler;
mod small;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Half, Linkage, ModuleId, Priority};
use crate::core::KindOf;

pub(super) use self::admit::admits;
pub(super) use self::draw::{Draft, draw_op, draw_setup};
pub(super) use self::simpler::simpler;
pub(super) use self::small::small;

/// The world of one case: the modules in link order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// One to three modules, and perhaps a twin of one of them.
    pub modules: Vec<ModulePlan>,
    /// What makes the last module a twin of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<Twin>,
}

/// A module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModulePlan {
    /// Whether it is loaded or built in.
    pub linkage: Linkage,
    /// Its pairs in registration order.
    pub pairs: Vec<PairPlan>,
    /// Its legacy pair: after the others, at priority 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy: Option<LegacyPlan>,
    /// Whether its parameters are wrong.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bad_parameters: bool,
}

/// A pair.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairPlan {
    /// When it runs.
    pub priority: Priority,
    /// What its init does; absent: NULL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Script>,
    /// What its exit does; absent: NULL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Script>,
    /// Whether its init is on the blacklist.
    #[serde(default, skip_serializing_if = "is_false")]
    pub blacklisted: bool,
}

/// A legacy pair, as it stands in the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LegacyPlan {
    /// The pair; its priority is 0.
    pub pair: PairPlan,
    /// After how many of the other pairs `module_init` stands.
    pub init_after: u8,
    /// After how many of the other pairs `module_exit` stands.
    pub exit_after: u8,
}

/// What a callback does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What it asks of the loader, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<Act>,
    /// How it ends. An init's can be changed by `break` and `repair`.
    pub end: Ending,
}

/// What a callback asks of the loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// To load a module, its own or another.
    Load {
        /// Which.
        module: ModuleId,
    },
    /// To unload a module, its own or another.
    Unload {
        /// Which.
        module: ModuleId,
    },
    /// To register one more pair of its own module.
    Register {},
    /// A reference to a module, its own or another.
    Get {
        /// Which.
        module: ModuleId,
    },
    /// To give back a reference to another module.
    Put {
        /// Which.
        module: ModuleId,
    },
    /// Where a module stands.
    Look {
        /// Which.
        module: ModuleId,
    },
    /// An entry that is named after the pair, `m0.1`: only in an init.
    Enter {},
}

/// How a callback ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ending {
    /// It returns a code: 0, a negative errno, or something positive.
    Returns {
        /// The code.
        code: i32,
    },
    /// It panics.
    Panics {},
}

impl Ending {
    /// It returns 0.
    pub const OK: Self = Ending::Returns { code: 0 };
}

impl Default for Ending {
    fn default() -> Self {
        Ending::OK
    }
}

/// What makes a module the twin of another, so that one trace shows both runs that a law
/// compares. The callbacks of both do the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Twin {
    /// Of which module the last one is the twin.
    pub of: ModuleId,
    /// What is different.
    pub how: How,
    /// Which pair of the other each of its pairs is.
    pub pairs: Vec<u8>,
}

/// In what a twin differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It has only the pairs that come first in order.
    Prefix,
    /// Its pairs are registered in another order.
    Permutation,
    /// Its priorities are others, in the same order and with the same ties.
    Map,
    /// It is built in, and the other is not.
    Linkage,
}

/// One thing that a case asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// Loads a module. Skipped when it is built in.
    Load {
        /// Which.
        module: ModuleId,
    },
    /// Unloads a module. Skipped when it is built in.
    Unload {
        /// Which.
        module: ModuleId,
    },
    /// Takes a reference. Skipped when the module is built in.
    Get {
        /// Of which module.
        module: ModuleId,
    },
    /// Gives a reference back. Skipped when the module is built in.
    Put {
        /// Of which module.
        module: ModuleId,
    },
    /// Starts what is built in.
    Boot {},
    /// From now on an init ends like this. Skipped when it is NULL.
    Break {
        /// Of which module.
        module: ModuleId,
        /// Of which pair.
        pair: u8,
        /// How it ends.
        end: Ending,
    },
    /// From now on an init returns 0. Skipped when it is NULL.
    Repair {
        /// Of which module.
        module: ModuleId,
        /// Of which pair.
        pair: u8,
    },
}

/// The kinds of op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Op::Load`].
    Load,
    /// [`Op::Unload`].
    Unload,
    /// [`Op::Get`].
    Get,
    /// [`Op::Put`].
    Put,
    /// [`Op::Boot`].
    Boot,
    /// [`Op::Break`].
    Break,
    /// [`Op::Repair`].
    Repair,
}

pub(super) const KINDS: &[KindOf<Kind>] = &[
    KindOf { kind: Kind::Load, name: "load", weight: 84, producer: true },
    KindOf { kind: Kind::Unload, name: "unload", weight: 60, producer: false },
    KindOf { kind: Kind::Get, name: "get", weight: 22, producer: false },
    KindOf { kind: Kind::Put, name: "put", weight: 22, producer: false },
    KindOf { kind: Kind::Boot, name: "boot", weight: 16, producer: false },
    KindOf { kind: Kind::Break, name: "break", weight: 20, producer: false },
    KindOf { kind: Kind::Repair, name: "repair", weight: 32, producer: false },
];

impl Op {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Op::Load { .. } => Kind::Load,
            Op::Unload { .. } => Kind::Unload,
            Op::Get { .. } => Kind::Get,
            Op::Put { .. } => Kind::Put,
            Op::Boot {} => Kind::Boot,
            Op::Break { .. } => Kind::Break,
            Op::Repair { .. } => Kind::Repair,
        }
    }
}

impl Setup {
    /// The plan of a module.
    ///
    /// # Panics
    ///
    /// When there is no such module.
    pub fn module(&self, id: ModuleId) -> &ModulePlan {
        &self.modules[usize::from(id.0)]
    }

    /// Whether an op can't be done, whatever the loader does.
    pub fn skips(&self, op: &Op) -> bool {
        match *op {
            Op::Load { module }
            | Op::Unload { module }
            | Op::Get { module }
            | Op::Put { module } => self.module(module).linkage == Linkage::BuiltIn,
            Op::Boot {} => false,
            Op::Break { module, pair, .. } | Op::Repair { module, pair } => {
                self.module(module).pair(pair).is_none_or(|pair| pair.init.is_none())
            }
        }
    }

    /// The number of the twin, when there is one.
    pub fn twin_id(&self) -> Option<ModuleId> {
        let last = u8::try_from(self.modules.len().checked_sub(1)?).ok()?;
        self.twin.as_ref().map(|_| ModuleId(last))
    }
}

impl ModulePlan {
    /// All its pairs, the legacy pair last.
    pub fn pairs(&self) -> impl Iterator<Item = &PairPlan> {
        self.pairs.iter().chain(self.legacy.iter().map(|legacy| &legacy.pair))
    }

    /// What its callbacks ask of the loader.
    pub fn acts(&self) -> impl Iterator<Item = &Act> {
        let scripts = self.pairs().flat_map(|pair| pair.init.iter().chain(&pair.exit));
        scripts.flat_map(|script| &script.acts)
    }

    /// The pair with this index.
    pub fn pair(&self, index: u8) -> Option<&PairPlan> {
        let index = usize::from(index);
        match self.pairs.get(index) {
            None if index == self.pairs.len() => self.legacy.as_ref().map(|legacy| &legacy.pair),
            pair => pair,
        }
    }

    /// How many pairs it has.
    pub fn pair_count(&self) -> u8 {
        let count = self.pairs.len() + usize::from(self.legacy.is_some());
        u8::try_from(count).unwrap_or(u8::MAX)
    }

    /// The indices of its pairs in the order in which they start: by priority, then by index.
    pub fn order(&self) -> Vec<u8> {
        let mut order: Vec<u8> = (0..self.pair_count()).collect();
        let priorities: Vec<Priority> = self.pairs().map(|pair| pair.priority).collect();
        order.sort_by_key(|index| (priorities[usize::from(*index)], *index));
        order
    }

    fn pair_mut(&mut self, index: u8) -> Option<&mut PairPlan> {
        let index = usize::from(index);
        if index == self.pairs.len() {
            return self.legacy.as_mut().map(|legacy| &mut legacy.pair);
        }
        self.pairs.get_mut(index)
    }
}

impl PairPlan {
    /// What a half does; `None` when it is NULL.
    pub fn half(&self, half: Half) -> Option<&Script> {
        match half {
            Half::Init => self.init.as_ref(),
            Half::Exit => self.exit.as_ref(),
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, module) in (0..).map(ModuleId).zip(&self.modules) {
            if id.0 > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{id}")?;
            if let (Some(twin), true) = (&self.twin, self.twin_id() == Some(id)) {
                let how = match twin.how {
                    How::Prefix => "the first pairs",
                    How::Permutation => "a permutation",
                    How::Map => "the order",
                    How::Linkage => "the pairs",
                };
                write!(f, " ({how} of {})", twin.of)?;
            }
            write!(f, " {module}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ModulePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.linkage {
            Linkage::Loadable => "loadable:",
            Linkage::BuiltIn => "built in:",
        })?;
        if self.bad_parameters {
            f.write_str(" bad parameters,")?;
        }
        if self.pairs.is_empty() && self.legacy.is_none() {
            f.write_str(" no pairs")?;
        }
        for (index, pair) in self.pairs.iter().enumerate() {
            write!(f, " [{index}: {pair}]")?;
        }
        if let Some(legacy) = &self.legacy {
            let (index, LegacyPlan { pair, init_after, exit_after }) = (self.pairs.len(), legacy);
            write!(
                f,
                " [{index}: legacy {pair}, in the source after {init_after} and {exit_after}]"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for PairPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.priority)?;
        for (name, half) in [("init", &self.init), ("exit", &self.exit)] {
            match half {
                None => write!(f, ", NULL {name}")?,
                Some(script) if *script == Script::default() => write!(f, " {name}")?,
                Some(script) => write!(f, " {name}{script}")?,
            }
        }
        if self.blacklisted {
            f.write_str(" blacklisted")?;
        }
        Ok(())
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.acts.iter().map(Act::to_string).collect();
        if self.end != Ending::OK {
            parts.push(self.end.to_string());
        }
        write!(f, "({})", parts.join(", "))
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Load { module } => write!(f, "load {module}"),
            Act::Unload { module } => write!(f, "unload {module}"),
            Act::Register {} => write!(f, "register"),
            Act::Get { module } => write!(f, "get {module}"),
            Act::Put { module } => write!(f, "put {module}"),
            Act::Look { module } => write!(f, "look at {module}"),
            Act::Enter {} => write!(f, "enter"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Returns { code } => write!(f, "returns {code}"),
            Ending::Panics {} => write!(f, "panics"),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Load { module } => write!(f, "load {module}"),
            Op::Unload { module } => write!(f, "unload {module}"),
            Op::Get { module } => write!(f, "get {module}"),
            Op::Put { module } => write!(f, "put {module}"),
            Op::Boot {} => write!(f, "boot"),
            Op::Break { module, pair, end } => write!(f, "break {module}.{pair}: its init {end}"),
            Op::Repair { module, pair } => write!(f, "repair {module}.{pair}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Init;
    use super::super::contract::{FailureRule, Held, Permanence, Profile};
    use super::*;
    use crate::core::checks::{self, drawn};
    use crate::core::{Case, Mechanism};

    fn able() -> Profile {
        Profile::full()
    }

    /// The choices of 2003, and whatever else is drawn differently.
    fn old() -> Profile {
        Profile {
            permanence: Permanence::Balance,
            failure: FailureRule::Nonzero,
            held: Held::Stuck,
            entries: false,
            ..able()
        }
    }

    #[test]
    fn every_drawn_case_is_admitted_and_survives_json() {
        checks::drawn_cases_are_admitted::<Init>(&[able(), old(), Profile::default()]);
    }

    #[test]
    fn every_case_of_the_small_tier_is_admitted_and_there_are_all_modules() {
        let counts = checks::small_cases_are_admitted::<Init>(&[able(), Profile::default()]);
        // Of n pairs: 3ⁿ priorities; without NULLs, each of the n inits fails, or none.
        let plain: usize = (0..=4u32).map(|n| 3usize.pow(n) * (1 + n as usize)).sum();
        // With them, half of the 4ⁿ choices of halves have an init to fail at each place.
        let null = |n: u32| 4usize.pow(n) + n as usize * 4usize.pow(n) / 2;
        let with_nulls: usize = (0..=4u32).map(|n| 3usize.pow(n) * null(n)).sum();
        // The known answers have a legacy pair.
        assert_eq!(counts, [with_nulls + 4, plain]);
    }

    #[test]
    fn every_chain_of_simpler_cases_ends() {
        checks::chains_of_simpler_cases_end::<Init>(&able());
    }

    #[test]
    fn a_case_without_a_module_stays_one_for_the_profile() {
        let mut shorter = 0;
        for case in drawn::<Init>(&able(), 200).filter(|case| case.setup.modules.len() > 1) {
            let fewer = Init::simpler(&case)
                .into_iter()
                .filter(|simpler| simpler.setup.modules.len() + 1 == case.setup.modules.len());
            for simpler in fewer {
                assert_eq!(admits(&able(), &simpler), Ok(()), "{case:?}");
                shorter += 1;
            }
        }
        assert!(shorter > 100, "{shorter}");
    }

    #[test]
    fn each_kind_of_twin_is_drawn_and_another_module_is_not_taken_for_one() {
        for how in [How::Prefix, How::Permutation, How::Map, How::Linkage] {
            let is_such = |case: &Case<Init>| {
                let twin = case.setup.twin.as_ref();
                twin.is_some_and(|twin| twin.how == how && twin.pairs.len() > 1)
            };
            let mut case = drawn::<Init>(&able(), 2_000).find(is_such).unwrap();
            let last = case.setup.modules.len() - 1;
            let pair = case.setup.modules[last].pair_mut(0).unwrap();
            pair.blacklisted = !pair.blacklisted;
            pair.init.get_or_insert_default();
            let why = admits(&able(), &case).unwrap_err();
            assert!(why.starts_with("setup: twin: expected a twin of m"), "{why}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused() {
        for text in [
            r#"{"load":{"module":0,"modul":1}}"#,
            r#"{"boot":{"twice":true}}"#,
            r#"{"break":{"module":0,"pair":0,"end":{"returns":{"code":1,"errno":2}}}}"#,
        ] {
            assert!(serde_json::from_str::<Op>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_out_of_place_is_refused_with_the_place() {
        let pair = |init: Script| PairPlan { init: Some(init), ..PairPlan::default() };
        let act = |act| Script { acts: vec![act], end: Ending::OK };
        let case = |plan: PairPlan, op| {
            let module = ModulePlan { pairs: vec![plan], ..ModulePlan::default() };
            Case::<Init> { setup: Setup { modules: vec![module], twin: None }, ops: vec![op] }
        };
        let (load, id) = (Op::Load { module: ModuleId(0) }, ModuleId(1));
        let plain = pair(Script::default());
        for (case, expected) in [
            (
                case(plain.clone(), Op::Load { module: id }),
                "op 0: expected one of 1 modules, found m1",
            ),
            (
                case(plain.clone(), Op::Repair { module: ModuleId(0), pair: 1 }),
                "op 0: expected one of 1 pairs of m0, found 1",
            ),
            (
                case(pair(act(Act::Load { module: id })), load),
                "setup: m0: pair 0: expected an act on a loadable module, found load m1 in m0",
            ),
            (
                case(pair(act(Act::Put { module: ModuleId(0) })), load),
                "setup: m0: pair 0: expected a put of another module, found the own one",
            ),
            (
                case(PairPlan { blacklisted: true, ..PairPlan::default() }, load),
                "setup: m0: pair 0: expected an init on the blacklist, found NULL",
            ),
        ] {
            assert_eq!(admits(&able(), &case).unwrap_err(), expected);
        }
    }

    #[test]
    fn what_the_profile_lacks_is_not_admitted() {
        let able = able();
        let refused = drawn::<Init>(&able, 500)
            .filter(|case| admits(&Profile::default(), case).is_err())
            .inspect(|case| {
                let why = admits(&Profile::default(), case).unwrap_err();
                assert!(why.ends_with(", which the profile lacks"), "{why}");
            });
        assert!(refused.count() > 100);
    }

    #[test]
    fn a_profile_that_contradicts_itself_is_refused() {
        let stuck = Profile { held: Held::Stuck, ..Profile::default() };
        let expected = "expected held `stuck` only with references, found it without";
        assert_eq!(stuck.check().unwrap_err(), expected);
        let boot_log = Profile { boot_log: true, ..Profile::default() };
        let expected = "expected boot_log only with built_in, found it without";
        assert_eq!(boot_log.check().unwrap_err(), expected);
    }
}
