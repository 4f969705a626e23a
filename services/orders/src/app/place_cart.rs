//! Ordering a whole cart.

use std::collections::HashSet;
use std::convert::Infallible;

use mall_carts_api::Line;
use mall_db::TxError;
use mall_problem::Problem;
use mall_types::{CartId, OrderId, UserId};

use super::place::{Attempt, NotPlaced, earlier, place};
use crate::domain::line::Wanted;
use crate::state::Orders;
use crate::store::lines;
use crate::{error, messages};

/// How often the cart is looked at again after somebody ordered a line of it first.
const LOOKS: u128 = 3;

/// Orders every line of the cart, or none. A line that was ordered before, and is only not yet gone from the cart, is not
/// there: so the second press of the button finds an empty cart.
pub async fn place_cart(app: &Orders, buyer: UserId, attempt: Attempt) -> Result<OrderId, Problem> {
    if attempt.repeated
        && let Some(order) = earlier(app, buyer, &attempt, LOOKS).await?
    {
        return Ok(order);
    }
    for look in 0..LOOKS {
        let cart = app
            .peers
            .carts
            .lines(buyer)
            .await
            .map_err(error::unanswered)?;
        let wanted = still_wanted(app, cart).await?;
        if wanted.is_empty() {
            break;
        }
        if wanted.len() > app.config.max_lines {
            return Err(
                Problem::conflict("CART_TOO_LARGE", messages::CART_TOO_LARGE)
                    .with_extra("maxLines", app.config.max_lines),
            );
        }
        match place(app, buyer, &wanted, &attempt, look).await {
            Ok(placed) => {
                empty_cart(app, placed.cart_remove).await;
                return Ok(placed.order);
            }
            Err(NotPlaced::Refused(problem)) => return Err(problem),
            Err(NotPlaced::CartLineOrdered) => {}
        }
    }
    Err(Problem::conflict("CART_EMPTY", messages::CART_EMPTY))
}

async fn still_wanted(app: &Orders, cart: Vec<Line>) -> Result<Vec<Wanted>, Problem> {
    let ids: Vec<CartId> = cart.iter().map(|line| line.cart_id).collect();
    let ordered = app.db.read("ordered_cart_lines", move |conn| {
        let ids = ids.clone();
        Box::pin(async move { Ok::<_, TxError<Infallible>>(lines::ordered(conn, &ids).await?) })
    });
    let ordered: HashSet<CartId> = ordered.await?.into_iter().collect();
    Ok(cart
        .into_iter()
        .filter(|line| !ordered.contains(&line.cart_id))
        .map(|line| Wanted {
            product: line.product_id,
            quantity: line.count,
            cart: Some(line.cart_id),
        })
        .collect())
}

/// The order stands; whether the cart is empty already is a courtesy, and the relay sees to it in any case.
async fn empty_cart(app: &Orders, row: Option<i64>) {
    let Some(row) = row else { return };
    if let Err(error) = app.relay.deliver_now(row).await {
        tracing::warn!(error = %error, "the cart is emptied later");
    }
}
