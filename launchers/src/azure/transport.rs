//! Sends the requests of Azure's identity library, which is taken without a client of its own: that one would bring a
//! second TLS library.

use std::collections::HashMap;
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use azure_core::{Error, Result};
use reqwest::{Client, Method, Url};
use serde_json::Value;

/// Token endpoints answer within a second or two.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The metadata service is on the host of the machine: who does not hear of it soon is not in Azure.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The address of the metadata service, which is the same everywhere.
/// <https://learn.microsoft.com/en-us/azure/virtual-machines/instance-metadata-service>
const METADATA_HOST: &str = "169.254.169.254";

/// A client, and what it has to send elsewhere.
#[derive(Debug)]
pub(super) struct Transport {
    http: Client,
    /// An authority on this machine that speaks plain HTTP, such as a test's double. The library takes none.
    plain_authority: Option<Url>,
    /// Where the metadata service is, if not at its usual address.
    metadata: Option<Url>,
}

impl Transport {
    /// # Errors
    /// When there can be no client.
    pub(super) fn new(
        plain_authority: Option<Url>,
        metadata: Option<Url>,
    ) -> std::result::Result<Self, reqwest::Error> {
        longshore_storage::install_tls();
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, plain_authority, metadata })
    }

    /// Where a request really goes.
    fn address(&self, url: &Url) -> Url {
        let there = |base: &Url| {
            let mut url = url.clone();
            let is_set = url.set_scheme(base.scheme()).is_ok()
                && url.set_host(base.host_str()).is_ok()
                && url.set_port(base.port()).is_ok();
            is_set.then_some(url)
        };
        let is_at = |base: &Url| {
            (url.host_str(), url.port_or_known_default()) == (base.host_str(), base.port())
        };
        let metadata = self.metadata.as_ref().filter(|_| url.host_str() == Some(METADATA_HOST));
        let authority = self.plain_authority.as_ref().filter(|base| is_at(base));
        metadata.or(authority).and_then(there).unwrap_or_else(|| url.clone())
    }
}

#[async_trait::async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> Result<AsyncRawResponse> {
        let method = Method::from_bytes(request.method().as_ref().as_bytes())
            .map_err(|error| Error::new(ErrorKind::Other, error))?;
        let mut sent = self.http.request(method, self.address(request.url()));
        for (name, value) in request.headers().iter() {
            sent = sent.header(name.as_str(), value.as_str());
        }
        if let Body::Bytes(content) = request.body() {
            sent = sent.body(content.clone());
        }
        let failed = |error: reqwest::Error| {
            let kind = if error.is_connect() { ErrorKind::Connection } else { ErrorKind::Io };
            // The address has the name of a tenant in it, and no secret.
            Error::new(kind, error)
        };
        let response = sent.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let headers = response.headers().iter().filter_map(|(name, value)| {
            let value = HeaderValue::from(value.to_str().ok()?.to_owned());
            Some((HeaderName::from(name.as_str().to_owned()), value))
        });
        let headers = Headers::from(headers.collect::<HashMap<_, _>>());
        let is_success = response.status().is_success();
        let mut content = response.bytes().await.map_err(failed)?;
        if !is_success && let Some(shorter) = with_one_line(&content) {
            content = shorter.into();
        }
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, content))
    }
}

/// An error of Entra with the first line of its description only. The library (1.0.0) takes no description that has line
/// breaks in it, which all of Entra's have, and would tell that instead.
fn with_one_line(content: &[u8]) -> Option<Vec<u8>> {
    let mut error: Value = serde_json::from_slice(content).ok()?;
    let description = error.get_mut("error_description")?;
    let line = description.as_str()?.lines().next()?.replace('"', "'");
    *description = line.into();
    serde_json::to_vec(&error).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_elsewhere_is_sent_elsewhere() {
        let url = |text: &str| Url::parse(text).unwrap();
        let double = || Some(url("http://127.0.0.1:9"));
        let transport = Transport::new(double(), double()).unwrap();
        for (asked, expected) in [
            ("https://127.0.0.1:9/t/token?x=1", "http://127.0.0.1:9/t/token?x=1"),
            ("http://169.254.169.254/metadata/x", "http://127.0.0.1:9/metadata/x"),
            ("https://login.microsoftonline.com/t", "https://login.microsoftonline.com/t"),
        ] {
            assert_eq!(transport.address(&url(asked)).as_str(), expected);
        }
        let usual = Transport::new(None, None).unwrap();
        assert_eq!(usual.address(&url("https://127.0.0.1:9/t")).scheme(), "https");
    }
}
