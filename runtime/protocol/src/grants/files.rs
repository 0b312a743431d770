//! Which files a flow wants to have with it: patterns as in gitignore, as far as their text alone can be judged.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Where a flow sees its files.
pub const FILES: &str = "/files";

/// No path is longer, on any system that has files to ship.
const PATTERN_BYTES_MAX: usize = 4096;
/// What of a pattern an error repeats.
const SHOWN_CHARS_MAX: usize = 100;

/// A pattern for files below the folder of a flow: `config.yaml`, `data/`, `*.csv`, `!x.csv`.
///
/// **Invariant:** whatever it matches, its text neither leaves that folder nor names a place of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePattern(String);

impl FilePattern {
    /// The pattern, as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it takes files away instead of adding them.
    pub fn is_negated(&self) -> bool {
        self.0.starts_with('!')
    }

    /// What it matches, without the mark that it takes files away.
    pub fn body(&self) -> &str {
        self.0.strip_prefix('!').unwrap_or(&self.0)
    }

    /// Whether each file that `other` may match is below the folder that this pattern names, or they are the same.
    fn covers(&self, other: &Self) -> bool {
        let is_below = self.0.ends_with('/')
            && !self.0.contains(is_special)
            && other.0.strip_prefix(&self.0).is_some_and(|rest| !rest.is_empty());
        self == other || is_below
    }
}

/// Whether a character of a pattern may mean others than itself.
fn is_special(c: char) -> bool {
    matches!(c, '*' | '?' | '[' | '\\' | '!')
}

impl FromStr for FilePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pattern = Self(text.to_owned());
        let body = pattern.body();
        let why = if text.len() > PATTERN_BYTES_MAX {
            "it is longer than any path"
        } else if body.trim_end().is_empty() {
            "it is empty"
        } else if body.contains('\0') {
            "no path has a NUL in it"
        } else if text.starts_with('#') {
            "this is a comment; write \\# for a name that begins so"
        } else if body.starts_with('/') {
            "it is absolute, and files are found below the flow's folder; for a file right there, write ./ in front"
        } else if body.split('/').any(|part| part == "..") {
            "it leads out of the flow's folder"
        } else {
            return Ok(pattern);
        };
        let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
        Err(format!("{shown:?} is not a pattern for files: {why}"))
    }
}

impl fmt::Display for FilePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for FilePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FilePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Which files flows may have with them. As text: `true`, `false`, or a list of patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FilesPolicy {
    /// None.
    #[default]
    None,
    /// All that they ask for.
    All,
    /// Those of patterns that are in this list, or below a folder (`data/`) that is.
    Within(Vec<FilePattern>),
}

impl FilesPolicy {
    /// Whether it allows nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Whether a flow may have the files of `asked`. What takes files away, it always may.
    pub fn allows(&self, asked: &FilePattern) -> bool {
        asked.is_negated()
            || match self {
                Self::None => false,
                Self::All => true,
                Self::Within(allowed) => allowed.iter().any(|allowed| allowed.covers(asked)),
            }
    }

    pub(super) fn allow(&mut self, asked: &[FilePattern]) {
        match self {
            Self::All => {}
            Self::Within(allowed) => allowed.extend(asked.iter().cloned()),
            Self::None if asked.is_empty() => {}
            Self::None => *self = Self::Within(asked.to_vec()),
        }
    }
}

impl Serialize for FilesPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_bool(false),
            Self::All => serializer.serialize_bool(true),
            Self::Within(allowed) => allowed.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for FilesPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "files are true, false, or a list of patterns")]
        enum Written {
            Switch(bool),
            List(Vec<String>),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Switch(false) => Self::None,
            Written::Switch(true) => Self::All,
            Written::List(texts) => {
                let patterns = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>();
                Self::Within(patterns.map_err(de::Error::custom)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> FilePattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_stays_in_its_folder() {
        for text in
            ["a", "a/", "*.csv", "!x.csv", "./a", ".", "a/**/b", "[ab]", "..a", "a..b/c", "\\#a"]
        {
            assert_eq!(pattern(text).to_string(), text);
        }
        let long = "x".repeat(5_000);
        for (text, why) in [
            ("", "it is empty"),
            ("!", "it is empty"),
            ("  ", "it is empty"),
            ("a\0b", "NUL"),
            ("#a", "this is a comment"),
            ("/etc/passwd", "it is absolute"),
            ("!/a", "it is absolute"),
            ("..", "leads out"),
            ("a/../../b", "leads out"),
            ("!../a", "leads out"),
            (&long, "it is longer than any path"),
        ] {
            let error = text.parse::<FilePattern>().unwrap_err();
            assert!(error.contains(why) && error.len() < 500, "{error}");
        }
    }

    #[test]
    fn a_policy_allows_the_same_patterns_and_what_is_below_its_folders() {
        let policy: FilesPolicy = serde_json::from_str(r#"["data/", "*.csv", "a"]"#).unwrap();
        for (text, is_allowed) in [
            ("data/", true),
            ("data/x", true),
            ("data/**/*.bin", true),
            ("*.csv", true),
            ("a", true),
            ("!b", true),
            ("data", false),
            ("dat", false),
            ("a.csv", false),
            ("a/b", false),
            ("*", false),
        ] {
            assert_eq!(policy.allows(&pattern(text)), is_allowed, "{text}");
        }
    }

    #[test]
    fn a_policy_is_a_switch_or_a_list() {
        for text in ["true", "false", r#"["data/"]"#] {
            let policy: FilesPolicy = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&policy).unwrap(), text);
        }
        for (text, why) in [("1", "true, false, or a list"), (r#"["/etc"]"#, "it is absolute")] {
            let error = serde_json::from_str::<FilesPolicy>(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
