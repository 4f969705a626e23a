//! What can be done with a cart.

use std::collections::HashMap;
use std::convert::Infallible;

use mall_db::TxError;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Done};
use mall_products_api::ProductView;
use mall_types::{CartId, ProductId, UserId};
use serde::Serialize;

use crate::error::Refusal;
use crate::state::State;
use crate::store::{self, CartLine};

/// Puts a product into the cart; it must exist and not be in it yet. `answer` says what the caller is told of the new line.
pub async fn add<T: Serialize + Send + Sync + 'static>(
    state: &State,
    user: UserId,
    (product, count): (ProductId, i32),
    keyed: Keyed,
    answer: fn(CartId) -> T,
) -> Answer<T> {
    if state.products.products(&[product]).await?.is_empty() {
        return Err(Refusal::ProductNotFound.into());
    }
    let (now, max_lines) = (state.clock.now(), state.config.max_lines);
    let added = state.db.run_tx("cart_add", move |tx| {
        let keyed = keyed.clone();
        Box::pin(async move {
            // Two adds at once may pass this together: the limit guards against absurd carts, it is no promise.
            if store::count_lines(tx, user).await? >= max_lines {
                return Err(TxError::Refuse(Refusal::CartFull));
            }
            match store::insert(tx, now, user, product, count).await {
                Ok(id) => {
                    let answer = answer(id);
                    keyed.complete_in(tx, &answer).await?;
                    Ok(answer)
                }
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
pub async fn set_count(
    state: &State,
    user: UserId,
    (line, count): (CartId, i32),
    keyed: Keyed,
    answer: &Done,
) -> Answer<()> {
    let answer = answer.clone();
    let changed = state.db.run_tx("cart_set_count", move |tx| {
        let (keyed, answer) = (keyed.clone(), answer.clone());
        Box::pin(async move {
            if !store::set_count(tx, user, line, count).await? {
                return Err(TxError::Refuse(Refusal::LineNotFound));
            }
            Ok(keyed.complete_in(tx, &answer).await?)
        })
    });
    Ok(changed.await?)
}

/// Deletes a line of this user.
pub async fn delete(
    state: &State,
    user: UserId,
    line: CartId,
    keyed: Keyed,
    answer: &Done,
) -> Answer<()> {
    let answer = answer.clone();
    let deleted = state.db.run_tx("cart_delete", move |tx| {
        let (keyed, answer) = (keyed.clone(), answer.clone());
        Box::pin(async move {
            if store::remove(tx, user, &[line]).await? == 0 {
                return Err(TxError::Refuse(Refusal::LineNotFound));
            }
            Ok(keyed.complete_in(tx, &answer).await?)
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
    let removed = removed.await?;
    state.faults.reach("cart.removed").await;
    Ok(removed)
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
