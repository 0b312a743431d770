//! From selected files to an archive that is named by its content.
//!
//! **Invariant:** the archive has the paths and the contents of its files and nothing else: no times, owners or modes,
//! and one order. So the same files have the same digest, on every machine.

use std::fs::File;
use std::io::{self, Read as _};

use bytes::Bytes;
use bytesize::ByteSize;
use longshore_protocol::id::Digest;
use longshore_protocol::record::FilesRef;

use super::Packed;
use super::select::{Selected, Selection};
use crate::{Error, ErrorKind};

const BLOCK_BYTES: u64 = 512;
/// Longer paths take a header and blocks of their own.
const SHORT_PATH_BYTES: u64 = 100;
/// Whoever reads an archive may do so as anybody.
const MODE: u32 = 0o444;
/// Of what is too large, as many files are named.
const NAMED_MAX: usize = 3;

impl Selection {
    /// Packs the files.
    ///
    /// # Errors
    /// When they have more than `bytes_max` bytes, packed, or one cannot be read.
    pub fn pack(self, bytes_max: u64) -> Result<Packed, Error> {
        let sizes = self.files.iter().map(packed_bytes);
        let expected = sizes.fold(2 * BLOCK_BYTES, u64::saturating_add);
        if expected > bytes_max {
            return Err(too_large(&self, expected, bytes_max));
        }
        let mut archive = tar::Builder::new(Vec::new());
        for file in &self.files {
            append(&mut archive, file, bytes_max).map_err(|error| {
                let text = format!("could not read the file {}", file.source.display());
                Error::caused(ErrorKind::BadInput, text, error)
            })?;
        }
        let archive = archive.into_inner().expect("what is written to memory is written");
        // A file may have grown while it was read.
        let bytes = archive.len() as u64;
        if bytes > bytes_max {
            return Err(too_large(&self, bytes, bytes_max));
        }
        let count = self.files.len() as u64;
        let reference = FilesRef { sha256: Digest::of(&archive), bytes, count };
        Ok(Packed { archive: Bytes::from(archive), reference, selection: self })
    }
}

fn append(archive: &mut tar::Builder<Vec<u8>>, file: &Selected, bytes_max: u64) -> io::Result<()> {
    let mut content = Vec::new();
    File::open(&file.source)?.take(bytes_max.saturating_add(1)).read_to_end(&mut content)?;
    let mut header = tar::Header::new_gnu();
    header.set_mode(MODE);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(content.len() as u64);
    archive.append_data(&mut header, &file.path, content.as_slice())
}

/// What a file takes in an archive.
fn packed_bytes(file: &Selected) -> u64 {
    let path_bytes = file.path.len() as u64;
    let long_path = if path_bytes > SHORT_PATH_BYTES {
        BLOCK_BYTES + (path_bytes + 1).next_multiple_of(BLOCK_BYTES)
    } else {
        0
    };
    let content = file.bytes.checked_next_multiple_of(BLOCK_BYTES).unwrap_or(u64::MAX);
    content.saturating_add(long_path + BLOCK_BYTES)
}

fn too_large(selection: &Selection, bytes: u64, bytes_max: u64) -> Error {
    let count = selection.files.len();
    let mut largest: Vec<_> = selection.files.iter().collect();
    largest.sort_by_key(|file| std::cmp::Reverse(file.bytes));
    let largest: Vec<_> = largest
        .into_iter()
        .take(NAMED_MAX)
        .map(|file| format!("{} ({})", file.path, ByteSize(file.bytes)))
        .collect();
    let text = format!(
        "the {count} files of the run have {bytes} bytes, packed, and {bytes_max} bytes are allowed"
    );
    Error::new(ErrorKind::BadInput, text).hint(format!(
        "the largest are {}; leave some out (!PATTERN), raise --limit files=SIZE, or put them into object storage",
        largest.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn packed(folder: &Path) -> Packed {
        let patterns = ["data".parse().unwrap()];
        Selection::of(folder, &patterns).unwrap().pack(1 << 20).unwrap()
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join("data").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn a_digest_follows_from_paths_and_contents_alone() {
        let one = folder(&[("a", "1"), ("b/c", "2")]);
        let other = folder(&[("b/c", "2"), ("a", "1")]);
        let long_ago = File::options().write(true).open(other.path().join("data/a")).unwrap();
        long_ago.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        let digest = packed(one.path()).reference.sha256;
        assert_eq!(packed(other.path()).reference.sha256, digest);
        for changed in [
            [("a", "1"), ("b/c", "3")],
            [("a", "1"), ("b/d", "2")],
            [("a", "1"), ("c", "2")],
            [("a", "2"), ("b/c", "1")],
        ] {
            assert_ne!(packed(folder(&changed).path()).reference.sha256, digest, "{changed:?}");
        }
    }

    #[test]
    fn how_large_an_archive_will_be_is_known_before() {
        let long = "x".repeat(200);
        for path in ["a", &format!("{}/{long}", "y".repeat(99)), &"z".repeat(95), &"z".repeat(96)] {
            for content in ["", "1", &"x".repeat(512), &"x".repeat(513)] {
                let packed = packed(folder(&[(path, content)]).path());
                let expected: u64 = packed.selection.files.iter().map(packed_bytes).sum();
                assert_eq!(packed.archive.len() as u64, expected + 2 * BLOCK_BYTES, "{path}");
            }
        }
    }

    #[test]
    fn more_than_is_allowed_is_refused_with_the_largest() {
        let folder = folder(&[("a", "1"), ("b", &"x".repeat(5_000))]);
        let selection = Selection::of(folder.path(), &["data".parse().unwrap()]).unwrap();
        let error = selection.pack(4_096).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the 2 files of the run have 7680 bytes, packed, and 4096 bytes are allowed"
        );
        assert!(
            error.what_to_do().unwrap().starts_with("the largest are data/b (4.9 KiB), data/a")
        );
    }
}
