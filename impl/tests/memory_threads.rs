//! Several threads use one machine while pages move under them, in the orders that `shuttle`
//! chooses; then with the mistakes that such a machine could have, which must be found; and at last
//! with real threads.
//!
//! It does not cover memory orderings weaker than those of a mutex.

use std::any::Any;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, PoisonError};

use lawbook_reference::frames::Zone;
use lawbook_reference::memory::{
    Address, Area, Backing, Budget, Choices, Dump, Error, File, Frame, Hold, Machine, Migrated,
    Monitor, Monitors, Order, Page, Pages, Pass, Place, Planner, Process, Setup, SharedMachine,
    Sharing, Watched,
};
use lawbook_spec::frames::{self, ZonePlan};
use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::{Condvar, Mutex};
use shuttle::{Config, FailurePersistence, Runner, thread};

const SEED: u64 = 2003;
const SCHEDULES: usize = 3_000;
/// In how many places the schedules of the second kind put an unlikely switch.
const DEPTH: usize = 3;

const FRAMES: u64 = 8;
const PARENT: Process = Process(0);
const CHILD: Process = Process(1);
const THIRD: Process = Process(2);
const FILE: File = File(0);
const PIN: Hold = Hold(0);
/// What the page that moves has at first.
const FIRST: u8 = 100;
const PAGE: Page = Page(0x10);
const AT: Address = Address { page: PAGE, offset: 5 };
const WHOLE: Budget = Budget { scanned: 1 << 20, moved: 1 << 20 };

/// The monitors whose schedules are explored.
struct Explored<W>(PhantomData<W>);

struct ExploredMonitor<T, W> {
    value: Mutex<T>,
    changed: Condvar,
    how: PhantomData<fn() -> W>,
}

/// How a monitor sleeps and wakes.
trait Wakes: 'static {
    /// Whether others have the value between the look and the sleep.
    const LETS_GO: bool = false;

    fn wake(changed: &Condvar) {
        changed.notify_all();
    }
}

/// As a monitor is to be.
struct Sound;
impl Wakes for Sound {}

/// The mistake: nobody is told of an end.
struct NeverWakes;
impl Wakes for NeverWakes {
    fn wake(_: &Condvar) {}
}

/// The mistake: one is told, who may not be the only one.
struct WakesOne;
impl Wakes for WakesOne {
    fn wake(changed: &Condvar) {
        changed.notify_one();
    }
}

/// The mistake: the end comes between the look and the sleep.
struct LetsGo;
impl Wakes for LetsGo {
    const LETS_GO: bool = true;
}

impl<W: Wakes> Monitors for Explored<W> {
    type Of<T: Send> = ExploredMonitor<T, W>;

    /// Every lock is a place to switch.
    fn pause() {}
}

