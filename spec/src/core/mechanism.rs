//! What a mechanism is to the core, and the one port by which implementations are run.

use std::fmt::Debug;
use std::ops::ControlFlow;

use arbitrary::Unstructured;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Case, End, Law, Pictures, Trace};

/// What every part of a case and a trace is: plain data with a JSON form.
///
/// In JSON, enums with fields are externally tagged struct variants, and every struct denies
/// unknown fields, so that a typo can't hide.
pub trait Data:
    Clone + PartialEq + Debug + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static
{
}

impl<T> Data for T where
    T: Clone
        + PartialEq
        + Debug
        + Serialize
        + DeserializeOwned
        + JsonSchema
        + Send
        + Sync
        + 'static
{
}

/// One kind of op: what the generator chooses between, and what reports count.
#[derive(Debug, Clone, Copy)]
pub struct KindOf<K> {
    /// The mechanism's own tag.
    pub kind: K,
    /// Its name in reports and in JSON: snake_case.
    pub name: &'static str,
    /// How often it is drawn, beside the weights of the others; they add up to at most 256.
    pub weight: u8,
    /// Whether a case without it would be empty talk: a swarm mask never turns it off.
    pub producer: bool,
}

/// How an op ended, for the rates that reports show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, or part of it was.
    Refused,
    /// Its slot did not allow it.
    Skipped,
}

/// A mechanism: its vocabulary, its generator, its memory and its laws.
///
/// The rooms of a mechanism's folder say where each part is written.
pub trait Mechanism: Sized + 'static {
    /// The name on the command line, in files and of every folder.
    const NAME: &'static str;
    /// What it is, in a few words.
    const TITLE: &'static str;
    /// How many random cases a check judges by default: every situation of `Check::Reach` is
    /// expected 20 times in as many.
    const CASES: u64;
    /// From how many bytes a campaign draws a case.
    const DRAW_BYTES: usize;
    /// The longest case, in ops: limits of which each case draws one. Most cases are short, and a
    /// share has 256.
    const LENGTHS: &'static [u16];
    /// The kinds of op.
    const KINDS: &'static [KindOf<Self::Kind>];

    /// The tag of a kind of op.
    type Kind: Copy + Eq + Debug + Send + Sync + 'static;
    /// What an implementation says of itself: what it can do, which legal choices it makes.
    type Profile: Data;
    /// The world of one case.
    type Setup: Data;
    /// One thing that a case asks.
    type Op: Data;
    /// What was seen while one op was done.
    type Event: Data;
    /// What the generator guesses while it draws.
    type Draft: Default;
    /// Ghost state, folded from ops and events. It remembers, it never judges.
    type Model;

    /// The laws, in the order of their ids; law 00 is the first.
    fn laws() -> &'static [Law<Self>];

    /// The kind of an op.
    fn kind(op: &Self::Op) -> Self::Kind;

    /// How an op ended.
    fn outcome(event: &Self::Event) -> Outcome;

    /// Draws the world of a case.
    ///
    /// # Errors
    ///
    /// When `u` refuses to give more bytes.
    fn draw_setup(
        u: &mut Unstructured<'_>,
        profile: &Self::Profile,
    ) -> arbitrary::Result<Self::Setup>;

    /// The greatest world that can be asked for, and in what it is counted; none where worlds are
    /// all of one size.
    const LARGEST: Option<(u64, &'static str)> = None;

    /// Draws a world of about this size, which is at most the greatest.
    ///
    /// # Errors
    ///
    /// When `u` refuses to give more bytes.
    fn draw_setup_of(
        u: &mut Unstructured<'_>,
        profile: &Self::Profile,
        _size: u64,
    ) -> arbitrary::Result<Self::Setup> {
        Self::draw_setup(u, profile)
    }

    /// Draws one op of a kind. It may answer with another kind where that one makes no sense.
    ///
    /// # Errors
    ///
    /// When `u` refuses to give more bytes.
    fn draw_op(
        u: &mut Unstructured<'_>,
        kind: Self::Kind,
        setup: &Self::Setup,
        profile: &Self::Profile,
        draft: &mut Self::Draft,
    ) -> arbitrary::Result<Self::Op>;

    /// Whether a profile makes sense: what it offers exists, and no list is empty.
    ///
    /// # Errors
    ///
    /// What was expected and what came.
    fn check_profile(profile: &Self::Profile) -> Result<(), String>;

    /// Whether a case is one for an implementation with this profile, which makes sense.
    ///
    /// # Errors
    ///
    /// The reason why it is not, with the op where there is one.
    fn admits(profile: &Self::Profile, case: &Case<Self>) -> Result<(), String>;

    /// Cases a little simpler than this one, the greatest simplification first: simpler setups,
    /// simpler ops, slots renamed over the whole case. Every chain of them ends.
    fn simpler(case: &Case<Self>) -> Vec<Case<Self>>;

    /// The exhaustive small tier.
    fn small(profile: &Self::Profile) -> Box<dyn Iterator<Item = Case<Self>>>;

    /// Cases that test nothing but the slots: ops that are skipped because of them, and ops that are
    /// not. Whoever writes an implementation in another language writes a slot table too, and these
    /// are judged before any other. None where ops have no slots, or the profile knows none.
    fn slots(_profile: &Self::Profile) -> Vec<Case<Self>> {
        Vec::new()
    }

    /// The memory before the first op.
    fn model(profile: &Self::Profile, setup: &Self::Setup) -> Self::Model;

    /// Folds one op and its event into the memory.
    fn record(model: &mut Self::Model, op: &Self::Op, event: &Self::Event);

    /// Whether the event answers the op: skipped exactly when its slot requires it, the right
    /// kind of answer, of the right size.
    ///
    /// # Errors
    ///
    /// What was expected and what came.
    fn answers(model: &Self::Model, op: &Self::Op, event: &Self::Event) -> Result<(), String>;

    /// The ops that an op stands for, each with what was seen of it: they are judged one after the
    /// other, as if the case had them. None where an op stands for itself, and where the event is not
    /// one of so many.
    fn parts(_op: &Self::Op, _event: &Self::Event) -> Option<Vec<(Self::Op, Self::Event)>> {
        None
    }

    /// Whether the implementation may end the case, by a panic or an exit, rather than answer
    /// this op, because its profile says so.
    fn may_abort(_profile: &Self::Profile, _model: &Self::Model, _op: &Self::Op) -> bool {
        false
    }

    /// How cases are drawn; none where their stories are enough.
    const PICTURES: Option<Pictures<Self>> = None;

    /// The world of a case, in one line of a story.
    fn tell_setup(setup: &Self::Setup) -> String;

    /// An op, in one line of a story.
    fn tell_op(op: &Self::Op) -> String;

    /// An event, in one line of a story.
    fn tell_event(event: &Self::Event) -> String;
}

