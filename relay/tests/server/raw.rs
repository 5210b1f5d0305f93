//! An endpoint on another implementation of Noise's primitives, which seals any bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use conclave_protocol::wire::control::{ClosingReason, Event, ToEndpoint};
use conclave_protocol::wire::framing::preface;
use snow::{Builder, TransportState};

use crate::harness::PATIENCE;

pub(crate) struct RawEndpoint {
    stream: TcpStream,
    noise: TransportState,
}

impl RawEndpoint {
    pub(crate) fn connect(relay: SocketAddr) -> Self {
        Self::try_connect(relay).unwrap()
    }

    /// `None` when the relay closes meanwhile.
    pub(crate) fn try_connect(relay: SocketAddr) -> Option<Self> {
        let mut stream = TcpStream::connect(relay).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let prologue = preface();
        let params = "Noise_XX_25519_AESGCM_SHA256".parse().unwrap();
        let mut noise = Builder::new(params)
            .local_private_key(&[77; 32])
            .unwrap()
            .prologue(&prologue)
            .unwrap()
            .build_initiator()
            .unwrap();
        stream.write_all(&prologue).ok()?;
        let mut buffer = [0; 1024];
        let length = noise.write_message(&[], &mut buffer).unwrap();
        write_frame(&mut stream, &buffer[..length])?;
        let answer = read_frame(&mut stream)?;
        noise.read_message(&answer, &mut buffer).unwrap();
        let length = noise.write_message(&[], &mut buffer).unwrap();
        write_frame(&mut stream, &buffer[..length])?;
        Some(Self {
            stream,
            noise: noise.into_transport_mode().unwrap(),
        })
    }

    /// Seals a plaintext, with its length before it.
    pub(crate) fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut sealed = vec![0; plain.len() + 16];
        let length = self.noise.write_message(plain, &mut sealed).unwrap();
        let mut frame = u16::try_from(length).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(&sealed[..length]);
        frame
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        // A relay that has closed already says so to the reader.
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn send(&mut self, plain: &[u8]) {
        let sealed = self.seal(plain);
        self.write(&sealed);
    }

    /// Reads until the relay closes; gives the reason it named, if it did.
    pub(crate) fn closing(&mut self) -> Option<ClosingReason> {
        let mut reason = None;
        while let Some(frame) = read_frame(&mut self.stream) {
            let mut plain = vec![0; frame.len()];
            let length = self.noise.read_message(&frame, &mut plain).unwrap();
            if let Ok(ToEndpoint::Event(Event::Closing { reason: why })) =
                postcard::from_bytes(&plain[..length])
            {
                reason = Some(why);
            }
        }
        reason
    }
}

fn write_frame(stream: &mut TcpStream, frame: &[u8]) -> Option<()> {
    let length = u16::try_from(frame.len()).unwrap();
    stream.write_all(&length.to_be_bytes()).ok()?;
    stream.write_all(frame).ok()
}

fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    let end = |error: std::io::Error| {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "not closed");
    };
    stream.read_exact(&mut length).map_err(end).ok()?;
    let mut frame = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut frame).map_err(end).ok()?;
    Some(frame)
}
