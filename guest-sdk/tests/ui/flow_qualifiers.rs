use longshore_sdk::flow;

#[flow]
unsafe fn dangerous(n: u8) -> u8 {
    n
}

#[flow]
extern "C" fn foreign(n: u8) -> u8 {
    n
}

#[flow]
const fn early(n: u8) -> u8 {
    n
}

#[flow]
unsafe extern "C" fn many(n: u8, ...) -> u8 {
    n
}

#[flow]
fn endless() -> ! {
    loop {}
}

fn main() {}
