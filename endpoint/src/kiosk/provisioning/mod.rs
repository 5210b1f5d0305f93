//! Provisioning: a file on a boot partition or a stick that says which relay, account, room and network a kiosk has.
//!
//! A file is checked whole before any of it counts (`document`), becomes a few files at once (`state`), and does so
//! once.

mod document;
mod folder;
mod keys;
mod network;
mod report;
mod state;
mod stick;
#[cfg(test)]
mod tests;
mod time_servers;
mod wifi;
mod zone;

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Gid, Mode, OFlags, flock, open};

use document::{Document, Fault};
use folder::{OnDisk, give};
use state::State;
use stick::Stick;

pub use report::{path as refusal_path, read as refusal};
pub(crate) use state::{APPLIED, ENDPOINT, GIVEN};

/// Where boot partitions are.
pub const PLACES: [&str; 3] = ["/boot/firmware", "/boot", "/boot/efi"];
/// Where what was provisioned is kept.
pub const STATE: &str = "/var/lib/conclave-provision";
/// Where a refusal is told.
pub const REPORT: &str = "/run/conclave-provision";

/// Whose group may read what the kiosk takes.
const GROUP: &str = "conclave-kiosk";
/// So much of what is wrong fits on a screen.
const MOST_FAULTS: usize = 8;
const LONGEST_FAULT: usize = 200;

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is no file.
    NoFile,
    /// The file was applied before.
    AppliedBefore(PathBuf),
    /// The file was applied now: these sections of it say something.
    Applied(PathBuf, Vec<String>),
    /// The file is right, and was only looked at.
    Right(PathBuf, Vec<String>),
}

