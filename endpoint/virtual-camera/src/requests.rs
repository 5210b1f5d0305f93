//! Control transfers: the standard requests of USB, the negotiation of a stream and the brightness of UVC.
//!
//! USB 2.0 section 9.4; UVC 1.1 sections 4.2 (requests) and 4.3.1.1 (probe and commit).

use crate::descriptors::{self, CLOCK_HZ, CONTROL_INTERFACE, PROCESSING_UNIT, STREAMING_INTERFACE};
use crate::mode::{Camera, Mode};
use crate::payload::PAYLOAD_BYTES;

const SET_CUR: u8 = 0x01;
const GET_CUR: u8 = 0x81;
const GET_MIN: u8 = 0x82;
const GET_MAX: u8 = 0x83;
const GET_RES: u8 = 0x84;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;

const VS_PROBE: u8 = 1;
const VS_COMMIT: u8 = 2;
const PU_BRIGHTNESS: u8 = 2;
/// Length of the probe and commit controls in UVC 1.1.
const PROBE_BYTES: usize = 34;
/// `GET_INFO`: can be read and set.
const READ_WRITE: u8 = 3;

/// The eight bytes that open a control transfer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// Direction, type and recipient.
    pub(crate) request_type: u8,
    /// Which request.
    pub(crate) request: u8,
    /// For UVC the control's selector, in the high byte.
    pub(crate) value: u16,
    /// The interface in the low byte, the unit in the high byte.
    pub(crate) index: u16,
}

impl Setup {
    /// Parses the eight bytes as they are on the bus.
    pub(crate) fn parse(bytes: [u8; 8]) -> Self {
        let [
            request_type,
            request,
            value_low,
            value_high,
            index_low,
            index_high,
            ..,
        ] = bytes;
        Self {
            request_type,
            request,
            value: u16::from_le_bytes([value_low, value_high]),
            index: u16::from_le_bytes([index_low, index_high]),
        }
    }
}

/// The stream that host and camera agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreement {
    format_index: u8,
    frame_index: u8,
    interval: u32,
}

impl Agreement {
    /// The default: the first mode at its first rate.
    fn default_of(camera: &Camera) -> Self {
        Self::nearest(camera, 1, 1, 0)
    }

    /// The closest mode to a requested one.
    fn nearest(camera: &Camera, format_index: u8, frame_index: u8, interval: u32) -> Self {
        let (format_index, frame_index, mode) = camera.mode(format_index, frame_index);
        let interval = match interval {
            0 => mode.intervals().next(),
            wish => mode.intervals().min_by_key(|offer| offer.abs_diff(wish)),
        };
        Self {
            format_index,
            frame_index,
            interval: interval.expect("a mode has at least one rate"),
        }
    }

    /// Parses a probe or commit control.
    fn parse(camera: &Camera, bytes: &[u8]) -> Option<Self> {
        let interval = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
        Some(Self::nearest(camera, bytes[2], bytes[3], interval))
    }

    /// Writes the probe or commit control.
    fn emit(self, camera: &Camera) -> Vec<u8> {
        let mut bytes = vec![0; PROBE_BYTES];
        bytes[2] = self.format_index;
        bytes[3] = self.frame_index;
        bytes[4..8].copy_from_slice(&self.interval.to_le_bytes());
        bytes[18..22].copy_from_slice(&self.mode(camera).max_frame_bytes().to_le_bytes());
        bytes[22..26].copy_from_slice(&(PAYLOAD_BYTES as u32).to_le_bytes());
        bytes[26..30].copy_from_slice(&CLOCK_HZ.to_le_bytes());
        bytes
    }

    /// The agreed mode.
    pub(crate) fn mode(self, camera: &Camera) -> &Mode {
        camera.mode(self.format_index, self.frame_index).2
    }

    /// The time from frame to frame.
    pub(crate) fn frame_interval(self, camera: &Camera) -> std::time::Duration {
        // The wire's unit of 100 ns cannot express 1/30 s; a camera's own clock can.
        std::time::Duration::from_secs(1) / self.rate_hz(camera)
    }

    /// Frames a second.
    pub(crate) fn rate_hz(self, camera: &Camera) -> u32 {
        let mode = self.mode(camera);
        let position = mode
            .intervals()
            .position(|interval| interval == self.interval);
        mode.rates_hz[position.expect("an agreement has an interval of its mode")]
    }
}

