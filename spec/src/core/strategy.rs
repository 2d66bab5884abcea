//! Cases as a proptest `Strategy`, for users who compose cases in proptests of their own.

use arbitrary::Unstructured;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{Reason, TestRunner};

use super::{Case, Mechanism, Shrinker, draw_case};

/// The strategy that [`cases`] gives.
pub struct CaseStrategy<M: Mechanism> {
    profile: M::Profile,
}

/// A case that proptest shrinks, by the [`Shrinker`].
#[derive(Debug)]
pub struct CaseTree<M: Mechanism> {
    shrinker: Shrinker<M>,
    current: Case<M>,
    /// Whether `current` is a candidate whose outcome is not told yet.
    out: bool,
}

/// Cases for implementations with this profile, drawn as campaigns draw them.
pub fn cases<M: Mechanism>(profile: M::Profile) -> CaseStrategy<M> {
    CaseStrategy { profile }
}

impl<M: Mechanism> Strategy for CaseStrategy<M> {
    type Tree = CaseTree<M>;
    type Value = Case<M>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        use proptest::prelude::Rng;
        let mut bytes = vec![0; M::DRAW_BYTES];
        runner.rng().fill_bytes(&mut bytes);
        let case = draw_case::<M>(&mut Unstructured::new(&bytes), &self.profile)
            .map_err(|error| Reason::from(error.to_string()))?;
        let shrinker = Shrinker::new(self.profile.clone(), case.clone());
        Ok(CaseTree { shrinker, current: case, out: false })
    }
}

impl<M: Mechanism> CaseTree<M> {
    fn advance(&mut self, still_fails: bool) -> bool {
        if std::mem::take(&mut self.out) {
            self.shrinker.tell(still_fails);
        }
        match self.shrinker.next() {
            Some(candidate) => {
                self.current = candidate;
                self.out = true;
            }
            None => self.current = self.shrinker.best().clone(),
        }
        self.out
    }
}

impl<M: Mechanism> ValueTree for CaseTree<M> {
    type Value = Case<M>;

    fn current(&self) -> Case<M> {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        self.advance(true)
    }

    fn complicate(&mut self) -> bool {
        // Without a candidate there is nothing to go back from.
        self.out && self.advance(false)
    }
}

impl<M: Mechanism> std::fmt::Debug for CaseStrategy<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaseStrategy").field("profile", &self.profile).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

    use super::super::toy::{Op, Toy, World};
    use super::*;

    #[test]
    fn proptest_ends_with_the_smallest_case() {
        let mut runner = TestRunner::new_with_rng(Config::default(), rng());
        let outcome = runner.run(&cases::<Toy>(World { slots: 4 }), |case| {
            let takes = case.ops.iter().filter(|op| matches!(op, Op::Take { .. })).count();
            if takes < 2 { Ok(()) } else { Err(TestCaseError::fail("two takes")) }
        });
        let Err(TestError::Fail(_, smallest)) = outcome else { panic!("no case takes twice") };
        assert!(matches!(smallest.ops[..], [Op::Take { .. }, Op::Take { .. }]), "{smallest:?}");
    }

    fn rng() -> proptest::test_runner::TestRng {
        use proptest::test_runner::{RngAlgorithm, TestRng};
        TestRng::deterministic_rng(RngAlgorithm::ChaCha)
    }
}
