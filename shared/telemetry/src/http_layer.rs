//! The outermost layer of every server: trace context, one span, one wide event, one timer per request.

mod timers;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::MatchedPath;
use http::{HeaderMap, Method, Request, Response};
use tower::{Layer, Service};
use tracing::Instrument;

use crate::deadline;
use crate::metrics::Metrics;
use crate::otlp::Spans;
use crate::trace::{self, SpanId, TraceContext};
use timers::{CLIENT_GONE, Timers};

/// A response extension that names the route for logs and metrics where axum does not know it (a proxy). Keep the number
/// of different names small.
#[derive(Clone, Debug)]
pub struct RouteName(pub Arc<str>);

/// See [`layer`].
#[derive(Clone, Debug)]
pub struct TelemetryLayer {
    timers: Arc<Timers>,
    service: &'static str,
    spans: Option<Spans>,
}

impl TelemetryLayer {
    /// Sends a span of each recorded request there.
    #[must_use]
    pub fn with_spans(mut self, spans: Option<Spans>) -> Self {
        self.spans = spans;
        self
    }

    /// Where this request is in its trace, and the caller's span.
    fn place(&self, headers: &HeaderMap) -> (TraceContext, Option<SpanId>) {
        match TraceContext::of_caller(headers) {
            Some(caller) => (caller.child(), Some(caller.span_id)),
            None => {
                let mut root = TraceContext::root();
                root.sampled = self.spans.as_ref().is_none_or(Spans::chosen);
                (root, None)
            }
        }
    }
}

/// The service that [`TelemetryLayer`] makes.
#[derive(Clone, Debug)]
pub struct TelemetryService<S> {
    inner: S,
    layer: TelemetryLayer,
}

/// A layer for axum's `Router::layer`, to be added last, so that it is outermost: reads or begins the trace context, runs the request within a
/// span that carries it, logs one line ("GET /cart/getCart 200"; ERROR from 500 on, DEBUG for the actuator) and records
/// `http.server.requests`. Neither query strings nor headers nor bodies are logged.
pub fn layer(metrics: Metrics, service: &'static str) -> TelemetryLayer {
    TelemetryLayer {
        timers: Arc::new(Timers::new(metrics)),
        service,
        spans: None,
    }
}

impl<S> Layer<S> for TelemetryLayer {
    type Service = TelemetryService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TelemetryService {
            inner,
            layer: self.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for TelemetryService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    R: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (context, parent) = self.layer.place(request.headers());
        let deadline = deadline::of_caller(request.headers());
        let method = method_name(request.method());
        let path = request.uri().path();
        let kind = Kind::of(path);
        let named = match request.extensions().get::<MatchedPath>() {
            Some(route) => Named::Route(route.clone()),
            None => Named::Path(presentable(path)),
        };
        let span = tracing::error_span!(
            "request",
            service = self.layer.service,
            trace_id = &*context.trace_id,
            span_id = &*context.span_id,
            method,
            route = named.shown(),
        );
        let mut watch = Watch {
            timers: Arc::clone(&self.layer.timers),
            span: self
                .layer
                .spans
                .clone()
                .map(|spans| (spans, context, parent)),
            begun: Instant::now(),
            method,
            named,
            kind,
            ended: false,
        };
        // Called within the context too: a service may do its work before it hands out the future.
        let future = span.in_scope(|| self.inner.call(request));
        let watched = async move {
            let answer = future.await;
            match &answer {
                Ok(response) => {
                    if let Some(name) = response.extensions().get::<RouteName>() {
                        watch.named = Named::ByAnswer(name.0.clone());
                    }
                    watch.answered(response.status().as_u16());
                }
                Err(_) => watch.answered(500),
            }
            answer
        };
        Box::pin(trace::serve(context, deadline, watched.instrument(span)))
    }
}

/// Follows one request to its end, which may be that it is dropped because the client went away.
struct Watch {
    timers: Arc<Timers>,
    span: Option<(Spans, TraceContext, Option<SpanId>)>,
    begun: Instant,
    method: &'static str,
    named: Named,
    kind: Kind,
    ended: bool,
}

