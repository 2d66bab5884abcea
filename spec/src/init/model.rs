//! What is seen, and what is remembered of it.
//!
//! An event is a tree: a callback may ask the loader for something, which calls other callbacks.
//! The memory flattens it into *runs*, one for each operation, in the order in which they ended,
//! and keeps for each module a *ghost*: where it stands by what was answered.
//! It never judges: what an answer should have been is for the laws.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cases::{Act, Ending, How, Op, PairPlan, Setup};
use super::contract::{Error, FailureRule, Held, Permanence, Profile};
use super::{ExitFailure, Failure, Half, InitFailure, Linkage, ModuleId, Priority, State};
use crate::core::Outcome;

/// What was seen while one op was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// It was done, or refused.
    Done {
        /// The callbacks in the order in which they began.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<Call>,
        /// The result.
        answer: Answer,
        /// What is left, for each module in link order.
        left: Vec<Left>,
    },
    /// It could not be done: the module is built in, or the init is NULL.
    Skipped {},
}

/// A callback that was called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Its init or its exit.
    pub half: Half,
    /// Of which module.
    pub module: ModuleId,
    /// Of which pair, by index.
    pub pair: u8,
    /// What came of its acts, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deeds: Vec<Deed>,
}

/// What came of one act of a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deed {
    /// The callbacks that were called meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// The result.
    pub answer: Answer,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// Of a get, a put, a register, an enter, a break or a repair: done.
    Done {},
    /// Of a load: the module is loaded.
    Loaded {},
    /// Of a load: an init failed.
    Failed {
        /// How.
        failure: Failure,
        /// The exits that failed, in the order in which they ran.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exits: Vec<ExitFailure>,
    },
    /// Of an unload: the module is unloaded.
    Unloaded {
        /// The exits that failed, in the order in which they ran.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exits: Vec<ExitFailure>,
    },
    /// Of a boot.
    Booted {
        /// The inits that failed, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        failed: Vec<InitFailure>,
    },
    /// Of a look.
    State {
        /// Where the module stands.
        state: State,
    },
    /// It was refused.
    Refused {
        /// Why.
        error: Error,
    },
}

/// What is left of a module after an op.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Left {
    /// Where it stands. Not judged for what is built in.
    pub state: State,
    /// The references that are held; 0 where the profile has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub references: u32,
    /// The names of its entries, sorted; none where the profile has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<String>,
}

/// What is remembered of a case.
#[derive(Debug)]
pub struct Model {
    pub(super) profile: Profile,
    pub(super) setup: Setup,
    pub(super) ghosts: Vec<Ghost>,
    /// Every operation so far, in the order in which they ended.
    pub(super) history: Vec<Run>,
    /// Which of them the last event shows.
    pub(super) just: Range<usize>,
    /// What the last event left; nothing after an op that was skipped.
    pub(super) left: Vec<Left>,
    /// Whether what is built in was started.
    pub(super) booted: bool,
}

/// Where a module stands, by what was answered.
#[derive(Debug)]
pub(super) struct Ghost {
    /// The indices of its pairs in the order in which they start.
    pub(super) order: Vec<u8>,
    /// How each init ends now.
    endings: Rc<Vec<Ending>>,
    pub(super) state: State,
    pub(super) references: u32,
    /// The pairs whose inits made entries that are still there.
    pub(super) entries: Vec<u8>,
    /// The pairs whose init succeeded and whose exit has not run, a bit each; only pairs of which
    /// neither half is NULL.
    pub(super) live: u64,
    /// Whether a load failed while references were held, and the profile lets it stay.
    pub(super) stuck: bool,
    /// Whether the exits of a failed load run right now.
    unwinding: bool,
    /// How many of its callbacks run right now, one inside the other.
    running: u32,
    /// Whether its last load failed.
    failed: bool,
    /// Whether an unload was refused since it was loaded.
    refused: bool,
    /// The last operation of the last event that could have changed it.
    pub(super) touched: Option<usize>,
}

/// What an operation asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Load,
    Unload,
    Get,
    Put,
    Boot,
    Register,
    Look,
    Enter,
}

