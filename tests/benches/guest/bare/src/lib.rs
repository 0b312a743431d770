//! The contract without the SDK: what wit-bindgen alone makes of it. Returns the parameters as they came.
wit_bindgen::generate!({ path: "../../../../wit", world: "flows" });

struct Bare;

impl exports::longshore::flow::guest::Guest for Bare {
    fn run(_flow: String, params: Vec<u8>) -> Result<Vec<u8>, exports::longshore::flow::guest::Failure> {
        Ok(params)
    }
}

export!(Bare);
