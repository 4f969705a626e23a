//! What nobody outside reaches: internal endpoints, and services behind the gateway's back.

use reqwest::Method;
use serde_json::json;

use super::rows;
use crate::malls::{run, shared};
use crate::mint::now;

/// All services. What each has of internal endpoints stands in its own description.
const SERVICES: [&str; 6] = ["users", "products", "carts", "orders", "payments", "stock"];

#[test]
fn internal_paths_are_out_of_reach() {
    run(async {
        let town = shared().await;
        let (shop, mint) = (&town.shop, &town.mint);
        let shopper = format!("Bearer {}", mint.shopper().access);
        let admin = format!("Bearer {}", town.admin.access);
        let (statement, forged) = (
            mint.service("application-order"),
            mint.token(&json!({
                "aud": "service", "sub": "application-order", "iat": now(), "exp": now() + 60,
            })),
        );
        let mut internal = 0;
        for service in SERVICES {
            let url = shop.mall.url(service);
            let docs = shop
                .send_to(&url, Method::GET, "/v3/api-docs", &[], None)
                .await
                .expect(200)
                .json();
            for (template, methods) in docs["paths"].as_object().unwrap() {
                if !template.starts_with("/internal") {
                    continue;
                }
                for method in methods.as_object().unwrap().keys() {
                    internal += 1;
                    let method: Method = method.to_uppercase().parse().unwrap();
                    let path = template
                        .split('/')
                        .map(|part| if part.starts_with('{') { "1" } else { part });
                    let path = path.collect::<Vec<_>>().join("/");
                    for headers in [
                        vec![],
                        vec![("authorization", shopper.as_str())],
                        vec![("authorization", admin.as_str())],
                        vec![("x-mall-service", statement.as_str())],
                    ] {
                        let reply = shop.send(method.clone(), &path, &headers, None).await;
                        assert_eq!(
                            reply.verdict(),
                            (404, "NOT_FOUND".into()),
                            "{method} {path} {headers:?}"
                        );
                    }
                    for headers in [
                        vec![],
                        vec![("authorization", admin.as_str())],
                        vec![("x-mall-service", "application-order")],
                        vec![("x-mall-service", forged.as_str())],
                        vec![
                            ("x-mall-service", statement.as_str()),
                            ("x-mall-service", forged.as_str()),
                        ],
                    ] {
                        let reply = shop
                            .send_to(&url, method.clone(), &path, &headers, None)
                            .await;
                        assert_eq!(
                            reply.status, 401,
                            "{service} {method} {path} {headers:?}: {}",
                            reply.text
                        );
                        assert_eq!(
                            reply.content_type(),
                            "application/problem+json",
                            "{service} {method} {path}"
                        );
                    }
                }
            }
        }
        assert!(
            internal >= 10,
            "only {internal} internal endpoints were found"
        );

        // The original's, which anybody could call.
        for (method, path) in [
            (Method::GET, "/product?productId=1"),
            (Method::GET, "/product/cartProduct?productId=1"),
            (Method::GET, "/product/isExistProduct/1"),
            (Method::PUT, "/product/minusStock/1"),
            (Method::PUT, "/product/plusStock/1"),
            (Method::PUT, "/product/minusStockList"),
            (Method::PUT, "/product/plusStockList"),
        ] {
            assert_eq!(
                shop.send(method, path, &[], None).await.verdict(),
                (404, "NOT_FOUND".into()),
                "{path}"
            );
        }
        for (method, path) in [
            (Method::GET, "/cart/findCart?userEmail=a"),
            (Method::DELETE, "/cart/deleteAll?userEmail=a"),
        ] {
            assert_eq!(
                shop.send(method.clone(), path, &[], None).await.status,
                401,
                "{path}"
            );
            let headers = [("authorization", shopper.as_str())];
            assert_eq!(
                shop.send(method, path, &headers, None).await.verdict(),
                (404, "NOT_FOUND".into()),
                "{path}"
            );
        }
    });
}

#[test]
fn a_service_that_is_asked_directly_believes_nobody() {
    run(async {
        let town = shared().await;
        let shopper = town.mint.shopper();
        let bearer = format!("Bearer {}", shopper.access);
        let owner_of = |path: &str| match path.split('/').nth(1) {
            Some("auth" | "user" | "wish") => "users",
            Some("product") => "products",
            Some("cart") => "carts",
            _ if path.starts_with("/admin/payments") => "payments",
            _ => "orders",
        };
        for row in rows().filter(|row| row.expected[0] == 401) {
            let url = town.shop.mall.url(owner_of(row.path));
            let path = row
                .path
                .split('/')
                .map(|part| if part.starts_with('{') { "1" } else { part });
            let path = path.collect::<Vec<_>>().join("/");
            let method = row.method.parse::<Method>().unwrap();
            let unsigned = r#"{"user":1,"role":"ADMIN"}"#;
            for headers in [
                vec![],
                vec![("authorization", bearer.as_str())],
                vec![
                    ("x-authorization-id", "1"),
                    ("x-token", shopper.access.as_str()),
                ],
                vec![("x-mall-identity", "1")],
                vec![("x-mall-identity", unsigned)],
                vec![("x-mall-identity", shopper.access.as_str())],
            ] {
                let reply = town
                    .shop
                    .send_to(&url, method.clone(), &path, &headers, None)
                    .await;
                assert_eq!(
                    reply.status, 401,
                    "{method} {path} {headers:?}: {}",
                    reply.text
                );
            }
        }
    });
}
