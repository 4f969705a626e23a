//! What an admin does, and that nobody else can.

use std::time::Duration;

use mall_system_tests::Reply;
use mall_testkit::eventually;
use reqwest::Method;
use serde_json::{Value, json};

use super::malls::{Town, run, shared};

impl Town {
    async fn admins(&self, method: Method, path: &str, body: Value) -> Reply {
        self.shop
            .ask(Some(&self.admin), method, path, Some(body))
            .await
    }

    async fn edit(&self, product: i64, body: Value) -> Reply {
        self.admins(Method::PUT, &format!("/product/admin/edit/{product}"), body)
            .await
    }

    async fn set_stock(&self, product: i64, body: Value) -> Reply {
        self.admins(
            Method::PUT,
            &format!("/product/admin/stock/{product}"),
            body,
        )
        .await
    }

    async fn detail(&self, product: i64) -> Value {
        self.shop
            .get(&format!("/product/detail/{product}"))
            .await
            .expect(200)
            .json()
    }

    async fn listed(&self, product: i64) -> Value {
        let all = self
            .shop
            .get("/product/allproduct")
            .await
            .expect(200)
            .json();
        all.as_array()
            .unwrap()
            .iter()
            .find(|listed| listed["productId"] == product)
            .unwrap()
            .clone()
    }
}

