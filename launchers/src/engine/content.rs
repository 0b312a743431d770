//! The content of a file, on its way to become a parameter.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use bytes::Bytes;
use longshore_protocol::schema;
use longshore_storage::Block;

/// Files that say they are larger are read as they come.
const BELIEVED_BYTES_MAX: u64 = 1 << 30;

/// The content of a file. A file may have many bytes, so these are never copied to become bytes of a flow: there is room
/// for their length before them.
#[derive(Debug)]
pub struct FileContent {
    /// Room, and then the content.
    block: Block,
    /// Where the content ends.
    end: usize,
}

impl FileContent {
    const ROOM: usize = schema::LENGTH_BYTES_MAX;

    /// Reads a file, or what else can be read to an end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let size = Some(file.metadata()?.len()).filter(|size| *size <= BELIEVED_BYTES_MAX);
        let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        let mut block = Block::zeroed(Self::ROOM + size);
        let mut end = Self::ROOM;
        while end < block.len() {
            match file.read(&mut block[end..]) {
                Ok(0) => return Ok(Self { block, end }),
                Ok(count) => end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // A pipe does not say how much is coming, and a file may grow meanwhile.
        let mut more = Vec::new();
        file.read_to_end(&mut more)?;
        if !more.is_empty() {
            block = [&block[..end], &more].concat().into();
            end = block.len();
        }
        Ok(Self { block, end })
    }

    /// What was in the file.
    pub fn bytes(&self) -> &[u8] {
        &self.block[Self::ROOM..self.end]
    }

    /// The content as a value of a type that [`schema::is_bytes`].
    pub(super) fn serialized(mut self) -> Bytes {
        let length = schema::length(self.end - Self::ROOM);
        let begin = Self::ROOM - length.len();
        self.block[begin..Self::ROOM].copy_from_slice(&length);
        Bytes::from(self.block).slice(begin..self.end)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(content: &[u8]) -> FileContent {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        FileContent::read(file.path()).unwrap()
    }

    #[test]
    fn a_file_becomes_bytes_whatever_its_size() {
        for size in [0, 1, 127, 128, 70_000, (4 << 20) + 1] {
            let content: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            assert_eq!(read(&content).bytes(), content, "{size}");
            assert_eq!(read(&content).serialized(), schema::encode_bytes(content), "{size}");
        }
    }

    #[test]
    fn what_does_not_say_its_size_is_read_to_its_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        let writing = std::thread::spawn(move || writer.write_all(&[7; 200_000]).unwrap());
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        let content = FileContent::read(Path::new(&path)).unwrap();
        writing.join().unwrap();
        assert_eq!(content.bytes(), [7; 200_000]);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        assert!(FileContent::read(Path::new("/")).is_err());
        assert!(FileContent::read(Path::new("/no/such/file")).is_err());
    }
}
