//! Statuses, codes and fields, as the contract has them.

use http::Method;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Servers, new_product};

#[tokio::test]
async fn detail_stock_shows_what_the_original_showed() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    app.supply(product, 10).await;
    let shown = app.detail_stock(product).await.ok();
    assert_eq!(
        shown,
        json!({"productId": product, "productName": "Mug", "stock": 10, "modified": false})
    );

    // The original lost the name and said modified after the first change; ours does not.
    app.reserve(Uuid::now_v7(), &[(product, 2)]).await.ok();
    let shown = app.detail_stock(product).await.ok();
    assert_eq!(
        shown,
        json!({"productId": product, "productName": "Mug", "stock": 8, "modified": false})
    );

    assert_eq!(
        app.detail_stock(999_999_999_999).await.problem(),
        (404, "PRODUCT_NOT_FOUND")
    );
    assert_eq!(
        app.public(Method::GET, "/product/detailStock/abc", None)
            .await
            .status,
        400
    );
    assert_eq!(
        app.public(Method::POST, "/product/detailStock/1", None)
            .await
            .status,
        405
    );
}

#[tokio::test]
async fn a_reservation_lives_its_life() {
    let servers = Servers::open().await;
    let (app, product, id) = (servers.instance(), new_product(), Uuid::now_v7());
    app.supply(product, 5).await;
    let path = format!("/internal/stock/reservations/{id}");
    let detail = || app.call(Method::GET, &path, None);
    assert_eq!(detail().await.problem(), (404, "RESERVATION_UNKNOWN"));
    assert_eq!(
        app.confirm(id).await.problem(),
        (404, "RESERVATION_UNKNOWN")
    );

    assert_eq!(
        app.reserve(id, &[(product, 2)]).await.ok(),
        json!({"reservationId": id, "state": "HELD"})
    );
    assert_eq!(
        detail().await.ok(),
        json!({"reservationId": id, "state": "HELD", "buyer": 7, "lines": [{"productId": product, "quantity": 2}]})
    );
    assert_eq!(
        app.confirm(id).await.ok(),
        json!({"reservationId": id, "state": "SOLD"})
    );
    assert_eq!(
        app.confirm(id).await.ok()["state"],
        "SOLD",
        "once more changes nothing"
    );
    let books = servers.audit(product).await;
    assert_eq!((books.available, books.held, books.sold), (3, 0, 2));
    assert_eq!(
        app.reserve(id, &[(product, 2)]).await.ok()["state"],
        "SOLD",
        "a repeated reserve says where it stands"
    );

    let released = json!({"reservationId": id, "state": "RELEASED", "released": true});
    assert_eq!(app.release(id).await.ok(), released);
    assert_eq!(
        app.release(id).await.ok()["released"],
        false,
        "the second release gives nothing back"
    );
    assert_eq!(app.detail_stock(product).await.ok()["stock"], 5);
    assert_eq!(app.confirm(id).await.problem(), (409, "RESERVATION_CLOSED"));
    assert_eq!(
        app.reserve(id, &[(product, 2)]).await.problem(),
        (409, "RESERVATION_CLOSED")
    );
    let books = servers.audit(product).await;
    assert_eq!((books.available, books.held, books.sold), (5, 0, 0));
}

#[tokio::test]
async fn an_id_that_was_released_first_can_take_nothing() {
    let servers = Servers::open().await;
    let (app, product, id) = (servers.instance(), new_product(), Uuid::now_v7());
    app.supply(product, 5).await;
    assert_eq!(app.release(id).await.ok()["released"], false);
    assert_eq!(
        app.reserve(id, &[(product, 1)]).await.problem(),
        (409, "RESERVATION_CLOSED")
    );
    let spent = app
        .call(
            Method::GET,
            &format!("/internal/stock/reservations/{id}"),
            None,
        )
        .await
        .ok();
    assert_eq!(
        spent,
        json!({"reservationId": id, "state": "RELEASED", "buyer": null, "lines": []})
    );
    assert_eq!(servers.audit(product).await.available, 5);
}

#[tokio::test]
async fn refusals_say_of_which_product_how_many_are_left() {
    let servers = Servers::open().await;
    let (app, few, none) = (servers.instance(), new_product(), new_product());
    app.supply(few, 3).await;
    app.supply(none, 0).await;
    let refused = app.reserve(Uuid::now_v7(), &[(few, 4)]).await;
    assert_eq!(refused.problem(), (409, "INSUFFICIENT_STOCK"));
    assert_eq!(
        (&refused.body["productId"], &refused.body["available"]),
        (&json!(few), &json!(3))
    );
    let refused = app.reserve(Uuid::now_v7(), &[(none, 1)]).await;
    assert_eq!(refused.problem(), (409, "SOLD_OUT"));
    assert_eq!(
        (&refused.body["productId"], &refused.body["available"]),
        (&json!(none), &json!(0))
    );
    assert_eq!(
        app.reserve(Uuid::now_v7(), &[(few, i64::MAX)])
            .await
            .problem(),
        (409, "INSUFFICIENT_STOCK")
    );
    assert_eq!(
        app.reserve(Uuid::now_v7(), &[(999_999_999_999, 1)])
            .await
            .problem(),
        (404, "STOCK_UNKNOWN")
    );
    assert_eq!(servers.audit(few).await.available, 3);
}

