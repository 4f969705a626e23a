//! How often MySQL is asked for one order: what `docs/orders.md` says of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use mall_db::Db;
use mall_orders::MIGRATIONS;
use mall_testkit::fresh_schema;
use mall_types::Role;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{ALICE, MUG, World};

/// Commands that somebody waits for: a query, and a prepared statement that is executed.
const ASKED: [u8; 2] = [0x03, 0x17];

/// What a connection is set up with: how many of them a crowded machine opens is no matter of an order.
const SET_UP: &[u8] = b"SET ";

/// A wire to MySQL that counts the commands on it. Statements are prepared once per connection, so preparing does not count.
struct Wire {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Wire {
    async fn to(server: String) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let upstream = TcpStream::connect(&server).await.unwrap();
                for stream in [&client, &upstream] {
                    stream.set_nodelay(true).unwrap();
                }
                let (client_reads, mut client_writes) = client.into_split();
                let (mut upstream_reads, upstream_writes) = upstream.into_split();
                tokio::spawn(pass(client_reads, upstream_writes, Arc::clone(&count)));
                tokio::spawn(async move {
                    tokio::io::copy(&mut upstream_reads, &mut client_writes).await
                });
            }
        });
        Wire { port, asked }
    }

    fn taken(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

/// Passes packets on: three bytes of length, one of sequence, which begins anew with each command.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, asked: Arc<AtomicUsize>) {
    let mut head = [0; 4];
    while from.read_exact(&mut head).await.is_ok() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
        let mut packet = vec![0; length];
        if from.read_exact(&mut packet).await.is_err() {
            return;
        }
        if head[3] == 0 && is_asked(&packet) {
            asked.fetch_add(1, Ordering::Relaxed);
        }
        if to
            .write_all(&[&head, packet.as_slice()].concat())
            .await
            .is_err()
        {
            return;
        }
    }
}

fn is_asked(packet: &[u8]) -> bool {
    packet
        .split_first()
        .is_some_and(|(command, text)| ASKED.contains(command) && !sets_up(text))
}

fn sets_up(text: &[u8]) -> bool {
    // A transaction's begin and end set something on the way.
    let of_a_transaction = text.ends_with(b"BEGIN") || text.ends_with(b"COMMIT");
    text.starts_with(SET_UP) && !of_a_transaction
}

async fn wired() -> (World, Wire) {
    let schema = fresh_schema("orders").await;
    let (before, behind) = schema.url.split_once('@').unwrap();
    let (server, name) = behind.split_once('/').unwrap();
    let wire = Wire::to(server.to_owned()).await;
    let url = format!("{before}@127.0.0.1:{}/{name}?sslMode=DISABLED", wire.port);
    let db = Db::connect_url(&url, 20).unwrap();
    db.migrate(MIGRATIONS).await.unwrap();
    (World::over(schema, db, 0), wire)
}

/// The second time: connections are open, statements prepared.
#[tokio::test]
async fn an_order_asks_as_often_as_is_written() {
    let (world, wire) = wired().await;
    let (twin, alice) = (world.twin(), (ALICE, Role::User));
    let mut trips = Vec::new();
    for warm in [false, true] {
        let mut note = |what: &'static str| {
            let asked = wire.taken();
            if warm {
                trips.push((what, asked));
            }
        };
        note("before");
        let order = world.placed().await;
        note("placing");
        assert_eq!(world.pay(ALICE, order).await.status, 200);
        note("paying");

        let key = if warm { "second" } else { "first" };
        let body = json!({"productId": MUG, "quantity": 1});
        let (method, path) = (Method::POST, "/order/orderProduct");
        let answer = twin.call(alice, method, path, Some(key), Some(body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        note("placing with a key");
        let path = format!("/order/payOrder/{}", answer.body["orderId"]);
        let body = json!({"isCanceled": false, "isLimitExcess": false});
        let key = format!("{key}-payment");
        let answer = twin
            .call(alice, Method::PUT, &path, Some(&key), Some(body))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        note("paying with a key");

        world.put_in_cart(ALICE, MUG, 1);
        assert_eq!(world.order_cart(ALICE).await.status, 200);
        assert_eq!(world.cart(ALICE), 0);
        note("placing a cart");
    }
    trips.remove(0);
    let expected = [
        ("placing", 3),
        ("paying", 13),
        ("placing with a key", 4),
        ("paying with a key", 15),
        ("placing a cart", 8),
    ];
    assert_eq!(trips, expected);
}
