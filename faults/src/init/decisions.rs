//! The decisions of a loader: each step of the understudy at which real loaders went wrong.
//!
//! The methods' bodies are right; a fault overrides one, rarely two. Nouns as in
//! `lawbook_spec::init`; a *place* is where a pair stands in the list of a module's pairs.
//! It does not cover what no fault changes: that is in the understudy.

use lawbook_spec::init::{
    Error, ExitFailure, Failure, FailureRule, Half, Held, InitFailure, LoadError, Module, ModuleId,
    Pair, Permanence, Priority, Profile, State,
};

use super::profiles;

/// A load that an init has stopped.
#[derive(Clone, Copy)]
pub(super) struct Stopped<'a> {
    /// The module's pairs.
    pub(super) pairs: &'a [Pair],
    /// The places of those that completed, in the order in which they did.
    pub(super) completed: &'a [usize],
    /// The place of the first that failed.
    pub(super) failing: usize,
    /// How it failed.
    pub(super) failure: Failure,
}

/// What a loader decides; the right answers, where a fault does not override them.
pub(super) trait Decisions {
    /// What the loader says of itself.
    fn profile(&self) -> Profile {
        profiles::understudy()
    }

    /// The pairs of a module, ties in the order in which they start.
    fn pairs(&self, module: &Module) -> Vec<Pair> {
        let legacy = module.legacy.iter().map(|legacy| &legacy.pair);
        module.pairs.iter().chain(legacy).cloned().collect()
    }

    // The order.

    /// Whether one priority comes before another.
    fn precedes(&self, left: Priority, right: Priority) -> bool {
        left < right
    }

    /// The places of the inits, in the order in which they are called.
    fn order(&self, priorities: &[Priority]) -> Vec<usize> {
        let mut order: Vec<usize> = Vec::new();
        for (place, priority) in priorities.iter().enumerate() {
            let later = |placed: &usize| self.precedes(*priority, priorities[*placed]);
            let at = order.iter().position(later).unwrap_or(order.len());
            order.insert(at, place);
        }
        order
    }

    /// The same for all built-in pairs, which are given in link order.
    fn boot_order(&self, steps: &[(ModuleId, Priority)]) -> Vec<usize> {
        let priorities: Vec<Priority> = steps.iter().map(|(_, priority)| *priority).collect();
        self.order(&priorities)
    }

    // What is refused.

    /// Why a module that stands like this is not loaded, after a load that failed or not.
    fn refuses_load(&self, state: State, _failed_before: bool) -> Option<Error> {
        match state {
            State::Unloaded => None,
            State::Live => Some(Error::AlreadyLoaded),
            State::Coming | State::Going => Some(Error::Busy),
        }
    }

    /// Whether a module is loaded when this comes of its parameters.
    fn takes_parameters(&self, parameters: Result<(), i32>) -> bool {
        parameters.is_ok()
    }

    /// Why a module that stands like this is not unloaded.
    fn refuses_unload(&self, state: State) -> Option<Error> {
        match state {
            State::Live => None,
            State::Unloaded => Some(Error::NotLoaded),
            State::Coming | State::Going => Some(Error::Busy),
        }
    }

    /// Whether so many references keep a module from being unloaded.
    fn is_in_use(&self, references: u32) -> bool {
        references > 0
    }

    /// Whether a module with these pairs can't be unloaded.
    fn is_permanent(&self, rule: Permanence, pairs: &[Pair]) -> bool {
        match rule {
            Permanence::Pair => pairs.iter().any(|pair| pair.init.is_some() && pair.exit.is_none()),
            Permanence::Balance => {
                let inits = pairs.iter().filter(|pair| pair.init.is_some()).count();
                let exits = pairs.iter().filter(|pair| pair.exit.is_some()).count();
                inits != exits
            }
            Permanence::Never => false,
        }
    }

    /// The exits that run although the unload is refused, out of the list of what completed.
    fn exits_before_refusal(&self, _why: Error, _completed: &mut Vec<usize>) -> Vec<usize> {
        Vec::new()
    }

    /// Whether a pair that a callback registers joins the module's.
    fn takes_registration(&self) -> bool {
        false
    }

    /// Whether its exit joins what is owed.
    fn owes_registered_exit(&self) -> bool {
        false
    }

    /// Why an init of a module that stands like this gets no entry.
    fn refuses_entry(&self, _state: State) -> Option<Error> {
        None
    }

    /// Whether a second boot, or a first, is refused.
    fn refuses_boot(&self, booted: bool) -> bool {
        booted
    }

    /// Whether the loader's lock is held while a callback runs.
    fn holds_lock_over(&self, _half: Half) -> bool {
        false
    }

    // Inits.

    /// Where a module stands while its inits run.
    fn state_while_starting(&self) -> State {
        State::Coming
    }

    /// What comes of reaching a function that is NULL.
    fn null(&self, _half: Half) -> Result<(), Failure> {
        Ok(())
    }

