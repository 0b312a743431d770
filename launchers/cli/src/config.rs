//! The files that describe pools: the user's, and the project's.

use std::path::{Path, PathBuf};

use longshore_launchers::pool::{Layer, Layers, Origin, Source};

use crate::failure::Failure;

/// The settings of a project, in the nearest folder above that has them.
const PROJECT_FILE: &str = "longshore.toml";
/// The variable that names the store with shared pools.
pub(crate) const SHARED_POOLS: &str = "LONGSHORE_SHARED_POOLS";

/// What files say of pools, and where these files are.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) layers: Layers,
    user: Option<PathBuf>,
    project: Option<PathBuf>,
    here: Option<PathBuf>,
    /// The store with shared pools that the environment names.
    shared: Option<String>,
}

impl Config {
    /// Reads the user's file and the project's, as far as there are any.
    pub(crate) fn read(
        user: Option<PathBuf>,
        here: Option<PathBuf>,
        shared: Option<String>,
    ) -> Result<Self, Failure> {
        let folders = here.iter().flat_map(|folder| folder.ancestors());
        let project = folders.map(|folder| folder.join(PROJECT_FILE)).find(|path| path.is_file());
        // Whoever names the project's file as their own has one layer, not two.
        let project = project.filter(|path| !is_same(path, user.as_deref()));
        let mut layers = Layers::default();
        for (source, path) in [(Source::User, &user), (Source::Project, &project)] {
            let Some(path) = path else { continue };
            match std::fs::read_to_string(path) {
                Ok(text) => layers = layers.with(Layer::parse(source, path, &text)?),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    let text = format!("could not read {}: {error}", path.display());
                    return Err(Failure::input(text));
                }
            }
        }
        Ok(Self { layers, user, project, here, shared })
    }

    /// The same files, as they are now.
    pub(crate) fn again(&self) -> Result<Self, Failure> {
        let Self { layers: _, user, project: _, here, shared } = self.clone();
        Self::read(user, here, shared)
    }

    /// The user's file, whether it exists or not.
    pub(crate) fn user_file(&self) -> Result<PathBuf, Failure> {
        self.user.clone().ok_or_else(|| {
            Failure::input("there is no place for the user's file, since HOME is not set")
                .hint("set HOME or LONGSHORE_CONFIG, or write into the project's file: --project")
        })
    }

    /// The project's file, if there is one.
    pub(crate) fn project_file(&self) -> Option<&Path> {
        self.project.as_deref()
    }

    /// The project's file; where there is none, the one that this folder would have.
    pub(crate) fn project_file_to_be(&self) -> Result<PathBuf, Failure> {
        let new = || self.here.as_ref().map(|folder| folder.join(PROJECT_FILE));
        self.project.clone().or_else(new).ok_or_else(|| {
            Failure::input("there is no place for the project's file: this folder is gone")
        })
    }

    /// The store with shared pools, and who says so.
    pub(crate) fn shared_pools(&self) -> Option<(String, Origin)> {
        if let Some(location) = &self.shared {
            return Some((location.clone(), Origin::Variable(SHARED_POOLS)));
        }
        let (location, origin) = self.layers.shared_pools()?;
        let folder = match &origin {
            Origin::Written { path, .. } if !location.contains("://") => path.parent(),
            _ => None,
        };
        let place = folder.map(|folder| folder.join(location).to_string_lossy().into_owned());
        Some((place.unwrap_or_else(|| location.to_owned()), origin))
    }
}

fn is_same(path: &Path, other: Option<&Path>) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    other.is_some_and(|other| real(path).is_some() && real(path) == real(other))
}