/// The camera's answer to a control transfer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Data for an IN transfer; empty for an accepted OUT transfer.
    Data(Vec<u8>),
    /// The request is not supported.
    Stall,
}

/// The controls with their values.
#[derive(Debug)]
pub(crate) struct Controls {
    probe: Agreement,
    commit: Agreement,
    streams: u64,
    brightness: [u8; 2],
}

impl Controls {
    /// All controls at their defaults.
    pub(crate) fn new(camera: &Camera) -> Self {
        let agreement = Agreement::default_of(camera);
        Self {
            probe: agreement,
            commit: agreement,
            streams: 0,
            brightness: BRIGHTNESS_DEFAULT,
        }
    }

    /// The stream that the host requested last.
    pub(crate) fn committed(&self) -> Agreement {
        self.commit
    }

    /// How many times the host has begun or ended a stream: a change ends the previous stream.
    pub(crate) fn streams(&self) -> u64 {
        self.streams
    }

    /// Answers one control transfer; `data` is what the host sent with it.
    pub(crate) fn answer(&mut self, camera: &Camera, setup: Setup, data: &[u8]) -> Answer {
        let [interface, unit] = setup.index.to_le_bytes();
        let [value, selector] = setup.value.to_le_bytes();
        match (setup.request_type, setup.request) {
            (0x80, 6) => match selector {
                1 => Answer::Data(descriptors::device()),
                2 => Answer::Data(descriptors::configuration(camera)),
                3 => descriptors::string(camera, value).map_or(Answer::Stall, Answer::Data),
                _ => Answer::Stall,
            },
            // Status; configuration; alternate setting.
            (0x80..=0x82, 0) => Answer::Data(vec![0, 0]),
            (0x80, 8) => Answer::Data(vec![1]),
            (0x81, 10) => Answer::Data(vec![0]),
            // A host ends a stream over a bulk endpoint by clearing the halt.
            (0x02, 1) => {
                self.streams += 1;
                Answer::Data(Vec::new())
            }
            // Clear and set feature, set configuration, set interface: valid, and nothing to do.
            (0x00..=0x02, 1 | 3 | 9 | 11) => Answer::Data(Vec::new()),
            (0x21 | 0xa1, request) if interface == STREAMING_INTERFACE => {
                self.stream_control(camera, request, selector, data)
            }
            (0x21 | 0xa1, request)
                if interface == CONTROL_INTERFACE
                    && unit == PROCESSING_UNIT
                    && selector == PU_BRIGHTNESS =>
            {
                self.brightness_control(request, data)
            }
            _ => Answer::Stall,
        }
    }

    fn stream_control(
        &mut self,
        camera: &Camera,
        request: u8,
        selector: u8,
        data: &[u8],
    ) -> Answer {
        let current = match selector {
            VS_PROBE => &mut self.probe,
            VS_COMMIT => &mut self.commit,
            _ => return Answer::Stall,
        };
        match request {
            SET_CUR => match Agreement::parse(camera, data) {
                Some(agreement) => {
                    *current = agreement;
                    self.streams += u64::from(selector == VS_COMMIT);
                    Answer::Data(Vec::new())
                }
                None => Answer::Stall,
            },
            GET_CUR | GET_MIN | GET_MAX => Answer::Data(current.emit(camera)),
            GET_DEF => Answer::Data(Agreement::default_of(camera).emit(camera)),
            GET_LEN => Answer::Data(vec![PROBE_BYTES as u8, 0]),
            GET_INFO => Answer::Data(vec![READ_WRITE]),
            _ => Answer::Stall,
        }
    }

    fn brightness_control(&mut self, request: u8, data: &[u8]) -> Answer {
        let value: [u8; 2] = match request {
            SET_CUR => {
                let Ok(value) = data.try_into() else {
                    return Answer::Stall;
                };
                self.brightness = value;
                return Answer::Data(Vec::new());
            }
            GET_CUR => self.brightness,
            GET_MIN => [0, 0],
            GET_MAX => [255, 0],
            GET_RES => [1, 0],
            GET_LEN => [2, 0],
            GET_INFO => return Answer::Data(vec![READ_WRITE]),
            GET_DEF => BRIGHTNESS_DEFAULT,
            _ => return Answer::Stall,
        };
        Answer::Data(value.to_vec())
    }
}

