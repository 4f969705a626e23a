//! Our reservations on one product: the code that stock's route calls, and that route.

use std::time::Duration;

use anyhow::Context;
use mall_auth::SERVICE_HEADER;
use mall_clock::{Clock, SystemClock, system};
use mall_db::Db;
use mall_lock::Locks;
use mall_stock::app::adjust::Change;
use mall_stock::domain::{Facts, Order};
use mall_stock::hot::Hot;
use mall_stock::metrics::StockMetrics;
use mall_stock::store::adjustments::Asked;
use mall_stock::{MIGRATIONS, SharedStock, Stock, routes};
use mall_stock_api::ReserveLine;
use mall_telemetry::metrics::Metrics;
use mall_types::{ProductId, UserId};
use uuid::Uuid;

use super::web::{Requests, over_http, serve, stack};
use super::{Web, called};
use crate::ground::{Ground, manager, statement};
use crate::say;
use crate::wire::request;

/// A stock service of the bench's own, with one product.
pub struct Shelf {
    pub stock: SharedStock,
    metrics: Metrics,
    product: ProductId,
}

/// A request for one piece, under an id as orders makes them.
pub fn one_piece(product: ProductId, caller: usize) -> Order {
    Order {
        id: Uuid::now_v7(),
        buyer: UserId(i64::try_from(caller).unwrap_or_default() + 1),
        lines: vec![ReserveLine {
            product_id: product,
            quantity: 1,
        }],
    }
}

impl Shelf {
    pub async fn open(
        ground: &Ground,
        db: Db,
        product: ProductId,
        supply: i64,
    ) -> anyhow::Result<Shelf> {
        db.migrate(MIGRATIONS)
            .await
            .map_err(|error| anyhow::anyhow!("migrations: {error}"))?;
        let client = ground.redis_client()?;
        let metrics = Metrics::new();
        let commands = manager(&client)?;
        let hot = Hot::new(
            commands.clone(),
            Locks::new(client, commands),
            Duration::from_secs(5),
            Duration::from_secs(3),
        );
        let stock = Stock::new(
            db,
            hot,
            system(),
            StockMetrics::new(&metrics),
            Duration::from_secs(30),
            256,
        );
        let supply = Change {
            product,
            adjustment: format!("bench-{product}"),
            asked: Asked::Supply(supply),
            known_as: Some(("Bench".to_owned(), Facts::default())),
        };
        stock
            .adjust(supply)
            .await
            .map_err(|failure| anyhow::anyhow!("stock: {failure}"))?;
        Ok(Shelf {
            stock,
            metrics,
            product,
        })
    }

    /// Reservations per second from [`super::CALLERS`] callers, each in MySQL before it is answered.
    pub async fn in_process(&self, phase: Duration) -> f64 {
        let (stock, product) = (SharedStock::clone(&self.stock), self.product);
        called("reservations, in process", phase, move |caller| {
            let stock = SharedStock::clone(&stock);
            async move { stock.reserve(one_piece(product, caller)).await.is_ok() }
        })
        .await
    }

    /// Puts old reservations into the ledger, in the order of their time as they come; returns how many.
    pub async fn fill(&self, db: &Db, rows: u32) -> anyhow::Result<u64> {
        let first = SystemClock.now().timestamp_millis() - 30 * 24 * 3_600_000;
        let digit = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 \
             UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
        let mut filled = 0_u64;
        while filled < u64::from(rows) {
            say(&format!(
                "old reservations in the ledger: {filled} of {rows}"
            ));
            let text = format!(
                "INSERT INTO reservation (reservation_id, state, buyer, product_id, quantity, created_at, updated_at) \
                 SELECT UNHEX(CONCAT(LPAD(HEX({first} + n), 12, '0'), '7', SUBSTR(SHA2(n, 256), 1, 3), '8', SUBSTR(SHA2(n, 256), 4, 15))), \
                 'SOLD', n, {}, 1, '2020-01-01', '2020-01-01' FROM (SELECT {filled} + a.d * 10000 + b.d * 1000 + c.d * 100 \
                 + e.d * 10 + f.d AS n FROM {digit} a, {digit} b, {digit} c, {digit} e, {digit} f) numbers",
                self.product
            );
            statement(db, text).await?;
            filled += 100_000;
        }
        Ok(filled)
    }

    /// The same through the route of one instance.
    pub async fn over_http(&self, ground: &Ground, phase: Duration) -> anyhow::Result<Web> {
        let router = routes::router(SharedStock::clone(&self.stock));
        let layers = stack(ground, "application-stock", self.metrics.clone());
        let host = serve(layers.around(router.into()))
            .await
            .context("no port")?;
        let product = self.product;
        let header = ground.internal.sign_service(
            "application-order",
            "application-stock",
            SystemClock.now(),
        );
        over_http("reservations over HTTP", host, phase, move || {
            let (host, header) = (host.to_string(), header.clone());
            let requests: Requests = Box::new(move |number: usize| {
                let body = format!(
                    "{{\"reservationId\":\"{}\",\"buyer\":{},\"lines\":[{{\"productId\":{product},\"quantity\":1}}]}}",
                    Uuid::now_v7(),
                    number + 1
                );
                Some(request(
                    "POST",
                    &host,
                    "/internal/stock/reservations",
                    &[(SERVICE_HEADER, &header)],
                    &body,
                ))
            });
            requests
        })
        .await
    }
}
