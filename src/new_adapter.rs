//! Skeletons of adapters: templates in a few languages, filled with what a mechanism has.
//!
//! A skeleton greets, and answers one op; the other ops are stubs with the sentences of the schema.
//! It does not cover where its files are written.

use serde_json::Value;

/// A language that there are templates for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// Python 3, its standard library
    Python,
    /// C11 and POSIX
    C,
    /// Rust, with serde_json
    Rust,
}

/// What the skeletons of a mechanism have, beyond what its schema says.
#[derive(Debug)]
pub(crate) struct Skeleton {
    pub(crate) mechanism: &'static str,
    /// What an implementation says of itself that has just begun: a profile, as JSON.
    pub(crate) profile: String,
    /// The op that they answer.
    pub(crate) op: &'static str,
    pub(crate) python: First,
    pub(crate) c: First,
    pub(crate) rust: First,
}

/// The one op in one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct First {
    /// What the world of a case remembers for it: lines of its declaration.
    pub(crate) world: &'static str,
    /// In C what that needs, in Rust how that begins.
    pub(crate) init: &'static str,
    /// The function.
    pub(crate) function: &'static str,
}

/// A file of a skeleton: its path in the folder, and what it holds.
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) content: String,
}

/// An op, as the schema has it.
struct Op {
    name: String,
    about: String,
    fields: Vec<String>,
}

impl Language {
    /// The command line of the adapter, in its folder.
    fn command(self) -> &'static str {
        match self {
            Language::Python => "python3 adapter.py",
            Language::C => "./adapter",
            Language::Rust => "target/debug/adapter",
        }
    }

    fn templates(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Language::Python => &[
                ("adapter.py", include_str!("new_adapter/python/adapter.py")),
                ("README.md", include_str!("new_adapter/python/README.md")),
            ],
            Language::C => &[
                ("adapter.c", include_str!("new_adapter/c/adapter.c")),
                ("json.h", include_str!("new_adapter/c/json.h")),
                ("Makefile", include_str!("new_adapter/c/Makefile")),
                ("README.md", include_str!("new_adapter/c/README.md")),
            ],
            Language::Rust => &[
                ("Cargo.toml", include_str!("new_adapter/rust/Cargo.toml")),
                ("src/main.rs", include_str!("new_adapter/rust/main.rs")),
                ("README.md", include_str!("new_adapter/rust/README.md")),
            ],
        }
    }

    /// The stub of an op.
    fn stub(self, op: &Op) -> String {
        let Op { name, about, .. } = op;
        let fields = match op.fields.as_slice() {
            [] => "No fields.".to_owned(),
            fields => format!("Fields: {}.", fields.join(", ")),
        };
        match self {
            Language::Python => format!(
                "\n    def op_{name}(self, fields):\n        \"\"\"{about}\n\n        {fields}\n        \
                 \"\"\"\n        raise Unsupported(\"{name} is not written yet\")\n"
            ),
            Language::C => format!(
                "\n/* {about}\n * {fields} */\nstatic bool op_{name}(struct world *world, int fields, \
                 FILE *event)\n{{\n    (void)world, (void)fields, (void)event;\n    return false;\n}}\n"
            ),
            Language::Rust => format!(
                "\n    /// {about}\n    /// {fields}\n    fn op_{name}(&mut self, _fields: &Value) -> \
                 Event {{\n        Err(\"{name} is not written yet\".into())\n    }}\n"
            ),
        }
    }

    /// The line of an op in the table of all.
    fn row(self, name: &str) -> String {
        match self {
            Language::Python => String::new(),
            Language::C => format!("    {{ \"{name}\", op_{name} }},\n"),
            Language::Rust => format!("            \"{name}\" => self.op_{name}(fields),\n"),
        }
    }
}

impl Skeleton {
    /// The files of the skeleton in a language, for ops as the schema of the protocol has them.
    pub(crate) fn files(&self, language: Language, schema: &Value) -> Vec<File> {
        let ops = ops(schema);
        let first = match language {
            Language::Python => self.python,
            Language::C => self.c,
            Language::Rust => self.rust,
        };
        let others = ops.iter().filter(|op| op.name != self.op);
        let profile = match language {
            Language::C => Value::from(self.profile.as_str()).to_string(),
            Language::Python | Language::Rust => pretty(&self.profile),
        };
        let steps = include_str!("new_adapter/steps.md");
        let parts = [
            ("@STEPS@", steps.trim_end().to_owned()),
            ("@PROFILE@", profile),
            ("@WORLD@", first.world.to_owned()),
            ("@INIT@", first.init.to_owned()),
            ("@FIRST@", first.function.trim_end().to_owned()),
            ("@OPS@", others.map(|op| language.stub(op)).collect()),
            ("@TABLE@", ops.iter().map(|op| language.row(&op.name)).collect()),
            ("@OP@", self.op.to_owned()),
            ("@COMMAND@", language.command().to_owned()),
            ("@MECHANISM@", self.mechanism.to_owned()),
        ];
        let fill = |template: &str| {
            parts.iter().fold(template.to_owned(), |text, (mark, part)| text.replace(mark, part))
        };
        let files = language.templates().iter();
        files.map(|&(path, template)| File { path, content: fill(template) }).collect()
    }
}

/// The ops, in the order of the schema.
fn ops(schema: &Value) -> Vec<Op> {
    let variants = schema["$defs"]["Op"]["oneOf"].as_array().into_iter().flatten();
    let op = |variant: &Value| {
        let name = variant["required"][0].as_str()?.to_owned();
        let about = variant["description"].as_str().unwrap_or_default();
        let fields = variant["properties"][&name]["properties"].as_object();
        let fields = fields.into_iter().flatten().map(|(field, _)| field.clone());
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(Op { name, about, fields: fields.collect() })
    };
    variants.filter_map(op).collect()
}

/// The same JSON over several lines.
fn pretty(json: &str) -> String {
    let value: Value = serde_json::from_str(json).expect("a profile is JSON");
    serde_json::to_string_pretty(&value).expect("a profile has a JSON form")
}
