//! Flows that go wrong, each in its own way.

use std::hint::black_box;

use anyhow::Context as _;
use longshore_sdk::{Result, context, flow, permanent};

/// Fails with an error that has a cause, which has a cause.
#[flow]
pub fn fails() -> anyhow::Result<u16> {
    port("port = 80a").context("could not read the settings")
}

/// Fails with an error that another attempt would only repeat, so there is none.
#[flow(retries = 3, retry_delay = "100ms")]
pub fn fails_for_good() -> Result<()> {
    Err(permanent("the account is closed").into())
}

/// Panics.
#[flow]
pub fn panics(index: u32) -> u8 {
    let primes = [2, 3, 5, 7];
    primes[index as usize]
}

/// Succeeds at the third attempt.
#[flow(retries = 3, retry_delay = "100ms")]
pub fn flaky() -> Result<String> {
    match context().attempt {
        attempt @ ..3 => Err(format!("attempt {attempt} was too early").into()),
        attempt => Ok(format!("attempt {attempt} succeeded")),
    }
}

/// Takes more memory than it asked for.
#[flow(memory = "32MiB")]
pub fn eats_memory() -> u64 {
    let mut eaten = Vec::new();
    loop {
        eaten.push(black_box(vec![1_u8; 1 << 20]));
        println!("{} MiB eaten", eaten.len());
    }
}

/// Never ends.
#[flow(timeout = "1s")]
pub fn never_ends() {
    let mut rounds = 0_u64;
    loop {
        rounds = black_box(rounds.wrapping_add(1));
    }
}

fn port(line: &str) -> anyhow::Result<u16> {
    let (_, value) = line.split_once('=').context("there is no value")?;
    let value = value.trim();
    value.parse().with_context(|| format!("{value:?} is not a port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_causes() {
        let error = fails().unwrap_err();
        let chain = error.chain().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            chain,
            [
                "could not read the settings",
                "\"80a\" is not a port",
                "invalid digit found in string"
            ]
        );
    }

    #[test]
    fn a_permanent_error_is_an_error() {
        assert_eq!(fails_for_good().unwrap_err().to_string(), "the account is closed");
    }

    #[test]
    #[should_panic(expected = "the len is 4 but the index is 4")]
    fn there_are_four_primes() {
        assert_eq!(panics(3), 7);
        panics(4);
    }

    /// A flow that is only called is always at its first attempt.
    #[test]
    fn the_first_attempt_is_too_early() {
        assert_eq!(flaky().unwrap_err().to_string(), "attempt 1 was too early");
    }
}