#[tokio::test]
async fn several_lines_are_all_or_nothing() {
    let servers = Servers::open().await;
    let (app, a, b, c) = (
        servers.instance(),
        new_product(),
        new_product(),
        new_product(),
    );
    for (product, pieces) in [(a, 5), (b, 2), (c, 5)] {
        app.supply(product, pieces).await;
    }
    let id = Uuid::now_v7();
    assert_eq!(
        app.reserve(id, &[(c, 1), (a, 2), (b, 3)]).await.problem(),
        (409, "INSUFFICIENT_STOCK")
    );
    for (product, pieces) in [(a, 5), (b, 2), (c, 5)] {
        assert_eq!(
            app.detail_stock(product).await.ok()["stock"],
            pieces,
            "a refused line takes nothing from the others"
        );
        servers.audit(product).await;
    }
    // The refused id was never booked, so it may still be used.
    assert_eq!(
        app.reserve(id, &[(c, 1), (a, 2), (b, 2)]).await.ok()["state"],
        "HELD"
    );
    assert_eq!(
        app.reserve(id, &[(a, 2), (b, 2), (c, 1)]).await.ok()["state"],
        "HELD",
        "the order of lines is no matter"
    );
    assert_eq!(
        app.reserve(id, &[(a, 2), (b, 2)]).await.problem(),
        (409, "RESERVATION_MISMATCH")
    );
    assert_eq!(
        app.reserve(id, &[(a, 1)]).await.problem(),
        (409, "RESERVATION_MISMATCH")
    );
    assert_eq!(
        app.reserve(Uuid::now_v7(), &[(a, 1), (999_999_999_999, 1)])
            .await
            .problem(),
        (404, "STOCK_UNKNOWN")
    );
    app.confirm(id).await.ok();
    for (product, left) in [(a, 3), (b, 0), (c, 4)] {
        let books = servers.audit(product).await;
        assert_eq!((books.available, books.held), (left, 0));
    }
    assert_eq!(app.release(id).await.ok()["released"], true);
    for (product, pieces) in [(a, 5), (b, 2), (c, 5)] {
        assert_eq!(servers.audit(product).await.available, pieces);
    }
}

#[tokio::test]
async fn available_answers_in_the_order_asked() {
    let servers = Servers::open().await;
    let (app, a, b) = (servers.instance(), new_product(), new_product());
    app.supply(a, 1).await;
    app.supply(b, 2).await;
    let path = format!("/internal/stock?ids={b},999999999999,{a},{b}");
    let (a, b) = (
        json!({"productId": a, "available": 1}),
        json!({"productId": b, "available": 2}),
    );
    assert_eq!(
        app.call(Method::GET, &path, None).await.ok(),
        json!([b, a, b])
    );
    assert_eq!(
        app.call(Method::GET, "/internal/stock?ids=", None)
            .await
            .ok(),
        json!([])
    );
    for bad in [
        "/internal/stock",
        "/internal/stock?ids=x",
        "/internal/stock?ids=1,",
    ] {
        assert_eq!(
            app.call(Method::GET, bad, None).await.problem(),
            (400, "INVALID_QUERY"),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn nonsense_is_400_and_changes_nothing() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    app.supply(product, 5).await;
    let id = Uuid::now_v7();
    let line = json!({"productId": product, "quantity": 1});
    for bad in [
        json!({"reservationId": "x", "buyer": 1, "lines": [line]}),
        json!({"reservationId": id, "buyer": 1, "lines": []}),
        json!({"reservationId": id, "buyer": 1, "lines": [line, line]}),
        json!({"reservationId": id, "buyer": 1, "lines": [{"productId": product, "quantity": 0}]}),
        json!({"reservationId": id, "buyer": 1, "lines": [{"productId": product, "quantity": -1}]}),
        json!({"reservationId": id, "buyer": 1, "lines": [{"productId": product, "quantity": 1.5}]}),
        json!({"reservationId": id, "buyer": "1", "lines": [line]}),
        json!({"reservationId": id, "lines": [line]}),
    ] {
        let reply = app
            .call(
                Method::POST,
                "/internal/stock/reservations",
                Some(bad.clone()),
            )
            .await;
        assert_eq!(reply.status, 400, "{bad}");
    }
    assert_eq!(
        app.call(Method::POST, "/internal/stock/reservations/x/release", None)
            .await
            .status,
        400
    );
    assert_eq!(
        app.call(Method::POST, "/internal/stock/reservations/x/confirm", None)
            .await
            .status,
        400
    );
    // Between services unknown fields are ignored: versions mix while they are rolled out.
    let newer = json!({"reservationId": id, "buyer": 1, "lines": [line], "later": 1});
    app.call(Method::POST, "/internal/stock/reservations", Some(newer))
        .await
        .ok();
    assert_eq!(servers.audit(product).await.available, 4);
}

#[tokio::test]
async fn internal_paths_need_a_service_identity() {
    let servers = Servers::open().await;
    let (app, id) = (servers.instance(), Uuid::now_v7());
    for (method, path) in [
        (Method::GET, "/internal/stock?ids=1".to_owned()),
        (Method::PUT, "/internal/stock/items/1".to_owned()),
        (Method::POST, "/internal/stock/items/1/adjust".to_owned()),
        (Method::POST, "/internal/stock/reservations".to_owned()),
        (
            Method::POST,
            format!("/internal/stock/reservations/{id}/release"),
        ),
        (
            Method::POST,
            format!("/internal/stock/reservations/{id}/confirm"),
        ),
        (Method::GET, format!("/internal/stock/reservations/{id}")),
    ] {
        let reply = app.public(method, &path, Some(json!({}))).await;
        assert_eq!(reply.status, 401, "{path}: {}", reply.body);
    }
}
