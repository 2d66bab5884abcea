//! The laws of init/exit, in id order, and the situations that a campaign must meet.
//!
//! Nearly all look at the runs that the last event shows: the operations, with the callbacks that
//! each called itself. A law about loads speaks of loads of a module that was unloaded, whose
//! parameters are right, and that is not stuck.

use super::cases::How;
use super::contract::{Error, Held, Permanence, Profile};
use super::model::{Answer, Asked, Model, Run, Step};
use super::{Failure, Half, Init, InitFailure, ModuleId, Priority, State};
use crate::core::Judgement::{Holds, Silent};
use crate::core::{Check, Judgement, Law, LawId, Level, Source, always};

const LWN: Source = Source::Work {
    work: "LWN kernel page, June 2003",
    place: "Supporting multiple module initialization functions",
};
const PATCH: Source = Source::Work {
    work: "Rusty Russell, [PATCH 3/3] Allow arbitrary number of init funcs in modules, 23 June 2003",
    place: "description; message id 20030623092028.2B5272C2FC@lists.samba.org",
};
const PATCH_CODE: Source = Source::Work {
    work: "Rusty Russell, [PATCH 3/3] Allow arbitrary number of init funcs in modules, 23 June 2003",
    place: "sys_init_module, unwind_iepairs; message id 20030623092028.2B5272C2FC@lists.samba.org",
};
const REPLY: Source = Source::Work {
    work: "Rusty Russell to Roman Zippel, Re: [PATCH 3/3], 25 June 2003",
    place: "message id 20030625032450.406202C086@lists.samba.org",
};
const CORBET: Source = Source::Work {
    work: "Jonathan Corbet, Re: [PATCH 3/3] Allow arbitrary number of init funcs in modules, 23 June 2003",
    place: "message id 20030623191141.31814.qmail@eklektix.com",
};
const DELETE_MODULE: Source =
    Source::Work { work: "Linux man-pages, delete_module(2)", place: "ERRORS" };
const INIT_MODULE: Source =
    Source::Work { work: "Linux man-pages, init_module(2)", place: "ERRORS" };

