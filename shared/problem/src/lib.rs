//! What the mall says when it can't do something, and how it reads what it is sent.
//!
//! Reading order: [`Problem`] (RFC 9457 bodies), [`Text`] and [`Lang`] (Korean and English), then the extractors
//! [`Body`], [`Path`] and [`Query`], whose refusals are problems, and [`FieldErrors`], which names every bad field at
//! once. [`RemoteProblem`] reads a peer's problem back.

mod extract;
mod fields;
mod lang;
mod problem;
mod remote;

pub use extract::{Body, Path, Query};
pub use fields::FieldErrors;
pub use lang::{Done, Lang, Text, done};
pub use problem::{Answer, ErrorKind, FieldError, PROBLEM_JSON, Problem};
pub use remote::RemoteProblem;
