//! What browsers know the relay by: a certificate that was given, or one of its own.
//!
//! Its own is in the data folder with its key. The relay's own [`Authority`] vouches for it: browsers ask once, or
//! trust that. It is for the relay's names and for the addresses at which it was asked; it is kept for as long as
//! browsers accept one, and made again before that time has passed, or when it is not valid yet, as the clock was
//! wrong.

mod authority;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use conclave_common::private_dir::PrivateDirError;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::TLS13;

use crate::data_dir::DataDir;
use authority::Authority;

/// How long an own certificate is valid: Apple's systems accept no more than 825 days.
const VALID: Duration = Duration::days(820);
/// How long before that a clock may be behind.
const BEHIND: Duration = Duration::days(1);
/// How long before its end it is made again.
const EARLY: Duration = Duration::days(30);
/// Its file in the data folder.
const FILE: &str = "web.pem";
/// Before its PEM: from when until when it is valid, in seconds since 1970.
const VALID_FROM: &str = "valid ";
/// Before its PEM: what it is for.
const FOR: &str = "for ";
/// Before its PEM: which authority signed it.
const BY: &str = "by ";
/// Addresses that are remembered. Higher has longer certificates; lower makes new ones where addresses change much.
const ADDRESSES: usize = 32;

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
        /// The file that cannot be read.
        path: PathBuf,
        /// What is wrong with it.
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
    Data(#[from] PrivateDirError),
}

/// What TLS is spoken with.
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    /// The own authority's certificate in DER, for devices that are to trust it.
    pub(super) authority: Option<Bytes>,
    /// What an own certificate is for.
    names: Vec<String>,
}

impl Loaded {
    /// Whether browsers that ask at this address of the relay find it in the certificate.
    pub(super) fn is_for(&self, address: IpAddr) -> bool {
        // No browser elsewhere asks at these, and of a given certificate its owner knows.
        let is_of_no_use = address.is_loopback() || is_link_local(address);
        is_of_no_use || self.authority.is_none() || self.names.contains(&address.to_string())
    }
}

/// Whether an address needs the name of an interface beside it, which a browser cannot give.
const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Whether a name is an address.
fn is_address(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
}

/// What TLS is spoken with; an own certificate is `also` for that address.
///
/// # Errors
/// [`CertificateError`] names the file or the cause.
pub(super) fn load(
    source: &CertificateSource,
    data: &DataDir,
    also: Option<IpAddr>,
) -> Result<Loaded, CertificateError> {
    let (chain, key, authority, names) = match source {
        CertificateSource::Files { certificate, key } => {
            (read_chain(certificate)?, read_key(key)?, None, Vec::new())
        }
        CertificateSource::Own(names) => {
            let authority = Authority::open(names, data)?;
            let own = own(names, also, &authority, data, OffsetDateTime::now_utc())?;
            let path = Path::new(FILE);
            let pem = own.pem.as_bytes();
            let mut chain = parse_chain(path, CertificateDer::pem_slice_iter(pem))?;
            chain.push(authority.certificate().clone());
            let key = PrivateKeyDer::from_pem_slice(pem).map_err(of(path))?;
            let der = Bytes::copy_from_slice(authority.certificate());
            (chain, key, Some(der), own.names)
        }
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded {
        config: Arc::new(config),
        authority,
        names,
    })
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

/// An own certificate with its key.
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
struct Own {
    /// Both, below what is said of them here.
    pem: String,
    names: Vec<String>,
    /// The fingerprint of who vouches for it.
    by: String,
    from: OffsetDateTime,
    until: OffsetDateTime,
}

/// The own certificate; made when there is none that is for all of this and valid for long enough.
fn own(
    names: &[String],
    also: Option<IpAddr>,
    authority: &Authority,
    data: &DataDir,
    now: OffsetDateTime,
) -> Result<Own, CertificateError> {
    // As certificates have it.
    let now = now.truncate_to_second();
    let also = also.map(|address| address.to_string());
    let kept = data.read(FILE)?.and_then(Own::parse);
    let by = authority.fingerprint();
    let mut names = names.to_vec();
    if let Some(kept) = kept {
        let is_for_all = names
            .iter()
            .chain(&also)
            .all(|name| kept.names.contains(name));
        if is_for_all && kept.by == by && kept.from <= now && now < kept.until - EARLY {
            return Ok(kept);
        }
        let former = kept.names.into_iter().filter(|name| is_address(name));
        let former: Vec<_> = former.filter(|name| !names.contains(name)).collect();
        if former.len() < ADDRESSES {
            names.extend(former);
        }
    }
    names.extend(also);
    names.sort();
    names.dedup();
    let made = make(names, authority, now)?;
    data.write(FILE, made.pem.as_bytes())?;
    let (until, names, by) = (made.until, made.names.join(" "), &made.by);
    tracing::info!(%until, names, authority = %by, "made a certificate for browsers");
    Ok(made)
}

/// Makes a certificate for these names, which the authority signs.
fn make(
    names: Vec<String>,
    authority: &Authority,
    now: OffsetDateTime,
) -> Result<Own, CertificateError> {
    let by = authority.fingerprint();
    let (from, until) = (now - BEHIND, now + VALID);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.clone())?;
    (params.not_before, params.not_after) = (from, until);
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Conclave relay");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, authority.issuer())?;
    let pem = format!(
        "{VALID_FROM}{} {}\n{FOR}{}\n{BY}{by}\n{}{}",
        from.unix_timestamp(),
        until.unix_timestamp(),
        names.join(" "),
        certificate.pem(),
        key.serialize_pem()
    );
    Ok(Own {
        pem,
        names,
        by,
        from,
        until,
    })
}

impl Own {
    fn parse(pem: Vec<u8>) -> Option<Self> {
        let pem = String::from_utf8(pem).ok()?;
        let mut lines = pem.lines();
        let (from, until) = lines.next()?.strip_prefix(VALID_FROM)?.split_once(' ')?;
        let time = |text: &str| OffsetDateTime::from_unix_timestamp(text.parse().ok()?).ok();
        let (from, until) = (time(from)?, time(until)?);
        let names = lines.next()?.strip_prefix(FOR)?.split(' ');
        let names = names.map(str::to_owned).collect();
        let by = lines.next()?.strip_prefix(BY)?.to_owned();
        // Damaged, it is made again.
        CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
        Some(Self {
            pem,
            names,
            by,
            from,
            until,
        })
    }
}

#[cfg(test)]
mod tests;
