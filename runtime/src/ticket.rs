//! The store as a ticket shows it: the objects of one run, by signed URLs, without credentials.
//!
//! **Invariants:** no URL is in an error's text: it is as good as a password until it expires. What the ticket has no URL
//! for, is not done.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use longshore_protocol::Timestamp;
use longshore_protocol::id::Digest;
use longshore_protocol::record::{Record as _, Ticket};
use longshore_storage::{PATIENCE, Patience};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error as StoreError, GetOptions, GetResult, GetResultPayload,
    ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result as StoreResult,
};
use reqwest::{Client, Method, Response, StatusCode};
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt as _;

use crate::{Error, ErrorKind, chain, clock};

/// A ticket is small; what is larger is none.
const TICKET_BYTES_MAX: u64 = 4 << 20;
/// Of what a server says of a request that it refuses, this many bytes are told.
const SAID_BYTES_MAX: usize = 300;
/// A server that does not answer for this long is asked again.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a command line says of a ticket.
#[derive(Clone)]
pub struct TicketAddress {
    /// Where it is read.
    pub url: String,
    /// What it must be.
    pub sha256: Digest,
}

impl fmt::Debug for TicketAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TicketAddress").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// Whom connections trust: what this machine trusts. To find that out takes milliseconds, and files that are out of reach
/// later, so it is done once for all of a ticket's connections.
#[derive(Debug, Clone)]
pub struct Trust(ClientConfig);

impl Trust {
    /// Finds it out.
    ///
    /// # Errors
    /// When the machine's certificates cannot be used.
    pub fn of_machine() -> Result<Self, Error> {
        longshore_storage::install_tls();
        let attempted = "could not use the certificates that this machine trusts";
        let config = ClientConfig::with_platform_verifier();
        config.map(Self).map_err(|error| Error::caused(ErrorKind::Store, attempted, error))
    }
}

impl TicketAddress {
    /// Reads the ticket.
    ///
    /// # Errors
    /// When it cannot be read, has expired, or is not the one that was meant.
    pub async fn read(&self, trust: &Trust) -> Result<Ticket, Error> {
        let http = Http::new(expiry_of(&self.url).unwrap_or(Timestamp::MAX), trust)?;
        let attempted = "could not read the ticket";
        let read = http.get(&self.url, "the ticket", TICKET_BYTES_MAX).await;
        let content = read.map_err(|error| Error::caused(ErrorKind::Store, attempted, error))?;
        if Digest::of(&content) != self.sha256 {
            let expected = self.sha256;
            let text = format!("the ticket does not have the digest {expected}");
            return Err(Error::new(ErrorKind::BadOrder, text));
        }
        Ticket::from_json(&content)
            .map_err(|error| Error::caused(ErrorKind::BadOrder, attempted, error))
    }
}

/// The objects that a ticket has URLs for.
#[derive(Debug)]
pub struct TicketStore {
    ticket: Ticket,
    http: Http,
}

impl TicketStore {
    /// A store of these objects. Its connections belong to the tokio runtime that first uses it.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(ticket: Ticket, trust: &Trust) -> Result<Self, Error> {
        let http = Http::new(ticket.expires_at, trust)?;
        Ok(Self { ticket, http })
    }

    /// What it is of.
    pub(crate) fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    fn not_allowed(key: &Path, what: &str) -> StoreError {
        StoreError::PermissionDenied {
            path: key.to_string(),
            source: format!("the ticket does not let its holder {what} this object").into(),
        }
    }
}

impl fmt::Display for TicketStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the ticket of run {}", self.ticket.run)
    }
}

#[async_trait]
impl ObjectStore for TicketStore {
    async fn put_opts(
        &self,
        key: &Path,
        content: PutPayload,
        options: PutOptions,
    ) -> StoreResult<PutResult> {
        let ticket = &self.ticket;
        let (urls, headers) = match options.mode {
            PutMode::Create => (&ticket.create, &ticket.create_headers),
            PutMode::Overwrite => (&ticket.overwrite, &ticket.overwrite_headers),
            PutMode::Update(_) => return Err(Self::not_allowed(key, "update")),
        };
        let url = urls.get(key.as_ref()).ok_or_else(|| Self::not_allowed(key, "write"))?;
        let content = Bytes::from(content);
        let done = self.http.put(url, headers, content, key.as_ref()).await;
        let Err(error) = done else {
            return Ok(PutResult { e_tag: None, version: None, extensions: Default::default() });
        };
        // Azure says of an object that may only be created, and exists, that it may not be written.
        let is_denied = matches!(error, StoreError::PermissionDenied { .. });
        if is_denied && options.mode == PutMode::Create && self.exists(key).await {
            return Err(StoreError::AlreadyExists { path: key.to_string(), source: error.into() });
        }
        Err(error)
    }

