//! The one way in: who sent a datagram, and whether this session may send it.
//!
//! Cheapest first, and nothing changes before the tag holds. What is not proven is counted by its reason and answered
//! with silence: a stranger learns nothing.

use conclave_protocol::hop::{HopDatagram, HopError};
use conclave_protocol::id::SessionId;
use conclave_protocol::wire::feedback::{Feedback, Probe};
use conclave_protocol::wire::header::Kind;
use rustc_hash::FxHashMap;

use super::session::{MediaSession, TooMuch};
use super::tally::Tally;

/// The sessions that the plane knows. Boxed, as the table has room for more than there are.
pub(super) type Sessions = FxHashMap<SessionId, Box<MediaSession>>;

/// A datagram of a session that may send it.
#[expect(
    clippy::large_enum_variant,
    reason = "matched where it is returned, so that no datagram allocates and none is copied"
)]
pub(super) enum Proven<'s, 'd> {
    /// A packet to be sent on.
    Media {
        owner: SessionId,
        session: &'s mut MediaSession,
        packet: &'d [u8],
    },
    /// What a receiver says of its streams.
    Feedback {
        from: SessionId,
        session: &'s mut MediaSession,
        feedback: Feedback,
    },
    /// A question whether there is a way.
    Probe(Asked<'s>),
}

/// A probe, and what the answer to it depends on.
pub(super) struct Asked<'s> {
    pub(super) session: &'s mut MediaSession,
    pub(super) probe: Probe,
    /// Bytes of the whole datagram.
    pub(super) bytes: usize,
    /// Whether nothing newer has come from this session: one that was overtaken shows an address of before.
    pub(super) is_newest: bool,
}

/// Why a datagram goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// It cannot be a datagram of this protocol.
    Malformed,
    /// It names a session that the relay does not have.
    UnknownSession,
    /// Its counter was seen before, or is too old to tell.
    Replayed,
    /// Its tag does not hold.
    Forged,
    /// Its tag holds, and its body is no value.
    BadBody,
    /// Its session has sent more than it may.
    TooMuch(TooMuch),
}

impl From<HopError> for Unproven {
    fn from(error: HopError) -> Self {
        match error {
            HopError::Tag => Self::Forged,
            HopError::Body => Self::BadBody,
            HopError::Length(_) | HopError::Kind(_) => Self::Malformed,
        }
    }
}

impl From<TooMuch> for Unproven {
    fn from(too_much: TooMuch) -> Self {
        Self::TooMuch(too_much)
    }
}

impl Unproven {
    /// Counts a datagram by its reason.
    pub(super) const fn count(self, tally: &mut Tally) {
        let count = match self {
            Self::Malformed => &mut tally.datagrams_malformed,
            Self::UnknownSession => &mut tally.datagrams_unknown_session,
            Self::Replayed => &mut tally.datagrams_replayed,
            Self::Forged => &mut tally.datagrams_forged,
            Self::BadBody => &mut tally.datagrams_bad_body,
            Self::TooMuch(_) => &mut tally.datagrams_limited,
        };
        *count += 1;
    }
}

/// Parses a datagram, finds its session, and checks replay window, tag and rates, in this order.
///
/// # Errors
/// The first [`Unproven`] that holds.
pub(super) fn prove<'s, 'd>(
    sessions: &'s mut Sessions,
    datagram: &'d mut [u8],
) -> Result<Proven<'s, 'd>, Unproven> {
    let datagram = HopDatagram::parse(datagram)?;
    let (hop, bytes) = (datagram.header(), datagram.datagram_bytes());
    let session = sessions
        .get_mut(&hop.session)
        .ok_or(Unproven::UnknownSession)?;
    if !session.window.check(hop.counter) {
        return Err(Unproven::Replayed);
    }
    // Rates are charged after the proof: a forger must not use up what the session may send.
    match hop.kind {
        Kind::Feedback => {
            let feedback = session.keys().open_parsed(datagram)?;
            session.hear(hop.counter);
            session.may_send(bytes)?;
            let from = hop.session;
            Ok(Proven::Feedback {
                from,
                session,
                feedback,
            })
        }
        Kind::Probe => {
            let probe = session.keys().open_parsed(datagram)?;
            let is_newest = session.hear(hop.counter);
            session.may_send(bytes)?;
            Ok(Proven::Probe(Asked {
                session,
                probe,
                bytes,
                is_newest,
            }))
        }
        Kind::Audio | Kind::Video | Kind::Screen | Kind::Repair => {
            let packet = session.keys().prove_parsed(datagram)?;
            session.hear(hop.counter);
            session.may_send(bytes)?;
            let owner = hop.session;
            Ok(Proven::Media {
                owner,
                session,
                packet,
            })
        }
    }
}

#[cfg(test)]
mod tests;
