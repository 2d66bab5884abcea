//! What the generator of every mechanism is held to, in tests: each mechanism calls these with
//! profiles of its own.
//!
//! It does not cover what is drawn, nor how often: campaigns count that.

use arbitrary::Unstructured;

use super::{Case, Mechanism, draw_case};

/// Cases from bytes of a small generator: any bytes would do.
pub(crate) fn drawn<M: Mechanism>(
    profile: &M::Profile,
    count: u64,
) -> impl Iterator<Item = Case<M>> {
    (1..=count).map(move |seed| {
        let bytes = noise(seed, M::DRAW_BYTES);
        draw_case(&mut Unstructured::new(&bytes), profile).unwrap()
    })
}

fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32).to_le_bytes()[0]
    })
    .take(bytes)
    .collect()
}

/// Every drawn case is one for the profile that it is drawn for, and survives JSON.
pub(crate) fn drawn_cases_are_admitted<M: Mechanism>(profiles: &[M::Profile]) {
    for profile in profiles {
        for case in drawn::<M>(profile, 500) {
            assert_eq!(M::admits(profile, &case), Ok(()), "{case:?}");
            let text = serde_json::to_string(&case).unwrap();
            assert_eq!(serde_json::from_str::<Case<M>>(&text).unwrap(), case);
        }
    }
}

/// Every case of the small tier is one for its profile; returns how many there are for each.
pub(crate) fn small_cases_are_admitted<M: Mechanism>(profiles: &[M::Profile]) -> Vec<usize> {
    let count = |profile| {
        let cases = M::small(profile).inspect(|case| {
            assert_eq!(M::admits(profile, case), Ok(()), "{case:?}");
        });
        cases.count()
    };
    profiles.iter().map(count).collect()
}

/// Every chain of simpler cases ends.
pub(crate) fn chains_of_simpler_cases_end<M: Mechanism>(profile: &M::Profile) {
    for case in drawn::<M>(profile, 40) {
        let mut case = Case { ops: case.ops.into_iter().take(3).collect(), ..case };
        let mut steps = 0;
        let admitted = |case: &Case<M>| M::admits(profile, case).is_ok();
        while let Some(simpler) = M::simpler(&case).into_iter().find(admitted) {
            assert_ne!(simpler, case);
            case = simpler;
            steps += 1;
            assert!(steps < 2_000, "{case:?}");
        }
    }
}
