//! Signed requests to the two services that are asked for one thing each: CloudWatch Logs for lines, EC2 for subnets.
//!
//! Amazon's own clients of these two would be 150,000 lines each to compile, for one request each.

use std::fmt;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use longshore_protocol::chain;
use serde_json::Value;

use super::refusal::{Refusal, between};
use crate::aws::{Keys, now, tls};

/// These services answer within this, or something is wrong with them.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a request is made that may be repeated, …
const TRIES: u32 = 4;
/// … and the first pause between two; each next is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// CloudWatch answers with a megabyte at most, which JSON's escapes make longer.
const ANSWER_MAX: usize = 16 << 20;

/// A service, and the version of its API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Logs,
    Ec2,
}

impl Service {
    /// Its name in addresses and signatures.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Ec2 => "ec2",
        }
    }

    /// The variable that says where it is.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::Logs => "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
            Self::Ec2 => "AWS_ENDPOINT_URL_EC2",
        }
    }
}

/// Where a service of Amazon's is.
pub(super) fn usual_endpoint(service: &str, region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{service}.{region}.{domain}")
}

/// What is sent.
struct Message<'a> {
    headers: &'a [(&'static str, String)],
    body: &'a [u8],
}

/// Sends signed requests.
pub(super) struct Signed {
    connector: Connector,
    pub(super) keys: Keys,
    pub(super) region: String,
    /// Where the two services are.
    pub(super) logs: String,
    pub(super) ec2: String,
}

impl fmt::Debug for Signed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Signed").field("logs", &self.logs).finish_non_exhaustive()
    }
}

impl Signed {
    pub(super) fn new(keys: Keys, region: String, logs: String, ec2: String) -> Self {
        let connector = Connector::builder().tls_provider(tls()).build();
        Self { connector, keys, region, logs, ec2 }
    }

    /// Asks CloudWatch Logs to do `action`.
    pub(super) async fn logs(&self, action: &str, body: &Value) -> Result<Value, Refusal> {
        let headers = [
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("Logs_20140328.{action}")),
        ];
        let body = body.to_string();
        let message = Message { headers: &headers, body: body.as_bytes() };
        let (status, answer) = self.ask(Service::Logs, &message).await?;
        if status != 200 {
            return Err(Refusal::of_json(status, &answer));
        }
        serde_json::from_slice(&answer)
            .map_err(|error| Refusal::new("", format!("the answer is not JSON: {error}")))
    }

    /// The subnets of a VPC, or of the default one, in an order.
    pub(super) async fn subnets(&self, vpc: &str) -> Result<Vec<String>, Refusal> {
        let (filter, value) = match vpc {
            "default" => ("default-for-az", "true"),
            id => ("vpc-id", id),
        };
        let body = format!(
            "Action=DescribeSubnets&Version=2016-11-15&Filter.1.Name={filter}&Filter.1.Value.1={value}"
        );
        let headers =
            [("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
        let message = Message { headers: &headers, body: body.as_bytes() };
        let (status, answer) = self.ask(Service::Ec2, &message).await?;
        if status != 200 {
            return Err(Refusal::of_xml(status, &answer));
        }
        let text = String::from_utf8_lossy(&answer);
        if !text.contains("DescribeSubnetsResponse") {
            return Err(Refusal::new("", "the answer does not tell of subnets"));
        }
        let mut subnets: Vec<_> = between(&text, "subnetId").map(str::to_owned).collect();
        subnets.sort();
        subnets.dedup();
        Ok(subnets)
    }

    /// The status and body of the answer. What may pass is repeated: both services are only read.
    async fn ask(
        &self,
        service: Service,
        message: &Message<'_>,
    ) -> Result<(u16, Vec<u8>), Refusal> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.ask_once(service, message).await {
                Ok((status, answer)) if status < 500 && status != 429 && !is_throttled(&answer) => {
                    return Ok((status, answer));
                }
                Err(refusal) if refusal.code == NO_KEYS => return Err(refusal),
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.ask_once(service, message).await
    }

    async fn ask_once(
        &self,
        service: Service,
        message: &Message<'_>,
    ) -> Result<(u16, Vec<u8>), Refusal> {
        let endpoint = match service {
            Service::Logs => &self.logs,
            Service::Ec2 => &self.ec2,
        };
        let url = format!("{}/", endpoint.trim_end_matches('/'));
        let keys = self.keys.get().await.map_err(|error| Refusal::new(NO_KEYS, chain(&error)))?;
        let request = self.signed(service, &url, message, keys)?;
        let answer = async {
            let failed = |error: &(dyn std::error::Error + 'static)| Refusal::new("", chain(error));
            let response = self.connector.call(request).await.map_err(|error| failed(&error))?;
            let status = response.status().as_u16();
            let mut stream = ByteStream::new(response.into_body());
            let mut answer = Vec::new();
            while let Some(piece) = stream.next().await {
                answer.extend_from_slice(&piece.map_err(|error| failed(&error))?);
                if answer.len() > ANSWER_MAX {
                    return Err(Refusal::new(
                        "",
                        format!("the answer is longer than {} MiB", ANSWER_MAX >> 20),
                    ));
                }
            }
            Ok((status, answer))
        };
        tokio::time::timeout(ANSWER_TIMEOUT, answer).await.unwrap_or_else(|_| {
            let seconds = ANSWER_TIMEOUT.as_secs();
            Err(Refusal::new("", format!("no answer from {url} within {seconds} s")))
        })
    }

    fn signed(
        &self,
        service: Service,
        url: &str,
        Message { headers, body }: &Message<'_>,
        keys: Credentials,
    ) -> Result<HttpRequest, Refusal> {
        let wrong = |error: &(dyn std::error::Error + 'static)| Refusal::new("", chain(error));
        let mut request = http::Request::post(url);
        for (name, value) in *headers {
            request = request.header(*name, value);
        }
        let mut request = request.body(SdkBody::from(*body)).map_err(|error| wrong(&error))?;
        let identity = Identity::from(keys);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service.word())
            .time(now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| wrong(&error))?;
        let pairs = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable = SignableRequest::new("POST", url, pairs, SignableBody::Bytes(body));
        let signed = sign(signable.map_err(|error| wrong(&error))?, &params.into());
        let (instructions, _) = signed.map_err(|error| wrong(&error))?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request.try_into().map_err(|error: aws_smithy_runtime_api::http::HttpError| wrong(&error))
    }
}

/// That nobody has keys for us.
const NO_KEYS: &str = "NoCredentials";

/// Services say so with status 400 as well.
fn is_throttled(answer: &[u8]) -> bool {
    let beginning = &answer[..answer.len().min(1_024)];
    let text = String::from_utf8_lossy(beginning);
    text.contains("ThrottlingException") || text.contains("RequestLimitExceeded")
}