    async fn get_opts(&self, key: &Path, options: GetOptions) -> StoreResult<GetResult> {
        let url = self.ticket.read.get(key.as_ref());
        let url = url.ok_or_else(|| Self::not_allowed(key, "read"))?;
        if options.head || options.range.is_some() {
            return Err(Self::not_allowed(key, "read parts of"));
        }
        let answer = self.http.open(url, key.as_ref()).await?;
        let Some(size) = answer.content_length() else {
            let content = answer.bytes().await.map_err(broken)?;
            let size = content.len() as u64;
            return Ok(got(key, size, stream::once(async { Ok(content) }).boxed()));
        };
        Ok(got(key, size, answer.bytes_stream().map_err(broken).boxed()))
    }

    async fn put_multipart_opts(
        &self,
        key: &Path,
        _: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        Err(Self::not_allowed(key, "write in parts"))
    }

    fn delete_stream(
        &self,
        keys: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        keys.map(|key| Err(Self::not_allowed(&key?, "remove"))).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        let refused = Self::not_allowed(prefix.unwrap_or(&Path::default()), "list");
        stream::once(async { Err(refused) }).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        Err(Self::not_allowed(prefix.unwrap_or(&Path::default()), "list"))
    }

    async fn copy_opts(&self, _: &Path, to: &Path, _: CopyOptions) -> StoreResult<()> {
        Err(Self::not_allowed(to, "copy to"))
    }
}

impl TicketStore {
    async fn exists(&self, key: &Path) -> bool {
        match self.ticket.read.get(key.as_ref()) {
            Some(url) => self.http.open(url, key.as_ref()).await.is_ok(),
            None => false,
        }
    }
}

fn got(key: &Path, size: u64, content: BoxStream<'static, StoreResult<Bytes>>) -> GetResult {
    let meta = ObjectMeta {
        location: key.clone(),
        last_modified: Default::default(),
        size,
        e_tag: None,
        version: None,
    };
    GetResult {
        payload: GetResultPayload::Stream(content),
        meta,
        range: Range { start: 0, end: size },
        attributes: Attributes::default(),
        extensions: Default::default(),
    }
}

/// Requests to signed URLs, patiently.
#[derive(Debug)]
struct Http {
    client: Client,
    expires_at: Timestamp,
}

impl Http {
    fn new(expires_at: Timestamp, trust: &Trust) -> Result<Self, Error> {
        let client = Client::builder()
            .tls_backend_preconfigured(trust.0.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // A signed URL leads to one place.
            .redirect(reqwest::redirect::Policy::none())
            .build();
        let attempted = "could not make an HTTP client";
        let client = client.map_err(|error| Error::caused(ErrorKind::Store, attempted, error))?;
        Ok(Self { client, expires_at })
    }

    /// An answer whose content is still to come.
    async fn open(&self, url: &str, key: &str) -> StoreResult<Response> {
        patiently(|| self.ask(url, key)).await
    }

    async fn ask(&self, url: &str, key: &str) -> StoreResult<Response> {
        let answer = self.client.request(Method::GET, url).send().await.map_err(broken)?;
        self.accepted(answer, key).await
    }

    /// The whole content of a small object.
    async fn get(&self, url: &str, key: &str, bytes_max: u64) -> StoreResult<Bytes> {
        let ask = || async {
            let answer = self.ask(url, key).await?;
            let size = answer.content_length();
            if size.is_some_and(|size| size > bytes_max) {
                let source = format!("it has more than {bytes_max} bytes").into();
                return Err(StoreError::Precondition { path: key.to_owned(), source });
            }
            let content = answer.bytes().await.map_err(broken)?;
            match size {
                Some(size) if size != content.len() as u64 => {
                    Err(broken_text(&format!("{} of {size} bytes arrived", content.len())))
                }
                _ => Ok(content),
            }
        };
        patiently(ask).await
    }

    async fn put(
        &self,
        url: &str,
        headers: &std::collections::BTreeMap<String, String>,
        content: Bytes,
        key: &str,
    ) -> StoreResult<()> {
        let ask = || async {
            let mut request = self.client.request(Method::PUT, url).body(content.clone());
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let answer = request.send().await.map_err(broken)?;
            self.accepted(answer, key).await.map(drop)
        };
        patiently(ask).await
    }

    async fn accepted(&self, answer: Response, key: &str) -> StoreResult<Response> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let said = answer.text().await.unwrap_or_default();
        let source = self.why(status, &said).into();
        let path = key.to_owned();
        Err(match status {
            StatusCode::NOT_FOUND => StoreError::NotFound { path, source },
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => {
                StoreError::AlreadyExists { path, source }
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                StoreError::Generic { store: BUSY, source }
            }
            status if status.is_server_error() => StoreError::Generic { store: BUSY, source },
            _ => StoreError::PermissionDenied { path, source },
        })
    }

