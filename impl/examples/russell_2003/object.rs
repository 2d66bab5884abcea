//! The shared object of `module.rs`, which is linked in elsewhere.
//!
//! It does not cover who loads it.

mod module;

lawbook_reference::export_module!();
