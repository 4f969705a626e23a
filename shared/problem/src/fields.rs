//! Collects what is wrong with a request's fields, so that all of it is told at once.

use crate::{FieldError, Problem, Text};

/// The bad fields of one request.
#[derive(Debug, Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Nothing wrong yet.
    pub fn new() -> FieldErrors {
        FieldErrors::default()
    }

    /// A field that must be there and not null.
    pub fn required<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.add(field, Text::new("필수 항목입니다.", "is required"));
        }
        value
    }

    /// Notes `message` unless `ok`.
    pub fn check(&mut self, ok: bool, field: &str, message: Text) {
        if !ok {
            self.add(field, message);
        }
    }

    /// Notes a bad field.
    pub fn add(&mut self, field: &str, message: Text) {
        self.0.push(FieldError {
            field: field.to_owned(),
            message,
        });
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The 400 that names every bad field, unless there is none.
    pub fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.problem())
        }
    }

    /// The 400 that names every bad field noted so far.
    pub fn problem(self) -> Problem {
        Problem::invalid(
            "INVALID_FIELDS",
            Text::new(
                "입력값이 올바르지 않습니다.",
                "Some fields are not acceptable.",
            ),
        )
        .with_fields(self.0)
    }
}