/// What a request is called.
enum Named {
    /// As axum matched it.
    Route(MatchedPath),
    /// As a proxy said it.
    ByAnswer(Arc<str>),
    /// No route: the path, without what may be personal in it.
    Path(String),
}

impl Named {
    fn route(&self) -> Option<&str> {
        match self {
            Self::Route(route) => Some(route.as_str()),
            Self::ByAnswer(route) => Some(route),
            Self::Path(_) => None,
        }
    }

    fn shown(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::Route(route) => route.as_str(),
            Self::ByAnswer(route) => route,
        }
    }
}

/// What is asked all the time by programs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    /// Of the actuator.
    Probe,
    /// Each of these comes from each program every few seconds.
    Heartbeat,
}

impl Kind {
    fn of(path: &str) -> Kind {
        if path.starts_with("/actuator") {
            Kind::Probe
        } else if path.starts_with("/eureka/") {
            Kind::Heartbeat
        } else {
            Kind::Request
        }
    }
}

impl Watch {
    fn answered(&mut self, status: u16) {
        self.ended = true;
        let elapsed = self.begun.elapsed();
        let duration_ms = elapsed.as_micros() as f64 / 1000.0;
        let method = self.method;
        let shown = self.named.shown();
        // A probe's answer is not an event: a 503 of `/actuator/health` tells of something that was logged when it happened.
        let probe = self.kind == Kind::Probe;
        let heartbeat = self.kind == Kind::Heartbeat && status < 500;
        if status >= 500 && !probe {
            tracing::error!(
                route = shown,
                status,
                duration_ms,
                "{method} {shown} {status}"
            );
        } else if probe || heartbeat {
            tracing::debug!(
                route = shown,
                status,
                duration_ms,
                "{method} {shown} {status}"
            );
        } else {
            tracing::info!(
                route = shown,
                status,
                duration_ms,
                "{method} {shown} {status}"
            );
        }
        if !probe && !heartbeat {
            self.trace(Some(status), elapsed);
        }
        // Micrometer's names for requests without a route: unmatched paths must not become labels.
        let uri = match (status, self.named.route()) {
            (405, _) => "UNKNOWN",
            (_, Some(route)) => route,
            (404, None) => "/**",
            (_, None) => "UNKNOWN",
        };
        self.timers.get(uri, method, status).record(elapsed);
    }

    fn trace(&self, status: Option<u16>, took: Duration) {
        if let Some((spans, context, parent)) = &self.span {
            // A path without a route may be anything: it would make names without end.
            let route = self.named.route().unwrap_or("/**");
            spans.finish(context, parent.as_deref(), self.method, route, status, took);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            let elapsed = self.begun.elapsed();
            let duration_ms = elapsed.as_micros() as f64 / 1000.0;
            let (method, shown) = (self.method, self.named.shown());
            tracing::info!(duration_ms, "{method} {shown} was given up by the client");
            self.trace(None, elapsed);
            self.timers
                .get(self.named.route().unwrap_or("UNKNOWN"), method, CLIENT_GONE)
                .record(elapsed);
        }
    }
}

/// Clients may invent methods; labels may not grow with them.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT",
    ];
    KNOWN
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("OTHER")
}

