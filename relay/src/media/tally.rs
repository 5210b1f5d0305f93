//! What happened to datagrams in one batch.

use crate::metrics::Metrics;

macro_rules! tally {
    ($($name:ident),* $(,)?) => {
        /// Counts of one batch, added to the shared counters at its end.
        #[derive(Debug, Default)]
        pub(super) struct Tally {
            $(pub(super) $name: u64,)*
        }

        impl Tally {
            /// Adds them, and begins again.
            pub(super) fn flush(&mut self, metrics: &Metrics) {
                $(if self.$name > 0 {
                    metrics.$name.inc_by(self.$name);
                    self.$name = 0;
                })*
            }
        }
    };
}

tally! {
    datagrams_received, datagrams_received_tcp, datagrams_malformed, datagrams_unknown_session,
    datagrams_forged, datagrams_replayed, datagrams_limited, datagrams_bad_body,
    packets_foreign_stream, packets_wrong_kind, packets_taken, bytes_taken, packets_sent, bytes_sent,
    sends, packets_sent_tcp, packets_dropped_socket, packets_dropped_tcp, packets_unreachable,
    packets_thinned, packets_over_budget, packets_over_offer, packets_failed, packets_cut, send_errors, offload_failures, probes, nacks, address_moves,
    nacks_limited, nacked_packets, nacked_packets_foreign, nacked_packets_gone, nacked_packets_over_budget,
    packets_repeated, uplink_nacks, uplink_repaired,
}
