//! A mechanism small enough to be read in one breath: a counter with a limit. It proves that the
//! engine knows no mechanism by name.

use std::num::NonZero;

use arbitrary::Unstructured;
use lawbook::spec::core::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug)]
pub(crate) struct Toy;

/// What a counter says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) resets: bool,
}

/// The counter counts to `most` and no further.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    pub(crate) most: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Op {
    Add { n: u8 },
    Get {},
    Reset {},
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Event {
    Done {},
    Refused {},
    Value { value: u8 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Add,
    Get,
    Reset,
}

#[derive(Debug)]
pub(crate) struct Model {
    most: u8,
    value: u8,
}

const fn law(id: &'static str, says: &'static str, check: Check<Toy>) -> Law<Toy> {
    Law {
        id: LawId(id),
        level: Level::Must,
        says,
        source: Source::Ours { why: "a toy" },
        needs: always,
        check,
    }
}

fn resets(profile: &Profile) -> Result<(), &'static str> {
    profile.resets.then_some(()).ok_or("it can't be reset")
}

const LAWS: &[Law<Toy>] = &[
    law("TOY-00", "The counter answers.", Check::Answers),
    law("TOY-01", "The value is the sum of what was added.", Check::Step(is_sum)),
    law(
        "TOY-02",
        "An addition is refused exactly when it goes past the limit.",
        Check::Step(keeps_limit),
    ),
    Law { needs: resets, ..law("TOY-03", "A reset is done.", Check::Step(is_reset)) },
    Law {
        level: Level::Should,
        ..law("TOY-04", "An addition of nothing is refused.", Check::Step(refuses_nothing))
    },
    law("TOY-R1", "The counter is full.", Check::Reach(is_full)),
    Law { needs: resets, ..law("TOY-R2", "A counter is reset.", Check::Reach(is_reset_op)) },
];

fn is_sum(model: &Model, _: &Op, event: &Event) -> Judgement {
    match event {
        Event::Value { value } => {
            Judgement::when(*value == model.value, || format!("the sum is {}", model.value))
        }
        _ => Judgement::Silent,
    }
}

fn keeps_limit(model: &Model, op: &Op, event: &Event) -> Judgement {
    match op {
        Op::Add { n } if *n > 0 => {
            let fits = u16::from(model.value) + u16::from(*n) <= u16::from(model.most);
            Judgement::when(fits == (*event == Event::Done {}), || {
                format!("the value is {} of {}", model.value, model.most)
            })
        }
        _ => Judgement::Silent,
    }
}

fn is_reset(_: &Model, op: &Op, event: &Event) -> Judgement {
    match op {
        Op::Reset {} => Judgement::when(*event == Event::Done {}, || "it is not done".into()),
        _ => Judgement::Silent,
    }
}

fn refuses_nothing(_: &Model, op: &Op, event: &Event) -> Judgement {
    match op {
        Op::Add { n: 0 } => {
            Judgement::when(*event == Event::Refused {}, || "nothing is added".into())
        }
        _ => Judgement::Silent,
    }
}

fn is_full(model: &Model, _: &Op, _: &Event) -> bool {
    model.value == model.most
}

fn is_reset_op(_: &Model, op: &Op, _: &Event) -> bool {
    *op == Op::Reset {}
}

impl Mechanism for Toy {
    const NAME: &'static str = "toy";
    const TITLE: &'static str = "a counter with a limit";
    const CASES: u64 = 500;
    const DRAW_BYTES: usize = 128;
    const LARGEST: Option<(u64, &'static str)> = Some((200, "counts"));
    const LENGTHS: &'static [u16] = &[4, 8, 16];
    const KINDS: &'static [KindOf<Kind>] = &[
        KindOf { kind: Kind::Add, name: "add", weight: 100, producer: true },
        KindOf { kind: Kind::Get, name: "get", weight: 100, producer: false },
        KindOf { kind: Kind::Reset, name: "reset", weight: 20, producer: false },
    ];

    type Draft = ();
    type Event = Event;
    type Kind = Kind;
    type Model = Model;
    type Op = Op;
    type Profile = Profile;
    type Setup = Setup;

