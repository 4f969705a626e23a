//! The endpoints as a monitoring system sees them; bodies follow captures of Spring Boot 3.2.4.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on should panic"
)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request};
use mall_actuator::{Actuator, CHECK_TIMEOUT, Exposure, Health, HealthIndicator, Readiness};
use mall_resilience::{BreakerRegistry, CircuitBreakerConfig};
use mall_telemetry::Metrics;
use serde_json::{Value, json};
use tower::ServiceExt;

const V3: &str = "application/vnd.spring-boot.actuator.v3+json";
struct Fixed(&'static str, Option<Health>);

#[async_trait]
impl HealthIndicator for Fixed {
    fn name(&self) -> &'static str {
        self.0
    }
    async fn check(&self) -> Health {
        match &self.1 {
            Some(health) => health.clone(),
            None => std::future::pending().await,
        }
    }
}

struct Rig {
    app: Router,
    metrics: Metrics,
    breakers: BreakerRegistry,
    readiness: Readiness,
}

fn rig(exposure: Exposure, indicators: Vec<Fixed>) -> Rig {
    let (metrics, readiness) = (Metrics::new(), Readiness::new());
    readiness.accept();
    let original = CircuitBreakerConfig {
        slow_call_rate_threshold: 80.0,
        sliding_window_size: 10,
        minimum_number_of_calls: 10,
        register_health_indicator: true,
        ..CircuitBreakerConfig::default()
    };
    let breakers =
        BreakerRegistry::new(original.clone(), [("traceCb".to_owned(), original)].into());
    let actuator = Actuator {
        service: "test".to_owned(),
        info: json!({"build": {"version": "0.1.0"}}),
        indicators: indicators
            .into_iter()
            .map(|fixed| Arc::new(fixed) as Arc<dyn HealthIndicator>)
            .collect(),
        metrics: metrics.clone(),
        breakers: breakers.clone(),
        readiness: readiness.clone(),
        exposure,
    };
    Rig {
        app: actuator.router(),
        metrics,
        breakers,
        readiness,
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Rig {
    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .app
            .clone()
            .oneshot(request.body(Body::from(body.to_owned())).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }
    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }
    async fn set(&self, name: &str, body: &str) -> Answer {
        let path = format!("/actuator/circuitbreakers/{name}");
        self.send(
            Method::POST,
            &path,
            &[("content-type", "application/json")],
            body,
        )
        .await
    }
    fn break_it(&self) {
        let breaker = self.breakers.get("traceCb");
        (0..10).for_each(|n| {
            let permit = breaker.try_acquire().unwrap();
            if n < 5 {
                permit.success(Duration::ZERO)
            } else {
                permit.failure(Duration::from_millis(250))
            }
        });
        assert!(breaker.try_acquire().is_err());
    }
}

#[tokio::test]
async fn health_with_components_and_groups() {
    let redis = Health::up().detail("version", "7.0.15");
    let rig = rig(Exposure::All, vec![Fixed("redis", Some(redis))]);
    let answer = rig.get("/actuator/health").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, V3));
    let expected = r#"{"status":"UP","components":{"circuitBreakers":{"status":"UP","details":{"traceCb":{"status":"UP","details":{"failureRate":"-1.0%","failureRateThreshold":"50.0%","slowCallRate":"-1.0%","slowCallRateThreshold":"80.0%","bufferedCalls":0,"slowCalls":0,"slowFailedCalls":0,"failedCalls":0,"notPermittedCalls":0,"state":"CLOSED"}}}},"livenessState":{"status":"UP"},"ping":{"status":"UP"},"readinessState":{"status":"UP"},"redis":{"status":"UP","details":{"version":"7.0.15"}}},"groups":["liveness","readiness"]}"#;
    assert_eq!(answer.text, expected);
    let part = rig.get("/actuator/health/redis").await;
    assert_eq!(
        (part.status, &*part.text),
        (200, r#"{"status":"UP","details":{"version":"7.0.15"}}"#)
    );
    for absent in [
        "nope",
        "circuitBreakers/traceCb",
        "liveness/livenessState",
        "redis/x",
    ] {
        let answer = rig.get(&format!("/actuator/health/{absent}")).await;
        assert_eq!((answer.status, &*answer.text), (404, ""), "{absent}");
    }
    assert_eq!(rig.get("/actuator/health/").await.status, 200);
    assert_eq!(rig.get("/actuator/health/redis/").await.status, 200);
    let old = rig
        .send(
            Method::GET,
            "/actuator/health",
            &[("accept", "application/vnd.spring-boot.actuator.v2+json")],
            "",
        )
        .await;
    assert_eq!(
        old.json()["details"]["redis"]["details"]["version"],
        "7.0.15"
    );
}

