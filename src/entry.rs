//! A mechanism as the command sees it: without its types.
//!
//! An *entry* is one mechanism with its implementations, behind an object-safe trait; the command
//! works on entries alone, so that it knows no mechanism by name.
//! It does not cover how results look on a terminal.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::Path;

use lawbook_spec::core::{End, Implementation, Judge, Law, Level, Mechanism, Origin};
use serde::Serialize;

use crate::adapter::{self, Input, Recording, Requests, Stop};
use crate::campaign::{self, Progress};
use crate::files::{FileError, Piece};
use crate::plan::{Budget, Plan, Tier};
use crate::quiet;
use crate::record::{Record, raw};
use crate::report::{self, Report};
use crate::story::Story;

mod contender;
mod fault;
mod picture;

use self::contender::Contender;
pub(crate) use self::contender::{Candidate, REFERENCE};
pub(crate) use self::fault::{FaultReport, Hunt};

/// The mechanisms that a command knows, each with its implementations.
#[derive(Default)]
pub struct Mechanisms {
    entries: Vec<Box<dyn Entry>>,
}

impl Mechanisms {
    /// These and one more.
    #[must_use]
    pub fn with<M: Mechanism>(mut self, implementations: Vec<Implementation<M>>) -> Self {
        self.entries.push(Box::new(Built { implementations }));
        self
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &dyn Entry> {
        self.entries.iter().map(|entry| &**entry)
    }
}

impl fmt::Debug for Mechanisms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries().map(|entry| entry.name())).finish()
    }
}

/// Why a command can't do what it was asked, in one line.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The command line, or a file that it names, is wrong.
    Wrong(String),
    /// The implementation can't run here.
    Missing(String),
}

impl From<FileError> for Trouble {
    fn from(error: FileError) -> Self {
        Trouble::Wrong(error.to_string())
    }
}

impl Trouble {
    /// An unknown name: what was expected, what came, and what is nearest to it.
    pub(crate) fn unknown(what: &str, found: &str, known: &[String], list: &str) -> Self {
        let expected = match known {
            [] => "expected none: none is built in".to_owned(),
            [only] => format!("expected {only}"),
            few if few.len() <= 12 => format!("expected one of {}", few.join(", ")),
            _ => format!("expected one of those that `{list}` lists"),
        };
        let nearest = known
            .iter()
            .map(|name| {
                let distance = strsim::damerau_levenshtein(
                    &name.to_ascii_lowercase(),
                    &found.to_ascii_lowercase(),
                );
                (distance, name)
            })
            .filter(|(distance, name)| *distance <= name.len() / 3)
            .min();
        let hint = match nearest {
            Some((_, name)) => format!("; did you mean `{name}`?"),
            None => String::new(),
        };
        Trouble::Wrong(format!("unknown {what} `{found}`: {expected}{hint}"))
    }
}

/// A law, as the catalogue shows it.
pub(crate) struct LawNote {
    pub(crate) id: &'static str,
    pub(crate) level: Level,
    pub(crate) says: &'static str,
    pub(crate) source: String,
    /// Whether it is a situation to be met.
    pub(crate) is_reach: bool,
}

/// An implementation, as the catalogue shows it.
#[derive(Serialize)]
pub(crate) struct ImplementationNote {
    /// As `--impl` has it.
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) version: Cow<'static, str>,
    pub(crate) about: &'static str,
    /// The law that a fault is expected to break.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) breaks: Option<&'static str>,
    /// Where a fault was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) precedent: Option<&'static str>,
    /// What is missing for it to run here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<String>,
    /// What brings what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) package: Option<&'static str>,
}

/// What came of one case that was run again, or of one recorded trace.
pub(crate) struct Outcome {
    /// The implementation.
    pub(crate) implementation: String,
    /// The story.
    pub(crate) story: String,
    /// The laws that are broken, with their levels.
    pub(crate) broken: Vec<(&'static str, Level)>,
    /// The law that the file says is broken.
    pub(crate) saved: Option<String>,
    /// Why the case was not run.
    pub(crate) unsupported: Option<String>,
}

/// Which cases are to be printed, and how.
pub(crate) struct Selection<'a> {
    pub(crate) whose: Whose<'a>,
    pub(crate) plan: &'a Plan,
    /// How many random ones, where it is not the mechanism that says it.
    pub(crate) random_cases: Option<u64>,
    /// As an adapter is asked for them, and not as records.
    pub(crate) as_requests: bool,
}

