//! `GET /order/orderlist` in pages.

use http::Method;
use serde_json::{Value, json};

use crate::support::{ALICE, BOB, MUG, World};

async fn page(world: &World, user: i64, query: &str) -> Vec<i64> {
    let path = format!("/order/orderlist{query}");
    let answer = world.call(user, Method::GET, &path, None).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    ids(&answer.body)
}

fn ids(list: &Value) -> Vec<i64> {
    let entries = list.as_array().unwrap().iter();
    entries
        .map(|entry| entry["orderId"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn the_list_pages_when_asked_to() {
    let world = World::new().await;
    world.offer(MUG, "Mug", 5000, 1000);
    let mut orders = Vec::new();
    for number in 0..9 {
        let order = world.placed().await;
        world.order(BOB, MUG, 1).await;
        // Every third waits for its payment, and is not in the list.
        if number % 3 != 0 {
            world
                .pay_with(ALICE, order, json!({"isCanceled": true}))
                .await;
            orders.push(order);
        }
    }
    orders.reverse();
    let whole = world.list(ALICE).await;
    assert_eq!(ids(&whole), orders);
    for limit in 1..=7 {
        let (mut seen, mut after) = (Vec::<i64>::new(), String::new());
        loop {
            let part = page(&world, ALICE, &format!("?limit={limit}{after}")).await;
            seen.extend(&part);
            let Some(last) = part.last().filter(|_| part.len() == limit) else {
                break;
            };
            after = format!("&after={last}");
        }
        assert_eq!(seen, orders, "{limit}");
    }
    assert_eq!(
        page(&world, ALICE, &format!("?after={}", orders[1])).await,
        orders[2..]
    );
    // Entries are the same as those of the whole list; what the original does not know it does not look at.
    let answer = world.call(ALICE, Method::GET, "/order/orderlist?limit=200", None);
    assert_eq!(answer.await.body, whole);
    let answer = world.call(ALICE, Method::GET, "/order/orderlist?_=17", None);
    assert_eq!(answer.await.body, whole);
    // A cursor is a place, not a key: somebody else's shows nothing of his.
    assert_eq!(
        page(&world, BOB, &format!("?after={}", orders[0])).await,
        [0; 0]
    );
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "after=0",
        "after=-1",
        "after=x",
    ] {
        let path = format!("/order/orderlist?{query}");
        let answer = world.call(ALICE, Method::GET, &path, None).await;
        assert_eq!(answer.code(), (400, "INVALID_FIELDS"), "{query}");
    }
}
