//! RFC 9457 problem details.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::{Lang, Text};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What a handler returns.
pub type Answer<T> = Result<T, Problem>;

/// The closed list of what can go wrong, each with its one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// 400: the request is malformed.
    Invalid,
    /// 401: nobody known is asking.
    Unauthenticated,
    /// 403: somebody known asks for what is not theirs to ask.
    Forbidden,
    /// 404: there is no such thing (or it is somebody else's).
    NotFound,
    /// 405: there is such a path, but not for this method.
    MethodNotAllowed,
    /// 406: the thing's state does not allow this step (the original's status for it).
    NotAcceptable,
    /// 409: somebody or something else was there first.
    Conflict,
    /// 413: the body is too large.
    TooLarge,
    /// 414: the address is too long.
    UriTooLong,
    /// 415: the body is no JSON.
    UnsupportedMediaType,
    /// 422: the idempotency key was used for something else.
    Unprocessable,
    /// 429: too many requests.
    TooMany,
    /// 431: the headers are too large.
    HeadersTooLarge,
    /// 500: our fault.
    Internal,
    /// 502: a peer answered nonsense.
    BadGateway,
    /// 503: something needed is away for now.
    Unavailable,
    /// 504: something needed did not answer in time.
    Timeout,
}

impl ErrorKind {
    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ErrorKind::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::UriTooLong => StatusCode::URI_TOO_LONG,
            ErrorKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorKind::BadGateway => StatusCode::BAD_GATEWAY,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The kind of an answer with this status; an unlisted 4xx counts as 400, everything else as 502.
    pub fn of_status(status: u16) -> ErrorKind {
        const ALL: [ErrorKind; 17] = [
            ErrorKind::Invalid,
            ErrorKind::Unauthenticated,
            ErrorKind::Forbidden,
            ErrorKind::NotFound,
            ErrorKind::MethodNotAllowed,
            ErrorKind::NotAcceptable,
            ErrorKind::Conflict,
            ErrorKind::TooLarge,
            ErrorKind::UriTooLong,
            ErrorKind::UnsupportedMediaType,
            ErrorKind::Unprocessable,
            ErrorKind::TooMany,
            ErrorKind::HeadersTooLarge,
            ErrorKind::Internal,
            ErrorKind::BadGateway,
            ErrorKind::Unavailable,
            ErrorKind::Timeout,
        ];
        ALL.into_iter()
            .find(|kind| kind.status() == status)
            .unwrap_or(match status {
                400..=499 => ErrorKind::Invalid,
                _ => ErrorKind::BadGateway,
            })
    }
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name as the client wrote it, nested ones as `lines[0].count`.
    pub field: String,
    /// Why it is refused.
    pub message: Text,
}

