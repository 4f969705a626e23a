//! How a session goes on, and how it ends.

use mall_system_tests::{PASSWORD, Person, Reply, Shop};
use reqwest::Method;

use super::{get, is_done};

pub async fn refresh(shop: &Shop, cookie: &str) -> Reply {
    let cookie = format!("refresh_token={cookie}");
    shop.send(Method::POST, "/auth/refresh", &[("cookie", &cookie)], None)
        .await
}

pub async fn leaves(shop: &Shop, me: &Person) {
    is_done(shop.ask(Some(me), Method::POST, "/auth/logout", None).await);
    let dead = shop.ask(Some(me), Method::GET, "/cart/getCart", None).await;
    assert_eq!(
        dead.verdict(),
        (401, "SESSION_ENDED".into()),
        "dead at once"
    );
    assert_eq!(
        refresh(shop, &me.refresh).await.verdict(),
        (401, "REFRESH_REFUSED".into())
    );
}

/// Each refresh gives a new cookie; the one before it may have raced, an older one that comes again ends the session with all its
/// tokens.
pub async fn refreshes(shop: &Shop, me: &Person) {
    let first = shop.person(&me.email, PASSWORD).await;
    let bystander = shop.person(&me.email, PASSWORD).await;
    let reply = refresh(shop, &first.refresh).await.expect(200);
    assert_eq!(reply.json()["http_status"], "201 CREATED");
    let cookie = reply.headers["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let second = Person {
        email: me.email.clone(),
        access: reply.json()["access_token"].as_str().unwrap().to_owned(),
        refresh: cookie.trim_start_matches("refresh_token=").to_owned(),
    };
    assert_ne!(second.refresh, first.refresh);
    get(shop, &second, "/user/mypage").await;

    // Two windows: the one that was late is refused, and nothing ends.
    assert_eq!(
        refresh(shop, &first.refresh).await.verdict(),
        (409, "REFRESH_RACED".into())
    );
    get(shop, &second, "/user/mypage").await;
    refresh(shop, &second.refresh).await.expect(200);
    assert_eq!(
        refresh(shop, &first.refresh).await.verdict(),
        (401, "REFRESH_REFUSED".into())
    );
    for tokens in [&first, &second] {
        let dead = shop
            .ask(Some(tokens), Method::GET, "/user/mypage", None)
            .await;
        assert_eq!(dead.verdict(), (401, "SESSION_ENDED".into()));
    }
    assert_eq!(
        refresh(shop, &second.refresh).await.verdict(),
        (401, "REFRESH_REFUSED".into())
    );
    get(shop, &bystander, "/user/mypage").await;
    assert_eq!(
        refresh(shop, &bystander.access).await.verdict().0,
        401,
        "an access token refreshes nothing"
    );
}
