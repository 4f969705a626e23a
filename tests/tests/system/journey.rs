//! A shopper's way through the mall, by the gateway only. What it does to stock and money is checked at each step.

mod sessions;

use std::time::Duration;

use mall_system_tests::{PASSWORD, Person, Reply, Shop};
use mall_testkit::eventually;
use reqwest::Method;
use serde_json::{Value, json};

use super::malls::{Town, hasty, run};
use sessions::{leaves, refreshes};

pub use sessions::refresh;

const PRICE: i64 = 5000;

#[test]
fn a_shopper_signs_up_buys_cancels_sends_back_and_leaves() {
    run(async {
        let town = hasty().await;
        let me = signs_up(&town.shop).await;
        minds_their_profile(&town.shop, &me).await;
        let mug = town.mug(10).await;
        let plate = town.mug(20).await;
        looks_around(&town.shop, mug).await;
        wishes(&town.shop, &me, mug).await;
        pays_and_cancels(&town, &me, mug).await;
        orders_the_cart(&town, &me, mug, plate).await;
        gives_up_or_is_declined(&town, &me, mug).await;
        sends_back_what_was_delivered(&town, &me, plate).await;
        leaves(&town.shop, &me).await;
        refreshes(&town.shop, &me).await;
    });
}

async fn put(shop: &Shop, who: &Person, path: &str) -> Reply {
    shop.ask(Some(who), Method::PUT, path, None).await
}

async fn get(shop: &Shop, who: &Person, path: &str) -> Value {
    shop.ask(Some(who), Method::GET, path, None)
        .await
        .expect(200)
        .json()
}

fn is_done(reply: Reply) {
    let body = reply.expect(200).json();
    assert_eq!(
        (&body["statusCode"], &body["success"]),
        (&json!(200), &json!(true)),
        "{body}"
    );
    assert!(body["message"].is_string(), "{body}");
}

