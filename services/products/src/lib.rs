//! The product service: the catalogue.
//!
//! It knows names, prices, pictures and opening times. How many there are is the stock service's business: a new product
//! reaches it through the outbox (at once, normally), a change of stock is a call, and a detail page asks for the count.
//!
//! Reading order: `domain/product.rs` (what a product may be), [`routes`], `app/add.rs`, `app/announce.rs` (the outbox's other
//! end), `store.rs`.

pub mod app;
pub mod config;
pub mod domain;
mod error;
mod messages;
mod migrations;
pub mod routes;
pub mod state;
mod store;

use std::sync::Arc;

use mall_service::{App, Boot, Needs, Service};
use mall_stock_api::HttpStock;

pub use config::ProductsConfig;
pub use migrations::MIGRATIONS;
pub use state::Products;

/// The program `application-product`.
pub struct ProductsApp;

impl App for ProductsApp {
    const NAME: &'static str = mall_products_api::SERVICE;
    const DEFAULTS: &'static str = include_str!("../defaults.yml");
    const SECTION: &'static str = "mall.products";
    const NEEDS: Needs = Needs {
        mysql: true,
        registry: true,
        config_server: true,
        ..Needs::NONE
    };
    type Config = ProductsConfig;

    fn validate(config: &ProductsConfig, bad: &mut Vec<String>) {
        config.check(bad);
    }

    fn migrations() -> &'static [mall_db::Migration] {
        MIGRATIONS
    }

    async fn build(boot: Boot<ProductsConfig>) -> anyhow::Result<Service> {
        let stock = Arc::new(HttpStock::new(boot.calls()?));
        let products = Products::new(
            boot.db()?,
            boot.clock.clone(),
            boot.zone,
            stock,
            boot.config.outbox.relay(),
        );
        boot.tasks
            .spawn("products-outbox", products.relay.run(boot.tasks.stopping()));
        boot.tasks.spawn(
            "outbox-report",
            products
                .relay
                .report(boot.metrics.clone(), boot.tasks.stopping()),
        );
        boot.tasks.spawn(
            "idempotency-sweep",
            routes::keys(&products).run_sweeper(boot.tasks.stopping()),
        );
        Ok(Service::new(routes::router(products)))
    }
}
