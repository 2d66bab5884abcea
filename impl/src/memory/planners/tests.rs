//! What can be computed of the planners: how many pages two fingers move, what pins leave of the
//! blocks, and which orders can be made at all.
//!
//! Its nouns: the *draw* (of what stands at each frame of a machine, at random), and the *placement*
//! (of as many pages as a machine has on frames that nothing fixed is in).
//! What is fixed is locked, in machines whose locked pages stay: there can be more of it than pins.

use lawbook_spec::frames::{self, Zone, ZonePlan};
use lawbook_spec::memory::{Address, Area, Backing, Order, Page, Pages, Process, Setup, Sharing};

use super::super::machine::Choices;
use super::*;

const WHOLE: Budget = Budget { scanned: 1 << 30, moved: 1 << 30 };

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    /// A number from 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Frames of which these shares are used by pages that can move, and by what is fixed.
fn draw(frames: u32, movable: f64, fixed: f64, random: &mut Random) -> Vec<Stand> {
    let stand = |share: f64| match share {
        share if share < fixed => Stand::Fixed,
        share if share < fixed + movable => Stand::Movable,
        _ => Stand::Free,
    };
    (0..frames).map(|_| stand(random.share())).collect()
}

/// A machine at whose frames this stands: as many as a block of its greatest order has.
fn machine(planner: Planner, stands: &[Stand], watched: Vec<Watched>) -> Machine {
    let frames = stands.len() as u64;
    let zones = vec![ZonePlan::new(Zone::Normal, Frame(0), frames)];
    let most = Order(u8::try_from(frames.ilog2()).unwrap());
    let memory = frames::Setup { zones, most, pageblock: None };
    let setup = Setup { memory, files: Vec::new(), watched, tick: WHOLE };
    let choices = Choices { planner, moves_locked: false, ..Choices::default() };
    let mut machine = Machine::new(&setup, choices).unwrap();
    let (stays, goes) = (Process(0), Process(1));
    for process in [stays, goes] {
        let pages = Pages { first: Page(0), count: u32::try_from(frames).unwrap() };
        let (backing, sharing) = (Backing::Anonymous {}, Sharing::Private);
        machine.spawn(process).unwrap();
        machine.map(process, Area { pages, backing, sharing, writable: true }).unwrap();
    }
    // One block is cut from its first frame on: the frames come in order.
    for (page, stand) in (0..).map(Page).zip(stands) {
        let address = Address { page, offset: 0 };
        match stand {
            Stand::Free => machine.read(goes, address).map(drop).unwrap(),
            Stand::Movable => machine.read(stays, address).map(drop).unwrap(),
            Stand::Fixed => machine.lock(stays, page).unwrap(),
        }
    }
    machine.exit(goes).unwrap();
    assert!((0..).zip(stands).all(|(rank, stand)| machine.stand(rank) == *stand));
    machine
}

fn count(stands: &[Stand], of: Stand) -> usize {
    stands.iter().filter(|stand| **stand == of).count()
}

/// Whether a number that was found is within four times its standard deviation of what is expected.
#[track_caller]
fn near(found: f64, expected: f64, deviation: f64) {
    let bound = 4.0 * deviation;
    assert!(
        (found - expected).abs() < bound,
        "expected {expected:.1} and at most {bound:.1} more or less, found {found}"
    );
}

/// Without anything fixed, the pages end in as many frames from the first on as there are: what is
/// free of those is where they go. Of N frames, a share p used, that is N·p·(1−p) on average. By how
/// many are used below N·p, and above it, its variance is N·p·(1−p)·(1−3·p·(1−p)).
#[test]
fn two_fingers_move_frames_times_the_used_share_times_the_free_one() {
    let frames = 4096;
    for (seed, used) in [(1, 0.1), (2, 0.25), (3, 0.5), (4, 0.75), (5, 0.9)] {
        let mut random = Random(seed);
        let rounds = 16;
        let mut moves = 0;
        for _ in 0..rounds {
            let stands = draw(frames, used, 0.0, &mut random);
            let mut machine = machine(Planner::TwoFinger, &stands, Vec::new());
            let below = &stands[..count(&stands, Stand::Movable)];
            let moved = machine.defragment(Order(9), WHOLE).unwrap().moves.len();
            assert_eq!(moved, count(below, Stand::Free));
            assert_eq!(machine.defragment(Order(9), WHOLE).unwrap().moves, []);
            moves += moved;
        }
        let share = used * (1.0 - used);
        let all = f64::from(rounds * frames);
        near(moves as f64, all * share, (all * share * (1.0 - 3.0 * share)).sqrt());
    }
}

