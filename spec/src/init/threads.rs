//! A runner of its own: several threads ask one loader at once, and the history is judged by the
//! same laws, over the same events.
//!
//! Its nouns: the *history* (what began and ended, in the order in which it did), a *span* (one op,
//! from when it was asked to when it was answered), and an *order* of the spans in which each ends
//! before the next begins. A history is legal when
//! - callbacks of one module never overlap (INIT-28),
//! - what is refused as busy overlaps an operation that moved its module (INIT-28, INIT-29), and
//! - some order of the other spans, in which none comes before one that had ended when it was
//!   asked, keeps every law (INIT-30 among them), and leaves what is left.
//!
//! It does not cover callbacks that ask for other modules than their own, nor which threads there
//! are: they are whoever runs the jobs, so that a scheduler that explores can.

use std::fmt::Write as _;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cases::{Act, Ending, Op, Script, Setup};
use super::contract::{Callback, Error, ModuleLoader, Profile, all_left, ask, link};
use super::model::{Answer, Call, Deed, Event, Left, Model};
use super::{Half, Init, ModuleId};
use crate::core::{Breach, Break, Case, End, Judge, LawId, Trace};

/// What several threads are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threads {
    /// The modules. Their callbacks ask for nothing but to load and unload their own module.
    pub setup: Setup,
    /// What each thread asks, in order: loads, unloads, gets and puts.
    pub ops: Vec<Vec<Op>>,
}

/// What several threads were seen to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// In the order in which it happened.
    pub marks: Vec<Mark>,
    /// What was left when all had ended.
    pub left: Vec<Left>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// In which thread.
    pub thread: usize,
    /// What.
    pub moment: Moment,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// An op is asked for.
    Asked(Op),
    /// A callback begins.
    Begins(Half, ModuleId, u8),
    /// The callback that began last in this thread did its next act.
    Did(Answer),
    /// The callback that began last in this thread ends.
    Ends,
    /// The op is answered.
    Answered(Answer),
}

/// How threads are told apart, and how one lets others go on.
#[derive(Debug, Clone, Copy)]
pub struct Yield {
    /// The number of the calling thread, as it was given to its job.
    pub thread: fn() -> usize,
    /// Lets others go on.
    pub pause: fn(),
}