/// A path without what may be personal or secret in it: addresses and long opaque segments.
fn presentable(path: &str) -> String {
    const LONGEST_SEGMENT: usize = 48;
    const LONGEST: usize = 256;
    let hidden = |segment: &str| {
        let lower = segment.to_ascii_lowercase();
        segment.len() > LONGEST_SEGMENT || lower.contains('@') || lower.contains("%40")
    };
    let shown: Vec<&str> = path
        .split('/')
        .map(|segment| if hidden(segment) { "***" } else { segment })
        .collect();
    shown.join("/").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use http::StatusCode;
    use tower::ServiceExt;

    use super::*;
    use crate::logs::tests::capture;

    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn app(metrics: &Metrics) -> Router {
        Router::new()
            .route(
                "/product/{id}",
                get(|| async {
                    tracing::info!("inside");
                    trace::current()
                        .map(|context| context.trace_id.to_string())
                        .unwrap_or_default()
                }),
            )
            .route(
                "/broken",
                get(|| async { StatusCode::INTERNAL_SERVER_ERROR }),
            )
            .route("/slow", get(std::future::pending::<()>))
            .route("/actuator/health", get(|| async { "UP" }))
            .fallback(|| async {
                (
                    StatusCode::NOT_FOUND,
                    axum::Extension(RouteName("routed".into())),
                )
            })
            .layer(layer(metrics.clone(), "test"))
    }

    async fn send(app: Router, path: &str) -> String {
        let request = Request::get(path)
            .header("traceparent", CALLER)
            .body(Body::empty())
            .unwrap();
        let response = app.oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 1000)
            .await
            .unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    fn samples(metrics: &Metrics) -> Vec<String> {
        let text = metrics.render(false, &["http_server_requests_seconds_count".to_owned()]);
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }

    #[tokio::test]
    async fn one_line_and_one_count_per_request_under_the_callers_trace() {
        let (_guard, lines) = capture(true);
        let metrics = Metrics::new();
        let seen = send(app(&metrics), "/product/7?token=secret").await;
        assert_eq!(seen, "4bf92f3577b34da6a3ce929d0e0e4736");
        let expected = r#"http_server_requests_seconds_count{error="none",exception="none",method="GET",outcome="SUCCESS",status="200",uri="/product/{id}"} 1.0"#;
        assert_eq!(samples(&metrics), [expected]);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines
                .iter()
                .all(|line| line.contains(&seen) && !line.contains("secret"))
        );
        let wide: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!(wide["message"], "GET /product/{id} 200");
        assert_eq!(
            (&wide["status"], &wide["level"]),
            (&200.into(), &"INFO".into())
        );
        assert!(wide["duration_ms"].is_number());
    }

    #[tokio::test]
    async fn failures_are_errors_and_the_actuator_is_quiet() {
        let (_guard, lines) = capture(true);
        let metrics = Metrics::new();
        send(app(&metrics), "/broken").await;
        send(app(&metrics), "/actuator/health").await;
        let levels: Vec<String> = lines
            .lock()
            .unwrap()
            .iter()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["level"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(levels, ["ERROR", "DEBUG"]);
    }

    #[tokio::test]
    async fn unmatched_paths_do_not_become_labels() {
        let metrics = Metrics::new();
        let plain = Router::<()>::new()
            .route("/a", get(|| async {}))
            .layer(layer(metrics.clone(), "test"));
        for path in ["/x", "/y", "/z"] {
            send(plain.clone(), path).await;
        }
        let post = Request::post("/a").body(Body::empty()).unwrap();
        plain.oneshot(post).await.unwrap();
        let counts = samples(&metrics);
        assert_eq!(counts.len(), 2, "{counts:?}");
        assert!(
            counts
                .iter()
                .any(|line| line.contains(r#"status="404",uri="/**"} 3.0"#))
        );
        assert!(
            counts
                .iter()
                .any(|line| line.contains(r#"status="405",uri="UNKNOWN"} 1.0"#))
        );
    }

    #[tokio::test]
    async fn a_request_that_is_dropped_is_counted() {
        let (_guard, lines) = capture(true);
        let metrics = Metrics::new();
        let request = Request::get("/slow").body(Body::empty()).unwrap();
        let hung = app(&metrics).oneshot(request);
        let outcome = tokio::time::timeout(std::time::Duration::from_millis(20), hung).await;
        assert!(outcome.is_err());
        assert!(
            samples(&metrics)[0].contains(r#"outcome="UNKNOWN",status="UNKNOWN",uri="/slow"} 1.0"#)
        );
        assert!(lines.lock().unwrap()[0].contains("given up by the client"));
    }

    #[test]
    fn addresses_and_secrets_do_not_show_in_paths() {
        assert_eq!(presentable("/user/kim@example.com/x"), "/user/***/x");
        assert_eq!(presentable("/user/kim%40example.com"), "/user/***");
        assert_eq!(presentable(&format!("/t/{}", "a".repeat(60))), "/t/***");
        assert_eq!(presentable("/cart/getCart"), "/cart/getCart");
    }
}