impl<T: Send, W: Wakes> Monitor<T> for ExploredMonitor<T, W> {
    fn new(value: T) -> Self {
        let (value, changed) = (Mutex::new(value), Condvar::new());
        ExploredMonitor { value, changed, how: PhantomData }
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.value.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wait<R>(&self, mut work: impl FnMut(&mut T) -> Option<R>) -> R {
        let lock = || self.value.lock().unwrap_or_else(PoisonError::into_inner);
        let mut value = lock();
        loop {
            if let Some(result) = work(&mut value) {
                return result;
            }
            if W::LETS_GO {
                drop(value);
                value = lock();
            }
            value = self.changed.wait(value).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wake(&self) {
        W::wake(&self.changed);
    }
}

type Shared = SharedMachine<Explored<Sound>>;

/// How often something came about in the schedules of an exploration.
#[derive(Clone, Default)]
struct Seen(Arc<std::sync::Mutex<BTreeMap<String, usize>>>);

impl Seen {
    fn note(&self, what: impl ToString) {
        *self.0.lock().expect("no note panics").entry(what.to_string()).or_default() += 1;
    }

    /// The threads did meet: each of these came about in many schedules.
    #[track_caller]
    fn often(&self, expected: &[&str]) {
        let seen = self.0.lock().expect("no note panics");
        for what in expected {
            assert!(seen.get(*what).is_some_and(|count| *count >= 20), "{what} in {seen:#?}");
        }
    }
}

fn schedule(scheduler: impl Scheduler + 'static, run: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = Config::default();
    config.failure_persistence = FailurePersistence::None;
    Runner::new(scheduler, config).run(run)
}

/// Explores schedules of both kinds. That nobody waits for ever, shuttle itself finds.
fn explore(run: impl Fn(&Seen) + Clone + Send + Sync + 'static) -> Seen {
    let seen = Seen::default();
    for is_random in [true, false] {
        let (run, seen) = (run.clone(), seen.clone());
        let run = move || run(&seen);
        if is_random {
            schedule(RandomScheduler::new_from_seed(SEED, SCHEDULES), run);
        } else {
            schedule(PctScheduler::new_from_seed(SEED, DEPTH, SCHEDULES), run);
        }
    }
    seen
}

type Job = Box<dyn FnOnce() + Send>;

/// Runs threads to their ends.
fn together(jobs: Vec<Job>) {
    let threads: Vec<_> = jobs.into_iter().map(thread::spawn).collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

/// Something that a thread does with a machine.
fn job<S: Send + Sync + 'static>(of: &Arc<S>, work: impl FnOnce(&S) + Send + 'static) -> Job {
    let of = Arc::clone(of);
    Box::new(move || work(&of))
}

fn setup(frames: u64) -> Setup {
    let zones = vec![ZonePlan::new(Zone::Normal, Frame(0), frames)];
    let memory = frames::Setup { zones, most: Order(3), pageblock: None };
    let watched = vec![Watched { order: Order(2), blocks: 2 }];
    Setup { memory, files: vec![2], watched, tick: WHOLE }
}

fn area(backing: Backing, sharing: Sharing) -> Area {
    Area { pages: Pages { first: PAGE, count: 2 }, backing, sharing, writable: true }
}

const ANONYMOUS: Backing = Backing::Anonymous {};
const CACHED: Backing = Backing::File { file: FILE, index: 0 };

/// A machine with a page that two processes have.
fn shared_page<W: Wakes>(backing: Backing, sharing: Sharing) -> Arc<SharedMachine<Explored<W>>> {
    let machine = SharedMachine::<Explored<W>>::with_monitors(&setup(FRAMES), Choices::default())
        .expect("it is sound");
    machine.spawn(PARENT).expect("there is none");
    machine.map(PARENT, area(backing, sharing)).expect("nothing is mapped");
    machine.write(PARENT, AT, FIRST).expect("it is writable");
    machine.fork(PARENT, CHILD).expect("there is no child");
    machine.read(CHILD, AT).expect("it is mapped");
    Arc::new(machine)
}

/// Checks what holds when no thread is at it any more: nobody waits, no migration is going on, and
/// both reverse maps and all translations are those of the page tables.
#[track_caller]
fn check_rest(Dump { processes, frames, .. }: &Dump) {
    let mut mapped: BTreeMap<Frame, Vec<Place>> = BTreeMap::new();
    for shown in processes {
        for pte in &shown.ptes {
            assert!(!pte.frozen, "{pte:?}");
            let place = Place { process: shown.process, page: pte.page };
            mapped.entry(pte.frame).or_default().push(place);
        }
        for translation in &shown.translations {
            let found = shown.ptes.iter().find(|pte| pte.page == translation.page);
            assert_eq!(found.map(|pte| pte.frame), Some(translation.frame), "{translation:?}");
        }
    }
    for shown in frames {
        let mut places = mapped.remove(&shown.frame).unwrap_or_default();
        places.sort_unstable();
        assert_eq!((&shown.reverse_map, &shown.chain), (&places, &places), "{shown:?}");
        assert!(!shown.isolated, "{shown:?}");
    }
    assert!(mapped.is_empty(), "{mapped:?}");
}

/// Checks the machine at rest, and that all frames are free when nothing is left.
#[track_caller]
fn check_end<M: Monitors>(machine: &SharedMachine<M>, frames: u64) {
    let dump = machine.look();
    check_rest(&dump);
    dump.processes.iter().for_each(|shown| machine.exit(shown.process).expect("it is there"));
    machine.delete(FILE).expect("it has been there");
    assert_eq!(machine.free_frames(), [frames]);
}

/// Lets the others come further before what this thread is for.
fn let_others_in(machine: &Shared) {
    (0..6).for_each(|_| drop(machine.free_frames()));
}

fn moves(machine: &Shared, seen: &Seen, times: usize) {
    for _ in 0..times {
        seen.note(match machine.migrate(PARENT, PAGE) {
            Ok(Migrated::Moved(_)) => "moved".into(),
            Ok(Migrated::Undone(why)) => format!("undone: {why:?}"),
            Err(error) => format!("refused: {error}"),
        });
    }
}

/// Bytes that one thread writes, each one more than the last, and what readers may see of them.
#[derive(Default)]
struct Log {
    begun: AtomicU8,
    done: AtomicU8,
}

impl Log {
    fn write(&self, write: impl FnOnce(u8) -> Result<(), Error>) {
        let byte = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        write(byte).expect("it is writable");
        self.done.store(byte, Ordering::SeqCst);
    }

    #[track_caller]
    fn read(&self, read: impl FnOnce() -> Result<u8, Error>) {
        let done = self.done.load(Ordering::SeqCst);
        let byte = read().expect("it is mapped");
        let begun = self.begun.load(Ordering::SeqCst);
        assert!((done..=begun).contains(&byte), "expected {done} to {begun}, found {byte}");
    }
}

#[test]
fn a_page_that_moves_has_the_last_byte_written_for_all_who_share_it() {
    let seen = explore(|seen| {
        let machine = shared_page::<Sound>(ANONYMOUS, Sharing::Shared);
        let log = Arc::new(Log::default());
        machine.write(PARENT, AT, 0).expect("it is writable");
        let (writes, reads, noted) = (Arc::clone(&log), Arc::clone(&log), seen.clone());
        together(vec![
            job(&machine, move |machine| {
                (0..3).for_each(|_| writes.write(|byte| machine.write(PARENT, AT, byte)));
            }),
            job(&machine, move |machine| {
                (0..3).for_each(|_| reads.read(|| machine.read(CHILD, AT)));
            }),
            job(&machine, move |machine| moves(machine, &noted, 2)),
        ]);
        assert_eq!(machine.read(CHILD, AT), Ok(3));
        seen.note(format!("{} waited", machine.waited()));
        check_end(&machine, FRAMES);
    });
    seen.often(&["moved", "0 waited", "1 waited", "2 waited"]);
}

#[test]
fn of_two_writes_that_wait_the_one_that_came_last_is_what_is_read() {
    let seen = explore(|seen| {
        let machine = shared_page::<Sound>(ANONYMOUS, Sharing::Shared);
        let noted = seen.clone();
        let came_last = Arc::new(AtomicBool::new(false));
        let last = Arc::clone(&came_last);
        together(vec![
            job(&machine, |machine| machine.write(PARENT, AT, 1).expect("it is writable")),
            job(&machine, move |machine| {
                last.store(machine.waited() == 1, Ordering::SeqCst);
                machine.write(CHILD, AT, 2).expect("it is writable");
            }),
            job(&machine, move |machine| moves(machine, &noted, 1)),
        ]);
        if came_last.load(Ordering::SeqCst) && machine.waited() == 2 {
            seen.note("the second came last");
            assert_eq!(machine.read(PARENT, AT), Ok(2));
        }
        check_end(&machine, FRAMES);
    });
    seen.often(&["the second came last"]);
}

#[test]
fn two_writers_after_a_fork_get_a_page_each_while_it_moves() {
    let seen = explore(|seen| {
        let machine = shared_page::<Sound>(ANONYMOUS, Sharing::Private);
        let writes = |process, byte| {
            job(&machine, move |machine: &Shared| {
                let first = machine.read(process, AT);
                assert_eq!(first, Ok(FIRST), "{process} sees what the other wrote");
                machine.write(process, AT, byte).expect("it is writable");
                assert_eq!(machine.read(process, AT), Ok(byte));
            })
        };
        let noted = seen.clone();
        let moves = job(&machine, move |machine: &Shared| moves(machine, &noted, 2));
        together(vec![writes(PARENT, 1), writes(CHILD, 2), moves]);
        assert_eq!((machine.read(PARENT, AT), machine.read(CHILD, AT)), (Ok(1), Ok(2)));
        assert_eq!(machine.free_frames(), [FRAMES - 2]);
        seen.note(format!("{} waited", machine.waited()));
        check_end(&machine, FRAMES);
    });
    seen.often(&["moved", "0 waited", "1 waited", "2 waited"]);
}

#[test]
fn a_fork_in_a_migration_copies_what_was_written_before_it() {
    let seen = explore(|seen| {
        let machine = shared_page::<Sound>(ANONYMOUS, Sharing::Private);
        let noted = (seen.clone(), seen.clone());
        together(vec![
            job(&machine, |machine| machine.write(PARENT, AT, 1).expect("it is writable")),
            job(&machine, move |machine| {
                machine.fork(PARENT, THIRD).expect("there is none");
                let forked = machine.read(THIRD, AT).expect("it is mapped");
                assert!([FIRST, 1].contains(&forked), "{forked}");
                noted.0.note(format!("forked {forked}"));
                machine.write(THIRD, AT, 2).expect("it is writable");
                assert_eq!(machine.read(THIRD, AT), Ok(2));
            }),
            job(&machine, move |machine| moves(machine, &noted.1, 1)),
        ]);
        let read = [PARENT, CHILD, THIRD].map(|process| machine.read(process, AT));
        assert_eq!(read, [Ok(1), Ok(FIRST), Ok(2)]);
        seen.note(format!("{} waited", machine.waited()));
        check_end(&machine, FRAMES);
    });
    seen.often(&["moved", "forked 1", "forked 100", "0 waited", "1 waited", "2 waited"]);
}

#[test]
fn an_unmap_in_a_migration_leaves_the_page_to_the_others() {
    let seen = explore(|seen| {
        let machine = shared_page::<Sound>(ANONYMOUS, Sharing::Private);
        let noted = (seen.clone(), seen.clone());
        together(vec![
            job(&machine, |machine| {
                machine.unmap(CHILD, Pages { first: PAGE, count: 2 }).expect("it is in space");
            }),
            job(&machine, move |machine| {
                noted.0.note(match machine.read(CHILD, AT) {
                    Ok(byte) => format!("read {byte}"),
                    Err(error) => format!("read: {error}"),
                });
            }),
            job(&machine, move |machine| moves(machine, &noted.1, 1)),
        ]);
        assert_eq!(machine.read(PARENT, AT), Ok(FIRST));
        assert_eq!(machine.free_frames(), [FRAMES - 1]);
        check_end(&machine, FRAMES);
    });
    seen.often(&["moved", "read 100", "read: nothing is mapped there"]);
}

#[test]
fn a_truncation_in_a_migration_frees_the_page_wherever_it_is() {
    let seen = explore(|seen| {
        let machine = shared_page::<Sound>(CACHED, Sharing::Shared);
        let noted = (seen.clone(), seen.clone());
        together(vec![
            job(&machine, |machine| {
                let_others_in(machine);
                machine.truncate(FILE, 0).expect("it is there");
            }),
            job(&machine, move |machine| {
                let read = machine.read(CHILD, AT);
                assert!(matches!(read, Ok(FIRST) | Err(Error::PastEnd)), "{read:?}");
                noted.0.note(format!("{read:?} after a wait: {}", machine.waited() == 1));
            }),
            job(&machine, move |machine| moves(machine, &noted.1, 1)),
        ]);
        assert_eq!(machine.read(PARENT, AT), Err(Error::PastEnd));
        assert_eq!(machine.free_frames(), [FRAMES]);
        seen.note(format!("{} waited", machine.waited()));
        check_end(&machine, FRAMES);
    });
    seen.often(&["moved", "undone: Gone", "refused: not present"]);
    seen.often(&["Ok(100) after a wait: true", "Err(PastEnd) after a wait: true"]);
}

#[test]
fn an_access_that_waits_is_refused_when_its_process_ends() {
    let seen = explore(|seen| {
        let machine = shared_page::<Sound>(ANONYMOUS, Sharing::Private);
        let noted = (seen.clone(), seen.clone());
        together(vec![
            job(&machine, |machine| {
                let_others_in(machine);
                machine.exit(CHILD).expect("it is there");
            }),
            job(&machine, move |machine| {
                // Only this access can wait.
                let written = machine.write(CHILD, AT, 1);
                let has_waited = machine.waited() == 1;
                assert!(matches!(written, Ok(()) | Err(Error::NoProcess)), "{written:?}");
                noted.0.note(format!("{} after a wait: {has_waited}", written.is_ok()));
            }),
            job(&machine, move |machine| moves(machine, &noted.1, 1)),
        ]);
        assert_eq!(machine.read(PARENT, AT), Ok(FIRST));
        assert_eq!(machine.free_frames(), [FRAMES - 1]);
        check_end(&machine, FRAMES);
    });
    seen.often(&["moved", "true after a wait: true", "false after a wait: true"]);
    seen.often(&["true after a wait: false", "false after a wait: false"]);
}

#[test]
fn a_page_that_is_pinned_or_locked_in_a_migration_stays_so_and_where_it_is() {
    let seen = explore(|seen| {
        let machine = shared_page::<Sound>(ANONYMOUS, Sharing::Shared);
        let noted = seen.clone();
        let pinned_at = |machine: &Shared| {
            let frames = machine.look().frames;
            frames.iter().find(|shown| shown.pins == 1).expect("one is pinned").frame
        };
        let first = Arc::new(std::sync::Mutex::new(None));
        let frame = Arc::clone(&first);
        together(vec![
            job(&machine, move |machine| {
                machine.pin(PIN, PARENT, PAGE).expect("it is writable");
                *frame.lock().expect("no thread panics") = Some(pinned_at(machine));
                machine.device_write(PIN, AT.offset, 1).expect("it is pinned");
                assert_eq!(machine.read(PARENT, AT), Ok(1));
            }),
            job(&machine, |machine| machine.lock(CHILD, PAGE).expect("it is mapped")),
            job(&machine, move |machine| moves(machine, &noted, 2)),
        ]);
        let frame = *first.lock().expect("no thread panics");
        assert_eq!(frame, Some(pinned_at(&machine)));
        assert_eq!(machine.migrate(PARENT, PAGE), Err(Error::Held));
        assert_eq!(machine.read(CHILD, AT), Ok(1));
        let ptes = machine.look().processes.remove(1).ptes;
        assert!(ptes[0].locked, "{ptes:?}");
        seen.note(format!("{} waited", machine.waited()));
        machine.unpin(PIN).expect("it is pinned");
        check_end(&machine, FRAMES);
    });
    seen.often(&["moved", "undone: Referenced", "refused: held", "0 waited", "1 waited"]);
    seen.often(&["2 waited"]);
}

#[test]
fn threads_that_move_pages_do_so_one_after_the_other() {
    let seen = explore(|seen| {
        let machine = shared_page::<Sound>(ANONYMOUS, Sharing::Private);
        occupy_both_halves(&machine);
        let noted = seen.clone();
        let is_moved = |moved| assert!(matches!(moved, Ok(Migrated::Moved(_))), "{moved:?}");
        together(vec![
            job(&machine, move |machine| is_moved(machine.migrate(PARENT, PAGE))),
            job(&machine, move |machine| is_moved(machine.migrate(THIRD, PAGE))),
            job(&machine, move |machine| {
                let pass = machine.defragment(Order(2), WHOLE).expect("there is such an order");
                noted.note(format!("{} moved", pass.moves.len()));
                assert!(machine.tick().woke, "two blocks are more than can be free");
            }),
            job(&machine, |machine| {
                machine.write(CHILD, AT, 1).expect("it is writable");
                assert_eq!(machine.read(PARENT, AT), Ok(FIRST));
            }),
        ]);
        let read = [PARENT, CHILD, THIRD].map(|process| machine.read(process, AT));
        assert_eq!(read, [Ok(FIRST), Ok(1), Ok(3)]);
        machine.defragment(Order(2), WHOLE).expect("there is such an order");
        assert_eq!(machine.free_blocks(Order(2)), 1);
        seen.note(format!("{} waited", machine.waited()));
        check_end(&machine, FRAMES);
    });
    seen.often(&["1 moved", "2 moved", "0 waited", "1 waited"]);
}

#[test]
fn others_come_in_between_two_moves_of_a_pass() {
    let passes: [fn(&Shared) -> Pass; 2] = [
        |machine| machine.defragment(Order(2), WHOLE).expect("there is such an order"),
        |machine| machine.tick().pass,
    ];
    for pass in passes {
        let seen = explore(move |seen| {
            let machine = shared_page::<Sound>(ANONYMOUS, Sharing::Private);
            occupy_both_halves(&machine);
            machine.write(CHILD, AT, 1).expect("it is writable");
            let used = |machine: &Shared| -> Vec<Frame> {
                machine.look().frames.iter().map(|shown| shown.frame).collect()
            };
            let at_first = used(&machine);
            let noted = seen.clone();
            together(vec![
                job(&machine, move |machine| assert_eq!(pass(machine).moves.len(), 2)),
                job(&machine, move |machine| {
                    let moved = used(machine).iter().filter(|to| !at_first.contains(to)).count();
                    noted.note(format!("{moved} moved so far"));
                }),
            ]);
            check_end(&machine, FRAMES);
        });
        seen.often(&["0 moved so far", "1 moved so far", "2 moved so far"]);
    }
}

/// Gives a third process all frames that are left, and takes back but the last two, which are in the
/// half of the frames that nobody else has.
fn occupy_both_halves(machine: &Shared) {
    let all = Pages { first: Page(PAGE.0 - 5), count: 7 };
    let area = Area { pages: all, ..area(ANONYMOUS, Sharing::Private) };
    machine.spawn(THIRD).expect("there is none");
    machine.map(THIRD, area).expect("nothing is mapped");
    for page in (0..7).map(|page| Page(all.first.0 + page)) {
        machine.write(THIRD, Address { page, ..AT }, 3).expect("a frame is free");
    }
    machine.unmap(THIRD, Pages { count: 5, ..all }).expect("it is in space");
}

#[test]
fn a_write_is_never_lost_in_any_schedule_of_the_smallest_case() {
    let seen = Seen::default();
    let noted = seen.clone();
    let schedules = schedule(DfsScheduler::new(None, false), move || {
        let machine = shared_page::<Sound>(ANONYMOUS, Sharing::Shared);
        machine.exit(CHILD).expect("it is there");
        let noted = (noted.clone(), noted.clone());
        together(vec![
            job(&machine, |machine| machine.write(PARENT, AT, 1).expect("it is writable")),
            job(&machine, move |machine| moves(machine, &noted.0, 1)),
        ]);
        assert_eq!(machine.read(PARENT, AT), Ok(1));
        noted.1.note(format!("{} waited", machine.waited()));
        check_end(&machine, FRAMES);
    });
    assert!(schedules > 1_000, "{schedules} schedules");
    seen.often(&["moved", "0 waited", "1 waited"]);
}

#[test]
fn a_pass_in_parts_moves_what_a_pass_at_once_does_when_nobody_comes_in_between() {
    for planner in [Planner::Exact, Planner::TwoFinger] {
        let choices = Choices { planner, ..Choices::default() };
        let mut alone = Machine::new(&setup(64), choices).expect("it is sound");
        let shared = SharedMachine::new(&setup(64), choices).expect("it is sound");
        let all = Pages { first: PAGE, count: 64 };
        let area = Area { pages: all, ..area(ANONYMOUS, Sharing::Private) };
        alone.spawn(PARENT).and_then(|()| alone.map(PARENT, area)).expect("nothing is mapped");
        shared.spawn(PARENT).and_then(|()| shared.map(PARENT, area)).expect("nothing is mapped");
        for page in (0..64).map(|page| Page(PAGE.0 + page)) {
            alone.write(PARENT, Address { page, ..AT }, 1).expect("a frame is free");
            shared.write(PARENT, Address { page, ..AT }, 1).expect("a frame is free");
        }
        for page in (0..64).filter(|page| page * page % 11 > 4) {
            let gone = Pages { first: Page(PAGE.0 + page), count: 1 };
            alone.unmap(PARENT, gone).expect("it is in space");
            shared.unmap(PARENT, gone).expect("it is in space");
        }
        for budget in [Budget { moved: 2, ..WHOLE }, WHOLE] {
            let once = alone.defragment(Order(3), budget).expect("there is such an order");
            let parts = shared.defragment(Order(3), budget).expect("there is such an order");
            assert!(parts.moves.len() >= 2, "{planner:?}: {parts:?}");
            assert_eq!((parts.moves, parts.ended), (once.moves, once.ended), "{planner:?}");
        }
        assert!(shared.free_blocks(Order(3)) > 0);
    }
}

/// What the planted mistakes have in common with a shared machine.
trait Subject: Send + Sync + 'static {
    fn read(&self, process: Process, address: Address) -> Result<u8, Error>;
    fn write(&self, process: Process, address: Address, byte: u8) -> Result<(), Error>;
    fn pin(&self, pin: Hold, process: Process, page: Page) -> Result<(), Error>;
    fn migrate(&self, process: Process, page: Page) -> Result<(), Error>;
    fn tick(&self);
}

impl<M: Monitors> Subject for SharedMachine<M> {
    fn read(&self, process: Process, address: Address) -> Result<u8, Error> {
        SharedMachine::read(self, process, address)
    }

    fn write(&self, process: Process, address: Address, byte: u8) -> Result<(), Error> {
        SharedMachine::write(self, process, address, byte)
    }

    fn pin(&self, pin: Hold, process: Process, page: Page) -> Result<(), Error> {
        SharedMachine::pin(self, pin, process, page)
    }

    fn migrate(&self, process: Process, page: Page) -> Result<(), Error> {
        SharedMachine::migrate(self, process, page).map(drop)
    }

    fn tick(&self) {
        SharedMachine::tick(self);
    }
}

/// What is wrong with a sketch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// Whether a page is frozen is asked first, and it is accessed later.
    LooksOutside,
    /// Who waited does its access by itself, though the machine has done it.
    DoesTwice,
    /// A tick takes the tables, to see whether it is to wake, and then the turn.
    OtherOrder,
    /// Nobody takes the turn.
    NoTurn,
}

/// A shared machine that is made wrong.
struct Sketch {
    turn: ExploredMonitor<(), Sound>,
    machine: ExploredMonitor<Machine, Sound>,
    mistake: Mistake,
}

impl Sketch {
    fn access<R>(
        &self,
        place: Place,
        access: impl Fn(&mut Machine) -> Result<R, Error>,
    ) -> Result<R, Error> {
        if self.mistake == Mistake::LooksOutside {
            self.machine.wait(|machine| (!is_frozen(machine, place)).then_some(()));
            return self.machine.with(access);
        }
        self.machine.wait(|machine| match access(machine) {
            Err(Error::Waits) => None,
            answer => Some(answer),
        })
    }

