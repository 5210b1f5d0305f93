//! The database file: opening it, and bringing an older one up to date.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

/// One step a version; a step is never changed once it was released.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE accounts (
        key TEXT PRIMARY KEY,
        username TEXT NOT NULL,
        email_key TEXT NOT NULL,
        blocked INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE devices (
        identity BLOB NOT NULL,
        account TEXT NOT NULL REFERENCES accounts (key) ON DELETE CASCADE,
        accepted_at INTEGER NOT NULL,
        PRIMARY KEY (account, identity)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE rooms (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        pin_salt BLOB,
        pin_hash BLOB,
        capacity INTEGER NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE chat (
        id INTEGER PRIMARY KEY,
        room INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
        at INTEGER NOT NULL,
        sender TEXT NOT NULL,
        sender_key TEXT NOT NULL,
        recipient TEXT,
        recipient_key TEXT,
        text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX chat_by_room ON chat (room, id);
",
    // No foreign key: a room outlives its creator's account.
    "ALTER TABLE rooms ADD COLUMN creator TEXT;",
    "
    ALTER TABLE rooms ADD COLUMN link_generation INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE rooms ADD COLUMN browsers_allowed INTEGER NOT NULL DEFAULT 1;
",
    // What the sender was called; lines of old have the username alone.
    "ALTER TABLE chat ADD COLUMN sender_name TEXT;",
    // A line that is sent again is found by it; lines of old get one that no other line of theirs has.
    "
    ALTER TABLE chat ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;
    UPDATE chat SET mark = id;
    CREATE UNIQUE INDEX chat_by_mark ON chat (room, sender_key, sender, mark);
",
];

/// Bounds of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// The most bytes that the database may grow to; 0 leaves it to the disk.
    pub max_bytes: u64,
}

/// The open database.
pub struct Database {
    pub(crate) connection: Connection,
    pub(super) path: PathBuf,
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite cannot open it.
    #[error("cannot open {path}: {error}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        error: rusqlite::Error,
    },
    /// A later relay wrote it.
    #[error("the database has version {found}, this relay knows up to {known}")]
    TooNew {
        /// In the file.
        found: u32,
        /// In this program.
        known: u32,
    },
    /// The file is no database any more, or holds what no relay wrote.
    #[error(
        "{path} is damaged: {cause}. It was not changed. Move it and the files with -wal and -shm behind its name away, \
         and put a backup in its place (docs/relay.md, \"The data folder and its backup\"); without a backup, \
         sqlite3 {path} .recover | sqlite3 recovered.sqlite saves what can still be read"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
}

impl OpenError {
    pub(super) fn of(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match is_damage(&error) {
            true => Self::Damaged {
                path,
                cause: error.to_string(),
            },
            false => Self::Sqlite { path, error },
        }
    }
}

/// Whether SQLite found the file itself to be wrong.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

impl Database {
    /// Opens the file, makes it when it is missing, and migrates it when it is older.
    ///
    /// The whole file is read once, so that damage is found now and not when the lost part is needed.
    ///
    /// # Errors
    /// [`OpenError`] when SQLite cannot open it, it is damaged, or a later relay wrote it.
    pub fn open(path: &Path, limits: StoreLimits) -> Result<Self, OpenError> {
        let failed = |error| OpenError::of(path, error);
        let mut connection = Connection::open(path).map_err(failed)?;
        check(&connection, path)?;
        prepare(&connection).map_err(failed)?;
        migrate(&mut connection, path)?;
        bound(&connection, limits).map_err(failed)?;
        let path = path.to_owned();
        Ok(Self { connection, path })
    }
}

