//! Reads a peer's problem.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use serde_json::{Map, Value};

use crate::{ErrorKind, FieldError, Problem, Text};

/// An error answer of another service, as far as it could be understood.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteProblem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code; `HTTP_<status>` when the body had none.
    pub code: String,
    /// The text for people; empty when the body had none.
    pub detail: String,
    /// Bad fields and their texts.
    pub errors: Map<String, Value>,
    /// Every further member.
    pub extra: Map<String, Value>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Set by whoever made the call: an earlier attempt of it got no answer, so this refusal speaks for its own attempt
    /// only. The earlier one may have been carried out, or may still be.
    pub after_lost_attempt: bool,
}

impl RemoteProblem {
    /// Reads an error answer; never fails, whatever the body is.
    pub fn decode(status: u16, headers: &HeaderMap, body: &[u8]) -> RemoteProblem {
        let mut members = serde_json::from_slice::<Map<String, Value>>(body).unwrap_or_default();
        let mut text = |key: &str| match members.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let code = text("code").unwrap_or_else(|| format!("HTTP_{status}"));
        let detail = text("detail").unwrap_or_default();
        let errors = match members.remove("errors") {
            Some(Value::Object(errors)) => errors,
            _ => Map::new(),
        };
        for standard in ["type", "title", "status", "instance"] {
            members.remove(standard);
        }
        let seconds = headers
            .get(RETRY_AFTER)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.parse().ok());
        RemoteProblem {
            status,
            code,
            detail,
            errors,
            extra: members,
            retry_after: seconds.map(Duration::from_secs),
            after_lost_attempt: false,
        }
    }

    /// The same problem, to be passed on to our caller.
    pub fn into_problem(self) -> Problem {
        let fields = self.errors.into_iter().map(|(field, message)| FieldError {
            field,
            message: Text::same(message.as_str().unwrap_or_default()),
        });
        let mut problem = Problem::new(
            ErrorKind::of_status(self.status),
            self.code,
            Text::same(self.detail),
        )
        .with_fields(fields.collect());
        for (key, value) in self.extra {
            problem = problem.with_extra(key, value);
        }
        match self.retry_after {
            Some(after) => problem.retry_after(after),
            None => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lang;

    #[test]
    fn a_problem_survives_the_way_through_a_peer() {
        let body = Problem::conflict("SOLD_OUT", Text::same("gone"))
            .with_extra("productId", 7)
            .with_field("count", Text::same("too many"))
            .body(Lang::Ko);
        let remote = RemoteProblem::decode(409, &HeaderMap::new(), body.to_string().as_bytes());
        assert_eq!((remote.status, remote.code.as_str()), (409, "SOLD_OUT"));
        assert_eq!(remote.into_problem().body(Lang::Ko), body);
    }

    #[test]
    fn nonsense_is_read_as_far_as_it_goes() {
        let remote = RemoteProblem::decode(500, &HeaderMap::new(), b"<html>");
        assert_eq!(remote.code, "HTTP_500");
        assert_eq!(remote.into_problem().kind(), ErrorKind::Internal);
    }
}
