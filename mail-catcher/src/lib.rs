//! A mail server for a mall that may send no mail: takes everything, keeps the last few hundred, shows them on a page and as JSON.
//!
//! The SMTP half is `mall_testkit::mail`, the same as in `cargo mall up`: each mail becomes a file in a folder. Here is the other
//! half. Reading order: [`mailbox`] (that folder), [`mail`] (one file), [`web`] and [`page`] (what is shown).

pub mod mail;
pub mod mailbox;
mod page;
mod web;

pub use mail::Mail;
pub use mailbox::Mailbox;
pub use web::router;
