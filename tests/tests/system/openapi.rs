//! The description of the public API, and whether the README's tour knows all of it.

use std::collections::BTreeSet;
use std::time::Duration;

use mall_testkit::eventually;

use super::malls::{Town, run, shared};
use super::owners::routes;

/// `METHOD /path` of each operation that the gateway describes, once every service is in it.
pub async fn described(town: &Town) -> BTreeSet<String> {
    eventually(Duration::from_secs(20), || async {
        let docs = town.shop.get("/v3/api-docs").await.expect(200).json();
        let mut found = BTreeSet::new();
        for (path, methods) in docs["paths"].as_object().expect("paths") {
            for method in methods.as_object().unwrap().keys() {
                if matches!(
                    method.as_str(),
                    "get" | "post" | "put" | "delete" | "patch" | "head"
                ) {
                    found.insert(format!("{} {path}", method.to_uppercase()));
                }
            }
        }
        // The gateway leaves a service out that was away when it last looked, ten seconds ago at most.
        let services = [
            "/auth/login",
            "/product/allproduct",
            "/product/detailStock/{productId}",
            "/cart/getCart",
            "/order/orderlist",
            "/admin/payments/{orderId}",
        ];
        match services
            .iter()
            .find(|path| docs["paths"].get(**path).is_none())
        {
            None => Ok(found),
            Some(missing) => Err(format!("{missing} is not described")),
        }
    })
    .await
}

#[test]
fn the_description_lists_exactly_the_public_endpoints() {
    run(async {
        let town = shared().await;
        let described = described(&town).await;
        let expected = routes();
        assert_eq!(described, expected);
        let docs = town.shop.get("/v3/api-docs").await;
        assert_eq!(docs.content_type(), "application/json");
        let docs = docs.json();
        assert!(
            docs["openapi"]
                .as_str()
                .is_some_and(|version| version.starts_with("3.")),
            "{}",
            docs["openapi"]
        );
        for (path, methods) in docs["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                assert!(
                    operation["responses"]["200"].is_object(),
                    "{method} {path} describes no answer"
                );
                assert!(
                    operation["summary"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty()),
                    "{method} {path} says nothing"
                );
            }
        }
        let text = docs.to_string();
        for reference in text.split("\"$ref\":\"").skip(1) {
            let pointer = reference.split('"').next().unwrap().trim_start_matches('#');
            assert!(docs.pointer(pointer).is_some(), "{pointer} is nowhere");
        }
        assert!(
            !text.contains("/internal"),
            "internal paths are nobody's business"
        );
    });
}

#[test]
fn there_is_a_page_to_read_it_with() {
    run(async {
        let town = shared().await;
        let page = town.shop.get("/swagger-ui").await.expect(200);
        assert_eq!(page.content_type(), "text/html");
        assert!(
            page.text.contains("swagger") || page.text.contains("/v3/api-docs"),
            "{}",
            page.text
        );
    });
}

#[test]
fn the_readme_tours_every_endpoint_and_no_other() {
    run(async {
        let town = shared().await;
        let described = described(&town).await;
        let readme =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
        let mut toured = BTreeSet::new();
        for (method, path) in requests(&readme) {
            if matches!(path.as_str(), "/v3/api-docs" | "/swagger-ui") {
                continue;
            }
            let found = described
                .iter()
                .filter(|known| matches(known, &method, &path));
            // `/order/orderlist` would fit `/order/{orderId}`, too.
            let best = found.min_by_key(|known| known.matches('{').count());
            toured.insert(
                best.unwrap_or_else(|| panic!("README: there is no {method} {path}"))
                    .clone(),
            );
        }
        let missing: Vec<&String> = described.difference(&toured).collect();
        assert!(
            missing.is_empty(),
            "the README's tour passes by {missing:?}"
        );
    });
}

/// Method and path of each `$MALL/...` in the README.
fn requests(readme: &str) -> Vec<(String, String)> {
    let joined = readme.replace("\\\n", " ");
    let mut requests = Vec::new();
    for line in joined.lines() {
        for part in line.split("$MALL").skip(1) {
            let path: String = part
                .chars()
                .take_while(|c| !matches!(c, '"' | '\'' | ' ' | '`' | '?' | ','))
                .collect();
            if !path.starts_with('/') {
                continue;
            }
            let method = match line.split("-X").nth(1) {
                Some(rest) => rest.split_whitespace().next().unwrap_or_default(),
                None if line.contains(" -d ") => "POST",
                None => "GET",
            };
            requests.push((method.to_owned(), path));
        }
    }
    requests
}

/// Whether `GET /order/3` is `GET /order/{orderId}`.
fn matches(known: &str, method: &str, path: &str) -> bool {
    let Some((known_method, template)) = known.split_once(' ') else {
        return false;
    };
    let (wanted, given): (Vec<&str>, Vec<&str>) =
        (template.split('/').collect(), path.split('/').collect());
    known_method == method
        && wanted.len() == given.len()
        && wanted
            .iter()
            .zip(&given)
            .all(|(wanted, given)| wanted == given || wanted.starts_with('{'))
}
