//! Many cases on one implementation: drawn, run, judged and counted, on several threads.
//!
//! A *worker* is one thread with a subject of its own. Workers take case numbers from common
//! counters and never stop early, so that what is found depends on the plan alone.
//! It does not cover what the counts mean: that is the report's.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arbitrary::Unstructured;
use lawbook_spec::core::{
    Break, Case, End, Judge, LawId, Mechanism, Outcome, Shrinker, Subject, Trace, draw_case_of,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::ahead;
use crate::long::LongCase;
use crate::plan::{Budget, CaseNumber, Length, Plan, Seed, Tier};
use crate::quiet;

/// Makes a subject, or says in one line why it can't run; each worker has its own.
pub(crate) type Open<'a, M> = dyn Fn() -> Result<Box<dyn Subject<M>>, String> + Sync + 'a;

/// Who is told how far a campaign is.
pub(crate) trait Progress: Sync {
    /// It begins, with so many random cases where that is known.
    fn begin(&self, random_cases: Option<u64>);

    /// A case of this tier is done.
    fn step(&self, tier: Tier);
}

/// Nobody.
impl Progress for () {
    fn begin(&self, _random_cases: Option<u64>) {}

    fn step(&self, _tier: Tier) {}
}

/// What a campaign found.
pub(crate) struct Findings<M: Mechanism> {
    /// The judge, with the profile that it judged by.
    pub(crate) judge: Judge<M>,
    /// What was counted.
    pub(crate) tally: Tally<M>,
    /// How many random cases all shards together have, when they come as far as this one.
    pub(crate) random_cases: u64,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

/// What one worker counts, or several together. Vectors are in the order of the laws or kinds.
pub(crate) struct Tally<M: Mechanism> {
    /// The cases that were run, of both tiers.
    pub(crate) cases: u64,
    /// Those of the random tier.
    pub(crate) random: u64,
    /// Those that the implementation could not run.
    pub(crate) unsupported: u64,
    /// Why the first of them was not run.
    pub(crate) unsupported_why: Option<(CaseNumber, String)>,
    /// Per law: how many events were evidence.
    pub(crate) evidence: Vec<u64>,
    /// Per law: its first break.
    pub(crate) breaks: Vec<Option<Found<M>>>,
    /// Per kind of op.
    pub(crate) kinds: Vec<KindCount>,
}

/// How often a kind of op was done, and how it ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KindCount {
    pub(crate) ops: u64,
    pub(crate) skipped: u64,
    pub(crate) refused: u64,
}

/// A case that breaks a law.
pub(crate) struct Found<M: Mechanism> {
    /// Its number; of the case that it was made from, when it was made smaller.
    pub(crate) number: CaseNumber,
    /// When it was found, from the beginning of the campaign.
    pub(crate) after: Duration,
    /// How many cases the worker had run then, this one included.
    #[cfg(feature = "command")]
    pub(crate) cases: u64,
    /// The case.
    pub(crate) case: Case<M>,
    /// What the implementation did.
    pub(crate) trace: Trace<M>,
    /// The index of the op at which the law is broken.
    pub(crate) at: usize,
    /// What is wrong.
    pub(crate) why: String,
}

/// Case `index` of the random tier, for implementations with this profile; in a world of about this
/// size, where one is asked for.
///
/// # Panics
///
/// When the bytes that the mechanism asks for do not suffice for a setup.
pub fn random_case<M: Mechanism>(
    seed: Seed,
    index: u64,
    profile: &M::Profile,
    size: Option<u64>,
) -> Case<M> {
    let (bytes, _) = bytes_of::<M>(seed, index);
    draw_case_of(&mut Unstructured::new(&bytes), profile, size)
        .expect("DRAW_BYTES suffice for a setup")
}

/// The bytes that case `index` is drawn from, or the world of one that goes on drawing from what is
/// behind them.
pub(crate) fn bytes_of<M: Mechanism>(seed: Seed, index: u64) -> (Vec<u8>, ChaCha8Rng) {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.0.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    let mut bytes = vec![0; M::DRAW_BYTES];
    rng.fill_bytes(&mut bytes);
    (bytes, rng)
}

/// Runs a campaign.
///
/// # Errors
///
/// When the implementation can't be opened.
///
/// # Panics
///
/// When its profile makes no sense.
pub(crate) fn run<M: Mechanism>(
    open: &Open<'_, M>,
    plan: &Plan,
    progress: &dyn Progress,
) -> Result<Findings<M>, String> {
    let profile = open()?.profile();
    if let Err(why) = M::check_profile(&profile) {
        panic!("the profile of the implementation makes no sense: {why}");
    }
    let judge = Judge::new(profile);
    let course = Course {
        plan,
        judge: &judge,
        progress,
        start: Instant::now(),
        small_taken: AtomicU64::new(0),
        random_taken: AtomicU64::new(0),
    };
    progress.begin(course.random_places());
    let tallies = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..plan.jobs.get()).map(|_| scope.spawn(|| Ok(course.work(&mut *open()?)))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect::<Result<Vec<Tally<M>>, String>>()
    })?;
    let mut tally = Tally::new();
    for part in tallies {
        tally.add(part);
    }
    Ok(Findings {
        random_cases: plan.part().total(tally.random),
        elapsed: course.start.elapsed(),
        judge,
        tally,
    })
}