pub(super) const LAWS: &[Law<Init>] = &[
    Law {
        id: LawId("INIT-00"),
        level: Level::Must,
        says: "The implementation answers, and skips an op exactly when its slot requires it.",
        source: Source::Ours { why: "what does not answer can't be judged" },
        needs: always,
        check: Check::Answers,
    },
    law(
        "INIT-01",
        "Inits are called in the order of (priority, index), each at most once a load.",
        LWN,
        always,
        order,
    ),
    law(
        "INIT-02",
        "Inits of equal priority are called in registration order.",
        PATCH,
        always,
        ties,
    ),
    law("INIT-03", "No init is called after the first failing one.", LWN, always, stops_at_failure),
    law(
        "INIT-04",
        "An exit runs only if its init succeeded in that same load.",
        LWN,
        always,
        exits_of_successes,
    ),
    law(
        "INIT-05",
        "After a failed load every owed exit has run exactly once.",
        LWN,
        always,
        owed_exits_ran,
    ),
    law("INIT-06", "The exit of the failing pair does not run.", LWN, always, not_the_failing_pair),
    law(
        "INIT-07",
        "Exits run in exactly the reverse of the completed inits, ties included.",
        LWN,
        always,
        reverse,
    ),
    law(
        "INIT-08",
        "The unwinding of a failure after k pairs equals the unload of the module that has just \
         these k pairs.",
        Source::Ours { why: "what cleans up is the same in both, or one of them is wrong" },
        always,
        prefix_twin,
    ),
    law(
        "INIT-09",
        "A load with a failing init answers with the failure of the first, whatever the exits do.",
        PATCH_CODE,
        always,
        first_error,
    ),
    law(
        "INIT-10",
        "A failed load leaves the state, the references and the entries as before it.",
        Source::Ours { why: "a module that is not there holds nothing" },
        always,
        failed_load_leaves_nothing,
    ),
    law(
        "INIT-11",
        "A load after a failed load, the fault gone, behaves as a first load.",
        Source::Ours { why: "to load again is what a user does when the cause is mended" },
        always,
        load_after_failure,
    ),
    law(
        "INIT-12",
        "Two loads with the same faults give the same trace.",
        Source::Ours { why: "a failure that can't be repeated can't be mended" },
        always,
        same_faults_same_trace,
    ),
    law(
        "INIT-13",
        "Load and unload, twice, give the same trace twice.",
        Source::Ours { why: "modules are loaded more than once" },
        always,
        same_cycle,
    ),
    law(
        "INIT-14",
        "An unload of what is not loaded is refused as such, and calls nothing.",
        DELETE_MODULE,
        always,
        unload_of_nothing,
    ),
    law(
        "INIT-15",
        "Every owed exit runs, even if another fails or panics.",
        Source::Ours { why: "each exit cleans up what no other does" },
        failing_exits,
        exits_go_on,
    ),
    law(
        "INIT-16",
        "Every failure of an exit is reported, in order, and nothing else.",
        Source::Ours { why: "what was not cleaned up, somebody must know" },
        exit_errors,
        exit_failures_reported,
    ),
    law(
        "INIT-17",
        "A panicking init is unwound as a failing one.",
        Source::Ours { why: "what completed before it is owed its exits" },
        panics,
        panic_unwinds,
    ),
    law(
        "INIT-18",
        "A NULL half is never called, and disturbs nothing.",
        CORBET,
        nulls,
        null_halves,
    ),
    law(
        "INIT-19",
        "An unload of a permanent module is refused before any exit, and it stays live.",
        DELETE_MODULE,
        permanence,
        permanent_stays,
    ),
    law(
        "INIT-20",
        "An unload of a module in use is refused before any exit, and it stays live.",
        DELETE_MODULE,
        references,
        used_stays,
    ),
    law(
        "INIT-21",
        "A refused unload changes nothing; once its cause is gone, an unload runs every exit once.",
        Source::Ours { why: "a refusal that did half of the work is no refusal" },
        refusable,
        refused_unload,
    ),
    law(
        "INIT-22",
        "A permutation of the registrations permutes the trace only within ties.",
        PATCH,
        always,
        permutation_twin,
    ),
    law(
        "INIT-23",
        "The order is the same under any strictly increasing map of the priorities, and right \
         at the extremes and across the sign.",
        Source::Ours { why: "a priority is a signed number of 32 bits, and any is legal" },
        always,
        map_twin,
    ),
    law(
        "INIT-24",
        "At boot every built-in init that is not blacklisted runs exactly once, in order, whatever \
         others return, and no exit of a built-in module ever runs.",
        REPLY,
        built_in,
        boot_runs_all,
    ),
    law(
        "INIT-25",
        "With no failure, the inits of a built-in module run as those of the same module loaded.",
        LWN,
        built_in,
        linkage_twin,
    ),
    law(
        "INIT-26",
        "The legacy pair is called as one pair at priority 0, the last of its ties.",
        CORBET,
        legacy,
        legacy_is_one_pair,
    ),
    law(
        "INIT-27",
        "A blacklisted init is not called, its exit is not owed, and a load that comes to it fails \
         as blacklisted.",
        Source::Work { work: "Linux, kernel-parameters", place: "initcall_blacklist=" },
        blacklist,
        blacklisted,
    ),
    law(
        "INIT-28",
        "Callbacks of one module never overlap, and an unload while it comes or goes is refused.",
        DELETE_MODULE,
        reentrant,
        no_overlap,
    ),
    law(
        "INIT-29",
        "To load, unload or register a module from its own callbacks is refused and alters nothing, \
         and no callback that calls back in waits for itself.",
        Source::Ours { why: "who waits for himself waits for ever" },
        reentrant,
        reentry,
    ),
    law(
        "INIT-30",
        "An operation on one module, failing or not, calls and changes no other.",
        Source::Ours { why: "modules are apart, or their faults are everybody's" },
        always,
        apart,
    ),
    law(
        "INIT-31",
        "Inits that succeeded less exits that ran are the live pairs: all of a live module, none of \
         an unloaded one.",
        LWN,
        always,
        balance,
    ),
    law(
        "INIT-32",
        "A load in which no init fails calls every init, answers loaded and leaves the module live.",
        LWN,
        always,
        loads,
    ),
    law(
        "INIT-33",
        "Wrong parameters refuse a load before the first init, and change nothing.",
        Source::Work {
            work: "Linux 2.5.73, kernel/module.c",
            place: "load_module: the arguments are parsed before any init",
        },
        parameters,
        bad_parameters,
    ),
    law(
        "INIT-34",
        "A load of what is live or going is refused, and changes nothing.",
        INIT_MODULE,
        always,
        repeated_load,
    ),
    law(
        "INIT-35",
        "A get of a live module is granted and adds one reference; a put of a held one takes one.",
        Source::Work {
            work: "Linux 2.5.73, include/linux/module.h",
            place: "try_module_get, module_put",
        },
        references,
        counted,
    ),
    law(
        "INIT-36",
        "A second boot is refused, and calls nothing.",
        Source::Ours { why: "what is built in starts once" },
        built_in,
        second_boot,
    ),
    law(
        "INIT-37",
        "A boot reports each init that was called and failed, in order, and nothing else.",
        Source::Ours { why: "the boot goes on, so that nothing but the report shows a failure" },
        boot_log,
        boot_reports,
    ),
    law(
        "INIT-38",
        "An unload of a live module that nothing holds is done, runs every exit once, and leaves \
         nothing.",
        LWN,
        always,
        unloads,
    ),
    law(
        "INIT-39",
        "A callback that looks sees a module coming while its inits run, going while an unload runs \
         its exits, and else where its last operation left it.",
        Source::Work { work: "Linux, include/linux/module.h", place: "enum module_state" },
        reentrant,
        seen_states,
    ),
    law(
        "INIT-40",
        "An entry that an init asks for is made, and is there while its module is live or built in.",
        Source::Work {
            work: "Rusty Russell, Re: [PATCH 3/3], 24 June 2003",
            place: "module_proc_net; message id 20030624065937.1B45E2C273@lists.samba.org",
        },
        entries,
        entries_made,
    ),
    law(
        "INIT-41",
        "A load that fails while references are held stops at the first failing init, answers with \
         its failure, runs no exit, and leaves the module there.",
        PATCH_CODE,
        stuck,
        stuck_stays,
    ),
    law(
        "INIT-42",
        "A get of what is not there and a put without a get are refused, and change nothing.",
        Source::Work {
            work: "Linux 2.5.73, include/linux/module.h",
            place: "try_module_get; a put that nothing was got for is ours",
        },
        references,
        reference_refusals,
    ),
    reach("INIT-R01", "The first init fails.", always, |model| {
        failures(model).any(|(at, _)| at == 0)
    }),
    reach("INIT-R02", "An init in the middle fails.", always, |model| {
        failures(model).any(|(at, count)| at > 0 && at + 1 < count)
    }),
    reach("INIT-R03", "The last of several inits fails.", always, |model| {
        failures(model).any(|(at, count)| at > 0 && at + 1 == count)
    }),
    reach("INIT-R04", "A tie of three is started.", always, tie_of_three),
    reach("INIT-R05", "Two exits fail in one unwinding.", failing_exits, |model| {
        failed_loads(model).any(|(run, _)| run.exit_failures().count() >= 2)
    }),
    reach("INIT-R06", "A load succeeds after one that failed.", always, |model| {
        loads_of(model).any(|run| run.before.failed && run.answer == Answer::Loaded {})
    }),
    reach("INIT-R07", "The pair before the failing one has a NULL half.", nulls, |model| {
        null_beside_failure(model, |at| at.checked_sub(1))
    }),
    reach("INIT-R08", "The pair after the failing one has a NULL half.", nulls, |model| {
        null_beside_failure(model, |at| Some(at + 1))
    }),
    reach("INIT-R09", "Both extreme priorities are started in one load.", always, |model| {
        loads_of(model).any(|run| {
            let at = |edge| run.inits().any(|pair| model.priority(run.module, pair).0 == edge);
            at(i32::MIN) && at(i32::MAX)
        })
    }),
    reach("INIT-R10", "A callback of one module loads another.", reentrant, |model| {
        loads_of(model).any(|run| run.by.is_some() && run.answer == Answer::Loaded {})
    }),
    reach("INIT-R11", "A built-in init fails, and others come after it.", built_in, |model| {
        boots(model).any(|run| {
            run.calls
                .split_last()
                .is_some_and(|(_, calls)| calls.iter().any(|step| step.failure.is_some()))
        })
    }),
    reach("INIT-R12", "A panicking init is unwound.", panics, |model| {
        failed_loads(model)
            .any(|(run, owed)| !owed.is_empty() && first_failure(run) == Some(Failure::Panic {}))
    }),
    reach(
        "INIT-R13",
        "A load fails while references are held, and the module stays.",
        stuck,
        |model| model.just().iter().any(|run| run.sticks),
    ),
    reach(
        "INIT-R14",
        "A callback of another module asks to load or unload one that is coming.",
        reentrant,
        |model| asked_by_another(model, State::Coming),
    ),
    reach(
        "INIT-R15",
        "A callback of another module asks to load or unload one that is going.",
        reentrant,
        |model| asked_by_another(model, State::Going),
    ),
];

const fn law(
    id: &'static str,
    says: &'static str,
    source: Source,
    needs: fn(&Profile) -> Result<(), &'static str>,
    check: fn(&Model) -> Judgement,
) -> Law<Init> {
    Law { id: LawId(id), level: Level::Must, says, source, needs, check: Check::Always(check) }
}

const fn reach(
    id: &'static str,
    says: &'static str,
    needs: fn(&Profile) -> Result<(), &'static str>,
    met: fn(&Model) -> bool,
) -> Law<Init> {
    let source = Source::Ours { why: "where unwinding goes wrong" };
    Law { id: LawId(id), level: Level::Must, says, source, needs, check: Check::ReachAlways(met) }
}

fn failing_exits(profile: &Profile) -> Result<(), &'static str> {
    if profile.exit_errors || profile.panics { Ok(()) } else { Err("its exits can't fail") }
}

fn exit_errors(profile: &Profile) -> Result<(), &'static str> {
    if profile.exit_errors { Ok(()) } else { Err("it reports no failures of exits") }
}

fn panics(profile: &Profile) -> Result<(), &'static str> {
    if profile.panics { Ok(()) } else { Err("its callbacks may not panic") }
}

fn nulls(profile: &Profile) -> Result<(), &'static str> {
    if profile.nulls { Ok(()) } else { Err("it has no NULL halves") }
}

fn permanence(profile: &Profile) -> Result<(), &'static str> {
    match profile.permanence {
        Permanence::Never => Err("it has no permanent modules"),
        _ if !profile.nulls => Err("it has no NULL halves, so no permanent modules"),
        _ => Ok(()),
    }
}

fn refusable(profile: &Profile) -> Result<(), &'static str> {
    match (references(profile), permanence(profile)) {
        (Err(_), Err(_)) => Err("nothing holds its modules"),
        _ => Ok(()),
    }
}

