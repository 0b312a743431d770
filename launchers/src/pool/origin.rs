//! Where a value comes from.

use std::fmt;
use std::path::PathBuf;

/// Where a layer is written down, the least specific one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// In a store, for a team.
    Shared,
    /// In the user's file.
    User,
    /// In the project's file.
    Project,
}

impl Source {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::User => "user",
            Self::Project => "project",
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody has set it.
    Default,
    /// A layer has it.
    Written {
        /// Which one.
        source: Source,
        /// Its file, or object.
        path: PathBuf,
        /// The line, from 1.
        line: Option<usize>,
    },
    /// An environment variable.
    Variable(&'static str),
    /// An option on the command line.
    Flag(&'static str),
}

impl Origin {
    /// The layer, in one word.
    pub fn layer(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Written { source, .. } => source.word(),
            Self::Variable(_) => "environment",
            Self::Flag(_) => "flag",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::Written { source: _, path, line: Some(line) } => {
                write!(out, "{}:{line}", path.display())
            }
            Self::Written { source: _, path, line: None } => write!(out, "{}", path.display()),
            Self::Variable(name) | Self::Flag(name) => out.write_str(name),
        }
    }
}

/// The line of a text in TOML on which `path` is set, from 1.
pub(super) fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    let document = toml_edit::Document::parse(text).ok()?;
    let mut item = document.as_item();
    let mut place = None;
    for key in path {
        let (key, value) = item.as_table_like()?.get_key_value(key)?;
        place = key.span().or_else(|| value.span()).or(place);
        item = value;
    }
    let before = text.get(..place?.start)?;
    Some(before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn a_line_is_found_however_it_is_written() {
        let text = "# pools\n[pools.a]\ntype = \"process\"\n\n[pools.a.limits]\nmemory = \"1MiB\"\n\n[pools]\nb.store = \"/x\"\nc = { store = \"/y\" }\n";
        for (path, line) in [
            (&["pools", "a", "type"][..], Some(3)),
            (&["pools", "a", "limits", "memory"], Some(6)),
            (&["pools", "b", "store"], Some(9)),
            (&["pools", "c", "store"], Some(10)),
            (&["pools", "d"], None),
            (&["pools", "a", "store"], None),
        ] {
            assert_eq!(line_of(text, path), line, "{path:?}");
        }
    }
}
