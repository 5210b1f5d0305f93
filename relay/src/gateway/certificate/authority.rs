//! Who vouches for the relay's own certificate: an authority of this relay alone, which people may have their
//! devices trust.
//!
//! Safari opens no WebSocket to a relay whose certificate it does not trust, whatever its user answered to the page's
//! warning, and Apple's systems can be told to trust an authority alone. Its own certificate bounds what it may
//! vouch for: the relay's names, and addresses. Who trusts it lets a thief of its key pose as no site of the web.
//!
//! It has no time of the relay's clock in it, as a board's may be wrong at the first start: it is to stay for good.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{CertificateError, is_address};
use crate::data_dir::DataDir;

/// Its file in the data folder, with its key.
const FILE: &str = "web-authority.pem";
/// Before its PEM: what it is called.
const CALLED: &str = "called ";
/// Before its PEM: the names for which it may vouch.
const FOR: &str = "for ";
/// The first and the last year of its certificate: no later one fits into X.509's short form of a time.
const YEARS: (i32, i32) = (2000, 2049);

/// A certificate that vouches for others, and its key.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    /// The one of the data folder; made when there is none, or none that may vouch for `names`.
    ///
    /// # Errors
    /// [`CertificateError`] when it can be neither read nor made.
    pub(super) fn open(names: &[String], data: &DataDir) -> Result<Self, CertificateError> {
        let names: Vec<_> = names.iter().filter(|name| !is_address(name)).collect();
        let kept = data.read(FILE)?;
        let had_one = kept.is_some();
        if let Some(known) = kept.and_then(|pem| Self::parse(pem, &names)) {
            return Ok(known);
        }
        let key = KeyPair::generate()?;
        let digest: [u8; 32] = Sha256::digest(key.public_key_raw()).into();
        let [a, b, c, d, ..] = digest;
        let called = format!("Conclave relay {a:02x}{b:02x}{c:02x}{d:02x}");
        let mut params = params(&called);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: names
                .iter()
                .map(|name| GeneralSubtree::DnsName((*name).clone()))
                .collect(),
            excluded_subtrees: Vec::new(),
        });
        let certificate = params.self_signed(&key)?;
        let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
        let pem = format!(
            "{CALLED}{called}\n{FOR}{}\n{}{}",
            names.join(" "),
            certificate.pem(),
            key.serialize_pem()
        );
        data.write(FILE, pem.as_bytes())?;
        let this = Self {
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        };
        let fingerprint = this.fingerprint();
        match had_one {
            true => tracing::warn!(
                %called,
                %fingerprint,
                "made a new authority for browsers, as the former one is damaged or lacks a name: devices that trusted it need /ca.crt again"
            ),
            false => tracing::info!(%called, %fingerprint, "made an authority for browsers"),
        }
        Ok(this)
    }

    fn parse(pem: Vec<u8>, names: &[&String]) -> Option<Self> {
        let pem = String::from_utf8(pem).ok()?;
        let mut lines = pem.lines();
        let called = lines.next()?.strip_prefix(CALLED)?;
        let may_vouch_for: Vec<_> = lines.next()?.strip_prefix(FOR)?.split(' ').collect();
        if !names
            .iter()
            .all(|name| may_vouch_for.contains(&name.as_str()))
        {
            return None;
        }
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
        let key = KeyPair::try_from(&key).ok()?;
        Some(Self {
            certificate: CertificateDer::from_pem_slice(pem.as_bytes()).ok()?,
            issuer: Issuer::new(params(called), key),
        })
    }

    /// Has it vouch for a certificate.
    pub(super) const fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    /// Its own certificate, in DER: what a device is given that is to trust it.
    pub(super) const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// SHA-256 of its certificate, as devices show it.
    pub(super) fn fingerprint(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(&self.certificate).into();
        let pairs: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }
}

/// What its certificate says of it, but for the names.
fn params(called: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(YEARS.0, 1, 1);
    params.not_after = date_time_ymd(YEARS.1, 12, 31);
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, called.to_owned());
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn it_stays_for_names_that_it_may_vouch_for_and_any_address() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let first = Authority::open(&names(&["relay.lan", "localhost"]), &data).unwrap();
        let fewer = Authority::open(&names(&["relay.lan", "192.0.2.7", "::1"]), &data).unwrap();
        assert_eq!(fewer.certificate(), first.certificate());
        let more = Authority::open(&names(&["relay.lan", "meet.lan"]), &data).unwrap();
        assert_ne!(more.certificate(), first.certificate());
    }

    #[test]
    fn a_damaged_one_is_made_anew_and_its_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let first = Authority::open(&names(&["relay.lan"]), &data).unwrap();
        let path = folder.path().join(FILE);
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let second = Authority::open(&names(&["relay.lan"]), &data).unwrap();
        assert_ne!(second.certificate(), first.certificate());
    }
}
