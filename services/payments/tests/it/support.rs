//! A payment service of its own for each test.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use mall_auth::{Identity, PeerService};
use mall_clock::{MockClock, SharedClock, Zone};
use mall_db::{Db, TxError};
use mall_fault_points::{FaultPoints, Script};
use mall_jobs::Jobs;
use mall_payments::toss_simulator::{Options, Simulator};
use mall_payments::{
    Charge, Found, GiveBack, MIGRATIONS, Payments, PaymentsConfig, Provider, ProviderName,
    Providers, SETTLE, Simulated, SimulatedConfig, Toss, TossConfig, Unknown, Verdict,
    WebhookSignature, jobs, router,
};
use mall_service::Span;
use mall_telemetry::metrics::Metrics;
use mall_testkit::{SchemaGuard, fresh_schema};
use mall_types::{Role, UserId};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt;

/// The shop's key at the simulator of Toss.
pub const SECRET: &str = "test_sk_of_these_tests";
/// What the simulator signs webhooks with.
pub const WEBHOOK_KEY: &str = "security key of these tests";

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
            Some(Fault::LoseRequest) => Err(Unknown::new("TIMEOUT", "request lost")),
            Some(Fault::LoseAnswer) => {
                work.await?;
                Err(Unknown::new("TIMEOUT", "answer lost"))
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

    async fn find(&self, charge: &Charge) -> Result<Found, Unknown> {
        self.through(self.provider.find(charge)).await
    }

    async fn give_back(&self, back: &GiveBack) -> Result<(), Unknown> {
        self.through(self.provider.give_back(back)).await
    }

    async fn find_back(&self, back: &GiveBack) -> Result<bool, Unknown> {
        self.provider.find_back(back).await
    }
}

/// Settings as tests want them.
pub fn config(provider: ProviderName) -> PaymentsConfig {
    PaymentsConfig {
        provider,
        provider_timeout: Span::millis(1500),
        settle_after: Span::secs(15),
        settle_max_backoff: Span::secs(600),
        settle_schedule: "-".parse().unwrap(),
        sweep_schedule: "-".parse().unwrap(),
        simulated: simulated(),
        toss: TossConfig {
            base_url: "http://127.0.0.1:9".into(),
            secret_key: Some(SECRET.into()),
            timeout: Span::millis(1000),
            order_prefix: "order-".into(),
            webhook_key: Some(WEBHOOK_KEY.into()),
            webhook_signature: WebhookSignature::Required,
            webhook_tolerance: Span::secs(300),
        },
    }
}

/// A simulated provider in fine weather.
pub fn simulated() -> SimulatedConfig {
    SimulatedConfig {
        obey_calls: true,
        delay: Span::millis(0),
        lose_request_every: 0,
        lose_answer_every: 0,
    }
}

/// The service, with a simulator of Toss that it charges and that sends it webhooks.
pub struct TossWorld {
    pub world: World,
    pub toss: Simulator,
}

impl TossWorld {
    pub async fn new() -> TossWorld {
        TossWorld::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut PaymentsConfig)) -> TossWorld {
        TossWorld::build(change, false).await
    }

    /// Toss tells by itself what happened.
    pub async fn with_webhooks() -> TossWorld {
        TossWorld::build(|_| {}, true).await
    }

    async fn build(change: impl FnOnce(&mut PaymentsConfig), notices: bool) -> TossWorld {
        let clock = MockClock::at("2024-05-01T10:00:00+09:00");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let webhooks = format!("http://{address}/payment/webhooks/toss");
        let options = Options {
            address: "127.0.0.1:0".parse().unwrap(),
            secret_key: SECRET.into(),
            webhook_url: notices.then_some(webhooks),
            webhook_key: Some(WEBHOOK_KEY.into()),
            ledger: None,
        };
        let toss = Simulator::start(options, clock.clone()).await.unwrap();
        let mut config = config(ProviderName::Toss);
        config.toss.base_url = toss.url();
        change(&mut config);
        let adapter = Arc::new(Toss::new(&config.toss).unwrap());
        let world = World::build(clock, config, FaultPoints::default(), |_, _| {
            Providers::new(adapter)
        })
        .await;
        tokio::spawn({
            let router = world.router.clone();
            async move { axum::serve(listener, router).await.unwrap() }
        });
        TossWorld { world, toss }
    }

    /// A shopper agrees to pay 5000 for an order.
    pub fn agree(&self, order: i64) -> String {
        self.toss.agree(&format!("order-{order}"), 5000, None)
    }

    /// Asks the service to confirm it.
    pub async fn pay(&self, order: i64, key: &str) -> Value {
        let (status, body) = self.world.pay_by_key(order, 5000, key).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Money that moved at Toss: charges and refunds.
    pub fn moved(&self) -> (Vec<i64>, Vec<i64>) {
        let movements = self.toss.ledger().movements;
        let of = |kind: &str| {
            let moved = movements.iter().filter(|moved| moved.kind == kind);
            moved.map(|moved| moved.amount).collect()
        };
        (of("CHARGE"), of("REFUND"))
    }
}

