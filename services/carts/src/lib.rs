//! The cart service: what each shopper has put aside to order.
//!
//! A cart line belongs to one shopper and is only ever read or changed by its owner; anybody else's is 404, as an unknown
//! one. A product is in a cart at most once (`uq_cart_user_product`). Line ids are never used again, which makes the
//! removal after an order idempotent.
//!
//! Reading order: [`routes`], `app.rs`, `store.rs`, `error.rs`.

mod app;
mod config;
mod error;
mod messages;
mod migrations;
pub mod routes;
mod state;
mod store;

use std::sync::Arc;

use mall_products_api::HttpProducts;
use mall_service::{App, Boot, Needs, Service};

pub use config::CartsConfig;
pub use migrations::MIGRATIONS;
pub use routes::router;
pub use state::State;

/// The program `application-cart`.
pub struct Carts;

impl App for Carts {
    const NAME: &'static str = mall_carts_api::SERVICE;
    const DEFAULTS: &'static str = include_str!("../defaults.yml");
    const SECTION: &'static str = "mall.carts";
    const NEEDS: Needs = Needs {
        mysql: true,
        registry: true,
        config_server: true,
        ..Needs::NONE
    };
    type Config = CartsConfig;

    fn validate(config: &CartsConfig, bad: &mut Vec<String>) {
        config.validate(bad);
    }

    fn migrations() -> &'static [mall_db::Migration] {
        MIGRATIONS
    }

    async fn build(boot: Boot<CartsConfig>) -> anyhow::Result<Service> {
        let products = Arc::new(HttpProducts::new(boot.calls()?));
        let state = State::new(
            boot.db()?,
            boot.clock.clone(),
            products,
            boot.config.clone(),
        );
        boot.tasks.spawn(
            "idempotency-sweep",
            routes::keys(&state).run_sweeper(boot.tasks.stopping()),
        );
        Ok(Service::new(router(state)))
    }
}
