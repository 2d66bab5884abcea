//! How a campaign is to be run: which cases, how many, on how many threads, and which laws are
//! expected to break.
//!
//! A campaign has two tiers of cases, each numbered from 0.
//! The *small* tier is exhaustive, and does not depend on the seed; it comes first.
//! The *random* tier is endless: its case *i* is a function of (seed, *i*) alone.
//! It does not cover which implementation is judged.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZero;
use std::str::FromStr;
use std::time::Duration;

use lawbook_spec::core::EVERY_CASE;
use serde::{Serialize, Serializer};

/// How a campaign is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which tiers.
    pub tier: Tier,
    /// How far into the random tier.
    pub length: Length,
    /// What the random tier is drawn from.
    pub seed: Seed,
    /// Which worlds the random tier has: of the size of a mechanism's own, or of about this one.
    pub size: Option<u64>,
    /// How many ops a random case has: as many as the mechanism says, or so many, which are judged
    /// while they are done and not kept.
    pub ops: Option<u64>,
    /// How many threads; none of them changes what is found.
    pub jobs: NonZero<usize>,
    /// Of how many cases of each tier one is judged: for implementations whose cases take long.
    /// What is judged is a whole campaign. As many as the implementation says where absent.
    pub every: Option<NonZero<u64>>,
    /// Which part of these cases.
    pub shard: Shard,
    /// Per law that is expected to break, the sentence why.
    pub exempt: BTreeMap<String, String>,
    /// The laws to be reported; all when empty. All are judged.
    pub laws: Vec<String>,
    /// Whether a broken SHOULD fails the campaign.
    pub strict: bool,
    /// How long each counterexample is made smaller.
    pub shrink: Budget,
}

impl Plan {
    /// Whether what is missing was missed: a part of a campaign, or a few long cases, need not meet
    /// every situation.
    pub(crate) fn is_whole(&self) -> bool {
        self.shard.is_whole() && self.ops.is_none()
    }

    /// The cases that are judged, as a part of all there are.
    pub(crate) fn part(&self) -> Shard {
        let every = self.every.unwrap_or(EVERY_CASE).get();
        Shard {
            first: self.shard.first.saturating_mul(every),
            of: self.shard.of.saturating_mul(every),
        }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            tier: Tier::Both,
            length: Length::Default,
            seed: Seed(0),
            size: None,
            ops: None,
            jobs: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            every: None,
            shard: Shard::WHOLE,
            exempt: BTreeMap::new(),
            laws: Vec::new(),
            strict: false,
            shrink: Budget::default(),
        }
    }
}

/// Which tiers of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The few that test the slots of an adapter, before all others. No choice: a plan that names it
    /// has no cases.
    Slots,
    /// The exhaustive one.
    Small,
    /// The one that is drawn.
    Random,
    /// The small one, then the random one.
    Both,
    /// Those of a file, each with the number of its request. No choice either.
    Recorded,
}

impl Tier {
    pub(crate) fn has_small(self) -> bool {
        matches!(self, Tier::Small | Tier::Both)
    }

    pub(crate) fn has_random(self) -> bool {
        matches!(self, Tier::Random | Tier::Both)
    }

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Slots => "slots",
            Tier::Small => "small",
            Tier::Random => "random",
            Tier::Both => "both",
            Tier::Recorded => "recorded",
        }
    }
}

/// How far into the random tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// As many cases as the mechanism says.
    Default,
    /// So many cases.
    Cases(u64),
    /// Until the time is up: the only length that may give another result the next time.
    Time(Duration),
}

/// What the random tier is drawn from, written as hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u64::from_str_radix(text, 16) {
            Ok(seed) if digits => Ok(Seed(seed)),
            _ => Err("expected 1 to 16 hexadecimal digits".into()),
        }
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One of several equal parts of a campaign: of *n* parts, part *k* (from 1) takes the cases *i* of
/// each tier with *i* mod *n* = *k* − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// The first case.
    first: u64,
    /// How many parts there are: from one case to the next.
    of: u64,
}

impl Shard {
    /// All cases.
    pub const WHOLE: Shard = Shard { first: 0, of: 1 };

    /// Part `k` of `n`, counted from 1; `None` when there is no such part.
    pub fn new(k: u64, n: u64) -> Option<Self> {
        (1..=n).contains(&k).then(|| Shard { first: k - 1, of: n })
    }

    /// Whether it has all cases.
    pub fn is_whole(self) -> bool {
        self.of == 1
    }

    /// The number of this part's case at `place`, counted from 0.
    pub(crate) fn case(self, place: u64) -> u64 {
        place.saturating_mul(self.of).saturating_add(self.first)
    }

    /// How many cases all parts have together when each had as many as this one.
    pub(crate) fn total(self, places: u64) -> u64 {
        places.saturating_mul(self.of)
    }

    /// Whether this part has case `index`.
    #[cfg(feature = "command")]
    pub(crate) fn has(self, index: u64) -> bool {
        index % self.of == self.first
    }

    /// How many of so many cases are this part's.
    pub(crate) fn places(self, cases: u64) -> u64 {
        cases.saturating_sub(self.first).div_ceil(self.of)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first + 1, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once('/')
            .and_then(|(k, n)| Shard::new(k.parse().ok()?, n.parse().ok()?))
            .ok_or_else(|| "expected K/N with K from 1 to N".into())
    }
}

impl Serialize for Shard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How long one counterexample is made smaller.
///
/// The tries decide; the time is for implementations so slow that the tries never would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// At most so many runs.
    pub tries: u32,
    /// No new run after so long.
    pub time: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { tries: 5_000, time: Duration::from_secs(30) }
    }
}

/// The number of a case: its tier, and its place there. The small tier comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaseNumber {
    /// [`Tier::Small`] or [`Tier::Random`], of an adapter [`Tier::Slots`] or [`Tier::Recorded`].
    pub tier: Tier,
    /// From 0; of a recorded case, what its request says.
    pub index: u64,
}

impl fmt::Display for CaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tier.name(), self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_disjoint_and_their_union_is_the_whole() {
        let mut cases: Vec<u64> = (1..=3)
            .flat_map(|k| {
                let shard = Shard::new(k, 3).unwrap();
                (0..4).map(move |place| shard.case(place))
            })
            .collect();
        cases.sort_unstable();
        assert_eq!(cases, (0..12).collect::<Vec<_>>());
    }

    #[test]
    fn a_shard_outside_its_campaign_is_refused() {
        for text in ["0/2", "3/2", "1/0", "1", "a/b", "-1/2", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_seed_is_hexadecimal_digits_and_nothing_else() {
        assert_eq!("2A".parse(), Ok(Seed(42)));
        for text in ["", "+1", "0x1", "g", "10000000000000000"] {
            assert!(text.parse::<Seed>().is_err(), "{text}");
        }
    }
}