async fn signs_up(shop: &Shop) -> Person {
    let email = shop.fresh_email();
    is_done(shop.sign_up(&email).await);
    assert_eq!(
        shop.sign_up(&email).await.verdict(),
        (409, "EMAIL_TAKEN".into())
    );
    assert_eq!(
        shop.log_in(&email, PASSWORD).await.verdict(),
        (401, "EMAIL_NOT_VERIFIED".into())
    );
    let key = shop.key_from_mail(&email, 0).await;
    let link = format!(
        "{}/auth/signup/email-verifications?key={key}",
        shop.mall.gateway_url()
    );
    let mail = shop.mall.mails_to(&email).pop().unwrap();
    assert!(mail.contains(&link), "{link} is not in {mail}");
    is_done(
        shop.http()
            .get(&link)
            .send()
            .await
            .map(reply)
            .unwrap()
            .await,
    );
    assert_eq!(
        shop.verify(&key).await.verdict(),
        (401, "VERIFICATION_FAILED".into())
    );
    assert_eq!(
        shop.log_in(&email, "Wrongpass1!").await.verdict(),
        (401, "LOGIN_FAILED".into())
    );

    let login = shop.log_in(&email, PASSWORD).await.expect(200);
    let body = login.json();
    assert_eq!(body["roles"], "USER");
    assert_eq!(body["http_status"], "200 OK");
    assert_eq!(body["token_type"], "Bearer");
    let cookie = login.headers["set-cookie"].to_str().unwrap();
    for part in ["refresh_token=", "HttpOnly", "SameSite=Lax", "Path=/auth"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    shop.person(&email, PASSWORD).await
}

async fn reply(response: reqwest::Response) -> Reply {
    let (status, headers) = (response.status(), response.headers().clone());
    Reply {
        status,
        headers,
        text: response.text().await.unwrap(),
    }
}

async fn minds_their_profile(shop: &Shop, me: &Person) {
    let page = get(shop, me, "/user/mypage").await;
    assert_eq!(
        page,
        json!({"email": me.email, "address": "서울시 강남구 1", "phonenum": "010-1234-5678"})
    );
    is_done(
        shop.ask(
            Some(me),
            Method::PUT,
            "/user/mypage/update",
            Some(json!({"address": "부산시"})),
        )
        .await,
    );
    let page = get(shop, me, "/user/mypage").await;
    assert_eq!(
        page,
        json!({"email": me.email, "address": "부산시", "phonenum": "010-1234-5678"})
    );
}

async fn looks_around(shop: &Shop, mug: i64) {
    let all = shop.get("/product/allproduct").await.expect(200).json();
    let listed = all
        .as_array()
        .unwrap()
        .iter()
        .find(|product| product["productId"] == mug)
        .unwrap();
    let picture = "https://img.example/m.png";
    assert_eq!(
        listed,
        &json!({"productId": mug, "name": "Mug", "price": PRICE, "imgUrl": picture, "imgName": "m"})
    );
    let detail = shop
        .get(&format!("/product/detail/{mug}"))
        .await
        .expect(200)
        .json();
    let expected = json!({
        "name": "Mug", "description": "d", "stock": 10, "price": PRICE, "imglist": [{"imgUrl": picture, "imgName": "m"}],
        "isLimitedEdition": false, "openDateTime": null, "isOpen": true,
    });
    assert_eq!(detail, expected);
    let stock = shop
        .get(&format!("/product/detailStock/{mug}"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        stock,
        json!({"productId": mug, "productName": "Mug", "stock": 10, "modified": false})
    );
}

async fn wishes(shop: &Shop, me: &Person, mug: i64) {
    let add = format!("/wish/add/{mug}");
    is_done(shop.ask(Some(me), Method::POST, &add, None).await);
    assert_eq!(
        shop.ask(Some(me), Method::POST, &add, None).await.verdict(),
        (409, "ALREADY_WISHED".into())
    );
    let list = get(shop, me, "/wish/list").await;
    let picture = "https://img.example/m.png";
    assert_eq!(
        list,
        json!([{"productId": mug, "name": "Mug", "price": PRICE, "imgUrl": picture, "imgName": "m"}])
    );
    is_done(
        shop.ask(
            Some(me),
            Method::DELETE,
            &format!("/wish/delete/{mug}"),
            None,
        )
        .await,
    );
    assert_eq!(get(shop, me, "/wish/list").await, json!([]));
}

/// The entry of an order in the list; null when it is not there.
async fn in_list(shop: &Shop, me: &Person, order: i64) -> Value {
    let list = get(shop, me, "/order/orderlist").await;
    let found = list
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["orderId"] == order);
    found.cloned().unwrap_or_default()
}

async fn wait_for_status(shop: &Shop, me: &Person, order: i64, status: &str) {
    eventually(Duration::from_secs(30), || async {
        let entry = in_list(shop, me, order).await;
        if entry["orderStatus"] == status {
            Ok(())
        } else {
            Err(format!("{entry}, wanted {status}"))
        }
    })
    .await;
}

async fn pays_and_cancels(town: &Town, me: &Person, mug: i64) {
    let (shop, books) = (&town.shop, &town.books);
    let order = shop.ordered(me, mug, 2).await;
    assert_eq!(shop.stock(mug).await, 8);
    books.wait_for_stock(mug, 10, 8, 2, 0).await;
    assert_eq!(books.payment(order).await, None);
    assert_eq!(
        in_list(shop, me, order).await,
        Value::Null,
        "an unpaid order is not in the list"
    );
    let detail = get(shop, me, &format!("/order/{order}")).await;
    assert_eq!(detail["orderStatus"], "WAITING_PAYING");

    let paid = shop.pay(me, order, false, false).await.expect(200);
    assert_eq!(paid.content_type(), "text/plain");
    assert_eq!(
        books.payment(order).await,
        Some(("CAPTURED".into(), 2 * PRICE))
    );
    // A day is short here: first what must happen within it.
    is_done(put(shop, me, &format!("/order/cancel/{order}")).await);
    assert_eq!(in_list(shop, me, order).await["orderStatus"], "REQ_CANCEL");
    assert_eq!(
        put(shop, me, &format!("/order/cancel/{order}"))
            .await
            .verdict()
            .0,
        406
    );
    assert_eq!(
        shop.pay(me, order, false, false).await.verdict(),
        (406, "ORDER_NOT_PAYABLE".into())
    );
    let entry = in_list(shop, me, order).await;
    let line = json!([{"count": 2, "productName": "Mug", "price": PRICE, "productId": mug}]);
    assert_eq!(entry["orderProductList"], line);
    assert!(
        entry["orderDate"].as_str().unwrap().ends_with("+09:00"),
        "{entry}"
    );

    // The next day.
    wait_for_status(shop, me, order, "ORDER_CANCEL").await;
    books.wait_for_stock(mug, 10, 10, 0, 0).await;
    eventually(Duration::from_secs(10), || async {
        let refunds = books.refunds(order).await;
        if refunds == [("REFUNDED".to_owned(), 2 * PRICE)] {
            Ok(())
        } else {
            Err(refunds)
        }
    })
    .await;
    assert_eq!(shop.stock(mug).await, 10);
    assert_eq!(
        books.causes(order).await,
        ["PLACED", "PAID", "CANCEL_REQUESTED", "CANCELED"]
    );
}

async fn orders_the_cart(town: &Town, me: &Person, mug: i64, plate: i64) {
    let (shop, books) = (&town.shop, &town.books);
    let cart_order = || shop.ask(Some(me), Method::POST, "/order/orderCartList", None);
    assert_eq!(cart_order().await.verdict(), (409, "CART_EMPTY".into()));
    let add = |product: i64, count: i64| {
        let path = format!("/cart/add/{product}?count={count}");
        async move { shop.ask(Some(me), Method::POST, &path, None).await }
    };
    let line = add(mug, 2).await.expect(200).json()["cartId"]
        .as_i64()
        .unwrap();
    let other = add(plate, 1).await.expect(200).json()["cartId"]
        .as_i64()
        .unwrap();
    assert_eq!(add(mug, 2).await.verdict(), (409, "ALREADY_IN_CART".into()));
    let third = add(town.mug(1).await, 1).await.expect(200).json()["cartId"]
        .as_i64()
        .unwrap();
    is_done(put(shop, me, &format!("/cart/update/{line}?count=3")).await);
    is_done(
        shop.ask(
            Some(me),
            Method::DELETE,
            &format!("/cart/delete/{third}"),
            None,
        )
        .await,
    );
    let expected = json!([
        {"cartId": line, "productId": mug, "productName": "Mug", "price": PRICE, "count": 3},
        {"cartId": other, "productId": plate, "productName": "Mug", "price": PRICE, "count": 1},
    ]);
    assert_eq!(get(shop, me, "/cart/getCart").await, expected);

    let order = cart_order().await.expect(200).json()["orderId"]
        .as_i64()
        .unwrap();
    assert_eq!((shop.stock(mug).await, shop.stock(plate).await), (7, 19));
    assert_eq!(
        cart_order().await.verdict(),
        (409, "CART_EMPTY".into()),
        "a line is ordered once"
    );
    eventually(Duration::from_secs(5), || async {
        let cart = get(shop, me, "/cart/getCart").await;
        if cart == json!([]) { Ok(()) } else { Err(cart) }
    })
    .await;
    shop.pay(me, order, false, false).await.expect(200);
    assert_eq!(
        books.payment(order).await,
        Some(("CAPTURED".into(), 4 * PRICE))
    );
    books.wait_for_stock(mug, 10, 7, 0, 3).await;
    books.wait_for_stock(plate, 20, 19, 0, 1).await;
    assert_eq!(
        in_list(shop, me, order).await["orderProductList"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

async fn gives_up_or_is_declined(town: &Town, me: &Person, mug: i64) {
    let (shop, books) = (&town.shop, &town.books);
    let given_up = shop.ordered(me, mug, 1).await;
    shop.pay(me, given_up, true, false).await.expect(200);
    assert_eq!(
        get(shop, me, &format!("/order/{given_up}")).await["orderStatus"],
        "ORDER_CANCEL"
    );
    assert_eq!(
        books.payment(given_up).await,
        None,
        "no money was asked for"
    );
    books.wait_for_stock(mug, 10, 7, 0, 3).await;

    let declined = shop.ordered(me, mug, 7).await;
    assert_eq!(
        shop.order(me, mug, 1).await.verdict(),
        (409, "SOLD_OUT".into())
    );
    assert_eq!(
        shop.pay(me, declined, false, true).await.verdict(),
        (409, "PAYMENT_DECLINED".into())
    );
    assert_eq!(
        get(shop, me, &format!("/order/{declined}")).await["orderStatus"],
        "ORDER_CANCEL"
    );
    assert_eq!(
        books.payment(declined).await,
        Some(("DECLINED".into(), 7 * PRICE))
    );
    // Orders may go on refusing for the 100 ms that its sold-out mark lives.
    mall_testkit::eventually(std::time::Duration::from_secs(10), || async {
        match shop.order(me, mug, 8).await.verdict() {
            (409, code) if code == "INSUFFICIENT_STOCK" => Ok(()),
            other => Err(other),
        }
    })
    .await;
    assert_eq!(
        shop.pay(me, declined, false, false).await.verdict(),
        (406, "ORDER_NOT_PAYABLE".into())
    );
    books.wait_for_stock(mug, 10, 7, 0, 3).await;
    assert_eq!(shop.stock(mug).await, 7);
}

async fn sends_back_what_was_delivered(town: &Town, me: &Person, plate: i64) {
    let (shop, books) = (&town.shop, &town.books);
    let order = shop.ordered(me, plate, 4).await;
    let refund = format!("/order/refund/{order}");
    assert_eq!(
        put(shop, me, &refund).await.verdict(),
        (406, "ORDER_NOT_REFUNDABLE".into())
    );
    shop.pay(me, order, false, false).await.expect(200);
    assert_eq!(
        put(shop, me, &refund).await.verdict(),
        (406, "ORDER_NOT_REFUNDABLE".into())
    );
    wait_for_status(shop, me, order, "FINISH_SHIPPING").await;
    let cancel = put(shop, me, &format!("/order/cancel/{order}")).await;
    assert_eq!(cancel.verdict(), (406, "ORDER_NOT_CANCELABLE".into()));
    books.wait_for_stock(plate, 20, 15, 0, 5).await;
    is_done(put(shop, me, &refund).await);
    assert_eq!(in_list(shop, me, order).await["orderStatus"], "REQ_REFUND");
    assert_eq!(books.refunds(order).await, []);
    wait_for_status(shop, me, order, "FINISH_REFUND").await;
    books.wait_for_stock(plate, 20, 19, 0, 1).await;
    eventually(Duration::from_secs(10), || async {
        let refunds = books.refunds(order).await;
        if refunds == [("REFUNDED".to_owned(), 4 * PRICE)] {
            Ok(())
        } else {
            Err(refunds)
        }
    })
    .await;
    let causes = [
        "PLACED",
        "PAID",
        "SHIPPED",
        "DELIVERED",
        "REFUND_REQUESTED",
        "REFUNDED",
    ];
    assert_eq!(books.causes(order).await, causes);
    let history = get(shop, me, &format!("/order/{order}")).await["history"].clone();
    let shown: Vec<&str> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["cause"].as_str().unwrap())
        .collect();
    assert_eq!(shown, causes);
    assert_eq!(shop.stock(plate).await, 19);
}
