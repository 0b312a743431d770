//! Where things are: from flags, then the environment, then the defaults. The only place that reads the environment.

use std::env;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use longshore_launchers::engine::{Engine, Places, Terms};
use longshore_launchers::pool::{LOCAL, Layers, Origin, Overrides, Pool, SharedPools};
use longshore_launchers::store::Store;
use longshore_launchers::surroundings::Surroundings;
use longshore_protocol::id::Tenant;

use crate::config::{Config, SHARED_POOLS};
use crate::failure::Failure;
use crate::verbs::Global;

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
    /// What files say of pools.
    pub(crate) config: Config,
    /// The store that was asked for, whatever the pool says.
    pub(crate) store: Option<(String, Origin)>,
    /// The pool that was asked for.
    pub(crate) pool: Option<(String, Origin)>,
    tenant: Tenant,
    pub(crate) places: Places,
    chosen: Option<Chosen>,
}

/// The pool that is used, and where its runs are.
#[derive(Debug, Clone)]
struct Chosen {
    pool: Pool,
    store: String,
}

impl Settings {
    pub(crate) fn resolve(global: &Global) -> Result<Self, Failure> {
        let Global { store, tenant, pool, runtime, image_runtime, format, quiet, typed } = global;
        let cache = match variable("LONGSHORE_CACHE") {
            Some(folder) => PathBuf::from(folder),
            None => base("XDG_CACHE_HOME", ".cache")?,
        };
        let state = match variable("LONGSHORE_STATE") {
            Some(folder) => PathBuf::from(folder),
            None => base("XDG_STATE_HOME", ".local/state")?,
        };
        let user = match variable("LONGSHORE_CONFIG") {
            Some(path) => Some(PathBuf::from(path)),
            None => base("XDG_CONFIG_HOME", ".config").ok().map(|base| base.join("config.toml")),
        };
        let runtime = runtime.clone().map_or_else(beside_this_program, Ok)?;
        let image_runtime = image_runtime.clone();
        let places = Places { runtime, image_runtime, cache, state, surroundings: surroundings() };
        let shared = variable(SHARED_POOLS);
        Ok(Self {
            format: *format,
            is_quiet: *quiet,
            has_terminal: std::io::stderr().is_terminal()
                && variable("TERM").is_none_or(|term| term != "dumb"),
            config: Config::read(user, env::current_dir().ok(), shared)?,
            store: asked(store, typed.store, "--store", "LONGSHORE_STORE"),
            pool: asked(pool, typed.pool, "--pool", "LONGSHORE_POOL"),
            tenant: tenant.clone(),
            places,
            chosen: None,
        })
    }

    /// The same after a file was changed.
    pub(crate) fn with_files_as_they_are_now(&self) -> Result<Self, Failure> {
        Ok(Self { config: self.config.again()?, ..self.clone() })
    }

    /// The same with the pool that is to be used.
    pub(crate) async fn in_pool(self) -> Result<Self, Failure> {
        let name = self.pool_name().0;
        let pool = self.layers_of(&name).await?.pool(Some(&name))?;
        let store = self.store_of(&pool)?.0;
        Ok(Self { chosen: Some(Chosen { pool, store }), ..self })
    }

    /// The same with the named pool.
    pub(crate) async fn in_pool_named(self, name: Option<&str>) -> Result<Self, Failure> {
        let pool = name.map(|name| (name.to_owned(), Origin::Flag("NAME"))).or(self.pool.clone());
        Self { pool, ..self }.in_pool().await
    }

    /// The name of the pool that is used, and who says so.
    pub(crate) fn pool_name(&self) -> (String, Origin) {
        self.pool.clone().unwrap_or_else(|| {
            let (name, origin) = self.config.layers.default_pool();
            (name.to_owned(), origin)
        })
    }

