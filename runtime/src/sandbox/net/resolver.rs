//! From names to addresses.

use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::OwnedSemaphorePermit;

/// Addresses that are looked at of one answer: a name server must not decide how much work there is.
const ADDRESSES_MAX: usize = 32;

/// A name whose answers are known beforehand, as curl's `--resolve` has them: `NAME=ADDRESS[,ADDRESS…]`. With several
/// answers, `NAME=ADDRESS|ADDRESS`, each lookup gets the next one, and the last one stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedName {
    name: String,
    answers: Vec<Vec<IpAddr>>,
}

impl FromStr for FixedName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not NAME=ADDRESS");
        let (name, answers) = text.split_once('=').ok_or_else(wrong)?;
        let answer = |text: &str| text.split(',').map(|address| address.parse().ok()).collect();
        let answers: Option<_> = answers.split('|').map(answer).collect();
        Ok(Self { name: name.to_owned(), answers: answers.ok_or_else(wrong)? })
    }
}

/// Looks names up: by the system, unless their answers are fixed.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    fixed: Vec<(FixedName, AtomicUsize)>,
}

impl Resolver {
    pub(super) fn new(fixed: Vec<FixedName>) -> Self {
        Self { fixed: fixed.into_iter().map(|name| (name, AtomicUsize::new(0))).collect() }
    }

    /// The addresses of `name`. The permit is kept for as long as the system works on it, which may be longer than the
    /// caller waits: nothing can interrupt the system.
    pub(super) async fn look_up(
        &self,
        name: &str,
        permit: OwnedSemaphorePermit,
    ) -> io::Result<Vec<IpAddr>> {
        if let Some(answer) = self.fixed_answer(name) {
            return Ok(answer);
        }
        let name = name.to_owned();
        let by_system = move || {
            let found = (name.as_str(), 0).to_socket_addrs();
            drop(permit);
            found.map(|found| found.map(|found| found.ip()).take(ADDRESSES_MAX).collect())
        };
        tokio::task::spawn_blocking(by_system).await.map_err(io::Error::other)?
    }

    fn fixed_answer(&self, name: &str) -> Option<Vec<IpAddr>> {
        let name = name.trim_end_matches('.');
        let (fixed, next) = self.fixed.iter().find(|(fixed, _)| fixed.name == name)?;
        let next = next.fetch_add(1, Ordering::Relaxed).min(fixed.answers.len() - 1);
        Some(fixed.answers[next].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_answers_come_one_after_another() {
        let resolver = Resolver::new(vec!["a.example=1.1.1.1,::1|127.0.0.1".parse().unwrap()]);
        let answers: Vec<_> =
            (0..3).map(|_| resolver.fixed_answer("a.example.").unwrap()).collect();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(answers[0], [address("1.1.1.1"), address("::1")]);
        assert_eq!(answers[1], [address("127.0.0.1")]);
        assert_eq!(answers[2], answers[1]);
        assert_eq!(resolver.fixed_answer("b.example"), None);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in ["a.example", "a.example=", "a.example=x", "a.example=1.1.1.1|"] {
            assert!(text.parse::<FixedName>().is_err(), "{text}");
        }
    }
}
