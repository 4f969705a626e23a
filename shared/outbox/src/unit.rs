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
    let query = Arc::new(query);
    db.read(name, move |conn| {
        let query = Arc::clone(&query);
        Box::pin(async move { query(conn).await.map_err(TxError::<Infallible>::from) })
    })
    .await
    .map_err(into_sqlx)
}

/// Statements that change something, each a transaction of its own: begin and commit cost two questions more. May run again.
pub use self::read as alone;

/// Several changes, all or none.
pub async fn write<T, F>(db: &Db, name: &'static str, query: F) -> Result<T, sqlx::Error>
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut MySqlConnection) -> Sql<'c, T> + Send + Sync + 'static,
{
    let query = Arc::new(query);
    db.run_tx(name, move |conn| {
        let query = Arc::clone(&query);
        Box::pin(async move { query(conn).await.map_err(TxError::<Infallible>::from) })
    })
    .await
    .map_err(into_sqlx)
}

fn into_sqlx(error: TxError<Infallible>) -> sqlx::Error {
    match error {
        TxError::Db(error) | TxError::Unknown(error) => error,
        TxError::Refuse(never) => match never {},
    }
}
