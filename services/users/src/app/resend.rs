//! Another verification mail.

use std::convert::Infallible;

use mall_db::TxError;
use mall_problem::{Answer, Lang};

use crate::delivery::{VERIFICATION, VerificationMail};
use crate::domain::Email;
use crate::error::too_many_mails;
use crate::state::State;

/// Asks for a mail to this address. Whether it has an account, and one to verify, is looked up at delivery: the answer, the
/// limit and the time it takes are the same for every address.
pub async fn resend(state: &State, email: &str, lang: Lang) -> Answer<()> {
    let Some(email) = Email::parse(email) else {
        return Ok(());
    };
    let index = state.vault.index(&email);
    match state.mail_limit.take(index).await {
        Ok(None) => {}
        Ok(Some(wait)) => return Err(too_many_mails(wait)),
        // As the gateway's limits: one that is too wide for a while is better than no mail.
        Err(error) => tracing::warn!(error = %error, "mails to an address are not counted"),
    }
    let now = state.clock.now();
    let asked = state.db.run_tx("resend_mail", move |tx| {
        Box::pin(async move {
            let mail = VerificationMail::new(index, lang);
            mall_outbox::enqueue(tx, now, VERIFICATION, &index.hex(), &mail).await?;
            Ok::<_, TxError<Infallible>>(())
        })
    });
    asked.await?;
    state.relay().kick();
    Ok(())
}
