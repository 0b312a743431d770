//! What Google's APIs refuse → what to do. Pure.
//!
//! Source of the words: <https://cloud.google.com/apis/design/errors#handling_errors> (`google.rpc.Code`).

use crate::rest::Refusal;

/// What is to be done about a refusal, where `role_file` has the permissions that a launcher needs.
pub(crate) fn hint(refusal: &Refusal, role_file: &str) -> Option<String> {
    let lower = refusal.message.to_lowercase();
    if lower.contains("has not been used in project") || lower.contains("it is disabled") {
        return Some("enable the API in the project: gcloud services enable NAME".to_owned());
    }
    if lower.contains("actas") {
        return Some(
            "whoever launches needs roles/iam.serviceAccountUser on the service account of the job"
                .to_owned(),
        );
    }
    let text = match (refusal.status, refusal.word.as_str()) {
        (429, _) | (_, "RESOURCE_EXHAUSTED") => {
            "the quota of the project is used up: wait, or ask for more at https://console.cloud.google.com/iam-admin/quotas"
        }
        (401, _) => "the credentials are not accepted, or have ended: log in again",
        (403, _) => {
            return Some(format!(
                "{role_file} has the permissions that a launcher needs; longshore doctor looks whether they are there"
            ));
        }
        (404, _) => "are project and region right, and does what it names exist there?",
        (400, "FAILED_PRECONDITION") => return None,
        (400, _) => "--dry-run shows the request; settings and patches change it",
        (409, "ABORTED") => "somebody else changes it at this moment: try again",
        (500..=599, _) => {
            "Google has trouble at this moment: try again later, https://status.cloud.google.com"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_answered_with_what_to_do() {
        for (status, word, message, begins) in [
            (
                429,
                "RESOURCE_EXHAUSTED",
                "Quota exceeded for quota metric 'Write requests'",
                "the quota",
            ),
            (400, "RESOURCE_EXHAUSTED", "Quota exceeded for total allowable CPU", "the quota"),
            (403, "PERMISSION_DENIED", "Permission 'run.jobs.create' denied", "docs/x.yaml has"),
            (
                403,
                "PERMISSION_DENIED",
                "Permission 'iam.serviceaccounts.actAs' denied",
                "whoever launches",
            ),
            (
                403,
                "PERMISSION_DENIED",
                "Cloud Run Admin API has not been used in project 1 before",
                "enable",
            ),
            (
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials.",
                "the credentials",
            ),
            (404, "NOT_FOUND", "Requested entity was not found.", "are project"),
            (400, "INVALID_ARGUMENT", "Invalid value", "--dry-run"),
            (503, "UNAVAILABLE", "The service is currently unavailable.", "Google has trouble"),
        ] {
            let refusal = Refusal {
                status,
                word: word.to_owned(),
                message: message.to_owned(),
                retry_after: None,
            };
            let found = hint(&refusal, "docs/x.yaml").unwrap();
            assert!(found.starts_with(begins), "{message}: {found}");
        }
    }
}
