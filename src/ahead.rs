//! Cases that a subject is told of before it is asked to run them: one in another process works on
//! them meanwhile.
//!
//! It does not cover how many those are: that the subject decides.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use lawbook_spec::core::{Case, Mechanism, Subject};

/// Goes through cases in their order, until they end or `run` has enough of them. A case is told to
/// the subject as early as it takes it, and handed to `run` when it is its turn.
pub(crate) fn each<M: Mechanism, T>(
    subject: &mut dyn Subject<M>,
    cases: impl Iterator<Item = (T, Case<M>)>,
    mut run: impl FnMut(&mut dyn Subject<M>, T, Case<M>) -> ControlFlow<()>,
) {
    let mut cases = cases.peekable();
    let mut told = VecDeque::new();
    loop {
        while let Some(next) = cases.next_if(|(_, case)| subject.announce(case)) {
            told.push_back(next);
        }
        let Some((tag, case)) = told.pop_front().or_else(|| cases.next()) else { return };
        if run(subject, tag, case).is_break() {
            return;
        }
    }
}
