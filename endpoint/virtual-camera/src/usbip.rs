//! The USB/IP messages that pass between the kernel and a virtual device once it is attached.
//!
//! The kernel's `Documentation/usb/usbip_protocol.rst`: headers of 48 bytes, big-endian.

use std::io::{self, Read};

use crate::requests::Setup;

/// Length of every header.
pub(crate) const HEADER_BYTES: usize = 48;
/// More than any driver sends in one control transfer; a longer one means that the stream is out of step.
const MAX_OUT_BYTES: usize = 65_536;

const CMD_SUBMIT: u32 = 1;
const CMD_UNLINK: u32 = 2;
const RET_SUBMIT: u32 = 3;
const RET_UNLINK: u32 = 4;

/// Status of a completed transfer.
pub(crate) const DONE: i32 = 0;
/// Status of a transfer that the device refused (`-EPIPE`).
pub(crate) const STALLED: i32 = -32;
/// Status of a transfer that was cancelled in time (`-ECONNRESET`).
pub(crate) const TAKEN_BACK: i32 = -104;

/// Identifies a transfer until it is answered.
pub(crate) type SequenceNumber = u32;

/// A command of the kernel.
#[derive(Debug)]
pub(crate) enum Command {
    /// A control transfer with data to the device, or none.
    ControlOut {
        sequence: SequenceNumber,
        setup: Setup,
        data: Vec<u8>,
    },
    /// A control transfer that requests up to `length` bytes.
    ControlIn {
        sequence: SequenceNumber,
        setup: Setup,
        length: usize,
    },
    /// The streaming endpoint may send up to `length` bytes.
    StreamIn {
        sequence: SequenceNumber,
        length: usize,
    },
    /// The transfer `target` is no longer wanted.
    Unlink {
        sequence: SequenceNumber,
        target: SequenceNumber,
    },
}

impl Command {
    /// Reads the next command; an error means that the kernel detached the device or that the protocol was violated.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        from.read_exact(&mut header)?;
        let field = |at: usize| {
            u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let (command, sequence, direction, endpoint) = (field(0), field(4), field(12), field(16));
        if command == CMD_UNLINK {
            return Ok(Self::Unlink {
                sequence,
                target: field(20),
            });
        }
        let length = field(24) as usize;
        let setup = Setup::parse(header[40..].try_into().expect("the last eight bytes of 48"));
        match (command, direction, endpoint) {
            (CMD_SUBMIT, 0, 0) if length <= MAX_OUT_BYTES => {
                let mut data = vec![0; length];
                from.read_exact(&mut data)?;
                Ok(Self::ControlOut {
                    sequence,
                    setup,
                    data,
                })
            }
            (CMD_SUBMIT, 1, 0) => Ok(Self::ControlIn {
                sequence,
                setup,
                length,
            }),
            (CMD_SUBMIT, 1, _) => Ok(Self::StreamIn { sequence, length }),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "USB/IP command {command} with direction {direction}, endpoint {endpoint} and {length} bytes"
                ),
            )),
        }
    }
}

/// The header that answers a transfer; of an IN transfer, `length` bytes follow it.
pub(crate) fn submitted(
    sequence: SequenceNumber,
    status: i32,
    length: usize,
) -> [u8; HEADER_BYTES] {
    answer(RET_SUBMIT, sequence, status, length as u32)
}

/// The header that answers an unlink.
pub(crate) fn unlinked(sequence: SequenceNumber, status: i32) -> [u8; HEADER_BYTES] {
    answer(RET_UNLINK, sequence, status, 0)
}

fn answer(command: u32, sequence: SequenceNumber, status: i32, length: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[0..4].copy_from_slice(&command.to_be_bytes());
    header[4..8].copy_from_slice(&sequence.to_be_bytes());
    header[20..24].copy_from_slice(&status.to_be_bytes());
    header[24..28].copy_from_slice(&length.to_be_bytes());
    header
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A command as the kernel writes it.
    pub(crate) fn command(
        command: u32,
        sequence: u32,
        direction: u32,
        endpoint: u32,
        length: u32,
        setup: [u8; 8],
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in [
            command, sequence, 0x10002, direction, endpoint, 0, length, 0, 0, 0,
        ] {
            bytes.extend(u32::to_be_bytes(field));
        }
        bytes.extend(setup);
        bytes
    }

    #[test]
    fn a_control_out_transfer_comes_with_its_data() {
        let mut bytes = command(CMD_SUBMIT, 9, 0, 0, 3, [0x21, 1, 0, 2, 1, 0, 3, 0]);
        bytes.extend([7, 8, 9]);
        match Command::read(&mut bytes.as_slice()).unwrap() {
            Command::ControlOut {
                sequence: 9,
                setup,
                data,
            } => {
                assert_eq!(
                    (setup.request_type, setup.value, setup.index, data),
                    (0x21, 0x0200, 1, vec![7, 8, 9])
                );
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_unlink_names_its_target() {
        let mut bytes = command(CMD_UNLINK, 9, 0, 0, 0, [0; 8]);
        bytes[20..24].copy_from_slice(&5u32.to_be_bytes());
        assert!(matches!(
            Command::read(&mut bytes.as_slice()).unwrap(),
            Command::Unlink {
                sequence: 9,
                target: 5
            }
        ));
    }

    #[test]
    fn an_absurd_length_is_refused_without_reading_it() {
        let bytes = command(CMD_SUBMIT, 9, 0, 0, u32::MAX, [0; 8]);
        assert_eq!(
            Command::read(&mut bytes.as_slice()).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }

    #[test]
    fn a_command_cut_short_is_an_error() {
        let bytes = command(CMD_SUBMIT, 9, 1, 1, 16_384, [0; 8]);
        assert!(Command::read(&mut &bytes[..47]).is_err());
        assert!(Command::read(&mut &bytes[..48]).is_ok());
    }

    #[test]
    fn answers_carry_sequence_status_and_length() {
        let header = submitted(0x0102_0304, STALLED, 0x10);
        assert_eq!(header[..8], [0, 0, 0, 3, 1, 2, 3, 4]);
        assert_eq!(header[20..28], [0xff, 0xff, 0xff, 0xe0, 0, 0, 0, 0x10]);
        assert_eq!(unlinked(1, TAKEN_BACK)[20..24], [0xff, 0xff, 0xff, 0x98]);
    }
}
