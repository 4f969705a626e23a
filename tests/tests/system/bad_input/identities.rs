//! Identity headers that a client makes up.

use serde_json::json;

use super::{Scene, raw};
use crate::malls::{alone, run};
use crate::mint::claims_of;

#[test]
fn identities_that_a_client_makes_up() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let (me, mug) = (scene.me.clone(), scene.mug);
        let victim = claims_of(&me.access)["sub"]
            .as_str()
            .unwrap()
            .parse::<i64>()
            .unwrap();
        // Even signed with our own keys: such a header is never taken from outside.
        let (identity, admin) = (
            town.mint.identity(victim, "USER"),
            town.mint.identity(1, "ADMIN"),
        );
        let service = town.mint.service("application-order");
        let number = victim.to_string();
        let spoofs: Vec<Vec<(&str, &str)>> = vec![
            vec![("X-Authorization-Id", &number)],
            vec![("x-authorization-id", &number), ("x-token", &me.access)],
            vec![("X-AUTHORIZATION-ID", &number), ("X-TOKEN", &me.access)],
            vec![("x-mall-identity", &identity)],
            vec![("X-Mall-Identity", &identity), ("X-Mall-Service", &service)],
            vec![("X-MALL-IDENTITY", &admin), ("x-MALL-service", &service)],
            vec![("x-mall-identity", &identity), ("x-mall-identity", &admin)],
        ];
        let address = town.shop.mall.gateway_url();
        let address = address.trim_start_matches("http://");
        for spoof in &spoofs {
            for (method, path) in [
                ("GET", "/cart/getCart".to_owned()),
                ("GET", "/user/mypage".to_owned()),
                ("POST", "/order/orderCartList".to_owned()),
                ("POST", format!("/cart/add/{mug}?count=1")),
                ("POST", "/product/admin/add".to_owned()),
                ("POST", "/auth/logout".to_owned()),
            ] {
                // As they are written: a library would make all names small.
                let (status, body) = raw(address, method, &path, spoof).await;
                if (status, body["code"].as_str()) != (401, Some("UNAUTHENTICATED")) {
                    scene
                        .wrong
                        .push(format!("{method} {path} with {spoof:?}: {status} {body}"));
                }
            }
            for path in [
                "/internal/products?ids=1",
                "/Internal/products",
                "/internal",
                "/internal/carts/1",
            ] {
                let (status, body) = raw(address, "GET", path, spoof).await;
                if (status, body["code"].as_str()) != (404, Some("NOT_FOUND")) {
                    scene
                        .wrong
                        .push(format!("GET {path} with {spoof:?}: {status} {body}"));
                }
            }
        }

        // Beside a good token of somebody else, the token counts.
        let other = town.mint.shopper();
        let bearer = format!("Bearer {}", other.access);
        for spoof in &spoofs {
            let mut headers = spoof.clone();
            headers.push(("Authorization", &bearer));
            let (status, body) = raw(address, "GET", "/cart/getCart", &headers).await;
            assert_eq!(
                (status, body),
                (200, json!([])),
                "the other's cart is empty: {spoof:?}"
            );
            let (status, body) = raw(address, "POST", "/product/admin/add", &headers).await;
            assert_eq!(
                (status, body["code"].as_str()),
                (403, Some("FORBIDDEN")),
                "{spoof:?}"
            );
        }
        scene.ends().await;
    });
}
