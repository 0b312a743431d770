//! Images in a container engine.

use std::collections::BTreeMap;

use super::{ENGINE_LABEL, Found, RuntimeImage};
use crate::Error;
use crate::docker::DockerLauncher;
use crate::kind::Kind;
use crate::launcher::Tell;
use crate::settings::{Change, JobSettings, Origin};
use crate::surroundings::Surroundings;

/// The images of one container engine.
#[derive(Debug)]
pub struct Images {
    launcher: DockerLauncher,
    settings: JobSettings,
}

impl Images {
    /// Those of the engine at `host`, or of a context of the docker client, or of the engine that the client would take.
    ///
    /// # Errors
    /// When one of them is no text for a setting.
    pub fn new(
        host: Option<&str>,
        context: Option<&str>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let given = [("host", host), ("context", context)];
        let given = given.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let changes = given.map(|(key, value)| {
            let origin = Origin::caller(format!("--{key}"));
            Change::typed(key, value, origin)
                .map_err(|why| Error::new(crate::ErrorKind::BadInput, format!("--{key}: {why}")))
        });
        let changes: Vec<_> = changes.collect::<Result<_, _>>()?;
        let settings = Kind::Docker.resolve(&changes)?;
        Ok(Self { launcher: DockerLauncher::new(surroundings.clone()), settings })
    }

    /// Puts an image that is made here into the engine. Repeating is harmless.
    ///
    /// # Errors
    /// When the engine cannot be reached, or refuses it.
    pub async fn load(&self, image: &RuntimeImage, tell: &Tell<'_>) -> Result<(), Error> {
        self.launcher.load_image(&self.settings, image, tell).await
    }

    /// What the engine has under this name. `None`: nothing.
    ///
    /// # Errors
    /// When the engine cannot be reached.
    pub async fn find(&self, reference: &str) -> Result<Option<Found>, Error> {
        let Some(found) = self.launcher.image(&self.settings, reference).await? else {
            return Ok(None);
        };
        let config = found.config.unwrap_or_default();
        let labels: BTreeMap<_, _> = config.labels.unwrap_or_default().into_iter().collect();
        let word = |word: Option<String>| word.unwrap_or_else(|| "?".to_owned());
        Ok(Some(Found {
            reference: reference.to_owned(),
            id: word(found.id),
            bytes: found.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            platform: format!("{}/{}", word(found.os), word(found.architecture)),
            user: config.user.unwrap_or_default(),
            engine: labels.get(ENGINE_LABEL).cloned(),
            labels,
        }))
    }
}