/// Judges the cases that test nothing but the slots; what comes of them is kept only when an answer
/// is one that its slot does not allow, since nothing else can be judged then.
///
/// # Errors
///
/// When the implementation can't be opened.
#[cfg(feature = "command")]
pub(crate) fn slots<M: Mechanism>(
    open: &Open<'_, M>,
    plan: &Plan,
) -> Result<Option<Findings<M>>, String> {
    let mut subject = open()?;
    let judge = Judge::new(subject.profile());
    let start = Instant::now();
    let mut tally = Tally::new();
    for (index, case) in (0..).zip(M::slots(judge.profile())) {
        let number = CaseNumber { tier: Tier::Slots, index };
        tally.judge(&mut *subject, &judge, number, case, start);
        if tally.breaks[0].is_some() {
            break;
        }
    }
    let random_cases = match plan.length {
        Length::Cases(cases) => cases,
        Length::Default | Length::Time(_) => M::CASES,
    };
    let broken = tally.breaks[0].as_ref();
    let is_of_slots = broken.is_some_and(|found| {
        found.trace.end == End::Whole && found.trace.events.len() == found.case.ops.len()
    });
    Ok(is_of_slots.then(|| Findings { judge, tally, random_cases, elapsed: start.elapsed() }))
}

/// Judges cases that a subject brings itself, each with its number, in their order and on one thread.
///
/// # Errors
///
/// Those of `next`.
#[cfg(feature = "command")]
pub(crate) fn follow<M: Mechanism, S: Subject<M>, E>(
    subject: &mut S,
    next: impl Fn(&mut S) -> Result<Option<(u64, Case<M>)>, E>,
    progress: &dyn Progress,
) -> Result<Findings<M>, E> {
    let judge = Judge::new(subject.profile());
    let start = Instant::now();
    let mut tally = Tally::new();
    progress.begin(None);
    while let Some((index, case)) = next(subject)? {
        let number = CaseNumber { tier: Tier::Recorded, index };
        tally.judge(subject, &judge, number, case, start);
        progress.step(number.tier);
    }
    Ok(Findings { judge, tally, random_cases: 0, elapsed: start.elapsed() })
}

