//! Pools as they are written down: `[pools.NAME]` in TOML, in layers.
//!
//! ```toml
//! default_pool = "team"
//!
//! [pools.team]
//! type = "process"
//! store = "s3://team-runs/prod?aws_region=eu-central-1"
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
use std::path::{Path, PathBuf};

use longshore_protocol::grants::Policy;
use longshore_protocol::limits::LimitSet;
use longshore_protocol::suggest;
use longshore_protocol::target::Target;
use longshore_storage::Location;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::origin::line_of;
use super::{Access, ConcurrencyLimit, LOCAL, Origin, Pool, Source};
use crate::settings::{self, Change, Patch};
use crate::{Error, ErrorKind};

/// One file, or another source of settings.
#[derive(Debug, Clone)]
pub struct Layer {
    source: Source,
    path: PathBuf,
    text: String,
    file: File,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct File {
    default_pool: Option<String>,
    shared_pools: Option<String>,
    pools: BTreeMap<String, Written>,
}

/// A pool as one layer has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Written {
    r#type: Option<String>,
    description: Option<String>,
    store: Option<String>,
    access: Option<Access>,
    target: Option<Target>,
    paused: Option<bool>,
    concurrency_limit: Option<ConcurrencyLimit>,
    labels: BTreeMap<String, String>,
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
    pub fn parse(source: Source, path: impl Into<PathBuf>, text: &str) -> Result<Self, Error> {
        let path = path.into();
        let wrong = |error: toml::de::Error| {
            let text = format!("could not read the settings in {}", path.display());
            Error::new(ErrorKind::BadInput, format!("{text}: {}", error.to_string().trim_end()))
        };
        let table: toml::Table = toml::from_str(text).map_err(wrong)?;
        check_keys(&table)
            .map_err(|why| Error::new(ErrorKind::BadInput, format!("{}: {why}", path.display())))?;
        let file = toml::from_str(text).map_err(wrong)?;
        Ok(Self { source, path, text: text.to_owned(), file })
    }

    /// Where it is written down.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Its file, or object.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn origin(&self, line: Option<usize>) -> Origin {
        Origin::Written { source: self.source, path: self.path.clone(), line }
    }

    /// Whether it says anything about the pool.
    pub fn describes(&self, name: &str) -> bool {
        self.file.pools.contains_key(name)
    }

    /// Checks that it describes this pool and nothing besides, as what many share has to.
    ///
    /// # Errors
    /// Names what else it has.
    pub fn check_only(&self, name: &str) -> Result<(), Error> {
        let File { default_pool, shared_pools, pools } = &self.file;
        let is_only = default_pool.is_none() && shared_pools.is_none() && pools.len() == 1;
        if is_only && pools.contains_key(name) {
            return Ok(());
        }
        let text =
            format!("{} has to describe the pool {name}, and nothing else", self.path.display());
        Err(Error::new(ErrorKind::BadInput, text))
    }

    /// The place that a store's text names: a relative one is meant from the folder of the file.
    fn located(&self, name: &str, store: &str) -> Result<String, Error> {
        let line = line_of(&self.text, &["pools", name, "store"]);
        let place = self.origin(line);
        let is_relative = !store.contains("://") && !Path::new(store).is_absolute();
        if store.is_empty()
            || store.starts_with('~')
            || (is_relative && self.source == Source::Shared)
        {
            let text = format!("{place}: {store:?} is not the name of a store");
            return Err(Error::new(ErrorKind::BadInput, text)
                .hint("write the whole path of a directory, or a URL: s3://, gs://, az://"));
        }
        let folder = self.path.parent().filter(|_| is_relative).unwrap_or(Path::new(""));
        let text = folder.join(store);
        let location = text.to_str().unwrap_or(store).parse::<Location>();
        let location = location.map_err(|error| {
            let hint = error.what_to_do().map(str::to_owned);
            let error = Error::new(ErrorKind::BadInput, format!("{place}: {error}"));
            hint.into_iter().fold(error, Error::hint)
        })?;
        Ok(location.to_string())
    }
}

