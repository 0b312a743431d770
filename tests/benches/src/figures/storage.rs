//! Runs through object storage: an S3 server on the loopback.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use longshore_tests::servers::{self, Bucket, Proxy};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::listing;
use crate::programs::{Programs, run};
use crate::table::{Table, medians};

const ROUNDS: usize = 20;
const ROUNDS_OF_LARGE: usize = 7;
const LARGE_BYTES: usize = 64 << 20;
/// What a run through S3 and a worker takes elsewhere, at best: see the README.
const GOAL_MS: f64 = 300.0;
const REQUESTS_MAX: f64 = 12.0;

pub(crate) fn measure(programs: &Programs, table: &mut Table) {
    let bucket = servers::s3().bucket();
    let objects = Objects::of(&bucket);
    small(programs, &bucket, &objects, table);
    large(programs, &bucket, &objects, table);
    requests(programs, table);
    listing::measure_s3(programs, table);
}

/// A trivial flow, against its number of requests of the same size.
fn small(programs: &Programs, bucket: &Bucket, objects: &Objects, table: &mut Table) {
    let flows = programs.guest("flows");
    let call = ["run", flows.to_str().unwrap(), "add_one", "-p", "n=1"];
    let mut ours = || assert_eq!(run(over(programs.cli(), bucket).args(call)), b"2\n");
    let content = Bytes::from(vec![7; 1 << 10]);
    let mut bare = || (0..6).for_each(|_| objects.put_and_get(&content));
    let [ours, bare] = medians(ROUNDS, [&mut ours, &mut bare]);
    table.bounded("longshore run through S3", ours.as_secs_f64() * 1e3, GOAL_MS, "ms");
    table.times("longshore run through S3 / 12 bare requests", ours, bare, 6.0);
}

/// Large parameters, against one plain PUT and GET of them.
fn large(programs: &Programs, bucket: &Bucket, objects: &Objects, table: &mut Table) {
    let content = Bytes::from(vec![7; LARGE_BYTES - 16]);
    let file = programs.folder.path().join("large.bin");
    std::fs::write(&file, &content).unwrap();
    let flows = programs.guest("flows");
    let param = format!("data=@{}", file.display());
    let call = ["run", flows.to_str().unwrap(), "length", "-p", &param];
    let mut ours = || drop(run(over(programs.cli(), bucket).args(call)));
    let mut bare = || objects.put_and_get(&content);
    let [ours, bare] = medians(ROUNDS_OF_LARGE, [&mut ours, &mut bare]);
    table.times("64 MiB of parameters through S3 / one PUT and GET", ours, bare, 1.5);
}

fn requests(programs: &Programs, table: &mut Table) {
    let server = servers::s3();
    let proxy: Proxy = servers::proxy(&server);
    let bucket = server.through(&proxy).bucket();
    let flows = programs.guest("flows");
    let call = ["run", flows.to_str().unwrap(), "add_one", "-p", "n=1"];
    let once = || drop(run(over(programs.cli(), &bucket).args(call)));
    once();
    drop(proxy.take_requests());
    once();
    let count = proxy.take_requests().len();
    table.bounded("requests of a run through S3", count as f64, REQUESTS_MAX, "requests");
}

pub(crate) fn over(mut command: Command, bucket: &Bucket) -> Command {
    command.envs(bucket.variables()).env("LONGSHORE_STORE", bucket.location());
    command
}

/// The bucket, by a client of its own.
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    runtime: tokio::runtime::Runtime,
    /// The name of the next object.
    next: AtomicUsize,
}

impl Objects {
    pub(crate) fn of(bucket: &Bucket) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { store: bucket.open().0, runtime: runtime.unwrap(), next: AtomicUsize::new(0) }
    }

    pub(crate) fn put_all(&self, objects: impl Iterator<Item = (String, String)>) {
        const SIDE_BY_SIDE: usize = 16;
        let puts = stream::iter(objects).map(async |(key, content)| {
            self.store.put(&Path::from(key), content.into()).await.map(drop)
        });
        let puts = puts.buffer_unordered(SIDE_BY_SIDE).try_collect::<()>();
        self.runtime.block_on(puts).unwrap();
    }

    /// How many folders there are in a folder.
    pub(crate) fn folders(&self, folder: &str) -> usize {
        let folder = Path::from(folder);
        let listed = self.runtime.block_on(self.store.list_with_delimiter(Some(&folder)));
        listed.unwrap().common_prefixes.len()
    }

    /// Of an object that is not there yet: those of a run are new as well.
    fn put_and_get(&self, content: &Bytes) {
        let path = Path::from(format!("bare/{}", self.next.fetch_add(1, Ordering::Relaxed)));
        self.runtime.block_on(async {
            self.store.put(&path, content.clone().into()).await.unwrap();
            self.get(&path, content.len()).await;
        });
    }

    async fn get(&self, path: &Path, length: usize) {
        let got = self.store.get(path).await.unwrap().bytes().await.unwrap();
        assert_eq!(got.len(), length);
    }
}
