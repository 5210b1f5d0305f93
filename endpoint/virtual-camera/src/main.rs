//! A virtual USB webcam for tests.
//!
//! The program speaks USB/IP to the kernel's `vhci_hcd`, so that the kernel's own `uvcvideo` binds and creates a real
//! `/dev/videoN`, with MJPEG, format negotiation, a real unplug, and the faults of cheap cameras. It needs root,
//! `vhci_hcd` and `uvcvideo`; `make vm` starts a machine that has them.
//!
//! It does not support isochronous transfers (it streams over a bulk endpoint), still images, or sound.
//!
//! Sources: the kernel's `Documentation/usb/usbip_protocol.rst`; "Universal Serial Bus Device Class Definition for
//! Video Devices", revision 1.1 ("UVC" in comments), and its payload documents for MJPEG and uncompressed video.
#![forbid(unsafe_code)]

mod descriptors;
mod device;
mod events;
mod faults;
mod frames;
mod link;
mod log;
mod mode;
mod mosaic;
mod options;
mod payload;
mod requests;
mod sender;
mod usbip;
mod vhci;

use std::io::BufRead;
use std::process::ExitCode;
use std::sync::Arc;

use device::Device;
use events::tell;
use faults::Faults;
use log::FrameLog;
use options::{Options, USAGE};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("conclave-virtual-camera: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conclave-virtual-camera: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plugs the camera in and executes the commands on stdin until it is told to quit.
fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let camera = Arc::new(options.camera);
    let faults = Arc::new(Faults::default());
    faults.tear_every(options.tear_every);
    faults.mark_every(options.mark_every);
    let log = Arc::new(FrameLog::create(options.log.as_deref())?);
    let plug = || Device::plug(camera.clone(), faults.clone(), log.clone());

    let mut device = Some(plug()?);
    tell("plugged");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let (verb, number) = (
            words.next(),
            words.next().and_then(|word| word.parse().ok()),
        );
        match (verb, number) {
            (Some("unplug"), _) => {
                device = None;
                tell("unplugged");
            }
            (Some("plug"), _) => {
                if device.is_none() {
                    device = Some(plug()?);
                }
                tell("plugged");
            }
            (Some("stall"), _) => faults.stall(true),
            (Some("go"), _) => faults.stall(false),
            (Some("bad"), Some(every)) => faults.tear_every(every),
            (Some("error"), Some(every)) => faults.mark_every(every),
            (Some("quit"), _) => return Ok(()),
            (None, _) => {}
            _ => eprintln!("conclave-virtual-camera: no such command: {line}"),
        }
    }
    if options.stay {
        loop {
            std::thread::park();
        }
    }
    Ok(())
}