fn references(profile: &Profile) -> Result<(), &'static str> {
    if profile.references { Ok(()) } else { Err("it has no references") }
}

fn built_in(profile: &Profile) -> Result<(), &'static str> {
    if profile.built_in { Ok(()) } else { Err("it has nothing built in") }
}

fn boot_log(profile: &Profile) -> Result<(), &'static str> {
    if profile.boot_log { Ok(()) } else { Err("its boot reports no failures") }
}

fn legacy(profile: &Profile) -> Result<(), &'static str> {
    if profile.legacy { Ok(()) } else { Err("it has no legacy pairs") }
}

fn blacklist(profile: &Profile) -> Result<(), &'static str> {
    if profile.blacklist { Ok(()) } else { Err("it has no blacklist") }
}

fn reentrant(profile: &Profile) -> Result<(), &'static str> {
    if profile.reentrant { Ok(()) } else { Err("its callbacks may not call back in") }
}

fn entries(profile: &Profile) -> Result<(), &'static str> {
    if profile.entries { Ok(()) } else { Err("its inits make no entries") }
}

fn parameters(profile: &Profile) -> Result<(), &'static str> {
    if profile.parameters { Ok(()) } else { Err("its modules have no parameters") }
}

fn stuck(profile: &Profile) -> Result<(), &'static str> {
    match profile.held {
        Held::Stuck if profile.reentrant => Ok(()),
        Held::Stuck => Err("its callbacks may not call back in, to hold a reference"),
        Held::Unwind => Err("it unwinds while references are held"),
    }
}

/// The loads of the last event that the laws about loads speak of.
fn loads_of(model: &Model) -> impl Iterator<Item = &Run> {
    let runs = model.just().iter().filter(|run| run.duty.is_some() && !run.before.stuck);
    runs.filter(|run| !model.setup.module(run.module).bad_parameters)
}

/// Those of them that had to fail, with the exits that they owe.
fn failed_loads(model: &Model) -> impl Iterator<Item = (&Run, &[u8])> {
    loads_of(model).filter_map(|run| {
        let duty = run.duty.as_ref()?;
        duty.fails.map(|_| (run, duty.owed.as_slice()))
    })
}

/// The unloads of the last event that were asked of a live module.
fn unloads_of_live(model: &Model) -> impl Iterator<Item = &Run> {
    model.just().iter().filter(|run| is_unload_of_live(run))
}

/// The operations of the last event that asked for this, of modules that are not stuck.
fn asked_for(model: &Model, asked: Asked) -> impl Iterator<Item = &Run> {
    model.just().iter().filter(move |run| run.asked == asked && !run.before.stuck)
}

fn is_unload_of_live(run: &Run) -> bool {
    run.asked == Asked::Unload && !run.before.stuck && run.before.state == State::Live
}

/// Those of them that were done.
fn done_unloads(model: &Model) -> impl Iterator<Item = &Run> {
    unloads_of_live(model).filter(|run| matches!(run.answer, Answer::Unloaded { .. }))
}

/// The first boot, when the last event shows it.
fn boots(model: &Model) -> impl Iterator<Item = &Run> {
    model.just().iter().filter(|run| is_first_boot(run))
}

fn is_first_boot(run: &Run) -> bool {
    run.asked == Asked::Boot && !run.before.booted
}

/// One judgement of many parts that are all of the last event.
fn each<T>(parts: impl Iterator<Item = T>, judge: impl FnMut(T) -> Judgement) -> Judgement {
    Judgement::all(parts.map(judge))
}

fn list(pairs: &[u8]) -> String {
    if pairs.is_empty() {
        return "none".into();
    }
    pairs.iter().map(u8::to_string).collect::<Vec<_>>().join(" ")
}

/// Holds when both are the same pairs in the same order; that both are none says nothing.
fn same(
    what: &str,
    module: ModuleId,
    expected: &[u8],
    found: impl Iterator<Item = u8>,
) -> Judgement {
    let found: Vec<u8> = found.collect();
    if expected.is_empty() && found.is_empty() {
        return Silent;
    }
    Judgement::when(found == expected, || {
        format!("{what} of {module}: expected {}, found {}", list(expected), list(&found))
    })
}

/// What is left of a module is where its last operation left it.
fn left(model: &Model, module: ModuleId) -> Judgement {
    let ghost = &model.ghosts[usize::from(module.0)];
    let Some(left) = model.left.get(usize::from(module.0)) else { return Silent };
    if ghost.stuck || model.is_built_in(module) {
        return Silent;
    }
    if left.state != ghost.state {
        return Judgement::broken(format!("{module} is {}, not {}", left.state, ghost.state));
    }
    if left.references != ghost.references {
        let (found, expected) = (left.references, ghost.references);
        return Judgement::broken(format!(
            "references to {module}: expected {expected}, found {found}"
        ));
    }
    let expected = ghost.entry_names(module);
    Judgement::when(!model.profile.entries || left.entries == expected, || {
        format!("{module} has the entries {:?}, not {expected:?}", left.entries)
    })
}

/// Judges what is left of the modules whose last operation is like this.
fn left_after(model: &Model, like: impl Fn(&Run) -> bool) -> Judgement {
    let touched = (0..).map(ModuleId).zip(&model.ghosts);
    each(touched, |(module, ghost)| match ghost.touched {
        Some(at) if like(&model.history[at]) => left(model, module),
        _ => Silent,
    })
}

fn order(model: &Model) -> Judgement {
    each(loads_of(model), |run| {
        let mut last: Option<(Priority, u8)> = None;
        let mut judgement = Silent;
        for pair in run.inits() {
            let key = (model.priority(run.module, pair), pair);
            if let Some(before) = last {
                if before >= key {
                    return Judgement::broken(format!(
                        "init {pair} (priority {}) was called after init {} (priority {})",
                        key.0, before.1, before.0
                    ));
                }
                judgement = Holds;
            }
            last = Some(key);
        }
        judgement
    })
}

fn ties(model: &Model) -> Judgement {
    each(loads_of(model), |run| {
        let mut judgement = Silent;
        let mut before: Vec<(Priority, u8)> = Vec::new();
        for pair in run.inits() {
            let priority = model.priority(run.module, pair);
            for &(_, other) in before.iter().filter(|(other, _)| *other == priority) {
                if other > pair {
                    return Judgement::broken(format!(
                        "init {pair} was called after init {other}, both of priority {priority}"
                    ));
                }
                judgement = Holds;
            }
            before.push((priority, pair));
        }
        judgement
    })
}

fn stops_at_failure(model: &Model) -> Judgement {
    each(loads_of(model), |run| {
        let mut inits = run.since_failing_init();
        let Some(failing) = inits.next() else { return Silent };
        match inits.next() {
            None => Holds,
            Some(next) => Judgement::broken(format!(
                "init {} was called though init {} had failed",
                next.pair, failing.pair
            )),
        }
    })
}

