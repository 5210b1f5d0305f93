//! What browsers know the relay by: a certificate that was given, or one of its own.
//!
//! Its own stands in the data folder with its key. Nobody vouches for it, so browsers ask once; it is kept for
//! as long as browsers accept one, and made anew before that is over.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::TLS13;

use crate::data_dir::{DataDir, DataError};

/// How long an own certificate is valid: Apple's systems accept no more than 825 days.
const VALID: Duration = Duration::days(820);
/// How long before its end it is made anew.
const EARLY: Duration = Duration::days(30);
/// Its file in the data folder.
const FILE: &str = "web.pem";
/// Before its PEM: until when it is valid, in seconds since 1970.
const UNTIL: &str = "valid until ";

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// From these files, in PEM.
    Files {
        /// The certificate and what vouches for it.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// The relay's own, for these names and addresses.
    Own(Vec<String>),
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or is no PEM of what it should be.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: tokio_rustls::rustls::pki_types::pem::Error,
    },
    /// Certificate and key cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
    /// An own one cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// An own one cannot be kept.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// What TLS is spoken with.
///
/// # Errors
/// [`CertificateError`] names the file or the cause.
pub(super) fn load(
    source: &CertificateSource,
    data: &DataDir,
) -> Result<Arc<ServerConfig>, CertificateError> {
    let (chain, key) = match source {
        CertificateSource::Files { certificate, key } => (read_chain(certificate)?, read_key(key)?),
        CertificateSource::Own(names) => {
            let pem = own(names, data, OffsetDateTime::now_utc())?;
            let path = Path::new(FILE);
            (
                parse_chain(path, CertificateDer::pem_slice_iter(pem.as_bytes()))?,
                PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(of(path))?,
            )
        }
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn of(
    path: &Path,
) -> impl Fn(tokio_rustls::rustls::pki_types::pem::Error) -> CertificateError + '_ {
    |error| CertificateError::File {
        path: path.into(),
        error,
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    parse_chain(path, CertificateDer::pem_file_iter(path).map_err(of(path))?)
}

fn parse_chain(
    path: &Path,
    found: impl Iterator<
        Item = Result<CertificateDer<'static>, tokio_rustls::rustls::pki_types::pem::Error>,
    >,
) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    found.collect::<Result<_, _>>().map_err(of(path))
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    PrivateKeyDer::from_pem_file(path).map_err(of(path))
}

/// The own certificate and its key in PEM, made when there is none that is valid for long enough.
fn own(names: &[String], data: &DataDir, now: OffsetDateTime) -> Result<String, CertificateError> {
    if let Some(kept) = data.read(FILE)?
        && let Ok(kept) = String::from_utf8(kept)
        && valid_until(&kept).is_some_and(|until| until - EARLY > now)
    {
        return Ok(kept);
    }
    let until = now + VALID;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    // A clock that is a little behind must not refuse it.
    (params.not_before, params.not_after) = (now - Duration::days(1), until);
    params
        .distinguished_name
        .push(DnType::CommonName, "Conclave relay");
    let certificate = params.self_signed(&key)?;
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    let pem = format!("{UNTIL}{}\n{certificate}{key}", until.unix_timestamp());
    data.write(FILE, pem.as_bytes())?;
    tracing::info!(%until, "made a certificate for browsers");
    Ok(pem)
}

fn valid_until(pem: &str) -> Option<OffsetDateTime> {
    let seconds = pem.lines().next()?.strip_prefix(UNTIL)?.parse().ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["localhost".into(), "127.0.0.1".into()]
    }

    #[test]
    fn an_own_certificate_stays_until_it_is_nearly_over() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let now = OffsetDateTime::now_utc();
        let first = own(&names(), &data, now).unwrap();
        assert_eq!(
            own(&names(), &data, now + VALID - EARLY * 2).unwrap(),
            first
        );
        let second = own(&names(), &data, now + VALID - EARLY / 2).unwrap();
        assert_ne!(second, first);
        load(&CertificateSource::Own(names()), &data).unwrap();
    }

    #[test]
    fn a_damaged_one_is_made_anew_and_given_files_are_named_when_they_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        data.write(FILE, b"\xff").unwrap();
        load(&CertificateSource::Own(names()), &data).unwrap();
        let missing = CertificateSource::Files {
            certificate: folder.path().join("no.pem"),
            key: folder.path().join(FILE),
        };
        let error = load(&missing, &data).map(drop).unwrap_err();
        assert!(error.to_string().contains("no.pem"), "{error}");
    }

    #[test]
    fn given_files_are_used() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        own(&names(), &data, OffsetDateTime::now_utc()).unwrap();
        let file = folder.path().join(FILE);
        let given = CertificateSource::Files {
            certificate: file.clone(),
            key: file,
        };
        load(&given, &data).unwrap();
    }
}
