//! What keeps secrets: sealed texts, password hashes, sessions and verification keys.

mod passwords;
mod redis_keys;
mod sessions;
mod vault;
mod verification;

pub use passwords::{PasswordError, Passwords, Verdict};
pub use sessions::{Rotation, Sessions};
pub use vault::{EmailIndex, Vault, VaultError};
pub use verification::VerificationKeys;
