//! The double of clouds, as somebody has it who may look behind it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Proxy, address, bucket, send};

/// The double that `tests/servers/up.sh cloud` has started, and a project in it that nobody else has.
#[derive(Debug)]
pub struct Cloud {
    /// The project.
    pub project: String,
    /// Whoever launches in it.
    pub caller: String,
    double: String,
    /// What is between a launcher and the double: it counts, and breaks what is asked for.
    pub proxy: Proxy,
}

impl Cloud {
    /// A fresh project.
    #[track_caller]
    pub fn project() -> Self {
        let double = address("cloud");
        let own = format!("{:016x}", bucket::random());
        let proxy = Proxy::before(&double);
        Self { project: format!("test-{own}"), caller: format!("caller-{own}"), double, proxy }
    }

    /// Writes the credentials of the caller, as gcloud writes them for a person.
    #[track_caller]
    pub fn credentials(&self, folder: &Path) -> PathBuf {
        let content = json!({
            "type": "authorized_user",
            "client_id": "tests",
            "client_secret": "hush-hush",
            "refresh_token": self.caller,
            "token_uri": format!("{}/token", self.double),
        });
        let path = folder.join("google.json");
        std::fs::write(&path, content.to_string()).expect("the folder can be written");
        path
    }

    /// Lets the double do something that no client can ask for: see `tests/servers/cloud_double/control.py`.
    #[track_caller]
    pub fn control(&self, what: &str, body: &Value) -> Value {
        control(&self.double, what, body)
    }

    /// The words that a vendor has published for a field.
    #[track_caller]
    pub fn words(&self, api: &str, schema: &str, field: &str) -> Vec<String> {
        let schema = self.control("schema", &json!({ "api": api, "name": schema }));
        let words = schema["properties"][field]["enum"].as_array().expect("it has words").clone();
        words.iter().map(|word| word.as_str().expect("it is one").to_owned()).collect()
    }
}

/// Lets the double at this address do something.
#[track_caller]
pub(super) fn control(double: &str, what: &str, body: &Value) -> Value {
    let url = format!("{double}/_double/{what}");
    let content = body.to_string();
    let answer = send("POST", &url, &[("Content-Type", "application/json")], content.as_bytes());
    assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    serde_json::from_str(&answer.body).expect("the double answers JSON")
}
