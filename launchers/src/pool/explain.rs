//! What is set of a pool, and by whom.

use longshore_protocol::limits::{LimitName, Limits};
use serde_json::{Value, json};

use super::origin::line_of;
use super::{Layer, Layers, Origin, Pool};
use crate::Error;
use crate::settings::{self, Effective};

/// What stands first, in this order; the rest follows by name.
const FIRST: [&str; 7] =
    ["type", "description", "store", "access", "target", "paused", "concurrency_limit"];

/// A value of a pool, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its key below the pool: `limits.memory`.
    pub key: String,
    /// The value, as it is written; null where there is none.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

impl Layers {
    /// All values of a pool: those that a layer has, and the defaults of the others.
    ///
    /// # Errors
    /// When there is no such pool, or something is wrong with it.
    pub fn explain(&self, name: &str) -> Result<Vec<Known>, Error> {
        let pool = self.pool(Some(name))?;
        let mut known = defaults();
        for layer in &self.0 {
            lay_over(&mut known, layer.values_of(name));
        }
        lay_over_job(&mut known, &pool)?;
        if let Some(store) = known.iter_mut().find(|one| one.key == "store") {
            store.value = json!(pool.store);
        }
        let place = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
        known.sort_by(|a, b| (place(&a.key), &a.key).cmp(&(place(&b.key), &b.key)));
        Ok(known)
    }
}

fn defaults() -> Vec<Known> {
    let limits = Limits::default();
    let limit = |name: LimitName| {
        (format!("limits.{}", name.word()), json!(limits.get(name).map(|value| name.show(value))))
    };
    let Pool { kind, is_paused, .. } = Pool::default();
    let others = [
        ("type", json!(kind.word())),
        ("store", Value::Null),
        ("access", Value::Null),
        ("target", json!(kind.target().word())),
        ("paused", json!(is_paused)),
        ("concurrency_limit", Value::Null),
    ];
    let others = others.map(|(key, value)| (key.to_owned(), value));
    others
        .into_iter()
        .chain(LimitName::ALL.map(limit))
        .map(|(key, value)| Known { key, value, origin: Origin::Default })
        .collect()
}

/// Replaces what a later layer has: single values, but all of the grants, as [`Layers::pool`] does. Patches are applied
/// one after another.
fn lay_over(known: &mut Vec<Known>, layer: Vec<Known>) {
    let is_grant = |key: &str| key == "grants" || key.starts_with("grants.");
    if layer.iter().any(|one| is_grant(&one.key)) {
        known.retain(|one| !is_grant(&one.key));
    }
    for one in layer {
        known.retain(|earlier| earlier.key == "patch" || earlier.key != one.key);
        known.push(one);
    }
}

/// Replaces what the layers have of jobs by what comes of it, with the defaults of the kind.
fn lay_over_job(known: &mut Vec<Known>, pool: &Pool) -> Result<(), Error> {
    let is_of_job = |one: &Known| one.key == "job" || one.key.starts_with("job.");
    let written: Vec<_> = known.extract_if(.., |one| is_of_job(one)).collect();
    for Effective { key, value, origin } in pool.job_settings()?.effective() {
        let key = format!("job.{key}");
        let is_default = origin == settings::Origin::default_of_kind();
        let place = written.iter().find(|one| one.key == key).filter(|_| !is_default);
        let origin = place.map_or(Origin::Default, |one| one.origin.clone());
        known.push(Known { key, value, origin });
    }
    Ok(())
}

impl Layer {
    /// What this layer has of a pool.
    fn values_of(&self, name: &str) -> Vec<Known> {
        let Ok(table) = toml::from_str::<Value>(self.text()) else { return vec![] };
        let mut found = Vec::new();
        if let Some(pool) = table.pointer(&format!("/pools/{}", escaped(name))) {
            leaves(pool, &mut vec![], &mut |path, value| {
                let whole: Vec<_> =
                    ["pools", name].into_iter().chain(path.iter().copied()).collect();
                found.push(Known {
                    key: path.join("."),
                    value: value.clone(),
                    origin: self.origin(line_of(self.text(), &whole)),
                });
            });
        }
        found
    }
}

/// A name as part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn leaves<'a>(
    value: &'a Value,
    path: &mut Vec<&'a str>,
    found: &mut impl FnMut(&[&'a str], &Value),
) {
    match value {
        // An empty table says something, too: a pool with no grants at all.
        Value::Object(table) if (!table.is_empty() || path.is_empty()) && path != &["patch"] => {
            for (key, value) in table {
                path.push(key);
                leaves(value, path, found);
                path.pop();
            }
        }
        value => found(path, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Source;

    fn shown(layers: &[(Source, &str)], name: &str) -> Vec<String> {
        let layer = |(source, text): &(Source, &str)| {
            Layer::parse(*source, format!("{}.toml", source.word()), text).unwrap()
        };
        let layers = Layers(layers.iter().map(layer).collect());
        let known = layers.explain(name).unwrap();
        let set = known.iter().filter(|one| one.origin != Origin::Default);
        set.map(|one| format!("{} = {} ({})", one.key, one.value, one.origin)).collect()
    }

    #[test]
    fn each_value_is_told_with_the_line_that_counts() {
        let user = "[pools.a]\nstore = \"/data\"\npaused = true\n[pools.a.limits]\nmemory = \"64MiB\"\nsockets = 4\n";
        let project = "[pools.a]\n# faster\nlimits.memory = \"1GiB\"\npaused = false\n";
        assert_eq!(
            shown(&[(Source::User, user), (Source::Project, project)], "a"),
            [
                "store = \"/data\" (user.toml:2)",
                "paused = false (project.toml:4)",
                "limits.memory = \"1GiB\" (project.toml:3)",
                "limits.sockets = 4 (user.toml:6)",
            ]
        );
    }

    #[test]
    fn a_policy_is_replaced_as_a_whole() {
        let user = "[pools.a.grants]\nenv = [\"APP_*\"]\nsecrets = [\"KEY\"]\n";
        let layers = [(Source::User, user), (Source::Project, "[pools.a]\ngrants = {}\n")];
        assert_eq!(shown(&layers, "a"), ["grants = {} (project.toml:2)"]);
    }

    #[test]
    fn job_settings_are_those_that_come_of_all_layers() {
        let user = "[pools.a.job]\nstream_output = true\nenv = { A = \"1\", B = \"1\" }\n";
        let project = "[pools.a.job]\nenv.B = \"2\"\nunset = [\"stream_output\"]\n";
        assert_eq!(
            shown(&[(Source::User, user), (Source::Project, project)], "a"),
            ["job.env.A = \"1\" (user.toml:3)", "job.env.B = \"2\" (project.toml:2)"]
        );
    }

    #[test]
    fn what_nobody_has_set_is_the_default() {
        let known = Layers::default().explain("local").unwrap();
        assert!(known.iter().all(|one| one.origin == Origin::Default));
        assert_eq!((known[0].key.as_str(), &known[0].value), ("type", &json!("process")));
        let memory = known.iter().find(|one| one.key == "limits.memory").unwrap();
        assert_eq!(memory.value, json!("512.0 MiB"));
    }
}
