//! A panic of an implementation under judgement is an answer, not a message on standard error.
//!
//! It does not cover panics in threads that an implementation starts, nor those of the laws.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

use lawbook_spec::core::{Case, End, Mechanism, Subject, Trace};

thread_local! {
    /// Whether this thread runs an implementation right now.
    static RUNS_SUBJECT: Cell<bool> = const { Cell::new(false) };
}

/// Runs one case, and makes a panic the trace's end without printing it.
pub(crate) fn run<M: Mechanism>(
    subject: &mut (impl Subject<M> + ?Sized),
    case: &Case<M>,
) -> Trace<M> {
    install_hook();
    let before = RUNS_SUBJECT.replace(true);
    // A subject promises not to panic; what breaks the promise is judged like any other panic.
    let trace = Trace::watch(|events| {
        let trace = subject.run(case);
        *events = trace.events;
        match trace.end {
            End::Whole => Ok(()),
            end => Err(end),
        }
    });
    RUNS_SUBJECT.set(before);
    trace
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
