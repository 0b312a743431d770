//! The contract without the SDK: what wit-bindgen alone makes of it. Returns the parameters as they came, or inverted.
wit_bindgen::generate!({ path: "../../../../wit", world: "flows" });

struct Bare;

impl exports::longshore::flow::guest::Guest for Bare {
    fn run(
        flow: String,
        params: Vec<u8>,
    ) -> Result<Vec<u8>, exports::longshore::flow::guest::Failure> {
        match flow.as_str() {
            "invert" => Ok(params.iter().map(|byte| !byte).collect()),
            _ => Ok(params),
        }
    }
}

export!(Bare);
