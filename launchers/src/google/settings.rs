//! Settings that jobs of Google's infrastructures share.

use serde_json::Value;

use super::credentials::Reference;
use crate::settings::{SettingType, Shape};

/// Where credentials for Google are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoogleCredentials(pub(crate) Reference);

impl SettingType for GoogleCredentials {
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

/// A word that is a part of an address, such as a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part(pub String);

impl SettingType for Part {
    fn shape() -> Shape {
        Shape::Text
    }

    fn read(value: &Value) -> Result<Self, String> {
        let text = String::read(value)?;
        let is_right =
            |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || "-.:".contains(one);
        if !text.is_empty() && text.chars().all(is_right) {
            return Ok(Self(text));
        }
        Err(format!("{text:?} is not a name of Google Cloud: a-z, 0-9 and '-'"))
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
        for good in ["us-central1", "my-project-1", "example.com:project"] {
            assert!(Part::read(&json!(good)).is_ok());
        }
        for bad in ["", "us/central", "../x", "A", "a?b"] {
            assert!(Part::read(&json!(bad)).unwrap_err().contains("is not a name"), "{bad}");
        }
    }
}
