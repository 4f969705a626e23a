//! A payment service of its own for each test.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use mall_auth::PeerService;
use mall_clock::{MockClock, SharedClock};
use mall_db::{Db, TxError};
use mall_payments::{
    Charge, GiveBack, MIGRATIONS, Payments, Provider, Simulated, Unknown, Verdict, router,
};
use mall_telemetry::metrics::Metrics;
use mall_testkit::{SchemaGuard, fresh_schema};
use serde_json::{Value, json};
use tower::ServiceExt;

/// What goes wrong with a call to the provider.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// It never arrives.
    LoseRequest,
    /// It is done, and nobody hears of it.
    LoseAnswer,
    /// It is done after more time than anybody waits.
    Slow,
}

/// The simulated provider behind a bad line.
pub struct BadLine {
    provider: Simulated,
    faults: Mutex<VecDeque<Fault>>,
}

impl BadLine {
    fn fault(&self) -> Option<Fault> {
        self.faults.lock().unwrap().pop_front()
    }

    async fn through<T>(
        &self,
        work: impl Future<Output = Result<T, Unknown>>,
    ) -> Result<T, Unknown> {
        match self.fault() {
            None => work.await,
            Some(Fault::LoseRequest) => Err(Unknown("request lost".into())),
            Some(Fault::LoseAnswer) => {
                work.await?;
                Err(Unknown("answer lost".into()))
            }
            Some(Fault::Slow) => {
                let result = work.await;
                tokio::time::sleep(Duration::from_secs(60)).await;
                result
            }
        }
    }
}

#[async_trait]
impl Provider for BadLine {
    fn name(&self) -> &'static str {
        self.provider.name()
    }

    async fn charge(&self, charge: &Charge) -> Result<Verdict, Unknown> {
        self.through(self.provider.charge(charge)).await
    }

    async fn find(&self, key: &str) -> Result<Option<Verdict>, Unknown> {
        self.through(self.provider.find(key)).await
    }

    async fn give_back(&self, back: &GiveBack) -> Result<(), Unknown> {
        self.through(self.provider.give_back(back)).await
    }
}

pub struct World {
    pub db: Db,
    pub clock: SharedClock,
    pub line: Arc<BadLine>,
    router: Router,
    _schema: SchemaGuard,
}

impl World {
    pub async fn new() -> World {
        let schema = fresh_schema("payments").await;
        let db = Db::connect_url(&schema.url, 10).unwrap();
        db.migrate(MIGRATIONS).await.unwrap();
        let clock: SharedClock = MockClock::at("2024-05-01T10:00:00+09:00");
        let line = Arc::new(BadLine {
            provider: Simulated::new(db.clone(), clock.clone()),
            faults: Mutex::default(),
        });
        let provider: Arc<dyn Provider> = line.clone();
        let timeout = Duration::from_millis(1500);
        let payments = Payments::new(
            db.clone(),
            clock.clone(),
            provider,
            timeout,
            &Metrics::new(),
        );
        let router = router(Arc::new(payments)).split_for_parts().0;
        World {
            db,
            clock,
            line,
            router,
            _schema: schema,
        }
    }

    /// The next calls to the provider go wrong like this.
    pub fn faults(&self, faults: &[Fault]) {
        self.line.faults.lock().unwrap().extend(faults);
    }

    /// A call as another service makes it.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.send(method, path, body.map(|body| body.to_string()), true)
            .await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        peer: bool,
    ) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        if peer {
            request = request.extension(PeerService("application-order".into()));
        }
        let request = request.body(Body::from(body.unwrap_or_default())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    /// Pays 5000 for an order of user 7; the state it came to.
    pub async fn pay(&self, order: i64, limit_exceeded: bool) -> Value {
        let (status, body) = self
            .call(
                Method::POST,
                "/internal/payments",
                Some(pay(order, 5000, limit_exceeded)),
            )
            .await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub async fn payment(&self, order: i64) -> (u16, Value) {
        self.call(Method::GET, &format!("/internal/payments/{order}"), None)
            .await
    }

    pub async fn refund(&self, order: i64, id: &str, amount: i64) -> (u16, Value) {
        let body = json!({"refundId": id, "amount": amount});
        self.call(
            Method::POST,
            &format!("/internal/payments/{order}/refund"),
            Some(body),
        )
        .await
    }

    /// The provider's books: charges, money taken, money given back.
    pub async fn books(&self) -> (i64, i64, i64) {
        self.db
            .read("books", |conn| {
                Box::pin(async move {
                    Ok::<_, TxError<Infallible>>(
                        sqlx::query_as(
                            "SELECT COUNT(*), CAST(COALESCE(SUM(IF(reason IS NULL, amount, 0)), 0) AS SIGNED), \
                             CAST(COALESCE(SUM(IF(refunded_at IS NULL, 0, amount)), 0) AS SIGNED) FROM simulated_charge",
                        )
                        .fetch_one(conn)
                        .await?,
                    )
                })
            })
            .await
            .unwrap()
    }
}

pub fn pay(order: i64, amount: i64, limit_exceeded: bool) -> Value {
    json!({"orderId": order, "userId": 7, "amount": amount, "simulate": {"limitExceeded": limit_exceeded}})
}
