//! The calls, as a trait for fakes and over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use mall_http_client::{Call, CallClient, CallError};
use mall_types::{CartId, UserId};

use crate::{Line, Remove, Removed, SERVICE};

const DEADLINE: Duration = Duration::from_secs(3);
const BREAKER: &str = "cartServiceCircuitBreaker";

/// The cart service, as its consumers see it.
#[async_trait]
pub trait CartsApi: Send + Sync {
    /// The lines of a user's cart, oldest first; empty for a user without a cart. Read only.
    async fn lines(&self, user: UserId) -> Result<Vec<Line>, CallError>;

    /// Removes these lines of this user's cart. Idempotent: a line id is never used again.
    async fn remove(&self, user: UserId, lines: &[CartId]) -> Result<Removed, CallError>;
}

/// [`CartsApi`] over HTTP.
#[derive(Clone)]
pub struct HttpCarts {
    calls: CallClient,
}

impl HttpCarts {
    /// Calls the instances that `calls` finds under [`SERVICE`].
    pub fn new(calls: CallClient) -> Self {
        Self { calls }
    }
}

#[async_trait]
impl CartsApi for HttpCarts {
    async fn lines(&self, user: UserId) -> Result<Vec<Line>, CallError> {
        let call = Call::get(SERVICE, format!("/internal/carts/{user}"))
            .breaker(BREAKER)
            .deadline(DEADLINE);
        self.calls.call(call).await?.json()
    }

    async fn remove(&self, user: UserId, lines: &[CartId]) -> Result<Removed, CallError> {
        let call = Call::post(SERVICE, format!("/internal/carts/{user}/remove"))
            .json(&Remove {
                cart_ids: lines.to_vec(),
            })
            .idempotent()
            .breaker(BREAKER)
            .deadline(DEADLINE);
        self.calls.call(call).await?.json()
    }
}
