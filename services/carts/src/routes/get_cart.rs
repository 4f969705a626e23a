//! `GET /cart/getCart`: the caller's cart with names and prices of now. Original: `CartController.getCart`, which fails as
//! a whole when one product is gone.

use axum::Json;
use axum::extract::State as App;
use mall_auth::Shopper;
use mall_problem::Answer;
use mall_products_api::ProductView;
use mall_types::{CartId, ProductId, Won};
use serde::Serialize;

use crate::store::CartLine;
use crate::{State, app};

/// One line.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    product_id: ProductId,
    /// Null when the product is gone; the price is 0 then, and the cart can't be ordered.
    product_name: Option<String>,
    price: Won,
    count: i32,
    cart_id: CartId,
}

impl From<(CartLine, Option<ProductView>)> for Line {
    fn from((line, view): (CartLine, Option<ProductView>)) -> Self {
        let (product_name, price) =
            view.map_or((None, Won(0)), |view| (Some(view.name), view.price));
        Self {
            product_id: line.product,
            product_name,
            price,
            count: line.count,
            cart_id: line.id,
        }
    }
}

/// Shows the cart.
#[utoipa::path(
    get,
    path = "/cart/getCart",
    tag = "carts",
    responses(
        (status = 200, body = Vec<Line>),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not a shopper"),
        (status = 503, description = "The product service is away"),
    ),
    security(("bearer" = ["USER"])),
)]
pub async fn get_cart(
    App(state): App<State>,
    Shopper(shopper): Shopper,
) -> Answer<Json<Vec<Line>>> {
    let cart = app::cart(&state, shopper.user).await?;
    Ok(Json(cart.into_iter().map(Line::from).collect()))
}
