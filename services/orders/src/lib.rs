//! The order service: from "I want this" to goods and money in the right places.
//!
//! It touches laws 2, 3 and 4. A reservation has its order, or is fenced and given back (`app/place.rs`); an order's status
//! changes only as [`status::TRANSITIONS`] allows, each time by a compare-and-set; what must happen in other services is
//! written to the outbox in the same transaction.
//!
//! Reading order: `domain/status.rs`, `app/place.rs`, `app/pay.rs`, `app/settle.rs`, `app/advance.rs`, `store/`.

mod app;
mod config;
mod deliver;
mod domain;
mod error;
mod jobs;
mod messages;
mod migrations;
mod routes;
mod state;
mod store;

use std::sync::Arc;

use mall_carts_api::HttpCarts;
use mall_db::Migration;
use mall_payments_api::HttpPayments;
use mall_products_api::HttpProducts;
use mall_service::{App, Boot, Needs, Service};
use mall_stock_api::HttpStock;

pub use config::{JobsConfig, OrdersConfig, OutboxConfig};
pub use domain::status;
pub use jobs::{ADVANCE, DEADLINE, SETTLE, jobs};
pub use migrations::MIGRATIONS;
pub use routes::router;
pub use state::{Orders, Peers};

/// The registry name of the service.
pub const SERVICE: &str = "application-order";

/// The program `application-order`.
pub struct OrderService;

impl App for OrderService {
    const NAME: &'static str = SERVICE;
    const DEFAULTS: &'static str = include_str!("../defaults.yml");
    const SECTION: &'static str = "mall.orders";
    const NEEDS: Needs = Needs {
        mysql: true,
        registry: true,
        config_server: true,
        ..Needs::NONE
    };
    type Config = OrdersConfig;

    fn validate(config: &OrdersConfig, bad: &mut Vec<String>) {
        config.validate(bad);
    }

    fn migrations() -> &'static [Migration] {
        MIGRATIONS
    }

    async fn build(boot: Boot<OrdersConfig>) -> anyhow::Result<Service> {
        let calls = boot.calls()?;
        let peers = Peers {
            products: Arc::new(HttpProducts::new(calls.clone())),
            carts: Arc::new(HttpCarts::new(calls.clone())),
            stock: Arc::new(HttpStock::new(calls.clone())),
            payments: Arc::new(HttpPayments::new(calls)),
        };
        let config = boot.config.clone();
        let orders = Arc::new(Orders::new(
            boot.db()?,
            boot.clock.clone(),
            boot.zone,
            peers,
            config,
            &boot.metrics,
        ));
        boot.tasks
            .spawn("outbox", orders.relay().run(boot.tasks.stopping()));
        boot.tasks.spawn(
            "outbox-report",
            orders
                .relay()
                .report(boot.metrics.clone(), boot.tasks.stopping()),
        );
        boot.tasks.spawn(
            "idempotency-sweep",
            routes::keys(&orders).run_sweeper(boot.tasks.stopping()),
        );
        boot.tasks.spawn(
            "jobs",
            jobs(&orders, boot.metrics.clone()).run(boot.tasks.stopping()),
        );
        Ok(Service::new(router(orders)))
    }
}
