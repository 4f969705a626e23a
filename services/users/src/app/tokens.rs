//! Tokens of a session.

use mall_auth::{AccessToken, RefreshToken};
use mall_types::{Role, UserId};

use crate::state::State;

/// A new access token.
pub fn access(state: &State, user: UserId, role: Role, session: &str) -> String {
    let now = state.clock.now();
    state.tokens.sign_access(&AccessToken {
        user,
        role,
        session: session.to_owned(),
        issued_at: now,
        expires_at: now + state.config.access_token_life.get(),
    })
}

/// A new refresh token with the id `jti`.
pub fn refresh(state: &State, user: UserId, session: &str, jti: &str) -> String {
    let now = state.clock.now();
    state.tokens.sign_refresh(&RefreshToken {
        user,
        session: session.to_owned(),
        id: jti.to_owned(),
        issued_at: now,
        expires_at: now + state.config.refresh_token_life.get(),
    })
}

/// A new id of a session or a refresh token: nobody can guess it.
pub fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
