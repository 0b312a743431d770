//! Why a place for objects cannot be used.

type Source = Box<dyn std::error::Error + Send + Sync>;

/// One sentence, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    text: String,
    hint: Option<String>,
    source: Option<Source>,
}

impl Error {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), hint: None, source: None }
    }

    pub(crate) fn caused(text: impl Into<String>, source: impl Into<Source>) -> Self {
        Self { source: Some(source.into()), ..Self::new(text) }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What to do about it.
    pub fn what_to_do(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}