/// Looks for a break of `law` on one thread: in the first `least` random cases, all of which are
/// run, then in the small tier, then in the random cases up to `most`.
#[cfg(feature = "command")]
pub(crate) fn hunt<M: Mechanism>(
    subject: &mut dyn Subject<M>,
    judge: &Judge<M>,
    law: LawId,
    seed: Seed,
    (least, most): (u64, u64),
) -> Tally<M> {
    let start = Instant::now();
    let at = law_index::<M>(law);
    let profile = judge.profile();
    let small = (0..).zip(M::small(profile)).map(|(index, case)| {
        let tier = Tier::Small;
        (CaseNumber { tier, index }, case)
    });
    let random = |index| {
        let tier = Tier::Random;
        (CaseNumber { tier, index }, random_case(seed, index, profile, None))
    };
    let cases = (0..least).map(random).chain(small).chain((least..most).map(random));
    let mut tally = Tally::new();
    ahead::each(subject, cases, |subject, number, case| {
        tally.judge(subject, judge, number, case, start);
        match tally.cases >= least && at.is_some_and(|at| tally.breaks[at].is_some()) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    tally
}

/// Makes a broken case smaller while the same law stays among those that it breaks.
pub(crate) fn shrink<M: Mechanism>(
    subject: &mut dyn Subject<M>,
    judge: &Judge<M>,
    law: LawId,
    mut found: Found<M>,
    budget: Budget,
) -> Found<M> {
    let start = Instant::now();
    let mut shrinker = Shrinker::new(judge.profile().clone(), found.case.clone());
    for _ in 0..budget.tries {
        if start.elapsed() >= budget.time {
            break;
        }
        let Some(case) = shrinker.next() else { break };
        let trace = quiet::run(subject, &case);
        let broken = judge.judge(&case, &trace).broken;
        let same = broken.and_then(|(at, broken)| {
            let same = broken.into_iter().find(|broken| broken.law == law)?;
            Some((at, same.why.0))
        });
        shrinker.tell(same.is_some());
        if let Some((at, why)) = same {
            found = Found { case, trace, at, why, ..found };
        }
    }
    found
}

/// The place of a law among those of its mechanism.
pub(crate) fn law_index<M: Mechanism>(law: LawId) -> Option<usize> {
    M::laws().iter().position(|known| known.id == law)
}

/// What all workers of a campaign have in common.
struct Course<'a, M: Mechanism> {
    plan: &'a Plan,
    judge: &'a Judge<M>,
    progress: &'a dyn Progress,
    start: Instant,
    /// How many places of each tier are taken by a worker.
    small_taken: AtomicU64,
    random_taken: AtomicU64,
}

impl<M: Mechanism> Course<'_, M> {
    /// One worker, from its first case to its last.
    fn work(&self, subject: &mut dyn Subject<M>) -> Tally<M> {
        let mut tally = Tally::new();
        if self.plan.tier.has_small() {
            self.work_small(subject, &mut tally);
        }
        if self.plan.tier.has_random() {
            self.work_random(subject, &mut tally);
        }
        tally
    }

    /// Every worker enumerates the small tier for itself, and runs the cases that it took.
    fn work_small(&self, subject: &mut dyn Subject<M>, tally: &mut Tally<M>) {
        let mut small = M::small(self.judge.profile());
        let mut next = 0;
        let cases = std::iter::from_fn(|| {
            let place = self.small_taken.fetch_add(1, Ordering::Relaxed);
            let index = self.plan.part().case(place);
            let case = small.nth(usize::try_from(index - next).unwrap_or(usize::MAX))?;
            next = index + 1;
            Some((CaseNumber { tier: Tier::Small, index }, case))
        });
        ahead::each(subject, cases, |subject, number, case| {
            tally.judge(subject, self.judge, number, case, self.start);
            self.progress.step(Tier::Small);
            ControlFlow::Continue(())
        });
    }

    fn work_random(&self, subject: &mut dyn Subject<M>, tally: &mut Tally<M>) {
        let Plan { seed, size, ops, .. } = *self.plan;
        let profile = self.judge.profile();
        if let Some(ops) = ops {
            for number in self.random_numbers() {
                let case = || LongCase::new(seed, number.index, profile, size, ops);
                tally.judge_long(subject, self.judge, number, case, self.start);
                tally.random += 1;
                self.progress.step(Tier::Random);
            }
            return;
        }
        let numbers = self.random_numbers();
        let cases = numbers.map(|number| (number, random_case(seed, number.index, profile, size)));
        ahead::each(subject, cases, |subject, number, case| {
            tally.judge(subject, self.judge, number, case, self.start);
            tally.random += 1;
            self.progress.step(Tier::Random);
            ControlFlow::Continue(())
        });
    }

    /// The random cases of one worker. A place once taken is run, so that the places run are always
    /// the first ones.
    fn random_numbers(&self) -> impl Iterator<Item = CaseNumber> {
        let places = self.random_places().unwrap_or(u64::MAX);
        std::iter::from_fn(move || {
            if !self.has_time() {
                return None;
            }
            let place = self.random_taken.fetch_add(1, Ordering::Relaxed);
            let index = self.plan.part().case(place);
            (place < places).then_some(CaseNumber { tier: Tier::Random, index })
        })
    }

    /// How many random cases this shard has; `None` when time decides.
    fn random_places(&self) -> Option<u64> {
        let cases = match self.plan.length {
            _ if !self.plan.tier.has_random() => 0,
            Length::Default => M::CASES,
            Length::Cases(cases) => cases,
            Length::Time(_) => return None,
        };
        Some(self.plan.part().places(cases))
    }

    fn has_time(&self) -> bool {
        match self.plan.length {
            Length::Time(time) => self.start.elapsed() < time,
            _ => true,
        }
    }
}

impl<M: Mechanism> Tally<M> {
    fn new() -> Self {
        Tally {
            cases: 0,
            random: 0,
            unsupported: 0,
            unsupported_why: None,
            evidence: vec![0; M::laws().len()],
            breaks: M::laws().iter().map(|_| None).collect(),
            kinds: vec![KindCount::default(); M::KINDS.len()],
        }
    }

