//! The text that names a place for objects.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use longshore_protocol::suggest;
use url::form_urlencoded;

use crate::options::{self, Key};
use crate::{Credentials, Error, Variables};

/// Our own option: whose credentials are used.
const CREDENTIALS: &str = "credentials";
/// Our own option: the endpoint at which the runtime reaches the storage, where that differs from the launcher's.
const RUNTIME_ENDPOINT: &str = "runtime_endpoint";

/// Whose storage it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// A directory of a local file system.
    Local,
    /// Amazon S3, and whatever speaks its API.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Local, Self::S3, Self::Gcs, Self::Azure];

    /// The name in configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
        }
    }

    /// What its URLs begin with. A directory has none.
    pub fn scheme(self) -> Option<&'static str> {
        match self {
            Self::Local => None,
            Self::S3 => Some("s3"),
            Self::Gcs => Some("gs"),
            Self::Azure => Some("az"),
        }
    }

    /// What it calls that in which objects are.
    pub fn bucket_word(self) -> &'static str {
        match self {
            Self::Local => "directory",
            Self::S3 | Self::Gcs => "bucket",
            Self::Azure => "container",
        }
    }

    /// The option that says where its API is.
    pub fn endpoint_option(self) -> &'static str {
        match self {
            Self::Local => "",
            Self::S3 => "aws_endpoint",
            Self::Gcs => "google_base_url",
            Self::Azure => "azure_storage_endpoint",
        }
    }
}

/// A place for objects: a directory, or `scheme://bucket/prefix?option=value&…`. Holds no secret.
///
/// Options are `object_store`'s own, by its own names. Two are ours: `credentials` (see [`Credentials`]), and
/// `runtime_endpoint`, the endpoint at which the runtime reaches the storage, where the launcher uses another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    provider: Provider,
    /// The path of a directory; the bucket or container otherwise.
    bucket: String,
    /// Without slashes at its ends.
    prefix: String,
    options: BTreeMap<String, String>,
    credentials: Credentials,
    runtime_endpoint: Option<String>,
}

impl Location {
    /// A directory.
    ///
    /// # Errors
    /// When its path is not text.
    pub fn local(folder: &Path) -> Result<Self, Error> {
        let folder = std::path::absolute(folder)
            .map_err(|error| Error::caused(format!("{folder:?} is not a directory name"), error))?;
        let text = folder
            .to_str()
            .ok_or_else(|| Error::new(format!("the path {folder:?} is not Unicode text")))?;
        Ok(Self {
            provider: Provider::Local,
            bucket: text.to_owned(),
            prefix: String::new(),
            options: BTreeMap::new(),
            credentials: Credentials::Default,
            runtime_endpoint: None,
        })
    }

