//! Supply: booked once per id, never below zero.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{Servers, Tuning, new_product};

#[tokio::test]
async fn the_first_supply_is_booked_once_and_the_name_may_change() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    app.supply(product, 10).await;
    app.supply(product, 10).await;
    assert_eq!(servers.audit(product).await.supplied, 10);

    let path = format!("/internal/stock/items/{product}");
    let rename = json!({"name": "Cup", "available": null, "adjustmentId": "whatever"});
    assert_eq!(
        app.call(Method::PUT, &path, Some(rename)).await.ok()["available"],
        10
    );
    assert_eq!(app.detail_stock(product).await.ok()["productName"], "Cup");
    let other =
        json!({"name": "Cup", "available": 11, "adjustmentId": format!("supply-{product}")});
    assert_eq!(
        app.call(Method::PUT, &path, Some(other)).await.problem(),
        (409, "ADJUSTMENT_MISMATCH")
    );
    for bad in [
        json!({"name": "", "available": 1, "adjustmentId": "a"}),
        json!({"name": "x".repeat(256), "available": 1, "adjustmentId": "a"}),
        json!({"name": "x", "available": -1, "adjustmentId": "a"}),
        json!({"name": "x", "available": 1, "adjustmentId": ""}),
        json!({"name": "x", "available": 1, "adjustmentId": "a".repeat(65)}),
    ] {
        assert_eq!(
            app.call(Method::PUT, &path, Some(bad.clone()))
                .await
                .problem(),
            (400, "INVALID_FIELDS"),
            "{bad}"
        );
    }
    assert_eq!(servers.audit(product).await.supplied, 10);
}

#[tokio::test]
async fn set_and_change_are_booked_as_differences() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    app.supply(product, 10).await;
    app.reserve(Uuid::now_v7(), &[(product, 4)]).await.ok();
    let id = |name: &str| format!("{name}-{product}");

    let set = json!({"adjustmentId": id("set"), "set": 20});
    assert_eq!(
        app.adjust(product, set.clone()).await.ok(),
        json!({"productId": product, "available": 20})
    );
    assert_eq!(servers.audit(product).await.supplied, 24);
    let change = json!({"adjustmentId": id("less"), "change": -15});
    assert_eq!(app.adjust(product, change).await.ok()["available"], 5);
    assert_eq!(
        app.adjust(product, set).await.ok()["available"],
        5,
        "a repeated id changes nothing, and tells what is there"
    );

    let refused = app
        .adjust(product, json!({"adjustmentId": id("under"), "change": -6}))
        .await;
    assert_eq!(refused.problem(), (409, "STOCK_BELOW_ZERO"));
    assert_eq!(refused.body["available"], 5);
    assert_eq!(app.detail_stock(product).await.ok()["stock"], 5);
    let other = json!({"adjustmentId": id("set"), "set": 21});
    assert_eq!(
        app.adjust(product, other).await.problem(),
        (409, "ADJUSTMENT_MISMATCH")
    );
    let huge = json!({"adjustmentId": id("huge"), "change": 1_000_000_000_000_i64});
    assert_eq!(
        app.adjust(product, huge).await.problem(),
        (409, "STOCK_TOO_LARGE")
    );
    let unknown = json!({"adjustmentId": id("unknown"), "set": 1});
    assert_eq!(
        app.adjust(999_999_999_999, unknown).await.problem(),
        (404, "STOCK_UNKNOWN")
    );
    let zero = json!({"adjustmentId": id("zero"), "set": 0});
    assert_eq!(app.adjust(product, zero).await.ok()["available"], 0);
    assert_eq!(
        app.reserve(Uuid::now_v7(), &[(product, 1)]).await.problem(),
        (409, "SOLD_OUT")
    );
    let books = servers.audit(product).await;
    assert_eq!((books.supplied, books.available, books.held), (4, 0, 4));
}

#[tokio::test]
async fn the_same_adjustment_from_twenty_callers_counts_once() {
    let servers = Servers::open().await;
    let (a, b, product) = (servers.instance(), servers.instance(), new_product());
    a.supply(product, 10).await;
    let mut callers = JoinSet::new();
    for caller in 0..20 {
        let app = if caller % 2 == 0 {
            a.clone()
        } else {
            b.clone()
        };
        callers.spawn(async move {
            app.adjust(
                product,
                json!({"adjustmentId": format!("plus-{product}"), "change": 5}),
            )
            .await
            .ok()["available"]
                .clone()
        });
    }
    while let Some(available) = callers.join_next().await {
        assert_eq!(available.unwrap(), 15);
    }
    assert_eq!(servers.audit(product).await.supplied, 15);
}

#[tokio::test]
async fn supply_that_changes_during_a_sale_loses_nothing() {
    let servers = Servers::open().await;
    let (a, b, product) = (servers.instance(), servers.instance(), new_product());
    a.supply(product, 40).await;
    let mut tasks = JoinSet::new();
    for buyer in 0..200 {
        let app = if buyer % 2 == 0 { a.clone() } else { b.clone() };
        tasks.spawn(async move {
            i64::from(app.reserve(Uuid::now_v7(), &[(product, 1)]).await.status == 200)
        });
    }
    for (number, change) in [3, -5, 7, -2, 4].into_iter().enumerate() {
        let app = b.clone();
        tasks.spawn(async move {
            // Refused when too few are left by then.
            let body = json!({"adjustmentId": format!("c{number}-{product}"), "change": change});
            app.adjust(product, body).await;
            0
        });
    }
    let sold: i64 = tasks.join_all().await.into_iter().sum();
    let books = servers.audit(product).await;
    assert_eq!(
        books.held, sold,
        "every 200 is a reservation, and every reservation was answered 200"
    );
    assert!(books.supplied >= 33 && books.supplied <= 54, "{books:?}");
}

#[tokio::test]
async fn an_admin_who_does_not_get_the_lock_is_told_to_come_again() {
    let servers = Servers::open().await;
    let tuning = Tuning {
        wait: Duration::from_millis(200),
        ..Tuning::default()
    };
    let (app, product) = (servers.tuned(tuning), new_product());
    app.supply(product, 10).await;
    let other = app
        .locks
        .acquire(
            &format!("LOCK:{product}"),
            Duration::ZERO,
            Duration::from_secs(30),
        )
        .await
        .unwrap();
    let refused = app
        .adjust(
            product,
            json!({"adjustmentId": format!("a{product}"), "set": 1}),
        )
        .await;
    assert_eq!(refused.problem(), (503, "LOCK_TIMEOUT"));
    assert!(refused.headers.contains_key("retry-after"));
    other.release().await.unwrap();
    assert_eq!(servers.audit(product).await.available, 10);
}
