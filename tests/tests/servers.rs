//! What the store is built on: `object_store`'s clients against real servers, through the proxy that breaks things.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use longshore_tests::servers::{self, Bucket, Fault, Proxy, Server, send};
use longshore_tests::until;
use object_store::path::Path;
use object_store::signer::{HeaderName, HeaderValue, Method, SignedUrlOptions, Signer};
use object_store::{
    Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, WriteMultipart,
};

const HOUR: Duration = Duration::from_secs(3600);

/// A client of a fresh bucket, behind a proxy.
struct Client {
    server: &'static str,
    proxy: Proxy,
    bucket: Bucket,
    store: Arc<dyn ObjectStore>,
    signer: Arc<dyn Signer>,
}

impl Client {
    fn of((name, server): (&'static str, Server)) -> Self {
        let proxy = servers::proxy(&server);
        let bucket = server.through(&proxy).bucket();
        let (store, signer) = bucket.open();
        Self { server: name, proxy, bucket, store, signer }
    }

    async fn create(&self, key: &str, content: &str) -> object_store::Result<()> {
        let options = PutOptions::from(PutMode::Create);
        let content = PutPayload::from(content.to_owned());
        self.store.put_opts(&Path::from(key), content, options).await.map(drop)
    }

    async fn read(&self, key: &str) -> String {
        let content = self.store.get(&Path::from(key)).await.unwrap().bytes().await.unwrap();
        String::from_utf8(content.to_vec()).unwrap()
    }

    async fn keys(&self, prefix: &str, after: &str) -> Vec<String> {
        let (prefix, after) = (Path::from(prefix), Path::from(after));
        let found = self.store.list_with_offset(Some(&prefix), &after).try_collect::<Vec<_>>();
        let mut keys: Vec<_> =
            found.await.unwrap().into_iter().map(|meta| meta.location.to_string()).collect();
        keys.sort();
        keys
    }

    async fn sign(&self, method: Method, key: &str) -> String {
        self.signer.signed_url(method, &Path::from(key), HOUR).await.unwrap().into()
    }

    /// A signed URL whose holder must send the condition, where the server knows such a thing.
    async fn sign_to_create(&self, key: &str) -> object_store::Result<String> {
        let (name, value) = self.create_only();
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        let options = SignedUrlOptions::default().with_signed_header(name, value);
        let path = Path::from(key);
        let url = self.signer.signed_url_opts(Method::PUT, &path, HOUR, &options);
        url.await.map(String::from)
    }

    /// Writes with nothing but a URL.
    fn put(&self, url: &str, content: &str, headers: &[(&str, &str)]) -> u16 {
        let azure = (self.server == "azure").then_some(("x-ms-blob-type", "BlockBlob"));
        let headers: Vec<_> = headers.iter().copied().chain(azure).collect();
        send("PUT", url, &headers, content.as_bytes()).status
    }

    /// The header by which this server creates only.
    fn create_only(&self) -> (&'static str, &'static str) {
        match self.server {
            "gcs" => ("x-goog-if-generation-match", "0"),
            _ => ("if-none-match", "*"),
        }
    }
}

fn clients() -> impl Iterator<Item = Client> {
    servers::all().into_iter().chain([("s3", servers::s3_with_users())]).map(Client::of)
}

#[tokio::test]
async fn every_operation_works_on_every_server() {
    for client in clients() {
        client.create("a/1", "one").await.unwrap();
        assert_eq!(client.read("a/1").await, "one");
        let meta = client.store.head(&Path::from("a/1")).await.unwrap();
        assert_eq!((meta.size, meta.location.as_ref()), (3, "a/1"));
        let range = client.store.get_range(&Path::from("a/1"), 1..3).await.unwrap();
        assert_eq!(range, "ne");

        for key in ["a/2", "a/3", "b/1"] {
            client.create(key, "").await.unwrap();
        }
        assert_eq!(client.keys("a", "a/1").await, ["a/2", "a/3"]);

        client.store.delete(&Path::from("a/2")).await.unwrap();
        let gone = client.store.get(&Path::from("a/2")).await.unwrap_err();
        assert!(matches!(gone, Error::NotFound { .. }), "{}: {gone:?}", client.server);
        assert_eq!(client.keys("a", "").await, ["a/1", "a/3"]);
    }
}

#[tokio::test]
async fn large_objects_go_in_parts() {
    const PART: usize = 5 << 20;
    for client in clients() {
        let content: Vec<u8> = (0..PART * 2 + 1).map(|index| index as u8).collect();
        let upload = client.store.put_multipart(&Path::from("large")).await.unwrap();
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
        upload.write(&content);
        upload.finish().await.unwrap();
        let read = client.store.get(&Path::from("large")).await.unwrap().bytes().await.unwrap();
        assert!(read == content, "{}", client.server);
        let largest = client.proxy.take_requests().iter().map(|request| request.sent).max();
        // Authentication in the body's framing may make a part a little longer.
        assert!(largest.unwrap() < PART as u64 * 3 / 2, "{}: {largest:?}", client.server);
    }
}

#[tokio::test]
async fn of_many_writers_one_creates() {
    for client in clients() {
        let names: Vec<_> = (0..16).map(|writer| writer.to_string()).collect();
        let writes = names.iter().map(|name| client.create("outcome", name));
        let results = futures::future::join_all(writes).await;
        let mut winners = vec![];
        for (name, result) in names.iter().zip(results) {
            match result {
                Ok(()) => winners.push(name.as_str()),
                Err(error) => {
                    assert!(
                        matches!(error, Error::AlreadyExists { .. }),
                        "{}: {error:?}",
                        client.server
                    );
                }
            }
        }
        assert_eq!(winners, [client.read("outcome").await], "{}", client.server);
    }
}

#[tokio::test]
async fn throttling_errors_and_resets_are_retried() {
    for client in clients() {
        client.create("a", "0123456789").await.unwrap();
        client.proxy.take_requests();
        client.proxy.inject(1, Fault::slow_down(Some(1)));
        client.proxy.inject(1, Fault::internal_error());
        client.proxy.inject(1, Fault::ResetResponse { after: 0 });
        client.proxy.inject(1, Fault::ResetResponse { after: 4 });
        assert_eq!(client.read("a").await, "0123456789", "{}", client.server);
        let requests = client.proxy.take_requests();
        let statuses: Vec<_> = requests.iter().map(|request| request.status).collect();
        assert_eq!(statuses[..4], [Some(503), Some(500), None, Some(200)], "{}", client.server);
    }
}

#[tokio::test]
async fn half_an_upload_is_no_object_and_is_retried_where_it_may_overwrite() {
    for client in clients() {
        let content = "x".repeat(1 << 20);
        client.proxy.inject(1, Fault::ResetRequest { after: 1 << 16 });
        client.create("a", &content).await.unwrap_err();
        assert_eq!(client.keys("", "").await, [""; 0], "{}", client.server);
        client.proxy.inject(1, Fault::ResetRequest { after: 1 << 16 });
        let payload = PutPayload::from(content.clone());
        client.store.put(&Path::from("a"), payload).await.unwrap();
        assert_eq!(client.read("a").await, content, "{}", client.server);
    }
}

/// So whoever creates must try again itself, and then look whether what is there is its own.
#[tokio::test]
async fn creating_is_not_retried_where_nobody_knows_whether_it_has_happened() {
    for client in clients() {
        client.proxy.inject(1, Fault::ResetResponse { after: 0 });
        let unknown = client.create("a", "mine").await.unwrap_err();
        assert!(matches!(unknown, Error::Generic { .. }), "{}: {unknown:?}", client.server);
        let again = client.create("a", "mine").await.unwrap_err();
        assert!(matches!(again, Error::AlreadyExists { .. }), "{}: {again:?}", client.server);
        assert_eq!(client.read("a").await, "mine");
        client.proxy.inject(2, Fault::slow_down(None));
        client.create("b", "mine").await.unwrap();
    }
}

#[tokio::test]
async fn a_signed_url_opens_one_object_for_one_method() {
    for client in clients() {
        client.create("a/1", "one").await.unwrap();
        client.create("a/2", "two").await.unwrap();
        let url = client.sign(Method::GET, "a/1").await;
        let read = send("GET", &url, &[], b"");
        assert_eq!((read.status, &*read.body), (200, "one"), "{}", client.server);
        let other = url.replace("a/1", "a/2");
        for (method, url) in [("GET", &other), ("PUT", &url), ("PUT", &other), ("DELETE", &url)] {
            let headers = [("x-ms-blob-type", "BlockBlob")];
            let headers = if client.server == "azure" { &headers[..] } else { &[] };
            let refused = send(method, url, headers, b"");
            assert_eq!(refused.status, 403, "{} {method}: {}", client.server, refused.body);
        }
        let to_write = client.sign(Method::PUT, "a/1").await;
        for method in ["GET", "DELETE"] {
            assert_eq!(send(method, &to_write, &[], b"").status, 403, "{} {method}", client.server);
        }
        assert_eq!(client.read("a/1").await, "one");
    }
}

#[tokio::test]
async fn a_signed_url_says_in_its_own_way_that_it_has_expired() {
    for client in clients() {
        client.create("a", "one").await.unwrap();
        let second = Duration::from_secs(1);
        let url = client.signer.signed_url(Method::GET, &Path::from("a"), second).await.unwrap();
        let refused = until("the URL has expired", || {
            let response = send("GET", url.as_str(), &[], b"");
            (response.status != 200).then_some(response)
        });
        let (status, text) = match client.server {
            "s3" => (403, "Request has expired"),
            "gcs" => (400, "ExpiredToken"),
            // As for a signature that is wrong.
            _ => (403, "AuthorizationFailure"),
        };
        assert_eq!(refused.status, status, "{}", client.server);
        assert!(refused.body.contains(text), "{}: {}", client.server, refused.body);
    }
}

#[tokio::test]
async fn a_signed_condition_makes_a_url_that_creates_only() {
    for client in clients().filter(|client| client.server != "azure") {
        let condition = client.create_only();
        let url = client.sign_to_create("a").await.unwrap();
        let without = if client.server == "gcs" { 400 } else { 403 };
        assert_eq!(client.put(&url, "before", &[]), without, "{}", client.server);
        assert_eq!(client.put(&url, "one", &[condition]), 200, "{}", client.server);
        assert_eq!(client.put(&url, "two", &[condition]), 412, "{}", client.server);
        assert_eq!(client.put(&url, "two", &[]), without, "{}", client.server);
        assert_eq!(client.put(&url, "two", &[(condition.0, "1")]), 403, "{}", client.server);
        assert_eq!(client.read("a").await, "one");
    }
}

#[tokio::test]
async fn a_url_without_a_signed_condition_overwrites_unless_its_holder_asks_not_to() {
    for client in clients() {
        let url = client.sign(Method::PUT, "a").await;
        let (created, exists) = match client.server {
            "s3" => (200, 412),
            // What is not signed must not be sent, if its name begins with x-goog-.
            "gcs" => (200, 403),
            _ => (201, 409),
        };
        assert_eq!(client.put(&url, "one", &[]), created, "{}", client.server);
        assert_eq!(client.put(&url, "two", &[client.create_only()]), exists, "{}", client.server);
        assert_eq!(client.read("a").await, "one");
        assert_eq!(client.put(&url, "two", &[]), created, "{}", client.server);
        assert_eq!(client.read("a").await, "two");
    }
}

#[tokio::test]
async fn azure_signs_no_condition_but_a_permission_to_create_only() {
    let client = Client::of(("azure", servers::azure()));
    let refused = client.sign_to_create("a").await.unwrap_err();
    assert!(matches!(refused, Error::NotSupported { .. }), "{refused:?}");
    let url = client.bucket.azure_url("a", "c");
    assert_eq!(client.put(&url, "one", &[]), 201);
    assert_eq!(client.put(&url, "two", &[]), 403);
    assert_eq!(client.put(&format!("{url}&comp=block&blockid=AAAA"), "two", &[]), 403);
    assert_eq!(client.read("a").await, "one");
}

#[tokio::test]
async fn a_user_may_do_what_its_policy_says() {
    let everything = Client::of(("s3", servers::s3_with_users()));
    everything.create("a", "one").await.unwrap();
    let reader = everything.bucket.as_user_who_may(&["s3:GetObject", "s3:ListBucket"]);
    let (store, _) = reader.open();
    assert_eq!(store.get(&Path::from("a")).await.unwrap().bytes().await.unwrap(), "one");
    let refused = store.put(&Path::from("b"), PutPayload::from("two")).await.unwrap_err();
    assert!(matches!(refused, Error::PermissionDenied { .. }), "{refused:?}");
}

#[test]
fn a_bucket_is_closed_to_strangers() {
    for server in [servers::s3_with_users(), servers::gcs(), servers::azure()] {
        let bucket = server.bucket();
        let path = bucket.options()[0].1.clone();
        let stranger = send("GET", &format!("{path}/{}/a", bucket.name()), &[], b"");
        assert!([401, 403].contains(&stranger.status), "{stranger:?}");
    }
}
