//! The engine and the command, on a mechanism that they have never heard of, and on what is built
//! in.

mod campaign;
mod command;
mod toy;