/// One operation, as it was seen.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) asked: Asked,
    /// Of which module; of a boot, the first.
    pub(super) module: ModuleId,
    /// The callback that asked; `None`: the case itself.
    pub(super) by: Option<(ModuleId, Half)>,
    /// Where the module stood before.
    pub(super) before: Before,
    /// The callbacks that it called itself, in order.
    pub(super) calls: Vec<Step>,
    pub(super) answer: Answer,
    /// How each init of the module ended meanwhile.
    pub(super) endings: Rc<Vec<Ending>>,
    /// What a load had to do; only of a load of a module that was unloaded.
    pub(super) duty: Option<Duty>,
    /// Whether a callback of the module asked to load, unload or register it meanwhile.
    pub(super) reentered: bool,
    /// Whether the module became stuck by it.
    pub(super) sticks: bool,
}

/// Where a module stood before an operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    pub(super) state: State,
    pub(super) references: u32,
    /// Whether the exits of a failed load were running.
    pub(super) unwinding: bool,
    /// Whether its last load had failed.
    pub(super) failed: bool,
    /// Whether an unload had been refused since it was loaded.
    pub(super) refused: bool,
    /// Whether it was stuck, or is stuck now.
    pub(super) stuck: bool,
    /// Whether what is built in had been started.
    pub(super) booted: bool,
}

/// A callback, as it was called by an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) half: Half,
    pub(super) module: ModuleId,
    pub(super) pair: u8,
    /// How it failed, if it did.
    pub(super) failure: Option<Failure>,
    /// Whether another callback of the module was running.
    pub(super) overlaps: bool,
    /// Whether it was an exit of a pair that was not live.
    pub(super) unmatched: bool,
}

/// What a load of an unloaded module has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Duty {
    /// The pairs whose inits are called, in order.
    pub(super) inits: Vec<u8>,
    /// The pairs that complete, in order: NULL inits among them.
    pub(super) completed: Vec<u8>,
    /// The first failing pair, and how it fails.
    pub(super) fails: Option<(u8, Failure)>,
    /// The pairs whose exits run when it fails, in order.
    pub(super) owed: Vec<u8>,
}

impl Model {
    /// Nothing is loaded.
    pub(super) fn new(profile: &Profile, setup: &Setup) -> Self {
        let ghosts = setup.modules.iter().map(|module| Ghost {
            order: module.order(),
            endings: Rc::new(
                module
                    .pairs()
                    .map(|pair| pair.init.as_ref().map_or(Ending::OK, |init| init.end))
                    .collect(),
            ),
            state: State::Unloaded,
            references: 0,
            entries: Vec::new(),
            live: 0,
            stuck: false,
            unwinding: false,
            running: 0,
            failed: false,
            refused: false,
            touched: None,
        });
        Model {
            profile: profile.clone(),
            ghosts: ghosts.collect(),
            setup: setup.clone(),
            history: Vec::new(),
            just: 0..0,
            left: Vec::new(),
            booted: false,
        }
    }

    /// The operations that the last event shows, in the order in which they ended.
    pub(super) fn just(&self) -> &[Run] {
        &self.history[self.just.clone()]
    }

    /// The plan of a pair; `None` for one that was registered from inside.
    pub(super) fn pair(&self, module: ModuleId, pair: u8) -> Option<&PairPlan> {
        self.setup.module(module).pair(pair)
    }

    /// The priority of a pair.
    pub(super) fn priority(&self, module: ModuleId, pair: u8) -> Priority {
        self.pair(module, pair).map_or(Priority::DEVICE, |pair| pair.priority)
    }

    /// Whether a module can't be unloaded, by what the profile says.
    pub(super) fn permanent(&self, module: ModuleId) -> bool {
        let pairs = || self.setup.module(module).pairs();
        match self.profile.permanence {
            Permanence::Pair => pairs().any(|pair| pair.init.is_some() && pair.exit.is_none()),
            Permanence::Balance => {
                let inits = pairs().filter(|pair| pair.init.is_some()).count();
                inits != pairs().filter(|pair| pair.exit.is_some()).count()
            }
            Permanence::Never => false,
        }
    }

