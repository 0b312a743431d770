//! The keys of whoever launches.

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials as AwsKeys;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use longshore_storage::Credentials;

use super::place::Account;
use crate::aws::{Keys, Source, tls};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// What a role's session is called in the account's logs.
const SESSION: &str = "longshore";
const NAMES: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The keys that an account names. They are fetched when they are needed, and again before they end.
///
/// # Errors
/// When they are not where they are said to be.
pub(super) async fn keys_of(account: &Account, surroundings: &Surroundings) -> Result<Keys, Error> {
    let region = account.region.clone();
    let source = match account.credentials.parse()? {
        Credentials::Default | Credentials::Anonymous => Source::Chain,
        Credentials::Profile(name) => Source::Profile(name),
        Credentials::Environment(prefix) => {
            let found =
                |name: &str| surroundings.get(&format!("{prefix}{name}")).map(str::to_owned);
            Source::Fixed(fixed(found, &format!("the environment variables {prefix}…"))?)
        }
        Credentials::File(path) => {
            let shown = path.display().to_string();
            let text = std::fs::read_to_string(&path).map_err(|error| {
                Error::caused(ErrorKind::BadInput, format!("could not read {shown}"), error)
            })?;
            let found = |name: &str| {
                let mut pairs = text.lines().filter_map(|line| line.trim().split_once('='));
                pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
            };
            Source::Fixed(fixed(found, &shown)?)
        }
    };
    let keys = Keys::new(source, region.clone());
    let Some(role) = &account.assume_role_arn else { return Ok(keys) };
    let endpoint = account.endpoint_url.clone().or_else(|| {
        let around = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"];
        around.iter().find_map(|name| surroundings.get(name)).map(str::to_owned)
    });
    let http = aws_smithy_http_client::Builder::new().tls_provider(tls()).build_https();
    let mut configuration = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(keys.clone()))
        .http_client(http)
        // Without these two it panics.
        .time_source(SystemTimeSource::new())
        .sleep_impl(TokioSleep::new());
    configuration.set_endpoint_url(endpoint);
    let provider =
        AssumeRoleProvider::builder(role).session_name(SESSION).configure(&configuration.build());
    let provider = provider.build_from_provider(keys).await;
    Ok(Keys::new(Source::Other(SharedCredentialsProvider::new(provider)), region))
}

fn fixed(found: impl Fn(&str) -> Option<String>, place: &str) -> Result<AwsKeys, Error> {
    let [key, secret, token] = NAMES.map(|name| found(name).filter(|value| !value.is_empty()));
    let (Some(key), Some(secret)) = (key, secret) else {
        let text = format!("{place} does not have {} and {}", NAMES[0], NAMES[1]);
        return Err(
            Error::new(ErrorKind::BadInput, text).hint("set both, or name other credentials")
        );
    };
    Ok(AwsKeys::new(key, secret, token, None, "longshore"))
}