impl Threads {
    /// Runs the threads on a loader without any module. `run` is given a job for each thread, with
    /// its number in front, runs them all at once and waits for them.
    ///
    /// # Errors
    ///
    /// When a callback is to ask for more than it may, a module can't be linked, or a thread did
    /// not end.
    pub fn run<L: ModuleLoader + Send + Sync + 'static>(
        &self,
        profile: &Profile,
        loader: L,
        how: Yield,
        run: impl FnOnce(Vec<Box<dyn FnOnce() + Send>>),
    ) -> Result<History, End> {
        self.check()?;
        let marks = Arc::new(Marks { how, all: Mutex::default() });
        link(&self.setup, &loader, |module, pair, half| {
            let plan = self.setup.module(module).pair(pair);
            let script = plan.and_then(|plan| plan.half(half)).cloned();
            marks.callback(half, module, pair, script.unwrap_or_default())
        })?;
        let loader = Arc::new(loader);
        let jobs = self.ops.iter().map(|ops| -> Box<dyn FnOnce() + Send> {
            let (ops, loader, marks) = (ops.clone(), Arc::clone(&loader), Arc::clone(&marks));
            Box::new(move || {
                for op in ops {
                    marks.note(Moment::Asked(op));
                    let answer = ask(&*loader, op);
                    marks.note(Moment::Answered(answer));
                }
            })
        });
        run(jobs.collect());
        let left = all_left(profile, &self.setup, &*loader);
        let all = std::mem::take(&mut *marks.all());
        let count = |of: fn(&Moment) -> bool| all.iter().filter(|mark| of(&mark.moment)).count();
        let asked = count(|moment| matches!(moment, Moment::Asked(_)));
        let answered = count(|moment| matches!(moment, Moment::Answered(_)));
        if asked != answered || asked != self.ops.iter().map(Vec::len).sum::<usize>() {
            return Err(End::Mishap(format!("{asked} ops were asked for, {answered} answered")));
        }
        Ok(History { marks: all, left })
    }

    fn check(&self) -> Result<(), End> {
        for (id, plan) in (0..).map(ModuleId).zip(&self.setup.modules) {
            for act in plan.acts() {
                if !matches!(act, Act::Load { module } | Act::Unload { module } if *module == id) {
                    let expected = format!("expected a callback of {id} to load or unload it");
                    return Err(End::Unsupported(format!("{expected}, found {act}")));
                }
            }
        }
        Ok(())
    }

    /// Whether the history keeps the laws.
    ///
    /// # Errors
    ///
    /// The laws that it breaks; where no order of the spans keeps all, those of the order that keeps
    /// them longest.
    pub fn judge(&self, profile: &Profile, history: &History) -> Result<(), Vec<Break>> {
        let spans = spans(history);
        no_overlap(history)?;
        let moves = |span: &&Span| span.moved();
        let moving: Vec<&Span> = spans.iter().filter(moves).collect();
        for span in spans.iter().filter(|span| span.is_busy()) {
            if !moving.iter().any(|other| other.module() == span.module() && other.overlaps(span)) {
                let why = format!("{} was refused as busy, and nothing moved its module", span.op);
                return Err(vec![broken("INIT-29", why)]);
            }
        }
        let rest: Vec<&Span> = spans.iter().filter(|span| !span.is_busy()).collect();
        let mut search = Search { threads: self, profile, history, longest: (0, Vec::new()) };
        if search.orders(&mut Vec::new(), &mut rest.clone()) {
            return Ok(());
        }
        // What the contract leaves open while a module moves has no place in an order.
        let open = |span: &&Span| {
            let mut met = moving.iter().filter(|other| other.module() == span.module());
            met.any(|other| other.overlaps(span) && span.is_open_during(&other.op))
        };
        let firm: Vec<&Span> = rest.into_iter().filter(|span| !open(span)).collect();
        if search.orders(&mut Vec::new(), &mut firm.clone()) {
            return Ok(());
        }
        Err(search.longest.1)
    }

    /// The history, one moment a line.
    pub fn tell(&self, history: &History) -> String {
        let mut text = format!("setup  {}\n", self.setup);
        for Mark { thread, moment } in &history.marks {
            let line = match moment {
                Moment::Asked(op) => format!("asks: {op}"),
                Moment::Begins(Half::Init, module, pair) => {
                    format!("  init {module}.{pair} begins")
                }
                Moment::Begins(Half::Exit, module, pair) => {
                    format!("  exit {module}.{pair} begins")
                }
                Moment::Did(answer) => format!("    is answered: {answer}"),
                Moment::Ends => "  ends".into(),
                Moment::Answered(answer) => format!("is answered: {answer}"),
            };
            let _ = writeln!(text, "thread {thread}  {line}");
        }
        text
    }
}

/// What was noted so far.
struct Marks {
    how: Yield,
    all: Mutex<Vec<Mark>>,
}

impl Marks {
    fn all(&self) -> MutexGuard<'_, Vec<Mark>> {
        // A callback that panics as it was told holds no lock.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, moment: Moment) {
        let thread = (self.how.thread)();
        self.all().push(Mark { thread, moment });
    }

    fn callback(
        self: &Arc<Self>,
        half: Half,
        module: ModuleId,
        pair: u8,
        script: Script,
    ) -> Callback {
        let marks = Arc::clone(self);
        Arc::new(move |loader| {
            marks.note(Moment::Begins(half, module, pair));
            (marks.how.pause)();
            for act in &script.acts {
                let op = match *act {
                    Act::Load { module } => Op::Load { module },
                    Act::Unload { module } => Op::Unload { module },
                    _ => unreachable!("`check` has seen the acts"),
                };
                marks.note(Moment::Did(ask(loader, op)));
            }
            marks.note(Moment::Ends);
            match script.end {
                Ending::Returns { code } => code,
                Ending::Panics {} => resume_unwind(Box::new("as told")),
            }
        })
    }
}

