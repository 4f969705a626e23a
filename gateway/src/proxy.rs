//! One request, from the door to the service and back.

use crate::access::Access;
use crate::client_address::{self, Client, Network};
use crate::cors::Cors;
use crate::headers;
use crate::identity::{Identities, Known};
use crate::messages;
use crate::metrics::GatewayMetrics;
use crate::rate_limit::{Limited, RateLimiter};
use crate::request_path::{BadPath, RequestPath};
use crate::route_name;
use crate::route_table::{self, Route};
use crate::sessions::Sessions;
use crate::upstream::{Outgoing, Upstream};
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited as LimitedBody};
use mall_auth::IDENTITY_HEADER;
use mall_problem::{ErrorKind, Problem};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The gateway, put together.
pub struct Gateway {
    pub limits: Limits,
    pub trusted: Vec<Network>,
    pub cors: Cors,
    pub identities: Identities,
    pub sessions: Sessions,
    pub rates: RateLimiter,
    pub upstream: Upstream,
    pub metrics: GatewayMetrics,
}

/// How much of a request is read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the body.
    pub body: usize,
    /// Bytes of path and query.
    pub uri: usize,
    /// Bytes of all header names and values.
    pub headers: usize,
    /// Time for the whole body.
    pub body_time: Duration,
}

/// The methods that go through; everything else is 405 for every path.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::PATCH,
    Method::OPTIONS,
];
const METHODS_TEXT: &str = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_MALL_IDENTITY: HeaderName = HeaderName::from_static(IDENTITY_HEADER);

/// Takes every request that is not the gateway's own to answer.
pub async fn handle(State(gateway): State<Arc<Gateway>>, request: Request<Body>) -> Response<Body> {
    let origin = gateway.cors.allowed_origin(request.headers());
    let long_body = may_be_long(&request);
    let mut response = match gateway.pass(request).await {
        Ok(response) => response,
        Err(problem) => {
            let mut response = problem.into_response();
            if long_body {
                // What was not read of it ends the connection; a client that is not told would use that again.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            response
        }
    };
    if let Some(origin) = origin {
        gateway.cors.open(origin, response.headers_mut());
    }
    response
}

impl Gateway {
    /// The order of the checks is the contract: first what the request is, then who asks, then whether there is such a
    /// place, and only then what it costs.
    async fn pass(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        let (parts, body) = request.into_parts();
        if !METHODS.contains(&parts.method) {
            return Ok(method_not_allowed());
        }
        self.check_size(&parts)?;
        let path = RequestPath::read(parts.uri.path()).map_err(|bad| match bad {
            BadPath::Ambiguous => Problem::invalid("INVALID_PATH", messages::BAD_PATH),
            BadPath::NotFound => no_route(),
        })?;
        if Cors::is_preflight(&parts.method, &parts.headers) {
            return self.answer_preflight(&parts.headers);
        }
        let known = self
            .let_in(Access::of(path.segments()), &parts.headers)
            .await?;
        if path.has_slash_at_end() {
            return Err(no_route());
        }
        let route = route_table::find(path.segments()).ok_or_else(no_route)?;
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let client = client_address::read(peer, &parts.headers, &self.trusted);
        if let Some(kind) = Limited::of(&parts.method, path.decoded()) {
            self.rates
                .take(kind, client.address)
                .await
                .map_err(|wait| {
                    Problem::new(ErrorKind::TooMany, "RATE_LIMITED", messages::TOO_MANY)
                        .retry_after(wait)
                })?;
        }
        let path_and_query = forwarded_uri(&parts, &path)?;
        let started = Instant::now();
        let method = parts.method.clone();
        let body = self.read_body(&parts.headers, body).await?;
        let statement = known
            .map(|known| self.identities.speak_for(&known, route.service))
            .transpose()?;
        let headers = forwarded_headers(parts.headers, &parts.uri, route, client, statement)?;
        let outgoing = Outgoing {
            method: method.clone(),
            path_and_query,
            headers,
            body,
        };
        let answer = self.upstream.send(route, outgoing).await;
        let status = answer
            .as_ref()
            .map_or_else(|problem| problem.kind().status(), Response::status);
        self.metrics
            .record(route, &method, status, started.elapsed());
        let mut response = answer.unwrap_or_else(Problem::into_response);
        response
            .extensions_mut()
            .insert(route_name::of(path.segments(), status));
        Ok(response)
    }

    fn check_size(&self, parts: &Parts) -> Result<(), Problem> {
        if parts
            .uri
            .path_and_query()
            .is_some_and(|uri| uri.as_str().len() > self.limits.uri)
        {
            return Err(Problem::new(
                ErrorKind::UriTooLong,
                "URI_TOO_LONG",
                messages::URI_TOO_LONG,
            ));
        }
        let size: usize = parts
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if size > self.limits.headers {
            return Err(Problem::new(
                ErrorKind::HeadersTooLarge,
                "HEADERS_TOO_LARGE",
                messages::HEADERS_TOO_LARGE,
            ));
        }
        Ok(())
    }

    /// Lets a caller in, or refuses: 401, 403, or 503 when nobody can tell.
    async fn let_in(
        &self,
        access: Access,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Known>>, Problem> {
        if access == Access::Public {
            return Ok(None);
        }
        let known = self.identities.of(headers)?;
        self.sessions.check(known.session()).await?;
        if !access.allows(known.role()) {
            return Err(Problem::forbidden("FORBIDDEN", messages::FORBIDDEN));
        }
        Ok(Some(known))
    }

    fn answer_preflight(&self, asked: &HeaderMap) -> Result<Response<Body>, Problem> {
        if self.cors.allowed_origin(asked).is_none() {
            return Err(Problem::forbidden("CORS_REFUSED", messages::CORS_REFUSED));
        }
        let mut response = Response::new(Body::empty());
        self.cors.preflight_headers(asked, response.headers_mut());
        Ok(response)
    }

    /// Reads the whole body, so that it can be sent again if it was not sent.
    async fn read_body(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let said = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if said.is_some_and(|length| length > self.limits.body) {
            return Err(too_large());
        }
        let reading = LimitedBody::new(body, self.limits.body).collect();
        match tokio::time::timeout(self.limits.body_time, reading).await {
            // Trailers, which could hold anything, stay here.
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(error)) => {
                Err(Problem::invalid("BODY_UNREADABLE", messages::BODY_BROKEN).caused_by(error))
            }
            Err(_) => Err(Problem::invalid("BODY_TOO_SLOW", messages::BODY_SLOW)),
        }
    }
}

/// Whether the body may be more than what is read anyway with the head.
fn may_be_long(request: &Request<Body>) -> bool {
    const SHORT: u64 = 4096;
    let size = request.body().size_hint();
    size.upper().is_none_or(|length| length > SHORT)
}

fn no_route() -> Problem {
    Problem::not_found("NOT_FOUND", messages::NO_ROUTE)
}

fn too_large() -> Problem {
    Problem::new(
        ErrorKind::TooLarge,
        "BODY_TOO_LARGE",
        messages::BODY_TOO_LARGE,
    )
}

fn method_not_allowed() -> Response<Body> {
    let problem = Problem::new(
        ErrorKind::MethodNotAllowed,
        "METHOD_NOT_ALLOWED",
        messages::METHOD,
    );
    let mut response = problem.into_response();
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(METHODS_TEXT));
    response
}

