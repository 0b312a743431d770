//! What one run may reach, and what it has looked up so far.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use longshore_protocol::grants::{Access, Grants, NetworkRefusal};
use longshore_protocol::record::Level;
use tokio::sync::Semaphore;

use super::Network;
use crate::log::LogSink;
use crate::sandbox::Call;
use crate::secrets::Secrets;

/// A name server that has not answered by then is taken for silent; the system's own patience is often longer.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Lookups at once. Each takes a thread until the system gives up, also when the guest does not wait for it any more.
const LOOKUPS_MAX: usize = 8;
/// Addresses that are remembered with their names. Who looks up more forgets the oldest.
const KNOWN_MAX: usize = 1_000;

/// Why there are no addresses.
#[derive(Debug)]
pub(super) enum LookupFailure {
    /// The name leads nowhere.
    NotFound,
    /// Nobody has answered in time.
    TimedOut,
}

/// What a run may reach. Clones share it.
#[derive(Clone)]
pub(super) struct Reach(Arc<Inner>);

struct Inner {
    grants: Grants,
    log: LogSink,
    network: Network,
    secrets: Secrets,
    lookups: Arc<Semaphore>,
    /// Names that the guest has looked up itself, with each address that it was told.
    known: Mutex<VecDeque<(IpAddr, String)>>,
}

impl fmt::Debug for Reach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Reach").field("grants", &self.0.grants).finish_non_exhaustive()
    }
}

impl Reach {
    pub(super) fn new(call: &Call, network: &Network) -> Self {
        Self(Arc::new(Inner {
            grants: call.grants.clone(),
            log: call.log.clone(),
            network: network.clone(),
            secrets: call.secrets.clone(),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            known: Mutex::default(),
        }))
    }

    pub(super) fn grants(&self) -> &Grants {
        &self.0.grants
    }

    pub(super) fn network(&self) -> &Network {
        &self.0.network
    }

    /// A field of a request as it goes to a host: placeholders of secrets become values where they are granted.
    pub(super) fn reveal(
        &self,
        value: &HeaderValue,
        access: Access<'_>,
        (host, port): (&str, u16),
    ) -> Option<HeaderValue> {
        let revealed = self.0.secrets.reveal(value.to_str().ok()?, access, host, port)?;
        // What cannot be sent is sent as it was: the host refuses the placeholder, and nothing is lost.
        let mut value = HeaderValue::from_str(&revealed).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Tells the author of the flow what a guest is not told.
    pub(super) fn warn(&self, message: &str) {
        self.0.log.push(Level::Warn, "longshore", message, BTreeMap::new());
    }

    /// Whether a check was passed; a refusal goes to the log.
    pub(super) fn passes(&self, check: Result<(), NetworkRefusal>) -> bool {
        if let Err(refusal) = &check {
            self.warn(&refusal.to_string());
        }
        check.is_ok()
    }

    /// Looks up a name that was checked. What comes of it has not been.
    pub(super) async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, LookupFailure> {
        let lookup = async {
            let permit = Arc::clone(&self.0.lookups).acquire_owned().await;
            let permit = permit.expect("this semaphore is never closed");
            self.0.network.resolver.look_up(name, permit).await
        };
        match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
            Ok(Ok(addresses)) if addresses.is_empty() => Err(LookupFailure::NotFound),
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(error)) => {
                self.warn(&format!("could not look up {name}: {error}"));
                Err(LookupFailure::NotFound)
            }
            Err(_) => {
                let seconds = LOOKUP_TIMEOUT.as_secs();
                self.warn(&format!("could not look up {name}: no answer within {seconds} s"));
                Err(LookupFailure::TimedOut)
            }
        }
    }

    /// Remembers that the guest was told these addresses for a name.
    pub(super) fn remember(&self, name: &str, addresses: &[IpAddr]) {
        let mut known = self.known();
        for address in addresses {
            let pair = (*address, name.to_owned());
            if !known.contains(&pair) {
                known.push_back(pair);
            }
        }
        while known.len() > KNOWN_MAX {
            known.pop_front();
        }
    }

    /// Checks an address that a socket is used with: it must be granted as an address, or be what the guest was told
    /// for a name that is granted for this port. A name that leads elsewhere now does so at its own risk: each address
    /// is checked by itself.
    pub(super) fn check_socket(
        &self,
        access: Access<'_>,
        address: SocketAddr,
    ) -> Result<(), NetworkRefusal> {
        let (ip, port) = (address.ip(), address.port());
        let check = |host: &str| {
            self.0.grants.check_host(access, host, port)?;
            self.0.grants.check_address(access, host, ip, port)
        };
        let by_address = check(&ip.to_string());
        if by_address.is_ok() {
            return by_address;
        }
        let mut refusal = by_address;
        for (_, name) in self.known().iter().filter(|(known, _)| *known == ip) {
            refusal = check(name);
            if refusal.is_ok() {
                break;
            }
        }
        refusal
    }

    fn known(&self) -> std::sync::MutexGuard<'_, VecDeque<(IpAddr, String)>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_protocol::limits::Limits;

    fn reach(network: &[&str]) -> Reach {
        let network = network.iter().map(|text| text.parse().unwrap()).collect();
        Reach(Arc::new(Inner {
            grants: Grants { network, ..Grants::default() },
            log: LogSink::new(&Limits::default(), &Secrets::default()),
            network: Network::default(),
            secrets: Secrets::default(),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            known: Mutex::default(),
        }))
    }

    fn refusal(reach: &Reach, access: Access<'_>, address: &str) -> Option<String> {
        let check = reach.check_socket(access, address.parse().unwrap());
        check.err().map(|refusal| refusal.to_string())
    }

    #[test]
    fn an_address_is_reached_by_the_name_that_led_to_it() {
        let reach = reach(&["db.example:5432", "10.0.0.0/8:80", "udp time.example:123"]);
        let unknown = "no grant allows tcp to 93.184.216.34:5432";
        let refused = |address| refusal(&reach, Access::Tcp, address);
        assert_eq!(refused("93.184.216.34:5432").as_deref(), Some(unknown));
        reach.remember("db.example", &["93.184.216.34".parse().unwrap()]);
        assert_eq!(refused("93.184.216.34:5432"), None);
        let other_port = "no grant allows tcp to db.example:5433";
        assert_eq!(refused("93.184.216.34:5433").as_deref(), Some(other_port));
        assert!(refusal(&reach, Access::Udp, "93.184.216.34:5432").is_some());
        assert_eq!(refused("10.1.2.3:80"), None);
        assert!(refused("11.1.2.3:80").is_some());
    }

    #[test]
    fn a_name_that_leads_to_another_address_is_checked_again() {
        let reach = reach(&["db.example:80"]);
        reach.remember("db.example", &["93.184.216.34".parse().unwrap()]);
        assert_eq!(refusal(&reach, Access::Tcp, "93.184.216.34:80"), None);
        for address in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254"] {
            reach.remember("db.example", &[address.parse().unwrap()]);
            let address = SocketAddr::new(address.parse().unwrap(), 80).to_string();
            let said = refusal(&reach, Access::Tcp, &address).unwrap();
            assert!(said.starts_with("db.example leads to "), "{said}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let reach = reach(&["*.example:80"]);
        for number in 0..=u16::try_from(KNOWN_MAX).unwrap() {
            let [high, low] = number.to_be_bytes();
            reach.remember("a.example", &[IpAddr::from([8, 8, high, low])]);
        }
        assert!(refusal(&reach, Access::Tcp, "8.8.0.0:80").is_some());
        assert_eq!(refusal(&reach, Access::Tcp, "8.8.0.1:80"), None);
    }
}
