use longshore_sdk::flow;

#[flow]
fn borrow(text: &str, bytes: &[u8], numbers: &[u32], more: Option<&String>) -> u32 {
    0
}

fn main() {}
