//! What a ticket is good for, and that it is good for nothing else: seen by somebody who has the ticket and no
//! credentials, at real servers that check signatures.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use longshore_protocol::exit::{self, runtime};
use longshore_protocol::id::Digest;
use longshore_protocol::record::{Record as _, Ticket};
use longshore_tests::servers::{self, Bucket, send};
use longshore_tests::{Call, Home, Run, until};
use object_store::path::Path;
use object_store::signer::{Method, Signer};
use object_store::{ObjectStore, ObjectStoreExt as _};

/// A bucket with its owner's own view of it.
struct Storage {
    name: &'static str,
    home: Home,
    store: Arc<dyn ObjectStore>,
    signer: Arc<dyn Signer>,
}

impl Storage {
    fn all() -> impl Iterator<Item = Self> {
        let servers =
            servers::all().into_iter().chain([("s3 with users", servers::s3_with_users())]);
        servers.map(|(name, server)| Self::of(name, &server.bucket()))
    }

    fn s3() -> Self {
        Self::of("s3", &servers::s3_with_users().bucket())
    }

    fn of(name: &'static str, bucket: &Bucket) -> Self {
        let (store, signer) = bucket.open();
        Self { name, home: Home::over(bucket), store, signer }
    }

    /// A run that has ended.
    fn ended(&self) -> Run<'_> {
        let run = self.home.submitted(self.home.submit("add_one").param("n", 1));
        run.wait().succeeds();
        run
    }

    fn key(run: &Run<'_>, name: &str) -> String {
        let id: longshore_protocol::id::RunId = run.id().parse().unwrap();
        format!("runs/default/{}/{id}/{name}", id.day())
    }

    async fn content(&self, run: &Run<'_>, name: &str) -> Vec<u8> {
        let path = Path::from(format!("tests/{}", Self::key(run, name)));
        self.store.get(&path).await.unwrap().bytes().await.unwrap().to_vec()
    }

    async fn ticket(&self, run: &Run<'_>) -> Ticket {
        Ticket::from_json(&self.content(run, "ticket.json").await).unwrap()
    }

    async fn url(&self, run: &Run<'_>, valid_for: Duration) -> String {
        let path = Path::from(format!("tests/{}", Self::key(run, "ticket.json")));
        self.signer.signed_url(Method::GET, &path, valid_for).await.unwrap().into()
    }

    /// The runtime, started with the run's ticket as an infrastructure starts it. The URL is good for `valid_for`.
    async fn runtime(&self, run: &Run<'_>, valid_for: Duration, digest: Digest) -> Call {
        self.execute(&self.url(run, valid_for).await, digest)
    }

    fn execute(&self, url: &str, digest: Digest) -> Call {
        let call = self.home.program(longshore_tests::runtime()).args(["execute", "--ticket", url]);
        call.arg("--ticket-sha256").arg(digest.to_string())
    }

    async fn digest(&self, run: &Run<'_>) -> Digest {
        Digest::of(&self.content(run, "ticket.json").await)
    }
}

/// The headers with which a ticket's holder creates.
fn headers(ticket: &Ticket) -> Vec<(&str, &str)> {
    ticket.create_headers.iter().map(|(name, value)| (&**name, &**value)).collect()
}

#[tokio::test]
async fn a_ticket_cannot_overwrite_what_its_run_has_written() {
    for storage in Storage::all() {
        let run = storage.ended();
        let ticket = storage.ticket(&run).await;
        let azure = [("x-ms-blob-type", "BlockBlob")];
        for name in ["outcome.json", "attempts/1/started.json"] {
            let before = storage.content(&run, name).await;
            let url = &ticket.create[&Storage::key(&run, name)];
            for headers in [headers(&ticket), vec![], azure.to_vec()] {
                let answer = send("PUT", url, &headers, b"forged");
                assert!(answer.status >= 400, "{} {name} {headers:?}: {answer:?}", storage.name);
            }
            assert!(send("DELETE", url, &[], b"").status >= 400, "{} {name}", storage.name);
            assert_eq!(storage.content(&run, name).await, before, "{}", storage.name);
        }
    }
}

#[tokio::test]
async fn a_ticket_reads_and_writes_no_other_run() {
    for storage in Storage::all() {
        let (mine, other) = (storage.ended(), storage.ended());
        let ticket = storage.ticket(&mine).await;
        let urls = ticket.read.iter().chain(&ticket.create).chain(&ticket.overwrite);
        assert!(urls.clone().all(|(key, _)| !key.contains(other.id())), "{}", storage.name);
        for (key, url) in urls.filter(|(key, _)| key.contains(mine.id())) {
            let moved = url.replace(mine.id(), other.id());
            assert_ne!(&moved, url, "{key}");
            for (method, body) in [("GET", &b""[..]), ("PUT", b"forged"), ("DELETE", b"")] {
                let answer = send(method, &moved, &headers(&ticket), body);
                assert!(answer.status >= 400, "{} {method} {key}: {answer:?}", storage.name);
            }
        }
        other.verb("result").succeeds().prints("2\n");
    }
}

