//! What one hostile member does in turns, each family at the highest rate that its limits let through, or at a
//! lower one that its constant states. The member may hold several accounts and sockets, as anyone may.

mod control;
mod feedback;
mod media;
mod rooms;
mod web;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use conclave_protocol::id::{ParticipantId, RoomId, StreamId};
use conclave_protocol::wire::control::{Refusal, Request, Want};

use crate::harness::Endpoint;
use crate::harness::endpoint::Closed;
use crate::relay_process::RelayProcess;

/// Acts of higher rates come in bundles, so that the clock moves between them.
const BEATS_A_SECOND: u32 = 50;

/// One way of being hostile.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&mut Turn<'_>),
}

/// All of them.
pub(crate) const FAMILIES: [Family; 15] = [
    Family {
        name: "handshakes that stop, lie or shout",
        run: control::handshakes,
    },
    Family {
        name: "every request as often as goes",
        run: control::requests,
    },
    Family {
        name: "asking for keys, sending false ones",
        run: control::keys,
    },
    Family {
        name: "streams, choices and lobby in a storm",
        run: control::choices,
    },
    Family {
        name: "settings of the room from many sessions",
        run: rooms::settings,
    },
    Family {
        name: "PINs and links that are guessed",
        run: rooms::guesses,
    },
    Family {
        name: "coming and going",
        run: rooms::comings,
    },
    Family {
        name: "accounts from one IPv6 network",
        run: rooms::sign_ups,
    },
    Family {
        name: "texts that no page sends",
        run: web::texts,
    },
    Family {
        name: "web sockets that stay silent",
        run: web::sockets,
    },
    Family {
        name: "datagrams replayed, forged and torn",
        run: media::datagrams,
    },
    Family {
        name: "pictures as fast as goes, to all",
        run: media::pictures,
    },
    Family {
        name: "first fragments of the longest pictures",
        run: media::first_fragments,
    },
    Family {
        name: "pictures without end, for stuck browsers",
        run: media::unfinished,
    },
    Family {
        name: "packets asked for again without end",
        run: feedback::claims,
    },
];

/// Where and whom to attack.
pub(crate) struct Target<'r> {
    pub(crate) relay: &'r RelayProcess,
    pub(crate) room: RoomId,
    pub(crate) members: Vec<ParticipantId>,
    pub(crate) streams: Vec<StreamId>,
}

/// One family's turn.
pub(crate) struct Turn<'t> {
    pub(crate) target: &'t Target<'t>,
    /// What was done.
    pub(crate) acts: u64,
    until: Instant,
}

impl<'t> Turn<'t> {
    pub(crate) fn new(target: &'t Target<'t>, length: Duration) -> Self {
        Self {
            target,
            acts: 0,
            until: Instant::now() + length,
        }
    }

    fn is_on(&self) -> bool {
        Instant::now() < self.until
    }

    fn pause(&self, pause: Duration) {
        let rest = self.until.saturating_duration_since(Instant::now());
        std::thread::sleep(pause.min(rest));
    }

    /// Acts so often a second until the turn ends, or until it cannot.
    fn each<E>(
        &mut self,
        per_second: u32,
        mut act: impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let at_once = (per_second / BEATS_A_SECOND).max(1);
        let beat = Duration::from_secs(1) * at_once / per_second;
        let mut next = Instant::now();
        while self.is_on() {
            for _ in 0..at_once {
                act()?;
                self.acts += 1;
            }
            next += beat;
            self.pause(next.saturating_duration_since(Instant::now()));
        }
        Ok(())
    }

    /// The same, but in earnest for the first second of each ten alone: what it costs this machine allows no more.
    fn bursts<E>(
        &mut self,
        per_second: u32,
        mut act: impl FnMut(bool) -> Result<(), E>,
    ) -> Result<(), E> {
        let (begun, before, mut done) = (Instant::now(), self.acts, 0);
        let ended = self.each(per_second, || {
            let is_in_earnest = begun.elapsed().as_secs().is_multiple_of(10);
            done += u64::from(is_in_earnest);
            act(is_in_earnest)
        });
        self.acts = before + done;
        ended
    }

    /// The attacker's nth account, signed in; `None`, after a pause, when the relay does not let it in now.
    fn sign_in(&self, n: u8) -> Option<Endpoint> {
        let connected = TcpStream::connect(self.target.relay.control).map_err(|_| Closed);
        let connected = connected.and_then(|stream| Endpoint::try_connect(stream, seed(n)));
        let Ok(mut eve) = connected else {
            self.pause(Duration::from_millis(200));
            return None;
        };
        match eve.sign_in(&format!("Eve{n}")) {
            Ok(_) => Some(eve),
            Err(refusal) => {
                self.wait_out(&refusal);
                None
            }
        }
    }

    /// The same in the room of the call.
    fn enter(&self, n: u8) -> Option<Endpoint> {
        let mut eve = self.sign_in(n)?;
        match eve.join(self.target.room, None) {
            Ok(_) => Some(eve),
            Err(refusal) => {
                self.wait_out(&refusal);
                None
            }
        }
    }

    /// The first accounts, all in the room of the call; fewer only when the turn has ended. None takes sound: that
    /// costs a message each, and is not what they are here for.
    fn enter_many(&self, count: u8) -> Vec<Endpoint> {
        let mut eves: Vec<Endpoint> = Vec::new();
        while self.is_on() && eves.len() < count.into() {
            let Some(mut eve) = self.enter(eves.len() as u8) else {
                continue;
            };
            let streams = self.target.streams.iter();
            let is_deaf = streams.map(|&stream| Request::Subscribe {
                stream,
                want: Want::Nothing,
            });
            if is_deaf
                .into_iter()
                .all(|request| ask(&mut eve, request).is_ok())
            {
                eves.push(eve);
            }
        }
        eves
    }

    fn wait_out(&self, refusal: &Refusal) {
        let wait = match refusal {
            Refusal::RateLimited { retry_after_ms } => u64::from(*retry_after_ms),
            _ => 500,
        };
        self.pause(Duration::from_millis(wait.max(1)));
    }
}

/// The identity of the attacker's nth account.
fn seed(n: u8) -> u8 {
    100 + n
}

/// Sends a request and reads until its answer, whichever it is.
fn ask(eve: &mut Endpoint, request: Request) -> Result<(), Closed> {
    let id = eve.ask(request)?;
    let _whichever = eve.reply_to(id)?;
    eve.events.clear();
    eve.datagrams.clear();
    Ok(())
}
