//! What one run may reach.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use longshore_protocol::grants::{Grants, NetworkRefusal};
use longshore_protocol::record::Level;
use tokio::sync::Semaphore;

use super::Network;
use crate::log::LogSink;

/// A name server that has not answered by then is taken for silent; the system's own patience is often longer.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Lookups at once. Each takes a thread until the system gives up, also when the guest does not wait for it any more.
const LOOKUPS_MAX: usize = 8;

/// What a field of a request becomes on its way to a host and port: where placeholders are replaced.
pub(super) type FieldFilter = Arc<dyn Fn(&HeaderValue, &str, u16) -> HeaderValue + Send + Sync>;

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
    filter: FieldFilter,
    lookups: Arc<Semaphore>,
}

impl fmt::Debug for Reach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Reach").field("grants", &self.0.grants).finish_non_exhaustive()
    }
}

impl Reach {
    pub(super) fn new(grants: &Grants, log: &LogSink, network: &Network) -> Self {
        Self(Arc::new(Inner {
            grants: grants.clone(),
            log: log.clone(),
            network: network.clone(),
            filter: Arc::new(|value, _host, _port| value.clone()),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        }))
    }

    pub(super) fn grants(&self) -> &Grants {
        &self.0.grants
    }

    pub(super) fn network(&self) -> &Network {
        &self.0.network
    }

    pub(super) fn filter(&self) -> &FieldFilter {
        &self.0.filter
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
}
