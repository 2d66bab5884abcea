//! The reference implementation of every mechanism.
