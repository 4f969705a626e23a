//! What the operations work with.

use std::collections::HashMap;
use std::sync::Arc;

use mall_carts_api::CartsApi;
use mall_clock::{SharedClock, Zone};
use mall_db::Db;
use mall_fault_points::FaultPoints;
use mall_outbox::{Deliver, Relay, RelaySettings};
use mall_payments_api::PaymentsApi;
use mall_products_api::ProductsApi;
use mall_stock_api::StockApi;
use mall_telemetry::metrics::{Counter, Metrics};

use crate::app::combine::Combiner;
use crate::app::marks::Marks;
use crate::app::offers::Offers;
use crate::config::OrdersConfig;
use crate::deliver::Effects;
use crate::domain::status::{MOVED, PLACED, TRANSITIONS};

/// The other services.
#[derive(Clone)]
pub struct Peers {
    /// Names, prices, opening times.
    pub products: Arc<dyn ProductsApi>,
    /// What shoppers put aside.
    pub carts: Arc<dyn CartsApi>,
    /// Reservations.
    pub stock: Arc<dyn StockApi>,
    /// Money.
    pub payments: Arc<dyn PaymentsApi>,
}

/// The service, assembled.
pub struct Orders {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) zone: Zone,
    pub(crate) peers: Peers,
    pub(crate) relay: Relay,
    pub(crate) config: OrdersConfig,
    pub(crate) marks: Marks,
    pub(crate) offers: Offers,
    pub(crate) combiner: Combiner,
    /// Where a test build can be made to die.
    pub(crate) faults: FaultPoints,
    steps: HashMap<&'static str, Counter>,
}

impl Orders {
    /// Assembles the service; nothing runs in the background yet.
    pub fn new(
        db: Db,
        clock: SharedClock,
        zone: Zone,
        peers: Peers,
        config: OrdersConfig,
        metrics: &Metrics,
    ) -> Self {
        let deliver: Arc<dyn Deliver> = Arc::new(Effects::new(peers.clone()));
        let settings = RelaySettings {
            poll: config.outbox.poll.get(),
            batch: config.outbox.batch,
            lease: config.outbox.lease.get(),
            max_backoff: config.outbox.max_backoff.get(),
        };
        let relay = Relay::new(db.clone(), clock.clone(), deliver, settings);
        let causes = TRANSITIONS
            .iter()
            .map(|transition| transition.cause)
            .chain([PLACED, MOVED]);
        let steps = causes
            .map(|cause| {
                let help = "Steps in the life of orders by their cause";
                (
                    cause,
                    metrics.counter("mall.orders.steps", help, &[("cause", cause)]),
                )
            })
            .collect();
        let (most, writers) = (config.placing_batch, config.placing_writers);
        let combiner = Combiner::new(db.clone(), clock.clone(), most, writers);
        let marks = Marks::new(config.sold_out_mark.get(), peers.stock.clone());
        Self {
            db,
            clock,
            zone,
            offers: Offers::new(peers.products.clone()),
            combiner,
            peers,
            relay,
            marks,
            config,
            faults: FaultPoints::from_env(),
            steps,
        }
    }

    /// With other fault points than the environment's.
    #[must_use]
    pub fn with_faults(mut self, faults: FaultPoints) -> Self {
        self.relay = self.relay.with_faults(faults.clone());
        self.faults = faults;
        self
    }

    /// What carries the effects to the other services.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    pub(crate) fn count(&self, cause: &'static str, times: usize) {
        if let Some(counter) = self.steps.get(cause) {
            counter.add(times as u64);
        }
    }
}
