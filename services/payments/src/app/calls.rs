//! A call of the provider: its row before it, its row after it, and never longer than the provider may take.

use std::convert::Infallible;

use mall_db::TxError;
use mall_problem::Problem;

use crate::domain::Kind;
use crate::provider::Unknown;
use crate::state::Payments;
use crate::store::attempts::{self, About};

/// Writes that a call begins.
pub async fn begin(app: &Payments, about: &About, kind: Kind) -> Result<i64, Problem> {
    let (now, about) = (app.clock.now(), about.clone());
    let begun = app.db.run_tx("begin_attempt", move |tx| {
        let about = about.clone();
        Box::pin(async move {
            Ok::<_, TxError<Infallible>>(attempts::begin(tx, now, &about, kind).await?)
        })
    });
    Ok(begun.await?)
}

/// Writes that a call found nothing to settle by.
pub async fn end(app: &Payments, attempt: i64, outcome: &'static str) -> Result<(), Problem> {
    let now = app.clock.now();
    let ended = app.db.run_tx("end_attempt", move |tx| {
        Box::pin(async move {
            Ok::<_, TxError<Infallible>>(attempts::end(tx, now, attempt, outcome, None).await?)
        })
    });
    Ok(ended.await?)
}

/// Waits for the provider, but not longer than it may take.
pub async fn timed<T>(
    app: &Payments,
    work: impl Future<Output = Result<T, Unknown>>,
) -> Result<T, Unknown> {
    match tokio::time::timeout(app.config.provider_timeout.get(), work).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(Unknown::new("TIMEOUT", "no answer in time")),
    }
}