    /// The pairs of a module whose exits an unload runs, in order.
    pub(super) fn exits(&self, module: ModuleId) -> impl Iterator<Item = u8> {
        let plan = self.setup.module(module);
        let order = self.ghosts[usize::from(module.0)].order.iter().rev().copied();
        order.filter(|pair| plan.pair(*pair).is_some_and(|pair| pair.exit.is_some()))
    }

    /// Folds an event.
    pub(super) fn record(&mut self, op: &Op, event: &Event) {
        let start = self.history.len();
        self.just = start..start;
        self.left.clear();
        self.ghosts.iter_mut().for_each(|ghost| ghost.touched = None);
        let Event::Done { calls, answer, left } = event else { return };
        match (*op, Asked::of_op(op)) {
            (_, Some((asked, module))) => self.fold(asked, module, None, calls, answer),
            (Op::Break { module, pair, end }, None) => self.set_ending(module, pair, end),
            (Op::Repair { module, pair }, None) => self.set_ending(module, pair, Ending::OK),
            (_, None) => {}
        }
        self.just.end = self.history.len();
        self.left.clone_from(left);
    }

    fn set_ending(&mut self, module: ModuleId, pair: u8, end: Ending) {
        let endings = &mut self.ghosts[usize::from(module.0)].endings;
        if endings[usize::from(pair)] != end {
            Rc::make_mut(endings)[usize::from(pair)] = end;
        }
    }

    /// Folds one operation: what it called, in time, and then its answer.
    fn fold(
        &mut self,
        asked: Asked,
        module: ModuleId,
        by: Option<(ModuleId, Half)>,
        calls: &[Call],
        answer: &Answer,
    ) {
        let at = usize::from(module.0);
        let mut before = self.before(module);
        let mut duty =
            (asked == Asked::Load && before.state == State::Unloaded).then(|| self.duty(module));
        let refused = matches!(answer, Answer::Refused { .. });
        let begun = match (asked, before.state) {
            _ if refused && calls.is_empty() => None,
            (Asked::Load, State::Unloaded) => Some(State::Coming),
            (Asked::Unload, State::Live) => Some(State::Going),
            _ => None,
        };
        if let Some(state) = begun {
            self.ghosts[at].state = state;
        }
        let start = self.history.len();
        let mut held = None;
        let mut steps = Vec::with_capacity(calls.len());
        for call in calls {
            if begun == Some(State::Coming) && call.half == Half::Exit {
                self.ghosts[at].unwinding = true;
                held = held.or(Some(self.ghosts[at].references));
            }
            steps.push(self.call(call));
        }
        if let Some(duty) = &mut duty {
            self.owe_what_completed(module, duty, &steps);
        }
        let held = held.unwrap_or(self.ghosts[at].references);
        let reentered = self.history[start..].iter().any(|run| run.reenters(module));
        self.end(asked, module, answer, before.state, held);
        let sticks = self.ghosts[at].stuck && !before.stuck;
        before.stuck |= sticks;
        let changes = !matches!(asked, Asked::Look | Asked::Register | Asked::Boot);
        if changes {
            self.ghosts[at].touched = Some(self.history.len());
        }
        let endings = Rc::clone(&self.ghosts[at].endings);
        let answer = answer.clone();
        self.history.push(Run {
            asked,
            module,
            by,
            before,
            calls: steps,
            answer,
            endings,
            duty,
            reentered,
            sticks,
        });
    }

    fn before(&self, module: ModuleId) -> Before {
        let ghost = &self.ghosts[usize::from(module.0)];
        Before {
            state: ghost.state,
            references: ghost.references,
            unwinding: ghost.unwinding,
            failed: ghost.failed,
            refused: ghost.refused,
            stuck: ghost.stuck,
            booted: self.booted,
        }
    }

