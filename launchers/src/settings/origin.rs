//! Where a value comes from.

use std::fmt;

use serde::Serialize;

/// Who sets values. Later ones go before earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The kind of infrastructure: its default.
    Default,
    /// The pool.
    Pool,
    /// The flow, by its attribute.
    Flow,
    /// Whoever starts the run.
    Caller,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Who set it.
    pub source: Source,
    /// Where: the file of a pool, the name of a flow, the option of a caller. Empty for defaults.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
}

impl Origin {
    /// The default of the kind.
    pub fn default_of_kind() -> Self {
        Self { source: Source::Default, place: String::new() }
    }

    /// A description of the pool, for example a file.
    pub fn pool(place: impl Into<String>) -> Self {
        Self { source: Source::Pool, place: place.into() }
    }

    /// The flow of this name.
    pub fn flow(name: impl Into<String>) -> Self {
        Self { source: Source::Flow, place: name.into() }
    }

    /// An option of the caller, for example `--set`.
    pub fn caller(option: impl Into<String>) -> Self {
        Self { source: Source::Caller, place: option.into() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Source::Default => out.write_str("default"),
            Source::Pool | Source::Caller => out.write_str(&self.place),
            Source::Flow => write!(out, "the flow {}", self.place),
        }
    }
}
