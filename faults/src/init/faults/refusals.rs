//! Faults in what is refused, in what calls back in, and in references.

use lawbook_spec::core::Implementation;
use lawbook_spec::init::{Error, Half, Init, Pair, Permanence, Profile, State};

use super::super::decisions::{Decisions, Right};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Init>; 19] = [
    fault::<PermanentByFirst>(
        "permanent-by-first",
        "INIT-19",
        "Whether a module can be unloaded is decided by its first pair alone.",
        "Rusty Russell's first version of 23 June 2003",
    ),
    fault::<UnloadsPermanent>(
        "unloads-permanent",
        "INIT-19",
        "A module with an init that has no exit is unloaded all the same.",
        "constructed: a forced unload",
    ),
    fault::<UnloadsInUse>(
        "unloads-in-use",
        "INIT-20",
        "A module is unloaded while references to it are held.",
        "constructed: a forced unload",
    ),
    fault::<RunsExitsOfUsed>(
        "runs-exits-of-used",
        "INIT-20",
        "The exits of a module in use run before its unload is refused.",
        "constructed: the references are counted last",
    ),
    fault::<ForgetsExitsOfUsed>(
        "forgets-exits-of-used",
        "INIT-21",
        "A refused unload of a module in use has taken what is owed off the list.",
        "constructed: the list is taken before the references are counted",
    ),
    fault::<LiveTooEarly>(
        "live-too-early",
        "INIT-28",
        "A module is live before its first init: one of its own inits can unload it.",
        "CVE-2024-26734 and CVE-2024-26735: devlink and seg6 of Linux could be reached before \
         their inits were through",
    ),
    fault::<GoingTooLate>(
        "going-too-late",
        "INIT-28",
        "A module stays live while its exits run: one of its own exits can unload it.",
        "constructed: the lock is dropped for the exits, and no state takes its place",
    ),
    fault::<LocksExits>(
        "locks-exits",
        "INIT-29",
        "The loader's lock is held over exits: what they ask of the loader ends in a deadlock.",
        "Linux, before \"module: Don't wait for GOING modules\" of 2022",
    ),
    fault::<LocksInits>(
        "locks-inits",
        "INIT-29",
        "The loader's lock is held over inits: what they ask of the loader ends in a deadlock.",
        "Linux 9bea7f23952d, the fix of \"gave up waiting for init of module libcrc32c\"",
    ),
    fault::<TakesRegistration>(
        "takes-registration",
        "INIT-29",
        "A pair that an init registers joins the module at once.",
        "constructed: the list is not closed while it is walked",
    ),
    fault::<OwesRegistered>(
        "owes-registered",
        "INIT-04",
        "A pair that an init registers is refused, but its exit is owed already.",
        "constructed: hooks are put on the list of exits before their inits have run",
    ),
    fault::<IgnoresParameters>(
        "ignores-parameters",
        "INIT-33",
        "A module with wrong parameters is loaded.",
        "constructed: the parser's error is logged",
    ),
    fault::<ReloadsLive>(
        "reloads-live",
        "INIT-34",
        "To load what is live runs its inits again.",
        "constructed: nobody looks for the name before the inits",
    ),
    fault::<CountsRefusedGet>(
        "counts-refused-get",
        "INIT-42",
        "A get that is refused has counted its reference.",
        "constructed: the count is raised before the state is looked at",
    ),
    fault::<PutDropsAll>(
        "put-drops-all",
        "INIT-35",
        "A put gives all references back.",
        "constructed: \"in use\" is a flag",
    ),
    fault::<GetCountsOnce>(
        "get-counts-once",
        "INIT-35",
        "A second reference is granted and not counted.",
        "constructed: \"in use\" is a flag",
    ),
    fault::<HidesComing>(
        "hides-coming",
        "INIT-39",
        "A module is said to be unloaded while its inits run.",
        "constructed: it is put into the list when it is live",
    ),
    fault::<HidesGoing>(
        "hides-going",
        "INIT-39",
        "A module is said to be live while its exits run.",
        "constructed: it is taken off the list at the end",
    ),
    fault::<EntriesOfLiveAlone>(
        "entries-of-live-alone",
        "INIT-40",
        "An init asks for an entry and is refused, since its module is not live yet.",
        "constructed: an entry takes a reference to its owner",
    ),
];

