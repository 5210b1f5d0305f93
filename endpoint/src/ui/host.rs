//! The engine's thread: an engine for each sign-in, one after the other.

use super::inbox::{Inbox, News, SignInNumber};
use super::steering::Steering;
use crate::data_dir::DataDir;
use crate::engine::{Engine, Intent, PictureOutputs, Settings};
use crate::platform::watchdog::Heartbeat;
use std::io;
use std::ops::{Deref, DerefMut};
use std::thread::JoinHandle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Sign-ins that may wait while an engine says goodbye, which takes a second at most; more are dropped, with a warning.
const ORDERS: usize = 16;

/// Makes an engine's viewers, new ones for each engine.
pub(super) type OpenPictureOutputs = Box<dyn Fn() -> PictureOutputs + Send>;

/// An engine to run: whose it is, what it is to do, and how it is steered.
pub(super) struct Order(
    pub(super) SignInNumber,
    pub(super) Box<Settings>,
    pub(super) mpsc::Receiver<Intent>,
);

/// The handle by which the screen steers the engine.
pub(super) struct Host {
    /// The thread ends when this sender is dropped.
    orders: Option<mpsc::Sender<Order>>,
    steering: Steering,
    number: u64,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    /// Starts the thread; `heartbeat` beats while its loop turns, `on_signal` is called on SIGINT and SIGTERM.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(
        keep: DataDir,
        inbox: Inbox,
        open_picture_outputs: OpenPictureOutputs,
        heartbeat: Option<Heartbeat>,
        on_signal: fn(),
    ) -> io::Result<Self> {
        let (orders, taken) = mpsc::channel(ORDERS);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || {
                let engines = serve(keep, inbox, open_picture_outputs, taken);
                runtime.block_on(async {
                    tokio::select! {
                        () = engines => {}
                        () = beat(heartbeat) => {}
                        () = signals(on_signal) => {}
                    }
                });
            })?;
        Ok(Self {
            orders: Some(orders),
            steering: Steering::default(),
            number: 0,
            thread: Some(thread),
        })
    }

    /// A host without a thread, whose orders a test takes.
    #[cfg(test)]
    pub(super) fn heard_by_a_test() -> (Self, mpsc::Receiver<Order>) {
        let (orders, taken) = mpsc::channel(ORDERS);
        let host = Self {
            orders: Some(orders),
            steering: Steering::default(),
            number: 0,
            thread: None,
        };
        (host, taken)
    }

    /// Ends the engine there is and runs another.
    pub(super) fn sign_in(&mut self, settings: Settings) -> SignInNumber {
        self.steering.end();
        self.number += 1;
        let number = SignInNumber(self.number);
        let taken = self.steering.begin();
        let order = Order(number, Box::new(settings), taken);
        let orders = self.orders.as_ref();
        if orders.is_some_and(|orders| orders.try_send(order).is_err()) {
            tracing::warn!("a sign-in is dropped: the engine before it does not end");
        }
        number
    }

    /// Ends the engine there is, and forgets what was wanted; what the engine still says has an old number.
    pub(super) fn sign_out(&mut self) {
        self.steering.end();
        self.steering.forget();
        self.number += 1;
    }

    /// The sign-in that counts.
    pub(super) const fn number(&self) -> SignInNumber {
        SignInNumber(self.number)
    }
}

/// A host is steered as its engine is.
impl Deref for Host {
    type Target = Steering;

    fn deref(&self) -> &Steering {
        &self.steering
    }
}

impl DerefMut for Host {
    fn deref_mut(&mut self) -> &mut Steering {
        &mut self.steering
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.end();
    }
}

impl Host {
    /// Ends the engine and its thread, and waits for that.
    pub(super) fn end(&mut self) {
        self.steering.end();
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(
    keep: DataDir,
    inbox: Inbox,
    open_picture_outputs: OpenPictureOutputs,
    mut orders: mpsc::Receiver<Order>,
) {
    while let Some(Order(number, settings, intents)) = orders.recv().await {
        let reports = inbox.clone();
        let report = move |report| reports.push(number, News::Report(report));
        let engine = Engine::new(
            *settings,
            keep.clone(),
            None,
            Some(open_picture_outputs()),
            report,
        );
        let ended = match engine {
            Ok(engine) => engine.run(intents).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &ended {
            tracing::warn!(%error, "the engine ended");
        }
        inbox.push(number, News::Ended(ended));
    }
}

/// Calls back when the process is asked to end; the callback ends the host in its turn.
async fn signals(on_signal: fn()) {
    let asked = async {
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        io::Result::Ok(())
    };
    match asked.await {
        Ok(()) => on_signal(),
        Err(error) => tracing::warn!(%error, "signals end the process at once"),
    }
    std::future::pending().await
}

/// Beats as long as this thread's loop gets its turns.
async fn beat(heartbeat: Option<Heartbeat>) {
    let Some(heartbeat) = heartbeat else {
        return std::future::pending().await;
    };
    let mut every = tokio::time::interval(std::time::Duration::from_secs(1));
    loop {
        every.tick().await;
        heartbeat.beat();
    }
}
