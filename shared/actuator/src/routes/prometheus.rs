//! `GET /actuator/prometheus`: everything for a scraper, as Prometheus text or OpenMetrics.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use crate::media::{OPENMETRICS, PROMETHEUS, choose, text_answer};
use crate::router::SharedShown;

pub(crate) async fn handler(
    State(shown): State<SharedShown>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let Some(content_type) = choose(&headers, &[PROMETHEUS, OPENMETRICS]) else {
        return StatusCode::NOT_ACCEPTABLE.into_response();
    };
    let lists = query
        .iter()
        .filter(|(key, _)| key == "includedNames")
        .map(|(_, names)| names);
    let included: Vec<String> = lists
        .flat_map(|names| names.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    text_answer(
        200,
        content_type,
        shown.metrics.render(content_type == OPENMETRICS, &included),
    )
}
