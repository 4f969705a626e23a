//! The wish list.

use std::collections::HashMap;
use std::convert::Infallible;

use mall_db::TxError;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Done};
use mall_products_api::ProductView;
use mall_types::{ProductId, UserId};

use crate::error::Refusal;
use crate::state::State;
use crate::store::wishes as store;

/// A wished product; without a view when it is gone.
pub struct Wish {
    pub product: ProductId,
    pub view: Option<ProductView>,
}

/// Puts a product on the list; it must exist and not be on it yet.
pub async fn add_wish(
    state: &State,
    user: UserId,
    product: ProductId,
    keyed: Keyed,
    answer: &Done,
) -> Answer<()> {
    if state.products.products(&[product]).await?.is_empty() {
        return Err(Refusal::ProductNotFound.into());
    }
    let (now, max) = (state.clock.now(), state.config.max_wishes);
    let answer = answer.clone();
    let added = state.db.run_tx("wish_add", move |tx| {
        let (keyed, answer) = (keyed.clone(), answer.clone());
        Box::pin(async move {
            // Two at once may pass this together: the limit guards against absurd lists, it is no promise.
            if store::count(tx, user).await? >= max {
                return Err(TxError::Refuse(Refusal::WishListFull));
            }
            match store::insert(tx, now, user, product).await {
                Ok(()) => Ok(keyed.complete_in(tx, &answer).await?),
                Err(error) if mall_db::is_duplicate(&error, "uq_wish_user_product") => {
                    Err(TxError::Refuse(Refusal::AlreadyWished))
                }
                Err(error) => Err(error.into()),
            }
        })
    });
    Ok(added.await?)
}

/// Takes a product off the list.
pub async fn delete_wish(
    state: &State,
    user: UserId,
    product: ProductId,
    keyed: Keyed,
    answer: &Done,
) -> Answer<()> {
    let answer = answer.clone();
    let deleted = state.db.run_tx("wish_delete", move |tx| {
        let (keyed, answer) = (keyed.clone(), answer.clone());
        Box::pin(async move {
            if !store::delete(tx, user, product).await? {
                return Err(TxError::Refuse(Refusal::WishNotFound));
            }
            Ok(keyed.complete_in(tx, &answer).await?)
        })
    });
    Ok(deleted.await?)
}

/// The list, in the order in which it grew, with what the products are called and cost now.
pub async fn wishes(state: &State, user: UserId) -> Answer<Vec<Wish>> {
    let products = state.db.read("wish_list", move |conn| {
        Box::pin(async move { Ok::<_, TxError<Infallible>>(store::list(conn, user).await?) })
    });
    let products = products.await?;
    if products.is_empty() {
        return Ok(Vec::new());
    }
    let views = state.products.products(&products).await?;
    let mut views: HashMap<ProductId, ProductView> = views
        .into_iter()
        .map(|view| (view.product_id, view))
        .collect();
    Ok(products
        .into_iter()
        .map(|product| Wish {
            product,
            view: views.remove(&product),
        })
        .collect())
}
