//! Ids and parameters that mean nothing, and steps that a thing's state forbids.

use super::Scene;
use crate::malls::{alone, run};

/// Who, method, path, body, and the code for an unknown id.
const WITH_IDS: &str = r#"
shopper GET /product/detail/ID - PRODUCT_NOT_FOUND
shopper GET /product/detailStock/ID - PRODUCT_NOT_FOUND
shopper POST /wish/add/ID - PRODUCT_NOT_FOUND
shopper DELETE /wish/delete/ID - WISH_NOT_FOUND
shopper POST /cart/add/ID?count=1 - PRODUCT_NOT_FOUND
shopper PUT /cart/update/ID?count=1 - CART_LINE_NOT_FOUND
shopper DELETE /cart/delete/ID - CART_LINE_NOT_FOUND
shopper PUT /order/payOrder/ID {"isCanceled":true} ORDER_NOT_FOUND
shopper PUT /order/cancel/ID - ORDER_NOT_FOUND
shopper PUT /order/refund/ID - ORDER_NOT_FOUND
shopper GET /order/ID - ORDER_NOT_FOUND
admin GET /admin/orders/ID - ORDER_NOT_FOUND
admin PUT /product/admin/edit/ID {"price":1} PRODUCT_NOT_FOUND
admin PUT /product/admin/stock/ID {"stock":1} PRODUCT_NOT_FOUND
"#;

const UNKNOWN: [&str; 4] = ["0", "-1", "999999999", "9223372036854775807"];

const NO_IDS: [&str; 7] = [
    "x",
    "1.5",
    "9223372036854775808",
    "1e3",
    "0x1",
    "'%20OR%201=1",
    "%EF%BC%91",
];

const NO_COUNTS: [&str; 11] = [
    "0",
    "-1",
    "2147483648",
    "9223372036854775808",
    "1e9",
    "1000000000",
    "",
    "x",
    "1.0",
    "+1",
    "%201",
];

#[test]
fn ids_that_are_unknown_or_none() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let me = scene.me.clone();
        for line in WITH_IDS.trim().lines() {
            let [who, method, path, body, code] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let who = if who == "admin" { &town.admin } else { &me };
            let body = (body != "-").then_some(body);
            for id in UNKNOWN {
                let path = path.replace("ID", id);
                scene.case(Some(who), method, &path, body, 404, code).await;
            }
            for id in NO_IDS {
                let path = path.replace("ID", id);
                scene
                    .case(Some(who), method, &path, body, 400, "INVALID_PATH")
                    .await;
            }
        }
        for product in UNKNOWN {
            let body = format!(r#"{{"productId":{product},"quantity":1}}"#);
            let path = "/order/orderProduct";
            scene
                .case(
                    Some(&me),
                    "POST",
                    path,
                    Some(&body),
                    404,
                    "PRODUCT_NOT_FOUND",
                )
                .await;
        }
        scene.ends().await;
    });
}

#[test]
fn parameters_that_mean_nothing() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let (me, line, mug) = (scene.me.clone(), scene.line, scene.mug);
        let code = "INVALID_FIELDS";
        for count in NO_COUNTS {
            let (add, update) = (
                format!("/cart/add/{mug}?count={count}"),
                format!("/cart/update/{line}?count={count}"),
            );
            scene.case(Some(&me), "POST", &add, None, 400, code).await;
            scene.case(Some(&me), "PUT", &update, None, 400, code).await;
        }
        for path in [
            format!("/cart/add/{mug}"),
            format!("/cart/add/{mug}?Count=1"),
        ] {
            scene.case(Some(&me), "POST", &path, None, 400, code).await;
        }
        let link = "/auth/signup/email-verifications";
        scene.case(None, "GET", link, None, 400, code).await;
        let zero = "00000000-0000-0000-0000-000000000000";
        for key in ["", "nope", "mall:ended:x", zero, "%00", "a%0d%0ab"] {
            let path = format!("{link}?key={key}");
            scene
                .case(None, "GET", &path, None, 401, "VERIFICATION_FAILED")
                .await;
        }
        scene.ends().await;
    });
}

#[test]
fn steps_that_the_state_forbids() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let (me, mug, paid, unpaid) = (scene.me.clone(), scene.mug, scene.paid, scene.unpaid);
        let cancel = Some(r#"{"isCanceled":true}"#);
        let pay = Some(r#"{"isCanceled":false,"isLimitExcess":false}"#);
        let much = format!(r#"{{"productId":{mug},"quantity":9}}"#);
        let account = format!(
            r#"{{"email":"{}","password":"Abcdefg1!"}}"#,
            me.email.to_uppercase()
        );
        for (method, path, body, status, code) in [
            (
                "PUT",
                format!("/order/payOrder/{paid}"),
                pay,
                406,
                "ORDER_NOT_PAYABLE",
            ),
            (
                "PUT",
                format!("/order/payOrder/{paid}"),
                cancel,
                406,
                "ORDER_NOT_PAYABLE",
            ),
            (
                "PUT",
                format!("/order/refund/{paid}"),
                None,
                406,
                "ORDER_NOT_REFUNDABLE",
            ),
            (
                "PUT",
                format!("/order/refund/{unpaid}"),
                None,
                406,
                "ORDER_NOT_REFUNDABLE",
            ),
            (
                "PUT",
                format!("/order/cancel/{unpaid}"),
                None,
                406,
                "ORDER_NOT_CANCELABLE",
            ),
            (
                "POST",
                format!("/cart/add/{mug}?count=1"),
                None,
                409,
                "ALREADY_IN_CART",
            ),
            (
                "POST",
                format!("/wish/add/{mug}"),
                None,
                409,
                "ALREADY_WISHED",
            ),
            (
                "POST",
                "/order/orderProduct".to_owned(),
                Some(&*much),
                409,
                "INSUFFICIENT_STOCK",
            ),
            (
                "POST",
                "/auth/signup".to_owned(),
                Some(&*account),
                409,
                "EMAIL_TAKEN",
            ),
        ] {
            scene
                .case(Some(&me), method, &path, body, status, code)
                .await;
        }
        scene.ends().await;
    });
}
