//! What the threads of a [`SharedMachine`](super::SharedMachine) block on: a mutex with a condition
//! variable, as a trait.
//!
//! A shared machine is generic over it for one reason: the thread schedulers that explore concurrency
//! replace the standard ones, and a test replaces them by ones that are wrong, to see that the
//! exploration notices. Neither needs a feature flag, nor code that only tests compile.
//! It does not cover which monitors there are, nor in which order they are taken.

use std::sync::{Condvar, Mutex};
use std::thread;

/// A value that one thread at a time sees, and whose changes others can wait for.
pub trait Monitor<T>: Send + Sync {
    /// Puts a value into a monitor.
    fn new(value: T) -> Self;

    /// Does something with the value, alone.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R;

    /// Does something with the value, alone, and again whenever it was [woken](Self::wake), until
    /// that has a result. No wake gets lost between the work and the sleep.
    fn wait<R>(&self, work: impl FnMut(&mut T) -> Option<R>) -> R;

    /// Wakes all who wait.
    fn wake(&self);
}

/// A kind of monitors, for whatever value.
pub trait Monitors: 'static {
    /// The monitor of a value.
    type Of<T: Send>: Monitor<T>;

    /// Lets other threads go on. The caller holds nothing that they could want, but it will soon.
    fn pause();
}

/// The monitors of the standard library.
#[derive(Debug, Clone, Copy)]
pub struct Native;

impl Monitors for Native {
    type Of<T: Send> = NativeMonitor<T>;

    fn pause() {
        thread::yield_now();
    }
}

/// A mutex and a condition variable of the standard library.
///
/// Who comes to it after a thread has panicked in it panics too: what that thread left half done is
/// not gone on with.
#[derive(Debug)]
pub struct NativeMonitor<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T: Send> Monitor<T> for NativeMonitor<T> {
    fn new(value: T) -> Self {
        NativeMonitor { value: Mutex::new(value), changed: Condvar::new() }
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.value.lock().expect(WHOLE))
    }

    fn wait<R>(&self, mut work: impl FnMut(&mut T) -> Option<R>) -> R {
        let mut value = self.value.lock().expect(WHOLE);
        loop {
            if let Some(result) = work(&mut value) {
                return result;
            }
            value = self.changed.wait(value).expect(WHOLE);
        }
    }

    fn wake(&self) {
        self.changed.notify_all();
    }
}

const WHOLE: &str = "no thread has panicked while it had the value";
