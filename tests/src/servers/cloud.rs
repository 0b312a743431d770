//! The double of clouds, as somebody has it who may look behind it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{Answer, Fault, Proxy, address, bucket, send};
use crate::{Home, loaded_image};

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

    /// The settings of a pool, of a kind that Google has, whose jobs are in this project.
    #[track_caller]
    pub fn pool(&self, home: &Home) -> String {
        let (credentials, proxy) = (self.credentials(&home.path(".")), self.proxy.url());
        format!(
            "job.project = \"{}\"\njob.image = \"{}\"\njob.credentials = \"file:{}\"\njob.endpoint = \"{proxy}\"\njob.logging_endpoint = \"{proxy}\"\njob.resource_manager_endpoint = \"{proxy}\"\n",
            self.project,
            loaded_image(),
            credentials.display(),
        )
    }
}

/// What the docker client puts out.
#[track_caller]
pub fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("there is a client");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A refusal as Google writes it.
pub fn refusal(status: u16, word: &str, message: &str) -> Fault {
    let body = json!({ "error": { "code": status, "message": message, "status": word } });
    let headers = vec![("Content-Type", "application/json".to_owned())];
    Fault::Answer(Answer { status, headers, body: body.to_string() })
}

/// A refusal that passes.
pub fn busy(status: u16) -> Fault {
    refusal(status, "UNAVAILABLE", "The service is currently unavailable.")
}

/// The permissions of a role, as gcloud reads it from a file of the repository.
#[track_caller]
pub fn role(file: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(crate::repository().join(file)).expect("it is there");
    let lines = text.lines().filter_map(|line| line.strip_prefix("- "));
    lines.map(str::to_owned).collect()
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
