//! A picture of one report: which case is drawn, and what stands above it.
//!
//! The case is run again, since a picture may need to see more than the laws did.
//! It does not cover what is drawn of a case: that is the mechanism's.

use lawbook_spec::core::{Case, Heading, Judge, Mechanism, Pictures, Subject};

use super::{Trouble, find_law};
use crate::quiet;
use crate::record::Record;
use crate::report::Report;
use crate::story::heading;

/// How cases are drawn for an implementation with this profile.
pub(super) fn pictures<M: Mechanism>(
    name: &str,
    profile: &M::Profile,
) -> Result<Pictures<M>, Trouble> {
    let Some(pictures) = M::PICTURES else {
        let what = "expected a mechanism with pictures, found";
        return Err(Trouble::Wrong(format!("{what} {}", M::NAME)));
    };
    (pictures.needs)(profile).map_err(|why| {
        let what = "expected an implementation that can be drawn";
        Trouble::Wrong(format!("{what}, found {name} of {}: {why}", M::NAME))
    })?;
    Ok(pictures)
}

pub(super) fn draw<M: Mechanism>(
    subject: &mut dyn Subject<M>,
    report: &Report,
) -> Result<String, Trouble> {
    let profile = subject.profile();
    let name = &report.implementation.name;
    let pictures = pictures::<M>(name, &profile)?;
    let title = format!("{name} of {}", M::NAME);
    let (case, lines) = match counterexample::<M>(report) {
        Some(record) => broken(&profile, record),
        None => {
            let line = "an example: no law that is reported is broken";
            ((pictures.example)(&profile), vec![line.to_owned()])
        }
    };
    let case = (pictures.pose)(case);
    let trace = quiet::run(subject, &case);
    (pictures.draw)(&profile, &case, &trace, &Heading { title, lines })
        .map_err(|why| Trouble::Wrong(format!("no picture of {name} of {}: {why}", M::NAME)))
}

/// The counterexample of the first broken law that is reported.
fn counterexample<M: Mechanism>(report: &Report) -> Option<Record<M>> {
    let json = report.laws.iter().find_map(|law| law.counterexample.as_ref())?;
    Some(serde_json::from_str(json.get()).expect("a counterexample is a record"))
}

/// A counterexample up to where its law is broken, and what is said of it.
fn broken<M: Mechanism>(profile: &M::Profile, record: Record<M>) -> (Case<M>, Vec<String>) {
    let trace = record.trace();
    let law = record.law.as_deref().and_then(find_law::<M>);
    let lines = law.map(heading).into_iter().chain(record.why).collect();
    let mut case = record.case;
    let judge = Judge::new(profile.clone());
    let broken = trace.and_then(|trace| judge.judge(&case, &trace).broken);
    if let Some((at, _)) = broken {
        case.ops.truncate(at + 1);
    }
    (case, lines)
}
