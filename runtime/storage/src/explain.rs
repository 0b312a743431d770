//! What object storage says, as one sentence and what to do.
//!
//! Clients report an answer with method, URL, time, number of tries and an XML document. People need the code and the
//! message of that document, and what they can do about it.

use object_store::Error as StoreError;

/// Why a request failed, and what to do where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// One sentence without an end.
    pub text: String,
    /// What to do.
    pub hint: Option<&'static str>,
}

/// What is told of an answer that is no document of a known kind.
const SAID_CHARS_MAX: usize = 300;

/// Codes of S3, Google Cloud Storage and Azure Blob with what to do about them.
const HINTS: [(&[&str], &str); 9] = [
    (
        &["NoSuchBucket", "ContainerNotFound"],
        "create the bucket (Azure: container), or correct its name in the store's address",
    ),
    (
        &["InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthenticationFailed", "InvalidSecurity"],
        "check the credentials: the provider's variables and files, or credentials=… in the store's address",
    ),
    (
        &["ExpiredToken", "TokenRefreshRequired", "InvalidToken"],
        "the credentials have expired: sign in again, or refresh the session token",
    ),
    (
        &["RequestTimeTooSkewed", "RequestExpired"],
        "the clock of this machine is wrong: set it by NTP",
    ),
    (
        &[
            "AccessDenied",
            "AuthorizationPermissionMismatch",
            "AuthorizationFailure",
            "Forbidden",
            "forbidden",
        ],
        "give these credentials read, write, list and delete on the bucket: docs/storage.md has the policy",
    ),
    (
        &[
            "PermanentRedirect",
            "AuthorizationHeaderMalformed",
            "IncorrectEndpoint",
            "IllegalLocationConstraintException",
        ],
        "the bucket is in another region: set aws_region in the store's address",
    ),
    (
        &["SlowDown", "ServerBusy", "TooManyRequests", "rateLimitExceeded"],
        "the storage throttles requests: try again later, or use another prefix",
    ),
    (
        &["AccountIsDisabled", "AllAccessDisabled", "UserProjectAccountProblem"],
        "see the provider's console: the account is not active",
    ),
    (
        &["InvalidBucketName", "InvalidResourceName", "OutOfRangeInput"],
        "correct the name in the store's address",
    ),
];

/// Explains a failed request. `None`: it did not come from object storage on a network, its own text is better.
pub fn explain(error: &StoreError) -> Option<Explanation> {
    let said = longshore_protocol::chain(error);
    if let StoreError::Unauthenticated { path, .. } = error
        && !said.contains("status code")
    {
        // What was tried in vain takes many lines, and the last one of a chain says nothing that the first does not.
        let hint = hint_for("InvalidAccessKeyId");
        return Some(Explanation { text: format!("there are no credentials in {path}"), hint });
    }
    if let Some(text) = after(&said, "Server returned non-2xx status code: ")
        .or_else(|| after(&said, "Server returned error response: "))
    {
        return Some(of_answer(text));
    }
    if said.contains("Received redirect without LOCATION") {
        let text = "the storage says that the bucket is elsewhere".to_owned();
        return Some(Explanation { text, hint: hint_for("PermanentRedirect") });
    }
    let text = after(&said, "HTTP error: ")?;
    let hint = "check the network and the endpoint in the store's address";
    // The causes of a connection that could not be made: the last one says why.
    let text = format!("the storage cannot be reached: {}", text.trim());
    Some(Explanation { text, hint: Some(hint) })
}

fn of_answer(text: &str) -> Explanation {
    let (status, document) = text.split_once(": ").unwrap_or((text, ""));
    let code = element(document, "Code").or_else(|| field(document, "code"));
    let message = element(document, "Message").or_else(|| field(document, "message"));
    let said = match (code, message) {
        (Some(code), Some(message)) => format!("{} ({code})", first_sentence(message)),
        (Some(code), None) => code.to_owned(),
        (None, Some(message)) => first_sentence(message).to_owned(),
        (None, None) => document.trim().chars().take(SAID_CHARS_MAX).collect(),
    };
    let hint = code.and_then(hint_for).or_else(|| hint_for_status(status));
    let end = if said.is_empty() { String::new() } else { format!(": {said}") };
    Explanation { text: format!("the storage answers {}{end}", status.trim()), hint }
}

fn hint_for(code: &str) -> Option<&'static str> {
    HINTS.iter().find(|(codes, _)| codes.contains(&code)).map(|(_, hint)| *hint)
}

fn hint_for_status(status: &str) -> Option<&'static str> {
    match status.split_whitespace().next()? {
        "401" => hint_for("InvalidAccessKeyId"),
        "403" => hint_for("AccessDenied"),
        "404" => hint_for("NoSuchBucket"),
        "429" | "503" => hint_for("SlowDown"),
        _ => None,
    }
}

fn after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.split_once(start).map(|(_, rest)| rest)
}

/// The content of an XML element.
fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    Some(content).filter(|content| !content.is_empty())
}

/// A field of Google's JSON errors.
fn field<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("\"{name}\""))?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    let content = match rest.strip_prefix('"') {
        Some(text) => text.split('"').next()?,
        None => rest.split([',', '}', '\n']).next()?.trim(),
    };
    Some(content).filter(|content| !content.is_empty())
}

/// Azure's messages go on with a request id and a time on lines of their own.
fn first_sentence(message: &str) -> &str {
    message.lines().next().unwrap_or(message).trim().trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(said: &str) -> Explanation {
        explain(&StoreError::Generic { store: "S3", source: said.into() }).unwrap()
    }

    #[test]
    fn a_document_becomes_a_sentence_with_a_hint() {
        let said = "Error performing GET http://x in 1ms - Server returned non-2xx status code: 404 Not Found: \
                    <?xml version=\"1.0\"?>\n<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not \
                    exist</Message></Error>";
        let Explanation { text, hint } = explained(said);
        assert_eq!(
            text,
            "the storage answers 404 Not Found: The specified bucket does not exist (NoSuchBucket)"
        );
        assert!(hint.unwrap().starts_with("create the bucket"));
    }

    #[test]
    fn azure_and_google_are_understood_as_well() {
        let azure = "Server returned non-2xx status code: 403 Forbidden: <Error><Code>AuthorizationFailure</Code>\
                     <Message>Server failed.\nRequestId:1\nTime:2</Message></Error>";
        assert_eq!(
            explained(azure).text,
            "the storage answers 403 Forbidden: Server failed (AuthorizationFailure)"
        );
        let google = "Server returned non-2xx status code: 401 Unauthorized: {\"error\": {\"code\": 401, \"message\": \
                      \"Invalid Credentials\"}}";
        let Explanation { text, hint } = explained(google);
        assert_eq!(text, "the storage answers 401 Unauthorized: Invalid Credentials (401)");
        assert!(hint.unwrap().starts_with("check the credentials"));
    }

    #[test]
    fn a_connection_that_fails_is_told_from_an_answer() {
        let said = "Error performing GET http://x in 9s, after 12 retries - HTTP error: error sending request: tcp \
                    connect error: Connection refused (os error 111)";
        let Explanation { text, hint } = explained(said);
        assert!(
            text.starts_with("the storage cannot be reached: ") && text.ends_with("(os error 111)"),
            "{text}"
        );
        assert!(hint.is_some());
        let local = StoreError::Generic { store: "Local", source: "disk".into() };
        assert_eq!(explain(&local), None);
    }
}
