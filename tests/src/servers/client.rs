//! Clients of buckets that are not those of the project: what a test itself reads, writes and signs.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::signer::Signer;

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
}
