//! AWS credentials other than keys: roles, processes, single sign-on, web identity, session tokens. At a server that checks
//! signatures, users, roles and tokens.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use longshore_protocol::exit;
use longshore_tests::servers::{self, Bucket, send};
use longshore_tests::{Call, Home, until};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// The SHA-1 of the name of the session: by that, AWS's tools keep what a person has signed in for.
const SESSION_FILE: &str = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
const CERTIFICATE: &[u8] = include_bytes!("../../runtime/tests/network/certificate.pem");
const KEY: &[u8] = include_bytes!("../../runtime/tests/network/key.pem");

/// A home whose store is used with the credentials of a profile, for which `config` is AWS's configuration file.
fn home(bucket: &Bucket, profile: &str, config: &str) -> Home {
    let home = Home::at(&format!("{}&credentials=profile:{profile}", bucket.location()));
    home.file(".aws/config", config);
    home
}

/// A run of `add_one` that finds the server's own token service.
fn run(home: &Home) -> Call {
    let call = home.run("add_one").param("n", 41);
    call.env("AWS_ENDPOINT_URL_STS", servers::s3_with_users().endpoint())
}

/// A profile with the keys of a bucket's user.
fn keys(name: &str, bucket: &Bucket) -> String {
    let lines = bucket
        .variables()
        .into_iter()
        .map(|(name, value)| format!("{} = {value}\n", name.to_ascii_lowercase()));
    format!("[profile {name}]\n{}", lines.collect::<String>())
}

/// The keys of a bucket's user, as a credential process prints them.
fn printed(bucket: &Bucket) -> Value {
    let variables = bucket.variables();
    let value = |wanted: &str| variables.iter().find(|(name, _)| name == wanted).unwrap().1.clone();
    json!({
        "Version": 1,
        "AccessKeyId": value("AWS_ACCESS_KEY_ID"),
        "SecretAccessKey": value("AWS_SECRET_ACCESS_KEY"),
    })
}

#[test]
fn a_profile_assumes_a_role() {
    let bucket = servers::s3_with_users().bucket();
    let role = bucket.role("sts:AssumeRole", &json!({ "AWS": "*" }));
    let user = bucket.as_user_who_may_assume(&role);
    let config =
        format!("{}[profile team]\nrole_arn = {role}\nsource_profile = ci\n", keys("ci", &user));
    run(&home(&bucket, "team", &config)).succeeds().prints("42\n");
    // The same keys without the role.
    run(&home(&bucket, "ci", &config)).exits(exit::STORE).says("403 Forbidden");
}

#[test]
fn a_role_that_may_not_be_assumed_is_one_error() {
    let bucket = servers::s3_with_users().bucket();
    let role = bucket.role("sts:AssumeRole", &json!({ "AWS": "arn:aws:iam::000000000000:user/x" }));
    let user = bucket.as_user_who_may(&["s3:*"]);
    let config =
        format!("{}[profile team]\nrole_arn = {role}\nsource_profile = ci\n", keys("ci", &user));
    let answer = run(&home(&bucket, "team", &config)).exits(exit::STORE);
    answer.says("there are no credentials in the AWS profile team").says("hint: ");
}

#[test]
fn a_profile_asks_a_process() {
    let bucket = servers::s3_with_users().bucket();
    let home = home(&bucket, "team", "");
    let answer = home.file("answer.json", printed(&bucket).to_string());
    let asked = home.path("asked");
    let script = format!("#!/bin/sh\necho x >>{}\ncat {}\n", asked.display(), answer.display());
    let script = home.file("keys.sh", script);
    let config = format!("[profile team]\ncredential_process = sh {}\n", script.display());
    home.file(".aws/config", config);
    run(&home).succeeds().prints("42\n");
    // Its answer is good for the whole run, and the runtime has a ticket.
    assert_eq!(fs::read_to_string(&asked).unwrap(), "x\n");
    home.file("keys.sh", "echo geheim >&2; exit 3\n");
    let answer = run(&home).exits(exit::STORE);
    answer.says("there are no credentials in the AWS profile team").says("hint: ");
}

#[test]
fn a_person_who_has_signed_in_has_the_credentials_of_a_role() {
    let bucket = servers::s3_with_users().bucket();
    let config = "[sso-session corp]\nsso_start_url = https://corp.example/start\nsso_region = us-east-1\n\
                  sso_registration_scopes = sso:account:access\n\
                  [profile team]\nsso_session = corp\nsso_account_id = 000000000000\nsso_role_name = Builder\n";
    let home = home(&bucket, "team", config);
    let token = |expires: &str| json!({ "accessToken": "signed-in", "expiresAt": expires, "region": "us-east-1", "startUrl": "https://corp.example/start" });
    home.file(SESSION_FILE, token("2100-01-01T00:00:00Z").to_string());
    let portal = portal(&printed(&bucket));
    run(&home).env("AWS_ENDPOINT_URL_SSO", &portal).succeeds().prints("42\n");
    home.file(SESSION_FILE, token("2020-01-01T00:00:00Z").to_string());
    let answer = run(&home).env("AWS_ENDPOINT_URL_SSO", &portal).exits(exit::STORE);
    answer.says("there are no credentials in the AWS profile team").says("hint: ");
}

#[test]
fn a_profile_has_a_web_identity() {
    let bucket = servers::s3_with_users().bucket();
    let role = role_of_identity(&bucket);
    let home = home(&bucket, "team", "");
    let token = home.file("token", web_identity("issuer.example"));
    let config = format!(
        "[profile team]\nrole_arn = {role}\nweb_identity_token_file = {}\n",
        token.display()
    );
    home.file(".aws/config", config);
    run(&home).succeeds().prints("42\n");
    home.file("token", web_identity("other.example"));
    run(&home).exits(exit::STORE).says("there are no credentials in the AWS profile team");
}