    /// Folds one callback, and what it asked for meanwhile.
    fn call(&mut self, call: &Call) -> Step {
        let at = usize::from(call.module.0);
        let (overlaps, failure) = (self.ghosts[at].running > 0, self.failure(call));
        self.ghosts[at].running += 1;
        for (index, deed) in call.deeds.iter().enumerate() {
            let (asked, module) = Asked::of_act(self.act(call, index), call.module);
            let by = Some((call.module, call.half));
            self.fold(asked, module, by, &deed.calls, &deed.answer);
            if asked == Asked::Enter && deed.answer == (Answer::Done {}) {
                self.ghosts[at].entries.push(call.pair);
            }
        }
        let whole = self.is_whole(call.module, call.pair);
        let built_in = self.is_built_in(call.module);
        let ghost = &mut self.ghosts[at];
        ghost.running -= 1;
        if built_in && failure.is_some() {
            // Whether an entry outlives a failing init at boot is open.
            ghost.entries.retain(|pair| *pair != call.pair);
        }
        let bit = 1 << call.pair.min(63);
        let mut unmatched = false;
        match call.half {
            Half::Init if failure.is_none() && whole => ghost.live |= bit,
            Half::Exit if whole => {
                unmatched = ghost.live & bit == 0;
                ghost.live &= !bit;
            }
            Half::Init | Half::Exit => {}
        }
        let Call { half, module, pair, .. } = *call;
        Step { half, module, pair, failure, overlaps, unmatched }
    }

    fn act(&self, call: &Call, index: usize) -> Act {
        let script = self.pair(call.module, call.pair).and_then(|pair| pair.half(call.half));
        script.expect("`answers` has seen that each deed has its act").acts[index]
    }

    /// Whether neither half of a pair is NULL.
    fn is_whole(&self, module: ModuleId, pair: u8) -> bool {
        let pair = self.pair(module, pair);
        pair.is_none_or(|pair| pair.init.is_some() && pair.exit.is_some())
    }

    /// The pairs of a module of which neither half is NULL, a bit each.
    pub(super) fn whole_pairs(&self, module: ModuleId) -> u64 {
        let count = self.setup.module(module).pair_count();
        (0..count).filter(|pair| self.is_whole(module, *pair)).map(|pair| 1 << pair).sum()
    }

    /// How a callback fails that does as its script says.
    fn failure(&self, call: &Call) -> Option<Failure> {
        let (rule, end) = match call.half {
            Half::Init => {
                let endings = &self.ghosts[usize::from(call.module.0)].endings;
                (self.profile.failure, endings.get(usize::from(call.pair)).copied())
            }
            Half::Exit => {
                let script = self.pair(call.module, call.pair).and_then(|pair| pair.exit.as_ref());
                (FailureRule::Nonzero, script.map(|script| script.end))
            }
        };
        failure_of(rule, end?)
    }

    /// What a load of an unloaded module has to do.
    fn duty(&self, module: ModuleId) -> Duty {
        let ghost = &self.ghosts[usize::from(module.0)];
        let (mut inits, mut completed, mut fails) = (Vec::new(), Vec::new(), None);
        for &pair in &ghost.order {
            let plan = self.pair(module, pair).expect("the order has the module's own pairs");
            if plan.blacklisted {
                fails = Some((pair, Failure::Blacklisted {}));
                break;
            }
            if plan.init.is_some() {
                inits.push(pair);
                let failure = failure_of(self.profile.failure, ghost.endings[usize::from(pair)]);
                if let Some(failure) = failure {
                    fails = Some((pair, failure));
                    break;
                }
            }
            completed.push(pair);
        }
        let owed = match fails {
            Some(_) => completed
                .iter()
                .rev()
                .copied()
                .filter(|pair| self.has_exit(module, *pair))
                .collect(),
            None => Vec::new(),
        };
        Duty { inits, completed, fails, owed }
    }

    /// Where a load did not call the inits that it had to, what it owes is the exits of those that
    /// it called: that the order is wrong is another matter.
    fn owe_what_completed(&self, module: ModuleId, duty: &mut Duty, steps: &[Step]) {
        let inits = || steps.iter().filter(|step| step.half == Half::Init && step.module == module);
        if duty.fails.is_none() || inits().map(|step| step.pair).eq(duty.inits.iter().copied()) {
            return;
        }
        let completed = inits().take_while(|step| step.failure.is_none()).map(|step| step.pair);
        duty.owed = completed.filter(|pair| self.has_exit(module, *pair)).collect();
        duty.owed.reverse();
    }