#[test]
fn products_are_added_and_edited() {
    run(async {
        let town = shared().await;
        let bare = town
            .shop
            .add_product(&town.admin, json!({"name": "머그컵", "price": 0}))
            .await;
        let expected = json!({
            "name": "머그컵", "description": null, "stock": 0, "price": 0, "imglist": [], "isLimitedEdition": false,
            "openDateTime": null, "isOpen": true,
        });
        assert_eq!(town.detail(bare).await, expected);

        let mug = town.mug(10).await;
        let change = json!({"price": 4500, "description": "새 설명", "imageUrl": "https://img.example/2.png", "imageName": "2"});
        town.edit(mug, change).await.expect(200);
        let detail = town.detail(mug).await;
        assert_eq!(
            (&detail["price"], &detail["description"]),
            (&json!(4500), &json!("새 설명"))
        );
        assert_eq!(detail["imglist"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            town.listed(mug).await["imgName"],
            "m",
            "the first picture stays the thumbnail"
        );
        town.edit(
            mug,
            json!({"imageUrl": "https://img.example/3.png", "imageName": "3", "isThumbnail": true}),
        )
        .await
        .expect(200);
        assert_eq!(town.listed(mug).await["imgName"], "3");

        // What is absent, null or 0 stays.
        town.edit(mug, json!({"price": 0, "stock": 0, "description": null}))
            .await
            .expect(200);
        let detail = town.detail(mug).await;
        assert_eq!(
            (&detail["price"], &detail["stock"]),
            (&json!(4500), &json!(10))
        );
        assert_eq!(detail["description"], "새 설명");
        assert_eq!(
            town.edit(999_999, json!({"price": 1})).await.verdict(),
            (404, "PRODUCT_NOT_FOUND".into())
        );

        // An order keeps the price that held when it was placed.
        let buyer = town.mint.shopper();
        let order = town.shop.ordered(&buyer, mug, 1).await;
        town.edit(mug, json!({"price": 9999})).await.expect(200);
        let shown = town
            .shop
            .ask(Some(&buyer), Method::GET, &format!("/order/{order}"), None)
            .await
            .expect(200)
            .json();
        assert_eq!(shown["orderProductList"][0]["price"], 4500);
    });
}

#[test]
fn bad_products_are_refused_with_every_bad_field_named() {
    run(async {
        let town = shared().await;
        let add = |body: Value| town.admins(Method::POST, "/product/admin/add", body);
        for (body, fields) in [
            (json!({}), vec!["name", "price"]),
            (
                json!({"name": " ", "price": -1, "stock": -1}),
                vec!["name", "price", "stock"],
            ),
            (
                json!({"name": "n".repeat(256), "price": 1, "description": "d".repeat(256)}),
                vec!["description", "name"],
            ),
            (
                json!({"name": "n", "price": 1, "isLimitedEdition": true}),
                vec!["openDateTime"],
            ),
            (
                json!({"name": "n", "price": 1, "isLimitedEdition": true, "openDateTime": "tomorrow"}),
                vec!["openDateTime"],
            ),
        ] {
            let reply = add(body.clone()).await;
            assert_eq!(reply.verdict(), (400, "INVALID_FIELDS".into()), "{body}");
            let errors = reply.json()["errors"].clone();
            let mut named: Vec<&String> = errors.as_object().unwrap().keys().collect();
            named.sort();
            assert_eq!(named, fields, "{body}");
        }
        let longest = json!({"name": "이".repeat(255), "price": 1, "description": "d".repeat(255)});
        add(longest).await.expect(200);
    });
}

#[test]
fn stock_is_set_and_changed_and_never_below_zero() {
    run(async {
        let town = shared().await;
        let mug = town.mug(10).await;
        let buyer = town.mint.shopper();
        town.shop.ordered(&buyer, mug, 4).await;

        town.set_stock(mug, json!({"stock": 20})).await.expect(200);
        assert_eq!(town.shop.stock(mug).await, 20);
        town.set_stock(mug, json!({"change": 5})).await.expect(200);
        assert_eq!(town.shop.stock(mug).await, 25);
        town.set_stock(mug, json!({"change": -25}))
            .await
            .expect(200);
        assert_eq!(town.shop.stock(mug).await, 0);
        let refused = town.set_stock(mug, json!({"change": -1})).await;
        assert_eq!(refused.verdict(), (409, "STOCK_BELOW_ZERO".into()));
        assert_eq!(town.shop.stock(mug).await, 0);
        assert_eq!(
            town.shop.order(&buyer, mug, 1).await.verdict(),
            (409, "SOLD_OUT".into())
        );
        town.edit(mug, json!({"stock": 3})).await.expect(200);
        assert_eq!(town.shop.stock(mug).await, 3);
        assert_eq!(
            town.set_stock(mug, json!({"change": -4})).await.verdict(),
            (409, "STOCK_BELOW_ZERO".into())
        );
        town.set_stock(mug, json!({"stock": 0})).await.expect(200);

        // What is held for the buyer was supplied too.
        town.books.wait_for_stock(mug, 4, 0, 4, 0).await;
        assert_eq!(town.books.ledger(mug).await, town.books.stock(mug).await);
        assert_eq!(town.books.hot_count(mug).await, Some(0));

        for (body, code) in [
            (json!({}), "INVALID_FIELDS"),
            (json!({"stock": 1, "change": 1}), "INVALID_FIELDS"),
            (json!({"stock": -1}), "INVALID_FIELDS"),
            (json!({"change": 0}), "INVALID_FIELDS"),
            (json!({"stock": i64::MAX}), "INVALID_FIELDS"),
            (json!({"change": i64::MIN}), "INVALID_FIELDS"),
            (json!({"stock": 1.5}), "INVALID_BODY"),
        ] {
            assert_eq!(
                town.set_stock(mug, body.clone()).await.verdict(),
                (400, code.to_owned()),
                "{body}"
            );
        }
        let unknown = town.set_stock(999_999, json!({"stock": 1})).await;
        assert_eq!(unknown.verdict(), (404, "PRODUCT_NOT_FOUND".into()));
    });
}

#[test]
fn many_changes_at_once_are_all_booked() {
    run(async {
        let town = shared().await;
        let mug = town.mug(100).await;
        let changes = (1..=40)
            .map(|by| town.set_stock(mug, json!({"change": if by % 2 == 0 { 3 } else { -2 }})));
        for reply in futures_util::future::join_all(changes).await {
            reply.expect(200);
        }
        assert_eq!(town.shop.stock(mug).await, 120);
        town.books.wait_for_stock(mug, 120, 120, 0, 0).await;
        assert_eq!(town.books.ledger(mug).await, town.books.stock(mug).await);
    });
}

#[test]
fn a_limited_edition_sells_when_it_opens_and_not_before() {
    run(async {
        let town = shared().await;
        let limited = |opens: String| {
            json!({
                "name": "한정판", "price": 100, "stock": 10, "isLimitedEdition": true, "openDateTime": opens,
            })
        };
        let buyer = town.mint.shopper();

        let later = town
            .shop
            .add_product(&town.admin, limited(town.books.time_in(3600).await))
            .await;
        let detail = town.detail(later).await;
        assert_eq!(
            (&detail["isOpen"], &detail["stock"]),
            (&json!(false), &json!(0)),
            "{detail}"
        );
        assert!(
            detail["openDateTime"].as_str().unwrap().ends_with("+09:00"),
            "{detail}"
        );
        assert_eq!(
            town.shop.order(&buyer, later, 1).await.verdict(),
            (409, "NOT_YET_OPEN".into())
        );
        let path = format!("/cart/add/{later}?count=1");
        town.shop
            .ask(Some(&buyer), Method::POST, &path, None)
            .await
            .expect(200);
        let cart = town
            .shop
            .ask(Some(&buyer), Method::POST, "/order/orderCartList", None)
            .await;
        assert_eq!(cart.verdict(), (409, "NOT_YET_OPEN".into()));
        town.books.wait_for_stock(later, 10, 10, 0, 0).await;

        let soon = town
            .shop
            .add_product(&town.admin, limited(town.books.time_in(3).await))
            .await;
        assert_eq!(
            town.shop.order(&buyer, soon, 1).await.verdict(),
            (409, "NOT_YET_OPEN".into())
        );
        eventually(Duration::from_secs(10), || async {
            let reply = town.shop.order(&buyer, soon, 2).await;
            if reply.status == 200 {
                Ok(())
            } else {
                Err(reply.verdict())
            }
        })
        .await;
        assert_eq!(town.detail(soon).await["isOpen"], true);
        assert_eq!(
            town.detail(soon).await["stock"],
            0,
            "a limited edition does not show what is left"
        );
        town.books.wait_for_stock(soon, 10, 8, 2, 0).await;
    });
}

#[test]
fn only_admins_pass() {
    run(async {
        let town = shared().await;
        let (mug, shopper) = (town.mug(10).await, town.mint.shopper());
        let product = json!({"name": "n", "price": 1});
        for (method, path, body) in [
            (Method::POST, "/product/admin/add".to_owned(), product),
            (
                Method::PUT,
                format!("/product/admin/edit/{mug}"),
                json!({"price": 1}),
            ),
            (
                Method::PUT,
                format!("/product/admin/stock/{mug}"),
                json!({"stock": 1}),
            ),
        ] {
            let nobody = town
                .shop
                .ask(None, method.clone(), &path, Some(body.clone()))
                .await;
            assert_eq!(nobody.verdict(), (401, "UNAUTHENTICATED".into()), "{path}");
            assert_eq!(nobody.headers["www-authenticate"], "Bearer");
            let user = town
                .shop
                .ask(Some(&shopper), method.clone(), &path, Some(body))
                .await;
            assert_eq!(user.verdict(), (403, "FORBIDDEN".into()), "{path}");
        }
        assert_eq!(town.listed(mug).await["price"], 5000);
        assert_eq!(town.shop.stock(mug).await, 10);
        // Nor may an admin shop.
        assert_eq!(
            town.shop.order(&town.admin, mug, 1).await.verdict(),
            (403, "FORBIDDEN".into())
        );
    });
}