/// A refusal or a failure, as the client is told of it.
///
/// The inner cause, if there is one, is logged and never sent.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    code: Cow<'static, str>,
    detail: Text,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    extra: Map<String, Value>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A problem of one kind with a stable machine `code` and a text for people.
    pub fn new(kind: ErrorKind, code: impl Into<Cow<'static, str>>, detail: Text) -> Problem {
        Problem(Box::new(Inner {
            kind,
            code: code.into(),
            detail,
            errors: Vec::new(),
            retry_after: None,
            extra: Map::new(),
            source: None,
        }))
    }

    /// 400.
    pub fn invalid(code: impl Into<Cow<'static, str>>, detail: Text) -> Problem {
        Problem::new(ErrorKind::Invalid, code, detail)
    }

    /// 401.
    pub fn unauthenticated(code: impl Into<Cow<'static, str>>, detail: Text) -> Problem {
        Problem::new(ErrorKind::Unauthenticated, code, detail)
    }

    /// 403.
    pub fn forbidden(code: impl Into<Cow<'static, str>>, detail: Text) -> Problem {
        Problem::new(ErrorKind::Forbidden, code, detail)
    }

    /// 404.
    pub fn not_found(code: impl Into<Cow<'static, str>>, detail: Text) -> Problem {
        Problem::new(ErrorKind::NotFound, code, detail)
    }

    /// 406.
    pub fn not_acceptable(code: impl Into<Cow<'static, str>>, detail: Text) -> Problem {
        Problem::new(ErrorKind::NotAcceptable, code, detail)
    }

    /// 409.
    pub fn conflict(code: impl Into<Cow<'static, str>>, detail: Text) -> Problem {
        Problem::new(ErrorKind::Conflict, code, detail)
    }

    /// 503, to be tried again after a second.
    pub fn unavailable(code: impl Into<Cow<'static, str>>, detail: Text) -> Problem {
        Problem::new(ErrorKind::Unavailable, code, detail).retry_after(Duration::from_secs(1))
    }

    /// 500 with its cause, which only the log sees.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Problem {
        Problem::new(
            ErrorKind::Internal,
            "INTERNAL",
            Text::new(
                "서버에서 오류가 발생했습니다.",
                "Something went wrong on our side.",
            ),
        )
        .caused_by(cause)
    }

    /// Names a bad field.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>, message: Text) -> Problem {
        self.0.errors.push(FieldError {
            field: field.into(),
            message,
        });
        self
    }

    /// Names several bad fields.
    #[must_use]
    pub fn with_fields(mut self, errors: Vec<FieldError>) -> Problem {
        self.0.errors.extend(errors);
        self
    }

    /// Adds a member to the body.
    #[must_use]
    pub fn with_extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Problem {
        self.0.extra.insert(key.into(), value.into());
        self
    }

    /// Says when to try again; sent in whole seconds, rounded up, at least one.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Problem {
        self.0.retry_after = Some(after);
        self
    }

    /// Attaches the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Problem {
        self.0.source = Some(Arc::from(cause.into()));
        self
    }

    /// What kind of problem this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable machine code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The bad fields.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The further members of the body.
    pub fn extra(&self) -> &Map<String, Value> {
        &self.0.extra
    }

    /// The cause, with its causes, in one line; only for logs.
    pub fn cause_chain(&self) -> Option<String> {
        let source = self.0.source.as_deref()?;
        let mut line = source.to_string();
        let mut next = source.source();
        while let Some(cause) = next {
            line.push_str(": ");
            line.push_str(&cause.to_string());
            next = cause.source();
        }
        Some(line)
    }

    /// The body in one language.
    pub fn body(&self, lang: Lang) -> Value {
        let Inner {
            kind,
            code,
            detail,
            errors,
            extra,
            ..
        } = &*self.0;
        let status = kind.status();
        let mut body = Map::new();
        body.insert("type".to_owned(), "about:blank".into());
        body.insert(
            "title".to_owned(),
            status.canonical_reason().unwrap_or_default().into(),
        );
        body.insert("status".to_owned(), status.as_u16().into());
        body.insert("code".to_owned(), code.as_ref().into());
        body.insert("detail".to_owned(), detail.pick(lang).into());
        if !errors.is_empty() {
            let fields = errors
                .iter()
                .map(|e| (e.field.clone(), e.message.pick(lang).into()));
            body.insert("errors".to_owned(), Value::Object(fields.collect()));
        }
        for (key, value) in extra {
            body.entry(key.clone()).or_insert_with(|| value.clone());
        }
        Value::Object(body)
    }

    /// The whole answer in one language. The problem itself rides along in the extensions, so that the service's stack
    /// can log its cause.
    pub fn response(self, lang: Lang) -> Response {
        let mut response = (self.0.kind.status(), self.body(lang).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.0.kind == ErrorKind::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(after) = self.0.retry_after {
            let seconds = after.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                headers.insert(RETRY_AFTER, value);
            }
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.response(Lang::default())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.kind.status().as_u16(), self.0.code)
    }
}

impl Error for Problem {}

impl From<std::convert::Infallible> for Problem {
    fn from(never: std::convert::Infallible) -> Problem {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_promised_members_and_never_the_cause() {
        let problem = Problem::conflict("SOLD_OUT", Text::new("품절", "sold out"))
            .with_extra("productId", 7)
            .with_extra("status", "smuggled")
            .with_field("count", Text::new("너무 많음", "too many"))
            .caused_by("secret inner text");
        let body = problem.body(Lang::En);
        assert_eq!(body["status"], 409);
        assert_eq!(body["code"], "SOLD_OUT");
        assert_eq!(body["detail"], "sold out");
        assert_eq!(body["errors"]["count"], "too many");
        assert_eq!(body["productId"], 7);
        assert!(!body.to_string().contains("secret"));
        assert_eq!(problem.body(Lang::Ko)["detail"], "품절");
        assert_eq!(problem.cause_chain().as_deref(), Some("secret inner text"));
    }

    #[test]
    fn retry_after_is_whole_seconds_rounded_up() {
        let response = Problem::unavailable("X", Text::same("x"))
            .retry_after(Duration::from_millis(1200))
            .into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.status(), 503);
    }

    #[test]
    fn every_kind_is_found_again_by_its_status() {
        for status in [
            400, 401, 403, 404, 405, 406, 409, 413, 414, 415, 422, 429, 431, 500, 502, 503, 504,
        ] {
            assert_eq!(ErrorKind::of_status(status).status().as_u16(), status);
        }
        assert_eq!(ErrorKind::of_status(418), ErrorKind::Invalid);
        assert_eq!(ErrorKind::of_status(302), ErrorKind::BadGateway);
    }
}
