//! `object_store`'s options: which exist, which hold secrets, which the environment sets.

use std::collections::{BTreeMap, BTreeSet};

use longshore_protocol::suggest;
use object_store::aws::AmazonS3ConfigKey;
use object_store::azure::AzureConfigKey;
use object_store::gcp::GoogleConfigKey;

use crate::{Error, Provider};

/// Environment variables: names with values.
pub type Variables = BTreeMap<String, String>;

/// S3's option for the region of a bucket.
pub const REGION: &str = "aws_region";
/// Azure's option for the account.
pub const ACCOUNT: &str = "azure_storage_account_name";

/// An option of a provider's client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    S3(AmazonS3ConfigKey),
    Gcs(GoogleConfigKey),
    Azure(AzureConfigKey),
}

impl Key {
    /// By its full name or its short one, in any case.
    pub(crate) fn parse(provider: Provider, name: &str) -> Result<Self, ()> {
        let name = name.to_ascii_lowercase();
        match provider {
            Provider::Local => Err(()),
            Provider::S3 => name.parse().map(Self::S3).map_err(drop),
            Provider::Gcs => name.parse().map(Self::Gcs).map_err(drop),
            Provider::Azure => name.parse().map(Self::Azure).map_err(drop),
        }
    }

    /// Whether it holds or leads to credentials: these are named by reference.
    pub(crate) fn is_credential(&self) -> bool {
        use {AmazonS3ConfigKey as S3, AzureConfigKey as Azure, GoogleConfigKey as Gcs};
        match self {
            Self::S3(key) => {
                matches!(
                    key,
                    S3::AccessKeyId
                        | S3::SecretAccessKey
                        | S3::Token
                        | S3::ContainerCredentialsRelativeUri
                        | S3::ContainerCredentialsFullUri
                        | S3::ContainerAuthorizationTokenFile
                        | S3::WebIdentityTokenFile
                        | S3::RoleArn
                        | S3::RoleSessionName
                        | S3::SkipSignature
                ) || self.is_secret()
            }
            Self::Gcs(key) => {
                matches!(
                    key,
                    Gcs::ServiceAccount | Gcs::ApplicationCredentials | Gcs::SkipSignature
                ) || self.is_secret()
            }
            Self::Azure(key) => {
                matches!(
                    key,
                    Azure::ClientId
                        | Azure::AuthorityId
                        | Azure::MsiEndpoint
                        | Azure::ObjectId
                        | Azure::MsiResourceId
                        | Azure::FederatedTokenFile
                        | Azure::UseAzureCli
                        | Azure::SkipSignature
                        | Azure::CredentialType
                ) || self.is_secret()
            }
        }
    }

    /// Whether its value must not be written down.
    fn is_secret(&self) -> bool {
        use {AmazonS3ConfigKey as S3, AzureConfigKey as Azure, GoogleConfigKey as Gcs};
        match self {
            Self::S3(S3::AccessKeyId | S3::SecretAccessKey | S3::Token) => true,
            // Only the customer's encryption key; its type has no public name.
            Self::S3(key) => key.as_ref() == "aws_sse_customer_key_base64",
            Self::Gcs(key) => matches!(key, Gcs::ServiceAccountKey | Gcs::BearerToken),
            Self::Azure(key) => matches!(
                key,
                Azure::AccessKey
                    | Azure::ClientSecret
                    | Azure::SasKey
                    | Azure::Token
                    | Azure::FabricSessionToken
                    | Azure::EncryptionKey
            ),
        }
    }

    pub(crate) fn is_region(&self) -> bool {
        matches!(self, Self::S3(AmazonS3ConfigKey::Region | AmazonS3ConfigKey::DefaultRegion))
    }

    fn is_bucket(&self) -> bool {
        matches!(
            self,
            Self::S3(AmazonS3ConfigKey::Bucket)
                | Self::Gcs(GoogleConfigKey::Bucket)
                | Self::Azure(AzureConfigKey::ContainerName)
        )
    }
}

/// Checks an option that somebody wrote down.
pub(crate) fn check(provider: Provider, name: &str, value: &str) -> Result<(), Error> {
    let Ok(key) = Key::parse(provider, name) else {
        let word = provider.word();
        let error = Error::new(format!("there is no storage option {name} for {word}"));
        return Err(match suggest::nearest(name, names(provider)) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint("options are those of the crate object_store, by its names"),
        });
    };
    if key.is_bucket() {
        let word = provider.bucket_word();
        return Err(Error::new(format!("{name} is not needed: the {word} is in the URL already")));
    }
    if key.is_secret() || has_password(value) {
        return Err(Error::new(format!("the storage option {name} holds a secret, which is not written down"))
            .hint("leave it to the provider's own variables, or name its place: credentials=env:PREFIX, file:/path, profile:NAME"));
    }
    Ok(())
}

