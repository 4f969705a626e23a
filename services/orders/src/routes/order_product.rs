//! `POST /order/orderProduct`: orders one product. Original: `OrderController.orderProduct`, which also made an order
//! when nothing was left.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Shopper;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Body, FieldErrors};
use mall_types::ProductId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::place::{Attempt, NotPlaced, PlacedOrder, place};
use crate::app::to_the_end;
use crate::domain::line::Wanted;
use crate::state::Orders;
use crate::{error, messages};

/// What to order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OrderProductRequest {
    #[schema(required)]
    product_id: Option<ProductId>,
    /// At least 1.
    #[schema(required, minimum = 1)]
    quantity: Option<i64>,
}

/// Orders one product.
#[utoipa::path(
    post,
    path = "/order/orderProduct",
    tag = "orders",
    request_body = OrderProductRequest,
    responses(
        (status = 200, description = "Placed; it waits for its payment", body = PlacedOrder),
        (status = 400, description = "INVALID_FIELDS"),
        (status = 404, description = "PRODUCT_NOT_FOUND"),
        (status = 409, description = "SOLD_OUT, INSUFFICIENT_STOCK, NOT_YET_OPEN, PURCHASE_LIMIT_EXCEEDED"),
        (status = 503, description = "A service that is needed is away"),
    ),
    security(("bearer" = ["USER"]))
)]
pub async fn order_product(
    State(orders): State<Arc<Orders>>,
    Shopper(shopper): Shopper,
    keyed: Keyed,
    Body(request): Body<OrderProductRequest>,
) -> Answer<Json<PlacedOrder>> {
    let wanted = wanted(request, orders.config.max_quantity)?;
    let work = async move {
        match place(&orders, shopper.user, &[wanted], &Attempt::of(keyed), 0).await {
            Ok(placed) => Ok(PlacedOrder {
                order_id: placed.order,
            }),
            Err(NotPlaced::Refused(problem)) => Err(problem),
            // No cart line is involved here.
            Err(NotPlaced::CartLineOrdered) => Err(error::too_late()),
        }
    };
    to_the_end(work).await.map(Json)
}

fn wanted(request: OrderProductRequest, max: i64) -> Answer<Wanted> {
    let mut errors = FieldErrors::new();
    let product = errors.required("productId", request.product_id);
    let quantity = errors.required("quantity", request.quantity);
    if let Some(quantity) = quantity {
        errors.check(
            (1..=max).contains(&quantity),
            "quantity",
            messages::quantity(max),
        );
    }
    match (product, quantity) {
        (Some(product), Some(quantity)) if errors.is_empty() => Ok(Wanted {
            product,
            quantity,
            cart: None,
        }),
        _ => Err(errors.problem()),
    }
}
