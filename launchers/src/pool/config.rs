//! Pools as they are written down: `[pools.NAME]` in TOML, in layers.
//!
//! ```toml
//! default_pool = "team"
//!
//! [pools.team]
//! type = "process"
//! limits = { memory = "256MiB", timeout = "10m" }
//! ceiling = { memory = "1GiB" }
//!
//! [pools.team.grants]
//! network = ["*.example.com:443"]
//! env = ["APP_*"]
//! secrets = ["API_KEY"]
//!
//! [pools.team.job]
//! working_dir = "/var/lib/flows"
//! env.REGION = "eu"
//! ```
//!
//! A later layer replaces single values of an earlier one, down to one limit or one entry of a map; lists are replaced as a whole.

use std::collections::BTreeMap;
use std::path::PathBuf;

use longshore_protocol::grants::Policy;
use longshore_protocol::limits::LimitSet;
use longshore_protocol::suggest;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Access, LOCAL, Pool};
use crate::settings::{Change, Origin, Patch};
use crate::{Error, ErrorKind};

/// One file, or another source of settings.
#[derive(Debug, Clone)]
pub struct Layer {
    path: PathBuf,
    file: File,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct File {
    default_pool: Option<String>,
    pools: BTreeMap<String, Written>,
}

/// A pool as one layer has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Written {
    r#type: Option<String>,
    access: Option<Access>,
    limits: LimitSet,
    ceiling: LimitSet,
    grants: Option<Policy>,
    job: Map<String, Value>,
    patch: Option<Value>,
}

impl Layer {
    /// Reads a layer from the text of the file at `path`.
    ///
    /// # Errors
    /// Names the file, the place in it, and what is wrong; an unknown key with the nearest known one.
    pub fn parse(path: impl Into<PathBuf>, text: &str) -> Result<Self, Error> {
        let path = path.into();
        let wrong = |error: toml::de::Error| {
            let text = format!("could not read the settings in {}", path.display());
            Error::new(ErrorKind::BadInput, format!("{text}: {}", error.to_string().trim_end()))
        };
        let table: toml::Table = toml::from_str(text).map_err(wrong)?;
        check_keys(&table)
            .map_err(|why| Error::new(ErrorKind::BadInput, format!("{}: {why}", path.display())))?;
        let file = toml::from_str(text).map_err(wrong)?;
        Ok(Self { path, file })
    }
}

/// All layers, the most specific one last.
#[derive(Debug, Clone, Default)]
pub struct Layers(pub Vec<Layer>);

impl Layers {
    /// The pool `name`; without a name the default one, which is [`LOCAL`] where no layer says otherwise.
    ///
    /// # Errors
    /// When no layer describes such a pool, or its kind is unknown.
    pub fn pool(&self, name: Option<&str>) -> Result<Pool, Error> {
        let default = self.0.iter().rev().find_map(|layer| layer.file.default_pool.as_deref());
        let name = name.or(default).unwrap_or(LOCAL);
        let mut written = self
            .0
            .iter()
            .filter_map(|layer| Some((&layer.path, layer.file.pools.get(name)?)))
            .peekable();
        if written.peek().is_none() && name != LOCAL {
            return Err(self.unknown(name));
        }
        let mut pool = Pool { name: name.to_owned(), ..Pool::default() };
        for (path, Written { r#type, access, limits, ceiling, grants, job, patch }) in written {
            let origin = Origin::pool(path.display().to_string());
            if let Some(kind) = r#type {
                pool.kind = kind.parse().map_err(|why| {
                    Error::new(ErrorKind::BadInput, format!("pool {name}: {why}"))
                })?;
            }
            pool.access = access.or(pool.access);
            limits.iter().for_each(|(name, value)| pool.limits.insert(name, value));
            ceiling.iter().for_each(|(name, value)| pool.ceiling.insert(name, value));
            pool.grants = grants.clone().or(pool.grants);
            let changes = Change::of_table(job, &origin).map_err(|why| {
                Error::new(ErrorKind::BadInput, format!("{origin}: pools.{name}.job: {why}"))
            })?;
            pool.job.extend(changes);
            pool.patches.extend(patch.as_ref().map(|patch| Patch::new(patch, origin)).transpose()?);
        }
        // What is wrong in it should not take a run to find out.
        pool.job_settings()?;
        pool.check_policy_for_jobs()?;
        Ok(pool)
    }

    fn unknown(&self, name: &str) -> Error {
        let names: Vec<_> = self.names().collect();
        let text = match suggest::nearest(name, names.iter().copied()) {
            Some(near) => format!("there is no pool {name:?}; did you mean {near:?}?"),
            None => format!("there is no pool {name:?}; the pools are {}", names.join(", ")),
        };
        let files: Vec<_> = self.0.iter().map(|layer| layer.path.display().to_string()).collect();
        let place = if files.is_empty() { "longshore.toml".to_owned() } else { files.join(" or ") };
        Error::new(ErrorKind::BadInput, text)
            .hint(format!("describe it in {place}: [pools.{name}]"))
    }

    /// The names of all pools.
    fn names(&self) -> impl Iterator<Item = &str> {
        let written = self.0.iter().flat_map(|layer| layer.file.pools.keys().map(String::as_str));
        std::iter::once(LOCAL).chain(written.filter(|name| *name != LOCAL))
    }
}