/// A quarter of all frames is used, and 0.5 % of all are fixed. A block of 512 frames has nothing
/// fixed in it with a probability of 0.995^512 = 7.7 %. Two fingers leave whole what of those is
/// behind the first quarter, where the pages go: 5.8 % of all. The exact planner leaves them all.
#[test]
fn what_is_fixed_decides_how_many_blocks_end_whole() {
    let (frames, block) = (1 << 18, 512);
    let blocks = f64::from(frames / block);
    let mut random = Random(1);
    let mut whole = [0.0; 2];
    let rounds = 4.0;
    for _ in 0..4 {
        let stands = draw(frames, 0.245, 0.005, &mut random);
        let wanted = Watched { order: Order(9), blocks: u64::from(frames / block) };
        let made = [Planner::TwoFinger, Planner::Exact].map(|planner| {
            let mut machine = machine(planner, &stands, vec![wanted]);
            assert_eq!(machine.free_blocks(wanted.order), 0);
            machine.tick();
            machine.free_blocks(wanted.order)
        });
        let unfixed = stands.chunks(512).filter(|block| count(block, Stand::Fixed) == 0).count();
        assert_eq!(made[1], unfixed as u64);
        whole.iter_mut().zip(made).for_each(|(all, made)| *all += made as f64);
    }
    let unfixed = 0.995_f64.powi(512);
    for (found, share) in whole.into_iter().zip([0.75, 1.0]) {
        let drawn = rounds * blocks * share;
        near(found, drawn * unfixed, (drawn * unfixed * (1.0 - unfixed)).sqrt());
    }
}

/// The orders of which some placement leaves an aligned block free: every placement is tried.
fn makeable(stands: &[Stand]) -> Vec<Order> {
    let bits = |of| {
        let ranks = (0..).zip(stands).filter(|(_, stand)| **stand == of).map(|(rank, _)| rank);
        ranks.fold(0_u32, |bits, rank: u32| bits | 1 << rank)
    };
    let (movable, fixed) = (bits(Stand::Movable).count_ones(), bits(Stand::Fixed));
    let all = (1_u32 << stands.len()) - 1;
    let placements = (0..=all)
        .filter(|pages| pages.count_ones() == movable && pages & fixed == 0)
        .map(|pages| all & !(pages | fixed));
    let orders = 0..=stands.len().ilog2();
    let blocks = |order: u32| (0..stands.len()).step_by(1 << order).map(move |at| (at, order));
    let mut made = vec![false; stands.len().ilog2() as usize + 1];
    for free in placements {
        for (at, order) in orders.clone().flat_map(blocks) {
            let block = ((1 << (1 << order)) - 1) << at;
            made[order as usize] |= free & block == block;
        }
    }
    (0..).map(Order).zip(made).filter(|(_, made)| *made).map(|(order, _)| order).collect()
}

#[test]
fn two_fingers_miss_orders_that_could_be_made_in_a_third_of_machines_and_exact_never() {
    let mut random = Random(1);
    let machines = 400;
    let mut missed = 0;
    for _ in 0..machines {
        let stands = draw(16, 0.375, 0.125, &mut random);
        let makeable = makeable(&stands);
        let mut fingers = machine(Planner::TwoFinger, &stands, Vec::new());
        fingers.defragment(Order(0), WHOLE).unwrap();
        let misses = |order: &&Order| fingers.free_blocks(**order) == 0;
        missed += u32::from(makeable.iter().find(misses).is_some());
        for order in (0..=4).map(Order) {
            let mut exact = machine(Planner::Exact, &stands, Vec::new());
            exact.defragment(order, WHOLE).unwrap();
            let made = exact.free_blocks(order) > 0;
            assert_eq!(made, makeable.contains(&order), "order {order} of {stands:?}");
        }
    }
    let machines = f64::from(machines);
    near(f64::from(missed), machines / 3.0, (machines * 2.0 / 9.0).sqrt());
}
