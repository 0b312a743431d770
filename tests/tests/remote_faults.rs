//! Object storage that throttles, fails, breaks off and goes away: the run goes through, or one clear error says why not.

use std::sync::atomic::{AtomicUsize, Ordering};

use longshore_protocol::exit;
use longshore_tests::servers::{self, Answer, Bucket, Fault, Proxy, Request};
use longshore_tests::{Home, until};

/// A home over S3, behind a proxy. Code is stored already, so that a run asks for what each run asks for.
struct Broken {
    proxy: Proxy,
    bucket: Bucket,
    home: Home,
}

impl Broken {
    fn new() -> Self {
        let server = servers::s3_with_users();
        let proxy = servers::proxy(&server);
        let bucket = server.through(&proxy).bucket();
        let home = Home::over(&bucket);
        home.run("add_one").param("n", 0).succeeds();
        drop(proxy.take_requests());
        Self { proxy, bucket, home }
    }

    /// Runs with this fault at every request in turn.
    fn suffers(&self, fault: &Fault, times: usize) {
        self.home.run("add_one").param("n", 1).succeeds();
        let requests = self.proxy.take_requests().len();
        assert!(requests > 8, "{requests} requests");
        for number in 0..requests {
            let counted = AtomicUsize::new(0);
            self.proxy.inject_where(times, fault.clone(), move |_| {
                counted.fetch_add(1, Ordering::Relaxed) >= number
            });
            self.home.run("add_one").param("n", 1).succeeds().prints("2\n");
            self.proxy.heal();
        }
    }
}

fn writes(name: &'static str) -> impl Fn(&Request) -> bool + Send {
    move |request| request.method == "PUT" && request.path.contains(name)
}

#[test]
fn a_run_takes_twelve_requests_at_most() {
    let broken = Broken::new();
    broken.home.run("add_one").param("n", 1).succeeds().prints("2\n");
    let requests = broken.proxy.take_requests();
    let shown: Vec<_> = requests
        .iter()
        .map(|request| {
            let path = request.path.split('?').next().unwrap();
            format!("{} {}", request.method, path.rsplit('/').next().unwrap())
        })
        .collect();
    assert!(shown.len() <= 12, "{} requests: {shown:#?}", shown.len());
}

#[test]
fn throttling_is_waited_for_at_every_step() {
    Broken::new().suffers(&Fault::slow_down(None), 2);
}

#[test]
fn a_server_that_fails_is_asked_again_at_every_step() {
    Broken::new().suffers(&Fault::internal_error(), 2);
}

#[test]
fn an_answer_that_is_lost_is_no_second_outcome_at_any_step() {
    Broken::new().suffers(&Fault::ResetResponse { after: 0 }, 1);
}

#[test]
fn an_answer_that_is_cut_off_is_read_again_at_every_step() {
    Broken::new().suffers(&Fault::ResetResponse { after: 10 }, 1);
}

#[test]
fn a_request_that_is_cut_off_is_sent_again_at_every_step() {
    Broken::new().suffers(&Fault::ResetRequest { after: 10 }, 1);
}

#[test]
fn large_parameters_survive_a_connection_that_breaks_in_their_middle() {
    let broken = Broken::new();
    let content = vec![5; 2 << 20];
    let file = broken.home.file("in.bin", &content);
    broken.proxy.inject_where(1, Fault::ResetRequest { after: 1 << 20 }, writes("params.bin"));
    broken.proxy.inject_where(1, Fault::ResetResponse { after: 1 << 20 }, |request| {
        request.method == "GET" && request.path.contains("params.bin")
    });
    broken.proxy.inject_where(1, Fault::ResetRequest { after: 1 << 20 }, writes("result.bin"));
    let output = broken.home.path("out.bin");
    broken.home.run("echo").param_file("data", &file).arg("-o").arg(&output).succeeds();
    assert!(std::fs::read(&output).unwrap() == content);
}

#[test]
fn a_server_that_is_away_for_a_while_loses_no_run() {
    let broken = Broken::new();
    let run = broken.home.submitted(broken.home.submit("sleeps").param("seconds", 1.0));
    until("it runs", || (run.state() == "Running").then_some(()));
    broken.proxy.go_away();
    std::thread::sleep(std::time::Duration::from_secs(3));
    broken.proxy.come_back();
    run.wait().succeeds();
}

#[test]
fn wrong_credentials_are_named_with_what_to_do() {
    let broken = Broken::new();
    let call = broken.home.run("add_one").param("n", 1).env("AWS_SECRET_ACCESS_KEY", "wrong");
    let answer = call.exits(exit::STORE).prints("");
    answer
        .says("error: could not ")
        .says("SignatureDoesNotMatch")
        .says("hint: check the credentials");
}

#[test]
fn credentials_that_have_expired_are_named_with_what_to_do() {
    let broken = Broken::new();
    let expired = Answer::of_s3(400, "ExpiredToken", "The provided token has expired.");
    broken.proxy.inject(100, Fault::Answer(expired));
    let answer = broken.home.run("add_one").param("n", 1).exits(exit::STORE).prints("");
    answer.says("ExpiredToken").says("hint: the credentials have expired: sign in again");
}

#[test]
fn a_missing_permission_is_named_with_what_to_do() {
    let broken = Broken::new();
    let reader = broken.bucket.as_user_who_may(&["s3:GetObject", "s3:ListBucket"]);
    let home = Home::over(&reader);
    let answer = home.run("add_one").param("n", 1).exits(exit::STORE).prints("");
    answer
        .says("error: could not write ")
        .says("AccessDenied")
        .says("hint: give these credentials");
    home.longshore(&["list"]).succeeds();
}

#[test]
fn a_wrong_bucket_is_named_with_what_to_do() {
    let broken = Broken::new();
    let location = broken.bucket.location().replace(broken.bucket.name(), "no-such-bucket");
    let call = broken.home.run("add_one").param("n", 1).env("LONGSHORE_STORE", location);
    let answer = call.exits(exit::STORE).prints("");
    answer.says("NoSuchBucket").says("hint: create the bucket");
}

#[test]
fn a_clock_that_is_wrong_is_named_with_what_to_do() {
    let broken = Broken::new();
    broken.proxy.inject(100, Fault::time_too_skewed());
    let answer = broken.home.run("add_one").param("n", 1).exits(exit::STORE).prints("");
    answer.says("RequestTimeTooSkewed").says("hint: the clock of this machine is wrong");
}

#[test]
fn storage_that_overwrites_by_a_url_that_may_only_create_is_found_by_doctor() {
    let broken = Broken::new();
    let created = AtomicUsize::new(0);
    // The first creation is real. What the second is told, a server would say that ignores the condition.
    let overwritten = Answer { status: 200, headers: vec![], body: String::new() };
    broken.proxy.inject_where(1, Fault::Answer(overwritten), move |request| {
        let is_creation = request.method == "PUT" && request.path.contains("-signed");
        is_creation && created.fetch_add(1, Ordering::Relaxed) == 1
    });
    let answer = broken.home.longshore(&["doctor"]).answer().exits(exit::INFRASTRUCTURE);
    let text = answer.text();
    assert!(text.contains("overwrites by a signed URL that may only create"), "{text}");
}

#[test]
fn storage_that_cannot_be_reached_is_given_up_in_time() {
    let broken = Broken::new();
    broken.proxy.go_away();
    let began = std::time::Instant::now();
    let answer = broken.home.longshore(&["list"]).exits(exit::STORE).prints("");
    answer.says("the storage cannot be reached").says("hint: check the network");
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    broken.proxy.come_back();
}
