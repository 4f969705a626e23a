//! What a shopper sees and changes of the own account.

use mall_auth::Identity;
use mall_db::TxError;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Done, Problem};
use mall_types::UserId;

use super::log_in;
use crate::delivery::{END_SESSIONS, EndSessions};
use crate::error::Refusal;
use crate::state::State;
use crate::store::{sessions, users};

/// The account, for its owner.
pub struct Profile {
    pub email: String,
    pub address: Option<String>,
    pub phone_num: Option<String>,
}

/// What is to change; what is `None` stays.
#[derive(Clone, Default)]
pub struct ProfileChange {
    pub address: Option<String>,
    pub phone_num: Option<String>,
    pub password: Option<String>,
}

/// Shows the account.
pub async fn profile(state: &State, user: UserId) -> Answer<Profile> {
    let Some(row) = log_in::by_id(state, user).await? else {
        return Err(Refusal::UserNotFound.into());
    };
    let open = |column: &str, text: &str| state.vault.open(column, &row.row_key, text);
    Ok(Profile {
        email: open("email", &row.email)?,
        address: row
            .address
            .as_deref()
            .map(|text| open("address", text))
            .transpose()?,
        phone_num: row
            .phone_num
            .as_deref()
            .map(|text| open("phone_num", text))
            .transpose()?,
    })
}

/// Changes the account. A new password ends all other sessions, before this returns if Redis is there, else as soon as it
/// is (until then the gateway lets nobody through).
pub async fn update_profile(
    state: &State,
    caller: &Identity,
    change: ProfileChange,
    keyed: Keyed,
    answer: &Done,
) -> Answer<()> {
    let hash = match &change.password {
        Some(password) => Some(state.passwords.hash(password.clone()).await?),
        None => None,
    };
    let (now, user, keep, vault) = (
        state.clock.now(),
        caller.user,
        caller.session.clone(),
        state.vault.clone(),
    );
    let answer = answer.clone();
    let ending = state.db.run_tx("update_profile", move |tx| {
        let (change, hash, keep, vault) =
            (change.clone(), hash.clone(), keep.clone(), vault.clone());
        let (keyed, answer) = (keyed.clone(), answer.clone());
        Box::pin(async move {
            let Some(row) = users::lock(tx, user).await? else {
                return Err(TxError::Refuse(Problem::from(Refusal::UserNotFound)));
            };
            let seal = |column: &str, text: Option<&str>| {
                let sealed = text
                    .map(|text| vault.seal(column, &row.row_key, text))
                    .transpose();
                sealed.map_err(|error| TxError::Refuse(Problem::from(error)))
            };
            let address = seal("address", change.address.as_deref())?;
            let phone_num = seal("phone_num", change.phone_num.as_deref())?;
            users::update_profile(tx, now, user, address.as_deref(), phone_num.as_deref()).await?;
            keyed.complete_in(tx, &answer).await?;
            let Some(hash) = hash else { return Ok(None) };
            let credentials = row.credentials + 1;
            users::set_password(tx, now, user, &hash, credentials).await?;
            sessions::end_others(tx, user, &keep, now).await?;
            let end = EndSessions {
                user,
                keep,
                credentials,
            };
            Ok(Some(
                mall_outbox::enqueue(tx, now, END_SESSIONS, &format!("user-{user}"), &end).await?,
            ))
        })
    });
    if let Some(ending) = ending.await?
        && let Err(error) = state.relay().deliver_now(ending).await
    {
        tracing::warn!(user.id = user.0, error = %error, "other sessions will end a little later");
    }
    Ok(())
}
