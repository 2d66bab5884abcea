//! Passes and reverse maps of the reference, in the same run as what they are held against: medians
//! of the thread's CPU time in nanoseconds, and ratios. What is measured was set up before, and that
//! is not timed.
//!
//! A scan is held against a bare loop of two fingers over an array of states, a byte for each frame;
//! nothing can move then. A move is what a pass that moves takes beyond its scan. It is held against
//! a bare loop that copies pages of 4096 bytes; but a pass of the reference hands the bytes of a page
//! from frame to frame, and copies 48 bytes. A migration in steps does copy them, and is shown too.
//! The reverse maps are held against each other.
//! It asserts nothing but that each does what is measured.
//!
//! `cargo bench -p lawbook-reference --bench memory -- 20` measures machines of at most 2^20 frames.

use std::hint::black_box;
use std::time::Duration;

use lawbook_reference::memory::{
    Address, Area, Backing, Budget, Choices, File, Frame, Machine, Order, Page, Pages, Pass,
    Planner, Process, Setup, Sharing, Stage, Watched,
};
use lawbook_spec::frames::{self, Zone, ZonePlan};
use rustix::time::{ClockId, clock_gettime};

/// Powers of two, each four times the one before: what grows faster than the frames shows.
const SIZES: [u32; 5] = [16, 18, 20, 22, 24];
const ROUNDS: u64 = 3;

/// The order of the blocks that passes are to make.
const WANTED: Order = Order(9);
const WHOLE: Budget = Budget { scanned: 1 << 40, moved: 1 << 40 };

/// How many pages the area of a process has, where they are to fill a machine.
const SPACE: u32 = 1 << 20;
const PAGE_BYTES: usize = 4096;

/// What is walked at once: the reverse maps of the pages of an area.
const WALKED: u32 = 512;
const SHARERS: [u32; 4] = [1, 10, 100, 1000];

