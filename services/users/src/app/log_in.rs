//! A login opens a session.

use std::convert::Infallible;

use mall_db::TxError;
use mall_problem::Answer;
use mall_types::{Role, UserId};

use super::tokens;
use crate::domain::Email;
use crate::error::Refusal;
use crate::security::{EmailIndex, Verdict};
use crate::state::State;
use crate::store::users::{self, UserRow};

/// What a login gives.
pub struct LoggedIn {
    pub role: Role,
    pub access_token: String,
    pub refresh_token: String,
}

/// Checks the password and opens a session. An unknown e-mail and a wrong password are one and the same refusal, after the
/// same work; that an address is not verified is told to its owner only.
pub async fn log_in(state: &State, email: &str, password: String) -> Answer<LoggedIn> {
    let account = match Email::parse(email) {
        Some(email) => by_email(state, state.vault.index(&email)).await?,
        None => None,
    };
    let stored = account.as_ref().map(|account| account.password.clone());
    let verdict = state.passwords.verify(password.clone(), stored).await?;
    let (Some(account), Verdict::Right { outdated }) = (account, verdict) else {
        return Err(Refusal::LoginFailed.into());
    };
    let Some(role) = account.role else {
        return Err(Refusal::EmailNotVerified.into());
    };
    if outdated {
        hash_anew(state, &account, password).await;
    }
    let (session, jti) = (tokens::new_id(), tokens::new_id());
    state
        .sessions
        .open(
            &session,
            account.id,
            account.credentials,
            &jti,
            state.clock.now(),
        )
        .await?;
    // The password may have been changed since it was read: whoever changed it believes all other sessions ended.
    if by_id(state, account.id)
        .await?
        .is_none_or(|now| now.credentials != account.credentials)
    {
        let now = state.clock.now();
        state.sessions.end(&session, account.id, now).await?;
        return Err(Refusal::LoginFailed.into());
    }
    Ok(LoggedIn {
        role,
        access_token: tokens::access(state, account.id, role, &session),
        refresh_token: tokens::refresh(state, account.id, &session, &jti),
    })
}

/// A hash of the original's, or of cheaper settings, is replaced while the password is at hand. Not worth a failed login.
async fn hash_anew(state: &State, account: &UserRow, password: String) {
    let (id, before) = (account.id, account.password.clone());
    let after = match state.passwords.hash(password).await {
        Ok(after) => after,
        Err(error) => {
            tracing::warn!(user.id = id.0, error = %error, "an outdated password hash stays");
            return;
        }
    };
    let replaced: Result<(), TxError<Infallible>> = state
        .db
        .run_tx("replace_password_hash", move |tx| {
            let (before, after) = (before.clone(), after.clone());
            Box::pin(async move { Ok(users::replace_hash(tx, id, &before, &after).await?) })
        })
        .await;
    if let Err(error) = replaced {
        tracing::warn!(user.id = id.0, error = %error, "an outdated password hash stays");
    }
}

pub(super) async fn by_email(state: &State, index: EmailIndex) -> Answer<Option<UserRow>> {
    let account = state.db.read("user_by_email", move |conn| {
        Box::pin(async move { Ok::<_, TxError<Infallible>>(users::by_email(conn, index).await?) })
    });
    Ok(account.await?)
}

pub(super) async fn by_id(state: &State, id: UserId) -> Answer<Option<UserRow>> {
    let account = state.db.read("user_by_id", move |conn| {
        Box::pin(async move { Ok::<_, TxError<Infallible>>(users::by_id(conn, id).await?) })
    });
    Ok(account.await?)
}
