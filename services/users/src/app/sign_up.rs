//! A new account.

use mall_db::TxError;
use mall_problem::{Answer, Lang};

use crate::delivery::{VERIFICATION, VerificationMail};
use crate::domain::Email;
use crate::error::Refusal;
use crate::state::State;
use crate::store::users::{self, NewUser};

/// What a shopper signs up with; every field has passed its rule.
pub struct NewAccount {
    pub email: Email,
    pub password: String,
    pub name: Option<String>,
    pub phone_num: Option<String>,
    pub address: Option<String>,
    pub registration: Option<String>,
}

/// Makes an account without a role; the mail with the link that gives it one follows, now or when the mail server is back.
pub async fn sign_up(state: &State, account: NewAccount, lang: Lang) -> Answer<()> {
    let index = state.vault.index(&account.email);
    if super::log_in::by_email(state, index).await?.is_some() {
        return Err(Refusal::EmailTaken.into());
    }
    let row_key = uuid::Uuid::new_v4().to_string();
    let seal = |column: &str, text: Option<&str>| {
        text.map(|text| state.vault.seal(column, &row_key, text))
            .transpose()
    };
    // What is not stored is not sealed either: the number goes no further than its check.
    let registration = account
        .registration
        .as_deref()
        .filter(|_| state.config.store_registration_number);
    let new = NewUser {
        index,
        email: state
            .vault
            .seal("email", &row_key, account.email.as_str())?,
        name: seal("name", account.name.as_deref())?,
        phone_num: seal("phone_num", account.phone_num.as_deref())?,
        address: seal("address", account.address.as_deref())?,
        registration: seal("registration", registration)?,
        password: state.passwords.hash(account.password).await?,
        role: None,
        row_key,
    };
    let now = state.clock.now();
    let mail = std::sync::Arc::new(VerificationMail::new(index, lang));
    let made = state.db.run_tx("sign_up", move |tx| {
        let (new, mail) = (new.clone(), mail.clone());
        Box::pin(async move {
            match users::insert(tx, now, &new).await {
                Ok(_) => {}
                Err(error) if mall_db::is_duplicate(&error, "uq_users_email") => {
                    return Err(TxError::Refuse(Refusal::EmailTaken));
                }
                Err(error) => return Err(error.into()),
            }
            mall_outbox::enqueue(tx, now, VERIFICATION, &index.hex(), &*mail).await?;
            Ok(())
        })
    });
    made.await?;
    state.relay().kick();
    Ok(())
}
