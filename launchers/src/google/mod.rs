//! What the launchers for Google's infrastructures share: credentials, projects, permissions, labels, operations, logs,
//! refusals.

pub(crate) mod credentials;
pub(crate) mod entry;
pub(crate) mod labels;
pub(crate) mod logging;
#[cfg(feature = "cloud-run")]
pub(crate) mod operation;
pub(crate) mod permissions;
pub(crate) mod recent;
pub(crate) mod refusal;
pub(crate) mod service;
pub(crate) mod settings;
pub(crate) mod status;

use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// Where Google's own tools find the project, in this order.
const PROJECT_VARIABLES: [&str; 3] =
    ["GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT", "GCLOUD_PROJECT"];

/// The project: the one that is set, or that of the environment.
///
/// # Errors
/// When nobody names one.
pub(crate) fn project(setting: Option<&str>, surroundings: &Surroundings) -> Result<String, Error> {
    let around = || PROJECT_VARIABLES.iter().find_map(|name| surroundings.get(name));
    let project = setting.or_else(around).filter(|project| !project.is_empty());
    project.map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::BadInput, "nobody says which Google Cloud project to use")
            .hint("set the job's project, or GOOGLE_CLOUD_PROJECT where longshore is started")
    })
}
