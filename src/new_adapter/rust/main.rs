//! An adapter of @MECHANISM@ for Lawbook: reads cases on standard input, answers with events.
//!
//! Judge it: `cargo build && lawbook check @MECHANISM@ --adapter target/debug/adapter`.
//! A library in Rust can do without: it implements the trait of `lawbook::spec::@MECHANISM@`.

use std::io::{self, BufRead, Write};

use serde_json::{json, Value};

/// What the implementation can do: cases stay inside it, and each ability brings its laws.
const PROFILE: &str = r#"
@PROFILE@
"#;

/// An event, or why the op can't be done yet: its case is unsupported, which is never a pass.
type Event = Result<Value, String>;

/// The world of one case, made afresh for each; ops name things by the case's own numbers.
struct World<'a> {
    setup: &'a Value,
@WORLD@}

impl<'a> World<'a> {
    fn new(setup: &'a Value) -> Self {
        World { setup@INIT@ }
    }

    fn op(&mut self, name: &str, fields: &Value) -> Event {
        match name {
@TABLE@            _ => Err(format!("{name} is not written yet")),
        }
    }
@FIRST@
@OPS@}

/// The answer to a case: an event for each op, in their order.
fn answer(request: &Value) -> Value {
    let mut world = World::new(&request["setup"]);
    let mut events = Vec::new();
    for op in request["ops"].as_array().into_iter().flatten() {
        for (name, fields) in op.as_object().into_iter().flatten() {
            match world.op(name, fields) {
                Ok(event) => events.push(event),
                Err(why) => return json!({"id": request["id"], "unsupported": why}),
            }
        }
    }
    json!({"id": request["id"], "events": events})
}

fn main() -> io::Result<()> {
    let mut lines = io::stdin().lock().lines();
    let mut out = io::stdout().lock();
    let Some(greeting) = lines.next() else { return Ok(()) };
    let mut greeting: Value = serde_json::from_str(&greeting?)?;
    greeting["name"] = "my-@MECHANISM@".into();
    greeting["version"] = env!("CARGO_PKG_VERSION").into();
    greeting["profile"] = serde_json::from_str(PROFILE)?;
    writeln!(out, "{greeting}")?;
    out.flush()?;
    for line in lines {
        writeln!(out, "{}", answer(&serde_json::from_str(&line?)?))?;
        out.flush()?;
    }
    Ok(())
}
