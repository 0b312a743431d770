//! Parameters or a result: inside the record when small, beside it otherwise.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::id::Digest;

/// Up to this many bytes a payload is stored inside its record: it saves a request each way, and the record stays
/// small enough to be read by people.
const INLINE_BYTES_MAX: usize = 4 * 1024;

/// Serialized (postcard) parameters or result of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// The bytes themselves, as base64 text.
    Inline(#[serde(with = "AsBase64")] Vec<u8>),
    /// The bytes are an object of their own; its key follows from the layout.
    Object {
        /// The digest of the bytes.
        sha256: Digest,
        /// How many bytes there are.
        bytes: u64,
    },
}

impl Payload {
    /// A payload for `content`: inline when small, else a reference to an object that the caller writes.
    pub fn of(content: &[u8]) -> Self {
        if Self::is_inline(content.len()) {
            return Self::Inline(content.to_vec());
        }
        Self::Object { sha256: Digest::of(content), bytes: content.len() as u64 }
    }

    /// Whether content of this many bytes stands inside the record.
    pub fn is_inline(bytes: usize) -> bool {
        bytes <= INLINE_BYTES_MAX
    }

    /// The size of the content in bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Inline(content) => content.len() as u64,
            Self::Object { bytes, sha256: _ } => *bytes,
        }
    }
}

struct AsBase64;

impl AsBase64 {
    fn serialize<S: Serializer>(content: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(content))
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
