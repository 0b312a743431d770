//! The calls to Azure Resource Manager.
//!
//! Its operations on container groups are asynchronous: an answer names where an operation can be followed
//! (`Azure-AsyncOperation`, `Location`). It is not followed: the group itself says how far it is, which is what anybody
//! can ask later, with one permission.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::api::{Group, Logs, Page, Permission, Subnet, Usage, VERSION};
use super::definition::CONTAINER;
use super::place::Place;
use crate::azure::credentials::{AzureTokens, Reference};
use crate::azure::{self, refusal};
use crate::rest::{Call, Failure, Rest};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// What has the permissions that a launcher needs.
pub(super) const ROLE_FILE: &str = "docs/aci/launcher.json";
/// The version of `Microsoft.Authorization` that is asked.
const PERMISSIONS_VERSION: &str = "2022-04-01";
/// The version of `Microsoft.Network` that is asked.
const NETWORK_VERSION: &str = "2023-09-01";
/// Pages of a list: more than a subscription may have groups.
const PAGES_MAX: usize = 200;
/// What was not yet there when its output was asked for.
const NO_LOG_YET: [u16; 3] = [400, 404, 409];

/// A subscription's Azure Resource Manager.
#[derive(Debug, Clone)]
pub(super) struct Client {
    rest: Rest,
}

/// What became of a request for a container group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Created,
    /// Azure is busy with a group of this name: somebody has created it in this moment.
    Busy,
    /// There was no answer, or one that leaves it open.
    Unknown,
}

impl Client {
    pub(super) fn new(place: &Place, surroundings: &Surroundings) -> Result<Self, Error> {
        let reference: Reference = place.credentials.parse().map_err(|why: String| {
            Error::caused(ErrorKind::BadInput, "could not use the job's credentials", why)
        })?;
        let tokens = AzureTokens::new(reference, azure::scope(&place.endpoint), surroundings);
        Ok(Self { rest: Rest::new(&place.endpoint, Arc::new(tokens))? })
    }

    pub(super) fn failed(&self, what: &str, failure: Failure) -> Error {
        failure.error(what, self.rest.base(), |refusal| refusal::hint(refusal, ROLE_FILE))
    }

    /// A container group. `None`: there is none of this name.
    pub(super) async fn group(&self, place: &Place) -> Result<Option<Group>, Error> {
        match self.rest.read(&versioned(Call::get(place.id()))).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if is_missing(&failure) => Ok(None),
            Err(failure) => {
                Err(self.failed(&format!("look for the container group {}", place.id()), failure))
            }
        }
    }

    /// Creates a container group. A second time, it would start one that is over again, so it is not repeated.
    pub(super) async fn create(&self, place: &Place, body: Value) -> Result<Made, Failure> {
        let call = versioned(Call::put(place.id(), body)).once();
        match self.rest.send(&call).await {
            Ok(_) => Ok(Made::Created),
            Err(failure) if is_transitioning(&failure) => Ok(Made::Busy),
            Err(failure) if is_unknown(&failure) => Ok(Made::Unknown),
            Err(failure) => Err(failure),
        }
    }

    /// Asks a container group to end. One that is gone is no error.
    ///
    /// # Errors
    /// Also while Azure is busy with it: see [`is_transitioning`].
    pub(super) async fn stop(&self, place: &Place) -> Result<(), Failure> {
        let call = versioned(Call::post(format!("{}/stop", place.id()), json!({})));
        match self.rest.send(&call).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_not_found() => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Deletes a container group, whatever is in it. One that is gone is no error.
    pub(super) async fn delete(&self, place: &Place) -> Result<(), Error> {
        match self.rest.send(&versioned(Call::delete(place.id()))).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_not_found() => Ok(()),
            Err(failure) => {
                Err(self.failed(&format!("delete the container group {}", place.id()), failure))
            }
        }
    }

    /// What the container has put out, each line behind its time. `lines`: only the last ones.
    pub(super) async fn log(&self, place: &Place, lines: Option<u32>) -> Result<String, Error> {
        let path = format!("{}/containers/{CONTAINER}/logs", place.id());
        let mut call = versioned(Call::get(path));
        call = match lines {
            // They are for people.
            Some(lines) => call.with("tail", lines.to_string()),
            None => call.with("timestamps", "true"),
        };
        match self.rest.read::<Logs>(&call).await {
            Ok(logs) => Ok(logs.content.unwrap_or_default()),
            Err(failure) if failure.status().is_some_and(|it| NO_LOG_YET.contains(&it)) => {
                Ok(String::new())
            }
            Err(failure) => {
                Err(self.failed(&format!("read the output of {}", place.id()), failure))
            }
        }
    }

    /// All container groups of the resource group, without what they are in.
    pub(super) async fn groups(&self, place: &Place) -> Result<Vec<Group>, Error> {
        self.all(&format!("list the container groups of {}", place.scope()), place.parent()).await
    }

    /// How much is used of what the subscription may have in a location.
    pub(super) async fn usages(&self, place: &Place, location: &str) -> Result<Vec<Usage>, Error> {
        let path = format!(
            "/subscriptions/{}/providers/Microsoft.ContainerInstance/locations/{location}/usages",
            place.subscription
        );
        self.all(&format!("look at the quotas in {location}"), path).await
    }

    /// What these credentials may do in the resource group.
    pub(super) async fn permissions(&self, place: &Place) -> Result<Vec<Permission>, Error> {
        let path = format!("{}/providers/Microsoft.Authorization/permissions", place.scope());
        let call = Call::get(path).with("api-version", PERMISSIONS_VERSION);
        let what = format!("look at the permissions in {}", place.scope());
        let page: Page<Permission> =
            self.rest.read(&call).await.map_err(|failure| self.failed(&what, failure))?;
        Ok(page.value)
    }

    /// A subnet, by its id.
    pub(super) async fn subnet(&self, id: &str) -> Result<Subnet, Error> {
        let call = Call::get(id).with("api-version", NETWORK_VERSION);
        let what = format!("look at the subnet {id}");
        self.rest.read(&call).await.map_err(|failure| self.failed(&what, failure))
    }

    async fn all<T: DeserializeOwned>(&self, what: &str, path: String) -> Result<Vec<T>, Error> {
        let (mut found, mut call) = (Vec::new(), versioned(Call::get(path)));
        for _ in 0..PAGES_MAX {
            let page: Page<T> =
                self.rest.read(&call).await.map_err(|failure| self.failed(what, failure))?;
            found.extend(page.value);
            let next = page.next_link.as_deref().and_then(rest_of_address);
            match next {
                Some(path) => call = Call::get(path),
                None => break,
            }
        }
        Ok(found)
    }
}

