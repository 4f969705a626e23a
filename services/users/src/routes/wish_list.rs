//! `GET /wish/list`: the caller's wish list. Original: `WishController.list`, which failed as a whole when one product was
//! gone.

use axum::Json;
use axum::extract::State as App;
use mall_auth::Shopper;
use mall_problem::Answer;
use mall_types::{ProductId, Won};
use serde::Serialize;

use crate::app::Wish;
use crate::{State, app};

/// One product.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WishLine {
    product_id: ProductId,
    /// Null when the product is gone; the price is 0 then.
    name: Option<String>,
    price: Won,
    img_url: Option<String>,
    img_name: Option<String>,
}

impl From<Wish> for WishLine {
    fn from(wish: Wish) -> Self {
        let product_id = wish.product;
        match wish.view {
            Some(view) => Self {
                product_id,
                name: Some(view.name),
                price: view.price,
                img_url: view.img_url,
                img_name: view.img_name,
            },
            None => Self {
                product_id,
                name: None,
                price: Won(0),
                img_url: None,
                img_name: None,
            },
        }
    }
}

/// Shows the wish list.
#[utoipa::path(
    get,
    path = "/wish/list",
    tag = "wishes",
    responses(
        (status = 200, body = Vec<WishLine>),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not a shopper"),
        (status = 503, description = "The product service is away"),
    ),
    security(("bearer" = ["USER"])),
)]
pub async fn wish_list(
    App(state): App<State>,
    Shopper(shopper): Shopper,
) -> Answer<Json<Vec<WishLine>>> {
    let wishes = app::wishes(&state, shopper.user).await?;
    Ok(Json(wishes.into_iter().map(WishLine::from).collect()))
}