fn exits_of_successes(model: &Model) -> Judgement {
    let loads = each(loads_of(model), |run| {
        let completed = run.duty.as_ref().map_or(&[][..], |duty| &duty.completed);
        let succeeded = |pair: u8| match model.pair(run.module, pair) {
            Some(plan) if plan.init.is_none() => completed.contains(&pair),
            Some(_) | None => {
                let mut inits = run.calls.iter().filter(|step| step.half == Half::Init);
                inits.any(|step| step.pair == pair && step.failure.is_none())
            }
        };
        each(run.exits(), |pair| {
            Judgement::when(succeeded(pair), || {
                format!("exit {pair} ran, its init had not succeeded")
            })
        })
    });
    let shown = model.just.clone().filter(|at| is_unload_of_live(&model.history[*at]));
    let unloads = each(shown, |at| {
        let (earlier, run) = (&model.history[..at], &model.history[at]);
        let Some(load) = last_load(earlier, run.module) else { return Silent };
        let started = |pair: u8| match model.pair(run.module, pair) {
            Some(plan) => plan.init.is_none() || earlier[load].inits().any(|init| init == pair),
            None => false,
        };
        each(run.exits(), |pair| {
            Judgement::when(started(pair), || {
                format!("exit {pair} ran, its init was not called in the load")
            })
        })
    });
    Judgement::all([loads, unloads])
}

fn owed_exits_ran(model: &Model) -> Judgement {
    each(failed_loads(model), |(run, owed)| {
        each(owed.iter(), |pair| {
            let times = run.exits().filter(|exit| exit == pair).count();
            Judgement::when(times == 1, || {
                format!("runs of exit {pair}, which is owed: expected 1, found {times}")
            })
        })
    })
}

fn not_the_failing_pair(model: &Model) -> Judgement {
    each(failed_loads(model), |(run, _)| {
        let Some(failing) = run.since_failing_init().next() else { return Silent };
        if model.pair(run.module, failing.pair).is_none_or(|pair| pair.exit.is_none()) {
            return Silent;
        }
        let ran = run.exits().any(|pair| pair == failing.pair);
        Judgement::when(!ran, || format!("exit {0} ran, though init {0} failed", failing.pair))
    })
}

fn reverse(model: &Model) -> Judgement {
    let runs = loads_of(model).chain(unloads_of_live(model));
    each(runs, |run| {
        let started: Vec<u8> = run.inits().collect();
        let order = &model.ghosts[usize::from(run.module.0)].order;
        // As they were called, where they were; a NULL init has only its place in the order.
        let place = |pair: u8, list: &[u8]| list.iter().position(|other| *other == pair);
        let came_before = |one: u8, next: u8| match (place(one, &started), place(next, &started)) {
            (Some(one), Some(next)) => one < next,
            _ => place(one, order) < place(next, order),
        };
        let exits: Vec<u8> = run.exits().collect();
        each(exits.windows(2), |exits| {
            Judgement::when(came_before(exits[1], exits[0]), || {
                format!(
                    "exit {} ran before exit {}, whose init had completed later",
                    exits[0], exits[1]
                )
            })
        })
    })
}

/// The last run of a module before the end of the last event that is like this.
fn last_run(model: &Model, module: ModuleId, like: impl Fn(&Run) -> bool) -> Option<&Run> {
    model.history.iter().rev().find(|run| run.module == module && !run.before.stuck && like(run))
}

/// The last event shows such a run of one of two modules: the pair of the last such runs of both.
fn twins(
    model: &Model,
    (twin, of): (ModuleId, ModuleId),
    is_twin: impl Fn(&Run) -> bool,
    is_original: impl Fn(&Run) -> bool,
) -> Option<(&Run, &Run)> {
    let shown = model
        .just()
        .iter()
        .any(|run| (run.module == twin && is_twin(run)) || (run.module == of && is_original(run)));
    if !shown {
        return None;
    }
    Some((last_run(model, twin, is_twin)?, last_run(model, of, is_original)?))
}

fn prefix_twin(model: &Model) -> Judgement {
    let Some((twin, of, pairs)) = model.twin(How::Prefix) else { return Silent };
    let unloaded =
        |run: &Run| run.asked == Asked::Unload && matches!(run.answer, Answer::Unloaded { .. });
    let unwound = |run: &Run| {
        run.duty.as_ref().is_some_and(|duty| {
            let mut completed = duty.completed.clone();
            completed.sort_unstable();
            duty.fails.is_some() && completed == pairs
        })
    };
    let Some((unload, load)) = twins(model, (twin, of), unloaded, unwound) else { return Silent };
    let unloaded: Vec<u8> = unload.exits().filter_map(|pair| original(pairs, pair)).collect();
    same("the exits of the unwinding", of, &unloaded, load.exits())
}

fn original(pairs: &[u8], pair: u8) -> Option<u8> {
    pairs.get(usize::from(pair)).copied()
}

/// A load of which nothing failed.
fn loaded(run: &Run) -> bool {
    run.duty.as_ref().is_some_and(|duty| duty.fails.is_none()) && run.answer == Answer::Loaded {}
}

fn permutation_twin(model: &Model) -> Judgement {
    let Some((twin, of, pairs)) = model.twin(How::Permutation) else { return Silent };
    let Some((one, other)) = twins(model, (twin, of), loaded, loaded) else { return Silent };
    let permuted: Vec<u8> = one.inits().filter_map(|pair| original(pairs, pair)).collect();
    let plain: Vec<u8> = other.inits().collect();
    let priorities = |list: &[u8]| -> Vec<Priority> {
        list.iter().map(|pair| model.priority(of, *pair)).collect()
    };
    let same_pairs = plain.iter().all(|pair| permuted.contains(pair));
    let same_priorities = priorities(&plain) == priorities(&permuted);
    Judgement::when(same_pairs && same_priorities, || {
        format!(
            "the inits of {of}: {}; with permuted registrations: {}",
            list(&plain),
            list(&permuted)
        )
    })
}

fn map_twin(model: &Model) -> Judgement {
    let plain = each(loads_of(model), |run| {
        let priorities = || run.inits().map(|pair| model.priority(run.module, pair));
        let extreme = priorities().any(|priority| matches!(priority.0, i32::MIN | i32::MAX));
        let signs =
            priorities().any(|priority| priority.0 < 0) && priorities().any(|one| one.0 >= 0);
        if priorities().count() < 2 || !(extreme || signs) {
            return Silent;
        }
        Judgement::when(priorities().is_sorted(), || {
            let found: Vec<String> = priorities().map(|priority| priority.to_string()).collect();
            format!("the inits were called with priorities {}", found.join(", "))
        })
    });
    let twin = || {
        let Some((twin, of, _)) = model.twin(How::Map) else { return Silent };
        let Some((one, other)) = twins(model, (twin, of), loaded, loaded) else { return Silent };
        let plain: Vec<u8> = other.inits().collect();
        same("the inits with other priorities", of, &plain, one.inits())
    };
    Judgement::all([plain, twin()])
}

fn linkage_twin(model: &Model) -> Judgement {
    let Some((twin, of, _)) = model.twin(How::Linkage) else { return Silent };
    // A boot is of all built-in modules, so it is looked for under any.
    let boot = model.history.iter().rev().find(|run| is_first_boot(run));
    let load = last_run(model, of, loaded);
    let (Some(boot), Some(load)) = (boot, load) else { return Silent };
    let shown =
        model.just().iter().any(|run| is_first_boot(run) || (run.module == of && loaded(run)));
    let started = || boot.calls.iter().filter(|step| step.module == twin);
    let failed = started().any(|step| step.failure.is_some());
    let blacklisted = model.setup.module(twin).pairs().any(|pair| pair.blacklisted);
    if !shown || failed || blacklisted {
        return Silent;
    }
    let loaded: Vec<u8> = load.inits().collect();
    same("the inits at boot", twin, &loaded, started().map(|step| step.pair))
}

fn first_failure(run: &Run) -> Option<Failure> {
    run.since_failing_init().next()?.failure
}

