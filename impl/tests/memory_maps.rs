//! Both reverse maps of the reference beside its page tables, for every frame, after every op of
//! random cases.
//!
//! It does not cover what else the laws say: that is in `memory_laws`.

use lawbook::spec::core::End;
use lawbook::spec::memory::{Answer, Dump, Event, Frame, FrameShown, Memory, Op, Place};
use lawbook::{Seed, random_case};

const OPS: u64 = 1_000_000;

/// How often something was there to be compared.
#[derive(Debug, Default)]
struct Met {
    /// PTEs.
    mappings: u64,
    /// PTEs whose frame others point to too.
    shared: u64,
    /// PTEs that a migration has frozen.
    frozen: u64,
}

#[test]
fn both_reverse_maps_are_the_page_tables_read_backwards_after_every_op() {
    let mut met = Met::default();
    let mut ops = 0;
    let implementations = lawbook_reference::memory::implementations();
    for (index, implementation) in (0..).zip(implementations.iter().cycle()) {
        if ops >= OPS {
            break;
        }
        let mut subject = (implementation.open)().expect("the reference runs everywhere");
        let mut case = random_case::<Memory>(Seed(20), index, &subject.profile(), None);
        ops += case.ops.len() as u64;
        case.ops = case.ops.into_iter().flat_map(|op| [op, Op::Look {}]).collect();
        let trace = subject.run(&case);
        assert_eq!(trace.end, End::Whole);
        for (at, looked) in trace.events.iter().enumerate().skip(1).step_by(2) {
            let told = || format!("case {index}, op {}: {}", at / 2, case.ops[at - 1]);
            compare(dump(looked), told, &mut met);
        }
    }
    let least = [met.mappings / 4, met.shared / 2, met.frozen * 8];
    assert!(least.iter().all(|met| *met >= OPS), "{OPS} ops met too little: {met:?}");
}

fn dump(event: &Event) -> &Dump {
    match &event.answer {
        Answer::Look { dump } => dump,
        answer => panic!("expected a look, found {answer:?}"),
    }
}

#[track_caller]
fn compare(dump: &Dump, told: impl Fn() -> String, met: &mut Met) {
    let expected = pointers(dump);
    let of = |places: fn(&FrameShown) -> &[Place]| {
        let shown = dump.frames.iter();
        let mut all: Vec<(Frame, Place)> = shown
            .flat_map(|shown| places(shown).iter().map(|place| (shown.frame, *place)))
            .collect();
        all.sort_unstable();
        all
    };
    assert_eq!(of(|shown| &shown.reverse_map), expected, "by objects: {}", told());
    assert_eq!(of(|shown| &shown.chain), expected, "by chains: {}", told());
    met.mappings += expected.len() as u64;
    let of_one = expected.chunk_by(|one, other| one.0 == other.0).filter(|all| all.len() > 1);
    met.shared += of_one.map(|all| all.len() as u64).sum::<u64>();
    let ptes = dump.processes.iter().flat_map(|shown| &shown.ptes);
    met.frozen += ptes.filter(|pte| pte.frozen).count() as u64;
}

/// Every PTE, by its frame.
fn pointers(dump: &Dump) -> Vec<(Frame, Place)> {
    let mut all: Vec<(Frame, Place)> = dump
        .processes
        .iter()
        .flat_map(|shown| {
            let process = shown.process;
            shown.ptes.iter().map(move |pte| (pte.frame, Place { process, page: pte.page }))
        })
        .collect();
    all.sort_unstable();
    all
}