    /// Runs and judges one case, and counts what came of it.
    fn judge(
        &mut self,
        subject: &mut dyn Subject<M>,
        judge: &Judge<M>,
        number: CaseNumber,
        case: Case<M>,
        start: Instant,
    ) {
        let trace = quiet::run(subject, &case);
        let verdict = judge.judge(&case, &trace);
        self.cases += 1;
        if let Some(why) = verdict.unsupported {
            self.unsupported += 1;
            self.unsupported_why.get_or_insert((number, why));
            return;
        }
        for (sum, more) in self.evidence.iter_mut().zip(&verdict.evidence) {
            *sum += u64::from(*more);
        }
        for (op, event) in case.ops.iter().zip(&trace.events) {
            self.count_kind(op, event);
        }
        if let Some((at, broken)) = verdict.broken {
            self.note_breaks(broken, at, number, start, || (case, trace));
        }
    }

    /// The same for a case of which nothing is kept: what broke is drawn and run again.
    fn judge_long<'p>(
        &mut self,
        subject: &mut dyn Subject<M>,
        judge: &Judge<M>,
        number: CaseNumber,
        make: impl Fn() -> LongCase<'p, M>,
        start: Instant,
    ) {
        let mut case = make();
        let setup = case.setup.clone();
        let mut watch = judge.watch(&setup);
        let (mut at, mut last) = (0, None);
        let mut broken = Vec::new();
        let mut ops = case.by_ref().inspect(|op| last = Some(op.clone()));
        let end = quiet::stream(subject, &setup, &mut ops, &mut |op, event| {
            self.count_kind(op, event);
            broken = watch.step(op, event);
            if !broken.is_empty() {
                return ControlFlow::Break(());
            }
            at += 1;
            ControlFlow::Continue(())
        });
        self.cases += 1;
        match (end, last) {
            (End::Unsupported(why), _) => {
                self.unsupported += 1;
                self.unsupported_why.get_or_insert((number, why));
                return;
            }
            (End::Mishap(why), Some(op)) if broken.is_empty() => {
                broken = watch.not_answered(&op, &why);
            }
            _ => {}
        }
        for (sum, more) in self.evidence.iter_mut().zip(watch.evidence()) {
            *sum += u64::from(*more);
        }
        if !broken.is_empty() {
            self.note_breaks(broken, at, number, start, || {
                let case = Case { setup, ops: make().take(at + 1).collect() };
                let trace = quiet::run(subject, &case);
                (case, trace)
            });
        }
    }

    /// Keeps the laws that a case is the first one to break; of recorded cases, the one to break them
    /// at the earliest op.
    fn note_breaks(
        &mut self,
        broken: Vec<Break>,
        at: usize,
        number: CaseNumber,
        start: Instant,
        case: impl FnOnce() -> (Case<M>, Trace<M>),
    ) {
        let index = |law| law_index::<M>(law).expect("only laws of the mechanism are judged");
        // What was recorded can't be made smaller: the shortest story is kept.
        let is_shorter = |found: &Found<M>| number.tier == Tier::Recorded && at < found.at;
        let is_kept =
            |broken: &Break| self.breaks[index(broken.law)].as_ref().is_none_or(is_shorter);
        let first: Vec<Break> = broken.into_iter().filter(is_kept).collect();
        if first.is_empty() {
            return;
        }
        let (case, trace) = case();
        for broken in first {
            self.breaks[index(broken.law)] = Some(Found {
                number,
                after: start.elapsed(),
                #[cfg(feature = "command")]
                cases: self.cases,
                case: case.clone(),
                trace: trace.clone(),
                at,
                why: broken.why.0,
            });
        }
    }

    fn count_kind(&mut self, op: &M::Op, event: &M::Event) {
        let kind = M::kind(op);
        let Some(index) = M::KINDS.iter().position(|known| known.kind == kind) else { return };
        let count = &mut self.kinds[index];
        count.ops += 1;
        match M::outcome(event) {
            Outcome::Done => {}
            Outcome::Refused => count.refused += 1,
            Outcome::Skipped => count.skipped += 1,
        }
    }

    /// Adds what another worker counted; of each first break, the one of the lower number stays.
    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.random += other.random;
        self.unsupported += other.unsupported;
        if let Some(why) = other.unsupported_why
            && self.unsupported_why.as_ref().is_none_or(|first| why < *first)
        {
            self.unsupported_why = Some(why);
        }
        for (sum, more) in self.evidence.iter_mut().zip(other.evidence) {
            *sum += more;
        }
        for (first, found) in self.breaks.iter_mut().zip(other.breaks) {
            if let Some(found) = found
                && first.as_ref().is_none_or(|first| found.number < first.number)
            {
                *first = Some(found);
            }
        }
        for (sum, more) in self.kinds.iter_mut().zip(other.kinds) {
            sum.ops += more.ops;
            sum.skipped += more.skipped;
            sum.refused += more.refused;
        }
    }
}
