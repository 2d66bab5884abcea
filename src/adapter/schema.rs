//! The JSON Schema of what the two ends say, made from the types.
//!
//! It does not cover what a schema can't say: which ops a profile admits, and what the laws ask.

use lawbook_spec::core::Mechanism;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The schema of one line, in either direction; each kind of line is a definition of its own.
pub(crate) fn schema<M: Mechanism>() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let messages = messages::<M>(&mut generator);
    let mut definitions = generator.take_definitions(true);
    let mut lines = Vec::new();
    for (name, description, properties, required) in messages {
        lines.push(json!({"$ref": format!("#/$defs/{name}")}));
        let message = json!({
            "description": description, "type": "object", "properties": properties,
            "required": required, "additionalProperties": false,
        });
        definitions.insert(name.to_owned(), message);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("lawbook adapter protocol {}, {}", crate::FORMAT, M::NAME),
        "description": format!("One line to or from an adapter of {}.", M::TITLE),
        "oneOf": lines,
        "$defs": definitions,
    })
}

/// A kind of line: its name, what it is, its fields, and which of them it must have.
type Message = (&'static str, &'static str, Value, Vec<&'static str>);

fn messages<M: Mechanism>(generator: &mut SchemaGenerator) -> [Message; 6] {
    let setup = generator.subschema_for::<M::Setup>();
    let op = generator.subschema_for::<M::Op>();
    let event = generator.subschema_for::<M::Event>();
    let profile = generator.subschema_for::<M::Profile>();
    let version = json!({"const": crate::FORMAT});
    let mechanism = json!({"const": M::NAME});
    let id = json!({"type": "integer", "format": "uint64", "minimum": 0});
    let name = json!({"type": "string", "minLength": 1, "maxLength": 100});
    [
        (
            "to_adapter_greeting",
            "The first line to an adapter.",
            json!({"lawbook": version, "mechanism": mechanism}),
            vec!["lawbook", "mechanism"],
        ),
        (
            "from_adapter_greeting",
            "Its answer: who it is, and what it can do.",
            json!({
                "lawbook": version, "mechanism": mechanism,
                "name": name, "version": name, "profile": profile,
            }),
            vec!["lawbook", "mechanism", "name", "version", "profile"],
        ),
        (
            "to_adapter_case",
            "A case: a fresh world, and ops to be done in their order.",
            json!({"id": id, "setup": setup, "ops": {"type": "array", "items": op}}),
            vec!["id", "setup", "ops"],
        ),
        (
            "from_adapter_events",
            "What came of a case: an event for each op, in their order.",
            json!({"id": id, "events": {"type": "array", "items": event}}),
            vec!["id", "events"],
        ),
        (
            "from_adapter_unsupported",
            "A case that can't be run, and why; with the events before, where there are some.",
            json!({
                "id": id, "unsupported": {"type": "string"},
                "events": {"type": "array", "items": event},
            }),
            vec!["id", "unsupported"],
        ),
        (
            "from_adapter_error",
            "What went wrong, at the op after the last of these events.",
            json!({
                "id": id, "error": {"type": "string"},
                "events": {"type": "array", "items": event},
            }),
            vec!["id", "error"],
        ),
    ]
}
