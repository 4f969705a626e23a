//! The payment service: takes the money for an order at most once, gives it back at most once.
//!
//! It promises law 4 for money. Four things carry that promise:
//!
//! - one row per order (`uq_payment_order`) and one per refund (`uq_refund_payment`), decided by the database; a refund is
//!   never larger than its charge (`fk_refund_charged`, `ck_refund_amount`);
//! - the row, with the key that the provider knows the charge by, exists before the provider is called, and the provider
//!   never charges twice for one key;
//! - an outcome that is not known stays `UNKNOWN` and is asked from the provider again, never guessed;
//! - what is settled is never changed: every step is a compare-and-set along the table in [`domain`].
//!
//! Reading order: [`domain`] (the states), `provider.rs` (the port), `app/pay.rs`, `app/ask.rs`, `app/refund.rs`,
//! `app/settle.rs` (the job), `app/webhook.rs`, `store/`; then the adapters in `provider/`. [`toss_simulator`] is a tool, not a
//! part of the service.

mod app;
mod config;
pub mod domain;
mod jobs;
mod messages;
mod migrations;
mod provider;
mod routes;
mod state;
mod store;
pub mod toss_simulator;

use std::sync::Arc;

use anyhow::Context;
use mall_db::Migration;
use mall_service::{App, Boot, Needs, Service};

pub use config::{PaymentsConfig, ProviderName, SimulatedConfig, TossConfig, WebhookSignature};
pub use jobs::{SETTLE, SWEEP, jobs};
pub use migrations::MIGRATIONS;
pub use provider::webhook;
pub use provider::{
    Charge, Found, GiveBack, Provider, Providers, Unknown, Verdict, simulated::Simulated,
    toss::Toss,
};
pub use routes::router;
pub use state::Payments;

/// The program `application-payment`.
pub struct PaymentService;

impl App for PaymentService {
    const NAME: &'static str = mall_payments_api::SERVICE;
    const DEFAULTS: &'static str = include_str!("../defaults.yml");
    const SECTION: &'static str = "mall.payments";
    const NEEDS: Needs = Needs {
        mysql: true,
        registry: true,
        config_server: true,
        ..Needs::NONE
    };
    type Config = PaymentsConfig;

    fn validate(config: &PaymentsConfig, bad: &mut Vec<String>) {
        config.validate(bad);
    }

    fn migrations() -> &'static [Migration] {
        MIGRATIONS
    }

    async fn build(boot: Boot<PaymentsConfig>) -> anyhow::Result<Service> {
        let (db, config) = (boot.db()?, boot.config.clone());
        let simulated: Arc<dyn Provider> = Arc::new(Simulated::new(
            db.clone(),
            boot.clock.clone(),
            config.simulated,
        ));
        // With a key it is there even when it takes no new payments: it sees to those that it began.
        let toss: Option<Arc<dyn Provider>> = match &config.toss.secret_key {
            Some(_) => Some(Arc::new(Toss::new(&config.toss)?)),
            None => None,
        };
        let providers = match config.provider {
            ProviderName::Simulated => match toss {
                Some(toss) => Providers::new(simulated).with(toss),
                None => Providers::new(simulated),
            },
            ProviderName::Toss => {
                let toss = toss.context("mall.payments.toss.secret-key is missing")?;
                Providers::new(toss).with(simulated)
            }
        };
        tracing::info!(
            payment.provider = providers.current().name(),
            "new payments go to {}",
            providers.current().name()
        );
        let payments = Arc::new(Payments::new(
            db,
            boot.clock.clone(),
            boot.zone,
            providers,
            config,
            &boot.metrics,
        ));
        boot.tasks.spawn(
            "jobs",
            jobs(&payments, boot.metrics.clone()).run(boot.tasks.stopping()),
        );
        Ok(Service::new(routes::router(payments)))
    }
}
