//! TLS that trusts every certificate, or those alone for which one authority vouches.

use std::net::TcpStream;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConnection, DigitallySignedStruct, StreamOwned};

/// A connection under TLS.
pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

/// TLS over a connection to the relay, whatever its certificate.
pub(crate) fn trusting(stream: TcpStream) -> Tls {
    let config = versions().dangerous();
    let config = config.with_custom_certificate_verifier(Arc::new(Trusting));
    over(stream, config.with_no_client_auth(), "localhost")
}

/// TLS with who is called `name`, by the word of the authority with this certificate in DER alone.
pub(crate) fn trusting_alone(stream: TcpStream, authority: &[u8], name: &str) -> Tls {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_slice(authority)).unwrap();
    let config = versions().with_root_certificates(roots);
    over(stream, config.with_no_client_auth(), name)
}

fn versions() -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(ring)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
}

fn over(stream: TcpStream, config: rustls::ClientConfig, name: &str) -> Tls {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(tls, stream)
}

/// Takes any certificate: that it is the relay's own is not what is looked at here.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        let ring = rustls::crypto::ring::default_provider();
        ring.signature_verification_algorithms.supported_schemes()
    }
}
