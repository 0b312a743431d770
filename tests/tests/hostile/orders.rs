//! Orders that no launcher writes: parameters that are not of their type, flows that are not there.

use std::fs;

use longshore_protocol::record::{Order, Outcome, Payload, Record as _, Verdict};
use longshore_tests::{Home, Run, hostile};

use crate::guest::known_verdict;

include!(concat!(env!("OUT_DIR"), "/guests/orders.rs"));

/// Executes an order for `counts_rows` that was changed after its launcher had checked it.
#[track_caller]
fn executes(guest: &str, change: impl FnOnce(&Run<'_>, &mut Order)) -> Outcome {
    let home = Home::new();
    let call = home.longshore(&["submit"]).arg(hostile()).arg("counts_rows").param("rows", "[]");
    let run = home.submitted(call);
    run.wait().succeeds();
    fs::remove_file(run.folder().join("outcome.json")).unwrap();
    fs::remove_dir_all(run.folder().join("attempts")).unwrap();
    let path = run.folder().join("order.json");
    let mut order = Order::from_json(&fs::read(&path).unwrap()).unwrap();
    change(&run, &mut order);
    fs::write(path, order.to_json()).unwrap();
    run.runtime_again().succeeds();
    let outcome = fs::read(run.folder().join("outcome.json")).unwrap();
    let outcome = Outcome::from_json(&outcome).unwrap();
    assert_eq!(known_verdict(guest), Some(outcome.verdict.word()));
    outcome
}

/// The flow says what is wrong with its parameters, and that another attempt would be the same.
#[track_caller]
fn fails_over(guest: &str, params: &[u8], why: &str) {
    let outcome = executes(guest, |run, order| {
        order.params = Payload::of(params);
        if matches!(order.params, Payload::Object { .. }) {
            fs::write(run.folder().join("params.bin"), params).unwrap();
        }
    });
    let Verdict::Failed { error, permanent: true } = &outcome.verdict else {
        panic!("{:?}", outcome.verdict)
    };
    assert!(error.message.contains(why), "{error:?}");
    assert!(outcome.usage.memory_peak_bytes < 4 << 20, "{:?}", outcome.usage);
}

#[test]
fn no_parameters_at_all() {
    fails_over("no_parameters_at_all", &[], "could not decode parameter rows");
}

#[test]
fn parameters_that_are_cut_off() {
    fails_over(
        "parameters_that_are_cut_off",
        &[2, 1, 1, b'a', 2],
        "could not decode parameter rows",
    );
}

#[test]
fn parameters_that_are_longer() {
    let why = "the parameters are 3 bytes longer than the flow takes";
    fails_over("parameters_that_are_longer", &[1, 1, 1, b'a', 0, 0, 0], why);
}

#[test]
fn parameters_that_are_no_text() {
    fails_over("parameters_that_are_no_text", &[1, 1, 1, 0xff], "could not decode parameter rows");
}

#[test]
fn parameters_that_claim_countless_rows() {
    let guest = "parameters_that_claim_countless_rows";
    fails_over(guest, &[0xff, 0xff, 0xff, 0xff, 0x0f], "could not decode parameter rows");
}

#[test]
fn parameters_that_claim_a_giant_text() {
    let guest = "parameters_that_claim_a_giant_text";
    fails_over(guest, &[1, 1, 0xff, 0xff, 0xff, 0xff, 0x07], "could not decode parameter rows");
}

#[test]
fn parameters_of_noise() {
    // Large enough to be an object of their own, and the same each time.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(100_000)
    .collect();
    fails_over("parameters_of_noise", &noise, "could not decode parameter rows");
}

#[test]
fn a_flow_that_is_not_there() {
    let outcome =
        executes("a_flow_that_is_not_there", |_, order| order.flow = "opens_doors".to_owned());
    let sentence = outcome.verdict.sentence();
    assert!(
        sentence.starts_with("the component has no flow \"opens_doors\"; it has "),
        "{sentence}"
    );
    assert!(!outcome.retryable);
}

#[test]
fn a_flow_with_a_giant_name() {
    let outcome = executes("a_flow_with_a_giant_name", |_, order| order.flow = "x".repeat(1 << 20));
    let length = outcome.verdict.sentence().len();
    assert!(length < 64 << 10, "{length} bytes of error");
}
