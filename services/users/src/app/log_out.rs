//! The end of a session.

use mall_problem::Answer;
use mall_types::UserId;

use crate::state::State;

/// Ends the session: its access tokens and its refresh token are refused from now on. Idempotent.
pub async fn log_out(state: &State, user: UserId, session: &str) -> Answer<()> {
    Ok(state.sessions.end(session, user, state.clock.now()).await?)
}
