//! Addresses, methods and sizes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Scene, raw};
use crate::malls::{alone, run};

#[test]
fn paths_methods_and_sizes() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let (me, mug) = (scene.me.clone(), scene.mug);
        for path in [
            "/",
            "/nope",
            "/Cart/getCart",
            "/product/allproduct/",
            "/carts/getCart",
            "/product",
            "/.env",
        ] {
            scene.case(None, "GET", path, None, 404, "NOT_FOUND").await;
        }
        let gateway = town.shop.mall.gateway_url();
        let gateway = gateway.trim_start_matches("http://");
        for path in [
            "/cart;x=1/getCart",
            "/product;x=1/admin/edit/1",
            "/cart/getCart;x=1",
            "/product/detail/1%2F..",
            "/product/%2e%2e/cart/getCart",
            "/product/../cart/getCart",
            "/product/./allproduct",
            "/product/detail/%5C",
            "/product/detail/\\",
            "/a%25b",
        ] {
            // As it is written: a library would tidy it up.
            let (status, body) = raw(gateway, "GET", path, &[]).await;
            if (status, body["code"].as_str()) != (400, Some("INVALID_PATH")) {
                scene.wrong.push(format!("GET {path}: {status} {body}"));
            }
        }
        for (method, path) in [
            ("DELETE", "/product/allproduct".to_owned()),
            ("POST", format!("/product/detail/{mug}")),
            ("GET", "/auth/login".to_owned()),
            ("PATCH", "/auth/signup".to_owned()),
        ] {
            let reply = scene
                .case(None, method, &path, None, 405, "METHOD_NOT_ALLOWED")
                .await;
            assert!(
                reply.headers.contains_key("allow"),
                "{method} {path} does not say what is allowed"
            );
        }
        for (method, path) in [
            ("GET", "/order/orderCartList".to_owned()),
            ("GET", format!("/cart/add/{mug}")),
        ] {
            scene
                .case(Some(&me), method, &path, None, 405, "METHOD_NOT_ALLOWED")
                .await;
        }
        for long in [
            "/product/detail/1".to_owned() + &"1".repeat(9000),
            format!("/product/allproduct?x={}", "y".repeat(9000)),
        ] {
            scene
                .case(None, "GET", &long, None, 414, "URI_TOO_LONG")
                .await;
        }
        let huge = "x".repeat(17_000);
        scene
            .with(
                &[("x-huge", &huge)],
                "GET",
                "/product/allproduct",
                None,
                431,
                "HEADERS_TOO_LARGE",
            )
            .await;
        scene.ends().await;

        // A body whose length nobody said, and that does not end.
        let mut stream = TcpStream::connect(gateway).await.unwrap();
        let head = "POST /auth/login HTTP/1.1\r\nHost: mall\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let piece = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        for _ in 0..17 {
            if stream.write_all(piece.as_bytes()).await.is_err() {
                break;
            }
        }
        let answer = first_line(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    });
}

async fn first_line(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = async {
        let mut piece = [0; 1024];
        while !answer.contains(&b'\n') {
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(length) => answer.extend_from_slice(&piece[..length]),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading)
        .await
        .expect("an answer");
    String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
