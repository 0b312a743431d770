//! A kind's settings, written down for people and for programs.

use serde_json::{Map, Value, json};

use super::{Guard, Setting, Shape};

/// The settings of `kind` as TOML to be pasted below `[pools.NAME]`: everything commented out, with its default.
pub fn toml(kind: &str, table: &[Setting]) -> String {
    let mut lines = vec![
        format!("# Job settings of the kind {kind}: paste them below [pools.NAME], and uncomment what you change."),
        "# job.unset = [\"KEY\"] takes away what an earlier layer has set; an entry of a map is KEY.NAME.".to_owned(),
    ];
    for setting in table {
        let Setting { key, doc, shape, guard, default, .. } = setting;
        lines.push(String::new());
        lines.extend(
            doc.split(". ").map(|sentence| format!("# {}.", sentence.trim_end_matches('.'))),
        );
        let taken = match guard {
            Guard::Free => format!("# Takes {shape}."),
            Guard::Guarded => {
                format!("# Takes {shape}. A flow may set it where grants.job has it.")
            }
        };
        lines.push(taken);
        lines.push(match (shape, default) {
            (Shape::Map, _) => format!("# job.{key}.NAME = \"value\""),
            (_, Value::Null) => format!("# job.{key} = {}", example(shape)),
            (_, value) => format!("# job.{key} = {value}"),
        });
    }
    lines.join("\n")
}

/// A value for a setting that has none by default. JSON's notation of texts, numbers and lists is also TOML's.
fn example(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!("text"),
        Shape::TextLike(example) => json!(example),
        Shape::Path => json!("/path"),
        Shape::Integer { min, .. } => json!(min),
        Shape::Size => json!("64MiB"),
        Shape::Cpus => json!("1.5"),
        Shape::Duration => json!("30s"),
        Shape::Bool => json!(true),
        Shape::List => json!([]),
        Shape::Map => json!({}),
        Shape::OneOf(words) => json!(words.first()),
    }
}

/// The settings of `kind` as a JSON schema of `[pools.NAME.job]`.
pub fn schema(kind: &str, table: &[Setting]) -> Value {
    let property = |setting: &Setting| (setting.key.to_owned(), property(setting));
    let mut properties: Map<String, Value> = table.iter().map(property).collect();
    properties.insert(
        super::change::UNSET.to_owned(),
        json!({"type": "array", "items": {"type": "string"}, "default": [],
            "description": "What an earlier layer has set and is taken away: keys, or KEY.NAME for an entry of a map."}),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Job settings of the kind {kind}"),
        "type": "object", "properties": properties, "additionalProperties": false,
    })
}

fn property(setting: &Setting) -> Value {
    let mut property = match &setting.shape {
        Shape::Text => json!({"type": "string"}),
        Shape::TextLike(example) => json!({"type": "string", "examples": [example]}),
        Shape::Path => json!({"type": "string", "pattern": "^/"}),
        Shape::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::Size => json!({"type": ["integer", "string"], "examples": ["64MiB"]}),
        Shape::Cpus => json!({"type": ["number", "string"], "examples": ["1.5"]}),
        Shape::Duration => json!({"type": "string", "examples": ["30s"]}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::List => json!({"type": "array", "items": {"type": "string"}}),
        Shape::Map => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Shape::OneOf(words) => json!({"enum": words}),
    };
    property["description"] = json!(setting.doc);
    property["default"] = setting.default.clone();
    property["guarded"] = json!(setting.guard == Guard::Guarded);
    property
}
