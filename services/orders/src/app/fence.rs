//! Stock's question about reservations that stay without an order.

use std::convert::Infallible;

use mall_db::TxError;
use mall_orders_api::Verdict;
use mall_problem::Problem;

use crate::state::Orders;
use crate::store::fences;

/// Says which reservations have an order, and makes sure that the others never get one.
pub async fn judge(app: &Orders, reservations: Vec<String>) -> Result<Verdict, Problem> {
    let (now, asked) = (app.clock.now(), reservations.clone());
    let ordered = app.db.run_tx("fence_reservations", move |tx| {
        let asked = asked.clone();
        Box::pin(async move { Ok::<_, TxError<Infallible>>(fences::fence(tx, now, &asked).await?) })
    });
    let ordered = ordered.await?;
    app.faults.reach("fence.written").await;
    let (ordered, fenced): (Vec<String>, Vec<String>) = reservations
        .into_iter()
        .partition(|id| ordered.contains(id));
    if !fenced.is_empty() {
        tracing::warn!(
            reservations = fenced.len(),
            "{} reservations have no order and get none any more",
            fenced.len()
        );
    }
    Ok(Verdict { ordered, fenced })
}