#[tokio::test]
async fn a_dependency_that_is_down_is_503_and_the_probes_are_not() {
    let rig = rig(
        Exposure::All,
        vec![Fixed("redis", Some(Health::down("connection refused")))],
    );
    let answer = rig.get("/actuator/health").await;
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (503, &json!("DOWN"))
    );
    assert_eq!(
        rig.get("/actuator/health/redis").await.text,
        r#"{"status":"DOWN","details":{"error":"connection refused"}}"#
    );
    for probe in ["liveness", "readiness"] {
        let answer = rig.get(&format!("/actuator/health/{probe}")).await;
        assert_eq!((answer.status, &*answer.text), (200, r#"{"status":"UP"}"#));
    }
    rig.readiness.refuse();
    let answer = rig.get("/actuator/health/readiness").await;
    assert_eq!(
        (answer.status, &*answer.text),
        (503, r#"{"status":"OUT_OF_SERVICE"}"#)
    );
    assert_eq!(rig.get("/actuator/health/liveness").await.status, 200);
}

#[tokio::test]
async fn dependencies_that_hang_are_asked_together_and_for_a_bounded_time() {
    let rig = rig(Exposure::All, vec![Fixed("db", None), Fixed("redis", None)]);
    let begun = std::time::Instant::now();
    let answer = rig.get("/actuator/health").await;
    assert_eq!(answer.status, 503);
    assert!(begun.elapsed() < CHECK_TIMEOUT * 2, "{:?}", begun.elapsed());
    assert_eq!(
        answer.json()["components"]["db"]["details"]["error"],
        "no answer within 2000 ms"
    );
}

#[tokio::test]
async fn the_edge_shows_little() {
    let rig = rig(
        Exposure::Edge,
        vec![Fixed("redis", Some(Health::down("10.0.0.7 refused")))],
    );
    let answer = rig.get("/actuator/health").await;
    assert_eq!(
        (answer.status, &*answer.text),
        (
            503,
            r#"{"status":"DOWN","groups":["liveness","readiness"]}"#
        )
    );
    assert_eq!(rig.get("/actuator/health/redis").await.status, 404);
    for hidden in ["metrics", "metrics/process.uptime", "circuitbreakers"] {
        assert_eq!(
            rig.get(&format!("/actuator/{hidden}")).await.status,
            404,
            "{hidden}"
        );
    }
    assert_eq!(
        rig.set("traceCb", r#"{"updateState":"FORCE_OPEN"}"#)
            .await
            .status,
        404
    );
    for shown in ["info", "prometheus", "health/liveness", "health/readiness"] {
        assert_eq!(
            rig.get(&format!("/actuator/{shown}")).await.status,
            200,
            "{shown}"
        );
    }
}

#[tokio::test]
async fn the_index_and_the_media_types() {
    let rig = rig(Exposure::All, vec![]);
    let answer = rig
        .send(Method::GET, "/actuator", &[("host", "shop:8012")], "")
        .await;
    let links = answer.json()["_links"].clone();
    assert_eq!(
        links["self"],
        json!({"href": "http://shop:8012/actuator", "templated": false})
    );
    assert_eq!(
        links["health-path"],
        json!({"href": "http://shop:8012/actuator/health/{*path}", "templated": true})
    );
    let mut rels: Vec<&str> = links
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    rels.sort_unstable();
    let expected = [
        "circuitbreakers",
        "circuitbreakers-name",
        "health",
        "health-path",
        "info",
        "metrics",
        "metrics-requiredMetricName",
        "prometheus",
        "self",
    ];
    assert_eq!(rels, expected);
    let json = rig
        .send(
            Method::GET,
            "/actuator/info",
            &[("accept", "application/json")],
            "",
        )
        .await;
    assert_eq!(
        (json.header("content-type"), &*json.text),
        ("application/json", r#"{"build":{"version":"0.1.0"}}"#)
    );
    let refused = rig
        .send(
            Method::GET,
            "/actuator/health",
            &[("accept", "text/plain")],
            "",
        )
        .await;
    assert_eq!((refused.status, &*refused.text), (406, ""));
    assert!(refused.header("accept").starts_with(V3));
    let wrong = rig.send(Method::POST, "/actuator/health", &[], "").await;
    assert_eq!(wrong.status, 405);
    assert!(wrong.header("allow").contains("GET"));
    let head = rig.send(Method::HEAD, "/actuator/health", &[], "").await;
    assert_eq!((head.status, &*head.text), (200, ""));
}

#[tokio::test]
async fn metrics_by_name_and_tag() {
    let rig = rig(Exposure::All, vec![]);
    let timer = |status| {
        rig.metrics.timer(
            "http.server.requests",
            "",
            &[("method", "GET"), ("status", status)],
        )
    };
    timer("200").record(Duration::from_millis(500));
    timer("404").record(Duration::from_millis(250));
    let names = rig.get("/actuator/metrics").await.json();
    let names: Vec<&str> = names["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(
        names.is_sorted()
            && names.contains(&"http.server.requests")
            && names.contains(&"process.uptime")
    );
    let all = rig.get("/actuator/metrics/http.server.requests").await;
    let expected = r#"{"name":"http.server.requests","baseUnit":"seconds","measurements":[{"statistic":"COUNT","value":2.0},{"statistic":"TOTAL_TIME","value":0.75},{"statistic":"MAX","value":0.5}],"availableTags":[{"tag":"method","values":["GET"]},{"tag":"status","values":["200","404"]}]}"#;
    assert_eq!(all.text, expected);
    assert_eq!(all.header("content-disposition"), "inline;filename=f.txt");
    for tags in ["tag=status:200&tag=method:GET", "tag=status:200,method:GET"] {
        let one = rig
            .get(&format!("/actuator/metrics/http.server.requests?{tags}"))
            .await
            .json();
        assert_eq!(
            (&one["measurements"][0]["value"], &one["availableTags"]),
            (&json!(1.0), &json!([]))
        );
    }
    let none = rig
        .get("/actuator/metrics/http.server.requests?tag=status:299")
        .await;
    assert_eq!((none.status, &*none.text), (404, ""));
    assert_eq!(rig.get("/actuator/metrics/nope").await.status, 404);
    let bad = rig
        .get("/actuator/metrics/http.server.requests?tag=nocolon")
        .await;
    assert_eq!(
        (bad.status, &bad.json()["error"]),
        (400, &json!("Bad Request"))
    );
}

#[tokio::test]
async fn prometheus_in_both_formats() {
    let rig = rig(Exposure::All, vec![]);
    rig.break_it();
    let plain = rig.get("/actuator/prometheus").await;
    assert_eq!(
        (plain.status, plain.header("content-type")),
        (200, "text/plain;version=0.0.4;charset=utf-8")
    );
    let scraper =
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    let open = rig
        .send(
            Method::GET,
            "/actuator/prometheus",
            &[("accept", scraper)],
            "",
        )
        .await;
    assert_eq!(
        open.header("content-type"),
        "application/openmetrics-text;version=1.0.0;charset=utf-8"
    );
    assert!(open.text.ends_with("# EOF\n"));
    let refused = rig
        .send(
            Method::GET,
            "/actuator/prometheus",
            &[("accept", "application/json")],
            "",
        )
        .await;
    assert_eq!(refused.status, 406);
    let one = rig
        .get("/actuator/prometheus?includedNames=resilience4j_circuitbreaker_failure_rate")
        .await;
    assert_eq!(
        one.text.lines().last(),
        Some(r#"resilience4j_circuitbreaker_failure_rate{group="none",name="traceCb"} 50.0"#)
    );
    assert_eq!(
        rig.get("/actuator/prometheus?includedNames=nope")
            .await
            .text,
        ""
    );
    for line in [
        r#"resilience4j_circuitbreaker_state{group="none",name="traceCb",state="open"} 1.0"#,
        r#"resilience4j_circuitbreaker_state{group="none",name="traceCb",state="half_open"} 0.0"#,
        r#"resilience4j_circuitbreaker_buffered_calls{group="none",kind="failed",name="traceCb"} 5.0"#,
        r#"resilience4j_circuitbreaker_slow_calls{group="none",kind="successful",name="traceCb"} 0.0"#,
        r#"resilience4j_circuitbreaker_calls_seconds_count{group="none",kind="failed",name="traceCb"} 5.0"#,
        r#"resilience4j_circuitbreaker_calls_seconds_sum{group="none",kind="failed",name="traceCb"} 1.25"#,
        r#"resilience4j_circuitbreaker_calls_seconds_max{group="none",kind="failed",name="traceCb"} 0.25"#,
        r#"resilience4j_circuitbreaker_calls_seconds_count{group="none",kind="ignored",name="traceCb"} 0.0"#,
        r#"resilience4j_circuitbreaker_not_permitted_calls_total{group="none",kind="not_permitted",name="traceCb"} 1.0"#,
    ] {
        assert!(
            plain.text.contains(&format!("{line}\n")),
            "missing: {line}\n{}",
            plain.text
        );
    }
}

#[tokio::test]
async fn breakers_are_shown_and_set_by_hand() {
    let rig = rig(Exposure::All, vec![]);
    rig.break_it();
    let list = rig.get("/actuator/circuitbreakers").await;
    let expected = r#"{"circuitBreakers":{"traceCb":{"failureRate":"50.0%","slowCallRate":"0.0%","failureRateThreshold":"50.0%","slowCallRateThreshold":"80.0%","bufferedCalls":10,"failedCalls":5,"slowCalls":0,"slowFailedCalls":0,"notPermittedCalls":1,"state":"OPEN"}}}"#;
    assert_eq!(list.text, expected);
    let health = rig.get("/actuator/health/circuitBreakers").await;
    assert_eq!(
        (health.status, &health.json()["status"]),
        (200, &json!("UNKNOWN"))
    );
    assert_eq!(
        health.json()["details"]["traceCb"]["status"],
        "CIRCUIT_OPEN"
    );
    assert_eq!(
        rig.get("/actuator/health").await.status,
        200,
        "an open breaker does not take the service out"
    );
    let set = rig.set("newOne", r#"{"updateState":"force_open"}"#).await;
    let expected = r#"{"circuitBreakerName":"newOne","currentState":"FORCED_OPEN","message":"newOne state has been changed successfully"}"#;
    assert_eq!((set.status, &*set.text), (200, expected));
    assert_eq!(
        rig.set("newOne", r#"{"updateState":"CLOSE"}"#).await.json()["currentState"],
        "CLOSED"
    );
    assert_eq!(
        rig.set("newOne", r#"{"updateState":"DISABLE"}"#)
            .await
            .json()["currentState"],
        "DISABLED"
    );
    for bad in [r#"{"updateState":"OPEN"}"#, "{}", "not json", ""] {
        let answer = rig.set("slowCb", bad).await;
        assert_eq!(
            (answer.status, &answer.json()["path"]),
            (400, &json!("/actuator/circuitbreakers/slowCb")),
            "{bad}"
        );
    }
    assert!(
        rig.breakers.find("slowCb").is_none(),
        "a refused change creates nothing"
    );
    let text = rig
        .send(
            Method::POST,
            "/actuator/circuitbreakers/x",
            &[("content-type", "text/plain")],
            "{}",
        )
        .await;
    assert_eq!(text.status, 415);
    let one = rig.get("/actuator/circuitbreakers/traceCb").await;
    assert_eq!((one.status, one.header("allow")), (405, "POST"));
}
