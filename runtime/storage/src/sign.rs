//! URLs by which somebody without credentials does one thing with one object.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::signer::{HeaderName, HeaderValue, Method, SignedUrlOptions};

use crate::azure::AccountKey;
use crate::{Error, Location, Provider};

/// The headers with which `provider` creates an object and does not overwrite one, by a signed URL.
pub fn create_headers(provider: Provider) -> &'static [(&'static str, &'static str)] {
    match provider {
        Provider::Local => &[],
        Provider::S3 => &[("if-none-match", "*")],
        Provider::Gcs => &[("x-goog-if-generation-match", "0")],
        Provider::Azure => &[("x-ms-blob-type", "BlockBlob")],
    }
}

/// The headers with which `provider` writes an object, by a signed URL.
pub fn overwrite_headers(provider: Provider) -> &'static [(&'static str, &'static str)] {
    match provider {
        Provider::Local | Provider::S3 | Provider::Gcs => &[],
        Provider::Azure => &[("x-ms-blob-type", "BlockBlob")],
    }
}

/// Signs URLs with the credentials of a store.
#[derive(Debug, Clone)]
pub struct Signer {
    provider: Provider,
    inner: Arc<dyn object_store::signer::Signer>,
    /// Azure's own signatures know creation, `object_store`'s do not.
    azure: Option<AccountKey>,
    prefix: Path,
    is_for_elsewhere: bool,
}

/// `None` where URLs that only create cannot be signed: for a directory, without credentials, and on Azure without the
/// account's key.
pub(crate) fn signer(
    location: &Location,
    options: &BTreeMap<String, String>,
    inner: Arc<dyn object_store::signer::Signer>,
    prefix: &Path,
) -> Option<Signer> {
    let provider = location.provider();
    let is_unsigned =
        options.iter().any(|(name, value)| name.ends_with("skip_signature") && value != "false");
    if provider == Provider::Local || is_unsigned {
        return None;
    }
    let azure = AccountKey::of(options);
    if provider == Provider::Azure && azure.is_none() {
        return None;
    }
    let is_for_elsewhere = location.has_runtime_endpoint();
    Some(Signer { provider, inner, azure, prefix: prefix.clone(), is_for_elsewhere })
}

impl Signer {
    /// Whose storage it signs for.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Whether its URLs are for another address than the one at which this process reaches the storage.
    pub fn is_for_elsewhere(&self) -> bool {
        self.is_for_elsewhere
    }

    /// A URL that reads the object `key` for this long.
    ///
    /// # Errors
    /// When there are no credentials, or they cannot sign.
    pub async fn read(&self, key: &str, valid_for: Duration) -> Result<String, Error> {
        let url = self.inner.signed_url(Method::GET, &self.path(key), valid_for).await;
        url.map(String::from).map_err(could_not)
    }

    /// A URL that writes the object `key`, whether it exists or not. The request must have the provider's
    /// [`overwrite_headers`].
    ///
    /// # Errors
    /// As for [`Signer::read`].
    pub async fn write(&self, key: &str, valid_for: Duration) -> Result<String, Error> {
        let url = self.inner.signed_url(Method::PUT, &self.path(key), valid_for).await;
        url.map(String::from).map_err(could_not)
    }

    /// A URL that creates the object `key` and cannot overwrite it: the server sees to that. The request must have the
    /// provider's [`create_headers`].
    ///
    /// # Errors
    /// As for [`Signer::read`].
    pub async fn create(&self, key: &str, valid_for: Duration) -> Result<String, Error> {
        let path = self.path(key);
        if let Some(azure) = &self.azure {
            let url =
                self.inner.signed_url(Method::PUT, &path, valid_for).await.map_err(could_not)?;
            return Ok(azure.only_create(url).into());
        }
        let mut options = SignedUrlOptions::new();
        for (name, value) in create_headers(self.provider) {
            let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
            options = options.with_signed_header(name, value);
        }
        let url = self.inner.signed_url_opts(Method::PUT, &path, valid_for, &options).await;
        url.map(String::from).map_err(could_not)
    }

    /// Tries with a new object `key` whether the storage honours signed URLs, and refuses to overwrite by one that
    /// creates. The object is left for the caller to remove.
    ///
    /// # Errors
    /// Says which of it did not hold.
    pub async fn prove(&self, key: &str) -> Result<(), Error> {
        const VALID_FOR: Duration = Duration::from_secs(300);
        const PROOF: &str = "signed";
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build();
        let client = client.map_err(|error| Error::caused("could not make a client", error))?;
        let create = self.create(key, VALID_FOR).await?;
        let put = async || {
            let mut request = client.put(&create).body(PROOF);
            for (name, value) in create_headers(self.provider) {
                request = request.header(*name, *value);
            }
            request.send().await.map_err(unreachable)
        };
        let first = put().await?;
        if !first.status().is_success() {
            let text = format!("the storage refuses a signed URL that creates: {}", first.status());
            return Err(
                Error::new(text).hint("check that its credentials may write, and the clock")
            );
        }
        if put().await?.status().is_success() {
            return Err(Error::new("the storage overwrites by a signed URL that may only create")
                .hint("use another storage, or let the pool's access be \"ambient\""));
        }
        let read =
            client.get(self.read(key, VALID_FOR).await?).send().await.map_err(unreachable)?;
        match read.text().await {
            Ok(text) if text == PROOF => Ok(()),
            _ => Err(Error::new("the storage refuses a signed URL that reads")),
        }
    }

    fn path(&self, key: &str) -> Path {
        self.prefix.parts().chain(Path::from(key).parts()).collect()
    }
}

fn could_not(error: object_store::Error) -> Error {
    Error::caused("could not sign a URL for the store", error)
        .hint("signing needs a key: use another reference to credentials, or let the pool's access be \"ambient\"")
}

/// URLs are secrets, so none is part of an error.
fn unreachable(error: reqwest::Error) -> Error {
    Error::caused("a signed URL cannot be reached", error.without_url())
}
