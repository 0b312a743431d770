//! Archives of files. Their digest is verified before they are read; the order that says it may be anybody's.

use std::path::{Component, Path};

use reader::File;

#[path = "../../../runtime/src/files/archive.rs"]
mod reader;

const BLOCK_BYTES: usize = 512;

/// What is read has plain paths, each once, and is the same when it is packed again.
pub(crate) fn an_archive_is_plain_or_refused(input: &[u8]) {
    check(input);
    // Chance does not find checksums.
    check(&mended(input));
}

fn check(archive: &[u8]) {
    let files = match reader::read(archive) {
        Ok(files) => files,
        Err(why) => return super::check_refusal(&why),
    };
    for File { path, content } in &files {
        let path = Path::new(path);
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        assert!(is_plain && path.file_name().is_some(), "{path:?}");
        assert!(content.len() <= archive.len());
        let above = path.ancestors().skip(1);
        for folder in above {
            let is_file = |file: &File<'_>| Path::new(&file.path) == folder;
            assert!(!files.iter().take(100).any(is_file), "{folder:?} is a file as well");
        }
    }
    let mut paths: Vec<_> = files.iter().map(|file| &file.path).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), files.len(), "a path is there twice");
    let mut again = tar::Builder::new(Vec::new());
    for File { path, content } in &files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        again.append_data(&mut header, path, *content).expect("a plain path can be packed");
    }
    let again = again.into_inner().expect("memory can be written");
    assert_eq!(reader::read(&again).as_ref(), Ok(&files));
}

/// The same with right checksums and a right end.
fn mended(input: &[u8]) -> Vec<u8> {
    let mut archive = input.to_vec();
    archive.resize(input.len().next_multiple_of(BLOCK_BYTES) + 2 * BLOCK_BYTES, 0);
    let mut at = 0_usize;
    while at.saturating_add(2 * BLOCK_BYTES) < archive.len() {
        let mut header = tar::Header::new_old();
        let bytes = &mut archive[at..at + BLOCK_BYTES];
        header.as_mut_bytes().copy_from_slice(bytes);
        header.set_cksum();
        bytes.copy_from_slice(header.as_bytes());
        let size = header.entry_size().ok().and_then(|size| usize::try_from(size).ok());
        let size = size.and_then(|size| size.checked_next_multiple_of(BLOCK_BYTES));
        at = size.and_then(|size| at.checked_add(size)).unwrap_or(archive.len());
        at = at.saturating_add(BLOCK_BYTES);
    }
    archive
}
