//! One case and its trace to one verdict.

use super::{Breach, Case, Check, End, Judgement, LawId, Mechanism, Trace};

/// A law that a trace breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The law.
    pub law: LawId,
    /// What is wrong.
    pub why: Breach,
}

/// What the laws make of one case and its trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Per law, in the order of [`Mechanism::laws`]: how many events were evidence that it holds,
    /// or met its situation.
    pub evidence: Vec<u32>,
    /// The laws broken at the first event at which any law breaks, and the index of its op.
    pub broken: Option<(usize, Vec<Break>)>,
    /// Why the case was not run to its end, if the implementation said so and broke nothing before.
    /// There is no evidence then.
    pub unsupported: Option<String>,
}

/// The laws of a mechanism as they apply to implementations with one profile.
pub struct Judge<M: Mechanism> {
    profile: M::Profile,
    needs: Vec<Result<(), &'static str>>,
    /// As the kinds of op.
    before: Vec<Before<M>>,
    after: After<M>,
}

/// What the laws that apply check of an event of one kind before it is folded, each with the place
/// of its law.
struct Before<M: Mechanism> {
    kind: M::Kind,
    steps: Vec<(usize, OfEvent<M, Judgement>)>,
    reaches: Vec<(usize, OfEvent<M, bool>)>,
}

/// What they check of the memory after it, likewise.
struct After<M: Mechanism> {
    always: Vec<(usize, OfMemory<M, Judgement>)>,
    reaches: Vec<(usize, OfMemory<M, bool>)>,
}

type OfEvent<M, T> =
    fn(&<M as Mechanism>::Model, &<M as Mechanism>::Op, &<M as Mechanism>::Event) -> T;
type OfMemory<M, T> = fn(&<M as Mechanism>::Model) -> T;

impl<M: Mechanism> Judge<M> {
    /// The judge of implementations with this profile.
    pub fn new(profile: M::Profile) -> Self {
        let needs: Vec<_> = M::laws().iter().map(|law| (law.needs)(&profile)).collect();
        let applicable = |place: &usize| needs[*place].is_ok();
        let places: Vec<usize> = (0..needs.len()).filter(applicable).collect();
        let before = M::KINDS.iter().map(|of| Before::new(of.kind, &places)).collect();
        Judge { profile, needs, before, after: After::new(&places) }
    }

    /// The profile that it judges by.
    pub fn profile(&self) -> &M::Profile {
        &self.profile
    }

    /// Per law, in the order of [`Mechanism::laws`]: whether it applies, or why not.
    pub fn needs(&self) -> &[Result<(), &'static str>] {
        &self.needs
    }

    /// Judges one trace of one case, up to the first event at which a law breaks: what comes
    /// after a break makes laws look broken that are not.
    pub fn judge(&self, case: &Case<M>, trace: &Trace<M>) -> Verdict {
        let mut watch = self.watch(&case.setup);
        let mut broken = None;
        for (at, (op, event)) in case.ops.iter().zip(&trace.events).enumerate() {
            let breaks = watch.step(op, event);
            if !breaks.is_empty() {
                broken = Some((at, breaks));
                break;
            }
        }
        let mut unsupported = None;
        if let (None, End::Unsupported(reason)) = (&broken, &trace.end) {
            unsupported = Some(reason.clone());
            watch.evidence.fill(0);
        } else if broken.is_none()
            && let Some(why) = self.wrong_end(&watch.model, case, trace)
        {
            broken = Some((trace.events.len().min(case.ops.len()), no_answer::<M>(&why)));
        }
        Verdict { evidence: watch.evidence, broken, unsupported }
    }

    /// Judges a case while it runs, event by event.
    pub fn watch(&self, setup: &M::Setup) -> Watch<'_, M> {
        let model = M::model(&self.profile, setup);
        Watch { judge: self, model, evidence: vec![0; M::laws().len()] }
    }

    /// What is wrong with the way the trace ended.
    fn wrong_end(&self, model: &M::Model, case: &Case<M>, trace: &Trace<M>) -> Option<String> {
        match &trace.end {
            End::Mishap(what) => match case.ops.get(trace.events.len()) {
                Some(op) if M::may_abort(&self.profile, model, op) => None,
                _ => Some(what.clone()),
            },
            _ if trace.events.len() != case.ops.len() => Some(format!(
                "expected an event for each of {} ops, found {}",
                case.ops.len(),
                trace.events.len()
            )),
            _ => None,
        }
    }
}

