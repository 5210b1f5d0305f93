//! Facts for a person who looks for the cause of something.

use crate::data_dir::DataDir;
use crate::engine::Stats;
use crate::net::outbound::Path;
use conclave_ui::Fact;

/// All facts, in the order of the page.
pub(in crate::ui) fn facts(stats: Option<&Stats>, keep: &DataDir) -> Vec<Fact> {
    let mut facts = vec![fact("version", env!("CARGO_PKG_VERSION").into())];
    if let Some(address) = own_address() {
        facts.push(fact("address", address));
    }
    if let Some(stats) = stats {
        let path = match stats.path {
            Path::None => "–",
            Path::Udp => "UDP",
            Path::Tcp => "TCP",
        };
        facts.push(fact("path", path.into()));
        facts.push(fact("memory", format!("{} MiB", stats.own.rss_kib / 1_024)));
    }
    if let Ok(identity) = keep.identity() {
        facts.push(fact("device", identity.public().fingerprint()));
    }
    facts
}

fn fact(name: &str, value: String) -> Fact {
    Fact {
        name: name.into(),
        value: value.into(),
    }
}

/// The address that this machine would speak to its network from; nothing is sent to find out.
fn own_address() -> Option<String> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}
