//! Memory for content that arrives in pieces, and of which the size is known before.

use bytes::Bytes;

use crate::Block;
use crate::block::LARGE_PAGES_FROM;

/// A server says how much is coming before it comes. For more than this, memory is taken as it arrives.
const BELIEVED_BYTES_MAX: usize = 1 << 30;

/// Content that is not whole yet.
#[derive(Debug)]
pub(crate) struct Filling {
    memory: Memory,
    arrived: usize,
}

#[derive(Debug)]
enum Memory {
    /// Grows where it is too small.
    Growing(Vec<u8>),
    /// Has the size that was announced.
    Fixed(Block),
}

impl Filling {
    /// Memory for this many bytes.
    pub(crate) fn of_size(size: u64) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let memory = if (LARGE_PAGES_FROM..=BELIEVED_BYTES_MAX).contains(&size) {
            Memory::Fixed(Block::zeroed(size))
        } else {
            Memory::Growing(Vec::with_capacity(size.min(BELIEVED_BYTES_MAX)))
        };
        Self { memory, arrived: 0 }
    }

    /// Puts the next piece into it. What is more than the size may be dropped: it is no content then.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        match &mut self.memory {
            Memory::Growing(memory) => memory.extend_from_slice(piece),
            Memory::Fixed(block) => {
                if let Some(free) = block.get_mut(self.arrived..self.arrived + piece.len()) {
                    free.copy_from_slice(piece);
                }
            }
        }
        self.arrived += piece.len();
    }

    /// What has arrived; the count of bytes, where these are not as many as there should be.
    ///
    /// # Errors
    /// When it is not of this size.
    pub(crate) fn whole(self, size: u64) -> Result<Bytes, usize> {
        if self.arrived as u64 != size {
            return Err(self.arrived);
        }
        Ok(match self.memory {
            Memory::Growing(memory) => memory.into(),
            Memory::Fixed(block) => block.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_one_content_whatever_its_size() {
        for size in [0, 1, 1_000, LARGE_PAGES_FROM - 1, LARGE_PAGES_FROM, LARGE_PAGES_FROM + 70_001]
        {
            let content: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let mut filling = Filling::of_size(size as u64);
            content.chunks(65_537).for_each(|piece| filling.push(piece));
            assert_eq!(filling.whole(size as u64).unwrap(), content, "{size}");
        }
    }

    #[test]
    fn content_of_another_size_is_none() {
        for announced in [10, LARGE_PAGES_FROM] {
            for arrives in [announced - 1, announced + 1, announced * 2] {
                let mut filling = Filling::of_size(announced as u64);
                vec![7; arrives].chunks(999_999).for_each(|piece| filling.push(piece));
                assert_eq!(filling.whole(announced as u64), Err(arrives), "{announced}");
            }
        }
    }
}