/// Why nothing was applied, or not all was done.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The file is wrong.
    #[error("{0}")]
    Refused(Refusal),
    /// What is provisioned cannot be kept.
    #[error("{folder}\nit cannot be written: {error}", folder = .folder.display())]
    State {
        /// The folder that cannot be written.
        folder: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Everything was applied, but the secrets are still on the stick.
    #[error("{file}\nits secrets are still there, as it cannot be written: {error}", file = .file.display())]
    NotWiped {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

/// What is wrong with a file: the file, and a line for each of its faults.
#[derive(Debug)]
pub struct Refusal {
    file: PathBuf,
    faults: Vec<Fault>,
}

impl Refusal {
    fn whole(file: &Path, reason: impl fmt::Display) -> Self {
        let reason = reason.to_string();
        Self {
            file: file.into(),
            faults: vec![Fault { line: 0, reason }],
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        for fault in self.faults.iter().take(MOST_FAULTS) {
            let line = match fault.line {
                0 => String::new(),
                line => format!("line {line}: "),
            };
            let mut reason: String = fault.reason.chars().take(LONGEST_FAULT).collect();
            if reason.len() < fault.reason.len() {
                reason.push('…');
            }
            let reason = reason.replace(char::is_control, " ");
            write!(f, "\n{line}{reason}")?;
        }
        match self.faults.len().saturating_sub(MOST_FAULTS) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// Applies the first file that is found, unless it was applied before, and tells `report` of what is wrong.
///
/// # Errors
/// [`ProvisionError`] when nothing was applied, or not all was done.
pub fn provision(from: &[PathBuf], state: &Path, report: &Path) -> Result<Outcome, ProvisionError> {
    let outcome = apply_first(from, state);
    let told = match &outcome {
        Ok(Outcome::NoFile) => Ok(()),
        Ok(_) => report::remove(report),
        Err(error) => report::write(report, &format!("{error}\n")),
    };
    if let Err(error) = told {
        tracing::warn!(%error, folder = %report.display(), "the screen cannot be told");
    }
    outcome
}

/// Looks at the first file that is found, and changes nothing.
///
/// # Errors
/// [`ProvisionError::Refused`] says what is wrong with it.
pub fn check(from: &[PathBuf]) -> Result<Outcome, ProvisionError> {
    let Some(stick) = find(from)? else {
        return Ok(Outcome::NoFile);
    };
    let document = understand(&stick)?;
    Ok(Outcome::Right(stick.path, sections(&document)))
}

/// What a file would come to.
#[derive(Debug)]
pub struct Rehearsal {
    /// What the system's services would read: names of files, and their texts.
    pub files: Vec<(&'static str, String)>,
    /// The file without its secrets, if it has any and wants them gone.
    pub wiped: Option<String>,
}

/// Understands a file's bytes, and applies nothing.
///
/// # Errors
/// What is wrong with them.
pub fn rehearse(bytes: &[u8]) -> Result<Rehearsal, Refusal> {
    let file = Path::new(stick::NAME);
    let text = std::str::from_utf8(bytes).map_err(|error| Refusal::whole(file, error))?;
    let document = Document::read(text).map_err(|faults| Refusal {
        file: file.into(),
        faults,
    })?;
    let files = state::for_the_system(&document).into_iter();
    Ok(Rehearsal {
        files: files.map(|(name, _, text)| (name, text)).collect(),
        wiped: document.wiped(),
    })
}

fn apply_first(from: &[PathBuf], folder: &Path) -> Result<Outcome, ProvisionError> {
    let found = find(from);
    if matches!(found, Ok(None)) && !folder.exists() {
        return Ok(Outcome::NoFile);
    }
    let failed = |error| ProvisionError::State {
        folder: folder.into(),
        error,
    };
    // Also without a file: a change that was interrupted is completed.
    let state = State::open(open_state(folder).map_err(failed)?).map_err(failed)?;
    let Some(stick) = found? else {
        return Ok(Outcome::NoFile);
    };
    let digest = stick.digest();
    if state.has_applied(&digest).map_err(failed)? {
        // It may have been cut off from power before its secrets were gone.
        if let Some(wiped) = understand(&stick).ok().and_then(|file| file.wiped()) {
            wipe(&stick, &wiped)?;
        }
        return Ok(Outcome::AppliedBefore(stick.path));
    }
    let document = understand(&stick)?;
    let wiped = document.wiped();
    let mut digests = vec![digest];
    digests.extend(wiped.as_deref().map(|text| stick.digest_with(text)));
    let mark = draw_mark().map_err(failed)?;
    state.apply(&document, &digests, &mark).map_err(failed)?;
    if let Some(wiped) = wiped {
        wipe(&stick, &wiped)?;
    }
    Ok(Outcome::Applied(stick.path, sections(&document)))
}

fn find(from: &[PathBuf]) -> Result<Option<Stick>, ProvisionError> {
    for place in from {
        let found = Stick::find(place).map_err(|error| {
            let file = if place.is_dir() {
                place.join(stick::NAME)
            } else {
                place.clone()
            };
            ProvisionError::Refused(Refusal::whole(&file, error))
        });
        if let Some(stick) = found? {
            return Ok(Some(stick));
        }
    }
    Ok(None)
}

fn understand(stick: &Stick) -> Result<Document, ProvisionError> {
    let read = stick.text().map_err(|line| {
        let reason = "it is not UTF-8: save it as such".to_owned();
        vec![Fault { line, reason }]
    });
    let refused = |faults| {
        ProvisionError::Refused(Refusal {
            file: stick.path.clone(),
            faults,
        })
    };
    read.and_then(Document::read).map_err(refused)
}

fn wipe(stick: &Stick, text: &str) -> Result<(), ProvisionError> {
    stick
        .replace(text)
        .map_err(|error| ProvisionError::NotWiped {
            file: stick.path.clone(),
            error,
        })
}

fn sections(document: &Document) -> Vec<String> {
    let sections = document.said.keys().filter(|name| *name != "secrets");
    sections.cloned().collect()
}

/// The folder, locked against other processes while it is held open.
fn open_state(path: &Path) -> io::Result<OnDisk> {
    let group = group(&fs::read_to_string("/etc/group").unwrap_or_default());
    let made = fs::DirBuilder::new().mode(0o750).create(path);
    let made = match made {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().unwrap_or(path);
            fs::create_dir_all(parent)?;
            fs::DirBuilder::new().mode(0o750).create(path)
        }
        made => made,
    };
    let folder = open(
        path,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    );
    let is_new = match made {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error),
    };
    let folder = folder?;
    if is_new && let Err(error) = give(&folder, group) {
        tracing::warn!(%error, "the kiosk's group cannot be given the folder");
    }
    flock(&folder, FlockOperation::LockExclusive)?;
    Ok(OnDisk {
        folder,
        group,
        has_modes: true,
    })
}

/// The kiosk's group in the system's list.
fn group(list: &str) -> Option<Gid> {
    let line = |line: &str| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(GROUP);
        let number = fields.nth(1)?.parse().ok()?;
        is_it.then(|| Gid::from_raw(number))
    };
    list.lines().find_map(line)
}

/// Something that no other provisioning has.
fn draw_mark() -> io::Result<String> {
    let mut bytes = [0; 8];
    conclave_common::entropy::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
