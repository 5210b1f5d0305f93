//! A device's thread: does what its [`Supervisor`] decides, with the clock and the stop signal.

use super::DeviceLoss;
use super::supervisor::{Change, Patience, Step, Supervisor};
use crate::clock;
use crate::platform::stop::StopSignal;
use conclave_protocol::time::Micros;

/// A kind of device that a supervisor keeps alive.
pub(crate) trait Supervised {
    /// An open device.
    type Device;
    /// What it gives.
    type Item;

    fn open(&mut self) -> Result<Self::Device, DeviceLoss>;

    /// Longest time between two items of this device, where its promised rate says so.
    fn pace(&self, device: &Self::Device) -> Micros;

    /// Lets the device work for at most about `timeout`; nothing when it was not its turn yet.
    fn turn(
        &mut self,
        device: &mut Self::Device,
        timeout: Micros,
    ) -> Result<Option<Self::Item>, DeviceLoss>;

    /// Why the device gave nothing for so long.
    fn why_stalled(&self, device: &Self::Device, waited: Micros) -> DeviceLoss;

    /// The device runs, for the first time since it was opened; whether it had run before.
    fn runs(&mut self, device: &Self::Device, again: bool);

    /// Takes what the device gave.
    fn take(&mut self, device: &Self::Device, item: Self::Item);

    /// An open device failed or stalled.
    fn failed(&mut self);

    /// The device is lost; told once for each reason.
    fn lost(&mut self, loss: DeviceLoss);
}

/// Runs until the stop signal is raised.
pub(crate) fn run(stop: &StopSignal, patience: Patience, host: &mut impl Supervised) {
    let mut supervisor = Supervisor::new(patience);
    let mut device = None;
    loop {
        if stop.is_raised() {
            supervisor.stop();
        }
        let now = clock::now();
        let loss = match supervisor.step(now) {
            Step::End => return,
            Step::Wait(until) => {
                let _ = stop.sleep_until(until);
                None
            }
            Step::Open => match host.open() {
                Ok(opened) => {
                    supervisor.opened(host.pace(&opened), clock::now());
                    device = Some(opened);
                    None
                }
                Err(loss) => Some(loss),
            },
            Step::Turn(timeout) => {
                let Some(open) = &mut device else { return };
                let result = host.turn(open, timeout);
                if stop.is_raised() {
                    return;
                }
                let loss = after_turn(&mut supervisor, host, open, result);
                if loss.is_some() {
                    // Closed before it is opened again.
                    device = None;
                    host.failed();
                }
                loss
            }
        };
        if let Some(loss) = loss
            && let Some(Change::Lost(loss)) = supervisor.lost(loss, clock::now())
        {
            host.lost(loss);
        }
    }
}

/// Hands on what a turn gave; why the device is lost, if it is.
fn after_turn<S: Supervised>(
    supervisor: &mut Supervisor,
    host: &mut S,
    device: &S::Device,
    result: Result<Option<S::Item>, DeviceLoss>,
) -> Option<DeviceLoss> {
    let now = clock::now();
    match result {
        Err(loss) => Some(loss),
        Ok(Some(item)) => {
            if let Some(Change::Runs { again }) = supervisor.worked(now) {
                host.runs(device, again);
            }
            host.take(device, item);
            None
        }
        Ok(None) => {
            let waited = supervisor.stalled(now)?;
            Some(host.why_stalled(device, waited))
        }
    }
}
