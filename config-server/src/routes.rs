//! Every request comes in here: who asks, what the path means, who answers.
//!
//! One route takes all paths, because Spring's (`/{name}-{profiles}.yml` beside `/{label}/{name}-{profiles}.yml` and
//! `/{name}/{profiles}`) are told apart inside a segment; [`crate::request`] does that.

mod encryption;
mod environment;
mod merged;

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::response::Response;
use axum::routing::any;
use http::{HeaderMap, Method, StatusCode, Uri};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::error::{boot_error, key_error, refused, unauthorized};
use crate::request::{Target, target};
use crate::state::State;

#[derive(OpenApi)]
#[openapi(paths(
    environment::environment,
    environment::environment_of_label,
    merged::merged,
    encryption::encrypt,
    encryption::decrypt,
    encryption::encrypt_status
))]
struct Docs;

/// The server's routes.
pub fn router(state: State) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Docs::openapi())
        .route("/", any(answer))
        .route("/{*path}", any(answer))
        .with_state(state)
}

async fn answer(
    Extract(state): Extract<State>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path();
    let clock = &state.0.clock;
    if let Some(login) = &state.0.login
        && !login.admits(&headers)
    {
        return unauthorized(path, clock);
    }
    let target = match target(method.as_str(), path) {
        Ok(target) => target,
        Err(why) => return refused(why, path, clock),
    };
    let about_the_key = matches!(
        target,
        Target::Encrypt | Target::Decrypt | Target::EncryptStatus
    );
    if about_the_key && state.0.login.is_none() {
        // Decrypting for everybody would give every secret away.
        tracing::warn!(path, "refused: spring.security.user is not set");
        return boot_error(StatusCode::FORBIDDEN, path, clock);
    }
    match target {
        Target::Environment(wanted) => environment::answer(&state, wanted, &headers, path).await,
        Target::Merged(wanted, format) => merged::answer(&state, wanted, format, &uri).await,
        Target::Encrypt => encryption::answer_encrypt(&state, &headers, &body, path),
        Target::Decrypt => encryption::answer_decrypt(&state, &headers, &body, path),
        Target::EncryptStatus => encryption::answer_status(&state),
        Target::PublicKey => key_error(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            "No public key available",
        ),
    }
}
