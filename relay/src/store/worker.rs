//! The thread that owns the database.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use conclave_protocol::wire::control::Refusal;
use conclave_relay_core::storage::{StoreAnswer, StoreCommand, Token};

use super::schema::is_damage;
use super::{Database, ExecuteError, accounts, chat, rooms};
use crate::health::{BEAT_EACH, Pulse};
use crate::metrics::Metrics;

/// Commands that may wait; one more is refused. Higher costs memory while the disk is slow.
const QUEUE: usize = 4096;
/// Commands in one commit. Higher makes the first of them wait longer.
const COMMIT: usize = 256;

/// A command's answer.
#[derive(Debug)]
pub struct Stored {
    /// The command that it answers.
    pub token: Token,
    /// What came of it.
    pub answer: Result<StoreAnswer, Refusal>,
}

/// What the thread is given.
#[cfg_attr(
    test,
    expect(
        clippy::large_enum_variant,
        reason = "the small one is for tests alone"
    )
)]
enum Job {
    Command(StoreCommand),
    #[cfg(test)]
    Panic,
}

/// The way to the thread; ends the thread when it is dropped by [`Store::finish`].
pub struct Store {
    jobs: SyncSender<Job>,
    thread: JoinHandle<()>,
}

impl Store {
    /// Starts the thread; it hands each answer to `answer`.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(
        database: Database,
        metrics: Arc<Metrics>,
        pulse: Pulse,
        answer: impl FnMut(Stored) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || work(database, &metrics, &pulse, &queue, answer))?;
        Ok(Self { jobs, thread })
    }

    /// Queues a command; `false` when the queue is full or the thread is gone.
    #[must_use]
    pub fn send(&self, command: StoreCommand) -> bool {
        match self.jobs.try_send(Job::Command(command)) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// Ends the thread by a panic.
    #[cfg(test)]
    pub(crate) fn panic(&self) {
        let _ = self.jobs.send(Job::Panic);
    }

    /// Has everything that is queued committed, and ends the thread.
    pub fn finish(self) {
        drop(self.jobs);
        if self.thread.join().is_err() {
            tracing::error!("the store thread has panicked");
        }
    }
}

fn work(
    mut database: Database,
    metrics: &Metrics,
    pulse: &Pulse,
    queue: &Receiver<Job>,
    mut answer: impl FnMut(Stored),
) {
    let mut batch = Vec::with_capacity(COMMIT);
    let mut failing = false;
    loop {
        let mut next = match queue.recv_timeout(BEAT_EACH) {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        pulse.beat();
        while let Some(job) = next {
            match job {
                Job::Command(command) => batch.push(command),
                #[cfg(test)]
                Job::Panic => panic!("injected"),
            }
            next = (batch.len() < COMMIT)
                .then(|| queue.try_recv().ok())
                .flatten();
        }
        if batch.is_empty() {
            continue;
        }
        let (answers, error) = commit(&mut database, &batch);
        let failed = answers
            .iter()
            .filter(|answer| **answer == Err(Refusal::StorageFailed))
            .count();
        metrics.store_failures.inc_by(failed as u64);
        metrics.store_commits.inc();
        // Once a change: a full disk would fill the log, too.
        if failing != (failed > 0) {
            failing = failed > 0;
            tell(failing, error.as_ref());
        }
        for (command, result) in batch.drain(..).zip(answers) {
            answer(Stored {
                token: command.token(),
                answer: result,
            });
        }
    }
}

/// Logs that the database stores no more, or that it does again.
fn tell(failing: bool, error: Option<&rusqlite::Error>) {
    if !failing {
        tracing::info!("the database stores again");
        return;
    }
    let is_damaged = error.is_some_and(is_damage);
    let error = error.map(tracing::field::display);
    match is_damaged {
        true => tracing::error!(
            error,
            "the database is damaged: stop the relay and restore a backup (docs/relay.md, \"The data folder and its backup\")"
        ),
        false => tracing::error!(error, "the database cannot store: is the disk full?"),
    }
}

type Answers = Vec<Result<StoreAnswer, Refusal>>;

/// All in one transaction; when that fails, each in its own, so that one cannot spoil the others. And why it failed.
fn commit(database: &mut Database, batch: &[StoreCommand]) -> (Answers, Option<rusqlite::Error>) {
    let first = match transact(database, batch) {
        Ok(answers) => return (answers, None),
        Err(first) => first,
    };
    let one = |command| {
        transact(database, std::slice::from_ref(command))
            .ok()
            .and_then(|mut answers| answers.pop())
            .unwrap_or(Err(Refusal::StorageFailed))
    };
    (batch.iter().map(one).collect(), Some(first))
}

fn transact(database: &mut Database, batch: &[StoreCommand]) -> Result<Answers, rusqlite::Error> {
    let transaction = database.connection.transaction()?;
    let mut answers = Vec::with_capacity(batch.len());
    for command in batch {
        answers.push(match execute(&transaction, command) {
            Ok(answer) => Ok(answer),
            Err(ExecuteError::Refused(refusal)) => Err(refusal),
            Err(ExecuteError::Database(error)) => return Err(error),
        });
    }
    transaction.commit()?;
    Ok(answers)
}

fn execute(
    connection: &rusqlite::Connection,
    command: &StoreCommand,
) -> Result<StoreAnswer, ExecuteError> {
    match command {
        StoreCommand::SignIn {
            username,
            email,
            identity,
            at,
            new,
            ..
        } => accounts::sign_in(connection, username, email, identity, *at, *new),
        StoreCommand::CreateRoom { room, at, .. } => rooms::create(connection, room, *at),
        StoreCommand::AppendChat {
            room,
            line,
            from_guest,
            to_guest,
            ..
        } => chat::append(connection, *room, line, *from_guest, *to_guest),
        StoreCommand::FindLine {
            room,
            from,
            from_guest,
            mark,
            ..
        } => chat::find(connection, *room, from, *from_guest, *mark),
        StoreCommand::FindName { username, .. } => accounts::find(connection, username),
        StoreCommand::ChangeRoom { room, setting, .. } => {
            rooms::change(connection, *room, *setting)
        }
        StoreCommand::ReadHistory {
            room,
            reader,
            before,
            ..
        } => chat::page(connection, *room, reader.as_ref(), *before),
    }
}
