//! The service's own database: MySQL 8 or MariaDB.
//!
//! Every unit of work goes through [`Db::run_tx`], [`Db::run_ending`], [`Db::run_autocommit`] or [`Db::read`]. They spawn the work, so that a
//! shopper who closes the page can't drop it half-way: with sqlx 0.9 a dropped `begin` leaves an open transaction in the pool that swallows the
//! next borrower's acknowledged write, and a dropped fetch can leak the pool's slot for good.
//!
//! Two things cost more than they look. A commit waits for the disk, so what is ready together should share one. And a
//! statement that is not kept prepared stalls the next one, see [`padded`] and [`pieces`].
//!
//! Not here: queries. They stand in each service's `store/`, as functions on `&mut MySqlConnection`.

mod connect;
mod encryption;
mod error;
pub mod literal;
mod migrate;
mod shapes;
mod transaction;

pub use connect::{DatabaseSettings, Db};
pub use error::{TxError, constraint, is_duplicate, is_null_refused};
pub use migrate::{Migration, SchemaError, SchemaState};
pub use shapes::{padded, pieces};
pub use transaction::Ending;
