//! A simulator of Toss Payments' core API, for development and tests: `mall-toss-simulator`. It keeps its own ledger, which an
//! audit compares with the mall's books, and can be made to decline, to be slow, to fail and to lose things.
//!
//! It knows what the adapter `toss` needs: confirm, cancel, both queries, Basic authorization, `Idempotency-Key` (the first
//! answer comes again; 409 while it is in the making), `{code, message}` errors, and webhooks, which it signs when it has a key.
//! What a shopper does in the payment window is `POST /simulator/payments`. How to run it: `docs/payments.md`.

mod api;
mod control;
mod ledger;
mod lines;
mod notices;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use mall_clock::SharedClock;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use ledger::{Ledger, Movement, Payment};
use ledger::{NewPayment, Store};

pub use crate::provider::toss::sign;

/// How a simulator is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0: any free one.
    pub address: SocketAddr,
    /// The shop's secret key.
    pub secret_key: String,
    /// Where webhooks go; none: nowhere.
    pub webhook_url: Option<String>,
    /// What webhooks are signed with; none: not at all, as Toss does with payments.
    pub webhook_key: Option<String>,
    /// Where the ledger is kept; none: in memory.
    pub ledger: Option<PathBuf>,
}

/// What goes wrong. Numbers count down: so many of the next calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Switches {
    /// Confirmations are declined with this code (403).
    pub decline: Option<String>,
    /// Every call takes so long.
    pub delay_ms: u64,
    /// Confirmations and cancellations that never arrive: the connection closes, nothing is done.
    pub lose_requests: u32,
    /// Confirmations and cancellations that are done, and the connection closes without an answer.
    pub lose_answers: u32,
    /// Confirmations and cancellations that are answered 500 and not done.
    pub fail_before: u32,
    /// Confirmations and cancellations that are done and answered 500.
    pub fail_after: u32,
    /// Every webhook is sent twice, at the same moment.
    pub double_webhooks: bool,
}

/// A running simulator. Dropping it ends it.
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

struct Shared {
    options: Options,
    clock: SharedClock,
    store: Mutex<Store>,
    switches: Mutex<Switches>,
    webhook_url: Mutex<Option<String>>,
    /// Webhooks on their way.
    notices: tokio_util::task::TaskTracker,
}

impl Simulator {
    /// Starts one.
    pub async fn start(options: Options, clock: SharedClock) -> anyhow::Result<Simulator> {
        let listener = TcpListener::bind(options.address).await?;
        let address = listener.local_addr()?;
        let store = Store::open(options.ledger.clone())?;
        let webhook_url = Mutex::new(options.webhook_url.clone());
        let shared = Arc::new(Shared {
            webhook_url,
            options,
            clock,
            store: Mutex::new(store),
            switches: Mutex::default(),
            notices: tokio_util::task::TaskTracker::new(),
        });
        let router = Router::new()
            .merge(api::router(&shared))
            .merge(control::router(&shared));
        let task = tokio::spawn(lines::serve(listener, router));
        Ok(Simulator {
            shared,
            address,
            task,
        })
    }

    /// The API's address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A shopper agrees to a payment in the payment window: its `paymentKey`. It is declined when it is confirmed, with
    /// `decline` as the code, or not.
    pub fn agree(&self, order_id: &str, amount: i64, decline: Option<&str>) -> String {
        let wanted = NewPayment {
            order_id: order_id.to_owned(),
            amount,
            decline: decline.map(str::to_owned),
        };
        self.shared.agree(wanted).payment_key
    }

    /// Changes what goes wrong.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut lock(&self.shared.switches));
    }

    /// From now on webhooks go there.
    pub fn tell(&self, url: impl Into<String>) {
        *lock(&self.shared.webhook_url) = Some(url.into());
    }

    /// The ledger as it stands.
    pub fn ledger(&self) -> Ledger {
        lock(&self.shared.store).ledger().clone()
    }

    /// Waits until every webhook so far has been answered.
    pub async fn notices_sent(&self) {
        let notices = &self.shared.notices;
        notices.close();
        notices.wait().await;
        notices.reopen();
    }

    /// Runs until it is ended from outside.
    pub async fn run(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn agree(&self, wanted: NewPayment) -> Payment {
        lock(&self.store).agree(wanted, self.clock.now())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
