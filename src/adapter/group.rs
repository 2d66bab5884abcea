//! The processes that a child started, as one: on Unix they share its process group, and the group is
//! ended with it, also when a signal ends us.
//!
//! Elsewhere only the child itself is ended. It does not cover processes that left the group.

#[cfg(not(unix))]
pub(super) use self::others::*;
#[cfg(unix)]
pub(super) use self::unix::*;

#[cfg(unix)]
mod unix {
    use std::collections::BTreeSet;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};
    use std::sync::{Mutex, MutexGuard, Once, PoisonError};
    use std::thread;

    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    /// The groups under way.
    static LIVE: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

    fn live() -> MutexGuard<'static, BTreeSet<u32>> {
        LIVE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what is to be started a group of its own. A terminal's signals do not reach it there, so
    /// that we pass them on.
    pub(in super::super) fn prepare(command: &mut Command) {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // Where signals can't be watched, they end us as before.
            let Ok(mut signals) = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]) else { return };
            thread::spawn(move || {
                for signal in signals.forever() {
                    live().iter().for_each(|id| end_group(*id));
                    emulate_default_handler(signal).unwrap_or(());
                }
            });
        });
        command.process_group(0);
    }

    pub(in super::super) fn remember(child: &Child) {
        live().insert(child.id());
    }

    pub(in super::super) fn forget(child: &Child) {
        live().remove(&child.id());
    }

    /// Whether it has exited. It is not waited for, so that its number stays its group's.
    pub(in super::super) fn has_exited(child: &mut Child) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(Pid::from_child(child)), options), Ok(None))
    }

    /// Ends the group of a child that was not waited for.
    pub(in super::super) fn end(child: &mut Child) {
        end_group(child.id());
    }

    fn end_group(id: u32) {
        let id = i32::try_from(id).ok().and_then(Pid::from_raw);
        // A group without processes needs no end.
        id.map_or(Ok(()), |id| kill_process_group(id, Signal::KILL)).unwrap_or(());
    }
}

#[cfg(not(unix))]
mod others {
    use std::process::{Child, Command};

    pub(in super::super) fn prepare(_command: &mut Command) {}

    pub(in super::super) fn remember(_child: &Child) {}

    pub(in super::super) fn forget(_child: &Child) {}

    /// Whether it has exited.
    pub(in super::super) fn has_exited(child: &mut Child) -> bool {
        !matches!(child.try_wait(), Ok(None))
    }

    /// Ends the child.
    pub(in super::super) fn end(child: &mut Child) {
        // One that has exited needs no end.
        child.kill().unwrap_or(());
    }
}
