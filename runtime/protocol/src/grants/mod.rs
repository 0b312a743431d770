//! What the sandbox lets a flow do beyond computing: hosts it may reach, variables, secrets and files it may read.
//!
//! A flow *asks* ([`Asks`], in its descriptor), a pool's policy *allows* ([`Policy`]), and what came of both is in the
//! order ([`Grants`]) and enforced by the runtime. What nobody granted does not exist for the guest.
//!
//! **Invariant:** a secret's value is in none of these types; only where it can be read.

mod address;
mod ask;
mod files;
mod network;
mod secret;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use address::AddressClass;
pub use ask::{Asks, NamePattern, Policy};
pub use files::{FILES, FilePattern, FilesPolicy};
pub use network::{Access, HostPattern, NetworkGrant};
pub use secret::{SecretAsk, SecretGrant, SecretSource};

/// What a run may do, as its order says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grants {
    /// Where it may connect to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network: Vec<NetworkGrant>,
    /// The environment variables that it sees, with their values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The secrets that it sees as environment variables, and where the runtime reads them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretGrant>,
}

/// Why a connection is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkRefusal {
    /// No grant names the host, the port and the method.
    #[error("no grant allows {access} to {host}:{port}")]
    NotGranted {
        /// What was wanted.
        access: String,
        /// The host, as the guest named it.
        host: String,
        /// The port.
        port: u16,
    },
    /// The host is granted, and its name leads to an address that is not for everybody.
    #[error("{host} leads to {address}, which is {class}; a grant for a name does not reach it")]
    SpecialAddress {
        /// The host, as the guest named it.
        host: String,
        /// The address.
        address: IpAddr,
        /// Why it is special.
        class: AddressClass,
    },
    /// No grant is about this at all.
    #[error("no grant allows {access}")]
    NoAccess {
        /// What was wanted.
        access: String,
    },
    /// No grant for connections or datagrams of the guest's own names the host, so it has no use for its addresses.
    #[error("no grant allows tcp or udp to {host}, so it is not looked up")]
    NoLookup {
        /// The host, as the guest named it.
        host: String,
    },
    /// It would wait for others to connect. Nothing can grant that.
    #[error("a flow connects to others and cannot be reached at {address}")]
    NotReachable {
        /// Where it wanted to be reached.
        address: SocketAddr,
    },
}

impl Grants {
    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        self.network.is_empty() && self.env.is_empty() && self.secrets.is_empty()
    }

    /// Checks whether some grant is about this, whichever hosts it names.
    ///
    /// # Errors
    /// When none is.
    pub fn check_access(&self, access: Access<'_>) -> Result<(), NetworkRefusal> {
        if self.network.iter().any(|grant| grant.allows_access(access)) {
            return Ok(());
        }
        Err(NetworkRefusal::NoAccess { access: access.to_string() })
    }

    /// Checks a name that a guest itself wants to look up, which it does before it opens a socket.
    ///
    /// # Errors
    /// When no grant for sockets names the host.
    pub fn check_lookup(&self, host: &str) -> Result<(), NetworkRefusal> {
        if self.network.iter().any(|grant| grant.allows_lookup(host)) {
            return Ok(());
        }
        Err(NetworkRefusal::NoLookup { host: host.to_owned() })
    }

    /// Checks what a guest wants before its host's name is looked up.
    ///
    /// # Errors
    /// When no grant allows it.
    pub fn check_host(
        &self,
        access: Access<'_>,
        host: &str,
        port: u16,
    ) -> Result<(), NetworkRefusal> {
        if self.network.iter().any(|grant| grant.allows(access, host, port)) {
            return Ok(());
        }
        let access = access.to_string();
        Err(NetworkRefusal::NotGranted { access, host: host.to_owned(), port })
    }

    /// Checks the address to which a granted host's name has led, right before the connection. A name decides nothing
    /// about where it leads: loopback, private and other special addresses have to be granted as addresses.
    ///
    /// # Errors
    /// When the address is special, and no grant names it.
    pub fn check_address(
        &self,
        access: Access<'_>,
        host: &str,
        address: IpAddr,
        port: u16,
    ) -> Result<(), NetworkRefusal> {
        let Some(class) = AddressClass::of(address) else { return Ok(()) };
        if self.network.iter().any(|grant| grant.allows_address(access, host, address, port)) {
            return Ok(());
        }
        Err(NetworkRefusal::SpecialAddress { host: host.to_owned(), address, class })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(network: &[&str]) -> Grants {
        let network = network.iter().map(|text| text.parse().unwrap()).collect();
        Grants { network, ..Grants::default() }
    }

    fn reaches(network: &[&str], host: &str, address: &str) -> bool {
        let (grants, access) = (grants(network), Access::Http("GET"));
        grants.check_host(access, host, 80).is_ok()
            && grants.check_address(access, host, address.parse().unwrap(), 80).is_ok()
    }

    #[test]
    fn a_name_reaches_public_addresses_only() {
        assert!(reaches(&["api.example.com:80"], "api.example.com", "93.184.216.34"));
        assert!(!reaches(&["api.example.com:80"], "other.example.com", "93.184.216.34"));
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "169.254.169.254",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "fd00::1",
            "0.0.0.0",
        ] {
            assert!(!reaches(&["api.example.com:80"], "api.example.com", address), "{address}");
            assert!(!reaches(&["*:80"], "api.example.com", address), "{address}");
        }
    }

    #[test]
    fn a_special_address_is_reached_where_it_is_granted_as_such() {
        let network = ["db.internal:80", "10.0.0.0/8:80"];
        assert!(reaches(&network, "db.internal", "10.1.2.3"));
        assert!(!reaches(&network, "db.internal", "127.0.0.1"));
        assert!(reaches(&["127.0.0.1:80"], "127.0.0.1", "127.0.0.1"));
        assert!(reaches(&["localhost:80"], "localhost", "127.0.0.1"));
        assert!(!reaches(&["localhost:80"], "localhost", "10.0.0.1"), "a name server may lie");
        assert!(reaches(&["[::1]:80"], "::1", "::1"));
    }

    #[test]
    fn a_name_is_looked_up_for_sockets_only() {
        let grants =
            grants(&["GET web.example:80", "tcp db.example:5432", "udp *.time.example:123"]);
        for (host, is_looked_up) in
            [("web.example", false), ("DB.example.", true), ("a.time.example", true), ("x", false)]
        {
            assert_eq!(grants.check_lookup(host).is_ok(), is_looked_up, "{host}");
        }
        assert!(grants.check_access(Access::Http("POST")).is_err());
        assert!(grants.check_access(Access::Udp).is_ok());
    }

    #[test]
    fn a_refusal_says_what_was_wanted() {
        let error = grants(&["GET api.example.com:443"])
            .check_host(Access::Http("POST"), "api.example.com", 443)
            .unwrap_err();
        assert_eq!(error.to_string(), "no grant allows POST to api.example.com:443");
        let address = "169.254.169.254".parse().unwrap();
        let error = grants(&["a.example:80"])
            .check_address(Access::Tcp, "a.example", address, 80)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.example leads to 169.254.169.254, which is link-local; a grant for a name does not reach it"
        );
    }

    #[test]
    fn grants_are_text_in_the_order() {
        let text = r#"{"network":["GET api.example.com:443"],"env":{"REGION":"eu"},"secrets":{"KEY":{"from":"env:KEY"}}}"#;
        let grants: Grants = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&grants).unwrap(), text);
        assert_eq!(serde_json::to_string(&Grants::default()).unwrap(), "{}");
    }
}
