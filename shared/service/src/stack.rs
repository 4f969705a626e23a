//! The layers around every router, outside in, and why in this order.
//!
//! 1. **telemetry**: sees everything, also what the layers below refuse.
//! 2. **panic**: a handler that panics becomes a 500 problem, which 1 logs.
//! 3. **words**: problems speak the language of the request; axum's bare 405 becomes a problem.
//! 4. **identity**: headers of the gateway and of peers are verified and become extensions; `/internal/**` without a
//!    peer is 401. Below 3, so that its refusals speak the right language.
//! 5. **size**: a body that is too large is refused before a handler reads it.
//!
//! Around all of them, `OPTIONS` is answered from the `Allow` that axum adds last.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use mall_auth::{IDENTITY_HEADER, InternalKeys, PeerService, SERVICE_HEADER, unauthenticated};
use mall_clock::SharedClock;
use mall_problem::{ErrorKind, Lang, Problem, Text};
use mall_telemetry::metrics::Metrics;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

/// What the layers need.
#[derive(Clone)]
pub struct Stack {
    /// The program's id, for logs.
    pub name: &'static str,
    /// Verifies statements of other programs; without it nobody is believed.
    pub keys: Option<InternalKeys>,
    /// The time of day.
    pub clock: SharedClock,
    /// Takes `http.server.requests`.
    pub metrics: Metrics,
    /// The largest body, in bytes.
    pub body_limit: usize,
}

impl Stack {
    /// Puts the layers around `router`; also what answers an unknown path.
    pub fn around(self, router: Router) -> Router {
        let metrics = self.metrics.clone();
        let name = self.name;
        let layered = router
            .fallback(not_found)
            .layer(RequestBodyLimitLayer::new(self.body_limit))
            .layer(DefaultBodyLimit::max(self.body_limit))
            .layer(from_fn_with_state(Arc::new(self), identity))
            .layer(from_fn(words))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(mall_telemetry::layer(metrics, name));
        // axum adds `Allow` outside of a router's own layers, so what reads it stands around the router.
        Router::new()
            .fallback_service(layered)
            .layer(from_fn(options))
    }
}

/// The answer to an unknown path.
pub async fn not_found() -> Problem {
    Problem::not_found(
        "NOT_FOUND",
        Text::new("없는 주소입니다.", "There is nothing at this address."),
    )
}

async fn identity(State(stack): State<Arc<Stack>>, mut request: Request, next: Next) -> Response {
    if let Some(keys) = &stack.keys {
        let now = stack.clock.now();
        if let Some(identity) = header(request.headers(), IDENTITY_HEADER)
            .and_then(|v| keys.verify_identity(v, now).ok())
        {
            request.extensions_mut().insert(identity);
        }
        if let Some(peer) =
            header(request.headers(), SERVICE_HEADER).and_then(|v| keys.verify_service(v, now).ok())
        {
            request.extensions_mut().insert(PeerService(peer));
        }
    }
    let path = request.uri().path();
    let internal = path == "/internal" || path.starts_with("/internal/");
    if internal && request.extensions().get::<PeerService>().is_none() {
        return unauthenticated().into_response();
    }
    next.run(request).await
}

/// A header that stands there exactly once.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let only = values.next()?;
    if values.next().is_some() {
        return None;
    }
    only.to_str().ok()
}

async fn words(request: Request, next: Next) -> Response {
    let lang = Lang::from_headers(request.headers());
    let options = request.method() == Method::OPTIONS;
    let mut response = lang.scope(next.run(request)).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        tell(&problem);
        return problem_in(lang, problem, response);
    }
    let bare = !response.headers().contains_key(CONTENT_TYPE);
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED if bare && !options => {
            let problem = Problem::new(
                ErrorKind::MethodNotAllowed,
                "METHOD_NOT_ALLOWED",
                Text::new(
                    "지원하지 않는 메서드입니다.",
                    "This address does not take that method.",
                ),
            );
            problem_in(lang, problem, response)
        }
        // The limit layer answers in plain text.
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            ErrorKind::TooLarge,
            "BODY_TOO_LARGE",
            Text::new("본문이 너무 큽니다.", "The body is too large."),
        )
        .response(lang),
        _ => response,
    }
}

/// The problem anew in `lang`, with the headers that somebody added to the old answer.
fn problem_in(lang: Lang, problem: Problem, old: Response) -> Response {
    let mut response = problem.response(lang);
    let (old, _) = old.into_parts();
    // What inner layers told the outer ones, such as the route's name.
    response.extensions_mut().extend(old.extensions);
    for (name, value) in &old.headers {
        if !response.headers().contains_key(name) && name != http::header::CONTENT_LENGTH {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

/// What is logged of a problem: once, here, with its cause.
fn tell(problem: &Problem) {
    let cause = problem.cause_chain();
    if problem.kind() == ErrorKind::Internal {
        tracing::error!(code = problem.code(), cause, "request failed");
    } else if let Some(cause) = cause {
        tracing::warn!(code = problem.code(), cause, "request refused");
    }
}

/// `OPTIONS` of a path that exists tells its methods, as the original does.
async fn options(request: Request, next: Next) -> Response {
    let options = request.method() == Method::OPTIONS;
    let response = next.run(request).await;
    if !options || response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let allow = response
        .headers()
        .get(ALLOW)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut methods: Vec<&str> = allow
        .split(',')
        .map(str::trim)
        .filter(|method| !method.is_empty())
        .collect();
    methods.push("OPTIONS");
    let mut answer = StatusCode::OK.into_response();
    if let Ok(value) = HeaderValue::from_str(&methods.join(",")) {
        answer.headers_mut().insert(ALLOW, value);
    }
    answer
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned());
    tracing::error!(panic = words, "a handler panicked");
    Problem::internal(format!("panic: {words}")).into_response()
}
