//! What time does, in a mall where a day passes in three seconds: settings, not the clock, make it so. Two instances of orders
//! and of stock run the same schedules side by side.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mall_system_tests::Person;
use mall_testkit::eventually;
use reqwest::Method;

use super::malls::{Town, hasty, run};

/// Enough for the two instances to get in each other's way.
const ORDERS: usize = 12;

impl Town {
    async fn buyers(&self, product: i64, quantity: i64) -> Vec<(Person, i64)> {
        let buyers = self.mint.shoppers(ORDERS);
        join_all(buyers.into_iter().map(|buyer| async {
            let order = self.shop.ordered(&buyer, product, quantity).await;
            (buyer, order)
        }))
        .await
    }

    async fn all_pay(&self, orders: &[(Person, i64)]) {
        let paid = join_all(
            orders
                .iter()
                .map(|(buyer, order)| self.shop.pay(buyer, *order, false, false)),
        )
        .await;
        for reply in paid {
            reply.expect(200);
        }
    }

    async fn all_ask(&self, orders: &[(Person, i64)], what: &str) {
        let asked = orders.iter().map(|(buyer, order)| async move {
            self.shop
                .ask(
                    Some(buyer),
                    Method::PUT,
                    &format!("/order/{what}/{order}"),
                    None,
                )
                .await
        });
        for reply in join_all(asked).await {
            reply.expect(200);
        }
    }

    /// Waits until every order has gone this way and no other.
    async fn all_went(&self, orders: &[(Person, i64)], causes: &[&str]) {
        for (_, order) in orders {
            eventually(Duration::from_secs(40), || async {
                let found = self.books.causes(*order).await;
                if found == causes {
                    Ok(())
                } else {
                    Err(format!("order {order}: {found:?}, wanted {causes:?}"))
                }
            })
            .await;
        }
    }

    /// Everything was charged once, and given back as often as said.
    async fn money(&self, orders: &[(Person, i64)], amount: i64, given_back: bool) {
        let refunds = if given_back {
            vec![("REFUNDED".to_owned(), amount)]
        } else {
            Vec::new()
        };
        for (_, order) in orders {
            eventually(Duration::from_secs(15), || async {
                let found = self.books.refunds(*order).await;
                if found == refunds {
                    Ok(())
                } else {
                    Err(format!("order {order}: {found:?}"))
                }
            })
            .await;
            assert_eq!(
                self.books.payment(*order).await,
                Some(("CAPTURED".to_owned(), amount))
            );
            assert_eq!(self.books.charges(*order).await, (1, i64::from(given_back)));
        }
    }

    /// How often the ledger says that pieces came back.
    async fn released(&self, product: i64) -> i64 {
        let query = "SELECT CAST(COALESCE(SUM(available), 0) AS SIGNED) FROM mall_stock.stock_movement \
                     WHERE available > 0 AND supplied = 0 AND product_id =";
        self.books.number(&format!("{query} {product}")).await
    }
}

#[test]
fn paid_orders_are_shipped_and_delivered_and_stay_so() {
    run(async {
        let town = hasty().await;
        let mug = town.mug(100).await;
        let orders = town.buyers(mug, 2).await;
        let began = Instant::now();
        town.all_pay(&orders).await;
        town.all_went(&orders, &["PLACED", "PAID", "SHIPPED", "DELIVERED"])
            .await;
        assert!(
            began.elapsed() >= Duration::from_secs(6),
            "two days have passed, not less"
        );
        town.books.wait_for_stock(mug, 100, 76, 0, 24).await;
        // Longer than another day: what nobody sends back stays with them.
        let (buyer, order) = &orders[0];
        let (_, late) = (town.books.quiet().await, town.buyers(mug, 1).await);
        town.all_went(&late, &["PLACED", "PAYMENT_DEADLINE"]).await;
        town.books.wait_for_stock(mug, 100, 76, 0, 24).await;
        let shown = town
            .shop
            .ask(Some(buyer), Method::GET, &format!("/order/{order}"), None)
            .await
            .expect(200)
            .json();
        assert_eq!(shown["orderStatus"], "FINISH_SHIPPING");
        town.money(&orders, 10_000, false).await;
        assert_eq!(
            town.released(mug).await,
            12,
            "only the unpaid ones came back"
        );
    });
}

