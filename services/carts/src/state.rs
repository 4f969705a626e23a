//! What the handlers share.

use std::sync::Arc;

use mall_clock::SharedClock;
use mall_db::Db;
use mall_fault_points::FaultPoints;
use mall_products_api::ProductsApi;

use crate::CartsConfig;

/// The service's parts. Cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Parts>);

#[doc(hidden)]
pub struct Parts {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) products: Arc<dyn ProductsApi>,
    pub(crate) config: CartsConfig,
    /// Where a test build can be made to die.
    pub(crate) faults: FaultPoints,
}

impl State {
    /// Puts the service together; the schema must be there.
    pub fn new(
        db: Db,
        clock: SharedClock,
        products: Arc<dyn ProductsApi>,
        config: CartsConfig,
    ) -> Self {
        Self(Arc::new(Parts {
            db,
            clock,
            products,
            config,
            faults: FaultPoints::from_env(),
        }))
    }
}

impl std::ops::Deref for State {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
