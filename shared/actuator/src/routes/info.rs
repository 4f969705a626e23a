//! `GET /actuator/info`.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use crate::media::{json_answer, json_type};
use crate::router::SharedShown;

pub(crate) async fn handler(
    State(shown): State<SharedShown>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    Ok(json_answer(200, json_type(&headers)?, &shown.info))
}
