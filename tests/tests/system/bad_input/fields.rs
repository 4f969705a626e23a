//! Fields of the wrong kind, absent, or with senseless values: each is named.

use mall_system_tests::Person;
use serde_json::Value;

use super::Scene;
use crate::malls::{alone, run};

/// Who, method, path, body, and the field that is named. Answered with `INVALID_BODY`.
const WRONG_KIND: &str = r#"
shopper POST /order/orderProduct {"productId":"1","quantity":1} -> productId
shopper POST /order/orderProduct {"productId":MUG,"quantity":"1"} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":1.5} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":true} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":[1]} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":{}} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":""} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":9223372036854775808} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":1e9} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":1,"quantity":1} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":1,"price":0} -> price
shopper POST /order/orderProduct {"ProductId":MUG,"quantity":1} -> ProductId
shopper PUT /order/payOrder/UNPAID {"isCanceled":"false","isLimitExcess":false} -> isCanceled
shopper PUT /order/payOrder/UNPAID {"isCanceled":0,"isLimitExcess":false} -> isCanceled
shopper PUT /order/payOrder/UNPAID {"isCanceled":false,"isLimitExcess":"no"} -> isLimitExcess
shopper PUT /order/payOrder/UNPAID {"isCanceled":false,"isLimitExcess":false,"sum":1} -> sum
shopper PUT /order/payOrder/UNPAID {"isCanceled":false,"isLimitExcess":false,"amount":"all"} -> amount
shopper PUT /user/mypage/update {"address":1} -> address
shopper PUT /user/mypage/update {"email":"new@mall.example"} -> email
nobody POST /auth/signup {"email":1,"password":"Abcdefg1!"} -> email
nobody POST /auth/signup {"email":"new@mall.example","password":"Abcdefg1!","role":"ADMIN"} -> role
nobody POST /auth/login {"email":{"$ne":""},"password":"x"} -> email
nobody PUT /auth/resendEmail {"email":["a@b.c"]} -> email
admin POST /product/admin/add {"name":1,"price":1} -> name
admin POST /product/admin/add {"name":"n","price":"1"} -> price
admin POST /product/admin/add {"name":"n","price":1,"isLimitedEdition":"true"} -> isLimitedEdition
admin PUT /product/admin/edit/MUG {"price":1.5} -> price
admin PUT /product/admin/edit/MUG {"isThumbnail":1} -> isThumbnail
admin PUT /product/admin/edit/MUG {"name":"new"} -> name
admin PUT /product/admin/stock/MUG {"stock":"3"} -> stock
admin PUT /product/admin/stock/MUG {"change":null,"by":3} -> by
"#;

/// The same for values of the right kind. Answered with `INVALID_FIELDS`, which names every one.
const BAD_VALUES: &str = r#"
shopper POST /order/orderProduct {} -> productId quantity
shopper POST /order/orderProduct {"productId":null,"quantity":null} -> productId quantity
shopper POST /order/orderProduct {"productId":MUG} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":0} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":-1} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":2147483648} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":1000000000} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":9223372036854775807} -> quantity
shopper POST /order/orderProduct {"productId":MUG,"quantity":-9223372036854775808} -> quantity
shopper PUT /order/payOrder/UNPAID {} -> isCanceled isLimitExcess
shopper PUT /order/payOrder/UNPAID {"isCanceled":null,"isLimitExcess":false} -> isCanceled
shopper PUT /order/payOrder/UNPAID {"isCanceled":false} -> isLimitExcess
shopper PUT /user/mypage/update {"phoneNum":"12","password":"short"} -> password phoneNum
nobody POST /auth/signup {} -> email password
nobody POST /auth/signup {"email":"","password":""} -> email password
nobody POST /auth/signup {"email":"nope","password":"abcdefgh"} -> email password
nobody POST /auth/signup {"email":"a@b.c","password":"Abcdefg1!","phoneNum":"1","registration":"2"} -> phoneNum registration
nobody POST /auth/login {} -> email password
nobody POST /auth/login {"email":"a@b.c","password":null} -> password
nobody PUT /auth/resendEmail {} -> email
admin POST /product/admin/add {} -> name price
admin POST /product/admin/add {"name":"","price":-1,"stock":-1} -> name price stock
admin POST /product/admin/add {"name":"n","price":1,"stock":9223372036854775807} -> stock
admin POST /product/admin/add {"name":"n","price":1,"isLimitedEdition":true} -> openDateTime
admin PUT /product/admin/edit/MUG {"price":-1,"stock":-1} -> price stock
admin PUT /product/admin/stock/MUG {} -> stock
admin PUT /product/admin/stock/MUG {"stock":-1} -> stock
admin PUT /product/admin/stock/MUG {"stock":1,"change":1} -> stock
"#;

#[test]
fn fields_of_the_wrong_kind_are_named() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        for line in WRONG_KIND.trim().lines() {
            check(&mut scene, line, "INVALID_BODY").await;
        }
        scene.ends().await;
    });
}

#[test]
fn senseless_values_are_all_named() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        for line in BAD_VALUES.trim().lines() {
            check(&mut scene, line, "INVALID_FIELDS").await;
        }
        scene.ends().await;
    });
}

async fn check(scene: &mut Scene<'_>, line: &str, code: &str) {
    let line = line
        .replace("MUG", &scene.mug.to_string())
        .replace("UNPAID", &scene.unpaid.to_string());
    let (request, fields) = line.split_once(" -> ").unwrap();
    let [who, method, path, body] = request.splitn(4, ' ').collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    let who: Option<Person> = match who {
        "nobody" => None,
        "shopper" => Some(scene.me.clone()),
        "admin" => Some(scene.town.admin.clone()),
        _ => panic!("{line}"),
    };
    let reply = scene
        .case(who.as_ref(), method, path, Some(body), 400, code)
        .await;
    let answer = reply.json();
    let errors = answer["errors"].as_object();
    let mut named: Vec<&str> = errors
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    named.sort_unstable();
    if named.join(" ") != fields {
        scene.wrong.push(format!("{line}: {named:?} are named"));
    }
    let told = |text: &Value| text.as_str().is_some_and(|text| !text.is_empty());
    if !errors.is_some_and(|errors| errors.values().all(told)) {
        scene
            .wrong
            .push(format!("{line}: does not say why: {}", reply.text));
    }
}