impl<M: Mechanism> Before<M> {
    fn new(kind: M::Kind, places: &[usize]) -> Self {
        let mut before = Before { kind, steps: Vec::new(), reaches: Vec::new() };
        for &place in places {
            match M::laws()[place].check {
                Check::StepOf(kinds, _) | Check::ReachOf(kinds, _) if !kinds.contains(&kind) => {}
                Check::Step(check) | Check::StepOf(_, check) => before.steps.push((place, check)),
                Check::Reach(met) | Check::ReachOf(_, met) => before.reaches.push((place, met)),
                // The judge itself checks that there is an answer; the others come after it.
                Check::Answers | Check::Always(_) | Check::ReachAlways(_) => {}
            }
        }
        before
    }
}

impl<M: Mechanism> After<M> {
    fn new(places: &[usize]) -> Self {
        let mut after = After { always: Vec::new(), reaches: Vec::new() };
        for &place in places {
            match M::laws()[place].check {
                Check::Always(check) => after.always.push((place, check)),
                Check::ReachAlways(met) => after.reaches.push((place, met)),
                _ => {}
            }
        }
        after
    }
}

/// A case that is judged while it runs. Neither ops nor events are kept.
pub struct Watch<'j, M: Mechanism> {
    judge: &'j Judge<M>,
    model: M::Model,
    evidence: Vec<u32>,
}

impl<M: Mechanism> Watch<'_, M> {
    /// Judges one event, folds it into the memory, and returns the laws that it breaks: what comes
    /// after one that breaks any is not to be judged.
    ///
    /// # Panics
    ///
    /// When the op is of a kind that is not among [`Mechanism::KINDS`].
    pub fn step(&mut self, op: &M::Op, event: &M::Event) -> Vec<Break> {
        let Some(parts) = M::parts(op, event) else { return self.part(op, event) };
        let mut breaks = parts.iter().map(|(op, event)| self.part(op, event));
        breaks.find(|breaks| !breaks.is_empty()).unwrap_or_default()
    }

    fn part(&mut self, op: &M::Op, event: &M::Event) -> Vec<Break> {
        let (model, evidence) = (&mut self.model, &mut self.evidence);
        if let Err(why) = M::answers(model, op, event) {
            // The other laws can't read an answer of another kind.
            return vec![Break { law: M::laws()[0].id, why: Breach(why) }];
        }
        evidence[0] += 1;
        let kind = M::kind(op);
        let before = self.judge.before.iter().find(|before| before.kind == kind);
        let before = before.expect("every kind of op is among the kinds");
        let mut broken = Vec::new();
        let mut note = |place: usize, evidence: &mut u32, judgement| match judgement {
            Judgement::Silent => {}
            Judgement::Holds => *evidence += 1,
            Judgement::Broken(why) => broken.push(Break { law: M::laws()[place].id, why }),
        };
        for &(place, check) in &before.steps {
            note(place, &mut evidence[place], check(model, op, event));
        }
        for &(place, met) in &before.reaches {
            evidence[place] += u32::from(met(model, op, event));
        }
        M::record(model, op, event);
        for &(place, check) in &self.judge.after.always {
            note(place, &mut evidence[place], check(model));
        }
        for &(place, met) in &self.judge.after.reaches {
            evidence[place] += u32::from(met(model));
        }
        broken
    }

    /// What an op that was not answered, for this reason, breaks: nothing, where the profile says
    /// that it ends the case.
    pub fn not_answered(&self, op: &M::Op, why: &str) -> Vec<Break> {
        match M::may_abort(&self.judge.profile, &self.model, op) {
            true => Vec::new(),
            false => no_answer::<M>(why),
        }
    }

    /// Per law, in the order of [`Mechanism::laws`]: how many events were evidence.
    pub fn evidence(&self) -> &[u32] {
        &self.evidence
    }
}

/// What an implementation breaks that does not answer.
fn no_answer<M: Mechanism>(why: &str) -> Vec<Break> {
    let laws = M::laws().iter().filter(|law| matches!(law.check, Check::Answers));
    laws.map(|law| Break { law: law.id, why: Breach(why.into()) }).collect()
}

impl<M: Mechanism> std::fmt::Debug for Watch<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("judge", self.judge).finish_non_exhaustive()
    }
}

