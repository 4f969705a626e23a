//! A Redis lock with the layout and behaviour of Redisson's `RLock` and `RFencedLock`.
//!
//! ```no_run
//! # async fn example(client: redis::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! let commands = redis::aio::ConnectionManager::new(client.clone()).await?;
//! let locks = mall_lock::Locks::new(client, commands);
//!
//! // Wait 5 s at most, hold 3 s at most.
//! let guard = locks.acquire("LOCK:42", Duration::from_secs(5), Duration::from_secs(3)).await?;
//! // ... every change made here checks `guard.holder()` in the same step ...
//! guard.release().await?;
//!
//! // Held as long as it takes (the watchdog renews), with a token for a fence outside Redis.
//! let guard = locks.request("report").wait(Duration::from_secs(5)).fenced().acquire().await?;
//! let token = guard.token();
//! // ... `UPDATE report SET ..., fence = ? WHERE id = ? AND fence <= ?` with that token ...
//! guard.release().await?;
//!
//! // One owner may enter again, and lets go as often.
//! let owner = locks.owner();
//! let outer = owner.request("LOCK:42").acquire().await?;
//! let inner = owner.request("LOCK:42").acquire().await?;
//! inner.release().await?;
//! outer.release().await?;
//! # Ok(()) }
//! ```
//!
//! **What is promised.** While a guard lives and its lease has not run out, nobody else - Redisson included - holds the
//! name. A waiter is woken by the release, not by polling. An acquisition that is dropped half-way leaves no waiter behind
//! and lets go of what it may have taken. Only its owner's guards let go of a lock (and [`Locks::force_unlock`]).
//!
//! **What is not.** No lock with a lease can promise that its holder is still the holder: the process may have been paused,
//! Redis may have been emptied. The lock keeps others from getting in each other's way; the *fence* - a check of
//! [`Guard::holder`] inside the script, or of [`Guard::token`] inside the statement that makes the change - keeps the data
//! right. The README beside this crate has the table of what can go wrong.
//!
//! Reading order: `scripts.rs` (what Redis does), `hold.rs` (one hold and its guards), `locks.rs` (the waiting), `wakeup.rs`
//! (the subscription), `guard.rs`.

mod guard;
mod hold;
mod locks;
mod scripts;
mod wakeup;

pub use guard::Guard;
pub use locks::{LockError, Locks, Owner, Request};
pub use scripts::{channel_of, token_key_of};
