//! Clients of buckets that are not those of the project: what a test itself reads, writes and signs.

use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::signer::Signer;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::Bucket;

impl Bucket {
    /// A client with the credentials of the bucket, which also signs.
    pub fn open(&self) -> (Arc<dyn ObjectStore>, Arc<dyn Signer>) {
        // Whoever is second finds the first one's, which is the same.
        drop(rustls::crypto::ring::default_provider().install_default());
        let (url, options) = (self.url(), self.options());
        macro_rules! build {
            ($builder:ty) => {{
                let mut builder = <$builder>::new().with_url(&url);
                for (key, value) in options {
                    builder = builder.with_config(key.parse().expect("it is an option"), value);
                }
                let store = Arc::new(builder.build().expect("a bucket of a test can be opened"));
                (Arc::clone(&store) as Arc<dyn ObjectStore>, store as Arc<dyn Signer>)
            }};
        }
        match url.split("://").next() {
            Some("s3") => build!(AmazonS3Builder),
            Some("gs") => build!(GoogleCloudStorageBuilder),
            _ => build!(MicrosoftAzureBuilder),
        }
    }

    /// Whether an object in it holds `text`.
    #[track_caller]
    pub fn holds(&self, text: &str) -> bool {
        let store = self.open().0;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let contents = runtime.expect("there is a runtime").block_on(async {
            let listed: Vec<_> = store.list(None).try_collect().await?;
            let mut contents = Vec::with_capacity(listed.len());
            for object in listed {
                contents.push(store.get(&object.location).await?.bytes().await?);
            }
            Ok::<_, object_store::Error>(contents)
        });
        let contents = contents.expect("a bucket of a test can be read");
        assert!(!contents.is_empty(), "there is nothing in the bucket");
        contents.iter().any(|content| crate::home::contains(content, text))
    }
}
