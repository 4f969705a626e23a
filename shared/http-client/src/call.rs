use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use mall_auth::Identity;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::CallError;

/// One call of a service, to be given to [`crate::CallClient::call`].
#[derive(Debug)]
pub struct Call {
    pub(crate) service: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The encoded body, or why it could not be encoded.
    pub(crate) body: Option<Result<Bytes, serde_json::Error>>,
    pub(crate) idempotent: bool,
    pub(crate) breaker: Option<String>,
    pub(crate) identity: Option<Identity>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) attempt_timeout: Option<Duration>,
}

impl Call {
    fn new(method: Method, service: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            idempotent: method != Method::POST,
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            breaker: None,
            identity: None,
            deadline: None,
            attempt_timeout: None,
        }
    }

    /// A GET of `path` (encoded, beginning with `/`) of a service by its registry name.
    pub fn get(service: impl Into<String>, path: impl Into<String>) -> Self {
        Self::new(Method::GET, service, path)
    }

    /// A POST; not idempotent unless it says so.
    pub fn post(service: impl Into<String>, path: impl Into<String>) -> Self {
        Self::new(Method::POST, service, path)
    }

    /// A PUT.
    pub fn put(service: impl Into<String>, path: impl Into<String>) -> Self {
        Self::new(Method::PUT, service, path)
    }

    /// A DELETE.
    pub fn delete(service: impl Into<String>, path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, service, path)
    }

    /// A JSON body.
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        self.body = Some(serde_json::to_vec(body).map(Bytes::from));
        self
    }

    /// One more query parameter; it is encoded here.
    pub fn query(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((key.into(), value.to_string()));
        self
    }

    /// One more header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Repeating this call changes nothing more, so it may be retried after it was sent. GET, PUT and DELETE are so anyway.
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// The circuit breaker's name; the service's otherwise.
    pub fn breaker(mut self, name: impl Into<String>) -> Self {
        self.breaker = Some(name.into());
        self
    }

    /// On whose behalf.
    pub fn identity(mut self, identity: &Identity) -> Self {
        self.identity = Some(identity.clone());
        self
    }

    /// The time for everything: all attempts and the waits between them.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The time for one attempt. Otherwise a GET leaves half of its time for another instance where there is one, and
    /// every other call takes what is left.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    pub(crate) fn breaker_name(&self) -> &str {
        self.breaker.as_deref().unwrap_or(&self.service)
    }

    pub(crate) fn path_and_query(&self) -> Result<String, serde_urlencoded::ser::Error> {
        if self.query.is_empty() {
            return Ok(self.path.clone());
        }
        let mark = if self.path.contains('?') { '&' } else { '?' };
        Ok(format!(
            "{}{mark}{}",
            self.path,
            serde_urlencoded::to_string(&self.query)?
        ))
    }
}

/// A good answer (2xx).
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
    pub(crate) service: String,
}

impl Answer {
    /// Reads the body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| CallError::Decode {
            service: self.service.clone(),
            source: error.into(),
        })
    }
}
