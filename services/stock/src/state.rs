//! What every operation works with.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mall_clock::SharedClock;
use mall_db::Db;
use mall_fault_points::FaultPoints;
use mall_types::ProductId;

use crate::app::combine::Queues;
use crate::app::facts::Beliefs;
use crate::app::marks::Marks;
use crate::app::readers::Readers;
use crate::app::rebuild::Rebuilds;
use crate::hot::Hot;
use crate::metrics::StockMetrics;

/// The stock service. Several of them may share a MySQL schema and a Redis.
pub struct Stock {
    /// The truth.
    pub db: Db,
    /// The hot counts.
    pub hot: Hot,
    /// The time of day, for rows.
    pub clock: SharedClock,
    /// The meters.
    pub metrics: StockMetrics,
    /// How old a pending take must be to be settled by somebody else.
    pub pending_age: Duration,
    /// The most requests of one batch.
    pub batch: usize,
    /// What is sold out.
    pub marks: Marks,
    pub(crate) queues: Queues,
    pub(crate) readers: Readers,
    pub(crate) beliefs: Beliefs,
    pub(crate) rebuilds: Rebuilds,
    /// Products whose count is being loaded anew in the background; `true`: once more after that.
    pub(crate) healing: Mutex<HashMap<ProductId, bool>>,
    /// The last booking failed for want of MySQL: ask it before taking anything.
    pub(crate) doubt: AtomicBool,
    /// Where a test build can be made to die.
    pub(crate) faults: FaultPoints,
}

/// Shared by all routes and jobs.
pub type SharedStock = Arc<Stock>;

impl Stock {
    /// A stock service over these.
    pub fn new(
        db: Db,
        hot: Hot,
        clock: SharedClock,
        metrics: StockMetrics,
        pending_age: Duration,
        batch: usize,
    ) -> SharedStock {
        Arc::new(Self {
            db,
            readers: Readers::new(hot.clone()),
            hot,
            clock,
            metrics,
            pending_age,
            batch,
            marks: Marks::default(),
            queues: Queues::default(),
            beliefs: Beliefs::default(),
            rebuilds: Rebuilds::default(),
            healing: Mutex::default(),
            doubt: AtomicBool::new(false),
            faults: FaultPoints::from_env(),
        })
    }
}
