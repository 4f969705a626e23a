//! What one sees of the programs from outside: traces, health, metrics, and an orderly end.

mod dashboards;

use std::time::Duration;

use mall_system_tests::Shop;
use mall_testkit::eventually;
use reqwest::Method;
use serde_json::Value;

use super::malls::{Town, alone, run, shared};

/// The six services, whose ports show everything.
const SERVICES: [&str; 6] = ["users", "products", "carts", "orders", "payments", "stock"];

/// How many requests an instance has answered for a route.
pub async fn served(shop: &Shop, instance: &str, uri: &str) -> f64 {
    let metrics = prometheus(shop, instance).await;
    let counts = metrics.lines().filter(|line| {
        line.starts_with("http_server_requests_seconds_count{")
            && line.contains(&format!("uri=\"{uri}\""))
    });
    counts
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

async fn prometheus(shop: &Shop, instance: &str) -> String {
    let url = shop.mall.url(instance);
    shop.send_to(&url, Method::GET, "/actuator/prometheus", &[], None)
        .await
        .expect(200)
        .text
}

#[test]
fn a_trace_follows_an_order_through_the_services() {
    run(async {
        let town = shared().await;
        let (mug, me) = (town.mug(10).await, town.mint.shopper());
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let bearer = format!("Bearer {}", me.access);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01")),
        ];
        let body = format!(r#"{{"productId":{mug},"quantity":1}}"#);
        town.shop
            .send(Method::POST, "/order/orderProduct", &headers, Some(body))
            .await
            .expect(200);
        let expected = [
            (&["gateway"][..], "api-gateway", "/order/orderProduct"),
            (
                &["orders", "orders-2"][..],
                "application-order",
                "/order/orderProduct",
            ),
            (
                &["products"][..],
                "application-product",
                "/internal/products",
            ),
            (
                &["stock", "stock-2"][..],
                "application-stock",
                "/internal/stock/reservations",
            ),
        ];
        for (instances, service, route) in expected {
            let line = eventually(Duration::from_secs(10), || async {
                let logs: String = instances
                    .iter()
                    .map(|instance| town.shop.mall.logs(instance))
                    .collect();
                let of_trace = logs.lines().filter(|line| line.contains(trace));
                let lines: Vec<Value> = of_trace
                    .map(|line| serde_json::from_str(line).expect(line))
                    .collect();
                lines
                    .into_iter()
                    .find(|line| line["status"] == 200)
                    .ok_or_else(|| format!("nothing of it in {instances:?}"))
            })
            .await;
            assert_eq!(line["trace_id"], trace, "{line}");
            assert_eq!(
                (&line["service"], &line["route"]),
                (&Value::from(service), &Value::from(route)),
                "{line}"
            );
            assert!(
                line["duration_ms"].is_number() && line["level"].is_string(),
                "{line}"
            );
        }
        for instance in ["gateway", "orders", "stock"] {
            let logs = town.shop.mall.logs(instance);
            let odd: Vec<&str> = logs
                .lines()
                .filter(|line| serde_json::from_str::<Value>(line).is_err())
                .collect();
            assert!(odd.is_empty(), "{instance}: not JSON: {odd:?}");
            assert!(!logs.contains(&me.access), "{instance} logs tokens");
        }
    });
}

#[test]
fn health_tells_what_a_service_depends_on() {
    run(async {
        let town = shared().await;
        exercise(&town).await;
        for service in SERVICES {
            let url = town.shop.mall.url(service);
            let get = |path: &'static str| town.shop.send_to(&url, Method::GET, path, &[], None);
            let reply = get("/actuator/health").await.expect(200);
            assert!(
                reply.content_type().ends_with("json"),
                "{service}: {}",
                reply.content_type()
            );
            let health = reply.json();
            assert_eq!(health["status"], "UP", "{service}: {health}");
            let parts = &health["components"];
            assert_eq!(parts["db"]["status"], "UP", "{service}: {health}");
            assert!(
                parts["db"]["details"]["database"].is_string(),
                "{service}: {health}"
            );
            assert_eq!(
                parts["discoveryComposite"]["status"], "UP",
                "{service}: {health}"
            );
            if matches!(service, "users" | "stock") {
                assert_eq!(parts["redis"]["status"], "UP", "{service}: {health}");
                assert!(
                    parts["redis"]["details"]["version"].is_string(),
                    "{service}: {health}"
                );
            }
            if matches!(service, "users" | "products" | "carts" | "orders") {
                let breakers = parts["circuitBreakers"]["details"].as_object();
                let breaker = breakers.and_then(|all| all.values().next());
                let state = breaker.map(|breaker| &breaker["details"]["state"]);
                assert_eq!(
                    state,
                    Some(&Value::from("CLOSED")),
                    "{service} calls others, and shows no breaker: {health}"
                );
                let listed = get("/actuator/circuitbreakers").await.expect(200).json();
                assert!(
                    listed["circuitBreakers"]
                        .as_object()
                        .is_some_and(|all| !all.is_empty()),
                    "{service}: {listed}"
                );
            }
            for probe in ["/actuator/health/liveness", "/actuator/health/readiness"] {
                assert_eq!(
                    get(probe).await.expect(200).json()["status"],
                    "UP",
                    "{service} {probe}"
                );
            }
            let info = get("/actuator/info").await.expect(200).json();
            assert!(
                info["build"]["name"].is_string() && info["build"]["version"].is_string(),
                "{service}: {info}"
            );
        }
    });
}

/// Something that makes every service call those it needs.
async fn exercise(town: &Town) {
    let (mug, me) = (town.mug(10).await, town.mint.shopper());
    // Both instances of orders are to have called.
    for _ in 0..8 {
        let order = town.shop.ordered(&me, mug, 1).await;
        town.shop.pay(&me, order, true, false).await.expect(200);
    }
    town.shop
        .ask(
            Some(&me),
            Method::POST,
            &format!("/cart/add/{mug}?count=1"),
            None,
        )
        .await
        .expect(200);
    town.shop
        .ask(Some(&me), Method::POST, &format!("/wish/add/{mug}"), None)
        .await
        .expect(200);
    town.shop
        .get(&format!("/product/detail/{mug}"))
        .await
        .expect(200);
}

#[test]
fn metrics_are_in_the_form_of_prometheus() {
    run(async {
        let town = shared().await;
        exercise(&town).await;
        for instance in SERVICES.into_iter().chain(["gateway"]) {
            let text = prometheus(&town.shop, instance).await;
            assert!(!text.is_empty());
            for line in text.lines() {
                assert!(is_sample_or_comment(line), "{instance}: {line:?}");
            }
            assert!(
                text.contains("http_server_requests_seconds_count{"),
                "{instance} counts no requests"
            );
            if matches!(
                instance,
                "users" | "products" | "carts" | "orders" | "gateway"
            ) {
                assert!(
                    text.contains("resilience4j_circuitbreaker_state{"),
                    "{instance} shows no breaker:\n{text}"
                );
            }
            assert!(text.contains("process_resident_memory_bytes"), "{instance}");
        }
        assert!(served(&town.shop, "gateway", "/product/detail/{id}").await > 0.0);
    });
}

/// `name{label="text",...} value`, `name value`, or a comment.
fn is_sample_or_comment(line: &str) -> bool {
    if line.is_empty()
        || line.starts_with("# HELP ")
        || line.starts_with("# TYPE ")
        || line == "# EOF"
    {
        return true;
    }
    let name_end = line.find(['{', ' ']).unwrap_or(line.len());
    let (name, rest) = line.split_at(name_end);
    let good_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':');
    let Some(value) = (match rest.strip_prefix('{') {
        Some(labels) => labels.rsplit_once("} "),
        None => Some(("", rest.trim_start())),
    }) else {
        return false;
    };
    let good_labels = value.0.is_empty() || (value.0.contains("=\"") && value.0.ends_with('"'));
    let good_value = value.1.parse::<f64>().is_ok() || matches!(value.1, "+Inf" | "-Inf" | "NaN");
    good_name && good_labels && good_value
}

