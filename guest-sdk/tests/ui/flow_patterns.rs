use longshore_sdk::flow;

#[flow]
fn add((a, b): (u8, u8), _: u8, ref c: u8, d @ 0..: u8) -> u8 {
    a + b + c + d
}

fn main() {}