/// What Kubernetes gives to a pod of a service account with a role.
#[test]
fn a_workload_has_a_web_identity() {
    let bucket = servers::s3_with_users().bucket();
    let home = Home::at(&bucket.location());
    let certificate = home.file("ca.pem", CERTIFICATE);
    let tokens = encrypted(servers::s3_with_users().endpoint().to_owned());
    let file = home.file("token", web_identity("issuer.example"));
    let (role, other) =
        (role_of_identity(&bucket), bucket.role("sts:AssumeRole", &json!({ "AWS": "*" })));
    let workload = |call: Call, role: &str| {
        call.env("AWS_WEB_IDENTITY_TOKEN_FILE", &file)
            .env("AWS_ROLE_ARN", role)
            .env("AWS_ENDPOINT_URL_STS", &tokens)
            .env("SSL_CERT_FILE", &certificate)
    };
    let call = home.run("add_one").param("n", 41);
    workload(call, &role).succeeds().prints("42\n");
    let call = home.run("add_one").param("n", 41);
    workload(call, &other).exits(exit::STORE).says("hint: ");
}

#[test]
fn a_ticket_is_signed_with_a_session_token() {
    let bucket = servers::s3_with_users().bucket().as_root_with_token();
    let token = bucket.variables().into_iter().find(|(name, _)| name == "AWS_SESSION_TOKEN");
    let (_, token) = token.unwrap();
    let home = Home::over(&bucket);
    let content = home.file("in.bin", vec![1; 1 << 20]);
    let run = home.submit("echo_later").param_file("data", &content).param("seconds", 3600);
    let run = home.submitted(run);
    let host = until("it runs", || run.shown()["started"]["host"]["pid"].as_u64());
    let line = fs::read(format!("/proc/{host}/cmdline")).unwrap();
    let line = String::from_utf8(line).unwrap();
    // Without the token, the line is shorter than 1,024 bytes, as everywhere; its signs / + = take three bytes each.
    assert!(token.len() > 1_000, "{}", token.len());
    let signs = token.chars().filter(|sign| "/+=".contains(*sign)).count();
    let length_max = 1_024 + "&X-Amz-Security-Token=".len() + token.len() + 2 * signs;
    assert!((1_024 + 512..length_max).contains(&line.len()), "{} of {length_max}", line.len());
    assert!(line.contains("X-Amz-Security-Token="), "{line}");
    let environment = fs::read(format!("/proc/{host}/environ")).unwrap();
    assert_eq!(String::from_utf8_lossy(&environment), "");
    run.verb("cancel").succeeds();
    run.wait().exits(exit::RUN_CANCELLED);
    // The most that a ticket can hold: more than a megabyte of URLs.
    let call = home.run("add_one").param("n", 41).args(["--retries", "57"]);
    call.succeeds().prints("42\n");
}

/// A role for whoever has an identity of `issuer.example`.
fn role_of_identity(bucket: &Bucket) -> String {
    let issuer = "arn:aws:iam::000000000000:oidc-provider/issuer.example";
    bucket.role("sts:AssumeRoleWithWebIdentity", &json!({ "Federated": issuer }))
}

/// A token that says so. The server believes its text, and does not look at its signature.
fn web_identity(issuer: &str) -> String {
    let part = |part: Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let claims =
        json!({ "iss": format!("https://{issuer}"), "sub": "ci", "aud": "sts.amazonaws.com" });
    format!("{}.{}.{}", part(json!({ "alg": "none" })), part(claims), "c2ln")
}

/// A portal of single sign-on that gives these credentials to whoever has signed in. Its only request; none of the test
/// servers has it.
fn portal(printed: &Value) -> String {
    let credentials = json!({ "roleCredentials": {
        "accessKeyId": printed["AccessKeyId"],
        "secretAccessKey": printed["SecretAccessKey"],
        "expiration": 4_102_444_800_000_u64,
    } });
    let address = listening(move |mut stream| {
        let (head, _) = received(&mut stream);
        let is_asked = head.starts_with("GET /federation/credentials?")
            && head.contains("role_name=Builder")
            && head.to_ascii_lowercase().contains("x-amz-sso_bearer_token: signed-in");
        let status = if is_asked { "200 OK" } else { "401 Unauthorized" };
        answer(&mut stream, status, "application/json", &credentials.to_string());
    });
    format!("http://{address}")
}

/// Passes requests on to the server at `url`, which speaks no TLS itself.
fn encrypted(url: String) -> String {
    let provider = rustls::crypto::ring::default_provider().into();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY).unwrap(),
        );
    let config = Arc::new(config.unwrap());
    let address = listening(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let (head, body) = received(&mut stream);
        let mut words = head.split_ascii_whitespace();
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let got = send(method, &format!("{url}{path}"), &form, &body);
        let status = format!("{} as it is", got.status);
        answer(&mut stream, &status, "text/xml", &got.body);
    });
    format!("https://{address}")
}

/// Handles each connection; ends with the test program.
fn listening(handle: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || listener.incoming().flatten().for_each(handle));
    address
}

/// The head and the body of a request.
fn received(stream: &mut impl Read) -> (String, Vec<u8>) {
    let (mut head, mut stream) = (String::new(), BufReader::new(stream));
    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).unwrap() > 0 {}
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

fn answer(stream: &mut impl Write, status: &str, kind: &str, body: &str) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    stream.flush().unwrap();
}
