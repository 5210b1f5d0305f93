//! Whole calls on real drivers: the endpoint's and the relay's programs, cameras and sound of the virtual machine,
//! loopback.
//!
//! They run in the machine of `scripts/vm/run`, best with `CONCLAVE_VM_TIME=instant`, where a busy machine makes
//! nothing late; elsewhere each test says that it was skipped. The drivers are shared, so one test runs at a time.

#[expect(dead_code, reason = "shared with the test of the screen")]
mod call;
mod faults;
mod jpegs;
mod odd_pictures;
mod pictures;
#[expect(dead_code, reason = "shared with the test of the screen")]
mod program;
mod sound;
mod webcam;

use std::sync::{Mutex, MutexGuard, PoisonError};

static DRIVERS: Mutex<()> = Mutex::new(());

/// The drivers, for one test; `None`, said aloud, where there are none.
fn drivers() -> Option<MutexGuard<'static, ()>> {
    if std::env::var_os("CONCLAVE_IN_VM").is_none() {
        eprintln!("skipped: needs the VM (scripts/vm/run)");
        return None;
    }
    Some(DRIVERS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Whether computing takes no time, however busy the machine outside is, so that spans can be asserted.
fn time_is_the_guests_own() -> bool {
    std::env::var("CONCLAVE_VM_TIME").is_ok_and(|time| time == "instant")
}
