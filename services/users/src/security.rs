//! What keeps secrets: sealed texts, password hashes, sessions and verification keys.

mod ended_marks;
mod mail_limit;
mod passwords;
mod redis_keys;
mod sessions;
mod vault;
mod verification;

pub use ended_marks::EndedMarks;
pub use mail_limit::MailLimit;
pub use passwords::{PasswordError, Passwords, Verdict};
pub use sessions::{Lives, Rotation, Sessions};
pub use vault::{EmailIndex, Vault, VaultError};
pub use verification::VerificationKeys;