/// Whose profile cases are drawn for.
pub(crate) enum Whose<'a> {
    /// That of an implementation.
    Candidate(&'a Candidate),
    /// That of the greeting in a file.
    Greeting(&'a Path),
}

/// One mechanism with its implementations.
pub(crate) trait Entry: Sync {
    fn name(&self) -> &'static str;

    fn title(&self) -> &'static str;

    /// The greatest world that can be asked for, and in what it is counted.
    fn largest(&self) -> Option<(u64, &'static str)>;

    fn laws(&self) -> Vec<LawNote>;

    /// What `--impl` takes, in the order of the lists.
    fn names(&self) -> Vec<String>;

    /// The same with what is known of each; each is opened to see whether it can run.
    fn implementations(&self) -> Vec<ImplementationNote>;

    /// Whether the implementation is there and can run.
    fn expect(&self, candidate: &Candidate) -> Result<(), Trouble>;

    /// Per implementation that is no fault and can run: why a law does not apply to it, if so.
    fn needs(&self, law: &str) -> Vec<(String, Option<&'static str>)>;

    fn check(
        &self,
        candidate: &Candidate,
        plan: &Plan,
        progress: &dyn Progress,
    ) -> Result<Report, Trouble>;

    /// The names of the faults, without `fault:`.
    fn faults(&self) -> Vec<&'static str>;

    /// Looks for the law that a fault is expected to break; by way of an adapter that serves it,
    /// where there is one.
    fn hunt(
        &self,
        fault: &str,
        hunt: &Hunt,
        served: Option<adapter::Options>,
    ) -> Result<FaultReport, Trouble>;

    /// Whether there are pictures of the cases of this mechanism.
    fn has_pictures(&self) -> bool;

    /// Whether there can be one of the implementation.
    fn expect_picture(&self, candidate: &Candidate) -> Result<(), Trouble>;

    /// A picture of what was reported, as SVG text: of the first broken law's counterexample, or of
    /// the mechanism's example where no broken law is reported.
    fn picture(&self, candidate: &Candidate, report: &Report) -> Result<String, Trouble>;

    /// Gives cases, each as a line of JSON, until they end or `put` fails.
    fn cases(
        &self,
        selection: &Selection<'_>,
        put: &mut dyn FnMut(&str) -> io::Result<()>,
    ) -> Result<io::Result<()>, Trouble>;

    /// Runs a saved case again: on the implementation named, else on the one saved, else on the
    /// reference.
    fn replay(&self, piece: &Piece<'_>, candidate: Option<&Candidate>) -> Result<Outcome, Trouble>;

    /// Judges a recorded trace.
    fn judge(&self, piece: &Piece<'_>) -> Result<Outcome, Trouble>;

    /// Judges the answers in a file to requests of this mechanism.
    fn judge_answers(
        &self,
        requests: Requests,
        answers: &Path,
        plan: &Plan,
        progress: &dyn Progress,
    ) -> Result<Report, Trouble>;

    /// Answers cases as an adapter does, until the input ends or nobody reads the answers.
    fn serve(
        &self,
        implementation: &str,
        input: &mut Input<'_>,
        out: &mut dyn io::Write,
    ) -> Result<(), Trouble>;

    /// The JSON Schema of the adapter protocol.
    fn schema(&self) -> serde_json::Value;
}

/// A mechanism and what is built in of it.
struct Built<M: Mechanism> {
    implementations: Vec<Implementation<M>>,
}

impl<M: Mechanism> Built<M> {
    fn find(&self, name: &str) -> Result<&Implementation<M>, Trouble> {
        self.implementations
            .iter()
            .find(|implementation| impl_name(implementation) == name)
            .ok_or_else(|| {
                let what = format!("implementation of {}", M::NAME);
                let list = format!("lawbook implementations {}", M::NAME);
                Trouble::unknown(&what, name, &self.names(), &list)
            })
    }

    fn contender(&self, candidate: &Candidate) -> Result<Contender<'_, M>, Trouble> {
        Ok(match candidate {
            Candidate::BuiltIn(name) => Contender::BuiltIn(self.find(name)?),
            Candidate::Adapter(options) => Contender::adapter(options.clone()),
        })
    }

    /// The story of a case and its trace, and what is broken.
    fn outcome(
        judge: &Judge<M>,
        record: &Record<M>,
        trace: &lawbook_spec::core::Trace<M>,
        implementation: String,
    ) -> Outcome {
        let verdict = judge.judge(&record.case, trace);
        let broken = verdict.broken.as_ref();
        let story = Story {
            case: &record.case,
            trace,
            broken: broken.map(|(at, broken)| (*at, broken.as_slice())),
        };
        Outcome {
            implementation,
            story: story.tell(),
            broken: broken
                .iter()
                .flat_map(|(_, broken)| broken)
                .filter_map(|broken| find_law::<M>(broken.law.0))
                .map(|law| (law.id.0, law.level))
                .collect(),
            saved: record.law.clone(),
            unsupported: verdict.unsupported,
        }
    }

    /// A record whose law is known and whose case is one for such a profile.
    fn expect_fit(
        piece: &Piece<'_>,
        record: &Record<M>,
        profile: &M::Profile,
        name: &str,
    ) -> Result<(), Trouble> {
        if let Some(law) = &record.law
            && find_law::<M>(law).is_none()
        {
            let what = format_args!("expected a law of {}, found `{law}`", M::NAME);
            return Err(piece.error(what).into());
        }
        M::admits(profile, &record.case)
            .map_err(|why| piece.error(format_args!("expected a case for {name}: {why}")).into())
    }
}

impl<M: Mechanism> Entry for Built<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn title(&self) -> &'static str {
        M::TITLE
    }

    fn largest(&self) -> Option<(u64, &'static str)> {
        M::LARGEST
    }

    fn laws(&self) -> Vec<LawNote> {
        M::laws()
            .iter()
            .map(|law| LawNote {
                id: law.id.0,
                level: law.level,
                says: law.says,
                source: law.source.to_string(),
                is_reach: law.is_reach(),
            })
            .collect()
    }

    fn names(&self) -> Vec<String> {
        self.implementations.iter().map(impl_name).collect()
    }

    fn implementations(&self) -> Vec<ImplementationNote> {
        self.implementations.iter().map(note).collect()
    }

    fn expect(&self, candidate: &Candidate) -> Result<(), Trouble> {
        let contender = self.contender(candidate)?;
        contender.inquire().map(drop)
    }

    fn needs(&self, law: &str) -> Vec<(String, Option<&'static str>)> {
        let Some(law) = find_law::<M>(law) else {
            return Vec::new();
        };
        self.implementations
            .iter()
            .filter(|implementation| !implementation.is_fault())
            .filter_map(|implementation| {
                let subject = (implementation.open)().ok()?;
                Some((impl_name(implementation), (law.needs)(&subject.profile()).err()))
            })
            .collect()
    }

    fn check(
        &self,
        candidate: &Candidate,
        plan: &Plan,
        progress: &dyn Progress,
    ) -> Result<Report, Trouble> {
        let contender = self.contender(candidate)?;
        contender.check(plan, progress).map_err(Trouble::Missing)
    }

    fn faults(&self) -> Vec<&'static str> {
        self.implementations
            .iter()
            .filter(|implementation| implementation.is_fault())
            .map(|implementation| implementation.name)
            .collect()
    }

    fn hunt(
        &self,
        fault: &str,
        hunt: &Hunt,
        served: Option<adapter::Options>,
    ) -> Result<FaultReport, Trouble> {
        let found = self.find(&format!("fault:{fault}"))?;
        let contender = match served {
            Some(options) => Contender::adapter(options),
            None => Contender::BuiltIn(found),
        };
        let mut subject = contender.inquire()?;
        let report = fault::hunt(found, &mut *subject, hunt)?;
        drop(subject);
        match contender.mishap() {
            Some(what) => Err(Trouble::Missing(format!("{}: {what}", contender.name()))),
            None => Ok(report),
        }
    }

    fn has_pictures(&self) -> bool {
        M::PICTURES.is_some()
    }

    fn expect_picture(&self, candidate: &Candidate) -> Result<(), Trouble> {
        let contender = self.contender(candidate)?;
        let subject = contender.inquire()?;
        picture::pictures::<M>(&contender.name(), &subject.profile()).map(drop)
    }

    fn picture(&self, candidate: &Candidate, report: &Report) -> Result<String, Trouble> {
        let contender = self.contender(candidate)?;
        let mut subject = contender.inquire()?;
        picture::draw(&mut *subject, report)
    }

    fn cases(
        &self,
        selection: &Selection<'_>,
        put: &mut dyn FnMut(&str) -> io::Result<()>,
    ) -> Result<io::Result<()>, Trouble> {
        let profile = match selection.whose {
            Whose::Candidate(candidate) => self.contender(candidate)?.inquire()?.profile(),
            Whose::Greeting(file) => adapter::read_profile::<M>(file)?,
        };
        let plan = selection.plan;
        let small = (0..).zip(M::small(&profile)).filter(|(index, _)| plan.part().has(*index));
        let small = plan.tier.has_small().then_some(small).into_iter().flatten();
        let random = plan.tier.has_random().then(|| {
            let cases = selection.random_cases.unwrap_or(M::CASES);
            let indices = (0..plan.part().places(cases)).map(|place| plan.part().case(place));
            indices.map(|index| campaign::random_case(plan.seed, index, &profile, plan.size))
        });
        let cases = small.map(|(_, case)| case).chain(random.into_iter().flatten());
        let put_all = || {
            if !selection.as_requests {
                return cases
                    .map(|case| Record::<M>::of(case, None))
                    .try_for_each(|record| put(raw(&record).get()));
            }
            put(&adapter::greeting_line::<M>())?;
            (1..).zip(cases).try_for_each(|(id, case)| put(&adapter::request_line::<M>(id, &case)))
        };
        Ok(put_all())
    }

    fn replay(&self, piece: &Piece<'_>, candidate: Option<&Candidate>) -> Result<Outcome, Trouble> {
        let record: Record<M> = piece.parse()?;
        let saved = record.implementation.as_deref().unwrap_or(REFERENCE);
        if candidate.is_none() && self.find(saved).is_err() {
            return Err(Trouble::Wrong(format!(
                "{}: expected an implementation that is built in, --impl or --adapter, found `{saved}`",
                piece.place()
            )));
        }
        let saved = Candidate::BuiltIn(saved.to_owned());
        let contender = self.contender(candidate.unwrap_or(&saved))?;
        let mut subject = contender.inquire()?;
        let judge = Judge::new(subject.profile());
        let name = contender.name();
        Self::expect_fit(piece, &record, judge.profile(), &name)?;
        let mut trace = quiet::run(&mut *subject, &record.case);
        drop(subject);
        if let (End::Whole, Some(what)) = (&trace.end, contender.mishap()) {
            trace.end = End::Mishap(what);
        }
        Ok(Self::outcome(&judge, &record, &trace, name))
    }

    fn judge(&self, piece: &Piece<'_>) -> Result<Outcome, Trouble> {
        let record: Record<M> = piece.parse()?;
        let (Some(profile), Some(trace)) = (record.profile.clone(), record.trace()) else {
            let what =
                "expected a recorded trace, with \"profile\" and \"events\"; found only a case";
            return Err(piece.error(what).into());
        };
        let name = record
            .implementation
            .clone()
            .unwrap_or_else(|| "the recorded implementation".to_owned());
        Self::expect_fit(piece, &record, &profile, &name)?;
        Ok(Self::outcome(&Judge::new(profile), &record, &trace, name))
    }

    fn judge_answers(
        &self,
        requests: Requests,
        answers: &Path,
        plan: &Plan,
        progress: &dyn Progress,
    ) -> Result<Report, Trouble> {
        let mut recording = Recording::<M>::open(requests, answers)?;
        let findings = campaign::follow(&mut recording, Recording::next_case, progress)?;
        let rest = recording.rest()?;
        let (name, version) = recording.identity();
        let (name, version) = (format!("adapter:{name}"), version.to_owned());
        // Nobody is there to run a smaller case.
        let shrink = Budget { tries: 0, ..plan.shrink };
        let plan = Plan { tier: Tier::Recorded, shrink, ..plan.clone() };
        let mut report = report::report((&name, &version), &plan, findings, &mut recording);
        if let Some(what) = rest {
            report.add_mishap::<M>(&plan, &what);
        }
        Ok(report)
    }

    fn serve(
        &self,
        implementation: &str,
        input: &mut Input<'_>,
        out: &mut dyn io::Write,
    ) -> Result<(), Trouble> {
        let found = self.find(implementation)?;
        let contender = Contender::BuiltIn(found);
        let mut subject = contender.inquire()?;
        let version = (found.version)();
        match adapter::serve((implementation, &version), &mut *subject, input, out) {
            Ok(()) | Err(Stop::Alone) => Ok(()),
            Err(Stop::Wrong(what)) => Err(Trouble::Wrong(what)),
        }
    }

    fn schema(&self) -> serde_json::Value {
        adapter::schema::<M>()
    }
}

/// As `--impl` has it.
fn impl_name<M: Mechanism>(implementation: &Implementation<M>) -> String {
    match implementation.is_fault() {
        true => format!("fault:{}", implementation.name),
        false => implementation.name.to_owned(),
    }
}

fn find_law<M: Mechanism>(id: &str) -> Option<&'static Law<M>> {
    M::laws().iter().find(|law| law.id.0 == id)
}

fn note<M: Mechanism>(implementation: &Implementation<M>) -> ImplementationNote {
    let missing = (implementation.open)().err();
    let (kind, breaks, precedent) = match implementation.origin {
        Origin::Reference => ("reference", None, None),
        Origin::Understudy => ("understudy", None, None),
        Origin::Fault { breaks, precedent } => ("fault", Some(breaks.0), Some(precedent)),
        Origin::Outside => ("outside", None, None),
    };
    ImplementationNote {
        name: impl_name(implementation),
        kind,
        version: (implementation.version)(),
        about: implementation.about,
        breaks,
        precedent,
        package: missing.as_ref().map(|missing| missing.package),
        missing: missing.map(|missing| missing.what),
    }
}