/// All layers, the most specific one last.
#[derive(Debug, Clone, Default)]
pub struct Layers(pub Vec<Layer>);

impl Layers {
    /// The same layers with this one in its place: instead of that of the same source, if there is one.
    #[must_use]
    pub fn with(&self, layer: Layer) -> Self {
        let others = self.0.iter().filter(|other| other.source != layer.source).cloned();
        let mut layers: Vec<_> = others.chain([layer.clone()]).collect();
        layers.sort_by_key(|layer| layer.source);
        Self(layers)
    }

    /// The layers that are less specific than those of `source`.
    #[must_use]
    pub fn below(&self, source: Source) -> Self {
        Self(self.0.iter().filter(|layer| layer.source < source).cloned().collect())
    }

    /// The layers that describe the pool, the most specific one first.
    pub fn describing(&self, name: &str) -> impl Iterator<Item = &Layer> {
        self.0.iter().rev().filter(move |layer| layer.describes(name))
    }

    /// The pool `name`; without a name the default one, which is [`LOCAL`] where no layer says otherwise.
    ///
    /// # Errors
    /// When no layer describes such a pool, or its kind is unknown.
    pub fn pool(&self, name: Option<&str>) -> Result<Pool, Error> {
        let name = name.unwrap_or_else(|| self.default_pool().0);
        let mut written =
            self.0.iter().filter_map(|layer| Some((layer, layer.file.pools.get(name)?))).peekable();
        if written.peek().is_none() && name != LOCAL {
            return Err(self.unknown(name));
        }
        let mut pool = Pool { name: name.to_owned(), ..Pool::default() };
        for (layer, written) in written {
            let Written {
                r#type,
                description,
                store,
                access,
                target,
                paused,
                concurrency_limit,
                labels,
                limits,
                ceiling,
                grants,
                job,
                patch,
            } = written;
            let origin = settings::Origin::pool(layer.path.display().to_string());
            if let Some(kind) = r#type {
                pool.kind = kind.parse().map_err(|why| {
                    Error::new(ErrorKind::BadInput, format!("pool {name}: {why}"))
                })?;
            }
            pool.description = description.clone().or(pool.description);
            if let Some(store) = store {
                pool.store = Some(layer.located(name, store)?);
            }
            pool.access = access.or(pool.access);
            pool.target = target.or(pool.target);
            pool.is_paused = paused.unwrap_or(pool.is_paused);
            pool.concurrency_limit = concurrency_limit.or(pool.concurrency_limit);
            pool.labels.extend(labels.clone());
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
        let names: Vec<_> = self.names();
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
    pub fn names(&self) -> Vec<&str> {
        let written = self.0.iter().flat_map(|layer| layer.file.pools.keys().map(String::as_str));
        let mut names: Vec<_> = std::iter::once(LOCAL).collect();
        for name in written {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The pool of runs for which none is named.
    pub fn default_pool(&self) -> (&str, Origin) {
        self.top("default_pool", |file| file.default_pool.as_deref())
            .unwrap_or((LOCAL, Origin::Default))
    }

    /// The store in which a team keeps pools, if there is one.
    pub fn shared_pools(&self) -> Option<(&str, Origin)> {
        self.top("shared_pools", |file| file.shared_pools.as_deref())
    }

    fn top<'a>(
        &'a self,
        key: &str,
        value: impl Fn(&'a File) -> Option<&'a str>,
    ) -> Option<(&'a str, Origin)> {
        self.0.iter().rev().find_map(|layer| {
            let value = value(&layer.file)?;
            Some((value, layer.origin(line_of(&layer.text, &[key]))))
        })
    }
}

/// The keys of a pool.
const KEYS: [&str; 13] = [
    "type",
    "description",
    "store",
    "access",
    "target",
    "paused",
    "concurrency_limit",
    "labels",
    "limits",
    "ceiling",
    "grants",
    "job",
    "patch",
];

fn check_keys(table: &toml::Table) -> Result<(), String> {
    known(table, "", &["default_pool", "shared_pools", "pools"])?;
    let Some(pools) = table.get("pools").and_then(toml::Value::as_table) else { return Ok(()) };
    for (name, pool) in pools {
        let Some(pool) = pool.as_table() else { continue };
        let place = format!("pools.{name}.");
        known(pool, &place, &KEYS)?;
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
        let layer = |(n, text): (usize, &&str)| {
            Layer::parse(Source::Project, format!("/project/{n}.toml"), text).unwrap()
        };
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
                "env.A = \"1\" (/project/0.toml)",
                "env.B = \"2\" (/project/1.toml)",
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
                "/project/0.toml: process has no job setting \"stream_ouput\"; did you mean",
            ),
            (
                "job.working_dir = \"data\"",
                "/project/0.toml: working_dir: \"data\" is not an absolute path",
            ),
            ("job.unset = 5", "/project/0.toml: pools.a.job: unset is a list of keys"),
            ("patch = [1]", "/project/0.toml: the patch is not an object"),
        ] {
            let layers = layers(&[&format!("[pools.a]\n{text}")]);
            let error = layers.pool(Some("a")).unwrap_err().to_string();
            assert!(error.starts_with(why), "{error}");
        }
    }

    #[test]
    fn later_layers_take_back_what_earlier_ones_say() {
        let layers = layers(&[
            "[pools.a]\npaused = true\nconcurrency_limit = 2\nlabels = { x = \"1\", y = \"1\" }",
            "[pools.a]\npaused = false\nconcurrency_limit = \"none\"\nlabels.y = \"2\"",
        ]);
        let pool = layers.pool(Some("a")).unwrap();
        assert!(!pool.is_paused);
        assert_eq!(pool.concurrency_limit, Some(ConcurrencyLimit::Unlimited));
        let labels: Vec<_> =
            pool.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(labels, ["x=1", "y=2"]);
    }

    #[test]
    fn a_store_is_meant_from_the_folder_of_its_file() {
        for (store, place) in [
            ("data", "/project/data"),
            ("/data", "/data"),
            ("s3://b/p?aws_region=eu", "s3://b/p?aws_region=eu"),
        ] {
            let layers = layers(&[&format!("[pools.a]\nstore = {store:?}")]);
            assert_eq!(layers.pool(Some("a")).unwrap().store.unwrap(), place);
        }
        for (store, why) in [
            ("", "/project/0.toml:2: \"\" is not the name of a store"),
            ("~/data", "is not the name of a store"),
            (
                "s3://b?aws_regoin=eu",
                "/project/0.toml:2: there is no storage option aws_regoin for s3",
            ),
            ("s3://b?aws_secret_access_key=geheim", "holds a secret, which is not written down"),
        ] {
            let layers = layers(&[&format!("[pools.a]\nstore = {store:?}")]);
            let error = layers.pool(Some("a")).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("geheim"), "{error}");
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
            ("[pools.a]\naccess = \"all\"", "unknown variant `all`"),
            ("[pools.a]\nconcurrency_limit = 0", "a pool that takes no runs is a paused one"),
            ("[pools.a]\nconcurrency_limit = true", "a number of runs, or \"none\""),
            ("[pools.a.labels]\nx = 1", "expected a string"),
            ("[pools.a.grants]\nnetwork = [\"x\"]", "\"x\" is not a network grant: it has no port"),
            ("[pools", "line 1"),
        ] {
            let error = Layer::parse(Source::User, "x.toml", text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let error = layers(&["[pools.a]\ntype = \"k9s\""]).pool(Some("a")).unwrap_err().to_string();
        assert!(error.starts_with("pool a: \"k9s\" is not a kind of infrastructure"), "{error}");
    }
}
