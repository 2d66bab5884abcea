//! Implementations that others wrote, behind the same contracts.
