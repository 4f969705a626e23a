//! `GET /actuator/metrics` and `GET /actuator/metrics/{name}?tag=key:value`.

use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use mall_telemetry::metrics::Lookup;
use serde_json::{Map, Value, json};

use crate::media::{as_attachment_safe, error_answer, json_answer, json_type};
use crate::router::SharedShown;

pub(crate) async fn names(
    State(shown): State<SharedShown>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    Ok(json_answer(
        200,
        json_type(&headers)?,
        &json!({"names": shown.metrics.names()}),
    ))
}

pub(crate) async fn one(
    State(shown): State<SharedShown>,
    Path(name): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let content_type = json_type(&headers)?;
    let mut tags = Vec::new();
    for (_, list) in query.iter().filter(|(key, _)| key == "tag") {
        for tag in list.split(',') {
            let bad =
                || as_attachment_safe(error_answer(StatusCode::BAD_REQUEST, uri.path()), &name);
            let (key, value) = tag.split_once(':').ok_or_else(bad)?;
            tags.push((key.to_owned(), value.to_owned()));
        }
    }
    let found = shown
        .metrics
        .lookup(&name, &tags)
        .ok_or_else(|| StatusCode::NOT_FOUND.into_response())?;
    Ok(as_attachment_safe(
        json_answer(200, content_type, &to_json(found)),
        &name,
    ))
}

fn to_json(found: Lookup) -> Value {
    let mut json = Map::new();
    json.insert("name".to_owned(), Value::from(found.name));
    if let Some(description) = found.description {
        json.insert("description".to_owned(), Value::from(description));
    }
    if let Some(unit) = found.base_unit {
        json.insert("baseUnit".to_owned(), Value::from(unit));
    }
    let measurements: Vec<Value> = found
        .measurements
        .into_iter()
        .map(|(statistic, value)| {
            // JSON knows no NaN; Spring writes it as a text.
            let value = serde_json::Number::from_f64(value)
                .map_or_else(|| Value::from("NaN"), Value::Number);
            json!({"statistic": statistic, "value": value})
        })
        .collect();
    json.insert("measurements".to_owned(), Value::from(measurements));
    let tags: Vec<Value> = found
        .available_tags
        .into_iter()
        .map(|(tag, values)| json!({"tag": tag, "values": values}))
        .collect();
    json.insert("availableTags".to_owned(), Value::from(tags));
    Value::Object(json)
}
