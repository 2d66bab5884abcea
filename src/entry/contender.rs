//! Who is judged: an implementation that is built in, or an adapter.
//!
//! A *candidate* is what the command line says, a *contender* what can be opened and judged.
//! It does not cover what is judged, nor how.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;

use lawbook_spec::core::{EVERY_CASE, Implementation, Mechanism, Subject};

use super::{Trouble, impl_name};
use crate::adapter::{self, Adapter, Purpose, show_time};
use crate::campaign::{self, Progress};
use crate::cli::quoted;
use crate::plan::Plan;
use crate::report::{self, Report};

/// What is judged when nothing is named.
pub(crate) const REFERENCE: &str = "reference";

/// Who is to be judged, as the command line has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// By its name: what `--impl` takes.
    BuiltIn(String),
    /// What `--adapter` takes.
    Adapter(adapter::Options),
}

impl Candidate {
    /// The options that name it.
    pub(crate) fn option(&self) -> String {
        match self {
            Candidate::BuiltIn(name) => format!("--impl {}", quoted(name)),
            Candidate::Adapter(options) => {
                let option = format!("--adapter {}", quoted(&options.command.to_string()));
                match options.timeout {
                    adapter::TIMEOUT => option,
                    timeout => format!("{option} --timeout {}", show_time(timeout)),
                }
            }
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Candidate::BuiltIn(name) => f.write_str(name),
            Candidate::Adapter(options) => write!(f, "{}", options.command),
        }
    }
}

/// Who can be opened, once for each thread.
pub(super) enum Contender<'b, M: Mechanism> {
    BuiltIn(&'b Implementation<M>),
    Adapter { adapter: Arc<Adapter<M>>, command: String },
}

impl<M: Mechanism> Contender<'_, M> {
    pub(super) fn adapter(options: adapter::Options) -> Self {
        let command = options.command.to_string();
        Contender::Adapter { adapter: Adapter::new(options), command }
    }

    /// Makes one that is ready to run cases, or says in one line why it can't.
    pub(super) fn open(&self, purpose: Purpose) -> Result<Box<dyn Subject<M>>, String> {
        match self {
            Contender::BuiltIn(found) => (found.open)()
                .map_err(|missing| format!("{} can't run here: {missing}", impl_name(found))),
            Contender::Adapter { adapter, command } => match adapter.open(purpose) {
                Ok(client) => Ok(Box::new(client)),
                Err(what) => Err(format!("adapter {}: {what}", quoted(command))),
            },
        }
    }

    /// Opens one for a few cases.
    pub(super) fn inquire(&self) -> Result<Box<dyn Subject<M>>, Trouble> {
        self.open(Purpose::Inquiry).map_err(Trouble::Missing)
    }

    /// What reports call it. An adapter is known by name only once it was opened.
    pub(super) fn name(&self) -> String {
        match self {
            Contender::BuiltIn(found) => impl_name(found),
            Contender::Adapter { adapter, .. } => format!("adapter:{}", adapter.identity().0),
        }
    }

    fn version(&self) -> Cow<'_, str> {
        match self {
            Contender::BuiltIn(found) => (found.version)(),
            Contender::Adapter { adapter, .. } => adapter.identity().1.into(),
        }
    }

    /// What went wrong after its last answer, when all that was opened is dropped.
    pub(super) fn mishap(&self) -> Option<String> {
        match self {
            Contender::BuiltIn(_) => None,
            Contender::Adapter { adapter, .. } => adapter.mishap(),
        }
    }

    /// Of how many cases a campaign judges one, unless it is told otherwise.
    fn every(&self) -> NonZero<u64> {
        match self {
            Contender::BuiltIn(found) => found.every,
            Contender::Adapter { .. } => EVERY_CASE,
        }
    }

    /// Runs a campaign on it; on an adapter, when its slots are as they should be.
    pub(super) fn check(&self, plan: &Plan, progress: &dyn Progress) -> Result<Report, String> {
        let plan = &Plan { every: plan.every.or(Some(self.every())), ..plan.clone() };
        let open = || self.open(Purpose::Campaign);
        let wrong_slots = match self {
            Contender::BuiltIn(_) => None,
            Contender::Adapter { .. } => campaign::slots(&|| self.open(Purpose::Inquiry), plan)?,
        };
        let are_slots_wrong = wrong_slots.is_some();
        let findings = match wrong_slots {
            Some(findings) => findings,
            None => campaign::run(&open, plan, progress)?,
        };
        let mut subject = self.open(Purpose::Inquiry)?;
        let name = self.name();
        let mut report = report::report((&name, &self.version()), plan, findings, &mut *subject);
        drop(subject);
        if let Contender::Adapter { command, .. } = self {
            report.implementation.adapter = Some(command.clone());
        }
        if are_slots_wrong {
            report.add_to_story::<M>("these cases test nothing but the slots: no other was judged");
        }
        if let Some(what) = self.mishap() {
            report.add_mishap::<M>(plan, &what);
        }
        Ok(report)
    }
}
