//! A service of one table, whose handler does what a test tells it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use chrono::DateTime;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use mall_auth::Identity;
use mall_clock::{MockClock, SharedClock};
use mall_db::{Db, TxError};
use mall_idempotency::{KeySettings, Keyed, Keys, TABLE_SQL};
use mall_problem::{ErrorKind, Problem, Text};
use mall_testkit::{SchemaGuard, fresh_schema};
use mall_types::{Role, UserId};
use serde::Serialize;
use serde_json::Value;
use sqlx::MySqlConnection;
use tokio::sync::{Semaphore, mpsc};
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// What the handler does next.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Makes a thing, and stores the answer with it.
    Record,
    /// Makes a thing under its effect, or finds it.
    ByEffect,
    /// The same, and then answers 503.
    ByEffectThenAway,
    /// Refuses with this status.
    Refuse(u16),
    /// Refuses with this status and says when to come again.
    Later(u16),
    /// Panics.
    Panic,
}

#[derive(Clone)]
pub struct Lab {
    pub db: Db,
    /// What the next runs do; after the last one `Record`.
    pub script: Arc<Mutex<VecDeque<Act>>>,
    /// Each run of the handler: its effect and whether it is a repeat.
    pub runs: Arc<Mutex<Vec<(Uuid, bool)>>>,
    /// A run needs a permit before and after its effect.
    pub before: Arc<Semaphore>,
    pub after: Arc<Semaphore>,
    /// Tells that a run has come to its effect, and past it.
    pub signs: mpsc::UnboundedSender<&'static str>,
}

#[derive(Serialize, Clone)]
pub struct Made {
    id: i64,
}

pub struct World {
    pub app: Router,
    pub lab: Lab,
    pub keys: Keys,
    pub clock: Arc<MockClock>,
    pub signs: mpsc::UnboundedReceiver<&'static str>,
}

/// The schema that worlds share.
pub async fn schema() -> SchemaGuard {
    let schema = fresh_schema("idempotency").await;
    let db = Db::connect_url(&schema.url, 2).unwrap();
    let made: Result<(), TxError<()>> = db
        .run_autocommit("make_tables", |conn| {
            Box::pin(async move {
                sqlx::query(TABLE_SQL).execute(&mut *conn).await?;
                sqlx::query(
                    "CREATE TABLE thing (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, effect CHAR(36) NOT NULL, \
                     CONSTRAINT uq_thing_effect UNIQUE (effect))",
                )
                .execute(conn)
                .await?;
                Ok(())
            })
        })
        .await;
    made.unwrap();
    schema
}

pub fn clock() -> Arc<MockClock> {
    MockClock::at("2026-05-01T10:00:00+09:00")
}

pub fn settings() -> KeySettings {
    KeySettings {
        wait: Duration::ZERO,
        ..KeySettings::default()
    }
}

impl World {
    pub fn over(url: &str, clock: Arc<MockClock>, settings: KeySettings) -> World {
        let db = Db::connect_url(url, 12).unwrap();
        let (signs, heard) = mpsc::unbounded_channel();
        let lab = Lab {
            db: db.clone(),
            script: Arc::default(),
            runs: Arc::default(),
            before: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            after: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            signs,
        };
        let shared: SharedClock = clock.clone();
        let keys = Keys::new(db, shared, settings);
        let router = router(lab.clone(), keys.clone());
        let app = Router::from(router).layer(from_fn(identity));
        World {
            app,
            lab,
            keys,
            clock,
            signs: heard,
        }
    }

    pub async fn start() -> (World, SchemaGuard) {
        let schema = schema().await;
        (World::over(&schema.url, clock(), settings()), schema)
    }

    pub fn will(&self, acts: impl IntoIterator<Item = Act>) {
        self.lab.script.lock().unwrap().extend(acts);
    }

    pub fn runs(&self) -> Vec<(Uuid, bool)> {
        self.lab.runs.lock().unwrap().clone()
    }

    pub async fn send(&self, request: Request) -> Reply {
        reply(self.app.clone().oneshot(request).await.unwrap()).await
    }

    /// `POST /things` of user 7.
    pub async fn post(&self, key: &str, body: &str) -> Reply {
        self.send(post(7, key, body)).await
    }

    pub async fn things(&self) -> i64 {
        count(&self.lab.db, "SELECT COUNT(*) FROM thing").await
    }

    pub async fn rows(&self) -> i64 {
        count(&self.lab.db, "SELECT COUNT(*) FROM idempotency_key").await
    }
}

pub async fn count(db: &Db, sql: &'static str) -> i64 {
    let read: Result<i64, TxError<()>> = db
        .read("count", move |conn| {
            Box::pin(async move { Ok(sqlx::query_scalar(sql).fetch_one(conn).await?) })
        })
        .await;
    read.unwrap()
}

pub fn router(lab: Lab, keys: Keys) -> OpenApiRouter {
    let routes = OpenApiRouter::new()
        .routes(routes!(things))
        .routes(routes!(put_things, delete_things, get_things))
        .routes(routes!(auth_things))
        .routes(routes!(internal_things))
        .with_state(lab);
    mall_idempotency::layer(routes, keys)
}

#[utoipa::path(post, path = "/things", security(("bearer" = ["USER"])),
    responses((status = 200), (status = 409, description = "SOLD_OUT")))]
async fn things(State(lab): State<Lab>, keyed: Keyed, _body: String) -> Response {
    act(lab, keyed).await
}

