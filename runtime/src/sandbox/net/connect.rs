//! A connection to a place that was checked, at an address that was checked.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use longshore_protocol::grants::Access;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use wasmtime_wasi_http::Error;

use super::place::{Host, Place};
use super::reach::{LookupFailure, Reach};
use super::trust::handshake_error;

/// What bytes go over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects within `patience`: lookup, connection and handshake together.
pub(super) async fn connect(
    reach: &Reach,
    access: Access<'_>,
    place: &Place,
    patience: Duration,
) -> Result<Box<dyn Stream>, Error> {
    let until = Instant::now().checked_add(patience);
    let connected = async {
        let addresses = match &place.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => reach.look_up(name).await.map_err(|failure| match failure {
                LookupFailure::NotFound => {
                    Error::DnsError { rcode: Some("name not found".to_owned()), info_code: None }
                }
                LookupFailure::TimedOut => Error::DnsTimeout,
            })?,
        };
        let stream = to_one_of(reach, access, place, &addresses, until).await?;
        // A request waits for its answer: there is no later data that its last packet could wait for.
        stream.set_nodelay(true).map_err(Error::Connect)?;
        if !place.is_encrypted {
            return Ok::<Box<dyn Stream>, _>(Box::new(stream));
        }
        match reach.network().trust.encrypt(stream, &place.host).await {
            Ok(stream) => Ok(Box::new(stream) as Box<dyn Stream>),
            Err(error) => {
                reach.warn(&format!("could not set up TLS with {}: {error}", place.host));
                Err(handshake_error(&error))
            }
        }
    };
    timeout(patience, connected).await.map_err(|_| Error::ConnectionTimeout)?
}

/// Tries the addresses one after another. One that is refused counts as one that does not answer.
async fn to_one_of(
    reach: &Reach,
    access: Access<'_>,
    place: &Place,
    addresses: &[IpAddr],
    until: Option<Instant>,
) -> Result<TcpStream, Error> {
    let host = place.host.to_string();
    let mut failure = Error::DestinationNotFound;
    for (tried, address) in addresses.iter().enumerate() {
        let check = reach.grants().check_address(access, &host, *address, place.port);
        if !reach.passes(check) {
            failure = Error::HttpRequestDenied;
            continue;
        }
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        // Without an end in sight, the run's own is near enough.
        let time = until.map_or(Duration::MAX, |until| until - Instant::now()) / left;
        let address = SocketAddr::new(*address, place.port);
        failure = match timeout(time, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                Error::ConnectionRefused
            }
            Ok(Err(error)) => {
                reach.warn(&format!("could not connect to {address}: {error}"));
                Error::DestinationUnavailable
            }
            Err(_) => Error::ConnectionTimeout,
        };
    }
    Err(failure)
}
