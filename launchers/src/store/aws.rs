//! AWS credentials that `object_store` does not find by itself: profiles, with roles, SSO and credential processes.
//!
//! Used for `credentials=profile:NAME`, and for the default chain where there are AWS configuration files and no keys
//! in the environment. What AWS's own tools would use, is used.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use longshore_storage::{AwsCredentials, Credentials, Location, Provider};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;

use crate::Error;
use crate::aws::{Keys, Source, region_of_profile};
use crate::surroundings::Surroundings;

/// Where roles are assumed when nobody names a region: Amazon's first one, which every account has.
const REGION_OF_ROLES: &str = "us-east-1";

/// The profile by which the credentials of `location` are found; `None`: `object_store` finds them. The inner `None`:
/// AWS's own chain, which knows AWS_PROFILE.
fn profile(location: &Location, surroundings: &Surroundings) -> Option<Option<String>> {
    let has_keys = ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"]
        .iter()
        .any(|name| surroundings.get(name).is_some());
    let is_named = surroundings.get("AWS_PROFILE").is_some();
    match location.credentials() {
        _ if location.provider() != Provider::S3 => None,
        Credentials::Profile(name) => Some(Some(name.clone())),
        Credentials::Default if !has_keys && (is_named || has_files(surroundings)) => Some(None),
        Credentials::Default
        | Credentials::Anonymous
        | Credentials::Environment(_)
        | Credentials::File(_) => None,
    }
}

fn has_files(surroundings: &Surroundings) -> bool {
    [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")].iter().any(
        |(variable, name)| {
            let usual =
                || surroundings.get("HOME").map(|home| PathBuf::from(home).join(".aws").join(name));
            let file = surroundings.get(variable).map(PathBuf::from).or_else(usual);
            file.is_some_and(|file| file.is_file())
        },
    )
}

/// What profiles say about a location.
#[derive(Debug, Default)]
pub(super) struct OfProfiles {
    /// Its credentials.
    pub(super) credentials: Option<AwsCredentials>,
    /// Its region, for a location that has none.
    pub(super) region: Option<String>,
    /// Where these come from, for people.
    pub(super) source: Option<String>,
}

pub(super) fn of_profiles(
    location: &Location,
    surroundings: &Surroundings,
) -> Result<OfProfiles, Error> {
    let Some(name) = profile(location, surroundings) else { return Ok(OfProfiles::default()) };
    let region = region_of_profile(name.clone())?;
    let of_environment = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let of_environment = of_environment.iter().find_map(|name| surroundings.get(name));
    let nearest = location.region().or(region.as_deref()).or(of_environment);
    let region_of_roles = nearest.unwrap_or(REGION_OF_ROLES).to_owned();
    let source = name.clone().map_or(Source::Chain, Source::Profile);
    let profile = Profile { name, keys: Keys::new(source, region_of_roles) };
    let source = Some(profile.described());
    Ok(OfProfiles { credentials: Some(Arc::new(profile)), region, source })
}

/// Credentials of a profile.
#[derive(Debug)]
struct Profile {
    name: Option<String>,
    keys: Keys,
}

impl Profile {
    fn described(&self) -> String {
        match &self.name {
            Some(name) => format!("the AWS profile {name}"),
            None => "AWS's configuration files and chain".to_owned(),
        }
    }
}

#[async_trait]
impl CredentialProvider for Profile {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let found = self.keys.get().await.map_err(|error| {
            object_store::Error::Unauthenticated { path: self.described(), source: Box::new(error) }
        })?;
        Ok(Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        }))
    }
}
