//! Large parameters and results: up to the limit they work, over it there is one clear error.

use longshore_protocol::exit;
use longshore_tests::Home;
use serde_json::json;

/// What a parameter or a result may have in all: 64 MiB, and a KiB for their framing.
const LIMIT: usize = (64 << 20) + 1024;
/// What postcard adds to a byte string of this size: its length.
const FRAME: usize = 4;

/// Bytes that no compression and no wrong offset survives.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn parameters_and_result_of_64_mib_come_back_as_they_were() {
    let home = Home::new();
    let content = noise(64 << 20);
    let file = home.file("in.bin", &content);
    let answer = home.run("echo").param_file("data", &file).succeeds();
    assert!(answer.stdout == content, "{} bytes came back", answer.stdout.len());
}

#[test]
fn parameters_over_their_limit_are_refused_before_anything_is_stored() {
    let home = Home::new();
    let file = home.file("in.bin", vec![0; LIMIT - FRAME + 1]);
    home.run("echo").param_file("data", &file).answer().fails_with(
        exit::BAD_INPUT,
        &[
            "error: the parameters of echo have 67109889 bytes, and 67109888 bytes are allowed",
            "hint: put large data into object storage and pass its address",
        ],
    );
    home.has_stored_nothing();
}

#[test]
fn a_result_of_the_largest_size_arrives() {
    let home = Home::new();
    let answer = home.run("sevens").param("count", LIMIT - FRAME).succeeds();
    assert!(answer.stdout == vec![7; LIMIT - FRAME], "{} bytes came", answer.stdout.len());
}

#[test]
fn a_result_over_its_limit_is_named_and_not_retried() {
    let home = Home::new();
    let call = home.run("sevens").param("count", LIMIT - FRAME + 1).args(["--retries", "3"]);
    let answer = call.answer().exits(exit::RUN_OVER_LIMIT).prints("");
    answer.says("limit reached: result size is limited to 67109888 bytes, 67109889 bytes wanted");
    let outcome = home.only_run().outcome();
    assert_eq!((&outcome["retryable"], &outcome["attempt"]), (&json!(false), &json!(1)));
    assert!(!home.only_run().folder().join("result.bin").exists());
}

#[test]
fn a_result_far_over_its_limit_is_named_as_well() {
    let home = Home::new();
    let answer = home.run("sevens").param("count", 100 << 20).answer();
    answer
        .exits(exit::RUN_OVER_LIMIT)
        .prints("")
        .says("limit reached: result size is limited to 67109888");
}

#[test]
fn small_payloads_are_in_the_records_and_large_ones_beside_them() {
    let home = Home::new();
    for (size, is_beside) in [(4_000, false), (5_000, true)] {
        let file = home.file("in.bin", noise(size));
        let run = home.submitted(home.submit("echo").param_file("data", &file));
        assert_eq!(run.wait().succeeds().stdout, noise(size));
        for name in ["params.bin", "result.bin"] {
            assert_eq!(run.folder().join(name).exists(), is_beside, "{name} of {size} bytes");
        }
    }
}

#[test]
fn a_result_that_was_damaged_in_the_store_is_not_a_result() {
    let home = Home::new();
    let run = home.submitted(home.submit("sevens").param("count", 5_000));
    run.wait().succeeds();
    let file = run.folder().join("result.bin");
    let mut content = std::fs::read(&file).unwrap();
    content[100] = 8;
    std::fs::write(&file, content).unwrap();
    run.verb("result").answer().exits(exit::STORE).prints("").says("result.bin is damaged");
    std::fs::remove_file(&file).unwrap();
    run.verb("result").answer().exits(exit::STORE).prints("").says("result.bin is missing");
}
