//! The HTTP server: accepts, serves, and on shutdown finishes what is in flight.

mod linger;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A client that does not finish its headers in this time is let go.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// Most bytes of a request's head.
const MAX_HEAD: usize = 64 * 1024;

/// So many connections may wait to be accepted, or as many as the system allows (`net.core.somaxconn`). The usual 128 are fewer than
/// come in the second in which a drop opens: whoever finds no room is not told so, and tries again after a whole second.
const MAX_WAITING: u32 = 4096;

/// A socket that is listened on; port 0: any free one.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A program that starts again finds its port free.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(MAX_WAITING)
}

/// Accepts until `stop` is cancelled, then lets what is in flight finish, at most `patience`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    patience: Duration,
) {
    let mut http = http1::Builder::new();
    // At most 100 headers, as in Tomcat: hyper's own limit, for which alone it needs no memory from the heap in each request.
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MAX_HEAD)
        .half_close(false);
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, say: the connections that are open will free some.
                    tracing::warn!(error = %error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = %error, "TCP_NODELAY");
        }
        let connection = http.serve_connection(TokioIo::new(stream), service(router.clone(), peer));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, %peer, "connection ended");
            }
        });
    }
    // From here on a new connection is refused, and another instance is tried.
    drop(listener);
    if tokio::time::timeout(patience, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not finish in time");
    }
}

fn service(
    router: Router,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    http::Request<Incoming>,
    Response = axum::response::Response,
    Error = Infallible,
    Future = impl Future<Output = Result<axum::response::Response, Infallible>> + Send,
> {
    hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let (mut request, unread) = linger::watch(request);
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move {
            // A router is always ready and never fails.
            let response = match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            unread.swallow().await;
            Ok(response)
        }
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;
    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;

    /// More than the usual 128, and fewer than a process may open.
    const CROWD: usize = 400;

    #[tokio::test]
    async fn a_crowd_that_comes_at_once_finds_room() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        // Nobody is accepted: all of them wait.
        let mut crowd = JoinSet::new();
        for _ in 0..CROWD {
            crowd.spawn(timeout(
                Duration::from_secs(20),
                TcpStream::connect(address),
            ));
        }
        let connected = crowd.join_all().await;
        let without = connected.iter().filter(|one| !matches!(one, Ok(Ok(_))));
        assert_eq!(without.count(), 0);
    }
}
