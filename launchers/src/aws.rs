//! Amazon's credentials and regions, as its own tools find them: for stores and for infrastructures.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
#[cfg(feature = "ecs")]
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_http_client::tls::Provider as Tls;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use tokio::sync::Mutex;

use crate::{Error, ErrorKind, clock};

/// Credentials are fetched again this long before they end.
const MARGIN: Duration = Duration::from_secs(120);

/// TLS by ring, as everywhere.
pub(crate) fn tls() -> Tls {
    Tls::Rustls(CryptoMode::Ring)
}

fn configuration(region: String) -> ProviderConfig {
    let client = aws_smithy_http_client::Builder::new().tls_provider(tls()).build_https();
    ProviderConfig::without_region().with_http_client(client).with_region(Some(Region::new(region)))
}

/// The time now, as AWS's libraries have it.
pub(crate) fn now() -> SystemTime {
    let now_ms = u64::try_from(clock::now().as_millisecond()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms)
}

/// The region that AWS's files have. Nobody is contacted; on a thread of its own, as it is wanted where nothing can be
/// waited for.
pub(crate) fn region_of_profile(profile: Option<String>) -> Result<Option<String>, Error> {
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

/// Where keys come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// AWS's own chain, which knows AWS_PROFILE.
    Chain,
    /// A profile, and nothing but it: keys in the environment are somebody else's.
    Profile(String),
    /// They are given.
    #[cfg(feature = "ecs")]
    Fixed(Credentials),
    /// Whoever has them.
    #[cfg(feature = "ecs")]
    Other(SharedCredentialsProvider),
}

/// Keys for requests, kept until shortly before they end and then fetched again. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    /// Where roles of profiles are assumed.
    region: String,
    kept: Mutex<Option<Credentials>>,
}

impl Keys {
    pub(crate) fn new(source: Source, region: String) -> Self {
        Self(Arc::new(Inner { source, region, kept: Mutex::default() }))
    }

    /// # Errors
    /// When there are none, or whoever has them does not give them.
    pub(crate) async fn get(&self) -> Result<Credentials, CredentialsError> {
        let mut kept = self.0.kept.lock().await;
        let is_good = |keys: &Credentials| keys.expiry().is_none_or(|ends| ends > now() + MARGIN);
        if let Some(keys) = kept.as_ref().filter(|keys| is_good(keys)) {
            return Ok(keys.clone());
        }
        let new = self.fetch().await?;
        *kept = Some(new.clone());
        Ok(new)
    }

    async fn fetch(&self) -> Result<Credentials, CredentialsError> {
        let configuration = configuration(self.0.region.clone());
        match &self.0.source {
            Source::Profile(name) => {
                let profile = ProfileFileCredentialsProvider::builder().configure(&configuration);
                profile.profile_name(name).build().provide_credentials().await
            }
            Source::Chain => {
                let chain = DefaultCredentialsChain::builder().configure(configuration);
                chain.build().await.provide_credentials().await
            }
            #[cfg(feature = "ecs")]
            Source::Fixed(keys) => Ok(keys.clone()),
            #[cfg(feature = "ecs")]
            Source::Other(provider) => provider.provide_credentials().await,
        }
    }
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.get())
    }
}
