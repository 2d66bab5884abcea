//! Faults in the order in which inits are called.

use lawbook_spec::core::Implementation;
use lawbook_spec::init::{Init, Priority, Profile};

use super::super::decisions::{Decisions, Right};
use super::super::{fault, profiles};

pub(super) const FAULTS: [Implementation<Init>; 14] = [
    fault::<SortsUpToTwo>(
        "sorts-up-to-two",
        "INIT-01",
        "Each pass of a bubble sort starts one further on, so that only two pairs are safe.",
        "Rusty Russell's first version of 23 June 2003: it mis-sorts 2 of the 6 permutations of \
         three pairs, and 576 of the 720 of six",
    ),
    fault::<SortsKeysAlone>(
        "sorts-keys-alone",
        "INIT-01",
        "The priorities are sorted and the functions stay where they were registered.",
        "Rusty Russell's first version of 23 June 2003, which sorted before relocation",
    ),
    fault::<SenseInverted>(
        "sense-inverted",
        "INIT-01",
        "The greatest priority comes first.",
        "Spring #23956 (an order that is read the other way round)",
    ),
    fault::<ComparesText>(
        "compares-text",
        "INIT-01",
        "Priorities are compared as decimal text, so that 10 comes before 2.",
        "Zephyr #33464: the linker sorts SYS_INIT sections by name, 2 between 19 and 20",
    ),
    fault::<ComparesPaddedText>(
        "compares-padded-text",
        "INIT-23",
        "Priorities are compared as text that is padded to five digits, which the extremes exceed.",
        "Zephyr #61218: the numbers in the names of the sections differ in length",
    ),
    fault::<ComparesBySubtraction>(
        "compares-by-subtraction",
        "INIT-23",
        "A priority comes before another when their difference is negative, though it wraps.",
        "constructed: the comparison `a - b` that many a qsort is given",
    ),
    fault::<NextOverflows>(
        "next-overflows",
        "INIT-23",
        "Priorities are taken as `priority + 1`, which wraps, so that MAX comes first.",
        "the boot loop of Rusty Russell's first version of 23 June 2003",
    ),
    fault::<ComparesUnsigned>(
        "compares-unsigned",
        "INIT-23",
        "Priorities are compared as unsigned numbers, so that negative ones come last.",
        "the boot loop of Rusty Russell's first version of 23 June 2003",
    ),
    fault::<ExchangeSort>(
        "exchange-sort",
        "INIT-02",
        "An exchange sort carries a pair across others of its priority.",
        "FreeBSD's sort of a module's SYSINITs: 101 of the 243 inputs of five pairs over three \
         priorities come out wrong",
    ),
    fault::<SortsUnstably>(
        "sorts-unstably",
        "INIT-02",
        "An unstable sort, which keeps ties in order by chance up to twenty pairs.",
        "FreeBSD's sort of a module's SYSINITs; and Rust's `sort_unstable_by_key`",
    ),
    fault::<TiesLastFirst>(
        "ties-last-first",
        "INIT-02",
        "Of equal priorities the last registered comes first.",
        "FreeBSD 9a7add6d01f3 (SYSINITs as a list), fixed by 71679cf468ba",
    ),
    fault::<OnePass>(
        "one-pass",
        "INIT-22",
        "A single pass of a bubble sort: right when the pairs are registered nearly in order.",
        "constructed: the flag that asks for another pass is lost",
    ),
    fault::<CallsAllButLast>(
        "calls-all-but-last",
        "INIT-32",
        "The last init is not called.",
        "constructed: the end of the section is taken for its last entry",
    ),
    fault::<CallsFirstTwice>(
        "calls-first-twice",
        "INIT-01",
        "The init that comes first is called again at the end.",
        "constructed: the loop closes a ring",
    ),
];

/// Swaps neighbours that stand the wrong way, for each of these passes from that pair on.
fn bubble(priorities: &[Priority], first_pairs: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..priorities.len()).collect();
    for first in first_pairs {
        for right in first + 1..order.len() {
            if priorities[order[right]] < priorities[order[right - 1]] {
                order.swap(right - 1, right);
            }
        }
    }
    order
}

#[derive(Default)]
struct SortsUpToTwo;

impl Decisions for SortsUpToTwo {
    fn order(&self, priorities: &[Priority]) -> Vec<usize> {
        bubble(priorities, 0..priorities.len())
    }
}

#[derive(Default)]
struct SortsKeysAlone;

impl Decisions for SortsKeysAlone {
    fn order(&self, priorities: &[Priority]) -> Vec<usize> {
        (0..priorities.len()).collect()
    }
}

#[derive(Default)]
struct SenseInverted;

impl Decisions for SenseInverted {
    fn precedes(&self, left: Priority, right: Priority) -> bool {
        left > right
    }
}

