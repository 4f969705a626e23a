//! Traces for a viewer: one server span per request, sent by OTLP over HTTP in its JSON form.
//!
//! Source: the OpenTelemetry Protocol specification, "OTLP/HTTP" and "JSON Protobuf Encoding" (ids in hexadecimal, 64-bit
//! numbers as text). Nothing waits for the viewer: spans queue in a bounded channel, and what does not fit, or can't be sent,
//! is dropped and counted in `mall_traces_dropped_total`.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mall_clock::SharedClock;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Counter, Metrics};
use crate::trace::TraceContext;

/// So many spans may wait to be sent.
const QUEUE: usize = 4096;
/// So many go into one message.
const BATCH: usize = 512;
/// How long spans are collected before they are sent.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the viewer may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where to, and how much.
#[derive(Clone, Debug)]
pub struct OtlpSettings {
    /// The whole address, `http://host:4318/v1/traces`.
    pub endpoint: Uri,
    /// The program's name.
    pub service: String,
    /// The part of the traces that begin here and are recorded, 0 to 1. A caller's decision goes before it.
    pub sampling: f64,
}

/// Takes finished spans. Clones share everything.
#[derive(Clone, Debug)]
pub struct Spans {
    queue: mpsc::Sender<Span>,
    clock: SharedClock,
    sampling: f64,
    dropped: Counter,
}

/// A request that was served.
#[derive(Debug)]
struct Span {
    context: TraceContext,
    parent: Option<String>,
    name: String,
    method: &'static str,
    /// None: the client went away.
    status: Option<u16>,
    ended: DateTime<Utc>,
    took: Duration,
}

impl Spans {
    /// The sink, and the work that sends what comes in. It ends when `stop` is cancelled and what had come was sent.
    pub fn new(
        settings: OtlpSettings,
        clock: SharedClock,
        metrics: &Metrics,
        stop: CancellationToken,
    ) -> (Spans, impl Future<Output = ()> + Send + use<>) {
        let (queue, spans) = mpsc::channel(QUEUE);
        let dropped = metrics.counter(
            "mall.traces.dropped",
            "Spans that were not sent to the trace viewer",
            &[],
        );
        let viewer = Viewer {
            http: Client::builder(TokioExecutor::new()).build_http(),
            endpoint: settings.endpoint,
            service: settings.service,
            dropped: dropped.clone(),
            away: false,
        };
        let sink = Spans {
            queue,
            clock,
            sampling: settings.sampling,
            dropped,
        };
        (sink, viewer.serve(spans, stop))
    }

    /// Whether a trace that begins here is recorded.
    pub(crate) fn chosen(&self) -> bool {
        rand::random::<f64>() < self.sampling
    }

    /// Takes a request's span, when its trace is recorded. `parent` is the caller's span.
    pub(crate) fn finish(
        &self,
        context: &TraceContext,
        parent: Option<&str>,
        method: &'static str,
        route: &str,
        status: Option<u16>,
        took: Duration,
    ) {
        if !context.sampled {
            return;
        }
        let span = Span {
            context: *context,
            parent: parent.map(str::to_owned),
            name: format!("{method} {route}"),
            method,
            status,
            ended: self.clock.now(),
            took,
        };
        if self.queue.try_send(span).is_err() {
            self.dropped.inc();
        }
    }
}

/// The other end.
struct Viewer {
    http: Client<HttpConnector, Full<Bytes>>,
    endpoint: Uri,
    service: String,
    dropped: Counter,
    /// Whether the last message was lost, so that an outage is logged once.
    away: bool,
}

impl Viewer {
    async fn serve(mut self, mut spans: mpsc::Receiver<Span>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut stopping = false;
        while !stopping {
            tokio::select! {
                () = stop.cancelled() => stopping = true,
                () = tokio::time::sleep(PAUSE) => {}
            }
            while let Ok(span) = spans.try_recv() {
                batch.push(span);
                if batch.len() == BATCH {
                    self.send(std::mem::take(&mut batch)).await;
                }
            }
            if !batch.is_empty() {
                self.send(std::mem::take(&mut batch)).await;
            }
        }
    }

    async fn send(&mut self, spans: Vec<Span>) {
        let sent = tokio::time::timeout(PATIENCE, self.post(&spans)).await;
        let lost = match sent {
            Ok(Ok(status)) if status.is_success() => None,
            Ok(Ok(status)) => Some(status.to_string()),
            Ok(Err(error)) => Some(error),
            Err(_) => Some("no answer in time".to_owned()),
        };
        match lost {
            None => self.away = false,
            Some(why) => {
                self.dropped.add(spans.len() as u64);
                if !std::mem::replace(&mut self.away, true) {
                    tracing::warn!(endpoint = %self.endpoint, "traces are not taken: {why}");
                }
            }
        }
    }

    async fn post(&self, spans: &[Span]) -> Result<StatusCode, String> {
        let message = message(&self.service, spans).to_string();
        let request = Request::post(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(message)))
            .map_err(|error| error.to_string())?;
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = response.status();
        // Read to the end, or the connection can't be used again.
        let _ = Limited::new(response.into_body(), 64 * 1024)
            .collect()
            .await;
        Ok(status)
    }
}

/// An `ExportTraceServiceRequest`.
fn message(service: &str, spans: &[Span]) -> Value {
    let spans: Vec<Value> = spans.iter().map(Span::wire).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", service)]},
        "scopeSpans": [{"scope": {"name": "mall"}, "spans": spans}],
    }]})
}

