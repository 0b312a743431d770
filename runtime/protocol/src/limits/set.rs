//! Some limits, as a flow asks for them, a pool allows them or a command line sets them; and how they become all.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{LimitName, Limits, Unit};
use crate::{Error, ErrorKind};

/// Values for some of the limits. As text, each is a name with a value: `{"memory": "64MiB", "sockets": 4}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitSet(BTreeMap<LimitName, u64>);

impl LimitSet {
    /// Adds a value, or replaces it.
    pub fn insert(&mut self, name: LimitName, value: u64) {
        self.0.insert(name, value);
    }

    /// The value of a limit, where the set has one.
    pub fn get(&self, name: LimitName) -> Option<u64> {
        self.0.get(&name).copied()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All values.
    pub fn iter(&self) -> impl Iterator<Item = (LimitName, u64)> + '_ {
        self.0.iter().map(|(name, value)| (*name, *value))
    }

    /// Reads `name=value` as a person writes it.
    ///
    /// # Errors
    /// Says what is wrong with which part.
    pub fn parse(text: &str) -> Result<(LimitName, u64), String> {
        let (word, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is not a limit (write for example sockets=4)"))?;
        let name = LimitName::of_word(word.trim())?;
        Ok((name, name.parse(value.trim())?))
    }
}

impl FromIterator<(LimitName, u64)> for LimitSet {
    fn from_iter<I: IntoIterator<Item = (LimitName, u64)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl Serialize for LimitSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, value)| (name.word(), plain(name, value))))
    }
}

/// A value in the form in which [`LimitName::parse`] reads it back exactly.
fn plain(name: LimitName, value: u64) -> String {
    match name.unit() {
        Unit::Milliseconds => name.show(value),
        Unit::Bytes | Unit::Count => value.to_string(),
    }
}

impl<'de> Deserialize<'de> for LimitSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let written = BTreeMap::<String, Written>::deserialize(deserializer)?;
        let read = |(word, value): (String, Written)| {
            let name = LimitName::of_word(&word).map_err(de::Error::custom)?;
            let text = match value {
                Written::Text(text) => text,
                // A bare number of milliseconds would be taken for seconds by half of its readers.
                Written::Number(number) if name.unit() == Unit::Milliseconds => {
                    return Err(de::Error::custom(format!(
                        "{word} = {number} has no unit; write for example {word} = \"30s\""
                    )));
                }
                Written::Number(number) => number.to_string(),
            };
            let value = name.parse(&text);
            value
                .map(|value| (name, value))
                .map_err(|why| de::Error::custom(format!("{word}: {why}")))
        };
        written.into_iter().map(read).collect()
    }
}

/// Who asks for a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Who, for an error: `the flow hello`.
    pub who: String,
    /// What they ask for.
    pub set: &'a LimitSet,
}

/// The limits in force: the built-in defaults, each replaced by those who ask, the last of them first heard.
///
/// What nobody asked for is lowered to the `ceiling` of `pool` without a word.
///
/// # Errors
/// When somebody asks for more than the ceiling: names both values and who.
pub fn resolve(asked: &[Origin<'_>], pool: &str, ceiling: &LimitSet) -> Result<Limits, Error> {
    let mut limits = Limits::default();
    for name in LimitName::ALL {
        let allowed = ceiling.get(name);
        let wanted = asked.iter().rev().find_map(|origin| Some((origin, origin.set.get(name)?)));
        match (wanted, allowed) {
            (Some((origin, value)), Some(allowed)) if value > allowed => {
                let text = format!(
                    "{} asks for {} of {name}, and the pool {pool} allows {} at most",
                    origin.who,
                    name.show(value),
                    name.show(allowed),
                );
                return Err(Error::new(ErrorKind::Value, text));
            }
            (Some((_, value)), _) => limits.set(name, value),
            (None, Some(allowed)) => {
                limits.set(name, limits.get(name).map_or(allowed, |value| value.min(allowed)));
            }
            (None, None) => {}
        }
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> LimitSet {
        serde_json::from_str(text).unwrap()
    }

    fn asks<'a>(who: &str, set: &'a LimitSet) -> Origin<'a> {
        Origin { who: who.to_owned(), set }
    }

    #[test]
    fn the_last_who_asks_is_heard() {
        let (flow, typed) =
            (set(r#"{"memory": "64MiB", "sockets": 4}"#), set(r#"{"memory": "128MiB"}"#));
        let limits = resolve(
            &[asks("the flow f", &flow), asks("the command line", &typed)],
            "p",
            &LimitSet::default(),
        )
        .unwrap();
        assert_eq!((limits.memory_bytes, limits.sockets), (128 << 20, 4));
        assert_eq!(limits.timeout_ms, Limits::default().timeout_ms);
    }

    #[test]
    fn more_than_the_ceiling_is_refused_with_both_values() {
        let flow = set(r#"{"memory": "2GiB"}"#);
        let error = resolve(&[asks("the flow f", &flow)], "team", &set(r#"{"memory": "1GiB"}"#));
        assert_eq!(
            error.unwrap_err().to_string(),
            "the flow f asks for 2.0 GiB of memory, and the pool team allows 1.0 GiB at most"
        );
    }

    #[test]
    fn what_nobody_asked_for_is_lowered_to_the_ceiling() {
        let limits =
            resolve(&[], "team", &set(r#"{"memory": "1MiB", "fuel": 9, "timeout": "2h"}"#))
                .unwrap();
        assert_eq!((limits.memory_bytes, limits.fuel), (1 << 20, Some(9)));
        assert_eq!(limits.timeout_ms, Limits::default().timeout_ms);
    }

    #[test]
    fn a_set_reads_what_it_writes_and_says_what_is_wrong() {
        let text = r#"{"memory":"67108864","timeout":"1m 30s","fuel":"5"}"#;
        assert_eq!(serde_json::to_string(&set(text)).unwrap(), text);
        for (text, why) in [
            (r#"{"memry": 1}"#, "did you mean \"memory\"?"),
            (r#"{"timeout": 30}"#, "timeout = 30 has no unit"),
            (r#"{"stack": "x"}"#, "stack: \"x\" is not a size"),
        ] {
            let error = serde_json::from_str::<LimitSet>(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
