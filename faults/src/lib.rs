//! Understudies, and each fault as a small variation of one.
