//! Memory for many bytes.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use memmap2::{Advice, MmapMut};

/// From here on, large pages are asked for. With those of 4 KiB, the kernel is busy with new pages for about as long as
/// it takes to receive what is put into them.
pub(crate) const LARGE_PAGES_FROM: usize = 4 << 20;

/// Memory of a fixed size.
#[derive(Debug)]
pub struct Block(Memory);

#[derive(Debug)]
enum Memory {
    Usual(Vec<u8>),
    LargePages(MmapMut),
}

impl Block {
    /// This many zeros: where they are many, in large pages, if the machine has any.
    pub fn zeroed(size: usize) -> Self {
        let large = if size >= LARGE_PAGES_FROM { large_pages(size) } else { None };
        Self(large.unwrap_or_else(|| Memory::Usual(vec![0; size])))
    }
}

fn large_pages(size: usize) -> Option<Memory> {
    let memory = MmapMut::map_anon(size).ok()?;
    memory.advise(Advice::HugePage).ok()?;
    Some(Memory::LargePages(memory))
}

impl From<Vec<u8>> for Block {
    fn from(content: Vec<u8>) -> Self {
        Self(Memory::Usual(content))
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Usual(memory) => memory,
            Memory::LargePages(memory) => memory,
        }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Memory::Usual(memory) => memory,
            Memory::LargePages(memory) => memory,
        }
    }
}

impl From<Block> for Bytes {
    fn from(block: Block) -> Self {
        match block.0 {
            Memory::Usual(memory) => memory.into(),
            Memory::LargePages(memory) => Self::from_owner(memory),
        }
    }
}