    fn migrate_alone(&self, process: Process, page: Page) -> Result<(), Error> {
        self.machine.with(|machine| machine.migrate(process, page))?;
        loop {
            let stage = self.machine.with(Machine::step)?.stage;
            if stage.is_end() {
                self.machine.wake();
                return Ok(());
            }
        }
    }
}

fn is_frozen(machine: &Machine, place: Place) -> bool {
    let shown = machine.look().processes;
    let of = shown.iter().filter(|shown| shown.process == place.process);
    of.flat_map(|shown| &shown.ptes).any(|pte| pte.page == place.page && pte.frozen)
}

impl Subject for Sketch {
    fn read(&self, process: Process, address: Address) -> Result<u8, Error> {
        let place = Place { process, page: address.page };
        self.access(place, |machine| machine.read(process, address))
    }

    fn write(&self, process: Process, address: Address, byte: u8) -> Result<(), Error> {
        let place = Place { process, page: address.page };
        self.access(place, |machine| machine.write(process, address, byte))
    }

    fn pin(&self, pin: Hold, process: Process, page: Page) -> Result<(), Error> {
        self.access(Place { process, page }, |machine| machine.pin(pin, process, page))
    }

    fn migrate(&self, process: Process, page: Page) -> Result<(), Error> {
        match self.mistake {
            Mistake::NoTurn => self.migrate_alone(process, page),
            _ => self.turn.with(|()| self.migrate_alone(process, page)),
        }
    }

