//! The rules for what an account's fields look like. Pure.

mod email;
mod rules;

pub use email::Email;
pub use rules::{PasswordFault, is_phone, is_plain_text, is_registration, password_fault};