/// Who hears of each op of a case and its event, and says when it has heard enough.
pub type Tell<'t, M> =
    dyn FnMut(&<M as Mechanism>::Op, &<M as Mechanism>::Event) -> ControlFlow<()> + 't;

/// The one port of an implementation: the driver over a mechanism's Rust trait, an adapter
/// process, and a recording are all subjects.
pub trait Subject<M: Mechanism> {
    /// What the implementation says of itself.
    fn profile(&self) -> M::Profile;

    /// Runs one case from a fresh world. It does not panic: what goes wrong is the trace's end.
    fn run(&mut self, case: &Case<M>) -> Trace<M>;

    /// Offers a case that it will be asked to run after those that it took before; returns whether
    /// it takes it, so that one in another process has it while an earlier one is judged.
    ///
    /// By default it takes none.
    fn announce(&mut self, _case: &Case<M>) -> bool {
        false
    }

    /// Runs a case of which neither the ops nor the events are kept: each is told as soon as it is
    /// done, until the ops end or `tell` has heard enough. It does not panic.
    ///
    /// By default both are kept until the end all the same.
    fn stream(
        &mut self,
        setup: &M::Setup,
        ops: &mut dyn Iterator<Item = M::Op>,
        tell: &mut Tell<'_, M>,
    ) -> End {
        let case = Case { setup: setup.clone(), ops: ops.collect() };
        let trace = self.run(&case);
        for (op, event) in case.ops.iter().zip(&trace.events) {
            if tell(op, event).is_break() {
                return End::Whole;
            }
        }
        trace.end
    }
}

impl<M: Mechanism, S: Subject<M> + ?Sized> Subject<M> for Box<S> {
    fn profile(&self) -> M::Profile {
        (**self).profile()
    }

    fn run(&mut self, case: &Case<M>) -> Trace<M> {
        (**self).run(case)
    }

    fn announce(&mut self, case: &Case<M>) -> bool {
        (**self).announce(case)
    }

    fn stream(
        &mut self,
        setup: &M::Setup,
        ops: &mut dyn Iterator<Item = M::Op>,
        tell: &mut Tell<'_, M>,
    ) -> End {
        (**self).stream(setup, ops, tell)
    }
}
