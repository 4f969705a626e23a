//! What a handler sees of the key.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use sqlx::MySqlConnection;
use uuid::Uuid;

use crate::store;

/// An answer as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A 200 with JSON, byte for byte what axum's `Json` sends.
    pub fn json(body: &impl Serialize) -> Result<Answer, serde_json::Error> {
        Ok(Answer {
            status: StatusCode::OK.as_u16(),
            content_type: Some("application/json".to_owned()),
            body: serde_json::to_vec(body)?.into(),
        })
    }
}

/// One run of a handler under a key.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The same for every attempt at one key: derive ids from it.
    pub effect: Uuid,
    /// An earlier attempt began and its answer is not known: look what was done under [`effect`](Self::effect).
    pub repeated: bool,
    pub(crate) claim: Arc<Claim>,
}

/// Whose key it is.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) caller: i64,
    pub(crate) key_hash: [u8; 32],
    /// This attempt's own number.
    pub(crate) attempt: Uuid,
    /// The answer that the handler stored in its transaction; it counts only if that was committed.
    pub(crate) recorded: Mutex<Option<Answer>>,
}

impl Claim {
    pub(crate) fn recorded(&self) -> Option<Answer> {
        self.recorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Attempt {
    /// Stores the answer (a 200 with this JSON, which the handler then returns) in the handler's own transaction, so that
    /// effect and answer are there together or not at all.
    ///
    /// # Errors
    /// Of the database; also when this attempt was paused past its lease and another one has the key: the transaction must
    /// be rolled back, and the caller is told 503.
    pub async fn complete_in(
        &self,
        conn: &mut MySqlConnection,
        body: &impl Serialize,
    ) -> Result<(), sqlx::Error> {
        if self.record_in(conn, body).await? {
            return Ok(());
        }
        // Of the kind that `run_tx` does not run again and that becomes a 503.
        Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            "another attempt has taken this idempotency key over",
        )))
    }

    /// The same for a transaction that serves several requests at once: `false` when another attempt has the key, and then
    /// nothing may be done for this one.
    ///
    /// # Errors
    /// Of the database.
    pub async fn record_in(
        &self,
        conn: &mut MySqlConnection,
        body: &impl Serialize,
    ) -> Result<bool, sqlx::Error> {
        let answer = Answer::json(body).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let kept = store::complete(conn, &self.claim, &answer).await?;
        self.record(kept.then_some(answer));
        Ok(kept)
    }
}

impl Attempt {
    /// The statement that stores the answer (a 200 with this JSON, which the handler then returns), for handlers whose transaction
    /// ends with text (`mall_db::Ending`). It changes one row, or none when another attempt has the key: then the transaction must
    /// fail. Call [`not_completed`](Self::not_completed) when it came to nothing.
    ///
    /// # Errors
    /// When the body can't be written as JSON.
    pub fn completion(&self, body: &impl Serialize) -> Result<String, sqlx::Error> {
        let answer = Answer::json(body).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let statement = store::completion(&self.claim, &answer);
        self.record(Some(answer));
        Ok(statement)
    }

    /// The transaction that was to store the answer was taken back.
    pub fn not_completed(&self) {
        self.record(None);
    }

    fn record(&self, answer: Option<Answer>) {
        let recorded = self.claim.recorded.lock();
        *recorded.unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

/// The attempt that this request is, if its caller sent a key. Never refuses.
#[derive(Debug, Clone)]
pub struct Keyed(pub Option<Attempt>);

impl Keyed {
    /// The id of what this request does: the key's effect, or a new one.
    pub fn effect(&self) -> Uuid {
        self.0
            .as_ref()
            .map_or_else(Uuid::new_v4, |attempt| attempt.effect)
    }

    /// Whether an earlier attempt may have done it already.
    pub fn repeated(&self) -> bool {
        self.0.as_ref().is_some_and(|attempt| attempt.repeated)
    }

    /// [`Attempt::complete_in`]; nothing without a key.
    ///
    /// # Errors
    /// As there.
    pub async fn complete_in(
        &self,
        conn: &mut MySqlConnection,
        body: &impl Serialize,
    ) -> Result<(), sqlx::Error> {
        match &self.0 {
            Some(attempt) => attempt.complete_in(conn, body).await,
            None => Ok(()),
        }
    }
}

impl Keyed {
    /// [`Attempt::completion`]; `None` without a key.
    ///
    /// # Errors
    /// As there.
    pub fn completion(&self, body: &impl Serialize) -> Result<Option<String>, sqlx::Error> {
        let attempt = self.0.as_ref();
        attempt.map(|attempt| attempt.completion(body)).transpose()
    }

    /// [`Attempt::not_completed`]; nothing without a key.
    pub fn not_completed(&self) {
        if let Some(attempt) = &self.0 {
            attempt.not_completed();
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Keyed {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Keyed(parts.extensions.get::<Attempt>().cloned()))
    }
}
