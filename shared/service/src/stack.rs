//! The layers around every router, outside in, and why in this order.
//!
//! 1. **telemetry**: sees everything, also what the layers below refuse.
//! 2. **panic**: a handler that panics becomes a 500 problem, which 1 logs.
//! 3. **words**: problems speak the language of the request; axum's bare 405 becomes a problem.
//! 4. **identity**: headers of the gateway and of peers are verified and become extensions; `/internal/**` without a
//!    peer is 401; a request whose caller waits no longer is 503. Below 3, so that its refusals speak the right language.
//! 5. **size**: a body that is too large is refused before a handler reads it.
//!
//! 2 to 5 are one service ([`Around`]) and one future, because every request of the mall pays for them twice or more.
//! Around all of them, `OPTIONS` is answered from the `Allow` that axum adds last.

mod words;

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::future::RouteFuture;
use futures_util::FutureExt;
use futures_util::future::Either;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method};
use http_body::Body as _;
use http_body_util::Limited;
use mall_auth::{
    IDENTITY_HEADER, InternalKeys, PeerService, Reader, SERVICE_HEADER, unauthenticated,
};
use mall_clock::SharedClock;
use mall_problem::{Lang, Problem, Text};
use mall_telemetry::metrics::Metrics;
use mall_telemetry::{Spans, deadline};
use tower::{Layer, Service, ServiceBuilder};

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
        self.around_with(router, None)
    }

    /// The same, and each recorded request's span goes to `spans`.
    pub fn around_with(self, router: Router, spans: Option<Spans>) -> Router {
        let checks = Checks {
            reader: self.keys.map(|keys| Reader::new(keys, self.name)),
            clock: self.clock,
            body_limit: self.body_limit,
        };
        // One stack, so that axum puts each route into a box once and not once per layer.
        let layers = ServiceBuilder::new()
            .layer(mall_telemetry::layer(self.metrics, self.name).with_spans(spans))
            .layer(AroundLayer(Arc::new(checks)))
            .layer(DefaultBodyLimit::max(self.body_limit));
        let layered = router.fallback(not_found).layer(layers);
        // axum adds `Allow` outside of a router's own layers, so what reads it stands around the router.
        Router::new().fallback_service(Options(layered))
    }
}

/// The answer to an unknown path.
pub async fn not_found() -> Problem {
    Problem::not_found(
        "NOT_FOUND",
        Text::new("없는 주소입니다.", "There is nothing at this address."),
    )
}

/// What is checked of a request before a handler sees it.
struct Checks {
    reader: Option<Reader>,
    clock: SharedClock,
    body_limit: usize,
}

impl Checks {
    fn admit(&self, request: &mut Request) -> Result<(), Problem> {
        // Read from the header: the task is not within its deadline yet when the layers are called.
        let deadline = deadline::of_caller(request.headers());
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(too_late());
        }
        if let Some(reader) = &self.reader {
            let identity = header(request.headers(), IDENTITY_HEADER)
                .and_then(|value| reader.identity(value, self.clock.now()).ok());
            let peer = header(request.headers(), SERVICE_HEADER)
                .and_then(|value| reader.service(value, self.clock.now()).ok());
            if let Some(identity) = identity {
                request.extensions_mut().insert(identity);
            }
            if let Some(peer) = peer {
                request.extensions_mut().insert(PeerService(peer));
            }
        }
        let path = request.uri().path();
        let internal = path == "/internal" || path.starts_with("/internal/");
        if internal && request.extensions().get::<PeerService>().is_none() {
            return Err(unauthenticated());
        }
        self.measure(request)
    }

    /// A body that says that it is too large is refused unread; one that does not say is cut off where it is.
    fn measure(&self, request: &mut Request) -> Result<(), Problem> {
        let limit = u64::try_from(self.body_limit).unwrap_or(u64::MAX);
        let said = request
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if said.is_some_and(|length| length > limit) {
            return Err(words::too_large());
        }
        let open = request
            .body()
            .size_hint()
            .upper()
            .is_none_or(|upper| upper > limit);
        if open && self.body_limit < usize::MAX {
            let body = std::mem::take(request.body_mut());
            *request.body_mut() = Body::new(Limited::new(body, self.body_limit));
        }
        Ok(())
    }
}

/// Whoever asked does not wait any more: work for nobody is not begun.
fn too_late() -> Problem {
    Problem::unavailable(
        "DEADLINE_PASSED",
        Text::new(
            "시간이 지나 처리하지 않았습니다. 다시 시도해 주세요.",
            "The time for this request is over and nothing was done; try again.",
        ),
    )
    .retry_after(Duration::from_secs(1))
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

#[derive(Clone)]
struct AroundLayer(Arc<Checks>);

impl<S> Layer<S> for AroundLayer {
    type Service = Around<S>;

    fn layer(&self, inner: S) -> Around<S> {
        Around {
            checks: Arc::clone(&self.0),
            inner,
        }
    }
}

/// Layers 2 to 5.
#[derive(Clone)]
struct Around<S> {
    checks: Arc<Checks>,
    inner: S,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl<S> Service<Request> for Around<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Answering {
        let lang = Lang::from_headers(request.headers());
        let options = request.method() == Method::OPTIONS;
        let work = match self.checks.admit(&mut request) {
            // Only made here: the handler runs within the future, under the panic catcher.
            Ok(()) => Ok(self.inner.call(request)),
            Err(refusal) => Err(refusal),
        };
        Box::pin(async move {
            let response = match work {
                Ok(work) => match AssertUnwindSafe(lang.scope(work)).catch_unwind().await {
                    Ok(Ok(response)) => response,
                    Ok(Err(never)) => match never {},
                    Err(panic) => words::panicked(panic),
                },
                Err(refusal) => refusal.into_response(),
            };
            Ok(words::in_language(lang, options, response))
        })
    }
}

/// `OPTIONS` of a path that exists tells its methods, as the original does.
#[derive(Clone)]
struct Options(Router);

impl Service<Request> for Options {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<RouteFuture<Infallible>, Answering>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Router as Service<Request>>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let options = request.method() == Method::OPTIONS;
        let answer = self.0.call(request);
        if !options {
            return Either::Left(answer);
        }
        Either::Right(Box::pin(async move {
            Ok(words::allowed_methods(answer.await?))
        }))
    }
}