fn first_error(model: &Model) -> Judgement {
    each(failed_loads(model), |(run, _)| {
        let expected = run.duty.as_ref().and_then(|duty| duty.fails).map(|(_, failure)| failure);
        let Some(expected) = first_failure(run).or(expected) else { return Silent };
        if expected == (Failure::Blacklisted {}) {
            return Silent;
        }
        let kept = matches!(run.answer, Answer::Failed { failure, .. } if failure == expected);
        Judgement::when(kept, || {
            format!(
                "the load of {} answers: {}, expected failed {expected}",
                run.module, run.answer
            )
        })
    })
}

fn failed_load_leaves_nothing(model: &Model) -> Judgement {
    left_after(model, |run| {
        run.duty.as_ref().is_some_and(|duty| duty.fails.is_some())
            && matches!(run.answer, Answer::Failed { .. })
    })
}

fn load_after_failure(model: &Model) -> Judgement {
    each(loads_of(model).filter(|run| run.before.failed), |run| {
        let Some(duty) = run.duty.as_ref().filter(|duty| duty.fails.is_none()) else {
            return Silent;
        };
        if run.answer != (Answer::Loaded {}) {
            return Judgement::broken(format!(
                "the load of {} answers: {}",
                run.module, run.answer
            ));
        }
        let inits = same("the inits", run.module, &duty.inits, run.inits());
        Judgement::all([inits, same("the exits", run.module, &[], run.exits())])
    })
}

/// What a run called, and what came of it, is the same.
fn same_trace(what: &str, run: &Run, before: &Run) -> Judgement {
    let calls = |run: &Run| -> Vec<(Half, u8)> {
        run.calls.iter().map(|step| (step.half, step.pair)).collect()
    };
    Judgement::when(calls(run) == calls(before) && run.answer == before.answer, || {
        let tell = |run: &Run| {
            let calls = run.calls.iter().map(|step| match step.half {
                Half::Init => format!("init {}", step.pair),
                Half::Exit => format!("exit {}", step.pair),
            });
            format!("{}: {}", calls.collect::<Vec<_>>().join(", "), run.answer)
        };
        format!("{what} of {} was: {}; it is: {}", run.module, tell(before), tell(run))
    })
}

fn same_faults_same_trace(model: &Model) -> Judgement {
    let shown = model.just.clone().filter(|at| model.history[*at].duty.is_some());
    each(shown, |at| {
        let (earlier, run) = (&model.history[..at], &model.history[at]);
        if run.before.stuck || model.setup.module(run.module).bad_parameters {
            return Silent;
        }
        let before = earlier.iter().rfind(|other| {
            other.module == run.module
                && other.duty.is_some()
                && !other.before.stuck
                && other.endings == run.endings
        });
        before.map_or(Silent, |before| same_trace("a load with the same faults", run, before))
    })
}

fn same_cycle(model: &Model) -> Judgement {
    let shown = model.just.clone().filter(|at| is_done_unload(&model.history[*at]));
    each(shown, |at| {
        let (earlier, unload) = (&model.history[..at], &model.history[at]);
        let Some(load_at) = last_load(earlier, unload.module) else { return Silent };
        let load = &earlier[load_at];
        let before = (0..load_at).rev().filter(|at| is_done_unload(&earlier[*at])).find_map(|at| {
            let before = &earlier[at];
            let load_before = &earlier[last_load(&earlier[..at], unload.module)?];
            let same = before.module == unload.module && load_before.endings == load.endings;
            same.then_some((load_before, before))
        });
        let Some((load_before, unload_before)) = before else { return Silent };
        let load = same_trace("the load", load, load_before);
        Judgement::all([load, same_trace("the unload", unload, unload_before)])
    })
}

fn is_done_unload(run: &Run) -> bool {
    is_unload_of_live(run) && matches!(run.answer, Answer::Unloaded { .. })
}

fn last_load(runs: &[Run], module: ModuleId) -> Option<usize> {
    runs.iter().rposition(|run| {
        run.module == module && run.duty.is_some() && run.answer == Answer::Loaded {}
    })
}

fn unload_of_nothing(model: &Model) -> Judgement {
    let unloads = asked_for(model, Asked::Unload);
    each(unloads.filter(|run| run.before.state == State::Unloaded), |run| {
        let refused = run.refusal() == Some(Error::NotLoaded);
        Judgement::when(refused && run.calls.is_empty(), || {
            format!(
                "{} is not loaded; the unload ran {}: {}",
                run.module,
                exits_told(run),
                run.answer
            )
        })
    })
}

fn exits_told(run: &Run) -> String {
    let exits: Vec<u8> = run.exits().collect();
    if exits.is_empty() { "no exit".into() } else { format!("exits {}", list(&exits)) }
}

fn exits_go_on(model: &Model) -> Judgement {
    let loads = each(failed_loads(model), |(run, owed)| all_exits_despite_failures(run, owed));
    let unloads = each(done_unloads(model), |run| {
        let owed: Vec<u8> = model.exits(run.module).collect();
        all_exits_despite_failures(run, &owed)
    });
    Judgement::all([loads, unloads])
}

fn all_exits_despite_failures(run: &Run, owed: &[u8]) -> Judgement {
    let Some(failing) = run.exit_failures().next() else { return Silent };
    let missing = owed.iter().find(|pair| !run.exits().any(|exit| exit == **pair));
    Judgement::when(missing.is_none(), || {
        let missing = missing.copied().unwrap_or_default();
        format!("exit {missing} is owed and did not run, after exit {} failed", failing.pair)
    })
}

fn exit_failures_reported(model: &Model) -> Judgement {
    each(loads_of(model).chain(done_unloads(model)), |run| {
        let (Answer::Failed { exits: reported, .. } | Answer::Unloaded { exits: reported }) =
            &run.answer
        else {
            return Silent;
        };
        let failed: Vec<_> = run.exit_failures().collect();
        if failed.is_empty() && reported.is_empty() {
            return Silent;
        }
        let told = |failures: &[super::ExitFailure]| {
            let told = failures.iter().map(|exit| format!("exit {} {}", exit.pair, exit.failure));
            if failures.is_empty() { "none".into() } else { told.collect::<Vec<_>>().join(", ") }
        };
        Judgement::when(failed == *reported, || {
            format!("what failed: {}; what is reported: {}", told(&failed), told(reported))
        })
    })
}

fn panic_unwinds(model: &Model) -> Judgement {
    each(failed_loads(model), |(run, owed)| {
        if first_failure(run) != Some(Failure::Panic {}) {
            return Silent;
        }
        let kept = matches!(run.answer, Answer::Failed { failure: Failure::Panic {}, .. });
        let answer = Judgement::when(kept, || {
            format!("an init of {} panicked, and the load answers: {}", run.module, run.answer)
        });
        Judgement::all([answer, same("the exits", run.module, owed, run.exits())])
    })
}

