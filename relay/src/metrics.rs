//! What is counted. Every drop and every refusal of bytes has its own number.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

macro_rules! metrics {
    (counters { $($(#[doc = $counter_doc:literal])+ $counter:ident,)* }
     gauges { $($(#[doc = $gauge_doc:literal])+ $gauge:ident,)* }) => {
        /// The relay's counters and gauges; cheap to bump from any thread.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $counter_doc])+ pub $counter: Counter,)*
            $($(#[doc = $gauge_doc])+ pub $gauge: Gauge,)*
        }

        impl Metrics {
            fn registry(&self) -> Registry {
                let mut registry = Registry::with_prefix("conclave_relay");
                $(registry.register(stringify!($counter), concat!($($counter_doc),+).trim(), self.$counter.clone());)*
                $(registry.register(stringify!($gauge), concat!($($gauge_doc),+).trim(), self.$gauge.clone());)*
                registry
            }
        }
    };
}

metrics! {
    counters {
        /// Control connections accepted
        connections_accepted,
        /// Control connections closed at once: as many as allowed are open, or too many are half-open
        connections_refused,
        /// Control connections closed during the handshake: too many were half-open, and another took the place
        half_open_pushed_out,
        /// Control connections closed at once: too many handshakes from one address
        handshakes_limited,
        /// Control connections closed: the handshake took too long
        handshakes_timed_out,
        /// Control connections closed: foreign bytes, a wrong version or a broken handshake
        handshakes_failed,
        /// Control connections closed: a message that does not open or is no value
        messages_malformed,
        /// Requests from endpoints
        requests,
        /// Control connections closed: nothing came for too long
        connections_silent,
        /// Connections closed: their task panicked, which is a bug
        task_panics,
        /// Sessions ended: too much waited to be read
        sessions_too_slow,
        /// Pings beyond their rate, not answered
        pings_limited,
        /// Commits of the database
        store_commits,
        /// Commands that the database could not do
        store_failures,
        /// Datagrams received over UDP
        datagrams_received,
        /// Datagrams received over control connections
        datagrams_received_tcp,
        /// Datagrams over control connections dropped: the media plane's queue is full
        datagrams_dropped_tcp,
        /// Datagrams dropped: no hop header, or a length or kind that cannot be
        datagrams_malformed,
        /// Datagrams dropped: no such session
        datagrams_unknown_session,
        /// Datagrams dropped: the hop tag does not hold
        datagrams_forged,
        /// Datagrams dropped: a counter that was there before, or is too old
        datagrams_replayed,
        /// Datagrams dropped: more packets or bytes than a session may send
        datagrams_limited,
        /// Datagrams dropped: proven, but the body is no value
        datagrams_bad_body,
        /// Packets dropped: not this session's stream, or no stream
        packets_foreign_stream,
        /// Packets dropped: not of the stream's kind, or a header that cannot be
        packets_wrong_kind,
        /// Media packets taken
        packets_taken,
        /// Bytes of media packets taken
        bytes_taken,
        /// Media packets sent over UDP
        packets_sent,
        /// Bytes of media packets sent over UDP
        bytes_sent,
        /// System calls that sent them
        sends,
        /// Media packets handed to control connections
        packets_sent_tcp,
        /// Media packets dropped for a receiver: the socket takes no more
        packets_dropped_socket,
        /// Media packets dropped for a receiver: sending them failed for another reason
        packets_failed,
        /// Media packets dropped for a receiver: of a frame whose earlier packets did not go out
        packets_cut,
        /// Media packets dropped for a receiver on TCP: its queue is full
        packets_dropped_tcp,
        /// Media packets dropped for a receiver: it can be reached neither way
        packets_unreachable,
        /// Media packets dropped for a receiver: it wants fewer frames
        packets_thinned,
        /// Media packets dropped for all receivers: beyond what a sender, a room or an address may have sent on
        packets_over_budget,
        /// Media packets dropped for all receivers: beyond what their stream was offered as
        packets_over_offer,
        /// Sends that failed for another reason
        send_errors,
        /// Batches sent again in pieces: segmentation offload failed
        offload_failures,
        /// Probes answered
        probes,
        /// Requests for missing packets
        nacks,
        /// Requests for missing packets not looked at: too many of one session
        nacks_limited,
        /// Missing packets that receivers asked for
        nacked_packets,
        /// Streams in requests for missing packets that the session does not receive
        nacked_packets_foreign,
        /// Missing packets not sent again: too old, unknown or never sent to that receiver
        nacked_packets_gone,
        /// Missing packets not sent again: more than a quarter of what the session is sent
        nacked_packets_over_budget,
        /// Media packets sent again over UDP because a receiver asked
        packets_repeated,
        /// Requests for missing packets sent to publishers
        uplink_nacks,
        /// Media packets taken that a publisher had been asked for
        uplink_repaired,
        /// Sessions that moved to another address
        address_moves,
        /// Web connections accepted
        web_accepted,
        /// Web connections closed, or sockets refused: as many as allowed are open
        web_limited,
        /// Web connections closed at once: too many from one address in a short time
        web_handshakes_limited,
        /// Of those closed because as many as allowed are open, connections closed before they were sockets:
        /// another one took the place
        web_pushed_out,
        /// Web connections closed: no TLS, or no whole request in time
        web_handshakes_failed,
        /// Requests over plain HTTP where HTTPS is spoken, led there if their host is the relay
        web_plain_http,
        /// Requests of browsers refused: for a host that is not the relay
        web_unknown_host,
        /// WebSockets refused: from a page of another site
        web_foreign_origin,
        /// WebSockets refused: without the subprotocol, or no WebSocket
        web_no_subprotocol,
        /// WebSockets opened
        web_sockets_opened,
        /// WebSockets closed: nothing came for too long, or no first request
        web_silent,
        /// WebSockets closed: texts or frames that cannot be understood
        web_malformed,
        /// WebSockets closed: a message that is too long
        web_too_long,
        /// Guests refused: a link that is wrong, over or revoked
        web_links_refused,
        /// Blocks and pictures taken from browsers
        web_frames_taken,
        /// Blocks and pictures from browsers dropped: they cannot be understood
        web_frames_malformed,
        /// Blocks and pictures from browsers dropped: of no stream that they publish
        web_frames_unpublished,
        /// Blocks and pictures from browsers dropped: not everybody has the key yet
        web_frames_early,
        /// Packets for browsers dropped: they do not open
        web_packets_unopened,
        /// Blocks and pictures sent to browsers
        web_frames_delivered,
        /// Bytes of them
        web_bytes_delivered,
        /// Blocks and pictures for browsers dropped: a newer one came before they could be sent
        web_frames_dropped,
    }
    gauges {
        /// Bytes of the packets that are kept to be sent again
        media_history_bytes,
        /// Control connections that are open
        connections,
        /// Control connections whose handshake is not done
        half_open,
        /// Web connections that are open
        web_connections,
        /// WebSockets that are open
        web_sockets,
        /// Sessions
        sessions,
        /// Rooms
        rooms,
        /// Members of rooms
        participants,
    }
}

/// Counts one in a gauge for as long as it is held.
#[derive(Debug)]
pub(crate) struct Held(Gauge);

impl Held {
    /// One more in `gauge`.
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Prometheus' text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry());
        text
    }
}
