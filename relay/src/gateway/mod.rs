//! The gateway: browsers as participants, over HTTPS and WebSocket, as `GATEWAY.md` says.
//!
//! A browser's connection is one of the core's like an endpoint's, but in this process: requests go in as events,
//! messages come out of an inbox, media goes to and comes from the media plane. Since a browser has no keys, this
//! module holds them for it, and nothing else of the relay does.

mod admission;
mod certificate;
mod conversation;
mod downlink;
mod forwarded;
mod hosts;
mod listen;
mod media_frame;
mod message;
mod pages;
mod parking;
mod participant;
mod reply;
mod socket;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use conclave_protocol::identity::Identity;
use conclave_protocol::secret::Secret;
use conclave_relay_core::limit_log::LimitLog;
use hkdf::Hkdf;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub use admission::WebLimits;
pub use certificate::{CertificateError, CertificateSource};

use crate::clock;
use crate::control::ConnectionIds;
use crate::data_dir::DataDir;
use crate::mail::Event;
use crate::media::MediaHandle;
use crate::metrics::Metrics;
use admission::Admission;
use certificate::Loaded;
use hosts::KnownHosts;
use pages::Pages;
use parking::Parking;

/// How the gateway is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// With what TLS is spoken; `None` speaks plain HTTP, for a proxy before it.
    pub certificate: Option<CertificateSource>,
    /// Host and port of the public address, where that is known.
    pub public_host: Option<String>,
    /// The names by which browsers may ask for it.
    pub names: Vec<String>,
    /// Who is believed about whose requests it brings.
    pub trusted_proxy: Option<IpAddr>,
}

/// What the gateway needs of the rest of the relay.
pub(crate) struct Surroundings {
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) media: MediaHandle,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) connections: Arc<ConnectionIds>,
    pub(crate) limits: Arc<ArcSwap<WebLimits>>,
    pub(crate) data: DataDir,
}

/// What every socket shares.
pub(crate) struct Gateway {
    events: mpsc::Sender<Event>,
    media: MediaHandle,
    metrics: Arc<Metrics>,
    connections: Arc<ConnectionIds>,
    admission: Admission,
    parking: Parking,
    pages: Pages,
    secret: Secret<32>,
    tls: Option<ArcSwap<Loaded>>,
    certificate: Option<CertificateSource>,
    /// Held while a certificate is read or made: its file has one writer.
    renewing: Mutex<()>,
    public_host: Option<String>,
    hosts: KnownHosts,
    log: LimitLog,
    trusted_proxy: Option<IpAddr>,
    data: DataDir,
}

impl Gateway {
    /// Prepares everything but the socket.
    pub(crate) fn new(
        surroundings: Surroundings,
        settings: Settings,
    ) -> Result<Self, CertificateError> {
        let Surroundings {
            events,
            media,
            metrics,
            connections,
            limits,
            data,
        } = surroundings;
        let Settings {
            certificate,
            public_host,
            names,
            trusted_proxy,
        } = settings;
        let is_vouched_for = matches!(certificate, Some(CertificateSource::Files { .. }));
        let hosts = KnownHosts::new(&names, is_vouched_for);
        let tls = match &certificate {
            Some(source) => {
                let loaded = certificate::load(source, &data, &BTreeSet::new())?;
                Some(ArcSwap::from_pointee(loaded))
            }
            None => None,
        };
        let admission = Admission::new(limits, Arc::clone(&metrics));
        Ok(Self {
            events,
            media,
            metrics,
            connections,
            admission,
            parking: Parking::default(),
            pages: Pages::new(),
            secret: data.gateway_secret()?,
            tls,
            certificate,
            renewing: Mutex::default(),
            public_host,
            hosts,
            log: LimitLog::default(),
            trusted_proxy,
            data,
        })
    }

    /// Serves browsers until it is dropped.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        listen::accept(listener, self).await;
    }

    /// Reads the certificate again, or makes a new one where its own is nearly over, or not valid yet.
    pub(crate) fn renew_certificate(&self) {
        self.load_certificate(None);
    }

    /// The certificate for a connection that came in at this address of the relay.
    fn certificate_at(&self, address: IpAddr) -> Option<Arc<Loaded>> {
        let tls = self.tls.as_ref()?;
        let address = address.to_canonical();
        if !tls.load().is_for(address) {
            self.load_certificate(Some(address));
        }
        Some(tls.load_full())
    }

    fn load_certificate(&self, also: Option<IpAddr>) {
        let (Some(tls), Some(source)) = (&self.tls, &self.certificate) else {
            return;
        };
        let _one = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut asked = tls.load().asked();
        asked.extend(also);
        match certificate::load(source, &self.data, &asked) {
            Ok(loaded) => tls.store(Arc::new(loaded)),
            Err(error) => {
                if let Some(unsaid) = self.log.may_say("web.certificate", clock::now()) {
                    tracing::error!(%error, unsaid, "the web certificate stays as it is");
                }
            }
        }
    }

    /// The identity of a browser's device: the browser's secret alone does not give its secret half.
    fn identity(&self, device: &Secret<32>) -> Identity {
        let secret = derive(&self.secret, device.expose(), b"conclave gateway device v1");
        Identity::from_secret(secret)
    }
}

/// What links are proven by.
pub(crate) fn link_key(secret: &Secret<32>) -> Secret<32> {
    derive(secret, &[], b"conclave gateway links v1")
}

fn derive(secret: &Secret<32>, of: &[u8], label: &[u8]) -> Secret<32> {
    let mut key = Secret([0; 32]);
    // The relay's secret is the salt: what is derived of a browser's needs both.
    Hkdf::<Sha256>::new(Some(secret.expose()), of)
        .expand(label, &mut key.0)
        .expect("32 bytes are within what HKDF-SHA256 gives");
    key
}
