//! The other services, which say yes at once.

use std::sync::Arc;

use async_trait::async_trait;
use mall_carts_api::{CartsApi, Line, Removed};
use mall_http_client::CallError;
use mall_orders::Peers;
use mall_payments_api::{Pay, Payment, PaymentsApi, Refund, Refunded};
use mall_products_api::{ProductView, ProductsApi};
use mall_stock_api::{
    Adjust, Available, RegisterItem, Released, Reservation, ReservationDetail, ReservationState,
    Reserve, StockApi,
};
use mall_types::{CartId, OrderId, ProductId, UserId, Won};

struct Yes;

pub fn peers() -> Peers {
    Peers {
        products: Arc::new(Yes),
        carts: Arc::new(Yes),
        stock: Arc::new(Yes),
        payments: Arc::new(Yes),
    }
}

#[async_trait]
impl ProductsApi for Yes {
    async fn products(&self, ids: &[ProductId]) -> Result<Vec<ProductView>, CallError> {
        let view = |id: &ProductId| ProductView {
            product_id: *id,
            name: "Mug".into(),
            price: Won(5000),
            img_url: None,
            img_name: None,
            is_limited_edition: false,
            open_date_time: None,
            purchase_limit: None,
        };
        Ok(ids.iter().map(view).collect())
    }
}

#[async_trait]
impl CartsApi for Yes {
    async fn lines(&self, _user: UserId) -> Result<Vec<Line>, CallError> {
        Ok(Vec::new())
    }

    async fn remove(&self, _user: UserId, _lines: &[CartId]) -> Result<Removed, CallError> {
        Ok(Removed { removed: 0 })
    }
}

#[async_trait]
impl StockApi for Yes {
    async fn register(&self, _id: ProductId, _item: &RegisterItem) -> Result<Available, CallError> {
        unreachable!("orders registers nothing")
    }

    async fn adjust(&self, _id: ProductId, _change: &Adjust) -> Result<Available, CallError> {
        unreachable!("orders adjusts nothing")
    }

    async fn available(&self, _ids: &[ProductId]) -> Result<Vec<Available>, CallError> {
        unreachable!("orders does not ask")
    }

    async fn reserve(&self, reserve: &Reserve) -> Result<Reservation, CallError> {
        Ok(Reservation {
            reservation_id: reserve.reservation_id.clone(),
            state: ReservationState::Held,
        })
    }

    async fn release(&self, reservation_id: &str) -> Result<Released, CallError> {
        Ok(Released {
            reservation_id: reservation_id.to_owned(),
            state: ReservationState::Released,
            released: true,
        })
    }

    async fn confirm(&self, reservation_id: &str) -> Result<Reservation, CallError> {
        Ok(Reservation {
            reservation_id: reservation_id.to_owned(),
            state: ReservationState::Sold,
        })
    }

    async fn reservation(&self, _reservation_id: &str) -> Result<ReservationDetail, CallError> {
        unreachable!("orders does not ask")
    }
}

#[async_trait]
impl PaymentsApi for Yes {
    async fn pay(&self, _pay: &Pay) -> Result<Payment, CallError> {
        unreachable!("nobody pays here")
    }

    async fn refund(&self, _order: OrderId, _refund: &Refund) -> Result<Refunded, CallError> {
        unreachable!("nobody is refunded here")
    }

    async fn payment(&self, _order: OrderId) -> Result<Payment, CallError> {
        unreachable!("nobody looks here")
    }
}
