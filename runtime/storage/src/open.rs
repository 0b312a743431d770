//! From a location to a client.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Once};

use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{CredentialProvider, ObjectStore};

use crate::sign::{self, Signer};
use crate::{Credentials, Error, Location, Provider, Variables, options, retry};

/// Open storage: all names of objects are below the location's prefix.
#[derive(Debug, Clone)]
pub struct Objects {
    /// Reads and writes.
    pub store: Arc<dyn ObjectStore>,
    /// Makes URLs for others; `None` where the storage cannot.
    pub signer: Option<Signer>,
}

/// Gives a client AWS credentials that `object_store` cannot find by itself: profiles, roles, SSO.
pub type AwsCredentials = Arc<dyn CredentialProvider<Credential = AwsCredential>>;

/// Opens a location with the credentials that it refers to, as far as `object_store` finds them: variables, files,
/// identities of machines and workloads.
///
/// # Errors
/// When the options do not fit together, credentials are missing, or a directory is not there. Whether storage on a
/// network can be reached is not looked at.
pub fn open(location: &Location, variables: &Variables) -> Result<Objects, Error> {
    open_with(location, variables, None)
}

/// The same, with AWS credentials that somebody else has found.
///
/// # Errors
/// As for [`open`].
pub fn open_with(
    location: &Location,
    variables: &Variables,
    aws: Option<AwsCredentials>,
) -> Result<Objects, Error> {
    let attempted = |error| Error::caused(format!("could not open the store {location}"), error);
    if let Some(folder) = location.folder() {
        let store = LocalFileSystem::new_with_prefix(folder).map_err(attempted)?;
        return Ok(Objects { store: Arc::new(store.with_automatic_cleanup(true)), signer: None });
    }
    install_tls();
    let effective = effective_options(location, variables)?;
    let client = client(location, &effective, aws.clone()).map_err(attempted)?;
    let sign_with = if location.has_runtime_endpoint() {
        // The host is part of a signature: it is made for the address under which it will be used.
        let there = location.for_runtime(variables);
        client_to_sign(&there, variables, aws)?
    } else {
        Arc::clone(&client.signer)
    };
    let prefix = Path::from(location.prefix());
    let signer = sign::signer(location, &effective, sign_with, &prefix);
    let store = PrefixStore::new(client.store, prefix);
    Ok(Objects { store: Arc::new(store), signer })
}

struct Client {
    store: Arc<dyn ObjectStore>,
    signer: Arc<dyn object_store::signer::Signer>,
}

fn client_to_sign(
    location: &Location,
    variables: &Variables,
    aws: Option<AwsCredentials>,
) -> Result<Arc<dyn object_store::signer::Signer>, Error> {
    let options = effective_options(location, variables)?;
    let client = client(location, &options, aws);
    client
        .map(|client| client.signer)
        .map_err(|error| Error::caused(format!("could not sign for the store {location}"), error))
}

fn client(
    location: &Location,
    options: &BTreeMap<String, String>,
    aws: Option<AwsCredentials>,
) -> object_store::Result<Client> {
    macro_rules! with_options {
        ($builder:expr) => {{
            let mut builder = $builder.with_retry(retry::config());
            for (name, value) in options {
                builder = builder.with_config(name.parse()?, value);
            }
            builder
        }};
    }
    macro_rules! built {
        ($builder:expr) => {{
            let store = Arc::new($builder.build()?);
            Ok(Client { store: Arc::clone(&store) as _, signer: store as _ })
        }};
    }
    let bucket = location.bucket();
    match location.provider() {
        Provider::S3 => {
            let mut builder = with_options!(AmazonS3Builder::new()).with_bucket_name(bucket);
            if let Some(aws) = aws {
                builder = builder.with_credentials(aws);
            }
            built!(builder)
        }
        Provider::Gcs => {
            built!(with_options!(GoogleCloudStorageBuilder::new()).with_bucket_name(bucket))
        }
        Provider::Azure => {
            built!(with_options!(MicrosoftAzureBuilder::new()).with_container_name(bucket))
        }
        Provider::Local => {
            Err(object_store::Error::NotSupported { source: "a directory has no client".into() })
        }
    }
}

