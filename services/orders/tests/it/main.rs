//! The order service over a real database, with other services that can lose requests and answers.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod admin;
mod cart;
mod combine;
mod deadline;
mod documents;
mod fakes;
mod fences;
#[cfg(debug_assertions)]
mod keys;
mod life;
mod lists;
mod once;
mod pay;
mod place;
#[cfg(debug_assertions)]
mod place_keys;
#[cfg(debug_assertions)]
mod race;
mod reads;
mod replica;
mod support;
mod trips;
mod upgrade;
mod view;
mod wishes;
