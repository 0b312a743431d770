//! Settings that jobs of Azure's infrastructures share. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::credentials::Reference;
use crate::settings::{SettingType, Shape};

/// Where credentials for Azure are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AzureCredentials(pub(crate) Reference);

impl SettingType for AzureCredentials {
    fn shape() -> Shape {
        Shape::Text
    }

    fn read(value: &Value) -> Result<Self, String> {
        String::read(value)?.parse().map(Self)
    }

    fn write(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A word that is a part of an address of Azure, such as a resource group: letters, digits, `-_.()`.
/// <https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules#microsoftresources>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzurePart(pub String);

/// # Errors
/// When the text cannot be a part of an address.
pub(crate) fn part(text: &str) -> Result<String, String> {
    let is_right = |one: char| one.is_ascii_alphanumeric() || "-_.()".contains(one);
    let is_right = !text.is_empty()
        && text.len() <= 90
        && text.chars().all(is_right)
        && !text.ends_with('.')
        && text != "..";
    if is_right { Ok(text.to_owned()) } else { Err(format!("{text:?} is not a name of Azure")) }
}

impl SettingType for AzurePart {
    fn shape() -> Shape {
        Shape::Text
    }

    fn read(value: &Value) -> Result<Self, String> {
        part(&String::read(value)?).map(Self)
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

/// Ids of resources, such as `/subscriptions/S/resourceGroups/G/providers/TYPE/NAME`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceIds(pub Vec<String>);

/// Whether a text is the id of a resource.
pub(crate) fn is_resource_id(text: &str) -> bool {
    let parts: Vec<_> = text.split('/').collect();
    let has_providers = parts.get(5).is_some_and(|part| part.eq_ignore_ascii_case("providers"));
    text.to_ascii_lowercase().starts_with("/subscriptions/")
        && has_providers
        && parts.len() >= 9
        && parts[1..].iter().all(|part| !part.is_empty())
}

impl SettingType for ResourceIds {
    fn shape() -> Shape {
        Shape::List
    }

    fn read(value: &Value) -> Result<Self, String> {
        let ids = Vec::<String>::read(value)?;
        match ids.iter().find(|id| !is_resource_id(id) && *id != SYSTEM) {
            Some(id) => Err(format!(
                "{id:?} is not the id of a resource of Azure; write /subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME"
            )),
            None => Ok(Self(ids)),
        }
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

/// The word for the identity that Azure makes for a resource.
pub(crate) const SYSTEM: &str = "system";

/// Tags of resources of Azure.
/// <https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/tag-resources#limitations>
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(pub BTreeMap<String, String>);

/// The longest value.
const VALUE_MAX: usize = 256;
/// The longest name.
const NAME_MAX: usize = 512;
/// Tags of one resource. Some are Longshore's own.
const COUNT_MAX: usize = 50;
/// Longshore's own tags.
pub(crate) const OWN_MAX: usize = 7;

/// The nearest text that can be the value of a tag.
pub(crate) fn tag_value(text: &str) -> String {
    text.chars().take(VALUE_MAX).collect()
}

impl SettingType for Tags {
    fn shape() -> Shape {
        Shape::Map
    }

    fn read(value: &Value) -> Result<Self, String> {
        let tags = BTreeMap::<String, String>::read(value)?;
        let is_tag = |(name, value): &(&String, &String)| {
            let is_name = name.len() <= NAME_MAX && !name.contains(|one| "<>%&\\?/".contains(one));
            is_name && value.chars().count() <= VALUE_MAX
        };
        if tags.len() > COUNT_MAX - OWN_MAX {
            return Err(format!(
                "{} are too many: Azure takes {COUNT_MAX} tags, of which {OWN_MAX} are Longshore's",
                tags.len()
            ));
        }
        match tags.iter().find(|tag| !is_tag(tag)) {
            Some((name, value)) => Err(format!(
                "{name}: {value:?} is not a tag of Azure; names have none of <>%&\\?/ and up to {NAME_MAX} characters, values up to {VALUE_MAX}"
            )),
            None => Ok(Self(tags)),
        }
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_be_a_part_of_an_address_is_refused() {
        for good in ["westeurope", "my-group_1.(x)", "9d1f"] {
            assert!(AzurePart::read(&json!(good)).is_ok());
        }
        for bad in ["", "a/b", "..", "a?b", "a b", "x."] {
            assert!(AzurePart::read(&json!(bad)).unwrap_err().contains("is not a name"), "{bad}");
        }
    }

    #[test]
    fn ids_of_resources_are_whole() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v";
        let subnet = format!("{id}/subnets/x");
        assert!(ResourceIds::read(&json!([id, subnet, "system"])).is_ok());
        for bad in ["x", "/subscriptions/s", "/subscriptions/s/resourceGroups/g/providers/N/T/"] {
            assert!(ResourceIds::read(&json!([bad])).unwrap_err().contains("id of a resource"));
        }
    }

    #[test]
    fn tags_are_checked_before_azure_sees_them() {
        assert!(Tags::read(&json!({"Cost Center": "Search/Team"})).is_ok());
        for bad in [json!({"a/b": "x"}), json!({"a": "x".repeat(257)})] {
            assert!(Tags::read(&bad).unwrap_err().contains("is not a tag of Azure"));
        }
        let many: BTreeMap<_, _> = (0..44).map(|n| (n.to_string(), "x")).collect();
        assert!(Tags::read(&json!(many)).unwrap_err().contains("too many"));
        assert_eq!(tag_value(&"\u{e4}".repeat(300)).chars().count(), 256);
    }
}
