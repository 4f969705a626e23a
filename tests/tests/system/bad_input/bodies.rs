//! Bodies that are no JSON, not ours, of another type, or too large.

use super::Scene;
use crate::malls::{alone, run};

#[test]
fn bodies_that_are_no_json_of_ours() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let me = scene.me.clone();
        for (admins, method, path) in with_bodies(scene.mug, scene.unpaid) {
            let who = if admins { &town.admin } else { &me };
            for (body, code) in [
                ("", "INVALID_JSON"),
                ("{", "INVALID_JSON"),
                ("{\"", "INVALID_JSON"),
                ("{'email':'a'}", "INVALID_JSON"),
                ("nope", "INVALID_JSON"),
                ("1e999", "INVALID_JSON"),
                ("{} {}", "INVALID_JSON"),
                ("{\"a\":1}\u{0}", "INVALID_BODY"),
                ("\u{feff}{}", "INVALID_JSON"),
                ("[]", "INVALID_BODY"),
                ("[1,2,true,null]", "INVALID_BODY"),
                ("3", "INVALID_BODY"),
                ("\"text\"", "INVALID_BODY"),
                ("null", "INVALID_BODY"),
                ("{\"surprise\":1}", "INVALID_BODY"),
            ] {
                scene
                    .case(Some(who), method, &path, Some(body), 400, code)
                    .await;
            }
            let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
            scene
                .case(Some(who), method, &path, Some(&deep), 400, "INVALID_BODY")
                .await;
            let bearer = format!("Bearer {}", who.access);
            for kind in [
                None,
                Some("text/plain"),
                Some("application/x-www-form-urlencoded"),
                Some("json"),
                Some(""),
            ] {
                let mut headers = vec![("authorization", bearer.as_str())];
                headers.extend(kind.map(|kind| ("content-type", kind)));
                scene
                    .with(
                        &headers,
                        method,
                        &path,
                        Some("{}"),
                        415,
                        "UNSUPPORTED_MEDIA_TYPE",
                    )
                    .await;
            }
            let large = format!("{{\"x\":\"{}\"}}", "x".repeat(1 << 20));
            scene
                .case(
                    Some(who),
                    method,
                    &path,
                    Some(&large),
                    413,
                    "BODY_TOO_LARGE",
                )
                .await;
        }
        // No stranger gets as far as that.
        scene
            .case(
                None,
                "POST",
                "/order/orderProduct",
                Some("{"),
                401,
                "UNAUTHENTICATED",
            )
            .await;
        scene.ends().await;
    });
}

/// Every endpoint that takes a body, as `(by an admin, method, path)`.
fn with_bodies(mug: i64, unpaid: i64) -> Vec<(bool, &'static str, String)> {
    vec![
        (false, "POST", "/auth/signup".to_owned()),
        (false, "POST", "/auth/login".to_owned()),
        (false, "PUT", "/auth/resendEmail".to_owned()),
        (false, "PUT", "/user/mypage/update".to_owned()),
        (false, "POST", "/order/orderProduct".to_owned()),
        (false, "PUT", format!("/order/payOrder/{unpaid}")),
        (true, "POST", "/product/admin/add".to_owned()),
        (true, "PUT", format!("/product/admin/edit/{mug}")),
        (true, "PUT", format!("/product/admin/stock/{mug}")),
    ]
}
