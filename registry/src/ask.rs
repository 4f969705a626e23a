//! What a handler knows of a request, and the answers that all handlers give alike.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OriginalUri, Query, RawPathParams};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use mall_clock::SharedClock;
use serde_json::json;

use crate::negotiation::{Format, wants_html};
use crate::state::RegistryState;

/// Path parameters (percent-decoded), query and headers of a request under `/eureka`.
pub struct Ask {
    params: HashMap<String, String>,
    query: Vec<(String, String)>,
    path: String,
    clock: SharedClock,
    /// The headers.
    pub headers: HeaderMap,
}

impl FromRequestParts<Arc<RegistryState>> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<RegistryState>,
    ) -> Result<Self, Infallible> {
        // Parameters that are not UTF-8 stay empty: nothing is registered under that name.
        let params = match RawPathParams::from_request_parts(parts, state).await {
            Ok(params) => params
                .iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            Err(_) => HashMap::new(),
        };
        let query =
            Query::try_from_uri(&parts.uri).map_or_else(|_| Vec::new(), |Query(pairs)| pairs);
        let path = match parts.extensions.get::<OriginalUri>() {
            Some(OriginalUri(uri)) => uri.path().to_owned(),
            None => parts.uri.path().to_owned(),
        };
        Ok(Self {
            params,
            query,
            path,
            clock: state.clock().clone(),
            headers: parts.headers.clone(),
        })
    }
}

impl Ask {
    /// The application: names count in upper case.
    pub fn app(&self) -> String {
        self.param("app").to_uppercase()
    }

    /// The instance id.
    pub fn id(&self) -> &str {
        self.param("id")
    }

    /// A path parameter.
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All query parameters, in order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.query
    }

    /// `lastDirtyTimestamp`, or a 400 when it is not a number.
    pub fn dirty(&self) -> Result<Option<i64>, StatusCode> {
        self.query("lastDirtyTimestamp")
            .filter(|text| !text.is_empty())
            .map(|text| text.parse().map_err(|_| StatusCode::BAD_REQUEST))
            .transpose()
    }

    /// Whether a peer passes this on.
    pub fn is_from_peer(&self) -> bool {
        self.headers
            .get("x-netflix-discovery-replication")
            .is_some_and(|value| value == "true")
    }

    /// Spring Boot's error body, or a page for people who ask for HTML.
    pub fn error(&self, status: StatusCode) -> Response {
        let reason = status.canonical_reason().unwrap_or("Error");
        let now = self.clock.now();
        if wants_html(&self.headers) {
            let page = format!(
                "<html><body><h1>{reason}</h1><p>The registry answered {} at {}.</p></body></html>",
                status.as_u16(),
                now.format("%Y-%m-%dT%H:%M:%S%.3f+00:00"),
            );
            return (status, [(CONTENT_TYPE, "text/html;charset=UTF-8")], page).into_response();
        }
        let body = json!({
            "timestamp": now.format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string(),
            "status": status.as_u16(),
            "error": reason,
            "path": self.path,
        });
        text(status, Format::Json, body.to_string())
    }

    /// 405 with the methods that the path has.
    pub fn method_not_allowed(&self, allow: &'static str) -> Response {
        let mut response = self.error(StatusCode::METHOD_NOT_ALLOWED);
        response
            .headers_mut()
            .insert(ALLOW, http::HeaderValue::from_static(allow));
        response
    }
}

/// A body of one of the two formats.
pub fn text(status: StatusCode, format: Format, body: String) -> Response {
    (status, [(CONTENT_TYPE, format.content_type())], body).into_response()
}

/// Success without a body: some clients fail on any byte of it.
pub fn done() -> Response {
    StatusCode::OK.into_response()
}