const BRIGHTNESS_DEFAULT: [u8; 2] = [128, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::tests::camera;

    fn stream(request_type: u8, request: u8, selector: u8) -> Setup {
        Setup {
            request_type,
            request,
            value: u16::from(selector) << 8,
            index: u16::from(STREAMING_INTERFACE),
        }
    }

    fn wish(format_index: u8, frame_index: u8, interval: u32) -> Vec<u8> {
        let mut bytes = vec![0; PROBE_BYTES];
        bytes[2] = format_index;
        bytes[3] = frame_index;
        bytes[4..8].copy_from_slice(&interval.to_le_bytes());
        bytes
    }

    fn probe(controls: &mut Controls, wish: &[u8]) -> Vec<u8> {
        let camera = camera();
        assert_eq!(
            controls.answer(&camera, stream(0x21, SET_CUR, VS_PROBE), wish),
            Answer::Data(vec![])
        );
        match controls.answer(&camera, stream(0xa1, GET_CUR, VS_PROBE), &[]) {
            Answer::Data(answer) => answer,
            Answer::Stall => panic!("a probe must be answered"),
        }
    }

    #[test]
    fn a_probe_for_an_offered_mode_is_granted_as_asked() {
        let mut controls = Controls::new(&camera());
        let answer = probe(&mut controls, &wish(1, 2, 1_000_000));
        assert_eq!(answer[2..8], wish(1, 2, 1_000_000)[2..8]);
        assert_eq!(answer[18..22], (640u32 * 480 * 2).to_le_bytes());
        assert_eq!(answer[22..26], (PAYLOAD_BYTES as u32).to_le_bytes());
    }

    #[test]
    fn a_probe_for_a_rate_between_gets_the_nearest() {
        let mut controls = Controls::new(&camera());
        let answer = probe(&mut controls, &wish(1, 1, 400_000));
        assert_eq!(answer[4..8], 333_333u32.to_le_bytes());
    }

    #[test]
    fn a_probe_for_a_mode_that_does_not_exist_gets_the_first() {
        let mut controls = Controls::new(&camera());
        let answer = probe(&mut controls, &wish(7, 9, 0));
        assert_eq!(answer[2..8], wish(1, 1, 333_333)[2..8]);
    }

    #[test]
    fn a_probe_alone_changes_no_stream_but_a_commit_does() {
        let camera = camera();
        let mut controls = Controls::new(&camera);
        probe(&mut controls, &wish(2, 1, 333_333));
        assert_eq!(controls.committed().mode(&camera).width, 1280);
        controls.answer(
            &camera,
            stream(0x21, SET_CUR, VS_COMMIT),
            &wish(2, 1, 333_333),
        );
        assert_eq!(controls.committed().mode(&camera).width, 320);
        assert_eq!(controls.committed().rate_hz(&camera), 30);
    }

    #[test]
    fn a_probe_cut_short_is_refused() {
        let camera = camera();
        let mut controls = Controls::new(&camera);
        assert_eq!(
            controls.answer(&camera, stream(0x21, SET_CUR, VS_PROBE), &[0; 5]),
            Answer::Stall
        );
    }

    #[test]
    fn brightness_is_read_back_as_it_was_set() {
        let camera = camera();
        let mut controls = Controls::new(&camera);
        let setup = |request_type, request| Setup {
            request_type,
            request,
            value: 0x0200,
            index: 0x0200,
        };
        assert_eq!(
            controls.answer(&camera, setup(0x21, SET_CUR), &[7, 0]),
            Answer::Data(vec![])
        );
        assert_eq!(
            controls.answer(&camera, setup(0xa1, GET_CUR), &[]),
            Answer::Data(vec![7, 0])
        );
        assert_eq!(
            controls.answer(&camera, setup(0xa1, GET_DEF), &[]),
            Answer::Data(vec![128, 0])
        );
    }

    #[test]
    fn a_control_that_does_not_exist_stalls() {
        let camera = camera();
        let mut controls = Controls::new(&camera);
        let setup = Setup {
            request_type: 0xa1,
            request: GET_CUR,
            value: 0x0900,
            index: 0x0100,
        };
        assert_eq!(controls.answer(&camera, setup, &[]), Answer::Stall);
    }
}
