//! What cannot be a flow or data is refused where it stands, with what to do instead.

#[test]
fn unsupported_code_is_refused_with_advice() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
