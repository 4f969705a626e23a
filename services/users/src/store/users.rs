//! Table `users`. The personal columns hold sealed texts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use mall_types::{Role, UserId};
use sqlx::{MySqlConnection, QueryBuilder};

use crate::security::EmailIndex;

/// One account, its personal texts sealed.
#[derive(Debug, Clone)]
pub struct UserRow {
    pub id: UserId,
    /// What the personal texts are bound to.
    pub row_key: String,
    pub email: String,
    pub phone_num: Option<String>,
    pub address: Option<String>,
    /// The hash.
    pub password: String,
    /// Counts the passwords; sessions of an earlier one are not refreshed.
    pub credentials: i32,
    /// `None` until the e-mail is verified.
    pub role: Option<Role>,
}

type Row = (
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
    i32,
    Option<String>,
);

fn user(
    (id, row_key, email, phone_num, address, password, credentials, role): Row,
) -> Result<UserRow, sqlx::Error> {
    let role = match role {
        None => None,
        Some(role) => Some(
            role.parse()
                .map_err(|error: mall_types::UnknownRole| sqlx::Error::Decode(error.into()))?,
        ),
    };
    Ok(UserRow {
        id: UserId(id),
        row_key,
        email,
        phone_num,
        address,
        password,
        credentials,
        role,
    })
}

/// A new account.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub row_key: String,
    pub index: EmailIndex,
    pub email: String,
    pub name: Option<String>,
    pub phone_num: Option<String>,
    pub address: Option<String>,
    pub registration: Option<String>,
    pub password: String,
    pub role: Option<Role>,
}

/// Violates `uq_users_email` when the e-mail has an account.
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    new: &NewUser,
) -> Result<UserId, sqlx::Error> {
    let now = now.naive_utc();
    let done = sqlx::query(
        "INSERT INTO users (row_key, email_index, email, name, phone_num, address, registration, password, credentials, \
                            role, created_at, verified_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?)",
    )
    .bind(&new.row_key)
    .bind(new.index.0.as_slice())
    .bind(&new.email)
    .bind(&new.name)
    .bind(&new.phone_num)
    .bind(&new.address)
    .bind(&new.registration)
    .bind(&new.password)
    .bind(new.role.map(Role::as_str))
    .bind(now)
    .bind(new.role.map(|_| now))
    .bind(now)
    .execute(conn)
    .await?;
    i64::try_from(done.last_insert_id())
        .map(UserId)
        .map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Adds the accounts whose e-mail has none yet. The ids of all of them, those that were there included.
pub async fn insert_missing(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    accounts: &[NewUser],
) -> Result<HashMap<EmailIndex, UserId>, sqlx::Error> {
    let now = now.naive_utc();
    for piece in mall_db::pieces(accounts, accounts.len()) {
        let mut insert = QueryBuilder::<sqlx::MySql>::new(
            "INSERT INTO users (row_key, email_index, email, name, phone_num, address, registration, password, credentials, \
                                role, created_at, verified_at, updated_at) ",
        );
        insert.push_values(piece, |mut row, new| {
            row.push_bind(&new.row_key)
                .push_bind(new.index.0.as_slice())
                .push_bind(&new.email)
                .push_bind(&new.name)
                .push_bind(&new.phone_num)
                .push_bind(&new.address)
                .push_bind(&new.registration)
                .push_bind(&new.password)
                .push("1")
                .push_bind(new.role.map(Role::as_str))
                .push_bind(now)
                .push_bind(new.role.map(|_| now))
                .push_bind(now);
        });
        insert.push(" ON DUPLICATE KEY UPDATE id = users.id");
        insert.build().execute(&mut *conn).await?;
    }
    let mut ids = HashMap::new();
    for account in accounts.chunks(128) {
        let mut select = QueryBuilder::<sqlx::MySql>::new(
            "SELECT email_index, id FROM users WHERE email_index IN (",
        );
        let mut list = select.separated(", ");
        for new in mall_db::padded(&account.iter().map(|new| new.index).collect::<Vec<_>>()) {
            list.push_bind(new.0.to_vec());
        }
        select.push(")");
        let rows: Vec<(Vec<u8>, i64)> = select.build_query_as().fetch_all(&mut *conn).await?;
        for (index, id) in rows {
            let index = <[u8; 32]>::try_from(index.as_slice())
                .map_err(|error| sqlx::Error::Decode(error.into()))?;
            ids.insert(EmailIndex(index), UserId(id));
        }
    }
    Ok(ids)
}

pub async fn by_email(
    conn: &mut MySqlConnection,
    index: EmailIndex,
) -> Result<Option<UserRow>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, row_key, email, phone_num, address, password, credentials, role FROM users WHERE email_index = ?",
    )
    .bind(index.0.as_slice())
    .fetch_optional(conn)
    .await?;
    row.map(user).transpose()
}

pub async fn by_id(conn: &mut MySqlConnection, id: UserId) -> Result<Option<UserRow>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, row_key, email, phone_num, address, password, credentials, role FROM users WHERE id = ?",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    row.map(user).transpose()
}

/// Locks the account's row until the transaction ends.
pub async fn lock(conn: &mut MySqlConnection, id: UserId) -> Result<Option<UserRow>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, row_key, email, phone_num, address, password, credentials, role FROM users WHERE id = ? FOR UPDATE",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    row.map(user).transpose()
}

/// Gives an account without a role the role USER.
pub async fn verify(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: UserId,
) -> Result<(), sqlx::Error> {
    let now = now.naive_utc();
    sqlx::query("UPDATE users SET role = 'USER', verified_at = ?, updated_at = ? WHERE id = ? AND role IS NULL")
        .bind(now)
        .bind(now)
        .bind(id.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Changes what is given and leaves the rest.
pub async fn update_profile(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: UserId,
    address: Option<&str>,
    phone_num: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE users SET address = COALESCE(?, address), phone_num = COALESCE(?, phone_num), updated_at = ? WHERE id = ?",
    )
    .bind(address)
    .bind(phone_num)
    .bind(now.naive_utc())
    .bind(id.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// A new password: its hash, and the next number of `credentials`.
pub async fn set_password(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: UserId,
    hash: &str,
    credentials: i32,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE users SET password = ?, credentials = ?, updated_at = ? WHERE id = ?")
        .bind(hash)
        .bind(credentials)
        .bind(now.naive_utc())
        .bind(id.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// The same password under a newer hash; nothing happens when the hash was changed meanwhile.
pub async fn replace_hash(
    conn: &mut MySqlConnection,
    id: UserId,
    before: &str,
    after: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE users SET password = ? WHERE id = ? AND password = ?")
        .bind(after)
        .bind(id.0)
        .bind(before)
        .execute(conn)
        .await?;
    Ok(())
}
