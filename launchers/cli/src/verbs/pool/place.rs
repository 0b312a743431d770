//! Where a change of a pool is written, and what is said of it afterwards.

use std::path::{Path, PathBuf};

use clap::Args;
use longshore_launchers::pool::edit::{Edit, edited};
use longshore_launchers::pool::{Known, Layer, Layers, Origin, SharedPools, Source, file};
use longshore_protocol::exit::{self, ExitCode};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings, Shared};

/// Where to write. Default: where the pool is described, the project's file first; a new one goes to the project's file
/// where there is one, else to the user's.
#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// Write into the user's file.
    #[arg(long, group = "place")]
    user: bool,
    /// Write into the project's file, the nearest longshore.toml; where there is none, into one in this folder.
    #[arg(long, group = "place")]
    project: bool,
    /// Write into the store that shared_pools names: for everybody who uses it.
    #[arg(long, group = "place")]
    shared: bool,
}

/// A place for the description of pools.
pub(super) enum Place {
    File(Source, PathBuf),
    Shared(Box<SharedPools>),
}

impl PlaceArgs {
    /// Whether it is for everybody.
    pub(super) fn is_shared(&self) -> bool {
        self.shared
    }

    /// The place for something new.
    pub(super) fn for_new(&self, settings: &Settings) -> Result<Place, Failure> {
        if self.shared {
            let shared = settings.shared_pools(Shared::MayBeMade)?;
            return shared.map(|shared| Place::Shared(Box::new(shared))).ok_or_else(|| {
                Failure::input("no store with shared pools is named")
                    .hint("write shared_pools = \"s3://…\" into the user's or the project's file, or set LONGSHORE_SHARED_POOLS")
            });
        }
        let config = &settings.config;
        if self.project || (!self.user && config.project_file().is_some()) {
            return Ok(Place::File(Source::Project, config.project_file_to_be()?));
        }
        Ok(Place::File(Source::User, config.user_file()?))
    }

    /// The place to change what is said of a pool.
    pub(super) fn of_pool(
        &self,
        name: &str,
        layers: &Layers,
        settings: &Settings,
    ) -> Result<Place, Failure> {
        // Of a pool that nobody describes, there is nothing to change.
        layers.pool(Some(name))?;
        if self.user || self.project || self.shared {
            return self.for_new(settings);
        }
        match layers.describing(name).next() {
            Some(layer) if layer.source() == Source::Shared => {
                let text = format!("the pool {name} is shared: {}", layer.path().display());
                Err(Failure::input(text).hint(
                    "--shared changes it for everybody; --user or --project lay your own value over it",
                ))
            }
            Some(layer) => Ok(Place::File(layer.source(), layer.path().to_owned())),
            None => self.for_new(settings),
        }
    }
}

impl Place {
    pub(super) fn source(&self) -> Source {
        match self {
            Self::File(source, _) => *source,
            Self::Shared(_) => Source::Shared,
        }
    }

    pub(super) fn shown(&self, name: &str) -> String {
        match self {
            Self::File(_, path) => path.display().to_string(),
            Self::Shared(shared) => shared.place(name),
        }
    }

    /// Changes what stands here, if the pool makes sense then.
    pub(super) async fn change(
        &self,
        name: &str,
        edits: &[Edit],
        layers: &Layers,
    ) -> Result<(), Failure> {
        let path = self.shown(name);
        let edit = |text: &str| {
            let after = edited(text, edits)?;
            let layer = Layer::parse(self.source(), Path::new(&path), &after)?;
            let is_described = layer.describes(name);
            let after_all = layers.with(layer);
            if is_described {
                after_all.pool(Some(name))?;
            }
            Ok(after)
        };
        match self {
            Self::File(_, path) => file::rewrite(path, edit)?,
            Self::Shared(shared) => shared.update(name, edit).await?,
        }
        Ok(())
    }
}

/// A change that was made.
pub(super) struct Changed<'a> {
    pub(super) pool: &'a str,
    /// What was done with it: `paused`.
    pub(super) done: &'static str,
    pub(super) place: &'a Place,
    pub(super) edits: &'a [Edit],
}

impl Changed<'_> {
    /// Says what was done, and what of it has no effect since a more specific layer says something else.
    pub(super) async fn answer(self, settings: &Settings) -> Result<ExitCode, Failure> {
        let Self { pool, done, place, edits } = self;
        let overridden = overridden(pool, place, edits, settings).await?;
        let shown = place.shown(pool);
        match settings.format {
            Format::Human => {
                output::answer(&format!(
                    "{done} the pool {pool} in {}",
                    output::safe_line(&shown)
                ))?;
                for Known { key, value, origin } in overridden.iter().filter(|_| !settings.is_quiet)
                {
                    let value = output::safe_line(&plain(value));
                    output::note(&format!("note: here, {key} is {value} by {origin}"));
                }
            }
            Format::Json => output::answer_json(&json!({
                "pool": pool, "done": done, "layer": place.source().word(), "place": shown,
                "overridden": overridden.iter().map(known_json).collect::<Vec<_>>(),
            }))?,
        }
        Ok(exit::OK)
    }
}

async fn overridden(
    pool: &str,
    place: &Place,
    edits: &[Edit],
    settings: &Settings,
) -> Result<Vec<Known>, Failure> {
    let settings = settings.with_files_as_they_are_now()?;
    let layers = settings.layers_of(pool).await?;
    let known = layers.explain(pool).unwrap_or_default();
    let is_above = |one: &Known| matches!(&one.origin, Origin::Written { source, .. } if *source > place.source());
    let is_edited = |one: &Known| edits.iter().any(|edit| edit.key() == one.key);
    Ok(known.into_iter().filter(|one| is_above(one) && is_edited(one)).collect())
}

/// A value as a program reads it.
pub(super) fn known_json(known: &Known) -> Value {
    let Known { key, value, origin } = known;
    let (path, line) = match origin {
        Origin::Written { source: _, path, line } => (Some(path.display().to_string()), *line),
        Origin::Variable(name) | Origin::Flag(name) => (Some((*name).to_owned()), None),
        Origin::Default => (None, None),
    };
    json!({"key": key, "value": value, "layer": origin.layer(), "place": path, "line": line})
}

/// A value as a person reads it.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
