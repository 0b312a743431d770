//! What a flow asks for and a pool allows. The flow is a stranger's, and so is every host that it names.
//!
//! An input is up to four lines: what the pool allows, what the flow asks for, a host, an address.

use std::net::IpAddr;

use longshore_protocol::grants::{
    Access, AddressClass, Asks, Grants, NamePattern, NetworkGrant, Policy, SecretAsk,
};

/// Grants round-trip, and what a policy lets through reaches nothing that the policy does not.
pub(crate) fn a_grant_reaches_no_further_than_its_policy(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.lines();
    let [allowed, asked, host, address] = [(); 4].map(|()| lines.next().unwrap_or_default());
    if let Ok(pattern) = allowed.parse::<NamePattern>() {
        assert_eq!(pattern.to_string().parse().as_ref(), Ok(&pattern));
    }
    if let Ok(secret) = asked.parse::<SecretAsk>() {
        assert_eq!(secret.to_string().parse().as_ref(), Ok(&secret));
    }
    let (Some(allowed), Some(asked)) = (read(allowed), read(asked)) else { return };
    assert!(allowed.covers(&allowed), "{allowed}");
    let policy = Policy { network: vec![allowed.clone()], ..Policy::default() };
    let asks = Asks { network: vec![asked.clone()], ..Asks::default() };
    assert_eq!(policy.refused(&asks).is_empty(), allowed.covers(&asked));
    if policy.refused(&asks).is_empty() {
        let pool = Grants { network: vec![allowed.clone()], ..Grants::default() };
        let run = Grants { network: vec![asked.clone()], ..Grants::default() };
        check_reach(&pool, &run, host, address.parse().ok());
    }
}

fn read(text: &str) -> Option<NetworkGrant> {
    let grant = text.parse::<NetworkGrant>();
    match &grant {
        Ok(grant) => assert_eq!(grant.to_string().parse().as_ref(), Ok(grant), "{text:?}"),
        Err(error) => assert!(error.contains(&format!("{text:?}"))),
    }
    grant.ok()
}

/// Where a run may go, its pool lets it go.
fn check_reach(pool: &Grants, run: &Grants, host: &str, address: Option<IpAddr>) {
    let addresses =
        ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "8.8.8.8"]
            .map(|text| text.parse().expect("an address"));
    for access in [Access::Http("GET"), Access::Http("POST"), Access::Tcp, Access::Udp] {
        for port in [1, 80, 443, u16::MAX] {
            for host in [host, "localhost", "a.example", "127.0.0.1", "::1"] {
                if run.check_host(access, host, port).is_err() {
                    continue;
                }
                assert_eq!(pool.check_host(access, host, port), Ok(()));
                for address in addresses.into_iter().chain(address) {
                    if run.check_address(access, host, address, port).is_ok() {
                        assert_eq!(pool.check_address(access, host, address, port), Ok(()));
                    } else {
                        assert!(AddressClass::of(address).is_some(), "{address} is public");
                    }
                }
            }
        }
    }
}