/// One op: when it was asked and answered, and what it called.
#[derive(Debug)]
struct Span {
    op: Op,
    from: usize,
    to: usize,
    calls: Vec<Call>,
    answer: Answer,
}

impl Span {
    fn module(&self) -> Option<ModuleId> {
        match self.op {
            Op::Load { module }
            | Op::Unload { module }
            | Op::Get { module }
            | Op::Put { module } => Some(module),
            Op::Boot {} | Op::Break { .. } | Op::Repair { .. } => None,
        }
    }

    fn overlaps(&self, other: &Span) -> bool {
        self.from < other.to && other.from < self.to
    }

    fn is_busy(&self) -> bool {
        self.answer == (Answer::Refused { error: Error::Busy })
    }

    /// Whether its module was coming or going meanwhile.
    fn moved(&self) -> bool {
        matches!(self.op, Op::Load { .. } | Op::Unload { .. })
            && !matches!(self.answer, Answer::Refused { .. })
    }

    /// Whether the contract leaves it open that this is answered while the other op moves its
    /// module: a get of what is coming may be granted, and who loads what moves may be told that it
    /// is there.
    fn is_open_during(&self, other: &Op) -> bool {
        match self.op {
            Op::Get { .. } => matches!(other, Op::Load { .. }),
            Op::Load { .. } => self.answer == (Answer::Refused { error: Error::AlreadyLoaded }),
            _ => false,
        }
    }
}

fn broken(law: &'static str, why: String) -> Break {
    Break { law: LawId(law), why: Breach(why) }
}

/// The ops, in the order in which they ended.
fn spans(history: &History) -> Vec<Span> {
    let mut open: Vec<(usize, Span)> = Vec::new();
    let mut done = Vec::new();
    for (at, Mark { thread, moment }) in history.marks.iter().enumerate() {
        let place = open.iter().position(|(other, _)| other == thread);
        match (moment, place) {
            (Moment::Asked(op), _) => {
                let answer = Answer::Done {};
                open.push((*thread, Span { op: *op, from: at, to: at, calls: vec![], answer }));
            }
            (Moment::Begins(half, module, pair), Some(place)) => {
                let (half, module, pair) = (*half, *module, *pair);
                open[place].1.calls.push(Call { half, module, pair, deeds: Vec::new() });
            }
            (Moment::Did(answer), Some(place)) => {
                if let Some(call) = open[place].1.calls.last_mut() {
                    call.deeds.push(Deed { calls: Vec::new(), answer: answer.clone() });
                }
            }
            (Moment::Answered(answer), Some(place)) => {
                let (_, mut span) = open.swap_remove(place);
                (span.to, span.answer) = (at, answer.clone());
                done.push(span);
            }
            (Moment::Ends | Moment::Begins(..) | Moment::Did(_) | Moment::Answered(_), _) => {}
        }
    }
    done
}

/// No callback of a module begins while another of it runs.
fn no_overlap(history: &History) -> Result<(), Vec<Break>> {
    let mut running: Vec<(usize, ModuleId, u8)> = Vec::new();
    for Mark { thread, moment } in &history.marks {
        match *moment {
            Moment::Begins(_, module, pair) => {
                if let Some((_, _, other)) = running.iter().find(|(_, other, _)| *other == module) {
                    let why = format!(
                        "a callback of {module}.{pair} began while one of {module}.{other} ran"
                    );
                    return Err(vec![broken("INIT-28", why)]);
                }
                running.push((*thread, module, pair));
            }
            Moment::Ends => {
                let last = running.iter().rposition(|(other, ..)| other == thread);
                if let Some(last) = last {
                    running.remove(last);
                }
            }
            Moment::Asked(_) | Moment::Did(_) | Moment::Answered(_) => {}
        }
    }
    Ok(())
}

/// The search for an order that keeps every law.
struct Search<'s> {
    threads: &'s Threads,
    profile: &'s Profile,
    history: &'s History,
    /// How many spans were in order where the laws broke latest, and what broke there.
    longest: (usize, Vec<Break>),
}

