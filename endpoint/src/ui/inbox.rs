//! What the engine's thread tells the screen's: a short queue, drained by the event loop.
//!
//! The newest levels, rooms and statistics replace those that were not looked at yet, so that a screen which is busy
//! for a while finds little to do afterwards. The rest is kept in order. Where [`MOST`] wait, a line of chat is dropped
//! and counted: what else is told is as little as a person does.

use crate::cli::devices::FoundDevices;
use crate::engine::{EngineError, Report};
use crate::net::discovery::{DiscoveryError, FoundRelay};
use std::io;
use std::mem::discriminant;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Something that the screen has to know.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "few wait, and reports are most of them"
)]
pub(super) enum News {
    Report(Report),
    /// The engine of this sign-in has ended.
    Ended(Result<(), EngineError>),
    /// The machine's devices were looked at.
    Devices(FoundDevices),
    /// The relays on the network changed.
    Relays(Vec<FoundRelay>),
    /// The relay that a kiosk is to go to was looked for.
    Found(Result<FoundRelay, DiscoveryError>),
    /// The diagnostic bundle was written, or not.
    Bundle(io::Result<PathBuf>),
}

/// Who it is told by: a sign-in's number, for what an engine that was given up still says is of no interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SignInNumber(pub(super) u64);

/// News that may wait before lines of chat are dropped: a screen that has stood still for minutes. Each may hold 2 kB.
const MOST: usize = 1024;

type Waiting = Vec<(SignInNumber, News)>;

/// The queue; cloned for each side.
#[derive(Clone)]
pub(super) struct Inbox {
    waiting: Arc<Mutex<Waiting>>,
    dropped: Arc<AtomicU64>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Inbox {
    /// An empty queue; `wake` asks the event loop to drain it.
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            waiting: Arc::default(),
            dropped: Arc::default(),
            wake: Arc::new(wake),
        }
    }

    pub(super) fn push(&self, from: SignInNumber, news: News) {
        let was_empty = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let was_empty = waiting.is_empty();
            // An own line that is stored would be shown as on its way for ever.
            let may_be_dropped = matches!(news, News::Report(Report::Chat { number: None, .. }));
            if waiting.len() >= MOST && may_be_dropped {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
            if let News::Report(report) = &news
                && is_replaced_by_a_newer_one(report)
            {
                let same = |(_, other): &(SignInNumber, News)| matches!(other, News::Report(other) if discriminant(other) == discriminant(report));
                waiting.retain(|other| !same(other));
            }
            waiting.push((from, news));
            was_empty
        };
        // The sender of the first message has woken the loop already.
        if was_empty {
            (self.wake)();
        }
    }

    /// Has a thread of its own find something out that takes a while.
    pub(super) fn fetch(&self, name: &str, find: impl FnOnce() -> News + Send + 'static) {
        let inbox = self.clone();
        let thread = std::thread::Builder::new().name(name.into());
        if let Err(error) = thread.spawn(move || inbox.push(SignInNumber(0), find())) {
            tracing::warn!(%error, name, "no thread");
        }
    }

    pub(super) fn drain(&self) -> Waiting {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(
                dropped,
                "lines of chat came while the screen stood still, and are not shown"
            );
        }
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const fn is_replaced_by_a_newer_one(report: &Report) -> bool {
    matches!(
        report,
        Report::Levels(_) | Report::Stats(_) | Report::Rooms(_) | Report::People(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_protocol::id::{ChatId, LineMark};
    use conclave_protocol::name::{ChatText, Username};
    use conclave_protocol::units::UnixMillis;
    use conclave_protocol::wire::control::ChatLine;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    const FIRST: SignInNumber = SignInNumber(1);

    fn inbox() -> (Inbox, Arc<AtomicU32>) {
        let wakes = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&wakes);
        let inbox = Inbox::new(move || {
            counted.fetch_add(1, Relaxed);
        });
        (inbox, wakes)
    }

    #[test]
    fn a_busy_screen_is_woken_once_and_finds_the_newest_levels_alone() {
        let (inbox, wakes) = inbox();
        for _ in 0..100 {
            inbox.push(FIRST, News::Report(Report::Levels(Vec::new())));
        }
        assert_eq!((inbox.drain().len(), wakes.load(Relaxed)), (1, 1));
        inbox.push(FIRST, News::Report(Report::SignedIn));
        assert_eq!(wakes.load(Relaxed), 2);
    }

    #[test]
    fn what_happened_is_told_in_order_and_whole() {
        let (inbox, _) = inbox();
        inbox.push(FIRST, News::Report(Report::SignedIn));
        inbox.push(FIRST, News::Report(Report::LeftRoom));
        inbox.push(FIRST, News::Report(Report::SignedIn));
        let told: Vec<_> = inbox.drain().into_iter().map(|(_, news)| news).collect();
        assert!(matches!(
            told[..],
            [
                News::Report(Report::SignedIn),
                News::Report(Report::LeftRoom),
                News::Report(Report::SignedIn)
            ]
        ));
    }

    #[test]
    fn a_screen_that_stands_still_keeps_what_happened_and_no_endless_chat() {
        let (inbox, _) = inbox();
        let line = ChatLine {
            id: ChatId(1),
            at: UnixMillis(0),
            from: Username::parse("ana").unwrap(),
            from_name: "Ana".parse().unwrap(),
            to: None,
            text: Box::new(ChatText::parse("hello").unwrap()),
            mark: LineMark(1),
        };
        for _ in 0..2 * MOST {
            let line = line.clone();
            inbox.push(
                FIRST,
                News::Report(Report::Chat {
                    line,
                    own: false,
                    number: None,
                }),
            );
        }
        inbox.push(FIRST, News::Report(Report::LeftRoom));
        let told = inbox.drain();
        assert_eq!(told.len(), MOST + 1);
        assert!(matches!(told[MOST].1, News::Report(Report::LeftRoom)));
    }
}
