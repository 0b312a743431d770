//! Where things are: from flags, then the environment, then the defaults. The only place that reads the environment.

use std::env;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use longshore_launchers::engine::{Engine, Places, Terms};
use longshore_launchers::pool::{Layer, Layers, Overrides, Pool};
use longshore_launchers::store::Store;
use longshore_launchers::surroundings::Surroundings;
use longshore_protocol::id::Tenant;

use crate::failure::Failure;
use crate::verbs::Global;

/// The settings of a project, in the nearest folder above that has them.
const PROJECT_FILE: &str = "longshore.toml";

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// For programs: one JSON value on standard output, one JSON object per line on standard error.
    Json,
}

/// Everything that is the same for all verbs.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) format: Format,
    pub(crate) is_quiet: bool,
    /// Whether progress may be drawn over itself.
    pub(crate) has_terminal: bool,
    store: String,
    tenant: Tenant,
    pool: Pool,
    places: Places,
}

impl Settings {
    pub(crate) fn resolve(global: &Global) -> Result<Self, Failure> {
        let Global { store, tenant, pool, runtime, format, quiet } = global;
        let store = match store {
            Some(store) => store.clone(),
            None => {
                base("XDG_DATA_HOME", ".local/share")?.join("store").to_string_lossy().into_owned()
            }
        };
        let cache = match variable("LONGSHORE_CACHE") {
            Some(folder) => PathBuf::from(folder),
            None => base("XDG_CACHE_HOME", ".cache")?,
        };
        let state = match variable("LONGSHORE_STATE") {
            Some(folder) => PathBuf::from(folder),
            None => base("XDG_STATE_HOME", ".local/state")?,
        };
        let runtime = runtime.clone().map_or_else(beside_this_program, Ok)?;
        let places = Places { runtime, cache, state, surroundings: surroundings() };
        Ok(Self {
            format: *format,
            is_quiet: *quiet,
            has_terminal: std::io::stderr().is_terminal()
                && variable("TERM").is_none_or(|term| term != "dumb"),
            store,
            tenant: tenant.clone(),
            pool: layers()?.pool(pool.as_deref())?,
            places,
        })
    }

    /// The terms of a run that is asked for with these overrides.
    pub(crate) fn terms<'a>(&'a self, overrides: &'a Overrides) -> Terms<'a> {
        Terms { pool: &self.pool, overrides, surroundings: &self.places.surroundings }
    }

    /// Opens a store that must exist, and an engine over it: a slip in its name must not make an empty one.
    pub(crate) fn engine_of_runs(&self) -> Result<Engine, Failure> {
        if !Path::new(&self.store).is_dir() && !self.store.contains("://") {
            return Err(Failure::input(format!("there is no store at {}", self.store))
                .hint("the first run makes it; --store or LONGSHORE_STORE name another one"));
        }
        self.engine()
    }

    /// An engine that only says what it would do: the store is neither made nor opened.
    pub(crate) fn rehearsing_engine(&self) -> Result<Engine, Failure> {
        let store = Store::rehearsed(&self.store, self.tenant.clone(), &self.places.surroundings)?;
        Ok(Engine::new(store, self.pool.clone(), self.places.clone()))
    }

    /// Opens the store, which is made if it does not exist, and an engine over it.
    pub(crate) fn engine(&self) -> Result<Engine, Failure> {
        let store = Store::open(&self.store, self.tenant.clone(), &self.places.surroundings)?;
        Ok(Engine::new(store, self.pool.clone(), self.places.clone()))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Variables whose names and values are text; others cannot be granted.
fn surroundings() -> Surroundings {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The user's settings, then those of the project.
fn layers() -> Result<Layers, Failure> {
    let user = match variable("LONGSHORE_CONFIG") {
        Some(path) => Some(PathBuf::from(path)),
        None => base("XDG_CONFIG_HOME", ".config").ok().map(|folder| folder.join("config.toml")),
    };
    let here = env::current_dir().ok();
    let project = here.iter().flat_map(|folder| folder.ancestors());
    let project = project.map(|folder| folder.join(PROJECT_FILE)).find(|path| path.is_file());
    let mut layers = Layers::default();
    for path in user.into_iter().chain(project) {
        match std::fs::read_to_string(&path) {
            Ok(text) => layers.0.push(Layer::parse(path, &text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Failure::input(format!("could not read {}: {error}", path.display())));
            }
        }
    }
    Ok(layers)
}

/// Our folder below one of the XDG base directories.
fn base(name: &str, below_home: &str) -> Result<PathBuf, Failure> {
    // The specification says that relative paths are to be ignored.
    let base = variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || {
        variable("HOME")
            .map(|home| PathBuf::from(home).join(below_home))
            .filter(|path| path.is_absolute())
    };
    base.or_else(home).map(|path| path.join("longshore")).ok_or_else(|| {
        Failure::input(format!("neither {name} nor HOME is set, so there is no place for files"))
            .hint("set HOME, or name the store with --store and set LONGSHORE_CACHE and LONGSHORE_STATE")
    })
}

fn beside_this_program() -> Result<PathBuf, Failure> {
    let program = env::current_exe().and_then(|path| path.canonicalize());
    let program = program.map_err(|error| {
        Failure::input(format!("could not find out where this program is: {error}"))
            .hint("name the runtime: --runtime")
    })?;
    Ok(program.with_file_name("longshore-runtime"))
}