    fn tick(&self) {
        if self.mistake == Mistake::OtherOrder {
            self.machine.with(|machine| self.turn.with(|()| machine.tick()));
        } else {
            self.turn.with(|()| self.machine.with(Machine::tick));
        }
    }
}

/// Threads that access a page while it moves; what they are answered is that it is done.
fn access_together(subject: &Arc<impl Subject>) {
    together(vec![
        job(subject, |subject| {
            subject.write(PARENT, AT, 1).expect("it is writable");
            assert_eq!(subject.read(PARENT, AT), Ok(1));
        }),
        job(subject, |subject| subject.pin(PIN, CHILD, PAGE).expect("nothing is pinned")),
        job(subject, |subject| subject.migrate(PARENT, PAGE).unwrap_or_else(is_held)),
    ]);
}

/// Threads that all move pages.
fn move_together(subject: &Arc<impl Subject>) {
    together(vec![
        job(subject, |subject| subject.migrate(PARENT, PAGE).expect("it can move")),
        job(subject, |subject| subject.migrate(CHILD, PAGE).expect("it can move")),
        job(subject, |subject| subject.tick()),
    ]);
}

#[track_caller]
fn is_held(error: Error) {
    assert_eq!(error, Error::Held);
}

fn with_wakes<W: Wakes>() {
    let machine = shared_page::<W>(ANONYMOUS, Sharing::Shared);
    move_together(&machine);
    access_together(&machine);
    machine.unpin(PIN).expect("it is pinned");
    check_end(&machine, FRAMES);
}

fn with_mistake(mistake: Mistake) {
    let mut machine = Machine::new(&setup(FRAMES), Choices::default()).expect("it is sound");
    machine.spawn(PARENT).expect("there is none");
    machine.map(PARENT, area(ANONYMOUS, Sharing::Shared)).expect("nothing is mapped");
    machine.write(PARENT, AT, FIRST).expect("it is writable");
    machine.fork(PARENT, CHILD).expect("there is no child");
    machine.read(CHILD, AT).expect("it is mapped");
    let (turn, machine) = (ExploredMonitor::new(()), ExploredMonitor::new(machine));
    let sketch = Arc::new(Sketch { turn, machine, mistake });
    match mistake {
        Mistake::LooksOutside | Mistake::DoesTwice => access_together(&sketch),
        Mistake::OtherOrder | Mistake::NoTurn => move_together(&sketch),
    }
}

/// Checks what the exploration panics with, which it must.
#[track_caller]
fn check_found(run: impl Fn() + Clone + Send + Sync + 'static, expected: &str) {
    let explored = catch_unwind(AssertUnwindSafe(|| drop(explore(move |_| run()))));
    let panic: Box<dyn Any + Send> = explored.expect_err("the mistake is found");
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let found = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
    assert!(found.contains(expected), "expected {expected:?}, found {found:?}");
}

#[test]
fn what_finds_the_mistakes_finds_none_where_there_is_none() {
    explore(|_| with_wakes::<Sound>());
}

#[test]
fn a_wake_that_is_lost_is_found() {
    check_found(with_wakes::<NeverWakes>, "deadlock");
}

#[test]
fn an_end_of_which_only_one_is_told_is_found() {
    check_found(with_wakes::<WakesOne>, "deadlock");
}

#[test]
fn an_end_between_the_look_and_the_sleep_is_found() {
    check_found(with_wakes::<LetsGo>, "deadlock");
}

#[test]
fn locks_taken_in_the_other_order_are_found() {
    check_found(|| with_mistake(Mistake::OtherOrder), "deadlock");
}

#[test]
fn two_migrations_at_once_are_found() {
    check_found(|| with_mistake(Mistake::NoTurn), "Busy");
}

#[test]
fn a_look_at_what_is_frozen_outside_the_lock_is_found() {
    check_found(|| with_mistake(Mistake::LooksOutside), "Waits");
}

#[test]
fn an_access_that_is_done_twice_is_found() {
    check_found(|| with_mistake(Mistake::DoesTwice), "HoldTaken");
}

/// What each of the real threads does, again and again, with pages of its own and one that all
/// have: nothing of it is refused.
fn work(machine: &SharedMachine, own: Process, round: u8) -> Result<(), Error> {
    let child = Process(own.0 + 10);
    let private = |page: u32| Address { page: Page(PAGE.0 + 4 + page), offset: 7 };
    let shared = Address { offset: u16::from(own.0), ..AT };
    for page in 0..4 {
        machine.write(own, private(page), round ^ own.0)?;
    }
    machine.write(own, shared, round)?;
    machine.fork(own, child)?;
    machine.write(child, private(0), !round)?;
    let pin = Hold(own.0);
    machine.pin(pin, own, private(1).page)?;
    machine.device_write(pin, 8, round)?;
    for page in 0..4 {
        assert_eq!(machine.read(own, private(page))?, round ^ own.0);
    }
    assert_eq!(machine.read(own, Address { offset: 8, ..private(1) })?, round);
    assert_eq!((machine.read(child, shared)?, machine.read(child, private(0))?), (round, !round));
    machine.exit(child)?;
    machine.unpin(pin)
}

/// Moves one page of a process after the other.
fn move_all(machine: &SharedMachine, rounds: u32) -> usize {
    let pages = (0..rounds).flat_map(|round| {
        let page = if round % 2 == 0 { PAGE.0 } else { PAGE.0 + 4 + round / 2 % 4 };
        (1..=THREADS).map(move |own| (Process(own), Page(page)))
    });
    let is_moved = |moved| matches!(moved, Ok(Migrated::Moved(_)));
    pages.filter(|(own, page)| is_moved(machine.migrate(*own, *page))).count()
}

/// How many of the real threads work, and how often at least: about 20 operations each time.
const THREADS: u8 = 4;
const ROUNDS: u8 = 60;

#[test]
fn real_threads_keep_their_bytes_while_pages_move() {
    let machine = SharedMachine::new(&setup(64), Choices::default()).expect("it is sound");
    machine.spawn(PARENT).expect("there is none");
    machine.map(PARENT, area(ANONYMOUS, Sharing::Shared)).expect("nothing is mapped");
    for own in (1..=THREADS).map(Process) {
        machine.fork(PARENT, own).expect("there is none");
        let pages = Pages { first: Page(PAGE.0 + 4), count: 4 };
        let area = Area { pages, ..area(ANONYMOUS, Sharing::Private) };
        machine.map(own, area).expect("nothing is mapped");
        work(&machine, own, 0).expect("nothing is refused");
    }
    let (machine, is_over) = (&machine, &AtomicBool::new(false));
    let moved = std::thread::scope(|threads| {
        let works = |own| {
            move || {
                let goes_on = |round| round < ROUNDS || !is_over.load(Ordering::SeqCst);
                for round in (0..=u8::MAX).take_while(|round| goes_on(*round)) {
                    work(machine, Process(own), round).expect("nothing is refused");
                }
            }
        };
        let workers: Vec<_> = (1..=THREADS).map(|own| threads.spawn(works(own))).collect();
        let daemon = threads.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                machine.tick();
                machine.defragment(Order(3), WHOLE).expect("there is such an order");
            }
        });
        let moved = threads.spawn(|| move_all(machine, 8)).join();
        is_over.store(true, Ordering::SeqCst);
        for thread in workers.into_iter().chain([daemon]) {
            thread.join().expect("no thread panics");
        }
        moved.expect("no thread panics")
    });
    assert!(moved >= 16, "the page that is never pinned can move: {moved}");
    check_end(machine, 64);
}
