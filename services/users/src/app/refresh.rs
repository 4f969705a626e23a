//! A session goes on.

use mall_problem::Answer;

use super::{log_in, tokens};
use crate::error::Refusal;
use crate::security::Rotation;
use crate::state::State;

/// What a refresh gives.
pub struct Refreshed {
    pub access_token: String,
    pub refresh_token: String,
}

/// Uses up the refresh token for a new one and a new access token. One that was used before shows that somebody else has
/// it: its session ends, whoever asks. Only one that was used a moment ago is two windows of one browser that refreshed at
/// once: the second is told to look at what the first was given.
pub async fn refresh(state: &State, token: &str) -> Answer<Refreshed> {
    let refused = || Refusal::RefreshRefused.into();
    let now = state.clock.now();
    let Ok(token) = state.tokens.verify_refresh(token, now) else {
        return Err(refused());
    };
    // The account is read first: a database that is away must not cost the token.
    let account = log_in::by_id(state, token.user).await?;
    let Some((account, role)) =
        account.and_then(|account| account.role.map(|role| (account, role)))
    else {
        state.sessions.end(&token.session, token.user, now).await?;
        return Err(refused());
    };
    let next = tokens::new_id();
    let sessions = &state.sessions;
    match sessions
        .rotate(
            &token.session,
            token.user,
            account.credentials,
            &token.id,
            &next,
            now,
        )
        .await?
    {
        Rotation::Rotated => Ok(Refreshed {
            access_token: tokens::access(state, account.id, role, &token.session),
            refresh_token: tokens::refresh(state, account.id, &token.session, &next),
        }),
        Rotation::Raced => Err(Refusal::RefreshRaced.into()),
        Rotation::Gone => Err(refused()),
        Rotation::Refused => {
            sessions.end(&token.session, token.user, now).await?;
            tracing::warn!(
                user.id = token.user.0,
                "a used refresh token came again: its session has ended"
            );
            Err(refused())
        }
    }
}
