//! Hosts in one form, however a guest writes them: what is checked is what is connected to.

use std::fmt;
use std::net::IpAddr;

use http::HeaderValue;
use http::uri::{Scheme, Uri};

/// A host. `2130706433`, `0x7f.1` and `127.0.0.1` are the same address, `A.Example` and `a.example` the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Name(String),
    Address(IpAddr),
}

impl Host {
    /// `None`: it is neither a name nor an address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        match url::Host::parse(text).ok()? {
            url::Host::Ipv4(address) => Some(Self::Address(address.into())),
            url::Host::Ipv6(address) => Some(Self::Address(address.into())),
            url::Host::Domain(name) => Some(Self::Name(name)),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => out.write_str(name),
            Self::Address(address) => address.fmt(out),
        }
    }
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) is_encrypted: bool,
}

impl Place {
    /// `None`: the address is ambiguous, and so it is refused. That is every one with a user in it
    /// (`https://good.example@evil.example`): requests carry credentials in fields.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let authority = uri.authority()?;
        let is_encrypted = uri.scheme() == Some(&Scheme::HTTPS);
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host)? {
            "" if is_encrypted => 443,
            "" => 80,
            text => text.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?,
        };
        Some(Self { host: Host::parse(host)?, port, is_encrypted })
    }

    /// The field `Host` of a request to it.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let host = match &self.host {
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
            other => other.to_string(),
        };
        let text = match (self.is_encrypted, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        };
        text.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(uri: &str) -> Option<String> {
        let place = Place::of(&uri.parse().ok()?)?;
        Some(format!("{} {}", place.host, place.port))
    }

    #[test]
    fn a_host_has_one_form() {
        for (uri, expected) in [
            ("http://a.example/x", "a.example 80"),
            ("https://A.Example./x", "a.example. 443"),
            ("http://a.example:8080", "a.example 8080"),
            ("http://127.0.0.1", "127.0.0.1 80"),
            ("http://127.1", "127.0.0.1 80"),
            ("http://2130706433/", "127.0.0.1 80"),
            ("http://0x7f.1:81/", "127.0.0.1 81"),
            ("http://0177.0.0.1/", "127.0.0.1 80"),
            ("http://127.0.0.1./", "127.0.0.1 80"),
            ("http://[::1]/", "::1 80"),
            ("http://[::ffff:127.0.0.1]:82/", "::ffff:127.0.0.1 82"),
        ] {
            assert_eq!(place(uri).as_deref(), Some(expected), "{uri}");
        }
    }

    #[test]
    fn what_is_ambiguous_is_no_place() {
        for uri in [
            "http://good.example@evil.example/",
            "http://good.example:80@evil.example/",
            "http://user:password@good.example/",
            "http://a.example:/",
            "http://a.example:0/",
            "http://a.example:65616/",
            "http://256.256.256.256/",
            "http://[::1/",
            "/only/a/path",
        ] {
            assert_eq!(place(uri), None, "{uri}");
        }
    }

    #[test]
    fn the_host_field_is_made_of_what_was_checked() {
        for (uri, expected) in [
            ("https://A.example:443/", "a.example"),
            ("http://a.example:443/", "a.example:443"),
            ("http://[::1]:8080/", "[::1]:8080"),
            ("http://2130706433/", "127.0.0.1"),
        ] {
            let place = Place::of(&uri.parse().unwrap()).unwrap();
            assert_eq!(place.header().unwrap(), expected, "{uri}");
        }
    }
}
