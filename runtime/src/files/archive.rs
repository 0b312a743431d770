//! Reads an archive of files, and refuses whatever a launcher does not write into one: links, devices, folders, paths
//! that lead elsewhere or are there twice. Pure: nothing is written.

use tar::EntryType;

/// No path is longer, where files are laid out.
const PATH_BYTES_MAX: usize = 4_000;
/// What of a path an error repeats.
const SHOWN_CHARS_MAX: usize = 100;
/// An archive consists of such blocks, and ends with two empty ones.
const BLOCK_BYTES: usize = 512;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File<'a> {
    /// Its path, relative, its parts divided by `/`.
    pub(super) path: String,
    /// What is in it.
    pub(super) content: &'a [u8],
}

/// Reads all files of an archive, by their paths.
///
/// # Errors
/// Says what is wrong with the archive, and with which of its entries.
pub(super) fn read(archive: &[u8]) -> Result<Vec<File<'_>>, String> {
    let end = archive.len().checked_sub(2 * BLOCK_BYTES).and_then(|start| archive.get(start..));
    if !archive.len().is_multiple_of(BLOCK_BYTES)
        || end.is_none_or(|end| end.iter().any(|byte| *byte != 0))
    {
        return Err("the archive is cut off".to_owned());
    }
    let mut files = Vec::new();
    let mut reader = tar::Archive::new(archive);
    for entry in reader.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let path = checked(&entry.path_bytes())?;
        if entry.header().entry_type() != EntryType::Regular {
            return Err(format!("{} is not a file", shown(&path)));
        }
        if !matches!(entry.pax_extensions(), Ok(None)) {
            return Err(format!("{} is more than a path and a content", shown(&path)));
        }
        let content = content(archive, entry.raw_file_position(), entry.size())
            .ok_or_else(|| format!("{} is cut off", shown(&path)))?;
        files.push(File { path, content });
    }
    files.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
    // In this order, whatever is below a path follows it at once.
    for pair in files.windows(2) {
        let [one, next] = pair else { continue };
        match next.path.strip_prefix(&one.path) {
            Some("") => return Err(format!("{} is there twice", shown(&one.path))),
            Some(rest) if rest.starts_with('/') => {
                return Err(format!("{} is both a file and a folder", shown(&one.path)));
            }
            _ => {}
        }
    }
    Ok(files)
}

fn content(archive: &[u8], start: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(start).ok()?;
    archive.get(start..start.checked_add(usize::try_from(size).ok()?)?)
}

fn checked(path: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(path)
        .map_err(|_| format!("{} is not Unicode text", shown(&String::from_utf8_lossy(path))))?;
    let why = if text.len() > PATH_BYTES_MAX {
        "is longer than any path"
    } else if text.starts_with('/') {
        "is absolute"
    } else if text.contains('\0') {
        "has a NUL in it"
    } else if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        "leads elsewhere"
    } else {
        return Ok(text.to_owned());
    };
    Err(format!("the path {} {why}", shown(text)))
}

