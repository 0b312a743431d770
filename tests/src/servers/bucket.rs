//! A bucket of one test, and who may do what with it.

use std::hash::{BuildHasher as _, RandomState};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Kind, Server, send, state_file};

/// The account that every Azurite has, and its key: both are public.
const AZURE_ACCOUNT: &str = "devstoreaccount1";
const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const AZURE_VERSION: &str = "2021-08-06";
const S3_REGION: &str = "us-east-1";
/// Calls of ministack's root need no valid signature, even where those of users are checked.
const S3_ROOT: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
/// The key of ministack's root, which is its secret as well.
const S3_ROOT_KEY: &str = "test";

/// A bucket, or container, of one test, with credentials for it.
#[derive(Debug, Clone)]
pub struct Bucket {
    server: Server,
    name: String,
    s3_key: S3Key,
}

#[derive(Debug, Clone)]
struct S3Key {
    id: String,
    secret: String,
    token: Option<String>,
}

impl Bucket {
    #[track_caller]
    pub(super) fn make(server: Server) -> Self {
        let name = format!("test-{:016x}", random());
        let door = &server.back_door;
        let made = match server.kind {
            Kind::S3 | Kind::S3WithUsers => send("PUT", &format!("{door}/{name}"), &[], b""),
            Kind::Gcs => {
                let body = json!({ "name": name }).to_string();
                let url = format!("{door}/storage/v1/b?project=tests");
                send("POST", &url, &[("content-type", "application/json")], body.as_bytes())
            }
            Kind::Azure => {
                let signature = azure_account_signature();
                let url = format!("{door}/{AZURE_ACCOUNT}/{name}?restype=container&{signature}");
                send("PUT", &url, &[], b"")
            }
        };
        assert!([200, 201].contains(&made.status), "could not make a bucket: {made:?}");
        let root = S3_ROOT_KEY.to_owned();
        let anybody = S3Key { id: root.clone(), secret: root, token: None };
        let bucket = Self { server, name, s3_key: anybody };
        match bucket.server.kind {
            Kind::S3WithUsers => bucket.as_user_who_may(&["s3:*"]),
            Kind::S3 | Kind::Gcs | Kind::Azure => bucket,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, as `object_store` reads them.
    pub fn url(&self) -> String {
        let scheme = match self.server.kind {
            Kind::S3 | Kind::S3WithUsers => "s3",
            Kind::Gcs => "gs",
            Kind::Azure => "az",
        };
        format!("{scheme}://{}", self.name)
    }

    /// How to reach it and with what credentials, by `object_store`'s names. In capitals, they are its variables.
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let endpoint = &self.server.endpoint;
        match self.server.kind {
            Kind::S3 | Kind::S3WithUsers => {
                let S3Key { id, secret, token } = &self.s3_key;
                let options = [
                    ("aws_endpoint", endpoint.clone()),
                    ("aws_allow_http", "true".to_owned()),
                    ("aws_region", S3_REGION.to_owned()),
                    ("aws_access_key_id", id.clone()),
                    ("aws_secret_access_key", secret.clone()),
                ];
                let token = token.iter().map(|token| ("aws_session_token", token.clone()));
                options.into_iter().chain(token).collect()
            }
            Kind::Gcs => vec![
                ("google_base_url", endpoint.clone()),
                ("google_allow_http", "true".to_owned()),
                ("google_service_account_key", state_file("gcs", "account.json")),
            ],
            // Not its `use_emulator`, which reads the address from a variable of its own.
            Kind::Azure => vec![
                ("azure_storage_endpoint", format!("{endpoint}/{AZURE_ACCOUNT}")),
                ("azure_allow_http", "true".to_owned()),
                ("azure_storage_account_name", AZURE_ACCOUNT.to_owned()),
                ("azure_storage_account_key", AZURE_KEY.to_owned()),
            ],
        }
    }

    /// Where it is, as a person would write it: without credentials.
    pub fn location(&self) -> String {
        let options = self.options().into_iter().filter(|(name, _)| !is_secret(name));
        let options = options.map(|(name, value)| format!("{name}={}", encoded(&value)));
        format!("{}/tests?{}", self.url(), options.collect::<Vec<_>>().join("&"))
    }

    /// Its credentials, in the provider's environment variables.
    pub fn variables(&self) -> Vec<(String, String)> {
        let secrets = self.options().into_iter().filter(|(name, _)| is_secret(name));
        secrets.map(|(name, value)| (name.to_ascii_uppercase(), value)).collect()
    }

    /// The same bucket of [`s3_with_users`](super::s3_with_users), with the key of a new user who may do only this in it.
    #[track_caller]
    pub fn as_user_who_may(&self, actions: &[&str]) -> Self {
        self.as_user(&self.allowing(actions))
    }

    /// The same, with the key of a new user who may assume this role and nothing else.
    #[track_caller]
    pub fn as_user_who_may_assume(&self, role: &str) -> Self {
        let action = "sts:AssumeRole";
        self.as_user(&policy(&json!({ "Effect": "Allow", "Action": action, "Resource": role })))
    }

    #[track_caller]
    fn as_user(&self, policy: &str) -> Self {
        assert_eq!(self.server.kind, Kind::S3WithUsers, "no other server knows users");
        let user = format!("user-{:016x}", random());
        self.iam("CreateUser", &[("UserName", &user)]);
        let document = [("UserName", &*user), ("PolicyName", "tests"), ("PolicyDocument", policy)];
        self.iam("PutUserPolicy", &document);
        let key = self.iam("CreateAccessKey", &[("UserName", &user)]);
        let [id, secret] = ["AccessKeyId", "SecretAccessKey"].map(|name| element(&key, name));
        Self { s3_key: S3Key { id, secret, token: None }, ..self.clone() }
    }

    /// The same, with the key of the server's root, who has a session token as long as Amazon's.
    pub fn as_root_with_token(&self) -> Self {
        assert_eq!(self.server.kind, Kind::S3WithUsers, "no other server knows tokens");
        let (root, token) = (S3_ROOT_KEY.to_owned(), state_file("s3-auth", "token"));
        let token = Some(token.trim_end().to_owned());
        Self { s3_key: S3Key { id: root.clone(), secret: root, token }, ..self.clone() }
    }

    /// The name of a new role of [`s3_with_users`](super::s3_with_users) that may do everything in this bucket. These
    /// `principals` may assume it by `action`, both in words of AWS's policies.
    #[track_caller]
    pub fn role(&self, action: &str, principals: &Value) -> String {
        assert_eq!(self.server.kind, Kind::S3WithUsers, "no other server knows roles");
        let role = format!("role-{:016x}", random());
        let trust =
            policy(&json!({ "Effect": "Allow", "Action": action, "Principal": principals }));
        let name = ("RoleName", &*role);
        let made = self.iam("CreateRole", &[name, ("AssumeRolePolicyDocument", &trust)]);
        let allowed = self.allowing(&["s3:*"]);
        self.iam("PutRolePolicy", &[name, ("PolicyName", "tests"), ("PolicyDocument", &allowed)]);
        element(&made, "Arn")
    }

    /// A policy that allows this in the bucket.
    fn allowing(&self, actions: &[&str]) -> String {
        let resources = ["", "/*"].map(|part| format!("arn:aws:s3:::{}{part}", self.name));
        policy(&json!({ "Effect": "Allow", "Action": actions, "Resource": resources }))
    }

    /// A URL of [`azure`](super::azure) for an object and these permissions: Azure's letters, of which `c` may create and
    /// not overwrite. `object_store` signs `w` for every PUT, which may do both.
    pub fn azure_url(&self, key: &str, permissions: &str) -> String {
        assert_eq!(self.server.kind, Kind::Azure, "no other server knows these signatures");
        let path = format!("{AZURE_ACCOUNT}/{}/{key}", self.name);
        let ends = "2100-01-01T00:00:00Z";
        // Empty: beginning, stored policy, address, protocol; then snapshot, encryption, five headers of the answer.
        let message = format!(
            "{permissions}\n\n{ends}\n/blob/{path}\n\n\n\n{AZURE_VERSION}\nb\n\n\n\n\n\n\n"
        );
        format!(
            "{}/{path}?sv={AZURE_VERSION}&sr=b&sp={permissions}&se={}&sig={}",
            self.server.endpoint,
            encoded(ends),
            encoded(&azure_signature(&message))
        )
    }

    #[track_caller]
    fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let parameters =
            parameters.iter().map(|(name, value)| format!("&{name}={}", encoded(value)));
        let body = format!("Action={action}&Version=2010-05-08{}", parameters.collect::<String>());
        let form = ("content-type", "application/x-www-form-urlencoded");
        let headers = [form, ("authorization", S3_ROOT)];
        let answer = send("POST", &self.server.back_door, &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        answer.body
    }
}

fn is_secret(option: &str) -> bool {
    option.contains("_key") || option.contains("_token")
}

fn policy(statement: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// A shared access signature for the whole account.
fn azure_account_signature() -> String {
    let (permissions, expiry) = ("rwdlac", "2100-01-01T00:00:00Z");
    let (services, types) = ("b", "sco");
    let message = format!(
        "{AZURE_ACCOUNT}\n{permissions}\n{services}\n{types}\n\n{expiry}\n\n\n{AZURE_VERSION}\n\n"
    );
    format!(
        "sv={AZURE_VERSION}&ss={services}&srt={types}&sp={permissions}&se={}&sig={}",
        encoded(expiry),
        encoded(&azure_signature(&message))
    )
}

fn azure_signature(message: &str) -> String {
    let key = BASE64_STANDARD.decode(AZURE_KEY).expect("the key is well known");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length of key will do");
    mac.update(message.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// The text of the first element of this name.
#[track_caller]
fn element(xml: &str, name: &str) -> String {
    let text = xml.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once('<'));
    text.unwrap_or_else(|| panic!("there is no {name} in {xml}")).0.to_owned()
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Each state of a hasher is made with fresh keys, which is random enough for a name.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(())
}
