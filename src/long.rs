//! A case that is too long to be kept: its ops are drawn one after the other, and can be drawn again.
//!
//! Like every random case it is a function of the seed and its number, and of its size and length.
//! It does not cover what is done with the ops.

use arbitrary::Unstructured;
use lawbook_spec::core::{Drawer, Mechanism};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::campaign::bytes_of;
use crate::plan::Seed;

/// From how many bytes an op is drawn at most.
const OP_BYTES: usize = 256;

/// After how many ops another swarm mask is drawn: memory fills in some of these stretches, and
/// empties in others.
const STRETCH: u64 = 100_000;

/// The ops of a long case, in its world.
pub(crate) struct LongCase<'p, M: Mechanism> {
    pub(crate) setup: M::Setup,
    profile: &'p M::Profile,
    drawer: Drawer<M>,
    rng: ChaCha8Rng,
    drawn: u64,
    ops: u64,
}

impl<'p, M: Mechanism> LongCase<'p, M> {
    /// Case `index`, with so many ops; in a world of about this size, where one is asked for.
    pub(crate) fn new(
        seed: Seed,
        index: u64,
        profile: &'p M::Profile,
        size: Option<u64>,
        ops: u64,
    ) -> Self {
        let (bytes, rng) = bytes_of::<M>(seed, index);
        let mut u = Unstructured::new(&bytes);
        let drawer = Drawer::new(&mut u);
        let setup = match size {
            Some(size) => M::draw_setup_of(&mut u, profile, size),
            None => M::draw_setup(&mut u, profile),
        };
        let (Ok(drawer), Ok(setup)) = (drawer, setup) else {
            panic!("DRAW_BYTES of {} do not suffice for a setup", M::NAME);
        };
        LongCase { setup, profile, drawer, rng, drawn: 0, ops }
    }
}

impl<M: Mechanism> Iterator for LongCase<'_, M> {
    type Item = M::Op;

    fn next(&mut self) -> Option<M::Op> {
        if self.drawn == self.ops {
            return None;
        }
        let mut bytes = [0; OP_BYTES];
        self.rng.fill_bytes(&mut bytes);
        let mut u = Unstructured::new(&bytes);
        if self.drawn.is_multiple_of(STRETCH) {
            self.drawer.change(&mut u).ok()?;
        }
        self.drawn += 1;
        self.drawer.op(&mut u, &self.setup, self.profile).ok()
    }
}