#[tokio::test]
async fn a_ticket_writes_nothing_that_it_may_only_read() {
    for storage in Storage::all() {
        let run = storage.ended();
        let ticket = storage.ticket(&run).await;
        for (key, url) in &ticket.read {
            assert!(!ticket.overwrite.contains_key(key), "{key}");
            for (method, body) in [("PUT", &b"forged"[..]), ("DELETE", b"")] {
                let answer = send(method, url, &headers(&ticket), body);
                assert!(answer.status >= 400, "{} {method} {key}: {answer:?}", storage.name);
            }
        }
        let overwritten = ticket.overwrite.keys().all(|key| key.ends_with("beat.json"));
        assert!(overwritten, "{:?}", ticket.overwrite.keys());
        run.verb("result").succeeds().prints("2\n");
        storage.home.run("add_one").param("n", 2).succeeds().prints("3\n");
    }
}

#[tokio::test]
async fn the_runtime_has_no_credentials_and_a_short_command_line() {
    for storage in Storage::all() {
        let content = storage.home.file("in.bin", vec![1; 1 << 20]);
        let run = storage.home.submit("echo_later").param_file("data", &content);
        let run = storage.home.submitted(run.param("seconds", 3600));
        let host = until("it runs", || {
            let shown = run.shown();
            shown["started"]["host"]["pid"].as_u64()
        });
        let line = fs::read(format!("/proc/{host}/cmdline")).unwrap();
        assert!(line.len() < 1024, "{} has {} bytes", storage.name, line.len());
        let environment = fs::read(format!("/proc/{host}/environ")).unwrap();
        assert_eq!(String::from_utf8_lossy(&environment), "", "{}", storage.name);
        run.verb("cancel").succeeds();
        run.wait().exits(exit::RUN_CANCELLED);
    }
}

#[tokio::test]
async fn a_ticket_that_has_expired_is_told_from_one_that_is_refused() {
    for storage in Storage::all() {
        let run = storage.ended();
        let digest = storage.digest(&run).await;
        let expired = storage.runtime(&run, Duration::from_secs(1), digest).await;
        std::thread::sleep(Duration::from_millis(2_100));
        let answer = expired.exits(runtime::STORE);
        answer.says("could not read the ticket").says("the ticket has expired at ");
        // Somebody has changed the URL, or the key with which it was signed is gone.
        let url = storage.url(&run, Duration::from_secs(60)).await;
        let answer = storage.execute(&forged(&url), digest).exits(runtime::STORE);
        answer.says("the store refuses a URL of the ticket: 40").keeps_quiet_of("Expires=");
    }
}

/// The URL with another signature.
fn forged(url: &str) -> String {
    let (start, signature) =
        url.rsplit_once("ignature=").or_else(|| url.rsplit_once("sig=")).unwrap();
    let other = if signature.starts_with('a') { "b" } else { "a" };
    let name = &url[start.len()..url.len() - signature.len()];
    format!("{start}{name}{other}{}", &signature[1..])
}

#[tokio::test]
async fn a_ticket_that_is_another_one_is_not_followed() {
    let storage = Storage::s3();
    let run = storage.ended();
    let call = storage.runtime(&run, Duration::from_secs(60), Digest::of(b"another")).await;
    let answer = call.exits(runtime::BAD_ORDER);
    answer.says("the ticket does not have the digest ");
}

#[tokio::test]
async fn a_ticket_that_is_used_again_changes_nothing() {
    for storage in Storage::all() {
        let run = storage.ended();
        let before = storage.content(&run, "outcome.json").await;
        let digest = storage.digest(&run).await;
        let again = storage.runtime(&run, Duration::from_secs(60), digest).await;
        again.succeeds();
        assert_eq!(storage.content(&run, "outcome.json").await, before, "{}", storage.name);
    }
}

#[tokio::test]
async fn a_run_whose_runtime_was_killed_goes_on_with_its_ticket_and_stops_in_the_end() {
    let storage = Storage::s3();
    let run = storage.home.submitted(storage.home.submit("sleeps").param("seconds", 3600));
    let digest = storage.digest(&run).await;
    let attempts = storage.ticket(&run).await.attempts_max;
    let mut runtimes = Vec::new();
    for attempt in 1..=attempts {
        let pid = until("the attempt has started", || {
            let shown = run.shown();
            let started = &shown["started"];
            (started["attempt"] == attempt).then(|| started["host"]["pid"].as_u64().unwrap())
        });
        let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        if attempt < attempts {
            let again = storage.runtime(&run, Duration::from_secs(60), digest).await;
            runtimes.push(again.start());
        }
    }
    let last = storage.runtime(&run, Duration::from_secs(60), digest).await;
    let answer = last.exits(runtime::BAD_ORDER);
    answer.says(&format!("{attempts} attempts were started, which is all there may be"));
    run.wait().exits(exit::RUN_CRASHED);
}
