//! Certificates of the relay's own and given ones, and whom they are trusted by.

use super::*;

struct Bench {
    folder: tempfile::TempDir,
    data: DataDir,
    authority: Authority,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let authority = Authority::open(&names(), &data).unwrap();
        Self {
            folder,
            data,
            authority,
        }
    }

    fn own(&self, also: Option<&str>, now: OffsetDateTime) -> Own {
        self.own_for(&names(), also, now)
    }

    fn own_for(&self, names: &[String], also: Option<&str>, now: OffsetDateTime) -> Own {
        let asked = also.iter().map(|address| address.parse().unwrap());
        own(names, &asked.collect(), &self.authority, &self.data, now).unwrap()
    }
}

fn names() -> Vec<String> {
    vec!["localhost".into(), "127.0.0.1".into()]
}

fn load(source: &CertificateSource, data: &DataDir) -> Result<Loaded, CertificateError> {
    super::load(source, data, &BTreeSet::new())
}

#[test]
fn an_own_certificate_stays_until_it_is_nearly_over() {
    let bench = Bench::new();
    let now = OffsetDateTime::now_utc();
    let first = bench.own(None, now);
    assert_eq!(bench.own(None, now + VALID - EARLY * 2), first);
    let second = bench.own(None, now + VALID - EARLY / 2);
    assert_ne!(second, first);
    load(&CertificateSource::Own(names()), &bench.data).unwrap();
}

#[test]
fn one_that_a_wrong_clock_made_goes_when_the_clock_is_right() {
    let bench = Bench::new();
    let now = OffsetDateTime::now_utc();
    for wrong in [
        OffsetDateTime::UNIX_EPOCH + Duration::days(2),
        now + Duration::days(43 * 365),
    ] {
        let first = bench.own(None, wrong);
        let second = bench.own(None, now);
        assert_ne!(second, first, "{wrong}");
        assert!(second.from < now && now < second.until, "{second:?}");
        // A clock that is a little behind is none.
        assert_eq!(bench.own(None, now - BEHIND / 2), second);
    }
}

#[test]
fn it_is_for_every_name_and_for_the_addresses_at_which_it_was_asked() {
    let bench = Bench::new();
    let now = OffsetDateTime::now_utc();
    bench.own(Some("192.0.2.7"), now);
    let both = bench.own(Some("2001:db8::7"), now);
    for name in ["localhost", "127.0.0.1", "192.0.2.7", "2001:db8::7"] {
        assert!(both.names.contains(&name.to_owned()), "{name}: {both:?}");
    }
    assert_eq!(bench.own(Some("192.0.2.7"), now), both);
    assert_eq!(bench.own(None, now), both);
    let more = ["localhost".into(), "relay.lan".into()];
    let authority = Authority::open(&more, &bench.data).unwrap();
    let renamed = own(&more, &BTreeSet::new(), &authority, &bench.data, now).unwrap();
    assert!(renamed.names.contains(&"relay.lan".to_owned()));
    assert!(renamed.names.contains(&"192.0.2.7".to_owned()));
    for last in 0..100 {
        let own = bench.own(Some(&format!("198.51.100.{last}")), now);
        assert!(own.names.len() <= ADDRESSES + names().len(), "{own:?}");
        assert!(own.names.contains(&format!("198.51.100.{last}")), "{own:?}");
    }
}

#[test]
fn a_name_that_is_the_relay_s_no_longer_goes_at_once() {
    let bench = Bench::new();
    let now = OffsetDateTime::now_utc();
    let both = ["localhost".into(), "127.0.0.1".into(), "192.0.2.7".into()];
    let before = bench.own_for(&both, Some("198.51.100.1"), now);
    let after = bench.own_for(&both[..1], None, now);
    assert_eq!(after.names, ["198.51.100.1", "localhost"]);
    assert_ne!(after.pem, before.pem);
    assert_eq!(bench.own_for(&both[..1], None, now), after);
    let all = bench.own_for(&both, None, now);
    assert!(both.iter().all(|name| all.names.contains(name)), "{all:?}");
}

