//! A panic of an implementation under judgement is an answer, not a message on standard error.
//!
//! It does not cover panics in threads that an implementation starts, nor those of the laws.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

use lawbook_spec::core::{Case, End, Mechanism, Subject, Tell, Trace};

thread_local! {
    /// Whether this thread runs an implementation right now.
    static RUNS_SUBJECT: Cell<bool> = const { Cell::new(false) };
}

/// Runs one case, and makes a panic the trace's end without printing it.
pub(crate) fn run<M: Mechanism>(
    subject: &mut (impl Subject<M> + ?Sized),
    case: &Case<M>,
) -> Trace<M> {
    let mut events = Vec::new();
    let end = watch(|| {
        let trace = subject.run(case);
        events = trace.events;
        trace.end
    });
    Trace { events, end }
}

/// Runs a case of which nothing is kept, and makes a panic its end without printing it.
pub(crate) fn stream<M: Mechanism>(
    subject: &mut (impl Subject<M> + ?Sized),
    setup: &M::Setup,
    ops: &mut dyn Iterator<Item = M::Op>,
    tell: &mut Tell<'_, M>,
) -> End {
    watch(|| subject.stream(setup, ops, tell))
}

/// A subject promises not to panic; what breaks the promise is judged like any other panic.
fn watch(work: impl FnOnce() -> End) -> End {
    install_hook();
    let before = RUNS_SUBJECT.replace(true);
    let end = End::watch(|| match work() {
        End::Whole => Ok(()),
        end => Err(end),
    });
    RUNS_SUBJECT.set(before);
    end
}

/// Puts a hook before the one that is there, once: other panics are printed as before.
fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !RUNS_SUBJECT.get() {
                others(info);
            }
        }));
    });
}
