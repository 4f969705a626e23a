//! What can be done with a cart.

use std::collections::HashMap;
use std::convert::Infallible;

use mall_db::TxError;
use mall_problem::Answer;
use mall_products_api::ProductView;
use mall_types::{CartId, ProductId, UserId};

use crate::error::Refusal;
use crate::state::State;
use crate::store::{self, CartLine};

/// Puts a product into the cart; it must exist and not be in it yet.
pub async fn add(state: &State, user: UserId, product: ProductId, count: i32) -> Answer<CartId> {
    if state.products.products(&[product]).await?.is_empty() {
        return Err(Refusal::ProductNotFound.into());
    }
    let (now, max_lines) = (state.clock.now(), state.config.max_lines);
    let added = state.db.run_tx("cart_add", move |tx| {
        Box::pin(async move {
            // Two adds at once may pass this together: the limit guards against absurd carts, it is no promise.
            if store::count_lines(tx, user).await? >= max_lines {
                return Err(TxError::Refuse(Refusal::CartFull));
            }
            match store::insert(tx, now, user, product, count).await {
                Ok(id) => Ok(id),
                Err(error) if mall_db::is_duplicate(&error, "uq_cart_user_product") => {
                    Err(TxError::Refuse(Refusal::AlreadyInCart))
                }
                Err(error) => Err(error.into()),
            }
        })
    });
    Ok(added.await?)
}

/// Changes the count of a line of this user.
pub async fn set_count(state: &State, user: UserId, line: CartId, count: i32) -> Answer<()> {
    let changed = state.db.run_tx("cart_set_count", move |tx| {
        Box::pin(async move {
            if store::set_count(tx, user, line, count).await? {
                Ok(())
            } else {
                Err(TxError::Refuse(Refusal::LineNotFound))
            }
        })
    });
    Ok(changed.await?)
}

/// Deletes a line of this user.
pub async fn delete(state: &State, user: UserId, line: CartId) -> Answer<()> {
    let deleted = state.db.run_tx("cart_delete", move |tx| {
        Box::pin(async move {
            match store::remove(tx, user, &[line]).await? {
                0 => Err(TxError::Refuse(Refusal::LineNotFound)),
                _ => Ok(()),
            }
        })
    });
    Ok(deleted.await?)
}

/// Removes lines that were ordered; those that are gone already are passed over. Idempotent.
pub async fn remove(state: &State, user: UserId, lines: Vec<CartId>) -> Answer<u64> {
    let removed = state.db.run_tx("cart_remove", move |tx| {
        let lines = lines.clone();
        Box::pin(
            async move { Ok::<_, TxError<Infallible>>(store::remove(tx, user, &lines).await?) },
        )
    });
    Ok(removed.await?)
}

/// The lines of a user's cart, oldest first.
pub async fn lines(state: &State, user: UserId) -> Answer<Vec<CartLine>> {
    let lines = state.db.read("cart_lines", move |conn| {
        Box::pin(async move { Ok::<_, TxError<Infallible>>(store::lines(conn, user).await?) })
    });
    Ok(lines.await?)
}

/// The cart with what the products are called and cost now; a product that is gone has no view.
pub async fn cart(state: &State, user: UserId) -> Answer<Vec<(CartLine, Option<ProductView>)>> {
    let lines = lines(state, user).await?;
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ProductId> = lines.iter().map(|line| line.product).collect();
    let views = state.products.products(&ids).await?;
    let mut views: HashMap<ProductId, ProductView> = views
        .into_iter()
        .map(|view| (view.product_id, view))
        .collect();
    Ok(lines
        .into_iter()
        .map(|line| (line, views.remove(&line.product)))
        .collect())
}
