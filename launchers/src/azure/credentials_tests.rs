use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

fn around(variables: &[(&str, &str)]) -> Surroundings {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn tokens(reference: &str, variables: &[(&str, &str)]) -> AzureTokens {
    AzureTokens::new(reference.parse().unwrap(), super::super::scope(""), &around(variables))
}

/// A server that gives this answer, numbered, to whoever asks; and what it was asked.
async fn server(status: &'static str, body: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 8192];
            let mut count = 0;
            // Head and body may come apart.
            for _ in 0..2 {
                count += connection.read(&mut request[count..]).await.unwrap();
                let text = String::from_utf8_lossy(&request[..count]).into_owned();
                if text.starts_with("GET") || text.contains("scope=") {
                    break;
                }
            }
            let number = {
                let mut heard = heard.lock().unwrap();
                heard.push(String::from_utf8_lossy(&request[..count]).into_owned());
                heard.len()
            };
            let body = body.replace("NUMBER", &number.to_string());
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (base, asked)
}

const GIVEN: &str =
    r#"{"token_type": "Bearer", "expires_in": 3600, "access_token": "token-NUMBER"}"#;

#[test]
fn a_reference_is_read_and_written_alike() {
    for text in [
        "default",
        "env",
        "cli",
        "managed-identity",
        "managed-identity:0-1",
        "workload-identity",
        "anonymous",
    ] {
        assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
    }
    for text in ["", "env:X", "managed-identity:", "file:/x"] {
        assert!(text.parse::<Reference>().unwrap_err().contains("write default"), "{text}");
    }
}

#[test]
fn what_is_set_is_meant() {
    let candidates = |variables: &[(&str, &str)]| {
        let found = tokens("default", variables).candidates();
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(candidates(&[]), "managed-identity cli");
    assert_eq!(candidates(&[("AZURE_CLIENT_ID", "x")]), "managed-identity:x cli");
    assert_eq!(candidates(&[("AZURE_CLIENT_SECRET", "x")]), "env");
    assert_eq!(candidates(&[("AZURE_FEDERATED_TOKEN_FILE", "x")]), "workload-identity");
    assert_eq!(tokens("cli", &[("AZURE_CLIENT_SECRET", "x")]).candidates(), [Reference::Cli]);
}

#[tokio::test]
async fn a_service_principal_gets_a_token_and_keeps_it() {
    let (authority, asked) = server("200 OK", GIVEN).await;
    let tokens = tokens(
        "env",
        &[
            ("AZURE_AUTHORITY_HOST", &authority),
            ("AZURE_TENANT_ID", "team"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", "hush"),
        ],
    );
    for _ in 0..2 {
        assert_eq!(tokens.token().await.unwrap().unwrap(), "token-1");
    }
    tokens.renew().await;
    assert_eq!(tokens.token().await.unwrap().unwrap(), "token-2");
    let asked = asked.lock().unwrap();
    assert!(asked[0].starts_with("POST /team/oauth2/v2.0/token "), "{}", asked[0]);
    assert!(asked[0].contains("scope=https%3A%2F%2Fmanagement.azure.com%2F.default"));
    assert!(!format!("{tokens:?}").contains("hush"));
}

#[tokio::test]
async fn a_workload_identity_shows_the_token_of_its_pod() {
    let (authority, asked) = server("200 OK", GIVEN).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "of-the-pod").unwrap();
    let tokens = tokens(
        "default",
        &[
            ("AZURE_AUTHORITY_HOST", &authority),
            ("AZURE_TENANT_ID", "team"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
        ],
    );
    assert_eq!(tokens.token().await.unwrap().unwrap(), "token-1");
    assert!(asked.lock().unwrap()[0].contains("client_assertion=of-the-pod"));
}

#[tokio::test]
async fn a_managed_identity_is_asked_for_where_the_metadata_service_is() {
    let (metadata, asked) = server(
        "200 OK",
        r#"{"access_token": "token-NUMBER", "expires_on": "9999999999", "resource": "x", "token_type": "Bearer"}"#,
    )
    .await;
    let tokens =
        tokens("managed-identity:0-1", &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &metadata)]);
    assert_eq!(tokens.token().await.unwrap().unwrap(), "token-1");
    let asked = asked.lock().unwrap();
    assert!(asked[0].starts_with("GET /metadata/identity/oauth2/token?"), "{}", asked[0]);
    assert!(asked[0].contains("client_id=0-1"), "{}", asked[0]);
}

#[tokio::test]
async fn what_is_wrong_with_credentials_is_said_without_them() {
    let refused = r#"{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 0", "error_codes": [7000215]}"#;
    let (authority, _) = server("401 Unauthorized", refused).await;
    let mut variables = vec![
        ("AZURE_AUTHORITY_HOST", authority.as_str()),
        ("AZURE_TENANT_ID", "team"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_CLIENT_SECRET", "geheim"),
    ];
    let error = tokens("default", &variables).token().await.unwrap_err();
    let text = chain(&error);
    assert!(text.contains("Invalid client secret"), "{text}");
    assert!(!text.contains("geheim") && !text.contains("Trace"), "{text}");
    variables.remove(1);
    let text = chain(&tokens("env", &variables).token().await.unwrap_err());
    assert!(text.contains("in the environment: AZURE_TENANT_ID is not set"), "{text}");
    variables[0].1 = "http://login.example";
    variables.push(("AZURE_TENANT_ID", "team"));
    let text = chain(&tokens("env", &variables).token().await.unwrap_err());
    assert!(text.contains("does not begin with https://"), "{text}");
    assert_eq!(tokens("anonymous", &[]).token().await.unwrap(), None);
}
