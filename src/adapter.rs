//! An implementation in another process: the adapter protocol, version 1, and its other end.
//!
//! An *adapter* is any program that reads one JSON object a line on its standard input and writes one
//! on its standard output. A *client* is one process of it, with the cases that were sent and not
//! answered yet: they go ahead of the answers, so that neither side waits for the other.
//! A *recording* is what one said elsewhere.
//! It does not cover how many clients a campaign has, nor what the laws make of the answers.

mod child;
mod command;
mod group;
mod line;
mod message;
mod recorded;
mod schema;
mod serve;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lawbook_spec::core::{Case, End, Mechanism, Subject, Trace};
use serde_json::Value;

use self::child::Child;
use self::line::MOST_LINE_BYTES;
use self::message::{Greeting, Hello, Request, parse, read_answer};
use crate::ahead;

pub(crate) use self::child::show as show_time;
pub(crate) use self::command::CommandLine;
pub(crate) use self::recorded::{Recording, Requests, greeting_line, read_profile, request_line};
pub(crate) use self::schema::schema;
pub(crate) use self::serve::{Input, Stop, serve};

/// So many cases are sent ahead of their answers at most.
const MOST_AHEAD: usize = 64;

/// And no further one while they have so many bytes.
const MOST_AHEAD_BYTES: usize = 1 << 20;

/// An adapter whose processes ended so often in the middle of a campaign is asked for no more: each
/// time costs a start, or a whole timeout.
const MOST_ENDS: u32 = 8;

/// How long one answer may take by default.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// How a program that is an adapter is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) command: CommandLine,
    /// How long one answer may take.
    pub(crate) timeout: Duration,
}

/// A program that is an adapter: what all its processes have in common.
pub(crate) struct Adapter<M: Mechanism> {
    options: Options,
    /// What the first process said of itself, and the others must say too.
    greeting: OnceLock<(Value, Greeting<M>)>,
    /// How many processes ended in the middle of a campaign.
    ends: AtomicU32,
    /// What went wrong after the last answer of one.
    mishap: Mutex<Option<String>>,
}

impl<M: Mechanism> Adapter<M> {
    pub(crate) fn new(options: Options) -> Arc<Self> {
        let (greeting, ends, mishap) = (OnceLock::new(), AtomicU32::new(0), Mutex::new(None));
        Arc::new(Adapter { options, greeting, ends, mishap })
    }

    /// Starts a process and greets it, for a purpose.
    ///
    /// # Errors
    ///
    /// What was expected and what came.
    pub(crate) fn open(self: &Arc<Self>, purpose: Purpose) -> Result<Client<M>, String> {
        let child = Some(self.start()?);
        let (adapter, sent) = (Arc::clone(self), VecDeque::new());
        let (last_id, sent_bytes, is_filling) = (0, 0, true);
        Ok(Client { adapter, purpose, child, last_id, sent, sent_bytes, is_filling })
    }

    /// The name and version that it gives itself, once it was opened.
    pub(crate) fn identity(&self) -> (&str, &str) {
        self.greeting.get().map_or(("", ""), |(_, greeting)| (&greeting.name, &greeting.version))
    }

    /// What went wrong after the last answer of a process, when all are dropped.
    pub(crate) fn mishap(&self) -> Option<String> {
        self.mishap.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn start(&self) -> Result<Child, String> {
        let mut child = Child::start(&self.options.command)?;
        let hello = Hello { lawbook: crate::FORMAT, mechanism: M::NAME.to_owned() };
        child.send(&json(&hello));
        let line = match child.receive(self.options.timeout) {
            Ok(line) => line,
            Err(silence) => {
                return Err(format!("expected a greeting, {}", child.give_up(&silence)));
            }
        };
        let greeting = match Greeting::<M>::read(&line) {
            Ok(greeting) => greeting,
            Err(what) => return Err(what + &child.put_away()),
        };
        // The order of fields is nobody's concern.
        let now = parse::<Value>(&line, "a greeting")?;
        let (first, _) = self.greeting.get_or_init(|| (now.clone(), greeting));
        if *first != now {
            let what = "expected every process of it to greet alike, found another greeting";
            return Err(what.to_owned() + &child.put_away());
        }
        Ok(child)
    }
}

/// What a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Many cases: it gives up on an adapter whose processes end again and again.
    Campaign,
    /// A few cases, of which some are expected to end it.
    Inquiry,
    /// To find the op at which another one ended.
    Probe,
}

/// One process of an adapter; another one takes its place when it ends before its time.
pub(crate) struct Client<M: Mechanism> {
    adapter: Arc<Adapter<M>>,
    purpose: Purpose,
    child: Option<Child>,
    last_id: u64,
    /// The cases that were sent and not answered yet.
    sent: VecDeque<Sent<M>>,
    sent_bytes: usize,
    /// Whether further ones are sent ahead, until they are enough.
    is_filling: bool,
}

struct Sent<M: Mechanism> {
    id: u64,
    bytes: usize,
    case: Case<M>,
}

impl<M: Mechanism> Subject<M> for Client<M> {
    fn profile(&self) -> M::Profile {
        let (_, greeting) = self.adapter.greeting.get().expect("a client has been greeted");
        greeting.profile.clone()
    }

