//! The network: the control connection, media by UDP, and the relays that announce themselves on the LAN.

pub mod control;
pub mod discovery;
pub mod latency;
pub mod outbound;
mod recent;
pub mod udp;
