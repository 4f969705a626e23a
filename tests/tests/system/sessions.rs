//! Redis loses all it holds: who has logged out stays out, who has not stays in, and the shop sells on.

use std::time::Duration;

use mall_testkit::eventually;
use reqwest::Method;

use super::journey::refresh;
use super::malls::{alone, run};

/// Until the marks are there again; the users service looks twice a second.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_session_that_was_ended_stays_ended_when_redis_loses_everything() {
    run(async {
        let town = alone().await;
        let shop = &town.shop;
        let product = town.mug(10).await;
        let (gone, stays) = (shop.shopper().await, shop.shopper().await);
        shop.ask(Some(&gone), Method::POST, "/auth/logout", None)
            .await
            .expect(200);
        shop.ordered(&stays, product, 1).await;

        town.books.lose_redis().await;

        let page = "/user/mypage";
        eventually(SOON, || async {
            let refused = shop.ask(Some(&gone), Method::GET, page, None).await;
            let verdict = refused.verdict();
            assert!(
                verdict == (401, "SESSION_ENDED".into())
                    || verdict == (503, "SESSION_CHECK_UNAVAILABLE".into()),
                "let in, or refused for something else: {verdict:?}"
            );
            let let_in = shop.ask(Some(&stays), Method::GET, page, None).await;
            match let_in.status.as_u16() {
                200 => Ok(()),
                _ => Err(format!("{:?}", let_in.verdict())),
            }
        })
        .await;

        let refused = shop.ask(Some(&gone), Method::GET, page, None).await;
        assert_eq!(refused.verdict(), (401, "SESSION_ENDED".into()));
        // Which refresh token is the good one was known to Redis alone: when the access token is over, log in again.
        for who in [&gone, &stays] {
            assert_eq!(
                refresh(shop, &who.refresh).await.verdict(),
                (401, "REFRESH_REFUSED".into())
            );
        }
        shop.ask(Some(&stays), Method::GET, page, None)
            .await
            .expect(200);

        // The counts are gone as well: stock brings them back from MySQL by itself.
        eventually(SOON, || async {
            match shop.order(&stays, product, 2).await.status.as_u16() {
                200 => Ok(()),
                status => Err(status),
            }
        })
        .await;
        town.books.wait_for_stock(product, 10, 7, 3, 0).await;
    });
}