/// The path as it was checked, and the query as it came.
fn forwarded_uri(parts: &Parts, path: &RequestPath<'_>) -> Result<PathAndQuery, Problem> {
    let came = parts.uri.path_and_query();
    match (came, parts.uri.query()) {
        (Some(came), _) if came.path() == path.canonical() => Ok(came.clone()),
        (_, None) => PathAndQuery::try_from(path.canonical().to_owned()),
        (_, Some(query)) => PathAndQuery::try_from(format!("{}?{query}", path.canonical())),
    }
    .map_err(|error| Problem::invalid("INVALID_PATH", messages::BAD_PATH).caused_by(error))
}

/// What the client sent, without what it may not say, and with what the gateway says.
fn forwarded_headers(
    mut headers: HeaderMap,
    uri: &Uri,
    route: &Route,
    client: Client,
    statement: Option<HeaderValue>,
) -> Result<HeaderMap, Problem> {
    let proxy = |name: &HeaderName, headers: &HeaderMap| {
        headers.get(name).filter(|_| client.through_proxy).cloned()
    };
    let host = proxy(&X_FORWARDED_HOST, &headers).or_else(|| headers.get(HOST).cloned());
    let host = host.or_else(|| HeaderValue::from_str(uri.authority()?.as_str()).ok());
    let proto = match proxy(&X_FORWARDED_PROTO, &headers) {
        Some(proto) if proto == "https" => HeaderValue::from_static("https"),
        _ => HeaderValue::from_static("http"),
    };
    headers::clean_request(&mut headers);
    if !route.keeps_authorization {
        headers.remove(AUTHORIZATION);
    }
    if let Some(statement) = statement {
        headers.insert(X_MALL_IDENTITY, statement);
    }
    let address = HeaderValue::from_str(&client.address.to_string()).map_err(Problem::internal)?;
    headers.insert(X_FORWARDED_FOR, address);
    headers.insert(X_FORWARDED_PROTO, proto);
    if let Some(host) = host {
        headers.insert(X_FORWARDED_HOST, host);
    }
    mall_telemetry::trace::inject(&mut headers);
    Ok(headers)
}
