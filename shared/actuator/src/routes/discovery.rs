//! `GET /actuator`: the links to all endpoints.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use http::header::HOST;
use serde_json::{Map, Value, json};

use crate::media::{json_answer, json_type};
use crate::router::{Exposure, SharedShown};

pub(crate) async fn handler(
    State(shown): State<SharedShown>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let content_type = json_type(&headers)?;
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let mut links = Map::new();
    let mut link = |rel: &str, path: &str| {
        let href = format!("http://{host}/actuator{path}");
        links.insert(
            rel.to_owned(),
            json!({"href": href, "templated": path.contains('{')}),
        );
    };
    link("self", "");
    link("health", "/health");
    link("health-path", "/health/{*path}");
    link("info", "/info");
    link("prometheus", "/prometheus");
    if shown.exposure == Exposure::All {
        link("metrics", "/metrics");
        link(
            "metrics-requiredMetricName",
            "/metrics/{requiredMetricName}",
        );
        link("circuitbreakers", "/circuitbreakers");
        link("circuitbreakers-name", "/circuitbreakers/{name}");
    }
    Ok(json_answer(
        200,
        content_type,
        &json!({"_links": Value::Object(links)}),
    ))
}
