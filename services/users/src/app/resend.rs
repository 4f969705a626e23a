//! Another verification mail.

use std::convert::Infallible;

use mall_db::TxError;
use mall_problem::{Answer, Lang};

use crate::delivery::{VERIFICATION, VerificationMail};
use crate::domain::Email;
use crate::state::State;

/// Asks for a mail to this address. Whether it has an account, and one to verify, is looked up at delivery: the answer and
/// the time it takes are the same for every address.
pub async fn resend(state: &State, email: &str, lang: Lang) -> Answer<()> {
    let Some(email) = Email::parse(email) else {
        return Ok(());
    };
    let index = state.vault.index(&email);
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
