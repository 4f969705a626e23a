//! The stock service: the one part of the mall that changes stock.
//!
//! MySQL holds the truth (`stock_item`, with checks that nothing goes below zero and that supplied = available + held + sold);
//! Redis holds the hot count, under the original's lock `LOCK:<id>`. Whatever Redis says, nothing is sold that MySQL does not
//! have; whatever dies, Redis shows too little for a moment rather than too much, and is put right.
//!
//! Reading order: [`hot`] (the scripts are the heart), `app.rs`, `app/combine.rs` (one batch's life), `app/book.rs`,
//! `app/release.rs`, `app/rebuild.rs` (why a repair and a release don't count twice), `app/sweep.rs`, `app/orphans.rs`, [`routes`].

pub mod app;
pub mod config;
pub mod domain;
mod error;
pub mod failure;
pub mod hot;
pub mod jobs;
mod messages;
pub mod metrics;
mod migrations;
pub mod routes;
pub mod state;
pub mod store;

use std::sync::Arc;

use mall_jobs::Jobs;
use mall_lock::Locks;
use mall_orders_api::HttpOrders;
use mall_service::{App, Boot, Needs, Service};

pub use config::StockConfig;
pub use migrations::MIGRATIONS;
pub use state::{SharedStock, Stock};

use crate::app::marks::listen;
use crate::app::orphans::Orphans;
use crate::hot::Hot;
use crate::metrics::StockMetrics;

/// The program `application-stock`.
pub struct StockApp;

impl App for StockApp {
    const NAME: &'static str = mall_stock_api::SERVICE;
    const DEFAULTS: &'static str = include_str!("../defaults.yml");
    const SECTION: &'static str = "mall.stock";
    const NEEDS: Needs = Needs {
        mysql: true,
        redis: true,
        registry: true,
        config_server: true,
        ..Needs::NONE
    };
    type Config = StockConfig;

    fn validate(config: &StockConfig, bad: &mut Vec<String>) {
        config.check(bad);
    }

    fn migrations() -> &'static [mall_db::Migration] {
        MIGRATIONS
    }

    async fn build(boot: Boot<StockConfig>) -> anyhow::Result<Service> {
        let (db, config) = (boot.db()?, &boot.config);
        let locks = Locks::new(boot.redis_client()?, boot.redis()?);
        let hot = Hot::new(
            boot.redis()?,
            locks,
            config.lock_wait.get(),
            config.lock_lease.get(),
        );
        let metrics = StockMetrics::new(&boot.metrics);
        let stock = Stock::new(
            db.clone(),
            hot,
            boot.clock.clone(),
            metrics,
            config.pending_age.get(),
            config.batch,
        );
        stock.marks.believe_for(config.sold_out_mark.get());
        boot.tasks.spawn(
            "stock-marks",
            listen(stock.clone(), boot.redis_client()?, boot.tasks.stopping()),
        );
        let jobs = Jobs::new(db, boot.clock.clone(), boot.metrics.clone());
        let orders = Arc::new(HttpOrders::new(boot.calls()?));
        let orphans = Orphans::new(stock.clone(), orders, config.orphan_age.get());
        let jobs = jobs::add(jobs, &stock, orphans, config, boot.zone)?;
        boot.tasks
            .spawn("stock-jobs", jobs.run(boot.tasks.stopping()));
        // What went on while this service was away - Redis emptied, a release half done - is found now, not in half an hour.
        let (first, stopping) = (SharedStock::clone(&stock), boot.tasks.stopping());
        boot.tasks.spawn("stock-first-comparison", async move {
            if let Err(failure) = first.reconcile(|| stopping.is_cancelled()).await {
                tracing::warn!(error = %failure, "could not compare all products with MySQL yet");
            }
        });
        Ok(Service::new(routes::router(stock)))
    }
}
