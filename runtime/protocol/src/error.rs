//! The one error type of this crate.

use std::fmt;

/// What kind of input was wrong; callers choose hints and exit codes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A run id, digest, tenant or size that a person typed.
    Text,
    /// A record that cannot be read: damaged, or of a major version this build does not know.
    Record,
    /// Bytes that are no component, or one without (readable) flow descriptors.
    Component,
    /// A value that does not fit the schema of a flow.
    Value,
}

/// An error with all its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some libraries repeat the cause in their own text.
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

/// Texts of errors are cut here. They quote what a stranger has written: names that may have megabytes each.
const TEXT_BYTES_MAX: usize = 4 * 1024;

/// Bad input, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    text: String,
}

impl Error {
    /// Makes an error of `kind` that reads `text` (lower case, no full stop), up to a length that people read.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > TEXT_BYTES_MAX {
            text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
            text.push('…');
        }
        Self { kind, text }
    }

    /// What kind of input was wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_end_is_cut_between_characters() {
        let error = Error::new(ErrorKind::Value, format!("a{}", "é".repeat(1 << 20)));
        assert_eq!(error.to_string().len(), TEXT_BYTES_MAX - 1 + "…".len());
        assert!(error.to_string().ends_with("é…"));
    }
}
