//! The database file: opening it, and bringing an older one up to date.

use std::path::Path;

use rusqlite::Connection;

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
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite says no.
    #[error("cannot open the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A later relay wrote it.
    #[error("the database has version {found}, this relay knows up to {known}")]
    TooNew {
        /// In the file.
        found: u32,
        /// In this program.
        known: u32,
    },
    /// What is in it cannot be.
    #[error("the database holds a {what} that cannot be")]
    Damaged {
        /// Of what kind.
        what: &'static str,
    },
}

impl Database {
    /// Opens the file, makes it when it is missing, and migrates it when it is older.
    ///
    /// # Errors
    /// [`OpenError`] when SQLite cannot open it, or a later relay wrote it.
    pub fn open(path: &Path, limits: StoreLimits) -> Result<Self, OpenError> {
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // An acknowledged line survives a power cut: each commit waits for the disk.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.busy_timeout(std::time::Duration::from_secs(2))?;
        connection.set_prepared_statement_cache_capacity(32);
        migrate(&mut connection)?;
        if limits.max_bytes > 0 {
            let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = (limits.max_bytes / u64::from(page.max(1))).max(1);
            // The pragma answers with a row, so it is a query.
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        }
        Ok(Self { connection })
    }
}

fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len() as u32;
    if found > known {
        return Err(OpenError::TooNew { found, known });
    }
    for (step, version) in MIGRATIONS.iter().zip(1..).skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
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
