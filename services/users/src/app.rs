//! What can be done with accounts, logins and wish lists. One operation a file.

mod admin;
mod log_in;
mod log_out;
mod profile;
mod refresh;
mod resend;
mod sign_up;
mod tokens;
mod verify_email;
mod wishes;

pub use admin::ensure_admin;
pub use log_in::log_in;
pub use log_out::log_out;
pub use profile::{ProfileChange, profile, update_profile};
pub use refresh::refresh;
pub use resend::resend;
pub use sign_up::{NewAccount, sign_up};
pub use verify_email::verify_email;
pub use wishes::{Wish, add_wish, delete_wish, wishes};
