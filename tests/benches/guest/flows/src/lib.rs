//! The flows that the benches call.
use longshore_sdk::{Bytes, flow};

/// Adds one.
#[flow]
pub fn add_one(n: i64) -> i64 {
    n + 1
}

/// Returns what it is given.
#[flow]
pub fn echo(data: Bytes) -> Bytes {
    data
}

/// Returns the complement of each byte.
#[flow]
pub fn invert(data: Bytes) -> Bytes {
    data.iter().map(|byte| !byte).collect()
}

/// Returns how much it is given.
#[flow]
pub fn length(data: Bytes) -> u64 {
    data.len() as u64
}

/// Computes for ever.
#[flow]
pub fn spin() {
    loop {
        std::hint::black_box(0);
    }
}

/// Takes memory until there is none.
#[flow]
pub fn bomb() -> u64 {
    let mut eaten = Vec::new();
    loop {
        eaten.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

/// Writes `bytes` bytes to standard output, in lines of 100.
#[flow]
pub fn flood(bytes: u64) -> std::io::Result<()> {
    use std::io::Write as _;
    let lines = [&[b'x'; 99][..], b"\n"].concat().repeat(100);
    let mut out = std::io::stdout().lock();
    for _ in 0..bytes / lines.len() as u64 {
        out.write_all(&lines)?;
    }
    Ok(())
}

/// Computes `rounds` steps of a hash: loops, arithmetic and nothing else.
#[flow]
pub fn hash(rounds: u64) -> u64 {
    (0..rounds).fold(0xcbf2_9ce4_8422_2325, |hash, n| (hash ^ n).wrapping_mul(0x0100_0000_01b3))
}
