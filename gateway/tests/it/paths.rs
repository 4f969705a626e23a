//! Paths that are written to be read in two ways.

use crate::support::{Instance, Setup};

#[tokio::test]
async fn tricks_are_refused_before_anything_else() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let user = gateway.user();
    for (target, status) in [
        ("/cart;x=1/getCart", 400),
        ("/cart/getCart;x=1", 400),
        ("/product;x=1/admin/edit/1", 400),
        ("/product/..;/cart/getCart", 400),
        ("/product/../cart/getCart", 400),
        ("/product/./allproduct", 400),
        ("/product/%2e%2e/cart/getCart", 400),
        ("/product/%2E%2E/cart/getCart", 400),
        ("/cart%2FgetCart", 400),
        ("/cart%2fgetCart", 400),
        ("/cart%5CgetCart", 400),
        ("/cart\\getCart", 400),
        ("/cart%255CgetCart", 400),
        ("/cart/getCart%00", 400),
        ("/cart/getCart%0d%0aX:1", 400),
        ("/cart/%zz", 400),
        ("/cart/%c0%af", 400),
        ("//cart/getCart", 404),
        ("/Cart/getCart", 404),
        ("/CART/getCart", 404),
        ("/ADMIN/x", 404),
        ("/product/allproduct/", 404),
        ("/product/detail/3/", 404),
    ] {
        for token in [None, Some(user.as_str())] {
            assert_eq!(gateway.raw_path(target, token).await, status, "{target}");
        }
    }
    assert_eq!(instance.count(), 0, "{:?}", instance.seen());
}

#[tokio::test]
async fn encoded_letters_and_double_slashes_don_t_go_around_the_roles() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    for target in [
        "/c%61rt/getCart",
        "/cart//getCart",
        "/%63art/getCart",
        "/product/%61dmin/add",
        "/product//admin/add",
        "/cart/getCart/",
    ] {
        assert_eq!(gateway.raw_path(target, None).await, 401, "{target}");
    }
    assert_eq!(
        gateway
            .raw_path("/product/%61dmin/add", Some(&gateway.user()))
            .await,
        403
    );
    assert_eq!(instance.count(), 0);
}

#[tokio::test]
async fn gateway_and_service_see_the_identical_path() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let user = gateway.user();
    for (target, forwarded) in [
        ("/c%61rt/getCart", "/cart/getCart"),
        ("/cart//getCart", "/cart/getCart"),
        (
            "/cart/getCart?x=%2F..;%00&y=a//b/",
            "/cart/getCart?x=%2F..;%00&y=a//b/",
        ),
        ("/cart/add/3?count=2", "/cart/add/3?count=2"),
        ("/cart/%EA%b0%80%20x", "/cart/%EA%B0%80%20x"),
        ("/cart/a%3Fb", "/cart/a%3Fb"),
        ("/cart/getCart?", "/cart/getCart?"),
        ("http://elsewhere/cart/getCart", "/cart/getCart"),
    ] {
        let before = instance.count();
        assert_eq!(gateway.raw_path(target, Some(&user)).await, 200, "{target}");
        let seen = instance.seen();
        assert_eq!(seen.len(), before + 1);
        assert_eq!(seen[before]["uri"], forwarded, "{target}");
    }
}
