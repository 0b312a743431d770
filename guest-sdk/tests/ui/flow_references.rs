use longshore_sdk::flow;

#[flow]
fn borrow(_text: &str, _bytes: &[u8], _numbers: &[u32], _more: Option<&String>) -> u32 {
    0
}

fn main() {}
