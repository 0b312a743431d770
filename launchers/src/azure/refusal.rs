//! What Azure Resource Manager refuses → what to do. Pure.
//!
//! Sources of the words: <https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/common-deployment-errors>,
//! <https://learn.microsoft.com/en-us/azure/container-instances/container-instances-troubleshooting>.

use crate::rest::Refusal;

/// What is to be done about a refusal, where `role_file` has the permissions that a launcher needs.
pub(crate) fn hint(refusal: &Refusal, role_file: &str) -> Option<String> {
    let word = refusal.word.as_str();
    let text = match (refusal.status, word) {
        (_, "MissingSubscriptionRegistration" | "NoRegisteredProviderFound") => {
            "register the provider once: az provider register --namespace Microsoft.ContainerInstance"
        }
        (_, "ContainerGroupQuotaReached") => {
            "the quota of the region is used up: wait for other groups to end, longshore pool sweep removes those that nobody needs, another location may have room, and a support request raises it"
        }
        (_, "ServiceUnavailable" | "RequestedResourceNotAvailable" | "InsufficientCapacity") => {
            "Azure has no room for it there at this moment: try again later, with less cpu or memory, or in another location"
        }
        (_, "InaccessibleImage") => {
            "is the image's name right, and may Azure read it? See image_registry and its settings"
        }
        (_, "RegistryErrorResponse") => {
            "the image's registry has refused to answer Azure, often for its own rate limit: try again, or take a registry of your own"
        }
        (_, "InvalidImageRegistryCredentialType" | "InvalidImageRegistryCredential") => {
            "look at the job's image_registry settings"
        }
        (_, "LocationNotAvailableForResourceType") => {
            "there are no container instances in this location: az provider show --namespace Microsoft.ContainerInstance lists where"
        }
        (_, "ResourceGroupNotFound") => {
            "create it (az group create), or does resource_group_name have a slip?"
        }
        (_, "SubscriptionNotFound" | "InvalidSubscriptionId") => {
            "is it the right subscription_id, and may these credentials see it? az account list shows which they may"
        }
        (_, "RequestDisallowedByPolicy") => {
            "a policy of the subscription forbids it; the message names it"
        }
        (_, "ScopeLocked") => "there is a lock on the resource group or the subscription",
        (_, "LinkedAuthorizationFailed" | "LinkedInvalidPropertyId") => {
            return Some(format!(
                "what the group is to use, a subnet or an identity, needs permissions as well: {role_file} has them"
            ));
        }
        (429, _) => {
            "the limits of the subscription are reached: wait, or launch fewer at once; https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling"
        }
        (401, _) => "the credentials are not accepted, or have ended: log in again",
        (403, _) => {
            return Some(format!(
                "{role_file} has the permissions that a launcher needs; longshore doctor looks whether they are there"
            ));
        }
        (404, _) => "are subscription and resource group right?",
        (400, _) => "--dry-run shows the request; settings and patches change it",
        (409, _) => "somebody else changes it at this moment: try again",
        (500..=599, _) => {
            "Azure has trouble at this moment: try again later, https://azure.status.microsoft"
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
        for (status, word, begins) in [
            (409, "ContainerGroupQuotaReached", "the quota of the region"),
            (409, "ServiceUnavailable", "Azure has no room"),
            (503, "ServiceUnavailable", "Azure has no room"),
            (400, "InaccessibleImage", "is the image's name right"),
            (409, "RegistryErrorResponse", "the image's registry"),
            (403, "AuthorizationFailed", "docs/x.json has"),
            (403, "LinkedAuthorizationFailed", "what the group is to use"),
            (403, "RequestDisallowedByPolicy", "a policy"),
            (401, "ExpiredAuthenticationToken", "the credentials are not accepted"),
            (404, "ResourceGroupNotFound", "create it"),
            (404, "SubscriptionNotFound", "is it the right subscription_id"),
            (404, "ResourceNotFound", "are subscription and resource group"),
            (409, "MissingSubscriptionRegistration", "register the provider"),
            (409, "ContainerGroupTransitioning", "somebody else"),
            (429, "TooManyRequests", "the limits of the subscription"),
            (400, "WORD_OF_THE_FUTURE", "--dry-run"),
            (500, "InternalServerError", "Azure has trouble"),
        ] {
            let word = word.to_owned();
            let refusal = Refusal { status, word, message: String::new(), retry_after: None };
            let found = hint(&refusal, "docs/x.json").unwrap();
            assert!(found.starts_with(begins), "{status} {}: {found}", refusal.word);
        }
        let odd =
            Refusal { status: 418, word: String::new(), message: String::new(), retry_after: None };
        assert_eq!(hint(&odd, "x"), None);
    }
}
