//! Whether container groups could be launched: what `longshore doctor` asks.

use super::api::{Permission, Subnet, Usage};
use super::client::{Client, ROLE_FILE};
use super::config::AciSettings;
use super::place::Place;
use crate::azure::settings::{AzurePart, ResourceIds};
use crate::{Error, ErrorKind};

/// What every launcher needs to be allowed in the resource group.
const NEEDED: [&str; 5] = [
    "Microsoft.ContainerInstance/containerGroups/read",
    "Microsoft.ContainerInstance/containerGroups/write",
    "Microsoft.ContainerInstance/containerGroups/delete",
    "Microsoft.ContainerInstance/containerGroups/stop/action",
    "Microsoft.ContainerInstance/containerGroups/containers/logs/read",
];
/// To whom a subnet has to be given.
const SERVICE: &str = "Microsoft.ContainerInstance/containerGroups";
/// The quotas that a group counts against.
const QUOTAS: [(&str, &str); 2] =
    [("ContainerGroups", "container groups"), ("StandardCores", "processors")];

/// Looks at the resource group, what may be done in it, what is left of the quotas, and the subnets.
///
/// # Errors
/// When it is not there, or something that every job needs is not permitted or used up, or a subnet takes no groups.
pub(super) async fn check(
    client: &Client,
    place: &Place,
    settings: &AciSettings,
) -> Result<String, Error> {
    let count = client.groups(place).await?.len();
    let permissions = client.permissions(place).await?;
    if let Some(missing) = NEEDED.iter().find(|action| !is_permitted(&permissions, action)) {
        let text = format!("these credentials may not do {missing} in {}", place.scope());
        return Err(Error::new(ErrorKind::Infrastructure, text)
            .hint(format!("{ROLE_FILE} has the permissions that a launcher needs")));
    }
    let location = settings.location.as_ref().map(|AzurePart(it)| it.as_str()).unwrap_or_default();
    // The quotas are those of the subscription: a role in the resource group alone does not show them.
    let quotas = client.usages(place, location).await.unwrap_or_default();
    if let Some((what, limit)) = used_up(&quotas) {
        let text = format!("all {limit} {what} of the subscription in {location} are in use");
        return Err(Error::new(ErrorKind::Infrastructure, text).hint(
            "longshore pool sweep removes groups that nobody needs; a support request raises the quota",
        ));
    }
    let ResourceIds(subnets) = &settings.subnet_ids;
    for id in subnets {
        check_subnet(id, &client.subnet(id).await?)?;
    }
    let network = match subnets.as_slice() {
        [] => "the internet".to_owned(),
        subnets => subnets.join(", "),
    };
    let image = settings.image.as_deref().unwrap_or_default();
    Ok(format!(
        "{}, location {location}, which has {count} container groups{}; they reach {network}; all permissions are there; the image {image} is read by Azure when a job starts",
        place.scope(),
        said(&quotas),
    ))
}

/// Azure puts groups only into subnets that are given to its Container Instances.
/// <https://learn.microsoft.com/en-us/azure/container-instances/container-instances-virtual-network-concepts>
fn check_subnet(id: &str, subnet: &Subnet) -> Result<(), Error> {
    let mut services = subnet.properties.delegations.iter().map(|it| &it.properties.service_name);
    if services.any(|service| service.eq_ignore_ascii_case(SERVICE)) {
        return Ok(());
    }
    let text = format!("the subnet {id} is not delegated to {SERVICE}");
    Err(Error::new(ErrorKind::Infrastructure, text)
        .hint(format!("az network vnet subnet update --ids {id} --delegations {SERVICE}")))
}

fn known(quotas: &[Usage]) -> impl Iterator<Item = (&'static str, &Usage)> {
    QUOTAS.iter().filter_map(|(name, what)| {
        quotas.iter().find(|usage| usage.name.value == *name).map(|usage| (*what, usage))
    })
}

fn used_up(quotas: &[Usage]) -> Option<(&'static str, i64)> {
    let found = known(quotas).find(|(_, usage)| usage.current_value >= usage.limit);
    found.map(|(what, usage)| (what, usage.limit))
}

fn said(quotas: &[Usage]) -> String {
    let parts = known(quotas).map(|(what, usage)| {
        format!("{} of {} {what} are in use", usage.current_value, usage.limit)
    });
    let parts = parts.collect::<Vec<_>>().join(", ");
    if parts.is_empty() { parts } else { format!(" ({parts})") }
}

/// Whether one of the roles permits an action, which its own exceptions may take back.
/// <https://learn.microsoft.com/en-us/azure/role-based-access-control/role-definitions#notactions>
fn is_permitted(permissions: &[Permission], action: &str) -> bool {
    let fits = |patterns: &[String]| patterns.iter().any(|pattern| is_like(pattern, action));
    permissions.iter().any(|one| fits(&one.actions) && !fits(&one.not_actions))
}

/// Whether an action fits a pattern, in which `*` stands for any text.
fn is_like(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let parts: Vec<_> = pattern.split('*').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return pattern == action };
    let Some(mut rest) = action.strip_prefix(first) else { return false };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aci::api::UsageName;

    #[test]
    fn patterns_are_those_of_azure() {
        for (pattern, expected) in [
            ("*", true),
            (NEEDED[1], true),
            ("microsoft.containerinstance/containergroups/WRITE", true),
            ("Microsoft.ContainerInstance/*", true),
            ("Microsoft.ContainerInstance/*/write", true),
            ("*/read", false),
            ("Microsoft.ContainerInstance/containerGroups", false),
            ("", false),
        ] {
            assert_eq!(is_like(pattern, NEEDED[1]), expected, "{pattern}");
        }
    }

    #[test]
    fn exceptions_are_of_one_role_only() {
        let role = |actions: &[&str], not_actions: &[&str]| {
            let all = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
            Permission { actions: all(actions), not_actions: all(not_actions) }
        };
        let without = role(&["*"], &["Microsoft.ContainerInstance/*/delete"]);
        assert!(is_permitted(std::slice::from_ref(&without), NEEDED[1]));
        assert!(!is_permitted(std::slice::from_ref(&without), NEEDED[2]));
        assert!(is_permitted(&[without, role(&[NEEDED[2]], &[])], NEEDED[2]));
        assert!(!is_permitted(&[], NEEDED[0]));
    }

    #[test]
    fn a_quota_that_is_used_up_is_named() {
        let usage = |name: &str, current_value, limit| Usage {
            current_value,
            limit,
            name: UsageName { value: name.to_owned() },
        };
        let quotas = [usage("Odd", 9, 1), usage("StandardCores", 3, 10)];
        assert_eq!(used_up(&quotas), None);
        assert_eq!(said(&quotas), " (3 of 10 processors are in use)");
        assert_eq!(said(&[]), "");
        assert_eq!(used_up(&[usage("ContainerGroups", 100, 100)]), Some(("container groups", 100)));
    }
}
