//! A server that plays what it is told, and what becomes of calls to it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// Tokens that are numbered.
#[derive(Debug, Default)]
struct Numbered(AtomicUsize);

#[async_trait::async_trait]
impl Tokens for Numbered {
    async fn token(&self) -> Result<Option<String>, Error> {
        Ok(Some(format!("hush-{}", self.0.load(Ordering::SeqCst))))
    }

    async fn renew(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What the server plays: an answer's status, headers and body. An empty status is a connection that breaks.
type Played = (&'static str, &'static str, &'static str);

/// A client of a server that plays these, one after another; and what it is asked.
async fn playing(played: &'static [Played]) -> (Rest, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        for (status, headers, body) in played {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let count = connection.read(&mut request).await.unwrap();
            heard.lock().unwrap().push(String::from_utf8_lossy(&request[..count]).into_owned());
            if !status.is_empty() {
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                );
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    let rest = Rest::new(&base, Arc::new(Numbered::default())).unwrap();
    (Rest { patience: Duration::from_secs(6), ..rest }, asked)
}

fn leaked(played: &[Played]) -> &'static [Played] {
    Box::leak(played.to_vec().into_boxed_slice())
}

fn words(failure: Failure, rest: &Rest) -> String {
    let error = failure.error("ask", rest.base(), |_| None);
    crate::chain(&error).replace(rest.base(), "BASE")
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let (rest, asked) = playing(&[
        ("200 OK", "", "<html>"),
        ("429 Too Many Requests", "Retry-After: 1\r\n", ""),
        ("503 Unavailable", "", "not JSON"),
        ("", "", ""),
        ("200 OK", "", r#"{"a": 1}"#),
    ])
    .await;
    let began = Instant::now();
    let answer = rest.send(&Call::get("/x").with("q", "a b")).await.unwrap();
    assert_eq!(answer, serde_json::json!({"a": 1}));
    assert!(began.elapsed() >= Duration::from_secs(1), "it was asked to wait for a second");
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 5);
    assert!(asked[0].starts_with("GET /x?q=a+b HTTP/1.1"), "{}", asked[0]);
    assert!(asked[0].to_lowercase().contains("authorization: bearer hush-0"), "{}", asked[0]);
}

#[tokio::test]
async fn what_does_not_pass_is_told_at_once_and_without_secrets() {
    let (rest, asked) = playing(&[(
        "403 Forbidden",
        "",
        r#"{"error": {"code": 403, "message": "Permission 'x' denied.", "status": "PERMISSION_DENIED"}}"#,
    )])
    .await;
    let failure = rest.send(&Call::post("/x", "geheim".into())).await.unwrap_err();
    let text = words(failure, &rest);
    assert_eq!(text, "could not ask at BASE: Permission 'x' denied. (PERMISSION_DENIED)");
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_that_is_good_no_longer_is_renewed_once() {
    let refused = ("401 Unauthorized", "", r#"{"error": {"code": "Expired", "message": "no"}}"#);
    let (rest, asked) = playing(leaked(&[refused, ("200 OK", "", "")])).await;
    assert_eq!(rest.send(&Call::get("/x")).await.unwrap(), Value::Null);
    assert!(asked.lock().unwrap()[1].to_lowercase().contains("bearer hush-1"));
    let (rest, asked) = playing(leaked(&[refused, refused])).await;
    assert_eq!(rest.send(&Call::get("/x")).await.unwrap_err().status(), Some(401));
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_may_have_happened_is_not_repeated_where_that_would_hurt() {
    for (played, tries) in [
        (&[("", "", ""), ("200 OK", "", "1")][..], 1),
        (&[("500 Error", "", ""), ("200 OK", "", "1")][..], 1),
        (&[("429 Slow", "", ""), ("200 OK", "", "1")][..], 2),
    ] {
        let (rest, asked) = playing(leaked(played)).await;
        let sent = rest.send(&Call::post("/x", Value::Null).once()).await;
        assert_eq!((sent.is_ok(), asked.lock().unwrap().len()), (tries == 2, tries), "{played:?}");
    }
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let (rest, _) = playing(&[("429 Slow", "Retry-After: 3600\r\n", "slow down")]).await;
    let began = Instant::now();
    let failure = rest.send(&Call::get("/x")).await.unwrap_err();
    assert_eq!(words(failure, &rest), "could not ask at BASE: status 429: slow down");
    assert!(began.elapsed() < Duration::from_secs(2));
    // Nobody is there.
    let rest = Rest::new("http://127.0.0.1:9", Arc::new(Numbered::default())).unwrap();
    let rest = Rest { patience: Duration::from_secs(1), ..rest };
    let failure = rest.send(&Call::get("/x")).await.unwrap_err();
    let text = words(failure, &rest);
    assert!(text.starts_with("could not ask at BASE: ") && text.contains("refused"), "{text}");
}

#[tokio::test]
async fn what_is_no_answer_is_told_as_such() {
    let html = ("200 OK", "", "<html>");
    let (rest, asked) = playing(leaked(&[html; 8])).await;
    let text = words(rest.send(&Call::get("/x")).await.unwrap_err(), &rest);
    assert!(text.contains("the answer cannot be understood: expected value"), "{text}");
    assert_eq!(asked.lock().unwrap().len(), 4);
    let (rest, _) = playing(&[("200 OK", "", r#"{"name": 5}"#)]).await;
    #[derive(Debug, serde::Deserialize)]
    struct Named {
        #[expect(dead_code, reason = "it cannot be read")]
        name: String,
    }
    let failure = rest.read::<Named>(&Call::get("/x")).await.unwrap_err();
    assert!(words(failure, &rest).contains("invalid type: integer"));
    let error = Rest::new("ftp://x", Arc::new(Numbered::default())).unwrap_err();
    assert!(error.to_string().contains("is not the address of an API"));
}
