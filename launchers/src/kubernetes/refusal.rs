//! What an API server refuses → an error that says what to do. Pure.

use kube::core::Status;

use crate::{Error, ErrorKind};

/// An error of an attempt to do `what` with the cluster at `server`.
pub(super) fn failed(what: &str, server: &str, error: kube::Error) -> Error {
    let text = format!("could not {what} the cluster at {server}");
    match error {
        kube::Error::Api(status) => {
            let hint = hint(&status);
            let words = status.message.trim();
            let words =
                if words.is_empty() { format!("status {}", status.code) } else { words.to_owned() };
            let error = Error::caused(ErrorKind::Infrastructure, text, words);
            match hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }
        error => {
            let hint = match &error {
                kube::Error::Auth(_) => {
                    "the kubeconfig's context names what gets its credentials: does it work with kubectl?"
                }
                _ => {
                    "is the cluster up, and does kubectl reach it? KUBECONFIG, --set context=… and --set kubeconfig=… name another one"
                }
            };
            Error::caused(ErrorKind::Infrastructure, text, words(&error)).hint(hint)
        }
    }
}

/// That there was no answer at all.
pub(super) fn silent(what: &str, server: &str, seconds: u64) -> Error {
    let text = format!("could not {what} the cluster at {server}");
    Error::caused(ErrorKind::Infrastructure, text, format!("no answer within {seconds} s"))
        .hint("is the cluster up, and does kubectl reach it?")
}

/// The chain of an error, without what its links repeat of each other.
fn words(error: &kube::Error) -> String {
    let mut links: Vec<String> = Vec::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(link) = next {
        let text = link.to_string();
        if let Some(before) = links.last_mut() {
            *before = before.replace(&text, "").trim_end_matches([':', ' ']).to_owned();
        }
        links.push(text);
        next = link.source();
    }
    links.retain(|link| !link.is_empty());
    links.dedup();
    links.join(": ")
}

fn hint(status: &Status) -> Option<&'static str> {
    let lower = status.message.to_lowercase();
    if lower.contains("exceeded quota") {
        return Some(
            "wait until other jobs are over, or let the namespace's quota be raised: kubectl describe quota",
        );
    }
    if lower.contains("admission webhook") {
        return Some(
            "a policy of the cluster denies it; settings or a patch can change the request: --dry-run shows it",
        );
    }
    if status.code == 404 && lower.contains("namespaces") {
        return Some("create it: kubectl create namespace NAME; or set the job's namespace");
    }
    match status.code {
        401 => Some("the credentials of the kubeconfig's context are not accepted: log in again"),
        403 => Some(
            "docs/kubernetes/launcher.yaml has the permissions that a launcher needs; longshore doctor names those that are missing",
        ),
        400 | 422 => Some("--dry-run shows the request; settings and patches change it"),
        429 => Some("the API server has too much to do: try again later"),
        _ => None,
    }
}

/// Whether asking again is of no use.
pub(super) fn is_final(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 400 | 401 | 403 | 404 | 422))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, message: &str) -> (String, String) {
        let status = Status::failure(message, "").with_code(code).boxed();
        let error = failed("create the Job j in", "https://c:6443", kube::Error::Api(status));
        (crate::chain(&error), error.what_to_do().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_refusal_has_the_servers_words_and_what_to_do() {
        for (code, message, hint) in [
            (
                403,
                "jobs.batch is forbidden: User \"u\" cannot create resource \"jobs\" in API group \"batch\" in the namespace \"n\"",
                "docs/kubernetes/launcher.yaml",
            ),
            (
                403,
                "jobs.batch \"j\" is forbidden: exceeded quota: q, requested: count/jobs.batch=1",
                "wait until other jobs",
            ),
            (404, "namespaces \"n\" not found", "create it: kubectl create namespace"),
            (400, "admission webhook \"w\" denied the request: no", "a policy of the cluster"),
            (422, "Job.batch \"j\" is invalid: spec.template: no", "--dry-run shows"),
            (401, "Unauthorized", "the credentials of"),
            (500, "etcd is slow", ""),
        ] {
            let (error, found) = refused(code, message);
            assert_eq!(
                error,
                format!("could not create the Job j in the cluster at https://c:6443: {message}")
            );
            assert!(found.starts_with(hint), "{found}");
        }
        let (error, _) = refused(503, "");
        assert!(error.ends_with(": status 503"), "{error}");
    }

    #[test]
    fn what_an_error_repeats_is_said_once() {
        let inner = std::io::Error::other("connection refused");
        let error = failed("ask", "https://c", kube::Error::ReadEvents(inner));
        let chain = crate::chain(&error);
        assert_eq!(chain.matches("connection refused").count(), 1, "{chain}");
    }
}
