use longshore_sdk::flow;

struct NotAnError;

#[flow]
fn fail() -> Result<u8, NotAnError> {
    Err(NotAnError)
}

fn main() {}
