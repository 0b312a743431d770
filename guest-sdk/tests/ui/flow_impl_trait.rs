use longshore_sdk::flow;

#[flow]
fn takes(text: impl Into<String>) -> String {
    text.into()
}

#[flow]
fn returns(n: u8) -> impl Copy {
    n
}

fn main() {}
