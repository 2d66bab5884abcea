//! A broken case to a smaller one that breaks the same law.
//!
//! It does not run anything: whoever drives it says of each candidate whether the law is still
//! broken, so that the same machine serves tests, fuzz crashes, adapters and proptest.

use super::{Case, Mechanism};

/// Shrinks one case: ask for the [`next`](Shrinker::next) candidate, [`tell`](Shrinker::tell) what
/// came of it, until there is none.
pub struct Shrinker<M: Mechanism> {
    profile: M::Profile,
    best: Case<M>,
    candidate: Option<Case<M>>,
    stage: Stage<M>,
    /// Whether the best became better since the ops were last left out one by one.
    progress: bool,
}

enum Stage<M: Mechanism> {
    /// Leave out `width` ops from `at` on; the widths halve.
    Ops {
        width: usize,
        at: usize,
    },
    /// Offer each of [`Mechanism::simpler`] in turn.
    Simpler {
        queue: std::vec::IntoIter<Case<M>>,
    },
    Done,
}

impl<M: Mechanism> Shrinker<M> {
    /// Shrinks this case, within what the profile admits.
    pub fn new(profile: M::Profile, case: Case<M>) -> Self {
        let stage = Stage::Ops { width: case.ops.len().max(1), at: 0 };
        Shrinker { profile, best: case, candidate: None, stage, progress: false }
    }

    /// The smallest case so far that still breaks.
    pub fn best(&self) -> &Case<M> {
        &self.best
    }

    /// The next candidate, or `None` when the best can't be made smaller.
    ///
    /// # Panics
    ///
    /// When the outcome of the candidate before was not told.
    #[allow(clippy::should_implement_trait, reason = "an iterator could not be told the outcome")]
    pub fn next(&mut self) -> Option<Case<M>> {
        assert!(self.candidate.is_none(), "tell the outcome of the last candidate first");
        loop {
            let candidate = self.propose()?;
            if M::admits(&self.profile, &candidate).is_ok() {
                self.candidate = Some(candidate.clone());
                return Some(candidate);
            }
            self.refuse();
        }
    }

    /// Whether the candidate still breaks the law.
    ///
    /// # Panics
    ///
    /// When no candidate is out.
    pub fn tell(&mut self, still_breaks: bool) {
        let candidate = self.candidate.take().expect("a candidate is out");
        if !still_breaks {
            self.refuse();
            return;
        }
        self.best = candidate;
        self.progress = true;
        match &mut self.stage {
            // What stood behind the ops left out now stands at `at`.
            Stage::Ops { width, .. } => *width = (*width).min(self.best.ops.len().max(1)),
            Stage::Simpler { queue } => *queue = M::simpler(&self.best).into_iter(),
            Stage::Done => {}
        }
    }

    fn propose(&mut self) -> Option<Case<M>> {
        loop {
            match &mut self.stage {
                Stage::Ops { width, at } if *at < self.best.ops.len() => {
                    let mut ops = self.best.ops.clone();
                    let end = (*at + *width).min(ops.len());
                    ops.drain(*at..end);
                    return Some(Case { setup: self.best.setup.clone(), ops });
                }
                Stage::Ops { width, at } if *width > 1 => {
                    *width /= 2;
                    *at = 0;
                }
                Stage::Ops { .. } => {
                    self.progress = false;
                    self.stage = Stage::Simpler { queue: M::simpler(&self.best).into_iter() };
                }
                Stage::Simpler { queue } => match queue.next() {
                    Some(candidate) => return Some(candidate),
                    None if self.progress => self.stage = Stage::Ops { width: 1, at: 0 },
                    None => self.stage = Stage::Done,
                },
                Stage::Done => return None,
            }
        }
    }

    fn refuse(&mut self) {
        if let Stage::Ops { width, at } = &mut self.stage {
            *at += *width;
        }
    }
}

impl<M: Mechanism> std::fmt::Debug for Shrinker<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shrinker").field("best", &self.best).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::toy::{Op, Toy, World, case};
    use super::*;

    fn shrunk(slots: u8, ops: Vec<Op>, breaks: impl Fn(&[Op]) -> bool) -> (Vec<Op>, usize) {
        let mut shrinker = Shrinker::<Toy>::new(World { slots }, case(slots, &ops));
        let mut tries = 0;
        while let Some(candidate) = shrinker.next() {
            tries += 1;
            shrinker.tell(breaks(&candidate.ops));
        }
        (shrinker.best().ops.clone(), tries)
    }

    #[test]
    fn what_is_left_is_what_the_break_needs() {
        let put = |slot, value| Op::Put { slot, value };
        let mut ops = vec![Op::Sum {}; 60];
        ops.insert(13, put(1, 200));
        ops.insert(50, put(2, 77));
        let big = |ops: &[Op]| {
            let values = ops.iter().filter_map(|op| match op {
                Op::Put { value, .. } => Some(*value),
                _ => None,
            });
            values.filter(|value| *value > 40).count() == 2
        };
        let (best, tries) = shrunk(4, ops, big);
        assert!(matches!(best[..], [Op::Put { value: 41..82, .. }, Op::Put { value: 41..82, .. }]));
        assert!(tries < 200, "{tries} tries");
    }

    #[test]
    fn a_case_that_can_not_be_made_smaller_stays() {
        let (best, _) = shrunk(4, vec![Op::Sum {}, Op::Crash {}], |ops| ops.len() == 2);
        assert_eq!(best, [Op::Sum {}, Op::Crash {}]);
    }

    #[test]
    fn only_cases_that_the_profile_admits_are_candidates() {
        let mut shrinker = Shrinker::<Toy>::new(World { slots: 2 }, case(4, &[Op::Sum {}]));
        assert_eq!(shrinker.next(), None);
    }
}
