//! Operations of a store, named so that the same step has the same name in every run.

use std::fmt;
use std::str::FromStr;

/// Who asks a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The launcher's side.
    Engine,
    /// The runtime, in its `life`: 1, then 2 after a restart or beside the first one.
    Runtime {
        /// Which one.
        life: u32,
    },
}

/// What a store is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Write an object.
    Put,
    /// Read an object.
    Get,
    /// Look whether there is an object.
    Head,
    /// List objects.
    List,
    /// Remove an object.
    Delete,
}

/// One operation: the `nth` time that `side` asks for this.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operation {
    /// Who asks.
    pub side: Side,
    /// For what.
    pub verb: Verb,
    /// Which object, without what differs from run to run.
    pub key: String,
    /// Counted from 1.
    pub nth: u32,
}

impl Operation {
    /// Whether it is done from time to time, for as long as something else takes: how often depends on the machine.
    pub fn is_repeated(&self) -> bool {
        let is_runtime = matches!(self.side, Side::Runtime { .. });
        let is_news = self.key.ends_with("/beat.json") || self.key.contains("/log/");
        is_runtime && (is_news || self.key == "cancel.json")
    }

    /// Whether it is the first of those that are done from time to time.
    pub fn is_first(&self) -> bool {
        self.nth == 1 && (!self.key.contains("/log/") || self.key.ends_with("/000000.jsonl"))
    }
}

/// The name of a key in every run: ids, days and digests are left out.
pub(crate) fn name_of(key: &str) -> String {
    let parts: Vec<_> = key.split('/').collect();
    match parts.as_slice() {
        ["runs", _, _, _, rest @ ..] if !rest.is_empty() => rest.join("/"),
        ["runs", _, _, _] => "run".to_owned(),
        ["components", ..] => "component".to_owned(),
        ["compiled", ..] => "artefact".to_owned(),
        ["files", ..] => "files".to_owned(),
        other => other.first().copied().unwrap_or_default().to_owned(),
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { side, verb, key, nth } = self;
        write!(out, "{side}:{verb}:{key}:{nth}")
    }
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split(':').collect();
        let [side, verb, key, nth] = parts.as_slice() else {
            return Err(format!("{text:?} is no operation: side:verb:key:nth"));
        };
        let nth = nth.parse().map_err(|error| format!("{nth:?} is no number: {error}"))?;
        Ok(Self { side: side.parse()?, verb: verb.parse()?, key: (*key).to_owned(), nth })
    }
}

impl fmt::Display for Side {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine => out.write_str("engine"),
            Self::Runtime { life } => write!(out, "runtime{life}"),
        }
    }
}

impl FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "engine" {
            return Ok(Self::Engine);
        }
        let life = text.strip_prefix("runtime").and_then(|life| life.parse().ok());
        life.map(|life| Self::Runtime { life }).ok_or_else(|| format!("{text:?} is no side"))
    }
}

const VERBS: [(Verb, &str); 5] = [
    (Verb::Put, "put"),
    (Verb::Get, "get"),
    (Verb::Head, "head"),
    (Verb::List, "list"),
    (Verb::Delete, "delete"),
];

impl fmt::Display for Verb {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = VERBS.iter().find(|(verb, _)| verb == self);
        out.pad(known.map_or("", |(_, name)| name))
    }
}

impl FromStr for Verb {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = VERBS.iter().find(|(_, name)| *name == text);
        known.map(|(verb, _)| *verb).ok_or_else(|| format!("{text:?} is no verb"))
    }
}
