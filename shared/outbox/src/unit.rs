//! Units of database work that refuse nothing.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use mall_db::{Db, TxError};
use sqlx::MySqlConnection;

type Sql<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

/// Questions.
pub async fn read<T, F>(db: &Db, name: &'static str, query: F) -> Result<T, sqlx::Error>
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut MySqlConnection) -> Sql<'c, T> + Send + Sync + 'static,
{
    db.read(name, sql(query)).await.map_err(into_sqlx)
}

/// One statement that changes something, and may run again; see [`Db::run_autocommit`].
pub async fn autocommit<T, F>(db: &Db, name: &'static str, query: F) -> Result<T, sqlx::Error>
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut MySqlConnection) -> Sql<'c, T> + Send + Sync + 'static,
{
    db.run_autocommit(name, sql(query)).await.map_err(into_sqlx)
}

/// Several changes, all or none.
pub async fn write<T, F>(db: &Db, name: &'static str, query: F) -> Result<T, sqlx::Error>
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut MySqlConnection) -> Sql<'c, T> + Send + Sync + 'static,
{
    db.run_tx(name, sql(query)).await.map_err(into_sqlx)
}

type Unit<'c, T> = Pin<Box<dyn Future<Output = Result<T, TxError<Infallible>>> + Send + 'c>>;

fn sql<T, F>(
    query: F,
) -> impl for<'c> Fn(&'c mut MySqlConnection) -> Unit<'c, T> + Send + Sync + 'static
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut MySqlConnection) -> Sql<'c, T> + Send + Sync + 'static,
{
    let query = Arc::new(query);
    move |conn| {
        let query = Arc::clone(&query);
        Box::pin(async move { Ok(query(conn).await?) })
    }
}

fn into_sqlx(error: TxError<Infallible>) -> sqlx::Error {
    match error {
        TxError::Db(error) | TxError::Unknown(error) => error,
        TxError::Refuse(never) => match never {},
    }
}
