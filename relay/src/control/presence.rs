//! A connection that the core knows of: however its task ends, the core hears of it.

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::mail::Event;
use conclave_relay_core::ConnectionId;

/// Tells the core that the connection is gone when it is dropped, during a panic as well.
pub(crate) struct Presence {
    connection: ConnectionId,
    events: mpsc::Sender<Event>,
    is_told: bool,
}

impl Presence {
    /// Made when the core is about to be told of the connection.
    pub(crate) const fn new(connection: ConnectionId, events: mpsc::Sender<Event>) -> Self {
        Self {
            connection,
            events,
            is_told: false,
        }
    }

    /// The connection's number.
    pub(crate) const fn id(&self) -> ConnectionId {
        self.connection
    }

    /// Tells the core now, waiting for a place in its queue.
    pub(crate) async fn end(mut self) {
        let connection = self.connection;
        if let Ok(place) = self.events.reserve().await {
            place.send(Event::Disconnected { connection });
        }
        self.is_told = true;
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if self.is_told {
            return;
        }
        let gone = Event::Disconnected {
            connection: self.connection,
        };
        // Without the loop, or without the runtime, the relay is ending, and there is no task left to tell.
        if let Err(TrySendError::Full(gone)) = self.events.try_send(gone)
            && let Ok(runtime) = Handle::try_current()
        {
            let events = self.events.clone();
            runtime.spawn(async move {
                let _ = events.send(gone).await;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(event: Option<Event>) -> Option<ConnectionId> {
        match event {
            Some(Event::Disconnected { connection }) => Some(connection),
            _ => None,
        }
    }

    #[tokio::test]
    async fn the_core_hears_of_a_task_that_panics_also_when_its_queue_is_full() {
        let (events, mut inbox) = mpsc::channel(1);
        let presence = Presence::new(ConnectionId(2), events.clone());
        events.send(Event::Stop).await.unwrap();
        let task = tokio::spawn(async move {
            let _presence = presence;
            panic!("injected");
        });
        assert!(task.await.unwrap_err().is_panic());
        assert!(matches!(inbox.recv().await, Some(Event::Stop)));
        assert_eq!(told(inbox.recv().await), Some(ConnectionId(2)));
    }

    #[tokio::test]
    async fn the_core_is_told_once() {
        let (events, mut inbox) = mpsc::channel(4);
        Presence::new(ConnectionId(3), events.clone()).end().await;
        drop(Presence::new(ConnectionId(4), events));
        assert_eq!(told(inbox.recv().await), Some(ConnectionId(3)));
        assert_eq!(told(inbox.recv().await), Some(ConnectionId(4)));
        assert!(inbox.recv().await.is_none());
    }
}
