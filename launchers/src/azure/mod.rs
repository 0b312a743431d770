//! What launchers for Azure's infrastructures share: credentials, subscriptions, tags, refusals.

pub(crate) mod credentials;
pub(crate) mod refusal;
pub(crate) mod settings;
mod transport;

use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// Where Azure Resource Manager is.
pub(crate) const ENDPOINT: &str = "https://management.azure.com";
/// Where its national clouds are: <https://learn.microsoft.com/en-us/azure/azure-government/compare-azure-government-global-azure>
/// and <https://learn.microsoft.com/en-us/azure/china/resources-developer-guide>.
const NATIONAL: [&str; 2] =
    ["https://management.usgovcloudapi.net", "https://management.chinacloudapi.cn"];

/// What a token is to be good for, where Azure Resource Manager is asked at this address.
pub(crate) fn scope(endpoint: &str) -> String {
    let own = NATIONAL.into_iter().find(|national| *national == endpoint.trim_end_matches('/'));
    format!("{}/.default", own.unwrap_or(ENDPOINT))
}

/// The subscription: the one that is set, or that of the environment.
///
/// # Errors
/// When nobody names one.
pub(crate) fn subscription(
    setting: Option<&str>,
    surroundings: &Surroundings,
) -> Result<String, Error> {
    let around = || surroundings.get("AZURE_SUBSCRIPTION_ID");
    let found = setting.or_else(around).filter(|found| !found.is_empty());
    let found = found.ok_or_else(|| {
        Error::new(ErrorKind::BadInput, "nobody says which Azure subscription to use").hint(
            "set the job's subscription_id, or AZURE_SUBSCRIPTION_ID where longshore is started; az account show --query id tells it",
        )
    })?;
    settings::part(found).map_err(|why| {
        Error::caused(ErrorKind::BadInput, "the Azure subscription cannot be used", why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_the_cloud_that_is_asked() {
        assert_eq!(scope(ENDPOINT), "https://management.azure.com/.default");
        let china = "https://management.chinacloudapi.cn/";
        assert_eq!(scope(china), "https://management.chinacloudapi.cn/.default");
        // Such as a test's double, or a proxy.
        assert_eq!(scope("http://127.0.0.1:1"), "https://management.azure.com/.default");
    }

    #[test]
    fn the_subscription_is_found_where_azures_tools_find_it() {
        let around = |value: &str| -> Surroundings {
            [("AZURE_SUBSCRIPTION_ID".to_owned(), value.to_owned())].into_iter().collect()
        };
        assert_eq!(subscription(None, &around("s-1")).unwrap(), "s-1");
        assert_eq!(subscription(Some("t"), &around("s-1")).unwrap(), "t");
        for none in [around(""), Surroundings::default(), around("a/b")] {
            assert!(subscription(None, &none).is_err());
        }
    }
}