/// A machine has no more processes than have a number.
const PROCESSES: u32 = 256;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` asks for nothing to be measured.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let limit = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(u32::MAX);
    println!("CPU time in ns (medians of {ROUNDS} rounds)");
    let sizes: Vec<u32> = SIZES.into_iter().filter(|size| *size <= limit).collect();
    let scans = scans(&sizes);
    moves(&sizes, &scans);
    migrations();
    reverse_maps();
}

const PLANNERS: [Planner; 2] = [Planner::TwoFinger, Planner::Exact];

/// Prints and gives what both planners take for a frame, for each size.
fn scans(sizes: &[u32]) -> Vec<[f64; 2]> {
    println!("\na frame that is looked at: half of the frames are used, and nothing can move");
    println!(
        "{:12}{:>12}{:>12}{:>24}{:>24}",
        "frames", "bytes/frame", "bare loop", "two_finger", "exact"
    );
    let line = |&size: &u32| {
        let bare = median(|random| bare_scan(size, random));
        let [(two_finger, bytes), (exact, _)] = PLANNERS.map(|planner| scan(size, planner));
        let ratios = [two_finger / bare, exact / two_finger];
        print!("2^{size:<10}{bytes:>12.1}{bare:>12.2}");
        print!("{two_finger:>10.2}{:>6.1} x bare", ratios[0]);
        println!("{exact:>10.2}{:>5.1} x fingers", ratios[1]);
        [two_finger, exact]
    };
    sizes.iter().map(line).collect()
}

fn moves(sizes: &[u32], scans: &[[f64; 2]]) {
    let bare = median(|_| bare_copy());
    println!("\na page that a pass moves: half of the frames are used, by pages that can move");
    println!("{:12}{:>12}{:>24}{:>24}", "frames", "bare copy", "two_finger", "exact");
    for (size, scans) in sizes.iter().zip(scans) {
        print!("2^{size:<10}{bare:>12.1}");
        for (planner, scan) in PLANNERS.into_iter().zip(scans) {
            let ns = median(|random| relocation(*size, planner, *scan, random));
            print!("{ns:>10.1}{:>6.2} x copy", ns / bare);
        }
        println!();
    }
}

/// How long it takes to look at a frame in a pass that finds nothing to move, and how many bytes are
/// kept for one.
fn scan(size: u32, planner: Planner) -> (f64, f64) {
    let choices = Choices { planner, moves_locked: false, ..Choices::default() };
    let mut machine = strewn(size, choices, Used::Locked, &mut Random(1));
    let bytes = machine.bookkeeping().frames as f64 / f64::from(1 << size);
    let ns = median(|_| {
        let (ns, pass) = time(|| machine.defragment(WANTED, WHOLE).expect("the order is there"));
        assert_eq!((pass.scanned, pass.moves.len()), (1 << size, 0));
        ns / pass.scanned as f64
    });
    (ns, bytes)
}

/// How long it takes to move a page in a pass, beyond what it takes to look at the frames.
fn relocation(size: u32, planner: Planner, scan: f64, random: &mut Random) -> f64 {
    let choices = Choices { planner, ..Choices::default() };
    let mut machine = strewn(size, choices, Used::Movable, random);
    let (ns, pass): (f64, Pass) = time(|| match planner {
        Planner::TwoFinger => machine.defragment(WANTED, WHOLE).expect("the order is there"),
        Planner::Exact => machine.tick().pass,
    });
    assert!(pass.moves.len() > 1 << (size - 5), "{} moves", pass.moves.len());
    (ns - scan * pass.scanned as f64) / pass.moves.len() as f64
}

/// What the pages are that stay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Used {
    Movable,
    Locked,
}

/// A machine of 2^`size` frames, half of which, at random, hold a page.
fn strewn(size: u32, choices: Choices, used: Used, random: &mut Random) -> Machine {
    // As many blocks as have a quarter of the frames: all that the daemon needs is free.
    let watched = Watched { order: WANTED, blocks: 1 << (size - 2 - u32::from(WANTED.0)) };
    let mut machine = machine(1 << size, Vec::new(), vec![watched], choices);
    // Those of the one stay, those of the other go: no area is cut.
    let mut groups = [Group { first: 0, pages: 0 }, Group { first: 128, pages: 0 }];
    for _ in 0..1_u64 << size {
        let chosen = random.next().is_multiple_of(2);
        let (process, page) = groups[usize::from(chosen)].next(&mut machine);
        if chosen && used == Used::Locked {
            machine.lock(process, page).expect("a frame is free");
        } else {
            machine.read(process, Address { page, offset: 0 }).expect("a frame is free");
        }
    }
    groups[0].exit(&mut machine);
    machine
}

/// Processes whose pages are touched one after the other.
struct Group {
    first: u8,
    pages: u32,
}

impl Group {
    fn next(&mut self, machine: &mut Machine) -> (Process, Page) {
        let page = self.pages % SPACE;
        let process = self.process(self.pages / SPACE);
        if page == 0 {
            machine.spawn(process).expect("it is new");
            machine.map(process, area(0, SPACE, PRIVATE)).expect("the space is empty");
        }
        self.pages += 1;
        (process, Page(page))
    }

    fn exit(&self, machine: &mut Machine) {
        for number in 0..self.pages.div_ceil(SPACE) {
            machine.exit(self.process(number)).expect("it is there");
        }
    }

    fn process(&self, number: u32) -> Process {
        Process(self.first + u8::try_from(number).expect("few processes"))
    }
}

/// Two fingers that meet over states of which half, at random, are used, and none can move.
fn bare_scan(size: u32, random: &mut Random) -> f64 {
    let states: Vec<u8> = (0..1_u64 << size)
        .map(|_| if random.next().is_multiple_of(2) { FIXED } else { FREE })
        .collect();
    let (ns, moved) = time(|| two_fingers(black_box(states)));
    assert_eq!(moved, 0);
    ns / f64::from(1 << size)
}

const FREE: u8 = 0;
const MOVABLE: u8 = 1;
const FIXED: u8 = 2;

fn two_fingers(mut states: Vec<u8>) -> usize {
    let (mut low, mut high) = (0, states.len());
    let mut moved = 0;
    loop {
        while low < high && states[low] != FREE {
            low += 1;
        }
        while low < high && states[high - 1] != MOVABLE {
            high -= 1;
        }
        if low >= high {
            return moved;
        }
        states.swap(low, high - 1);
        moved += 1;
    }
}

/// Pages that are copied from one end of memory to the other.
fn bare_copy() -> f64 {
    let pages = 1 << 15;
    let mut memory = vec![[1_u8; PAGE_BYTES]; pages];
    let (ns, ()) = time(|| {
        let (low, high) = memory.split_at_mut(pages / 2);
        low.iter_mut().zip(high.iter().rev()).for_each(|(to, from)| to.copy_from_slice(from));
        black_box(low);
    });
    ns / (pages / 2) as f64
}

fn migrations() {
    println!("\na page that is migrated in steps, of which one copies its bytes");
    let [same, differ] = [Vec::new(), vec![7]].map(|bytes| median(|_| migration(&bytes)));
    println!("{:36}{same:>8.1}", "its bytes are all the same: 16");
    println!("{:36}{differ:>8.1}", "they are not: 4096");
}

/// How long it takes to migrate a page, with these bytes before its zeros.
fn migration(bytes: &[u8]) -> f64 {
    let pages = 1 << 13;
    let mut machine = machine(1 << 15, Vec::new(), Vec::new(), Choices::default());
    let process = Process(0);
    machine.spawn(process).expect("it is new");
    machine.map(process, area(0, pages, PRIVATE)).expect("the space is empty");
    for page in (0..pages).map(Page) {
        machine.read(process, Address { page, offset: 0 }).expect("a frame is free");
        for (offset, byte) in (0..).zip(bytes) {
            machine.write(process, Address { page, offset }, *byte).expect("the page is there");
        }
    }
    let (ns, ()) = time(|| {
        for page in (0..pages).map(Page) {
            machine.migrate(process, page).expect("a frame is free");
            while machine.step().expect("it goes on").stage != (Stage::Freed {}) {}
        }
    });
    ns / f64::from(pages)
}

/// Who maps the pages of an area.
#[derive(Clone, Copy)]
enum Sharers {
    /// The forks of a process, its private pages.
    Forks,
    /// They too, but each has written every page, and has its own.
    Copies,
    /// Processes, the pages of a file.
    Files,
}

fn reverse_maps() {
    println!("\nreverse maps: bytes a mapping, and ns a mapping that is found");
    println!("a machine has no more than {PROCESSES} processes, and so many forks; a file's pages");
    println!("are mapped several times by each then");
    print!("{:32}{:>8}{:>9}", "", "sharers", "areas of");
    println!("{:>10}{:>8}{:>12}{:>8}{:>8}", "objects", "chains", "objects", "chains", "ratio");
    for (sharers, name) in [
        (Sharers::Forks, "a private page and its forks"),
        (Sharers::Copies, "the same, all written"),
        (Sharers::Files, "a page of a file"),
    ] {
        for count in SHARERS {
            let most = match sharers {
                Sharers::Forks | Sharers::Copies => PROCESSES,
                Sharers::Files => u32::MAX,
            };
            for pages in [1, WALKED] {
                reverse_map(sharers, name, count.min(most), pages);
            }
        }
    }
}

fn reverse_map(sharers: Sharers, name: &str, count: u32, pages: u32) {
    let machine = shared(sharers, count, pages);
    let frames: Vec<Frame> = machine.look().frames.iter().map(|shown| shown.frame).collect();
    let found =
        |walk: &dyn Fn(Frame) -> usize| frames.iter().map(|frame| walk(*frame)).sum::<usize>();
    let mappings = f64::from(count * pages);
    let walks = (100_000 / (count * pages)).max(1);
    let ns = |walk: &dyn Fn(Frame) -> usize| {
        median(|_| {
            let (ns, all) = time(|| (0..walks).map(|_| found(walk)).sum::<usize>());
            assert_eq!(all, (walks * count * pages) as usize, "each mapping is found once");
            ns / f64::from(walks) / mappings
        })
    };
    let objects = ns(&|frame| machine.walk_objects(frame).map(black_box).count());
    let chains = ns(&|frame| machine.walk_chain(frame).map(black_box).count());
    let bytes = machine.bookkeeping();
    let bytes = [bytes.objects, bytes.chains].map(|bytes| bytes as f64 / mappings);
    print!("{name:32}{count:>8}{pages:>9}");
    print!("{:>10.2}{:>8.1}{objects:>12.1}{chains:>8.1}", bytes[0], bytes[1]);
    println!("{:>8.1}", objects / chains);
}

/// A machine whose pages are all in areas of so many, and have so many sharers.
fn shared(sharers: Sharers, count: u32, pages: u32) -> Machine {
    let files = match sharers {
        Sharers::Files => vec![pages],
        Sharers::Forks | Sharers::Copies => Vec::new(),
    };
    let mut machine = machine(1 << 18, files, Vec::new(), Choices::default());
    let process = |number: u32| Process(u8::try_from(number).expect("few processes"));
    let read = |machine: &mut Machine, process, first| {
        for page in (first..first + pages).map(Page) {
            machine.read(process, Address { page, offset: 0 }).expect("a frame is free");
        }
    };
    if let Sharers::Files = sharers {
        for number in 0..count {
            let (process, first) = (process(number % PROCESSES), number / PROCESSES * pages);
            if number < PROCESSES {
                machine.spawn(process).expect("it is new");
            }
            let backing = Backing::File { file: File(0), index: 0 };
            machine.map(process, area(first, pages, (backing, Sharing::Shared))).expect("room");
            read(&mut machine, process, first);
        }
        return machine;
    }
    machine.spawn(process(0)).expect("it is new");
    machine.map(process(0), area(0, pages, PRIVATE)).expect("the space is empty");
    read(&mut machine, process(0), 0);
    (1..count).for_each(|child| machine.fork(process(0), process(child)).expect("it is new"));
    if let Sharers::Copies = sharers {
        for process in (0..count).map(process) {
            for page in (0..pages).map(Page) {
                // What is there already: only the frame is new.
                machine.write(process, Address { page, offset: 0 }, 0).expect("a frame is free");
            }
        }
    }
    machine
}

const PRIVATE: (Backing, Sharing) = (Backing::Anonymous {}, Sharing::Private);

fn area(first: u32, count: u32, (backing, sharing): (Backing, Sharing)) -> Area {
    let pages = Pages { first: Page(first), count };
    Area { pages, backing, sharing, writable: true }
}

fn machine(frames: u64, files: Vec<u32>, watched: Vec<Watched>, choices: Choices) -> Machine {
    let zones = vec![ZonePlan::new(Zone::Normal, Frame(0), frames)];
    let memory = frames::Setup { zones, most: Order(10), pageblock: None };
    let setup = Setup { memory, files, watched, tick: WHOLE };
    Machine::new(&setup, choices).expect("a sound setup")
}

fn time<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = now();
    let done = black_box(work());
    ((now() - start).as_secs_f64() * 1e9, done)
}

fn now() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).expect("CPU time is not negative")
}

fn median(mut measure: impl FnMut(&mut Random) -> f64) -> f64 {
    let mut all: Vec<f64> = (1..=ROUNDS).map(|round| measure(&mut Random(round))).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}
