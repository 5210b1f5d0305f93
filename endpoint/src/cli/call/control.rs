//! Acts from standard input while the call runs, each answered on standard error.

use super::act::{Act, ActError, addressee};
use crate::camera::CameraSpec;
use crate::engine::{Intent, Person, Settings};
use crate::sound::MicrophoneSpec;
use conclave_protocol::id::ParticipantId;
use conclave_protocol::name::{ChatText, DisplayName};
use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Lines that may wait to be done; then reading stops, and the pipe holds the writer back.
const LINES: usize = 64;
/// The longest line: the longest text of chat, with a name and an act before it.
const MOST_BYTES: usize = 4096;
/// Lines of chat that the relay may not have answered yet.
const MOST_UNANSWERED: usize = 64;
/// How long `leave` waits for answers to what was asked before it.
const FAREWELL: Duration = Duration::from_secs(2);

/// Who is in the room, as it was reported last.
pub(super) type People = Rc<RefCell<Vec<Person>>>;

/// A line, or the beginning of one that is too long.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Whole(String),
    TooLong(String),
}

/// Does what the lines say.
pub(super) struct Control {
    lines: mpsc::Receiver<Line>,
    intents: mpsc::Sender<Intent>,
    people: People,
    has_camera: bool,
    has_microphone: bool,
    /// Acts that the relay has to answer, with the answers to print.
    unanswered: JoinSet<String>,
}

impl Control {
    /// Begins to read standard input.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(super) fn of_stdin(
        settings: &Settings,
        intents: mpsc::Sender<Intent>,
        people: People,
    ) -> io::Result<Self> {
        let (sender, lines) = mpsc::channel(LINES);
        // A thread that is never joined: a read of a terminal cannot be interrupted.
        std::thread::Builder::new()
            .name("control".into())
            .spawn(move || read_lines(io::stdin(), |line| sender.blocking_send(line).is_ok()))?;
        Ok(Self {
            lines,
            intents,
            people,
            has_camera: settings.camera != CameraSpec::Off,
            has_microphone: settings.microphone != MicrophoneSpec::Off,
            unanswered: JoinSet::new(),
        })
    }

    /// Does one act after the other, until one says to leave. The end of input changes nothing.
    pub(super) async fn until_leave(mut self) {
        let mut is_open = true;
        loop {
            tokio::select! {
                line = self.lines.recv(), if is_open && self.unanswered.len() < MOST_UNANSWERED => match line {
                    Some(Line::Whole(line)) => {
                        if self.handle(line.trim()).await {
                            return self.farewell().await;
                        }
                    }
                    Some(Line::TooLong(begin)) => answer(&format!("refused {begin}...: longer than {MOST_BYTES} bytes")),
                    None => is_open = false,
                },
                Some(Ok(text)) = self.unanswered.join_next() => answer(&text),
                else => std::future::pending().await,
            }
        }
    }

    /// Whether the line was the last.
    async fn handle(&mut self, line: &str) -> bool {
        if line.is_empty() {
            return false;
        }
        let done = match Act::parse(line) {
            Ok(Act::Leave) => {
                answer("ok leave");
                return true;
            }
            Ok(act) => self.act(act, line).await,
            Err(ActError::Refused(reason)) => Err(reason),
            Err(ActError::Unknown) => {
                answer(&format!("unknown {line}"));
                return false;
            }
        };
        match done {
            Ok(true) => answer(&format!("ok {line}")),
            Ok(false) => {}
            Err(reason) => answer(&format!("refused {line}: {reason}")),
        }
        false
    }

    /// Whether the act is done, or waits for the relay.
    async fn act(&mut self, act: Act, line: &str) -> Result<bool, String> {
        match act {
            Act::Camera(true) if !self.has_camera => {
                return Err("no camera is chosen; `camera SPEC` chooses one".into());
            }
            Act::Microphone(true) if !self.has_microphone => {
                return Err("no microphone is chosen; `microphone SPEC` chooses one".into());
            }
            Act::Camera(on) => self.intend(Intent::Camera(on)).await,
            Act::UseCamera(spec) => {
                self.has_camera = true;
                self.intend(Intent::UseCamera(spec)).await;
                self.intend(Intent::Camera(true)).await;
            }
            Act::Microphone(on) => self.intend(Intent::Microphone(on)).await,
            Act::UseMicrophone(spec) => {
                self.has_microphone = true;
                self.intend(Intent::UseMicrophone(spec)).await;
                self.intend(Intent::Microphone(true)).await;
            }
            Act::UseSpeaker(spec) => self.intend(Intent::UseSpeaker(spec)).await,
            Act::Say(text) => {
                self.write(None, text, line).await;
                return Ok(false);
            }
            Act::Tell(rest) => {
                let (to, text) = self.addressee(&rest)?;
                let text = ChatText::parse(text).map_err(|error| format!("the text: {error}"))?;
                self.write(Some(to), Box::new(text), line).await;
                return Ok(false);
            }
            Act::Leave => {}
        }
        Ok(true)
    }

    fn addressee<'l>(&self, rest: &'l str) -> Result<(ParticipantId, &'l str), String> {
        let people = self.people.borrow();
        let (ids, keys) = names_of(&people);
        let key = |text: &str| DisplayName::parse(text).map_or_else(|_| String::new(), |n| n.key());
        let (at, text) = addressee(rest, key, &keys)?;
        Ok((ids[at], text))
    }

    async fn write(&mut self, to: Option<ParticipantId>, text: Box<ChatText>, line: &str) {
        let (written, answered) = oneshot::channel();
        self.intend(Intent::Write { to, text, written }).await;
        let line = line.to_owned();
        self.unanswered.spawn(async move {
            match answered.await {
                Ok(Ok(())) => format!("ok {line}"),
                Ok(Err(refusal)) => format!("refused {line}: {refusal}"),
                Err(_) => format!("refused {line}: the call ended before the relay answered"),
            }
        });
    }

    async fn intend(&self, intent: Intent) {
        // An engine that has ended takes nothing; the call ends with it.
        let _ = self.intents.send(intent).await;
    }

    /// Waits a little for what the relay has not answered yet.
    async fn farewell(mut self) {
        let answers = async {
            while let Some(Ok(text)) = self.unanswered.join_next().await {
                answer(&text);
            }
        };
        let _ = tokio::time::timeout(FAREWELL, answers).await;
    }
}

