use longshore_sdk::flow;

#[flow]
fn sometimes(n: u8, #[cfg_attr(all(), cfg(all()))] _m: u8) -> u8 {
    n
}

fn main() {}
