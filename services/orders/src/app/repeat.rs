//! What a request did that comes again under its Idempotency-Key, because its answer was lost before it was stored.

use std::convert::Infallible;

use mall_db::TxError;
use mall_problem::Problem;
use mall_types::OrderId;

use crate::state::Orders;
use crate::store::history::{self, Done};

/// The step that an earlier attempt under the same key made. Asked only when the order refuses the request: then either
/// somebody else moved it, or this very request did.
pub async fn done_before(
    app: &Orders,
    order: OrderId,
    effect: Option<&str>,
) -> Result<Option<Done>, Problem> {
    let Some(effect) = effect.map(str::to_owned) else {
        return Ok(None);
    };
    let found = app.db.read("step_of_key", move |conn| {
        let effect = effect.clone();
        Box::pin(async move {
            Ok::<_, TxError<Infallible>>(history::of_effect(conn, order, &effect).await?)
        })
    });
    Ok(found.await?)
}