/// The others by what they may be named by: their account's name and what they are called.
fn names_of(people: &[Person]) -> (Vec<ParticipantId>, Vec<String>) {
    let mut names: Vec<_> = people
        .iter()
        .filter(|person| !person.own)
        .flat_map(|person| {
            let keys = [person.username.key(), person.display_name.key()];
            keys.map(|key| (person.id, key))
        })
        .collect();
    names.dedup();
    names.into_iter().unzip()
}

/// Reads lines until the end, or until the receiver is gone.
fn read_lines(input: impl Read, mut take: impl FnMut(Line) -> bool) {
    let mut input = BufReader::new(input);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let most = MOST_BYTES as u64 + 1;
        let read = input.by_ref().take(most).read_until(b'\n', &mut bytes);
        if !matches!(read, Ok(1..)) {
            return;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let line = if bytes.len() <= MOST_BYTES || bytes.ends_with(b"\n") {
            Line::Whole(text(&bytes))
        } else {
            if input.skip_until(b'\n').is_err() {
                return;
            }
            Line::TooLong(text(&bytes[..40]))
        };
        if !take(line) {
            return;
        }
    }
}

fn answer(line: &str) {
    // The reader may be gone; that is no reason to end a call.
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whole_and_one_that_is_too_long_is_passed_over() {
        let long = "x".repeat(100_000);
        let fits = "y".repeat(MOST_BYTES);
        let input = format!("camera on\n\n{long}\n{fits}\nleave");
        let mut lines = Vec::new();
        read_lines(input.as_bytes(), |line| {
            lines.push(line);
            true
        });
        let whole = |text: &str| Line::Whole(text.into());
        let expected = [
            whole("camera on\n"),
            whole("\n"),
            Line::TooLong("x".repeat(40)),
            whole(&format!("{fits}\n")),
            whole("leave"),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn somebody_is_named_by_their_account_or_by_what_they_are_called() {
        let person = |id, username: &str, display_name: &str| Person {
            id: ParticipantId(id),
            username: username.parse().unwrap(),
            display_name: display_name.parse().unwrap(),
            own: id == 0,
            devices: conclave_protocol::wire::control::Devices::default(),
            confirmed: conclave_protocol::wire::control::Devices::default(),
            away: false,
            via_gateway: false,
            picture: None,
        };
        let people = [
            person(0, "me", "Me"),
            person(1, "ana", "Ana Lima"),
            person(2, "ben", "Ben"),
        ];
        let (ids, keys) = names_of(&people);
        assert_eq!(ids, [1, 1, 2].map(ParticipantId));
        assert_eq!(keys, ["ana", "ana lima", "ben"]);
    }

    #[test]
    fn reading_stops_when_nobody_takes_the_lines() {
        let mut taken = 0;
        read_lines(&b"a\nb\nc\n"[..], |_| {
            taken += 1;
            taken < 2
        });
        assert_eq!(taken, 2);
    }
}
