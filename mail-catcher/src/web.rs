//! What is shown: a page for people, JSON for scripts.

use std::io;

use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderName, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use crate::{Mailbox, page};

/// Mails are written by strangers: whatever slipped through the escaping could still run nothing and load nothing.
const POLICY: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// All routes.
pub fn router(mailbox: Mailbox) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/mails", get(list).delete(clear))
        .route("/mails/{id}/source", get(source))
        .route("/health", get(async || "UP"))
        .with_state(mailbox)
}

#[derive(Deserialize)]
struct Wanted {
    to: Option<String>,
}

/// A folder that can't be read.
struct Broken(io::Error);

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Broken(error)
    }
}

impl IntoResponse for Broken {
    fn into_response(self) -> Response {
        let text = format!("the mails can't be read: {}", self.0);
        (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
    }
}

async fn show(
    State(mailbox): State<Mailbox>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Broken> {
    let to = wanted.to.filter(|to| !to.is_empty());
    let mails = mailbox.mails(to.as_deref())?;
    Ok((POLICY, Html(page::of(&mails))).into_response())
}

async fn list(
    State(mailbox): State<Mailbox>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Broken> {
    let mails = mailbox.mails(wanted.to.as_deref())?;
    Ok((POLICY, Json(json!({"mails": mails}))).into_response())
}

async fn source(
    State(mailbox): State<Mailbox>,
    Path(id): Path<String>,
) -> Result<Response, Broken> {
    Ok(match mailbox.source(&id)? {
        Some(source) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (POLICY, kind, source).into_response()
        }
        None => (StatusCode::NOT_FOUND, "there is no such mail").into_response(),
    })
}

async fn clear(State(mailbox): State<Mailbox>) -> Result<StatusCode, Broken> {
    mailbox.clear()?;
    Ok(StatusCode::NO_CONTENT)
}
