//! Rooms as they are kept.

use conclave_protocol::id::{ChatId, RoomId};
use conclave_protocol::name::RoomName;
use conclave_protocol::units::UnixMillis;
use conclave_relay_core::Remembered;
use conclave_relay_core::storage::{PinHash, RoomSetting, StoreAnswer, StoredRoom};
use rusqlite::{Connection, params};

use super::{Database, ExecuteError, OpenError};

pub(super) fn create(
    connection: &Connection,
    room: &StoredRoom,
    at: UnixMillis,
) -> Result<StoreAnswer, ExecuteError> {
    connection
        .prepare_cached(
            "INSERT INTO rooms (id, key, name, pin_salt, pin_hash, capacity, created_at, creator)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            room.id.0,
            room.name.key(),
            room.name.as_str(),
            room.pin.as_ref().map(|pin| pin.salt),
            room.pin.as_ref().map(|pin| pin.hash),
            room.capacity,
            i64::try_from(at.0).unwrap_or(i64::MAX),
            room.creator,
        ])?;
    Ok(StoreAnswer::Done)
}

pub(super) fn change(
    connection: &Connection,
    room: RoomId,
    setting: RoomSetting,
) -> Result<StoreAnswer, ExecuteError> {
    match setting {
        RoomSetting::RevokeLinks => {
            // The token has 32 bits for it.
            let link_generation = connection
                .prepare_cached(
                    "UPDATE rooms SET link_generation = (link_generation + 1) & 4294967295
                     WHERE id = ?1 RETURNING link_generation",
                )?
                .query_row(params![room.0], |row| row.get(0))?;
            Ok(StoreAnswer::LinksRevoked { link_generation })
        }
        RoomSetting::AllowBrowsers(allowed) => {
            connection
                .prepare_cached("UPDATE rooms SET browsers_allowed = ?2 WHERE id = ?1")?
                .execute(params![room.0, allowed])?;
            Ok(StoreAnswer::Done)
        }
    }
}

impl Database {
    /// What the core starts from.
    ///
    /// # Errors
    /// [`OpenError`] when it cannot be read, or holds what cannot be.
    pub fn remembered(&self) -> Result<Remembered, OpenError> {
        self.read()
            .map_err(|error| OpenError::of(&self.path, error))?
    }

    fn read(&self) -> rusqlite::Result<Result<Remembered, OpenError>> {
        let mut rows = self.connection.prepare(
            "SELECT id, name, pin_salt, pin_hash, capacity, creator, link_generation, browsers_allowed
             FROM rooms ORDER BY id",
        )?;
        let rows = rows.query_map([], |row| {
            Ok((
                row.get(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Option<[u8; 16]>>(2)?,
                row.get::<_, Option<[u8; 32]>>(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
            ))
        })?;
        let mut rooms = Vec::new();
        for row in rows {
            let (id, name, salt, hash, capacity, creator, link_generation, browsers_allowed) = row?;
            let Ok(name) = RoomName::parse(&name) else {
                return Ok(Err(OpenError::Damaged {
                    path: self.path.clone(),
                    cause: format!("room {id} has a name that no room can have"),
                }));
            };
            rooms.push(StoredRoom {
                id: RoomId(id),
                name,
                pin: salt.zip(hash).map(|(salt, hash)| PinHash { salt, hash }),
                capacity,
                creator,
                link_generation,
                browsers_allowed,
            });
        }
        let last: Option<i64> =
            self.connection
                .query_row("SELECT max(id) FROM chat", [], |row| row.get(0))?;
        Ok(Ok(Remembered {
            rooms,
            last_chat: ChatId(last.unwrap_or(0).unsigned_abs()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreLimits;

    #[test]
    fn settings_of_a_room_do_not_undo_each_other_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.sqlite");
        let database = Database::open(&path, StoreLimits { max_bytes: 0 }).unwrap();
        let room = StoredRoom {
            id: RoomId(7),
            name: RoomName::parse("x").unwrap(),
            pin: None,
            capacity: 8,
            creator: None,
            link_generation: 0,
            browsers_allowed: true,
        };
        create(&database.connection, &room, UnixMillis(1)).unwrap();
        let set = |setting| change(&database.connection, room.id, setting).unwrap();
        set(RoomSetting::AllowBrowsers(false));
        for link_generation in 1..4 {
            let revoked = StoreAnswer::LinksRevoked { link_generation };
            assert_eq!(set(RoomSetting::RevokeLinks), revoked);
        }
        let kept = &database.remembered().unwrap().rooms[0];
        assert_eq!((kept.link_generation, kept.browsers_allowed), (3, false));
        set(RoomSetting::AllowBrowsers(true));
        let kept = &database.remembered().unwrap().rooms[0];
        assert_eq!((kept.link_generation, kept.browsers_allowed), (3, true));
    }
}