impl Span {
    fn wire(&self) -> Value {
        /// `SPAN_KIND_SERVER`
        const SERVER: u8 = 2;
        /// `STATUS_CODE_ERROR`
        const ERROR: u8 = 2;
        let ended = self.ended.timestamp_nanos_opt().unwrap_or_default();
        let began = ended.saturating_sub(i64::try_from(self.took.as_nanos()).unwrap_or(i64::MAX));
        let route = self.name.split_once(' ').map_or("", |(_, route)| route);
        let mut attributes = vec![
            text("http.request.method", self.method),
            text("http.route", route),
        ];
        attributes.extend(self.status.map(|status| {
            json!({"key": "http.response.status_code", "value": {"intValue": status.to_string()}})
        }));
        let failed = self.status.is_none_or(|status| status >= 500);
        json!({
            "traceId": self.context.trace_id,
            "spanId": self.context.span_id,
            "parentSpanId": self.parent.as_deref().unwrap_or(""),
            "name": self.name,
            "kind": SERVER,
            "startTimeUnixNano": began.to_string(),
            "endTimeUnixNano": ended.to_string(),
            "attributes": attributes,
            "status": if failed { json!({"code": ERROR}) } else { json!({}) },
        })
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::routing::post;
    use mall_clock::MockClock;

    use super::*;

    type Taken = Arc<Mutex<Vec<Value>>>;

    /// A viewer that answers `status` and remembers what it was told.
    async fn viewer(status: StatusCode) -> (Uri, Taken) {
        let taken = Taken::default();
        let app = Router::new().route(
            "/v1/traces",
            post({
                let taken = Arc::clone(&taken);
                move |body: axum::Json<Value>| async move {
                    taken.lock().unwrap().push(body.0);
                    status
                }
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        (
            format!("http://{address}/v1/traces").parse().unwrap(),
            taken,
        )
    }

    fn sink(
        endpoint: Uri,
        metrics: &Metrics,
        stop: &CancellationToken,
    ) -> (Spans, tokio::task::JoinHandle<()>) {
        let settings = OtlpSettings {
            endpoint,
            service: "application-order".to_owned(),
            sampling: 1.0,
        };
        let clock = MockClock::at("2024-05-01T10:00:00+09:00");
        let (spans, work) = Spans::new(settings, clock, metrics, stop.clone());
        (spans, tokio::spawn(work))
    }

    fn context(sampled: bool) -> TraceContext {
        TraceContext {
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap(),
            span_id: "00f067aa0ba902b7".parse().unwrap(),
            sampled,
        }
    }

    #[tokio::test]
    async fn what_was_served_reaches_the_viewer_before_the_end() {
        let (endpoint, taken) = viewer(StatusCode::OK).await;
        let (metrics, stop) = (Metrics::new(), CancellationToken::new());
        let (spans, work) = sink(endpoint, &metrics, &stop);
        let took = Duration::from_millis(5);
        let parent = Some("b7ad6b7169203331");
        spans.finish(
            &context(true),
            parent,
            "GET",
            "/order/{id}",
            Some(200),
            took,
        );
        spans.finish(&context(true), None, "PUT", "/order/{id}", Some(503), took);
        spans.finish(
            &context(false),
            None,
            "GET",
            "/not/recorded",
            Some(200),
            took,
        );
        stop.cancel();
        work.await.unwrap();
        let taken = taken.lock().unwrap();
        assert_eq!(taken.len(), 1);
        let resource = &taken[0]["resourceSpans"][0];
        assert_eq!(
            resource["resource"]["attributes"][0]["value"]["stringValue"],
            "application-order"
        );
        let sent = resource["scopeSpans"][0]["spans"].as_array().unwrap();
        assert_eq!(sent.len(), 2, "{sent:?}");
        assert_eq!(
            sent[0],
            json!({
                "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
                "spanId": "00f067aa0ba902b7",
                "parentSpanId": "b7ad6b7169203331",
                "name": "GET /order/{id}",
                "kind": 2,
                "startTimeUnixNano": "1714525199995000000",
                "endTimeUnixNano": "1714525200000000000",
                "attributes": [
                    {"key": "http.request.method", "value": {"stringValue": "GET"}},
                    {"key": "http.route", "value": {"stringValue": "/order/{id}"}},
                    {"key": "http.response.status_code", "value": {"intValue": "200"}},
                ],
                "status": {},
            })
        );
        assert_eq!(sent[1]["status"], json!({"code": 2}));
        assert_eq!(sent[1]["parentSpanId"], "");
        assert!(!metrics.render(false, &[]).contains("dropped_total 1"));
    }

    #[tokio::test]
    async fn what_is_not_taken_is_counted() {
        let (endpoint, _) = viewer(StatusCode::SERVICE_UNAVAILABLE).await;
        let (metrics, stop) = (Metrics::new(), CancellationToken::new());
        let (spans, work) = sink(endpoint, &metrics, &stop);
        spans.finish(&context(true), None, "GET", "/x", Some(200), PAUSE);
        stop.cancel();
        work.await.unwrap();
        let shown = metrics.render(false, &[]);
        assert!(shown.contains("mall_traces_dropped_total 1"), "{shown}");
    }

    #[tokio::test]
    async fn a_full_queue_drops_and_nobody_waits() {
        let (metrics, stop) = (Metrics::new(), CancellationToken::new());
        let settings = OtlpSettings {
            endpoint: Uri::from_static("http://127.0.0.1:1/v1/traces"),
            service: "x".to_owned(),
            sampling: 0.0,
        };
        let clock = MockClock::at("2024-05-01T10:00:00+09:00");
        let (spans, _not_run) = Spans::new(settings, clock, &metrics, stop);
        assert!(!spans.chosen());
        for _ in 0..QUEUE + 3 {
            spans.finish(&context(true), None, "GET", "/x", None, PAUSE);
        }
        let shown = metrics.render(false, &[]);
        assert!(shown.contains("mall_traces_dropped_total 3"), "{shown}");
    }
}
