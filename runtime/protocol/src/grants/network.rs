//! Where a guest may connect to: `api.example.com:443`, `GET,HEAD *.example.com:443`, `udp 10.0.0.2:53`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The one name whose address is fixed (RFC 6761): a grant for it reaches this machine itself.
const LOCALHOST: &str = "localhost";

/// What a guest wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access<'a> {
    /// Send an HTTP request with this method.
    Http(&'a str),
    /// Open a TCP connection of its own.
    Tcp,
    /// Exchange datagrams.
    Udp,
}

impl fmt::Display for Access<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Http(method) => method,
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// Which hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// Every name; no special address.
    Any,
    /// This name.
    Name(String),
    /// Every name below this one: `*.example.com`, without `example.com` itself.
    Below(String),
    /// The addresses that begin with the same `length` bits: `10.0.0.0/8`, or one address.
    Net {
        /// The first of them.
        address: IpAddr,
        /// How many bits they share.
        length: u8,
    },
}

/// One grant: what for, which hosts, which port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkGrant {
    /// `tcp`, `udp` or methods of HTTP. Empty: TCP, and HTTP with every method.
    accesses: Vec<String>,
    host: HostPattern,
    /// `None`: every port.
    port: Option<u16>,
}

impl NetworkGrant {
    /// Whether it allows this before the name is looked up.
    pub fn allows(&self, access: Access<'_>, host: &str, port: u16) -> bool {
        self.allows_access(access) && self.allows_port(port) && self.host.holds(host)
    }

    /// Whether it allows a socket to the host, at some port.
    pub(super) fn allows_lookup(&self, host: &str) -> bool {
        let for_sockets = self.allows_access(Access::Tcp) || self.allows_access(Access::Udp);
        for_sockets && self.host.holds(host)
    }

    /// Whether it names this special address, to which `host` has led.
    pub(super) fn allows_address(
        &self,
        access: Access<'_>,
        host: &str,
        address: IpAddr,
        port: u16,
    ) -> bool {
        let names_it = match &self.host {
            HostPattern::Net { .. } => self.host.holds_address(address),
            HostPattern::Name(name) => {
                name == LOCALHOST && is_same_name(host, name) && address.is_loopback()
            }
            HostPattern::Any | HostPattern::Below(_) => false,
        };
        names_it && self.allows_access(access) && self.allows_port(port)
    }

    /// Whether all that `other` allows is allowed by this as well.
    pub fn covers(&self, other: &Self) -> bool {
        let accesses = self.accesses.is_empty() && !other.accesses.iter().any(|word| word == "udp")
            || !other.accesses.is_empty()
                && other.accesses.iter().all(|word| self.accesses.contains(word));
        accesses
            && self.port.is_none_or(|port| other.port == Some(port))
            && self.host.covers(&other.host)
    }

    /// Which hosts it is for.
    pub fn host(&self) -> &HostPattern {
        &self.host
    }

    pub(super) fn allows_access(&self, access: Access<'_>) -> bool {
        match access {
            Access::Udp => self.accesses.iter().any(|word| word == "udp"),
            Access::Tcp | Access::Http(_) if self.accesses.is_empty() => true,
            Access::Tcp => self.accesses.iter().any(|word| word == "tcp"),
            Access::Http(method) => self.accesses.iter().any(|word| word == method),
        }
    }

    fn allows_port(&self, port: u16) -> bool {
        self.port.is_none_or(|allowed| allowed == port)
    }
}

