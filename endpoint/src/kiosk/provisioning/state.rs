//! What was provisioned, as a few files that change together or not at all.
//!
//! All of them are written into one file first, the journal. Once that has its name, the change is made: a power cut
//! before leaves everything as it was, one after leaves a journal that the next start carries out.

use std::ffi::OsStr;
use std::io;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::document::Document;
use super::folder::{Folder, fresh};
use super::{network, time_servers, wifi};

/// What the kiosk takes between the administrator's file and what was chosen on the screen.
pub(crate) const ENDPOINT: &str = "endpoint.toml";
/// When each section of it was given, as a mark that no other one has.
pub(crate) const GIVEN: &str = "given.toml";
/// For `wpa_supplicant`.
pub(super) const WIFI: &str = "wpa_supplicant.conf";
/// For systemd-networkd.
pub(super) const NETWORK: &str = "conclave.network";
/// For systemd-timesyncd: the servers that the file names, and the one to ask when neither file nor network names any.
pub(super) const TIME: &str = "time-servers.conf";
pub(super) const FALLBACK_TIME: &str = "time-fallback.conf";
/// For the kiosk's unit.
pub(super) const ENVIRONMENT: &str = "environment";
/// Digests of the files that were applied, the newest first. It is replaced last, when all the others are there.
pub(crate) const APPLIED: &str = "applied";
const JOURNAL: &str = "pending";

/// The sections that are the kiosk's own.
const KIOSK: [&str; 4] = ["relay", "account", "room", "screen"];
/// So many digests are kept; a file that is older than so many others may be applied once more.
const MOST_DIGESTS: usize = 256;

/// What each file begins with.
const HEADER: &str =
    "# Written by `conclave-endpoint provision`: changes are lost with the next file.\n";

/// What the system's services are to read: names, modes and texts.
pub(super) fn for_the_system(document: &Document) -> Vec<(&'static str, u32, String)> {
    let keys = &document.keys;
    let wifi = wifi::configuration(&keys.wifi, HEADER);
    let network = network::configuration(&keys.network, HEADER);
    let servers = keys.clock.servers.as_ref();
    let servers = servers.map(|servers| servers.configuration(HEADER));
    let relay = keys.relay.address.as_ref();
    let fallback = relay.and_then(|relay| time_servers::fallback(relay, HEADER));
    let zone = keys.clock.time_zone.as_ref();
    let environment = zone.map(|zone| format!("{HEADER}TZ=:{zone}\n"));
    [
        (WIFI, 0o600, wifi),
        (NETWORK, 0o644, network),
        (TIME, 0o644, servers),
        (FALLBACK_TIME, 0o644, fallback),
        (ENVIRONMENT, 0o644, environment),
    ]
    .into_iter()
    .filter_map(|(name, mode, text)| Some((name, mode, text?)))
    .collect()
}

/// The files, none of them in the midst of a change.
pub(super) struct State<F> {
    folder: F,
}

/// A change to all files.
#[derive(Default, Serialize, Deserialize)]
struct Journal {
    files: Vec<Planned>,
}

#[derive(Serialize, Deserialize)]
struct Planned {
    name: String,
    mode: u32,
    text: String,
}

impl<F: Folder> State<F> {
    /// The files in a folder; a change that a power cut interrupted is completed.
    pub(super) fn open(folder: F) -> io::Result<Self> {
        let state = Self { folder };
        state.folder.remove(&fresh(OsStr::new(JOURNAL)))?;
        if let Some(bytes) = state.folder.read(JOURNAL.as_ref())? {
            match serde_json::from_slice(&bytes) {
                Ok(journal) => state.carry_out(&journal)?,
                Err(error) => tracing::warn!(%error, "a damaged journal is left out"),
            }
            state.end_journal()?;
        }
        Ok(state)
    }

    /// Whether the file with this digest was applied, at any time.
    pub(super) fn has_applied(&self, digest: &str) -> io::Result<bool> {
        Ok(self.text(APPLIED)?.lines().any(|line| line == digest))
    }

    /// Makes everything as the file says. `digests` are what it will be known by, `mark` is like no other.
    pub(super) fn apply(
        &self,
        document: &Document,
        digests: &[String],
        mark: &str,
    ) -> io::Result<()> {
        let journal = self.plan(document, digests, mark)?;
        let bytes = serde_json::to_vec(&journal).expect("they are texts and numbers");
        self.folder.replace(JOURNAL.as_ref(), &bytes, 0o600)?;
        self.carry_out(&journal)?;
        self.end_journal()
    }

    fn plan(&self, document: &Document, digests: &[String], mark: &str) -> io::Result<Journal> {
        let header = HEADER;
        let mut journal = Journal::default();
        let mut add = |name: &str, mode, text| {
            let name = name.to_owned();
            journal.files.push(Planned { name, mode, text });
        };
        let given = KIOSK.map(|section| (section, document.said.get(section)));
        if given.iter().any(|(_, said)| said.is_some()) {
            let (mut endpoint, mut marks) = (self.table(ENDPOINT)?, self.table(GIVEN)?);
            for (section, said) in given {
                if let Some(said) = said {
                    endpoint.insert(section.into(), said.clone());
                    marks.insert(section.into(), Value::String(mark.into()));
                }
            }
            add(ENDPOINT, 0o640, format!("{header}{endpoint}"));
            add(GIVEN, 0o640, format!("{header}{marks}"));
        }
        for (name, mode, text) in for_the_system(document) {
            add(name, mode, text);
        }
        let before = self.text(APPLIED)?;
        let others = before
            .lines()
            .filter(|line| !digests.iter().any(|new| new == line));
        let all = digests.iter().map(String::as_str).chain(others);
        let lines: Vec<_> = all.take(MOST_DIGESTS).collect();
        // The last one: who sees it sees the others. A digest helps to guess a PIN, so only its owner may read it.
        add(APPLIED, 0o600, lines.join("\n") + "\n");
        Ok(journal)
    }

    fn carry_out(&self, journal: &Journal) -> io::Result<()> {
        for Planned { name, mode, text } in &journal.files {
            self.folder.replace(name.as_ref(), text.as_bytes(), *mode)?;
        }
        Ok(())
    }

    fn end_journal(&self) -> io::Result<()> {
        self.folder.remove(JOURNAL.as_ref())?;
        // What was written in vain before a cut.
        for name in [
            JOURNAL,
            ENDPOINT,
            GIVEN,
            WIFI,
            NETWORK,
            TIME,
            FALLBACK_TIME,
            ENVIRONMENT,
            APPLIED,
        ] {
            self.folder.remove(&fresh(OsStr::new(name)))?;
        }
        self.folder.sync()
    }

    fn text(&self, name: &str) -> io::Result<String> {
        let bytes = self.folder.read(name.as_ref())?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file of our own; a damaged one is replaced by an empty one.
    fn table(&self, name: &str) -> io::Result<Table> {
        let read = self.text(name)?.parse();
        Ok(read.unwrap_or_else(|error: toml::de::Error| {
            tracing::warn!(
                reason = error.message(),
                name,
                "a damaged file is replaced by an empty one"
            );
            Table::new()
        }))
    }
}