    fn laws() -> &'static [Law<Self>] {
        LAWS
    }

    fn kind(op: &Op) -> Kind {
        match op {
            Op::Add { .. } => Kind::Add,
            Op::Get {} => Kind::Get,
            Op::Reset {} => Kind::Reset,
        }
    }

    fn outcome(event: &Event) -> Outcome {
        match event {
            Event::Refused {} => Outcome::Refused,
            _ => Outcome::Done,
        }
    }

    fn draw_setup(u: &mut Unstructured<'_>, _: &Profile) -> arbitrary::Result<Setup> {
        Ok(Setup { most: 1 + u.arbitrary::<u8>()? % 40 })
    }

    fn draw_setup_of(_: &mut Unstructured<'_>, _: &Profile, size: u64) -> arbitrary::Result<Setup> {
        Ok(Setup { most: u8::try_from(size).unwrap_or(u8::MAX) })
    }

    fn draw_op(
        u: &mut Unstructured<'_>,
        kind: Kind,
        _: &Setup,
        profile: &Profile,
        (): &mut (),
    ) -> arbitrary::Result<Op> {
        Ok(match kind {
            Kind::Add => Op::Add { n: u.arbitrary::<u8>()? % 16 },
            Kind::Reset if profile.resets => Op::Reset {},
            _ => Op::Get {},
        })
    }

    fn check_profile(_: &Profile) -> Result<(), String> {
        Ok(())
    }

    fn admits(profile: &Profile, case: &Case<Self>) -> Result<(), String> {
        match case.ops.iter().position(|op| *op == Op::Reset {}) {
            Some(at) if !profile.resets => Err(format!("op {at}: it can't be reset")),
            _ => Ok(()),
        }
    }

    fn simpler(case: &Case<Self>) -> Vec<Case<Self>> {
        let with = |at: usize, n| {
            let mut case = case.clone();
            case.ops[at] = Op::Add { n };
            case
        };
        let ops = case.ops.iter().enumerate();
        ops.flat_map(|(at, op)| match *op {
            Op::Add { n } if n > 1 => vec![with(at, n / 2), with(at, n - 1)],
            _ => vec![],
        })
        .collect()
    }

    fn small(_: &Profile) -> Box<dyn Iterator<Item = Case<Self>>> {
        Box::new(
            (0..=20)
                .map(|n| Case { setup: Setup { most: 10 }, ops: vec![Op::Add { n }, Op::Get {}] }),
        )
    }

    fn model(_: &Profile, setup: &Setup) -> Model {
        Model { most: setup.most, value: 0 }
    }

    fn record(model: &mut Model, op: &Op, event: &Event) {
        match (op, event) {
            (Op::Add { n }, Event::Done {}) => model.value = model.value.saturating_add(*n),
            (Op::Reset {}, Event::Done {}) => model.value = 0,
            _ => {}
        }
    }

    fn answers(_: &Model, op: &Op, event: &Event) -> Result<(), String> {
        match (op, event) {
            (Op::Get {}, Event::Value { .. }) => Ok(()),
            (Op::Add { .. } | Op::Reset {}, Event::Done {} | Event::Refused {}) => Ok(()),
            _ => Err(format!("expected an answer to {op:?}, found {event:?}")),
        }
    }

    fn tell_setup(setup: &Setup) -> String {
        format!("at most {}", setup.most)
    }

    fn tell_op(op: &Op) -> String {
        match op {
            Op::Add { n } => format!("add {n}"),
            Op::Get {} => "get".into(),
            Op::Reset {} => "reset".into(),
        }
    }

    fn tell_event(event: &Event) -> String {
        match event {
            Event::Done {} => "ok".into(),
            Event::Refused {} => "refused".into(),
            Event::Value { value } => value.to_string(),
        }
    }
}

/// The one decision that a counter makes otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Way {
    Right,
    NoResets,
    HidesNine,
    PastTheLimit,
    PanicsAtThree,
    PanicsAtGet,
    RefusesResets,
    AddsNothing,
    HalfUnsupported,
}

#[derive(Debug)]
pub(crate) struct Counter(pub(crate) Way);