    /// What comes of reaching a blacklisted init without calling it; none when it is called.
    fn blacklisted(&self) -> Option<Result<(), Failure>> {
        Some(Err(Failure::Blacklisted {}))
    }

    /// Whether an init that returned this code failed.
    fn fails(&self, rule: FailureRule, code: i32) -> bool {
        match rule {
            FailureRule::Negative => code < 0,
            FailureRule::Nonzero => code != 0,
        }
    }

    /// Whether the next init of a load is called after one that failed.
    fn goes_on_after_failure(&self) -> bool {
        false
    }

    /// Whether the next init of a boot is called after one that failed.
    fn boot_goes_on_after_failure(&self) -> bool {
        true
    }

    // Exits.

    /// The places of the exits that run after these inits completed.
    fn backwards(&self, _pairs: &[Pair], completed: &[usize]) -> Vec<usize> {
        completed.iter().rev().copied().collect()
    }

    /// The same after an init failed.
    fn unwinding(&self, stopped: &Stopped<'_>) -> Vec<usize> {
        self.backwards(stopped.pairs, stopped.completed)
    }

    /// The same when the module is unloaded.
    fn unloading(&self, pairs: &[Pair], completed: &[usize]) -> Vec<usize> {
        self.backwards(pairs, completed)
    }

    /// The exits that run at the end of a boot in which this completed, and others failed or not.
    fn exits_at_boot(
        &self,
        _completed: &[(ModuleId, usize)],
        _any_failed: bool,
    ) -> Vec<(ModuleId, usize)> {
        Vec::new()
    }

    /// Whether the exits of what is built in run when the loader goes away.
    fn exits_when_dropped(&self) -> bool {
        false
    }

    /// Whether a module stays as it is when its load fails while references are held.
    fn sticks(&self, rule: Held, references: u32) -> bool {
        rule == Held::Stuck && references > 0
    }

    /// Which of the other modules that are Live are unwound with one whose init failed.
    fn unwinds_also(&self, _others: Vec<ModuleId>) -> Vec<ModuleId> {
        Vec::new()
    }

    /// Whether exits that are still owed are left out after one that failed like this.
    fn stops_at_exit(&self, _failure: Failure) -> bool {
        false
    }

    /// Where a module stands while its exits run.
    fn state_while_stopping(&self) -> State {
        State::Going
    }

    // What is answered.

    /// What a load in which an init failed like this answers, and the exits like these.
    fn answer(&self, failure: Failure, exits: Vec<ExitFailure>) -> Result<(), LoadError> {
        Err(LoadError::Failed { failure, exits })
    }

    /// Which of the exits that failed are reported.
    fn reported(&self, exits: Vec<ExitFailure>) -> Vec<ExitFailure> {
        exits
    }

    /// Which of the inits that failed a boot reports.
    fn boot_log(&self, failed: Vec<InitFailure>) -> Vec<InitFailure> {
        failed
    }

    /// Where a module that stands like this is said to stand.
    fn shown(&self, state: State) -> State {
        state
    }

    // What is left.

    /// Where a module stands after a load in which no init failed.
    fn state_after_load(&self) -> State {
        State::Live
    }

    /// Where a module stands after its exits, run because a load failed or not.
    fn state_after_exits(&self, _failed: bool) -> State {
        State::Unloaded
    }

    /// What still counts as completed after that.
    fn completed_after_exits(&self, _failed: bool, _completed: Vec<usize>) -> Vec<usize> {
        Vec::new()
    }

    /// The module's entries after that.
    fn entries_after_exits(&self, _failed: bool, _entries: Vec<String>) -> Vec<String> {
        Vec::new()
    }

    /// Where a module stands that stays as it is.
    fn state_when_stuck(&self) -> State {
        State::Going
    }

    /// The entries of a built-in module after the boot.
    fn entries_after_boot(&self, entries: Vec<String>) -> Vec<String> {
        entries
    }

    /// How many references to a loadable module are held after a boot.
    fn references_after_boot(&self, held: u32) -> u32 {
        held
    }

    /// How many references are held after a failed load.
    fn references_after_failure(&self, _held: u32) -> u32 {
        0
    }

    /// How many references are held after a get that was granted, or refused.
    fn references_after_get(&self, granted: bool, held: u32) -> u32 {
        if granted { held + 1 } else { held }
    }

    /// How many references are held after a put.
    fn references_after_put(&self, held: u32) -> u32 {
        held - 1
    }
}

/// The right decisions.
#[derive(Debug, Default)]
pub(super) struct Right;

impl Decisions for Right {}

/// The right decisions, and the choices of 2003 wherever the contract leaves one.
#[derive(Debug, Default)]
pub(super) struct Of2003;

impl Decisions for Of2003 {
    fn profile(&self) -> Profile {
        profiles::of_2003()
    }
}

/// The right decisions of a loader with no ability beyond the least.
#[derive(Debug, Default)]
pub(super) struct Plain;

impl Decisions for Plain {
    fn profile(&self) -> Profile {
        profiles::plain()
    }
}
