//! What a guest's files cost its host: the parts of `wasi:filesystem/types` that hold memory for as long as a guest
//! holds a handle. The handles are bounded, and here is what stands behind them.
//!
//! Who has too many streams or lists open has reached the limit on handles.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTableError, ResourceType};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DirectoryEntryStream, ErrorCode, HostDescriptor as _, HostDirectoryEntryStream,
};
use wasmtime_wasi::p2::{DynInputStream, InputStream, Pollable, StreamResult};

use super::host::HostState;

/// Lists of folders that are open at once may have this much in memory: a quarter of what the host may have besides its
/// guest.
const LISTS_BYTES_MAX: u64 = 8 << 20;
/// Streams out of files that are open at once: each holds 64 KiB that the guest has not taken yet.
const STREAMS_MAX: usize = 128;

/// Files for guests.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// The folder.
    pub(super) folder: PathBuf,
    /// What the list of the folder with the longest one takes in memory.
    pub(super) list_bytes: u64,
}

/// What an instance has open.
#[derive(Debug)]
pub(super) struct Open {
    lists: u64,
    lists_max: u64,
    /// Each stream has a clone.
    streams: Arc<()>,
}

impl Open {
    pub(super) fn new(files: Option<&Files>) -> Self {
        let list_bytes = files.map_or(1, |files| files.list_bytes.max(1));
        // One list is always possible: the limit on files bounds it.
        let lists_max = (LISTS_BYTES_MAX / list_bytes).max(1);
        Self { lists: 0, lists_max, streams: Arc::default() }
    }

    fn room_for_a_list(&mut self) -> Result<(), ResourceTableError> {
        if self.lists >= self.lists_max {
            return Err(ResourceTableError::Full);
        }
        self.lists += 1;
        Ok(())
    }

    fn room_for_a_stream(&self) -> Result<Arc<()>, ResourceTableError> {
        if Arc::strong_count(&self.streams) > STREAMS_MAX {
            return Err(ResourceTableError::Full);
        }
        Ok(Arc::clone(&self.streams))
    }
}

/// Replaces what is not bounded.
pub(super) fn add_to_linker(linker: &mut Linker<HostState>) -> Result<(), wasmtime::Error> {
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:filesystem/types@0.2.12")?;
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, HostState>, (folder,): (Resource<Descriptor>,)| {
            Box::new(async move { store.data_mut().read_directory(folder).await })
        },
    )?;
    types.resource_async(
        "directory-entry-stream",
        ResourceType::host::<DirectoryEntryStream>(),
        |mut store: StoreContextMut<'_, HostState>, list| {
            let dropped = store.data_mut().drop_list(Resource::new_own(list));
            Box::new(async move { dropped })
        },
    )?;
    types.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut store: StoreContextMut<'_, HostState>, (file, offset): (Resource<Descriptor>, u64)| {
            store.data_mut().read_via_stream(file, offset)
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What a function of this interface returns.
type Answer<T> = Result<(Result<Resource<T>, ErrorCode>,), wasmtime::Error>;

impl HostState {
    async fn read_directory(
        &mut self,
        folder: Resource<Descriptor>,
    ) -> Answer<DirectoryEntryStream> {
        self.open.room_for_a_list()?;
        match self.filesystem().read_directory(folder).await {
            Ok(list) => Ok((Ok(list),)),
            Err(error) => {
                self.open.lists -= 1;
                Ok((Err(error.downcast()?),))
            }
        }
    }

    fn drop_list(&mut self, list: Resource<DirectoryEntryStream>) -> Result<(), wasmtime::Error> {
        self.open.lists = self.open.lists.saturating_sub(1);
        HostDirectoryEntryStream::drop(&mut self.filesystem(), list)
    }

    fn read_via_stream(
        &mut self,
        file: Resource<Descriptor>,
        offset: u64,
    ) -> Answer<DynInputStream> {
        let permit = self.open.room_for_a_stream()?;
        match self.filesystem().read_via_stream(file, offset) {
            Ok(stream) => {
                let stream = self.table.delete(stream)?;
                let stream: DynInputStream = Box::new(Permitted { stream, _permit: permit });
                Ok((Ok(self.table.push(stream)?),))
            }
            Err(error) => Ok((Err(error.downcast()?),)),
        }
    }
}

/// A stream that counts for as long as it exists.
struct Permitted {
    stream: DynInputStream,
    _permit: Arc<()>,
}

#[wasmtime_wasi::async_trait]
impl InputStream for Permitted {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.stream.read(size)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.stream.blocking_read(size).await
    }

    fn skip(&mut self, length: usize) -> StreamResult<usize> {
        self.stream.skip(length)
    }

    async fn blocking_skip(&mut self, length: usize) -> StreamResult<usize> {
        self.stream.blocking_skip(length).await
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Permitted {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_the_lists_the_fewer_are_open() {
        for (list_bytes, lists_max) in [(0, LISTS_BYTES_MAX), (8 << 10, 1024), (1 << 30, 1)] {
            let files = Files { folder: PathBuf::new(), list_bytes };
            let mut open = Open::new(Some(&files));
            assert_eq!(open.lists_max, lists_max);
            open.lists = lists_max - 1;
            assert!(open.room_for_a_list().is_ok() && open.room_for_a_list().is_err());
        }
    }

    #[test]
    fn a_stream_makes_room_for_another_one() {
        let open = Open::new(None);
        let permits: Vec<_> = (0..STREAMS_MAX).map(|_| open.room_for_a_stream().unwrap()).collect();
        assert!(open.room_for_a_stream().is_err());
        drop(permits);
        assert!(open.room_for_a_stream().is_ok());
    }
}
