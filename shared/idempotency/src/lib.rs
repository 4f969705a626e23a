//! `Idempotency-Key`: the same request again gets the first one's answer.
//!
//! A caller that is known puts the header on a POST, PUT, PATCH or DELETE. [`layer`] claims the key for that caller, runs
//! the handler in a task of its own (a client that goes away does not stop it), stores the definite answer, and replays it
//! to whoever comes with the same key and the same request within 24 hours. Without the header nothing is done.
//!
//! What happens to the key is decided by the answer:
//!
//! | answer | the key |
//! |---|---|
//! | 2xx, and a definite refusal (404, 406, 409, ...) | keeps the answer |
//! | 5xx, or anything with `Retry-After` | free again; the next attempt has the same `effect` and is `repeated` |
//! | 400, 401, 403, 405, 413, 415, 422, 429 | forgotten: nothing was begun |
//!
//! **The crash between an effect and its stored answer.** A handler closes that window in one of two ways. With a single
//! transaction: [`Attempt::complete_in`] stores the answer in it. With more than that: it derives every id from
//! [`Attempt::effect`], which stays the same for each attempt at one key, and looks what an earlier attempt did when
//! [`Attempt::repeated`] says that there was one.
//!
//! An attempt has a lease, renewed while it runs; a crashed one's key is taken over when the lease ended. An attempt that
//! was paused past its lease can't store anything any more: each is known by a number that a take-over replaces.
//!
//! The table holds no key in clear and no body of a request: the key is there as its hash, and the fingerprint of the
//! request is keyed with the key, so that nobody can guess a password in a body from the table.
//!
//! Reading order: `table.sql`, `keys.rs` (the rules), `layer.rs`, `attempt.rs`, `store.rs`.

mod attempt;
mod document;
mod fingerprint;
mod key;
mod keys;
mod layer;
mod messages;
mod store;

pub use attempt::{Answer, Attempt, Keyed};
pub use document::takes_a_key;
pub use keys::{KeySettings, Keys};
pub use layer::layer;

/// The table's definition. A service copies it into one of its own migrations.
pub const TABLE_SQL: &str = include_str!("table.sql");

/// The header that names a request.
pub const KEY_HEADER: &str = "idempotency-key";

/// The header of an answer that was given before.
pub const REPLAYED_HEADER: &str = "idempotent-replayed";
