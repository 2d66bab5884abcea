//! The example program of the README is the one that is here, and prints what the README says.

use std::process::Command;

const README: &str = include_str!("../../README.md");
const PROGRAM: &str = include_str!("../examples/three_modules.rs");

#[test]
fn three_modules_start_unwind_and_stop_as_the_readme_says() {
    // This test is in `TARGET/debug/deps`.
    let this = std::env::current_exe().expect("a test is a file");
    let target = this.ancestors().nth(3).expect("cargo builds tests deep");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", env!("CARGO_PKG_NAME")])
        .args(["--example", "three_modules", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs: it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("it prints text");
    assert!(printed.contains("address, priority 1000) returned -19"), "{printed}");
    assert!(README.contains(&format!("```text\n{printed}```")), "{printed}");
}

#[test]
fn the_program_in_the_readme_is_the_example() {
    let (_, code) = PROGRAM.split_once("\n\n").expect("the example says what it is");
    assert!(README.contains(&format!("```rust\n{code}```")), "{code}");
}
