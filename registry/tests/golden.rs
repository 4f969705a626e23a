//! What a stock Spring Cloud Netflix server answered, exchange by exchange on a fresh registry. Every answer is the same to the
//! byte, or is listed below with the reason; an entry that is not needed fails as well.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers may panic like the test itself"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use mall_clock::{Clock, MockClock};
use mall_registry::instance_registry::RegistrySettings;
use mall_registry::{RegistryState, router};
use mall_service::Stack;
use mall_telemetry::metrics::Metrics;
use serde_json::Value;
use tower::ServiceExt;

const CAPTURES: &str = include_str!("golden/spring-eureka-captures.jsonl");
const NOW: &str = "2027-03-04T05:06:07.089Z";

/// How ours differs.
enum Ours {
    /// The exchange belongs to what is not built; it is not sent.
    NotBuilt,
    /// Same status, type and content; the order of applications, instances or metadata is another. Netflix's is that of a hash.
    Order,
    /// Another status; the body is Boot's error of that status.
    Error(u16),
    /// We take what stock refuses; undone by a DELETE of the instance, so that the rest can go on.
    Accepted,
    /// Same status and headers; the body is ours and holds this.
    OtherBody(&'static str),
    /// Same status and body; these headers differ.
    OtherHeader(&'static str),
}

const DIFFERENCES: &[(&str, Ours, &str)] = &[
    (
        "method-batch-get",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "batch-register-heartbeats",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "batch-heartbeat-newer-override",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "instance-after-batch-override",
        Ours::NotBuilt,
        "state left by the batch before it",
    ),
    (
        "batch-heartbeat-applies-override",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "instance-after-batch-heartbeat",
        Ours::NotBuilt,
        "state left by the batch before it",
    ),
    (
        "batch-status",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "batch-delete-status",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "batch-cancel",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "batch-all-unknown",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "batch-empty",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "batch-bad-json",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "batch-no-list",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "batch-bogus-action",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "batch-extra-key",
        Ours::NotBuilt,
        "peer replication is not built yet",
    ),
    (
        "path-status",
        Ours::Error(404),
        "stock fails on its status resource; ours has none",
    ),
    (
        "asg",
        Ours::Error(404),
        "Amazon's auto-scaling groups do not exist here, so neither does the path",
    ),
    (
        "heartbeat-bad-timestamp",
        Ours::Error(400),
        "a client's mistake is no server error",
    ),
    (
        "status-bad-enum",
        Ours::Error(400),
        "a client's mistake is no server error",
    ),
    (
        "status-lower-case",
        Ours::Error(400),
        "a client's mistake is no server error",
    ),
    (
        "status-no-value",
        Ours::Error(400),
        "a client's mistake is no server error",
    ),
    (
        "status-delete-bad",
        Ours::Error(400),
        "a client's mistake is no server error",
    ),
    (
        "post-dc-no-class",
        Ours::Accepted,
        "the JavaScript client's documentation shows it without a class",
    ),
    (
        "post-port-number",
        Ours::Accepted,
        "the JavaScript client's documentation shows a plain number",
    ),
    (
        "apps-accept-html",
        Ours::OtherBody("<h1>Not Acceptable</h1>"),
        "the error page for people has our own words",
    ),
    (
        "apps-gzip",
        Ours::OtherHeader("Content-Encoding"),
        "answers are plain, which every client takes",
    ),
    (
        "apps-both-types",
        Ours::OtherHeader("Content-Type"),
        "stock labels its JSON as XML",
    ),
    (
        "instance-metadata-names-xml",
        Ours::Order,
        "metadata by key",
    ),
    ("instance-all-fields-json", Ours::Order, "metadata by key"),
    (
        "apps-hash-several",
        Ours::Order,
        "applications by name, instances by id",
    ),
];

struct Exchange {
    name: String,
    method: Method,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
    answer: Answer,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

fn exchanges() -> Vec<Exchange> {
    let texts = |value: &Value| -> BTreeMap<String, String> {
        let pairs = value.as_object().unwrap().iter();
        pairs
            .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
            .collect()
    };
    CAPTURES
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line.get("name").is_some())
        .map(|line| {
            let (request, response) = (&line["request"], &line["response"]);
            Exchange {
                name: line["name"].as_str().unwrap().to_owned(),
                method: request["method"].as_str().unwrap().parse().unwrap(),
                path: request["path"].as_str().unwrap().to_owned(),
                headers: texts(&request["headers"]),
                body: request["body"].as_str().unwrap().to_owned(),
                answer: Answer {
                    status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
                    headers: texts(&response["headers"]),
                    body: response["body"].as_str().unwrap().to_owned(),
                },
            }
        })
        .collect()
}

async fn send(router: &Router, exchange: &Exchange) -> Answer {
    let mut request = Request::builder()
        .method(exchange.method.clone())
        .uri(&exchange.path);
    for (name, value) in &exchange.headers {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(exchange.body.clone())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let headers = ["Content-Type", "Content-Encoding", "Allow"]
        .into_iter()
        .filter_map(|name| {
            Some((
                name.to_owned(),
                response.headers().get(name)?.to_str().unwrap().to_owned(),
            ))
        })
        .collect();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answer {
        status,
        headers,
        body: masked(std::str::from_utf8(&body).unwrap()),
    }
}

/// The clock stands still, so exactly its time is `<now>`: also one lease later, as Eureka shows a renewal.
fn masked(body: &str) -> String {
    let now = MockClock::at(NOW).now().timestamp_millis();
    body.replace(&(now + 90_000).to_string(), "<now>")
        .replace(&now.to_string(), "<now>")
        .replace("2027-03-04T05:06:07.089+00:00", "<now>")
}

/// The same whatever the order: JSON with its lists sorted, XML with its lines sorted.
fn unordered(body: &str) -> String {
    if body.starts_with('<') {
        let mut lines: Vec<&str> = body.lines().collect();
        lines.sort_unstable();
        return lines.join("\n");
    }
    let json = body.replace("\"<now>\"", "\"now\"").replace("<now>", "0");
    let mut value: Value = serde_json::from_str(&json).unwrap();
    sort(&mut value);
    value.to_string()
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(values) => {
            values.iter_mut().for_each(sort);
            values.sort_by_key(Value::to_string);
        }
        Value::Object(fields) => {
            fields.values_mut().for_each(sort);
            fields.sort_keys();
        }
        _ => {}
    }
}

fn boot_error(status: u16, path: &str) -> String {
    let reason = http::StatusCode::from_u16(status)
        .unwrap()
        .canonical_reason()
        .unwrap();
    let path = path.split('?').next().unwrap();
    format!(r#"{{"timestamp":"<now>","status":{status},"error":"{reason}","path":"{path}"}}"#)
}

fn same(ours: &Answer, stock: &Answer) -> bool {
    ours.status == stock.status && ours.headers == stock.headers && ours.body == stock.body
}

/// Whether the listed difference is what is there.
fn explained(difference: &Ours, exchange: &Exchange, ours: &Answer) -> bool {
    let stock = &exchange.answer;
    let without = |answer: &Answer, header: &str| {
        let mut headers = answer.headers.clone();
        headers.remove(header);
        headers
    };
    match difference {
        Ours::NotBuilt => true,
        Ours::Order => {
            ours.status == stock.status
                && ours.headers == stock.headers
                && unordered(&ours.body) == unordered(&stock.body)
        }
        Ours::Error(status) => {
            ours.status == *status && ours.body == boot_error(*status, &exchange.path)
        }
        Ours::Accepted => ours.status == 204 && ours.body.is_empty() && stock.status == 400,
        Ours::OtherBody(part) => {
            ours.status == stock.status && ours.headers == stock.headers && ours.body.contains(part)
        }
        Ours::OtherHeader(header) => {
            ours.status == stock.status
                && ours.body == stock.body
                && without(ours, header) == without(stock, header)
        }
    }
}

fn fresh() -> Router {
    let state = RegistryState::new(RegistrySettings::default(), true, MockClock::at(NOW));
    router(Arc::new(state))
}

#[tokio::test]
async fn every_exchange_is_stocks_or_listed() {
    replay(fresh()).await;
}

/// With the layers that every program has around it: they must not touch Eureka's own errors.
#[tokio::test]
async fn so_it_is_inside_the_service_stack() {
    let stack = Stack {
        name: "discovery-server",
        keys: None,
        clock: MockClock::at(NOW),
        metrics: Metrics::new(),
        body_limit: 1 << 20,
    };
    let router = stack.around(fresh());
    let elsewhere = Request::get("/elsewhere").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(elsewhere).await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    replay(router).await;
}

async fn replay(router: Router) {
    let mut wrong = Vec::new();
    let mut needed = Vec::new();
    let exchanges = exchanges();
    assert!(exchanges.len() > 140, "{}", exchanges.len());
    for exchange in &exchanges {
        let difference = DIFFERENCES.iter().find(|(name, ..)| *name == exchange.name);
        if let Some((name, Ours::NotBuilt, _)) = difference {
            needed.push(*name);
            continue;
        }
        let ours = send(&router, exchange).await;
        let stock = &exchange.answer;
        match difference {
            _ if same(&ours, stock) => {}
            Some((name, difference, _)) if explained(difference, exchange, &ours) => {
                needed.push(*name);
                if let Ours::Accepted = difference {
                    let undo = Exchange {
                        name: String::new(),
                        method: Method::DELETE,
                        path: format!("{}/host-a:application-order:8012", exchange.path),
                        headers: BTreeMap::new(),
                        body: String::new(),
                        answer: Answer {
                            status: 200,
                            headers: BTreeMap::new(),
                            body: String::new(),
                        },
                    };
                    assert_eq!(send(&router, &undo).await.status, 200);
                }
            }
            _ => wrong.push(format!(
                "{}: {} {}\n  stock {stock:?}\n  ours  {ours:?}",
                exchange.name, exchange.method, exchange.path
            )),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let unneeded: Vec<&str> = DIFFERENCES
        .iter()
        .map(|(name, ..)| *name)
        .filter(|name| !needed.contains(name))
        .collect();
    assert!(unneeded.is_empty(), "listed, but not needed: {unneeded:?}");
}

#[test]
fn every_difference_has_a_reason_and_stands_once() {
    for (index, (name, _, reason)) in DIFFERENCES.iter().enumerate() {
        assert!(!reason.is_empty(), "{name}");
        assert!(
            !DIFFERENCES[..index].iter().any(|(other, ..)| other == name),
            "{name} twice"
        );
    }
}
