//! What every operation works with.

use std::sync::Arc;

use mall_clock::{SharedClock, Zone};
use mall_db::Db;
use mall_fault_points::FaultPoints;
use mall_outbox::{Relay, RelaySettings};
use mall_stock_api::StockApi;

use crate::app::announce::Announcer;

/// The product service.
#[derive(Clone)]
pub struct Products {
    /// Its schema.
    pub db: Db,
    /// The time of day.
    pub clock: SharedClock,
    /// The mall's zone.
    pub zone: Zone,
    /// The stock service.
    pub stock: Arc<dyn StockApi>,
    /// Brings new products to the stock service.
    pub relay: Relay,
    /// Where a test build can be made to die.
    pub faults: FaultPoints,
}

impl Products {
    /// A product service over these. Its relay has to be run.
    pub fn new(
        db: Db,
        clock: SharedClock,
        zone: Zone,
        stock: Arc<dyn StockApi>,
        relay: RelaySettings,
    ) -> Self {
        let announcer = Arc::new(Announcer::new(Arc::clone(&stock)));
        let relay = Relay::new(db.clone(), clock.clone(), announcer, relay);
        Self {
            db,
            clock,
            zone,
            stock,
            relay,
            faults: FaultPoints::from_env(),
        }
    }
}