impl Search<'_> {
    /// Whether what was put in order so far can be continued by the rest.
    fn orders<'h>(&mut self, ordered: &mut Vec<&'h Span>, rest: &mut Vec<&'h Span>) -> bool {
        match self.keeps_laws(ordered, rest.is_empty()) {
            Err(broken) => {
                if ordered.len() > self.longest.0 {
                    self.longest = (ordered.len(), broken);
                }
                return false;
            }
            Ok(()) if rest.is_empty() => return true,
            Ok(()) => {}
        }
        for at in 0..rest.len() {
            let next = rest[at];
            if rest.iter().any(|other| other.to < next.from) {
                continue;
            }
            rest.remove(at);
            ordered.push(next);
            if self.orders(ordered, rest) {
                return true;
            }
            ordered.pop();
            rest.insert(at, next);
        }
        false
    }

    /// Judges an order as if it were the trace of one thread; what is left between its ops nobody
    /// saw, and what is left at its end everybody did.
    fn keeps_laws(&self, ordered: &[&Span], whole: bool) -> Result<(), Vec<Break>> {
        let setup = &self.threads.setup;
        let mut model = Model::new(self.profile, setup);
        let mut events = Vec::with_capacity(ordered.len());
        for (at, span) in ordered.iter().enumerate() {
            let (calls, answer) = (span.calls.clone(), span.answer.clone());
            let mut event = Event::Done { calls, answer, left: Vec::new() };
            model.record(&span.op, &event);
            if let Event::Done { left, .. } = &mut event {
                let last = whole && at + 1 == ordered.len();
                *left = if last { self.history.left.clone() } else { model.expected_left() };
            }
            events.push(event);
        }
        let ops = ordered.iter().map(|span| span.op).collect();
        let case = Case::<Init> { setup: setup.clone(), ops };
        let trace = Trace { events, end: End::Whole };
        let verdict = Judge::new(self.profile.clone()).judge(&case, &trace);
        verdict.broken.map_or(Ok(()), |(_, broken)| Err(broken))
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::{ModulePlan, PairPlan};
    use super::super::{Priority, State};
    use super::*;

    const M0: ModuleId = ModuleId(0);
    const M1: ModuleId = ModuleId(1);

    fn profile() -> Profile {
        Profile { references: true, reentrant: true, ..Profile::default() }
    }

    /// Two modules of one pair each, and these marks: whatever the threads are told is in them.
    fn judged(marks: &[(usize, Moment)], states: [State; 2]) -> Vec<&'static str> {
        judged_when(Ending::OK, marks, states)
    }

    /// The same, when the inits end so.
    fn judged_when(
        end: Ending,
        marks: &[(usize, Moment)],
        states: [State; 2],
    ) -> Vec<&'static str> {
        let pair = PairPlan {
            priority: Priority::DEVICE,
            init: Some(Script { acts: Vec::new(), end }),
            exit: Some(Script::default()),
            blacklisted: false,
        };
        let module = ModulePlan { pairs: vec![pair], ..ModulePlan::default() };
        let setup = Setup { modules: vec![module.clone(), module], twin: None };
        let threads = Threads { setup, ops: Vec::new() };
        let marks = marks.iter().cloned().map(|(thread, moment)| Mark { thread, moment });
        let left = states.map(|state| Left { state, references: 0, entries: Vec::new() });
        let history = History { marks: marks.collect(), left: left.to_vec() };
        let verdict = threads.judge(&profile(), &history);
        verdict.err().unwrap_or_default().iter().map(|broken| broken.law.0).collect()
    }

    const LOAD: Moment = Moment::Asked(Op::Load { module: M0 });
    const UNLOAD: Moment = Moment::Asked(Op::Unload { module: M0 });
    const INIT: Moment = Moment::Begins(Half::Init, M0, 0);
    const EXIT: Moment = Moment::Begins(Half::Exit, M0, 0);
    const ENDS: Moment = Moment::Ends;
    const LOADED: Moment = Moment::Answered(Answer::Loaded {});
    const UNLOADED: Moment = Moment::Answered(Answer::Unloaded { exits: Vec::new() });
    const BUSY: Moment = Moment::Answered(Answer::Refused { error: Error::Busy });
    const ABSENT: Moment = Moment::Answered(Answer::Refused { error: Error::NotLoaded });

    #[test]
    fn an_unload_that_waits_for_its_moment_keeps_the_laws() {
        // Asked for before the load began, and done after it.
        let marks = [
            (1, UNLOAD),
            (0, LOAD),
            (0, INIT),
            (0, ENDS),
            (1, EXIT),
            (1, ENDS),
            (1, UNLOADED),
            (0, LOADED),
        ];
        assert!(judged(&marks, [State::Unloaded; 2]).is_empty());
        assert_eq!(judged(&marks, [State::Live, State::Unloaded]), ["INIT-38"]);
    }

    #[test]
    fn an_unload_meanwhile_is_refused_as_busy_and_one_before_as_not_loaded() {
        let meanwhile =
            |answer| [(0, LOAD), (0, INIT), (1, UNLOAD), (1, answer), (0, ENDS), (0, LOADED)];
        let live = [State::Live, State::Unloaded];
        assert!(judged(&meanwhile(BUSY), live).is_empty());
        assert!(judged(&meanwhile(ABSENT), live).is_empty());
        // What had ended before the unload was asked for can't come after it.
        let later = [(0, LOAD), (0, INIT), (0, ENDS), (0, LOADED), (1, UNLOAD), (1, ABSENT)];
        assert_eq!(judged(&later, live), ["INIT-38"]);
    }

    #[test]
    fn busy_without_anything_that_moves_breaks_init_29() {
        assert_eq!(judged(&[(0, LOAD), (0, BUSY)], [State::Unloaded; 2]), ["INIT-29"]);
        let other = Moment::Asked(Op::Load { module: M1 });
        let marks = [(0, LOAD), (0, INIT), (1, other), (1, BUSY), (0, ENDS), (0, LOADED)];
        assert_eq!(judged(&marks, [State::Live, State::Unloaded]), ["INIT-29"]);
    }

    #[test]
    fn a_reference_may_be_granted_while_a_module_comes_and_not_while_it_goes() {
        let get = Moment::Asked(Op::Get { module: M0 });
        let granted = Moment::Answered(Answer::Done {});
        let load = [(0, LOAD), (0, INIT), (0, ENDS), (0, LOADED)];
        let going = [(0, UNLOAD), (0, EXIT), (1, get.clone()), (1, granted.clone()), (0, ENDS)];
        let marks = [&load[..], &going, &[(0, UNLOADED)]].concat();
        assert_eq!(judged(&marks, [State::Unloaded; 2]), ["INIT-20", "INIT-38"]);
        // A load that fails has dropped what was granted meanwhile.
        let (code, exits) = (-5, Vec::new());
        let failed = Answer::Failed { failure: super::super::Failure::Code { code }, exits };
        let coming = [(0, LOAD), (0, INIT), (1, get), (1, granted), (0, ENDS)];
        let marks = [&coming[..], &[(0, Moment::Answered(failed))]].concat();
        assert!(judged_when(Ending::Returns { code }, &marks, [State::Unloaded; 2]).is_empty());
    }

    #[test]
    fn two_callbacks_at_once_break_init_28() {
        let marks = [(0, LOAD), (1, LOAD), (0, INIT), (1, INIT), (0, ENDS), (1, ENDS)];
        assert_eq!(judged(&marks, [State::Live, State::Unloaded]), ["INIT-28"]);
    }

    #[test]
    fn a_call_of_another_module_breaks_init_30() {
        let stranger = Moment::Begins(Half::Exit, M1, 0);
        let marks = [(0, LOAD), (0, INIT), (0, ENDS), (0, stranger), (0, ENDS), (0, LOADED)];
        assert!(judged(&marks, [State::Live, State::Unloaded]).contains(&"INIT-30"));
    }
}