#[test]
fn an_address_at_which_no_browser_asks_any_more_goes_after_a_while() {
    let bench = Bench::new();
    let now = OffsetDateTime::now_utc();
    let day = Duration::DAY;
    let both = bench.own(Some("192.0.2.7"), now);
    assert_eq!(bench.own(None, now + 20 * day), both);
    // Each visit is remembered, and needs no new certificate.
    let visited = bench.own(Some("192.0.2.7"), now + 20 * day);
    assert_eq!(visited.pem, both.pem);
    assert_eq!(bench.own(None, now + 49 * day), visited);
    let without = bench.own(None, now + 51 * day);
    assert_eq!(without.names, ["127.0.0.1", "localhost"]);
    assert_ne!(without.pem, both.pem);
}

#[test]
fn a_visit_counts_for_the_address_that_the_loaded_certificate_is_for() {
    let bench = Bench::new();
    let (asked, other) = ("192.0.2.7".parse().unwrap(), "192.0.2.8".parse().unwrap());
    let source = CertificateSource::Own(names());
    let loaded = super::load(&source, &bench.data, &[asked].into()).unwrap();
    assert_eq!(loaded.asked(), [].into());
    assert!(loaded.is_for(asked) && !loaded.is_for(other));
    assert!(loaded.is_for("127.0.0.1".parse().unwrap()));
    assert_eq!(loaded.asked(), [asked].into());
}

#[test]
fn who_trusts_the_authority_trusts_the_certificate_and_no_other_name_by_it() {
    use tokio_rustls::rustls::client::WebPkiServerVerifier;
    use tokio_rustls::rustls::client::danger::ServerCertVerifier;
    use tokio_rustls::rustls::pki_types::{ServerName, UnixTime};
    use tokio_rustls::rustls::{CertificateError as Refusal, Error, RootCertStore};

    let bench = Bench::new();
    let verify = |own: &Own, name: &str| {
        let mut roots = RootCertStore::empty();
        roots.add(bench.authority.certificate().clone()).unwrap();
        let ring = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), ring);
        let certificate = CertificateDer::from_pem_slice(own.pem.as_bytes()).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let verifier = verifier.build().unwrap();
        let verified = verifier.verify_server_cert(&certificate, &[], &name, &[], UnixTime::now());
        verified.map(drop)
    };
    let now = OffsetDateTime::now_utc();
    let good = bench.own(Some("192.0.2.7"), now);
    for name in ["localhost", "127.0.0.1", "192.0.2.7"] {
        assert_eq!(verify(&good, name), Ok(()), "{name}");
    }
    // As a thief of the authority's key would make it.
    let stolen = ["bank.example".into(), "localhost".into()];
    let stolen = bench.own_for(&stolen, None, now);
    let refused = verify(&stolen, "bank.example").unwrap_err();
    assert!(
        matches!(
            refused,
            Error::InvalidCertificate(Refusal::Other(_) | Refusal::NotValidForName)
        ),
        "{refused:?}"
    );
}

#[test]
fn a_damaged_one_is_made_anew_and_given_files_are_named_when_they_are_missing() {
    let bench = Bench::new();
    let now = OffsetDateTime::now_utc();
    let whole = bench.own(None, now);
    bench
        .data
        .write(FILE, &whole.to_file().as_bytes()[..whole.pem.len() / 2])
        .unwrap();
    assert_ne!(bench.own(None, now), whole);
    bench.data.write(FILE, b"\xff").unwrap();
    load(&CertificateSource::Own(names()), &bench.data).unwrap();
    let missing = CertificateSource::Files {
        certificate: bench.folder.path().join("no.pem"),
        key: bench.folder.path().join(FILE),
    };
    let error = load(&missing, &bench.data).map(drop).unwrap_err();
    assert!(error.to_string().contains("no.pem"), "{error}");
}

#[test]
fn given_files_are_used_and_no_authority_is_offered_for_them() {
    let bench = Bench::new();
    bench.own(None, OffsetDateTime::now_utc());
    let file = bench.folder.path().join(FILE);
    let given = CertificateSource::Files {
        certificate: file.clone(),
        key: file,
    };
    let loaded = load(&given, &bench.data).unwrap();
    assert_eq!(loaded.authority, None);
    assert!(loaded.is_for("192.0.2.7".parse().unwrap()));
}