#[test]
fn cancelled_orders_give_stock_and_money_back_exactly_once() {
    run(async {
        let town = hasty().await;
        let mug = town.mug(100).await;
        let orders = town.buyers(mug, 3).await;
        town.all_pay(&orders).await;
        town.all_ask(&orders, "cancel").await;
        assert_eq!(town.shop.stock(mug).await, 64, "it is only asked for yet");
        town.all_went(&orders, &["PLACED", "PAID", "CANCEL_REQUESTED", "CANCELED"])
            .await;
        town.money(&orders, 15_000, true).await;
        town.books.wait_for_stock(mug, 100, 100, 0, 0).await;
        assert_eq!(town.released(mug).await, 36);
        assert_eq!(town.books.ledger(mug).await, town.books.stock(mug).await);
        assert_eq!(town.shop.stock(mug).await, 100);
    });
}

#[test]
fn returned_orders_give_stock_and_money_back_exactly_once() {
    run(async {
        let town = hasty().await;
        let mug = town.mug(100).await;
        let orders = town.buyers(mug, 1).await;
        town.all_pay(&orders).await;
        let delivered = ["PLACED", "PAID", "SHIPPED", "DELIVERED"];
        town.all_went(&orders, &delivered).await;
        town.all_ask(&orders, "refund").await;
        town.all_went(
            &orders,
            &[&delivered[..], &["REFUND_REQUESTED", "REFUNDED"]].concat(),
        )
        .await;
        town.money(&orders, 5_000, true).await;
        town.books.wait_for_stock(mug, 100, 100, 0, 0).await;
        assert_eq!(town.released(mug).await, 12);
        assert_eq!(town.books.ledger(mug).await, town.books.stock(mug).await);
    });
}

#[test]
fn unpaid_orders_expire_and_their_stock_comes_back_once() {
    run(async {
        let town = hasty().await;
        let mug = town.mug(24).await;
        let orders = town.buyers(mug, 2).await;
        let next = town.mint.shopper();
        assert_eq!(
            town.shop.order(&next, mug, 1).await.verdict(),
            (409, "SOLD_OUT".into())
        );
        town.all_went(&orders, &["PLACED", "PAYMENT_DEADLINE"])
            .await;
        town.books.wait_for_stock(mug, 24, 24, 0, 0).await;
        assert_eq!(town.released(mug).await, 24);
        let (buyer, order) = &orders[0];
        assert_eq!(
            town.shop.pay(buyer, *order, false, false).await.verdict(),
            (406, "ORDER_NOT_PAYABLE".into())
        );
        assert_eq!(town.books.payment(*order).await, None);
        town.shop.order(&next, mug, 24).await.expect(200);
    });
}

#[test]
fn a_count_that_was_tampered_with_is_repaired_and_sells_nothing_that_is_not_there() {
    run(async {
        let town = hasty().await;
        let mug = town.mug(7).await;
        for wrong in [Some(999), Some(-3), Some(0), None] {
            town.books.tamper(mug, wrong).await;
            eventually(Duration::from_secs(15), || async {
                match town.books.hot_count(mug).await {
                    Some(7) => Ok(()),
                    other => Err(format!("{wrong:?} became {other:?}")),
                }
            })
            .await;
            assert_eq!(town.shop.stock(mug).await, 7);
        }

        let (first, second) = (town.mint.shopper(), town.mint.shopper());
        let order = town.shop.ordered(&first, mug, 7).await;
        town.shop.pay(&first, order, false, false).await.expect(200);
        // Whatever Redis says, MySQL has the last word.
        for _ in 0..20 {
            town.books.tamper(mug, Some(999)).await;
            let reply = town.shop.order(&second, mug, 5).await;
            assert!(matches!(reply.status.as_u16(), 409 | 503), "{reply:?}");
        }
        town.books.wait_for_stock(mug, 7, 0, 0, 7).await;
        eventually(Duration::from_secs(15), || async {
            let count = town.books.hot_count(mug).await;
            if count == Some(0) { Ok(()) } else { Err(count) }
        })
        .await;
        assert_eq!(
            town.shop.order(&second, mug, 1).await.verdict(),
            (409, "SOLD_OUT".into())
        );
    });
}
