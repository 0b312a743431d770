//! AWS credentials that `object_store` does not find by itself: profiles, with roles, SSO and credential processes.
//!
//! Used for `credentials=profile:NAME`, and for the default chain where there are AWS configuration files and no keys
//! in the environment. What AWS's own tools would use, is used.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_smithy_http_client::tls::Provider as Tls;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use longshore_storage::{AwsCredentials, Credentials, Location, Provider};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind, clock};

/// Where roles are assumed when nobody names a region: Amazon's first one, which every account has.
const REGION_OF_ROLES: &str = "us-east-1";
/// Credentials are fetched again this long before they end.
const MARGIN: Duration = Duration::from_secs(120);

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
    let region = region(name.clone())?;
    let of_environment = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let of_environment = of_environment.iter().find_map(|name| surroundings.get(name));
    let nearest = location.region().or(region.as_deref()).or(of_environment);
    let region_of_roles = nearest.unwrap_or(REGION_OF_ROLES).to_owned();
    let profile = Profile { name, region_of_roles, fetched: Mutex::default() };
    let source = Some(profile.described());
    Ok(OfProfiles { credentials: Some(Arc::new(profile)), region, source })
}

/// The region that AWS's files have. Nobody is contacted; on a thread of its own, as a store is opened where nothing can be
/// waited for.
fn region(profile: Option<String>) -> Result<Option<String>, Error> {
    let attempted = "could not read the AWS configuration files";
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok::<_, std::io::Error>(runtime.block_on(async {
            let mut files = ProfileFileRegionProvider::builder();
            if let Some(name) = &profile {
                files = files.profile_name(name);
            }
            files.build().region().await
        }))
    });
    let region = asked
        .join()
        .map_err(|_| Error::new(ErrorKind::BadInput, attempted))?
        .map_err(|error| Error::caused(ErrorKind::BadInput, attempted, error))?;
    Ok(region.map(|region| region.as_ref().to_owned()))
}

fn configuration(region: String) -> ProviderConfig {
    let client = aws_smithy_http_client::Builder::new()
        .tls_provider(Tls::Rustls(CryptoMode::Ring))
        .build_https();
    ProviderConfig::without_region().with_http_client(client).with_region(Some(Region::new(region)))
}

/// The time now, as AWS's libraries have it.
fn now() -> SystemTime {
    let now_ms = u64::try_from(clock::now().as_millisecond()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms)
}

/// Credentials of a profile, kept until shortly before they end.
#[derive(Debug)]
struct Profile {
    name: Option<String>,
    /// Where its roles are assumed.
    region_of_roles: String,
    fetched: Mutex<Option<Fetched>>,
}

#[derive(Debug)]
struct Fetched {
    credential: Arc<AwsCredential>,
    ends: Option<SystemTime>,
}

impl Profile {
    async fn fetch(&self) -> object_store::Result<Fetched> {
        let configuration = configuration(self.region_of_roles.clone());
        let found = match &self.name {
            // Nothing but this profile: keys in the environment are somebody else's.
            Some(name) => {
                let profile = ProfileFileCredentialsProvider::builder().configure(&configuration);
                profile.profile_name(name).build().provide_credentials().await
            }
            None => {
                let chain = DefaultCredentialsChain::builder().configure(configuration);
                chain.build().await.provide_credentials().await
            }
        };
        let found = found.map_err(|error| object_store::Error::Unauthenticated {
            path: self.described(),
            source: Box::new(error),
        })?;
        let credential = AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        };
        Ok(Fetched { credential: Arc::new(credential), ends: found.expiry() })
    }

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
        let mut fetched = self.fetched.lock().await;
        let is_good = |fetched: &Fetched| fetched.ends.is_none_or(|ends| ends > now() + MARGIN);
        if let Some(fetched) = fetched.as_ref().filter(|fetched| is_good(fetched)) {
            return Ok(Arc::clone(&fetched.credential));
        }
        let new = self.fetch().await?;
        let credential = Arc::clone(&new.credential);
        *fetched = Some(new);
        Ok(credential)
    }
}
