//! Laws as values.

use std::fmt;

use super::Mechanism;

/// The name of a law: stable, never reused, never renumbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LawId(pub &'static str);

impl fmt::Display for LawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// How binding a law is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A break is an error.
    Must,
    /// A break is a weakness.
    Should,
}

/// Where a law comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Somebody's work, and the place in it.
    Work {
        /// The work: a standard, an article, a kernel.
        work: &'static str,
        /// Section, line, commit or message.
        place: &'static str,
    },
    /// We made it up.
    Ours {
        /// Why it ought to be so.
        why: &'static str,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Work { work, place } => write!(f, "{work}, {place}"),
            Source::Ours { why } => write!(f, "ours: {why}"),
        }
    }
}

/// What is wrong, in one sentence about the event at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach(pub String);

/// What one event says about one law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing.
    Silent,
    /// The law was at stake and held: one piece of evidence.
    Holds,
    /// The law is broken.
    Broken(Breach),
}

impl Judgement {
    /// Broken, with a sentence.
    pub fn broken(why: impl Into<String>) -> Self {
        Judgement::Broken(Breach(why.into()))
    }

    /// Holds when `kept`, else broken with the sentence.
    pub fn when(kept: bool, why: impl FnOnce() -> String) -> Self {
        if kept { Judgement::Holds } else { Judgement::broken(why()) }
    }

    /// One judgement of many parts: the first break, else evidence if any part gave some.
    pub fn all(parts: impl IntoIterator<Item = Judgement>) -> Self {
        let mut whole = Judgement::Silent;
        for part in parts {
            match part {
                Judgement::Silent => {}
                Judgement::Holds => whole = Judgement::Holds,
                Judgement::Broken(_) => return part,
            }
        }
        whole
    }
}

/// How a law is checked.
pub enum Check<M: Mechanism> {
    /// Law 00: the implementation answers. The judge itself checks it, with
    /// [`Mechanism::answers`].
    Answers,
    /// One event against the memory of all before it.
    Step(fn(&M::Model, &M::Op, &M::Event) -> Judgement),
    /// The same, of a law that is silent about all other kinds of op: the judge does not ask it
    /// about those.
    StepOf(&'static [M::Kind], fn(&M::Model, &M::Op, &M::Event) -> Judgement),
    /// The memory after every event.
    Always(fn(&M::Model) -> Judgement),
    /// A situation that a campaign must meet, by one event against the memory of all before it; it
    /// can't be broken.
    Reach(fn(&M::Model, &M::Op, &M::Event) -> bool),
    /// The same, where no other kind of op meets it.
    ReachOf(&'static [M::Kind], fn(&M::Model, &M::Op, &M::Event) -> bool),
    /// The same, by the memory after every event.
    ReachAlways(fn(&M::Model) -> bool),
}

/// A law, or a situation that must be reached.
pub struct Law<M: Mechanism> {
    /// Its name.
    pub id: LawId,
    /// How binding it is.
    pub level: Level,
    /// One sentence, present tense, stated positively; the check tests exactly this sentence.
    pub says: &'static str,
    /// Where it comes from.
    pub source: Source,
    /// Whether it applies to an implementation; the reason when it does not.
    pub needs: fn(&M::Profile) -> Result<(), &'static str>,
    /// How it is checked.
    pub check: Check<M>,
}

impl<M: Mechanism> Law<M> {
    /// Whether it is a situation to be reached, and no law in the strict sense.
    pub fn is_reach(&self) -> bool {
        matches!(self.check, Check::Reach(_) | Check::ReachOf(..) | Check::ReachAlways(_))
    }
}

impl<M: Mechanism> fmt::Debug for Law<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Law").field("id", &self.id).field("says", &self.says).finish()
    }
}

impl<M: Mechanism> fmt::Debug for Check<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Check::Answers => "Answers",
            Check::Step(_) => "Step",
            Check::StepOf(..) => "StepOf",
            Check::Always(_) => "Always",
            Check::Reach(_) => "Reach",
            Check::ReachOf(..) => "ReachOf",
            Check::ReachAlways(_) => "ReachAlways",
        })
    }
}

/// The `needs` of a law that applies to every implementation.
///
/// # Errors
///
/// None: the signature is that of [`Law::needs`].
pub fn always<P>(_: &P) -> Result<(), &'static str> {
    Ok(())
}