    fn has_exit(&self, module: ModuleId, pair: u8) -> bool {
        self.pair(module, pair).is_some_and(|pair| pair.exit.is_some())
    }

    /// Folds the answer of an operation.
    fn end(&mut self, asked: Asked, module: ModuleId, answer: &Answer, state: State, held: u32) {
        let stays = self.profile.held == Held::Stuck && held > 0;
        let ghost = &mut self.ghosts[usize::from(module.0)];
        match (asked, answer) {
            // What comes of a load of a module that is coming or going is not its state.
            (Asked::Load, Answer::Loaded {}) if state == State::Unloaded => {
                (ghost.state, ghost.failed, ghost.refused) = (State::Live, false, false);
            }
            (Asked::Load, Answer::Failed { .. }) if state == State::Unloaded => {
                (ghost.state, ghost.failed) = (State::Unloaded, true);
                ghost.stuck |= stays;
                ghost.references = 0;
                ghost.entries.clear();
            }
            (Asked::Unload, Answer::Unloaded { .. }) => {
                ghost.state = State::Unloaded;
                ghost.entries.clear();
            }
            (Asked::Load | Asked::Unload, _) => {
                ghost.refused |= asked == Asked::Unload && state == State::Live;
                ghost.state = state;
            }
            (Asked::Get, Answer::Done {}) => ghost.references += 1,
            (Asked::Put, Answer::Done {}) => {
                ghost.references = ghost.references.saturating_sub(1);
            }
            (Asked::Boot, Answer::Booted { .. }) => self.booted = true,
            _ => {}
        }
        if asked == Asked::Load && state == State::Unloaded {
            self.ghosts[usize::from(module.0)].unwinding = false;
        }
    }

    /// What is left of every module, by what was answered.
    pub(super) fn expected_left(&self) -> Vec<Left> {
        let modules = (0..).map(ModuleId).zip(&self.ghosts);
        let left = modules.map(|(id, ghost)| Left {
            state: ghost.state,
            references: ghost.references,
            entries: ghost.entry_names(id),
        });
        left.collect()
    }

    /// Whether the event answers the op.
    pub(super) fn answers(&self, op: &Op, event: &Event) -> Result<(), String> {
        match (self.setup.skips(op), event) {
            (true, Event::Skipped {}) => Ok(()),
            (true, Event::Done { .. }) => {
                Err(format!("expected {op} to be skipped, found {event}"))
            }
            (false, Event::Skipped {}) => {
                Err(format!("expected {op} to be done, found it skipped"))
            }
            (false, Event::Done { calls, answer, left }) => {
                let fits = match Asked::of_op(op) {
                    Some((asked, _)) => asked.takes(answer),
                    None => calls.is_empty() && *answer == (Answer::Done {}),
                };
                if !fits {
                    return Err(format!("expected an answer to {op}, found {answer}"));
                }
                if left.len() != self.setup.modules.len() {
                    let (expected, found) = (self.setup.modules.len(), left.len());
                    return Err(format!(
                        "expected what is left of {expected} modules, found {found}"
                    ));
                }
                self.reports(answer)?;
                calls.iter().try_for_each(|call| self.answers_call(call))
            }
        }
    }

    /// Whether an answer reports nothing but what the profile says that can fail.
    fn reports(&self, answer: &Answer) -> Result<(), String> {
        let Profile { exit_errors, panics, boot_log, .. } = self.profile;
        let known = match answer {
            Answer::Failed { exits, .. } | Answer::Unloaded { exits } => {
                exits.iter().all(|exit| match exit.failure {
                    Failure::Code { .. } => exit_errors,
                    Failure::Panic {} => exit_errors || panics,
                    Failure::Blacklisted {} => false,
                })
            }
            Answer::Booted { failed } => boot_log || failed.is_empty(),
            _ => true,
        };
        if known {
            Ok(())
        } else {
            Err(format!("expected a report as of the profile, found {answer}"))
        }
    }

