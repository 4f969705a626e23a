//! The link of the mail was opened.

use std::convert::Infallible;

use mall_db::TxError;
use mall_problem::{Answer, Problem};

use crate::error::Refusal;
use crate::state::State;
use crate::store::users;

/// Uses up the key and gives its account the role USER.
pub async fn verify_email(state: &State, key: &str) -> Answer<()> {
    let Some(taken) = state.verification.take(key).await? else {
        return Err(Refusal::VerificationFailed.into());
    };
    let (now, user) = (state.clock.now(), taken.user);
    let verified: Result<bool, TxError<Infallible>> = state
        .db
        .run_tx("verify_email", move |tx| {
            Box::pin(async move {
                if users::lock(tx, user).await?.is_none() {
                    return Ok(false);
                }
                users::verify(tx, now, user).await?;
                Ok(true)
            })
        })
        .await;
    match verified {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refusal::VerificationFailed.into()),
        Err(error) => {
            // The key has done nothing yet, and the mail holds no other.
            if let Err(lost) = state.verification.put_back(&taken).await {
                tracing::warn!(user.id = user.0, error = %lost, "a verification key is lost");
            }
            Err(Problem::from(error))
        }
    }
}