impl HostPattern {
    fn holds(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        match self {
            Self::Any => bare_address(host).is_none(),
            Self::Name(name) => is_same_name(host, name),
            Self::Below(name) => {
                let (host, name) = (host.to_ascii_lowercase(), name.to_ascii_lowercase());
                host.strip_suffix(&name).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            Self::Net { .. } => {
                bare_address(host).is_some_and(|address| self.holds_address(address))
            }
        }
    }

    fn holds_address(&self, other: IpAddr) -> bool {
        let Self::Net { address, length } = self else { return false };
        // An IPv4-mapped address is another address than the IPv4 one: who wants both grants both.
        match (address, other) {
            (IpAddr::V4(address), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(*length)).unwrap_or(0);
                u32::from(*address) & mask == u32::from(other) & mask
            }
            (IpAddr::V6(address), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(*length)).unwrap_or(0);
                u128::from(*address) & mask == u128::from(other) & mask
            }
            _ => false,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            // A grant for that name reaches a special address, which a grant for every name does not.
            (Self::Any, Self::Name(name)) => name != LOCALHOST,
            (Self::Any, Self::Any | Self::Below(_)) => true,
            (Self::Name(name), Self::Name(other)) => is_same_name(name, other),
            (Self::Below(_), Self::Name(other)) => self.holds(other),
            (Self::Below(name), Self::Below(other)) => {
                is_same_name(name, other) || self.holds(other)
            }
            (Self::Net { length, .. }, Self::Net { address, length: narrower }) => {
                length <= narrower && self.holds_address(*address)
            }
            _ => false,
        }
    }
}

fn is_same_name(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}

fn bare_address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

impl FromStr for NetworkGrant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "{text:?} is not a network grant: {why} (write for example api.example.com:443)"
            )
        };
        let (words, place) = match text.trim().rsplit_once(' ') {
            Some((words, place)) => (Some(words), place),
            None => (None, text.trim()),
        };
        if place.contains("://") {
            return Err(wrong("leave out what stands before and with ://"));
        }
        let (host, port) = place.rsplit_once(':').ok_or_else(|| wrong("it has no port"))?;
        let port = match port {
            "*" => None,
            number => Some(
                number
                    .parse()
                    .ok()
                    .filter(|port| *port != 0)
                    .ok_or_else(|| wrong("the port is not a number from 1 to 65535, or *"))?,
            ),
        };
        let accesses = words.map(accesses).transpose().map_err(|why| wrong(&why))?;
        let host = host.parse().map_err(|why: String| wrong(&why))?;
        Ok(Self { accesses: accesses.unwrap_or_default(), host, port })
    }
}

fn accesses(words: &str) -> Result<Vec<String>, String> {
    let mut accesses: Vec<String> = Vec::new();
    for word in words.split(',').map(str::trim) {
        let is_method = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_method && word != "tcp" && word != "udp" {
            return Err(format!("{word:?} is neither tcp, udp nor a method such as GET"));
        }
        if !accesses.iter().any(|other| other == word) {
            accesses.push(word.to_owned());
        }
    }
    Ok(accesses)
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (bare, length) = match text.split_once('/') {
            Some((bare, length)) => (bare, Some(length)),
            None => (text, None),
        };
        if let Some(address) = bare_address(bare) {
            let longest = if address.is_ipv4() { 32 } else { 128 };
            let length = match length {
                None => longest,
                Some(length) => length
                    .parse()
                    .ok()
                    .filter(|length| *length <= longest)
                    .ok_or_else(|| format!("/{length} is not a length from 0 to {longest}"))?,
            };
            return Ok(Self::Net { address, length });
        }
        let (name, is_below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        // The root of all names: `example.com.` is the same name.
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let is_name = name.len() <= 253 && name.split('.').all(is_label);
        // All digits would be an address in one of its old forms, which resolvers read differently.
        if !is_name || name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(format!("{text:?} is neither a name, *.name, * nor an address"));
        }
        let name = name.to_ascii_lowercase();
        Ok(if is_below { Self::Below(name) } else { Self::Name(name) })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => out.write_str("*"),
            Self::Name(name) => out.write_str(name),
            Self::Below(name) => write!(out, "*.{name}"),
            Self::Net { address: IpAddr::V4(address), length: 32 } => write!(out, "{address}"),
            Self::Net { address: IpAddr::V4(address), length } => write!(out, "{address}/{length}"),
            Self::Net { address: IpAddr::V6(address), length: 128 } => write!(out, "[{address}]"),
            Self::Net { address: IpAddr::V6(address), length } => {
                write!(out, "[{address}]/{length}")
            }
        }
    }
}

impl fmt::Display for NetworkGrant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.accesses.is_empty() {
            write!(out, "{} ", self.accesses.join(","))?;
        }
        match self.port {
            Some(port) => write!(out, "{}:{port}", self.host),
            None => write!(out, "{}:*", self.host),
        }
    }
}

