//! Probes, which are answered the way that they came.

use std::sync::Arc;

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::hop::body_down;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::feedback::{Padding, Probe};
use conclave_protocol::wire::header::Kind;

use super::prove::Asked;
use super::send::{Sender, hand_over};
use super::tally::Tally;
use super::way::Path;
use crate::clock;
use crate::mail::media_run::MediaRun;

/// Answers a probe the way that it came.
///
/// `path` is where it came from, none for a control connection.
pub(super) fn handle_probe(
    asked: Asked<'_>,
    path: Option<Path>,
    sender: &Sender,
    now: Instant,
    tally: &mut Tally,
) {
    let session = asked.session;
    let Probe::Ask {
        sent,
        seen,
        round_trip,
        ..
    } = asked.probe
    else {
        tally.datagrams_bad_body += 1;
        return;
    };
    tally.probes += 1;
    session.round_trip = round_trip;
    let answer = Probe::Answer {
        sent,
        relay: clock::now(),
        padding: Padding::NONE,
    };
    // As long as the probe: the way down has to pass what the way up has passed.
    let answer = answer.padded_to(body_down(asked.bytes));
    let counter = session.down_counter;
    session.down_counter += 1;
    if let Some(path) = path
        && asked.is_newest
    {
        tally.address_moves += u64::from(session.way.asked(path, seen, now));
        session.way.answered(path, counter);
    }
    let mut out = [0; MAX_DATAGRAM];
    let sealed = session
        .keys()
        .seal_down(counter, Kind::Probe, &answer, &mut out);
    let Ok(length) = sealed else {
        return;
    };
    match path {
        Some(path) => {
            sender.send(path, &out[..length], length, tally);
        }
        None => {
            let run = MediaRun::copy(None, length, &out[..length]);
            hand_over(session, Arc::new(run), tally);
        }
    }
}
