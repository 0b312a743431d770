//! Addresses that are not for everybody.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is special. After the IANA registries of special-purpose addresses
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>, `iana-ipv6-special-registry`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressClass {
    /// This machine itself.
    Loopback,
    /// This link only; clouds serve instance metadata and credentials there.
    LinkLocal,
    /// A private network.
    Private,
    /// Many, or all: multicast and broadcast.
    Multicast,
    /// No address at all: unspecified, reserved, documentation, benchmarks.
    Reserved,
    /// An IPv6 form of an IPv4 address, which may be any of the others.
    EmbeddedIpv4,
}

impl AddressClass {
    /// The class of an address. `None`: it is a public one.
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Option<Self> {
        match address.octets() {
            [127, ..] => Some(Self::Loopback),
            [169, 254, ..] => Some(Self::LinkLocal),
            // 100.64.0.0/10 is shared by providers and, in clouds, by pods and control planes.
            [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => {
                Some(Self::Private)
            }
            [224..=239, ..] | [255, 255, 255, 255] => Some(Self::Multicast),
            [0 | 240..=255, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _] => Some(Self::Reserved),
            _ => None,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Option<Self> {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => Some(Self::Loopback),
            [0, 0, 0, 0, 0, 0, 0, 0] => Some(Self::Reserved),
            // Mapped, compatible, translated (RFC 6052, local too: RFC 8215), 6to4, Teredo.
            [0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, ..] | [0x2002, ..] | [0x2001, 0, ..] => {
                Some(Self::EmbeddedIpv4)
            }
            [0xfe80..=0xfebf, ..] => Some(Self::LinkLocal),
            // Unique local, and the older site-local.
            [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Some(Self::Private),
            [0xff00..=0xffff, ..] => Some(Self::Multicast),
            // Global unicast is 2000::/3; documentation and the like are cut out of it.
            [0x2001, 0x0db8 | 0x0001..=0x01ff, ..] | [0x3fff, ..] => Some(Self::Reserved),
            [0x2000..=0x3fff, ..] => None,
            _ => Some(Self::Reserved),
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Private => "private",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
            Self::EmbeddedIpv4 => "an IPv4 address in another form",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_known() {
        use AddressClass::{EmbeddedIpv4, LinkLocal, Loopback, Multicast, Private, Reserved};
        for (address, class) in [
            ("8.8.8.8", None),
            ("172.15.0.1", None),
            ("172.32.0.1", None),
            ("2606:4700::1111", None),
            ("127.255.0.1", Some(Loopback)),
            ("::1", Some(Loopback)),
            ("169.254.169.254", Some(LinkLocal)),
            ("fe80::1", Some(LinkLocal)),
            ("10.0.0.1", Some(Private)),
            ("172.16.0.1", Some(Private)),
            ("192.168.1.1", Some(Private)),
            ("100.100.100.200", Some(Private)),
            ("fd00:ec2::254", Some(Private)),
            ("224.0.0.1", Some(Multicast)),
            ("255.255.255.255", Some(Multicast)),
            ("ff02::1", Some(Multicast)),
            ("0.0.0.0", Some(Reserved)),
            ("::", Some(Reserved)),
            ("240.0.0.1", Some(Reserved)),
            ("2001:db8::1", Some(Reserved)),
            ("::ffff:8.8.8.8", Some(EmbeddedIpv4)),
            ("::ffff:0:7f00:1", Some(EmbeddedIpv4)),
            ("::7f00:1", Some(EmbeddedIpv4)),
            ("64:ff9b::a9fe:a9fe", Some(EmbeddedIpv4)),
            ("2002:7f00:1::", Some(EmbeddedIpv4)),
            ("2001::1", Some(EmbeddedIpv4)),
        ] {
            assert_eq!(AddressClass::of(address.parse().unwrap()), class, "{address}");
        }
    }
}