/// What the location says, then what its credentials add, then what the environment says besides.
fn effective_options(
    location: &Location,
    variables: &Variables,
) -> Result<BTreeMap<String, String>, Error> {
    let provider = location.provider();
    let mut options = match location.credentials() {
        Credentials::Default => options::of_environment(provider, "", variables),
        Credentials::Anonymous | Credentials::Profile(_) => {
            without_credentials(provider, options::of_environment(provider, "", variables))
        }
        Credentials::Environment(prefix) => {
            let found = options::of_environment(provider, prefix, variables);
            if found.is_empty() {
                return Err(no_variables(provider, prefix));
            }
            let usual = options::of_environment(provider, "", variables);
            without_credentials(provider, usual).into_iter().chain(found).collect()
        }
        Credentials::File(path) => {
            let usual = options::of_environment(provider, "", variables);
            let found = read_file(provider, path).map_err(|error| {
                Error::caused(
                    format!("could not read the credentials in {}", path.display()),
                    error,
                )
            })?;
            without_credentials(provider, usual).into_iter().chain(found).collect()
        }
    };
    if *location.credentials() == Credentials::Anonymous {
        options.insert("skip_signature".to_owned(), "true".to_owned());
    }
    // The same option may have several names; what was written down comes last, so that it counts.
    options.retain(|name, _| {
        let key = options::Key::parse(provider, name);
        !location.options().keys().any(|given| options::Key::parse(provider, given) == key)
    });
    options.extend(location.options().clone());
    Ok(options)
}

fn without_credentials(
    provider: Provider,
    options: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let is_credential =
        |name: &str| options::Key::parse(provider, name).is_ok_and(|key| key.is_credential());
    options.into_iter().filter(|(name, _)| !is_credential(name)).collect()
}

fn no_variables(provider: Provider, prefix: &str) -> Error {
    let example = match provider {
        Provider::Local | Provider::S3 => "AWS_ACCESS_KEY_ID and …AWS_SECRET_ACCESS_KEY",
        Provider::Gcs => "GOOGLE_SERVICE_ACCOUNT_KEY",
        Provider::Azure => "AZURE_STORAGE_ACCOUNT_KEY",
    };
    Error::new(format!("the credentials env:{prefix} are not in the environment"))
        .hint(format!("set {prefix}{example} where longshore is started"))
}

fn read_file(provider: Provider, path: &std::path::Path) -> io::Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path)?;
    if provider == Provider::Gcs && text.trim_start().starts_with('{') {
        return Ok(BTreeMap::from([("google_service_account_key".to_owned(), text)]));
    }
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pair = |(number, line): (usize, &str)| {
        // The line itself may be a secret.
        let bad = |why: &str| io::Error::other(format!("line {} {why}", number + 1));
        let (name, value) = line.split_once('=').ok_or_else(|| bad("is not NAME=value"))?;
        let name = name.trim().trim_start_matches("export ").trim().to_ascii_lowercase();
        options::Key::parse(provider, &name)
            .map_err(|()| bad(&format!("is not an option for {}", provider.word())))?;
        Ok((name, value.trim().trim_matches(['"', '\'']).to_owned()))
    };
    lines.enumerate().map(pair).collect()
}

/// Chooses the provider of TLS for HTTP clients of this process. Repeating is harmless.
pub fn install_tls() {
    static ONCE: Once = Once::new();
    // Whoever is second finds the first one's provider, which is the same.
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn effective(location: &str, pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        effective_options(&location.parse().unwrap(), &variables(pairs)).unwrap()
    }

    const AROUND: &[(&str, &str)] = &[
        ("AWS_REGION", "around"),
        ("AWS_ACCESS_KEY_ID", "mine"),
        ("TEAM_AWS_ACCESS_KEY_ID", "teams"),
        ("AWS_PAGER", "less"),
    ];

    #[test]
    fn what_is_written_down_counts_more_than_the_environment() {
        let options = effective("s3://x?region=written", AROUND);
        let expected = variables(&[("aws_access_key_id", "mine"), ("region", "written")]);
        assert_eq!(options, expected);
    }

    #[test]
    fn a_reference_to_credentials_puts_others_aside() {
        let options = effective("s3://x?credentials=env:TEAM_", AROUND);
        assert_eq!(options["aws_access_key_id"], "teams");
        assert_eq!(options["aws_region"], "around");
        let options = effective("s3://x?credentials=anonymous", AROUND);
        assert_eq!(options.get("aws_access_key_id"), None);
        assert_eq!(options["skip_signature"], "true");
    }

    #[test]
    fn missing_credentials_are_named_with_what_to_set() {
        let location: Location = "az://x?credentials=env:NO_".parse().unwrap();
        let error = effective_options(&location, &Variables::new()).unwrap_err();
        assert!(error.what_to_do().unwrap().contains("NO_AZURE_STORAGE_ACCOUNT_KEY"), "{error:?}");
        let location: Location = "s3://x?credentials=file:/does/not/exist".parse().unwrap();
        let error = effective_options(&location, &Variables::new()).unwrap_err().to_string();
        assert_eq!(error, "could not read the credentials in /does/not/exist");
    }
}
