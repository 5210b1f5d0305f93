//! What browsers know the relay by: a certificate that was given, or one of its own.
//!
//! Its own is in the data folder with its key. The relay's own [`Authority`] vouches for it: browsers ask once, or
//! trust that. It is for the relay's names and for the addresses at which it was asked lately, and for nothing else:
//! when these change, it is made again. So it is before browsers accept it no longer, and when it is not valid yet, as
//! the clock was wrong.

mod authority;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

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
/// Before its PEM: the addresses at which browsers asked, and the last day on which one did, since 1970.
const ASKED: &str = "asked ";
/// Addresses that are remembered. Higher has longer certificates; lower makes new ones where addresses change much.
const ADDRESSES: usize = 32;
/// How long an address is remembered at which no browser asks: the relay may have another one by then, and another
/// machine this one. Lower makes new certificates, which browsers warn of, where people meet seldom.
const REMEMBERED: Duration = Duration::days(30);

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
    /// At which of these browsers have asked since it was loaded.
    asked: Mutex<BTreeSet<IpAddr>>,
}

impl Loaded {
    /// Whether browsers that ask at this address of the relay find it in the certificate.
    pub(super) fn is_for(&self, address: IpAddr) -> bool {
        // No browser elsewhere asks at these, and of a given certificate its owner knows.
        if address.is_loopback() || is_link_local(address) || self.authority.is_none() {
            return true;
        }
        let is_for = self.names.contains(&address.to_string());
        if is_for {
            self.lock_asked().insert(address);
        }
        is_for
    }

    /// The addresses at which browsers asked since it was loaded.
    pub(super) fn asked(&self) -> BTreeSet<IpAddr> {
        self.lock_asked().clone()
    }

    fn lock_asked(&self) -> std::sync::MutexGuard<'_, BTreeSet<IpAddr>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
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

/// What TLS is spoken with; an own certificate is also for the addresses at which browsers `asked`.
///
/// # Errors
/// [`CertificateError`] names the file or the cause.
pub(super) fn load(
    source: &CertificateSource,
    data: &DataDir,
    asked: &BTreeSet<IpAddr>,
) -> Result<Loaded, CertificateError> {
    let (chain, key, authority, names) = match source {
        CertificateSource::Files { certificate, key } => {
            (read_chain(certificate)?, read_key(key)?, None, Vec::new())
        }
        CertificateSource::Own(names) => {
            let authority = Authority::open(names, data)?;
            let own = own(names, asked, &authority, data, OffsetDateTime::now_utc())?;
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
        asked: Mutex::default(),
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
    /// Both, as PEM.
    pem: String,
    names: Vec<String>,
    /// Those of the names that are there because browsers asked at them.
    asked: Asked,
    /// The fingerprint of who vouches for it.
    by: String,
    from: OffsetDateTime,
    until: OffsetDateTime,
}

/// Addresses at which browsers asked, and the last day on which one did.
type Asked = BTreeMap<String, i64>;

/// The own certificate; made when there is none that is for exactly this and valid for long enough.
fn own(
    names: &[String],
    asked: &BTreeSet<IpAddr>,
    authority: &Authority,
    data: &DataDir,
    now: OffsetDateTime,
) -> Result<Own, CertificateError> {
    // As certificates have it.
    let now = now.truncate_to_second();
    let kept = data.read(FILE)?.and_then(Own::parse);
    let by = authority.fingerprint();
    let former = kept.as_ref().map(|kept| kept.asked.clone());
    let asked = remember(former.unwrap_or_default(), asked, names, now);
    let mut names: Vec<_> = names.iter().chain(asked.keys()).cloned().collect();
    names.sort();
    names.dedup();
    if let Some(kept) = kept
        && kept.names == names
        && kept.by == by
        && kept.from <= now
        && now < kept.until - EARLY
    {
        if kept.asked == asked {
            return Ok(kept);
        }
        let kept = Own { asked, ..kept };
        data.write(FILE, kept.to_file().as_bytes())?;
        return Ok(kept);
    }
    let made = make(names, asked, authority, now)?;
    data.write(FILE, made.to_file().as_bytes())?;
    let (until, names, by) = (made.until, made.names.join(" "), &made.by);
    tracing::info!(%until, names, authority = %by, "made a certificate for browsers");
    Ok(made)
}

/// The addresses that are remembered when browsers have asked at `newly`, beside the names that are given.
fn remember(
    former: Asked,
    newly: &BTreeSet<IpAddr>,
    names: &[String],
    now: OffsetDateTime,
) -> Asked {
    let today = now.unix_timestamp() / Duration::DAY.whole_seconds();
    // A day to come is of a wrong clock.
    let former = former.into_iter().map(|(name, day)| (name, day.min(today)));
    let mut asked: Asked = former
        .filter(|(_, day)| today - day < REMEMBERED.whole_days())
        .chain(newly.iter().map(|address| (address.to_string(), today)))
        .filter(|(name, _)| !names.contains(name))
        .collect();
    while asked.len() > ADDRESSES {
        let is_new = |name: &String| newly.iter().any(|new| new.to_string() == *name);
        let oldest = asked.iter().min_by_key(|(name, day)| (is_new(name), **day));
        let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
            break;
        };
        asked.remove(&oldest);
    }
    asked
}

/// Makes a certificate for these names, which the authority signs.
fn make(
    names: Vec<String>,
    asked: Asked,
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
    let pem = certificate.pem() + &key.serialize_pem();
    Ok(Own {
        pem,
        names,
        asked,
        by,
        from,
        until,
    })
}

impl Own {
    /// The file: what is said of the certificate, then its PEM.
    fn to_file(&self) -> String {
        let asked = self.asked.iter().map(|(name, day)| format!("{name}={day}"));
        format!(
            "{VALID_FROM}{} {}\n{FOR}{}\n{BY}{}\n{ASKED}{}\n{}",
            self.from.unix_timestamp(),
            self.until.unix_timestamp(),
            self.names.join(" "),
            self.by,
            asked.collect::<Vec<_>>().join(" "),
            self.pem
        )
    }

    fn parse(file: Vec<u8>) -> Option<Self> {
        let file = String::from_utf8(file).ok()?;
        let mut lines = file.lines();
        let (from, until) = lines.next()?.strip_prefix(VALID_FROM)?.split_once(' ')?;
        let time = |text: &str| OffsetDateTime::from_unix_timestamp(text.parse().ok()?).ok();
        let (from, until) = (time(from)?, time(until)?);
        let names = lines.next()?.strip_prefix(FOR)?.split(' ');
        let names = names.map(str::to_owned).collect();
        let by = lines.next()?.strip_prefix(BY)?.to_owned();
        let asked = lines.next()?.strip_prefix(ASKED)?.split_whitespace();
        let asked = asked.map(|one| {
            let (name, day) = one.split_once('=')?;
            Some((name.to_owned(), day.parse().ok()?))
        });
        let asked = asked.collect::<Option<_>>()?;
        let pem = lines.map(|line| line.to_owned() + "\n").collect::<String>();
        // Damaged, it is made again.
        CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
        Some(Self {
            pem,
            names,
            asked,
            by,
            from,
            until,
        })
    }
}

#[cfg(test)]
mod tests;