fn has_password(value: &str) -> bool {
    url::Url::parse(value).is_ok_and(|url| url.password().is_some())
}

/// The options that variables set whose names are `prefix` and the provider's own: by `object_store`'s names.
pub(crate) fn of_environment(
    provider: Provider,
    prefix: &str,
    variables: &Variables,
) -> BTreeMap<String, String> {
    let of_family = |(name, value): (&String, &String)| {
        let option = option_of(provider, prefix, name)?;
        (!value.is_empty()).then(|| (option, value.clone()))
    };
    variables.iter().filter_map(of_family).collect()
}

/// The variables, of those that are set, that hold credentials or lead to them.
pub(crate) fn credential_variables(
    provider: Provider,
    prefix: &str,
    variables: &Variables,
) -> BTreeSet<String> {
    let is_credential = |name: &&String| {
        let key = option_of(provider, prefix, name).map(|option| Key::parse(provider, &option));
        key.is_some_and(|key| key.is_ok_and(|key| key.is_credential()))
    };
    variables.keys().filter(is_credential).cloned().collect()
}

/// The option that the variable `name` sets.
fn option_of(provider: Provider, prefix: &str, name: &str) -> Option<String> {
    let family = match provider {
        Provider::Local => return None,
        Provider::S3 => "AWS_",
        Provider::Gcs => "GOOGLE_",
        Provider::Azure => "AZURE_",
    };
    let option = name.strip_prefix(prefix)?;
    let option = option.starts_with(family).then(|| option.to_ascii_lowercase())?;
    Key::parse(provider, &option).is_ok().then_some(option)
}

/// The options that people write most, to find what they meant.
fn names(provider: Provider) -> impl Iterator<Item = &'static str> {
    const OURS: &[&str] = &["credentials", "runtime_endpoint"];
    const CLIENT: &[&str] = &[
        "allow_http",
        "allow_invalid_certificates",
        "connect_timeout",
        "http1_only",
        "http2_only",
        "pool_idle_timeout",
        "proxy_ca_certificate",
        "proxy_excludes",
        "proxy_url",
        "read_timeout",
        "timeout",
        "user_agent",
    ];
    let own: &[&str] = match provider {
        Provider::Local => &[],
        Provider::S3 => &[
            "aws_allow_http",
            "aws_checksum_algorithm",
            "aws_conditional_put",
            "aws_default_region",
            "aws_disable_bulk_delete",
            "aws_disable_tagging",
            "aws_endpoint",
            "aws_endpoint_url",
            "aws_imdsv1_fallback",
            "aws_metadata_endpoint",
            "aws_region",
            "aws_request_payer",
            "aws_role_arn",
            "aws_s3_express",
            "aws_server_side_encryption",
            "aws_skip_signature",
            "aws_sse_bucket_key_enabled",
            "aws_sse_kms_key_id",
            "aws_unsigned_payload",
            "aws_virtual_hosted_style_request",
        ],
        Provider::Gcs => &[
            "google_allow_http",
            "google_base_url",
            "google_service_account",
            "google_skip_signature",
        ],
        Provider::Azure => &[
            "azure_allow_http",
            "azure_authority_host",
            "azure_client_id",
            "azure_skip_signature",
            "azure_storage_account_name",
            "azure_storage_endpoint",
            "azure_tenant_id",
            "azure_use_azure_cli",
            "azure_use_fabric_endpoint",
        ],
    };
    own.iter().chain(CLIENT).chain(OURS).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suggested_option_exists_and_holds_no_secret() {
        for provider in [Provider::S3, Provider::Gcs, Provider::Azure] {
            for name in
                names(provider).filter(|name| !["credentials", "runtime_endpoint"].contains(name))
            {
                assert!(check(provider, name, "x").is_ok(), "{name}");
            }
        }
    }

    #[test]
    fn secrets_are_not_written_down() {
        for (provider, name) in [
            (Provider::S3, "aws_secret_access_key"),
            (Provider::S3, "secret_access_key"),
            (Provider::S3, "aws_access_key_id"),
            (Provider::S3, "aws_session_token"),
            (Provider::S3, "aws_sse_customer_key_base64"),
            (Provider::Gcs, "google_service_account_key"),
            (Provider::Gcs, "bearer_token"),
            (Provider::Azure, "azure_storage_account_key"),
            (Provider::Azure, "azure_storage_sas_token"),
            (Provider::Azure, "client_secret"),
        ] {
            let error = check(provider, name, "geheim").unwrap_err().to_string();
            assert!(error.contains("holds a secret") && !error.contains("geheim"), "{error}");
        }
        assert!(check(Provider::S3, "proxy_url", "http://me:geheim@proxy").is_err());
    }
}
