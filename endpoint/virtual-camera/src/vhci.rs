//! Plugs the camera into the kernel's virtual USB host controller, through its files in sysfs.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

const CONTROLLER: &str = "/sys/devices/platform/vhci_hcd.0";
/// Bus and device number as the kernel shows them; any values work.
const DEVICE_ID: u32 = 0x0001_0002;
/// `USB_SPEED_HIGH`.
const HIGH_SPEED: u32 = 3;
/// `VDEV_ST_NULL`: the port is free.
const FREE: &str = "004";

/// Why the camera could not be plugged in.
#[derive(Debug)]
pub(crate) enum PlugError {
    /// There is no virtual host controller.
    NoController,
    /// The controller's files cannot be written.
    NotAllowed,
    /// All its ports are occupied.
    NoFreePort,
    /// Another error of a system call.
    System(io::Error),
}

impl fmt::Display for PlugError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoController => {
                write!(
                    f,
                    "{CONTROLLER} is missing: load the driver with `modprobe vhci_hcd`, or run under `make vm`"
                )
            }
            Self::NotAllowed => write!(
                f,
                "{CONTROLLER}/attach can not be written: run as root, or under `make vm`"
            ),
            Self::NoFreePort => write!(
                f,
                "all ports of {CONTROLLER} are taken: end other virtual cameras first"
            ),
            Self::System(error) => write!(f, "plugging in failed: {error}"),
        }
    }
}

impl std::error::Error for PlugError {}

impl From<io::Error> for PlugError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NoController,
            io::ErrorKind::PermissionDenied => Self::NotAllowed,
            _ => Self::System(error),
        }
    }
}

/// Makes a connection and gives its other end to the kernel, which then sees a new device. Shutting the connection
/// down unplugs the device.
pub(crate) fn attach() -> Result<UnixStream, PlugError> {
    let controller = Path::new(CONTROLLER);
    let status = std::fs::read_to_string(controller.join("status"))?;
    let port = free_port(&status).ok_or(PlugError::NoFreePort)?;
    let (ours, kernels) = UnixStream::pair().map_err(PlugError::System)?;
    let request = format!("{port} {} {DEVICE_ID} {HIGH_SPEED}", kernels.as_raw_fd());
    std::fs::write(controller.join("attach"), request)?;
    Ok(ours)
}

/// The first free high-speed port. A line reads `hs  0000 004 000 00000000 000000 0-0`: hub, port, state, …
fn free_port(status: &str) -> Option<u32> {
    status.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let (hub, port, state) = (fields.next()?, fields.next()?, fields.next()?);
        (hub == "hs" && state == FREE).then(|| port.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "hub port sta spd dev      sockfd local_busid\n";

    #[test]
    fn the_first_free_high_speed_port_is_taken() {
        let status = format!(
            "{HEADER}hs  0000 006 003 00010002 000003 1-1\nhs  0001 004 000 00000000 000000 0-0\nss  0008 004 000 00000000 000000 0-0\n"
        );
        assert_eq!(free_port(&status), Some(1));
    }

    #[test]
    fn without_a_free_port_there_is_none() {
        let status = format!(
            "{HEADER}hs  0000 006 003 00010002 000003 1-1\nss  0008 004 000 00000000 000000 0-0\n"
        );
        assert_eq!(free_port(&status), None);
    }
}