fn versioned(call: Call) -> Call {
    call.with("api-version", VERSION)
}

/// The next page is asked from the same server as the first: what an answer names gets no token of ours.
fn rest_of_address(link: &str) -> Option<String> {
    let (_, rest) = link.split_once("://")?;
    rest.find('/').map(|from| rest[from..].to_owned())
}

/// Whether the group itself is not there: of a subscription or a resource group that is not, nobody should be told that
/// its runs are gone.
fn is_missing(failure: &Failure) -> bool {
    match failure {
        Failure::Refused(refusal) if refusal.status == 404 => !matches!(
            refusal.word.as_str(),
            "ResourceGroupNotFound" | "SubscriptionNotFound" | "InvalidSubscriptionId"
        ),
        Failure::Refused(_)
        | Failure::Broken { .. }
        | Failure::Malformed(_)
        | Failure::Token(_) => false,
    }
}

/// Whether Azure is busy with the group.
pub(super) fn is_transitioning(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(refusal) if refusal.status == 409 && refusal.word == "ContainerGroupTransitioning")
}

/// Whether a request that was not refused may have been carried out.
fn is_unknown(failure: &Failure) -> bool {
    match failure {
        Failure::Refused(refusal) => refusal.status >= 500 || refusal.status == 408,
        Failure::Broken { .. } | Failure::Malformed(_) => true,
        Failure::Token(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::Refusal;

    fn refused(status: u16, word: &str) -> Failure {
        let (word, message) = (word.to_owned(), String::new());
        Failure::Refused(Refusal { status, word, message, retry_after: None })
    }

    #[test]
    fn a_group_that_is_missing_is_told_from_a_place_that_is() {
        assert!(is_missing(&refused(404, "ResourceNotFound")));
        assert!(!is_missing(&refused(404, "ResourceGroupNotFound")));
        assert!(!is_missing(&refused(404, "SubscriptionNotFound")));
        assert!(!is_missing(&refused(403, "AuthorizationFailed")));
    }

    #[test]
    fn what_may_have_been_carried_out_is_told_from_what_was_refused() {
        let lost = Failure::Broken { why: String::new(), is_unsent: false };
        assert!(is_unknown(&lost) && is_unknown(&refused(500, "InternalServerError")));
        for failure in [
            refused(409, "ServiceUnavailable"),
            refused(409, "ContainerGroupQuotaReached"),
            refused(429, "TooManyRequests"),
        ] {
            assert!(!is_unknown(&failure) && !is_transitioning(&failure), "{failure:?}");
        }
        assert!(is_transitioning(&refused(409, "ContainerGroupTransitioning")));
    }

    #[test]
    fn the_next_page_is_asked_from_the_same_server() {
        let link = "https://management.azure.com/subscriptions/s?api-version=1&$skiptoken=x";
        assert_eq!(rest_of_address(link).unwrap(), "/subscriptions/s?api-version=1&$skiptoken=x");
        assert_eq!(rest_of_address("nonsense"), None);
    }
}
