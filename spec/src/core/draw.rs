//! Bytes to a case: the one generator, for campaigns, proptest and fuzzers alike.

use arbitrary::Unstructured;

use super::{Case, Mechanism};

/// Draws a case for an implementation with this profile from bytes.
///
/// Tags take one byte, so that a fuzzer's small change of the input is a small change of the case.
/// A *swarm* mask turns some kinds of op off and others up, for half of the cases: what always
/// comes mixed hides what needs a run of one kind.
///
/// # Errors
///
/// When the bytes do not suffice for a setup.
pub fn draw_case<M: Mechanism>(
    u: &mut Unstructured<'_>,
    profile: &M::Profile,
) -> arbitrary::Result<Case<M>> {
    draw_case_of(u, profile, None)
}

/// The same, in a world of about this size where one is asked for.
///
/// # Errors
///
/// When the bytes do not suffice for a setup.
pub fn draw_case_of<M: Mechanism>(
    u: &mut Unstructured<'_>,
    profile: &M::Profile,
    size: Option<u64>,
) -> arbitrary::Result<Case<M>> {
    let length = draw_length::<M>(u)?;
    let mut drawer = Drawer::<M>::new(u)?;
    let setup = match size {
        Some(size) => M::draw_setup_of(u, profile, size)?,
        None => M::draw_setup(u, profile)?,
    };
    let mut ops = Vec::with_capacity(length);
    while ops.len() < length && !u.is_empty() {
        ops.push(drawer.op(u, &setup, profile)?);
    }
    Ok(Case { setup, ops })
}

/// Draws the ops of a case, one after the other.
pub struct Drawer<M: Mechanism> {
    weights: Vec<u32>,
    draft: M::Draft,
}

impl<M: Mechanism> Drawer<M> {
    /// Draws the swarm mask of a case.
    ///
    /// # Errors
    ///
    /// When `u` refuses to give more bytes.
    pub fn new(u: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        Ok(Drawer { weights: draw_swarm::<M>(u)?, draft: M::Draft::default() })
    }

    /// Goes on with another swarm mask.
    ///
    /// # Errors
    ///
    /// When `u` refuses to give more bytes.
    pub fn change(&mut self, u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        self.weights = draw_swarm::<M>(u)?;
        Ok(())
    }

    /// Draws the next op of a case in this world.
    ///
    /// # Errors
    ///
    /// When `u` refuses to give more bytes.
    pub fn op(
        &mut self,
        u: &mut Unstructured<'_>,
        setup: &M::Setup,
        profile: &M::Profile,
    ) -> arbitrary::Result<M::Op> {
        let kind = draw_kind::<M>(u, &self.weights)?;
        M::draw_op(u, kind, setup, profile, &mut self.draft)
    }
}

impl<M: Mechanism> std::fmt::Debug for Drawer<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drawer").field("weights", &self.weights).finish_non_exhaustive()
    }
}

fn draw_length<M: Mechanism>(u: &mut Unstructured<'_>) -> arbitrary::Result<usize> {
    let tag: u8 = u.arbitrary()?;
    let share: u8 = u.arbitrary()?;
    let most = usize::from(M::LENGTHS[usize::from(tag) % M::LENGTHS.len()]);
    Ok(1 + usize::from(share) * most.saturating_sub(1) / 255)
}

/// The weight of each kind: as it stands in half of the cases; else off, as it stands, or fourfold.
fn draw_swarm<M: Mechanism>(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u32>> {
    let swarm = u.arbitrary::<u8>()? & 1 == 1;
    let mut bits = 0u8;
    let mut weights = Vec::with_capacity(M::KINDS.len());
    for (index, kind) in M::KINDS.iter().enumerate() {
        if swarm && index % 4 == 0 {
            bits = u.arbitrary()?;
        }
        let weight = u32::from(kind.weight);
        weights.push(match (swarm, bits & 3) {
            (true, 0) if !kind.producer => 0,
            (true, 3) => weight * 4,
            _ => weight,
        });
        bits >>= 2;
    }
    Ok(weights)
}

fn draw_kind<M: Mechanism>(
    u: &mut Unstructured<'_>,
    weights: &[u32],
) -> arbitrary::Result<M::Kind> {
    let total: u32 = weights.iter().sum();
    let mut left = if total <= 256 {
        u32::from(u.arbitrary::<u8>()?) * total / 256
    } else {
        // One byte would never choose what weighs little among fourfold weights.
        u32::from(u.arbitrary::<u16>()?) * total / 65536
    };
    for (kind, weight) in M::KINDS.iter().zip(weights) {
        if left < *weight {
            return Ok(kind.kind);
        }
        left -= weight;
    }
    // Only when every weight is zero: a mechanism without a producer.
    Ok(M::KINDS[0].kind)
}

/// True for one byte in so many.
pub(crate) fn one_in(u: &mut Unstructured<'_>, share: u8) -> arbitrary::Result<bool> {
    Ok(u.arbitrary::<u8>()? % share == share - 1)
}

/// One of these, by a byte.
pub(crate) fn pick<T: Copy>(u: &mut Unstructured<'_>, from: &[T]) -> arbitrary::Result<T> {
    Ok(from[usize::from(u.arbitrary::<u8>()?) % from.len()])
}

#[cfg(test)]
mod tests {
    use super::super::toy::{Kind, Op, Toy, World};
    use super::*;

    fn drawn(bytes: &[u8]) -> Case<Toy> {
        draw_case(&mut Unstructured::new(bytes), &World { slots: 4 }).unwrap()
    }

    #[test]
    fn the_same_bytes_give_the_same_case() {
        let bytes: Vec<u8> = (0..200).map(|at: u8| at.wrapping_mul(37)).collect();
        assert_eq!(drawn(&bytes), drawn(&bytes));
    }

    #[test]
    fn the_second_byte_says_how_long_a_case_is() {
        let long: Vec<u8> = [&[1, 255, 0][..], &[9; 400]].concat();
        assert_eq!(drawn(&long).ops.len(), 64);
        let short: Vec<u8> = [&[1, 0, 0][..], &[9; 400]].concat();
        assert_eq!(drawn(&short).ops.len(), 1);
    }

    #[test]
    fn a_mask_turns_kinds_off_but_never_a_producer() {
        // A swarm in which the two bits of every kind say off.
        let masked: Vec<u8> = [&[1, 255, 1, 0][..], &[200; 400]].concat();
        let ops = drawn(&masked).ops;
        assert!(!ops.is_empty() && ops.iter().all(|op| Toy::kind(op) == Kind::Put), "{ops:?}");
        // The same bytes without a swarm.
        let free: Vec<u8> = [&[1, 255, 0][..], &[200; 400]].concat();
        assert!(drawn(&free).ops.iter().any(|op| !matches!(op, Op::Put { .. })));
    }

    #[test]
    fn a_case_ends_with_its_bytes() {
        assert!(drawn(&[1, 255, 0, 9, 9, 9]).ops.len() < 4);
    }
}