fn check_keys(table: &toml::Table) -> Result<(), String> {
    known(table, "", &["default_pool", "pools"])?;
    let Some(pools) = table.get("pools").and_then(toml::Value::as_table) else { return Ok(()) };
    for (name, pool) in pools {
        let Some(pool) = pool.as_table() else { continue };
        let place = format!("pools.{name}.");
        known(pool, &place, &["type", "access", "limits", "ceiling", "grants", "job", "patch"])?;
        if let Some(grants) = pool.get("grants").and_then(toml::Value::as_table) {
            let keys = ["network", "env", "secrets", "job", "files"];
            known(grants, &format!("{place}grants."), &keys)?;
        }
    }
    Ok(())
}

fn known(table: &toml::Table, place: &str, keys: &[&str]) -> Result<(), String> {
    match table.keys().find(|key| !keys.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(match suggest::nearest(key, keys.iter().copied()) {
            Some(near) => format!("there is no setting {place}{key}; did you mean {near}?"),
            None => {
                format!(
                    "there is no setting {place}{key}; the settings here are {}",
                    keys.join(", ")
                )
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_protocol::limits::LimitName;

    fn layers(texts: &[&str]) -> Layers {
        let layer = |(n, text): (usize, &&str)| Layer::parse(format!("{n}.toml"), text).unwrap();
        Layers(texts.iter().enumerate().map(layer).collect())
    }

    #[test]
    fn later_layers_replace_single_values() {
        let layers = layers(&[
            "default_pool = \"team\"\n[pools.team]\nlimits = { memory = \"64MiB\", sockets = 4 }\n\
             [pools.team.grants]\nenv = [\"APP_*\"]",
            "[pools.team]\nlimits = { memory = \"128MiB\" }\nceiling = { memory = \"1GiB\" }",
        ]);
        let pool = layers.pool(None).unwrap();
        assert_eq!(pool.name, "team");
        assert_eq!(pool.limits.get(LimitName::MemoryBytes), Some(128 << 20));
        assert_eq!(pool.limits.get(LimitName::Sockets), Some(4));
        assert_eq!(pool.ceiling.get(LimitName::MemoryBytes), Some(1 << 30));
        assert!(pool.grants.unwrap().env[0].holds("APP_X"));
    }

    #[test]
    fn job_settings_are_laid_over_one_another_entry_by_entry() {
        let layers = layers(&[
            "[pools.a]\npatch = { nice = 1 }\n[pools.a.job]\nstream_output = true\nenv = { A = \"1\", B = \"1\" }",
            "[pools.a]\npatch = '{\"env\": null}'\njob.env.B = \"2\"\njob.unset = [\"stream_output\"]",
        ]);
        let pool = layers.pool(Some("a")).unwrap();
        let settings = pool.job_settings().unwrap().effective();
        let shown: Vec<_> = settings
            .iter()
            .map(|one| format!("{} = {} ({})", one.key, one.value, one.origin))
            .collect();
        assert_eq!(
            shown,
            [
                "env.A = \"1\" (0.toml)",
                "env.B = \"2\" (1.toml)",
                "working_dir = null (default)",
                "stream_output = false (default)",
            ]
        );
        let patches: Vec<_> = pool.patches.iter().map(|patch| patch.value().to_string()).collect();
        assert_eq!(patches, [r#"{"nice":1}"#, r#"{"env":null}"#]);
    }

    #[test]
    fn a_job_setting_that_does_not_fit_is_named_with_its_file() {
        for (text, why) in [
            (
                "job.stream_ouput = true",
                "0.toml: process has no job setting \"stream_ouput\"; did you mean",
            ),
            ("job.working_dir = \"data\"", "0.toml: working_dir: \"data\" is not an absolute path"),
            ("job.unset = 5", "0.toml: pools.a.job: unset is a list of keys"),
            ("patch = [1]", "0.toml: the patch is not an object"),
        ] {
            let layers = layers(&[&format!("[pools.a]\n{text}")]);
            let error = layers.pool(Some("a")).unwrap_err().to_string();
            assert!(error.starts_with(why), "{error}");
        }
    }

    #[test]
    fn the_local_pool_needs_no_description() {
        assert_eq!(Layers::default().pool(None).unwrap(), Pool::local());
        let error = layers(&["[pools.team]"]).pool(Some("taem")).unwrap_err().to_string();
        assert_eq!(error, "there is no pool \"taem\"; did you mean \"team\"?");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, why) in [
            (
                "defualt_pool = \"x\"",
                "x.toml: there is no setting defualt_pool; did you mean default_pool?",
            ),
            ("[pools.a]\nlimit = {}", "there is no setting pools.a.limit; did you mean limits?"),
            (
                "[pools.a.grants]\nhosts = []",
                "the settings here are network, env, secrets, job, files",
            ),
            ("[pools.a.limits]\nmemroy = 1", "\"memroy\" is not a limit; did you mean \"memory\"?"),
            ("[pools.a.limits]\ntimeout = 30", "timeout = 30 has no unit"),
            ("[pools.a.grants]\nnetwork = [\"x\"]", "\"x\" is not a network grant: it has no port"),
            ("[pools", "line 1"),
        ] {
            let error = Layer::parse("x.toml", text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let error = layers(&["[pools.a]\ntype = \"k9s\""]).pool(Some("a")).unwrap_err().to_string();
        assert!(error.starts_with("pool a: \"k9s\" is not a kind of infrastructure"), "{error}");
    }
}
