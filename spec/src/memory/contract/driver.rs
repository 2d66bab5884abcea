//! Runs cases on a machine: a fresh one for each.
//!
//! It does not cover what the answers should be.

use std::collections::BTreeSet;
use std::fmt;

use super::super::cases::Op;
use super::super::model::{Answer, Event};
use super::super::{Address, FIRST_PROCESS, File, Hold, Memory, Process, Setup};
use super::{Completed, Error, Machine, Profile};
use crate::core::{Case, End, Subject, Tell, Trace};

/// Each PTE is frozen, flushed and restored in a step of its own at most.
const MOST_STEPS: u32 = 1_000_000;

/// Runs cases on a [`Machine`], a fresh one for each.
pub struct Driver<F> {
    profile: Profile,
    make: F,
}

impl<A: Machine, F: FnMut(&Setup) -> A> Driver<F> {
    /// Drives what `make` gives: a machine of this memory, with these files and nothing else.
    pub fn new(profile: Profile, make: F) -> Self {
        Driver { profile, make }
    }
}

impl<F> fmt::Debug for Driver<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl<A: Machine, F: FnMut(&Setup) -> A> Subject<Memory> for Driver<F> {
    fn profile(&self) -> Profile {
        self.profile.clone()
    }

    fn run(&mut self, case: &Case<Memory>) -> Trace<Memory> {
        Trace::watch(|events| {
            let mut session = Session::new(&self.profile, &case.setup, &mut self.make)?;
            for op in &case.ops {
                events.push(session.step(op)?);
            }
            Ok(())
        })
    }

