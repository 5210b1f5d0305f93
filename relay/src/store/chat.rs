//! Chat as it is kept: by room, in the order of its ids.

use conclave_protocol::id::{ChatId, LineMark, RoomId};
use conclave_protocol::name::{ChatText, DisplayName, Username};
use conclave_protocol::units::UnixMillis;
use conclave_protocol::wire::control::{ChatLine, HISTORY_LINES, HISTORY_LINES_A_PAGE, Refusal};
use conclave_relay_core::storage::StoreAnswer;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::ExecuteError;

/// Lines kept a room: what one member can page back to, and as many direct lines between others.
///
/// Higher costs disk, about 200 B a line; lower lets direct lines push the room's out of reach.
const KEPT_LINES: i64 = 4 * HISTORY_LINES as i64;
/// Old lines are removed each so many appended ones.
const PRUNE_EACH: u64 = 64;

/// Stands for guests where an account's key would: no name has this character.
const GUEST: &str = "@";

/// Stands for a writer or a reader: an account by its key. A later owner of a guest's name must not find the guest's
/// direct lines.
fn key_of(name: &Username, is_guest: bool) -> String {
    match is_guest {
        true => GUEST.to_owned(),
        false => name.key(),
    }
}

/// Finds the line that this writer has written with this mark in this room.
pub(super) fn find(
    connection: &Connection,
    room: RoomId,
    from: &Username,
    from_guest: bool,
    mark: LineMark,
) -> Result<StoreAnswer, ExecuteError> {
    let mark = i64::try_from(mark.0).map_err(|_| Refusal::OutOfRange)?;
    let from_key = key_of(from, from_guest);
    // All guests have the key of guests, so that the name tells them apart.
    let known = connection
        .prepare_cached(
            "SELECT id, at FROM chat WHERE room = ?1 AND sender_key = ?2 AND sender = ?3 AND mark = ?4",
        )?
        .query_row(params![room.0, from_key, from.as_str(), mark], |row| {
            Ok(StoreAnswer::KnownLine {
                id: ChatId(row.get::<_, i64>(0)?.unsigned_abs()),
                at: UnixMillis(row.get::<_, i64>(1)?.unsigned_abs()),
            })
        })
        .optional()?;
    Ok(known.unwrap_or(StoreAnswer::NoLine))
}

/// Remembers a line, unless its writer has written one with this mark in this room; then it tells of that one.
pub(super) fn append(
    connection: &Connection,
    room: RoomId,
    line: &ChatLine,
    from_guest: bool,
    to_guest: bool,
) -> Result<StoreAnswer, ExecuteError> {
    let known = find(connection, room, &line.from, from_guest, line.mark)?;
    if known != StoreAnswer::NoLine {
        return Ok(known);
    }
    connection
        .prepare_cached(
            "INSERT INTO chat (id, room, at, sender, sender_key, recipient, recipient_key, text, sender_name, mark)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            i64::try_from(line.id.0).unwrap_or(i64::MAX),
            room.0,
            i64::try_from(line.at.0).unwrap_or(i64::MAX),
            line.from.as_str(),
            key_of(&line.from, from_guest),
            line.to.as_ref().map(Username::as_str),
            line.to.as_ref().map(|to| key_of(to, to_guest)),
            line.text.as_str(),
            line.from_name.as_str(),
            i64::try_from(line.mark.0).map_err(|_| Refusal::OutOfRange)?,
        ])?;
    if line.id.0.is_multiple_of(PRUNE_EACH) {
        connection
            .prepare_cached(
                "DELETE FROM chat WHERE room = ?1 AND id <= (SELECT id FROM chat
                 WHERE room = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            )?
            .execute(params![room.0, KEPT_LINES])?;
    }
    Ok(StoreAnswer::Done)
}

/// The page before `before` of what `reader` may see; without one, of what everyone may.
pub(super) fn page(
    connection: &Connection,
    room: RoomId,
    reader: Option<&Username>,
    before: Option<ChatId>,
) -> Result<StoreAnswer, ExecuteError> {
    let before = before.map_or(i64::MAX, |id| i64::try_from(id.0).unwrap_or(i64::MAX));
    let mut statement = connection.prepare_cached(
        "SELECT id, at, sender, recipient, text, sender_name, mark FROM (
             SELECT id, at, sender, recipient, text, sender_name, mark FROM chat
             WHERE room = ?1 AND (recipient_key IS NULL OR recipient_key = ?2 OR sender_key = ?2)
             ORDER BY id DESC LIMIT ?3)
         WHERE id < ?4 ORDER BY id DESC LIMIT ?5",
    )?;
    let rows = statement.query_map(
        params![
            room.0,
            reader.map(Username::key),
            HISTORY_LINES as i64,
            before,
            HISTORY_LINES_A_PAGE as i64 + 1
        ],
        |row| Ok(line(row)),
    )?;
    let mut lines = Vec::with_capacity(HISTORY_LINES_A_PAGE + 1);
    for row in rows {
        lines.push(row??);
    }
    let more = lines.len() > HISTORY_LINES_A_PAGE;
    lines.truncate(HISTORY_LINES_A_PAGE);
    lines.reverse();
    Ok(StoreAnswer::History { lines, more })
}

