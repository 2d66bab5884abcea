//! The tables: a machine, and the threads whose accesses wait in it.
//!
//! A machine keeps the accesses that wait, and does them when the migration ends, one after the
//! other. Here it is kept whose each is: in the same order, so that what has been done comes to who
//! asked for it, and nobody asks twice.
//! It does not cover how a thread waits.

use std::collections::{BTreeMap, VecDeque};

use lawbook_spec::memory::{Completed, Error, Process, Step};

use crate::memory::machine::Machine;

/// What came of an access: the byte of a read.
pub(super) type Answer = Result<Option<u8>, Error>;

/// The number of an access that waits, or waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// A machine, and who waits.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) machine: Machine,
    /// The accesses that wait in the machine, in its order.
    waiting: VecDeque<(Process, Ticket)>,
    /// What came of accesses that waited, until it is fetched.
    answers: BTreeMap<Ticket, Answer>,
    /// Whether there are answers of which nobody has been told.
    has_news: bool,
    tickets: u64,
}

impl Tables {
    pub(super) fn new(machine: Machine) -> Self {
        Tables {
            machine,
            waiting: VecDeque::new(),
            answers: BTreeMap::new(),
            has_news: false,
            tickets: 0,
        }
    }

    /// Gives a ticket for an access that the machine has just made wait.
    pub(super) fn wait(&mut self, process: Process) -> Ticket {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.waiting.push_back((process, ticket));
        ticket
    }

    /// What came of an access that waited, once.
    pub(super) fn fetch(&mut self, ticket: Ticket) -> Option<Answer> {
        self.answers.remove(&ticket)
    }

    /// How many accesses have waited, or still do.
    pub(super) fn waited(&self) -> u64 {
        self.tickets
    }

    /// Goes on with a migration.
    pub(super) fn step(&mut self) -> Result<Step, Error> {
        let step = self.machine.step()?;
        debug_assert!(
            step.completed.is_empty() || step.completed.len() == self.waiting.len(),
            "a migration ends for all who wait"
        );
        for Completed { byte, error, .. } in &step.completed {
            if let Some((_, ticket)) = self.waiting.pop_front() {
                self.answer(ticket, error.map_or(Ok(*byte), Err));
            }
        }
        Ok(step)
    }

    /// Ends a process. The machine forgets its accesses that wait: the answer is that there is no
    /// such process.
    pub(super) fn exit(&mut self, process: Process) -> Result<(), Error> {
        self.machine.exit(process)?;
        for (of, ticket) in std::mem::take(&mut self.waiting) {
            if of == process {
                self.answer(ticket, Err(Error::NoProcess));
            } else {
                self.waiting.push_back((of, ticket));
            }
        }
        Ok(())
    }

    /// Whether there are answers since this was last asked.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        self.answers.insert(ticket, answer);
        self.has_news = true;
    }
}
