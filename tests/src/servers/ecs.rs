//! AWS ECS, as far as a server of others has it, behind a front that refuses what AWS would refuse.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::{address, installed, send};
use crate::repository;

/// The region of the tests.
pub const REGION: &str = "us-east-1";
/// A role that nobody assumes.
pub const EXECUTION_ROLE: &str = "arn:aws:iam::000000000000:role/execution";

/// A cluster of one's own, and a door to the API through which nobody else comes.
#[derive(Debug)]
pub struct Ecs {
    front: String,
    lane: String,
}

impl Ecs {
    /// A fresh cluster of the server that `tests/servers/up.sh ecs` has started.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "each is one of its own, none is the usual one")]
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let lane = format!("longshore-{}-{count}", std::process::id());
        let ecs = Self { front: address("ecs"), lane };
        ecs.ask("CreateCluster", &json!({ "clusterName": ecs.lane }));
        ecs
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        &self.lane
    }

    /// The address of the API, for this cluster's launchers.
    pub fn endpoint(&self) -> String {
        format!("{}/t/{}", self.front, self.lane)
    }

    /// What ECS answers, by a door that counts nothing and never fails.
    #[track_caller]
    pub fn ask(&self, operation: &str, body: &Value) -> Value {
        self.ask_for(&format!("AmazonEC2ContainerServiceV20141113.{operation}"), body)
    }

    /// Makes a secret in Secrets Manager; its ARN.
    #[track_caller]
    pub fn secret(&self, value: &str) -> String {
        let body = json!({ "Name": format!("{}/key", self.lane), "SecretString": value });
        let made = self.ask_for("secretsmanager.CreateSecret", &body);
        made["ARN"].as_str().expect("it has one").to_owned()
    }

    #[track_caller]
    fn ask_for(&self, target: &str, body: &Value) -> Value {
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/ecs/aws4_request, SignedHeaders=host, Signature=0"
        );
        let headers = [
            ("x-amz-target", target),
            ("content-type", "application/x-amz-json-1.1"),
            ("authorization", signed.as_str()),
        ];
        let answer =
            send("POST", &format!("{}/", self.front), &headers, body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{target} {body}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("ECS answers JSON")
    }

    /// The operations that launchers of this cluster have asked for since the last time, with what they sent.
    #[track_caller]
    pub fn take_requests(&self) -> Vec<(String, Value)> {
        self.take("body")
    }

    /// The operations, with the access keys that they were signed with.
    #[track_caller]
    pub fn take_keys(&self) -> Vec<(String, String)> {
        let text = |key: Value| key.as_str().expect("it is signed").to_owned();
        self.take("key").into_iter().map(|(operation, key)| (operation, text(key))).collect()
    }

    #[track_caller]
    fn take(&self, part: &str) -> Vec<(String, Value)> {
        let answer = send("GET", &self.control("requests"), &[], b"");
        let requests: Vec<Value> = serde_json::from_str(&answer.body).expect("it is a list");
        let request = |one: Value| {
            (one["operation"].as_str().expect("it has one").to_owned(), one[part].clone())
        };
        requests.into_iter().map(request).collect()
    }

    /// The names of the operations alone.
    #[track_caller]
    pub fn take_operations(&self) -> Vec<String> {
        self.take_requests().into_iter().map(|(operation, _)| operation).collect()
    }

    /// Lets the next requests for an operation, `*` for any, suffer.
    #[track_caller]
    pub fn inject(&self, operation: &str, times: u32, fault: &Value) {
        let body = json!({ "operation": operation, "times": times, "fault": fault });
        let answer = send("POST", &self.control("faults"), &[], body.to_string().as_bytes());
        assert_eq!(answer.status, 200);
    }

    /// Lets them get an error of AWS's.
    #[track_caller]
    pub fn refuse(&self, operation: &str, times: u32, (status, code): (u16, &str), message: &str) {
        let body = json!({ "__type": code, "message": message }).to_string();
        self.inject(operation, times, &json!({ "answer": { "status": status, "body": body } }));
    }

    /// Lets them get this in place of what they asked for.
    #[track_caller]
    pub fn answer(&self, operation: &str, times: u32, body: &str) {
        self.inject(operation, times, &json!({ "answer": { "status": 200, "body": body } }));
    }

    fn control(&self, what: &str) -> String {
        format!("{}/_front/{}/{what}", self.front, self.lane)
    }

    /// All tasks of a run, whatever has become of them.
    #[track_caller]
    pub fn tasks(&self, run: &str) -> Vec<Value> {
        let started_by = format!("longshore-{run}");
        let arns = ["RUNNING", "STOPPED"].iter().flat_map(|status| {
            let body = json!({
                "cluster": self.lane, "startedBy": started_by, "desiredStatus": status,
            });
            let found = self.ask("ListTasks", &body)["taskArns"].take();
            serde_json::from_value::<Vec<String>>(found).expect("they are texts")
        });
        let arns: Vec<_> = arns.collect();
        if arns.is_empty() {
            return vec![];
        }
        let body = json!({ "cluster": self.lane, "tasks": arns, "include": ["TAGS"] });
        let found = self.ask("DescribeTasks", &body)["tasks"].take();
        serde_json::from_value(found).expect("it is a list")
    }

    /// Ends the container of a task's run with SIGKILL.
    #[track_caller]
    pub fn kill(&self, run: &str) {
        for task in self.tasks(run) {
            let arn = task["taskArn"].as_str().expect("it has one");
            let filter = format!("label=com.amazonaws.ecs.task-arn={arn}");
            let container = docker(&["ps", "--quiet", "--filter", &filter]);
            docker(&["kill", &container]);
        }
    }

    /// The task definition with this name, as it was registered.
    #[track_caller]
    pub fn definition(&self, name: &str) -> Value {
        self.ask("DescribeTaskDefinition", &json!({ "taskDefinition": name }))["taskDefinition"]
            .take()
    }
}

/// What the requests for tasks take, by AWS's own model: the content of `launchers/src/ecs/shapes.json`.
#[track_caller]
pub fn ecs_shapes() -> String {
    let script = repository().join("tests/servers/ecs_shapes.py");
    let output =
        Command::new(installed().join("python/bin/python3")).arg("-B").arg(script).output();
    let output = output.expect("the test server ecs is installed: tests/servers/up.sh ecs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it is text")
}

impl Drop for Ecs {
    fn drop(&mut self) {
        // A test that fails has more to tell.
        if std::thread::panicking() {
            return;
        }
        let body = json!({ "cluster": self.lane, "desiredStatus": "RUNNING" });
        let left = self.ask("ListTasks", &body)["taskArns"].take();
        for task in left.as_array().into_iter().flatten() {
            self.ask("StopTask", &json!({ "cluster": self.lane, "task": task }));
        }
    }
}

#[track_caller]
fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output();
    let output = output.expect("docker.io is installed: tests/servers/docker.sh up");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
