//! Extractors whose refusals are problems.
//!
//! [`Body`] reads JSON strictly: no number in quotes, no fraction for a whole number, no unknown or doubled field (the
//! request types say `deny_unknown_fields`), nothing after the JSON.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use crate::{ErrorKind, Lang, Problem, Text};

/// A JSON body.
#[derive(Debug, Clone, Copy)]
pub struct Body<T>(pub T);

/// The variables of the path.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

/// The parameters of the query. Unknown ones are ignored.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let lang = Lang::from_headers(request.headers());
        if !is_json(request.headers()) {
            let mut response = Problem::new(
                ErrorKind::UnsupportedMediaType,
                "UNSUPPORTED_MEDIA_TYPE",
                Text::new("본문은 JSON이어야 합니다.", "The body must be JSON."),
            )
            .response(lang);
            response.headers_mut().insert(
                ACCEPT,
                HeaderValue::from_static("application/json, application/*+json"),
            );
            return Err(response);
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                let status = rejection.status();
                if status == http::StatusCode::PAYLOAD_TOO_LARGE {
                    Problem::new(
                        ErrorKind::TooLarge,
                        "BODY_TOO_LARGE",
                        Text::new("본문이 너무 큽니다.", "The body is too large."),
                    )
                    .response(lang)
                } else {
                    Problem::invalid(
                        "BODY_UNREADABLE",
                        Text::new("본문을 읽을 수 없습니다.", "The body could not be read."),
                    )
                    .response(lang)
                }
            })?;
        parse(&bytes)
            .map(Body)
            .map_err(|problem| problem.response(lang))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let essence = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would also read a struct from an array of its values; no client means that.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::invalid(
            "INVALID_BODY",
            Text::new(
                "본문은 JSON 객체여야 합니다.",
                "The body must be a JSON object.",
            ),
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        refusal(&path, error.inner())
    })?;
    reader.end().map_err(|error| refusal(".", &error))?;
    Ok(value)
}

/// A syntax error is told as such; a wrong field is named.
fn refusal(path: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::invalid(
            "INVALID_JSON",
            Text::new(
                "JSON 형식이 올바르지 않습니다.",
                "The body is no valid JSON.",
            ),
        );
    }
    let inner = error.to_string();
    let quoted = inner.split('`').nth(1).unwrap_or_default();
    let (field, message) = if inner.starts_with("unknown field") {
        (
            join(path, quoted),
            Text::new("알 수 없는 항목입니다.", "is not known"),
        )
    } else if inner.starts_with("missing field") {
        (
            join(path, quoted),
            Text::new("필수 항목입니다.", "is required"),
        )
    } else if inner.starts_with("duplicate field") {
        (
            join(path, quoted),
            Text::new("두 번 나왔습니다.", "appears twice"),
        )
    } else {
        (
            path.to_owned(),
            Text::new("형식이 올바르지 않습니다.", "has the wrong type or form"),
        )
    };
    let problem = Problem::invalid(
        "INVALID_BODY",
        Text::new("본문이 올바르지 않습니다.", "The body is not acceptable."),
    );
    if field.is_empty() || field == "." {
        problem
    } else {
        problem.with_field(field, message)
    }
}

/// serde reports an unknown, missing or doubled field at its parent, or at itself, depending on where it stopped.
fn join(path: &str, field: &str) -> String {
    match path {
        "" | "." => field.to_owned(),
        _ if path == field || path.ends_with(&format!(".{field}")) => path.to_owned(),
        _ => format!("{path}.{field}"),
    }
}

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let lang = Lang::from_headers(&parts.headers);
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Path(value)),
            Err(_) => Err(Problem::invalid(
                "INVALID_PATH",
                Text::new("주소가 올바르지 않습니다.", "The path is not acceptable."),
            )
            .response(lang)),
        }
    }
}

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let lang = Lang::from_headers(&parts.headers);
        let query = parts.uri.query().unwrap_or_default();
        serde_urlencoded::from_str(query)
            .map(Query)
            .map_err(|error| {
                let inner = error.to_string();
                let problem = Problem::invalid(
                    "INVALID_QUERY",
                    Text::new(
                        "요청 파라미터가 올바르지 않습니다.",
                        "A parameter is not acceptable.",
                    ),
                );
                let problem = match inner
                    .strip_prefix("missing field `")
                    .and_then(|rest| rest.split('`').next())
                {
                    Some(field) => {
                        problem.with_field(field, Text::new("필수 항목입니다.", "is required"))
                    }
                    None => problem,
                };
                problem.response(lang)
            })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Order {
        product_id: Option<i64>,
        quantity: Option<i32>,
        paid: Option<bool>,
        lines: Option<Vec<Line>>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Line {
        count: i64,
    }

    fn refused(body: &str) -> (String, Vec<String>) {
        let problem = parse::<Order>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.kind(), ErrorKind::Invalid);
        (
            problem.code().to_owned(),
            problem.fields().iter().map(|f| f.field.clone()).collect(),
        )
    }

    #[test]
    fn json_is_read_strictly() {
        assert!(parse::<Order>(br#"{"productId":3,"quantity":1}"#).is_ok());
        for (body, field) in [
            (r#"{"productId":"3"}"#, "productId"),
            (r#"{"productId":3.9}"#, "productId"),
            (r#"{"productId":""}"#, "productId"),
            (r#"{"paid":"false"}"#, "paid"),
            (r#"{"paid":0}"#, "paid"),
            (r#"{"quantity":99999999999}"#, "quantity"),
            (r#"{"x":1}"#, "x"),
            (r#"{"productId":1,"productId":2}"#, "productId"),
            (r#"{"lines":[{"count":1},{"count":"2"}]}"#, "lines[1].count"),
            (r#"{"lines":[{}]}"#, "lines[0].count"),
            (r#"{"lines":[{"count":1,"y":2}]}"#, "lines[0].y"),
        ] {
            assert_eq!(
                refused(body),
                ("INVALID_BODY".to_owned(), vec![field.to_owned()]),
                "{body}"
            );
        }
        for body in [
            "",
            "{",
            "{\"productId\":",
            "{} zz",
            "{\"productId\":1}{}",
            "nope",
        ] {
            assert_eq!(refused(body).0, "INVALID_JSON", "{body}");
        }
        for body in ["3", "\"text\"", "[1]", " [1,2,true,null]"] {
            assert_eq!(refused(body).0, "INVALID_BODY", "{body}");
        }
    }
}
