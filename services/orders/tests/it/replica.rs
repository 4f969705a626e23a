//! Another instance of the service: the same database and peers, its own jobs, relay and fault points.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use chrono::Duration;
use http::{Method, Request};
use http_body_util::BodyExt;
use mall_auth::Identity;
use mall_clock::{Clock, MockClock, Zone};
use mall_db::Db;
use mall_orders::{Orders, OrdersConfig, Peers, jobs, router};
use mall_telemetry::metrics::Metrics;
use mall_types::{Role, UserId};
use serde_json::Value;
use tower::ServiceExt;

use crate::support::{Answered, World, config};

#[derive(Clone)]
pub struct Replica {
    pub orders: Arc<Orders>,
    pub jobs: mall_jobs::Jobs,
    clock: Arc<MockClock>,
    router: Router,
}

impl World {
    /// One that is as it is by default.
    pub fn twin(&self) -> Replica {
        self.twin_with(self.db.clone(), config(0), |orders| orders)
    }

    /// One that dies, or waits, where the script says.
    #[cfg(debug_assertions)]
    pub fn scripted(&self, script: &Arc<mall_fault_points::Script>) -> Replica {
        self.twin_with(self.db.clone(), config(0), |orders| {
            orders.with_faults(script.points())
        })
    }

    pub fn twin_with(
        &self,
        db: Db,
        config: OrdersConfig,
        change: impl FnOnce(Orders) -> Orders,
    ) -> Replica {
        let peers = Peers {
            products: self.products.clone(),
            carts: self.carts.clone(),
            stock: self.stock.clone(),
            payments: self.payments.clone(),
        };
        let zone = Zone::parse("Asia/Seoul").unwrap();
        let (metrics, clock) = (Metrics::new(), self.clock.clone());
        let orders = Orders::new(db, clock.clone(), zone, peers, config, &metrics);
        let orders = Arc::new(change(orders));
        Replica {
            jobs: jobs(&orders, metrics),
            router: router(orders.clone()).split_for_parts().0,
            orders,
            clock,
        }
    }

    /// As an admin.
    pub async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Answered {
        let body = body.map(|body| body.to_string());
        self.send(Some((ADMIN, Role::Admin)), method, path, body)
            .await
    }
}

pub const ADMIN: i64 = 1;

impl Replica {
    /// A call by somebody, with an Idempotency-Key or without.
    pub async fn call(
        &self,
        (user, role): (i64, Role),
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Answered {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .extension(Identity {
                user: UserId(user),
                role,
                session: "s".into(),
                access_expires_at: self.clock.now() + Duration::hours(1),
            });
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request.body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers();
        let content_type = headers
            .get("content-type")
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default();
        let retry_after = headers.contains_key("retry-after");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answered {
            status,
            content_type,
            retry_after,
            body,
        }
    }
}
