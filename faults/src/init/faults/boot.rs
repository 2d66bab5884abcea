//! Faults in what is built in, and in the legacy pair.

use lawbook_spec::core::{Case, EVERY_CASE, Implementation, LawId, Origin, Subject, Trace};
use lawbook_spec::init::{
    Answer, Event, Init, InitFailure, Legacy, Module, ModuleId, Op, Pair, Priority, Profile,
};

use super::super::decisions::{Decisions, Right};
use super::super::{driver, fault, profiles};

pub(super) const FAULTS: [Implementation<Init>; 16] = [
    fault::<BootStops>(
        "boot-stops",
        "INIT-24",
        "A built-in init that fails stops the boot.",
        "asked on the kernel's list in June 2003, and answered: the others go on",
    ),
    fault::<BootUnwinds>(
        "boot-unwinds",
        "INIT-24",
        "A built-in init that fails has the exits run of all that completed before it.",
        "asked on the kernel's list in June 2003, and answered: nothing unwinds",
    ),
    fault::<ExitsAtEndOfBoot>(
        "exits-at-end-of-boot",
        "INIT-24",
        "Built-in exits run at the end.",
        "GCC's destructors, which run though nobody unloads the program",
    ),
    fault::<ExitsWhenDropped>(
        "exits-when-dropped",
        "INIT-00",
        "Built-in exits run when the loader goes away.",
        "GCC's destructors, which run though nobody unloads the program",
    ),
    fault::<BootDropsEntries>(
        "boot-drops-entries",
        "INIT-40",
        "The entries of what is built in are gone after the boot.",
        "constructed: they lie in memory that is freed with the init code",
    ),
    fault::<BootDropsReferences>(
        "boot-drops-references",
        "INIT-30",
        "A boot takes the references to loadable modules back.",
        "constructed: the boot clears every module's count",
    ),
    fault::<BootsByModule>(
        "boots-by-module",
        "INIT-24",
        "A boot runs one module after the other, each by itself in order.",
        "constructed: the sections are sorted before they are linked together",
    ),
    fault::<BootsTiesBackwards>(
        "boots-ties-backwards",
        "INIT-25",
        "A boot runs ties in the reverse of the order in which a load does.",
        "constructed: the boot list is built by insertion at its head",
    ),
    fault::<BootsTwice>(
        "boots-twice",
        "INIT-36",
        "A second boot calls all built-in inits again.",
        "constructed: nothing remembers the first",
    ),
    fault::<LogsLastFailure>(
        "logs-last-failure",
        "INIT-37",
        "A boot reports the last init that failed, and no other.",
        "constructed: the result is one variable",
    ),
    fault::<IgnoresLegacy>(
        "ignores-legacy",
        "INIT-26",
        "The legacy pair is not called when there are others.",
        "Rusty Russell's first version of 23 June 2003",
    ),
    fault::<LegacyInPlace>(
        "legacy-in-place",
        "INIT-26",
        "The legacy pair ties where `module_init` stands in the source, not last.",
        "Rusty Russell's first version of 23 June 2003",
    ),
    fault::<LegacyAtEnd>(
        "legacy-at-end",
        "INIT-26",
        "The legacy pair comes last of all, whatever the priorities of the others.",
        "constructed: `init_module` is called when the list is through",
    ),
    fault::<SplitsLegacy>(
        "splits-legacy",
        "INIT-26",
        "`module_init` and `module_exit` are two entries, so that what is between them matters.",
        "Rusty Russell's first version of 23 June 2003",
    ),
    fault::<SplitsLegacyExitFirst>(
        "splits-legacy-exit-first",
        "INIT-06",
        "`module_exit` is an entry of its own, ahead of `module_init`: it runs when that fails.",
        "Rusty Russell's first version of 23 June 2003, where `module_exit` stands first",
    ),
    Implementation {
        name: "answers-for-what-is-built-in",
        version: || env!("CARGO_PKG_VERSION").into(),
        about: "To load what is built in is answered, not skipped.",
        origin: Origin::Fault {
            breaks: LawId("INIT-00"),
            precedent: "constructed: an adapter forgets what is built in",
        },
        every: EVERY_CASE,
        open: || Ok(Box::new(AnswersForBuiltIn(driver::<Right>()))),
    },
];

#[derive(Default)]
struct BootStops;

impl Decisions for BootStops {
    fn boot_goes_on_after_failure(&self) -> bool {
        false
    }
}

#[derive(Default)]
struct BootUnwinds;

impl Decisions for BootUnwinds {
    fn boot_goes_on_after_failure(&self) -> bool {
        false
    }

    fn exits_at_boot(
        &self,
        completed: &[(ModuleId, usize)],
        any_failed: bool,
    ) -> Vec<(ModuleId, usize)> {
        if any_failed { completed.iter().rev().copied().collect() } else { Vec::new() }
    }
}

#[derive(Default)]
struct ExitsAtEndOfBoot;

