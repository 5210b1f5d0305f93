//! Provisioning as a running kiosk sees it: whether something new was applied, and what was refused.
//!
//! It is looked at along with the clock, once a second: two names in a directory that the kernel has in memory. So
//! nothing has to be there beforehand, and no folder that comes, goes or is mounted over is missed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::provisioning::{APPLIED, refusal, refusal_path};

/// What one file is told from the next one of the same name by.
type Stamp = Option<(u64, u64, i64, i64, u64)>;

/// What was seen of it.
#[derive(Debug)]
pub struct Watch {
    applied: PathBuf,
    report: PathBuf,
    applied_at_first: Stamp,
    refused: Stamp,
    problem: String,
}

impl Watch {
    /// Begins before anything that was provisioned is read: what is applied from now on is new.
    #[must_use]
    pub fn begin(state: PathBuf, report: PathBuf) -> Self {
        let applied = state.join(APPLIED);
        Self {
            applied_at_first: stamp(&applied),
            applied,
            report,
            refused: None,
            problem: String::new(),
        }
    }

    /// Whether something else is wrong than the last time, or nothing any more.
    pub fn look(&mut self) -> bool {
        let now = stamp(&refusal_path(&self.report));
        if std::mem::replace(&mut self.refused, now) == now {
            return false;
        }
        let problem = now.and_then(|_| refusal(&self.report));
        self.problem = problem.unwrap_or_default();
        true
    }

    /// What is wrong; empty when nothing is.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// Whether something was applied since the beginning.
    #[must_use]
    pub fn is_new(&self) -> bool {
        let now = stamp(&self.applied);
        now.is_some() && now != self.applied_at_first
    }
}

fn stamp(path: &Path) -> Stamp {
    let facts = fs::metadata(path).ok()?;
    let (device, inode, size) = (facts.dev(), facts.ino(), facts.size());
    Some((device, inode, facts.mtime(), facts.mtime_nsec(), size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kiosk::provisioning::provision;

    #[test]
    fn what_is_refused_and_what_is_applied_is_seen_as_it_comes_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut watch = Watch::begin(path("state"), path("report"));
        let mut provisioned = |text: &str| {
            fs::write(path("conclave.toml"), text).unwrap();
            let _ = provision(&[path("conclave.toml")], &path("state"), &path("report"));
            let changed = watch.look();
            assert!(!watch.look(), "it changes once");
            (changed, watch.problem().to_owned(), watch.is_new())
        };
        let (changed, problem, is_new) = provisioned("[room]\nname = 1\n");
        assert!(changed && problem.contains("line 2: room.name = 1") && !is_new);
        let (changed, problem, _) = provisioned("\n[room]\nname = 1\n");
        assert!(changed && problem.contains("line 3: "));
        let (changed, problem, is_new) = provisioned("[room]\nname = 'Oak'\n");
        assert!(changed && problem.is_empty() && is_new);
        let (changed, _, is_new) = provisioned("[room]\nname = 'Oak'\n");
        assert!(!changed && is_new);
        let watch = Watch::begin(path("state"), path("report"));
        assert!(!watch.is_new(), "a kiosk that begins now has taken it");
    }

    #[test]
    fn a_refusal_is_read_with_a_bound_and_without_what_a_screen_cannot_show() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::begin(folder.path().into(), folder.path().into());
        let text = [b"a\x1b[2J\xff\r\nline 2".as_slice(), &[b'x'; 100_000]].concat();
        fs::write(refusal_path(folder.path()), text).unwrap();
        assert!(watch.look());
        assert!(watch.problem().starts_with("a[2J\u{fffd}\nline 2xxx"));
        assert!(watch.problem().len() < 5_000);
    }
}