impl Subject<Toy> for Counter {
    fn profile(&self) -> Profile {
        Profile { resets: self.0 != Way::NoResets }
    }

    fn stream(
        &mut self,
        setup: &Setup,
        ops: &mut dyn Iterator<Item = Op>,
        tell: &mut Tell<'_, Toy>,
    ) -> End {
        let mut value = 0_u8;
        for op in ops {
            if tell(&op, &self.step(&op, setup.most, &mut value)).is_break() {
                break;
            }
        }
        End::Whole
    }

    fn run(&mut self, case: &Case<Toy>) -> Trace<Toy> {
        let mut value = 0_u8;
        Trace::watch(|events| {
            if self.0 == Way::HalfUnsupported && case.setup.most.is_multiple_of(2) {
                return Err(End::Unsupported("an even limit".into()));
            }
            for op in &case.ops {
                events.push(self.step(op, case.setup.most, &mut value));
            }
            Ok(())
        })
    }
}

impl Counter {
    fn step(&self, op: &Op, most: u8, value: &mut u8) -> Event {
        let way = self.0;
        match *op {
            Op::Get {} => {
                assert!(way != Way::PanicsAtThree || *value != 3, "three is too much");
                assert!(way != Way::PanicsAtGet, "a get is too much");
                let hidden = way == Way::HidesNine && *value == 9;
                Event::Value { value: if hidden { 0 } else { *value } }
            }
            Op::Reset {} if way == Way::RefusesResets => Event::Refused {},
            Op::Reset {} => {
                *value = 0;
                Event::Done {}
            }
            Op::Add { n: 0 } if way != Way::AddsNothing => Event::Refused {},
            Op::Add { n } => {
                let room = most - (*value).min(most);
                if n > room && way != Way::PastTheLimit {
                    return Event::Refused {};
                }
                *value = value.saturating_add(n);
                Event::Done {}
            }
        }
    }
}

type Opened = Result<Box<dyn Subject<Toy>>, Missing>;

fn implementation(name: &'static str, origin: Origin, open: fn() -> Opened) -> Implementation<Toy> {
    Implementation {
        name,
        version: || "1.0.0".into(),
        about: "A counter.",
        origin,
        every: EVERY_CASE,
        open,
    }
}

fn fault(name: &'static str, breaks: &'static str, open: fn() -> Opened) -> Implementation<Toy> {
    let precedent = "none";
    implementation(name, Origin::Fault { breaks: LawId(breaks), precedent }, open)
}

/// One of which a campaign judges not every case.
fn slow() -> Implementation<Toy> {
    let open = || -> Opened { Ok(Box::new(Counter(Way::RefusesResets))) };
    let every = NonZero::new(7).expect("seven is not nothing");
    Implementation { every, ..implementation("slow", Origin::Outside, open) }
}

/// What the tests judge by name.
pub(crate) fn implementations() -> Vec<Implementation<Toy>> {
    vec![
        implementation("reference", Origin::Reference, || Ok(Box::new(Counter(Way::Right)))),
        implementation("no-resets", Origin::Reference, || Ok(Box::new(Counter(Way::NoResets)))),
        implementation("half", Origin::Outside, || Ok(Box::new(Counter(Way::HalfUnsupported)))),
        implementation("weak", Origin::Outside, || Ok(Box::new(Counter(Way::AddsNothing)))),
        implementation("abacus", Origin::Outside, || {
            Err(Missing { what: "the abacus".into(), package: "libabacus-dev" })
        }),
        fault("hides-nine", "TOY-01", || Ok(Box::new(Counter(Way::HidesNine)))),
        fault("past-the-limit", "TOY-02", || Ok(Box::new(Counter(Way::PastTheLimit)))),
        fault("panics-at-three", "TOY-00", || Ok(Box::new(Counter(Way::PanicsAtThree)))),
        fault("refuses-resets", "TOY-03", || Ok(Box::new(Counter(Way::RefusesResets)))),
        fault("adds-nothing", "TOY-04", || Ok(Box::new(Counter(Way::AddsNothing)))),
        slow(),
    ]
}
