//! Whom to believe, and connections that are encrypted.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasmtime_wasi_http::Error;

use super::place::Host;

/// Certificates to trust: those that browsers do, and more where the operator says so.
#[derive(Default)]
pub(super) struct Trust {
    more: Option<Vec<CertificateDer<'static>>>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Trust").field("more", &self.more).finish_non_exhaustive()
    }
}

impl Trust {
    /// Trusts the certificates in `pem` as well.
    pub(super) fn with(pem: &[u8]) -> Result<Self, String> {
        let more: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let more = more.map_err(|error| error.to_string())?;
        let mut roots = RootCertStore::empty();
        for certificate in &more {
            roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        }
        if more.is_empty() {
            return Err("there is no certificate in it".to_owned());
        }
        Ok(Self { more: Some(more), config: OnceLock::new() })
    }

    /// Proves by its certificate that the other end is `host`, and encrypts.
    pub(super) async fn encrypt(
        &self,
        stream: TcpStream,
        host: &Host,
    ) -> Result<TlsStream<TcpStream>, io::Error> {
        let name = match host {
            Host::Address(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
        };
        TlsConnector::from(self.config()).connect(name, stream).await
    }

    /// Made at the first encrypted connection: most runs have none.
    fn config(&self) -> Arc<ClientConfig> {
        let config = self.config.get_or_init(|| {
            let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
            roots.add_parsable_certificates(self.more.iter().flatten().cloned());
            let mut config = ClientConfig::builder_with_provider(
                rustls::crypto::ring::default_provider().into(),
            )
            .with_safe_default_protocol_versions()
            .expect("the provider has what these versions need")
            .with_root_certificates(roots)
            .with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Arc::new(config)
        });
        Arc::clone(config)
    }
}

/// What a guest learns of a failed handshake.
pub(super) fn handshake_error(error: &io::Error) -> Error {
    match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Error::TlsCertificateError
        }
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        Some(_) => Error::TlsProtocolError,
        None => Error::ConnectionTerminated,
    }
}
