//! Heavy computation that tells how far it is: counts primes with a segmented sieve.

use longshore_sdk::{data, flow, progress};

/// Numbers sieved at once. Half as many bytes fit into the first-level cache of most processors.
const SEGMENT: u64 = 1 << 16;

/// Progress is reported once in this many segments: some ten times a second.
const SEGMENTS_PER_REPORT: u64 = 1_000;

/// What was found.
#[data]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Primes {
    /// How many there are.
    pub count: u32,
    /// The largest, where there is one.
    pub largest: Option<u32>,
}

/// Counts the primes below a number.
#[flow(timeout = "10m", memory = "64MiB")]
pub fn primes(below: u32) -> Primes {
    let below = u64::from(below);
    let sieving = odd_primes_to(below.isqrt());
    log::info!("sieving with {} primes", sieving.len());
    let mut found = Primes { count: 0, largest: None };
    if below > 2 {
        found = Primes { count: 1, largest: Some(2) };
    }
    let mut segment = Segment::new(&sieving);
    let segments = below.div_ceil(SEGMENT);
    for number in 0..segments {
        if number % SEGMENTS_PER_REPORT == 0 {
            progress(number * SEGMENT, below, "sieving");
        }
        segment.sieve(number * SEGMENT, below.min((number + 1) * SEGMENT), &mut found);
    }
    progress(below, below, "");
    log::info!("found {} primes", found.count);
    found
}

/// The odd numbers of a segment, and for each sieving prime its next multiple among them.
struct Segment {
    composite: Vec<bool>,
    multiples: Vec<Multiples>,
}

struct Multiples {
    prime: usize,
    /// Where the next odd multiple stands, counted from the start of the segment.
    next: usize,
}

impl Segment {
    fn new(sieving: &[u64]) -> Self {
        // The smaller multiples of a prime are multiples of smaller primes.
        let multiples = sieving
            .iter()
            .map(|prime| Multiples { prime: *prime as usize, next: (prime * prime / 2) as usize });
        Self { composite: Vec::new(), multiples: multiples.collect() }
    }

    /// Adds the odd primes from `start` up to `end`. Segments are sieved in their order.
    fn sieve(&mut self, start: u64, end: u64, found: &mut Primes) {
        self.composite.clear();
        self.composite.resize((end - start) as usize / 2, false);
        for Multiples { prime, next } in &mut self.multiples {
            while let Some(composite) = self.composite.get_mut(*next) {
                *composite = true;
                *next += *prime;
            }
            *next -= self.composite.len();
        }
        if let Some(one) = self.composite.first_mut().filter(|_| start == 0) {
            *one = true;
        }
        found.count += self.composite.iter().filter(|composite| !**composite).count() as u32;
        if let Some(last) = self.composite.iter().rposition(|composite| !composite) {
            found.largest = Some((start + last as u64 * 2 + 1) as u32);
        }
    }
}

/// Returns the odd primes up to `limit`, which is small enough for trial division.
fn odd_primes_to(limit: u64) -> Vec<u64> {
    let mut primes = Vec::<u64>::new();
    for number in (3..=limit).step_by(2) {
        let mut divisors = primes.iter().take_while(|prime| *prime * *prime <= number);
        if divisors.all(|prime| number % prime != 0) {
            primes.push(number);
        }
    }
    primes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_trial_division() {
        let mut found = Primes { count: 0, largest: None };
        for below in 0..2_000 {
            assert_eq!(primes(below), found, "below {below}");
            if below >= 2 && (2..below).all(|divisor| below % divisor != 0) {
                found = Primes { count: found.count + 1, largest: Some(below) };
            }
        }
    }

    #[test]
    fn known_counts() {
        assert_eq!(primes(SEGMENT as u32 + 2), Primes { count: 6_543, largest: Some(65_537) });
        assert_eq!(primes(1_000_000), Primes { count: 78_498, largest: Some(999_983) });
    }
}