    /// All layers that may describe a pool.
    pub(crate) async fn layers_of(&self, pool: &str) -> Result<Layers, Failure> {
        if pool == LOCAL {
            return Ok(self.config.layers.clone());
        }
        let Some(shared) = self.shared_pools(Shared::MustExist)? else {
            return Ok(self.config.layers.clone());
        };
        let layer = shared.layer(pool).await?;
        Ok(layer.into_iter().fold(self.config.layers.clone(), |layers, layer| layers.with(layer)))
    }

    /// Opens the store in which a team keeps pools, if there is one.
    pub(crate) fn shared_pools(&self, shared: Shared) -> Result<Option<SharedPools>, Failure> {
        let Some((location, origin)) = self.config.shared_pools() else { return Ok(None) };
        if shared == Shared::MustExist && is_absent(&location) {
            let text =
                format!("there is no store at {location}, where shared pools are ({origin})");
            return Err(Failure::input(text).hint(
                "longshore pool create NAME --type KIND --shared makes it, if it is the right one",
            ));
        }
        let store = Store::open(&location, self.tenant.clone(), &self.places.surroundings)?;
        Ok(Some(SharedPools::new(store)?))
    }

    /// Where the runs of a pool are, and who says so: what was asked for, else its own store, else that of all others.
    pub(crate) fn store_of(&self, pool: &Pool) -> Result<(String, Option<Origin>), Failure> {
        if let Some((store, origin)) = &self.store {
            return Ok((store.clone(), Some(origin.clone())));
        }
        if let Some(store) = &pool.store {
            return Ok((store.clone(), None));
        }
        let store = base("XDG_DATA_HOME", ".local/share")?.join("store");
        Ok((store.to_string_lossy().into_owned(), Some(Origin::Default)))
    }

    fn chosen(&self) -> &Chosen {
        self.chosen.as_ref().expect("the verbs that use a pool are those of Verb::uses_pool")
    }

    /// The terms of a run that is asked for with these overrides.
    pub(crate) fn terms<'a>(&'a self, overrides: &'a Overrides) -> Terms<'a> {
        Terms { pool: &self.chosen().pool, overrides, surroundings: &self.places.surroundings }
    }

    /// Opens a store that must exist, and an engine over it: a slip in its name must not make an empty one.
    pub(crate) fn engine_of_runs(&self) -> Result<Engine, Failure> {
        let Chosen { pool, store } = self.chosen();
        if is_absent(store) {
            let hint = match &pool.store {
                Some(own) if own == store => {
                    format!("the first run in the pool {} makes it", pool.name)
                }
                _ => {
                    "the first run makes it; --store or LONGSHORE_STORE name another one".to_owned()
                }
            };
            return Err(Failure::input(format!("there is no store at {store}")).hint(hint));
        }
        self.engine()
    }

    /// An engine that only says what it would do: the store is neither made nor opened.
    pub(crate) fn rehearsing_engine(&self) -> Result<Engine, Failure> {
        let Chosen { pool, store } = self.chosen();
        let store = Store::rehearsed(store, self.tenant.clone(), &self.places.surroundings)?;
        Ok(Engine::new(store, pool.clone(), self.places.clone()))
    }

    /// Opens the store, which is made if it does not exist, and an engine over it.
    pub(crate) fn engine(&self) -> Result<Engine, Failure> {
        let Chosen { pool, store } = self.chosen();
        let store = Store::open(store, self.tenant.clone(), &self.places.surroundings)?;
        Ok(Engine::new(store, pool.clone(), self.places.clone()))
    }
}

/// Whether the store with shared pools is made where it does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shared {
    MustExist,
    MayBeMade,
}

/// Whether a directory is named that is not there. What is on a network is not looked at.
fn is_absent(store: &str) -> bool {
    !Path::new(store).is_dir() && !store.contains("://")
}

fn asked(
    value: &Option<String>,
    is_typed: bool,
    flag: &'static str,
    variable: &'static str,
) -> Option<(String, Origin)> {
    let origin = if is_typed { Origin::Flag(flag) } else { Origin::Variable(variable) };
    value.clone().map(|value| (value, origin))
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
