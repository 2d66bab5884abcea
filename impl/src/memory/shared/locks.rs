//! The two monitors of a shared machine, and the only ways to them.
//!
//! What is done under either is given only that, and may borrow nothing else (`'static`): it has no
//! way to the other monitor, nor to the same one again. So the turn is never taken under the tables,
//! and nobody who has the turn, or the tables, waits for the end of a migration: such code does not
//! compile.
//! It does not cover what is done.

use std::fmt;

use super::monitor::{Monitor, Monitors};
use super::tables::Tables;

/// The turn to move pages, and the tables.
pub(super) struct Locks<M: Monitors> {
    turn: M::Of<()>,
    tables: M::Of<Tables>,
}

/// The turn, while a thread has it.
pub(super) struct Turn<'a, M: Monitors> {
    tables: &'a M::Of<Tables>,
}

impl<M: Monitors> Locks<M> {
    pub(super) fn new(tables: Tables) -> Self {
        Locks { turn: M::Of::new(()), tables: M::Of::new(tables) }
    }

    /// Waits for the turn, and does something while no other thread has it.
    pub(super) fn turn<R>(&self, work: impl FnOnce(Turn<'_, M>) -> R + 'static) -> R {
        self.turn.with(|()| work(Turn { tables: &self.tables }))
    }

    /// Does something with the tables, alone, and tells those who wait what came of their accesses.
    pub(super) fn tables<R>(&self, work: impl FnOnce(&mut Tables) -> R + 'static) -> R {
        alone(&self.tables, work)
    }

    /// Does something with the tables, alone, and again whenever accesses that waited are done, until
    /// that has a result. Others have the tables in between.
    pub(super) fn wait<R>(&self, work: impl FnMut(&mut Tables) -> Option<R> + 'static) -> R {
        self.tables.wait(work)
    }
}

impl<M: Monitors> Turn<'_, M> {
    /// As [`Locks::tables`].
    pub(super) fn tables<R>(&self, work: impl FnOnce(&mut Tables) -> R + 'static) -> R {
        alone(self.tables, work)
    }
}

impl<M: Monitors> fmt::Debug for Locks<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tables.with(|tables| tables.fmt(f))
    }
}

fn alone<R>(tables: &impl Monitor<Tables>, work: impl FnOnce(&mut Tables) -> R) -> R {
    let (result, has_news) = tables.with(|tables| (work(tables), tables.take_news()));
    if has_news {
        tables.wake();
    }
    result
}