    /// Storage of a provider, with its options as they are written down.
    ///
    /// # Errors
    /// When bucket, prefix or an option are none, or an option holds a secret.
    pub fn remote(
        provider: Provider,
        bucket: &str,
        prefix: &str,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        check_bucket(provider, bucket)?;
        let prefix = prefix.trim_matches('/').to_owned();
        if prefix.split('/').any(|part| part == "." || part == "..") || prefix.contains("//") {
            return Err(Error::new(format!("{prefix:?} is not a prefix of object names")));
        }
        let mut location = Self {
            provider,
            bucket: bucket.to_owned(),
            prefix,
            options: BTreeMap::new(),
            credentials: Credentials::Default,
            runtime_endpoint: None,
        };
        for (name, value) in options {
            location.set(&name, value)?;
        }
        Ok(location)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Error> {
        if value.is_empty() {
            return Err(Error::new(format!("the storage option {name} has no value")));
        }
        match name {
            CREDENTIALS => self.credentials = value.parse()?,
            RUNTIME_ENDPOINT => self.runtime_endpoint = Some(value),
            name => {
                options::check(self.provider, name, &value)?;
                // Some options have several names.
                let key = |name: &str| Key::parse(self.provider, name);
                if let Some(other) = self.options.keys().find(|known| key(known) == key(name)) {
                    let text = match other == name {
                        true => format!("the storage option {name} is given twice"),
                        false => format!("the storage option {name} is given as {other}, too"),
                    };
                    return Err(Error::new(text));
                }
                self.options.insert(name.to_owned(), value);
            }
        }
        Ok(())
    }

    /// Whose storage it is.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The directory, for local storage.
    pub fn folder(&self) -> Option<PathBuf> {
        (self.provider == Provider::Local).then(|| PathBuf::from(&self.bucket))
    }

    /// The bucket or container; the path of a directory.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What the names of all objects begin with; without slashes at its ends.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The options of its client.
    pub fn options(&self) -> &BTreeMap<String, String> {
        &self.options
    }

    /// Whose credentials are used.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The same place as it is seen where the runtime is, and complete: what the launcher's environment says about it is
    /// written into it, other than credentials.
    #[must_use]
    pub fn for_runtime(&self, variables: &Variables) -> Self {
        let mut location = Self { runtime_endpoint: None, ..self.clone() };
        for (name, value) in options::of_environment(self.provider, "", variables) {
            let Ok(key) = Key::parse(self.provider, &name) else { continue };
            let is_set =
                |known: &String| Key::parse(self.provider, known).is_ok_and(|known| known == key);
            if !key.is_credential() && !location.options.keys().any(is_set) {
                location.options.insert(name, value);
            }
        }
        if let Some(endpoint) = &self.runtime_endpoint {
            location.options.insert(self.provider.endpoint_option().to_owned(), endpoint.clone());
        }
        location
    }

    /// The region that its options name.
    pub fn region(&self) -> Option<&str> {
        let is_region =
            |name: &str| Key::parse(self.provider, name).is_ok_and(|key| key.is_region());
        self.options.iter().find(|(name, _)| is_region(name)).map(|(_, region)| region.as_str())
    }

    /// The same place in a region, unless it has one already.
    #[must_use]
    pub fn in_region(mut self, region: String) -> Self {
        if self.provider == Provider::S3 && self.region().is_none() {
            self.options.insert(options::REGION.to_owned(), region);
        }
        self
    }

    /// The variables, of those that are set, that its credentials are read from.
    pub fn credential_variables(&self, variables: &Variables) -> BTreeSet<String> {
        let prefix = match &self.credentials {
            Credentials::Default => "",
            Credentials::Environment(prefix) => prefix,
            Credentials::Anonymous | Credentials::File(_) | Credentials::Profile(_) => {
                return BTreeSet::new();
            }
        };
        options::credential_variables(self.provider, prefix, variables)
    }

    /// Where its credentials come from, for people.
    pub fn credentials_source(&self, variables: &Variables) -> String {
        if self.provider == Provider::Local {
            return "the user's own permissions on files".to_owned();
        }
        let names: Vec<_> = self.credential_variables(variables).into_iter().collect();
        match &self.credentials {
            Credentials::Default if names.is_empty() => {
                "the provider's chain: the identity of this machine or workload".to_owned()
            }
            Credentials::Default | Credentials::Environment(_) => {
                format!("environment variables: {}", names.join(", "))
            }
            Credentials::Anonymous => "none: requests are not signed".to_owned(),
            Credentials::File(path) => format!("the file {}", path.display()),
            Credentials::Profile(name) => format!("the AWS profile {name}"),
        }
    }

    /// The files, of those that are named, that its credentials are read from, again whenever they end.
    pub fn credential_files(&self, variables: &Variables) -> Vec<PathBuf> {
        let named = self.credential_variables(variables).into_iter().filter_map(|name| {
            let value = variables.get(&name)?;
            value.starts_with('/').then(|| PathBuf::from(value))
        });
        match &self.credentials {
            Credentials::File(path) => named.chain([path.clone()]).collect(),
            _ => named.collect(),
        }
    }

    /// Where its API is, if that is not the provider's usual place.
    pub fn endpoint(&self) -> Option<&str> {
        let wanted = Key::parse(self.provider, self.provider.endpoint_option()).ok()?;
        let is_it = |name: &String| Key::parse(self.provider, name).is_ok_and(|key| key == wanted);
        let found = self.options.iter().find(|(name, _)| is_it(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The endpoint at which the runtime reaches it, where that is another one than the launcher's.
    pub fn runtime_endpoint(&self) -> Option<&str> {
        self.runtime_endpoint.as_deref()
    }

    /// Whether the runtime reaches it under another address than the launcher.
    pub(crate) fn has_runtime_endpoint(&self) -> bool {
        self.runtime_endpoint.is_some()
    }
}

/// Whether an address leads back to whoever uses it: in a container, to the container itself.
pub fn is_loopback(endpoint: &str) -> bool {
    let host =
        url::Url::parse(endpoint).ok().and_then(|url| url.host().map(|host| host.to_owned()));
    match host {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn check_bucket(provider: Provider, bucket: &str) -> Result<(), Error> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.$".contains(c);
    if !bucket.is_empty() && bucket.chars().all(is_name) {
        return Ok(());
    }
    let word = provider.bucket_word();
    Err(Error::new(format!("{bucket:?} is not the name of a {word}"))
        .hint(format!("names of a {word} have small letters, digits and dashes")))
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let Some((scheme, rest)) = text.split_once("://") else {
            if text.is_empty() {
                return Err(Error::new("the store has no name").hint("name a directory or a URL"));
            }
            return Self::local(Path::new(text));
        };
        if scheme == "file" {
            return Self::local(Path::new(rest));
        }
        let provider = Provider::ALL.into_iter().find(|provider| provider.scheme() == Some(scheme));
        let provider = provider.ok_or_else(|| unknown_scheme(scheme))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let options = form_urlencoded::parse(query.as_bytes()).into_owned();
        Self::remote(provider, bucket, prefix, options)
    }
}

fn unknown_scheme(scheme: &str) -> Error {
    let known = ["s3", "gs", "az", "file"];
    let error = Error::new(format!("{scheme}:// is no storage that is known"));
    let meant = match scheme {
        "gcs" => Some("gs"),
        "azure" | "abfs" | "abfss" | "wasb" | "wasbs" => Some("az"),
        other => suggest::nearest(other, known),
    };
    match meant {
        Some(meant) => error.hint(format!("did you mean {meant}://?")),
        None => error
            .hint("s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, or a directory"),
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(scheme) = self.provider.scheme() else { return out.write_str(&self.bucket) };
        write!(out, "{scheme}://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(out, "/{}", self.prefix)?;
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.options);
        if self.credentials != Credentials::Default {
            query.append_pair(CREDENTIALS, &self.credentials.to_string());
        }
        if let Some(endpoint) = &self.runtime_endpoint {
            query.append_pair(RUNTIME_ENDPOINT, endpoint);
        }
        let query = query.finish();
        if query.is_empty() { Ok(()) } else { write!(out, "?{query}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let error = text.parse::<Location>().unwrap_err();
        format!("{error}; {}", error.what_to_do().unwrap_or(""))
    }

    #[test]
    fn a_location_is_read_as_it_is_written() {
        for text in [
            "/data/store",
            "s3://bucket",
            "s3://bucket/a/b?aws_endpoint=http%3A%2F%2F127.0.0.1%3A9000&aws_region=x&credentials=profile%3Aci",
            "gs://bucket/p",
            "az://container?azure_storage_account_name=a&runtime_endpoint=http%3A%2F%2Fazurite%3A10000",
        ] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), text);
        }
        let location: Location = "s3://bucket//a/?aws_region=x".parse().unwrap();
        assert_eq!((location.bucket(), location.prefix()), ("bucket", "a"));
        assert_eq!("file:///x".parse::<Location>().unwrap().to_string(), "/x");
    }

    #[test]
    fn what_is_wrong_with_it_is_said_with_what_was_meant() {
        for (text, part) in [
            ("", "no name"),
            ("gcs://x", "did you mean gs://?"),
            ("abfss://x", "did you mean az://?"),
            ("ftp://x", "or a directory"),
            ("s3://", "\"\" is not the name of a bucket"),
            ("az://a b", "name of a container"),
            ("s3://x/../y", "not a prefix"),
            ("s3://x?aws_regoin=y", "did you mean aws_region?"),
            ("s3://x?aws_region=", "aws_region has no value"),
            ("s3://x?aws_region=a&aws_region=b", "given twice"),
            (
                "s3://x?aws_region=a&region=b",
                "the storage option region is given as aws_region, too",
            ),
            ("s3://x?aws_bucket=y", "the bucket is in the URL already"),
            ("s3://x?aws_secret_access_key=geheim", "holds a secret"),
            ("s3://x?credentials=me", "is not a reference to credentials"),
        ] {
            let error = error(text);
            assert!(error.contains(part) && !error.contains("geheim"), "{text}: {error}");
        }
    }

    #[test]
    fn the_runtime_gets_all_but_credentials() {
        let variables = Variables::from_iter([
            ("AWS_REGION".to_owned(), "eu".to_owned()),
            ("AWS_ENDPOINT_URL".to_owned(), "http://other".to_owned()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), "geheim".to_owned()),
            ("HOME".to_owned(), "/root".to_owned()),
        ]);
        let location: Location = "s3://x?aws_endpoint=http://here".parse().unwrap();
        let there = location.for_runtime(&variables).to_string();
        assert_eq!(there, "s3://x?aws_endpoint=http%3A%2F%2Fhere&aws_region=eu");
        let location: Location =
            "s3://x?aws_endpoint=http://here&runtime_endpoint=http://there".parse().unwrap();
        let there = location.for_runtime(&Variables::default()).to_string();
        assert_eq!(there, "s3://x?aws_endpoint=http%3A%2F%2Fthere");
    }
}