fn line(row: &Row<'_>) -> Result<ChatLine, ExecuteError> {
    let name = |text: String| Username::parse(&text).map_err(|_| Refusal::StorageFailed);
    let from = name(row.get(2)?)?;
    let from_name = match row.get::<_, Option<String>>(5)? {
        Some(text) => DisplayName::parse(&text).map_err(|_| Refusal::StorageFailed)?,
        None => DisplayName::from(&from),
    };
    Ok(ChatLine {
        id: ChatId(row.get::<_, i64>(0)?.unsigned_abs()),
        at: UnixMillis(row.get::<_, i64>(1)?.unsigned_abs()),
        from,
        from_name,
        to: row.get::<_, Option<String>>(3)?.map(name).transpose()?,
        text: Box::new(
            ChatText::parse(&row.get::<_, String>(4)?).map_err(|_| Refusal::StorageFailed)?,
        ),
        mark: LineMark(row.get::<_, i64>(6)?.unsigned_abs()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Database, StoreLimits, rooms};
    use conclave_relay_core::storage::StoredRoom;

    fn line(id: u64, from: &str, mark: u64) -> ChatLine {
        ChatLine {
            id: ChatId(id),
            at: UnixMillis(1_000 + id),
            from: Username::parse(from).unwrap(),
            from_name: from.parse().unwrap(),
            to: None,
            text: Box::new(ChatText::parse("hello").unwrap()),
            mark: LineMark(mark),
        }
    }

    fn open(path: &std::path::Path) -> Database {
        Database::open(path, StoreLimits { max_bytes: 0 }).unwrap()
    }

    fn create_room(database: &Database, id: u32) {
        let room = StoredRoom {
            id: RoomId(id),
            name: format!("room {id}").parse().unwrap(),
            pin: None,
            capacity: 8,
            creator: None,
            link_generation: 0,
            browsers_allowed: true,
        };
        rooms::create(&database.connection, &room, UnixMillis(1)).unwrap();
    }

    #[test]
    fn a_line_is_stored_once_also_when_the_relay_starts_again_in_between() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.sqlite");
        let database = open(&path);
        create_room(&database, 7);
        create_room(&database, 8);
        let add = |database: &Database, room, line: &ChatLine, is_guest| {
            append(&database.connection, RoomId(room), line, is_guest, false).unwrap()
        };
        let first = line(1, "ana", 77);
        assert_eq!(add(&database, 7, &first, false), StoreAnswer::Done);
        drop(database);

        let database = open(&path);
        let (id, at) = (first.id, first.at);
        let again = add(&database, 7, &line(2, "ana", 77), false);
        assert_eq!(again, StoreAnswer::KnownLine { id, at });
        let found = |mark| {
            let mark = LineMark(mark);
            find(&database.connection, RoomId(7), &first.from, false, mark).unwrap()
        };
        assert_eq!(found(77), StoreAnswer::KnownLine { id, at });
        assert_eq!(found(78), StoreAnswer::NoLine);
        // Another room, another writer, another mark, a guest and another guest each have their own.
        for (room, line, is_guest) in [
            (8, line(3, "ana", 77), false),
            (7, line(4, "ben", 77), false),
            (7, line(5, "ana", 78), false),
            (7, line(6, "ana", 77), true),
            (7, line(7, "cai", 77), true),
        ] {
            let added = add(&database, room, &line, is_guest);
            assert_eq!(added, StoreAnswer::Done, "{line:?}");
        }
        let page = page(&database.connection, RoomId(7), None, None).unwrap();
        let StoreAnswer::History { lines, .. } = page else {
            panic!("{page:?}");
        };
        assert_eq!(lines[0], first);
        let ids: Vec<_> = lines.iter().map(|line| line.id.0).collect();
        assert_eq!(ids, [1, 4, 5, 6, 7]);
    }
}