    fn announce(&mut self, case: &Case<M>) -> bool {
        let has = |cases, bytes| self.sent.len() >= cases || self.sent_bytes >= bytes;
        self.is_filling = match self.is_filling {
            true => !has(MOST_AHEAD, MOST_AHEAD_BYTES),
            // Many are sent together, and meanwhile there is enough to do.
            false => !has(MOST_AHEAD / 2, MOST_AHEAD_BYTES / 2),
        };
        self.is_filling && self.child.is_some() && self.send(case.clone()).is_ok()
    }

    fn run(&mut self, case: &Case<M>) -> Trace<M> {
        let ends = self.adapter.ends.load(Ordering::Relaxed);
        if self.purpose == Purpose::Campaign && ends >= MOST_ENDS {
            let why = format!("not asked, since the adapter had ended {MOST_ENDS} times before");
            return Trace { events: vec![], end: End::Unsupported(why) };
        }
        if self.sent.front().is_some_and(|sent| sent.case != *case) {
            // What was announced is not asked for any more.
            self.stop();
        }
        if let Err(what) = self.restart() {
            return self.has_ended(case, format!("expected it to start again: {what}"));
        }
        if self.sent.is_empty()
            && let Err(why) = self.send(case.clone())
        {
            return Trace { events: vec![], end: End::Unsupported(why) };
        }
        match self.receive() {
            Ok(trace) => trace,
            Err(what) => self.has_ended(case, what),
        }
    }
}

impl<M: Mechanism> Client<M> {
    /// Sends a case; only one that is too long can't be sent.
    fn send(&mut self, case: Case<M>) -> Result<(), String> {
        let Some(child) = &mut self.child else { return Ok(()) };
        self.last_id += 1;
        let id = self.last_id;
        let line = json(&Request::<M> { id, setup: &case.setup, ops: &case.ops });
        let bytes = line.len();
        if bytes > MOST_LINE_BYTES {
            let most = MOST_LINE_BYTES >> 20;
            return Err(format!("the case is a line of more than {most} MiB"));
        }
        child.send(&line);
        self.sent_bytes += bytes;
        self.sent.push_back(Sent { id, bytes, case });
        Ok(())
    }

    /// The answer to the first case that was sent. Without one the process is ended.
    fn receive(&mut self) -> Result<Trace<M>, String> {
        let (Some(mut child), Some(sent)) = (self.child.take(), self.sent.pop_front()) else {
            unreachable!("a case was sent to a process");
        };
        self.sent_bytes -= sent.bytes;
        match child.receive(self.adapter.options.timeout) {
            Ok(line) => match read_answer(&line, sent.id, &sent.case) {
                Ok(trace) => {
                    self.child = Some(child);
                    Ok(trace)
                }
                Err(what) => Err(what + &child.put_away()),
            },
            Err(silence) => Err(format!("expected an answer, {}", child.give_up(&silence))),
        }
    }

    /// Starts a process where there is none, and sends again what the last one did not answer.
    fn restart(&mut self) -> Result<(), String> {
        if self.child.is_some() {
            return Ok(());
        }
        self.child = Some(self.adapter.start()?);
        self.sent_bytes = 0;
        for sent in std::mem::take(&mut self.sent) {
            self.send(sent.case)?;
        }
        Ok(())
    }

    /// The trace of a case at which the process ended.
    fn has_ended(&mut self, case: &Case<M>, what: String) -> Trace<M> {
        if self.purpose == Purpose::Probe {
            return Trace { events: vec![], end: End::Mishap(what) };
        }
        if self.purpose == Purpose::Campaign {
            self.adapter.ends.fetch_add(1, Ordering::Relaxed);
        }
        if case.ops.len() < 2 {
            return Trace { events: vec![], end: End::Mishap(what) };
        }
        self.locate(case).unwrap_or_else(|| {
            let why = "; at which op is not known: alone the case is answered";
            Trace { events: vec![], end: End::Mishap(what + why) }
        })
    }

    /// Asks another process for the first op, the first two, and so on, until it ends too: the last
    /// one is the op, and the answer before has the events until there.
    fn locate(&self, case: &Case<M>) -> Option<Trace<M>> {
        let mut probe = self.adapter.open(Purpose::Probe).ok()?;
        let prefixes = (1..=case.ops.len()).map(|length| {
            let ops = case.ops[..length].to_vec();
            (length, Case { setup: case.setup.clone(), ops })
        });
        let mut events = Vec::new();
        let mut found = None;
        ahead::each(&mut probe, prefixes, |probe, length, prefix| {
            let trace = probe.run(&prefix);
            match trace.end {
                End::Mishap(_) => {
                    events.truncate(length - 1);
                    found = Some(trace.end);
                    ControlFlow::Break(())
                }
                End::Whole | End::Unsupported(_) => {
                    events = trace.events;
                    ControlFlow::Continue(())
                }
            }
        });
        found.map(|end| Trace { events, end })
    }

    /// Ends the process; how it ends is no matter of its own.
    fn stop(&mut self) {
        self.sent.clear();
        self.sent_bytes = 0;
        self.child = None;
    }
}

impl<M: Mechanism> Drop for Client<M> {
    fn drop(&mut self) {
        let Some(child) = self.child.take() else { return };
        if self.purpose == Purpose::Probe || !self.sent.is_empty() {
            return;
        }
        if let Err(what) = child.finish(self.adapter.options.timeout) {
            let mut mishap = self.adapter.mishap.lock().unwrap_or_else(PoisonError::into_inner);
            mishap.get_or_insert(what);
        }
    }
}

/// A message as a line.
fn json(message: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(message).expect("cases and greetings have a JSON form")
}