#[test]
fn the_gateway_shows_the_public_only_how_it_is() {
    run(async {
        let town = shared().await;
        let get = |path: &'static str| town.shop.get(path);
        let health = get("/actuator/health").await.expect(200).json();
        assert_eq!(health["status"], "UP");
        assert!(health.get("components").is_none(), "{health}");
        get("/actuator/info").await.expect(200);
        get("/actuator/prometheus").await.expect(200);
        for hidden in [
            "/actuator/env",
            "/actuator/metrics",
            "/actuator/metrics/process.uptime",
            "/actuator/circuitbreakers",
            "/actuator/configprops",
            "/actuator/heapdump",
            "/actuator/health/db",
            "/actuator/health/redis",
        ] {
            assert_eq!(get(hidden).await.status, 404, "{hidden}");
        }
        for body in [r#"{"updateState":"FORCE_OPEN"}"#, "{}"] {
            let headers = [("content-type", "application/json")];
            let path = "/actuator/circuitbreakers/APPLICATION-ORDER";
            let reply = town
                .shop
                .send(Method::POST, path, &headers, Some(body.to_owned()))
                .await;
            assert_eq!(reply.status, 404, "{}", reply.text);
        }
    });
}

#[test]
fn a_service_that_is_asked_to_stop_leaves_in_order() {
    run(async {
        let town = alone().await;
        let mall = &town.shop.mall;
        let registered = [
            ("gateway", "API-GATEWAY"),
            ("orders-2", "APPLICATION-ORDER"),
            ("orders", "APPLICATION-ORDER"),
            ("stock-2", "APPLICATION-STOCK"),
            ("stock", "APPLICATION-STOCK"),
            ("payments", "APPLICATION-PAYMENT"),
            ("carts", "APPLICATION-CART"),
            ("products", "APPLICATION-PRODUCT"),
            ("users", "APPLICATION-USER"),
        ];
        for (name, app) in registered {
            let port = mall
                .url(name)
                .rsplit(':')
                .next()
                .unwrap()
                .parse::<i64>()
                .unwrap();
            assert!(
                ports(&town, app).await.contains(&port),
                "{name} is not in the registry"
            );
            let ended = mall.stop(name).await;
            assert_eq!(
                ended.and_then(|status| status.code()),
                Some(0),
                "{name} ended with {ended:?}"
            );
            assert!(
                !ports(&town, app).await.contains(&port),
                "{name} has ended, and the registry lists it"
            );
            let logs = mall.logs(name);
            assert!(
                logs.contains("has stopped"),
                "{name} says nothing of its end"
            );
        }
        for name in ["registry", "config-server"] {
            let ended = mall.stop(name).await;
            assert_eq!(
                ended.and_then(|status| status.code()),
                Some(0),
                "{name} ended with {ended:?}"
            );
        }
        for name in ["config-server", "registry"] {
            mall.restart(name).await.unwrap();
        }
        for (name, _) in registered {
            mall.restart(name).await.unwrap();
        }
        mall.wait_healthy().await.unwrap();
        let (mug, me) = (town.mug(1).await, town.mint.shopper());
        eventually(Duration::from_secs(20), || async {
            let reply = town.shop.order(&me, mug, 1).await;
            if reply.status == 200 {
                Ok(())
            } else {
                Err(reply)
            }
        })
        .await;
    });
}

/// The ports of an application's instances that the registry lists.
async fn ports(town: &Town, app: &str) -> Vec<i64> {
    let headers = [("accept", "application/json")];
    let registry = town.shop.mall.registry_url();
    let apps = town
        .shop
        .send_to(&registry, Method::GET, "/eureka/apps", &headers, None)
        .await
        .expect(200)
        .json();
    let listed = |value: &Value| match value {
        Value::Array(all) => all.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let found = listed(&apps["applications"]["application"])
        .into_iter()
        .filter(|found| found["name"] == app);
    let instances = found.flat_map(|found| listed(&found["instance"]));
    instances
        .filter_map(|instance| instance["port"]["$"].as_i64())
        .collect()
}
