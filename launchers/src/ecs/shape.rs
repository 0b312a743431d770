//! What ECS's API takes, so that a patch with a misspelt field is refused: AWS skips such fields without a word. Pure.
//!
//! `shapes.json` has the names and types of the API's own model (2014-11-13): `tests/servers/ecs_shapes.py` writes it, and
//! a test holds it against that.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use longshore_protocol::suggest;
use serde_json::Value;

use crate::{Error, ErrorKind};

const SHAPES: &str = include_str!("shapes.json");
/// The request for a task definition.
pub(super) const DEFINITION: &str = "RegisterTaskDefinitionRequest";
/// The request for a task.
pub(super) const RUN: &str = "RunTaskRequest";
/// A container of a task definition.
pub(super) const CONTAINER: &str = "ContainerDefinition";

type Shapes = BTreeMap<String, BTreeMap<String, String>>;

fn shapes() -> &'static Shapes {
    static SHAPES_READ: OnceLock<Shapes> = OnceLock::new();
    SHAPES_READ.get_or_init(|| serde_json::from_str(SHAPES).expect("a test reads it"))
}

/// Checks that `value` is of the type `kind`. `place` is where in the whole request it is.
///
/// Types are `text`, `number` and `flag`, words with `|` between them, `[…]` for a list, `{…}` for a map, and otherwise
/// the name of a structure.
///
/// # Errors
/// Names the first field that does not exist, or does not fit.
pub(super) fn check(value: &Value, kind: &str, place: &str) -> Result<(), Error> {
    let other =
        |expected: &str| Err(refused(format!("the patch sets {place}, which is {expected}")));
    let inside = |kind: &'_ str, from: char, to: char| -> Option<String> {
        Some(kind.strip_prefix(from)?.strip_suffix(to)?.to_owned())
    };
    if let Some(item) = inside(kind, '[', ']') {
        let Some(items) = value.as_array() else { return other("a list") };
        let mut items = items.iter().enumerate();
        return items.try_for_each(|(at, one)| check(one, &item, &format!("{place}.{at}")));
    }
    if let Some(item) = inside(kind, '{', '}') {
        let Some(entries) = value.as_object() else { return other("an object") };
        let mut entries = entries.iter();
        return entries.try_for_each(|(key, one)| check(one, &item, &format!("{place}.{key}")));
    }
    match kind {
        "text" if !value.is_string() => other("text"),
        "number" if !value.is_i64() && !value.is_u64() => other("a whole number"),
        "flag" if !value.is_boolean() => other("true or false"),
        "text" | "number" | "flag" => Ok(()),
        words if words.contains('|') => {
            let words: Vec<_> = words.split('|').filter(|word| !word.is_empty()).collect();
            match value.as_str() {
                Some(word) if words.contains(&word) => Ok(()),
                _ => other(&format!("one of {}", words.join(", "))),
            }
        }
        structure => members(value, structure, place),
    }
}

fn members(value: &Value, structure: &str, place: &str) -> Result<(), Error> {
    let Some(fields) = value.as_object() else {
        return Err(refused(format!("the patch sets {place}, which is an object")));
    };
    let Some(members) = shapes().get(structure) else {
        return Err(refused(format!("{place} is not known: {structure}")));
    };
    for (name, value) in fields {
        let place = format!("{place}.{name}");
        let Some(kind) = members.get(name) else {
            let near = suggest::nearest(name, members.keys().map(String::as_str));
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            return Err(refused(format!("the patch sets {place}, which does not exist{near}")));
        };
        check(value, kind, &place)?;
    }
    Ok(())
}

fn refused(text: String) -> Error {
    Error::new(ErrorKind::BadInput, text)
        .hint("--dry-run shows the request that a patch applies to")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_type_that_is_named_is_there() {
        for (structure, members) in shapes() {
            for (name, kind) in members {
                let inner = kind.trim_matches(|one| "[]{}".contains(one));
                let is_known = ["text", "number", "flag"].contains(&inner)
                    || inner.contains('|')
                    || shapes().contains_key(inner);
                assert!(is_known, "{structure}.{name}: {kind}");
            }
        }
        for name in [DEFINITION, RUN, CONTAINER] {
            assert!(shapes().contains_key(name));
        }
    }

    #[test]
    fn what_does_not_exist_or_fit_is_named() {
        for (value, why) in [
            (
                json!({"cpuu": "256"}),
                "the patch sets d.cpuu, which does not exist; did you mean cpu?",
            ),
            (json!({"cpu": 256}), "the patch sets d.cpu, which is text"),
            (json!({"volumes": {}}), "the patch sets d.volumes, which is a list"),
            (json!({"volumes": ["a"]}), "the patch sets d.volumes.0, which is an object"),
            (
                json!({"volumes": [{"host": {"sourcePath": 1}}]}),
                "the patch sets d.volumes.0.host.sourcePath, which is text",
            ),
            (
                json!({"networkMode": "aws"}),
                "the patch sets d.networkMode, which is one of bridge, host, awsvpc, none",
            ),
            (
                json!({"ephemeralStorage": {"sizeInGiB": 1.5}}),
                "the patch sets d.ephemeralStorage.sizeInGiB, which is a whole number",
            ),
            (
                json!({"requiresCompatibilities": ["FARGATE", "x"]}),
                "the patch sets d.requiresCompatibilities.1, which is one of EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES",
            ),
        ] {
            assert_eq!(check(&value, DEFINITION, "d").unwrap_err().to_string(), why);
        }
        let good = json!({
            "family": "x", "volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}],
            "containerDefinitions": [{"logConfiguration": {"logDriver": "awslogs", "options": {"a": "b"}}}],
        });
        assert!(check(&good, DEFINITION, "d").is_ok());
        assert!(check(&json!({"options": {"a": 1}}), "LogConfiguration", "l").is_err());
    }
}
