//! Three modules, one of which fails: ordered start-up, unwinding, and shutdown in reverse.
//!
//! It does not cover registration at link time: its modules are made of closures.

use lawbook_reference::init::{Loader, Module, Node, Pair, Priority};

fn main() {
    let loader = Loader::new();
    let storage = [part("disk", Priority::DEVICE, 0), part("cache", Priority::CORE, 0)];
    let net = [
        part("card", Priority::DEVICE, 0),
        part("address", Priority::LATE, -19),
        part("stack", Priority::CORE, 0),
    ];
    let clock = [Pair::new(Priority::FS)
        .init(|scope| scope.enter("proc/clock", Node::new(|| "12:00".into())))
        .exit(|scope| scope.remove("proc/clock"))];
    for (name, pairs) in [("storage", &storage[..]), ("net", &net), ("clock", &clock)] {
        println!("load {name}");
        let module = pairs.iter().cloned().fold(Module::new(name), Module::pair);
        let handle = loader.add(module).expect("the names differ");
        if let Err(error) = loader.load(handle) {
            println!("  {error}");
        }
    }
    println!("entries: {}", loader.list("").join(" "));
    println!("shut down");
    loader.shut_down();
}

/// A pair that says what it does, and whose init returns a code.
fn part(name: &'static str, priority: Priority, code: i32) -> Pair {
    Pair::new(priority)
        .label(name)
        .init(move |_| {
            println!("  init {name}");
            code
        })
        .exit(move |_| println!("  exit {name}"))
}
