//! Labels of Google Cloud: what it takes, and what becomes of texts that it does not. Pure.
//!
//! Source: <https://docs.cloud.google.com/resource-manager/docs/labels-overview#requirements>; of other scripts' letters,
//! which it takes as well, nothing here makes use.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::settings::{SettingType, Shape};

/// The longest key, and the longest value.
const LENGTH_MAX: usize = 63;

/// The nearest text that can be the value of a label.
pub(crate) fn value(text: &str) -> String {
    let lower = text.to_lowercase();
    lower.chars().map(|one| if is_inner(one) { one } else { '-' }).take(LENGTH_MAX).collect()
}

fn is_inner(one: char) -> bool {
    one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-' || one == '_'
}

fn is_label((key, value): (&String, &String)) -> bool {
    let is_short = |text: &str| text.len() <= LENGTH_MAX && text.chars().all(is_inner);
    key.starts_with(|first: char| first.is_ascii_lowercase()) && is_short(key) && is_short(value)
}

/// Labels of resources of Google Cloud. Their keys are lower-case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(pub BTreeMap<String, String>);

impl SettingType for Labels {
    fn shape() -> Shape {
        Shape::Map
    }

    fn read(value: &Value) -> Result<Self, String> {
        let labels = BTreeMap::<String, String>::read(value)?;
        // Google has no others, so there is nothing else that could be meant.
        let labels: BTreeMap<_, _> =
            labels.into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect();
        match labels.iter().find(|label| !is_label(*label)) {
            Some((key, value)) => Err(format!(
                "{key}: {value:?} is not a label of Google Cloud; keys begin with a-z, and both have up to 63 of a-z, 0-9, '-' and '_'"
            )),
            None => Ok(Self(labels)),
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
    fn labels_are_checked_before_google_sees_them() {
        assert!(Labels::read(&json!({"team": "search", "cost_center-1": ""})).is_ok());
        assert!(Labels::read(&json!({"TEAM": "search"})).unwrap().0.contains_key("team"));
        for bad in [json!({"team": "X"}), json!({"1x": "x"}), json!({"a.b": "x"})] {
            assert!(Labels::read(&bad).unwrap_err().contains("is not a label of Google Cloud"));
        }
    }

    #[test]
    fn any_text_becomes_a_value() {
        for (text, expected) in
            [("hello", "hello"), ("Say Hello/1", "say-hello-1"), ("\u{dc}ber", "-ber")]
        {
            assert_eq!(value(text), expected);
        }
        assert_eq!(value(&"a".repeat(80)).len(), 63);
    }
}