#[derive(Default)]
struct PermanentByFirst;

impl Decisions for PermanentByFirst {
    fn profile(&self) -> Profile {
        profiles::balance()
    }

    fn is_permanent(&self, _rule: Permanence, pairs: &[Pair]) -> bool {
        pairs.first().is_some_and(|pair| pair.init.is_some() && pair.exit.is_none())
    }
}

#[derive(Default)]
struct UnloadsPermanent;

impl Decisions for UnloadsPermanent {
    fn is_permanent(&self, _rule: Permanence, _pairs: &[Pair]) -> bool {
        false
    }
}

#[derive(Default)]
struct UnloadsInUse;

impl Decisions for UnloadsInUse {
    fn is_in_use(&self, _references: u32) -> bool {
        false
    }
}

#[derive(Default)]
struct RunsExitsOfUsed;

impl Decisions for RunsExitsOfUsed {
    fn exits_before_refusal(&self, why: Error, completed: &mut Vec<usize>) -> Vec<usize> {
        if why == Error::InUse { Right.backwards(&[], completed) } else { Vec::new() }
    }
}

#[derive(Default)]
struct ForgetsExitsOfUsed;

impl Decisions for ForgetsExitsOfUsed {
    fn exits_before_refusal(&self, why: Error, completed: &mut Vec<usize>) -> Vec<usize> {
        if why == Error::InUse {
            completed.clear();
        }
        Vec::new()
    }
}

#[derive(Default)]
struct LiveTooEarly;

impl Decisions for LiveTooEarly {
    fn state_while_starting(&self) -> State {
        State::Live
    }
}

#[derive(Default)]
struct GoingTooLate;

impl Decisions for GoingTooLate {
    fn state_while_stopping(&self) -> State {
        State::Live
    }
}

#[derive(Default)]
struct LocksExits;

impl Decisions for LocksExits {
    fn holds_lock_over(&self, half: Half) -> bool {
        half == Half::Exit
    }
}

#[derive(Default)]
struct LocksInits;

impl Decisions for LocksInits {
    fn holds_lock_over(&self, half: Half) -> bool {
        half == Half::Init
    }
}

#[derive(Default)]
struct TakesRegistration;

impl Decisions for TakesRegistration {
    fn takes_registration(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct OwesRegistered;

impl Decisions for OwesRegistered {
    fn owes_registered_exit(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct IgnoresParameters;

impl Decisions for IgnoresParameters {
    fn takes_parameters(&self, _parameters: Result<(), i32>) -> bool {
        true
    }
}

#[derive(Default)]
struct ReloadsLive;

impl Decisions for ReloadsLive {
    fn refuses_load(&self, state: State, failed_before: bool) -> Option<Error> {
        if state == State::Live { None } else { Right.refuses_load(state, failed_before) }
    }
}

#[derive(Default)]
struct CountsRefusedGet;

impl Decisions for CountsRefusedGet {
    fn references_after_get(&self, _granted: bool, held: u32) -> u32 {
        held + 1
    }
}

#[derive(Default)]
struct PutDropsAll;

impl Decisions for PutDropsAll {
    fn references_after_put(&self, _held: u32) -> u32 {
        0
    }
}

#[derive(Default)]
struct GetCountsOnce;

impl Decisions for GetCountsOnce {
    fn references_after_get(&self, granted: bool, held: u32) -> u32 {
        if granted { 1 } else { held }
    }
}

#[derive(Default)]
struct HidesComing;

impl Decisions for HidesComing {
    fn shown(&self, state: State) -> State {
        if state == State::Coming { State::Unloaded } else { state }
    }
}

#[derive(Default)]
struct HidesGoing;

impl Decisions for HidesGoing {
    fn shown(&self, state: State) -> State {
        if state == State::Going { State::Live } else { state }
    }
}

#[derive(Default)]
struct EntriesOfLiveAlone;

impl Decisions for EntriesOfLiveAlone {
    fn refuses_entry(&self, state: State) -> Option<Error> {
        if state == State::Coming { Some(Error::Busy) } else { None }
    }
}
