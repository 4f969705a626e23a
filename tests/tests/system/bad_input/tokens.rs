//! Tokens that are forged, stale, or of another kind or role.

use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;
use crate::malls::{alone, run};
use crate::mint::{claims_of, now, sealed};

#[test]
fn tokens_that_are_not_good() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let (me, mint) = (scene.me.clone(), &town.mint);
        let good = claims_of(&me.access);
        let with = |key: &str, value: Value| {
            let mut claims = good.clone();
            claims[key] = value;
            claims
        };
        let without = |key: &str| {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(key);
            claims
        };
        let mut expired = with("exp", json!(now() - 10));
        expired["iat"] = json!(now() - 3610);
        let [header, payload, signature] = me.access.split('.').collect::<Vec<_>>()[..] else {
            panic!("{}", me.access)
        };
        let admin_payload = mint.token(&with("roles", json!("ADMIN")));
        let admin_payload = admin_payload.split('.').nth(1).unwrap();
        let bad: Vec<(&str, String, &str)> = vec![
            ("expired", mint.token(&expired), "TOKEN_EXPIRED"),
            (
                "another key",
                sealed(r#"{"alg":"HS256"}"#, &good, &"x".repeat(40)),
                "TOKEN_INVALID",
            ),
            (
                "a changed payload",
                format!("{header}.{admin_payload}.{signature}"),
                "TOKEN_INVALID",
            ),
            (
                "no signature",
                format!("{header}.{payload}."),
                "TOKEN_INVALID",
            ),
            (
                "alg none",
                format!(
                    "{}.{payload}.",
                    mint.token_under(r#"{"alg":"none"}"#, &good)
                        .split('.')
                        .next()
                        .unwrap()
                ),
                "TOKEN_INVALID",
            ),
            (
                "alg none, signed",
                mint.token_under(r#"{"alg":"none"}"#, &good),
                "TOKEN_INVALID",
            ),
            (
                "alg HS512",
                mint.token_under(r#"{"alg":"HS512"}"#, &good),
                "TOKEN_INVALID",
            ),
            ("a refresh token", me.refresh.clone(), "TOKEN_INVALID"),
            ("no exp", mint.token(&without("exp")), "TOKEN_INVALID"),
            ("no sub", mint.token(&without("sub")), "TOKEN_INVALID"),
            ("no role", mint.token(&without("roles")), "TOKEN_INVALID"),
            ("no session", mint.token(&without("sid")), "TOKEN_INVALID"),
            (
                "an unknown role",
                mint.token(&with("roles", json!("ROOT"))),
                "TOKEN_INVALID",
            ),
            (
                "two roles",
                mint.token(&with("roles", json!(["USER", "ADMIN"]))),
                "TOKEN_INVALID",
            ),
            (
                "a sub that is no number",
                mint.token(&with("sub", json!("me"))),
                "TOKEN_INVALID",
            ),
            (
                "a statement of services",
                mint.identity(1, "USER"),
                "TOKEN_INVALID",
            ),
            ("rubbish", "rubbish".to_owned(), "TOKEN_INVALID"),
            ("dots", "..".to_owned(), "TOKEN_INVALID"),
            ("a very long one", "x".repeat(10_000), "TOKEN_INVALID"),
        ];
        for (what, token, code) in bad {
            for (method, path) in [
                ("GET", "/cart/getCart"),
                ("POST", "/order/orderCartList"),
                ("POST", "/auth/logout"),
                ("POST", "/product/admin/add"),
                ("GET", "/admin/orders/1"),
                ("GET", "/user/mypage"),
            ] {
                let bearer = format!("Bearer {token}");
                let before = scene.wrong.len();
                scene
                    .with(&[("authorization", &bearer)], method, path, None, 401, code)
                    .await;
                scene
                    .wrong
                    .iter_mut()
                    .skip(before)
                    .for_each(|line| line.insert_str(0, &format!("{what}: ")));
            }
        }
        for (value, code) in [
            ("", "UNAUTHENTICATED"),
            ("Bearer", "UNAUTHENTICATED"),
            ("Bearer ", "UNAUTHENTICATED"),
            ("Basic YWRtaW46YWRtaW4=", "TOKEN_INVALID"),
            ("Bearer a b", "TOKEN_INVALID"),
        ] {
            scene
                .with(
                    &[("authorization", value)],
                    "GET",
                    "/cart/getCart",
                    None,
                    401,
                    code,
                )
                .await;
        }
        let bearer = format!("Bearer {}", me.access);
        let two = [
            ("authorization", bearer.as_str()),
            ("authorization", bearer.as_str()),
        ];
        scene
            .with(&two, "GET", "/cart/getCart", None, 401, "TOKEN_INVALID")
            .await;

        // Good ones of the wrong role.
        for (method, path) in [
            ("POST", "/product/admin/add"),
            ("GET", "/admin/orders/1"),
            ("GET", "/admin/nothing"),
        ] {
            scene
                .case(Some(&me), method, path, None, 403, "FORBIDDEN")
                .await;
        }
        for (method, path) in [
            ("GET", "/cart/getCart"),
            ("POST", "/order/orderCartList"),
            ("GET", "/wish/list"),
            ("GET", "/user/mypage"),
        ] {
            scene
                .case(Some(&town.admin), method, path, None, 403, "FORBIDDEN")
                .await;
        }

        // Refresh cookies.
        scene
            .with(
                &[],
                "POST",
                "/auth/refresh",
                None,
                400,
                "REFRESH_COOKIE_MISSING",
            )
            .await;
        let stale = json!({"sub": good["sub"], "iat": now() - 20, "exp": now() - 10, "typ": "refresh", "sid": "s", "jti": "j"});
        let foreign = json!({"sub": good["sub"], "iat": now(), "exp": now() + 60, "typ": "refresh", "sid": "s", "jti": "j"});
        for token in [
            "",
            "rubbish",
            &me.access,
            &mint.token(&stale),
            &mint.token(&foreign),
        ] {
            let cookie = format!("refresh_token={token}");
            scene
                .with(
                    &[("cookie", &cookie)],
                    "POST",
                    "/auth/refresh",
                    None,
                    401,
                    "REFRESH_REFUSED",
                )
                .await;
        }
        // The owner's own session is none the worse for it.
        town.shop
            .ask(Some(&me), Method::GET, "/cart/getCart", None)
            .await
            .expect(200);
        scene.ends().await;
    });
}
