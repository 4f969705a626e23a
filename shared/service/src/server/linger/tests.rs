use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A server whose only route refuses without a look at the body.
async fn refusing() -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let router = Router::new().route(
        "/",
        post(|| async { (StatusCode::PAYLOAD_TOO_LARGE, "no") }),
    );
    tokio::spawn(super::super::serve(
        listener,
        router,
        stop.clone(),
        Duration::from_secs(1),
    ));
    (address, stop)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_still_writing_gets_its_refusal() {
    let (address, _stop) = refusing().await;
    tokio::task::spawn_blocking(move || {
        let mut stream = connect(address);
        let half = vec![b'x'; 1 << 20];
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
            2 * half.len()
        )
        .unwrap();
        stream.write_all(&half).unwrap();
        // A server that answers and closes has done so by now, and what follows meets a closed connection.
        std::thread::sleep(Duration::from_millis(200));
        stream.write_all(&half).unwrap();
        // The connection lives on, too.
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        assert_eq!(answers.matches("HTTP/1.1 413").count(), 2, "{answers}");
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_to_be_asked_is_refused_before_it_sends() {
    let (address, _stop) = refusing().await;
    tokio::task::spawn_blocking(move || {
        let mut stream = connect(address);
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\nexpect: 100-continue\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_comes_is_waited_for_only_so_long() {
    let (address, _stop) = refusing().await;
    tokio::task::spawn_blocking(move || {
        let mut stream = connect(address);
        let began = Instant::now();
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nbegun"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(began.elapsed() >= super::PATIENCE);
    })
    .await
    .unwrap();
}