pub struct World {
    pub db: Db,
    pub clock: Arc<MockClock>,
    pub line: Option<Arc<BadLine>>,
    pub metrics: Metrics,
    jobs: Jobs,
    router: Router,
    _schema: SchemaGuard,
}

impl World {
    pub async fn new() -> World {
        World::with_faults(FaultPoints::default()).await
    }

    /// With places at which whoever gets there dies.
    pub async fn scripted(script: &Arc<Script>) -> World {
        World::with_faults(script.points()).await
    }

    async fn with_faults(faults: FaultPoints) -> World {
        let clock = MockClock::at("2024-05-01T10:00:00+09:00");
        let config = config(ProviderName::Simulated);
        let mut line = None;
        let mut world = World::build(clock, config, faults, |db, clock| {
            let bad = Arc::new(BadLine {
                provider: Simulated::new(db, clock, simulated()),
                faults: Mutex::default(),
            });
            line = Some(bad.clone());
            Providers::new(bad)
        })
        .await;
        world.line = line;
        world
    }

    /// With a provider of one's own.
    pub async fn build(
        clock: Arc<MockClock>,
        config: PaymentsConfig,
        faults: FaultPoints,
        providers: impl FnOnce(Db, SharedClock) -> Providers,
    ) -> World {
        let schema = fresh_schema("payments").await;
        let db = Db::connect_url(&schema.url, 10).unwrap();
        db.migrate(MIGRATIONS).await.unwrap();
        let metrics = Metrics::new();
        let payments = Payments::new(
            db.clone(),
            clock.clone(),
            Zone::parse("Asia/Seoul").unwrap(),
            providers(db.clone(), clock.clone()),
            config,
            &metrics,
        );
        let payments = Arc::new(payments.with_faults(faults));
        World {
            db,
            clock,
            line: None,
            jobs: jobs(&payments, metrics.clone()),
            metrics,
            router: router(payments).split_for_parts().0,
            _schema: schema,
        }
    }

    /// Time passes, and the job runs.
    pub async fn settle_after(&self, seconds: i64) {
        self.clock.advance(chrono::Duration::seconds(seconds));
        self.jobs.run_now(SETTLE).await.unwrap();
    }

    /// The next calls to the provider go wrong like this.
    pub fn faults(&self, faults: &[Fault]) {
        self.line
            .as_ref()
            .unwrap()
            .faults
            .lock()
            .unwrap()
            .extend(faults);
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
        self.exchange(request).await
    }

    /// Pays for an order of user 7 with a key of a payment window.
    pub async fn pay_by_key(&self, order: i64, amount: i64, key: &str) -> (u16, Value) {
        let mut body = pay(order, amount, false);
        body["paymentKey"] = json!(key);
        self.call(Method::POST, "/internal/payments", Some(body))
            .await
    }

    /// What an admin sees.
    pub async fn kept(&self, order: i64) -> Value {
        let mut request = Request::get(format!("/admin/payments/{order}"))
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(identity(Role::Admin));
        let (status, body) = self.exchange(request).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The calls of the provider, the first first: kind, who asked, outcome, code.
    pub async fn attempts(&self, order: i64) -> Vec<(String, String, String, String)> {
        let kept = self.kept(order).await;
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let attempts = kept["attempts"].as_array().unwrap().iter().rev();
        attempts
            .map(|attempt| {
                (
                    text(&attempt["kind"]),
                    text(&attempt["askedBy"]),
                    text(&attempt["outcome"]),
                    text(&attempt["code"]),
                )
            })
            .collect()
    }

    /// A webhook as it comes through the gateway.
    pub async fn webhook(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> (u16, Value) {
        let mut request = Request::post(format!("/payment/webhooks/{provider}"))
            .body(Body::from(body.to_vec()))
            .unwrap();
        *request.headers_mut() = headers.clone();
        self.exchange(request).await
    }

    pub async fn exchange(&self, request: Request<Body>) -> (u16, Value) {
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

/// Somebody whom the gateway vouches for.
pub fn identity(role: Role) -> Identity {
    Identity {
        user: UserId(1),
        role,
        session: "s".into(),
        access_expires_at: "2030-01-01T00:00:00Z".parse().unwrap(),
    }
}

/// The one number that a statement gives.
pub async fn number(db: &Db, sql: &'static str) -> i64 {
    let found = db.read("number", move |conn| {
        Box::pin(async move {
            let (number,): (i64,) = sqlx::query_as(sql).fetch_one(conn).await?;
            Ok::<_, TxError<Infallible>>(number)
        })
    });
    found.await.unwrap()
}