fn null_halves(model: &Model) -> Judgement {
    let has_null = |module: ModuleId| {
        let mut pairs = model.setup.module(module).pairs();
        pairs.any(|pair| pair.init.is_none() || pair.exit.is_none())
    };
    // In Rust a NULL half is no callback that could be called; elsewhere a trace may show it.
    let called = each(model.just().iter().flat_map(|run| &run.calls), |step: &Step| {
        let pair = model.pair(step.module, step.pair);
        let null = pair.is_some_and(|pair| pair.half(step.half).is_none());
        let Step { half, module, pair, .. } = step;
        if null {
            Judgement::broken(format!("{half:?} {module}.{pair} is NULL and was called"))
        } else {
            Silent
        }
    });
    let loads = each(loads_of(model).filter(|run| has_null(run.module)), |run| {
        let duty = run.duty.as_ref().expect("a load of the laws has a duty");
        let kept = match duty.fails {
            None => run.answer == Answer::Loaded {},
            Some((_, expected)) => {
                matches!(run.answer, Answer::Failed { failure, .. } if failure == expected)
            }
        };
        let answer = Judgement::when(kept, || {
            format!("the load of {}, which has a NULL half, answers: {}", run.module, run.answer)
        });
        let inits = same("the inits beside a NULL half", run.module, &duty.inits, run.inits());
        Judgement::all([
            answer,
            inits,
            same("the exits beside a NULL half", run.module, &duty.owed, run.exits()),
        ])
    });
    let unloads = each(done_unloads(model).filter(|run| has_null(run.module)), |run| {
        let Answer::Unloaded { exits: reported } = &run.answer else { return Silent };
        let null = reported
            .iter()
            .find(|exit| model.pair(run.module, exit.pair).is_none_or(|pair| pair.exit.is_none()));
        if let Some(null) = null {
            return Judgement::broken(format!(
                "exit {} is NULL and is said to have failed",
                null.pair
            ));
        }
        let exits: Vec<u8> = model.exits(run.module).collect();
        same("the exits beside a NULL half", run.module, &exits, run.exits())
    });
    Judgement::all([called, loads, unloads])
}

/// An unload of a live module is refused for one of these reasons, before any exit, and the module
/// is as before.
fn refused_for(model: &Model, run: &Run, reasons: &[Error], why: &str) -> Judgement {
    let refused = run.refusal().is_some_and(|error| reasons.contains(&error));
    if !refused || !run.calls.is_empty() {
        return Judgement::broken(format!(
            "{} {why}; its unload ran {}: {}",
            run.module,
            exits_told(run),
            run.answer
        ));
    }
    let touched = model.ghosts[usize::from(run.module.0)].touched;
    let last = touched.is_some_and(|at| std::ptr::eq(&model.history[at], run));
    // What came after it in the same event is for other laws.
    Judgement::all([Holds, if last { left(model, run.module) } else { Silent }])
}

fn permanent_stays(model: &Model) -> Judgement {
    each(unloads_of_live(model).filter(|run| model.permanent(run.module)), |run| {
        let reasons = [Error::Permanent, Error::InUse];
        let count = if run.before.references > 0 { 2 } else { 1 };
        refused_for(model, run, &reasons[..count], "is permanent")
    })
}

fn used_stays(model: &Model) -> Judgement {
    each(unloads_of_live(model).filter(|run| run.before.references > 0), |run| {
        let reasons = [Error::InUse, Error::Permanent];
        let count = if model.permanent(run.module) { 2 } else { 1 };
        refused_for(model, run, &reasons[..count], "is in use")
    })
}

fn refused_unload(model: &Model) -> Judgement {
    let refused = each(unloads_of_live(model).filter(|run| run.refusal().is_some()), |run| {
        same("the exits of a refused unload", run.module, &[], run.exits())
    });
    let unchanged = left_after(model, |run| {
        run.asked == Asked::Unload && run.before.state == State::Live && run.refusal().is_some()
    });
    let later = each(done_unloads(model).filter(|run| run.before.refused), |run| {
        let exits: Vec<u8> = model.exits(run.module).collect();
        same("the exits of an unload that was refused before", run.module, &exits, run.exits())
    });
    Judgement::all([refused, unchanged, later])
}

/// The inits that a boot calls, in order.
fn boot_order(model: &Model) -> Vec<(ModuleId, u8)> {
    let mut all: Vec<(Priority, ModuleId, u8)> = Vec::new();
    for (id, module) in (0..).map(ModuleId).zip(&model.setup.modules) {
        if model.is_built_in(id) {
            let pairs = (0..).zip(module.pairs());
            let called = pairs.filter(|(_, pair)| pair.init.is_some() && !pair.blacklisted);
            all.extend(called.map(|(index, pair)| (pair.priority, id, index)));
        }
    }
    all.sort_unstable();
    all.into_iter().map(|(_, id, index)| (id, index)).collect()
}

fn boot_runs_all(model: &Model) -> Judgement {
    let discarded = each(model.just().iter().flat_map(|run| &run.calls), |step: &Step| {
        if step.half == Half::Exit && model.is_built_in(step.module) {
            return Judgement::broken(format!(
                "exit {}.{} is built in, and ran",
                step.module, step.pair
            ));
        }
        Silent
    });
    let boots = each(boots(model), |run| {
        let expected = boot_order(model);
        let found: Vec<(ModuleId, u8)> =
            run.calls.iter().map(|step| (step.module, step.pair)).collect();
        if expected.is_empty() && found.is_empty() {
            return Silent;
        }
        let told = |inits: &[(ModuleId, u8)]| {
            let names: Vec<String> =
                inits.iter().map(|(module, pair)| format!("{module}.{pair}")).collect();
            if names.is_empty() { "none".into() } else { names.join(" ") }
        };
        let booted = matches!(run.answer, Answer::Booted { .. });
        Judgement::when(booted && found == expected, || {
            format!(
                "expected the inits {}, found {}: {}",
                told(&expected),
                told(&found),
                run.answer
            )
        })
    });
    Judgement::all([discarded, boots])
}

fn legacy_is_one_pair(model: &Model) -> Judgement {
    let legacy_of = |module: ModuleId| {
        let plan = model.setup.module(module);
        plan.legacy.as_ref().map(|legacy| (plan.pair_count() - 1, &legacy.pair))
    };
    let loads = each(loads_of(model), |run| {
        let Some((legacy, plan)) = legacy_of(run.module) else { return Silent };
        let duty = run.duty.as_ref().expect("a load of the laws has a duty");
        let reached = duty.inits.contains(&legacy);
        let called = run.inits().filter(|pair| *pair == legacy).count();
        if called != usize::from(reached) {
            let expected = usize::from(reached);
            return Judgement::broken(format!(
                "calls of the legacy init: expected {expected}, found {called}"
            ));
        }
        let owed = duty.owed.contains(&legacy);
        let exited = run.exits().filter(|pair| *pair == legacy).count();
        if exited != usize::from(owed) {
            let expected = usize::from(owed);
            return Judgement::broken(format!(
                "runs of the legacy exit in the unwinding: expected {expected}, found {exited}"
            ));
        }
        if !reached || plan.init.is_none() {
            return if owed { Holds } else { Silent };
        }
        let early = |pair: u8| model.priority(run.module, pair) <= Priority::DEVICE;
        stands_between(run.inits(), legacy, early, "init")
    });
    let unloads = each(done_unloads(model), |run| {
        let Some((legacy, plan)) = legacy_of(run.module) else { return Silent };
        let exited = run.exits().filter(|pair| *pair == legacy).count();
        if exited != usize::from(plan.exit.is_some()) {
            return Judgement::broken(format!(
                "runs of the legacy exit in the unload: expected {}, found {exited}",
                usize::from(plan.exit.is_some())
            ));
        }
        let late = |pair: u8| model.priority(run.module, pair) > Priority::DEVICE;
        if exited == 0 { Silent } else { stands_between(run.exits(), legacy, late, "exit") }
    });
    Judgement::all([loads, unloads])
}

/// All pairs called before the legacy pair are like this, and none after it.
fn stands_between(
    calls: impl Iterator<Item = u8>,
    legacy: u8,
    before: impl Fn(u8) -> bool,
    half: &str,
) -> Judgement {
    let mut passed = false;
    each(calls, |pair| {
        if pair == legacy {
            passed = true;
            return Holds;
        }
        Judgement::when(before(pair) != passed, || {
            let side = if passed { "after" } else { "before" };
            format!("{half} {pair} was called {side} the legacy {half}")
        })
    })
}

