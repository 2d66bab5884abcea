//! Values on the command line that are no plain numbers or names.

use std::num::NonZero;
use std::time::Duration;

use crate::plan::Tier;

/// How many of something: at least one.
pub(super) fn count(text: &str) -> Result<NonZero<u64>, String> {
    text.parse().map_err(|_| "expected a whole number from 1 on".to_owned())
}

/// The same, for threads.
pub(super) fn jobs(text: &str) -> Result<NonZero<usize>, String> {
    text.parse().map_err(|_| "expected a whole number from 1 on".to_owned())
}

/// A duration, as in `500ms`, `10s` and `5m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time above zero, such as 500ms, 10s or 5m".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        _ => None,
    };
    match millis {
        Some(millis) if millis > 0 => Ok(Duration::from_millis(millis)),
        _ => Err(wrong()),
    }
}

/// The tiers of cases, as the command line has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum TierName {
    Small,
    Random,
    Both,
}

impl From<TierName> for Tier {
    fn from(name: TierName) -> Self {
        match name {
            TierName::Small => Tier::Small,
            TierName::Random => Tier::Random,
            TierName::Both => Tier::Both,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_number_and_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "10", "s", "0s", "1h", "-1s", "1.5s", "18446744073709551615m"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
