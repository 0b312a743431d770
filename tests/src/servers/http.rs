//! One HTTP request, as somebody sends it who has nothing but a URL.

use std::time::Duration;

/// More than any server of the tests takes to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

/// Sends a request and returns the response, whatever its status.
///
/// # Panics
/// When there is no response.
#[track_caller]
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).expect("the request is well formed");
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        // Signed URLs may also be deleted with.
        .allow_non_standard_methods(true)
        .build()
        .into();
    let response = agent.run(request);
    let mut response = response.unwrap_or_else(|error| panic!("{method} {url}: {error}"));
    let body = response.body_mut().read_to_string().expect("the body is text");
    Response { status: response.status().as_u16(), body }
}
