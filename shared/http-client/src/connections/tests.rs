use axum::Router;
use axum::body::Body as AxumBody;
use axum::extract::Request as AxumRequest;
use http::Method;
use http_body_util::BodyExt;
use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn connections(idle: Duration) -> Connections {
    Connections::new(ConnectionSettings {
        connect_timeout: Duration::from_millis(500),
        idle,
        most_idle: 2,
    })
}

fn request(method: Method, body: &str) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from(body.to_owned())));
    *request.method_mut() = method;
    request
}

/// A server that says how many connections it has taken.
async fn server() -> (Authority, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = authority(listener.local_addr().unwrap());
    let router = Router::new().fallback(|request: AxumRequest| async move {
        match request.uri().path() {
            "/large" => AxumBody::from(vec![b'x'; 1 << 20]),
            "/pieces" => AxumBody::new(Pieces(3)),
            _ => AxumBody::new(request.into_body()),
        }
    });
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            let io = TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
        }
    });
    (authority, taken)
}

fn authority(address: SocketAddr) -> Authority {
    address.to_string().parse().unwrap()
}

/// A body of unknown length.
struct Pieces(u8);

impl Body for Pieces {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if self.0.is_multiple_of(2) && self.0 > 0 {
            // Not all at once.
            self.0 -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece")))))
    }
}

async fn read(response: Response<Answering>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn bodies_of_every_kind_are_read_whole_over_one_connection() {
    let (authority, taken) = server().await;
    let connections = connections(Duration::from_secs(5));
    let send = async |method, path: &'static str, body| {
        let path = PathAndQuery::from_static(path);
        let answer = connections.send(&authority, path, request(method, body));
        read(answer.await.unwrap()).await
    };
    for _ in 0..3 {
        assert_eq!(send(Method::POST, "/echo", "hello").await, "hello");
        assert_eq!(send(Method::GET, "/large", "").await.len(), 1 << 20);
        assert_eq!(send(Method::GET, "/pieces", "").await, "piecepiece");
        assert_eq!(send(Method::GET, "/empty", "").await, "");
        assert_eq!(send(Method::HEAD, "/large", "").await, "");
    }
    assert_eq!(taken.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_that_is_not_read_costs_the_connection_and_nothing_else() {
    let (authority, taken) = server().await;
    let connections = connections(Duration::from_secs(5));
    for round in 1..=3 {
        let path = PathAndQuery::from_static("/large");
        let answer = connections.send(&authority, path, request(Method::GET, ""));
        drop(answer.await.unwrap());
        assert_eq!(taken.load(Ordering::SeqCst), round);
    }
}

#[tokio::test]
async fn requests_at_once_have_a_connection_each_and_few_are_kept() {
    let (authority, _) = server().await;
    let connections = connections(Duration::from_secs(5));
    let calls = (0..8).map(|number: u8| {
        let (connections, authority) = (connections.clone(), authority.clone());
        tokio::spawn(async move {
            let body = number.to_string();
            let sent = request(Method::POST, &body);
            let answer = connections.send(&authority, PathAndQuery::from_static("/"), sent);
            assert_eq!(read(answer.await.unwrap()).await, body);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert!(connections.shared.idle()[&authority].len() <= 2);
}

#[tokio::test]
async fn a_server_that_hung_up_meanwhile_is_called_anew_even_for_a_post() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = authority(listener.local_addr().unwrap());
    let (closed, mut is_closed) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut piece = [0; 1024];
            assert!(stream.read(&mut piece).await.unwrap() > 0);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await
                .unwrap();
            // Without a word: it still says keep-alive.
            drop(stream);
            closed.send(()).await.unwrap();
        }
    });
    let connections = connections(Duration::from_secs(5));
    for _ in 0..3 {
        let sent = request(Method::POST, "x");
        let answer = connections.send(&authority, PathAndQuery::from_static("/"), sent);
        assert_eq!(read(answer.await.unwrap()).await, "ok");
        is_closed.recv().await.unwrap();
        // The end of the stream is in the socket already; the runtime hears of it when it has nothing else to do.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_was_not_sent_and_what_may_have_been() {
    let connections = connections(Duration::from_secs(5));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = authority(listener.local_addr().unwrap());
    let send = || {
        connections.send(
            &authority,
            PathAndQuery::from_static("/"),
            request(Method::POST, "x"),
        )
    };
    let hang_up = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
    };
    let (answer, ()) = tokio::join!(send(), hang_up);
    assert!(answer.unwrap_err().sent);
    drop(listener);
    assert!(!send().await.unwrap_err().sent);
}

#[tokio::test]
async fn unused_connections_are_let_go() {
    let (authority, taken) = server().await;
    let connections = connections(Duration::from_millis(20));
    for round in 1..=2 {
        let sent = request(Method::POST, "x");
        let answer = connections.send(&authority, PathAndQuery::from_static("/"), sent);
        read(answer.await.unwrap()).await;
        assert_eq!(taken.load(Ordering::SeqCst), round);
        let begun = Instant::now();
        while !connections.shared.idle().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(5), "still kept");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
