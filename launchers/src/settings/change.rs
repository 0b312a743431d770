//! Values as people give them, before anybody has looked at the kind.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::Origin;

/// The key below which a table lists what it takes away: TOML has no `null`.
pub(super) const UNSET: &str = "unset";

/// The name of a setting, or of one entry of a map: `env`, `env.REGION`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The setting.
    pub name: String,
    /// The entry. It may have dots of its own.
    pub entry: Option<String>,
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, entry) = match text.split_once('.') {
            Some((name, entry)) => (name, Some(entry)),
            None => (text, None),
        };
        if name.is_empty() || entry == Some("") {
            return Err(format!("{text:?} is not the key of a setting"));
        }
        Ok(Self { name: name.to_owned(), entry: entry.map(str::to_owned) })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(entry) => write!(out, "{}.{entry}", self.name),
            None => out.write_str(&self.name),
        }
    }
}

/// A value, as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// As typed: the type of the setting decides what it means.
    Text(String),
    /// As a file has it.
    Json(Value),
    /// None: what was set before is taken away.
    Unset,
}

/// One value that somebody sets or takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What.
    pub key: Key,
    /// To what.
    pub given: Given,
    /// Who, and where.
    pub origin: Origin,
}

impl Change {
    /// A value as typed.
    ///
    /// # Errors
    /// When the key is none.
    pub fn typed(key: &str, text: &str, origin: Origin) -> Result<Self, String> {
        Ok(Self { key: key.parse()?, given: Given::Text(text.to_owned()), origin })
    }

    /// Takes a value away.
    ///
    /// # Errors
    /// When the key is none.
    pub fn unset(key: &str, origin: Origin) -> Result<Self, String> {
        Ok(Self { key: key.parse()?, given: Given::Unset, origin })
    }

    /// All of a table: what it takes away first, then its values. `null` takes away as well.
    ///
    /// # Errors
    /// Names a key that is none.
    pub fn of_table(table: &Map<String, Value>, origin: &Origin) -> Result<Vec<Self>, String> {
        let mut changes = match table.get(UNSET) {
            None => Vec::new(),
            Some(Value::Array(keys)) => {
                let unset = |key: &Value| {
                    let key = key.as_str().ok_or_else(|| format!("{UNSET}: {key} is not a key"))?;
                    Self::unset(key, origin.clone())
                };
                keys.iter().map(unset).collect::<Result<_, _>>()?
            }
            Some(other) => return Err(format!("{UNSET} is a list of keys, not {other}")),
        };
        for (key, value) in table.iter().filter(|(key, _)| *key != UNSET) {
            let key: Key = key.parse()?;
            changes.extend(Self::of_value(&key, value, origin));
        }
        Ok(changes)
    }

    /// An object is one change for each of its entries, so that each has its own origin.
    fn of_value(key: &Key, value: &Value, origin: &Origin) -> Vec<Self> {
        match value {
            Value::Object(entries) if key.entry.is_none() && !entries.is_empty() => entries
                .iter()
                .flat_map(|(entry, value)| {
                    let key = Key { name: key.name.clone(), entry: Some(entry.clone()) };
                    Self::of_value(&key, value, origin)
                })
                .collect(),
            _ => {
                let given = if value.is_null() { Given::Unset } else { Given::Json(value.clone()) };
                vec![Self { key: key.clone(), given, origin: origin.clone() }]
            }
        }
    }
}

/// The table in a text: a JSON object where it begins like one, else TOML.
///
/// # Errors
/// Says where it is neither.
pub fn table(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"));
    }
    toml::from_str(text).map_err(|error| {
        format!("it is neither a JSON object nor TOML: {}", error.to_string().trim_end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(table: &Value) -> Result<Vec<String>, String> {
        let changes = Change::of_table(table.as_object().unwrap(), &Origin::pool("x.toml"))?;
        let shown = changes.iter().map(|Change { key, given, origin: _ }| match given {
            Given::Json(value) => format!("{key} = {value}"),
            Given::Text(text) => format!("{key} = {text}"),
            Given::Unset => format!("{key} unset"),
        });
        Ok(shown.collect())
    }

    #[test]
    fn each_entry_of_a_map_is_a_change_and_what_is_taken_away_goes_first() {
        let table = json!({
            "env": {"A": "1", "B": null}, "labels.a.b/c": "x", "n": 5, "unset": ["env", "m.x"],
        });
        let expected = [
            "env unset",
            "m.x unset",
            "env.A = \"1\"",
            "env.B unset",
            "labels.a.b/c = \"x\"",
            "n = 5",
        ];
        assert_eq!(shown(&table).unwrap(), expected);
    }

    #[test]
    fn a_table_is_json_or_toml() {
        let expected = json!({"a": "1", "env": {"B": "2"}});
        for text in ["{\"a\": \"1\", \"env\": {\"B\": \"2\"}}", "a = \"1\"\nenv.B = \"2\"\n"] {
            assert_eq!(Value::Object(table(text).unwrap()), expected);
        }
        assert!(table("{").unwrap_err().starts_with("it is not JSON: "));
        assert!(table("5").unwrap_err().starts_with("it is neither a JSON object nor TOML: "));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for (table, why) in [
            (json!({"": 1}), "\"\" is not the key of a setting"),
            (json!({"env.": 1}), "\"env.\" is not the key of a setting"),
            (json!({"unset": "env"}), "unset is a list of keys, not \"env\""),
            (json!({"unset": [1]}), "unset: 1 is not a key"),
        ] {
            assert_eq!(shown(&table).unwrap_err(), why);
        }
    }
}
