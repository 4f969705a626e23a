//! A Redis lock with the layout and behaviour of Redisson's `RLock`.
//!
//! ```no_run
//! # async fn example(client: redis::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! let commands = redis::aio::ConnectionManager::new(client.clone()).await?;
//! let locks = mall_lock::Locks::new(client, commands);
//! let guard = locks.acquire("LOCK:42", Duration::from_secs(5), Duration::from_secs(3)).await?;
//! // ... every change made here checks `guard.holder()` in the same step ...
//! guard.release().await?;
//! # Ok(()) }
//! ```
//!
//! **What is promised.** While a guard lives and its lease has not run out, nobody else - Redisson included - holds the
//! name. A waiter is woken by the release, not by polling. An acquisition that is dropped half-way leaves no waiter behind
//! and lets go of what it may have taken.
//!
//! **What is not.** No lock with a lease can promise that its holder is still the holder: the process may have been paused,
//! Redis may have been emptied. The lock keeps others from getting in each other's way; the *fence* - a check of
//! [`Guard::holder`] inside the script or statement that makes the change - keeps the data right.
//!
//! Reading order: `scripts.rs` (what Redis does), `locks.rs` (the waiting), `wakeup.rs` (the subscription), `guard.rs`.

mod guard;
mod locks;
mod scripts;
mod wakeup;

pub use guard::Guard;
pub use locks::{LockError, Locks};
pub use scripts::channel_of;