fn blacklisted(model: &Model) -> Judgement {
    let called = each(model.just().iter().flat_map(|run| &run.calls), |step: &Step| {
        match model.pair(step.module, step.pair) {
            Some(plan) if plan.blacklisted => {
                let Step { half, module, pair, .. } = step;
                Judgement::broken(format!(
                    "{half:?} {module}.{pair} was called, its init is blacklisted"
                ))
            }
            _ => Silent,
        }
    });
    let loads = each(failed_loads(model), |(run, _)| {
        let fails = run.duty.as_ref().and_then(|duty| duty.fails);
        if !matches!(fails, Some((_, Failure::Blacklisted {}))) || first_failure(run).is_some() {
            return Silent;
        }
        let kept = matches!(run.answer, Answer::Failed { failure: Failure::Blacklisted {}, .. });
        Judgement::when(kept, || {
            format!(
                "the load of {} comes to a blacklisted init, and answers: {}",
                run.module, run.answer
            )
        })
    });
    let boots = each(boots(model), |_| {
        let built_in = (0..).map(ModuleId).zip(&model.setup.modules);
        let mut built_in = built_in.filter(|(id, _)| model.is_built_in(*id));
        let any = built_in.any(|(_, module)| module.pairs().any(|pair| pair.blacklisted));
        if any { Holds } else { Silent }
    });
    Judgement::all([called, loads, boots])
}

fn no_overlap(model: &Model) -> Judgement {
    let overlaps = each(model.just().iter().flat_map(|run| &run.calls), |step: &Step| {
        let Step { half, module, pair, overlaps, .. } = step;
        if *overlaps {
            return Judgement::broken(format!(
                "{half:?} {module}.{pair} was called while another callback of {module} ran"
            ));
        }
        Silent
    });
    let moving = |run: &&Run| matches!(run.before.state, State::Coming | State::Going);
    let unloads = asked_for(model, Asked::Unload);
    let refused = each(unloads.filter(moving), |run| {
        Judgement::when(run.refusal().is_some() && run.calls.is_empty(), || {
            let (module, state) = (run.module, run.before.state);
            format!("{module} is {state}; its unload ran {}: {}", exits_told(run), run.answer)
        })
    });
    Judgement::all([overlaps, refused])
}

fn reentry(model: &Model) -> Judgement {
    let waits =
        each(model.just().iter().filter(|run| run.by.is_some()), |run| match run.refusal() {
            Some(Error::Deadlock) => Judgement::broken(format!(
                "a callback that calls back in, for {}, would wait for itself",
                run.module
            )),
            _ => Silent,
        });
    let moving = |run: &&Run| matches!(run.before.state, State::Coming | State::Going);
    let own = model.just().iter().filter(|run| run.reenters(run.module) && !run.before.stuck);
    let refused = each(own.filter(moving), |run| {
        let reasons: &[Error] = match run.asked {
            Asked::Load => &[Error::Busy, Error::AlreadyLoaded],
            Asked::Unload => &[Error::Busy, Error::InUse, Error::Permanent],
            _ => &[Error::Busy, Error::Unsupported],
        };
        let refused = run.refusal().is_some_and(|error| reasons.contains(&error));
        Judgement::when(refused && run.calls.is_empty(), || {
            let asked = format!("{:?}", run.asked).to_lowercase();
            format!(
                "a callback of {} asked to {asked} it, and was answered: {}",
                run.module, run.answer
            )
        })
    });
    let loads = each(loads_of(model).filter(|run| run.reentered), |run| {
        let duty = run.duty.as_ref().expect("a load of the laws has a duty");
        let inits = same("the inits around a re-entry", run.module, &duty.inits, run.inits());
        Judgement::all([
            inits,
            same("the exits around a re-entry", run.module, &duty.owed, run.exits()),
        ])
    });
    let unloads = each(done_unloads(model).filter(|run| run.reentered), |run| {
        let exits: Vec<u8> = model.exits(run.module).collect();
        same("the exits around a re-entry", run.module, &exits, run.exits())
    });
    Judgement::all([waits, refused, loads, unloads])
}

fn apart(model: &Model) -> Judgement {
    if model.setup.modules.len() < 2 {
        return Silent;
    }
    let calls = each(model.just().iter().filter(|run| !run.before.stuck), |run| {
        let stranger = run.calls.iter().find(|step| match run.asked {
            Asked::Boot => !model.is_built_in(step.module),
            _ => step.module != run.module,
        });
        if let Some(Step { half, module, pair, .. }) = stranger {
            return Judgement::broken(format!(
                "{half:?} {module}.{pair} was called for {}",
                run.module
            ));
        }
        let failed = run.calls.iter().any(|step| step.failure.is_some());
        if failed { Holds } else { Silent }
    });
    let untouched =
        (0..).map(ModuleId).zip(&model.ghosts).filter(|(_, ghost)| ghost.touched.is_none());
    let unchanged = each(untouched, |(module, _)| match left(model, module) {
        Holds => Silent,
        judgement => judgement,
    });
    Judgement::all([calls, unchanged])
}

fn balance(model: &Model) -> Judgement {
    let runs = loads_of(model).chain(done_unloads(model));
    let matched = each(runs.flat_map(|run| &run.calls), |step: &Step| {
        if step.unmatched {
            let Step { module, pair, .. } = step;
            return Judgement::broken(format!(
                "exit {module}.{pair} ran, and its pair was not live"
            ));
        }
        Silent
    });
    let touched = (0..).map(ModuleId).zip(&model.ghosts);
    let live = each(touched, |(module, ghost)| {
        let Some(at) = ghost.touched else { return Silent };
        let moved = matches!(model.history[at].asked, Asked::Load | Asked::Unload);
        if !moved || ghost.stuck || model.is_built_in(module) {
            return Silent;
        }
        let expected = if ghost.state == State::Live { model.whole_pairs(module) } else { 0 };
        Judgement::when(ghost.live == expected, || {
            let (live, expected) = (ghost.live.count_ones(), expected.count_ones());
            format!("live pairs of {module}, {}: expected {expected}, found {live}", ghost.state)
        })
    });
    Judgement::all([matched, live])
}

fn loads(model: &Model) -> Judgement {
    let runs = each(loads_of(model), |run| {
        let Some(duty) = run.duty.as_ref().filter(|duty| duty.fails.is_none()) else {
            return Silent;
        };
        let missing = duty.inits.iter().find(|pair| !run.inits().any(|init| init == **pair));
        if let Some(missing) = missing {
            return Judgement::broken(format!("init {missing} was not called: {}", run.answer));
        }
        Judgement::when(run.answer == Answer::Loaded {}, || {
            format!("no init of {} failed, and the load answers: {}", run.module, run.answer)
        })
    });
    Judgement::all([runs, left_after(model, loaded)])
}

fn bad_parameters(model: &Model) -> Judgement {
    let is_such = |run: &Run| run.duty.is_some() && model.setup.module(run.module).bad_parameters;
    let refused = each(model.just().iter().filter(|run| is_such(run)), |run| {
        let refused = run.refusal() == Some(Error::Parameters) && run.calls.is_empty();
        Judgement::when(refused, || {
            format!(
                "the parameters of {} are wrong, and its load answers: {}",
                run.module, run.answer
            )
        })
    });
    Judgement::all([refused, left_after(model, is_such)])
}