impl Serialize for NetworkGrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NetworkGrant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(text: &str) -> NetworkGrant {
        text.parse().unwrap()
    }

    #[test]
    fn a_grant_reads_what_it_writes() {
        for text in [
            "api.example.com:443",
            "GET,HEAD *.example.com:443",
            "udp 10.0.0.2:53",
            "10.0.0.0/8:*",
            "[fd00::]/8:5432",
            "[::1]:80",
            "*:443",
        ] {
            assert_eq!(grant(text).to_string(), text);
        }
        assert_eq!(grant("API.Example.com.:443").to_string(), "api.example.com:443");
    }

    #[test]
    fn what_is_no_grant_is_refused_with_the_reason() {
        for (text, why) in [
            ("api.example.com", "it has no port"),
            ("https://api.example.com:443", "leave out what stands before"),
            ("api.example.com:https", "the port is not a number"),
            ("a.example:0", "the port is not a number"),
            ("get a.example:80", "\"get\" is neither tcp, udp nor a method"),
            ("*.*.example:80", "is neither a name"),
            ("10.0.0.0/33:80", "/33 is not a length from 0 to 32"),
            ("2130706433:80", "is neither a name"),
            ("127.1:80", "is neither a name"),
            ("a..b:80", "is neither a name"),
            ("a..:80", "is neither a name"),
            (":80", "is neither a name"),
        ] {
            let error = text.parse::<NetworkGrant>().unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_grant_allows_what_it_says_and_no_more() {
        for (text, access, host, port, is_allowed) in [
            ("a.example:80", Access::Http("GET"), "A.Example.", 80, true),
            ("a.example:80", Access::Tcp, "a.example", 80, true),
            ("a.example:80", Access::Udp, "a.example", 80, false),
            ("a.example:80", Access::Tcp, "a.example", 81, false),
            ("GET a.example:80", Access::Http("POST"), "a.example", 80, false),
            ("GET a.example:80", Access::Tcp, "a.example", 80, false),
            ("*.example:80", Access::Tcp, "a.b.example", 80, true),
            ("*.example.:80", Access::Tcp, "a.example", 80, true),
            ("*.example:80", Access::Tcp, "example", 80, false),
            ("*.example:80", Access::Tcp, "aexample", 80, false),
            ("*.example:80", Access::Tcp, "example.evil", 80, false),
            ("*:80", Access::Tcp, "a.example", 80, true),
            ("*:80", Access::Tcp, "10.0.0.1", 80, false),
            ("10.0.0.0/8:80", Access::Tcp, "10.9.9.9", 80, true),
            ("10.0.0.0/8:80", Access::Tcp, "11.0.0.1", 80, false),
            ("0.0.0.0/0:80", Access::Tcp, "9.9.9.9", 80, true),
        ] {
            assert_eq!(grant(text).allows(access, host, port), is_allowed, "{text} {host}:{port}");
        }
    }

    #[test]
    fn a_policy_covers_what_is_within_it() {
        for (policy, asked, is_covered) in [
            ("*.example.com:443", "api.example.com:443", true),
            ("*.example.com:443", "GET *.api.example.com:443", true),
            ("*.example.com:443", "api.example.com:80", false),
            ("*.example.com:443", "api.example.com:*", false),
            ("GET a.example:443", "a.example:443", false),
            ("GET,PUT a.example:443", "GET a.example:443", true),
            ("a.example:443", "udp a.example:443", false),
            ("*:*", "a.example:443", true),
            ("*:*", "10.0.0.1:443", false),
            ("*:*", "localhost:443", false),
            ("*:*", "LOCALHOST.:443", false),
            ("localhost:443", "localhost:443", true),
            ("*.example.:443", "*.example:443", true),
            ("10.0.0.0/8:*", "10.1.0.0/16:443", true),
            ("10.1.0.0/16:*", "10.0.0.0/8:443", false),
        ] {
            assert_eq!(grant(policy).covers(&grant(asked)), is_covered, "{policy} / {asked}");
        }
    }
}
