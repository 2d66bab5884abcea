//! Two implementations on one case, without any law: where they differ first.
//!
//! It does not cover what a contract leaves open: that each mechanism takes out for itself.

use lawbook::spec::core::{Case, Implementation, Mechanism, Subject, Trace};

pub(crate) type Boxed<M> = Box<dyn Subject<M>>;

/// Opens one of a list.
///
/// # Panics
///
/// When it is not there, or needs something from outside.
pub(crate) fn open<M: Mechanism>(all: &[Implementation<M>], name: &str) -> Boxed<M> {
    let found = all.iter().find(|one| one.name == name);
    (found.expect("it is in the list").open)().expect("it needs nothing from outside")
}

/// Where the traces of the reference and of the understudy differ first, in words. `settled` is an
/// event without what the contract leaves open.
pub(crate) fn difference<M: Mechanism>(
    case: &Case<M>,
    one: &Trace<M>,
    other: &Trace<M>,
    settled: impl Fn(&M::Op, &M::Event) -> M::Event,
) -> Option<String> {
    let event =
        |trace: &Trace<M>, at: usize| Some(settled(case.ops.get(at)?, trace.events.get(at)?));
    let length = one.events.len().max(other.events.len());
    let Some(at) = (0..length).find(|at| event(one, *at) != event(other, *at)) else {
        return (one.end != other.end).then(|| format!("{:?}\n{:?}", one.end, other.end));
    };
    let mut lines = vec![format!("  setup  {}", M::tell_setup(&case.setup))];
    for (index, op) in case.ops.iter().enumerate().take(at + 1) {
        lines.push(format!("  {index}  {}", M::tell_op(op)));
    }
    for (name, trace) in [("reference", one), ("understudy", other)] {
        let event = match trace.events.get(at) {
            Some(event) => M::tell_event(event),
            None => format!("{:?}", trace.end),
        };
        lines.push(format!("  {name} → {event}"));
    }
    Some(lines.join("\n"))
}

/// Bytes that depend on a seed alone (xorshift).
#[cfg(test)]
pub(crate) fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed + 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[4]
    };
    std::iter::repeat_with(step).take(1024).collect()
}