    /// Servers say different things of a URL that has expired, so the ticket's own time tells it from one that was never
    /// allowed.
    fn why(&self, status: StatusCode, said: &str) -> String {
        let now = clock::now();
        if status.is_client_error() && now >= self.expires_at {
            let expired = self.expires_at;
            return format!(
                "the ticket has expired at {expired}, and it is {now}: the run has waited for longer than the ticket was good for, or a clock is wrong"
            );
        }
        let said: String = said.chars().take(SAID_BYTES_MAX).collect();
        format!("the store refuses a URL of the ticket: {status}: {}", said.trim())
    }
}

/// When a signed URL stops working, as its own query says: each provider has its own words for it.
fn expiry_of(url: &str) -> Option<Timestamp> {
    let url = url::Url::parse(url).ok()?;
    let value = |wanted: &str| {
        let found = url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.into_owned())
    };
    if let Some(time) = value("se") {
        return time.parse().ok();
    }
    let since = |family: &str| {
        let signed_at = value(&format!("x-{family}-date"))?;
        let valid_s = value(&format!("x-{family}-expires"))?.parse().ok()?;
        // The basic format of ISO 8601: 20261124T100000Z.
        let signed_at = signed_at.parse::<Timestamp>().ok()?;
        signed_at.checked_add(Duration::from_secs(valid_s)).ok()
    };
    since("amz").or_else(|| since("goog"))
}

/// The name, in errors, of a server that may answer otherwise a moment later.
const BUSY: &str = "busy";

/// An error of a connection, without its URL.
fn broken(error: reqwest::Error) -> StoreError {
    broken_text(&chain(&error.without_url()))
}

fn broken_text(text: &str) -> StoreError {
    StoreError::Generic { store: BUSY, source: text.into() }
}

/// Repeats what may succeed a moment later, with growing pauses of random length, for as long as clients of stores do.
async fn patiently<T, F: Future<Output = StoreResult<T>>>(ask: impl Fn() -> F) -> StoreResult<T> {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(4);
    let (patience, mut pause) = (Patience::new(), FIRST);
    loop {
        let error = match ask().await {
            Err(error @ StoreError::Generic { store: BUSY, .. }) if !patience.is_over() => error,
            done => return done,
        };
        tracing::warn!("{}", chain(&error));
        tokio::time::sleep(pause.mul_f64(0.5 + random_share())).await;
        pause = (pause * 2).min(LONGEST).min(PATIENCE);
    }
}

/// From 0 to 1: each state of a hasher is made with fresh keys, which is random enough for a pause.
fn random_share() -> f64 {
    (RandomState::new().hash_one(()) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_url_says_when_it_expires() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        for (query, expires) in [
            ("X-Amz-Date=20261124T100000Z&X-Amz-Expires=60", at("2026-11-24T10:01:00Z")),
            ("X-Goog-Date=20261124T100000Z&X-Goog-Expires=3600", at("2026-11-24T11:00:00Z")),
            ("sv=2021-08-06&se=2026-11-24T10%3A00%3A00Z&sig=x", at("2026-11-24T10:00:00Z")),
            ("X-Amz-Date=yesterday&X-Amz-Expires=60", None),
            ("", None),
        ] {
            assert_eq!(expiry_of(&format!("https://x/y?{query}")), expires, "{query}");
        }
    }

    #[test]
    fn neither_an_address_nor_a_ticket_shows_its_urls() {
        let url = "https://x/y?sig=geheim".to_owned();
        let address = TicketAddress { url, sha256: Digest::of(b"") };
        assert!(!format!("{address:?}").contains("geheim"));
    }
}
