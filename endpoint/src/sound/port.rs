//! Where a USB sound card is plugged in, as the kernel names it for cameras, too: controller, sockets on the way,
//! interface.

use std::path::{Component, Path};

/// The port of a card by its number; `None` if it is not on USB.
pub(super) fn of_card(number: i32) -> Option<String> {
    let device = format!("/sys/class/sound/card{number}/device");
    of_device(&std::fs::canonicalize(device).ok()?)
}

/// From a device's place in sysfs: `…/0000:00:14.0/usb1/1-3/1-3.2/1-3.2:1.0` is `usb-0000:00:14.0-3.2:1.0`.
fn of_device(path: &Path) -> Option<String> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => part.to_str(),
        _ => None,
    });
    let parts: Vec<_> = parts.collect();
    let bus = parts.iter().position(|part| {
        part.strip_prefix("usb")
            .is_some_and(|number| number.parse::<u16>().is_ok())
    })?;
    let controller = parts.get(bus.checked_sub(1)?)?;
    // The bus has a number by the order in which it was found; the sockets behind it have not.
    let (_, sockets) = parts.get(bus + 1..)?.last()?.split_once('-')?;
    Some(format!("usb-{controller}-{sockets}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_the_same_whatever_number_its_bus_got() {
        for bus in [1, 3] {
            let path = format!(
                "/sys/devices/pci0000:00/0000:00:14.0/usb{bus}/{bus}-3/{bus}-3.2/{bus}-3.2:1.0"
            );
            assert_eq!(
                of_device(Path::new(&path)).as_deref(),
                Some("usb-0000:00:14.0-3.2:1.0")
            );
        }
        let board = "/sys/devices/platform/scb/fd500000.pcie/0000:01:00.0/usb1/1-1/1-1.4/1-1.4:1.0";
        assert_eq!(
            of_device(Path::new(board)).as_deref(),
            Some("usb-0000:01:00.0-1.4:1.0")
        );
    }

    #[test]
    fn a_card_that_is_not_on_usb_has_no_port() {
        for path in [
            "/sys/devices/platform/snd_aloop.0",
            "/sys/devices/pci0000:00/0000:00:1f.3",
            "/sys/devices/pci0000:00/0000:00:14.0/usb1",
            "/",
        ] {
            assert_eq!(of_device(Path::new(path)), None, "{path}");
        }
    }
}
