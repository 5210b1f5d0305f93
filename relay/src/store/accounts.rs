//! Accounts and the devices that they are bound to.

use conclave_protocol::name::{Email, Username};
use conclave_protocol::units::UnixMillis;
use conclave_protocol::wire::control::Refusal;
use conclave_relay_core::storage::{NewAccount, StoreAnswer};
use rusqlite::{Connection, OptionalExtension, params};

use super::ExecuteError;

/// Whether the name is an account's.
pub(super) fn find(
    connection: &Connection,
    username: &Username,
) -> Result<StoreAnswer, ExecuteError> {
    let is_taken = connection
        .prepare_cached("SELECT 1 FROM accounts WHERE key = ?1")?
        .exists(params![username.key()])?;
    Ok(match is_taken {
        true => StoreAnswer::Done,
        false => StoreAnswer::NoAccount,
    })
}

/// Finds the account of this name, or makes it this device's.
pub(super) fn sign_in(
    connection: &Connection,
    username: &Username,
    email: &Email,
    identity: &[u8; 32],
    at: UnixMillis,
    new: NewAccount,
) -> Result<StoreAnswer, ExecuteError> {
    let key = username.key();
    let at = i64::try_from(at.0).unwrap_or(i64::MAX);
    let found = connection
        .prepare_cached("SELECT username, email_key, blocked FROM accounts WHERE key = ?1")?
        .query_row(params![key], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, bool>(2)?,
            ))
        })
        .optional()?;
    let Some((written, email_key, blocked)) = found else {
        return match new {
            NewAccount::MakeBelow(most) => make(connection, username, email, identity, at, most),
            _ => Ok(StoreAnswer::NoAccount),
        };
    };
    let bound = connection
        .prepare_cached("SELECT 1 FROM devices WHERE account = ?1 AND identity = ?2")?
        .exists(params![key, identity])?;
    if !bound {
        return Err(Refusal::NameTaken.into());
    }
    if email_key != email.key() {
        return Err(Refusal::EmailDiffers.into());
    }
    if blocked {
        return Err(Refusal::Blocked.into());
    }
    let username = Username::parse(&written).map_err(|_| Refusal::StorageFailed)?;
    Ok(StoreAnswer::Account { username })
}

/// Makes an account for this device, where there are fewer than `most`.
fn make(
    connection: &Connection,
    username: &Username,
    email: &Email,
    identity: &[u8; 32],
    at: i64,
    most: usize,
) -> Result<StoreAnswer, ExecuteError> {
    let key = username.key();
    let accounts: i64 = connection
        .prepare_cached("SELECT count(*) FROM accounts")?
        .query_row([], |row| row.get(0))?;
    if usize::try_from(accounts).unwrap_or(usize::MAX) >= most {
        return Err(Refusal::RelayFull.into());
    }
    connection
        .prepare_cached(
            "INSERT INTO accounts (key, username, email_key, created_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![key, username.as_str(), email.key(), at])?;
    connection
        .prepare_cached("INSERT INTO devices (identity, account, accepted_at) VALUES (?1, ?2, ?3)")?
        .execute(params![identity, key, at])?;
    Ok(StoreAnswer::Account {
        username: username.clone(),
    })
}
