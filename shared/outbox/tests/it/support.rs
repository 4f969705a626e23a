//! A database with the table, and a receiver that does as it is told.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mall_clock::{Clock, MockClock};
use mall_db::{Db, Migration, TxError};
use mall_outbox::{Deliver, DeliverError, Message, Relay, RelaySettings, TABLE_SQL};
use mall_testkit::{SchemaGuard, fresh_schema};
use serde_json::json;
use tokio::sync::Semaphore;

pub struct Outbox {
    pub db: Db,
    pub clock: Arc<MockClock>,
    pub receiver: Arc<Receiver>,
    _schema: SchemaGuard,
}

/// Notes what it gets, and fails as it was told.
pub struct Receiver {
    seen: Mutex<Vec<Message>>,
    faults: Mutex<HashMap<String, Vec<Fault>>>,
    /// A permit for each delivery that may end.
    pub gate: Semaphore,
}

#[derive(Clone, Copy)]
pub enum Fault {
    Retry,
    Dead,
    Panic,
    Hang,
}

#[async_trait]
impl Deliver for Receiver {
    async fn deliver(&self, message: &Message) -> Result<(), DeliverError> {
        self.seen.lock().unwrap().push(message.clone());
        let fault = self
            .faults
            .lock()
            .unwrap()
            .get_mut(&message.topic)
            .and_then(Vec::pop);
        match fault {
            None => {
                self.gate.acquire().await.unwrap().forget();
                Ok(())
            }
            Some(Fault::Retry) => Err(DeliverError::Retry("not now".into())),
            Some(Fault::Dead) => Err(DeliverError::Dead("never".into())),
            Some(Fault::Panic) => panic!("as the test said"),
            Some(Fault::Hang) => std::future::pending().await,
        }
    }
}

impl Receiver {
    /// The next deliveries of this topic fail so, in this order.
    pub fn fail(&self, topic: &str, faults: &[Fault]) {
        let faults = faults.iter().rev().copied().collect();
        self.faults.lock().unwrap().insert(topic.to_owned(), faults);
    }

    /// The topics it got, in order.
    pub fn topics(&self) -> Vec<String> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .map(|message| message.topic.clone())
            .collect()
    }

    pub fn seen(&self) -> Vec<Message> {
        self.seen.lock().unwrap().clone()
    }
}

impl Outbox {
    pub async fn start() -> Self {
        let schema = fresh_schema("outbox").await;
        let db = Db::connect_url(&schema.url, 8).unwrap();
        db.migrate(&[Migration {
            version: 1,
            name: "outbox",
            sql: TABLE_SQL,
        }])
        .await
        .unwrap();
        let receiver = Receiver {
            seen: Mutex::default(),
            faults: Mutex::default(),
            gate: Semaphore::new(10_000),
        };
        Self {
            db,
            clock: MockClock::at("2026-05-01T10:00:00+09:00"),
            receiver: Arc::new(receiver),
            _schema: schema,
        }
    }

    /// Another pool, of a single connection, whose session's counters are the pool's.
    pub fn single(&self) -> Db {
        Db::connect_url(&self._schema.url, 1).unwrap()
    }

    pub fn relay(&self) -> Relay {
        self.relay_with(RelaySettings {
            poll: Duration::from_millis(50),
            ..RelaySettings::default()
        })
    }

    pub fn relay_with(&self, settings: RelaySettings) -> Relay {
        Relay::new(
            self.db.clone(),
            self.clock.clone(),
            self.receiver.clone(),
            settings,
        )
    }

    pub async fn retry_dead(&self, id: i64) -> bool {
        let now = self.clock.now();
        let retried: Result<bool, TxError<Infallible>> = self
            .db
            .run_tx("retry_dead", move |tx| {
                Box::pin(async move { Ok(mall_outbox::retry_dead(tx, now, id).await?) })
            })
            .await;
        retried.unwrap()
    }

    pub async fn enqueue(&self, topic: &str, key: &str) -> i64 {
        let (now, topic, key) = (self.clock.now(), topic.to_owned(), key.to_owned());
        self.db
            .run_tx("enqueue", move |tx| {
                let (topic, key) = (topic.clone(), key.clone());
                Box::pin(async move {
                    Ok::<_, TxError<Infallible>>(
                        mall_outbox::enqueue(tx, now, &topic, &key, &json!({"a": 1})).await?,
                    )
                })
            })
            .await
            .unwrap()
    }

    /// `(attempts, last_error, dead, locked)` of a row.
    pub async fn row(&self, id: i64) -> Option<(i32, Option<String>, i8, bool)> {
        self.db
            .read("row", move |conn| {
                Box::pin(async move {
                    let row: Option<(i32, Option<String>, i8, Option<String>)> = sqlx::query_as(
                        "SELECT attempts, last_error, dead, locked_by FROM outbox WHERE id = ?",
                    )
                    .bind(id)
                    .fetch_optional(conn)
                    .await?;
                    Ok::<_, TxError<Infallible>>(
                        row.map(|(attempts, error, dead, by)| {
                            (attempts, error, dead, by.is_some())
                        }),
                    )
                })
            })
            .await
            .unwrap()
    }
}
