//! What AWS refuses → an error that says what to do. Pure.

use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::types::Failure;
use serde_json::Value;

use super::place::Account;
use crate::{Error, ErrorKind};

/// What is shown of an answer that is no error of AWS's.
const WORDS_MAX: usize = 300;

/// That AWS has not done what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// AWS's code for it. Empty: there was no answer, or none of AWS's.
    pub(super) code: String,
    /// In its words, or those of whatever stood between.
    pub(super) words: String,
}

impl Refusal {
    pub(super) fn new(code: impl Into<String>, words: impl Into<String>) -> Self {
        Self { code: code.into(), words: words.into() }
    }

    /// From the client of ECS.
    pub(super) fn of<E>(error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let code = error.code().unwrap_or_default().to_owned();
        let words = match error.message() {
            Some(message) if !code.is_empty() => message.to_owned(),
            _ => causes(&error),
        };
        Self { code, words }
    }

    /// From an answer that is no success, of a service that speaks JSON.
    pub(super) fn of_json(status: u16, body: &[u8]) -> Self {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = answer["__type"].as_str().unwrap_or_default();
        let code = code.rsplit('#').next().unwrap_or_default();
        let message = answer["message"].as_str().or(answer["Message"].as_str());
        if code.is_empty() {
            Self::of_other(status, body)
        } else {
            Self::new(code, message.unwrap_or_default())
        }
    }

    /// From an answer that is no success, of a service that speaks XML.
    pub(super) fn of_xml(status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let part = |name: &str| between(&text, name).next().unwrap_or_default().to_owned();
        let code = part("Code");
        if code.is_empty() {
            Self::of_other(status, body)
        } else {
            Self::new(code, part("Message"))
        }
    }

    fn of_other(status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let shown: String = text.trim().chars().take(WORDS_MAX).collect();
        Self::new("", format!("status {status}: {shown}").trim_end_matches([':', ' ']))
    }

    /// Whether the same may be done a little later.
    pub(super) fn may_pass(&self) -> bool {
        let is_throttled = ["Throttl", "RequestLimitExceeded", "TooManyRequests", "SlowDown"];
        let is_down = ["ServiceUnavailable", "InternalFailure", "InternalError", "ServerException"];
        is_throttled.iter().chain(&is_down).any(|known| self.code.contains(known))
    }

    /// Whether a task definition is not there, or no longer.
    pub(super) fn is_definition_missing(&self) -> bool {
        let words = self.words.to_lowercase().replace(' ', "");
        let is_missing =
            ["notfound", "inactive", "unabletofind", "unabletodescribe", "doesnotexist"];
        ["ClientException", "InvalidParameterException"].contains(&self.code.as_str())
            && words.contains("taskdefinition")
            && is_missing.iter().any(|known| words.contains(known))
    }

    /// Whether there is no room now.
    pub(super) fn is_no_capacity(&self) -> bool {
        self.words.to_lowercase().contains("capacity is unavailable")
    }

    /// Whether the task is not there, or no longer.
    pub(super) fn is_task_missing(&self) -> bool {
        let words = self.words.to_lowercase();
        self.code == "InvalidParameterException"
            && words.contains("task")
            && words.contains("not found")
    }

    /// The error of an attempt to do `what`.
    pub(super) fn error(self, what: &str, account: &Account) -> Error {
        let text = format!("could not {what} {account}");
        let hint = self.hint();
        let Self { code, words } = self;
        let cause = match (code.is_empty(), words.is_empty()) {
            (true, _) => words,
            (false, true) => code,
            (false, false) => format!("{words} ({code})"),
        };
        let error = Error::caused(ErrorKind::Infrastructure, text, cause);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        let is = |known: &str| self.code.contains(known);
        let words = self.words.to_lowercase();
        if is("AccessDenied") || is("UnauthorizedOperation") {
            return Some(if words.contains("passrole") {
                "docs/ecs/launcher.json lets a launcher hand on the roles of its jobs: put their ARNs there"
            } else {
                "docs/ecs/launcher.json has what a launcher must be allowed; longshore doctor tries it"
            });
        }
        if is("ExpiredToken") || is("RequestExpired") || words.contains("expired") {
            return Some(
                "the credentials have expired, or this machine's clock is wrong: log in again",
            );
        }
        let unknown_keys = [
            "UnrecognizedClient",
            "InvalidClientTokenId",
            "Signature",
            "AuthFailure",
            "MissingAuthentication",
        ];
        if unknown_keys.iter().any(|known| is(known)) {
            return Some(
                "AWS does not take these keys: does aws sts get-caller-identity work with them?",
            );
        }
        if is("ClusterNotFound") {
            return Some(
                "create it: aws ecs create-cluster --cluster-name NAME; or set the job's cluster",
            );
        }
        if self.may_pass() && (is("Throttl") || is("RequestLimit") || is("TooMany")) {
            return Some("the account makes more requests than AWS lets it: try again later");
        }
        if is("Platform") {
            return Some("leave platform_version out, or take another one");
        }
        if is("LimitExceeded") || words.contains("quota") || words.contains("limit on the number") {
            return Some(
                "a quota of the account is used up: wait for other tasks, or ask for more in Service Quotas",
            );
        }
        if words.contains("no container instances") {
            return Some("the cluster has no machines: take launch_type FARGATE, or add some");
        }
        if is("ClientException") || is("InvalidParameter") || is("Serialization") || is("Conflict")
        {
            return Some("--dry-run shows the request; settings and patches change it");
        }
        if self.code.is_empty() {
            if words.contains("credentials") {
                return Some(
                    "set AWS_PROFILE or AWS_ACCESS_KEY_ID, or name them: --set credentials=profile:NAME",
                );
            }
            return Some(
                "is the region right, and does this machine reach AWS? AWS_ENDPOINT_URL and --set endpoint_url=… name another place",
            );
        }
        None
    }
}