impl Decisions for ExitsAtEndOfBoot {
    fn exits_at_boot(
        &self,
        completed: &[(ModuleId, usize)],
        _any_failed: bool,
    ) -> Vec<(ModuleId, usize)> {
        completed.iter().rev().copied().collect()
    }
}

#[derive(Default)]
struct ExitsWhenDropped;

impl Decisions for ExitsWhenDropped {
    fn exits_when_dropped(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct BootDropsEntries;

impl Decisions for BootDropsEntries {
    fn entries_after_boot(&self, _entries: Vec<String>) -> Vec<String> {
        Vec::new()
    }
}

#[derive(Default)]
struct BootDropsReferences;

impl Decisions for BootDropsReferences {
    fn references_after_boot(&self, _held: u32) -> u32 {
        0
    }
}

#[derive(Default)]
struct BootsByModule;

impl Decisions for BootsByModule {
    fn boot_order(&self, steps: &[(ModuleId, Priority)]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..steps.len()).collect();
        order.sort_by_key(|step| steps[*step]);
        order
    }
}

#[derive(Default)]
struct BootsTiesBackwards;

impl Decisions for BootsTiesBackwards {
    fn boot_order(&self, steps: &[(ModuleId, Priority)]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..steps.len()).rev().collect();
        order.sort_by_key(|step| steps[*step].1);
        order
    }
}

#[derive(Default)]
struct BootsTwice;

impl Decisions for BootsTwice {
    fn refuses_boot(&self, _booted: bool) -> bool {
        false
    }
}

#[derive(Default)]
struct LogsLastFailure;

impl Decisions for LogsLastFailure {
    fn boot_log(&self, failed: Vec<InitFailure>) -> Vec<InitFailure> {
        failed.into_iter().next_back().into_iter().collect()
    }
}

#[derive(Default)]
struct IgnoresLegacy;

impl Decisions for IgnoresLegacy {
    fn pairs(&self, module: &Module) -> Vec<Pair> {
        if module.pairs.is_empty() { Right.pairs(module) } else { module.pairs.clone() }
    }
}

#[derive(Default)]
struct LegacyInPlace;

impl Decisions for LegacyInPlace {
    fn pairs(&self, module: &Module) -> Vec<Pair> {
        let mut pairs = module.pairs.clone();
        if let Some(legacy) = &module.legacy {
            pairs.insert(usize::from(legacy.init_after), legacy.pair.clone());
        }
        pairs
    }
}

#[derive(Default)]
struct LegacyAtEnd;

impl Decisions for LegacyAtEnd {
    fn pairs(&self, module: &Module) -> Vec<Pair> {
        let mut pairs = Right.pairs(module);
        if module.legacy.is_some() {
            let last = pairs.last_mut().expect("the legacy pair is the last");
            last.priority = Priority(i32::MAX);
        }
        pairs
    }
}

/// The halves of the legacy pair, each an entry of its own.
fn halves(legacy: &Legacy) -> (Pair, Pair) {
    let init = Pair { exit: None, ..legacy.pair.clone() };
    let exit = Pair { init: None, ..legacy.pair.clone() };
    (init, exit)
}

#[derive(Default)]
struct SplitsLegacy;

impl Decisions for SplitsLegacy {
    fn profile(&self) -> Profile {
        // Under the other rule such a module can never be unloaded.
        profiles::balance()
    }

    fn pairs(&self, module: &Module) -> Vec<Pair> {
        let mut pairs = module.pairs.clone();
        if let Some(legacy) = &module.legacy {
            let (init, exit) = halves(legacy);
            let mut entries = [(legacy.init_after, init), (legacy.exit_after, exit)];
            entries.sort_by_key(|(after, _)| *after);
            // From the end, so that the other's place stays right.
            for (after, entry) in entries.into_iter().rev() {
                pairs.insert(usize::from(after), entry);
            }
        }
        pairs
    }
}

#[derive(Default)]
struct SplitsLegacyExitFirst;

impl Decisions for SplitsLegacyExitFirst {
    fn profile(&self) -> Profile {
        profiles::balance()
    }

    fn pairs(&self, module: &Module) -> Vec<Pair> {
        let mut pairs = module.pairs.clone();
        if let Some(legacy) = &module.legacy {
            let (init, exit) = halves(legacy);
            pairs.insert(0, exit);
            pairs.push(init);
        }
        pairs
    }
}

/// Rewrites what the understudy skipped.
struct AnswersForBuiltIn<S>(S);

impl<S: Subject<Init>> Subject<Init> for AnswersForBuiltIn<S> {
    fn profile(&self) -> Profile {
        self.0.profile()
    }

    fn run(&mut self, case: &Case<Init>) -> Trace<Init> {
        let mut trace = self.0.run(case);
        for (op, event) in case.ops.iter().zip(&mut trace.events) {
            if matches!((op, &event), (Op::Load { .. }, Event::Skipped {})) {
                let answer = Answer::Loaded {};
                *event = Event::Done { calls: Vec::new(), answer, left: Vec::new() };
            }
        }
        trace
    }
}
