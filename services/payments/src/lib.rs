//! The payment service: takes the money for an order at most once, gives it back at most once.
//!
//! It promises law 4 for money. Three things carry that promise:
//!
//! - one row per order (`uq_payment_order`) and one per refund (`uq_refund_payment`), decided by the database;
//! - the row, with the key that the provider knows the charge by, exists before the provider is called, and the provider
//!   never charges twice for one key;
//! - an outcome that is not known stays `UNKNOWN` and is asked from the provider again, never guessed.
//!
//! Reading order: `provider.rs` (the port), `app/pay.rs`, `app/refund.rs`, `store/`.

mod app;
mod config;
mod messages;
mod migrations;
mod provider;
mod routes;
mod state;
mod store;

use std::sync::Arc;

use mall_db::Migration;
use mall_service::{App, Boot, Needs, Service};

pub use config::{PaymentsConfig, ProviderName};
pub use migrations::MIGRATIONS;
pub use provider::{Charge, GiveBack, Provider, Unknown, Verdict, simulated::Simulated};
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
        if config.provider_timeout.get().is_zero() {
            bad.push("mall.payments.provider-timeout: must be longer than 0".into());
        }
    }

    fn migrations() -> &'static [Migration] {
        MIGRATIONS
    }

    async fn build(boot: Boot<PaymentsConfig>) -> anyhow::Result<Service> {
        let db = boot.db()?;
        let provider: Arc<dyn Provider> = match boot.config.provider {
            ProviderName::Simulated => Arc::new(Simulated::new(db.clone(), boot.clock.clone())),
        };
        let timeout = boot.config.provider_timeout.get();
        let payments = Arc::new(Payments::new(
            db,
            boot.clock.clone(),
            provider,
            timeout,
            &boot.metrics,
        ));
        Ok(Service::new(routes::router(payments)))
    }
}