fn repeated_load(model: &Model) -> Judgement {
    let is_such = |run: &Run| {
        let going = run.before.state == State::Going && !run.before.unwinding;
        let there = going || run.before.state == State::Live;
        run.asked == Asked::Load && !run.before.stuck && there
    };
    refused_where(model, is_such, |run| {
        let known = run.refusal() == Some(Error::AlreadyLoaded);
        known || (run.before.state == State::Going && run.refusal().is_some())
    })
}

fn reference_refusals(model: &Model) -> Judgement {
    let is_such = |run: &Run| {
        let Run { asked, before, .. } = run;
        !before.stuck
            && match (asked, before.state) {
                (Asked::Get, State::Unloaded) => true,
                (Asked::Get, State::Going) => !before.unwinding,
                (Asked::Put, _) => before.references == 0,
                _ => false,
            }
    };
    refused_where(model, is_such, |run| run.refusal().is_some())
}

/// Such runs are refused, call nothing, and change nothing.
fn refused_where(
    model: &Model,
    is_such: impl Fn(&Run) -> bool,
    is_refused: impl Fn(&Run) -> bool,
) -> Judgement {
    let refused = each(model.just().iter().filter(|run| is_such(run)), |run| {
        Judgement::when(is_refused(run) && run.calls.is_empty(), || {
            let asked = format!("{:?}", run.asked).to_lowercase();
            let (state, references) = (run.before.state, run.before.references);
            let module = run.module;
            format!("{module} was {state}, references {references}; the {asked}: {}", run.answer)
        })
    });
    Judgement::all([refused, left_after(model, is_such)])
}

fn counted(model: &Model) -> Judgement {
    let is_such = |run: &Run| {
        let live = run.before.state == State::Live && !run.before.stuck;
        live && match run.asked {
            Asked::Get => true,
            Asked::Put => run.before.references > 0,
            _ => false,
        }
    };
    let granted = each(model.just().iter().filter(|run| is_such(run)), |run| {
        Judgement::when(run.answer == Answer::Done {}, || {
            let asked = format!("{:?}", run.asked).to_lowercase();
            format!("{} is live, and the {asked} is answered: {}", run.module, run.answer)
        })
    });
    Judgement::all([granted, left_after(model, is_such)])
}

fn second_boot(model: &Model) -> Judgement {
    let boots = model.just().iter().filter(|run| run.asked == Asked::Boot && run.before.booted);
    each(boots, |run| {
        let refused = run.refusal() == Some(Error::AlreadyBooted) && run.calls.is_empty();
        Judgement::when(refused, || {
            format!("the second boot made {} calls: {}", run.calls.len(), run.answer)
        })
    })
}

fn boot_reports(model: &Model) -> Judgement {
    each(boots(model), |run| {
        let Answer::Booted { failed: reported } = &run.answer else { return Silent };
        let failed: Vec<InitFailure> = run
            .calls
            .iter()
            .filter(|step| step.half == Half::Init)
            .filter_map(|step| {
                let Step { module, pair, failure, .. } = *step;
                failure.map(|failure| InitFailure { module, pair, failure })
            })
            .collect();
        if failed.is_empty() && reported.is_empty() {
            return Silent;
        }
        Judgement::when(failed == *reported, || {
            format!("{} inits failed, and the boot answers: {}", failed.len(), run.answer)
        })
    })
}

fn unloads(model: &Model) -> Judgement {
    let free = |run: &&Run| run.before.references == 0 && !model.permanent(run.module);
    let done = each(unloads_of_live(model).filter(free), |run| {
        if !matches!(run.answer, Answer::Unloaded { .. }) {
            let (module, answer) = (run.module, &run.answer);
            return Judgement::broken(format!(
                "nothing holds {module}, and its unload answers: {answer}"
            ));
        }
        let once = each(model.exits(run.module), |pair| {
            let times = run.exits().filter(|exit| *exit == pair).count();
            Judgement::when(times == 1, || {
                format!("runs of exit {pair} in the unload: expected 1, found {times}")
            })
        });
        Judgement::all([Holds, once])
    });
    Judgement::all([done, left_after(model, is_done_unload)])
}

fn seen_states(model: &Model) -> Judgement {
    let looks = asked_for(model, Asked::Look);
    each(looks.filter(|run| !model.is_built_in(run.module)), |run| {
        let Answer::State { state: seen } = run.answer else { return Silent };
        let expected = run.before.state;
        // What unwinds may be called coming or going.
        let unwinds = run.before.unwinding && matches!(seen, State::Coming | State::Going);
        Judgement::when(unwinds || seen == expected, || {
            format!("{} is {expected}, and a callback sees it {seen}", run.module)
        })
    })
}

fn entries_made(model: &Model) -> Judgement {
    let asked = asked_for(model, Asked::Enter);
    let granted = each(asked, |run| {
        Judgement::when(run.answer == Answer::Done {}, || {
            format!(
                "an init of {} asked for an entry, and was answered: {}",
                run.module, run.answer
            )
        })
    });
    let modules = (0..).map(ModuleId).zip(model.ghosts.iter().zip(&model.left));
    let there = each(modules.filter(|(_, (ghost, _))| !ghost.stuck), |(module, (ghost, left))| {
        each(ghost.entry_names(module).iter(), |name| {
            Judgement::when(left.entries.contains(name), || {
                format!("the entry {name} is not there")
            })
        })
    });
    Judgement::all([granted, there])
}

fn stuck_stays(model: &Model) -> Judgement {
    each(model.just().iter().filter(|run| run.sticks), |run| {
        let Some(duty) = &run.duty else { return Silent };
        let due = duty.fails.map(|(_, failure)| failure);
        let kept = matches!(run.answer, Answer::Failed { failure, .. } if Some(failure) == due);
        let answer = Judgement::when(kept, || {
            format!("the load of {}, which is in use, answers: {}", run.module, run.answer)
        });
        let left = model.left.get(usize::from(run.module.0));
        let there = left.is_none_or(|left| left.state != State::Unloaded);
        let stays = Judgement::when(there, || format!("{} is in use, and is unloaded", run.module));
        let inits = same("the inits", run.module, &duty.inits, run.inits());
        Judgement::all([answer, stays, inits, same("the exits", run.module, &[], run.exits())])
    })
}

/// Whether a callback of another module asked to load or unload one that stood like this.
fn asked_by_another(model: &Model, state: State) -> bool {
    model.just().iter().any(|run| {
        matches!(run.asked, Asked::Load | Asked::Unload)
            && run.before.state == state
            && run.by.is_some_and(|(by, _)| by != run.module)
    })
}

/// Of each failed load: the place in order of the failing pair, and how many pairs there are.
fn failures(model: &Model) -> impl Iterator<Item = (usize, usize)> {
    failed_loads(model).filter_map(|(run, _)| {
        let duty = run.duty.as_ref()?;
        Some((duty.completed.len(), model.ghosts[usize::from(run.module.0)].order.len()))
    })
}

fn tie_of_three(model: &Model) -> bool {
    loads_of(model).any(|run| {
        let started: Vec<Priority> =
            run.inits().map(|pair| model.priority(run.module, pair)).collect();
        started.windows(3).any(|three| three[0] == three[2] && three[0] == three[1])
    })
}

fn null_beside_failure(model: &Model, beside: impl Fn(usize) -> Option<usize>) -> bool {
    failed_loads(model).any(|(run, _)| {
        let Some(duty) = &run.duty else { return false };
        let order = &model.ghosts[usize::from(run.module.0)].order;
        let pair = beside(duty.completed.len()).and_then(|at| order.get(at));
        let pair = pair.and_then(|pair| model.pair(run.module, *pair));
        pair.is_some_and(|pair| pair.init.is_none() || pair.exit.is_none())
    })
}
