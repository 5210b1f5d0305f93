//! PINs: hashed with Argon2id in a thread of their own, so that neither chat nor the core waits.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use argon2::{Algorithm, Argon2, Params, Version};
use conclave_common::entropy;
use conclave_protocol::name::Pin;
use conclave_protocol::wire::control::Refusal;
use conclave_relay_core::storage::{PinAnswer, PinCommand, PinHash, Token};
use subtle::ConstantTimeEq;

use crate::health::{BEAT_EACH, Pulse};

/// KiB of memory a hash. Higher makes each guess from a stolen database dearer, and each join.
const MEMORY_KIB: u32 = 4096;
/// Passes over it.
const PASSES: u32 = 2;
/// PINs that may wait; one more is refused.
const QUEUE: usize = 256;

/// The way to the thread, which ends when this is dropped.
pub struct PinWorker(SyncSender<Job>);

/// What the thread is given.
enum Job {
    Command(PinCommand),
    #[cfg(test)]
    Panic,
}

impl PinWorker {
    /// Starts the thread; it hands each answer to `answer`.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(
        pulse: Pulse,
        answer: impl FnMut(Token, Result<PinAnswer, Refusal>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (commands, queue) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("pin".into())
            .spawn(move || work(&pulse, &queue, answer))?;
        Ok(Self(commands))
    }

    /// Queues work; `false` when the queue is full.
    #[must_use]
    pub fn send(&self, command: PinCommand) -> bool {
        self.0.try_send(Job::Command(command)).is_ok()
    }

    /// Ends the thread by a panic.
    #[cfg(test)]
    pub(crate) fn panic(&self) {
        let _ = self.0.send(Job::Panic);
    }
}

fn work(
    pulse: &Pulse,
    queue: &Receiver<Job>,
    mut answer: impl FnMut(Token, Result<PinAnswer, Refusal>),
) {
    loop {
        let job = queue.recv_timeout(BEAT_EACH);
        pulse.beat();
        let command = match job {
            Ok(Job::Command(command)) => command,
            #[cfg(test)]
            Ok(Job::Panic) => panic!("injected"),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let result = match &command {
            PinCommand::Hash { pin, .. } => {
                let mut salt = [0; 16];
                match entropy::fill(&mut salt) {
                    Ok(()) => {
                        digest(pin, &salt).map(|hash| PinAnswer::Hashed(PinHash { salt, hash }))
                    }
                    Err(_) => Err(Refusal::StorageFailed),
                }
            }
            PinCommand::Compare { pin, hash, .. } => digest(pin, &hash.salt)
                .map(|guess| PinAnswer::Compared(guess.ct_eq(&hash.hash).into())),
        };
        answer(command.token(), result);
    }
}

fn digest(pin: &Pin, salt: &[u8; 16]) -> Result<[u8; 32], Refusal> {
    let params =
        Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(|_| Refusal::StorageFailed)?;
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(pin.as_str().as_bytes(), salt, &mut hash)
        .map_err(|_| Refusal::StorageFailed)?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_matches_itself_under_its_salt_alone() {
        let (pin, other) = (Pin::parse("1234").unwrap(), Pin::parse("1235").unwrap());
        let hash = digest(&pin, &[1; 16]).unwrap();
        assert_eq!(digest(&pin, &[1; 16]), Ok(hash));
        assert_ne!(digest(&other, &[1; 16]), Ok(hash));
        assert_ne!(digest(&pin, &[2; 16]), Ok(hash));
    }
}
