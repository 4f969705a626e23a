//! The server's side of the line, which can go dead.

use std::io;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tower::ServiceExt;

/// In an answer's extensions: nobody shall hear it, the connection closes instead.
#[derive(Debug, Clone, Copy)]
pub struct Lost;

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, router: Router) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let router = router.clone();
            async move {
                let answered = router.oneshot(request.map(Body::new)).await;
                let response: Response = answered.unwrap_or_else(|never| match never {});
                if response.extensions().get::<Lost>().is_some() {
                    return Err(io::Error::other("the answer is lost, as wished"));
                }
                Ok(response)
            }
        });
        tokio::spawn(async move {
            let mut connections = http1::Builder::new();
            connections.timer(TokioTimer::new());
            // An error is a line that went dead: by wish, or because the other side left.
            let _ = connections
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
