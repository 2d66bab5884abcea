//! The lock around a loader's table, as a trait with two methods.
//!
//! A loader is generic over it for one reason: the thread schedulers that explore concurrency
//! replace the mutex, and a test replaces it by one that does not hold, to see that the exploration
//! notices. Neither needs a feature flag, nor code that only tests compile.
//! It does not cover waiting: whoever is refused is told so at once.

use std::sync::{Mutex, PoisonError};

/// A value that one thread at a time sees.
pub trait Lock<T>: Send + Sync {
    /// Puts a value behind the lock.
    fn new(value: T) -> Self;

    /// Does something with the value, alone. The loader's `work` is short, and calls nobody's
    /// callback.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R;
}

impl<T: Send> Lock<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Mutex::new(value)
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // Nothing in the work panics halfway: a poisoned table is a whole table.
        work(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