impl<M: Mechanism> std::fmt::Debug for Judge<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").field("profile", &self.profile).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::toy::{Event, Machine, Op, Toy, World, case};
    use super::super::{Subject, Trace};
    use super::*;

    fn judged(slots: u8, forgets: Option<u8>, ops: &[Op]) -> Verdict {
        let mut machine = Machine { slots, forgets };
        let case = case(slots, ops);
        let trace = machine.run(&case);
        Judge::<Toy>::new(World { slots }).judge(&case, &trace)
    }

    fn broken_laws(verdict: &Verdict) -> Vec<&'static str> {
        let broken = verdict.broken.iter().flat_map(|(_, broken)| broken);
        broken.map(|broken| broken.law.0).collect()
    }

    #[test]
    fn evidence_is_counted_per_law_and_skips_give_none() {
        let ops = [Op::Put { slot: 1, value: 2 }, Op::Sum {}, Op::Take { slot: 0 }, Op::Sum {}];
        let verdict = judged(4, None, &ops);
        assert_eq!((verdict.evidence, verdict.broken), (vec![4, 2, 4, 0, 0], None));
    }

    #[test]
    fn judging_stops_at_the_first_break() {
        let ops = [Op::Put { slot: 1, value: 2 }, Op::Sum {}, Op::Sum {}, Op::Take { slot: 1 }];
        let verdict = judged(4, Some(1), &ops);
        assert_eq!(broken_laws(&verdict), ["TOY-01"]);
        assert_eq!(verdict.broken.as_ref().map(|(at, _)| *at), Some(1));
        assert_eq!(verdict.evidence, [2, 0, 2, 0, 0], "nothing after the break counts");
    }

    #[test]
    fn every_law_broken_at_one_event_is_reported() {
        let put = |slot| Op::Put { slot, value: 1 };
        let ops = [put(0), put(1), Op::Take { slot: 1 }, put(1), put(2)];
        assert_eq!(broken_laws(&judged(4, None, &ops)), ["TOY-02"]);
        let evidence = judged(4, None, &ops[..4]).evidence;
        assert_eq!(evidence[3], 1, "one event met the situation");
        assert_eq!(evidence[4], 2, "the memory met it after two events");
    }

    #[test]
    fn a_law_that_does_not_apply_is_not_judged() {
        let put = |slot| Op::Put { slot, value: 1 };
        let verdict = judged(3, None, &[put(0), put(1), put(2)]);
        assert_eq!((verdict.broken, verdict.evidence[2]), (None, 0));
    }

    #[test]
    fn a_panic_breaks_law_00_at_its_op_unless_the_profile_allows_it() {
        let ops = [Op::Sum {}, Op::Crash {}, Op::Sum {}];
        let verdict = judged(4, None, &ops);
        assert_eq!(broken_laws(&verdict), ["TOY-00"]);
        let (at, broken) = verdict.broken.unwrap();
        assert_eq!((at, broken[0].why.0.as_str()), (1, "panicked: as told"));
        assert_eq!(judged(7, None, &ops).broken, None);
    }

    #[test]
    fn an_answer_of_the_wrong_kind_breaks_law_00_alone() {
        let judge = Judge::<Toy>::new(World { slots: 4 });
        let case = case(4, &[Op::Take { slot: 0 }, Op::Sum {}]);
        let events = vec![Event::Done {}, Event::Total { sum: 9 }];
        let verdict = judge.judge(&case, &Trace { events, end: End::Whole });
        assert_eq!(broken_laws(&verdict), ["TOY-00"]);
    }

    #[test]
    fn too_few_and_too_many_events_break_law_00() {
        let judge = Judge::<Toy>::new(World { slots: 4 });
        let total = Event::Total { sum: 0 };
        for events in [vec![], vec![total.clone(), total]] {
            let trace = Trace { events, end: End::Whole };
            let verdict = judge.judge(&case(4, &[Op::Sum {}]), &trace);
            assert_eq!(broken_laws(&verdict), ["TOY-00"], "{:?}", trace.events);
        }
    }

    #[test]
    fn a_case_that_is_not_supported_is_no_evidence() {
        let trace = Trace { events: vec![], end: End::Unsupported("too big".into()) };
        let verdict = Judge::<Toy>::new(World { slots: 4 }).judge(&case(4, &[Op::Sum {}]), &trace);
        assert_eq!(verdict.unsupported.as_deref(), Some("too big"));
        assert_eq!((verdict.evidence, verdict.broken), (vec![0; 5], None));
    }
}