/// The causes of an error, each once.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut links: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(link) = next {
        let text = link.to_string();
        if !links.iter().any(|before| before.contains(&text)) {
            links.push(text);
        }
        next = link.source();
    }
    links.join(": ")
}

/// What stands between the tags of this name, one after another. Ids and codes need no more of XML.
pub(super) fn between<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (found, after) = after.split_once(&close)?;
        rest = after;
        Some(found)
    })
}

/// Why a task was not placed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotPlaced {
    pub(super) words: String,
    /// Whether there may be room later.
    pub(super) may_pass: bool,
}

/// From a line of the list of failures. Source: API failure reasons in the developer guide of ECS.
pub(super) fn not_placed(failure: &Failure) -> NotPlaced {
    let reason = failure.reason().unwrap_or_default().trim();
    let (meant, may_pass) = match reason.split_once(':').unwrap_or((reason, "")) {
        ("RESOURCE", "MEMORY") => ("no machine of the cluster has enough memory left", true),
        ("RESOURCE", "CPU") => ("no machine of the cluster has enough processors left", true),
        ("RESOURCE", "GPU") => ("no machine of the cluster has enough GPUs left", true),
        ("RESOURCE", "ENI") => ("no machine of the cluster has a network interface left", true),
        ("RESOURCE", "PORTS") => ("no machine of the cluster has the port free", true),
        ("RESOURCE", _) => {
            ("no machine of the cluster has enough left of what the task needs", true)
        }
        ("AGENT", _) => ("the agent of the machine is not connected", true),
        ("LOCATION", _) => ("the machine is in another zone than the task's subnets", false),
        ("ATTRIBUTE", _) => {
            ("no machine of the cluster has what the task definition asks for", false)
        }
        ("INACTIVE", _) => ("the machine is no longer in the cluster", false),
        ("MISSING", _) => ("ECS does not find something that the request names", false),
        ("", _) => ("ECS does not say why", false),
        _ => ("", reason.to_lowercase().contains("capacity is unavailable")),
    };
    let detail = failure.detail().unwrap_or_default().trim();
    let said =
        [reason, detail].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    let words = match (meant.is_empty(), said.is_empty()) {
        (true, _) => said,
        (false, true) => meant.to_owned(),
        (false, false) => format!("{meant} ({said})"),
    };
    NotPlaced { words, may_pass }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            region: "eu-central-1".into(),
            credentials: "default".into(),
            assume_role_arn: None,
            endpoint_url: None,
        }
    }

    #[test]
    fn a_refusal_has_awss_words_and_what_to_do() {
        for (code, words, hint) in [
            (
                "AccessDeniedException",
                "User: u is not authorized to perform: ecs:RunTask",
                "docs/ecs/launcher.json has what",
            ),
            (
                "AccessDeniedException",
                "User: u is not authorized to perform: iam:PassRole",
                "docs/ecs/launcher.json lets",
            ),
            (
                "ExpiredTokenException",
                "The security token included in the request is expired",
                "the credentials have expired",
            ),
            (
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
                "AWS does not take these keys",
            ),
            (
                "InvalidSignatureException",
                "Signature expired: 1 is now earlier than 2",
                "the credentials have expired, or this machine's clock",
            ),
            ("ClusterNotFoundException", "Cluster not found.", "create it: aws ecs create-cluster"),
            ("ThrottlingException", "Rate exceeded", "the account makes more requests"),
            ("PlatformUnknownException", "x", "leave platform_version out"),
            (
                "ClientException",
                "You've reached the limit on the number of tasks you can run concurrently",
                "a quota of the account",
            ),
            (
                "InvalidParameterException",
                "No Container Instances were found in your cluster.",
                "the cluster has no machines",
            ),
            ("ClientException", "Role is not valid", "--dry-run shows the request"),
        ] {
            let error = Refusal::new(code, words).error("run a task with", &account());
            assert_eq!(
                crate::chain(&error),
                format!("could not run a task with ECS in eu-central-1: {words} ({code})")
            );
            assert!(
                error.what_to_do().unwrap().starts_with(hint),
                "{code}: {:?}",
                error.what_to_do()
            );
        }
        let silent =
            Refusal::new("", "dispatch failure: connection refused").error("ask", &account());
        assert!(silent.what_to_do().unwrap().starts_with("is the region right"));
        let future = Refusal::new("FutureException", "x").error("ask", &account());
        assert_eq!(future.what_to_do(), None);
    }

    #[test]
    fn answers_are_read_in_both_languages_and_others_shown() {
        for (found, expected) in [
            (Refusal::of_json(400, br#"{"__type":"com.amazon#ResourceNotFoundException","message":"no group"}"#), ("ResourceNotFoundException", "no group")),
            (Refusal::of_json(502, b"<html>Bad Gateway"), ("", "status 502: <html>Bad Gateway")),
            (Refusal::of_json(503, b""), ("", "status 503")),
            (
                Refusal::of_xml(403, b"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>"),
                ("UnauthorizedOperation", "no"),
            ),
            (Refusal::of_xml(500, b"oops"), ("", "status 500: oops")),
        ] {
            assert_eq!((found.code.as_str(), found.words.as_str()), expected);
        }
    }

    #[test]
    fn what_ecs_says_of_things_that_are_missing_is_understood() {
        for words in [
            "TaskDefinition not found.",
            "TaskDefinition is inactive",
            "Unable to describe task definition.",
            "Unable to find task definition: x",
        ] {
            assert!(Refusal::new("ClientException", words).is_definition_missing(), "{words}");
        }
        assert!(!Refusal::new("ClientException", "Role is not valid").is_definition_missing());
        assert!(!Refusal::new("", "TaskDefinition not found.").is_definition_missing());
        assert!(
            Refusal::new("InvalidParameterException", "The referenced task was not found.")
                .is_task_missing()
        );
        assert!(!Refusal::new("InvalidParameterException", "subnet not found").is_task_missing());
    }

    #[test]
    fn every_reason_for_a_failure_is_told_in_words() {
        let told = |reason: &str, detail: &str| {
            not_placed(&Failure::builder().reason(reason).detail(detail).build())
        };
        for (reason, words, may_pass) in [
            (
                "RESOURCE:MEMORY",
                "no machine of the cluster has enough memory left (RESOURCE:MEMORY)",
                true,
            ),
            (
                "RESOURCE:CPU",
                "no machine of the cluster has enough processors left (RESOURCE:CPU)",
                true,
            ),
            ("RESOURCE:GPU", "no machine of the cluster has enough GPUs left (RESOURCE:GPU)", true),
            (
                "RESOURCE:ENI",
                "no machine of the cluster has a network interface left (RESOURCE:ENI)",
                true,
            ),
            (
                "RESOURCE:PORTS",
                "no machine of the cluster has the port free (RESOURCE:PORTS)",
                true,
            ),
            (
                "RESOURCE:FPGA",
                "no machine of the cluster has enough left of what the task needs (RESOURCE:FPGA)",
                true,
            ),
            ("AGENT", "the agent of the machine is not connected (AGENT)", true),
            (
                "LOCATION",
                "the machine is in another zone than the task's subnets (LOCATION)",
                false,
            ),
            (
                "ATTRIBUTE",
                "no machine of the cluster has what the task definition asks for (ATTRIBUTE)",
                false,
            ),
            ("INACTIVE", "the machine is no longer in the cluster (INACTIVE)", false),
            ("MISSING", "ECS does not find something that the request names (MISSING)", false),
            (
                "Capacity is unavailable at this time.",
                "Capacity is unavailable at this time.",
                true,
            ),
            ("SOMETHING-NEW", "SOMETHING-NEW", false),
            ("", "ECS does not say why", false),
        ] {
            assert_eq!(
                told(reason, ""),
                NotPlaced { words: words.to_owned(), may_pass },
                "{reason}"
            );
        }
        assert!(
            told("ATTRIBUTE", "ecs.capability.x").words.ends_with("(ATTRIBUTE, ecs.capability.x)")
        );
    }
}
