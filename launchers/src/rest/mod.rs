//! Calls to the REST APIs of clouds: typed by their callers, sent, repeated and explained here.
//!
//! Main path: [`Rest::send`] gets a token, sends a [`Call`], repeats it while that may help, and returns the JSON of the
//! answer or a [`Failure`]. Providers add their addresses, their [`Tokens`] and their hints.
//!
//! **Invariant:** every call that is made here is harmless to repeat: it reads, it names what it makes, or what it ends.
//! What is not, says so with [`Call::once`], and is repeated only where the server has refused it.
//! **Invariant:** no token and no body of a request is in an error.

mod failure;
mod kept;
mod poll;
mod retry;
mod token;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use crate::{Error, ErrorKind};

pub(crate) use failure::{Failure, Refusal};
pub(crate) use kept::Kept;
#[cfg(test)]
pub(crate) use poll::tests::questions_in_worst_minute;
pub(crate) use poll::{Memory, Pauses};
pub(crate) use token::Tokens;
#[cfg(any(feature = "aci", feature = "vertex-ai"))]
pub(crate) use watch::ASK_AGAIN;
pub(crate) use watch::{changed, settled};

/// A server that says nothing for this long is asked again. Clouds answer within a second or two.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Connecting takes less, or there is nobody.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Larger answers are no answers of these APIs: a page of logs has a few MiB.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// A server, and who asks it.
#[derive(Clone)]
pub(crate) struct Rest {
    http: reqwest::Client,
    /// The beginning of all addresses, without a slash at its end.
    base: String,
    tokens: Arc<dyn Tokens>,
    patience: Duration,
}

impl fmt::Debug for Rest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Rest").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What is asked of a server.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    is_repeatable: bool,
}

impl Call {
    fn new(method: Method, path: String) -> Self {
        Self { method, path, query: Vec::new(), body: None, is_repeatable: true }
    }

    /// Reads what is at `path`, which begins with a slash.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into())
    }

    /// Sends `body` to `path`.
    pub(crate) fn post(path: impl Into<String>, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::POST, path.into()) }
    }

    /// Makes `body` what is at `path`.
    #[cfg(feature = "aci")]
    pub(crate) fn put(path: impl Into<String>, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::PUT, path.into()) }
    }

    /// Changes what is at `path`.
    #[cfg(feature = "cloud-run")]
    pub(crate) fn patch(path: impl Into<String>, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::PATCH, path.into()) }
    }

    /// Deletes what is at `path`.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path.into())
    }

    /// Adds a parameter.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Repeats it only where the server says that it has not done it.
    pub(crate) fn once(self) -> Self {
        Self { is_repeatable: false, ..self }
    }
}

impl Rest {
    /// A client for the server at `base`.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) fn new(base: &str, tokens: Arc<dyn Tokens>) -> Result<Self, Error> {
        longshore_storage::install_tls();
        let unusable = |why: String| {
            let text = format!("{base:?} is not the address of an API");
            Error::caused(ErrorKind::BadInput, text, why)
                .hint("write it like https://run.googleapis.com")
        };
        let parsed = reqwest::Url::parse(base).map_err(|error| unusable(error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host().is_none() {
            return Err(unusable("it begins with neither https:// nor http://".to_owned()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            // A redirect of these APIs would lead elsewhere with our token.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("longshore/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { http, base, tokens, patience: retry::PATIENCE })
    }

    /// A client for another server, with the same tokens.
    ///
    /// # Errors
    /// As for [`Rest::new`].
    #[cfg(any(feature = "cloud-run", feature = "vertex-ai"))]
    pub(crate) fn at(&self, base: &str) -> Result<Self, Error> {
        Self::new(base, Arc::clone(&self.tokens))
    }

    /// The beginning of all addresses.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The JSON of the answer, as what it is. An empty one is `null`.
    ///
    /// # Errors
    /// When the server refuses, cannot be reached, or answers with something else.
    pub(crate) async fn read<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Failure> {
        let value = self.send(call).await?;
        serde_json::from_value(value).map_err(|error| Failure::Malformed(error.to_string()))
    }

    /// The JSON of the answer.
    ///
    /// # Errors
    /// As for [`Rest::read`].
    pub(crate) async fn send(&self, call: &Call) -> Result<Value, Failure> {
        let began = Instant::now();
        let mut is_renewed = false;
        let mut tries = 0;
        loop {
            let failure = match self.try_once(call).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if failure.status() == Some(401) && !is_renewed {
                // It may have ended, or been revoked, before its time.
                is_renewed = true;
                self.tokens.renew().await;
                continue;
            }
            let left = self.patience.saturating_sub(began.elapsed());
            match retry::pause(&failure, call.is_repeatable, tries, left) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failure),
            }
            tries += 1;
        }
    }

    async fn try_once(&self, call: &Call) -> Result<Value, Failure> {
        let token = self.tokens.token().await.map_err(|error| Failure::Token(Box::new(error)))?;
        let mut url = reqwest::Url::parse(&format!("{}{}", self.base, call.path))
            .map_err(|error| Failure::Malformed(error.to_string()))?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self.http.request(call.method.clone(), url).headers(headers(token)?);
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| Failure::of_connection(&error))?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| retry::seconds(value.to_str().ok()?));
        let content = content(response).await?;
        if !status.is_success() {
            return Err(Failure::Refused(Refusal::read(status.as_u16(), retry_after, &content)));
        }
        if content.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&content).map_err(|error| Failure::Malformed(error.to_string()))
    }
}

fn headers(token: Option<String>) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        // The error would show the token.
        let mut value =
            value.map_err(|_| Failure::Malformed("the token has characters of no token".into()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

async fn content(mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| Failure::of_connection(&error))? {
        if content.len() + part.len() > ANSWER_BYTES_MAX {
            let text = format!("the answer has more than {} MiB", ANSWER_BYTES_MAX >> 20);
            return Err(Failure::Malformed(text));
        }
        content.extend_from_slice(&part);
    }
    Ok(content)
}

/// A request as JSON.
///
/// # Errors
/// Never, for the types that requests are made of.
pub(crate) fn json(value: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(value)
        .map_err(|error| Error::caused(ErrorKind::BadInput, "the request cannot be written", error))
}

#[cfg(test)]
mod tests;
