//! Money and stock go back exactly once when everybody who may give them back meets.

use futures_util::future::join_all;
use http::Method;
use mall_orders::ADVANCE;
use mall_types::Role;
use serde_json::json;

use crate::fakes::Fault::{LoseAnswer, LoseRequest};
use crate::replica::ADMIN;
use crate::support::{ALICE, MUG, World};

const DAY: i64 = 24 * 3600;

/// Two instances' schedulers and relays, the provider's word, the client and an admin, in the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn schedulers_a_webhook_a_client_and_an_admin_meet() {
    for (round, refund) in [false, true, false, true].into_iter().enumerate() {
        let world = World::new().await;
        let order = world.paid().await;
        if refund {
            for _ in 0..2 {
                world.pass(DAY);
                world.run(ADVANCE).await;
            }
            assert_eq!(world.refund(ALICE, order).await.status, 200);
        } else {
            assert_eq!(world.cancel(ALICE, order).await.status, 200);
        }
        world.pass(DAY);
        world.payments.till.lock().unwrap().undecided_refunds = 2;
        world.payments.line.faults(&[LoseAnswer, LoseRequest]);
        world.stock.line.faults(&[LoseAnswer, LoseRequest]);
        let (a, b) = (world.twin(), world.twin());
        let (to, call) = match refund {
            true => ("FINISH_REFUND", "refund"),
            false => ("ORDER_CANCEL", "cancel"),
        };
        let schedulers = join_all([&a, &b].map(|replica| async {
            // Refused when the other holds the job's lease, which is as good.
            let _ = replica.jobs.run_now(ADVANCE).await;
            for _ in 0..4 {
                replica.orders.relay().drain_once().await.unwrap();
            }
        }));
        let clients = join_all([None, Some("k1"), Some("k1"), Some("k2")].map(|key| {
            let path = format!("/order/{call}/{order}");
            let alice = (ALICE, Role::User);
            let replica = &b;
            async move { replica.call(alice, Method::PUT, &path, key, None).await }
        }));
        let admins = join_all([&a, &b].map(|replica| {
            let path = format!("/admin/orders/{order}/move");
            let admin = (ADMIN, Role::Admin);
            let body = json!({"to": to});
            async move {
                replica
                    .call(admin, Method::POST, &path, None, Some(body))
                    .await
            }
        }));
        let webhook = async {
            for _ in 0..20 {
                world.payments.webhook_refunded(order);
                tokio::task::yield_now().await;
            }
        };
        let (_, clients, admins, ()) = tokio::join!(schedulers, clients, admins, webhook);
        for answer in &clients {
            assert!(matches!(answer.status, 406 | 409), "{answer:?}");
        }
        assert!(admins.iter().filter(|answer| answer.status == 200).count() <= 1);
        world.run(ADVANCE).await;
        world.quiet().await;
        assert_eq!(world.status(order).await, to, "round {round}");
        assert_eq!(world.payments.taken(), [order]);
        assert_eq!(world.payments.given_back(), [order]);
        assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
        world.stock.assert_released_once();
        let ends = world.causes(order).await;
        let ends = ends
            .iter()
            .filter(|cause| ["CANCELED", "REFUNDED", "MOVED_BY_ADMIN"].contains(&cause.as_str()));
        assert_eq!(ends.count(), 1);
    }
}

/// Two instances move many orders at once, while buyers cancel some of them: each order makes one step.
#[tokio::test(flavor = "multi_thread")]
async fn two_schedulers_move_each_order_once() {
    let world = World::new().await;
    world.offer(MUG, "Mug", 5000, 1000);
    let mut orders = Vec::new();
    for _ in 0..30 {
        orders.push(world.paid().await);
    }
    world.pass(DAY);
    let (a, b) = (world.twin(), world.twin());
    let cancels = join_all(
        orders
            .iter()
            .step_by(3)
            .map(|order| world.cancel(ALICE, *order)),
    );
    // Without the lease that usually keeps one of them out.
    let (moved_a, moved_b, cancelled) = tokio::join!(
        async { a.jobs.run_now(ADVANCE).await },
        async { b.jobs.run_now(ADVANCE).await },
        cancels
    );
    assert!(moved_a.is_ok() || moved_b.is_ok());
    world.run(ADVANCE).await;
    let cancelled = cancelled
        .iter()
        .filter(|answer| answer.status == 200)
        .count();
    let steps = "SELECT COUNT(*) FROM order_history WHERE cause IN ('SHIPPED', 'CANCEL_REQUESTED')";
    assert_eq!(world.count(steps).await, 30);
    let requested = "SELECT COUNT(*) FROM orders WHERE status = 1";
    assert_eq!(world.count(requested).await, cancelled as i64);
    let copies = "SELECT COUNT(*) FROM order_line l JOIN orders o ON o.id = l.order_id WHERE l.order_status <> o.status";
    assert_eq!(world.count(copies).await, 0);
}