    fn stream(
        &mut self,
        setup: &Setup,
        ops: &mut dyn Iterator<Item = Op>,
        tell: &mut Tell<'_, Memory>,
    ) -> End {
        End::watch(|| {
            let mut session = Session::new(&self.profile, setup, &mut self.make)?;
            for op in ops {
                if tell(&op, &session.step(&op)?).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// One machine while one case runs.
struct Session<'c, A> {
    profile: &'c Profile,
    setup: &'c Setup,
    machine: A,
    /// What a teardown has to name: all numbers that the case has used.
    named: Named,
}

#[derive(Default)]
struct Named {
    processes: BTreeSet<Process>,
    pins: BTreeSet<Hold>,
    writebacks: BTreeSet<Hold>,
    blocks: BTreeSet<Hold>,
}

impl<'c, A: Machine> Session<'c, A> {
    fn new(
        profile: &'c Profile,
        setup: &'c Setup,
        make: &mut impl FnMut(&Setup) -> A,
    ) -> Result<Session<'c, A>, End> {
        let mut machine = make(setup);
        let no_first = |error| End::Mishap(format!("the first process was refused: {error}"));
        machine.spawn(FIRST_PROCESS).map_err(no_first)?;
        let mut named = Named::default();
        named.processes.insert(FIRST_PROCESS);
        Ok(Session { profile, setup, machine, named })
    }

    fn step(&mut self, op: &Op) -> Result<Event, End> {
        self.note(op);
        let answer = self.answer(op)?;
        if let Answer::Several { .. } = answer {
            return Ok(Event { answer, free: Vec::new(), blocks: Vec::new() });
        }
        let free = if self.profile.free_count { self.machine.free_frames() } else { Vec::new() };
        let watched = self.setup.watched.iter().filter(|_| self.profile.daemon);
        let blocks = watched.map(|watched| self.machine.free_blocks(watched.order)).collect();
        Ok(Event { answer, free, blocks })
    }

    fn note(&mut self, op: &Op) {
        match *op {
            Op::Spawn { process } | Op::Fork { child: process, .. } => {
                self.named.processes.insert(process);
            }
            Op::Pin { pin, .. } => {
                self.named.pins.insert(pin);
            }
            Op::StartWriteback { io, .. } => {
                self.named.writebacks.insert(io);
            }
            Op::Alloc { block, .. } => {
                self.named.blocks.insert(block);
            }
            _ => {}
        }
    }

    fn answer(&mut self, op: &Op) -> Result<Answer, End> {
        let machine = &mut self.machine;
        Ok(match *op {
            Op::Spawn { process } => done(machine.spawn(process)),
            Op::Exit { process } => done(machine.exit(process)),
            Op::Fork { parent, child } => done(machine.fork(parent, child)),
            Op::Map { process, area } => done(machine.map(process, area)),
            Op::Unmap { process, pages } => done(machine.unmap(process, pages)),
            Op::Remap { process, pages, to } => done(machine.remap(process, pages, to)),
            Op::Truncate { file, pages } => done(machine.truncate(file, pages)),
            Op::Delete { file } => done(machine.delete(file)),
            Op::Read { process, address } => match machine.read(process, address) {
                Ok(byte) => Answer::Byte { byte },
                Err(error) => not_done(error),
            },
            Op::Write { process, address, byte } => done(machine.write(process, address, byte)),
            Op::Pin { pin, process, page } => done(machine.pin(pin, process, page)),
            Op::Unpin { pin } => done(machine.unpin(pin)),
            Op::DeviceWrite { pin, offset, byte } => done(machine.device_write(pin, offset, byte)),
            Op::Lock { process, page } => done(machine.lock(process, page)),
            Op::Unlock { process, page } => done(machine.unlock(process, page)),
            Op::StartWriteback { io, file, index } => {
                done(machine.start_writeback(io, file, index))
            }
            Op::EndWriteback { io } => done(machine.end_writeback(io)),
            Op::Alloc { block, order } => match machine.alloc(block, order) {
                Ok(frame) => Answer::Block { frame },
                Err(error) => not_done(error),
            },
            Op::Free { block } => done(machine.free(block)),
            Op::Migrate { process, page } => match machine.migrate(process, page) {
                Ok(begun) => Answer::Migrating { from: begun.from, to: begun.to },
                Err(error) => not_done(error),
            },
            Op::Step {} => answer_or(machine.step(), |step| Answer::Step { step }),
            Op::Defragment { order, budget } => {
                answer_or(machine.defragment(order, budget), |pass| Answer::Pass { pass })
            }
            Op::Tick {} => answer_or(machine.tick(), |tick| Answer::Tick { tick }),
            Op::FailAfter { requests } => {
                machine.fail_after(requests);
                Answer::Done {}
            }
            Op::Look {} => answer_or(machine.look(), |dump| Answer::Look { dump: Box::new(dump) }),
            Op::Fill { process, pages, byte } => {
                let write = |page| {
                    let address = Address { page, offset: 0 };
                    self.step(&Op::Write { process, address, byte })
                };
                Answer::Several { events: pages.each().map(write).collect::<Result<_, End>>()? }
            }
            Op::Finish {} => Answer::Several { events: self.finish()? },
            Op::Teardown {} => self.teardown()?,
        })
    }

    /// Steps up to the end of the migration; one that is refused where there is none.
    fn finish(&mut self) -> Result<Vec<Event>, End> {
        let mut events = Vec::new();
        for _ in 0..MOST_STEPS {
            let event = self.step(&Op::Step {})?;
            let ends = match &event.answer {
                Answer::Step { step } => step.stage.is_end(),
                _ => true,
            };
            events.push(event);
            if ends {
                return Ok(events);
            }
        }
        Err(End::Mishap(format!("a migration had not ended after {MOST_STEPS} steps")))
    }

    /// Ends the migration, and then all that there is. Files are deleted last.
    fn teardown(&mut self) -> Result<Answer, End> {
        let mut completed = Vec::new();
        if self.profile.steps {
            completed = self.end_migration()?;
        }
        let named = std::mem::take(&mut self.named);
        let machine = &mut self.machine;
        let mut problems = Vec::new();
        let mut must = |answer: Result<(), Error>, missing: Error| match answer {
            Ok(()) => {}
            Err(error) if error == missing => {}
            Err(error) => problems.push(error),
        };
        for process in named.processes {
            must(machine.exit(process), Error::NoProcess);
        }
        for pin in named.pins {
            must(machine.unpin(pin), Error::NoHold);
        }
        for io in named.writebacks {
            must(machine.end_writeback(io), Error::NoHold);
        }
        for block in named.blocks {
            must(machine.free(block), Error::NoHold);
        }
        for file in (0..=u8::MAX).take(self.setup.files.len()) {
            must(machine.delete(File(file)), Error::NoFile);
        }
        Ok(match problems.first() {
            Some(error) => Answer::Refused { error: *error },
            None => Answer::TornDown { completed },
        })
    }

    fn end_migration(&mut self) -> Result<Vec<Completed>, End> {
        match self.finish()?.pop().map(|event| event.answer) {
            Some(Answer::Step { step }) => Ok(step.completed),
            Some(Answer::Refused { error: Error::NoMigration }) | None => Ok(Vec::new()),
            Some(answer) => Err(End::Mishap(format!("a step was {answer}"))),
        }
    }
}

fn done(answer: Result<(), Error>) -> Answer {
    answer_or(answer, |()| Answer::Done {})
}

fn answer_or<T>(answer: Result<T, Error>, made: impl FnOnce(T) -> Answer) -> Answer {
    answer.map_or_else(not_done, made)
}

fn not_done(error: Error) -> Answer {
    match error {
        Error::Waits => Answer::Waits {},
        error => Answer::Refused { error },
    }
}
