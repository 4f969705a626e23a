//! Two requests in the clothes of one.

use crate::support::{Instance, Setup};

#[tokio::test]
async fn ambiguous_framing_never_makes_a_second_request() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    const INNER: &str = "GET /product/smuggled HTTP/1.1\r\nHost: mall\r\nX: y\r\n\r\n";
    let post = |headers: &str, body: &str| {
        format!("POST /auth/x HTTP/1.1\r\nHost: mall\r\n{headers}\r\n\r\n{body}")
    };
    let corpus = [
        (
            "CL and TE",
            post(
                "Content-Length: 4\r\nTransfer-Encoding: chunked",
                &format!("0\r\n\r\n{INNER}"),
            ),
        ),
        (
            "TE and CL",
            post(
                "Transfer-Encoding: chunked\r\nContent-Length: 70",
                &format!("0\r\n\r\n{INNER}"),
            ),
        ),
        (
            "two CL",
            post("Content-Length: 0\r\nContent-Length: 62", INNER),
        ),
        ("CL list", post("Content-Length: 0, 62", INNER)),
        ("CL with a sign", post("Content-Length: +0", INNER)),
        ("negative CL", post("Content-Length: -1", INNER)),
        (
            "TE not last chunked",
            post(
                "Transfer-Encoding: chunked, identity",
                &format!("0\r\n\r\n{INNER}"),
            ),
        ),
        (
            "TE unknown",
            post("Transfer-Encoding: xchunked", &format!("0\r\n\r\n{INNER}")),
        ),
        (
            "space before the colon",
            post("Transfer-Encoding : chunked", &format!("0\r\n\r\n{INNER}")),
        ),
        (
            "folded header",
            post(
                "X-A: b\r\n Transfer-Encoding: chunked",
                &format!("0\r\n\r\n{INNER}"),
            ),
        ),
        (
            "bad chunk size",
            post(
                "Transfer-Encoding: chunked",
                &format!("0x1\r\nA\r\n0\r\n\r\n{INNER}"),
            ),
        ),
        (
            "huge chunk size",
            post(
                "Transfer-Encoding: chunked",
                &format!("ffffffffffffffffff\r\n{INNER}"),
            ),
        ),
        (
            "bare CR in a header",
            post(
                "X-A: b\rTransfer-Encoding: chunked",
                &format!("0\r\n\r\n{INNER}"),
            ),
        ),
        ("NUL in a header", post("X-A: b\0c", INNER)),
    ];
    for (name, bytes) in corpus {
        gateway.raw(bytes.as_bytes()).await;
        let smuggled = instance
            .seen()
            .iter()
            .filter(|note| {
                note["uri"]
                    .as_str()
                    .is_some_and(|uri| uri.contains("smuggled"))
            })
            .count();
        assert_eq!(smuggled, 0, "{name}");
    }
}

#[tokio::test]
async fn honest_pipelining_works() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let text = gateway
        .raw(
            b"POST /auth/a HTTP/1.1\r\nHost: mall\r\nContent-Length: 3\r\n\r\nabc\
              GET /product/b HTTP/1.1\r\nHost: mall\r\nConnection: close\r\n\r\n",
        )
        .await;
    assert_eq!(text.matches("HTTP/1.1 200").count(), 2, "{text}");
    let seen = instance.seen();
    assert_eq!((seen.len(), &seen[0]["body"]), (2, &"abc".into()));
}

#[tokio::test]
async fn what_a_client_breaks_off_does_not_reach_the_service() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    {
        use tokio::io::AsyncWriteExt;
        let mut stream = tokio::net::TcpStream::connect(gateway.address)
            .await
            .unwrap();
        stream
            .write_all(b"POST /auth/x HTTP/1.1\r\nHost: mall\r\nContent-Length: 10\r\n\r\nabc")
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
    }
    assert_eq!(gateway.get("/product/after").await.status, 200);
    let seen = instance.seen();
    assert_eq!(seen.len(), 1, "half a request was sent on: {seen:?}");
}
