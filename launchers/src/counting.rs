//! A store for tests that notes what it is asked for.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Objects in memory.
#[derive(Debug)]
pub(crate) struct Counting {
    objects: InMemory,
    asked: Mutex<Vec<String>>,
}

impl Counting {
    pub(crate) fn new(objects: InMemory) -> Self {
        Self { objects, asked: Mutex::default() }
    }

    /// What it was asked for since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, verb: &str, key: &str) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(format!("{verb} {key}"));
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.objects.fmt(out)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Counting {
    async fn put_opts(
        &self,
        key: &Path,
        payload: PutPayload,
        how: PutOptions,
    ) -> Result<PutResult> {
        self.note("put", key.as_ref());
        self.objects.put_opts(key, payload, how).await
    }

    async fn put_multipart_opts(
        &self,
        key: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.note("put", key.as_ref());
        self.objects.put_multipart_opts(key, how).await
    }

    async fn get_opts(&self, key: &Path, how: GetOptions) -> Result<GetResult> {
        self.note(if how.head { "head" } else { "get" }, key.as_ref());
        self.objects.get_opts(key, how).await
    }

    fn delete_stream(
        &self,
        keys: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.note("delete", "");
        self.objects.delete_stream(keys)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.note("list all of", prefix.map_or("", Path::as_ref));
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.note("list", prefix.map_or("", Path::as_ref));
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.note("copy", from.as_ref());
        self.objects.copy_opts(from, to, how).await
    }
}
