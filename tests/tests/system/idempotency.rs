//! `Idempotency-Key` on every public route that takes one, through the gateway and between two instances.

use std::collections::BTreeSet;

use mall_system_tests::{Person, Reply};
use reqwest::Method;
use serde_json::Value;

use super::books::changed;
use super::malls::{Town, alone, run};
use super::openapi::described;
use super::owners::{Asked, Cast, Row, rows};

async fn send(town: &Town, who: &Person, key: &str, method: &str, asked: &Asked) -> Reply {
    let bearer = format!("Bearer {}", who.access);
    let mut headers = vec![("authorization", bearer.as_str()), ("idempotency-key", key)];
    headers.extend(
        asked
            .body
            .as_ref()
            .map(|_| ("content-type", "application/json")),
    );
    let method: Method = method.parse().unwrap();
    let body = asked.body.as_ref().map(Value::to_string);
    town.shop.send(method, &asked.path, &headers, body).await
}

fn replayed(reply: &Reply) -> bool {
    reply.headers.contains_key("idempotent-replayed")
}

/// `METHOD /path` of what the gateway's document gives the header to.
async fn keyed(town: &Town) -> BTreeSet<String> {
    described(town).await;
    let docs = town.shop.get("/v3/api-docs").await.expect(200).json();
    let mut found = BTreeSet::new();
    for (path, methods) in docs["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation["parameters"].as_array();
            let takes = parameters.into_iter().flatten().any(|parameter| {
                parameter["in"] == "header" && parameter["name"] == "Idempotency-Key"
            });
            if takes {
                found.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    found
}

/// All that create or move something for a known caller.
fn moving() -> impl Iterator<Item = &'static Row> {
    rows().filter(|row| {
        row.method != "GET"
            && !row.path.starts_with("/auth/")
            && !row.path.starts_with("/payment/webhooks/")
    })
}

#[test]
fn every_route_that_moves_something_replays_its_first_answer() {
    run(async {
        let town = alone().await;
        let wanted: BTreeSet<String> = moving()
            .map(|row| format!("{} {}", row.method, row.path))
            .collect();
        assert_eq!(keyed(&town).await, wanted);
        let cast = Cast {
            town: &town,
            owner: town.shop.shopper().await,
            other: town.shop.shopper().await,
            gone: town.shop.shopper().await,
        };
        for row in moving() {
            let who = if row.expected[1] == 200 {
                &cast.owner
            } else {
                &town.admin
            };
            let asked = cast.set(row).await;
            let name = format!("{} {}", row.method, asked.path);
            let first = send(&town, who, &name.replace(' ', ":"), row.method, &asked).await;
            assert!(!replayed(&first), "{name}");
            assert_eq!(first.status, 200, "{name}: {}", first.text);
            town.books.quiet().await;
            let before = town.books.fingerprint().await;
            // The second one goes to another instance.
            for _ in 0..2 {
                let again = send(&town, who, &name.replace(' ', ":"), row.method, &asked).await;
                assert_eq!(again.status, 200, "{name}: {}", again.text);
                assert!(replayed(&again), "{name}");
                assert_eq!(again.text, first.text, "{name}");
                assert_eq!(again.content_type(), first.content_type(), "{name}");
            }
            let other = Asked {
                path: format!(
                    "{}{}other=1",
                    asked.path,
                    if asked.path.contains('?') { '&' } else { '?' }
                ),
                ..asked
            };
            let reused = send(&town, who, &name.replace(' ', ":"), row.method, &other).await;
            assert_eq!(
                reused.verdict(),
                (422, "IDEMPOTENCY_KEY_REUSED".to_owned()),
                "{name}"
            );
            town.books.quiet().await;
            let changes = changed(&before, &town.books.fingerprint().await);
            assert!(changes.is_empty(), "{name} changed {changes:?}");
        }
    });
}
