use longshore_sdk::flow;

type Answer = Result<u8, String>;

#[flow]
fn answer() -> Answer {
    Ok(42)
}

fn main() {}