/// Finds damage before anything is changed.
fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| OpenError::of(path, error))?;
    if found == "ok" {
        return Ok(());
    }
    Err(OpenError::Damaged {
        path: path.to_owned(),
        cause: found.lines().collect::<Vec<_>>().join(" "),
    })
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An acknowledged line survives a power cut: each commit waits for the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn bound(connection: &Connection, limits: StoreLimits) -> rusqlite::Result<()> {
    if limits.max_bytes > 0 {
        let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = (limits.max_bytes / u64::from(page.max(1))).max(1);
        // The pragma answers with a row, so it is a query.
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    }
    Ok(())
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::of(path, error);
    let found: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)?;
    let known = MIGRATIONS.len() as u32;
    if found > known {
        return Err(OpenError::TooNew { found, known });
    }
    for (step, version) in MIGRATIONS.iter().zip(1..).skip(found as usize) {
        take_step(connection, step, version).map_err(failed)?;
    }
    Ok(())
}

fn take_step(connection: &mut Connection, step: &str, version: u32) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_of_the_first_version_have_no_creator_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.sqlite");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        connection
            .execute_batch("INSERT INTO rooms VALUES (7, 'old', 'Old', NULL, NULL, 8, 0)")
            .unwrap();
        drop(connection);
        let database = Database::open(&path, StoreLimits { max_bytes: 0 }).unwrap();
        let rooms = database.remembered().unwrap().rooms;
        assert_eq!(rooms.len(), 1);
        assert_eq!((rooms[0].id.0, &rooms[0].creator), (7, &None));
        assert!(rooms[0].browsers_allowed && rooms[0].link_generation == 0);
    }

    #[test]
    fn lines_of_a_version_without_marks_stay_and_none_counts_as_another_sent_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.sqlite");
        let connection = Connection::open(&path).unwrap();
        for step in &MIGRATIONS[..4] {
            connection.execute_batch(step).unwrap();
        }
        connection.pragma_update(None, "user_version", 4).unwrap();
        connection
            .execute_batch(
                "INSERT INTO rooms (id, key, name, capacity, created_at) VALUES (7, 'x', 'X', 8, 0);
                 INSERT INTO chat (id, room, at, sender, sender_key, text) VALUES
                 (1, 7, 0, 'ana', 'ana', 'one'), (2, 7, 0, 'ana', 'ana', 'two');",
            )
            .unwrap();
        drop(connection);
        let database = Database::open(&path, StoreLimits { max_bytes: 0 }).unwrap();
        let marks: Vec<i64> = database
            .connection
            .prepare("SELECT mark FROM chat ORDER BY id")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(marks, [1, 2]);
    }

    #[test]
    fn a_damaged_file_is_named_with_the_way_to_the_backup() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.sqlite");
        let none = StoreLimits { max_bytes: 0 };
        let database = Database::open(&path, none).unwrap();
        for id in 0..2_000 {
            let insert = "INSERT INTO accounts VALUES (?1, 'Name', 'a@b', 0, 0)";
            database
                .connection
                .execute(insert, [format!("name {id}")])
                .unwrap();
        }
        database.connection.close().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut holed = whole.clone();
        let middle = whole.len() / 2;
        holed[middle..middle + 8_192].fill(0xff);
        let mut no_header = whole.clone();
        no_header[..16].fill(0);
        for (what, bytes) in [
            ("a hole", holed),
            ("half of it", whole[..middle].to_vec()),
            ("no header", no_header),
            (
                "another file",
                b"not a database, but a page of text. ".repeat(100),
            ),
        ] {
            std::fs::write(&path, &bytes).unwrap();
            let Err(error @ OpenError::Damaged { .. }) = Database::open(&path, none) else {
                panic!("{what} was taken");
            };
            let message = error.to_string();
            for part in [path.to_str().unwrap(), "damaged", "backup", ".recover"] {
                assert!(message.contains(part), "{what}: {message}");
            }
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "{what} was changed");
        }
        std::fs::write(&path, whole).unwrap();
        Database::open(&path, none).unwrap();
    }

    #[test]
    fn a_database_of_a_later_relay_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.sqlite");
        let none = StoreLimits { max_bytes: 0 };
        drop(Database::open(&path, none).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(
            Database::open(&path, none),
            Err(OpenError::TooNew { found: 99, .. })
        ));
    }
}
