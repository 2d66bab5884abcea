//! A mechanism for the tests of the core: slots that hold a number, and a sum of them.
//!
//! It does not cover anything that a real mechanism would not also do.

use arbitrary::Unstructured;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Toy;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct World {
    pub(super) slots: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Op {
    Put { slot: u8, value: u8 },
    Take { slot: u8 },
    Sum {},
    Crash {},
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Event {
    Skipped {},
    Done {},
    Total { sum: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Put,
    Take,
    Sum,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    full: std::collections::BTreeMap<u8, u8>,
}

fn sums_are_right(model: &Model, _: &Op, event: &Event) -> Judgement {
    let expected = model.full.values().map(|value| u64::from(*value)).sum::<u64>();
    match event {
        Event::Total { sum } => {
            Judgement::when(*sum == expected, || format!("expected {expected}"))
        }
        _ => Judgement::Silent,
    }
}

fn sums_are_even(model: &Model) -> Judgement {
    let odd = model.full.values().filter(|value| **value % 2 == 1).count();
    Judgement::when(odd < 3, || format!("{odd} odd numbers"))
}

const LAWS: &[Law<Toy>] = &[
    Law {
        id: LawId("TOY-00"),
        level: Level::Must,
        says: "It answers.",
        source: Source::Ours { why: "a test" },
        needs: always,
        check: Check::Answers,
    },
    Law {
        id: LawId("TOY-01"),
        level: Level::Must,
        says: "A sum is right.",
        source: Source::Ours { why: "a test" },
        needs: always,
        check: Check::StepOf(&[Kind::Sum], sums_are_right),
    },
    Law {
        id: LawId("TOY-02"),
        level: Level::Should,
        says: "Fewer than three numbers are odd.",
        source: Source::Ours { why: "a test" },
        needs: |world| if world.slots > 3 { Ok(()) } else { Err("few slots") },
        check: Check::Always(sums_are_even),
    },
    Law {
        id: LawId("TOY-R1"),
        level: Level::Must,
        says: "A slot is taken.",
        source: Source::Ours { why: "a test" },
        needs: always,
        check: Check::ReachOf(&[Kind::Take], |_, _, event| *event == Event::Done {}),
    },
    Law {
        id: LawId("TOY-R2"),
        level: Level::Must,
        says: "Two slots are full.",
        source: Source::Ours { why: "a test" },
        needs: always,
        check: Check::ReachAlways(|model: &Model| model.full.len() == 2),
    },
];

impl Mechanism for Toy {
    const NAME: &'static str = "toy";
    const TITLE: &'static str = "slots that hold numbers";
    const CASES: u64 = 100;
    const DRAW_BYTES: usize = 512;
    const LENGTHS: &'static [u16] = &[4, 64];
    const KINDS: &'static [KindOf<Kind>] = &[
        KindOf { kind: Kind::Put, name: "put", weight: 8, producer: true },
        KindOf { kind: Kind::Take, name: "take", weight: 4, producer: false },
        KindOf { kind: Kind::Sum, name: "sum", weight: 4, producer: false },
    ];

    type Draft = ();
    type Event = Event;
    type Kind = Kind;
    type Model = Model;
    type Op = Op;
    type Profile = World;
    type Setup = World;

    fn laws() -> &'static [Law<Self>] {
        LAWS
    }

    fn kind(op: &Op) -> Kind {
        match op {
            Op::Put { .. } => Kind::Put,
            Op::Take { .. } => Kind::Take,
            Op::Sum {} | Op::Crash {} => Kind::Sum,
        }
    }

    fn outcome(event: &Event) -> Outcome {
        if *event == (Event::Skipped {}) { Outcome::Skipped } else { Outcome::Done }
    }

    fn draw_setup(_: &mut Unstructured<'_>, profile: &World) -> arbitrary::Result<World> {
        Ok(profile.clone())
    }

    fn draw_op(
        u: &mut Unstructured<'_>,
        kind: Kind,
        setup: &World,
        _: &World,
        (): &mut (),
    ) -> arbitrary::Result<Op> {
        let slot = u.arbitrary::<u8>()? % setup.slots;
        Ok(match kind {
            Kind::Put => Op::Put { slot, value: u.arbitrary()? },
            Kind::Take => Op::Take { slot },
            Kind::Sum => Op::Sum {},
        })
    }

    fn check_profile(profile: &World) -> Result<(), String> {
        if profile.slots > 0 { Ok(()) } else { Err("expected slots, found none".into()) }
    }

    fn admits(profile: &World, case: &Case<Self>) -> Result<(), String> {
        if case.setup.slots <= profile.slots { Ok(()) } else { Err("too many slots".into()) }
    }

    fn simpler(case: &Case<Self>) -> Vec<Case<Self>> {
        let mut cases = Vec::new();
        for (index, op) in case.ops.iter().enumerate() {
            if let Op::Put { slot, value } = *op {
                for value in (0..value).take(2).chain((value / 2 > 1).then_some(value / 2)) {
                    let mut simpler = case.clone();
                    simpler.ops[index] = Op::Put { slot, value };
                    cases.push(simpler);
                }
            }
        }
        cases
    }

    fn small(_: &World) -> Box<dyn Iterator<Item = Case<Self>>> {
        Box::new(std::iter::empty())
    }

    fn model(_: &World, _: &World) -> Model {
        Model::default()
    }

    fn record(model: &mut Model, op: &Op, event: &Event) {
        match (op, event) {
            (Op::Put { slot, value }, Event::Done {}) => {
                model.full.insert(*slot, *value);
            }
            (Op::Take { slot }, Event::Done {}) => {
                model.full.remove(slot);
            }
            _ => {}
        }
    }

    fn answers(model: &Model, op: &Op, event: &Event) -> Result<(), String> {
        let skip = match op {
            Op::Put { slot, .. } => model.full.contains_key(slot),
            Op::Take { slot } => !model.full.contains_key(slot),
            Op::Sum {} | Op::Crash {} => false,
        };
        if skip == (*event == Event::Skipped {}) { Ok(()) } else { Err(format!("{event:?}")) }
    }

    fn may_abort(profile: &World, _: &Model, op: &Op) -> bool {
        profile.slots == 7 && *op == Op::Crash {}
    }

    fn tell_setup(setup: &World) -> String {
        format!("{} slots", setup.slots)
    }

    fn tell_op(op: &Op) -> String {
        format!("{op:?}")
    }

    fn tell_event(event: &Event) -> String {
        format!("{event:?}")
    }
}

/// Does what it is told; its sums leave out the slot that is given.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) slots: u8,
    pub(super) forgets: Option<u8>,
}

impl Subject<Toy> for Machine {
    fn profile(&self) -> World {
        World { slots: self.slots }
    }

    fn run(&mut self, case: &Case<Toy>) -> Trace<Toy> {
        let mut full = std::collections::BTreeMap::new();
        Trace::watch(|events| {
            for op in &case.ops {
                events.push(match *op {
                    Op::Put { slot, .. } if full.contains_key(&slot) => Event::Skipped {},
                    Op::Put { slot, value } => {
                        full.insert(slot, value);
                        Event::Done {}
                    }
                    Op::Take { slot } if full.remove(&slot).is_some() => Event::Done {},
                    Op::Take { .. } => Event::Skipped {},
                    Op::Sum {} => {
                        let known = full.iter().filter(|(slot, _)| Some(**slot) != self.forgets);
                        Event::Total { sum: known.map(|(_, value)| u64::from(*value)).sum() }
                    }
                    Op::Crash {} => panic!("as told"),
                });
            }
            Ok(())
        })
    }
}

pub(super) fn case(slots: u8, ops: &[Op]) -> Case<Toy> {
    Case { setup: World { slots }, ops: ops.to_vec() }
}