#[utoipa::path(put, path = "/things/{id}", security(("bearer" = ["USER"])), responses((status = 200)))]
async fn put_things(State(lab): State<Lab>, keyed: Keyed) -> Response {
    act(lab, keyed).await
}

#[utoipa::path(delete, path = "/things/{id}", security(("bearer" = ["USER"])), responses((status = 200)))]
async fn delete_things(State(lab): State<Lab>, keyed: Keyed) -> Response {
    act(lab, keyed).await
}

#[utoipa::path(get, path = "/things/{id}", security(("bearer" = ["USER"])), responses((status = 200)))]
async fn get_things(State(lab): State<Lab>, keyed: Keyed) -> Response {
    act(lab, keyed).await
}

#[utoipa::path(post, path = "/auth/things", security(("bearer" = ["USER"])), responses((status = 200)))]
async fn auth_things(State(lab): State<Lab>, keyed: Keyed) -> Response {
    act(lab, keyed).await
}

#[utoipa::path(post, path = "/internal/things", security(("bearer" = ["USER"])), responses((status = 200)))]
async fn internal_things(State(lab): State<Lab>, keyed: Keyed) -> Response {
    act(lab, keyed).await
}

async fn act(lab: Lab, keyed: Keyed) -> Response {
    let act = lab.script.lock().unwrap().pop_front();
    if let Some(attempt) = &keyed.0 {
        let run = (attempt.effect, attempt.repeated);
        lab.runs.lock().unwrap().push(run);
    }
    lab.signs.send("before").ok();
    lab.before.acquire().await.unwrap().forget();
    let response = match act.unwrap_or(Act::Record) {
        Act::Record => {
            // Nothing but the stored answer keeps it from being made twice.
            let (effect, keyed) = (Uuid::new_v4(), keyed.clone());
            let made = lab.db.run_tx("record", move |tx| {
                let keyed = keyed.clone();
                Box::pin(async move {
                    let made = Made {
                        id: insert(tx, effect).await?,
                    };
                    keyed.complete_in(tx, &made).await?;
                    Ok(made)
                })
            });
            answer(made.await)
        }
        act @ (Act::ByEffect | Act::ByEffectThenAway) => {
            let effect = keyed.effect();
            let made = lab.db.run_tx("by_effect", move |tx| {
                Box::pin(async move {
                    let known: Option<i64> =
                        sqlx::query_scalar("SELECT id FROM thing WHERE effect = ?")
                            .bind(effect.to_string())
                            .fetch_optional(&mut *tx)
                            .await?;
                    let id = match known {
                        Some(id) => id,
                        None => insert(tx, effect).await?,
                    };
                    Ok(Made { id })
                })
            });
            let answer = answer(made.await);
            if matches!(act, Act::ByEffectThenAway) {
                problem(503).into_response()
            } else {
                answer
            }
        }
        Act::Refuse(status) => problem(status).into_response(),
        Act::Later(status) => problem(status)
            .retry_after(Duration::from_secs(1))
            .into_response(),
        Act::Panic => panic!("as the test wants"),
    };
    lab.signs.send("after").ok();
    lab.after.acquire().await.unwrap().forget();
    response
}

fn answer(made: Result<Made, TxError<Problem>>) -> Response {
    match made {
        Ok(made) => Json(made).into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn insert(conn: &mut MySqlConnection, effect: Uuid) -> Result<i64, sqlx::Error> {
    let done = sqlx::query("INSERT INTO thing (effect) VALUES (?)")
        .bind(effect.to_string())
        .execute(conn)
        .await?;
    Ok(done.last_insert_id().cast_signed())
}

fn problem(status: u16) -> Problem {
    Problem::new(
        ErrorKind::of_status(status),
        format!("REFUSED_{status}"),
        Text::new("안 됩니다.", "No."),
    )
}

/// Stands for the service stack.
async fn identity(mut request: Request, next: Next) -> Response {
    let user = request
        .headers()
        .get("x-user")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(user) = user {
        request.extensions_mut().insert(Identity {
            user: UserId(user),
            role: Role::User,
            session: "s".to_owned(),
            access_expires_at: DateTime::from_timestamp(0, 0).unwrap(),
        });
    }
    next.run(request).await
}

pub fn post(user: i64, key: &str, body: &str) -> Request {
    request(Method::POST, "/things", user, key, body)
}

pub fn request(method: Method, path: &str, user: i64, key: &str, body: &str) -> Request {
    http::Request::builder()
        .method(method)
        .uri(path)
        .header("x-user", user)
        .header("idempotency-key", key)
        .header("accept-language", "en")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn replayed(&self) -> bool {
        match self.headers.get("idempotent-replayed") {
            Some(value) => {
                assert_eq!(value, "true");
                true
            }
            None => false,
        }
    }

    pub fn code(&self) -> (u16, String) {
        let body: Value = serde_json::from_str(&self.text).unwrap();
        let code = body["code"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), code)
    }

    /// Of a thing that was made.
    pub fn made(&self) -> i64 {
        assert_eq!(self.status, 200, "{}", self.text);
        let body: Value = serde_json::from_str(&self.text).unwrap();
        body["id"].as_i64().unwrap()
    }

    pub fn content_type(&self) -> &str {
        self.headers[CONTENT_TYPE].to_str().unwrap()
    }
}

pub async fn reply(response: Response) -> Reply {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Reply {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}
