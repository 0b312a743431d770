//! The binary that goes into an image: whether it would run there.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use longshore_protocol::id::Digest;
use longshore_protocol::target::Target;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{Endianness, pod};
use serde::{Deserialize, Serialize};

use crate::artefact::Cache;
use crate::{Error, ErrorKind};

/// The header and the table of segments are within this.
const HEAD_BYTES: u64 = 64 << 10;

/// What is to be known of a binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binary {
    /// Its digest.
    pub sha256: Digest,
    /// The processor that it runs on.
    pub target: Target,
}

/// What was found out, with what tells that the file is still the same one.
#[derive(Serialize, Deserialize)]
struct Kept {
    identity: (u64, u64, i64, i64),
    binary: Binary,
}

impl Binary {
    /// Looks at the file at `path`, or remembers what it is.
    ///
    /// # Errors
    /// When it cannot be read, or needs more than an empty image has.
    pub(super) fn look(path: &Path, cache: &Cache) -> Result<Self, Error> {
        let meta = std::fs::metadata(path).map_err(|error| unread(path, error))?;
        let identity = (meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec());
        let key = Digest::of(path.as_os_str().as_encoded_bytes()).short();
        let name = format!("binaries/{key}.json");
        let kept = cache.read(&name).and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
        if let Some(kept) = kept.filter(|kept| kept.identity == identity) {
            return Ok(kept.binary);
        }
        let content = std::fs::read(path).map_err(|error| unread(path, error))?;
        let binary = Self { sha256: Digest::of(&content), target: target_of(path, &content)? };
        let kept = Kept { identity, binary: binary.clone() };
        let text =
            serde_json::to_vec(&kept).expect("it has string keys only, so it is always JSON");
        cache.write(&name, &text)?;
        Ok(binary)
    }
}

pub(super) fn unread(path: &Path, error: std::io::Error) -> Error {
    let text = format!("could not read the runtime for images {}", path.display());
    Error::caused(ErrorKind::Runtime, text, error)
}

/// What the head of an ELF file says.
struct Head {
    machine: u16,
    wants_loader: bool,
}

fn head(content: &[u8]) -> Option<Head> {
    // The format wants alignment, which bytes from a file have by chance.
    let mut aligned = vec![0_u64; content.len().min(HEAD_BYTES as usize).div_ceil(8)];
    let bytes = pod::bytes_of_slice_mut(&mut aligned);
    let length = bytes.len().min(content.len());
    bytes[..length].copy_from_slice(&content[..length]);
    let data: &[u8] = bytes;
    let header = FileHeader64::<Endianness>::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, data).ok()?;
    let wants_loader = segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP);
    Some(Head { machine: header.e_machine(endian), wants_loader })
}

fn target_of(path: &Path, content: &[u8]) -> Result<Target, Error> {
    let refused = |why: &str| {
        let text = format!("{} cannot run in an image of its own: {why}", path.display());
        let architecture = std::env::consts::ARCH;
        Error::new(ErrorKind::BadInput, text).hint(format!(
            "make a static one: cargo build --profile dist -p longshore-runtime --target {architecture}-unknown-linux-musl"
        ))
    };
    let Head { machine, wants_loader } =
        head(content).ok_or_else(|| refused("it is no Linux program"))?;
    if wants_loader {
        return Err(refused("it needs the libraries of this machine"));
    }
    match machine {
        elf::EM_X86_64 => Ok(Target::X86_64),
        elf::EM_AARCH64 => Ok(Target::Aarch64),
        _ => Err(refused("it is for another processor than x86-64 and AArch64")),
    }
}

/// Whether a binary needs no libraries of the machine that it runs on.
pub(super) fn is_static(path: &Path) -> bool {
    let mut content = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut content));
    read.is_ok() && head(&content).is_some_and(|head| !head.wants_loader)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_needs_libraries_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        // This test itself is one.
        let program = std::env::current_exe().unwrap();
        let why = Binary::look(&program, &cache).unwrap_err().to_string();
        assert!(why.ends_with("it needs the libraries of this machine"), "{why}");
        assert!(!is_static(&program));
        let text = folder.path().join("text");
        std::fs::write(&text, "#!/bin/sh").unwrap();
        let why = Binary::look(&text, &cache).unwrap_err().to_string();
        assert!(why.ends_with("it is no Linux program"), "{why}");
        let why = crate::chain(&Binary::look(&folder.path().join("none"), &cache).unwrap_err());
        assert!(why.contains("could not read the runtime for images"), "{why}");
    }
}
