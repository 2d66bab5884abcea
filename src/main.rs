//! The command: see `lawbook --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lawbook::cli::main()
}