fn shown(path: &str) -> String {
    format!("{:?}", path.chars().take(SHOWN_CHARS_MAX).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry with a path that a well-behaved writer would not write.
    fn entry(path: &[u8], kind: EntryType, content: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path);
        header.set_cksum();
        let padding = content.len().next_multiple_of(BLOCK_BYTES) - content.len();
        [header.as_bytes(), content, &vec![0; padding]].concat()
    }

    fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
        [entries.concat(), vec![0; 2 * BLOCK_BYTES]].concat()
    }

    fn file(path: &str) -> Vec<u8> {
        entry(path.as_bytes(), EntryType::Regular, b"x")
    }

    #[test]
    fn files_are_read_by_their_paths() {
        let long = format!("{}/x", "d".repeat(200));
        let mut builder = tar::Builder::new(Vec::new());
        for path in ["b", "a/b", "a.b", long.as_str()] {
            let mut header = tar::Header::new_gnu();
            header.set_size(path.len() as u64);
            builder.append_data(&mut header, path, path.as_bytes()).unwrap();
        }
        let archive = builder.into_inner().unwrap();
        let files = read(&archive).unwrap();
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a/b", "a.b", "b", &long]);
        assert!(files.iter().all(|file| file.path.as_bytes() == file.content));
        assert_eq!(read(&[0; 2 * BLOCK_BYTES]).unwrap(), []);
    }

    #[test]
    fn what_a_launcher_does_not_write_is_refused() {
        for (entries, why) in [
            (vec![file("../x")], r#"the path "../x" leads elsewhere"#),
            (vec![file("a/../../x")], "leads elsewhere"),
            (vec![file("./x")], "leads elsewhere"),
            (vec![file("a//x")], "leads elsewhere"),
            (vec![file("a/")], "leads elsewhere"),
            (vec![file("")], "leads elsewhere"),
            (vec![file("/etc/passwd")], r#"the path "/etc/passwd" is absolute"#),
            (vec![entry(b"\xff", EntryType::Regular, b"")], "is not Unicode text"),
            (vec![file("a"), file("b"), file("a")], r#""a" is there twice"#),
            (vec![file("a/b/c"), file("a.b"), file("a")], r#""a" is both a file and a folder"#),
            (vec![file("a/b"), file("a/b/c")], r#""a/b" is both a file and a folder"#),
        ] {
            let error = read(&archive(&entries)).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        for kind in [
            EntryType::Symlink,
            EntryType::Link,
            EntryType::Directory,
            EntryType::Char,
            EntryType::Block,
            EntryType::Fifo,
            EntryType::Continuous,
            EntryType::new(b'?'),
        ] {
            let error = read(&archive(&[entry(b"x", kind, b"")])).unwrap_err();
            assert_eq!(error, r#""x" is not a file"#, "{kind:?}");
        }
    }

    #[test]
    fn a_long_name_hides_nothing() {
        let long = |path: &[u8]| entry(b"././@LongLink", EntryType::GNULongName, path);
        for (path, why) in [
            (b"../../x\0".as_slice(), "leads elsewhere"),
            (b"/x\0", "is absolute"),
            (b"a\0b\0", "has a NUL in it"),
            (&[b'x'; 5_000], "is longer than any path"),
        ] {
            let error = read(&archive(&[long(path), file("harmless")])).unwrap_err();
            assert!(error.contains(why) && error.len() < 200, "{error}");
        }
        assert!(read(&archive(&[long(b"a\0")])).is_err(), "a name without a file");
        let pax = entry(b"x", EntryType::XHeader, b"18 path=../secret\n");
        let error = read(&archive(&[pax, file("harmless")])).unwrap_err();
        assert_eq!(error, r#"the path "../secret" leads elsewhere"#);
        let pax = entry(b"x", EntryType::XHeader, b"10 mtime=1\n");
        let error = read(&archive(&[pax, file("a")])).unwrap_err();
        assert_eq!(error, r#""a" is more than a path and a content"#);
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_refused() {
        let whole = archive(&[file("a"), file("b")]);
        for length in 0..whole.len() {
            let error = read(&whole[..length]).err();
            assert!(error.is_some() || length % BLOCK_BYTES == 0, "{length}");
        }
        let mut lies = file("a");
        // It claims to be longer than the archive.
        lies[124..136].copy_from_slice(b"00000100000\0");
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes().copy_from_slice(&lies[..BLOCK_BYTES]);
        header.set_cksum();
        lies[..BLOCK_BYTES].copy_from_slice(header.as_bytes());
        assert!(read(&archive(&[lies])).is_err());
        let mut state = 1_u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut damaged = whole.clone();
            let place = (state >> 33) as usize % damaged.len();
            damaged[place] = (state >> 24) as u8;
            // It must not panic; that what it reads is what was packed, the digest sees to.
            drop(read(&damaged));
        }
    }
}
