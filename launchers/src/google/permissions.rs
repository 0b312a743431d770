//! What an account may do in a project: Google tells it by the Resource Manager, without anything being done.

use serde::Deserialize;
use serde_json::json;

use crate::rest::{Call, Rest};
use crate::{Error, ErrorKind};

/// Google's own address of the Resource Manager.
pub(crate) const ENDPOINT: &str = "https://cloudresourcemanager.googleapis.com";

/// The part of those asked for that the account has.
#[derive(Debug, Deserialize)]
struct Held {
    #[serde(default)]
    permissions: Vec<String>,
}

/// Looks whether whoever asks has all of `needed` in `project`, be it by the project itself or by what it is a part of;
/// and says what was found, for people.
///
/// Nobody needs a permission to ask that, but the project of the credentials needs the API of the Resource Manager, which
/// no run needs: where it does not answer, that is what is said, and no error.
/// <https://docs.cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions>
///
/// # Errors
/// When some of them are missing; `role_file` has them all.
pub(crate) async fn check(
    manager: &Rest,
    project: &str,
    needed: &[&str],
    role_file: &str,
) -> Result<String, Error> {
    let body = json!({ "permissions": needed });
    let path = format!("/v3/projects/{project}:testIamPermissions");
    let held: Held = match manager.read(&Call::post(path, body).once()).await {
        Ok(held) => held,
        Err(failure) => {
            let error = failure.error("ask for permissions", manager.base(), |_| None);
            return Ok(format!(
                "whether jobs may be started and ended is not known: {}",
                crate::chain(&error)
            ));
        }
    };
    let missing: Vec<_> = needed
        .iter()
        .filter(|name| held.permissions.iter().all(|held| held != *name))
        .map(|name| format!("'{name}'"))
        .collect();
    if missing.is_empty() {
        return Ok("jobs may be started and ended".to_owned());
    }
    let text = format!("could not use the project {project}");
    let why = format!("permission {} denied", missing.join(", "));
    let hint = format!("{role_file} has the permissions that a launcher needs");
    Err(Error::caused(ErrorKind::Infrastructure, text, why).hint(hint))
}