#[derive(Default)]
struct ComparesText;

impl Decisions for ComparesText {
    fn precedes(&self, left: Priority, right: Priority) -> bool {
        left.0.to_string() < right.0.to_string()
    }
}

#[derive(Default)]
struct ComparesPaddedText;

impl Decisions for ComparesPaddedText {
    fn precedes(&self, left: Priority, right: Priority) -> bool {
        // The levels of 2003 become positive numbers of five digits.
        let text = |priority: Priority| format!("{:05}", i64::from(priority.0) + 10_000);
        text(left) < text(right)
    }
}

#[derive(Default)]
struct ComparesBySubtraction;

impl Decisions for ComparesBySubtraction {
    fn precedes(&self, left: Priority, right: Priority) -> bool {
        left.0.wrapping_sub(right.0) < 0
    }
}

#[derive(Default)]
struct NextOverflows;

impl Decisions for NextOverflows {
    fn precedes(&self, left: Priority, right: Priority) -> bool {
        left.0.wrapping_add(1) < right.0.wrapping_add(1)
    }
}

#[derive(Default)]
struct ComparesUnsigned;

impl Decisions for ComparesUnsigned {
    fn precedes(&self, left: Priority, right: Priority) -> bool {
        left.0.cast_unsigned() < right.0.cast_unsigned()
    }
}

#[derive(Default)]
struct ExchangeSort;

impl Decisions for ExchangeSort {
    fn order(&self, priorities: &[Priority]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..priorities.len()).collect();
        for at in 0..order.len() {
            for later in at + 1..order.len() {
                if priorities[order[later]] < priorities[order[at]] {
                    order.swap(at, later);
                }
            }
        }
        order
    }
}

#[derive(Default)]
struct SortsUnstably;

impl Decisions for SortsUnstably {
    fn order(&self, priorities: &[Priority]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..priorities.len()).collect();
        order.sort_unstable_by_key(|place| priorities[*place]);
        order
    }
}

#[derive(Default)]
struct TiesLastFirst;

impl Decisions for TiesLastFirst {
    fn precedes(&self, left: Priority, right: Priority) -> bool {
        left <= right
    }
}

#[derive(Default)]
struct OnePass;

impl Decisions for OnePass {
    fn profile(&self) -> Profile {
        profiles::plain()
    }

    fn order(&self, priorities: &[Priority]) -> Vec<usize> {
        bubble(priorities, 0..1)
    }
}

#[derive(Default)]
struct CallsAllButLast;

impl Decisions for CallsAllButLast {
    fn order(&self, priorities: &[Priority]) -> Vec<usize> {
        let mut order = Right.order(priorities);
        order.pop();
        order
    }
}

#[derive(Default)]
struct CallsFirstTwice;

impl Decisions for CallsFirstTwice {
    fn order(&self, priorities: &[Priority]) -> Vec<usize> {
        let mut order = Right.order(priorities);
        order.extend(order.first().copied());
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lists of so many numbers below a bound.
    fn lists(length: u32, bound: i32) -> impl Iterator<Item = Vec<Priority>> {
        (0..bound.pow(length)).map(move |number| {
            let digits = (0..length).map(|digit| number / bound.pow(digit) % bound);
            digits.map(Priority).collect()
        })
    }

    fn permutations(length: u32) -> impl Iterator<Item = Vec<Priority>> {
        let bound = i32::try_from(length).unwrap();
        lists(length, bound).filter(move |list| (0..bound).all(|n| list.contains(&Priority(n))))
    }

    fn mis_sorted(
        decisions: &impl Decisions,
        lists: impl Iterator<Item = Vec<Priority>>,
    ) -> (usize, usize) {
        let wrong: Vec<bool> =
            lists.map(|list| decisions.order(&list) != Right.order(&list)).collect();
        (wrong.iter().filter(|wrong| **wrong).count(), wrong.len())
    }

    #[test]
    fn right_is_the_order_of_priority_and_then_of_registration() {
        for list in lists(5, 3) {
            let mut sorted: Vec<usize> = (0..list.len()).collect();
            sorted.sort_by_key(|place| (list[*place], *place));
            assert_eq!(Right.order(&list), sorted, "{list:?}");
        }
    }

    #[test]
    fn the_sort_of_the_first_version_fails_as_often_as_it_did() {
        assert_eq!(mis_sorted(&SortsUpToTwo, permutations(2)), (0, 2));
        assert_eq!(mis_sorted(&SortsUpToTwo, permutations(3)), (2, 6));
        assert_eq!(mis_sorted(&SortsUpToTwo, permutations(6)), (576, 720));
    }

    #[test]
    fn the_sort_of_freebsd_fails_as_often_as_it_does() {
        assert_eq!(mis_sorted(&ExchangeSort, lists(5, 3)), (101, 243));
    }
}
