//! One line of a kind's table of settings.

use std::fmt;

use longshore_protocol::suggest;
use serde_json::Value;

use super::{SettingType, Shape};

/// Who may set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Everybody.
    Free,
    /// A flow only where its pool or its caller allows it: it reaches beyond the sandbox.
    Guarded,
}

/// Something that can be set.
#[derive(Clone)]
pub struct Setting {
    /// Its name.
    pub key: &'static str,
    /// What it is, for people.
    pub doc: &'static str,
    /// What its values look like.
    pub shape: Shape,
    /// Who may set it.
    pub guard: Guard,
    /// Its value where nobody sets it. `null`: none.
    pub default: Value,
    check: fn(&Value) -> Result<Value, String>,
}

impl Setting {
    /// Describes a setting of type `T`.
    pub fn new<T: SettingType>(
        key: &'static str,
        doc: &'static str,
        guard: Guard,
        default: &T,
    ) -> Self {
        let check = |value: &Value| T::read(value).map(|read| read.write());
        Self { key, doc, shape: T::shape(), guard, default: default.write(), check }
    }

    /// Checks a value, and returns it in the one form in which it is kept.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn check(&self, value: &Value) -> Result<Value, String> {
        (self.check)(value)
    }

    /// What it takes and what it is, in one sentence for an error.
    pub fn explained(&self) -> String {
        format!("{} takes {}: {}", self.key, self.shape, self.doc)
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Setting({}: {} = {})", self.key, self.shape, self.default)
    }
}

/// The line for `name`.
///
/// # Errors
/// Names the nearest one, or all there are.
pub(crate) fn find<'a>(
    table: &'a [Setting],
    kind: &str,
    name: &str,
) -> Result<&'a Setting, String> {
    let keys = || table.iter().map(|setting| setting.key);
    table.iter().find(|setting| setting.key == name).ok_or_else(|| {
        let text = format!("{kind} has no job setting {name:?}");
        match suggest::nearest(name, keys()) {
            Some(near) => format!("{text}; did you mean {near:?}?"),
            None => format!("{text}; it has {}", keys().collect::<Vec<_>>().join(", ")),
        }
    })
}