    fn answers_call(&self, call: &Call) -> Result<(), String> {
        let Call { module, pair, half, deeds } = call;
        let Some(plan) = self.setup.modules.get(usize::from(module.0)) else {
            return Err(format!("expected calls of {} modules, found {module}", self.ghosts.len()));
        };
        // A pair that was registered from inside has the next index.
        if *pair > plan.pair_count() {
            let most = plan.pair_count();
            return Err(format!("expected calls of {most} pairs of {module}, found {pair}"));
        }
        let acts = plan.pair(*pair).and_then(|plan| plan.half(*half));
        let acts = acts.map_or(&[][..], |script| &script.acts);
        if acts.len() != deeds.len() {
            let (expected, found) = (acts.len(), deeds.len());
            return Err(format!("expected {expected} acts of {call}, found {found}"));
        }
        for (act, deed) in acts.iter().zip(deeds) {
            let (asked, _) = Asked::of_act(*act, *module);
            if !asked.takes(&deed.answer) {
                return Err(format!("expected an answer to {act}, found {}", deed.answer));
            }
            self.reports(&deed.answer)?;
            deed.calls.iter().try_for_each(|call| self.answers_call(call))?;
        }
        Ok(())
    }
}

impl Ghost {
    /// The names of the entries that are still there, sorted.
    pub(super) fn entry_names(&self, module: ModuleId) -> Vec<String> {
        let mut names: Vec<String> =
            self.entries.iter().map(|pair| format!("{module}.{pair}")).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// How a callback fails that ends like this.
pub(super) fn failure_of(rule: FailureRule, end: Ending) -> Option<Failure> {
    match end {
        Ending::Returns { code } => rule.fails(code).then_some(Failure::Code { code }),
        Ending::Panics {} => Some(Failure::Panic {}),
    }
}

impl Asked {
    /// What an op asks of the loader, and of which module; none when it is about the callbacks.
    fn of_op(op: &Op) -> Option<(Self, ModuleId)> {
        Some(match *op {
            Op::Load { module } => (Asked::Load, module),
            Op::Unload { module } => (Asked::Unload, module),
            Op::Get { module } => (Asked::Get, module),
            Op::Put { module } => (Asked::Put, module),
            Op::Boot {} => (Asked::Boot, ModuleId(0)),
            Op::Break { .. } | Op::Repair { .. } => return None,
        })
    }

    /// What an act of a callback of this module asks, and of which module.
    fn of_act(act: Act, own: ModuleId) -> (Self, ModuleId) {
        match act {
            Act::Load { module } => (Asked::Load, module),
            Act::Unload { module } => (Asked::Unload, module),
            Act::Get { module } => (Asked::Get, module),
            Act::Put { module } => (Asked::Put, module),
            Act::Look { module } => (Asked::Look, module),
            Act::Register {} => (Asked::Register, own),
            Act::Enter {} => (Asked::Enter, own),
        }
    }

    /// Whether this is an answer to it. That the loader does not offer it is none: the case is
    /// within the profile.
    fn takes(self, answer: &Answer) -> bool {
        match answer {
            Answer::Done {} => {
                matches!(self, Asked::Get | Asked::Put | Asked::Register | Asked::Enter)
            }
            Answer::Loaded {} | Answer::Failed { .. } => self == Asked::Load,
            Answer::Unloaded { .. } => self == Asked::Unload,
            Answer::Booted { .. } => self == Asked::Boot,
            Answer::State { .. } => self == Asked::Look,
            Answer::Refused { error: Error::Unsupported } => self == Asked::Register,
            Answer::Refused { .. } => self != Asked::Look,
        }
    }
}

impl Run {
    /// Whether a callback of this module asked to load, unload or register it.
    pub(super) fn reenters(&self, module: ModuleId) -> bool {
        self.module == module
            && self.by.is_some_and(|(by, _)| by == module)
            && matches!(self.asked, Asked::Load | Asked::Unload | Asked::Register)
    }

    /// The first init that failed, if one did, and the inits after it.
    pub(super) fn since_failing_init(&self) -> impl Iterator<Item = &Step> {
        let inits = self.calls.iter().filter(|step| step.half == Half::Init);
        inits.skip_while(|step| step.failure.is_none())
    }

    /// The pairs of its own module whose inits it called, in order.
    pub(super) fn inits(&self) -> impl Iterator<Item = u8> {
        self.halves(Half::Init)
    }

    /// The pairs of its own module whose exits it called, in order.
    pub(super) fn exits(&self) -> impl Iterator<Item = u8> {
        self.halves(Half::Exit)
    }

    fn halves(&self, half: Half) -> impl Iterator<Item = u8> {
        let own =
            self.calls.iter().filter(move |step| step.half == half && step.module == self.module);
        own.map(|step| step.pair)
    }

    /// The exits that it called and that failed, in order.
    pub(super) fn exit_failures(&self) -> impl Iterator<Item = ExitFailure> {
        let exits = self.calls.iter().filter(|step| step.half == Half::Exit);
        exits.filter_map(|step| Some(ExitFailure { pair: step.pair, failure: step.failure? }))
    }

    /// Why it was refused, if it was.
    pub(super) fn refusal(&self) -> Option<Error> {
        match self.answer {
            Answer::Refused { error } => Some(error),
            _ => None,
        }
    }
}

impl Model {
    /// The twin's pair for a pair of its original.
    pub(super) fn twin(&self, how: How) -> Option<(ModuleId, ModuleId, &[u8])> {
        let twin = self.setup.twin.as_ref().filter(|twin| twin.how == how)?;
        Some((self.setup.twin_id()?, twin.of, &twin.pairs))
    }

    /// Whether a module is built in.
    pub(super) fn is_built_in(&self, module: ModuleId) -> bool {
        self.setup.module(module).linkage == Linkage::BuiltIn
    }
}

impl Event {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Event::Skipped {} => Outcome::Skipped,
            Event::Done { answer: Answer::Refused { .. }, .. } => Outcome::Refused,
            Event::Done { .. } => Outcome::Done,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = match self.half {
            Half::Init => "init",
            Half::Exit => "exit",
        };
        write!(f, "{half} {}.{}", self.module, self.pair)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event::Done { calls, answer, left } = self else { return f.write_str("skipped") };
        write_calls(f, calls)?;
        write!(f, "{answer}")?;
        for (id, left) in (0..).map(ModuleId).zip(left) {
            if left.state != State::Unloaded || left.references > 0 || !left.entries.is_empty() {
                write!(f, "; {id} {}", left.state)?;
                match left.references {
                    0 => {}
                    1 => f.write_str(", 1 reference")?,
                    more => write!(f, ", {more} references")?,
                }
                if !left.entries.is_empty() {
                    write!(f, ", entries {}", left.entries.join(" "))?;
                }
            }
        }
        Ok(())
    }
}

fn write_calls(f: &mut fmt::Formatter<'_>, calls: &[Call]) -> fmt::Result {
    for (index, call) in calls.iter().enumerate() {
        write!(f, "{call}")?;
        for deed in &call.deeds {
            f.write_str(" {")?;
            write_calls(f, &deed.calls)?;
            write!(f, "{}}}", deed.answer)?;
        }
        f.write_str(if index + 1 < calls.len() { ", " } else { ": " })?;
    }
    Ok(())
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exits = |f: &mut fmt::Formatter<'_>, exits: &[ExitFailure]| {
            exits.iter().try_for_each(|exit| write!(f, ", exit {} {}", exit.pair, exit.failure))
        };
        match self {
            Answer::Done {} => f.write_str("ok"),
            Answer::Loaded {} => f.write_str("loaded"),
            Answer::Failed { failure, exits: failed } => {
                write!(f, "failed {failure}")?;
                exits(f, failed)
            }
            Answer::Unloaded { exits: failed } => {
                f.write_str("unloaded")?;
                exits(f, failed)
            }
            Answer::Booted { failed } => {
                f.write_str("booted")?;
                failed.iter().try_for_each(|InitFailure { module, pair, failure }| {
                    write!(f, ", init {module}.{pair} {failure}")
                })
            }
            Answer::State { state } => write!(f, "{state}"),
            Answer::Refused { error } => write!(f, "refused: {error}"),
        }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
