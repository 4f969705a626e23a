//! What a handler left unread of a request's body.
//!
//! A refusal is often known before the body is read: no token, a wrong media type, a length over the limit. Answering and closing at
//! once would reset the connection under a client that is still writing, and the reset throws the answer away before the client sees it
//! (RFC 9112 section 9.6). So the rest is read and dropped first, within bounds that a hostile client gains nothing from.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::header::EXPECT;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::oneshot;

/// Most bytes that are read for nothing; who sends more may lose the answer.
const MOST: usize = 8 * 1024 * 1024;

/// Longest time that they are waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The part of a body that nobody read, once the handler has let go of it.
pub(super) struct Unread(Option<oneshot::Receiver<Incoming>>);

/// The request for the handler, and what tells afterwards what it left.
pub(super) fn watch(request: http::Request<Incoming>) -> (Request, Unread) {
    // A client that waits for `100 Continue` sends nothing before it is asked to, and reading would ask it.
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return (request.map(Body::new), Unread(None));
    }
    let (back, left) = oneshot::channel();
    let watched = request.map(|body| {
        Body::new(Watched {
            body: Some(body),
            back: Some(back),
        })
    });
    (watched, Unread(Some(left)))
}

impl Unread {
    /// Reads the rest and drops it, as far as the bounds go.
    pub(super) async fn swallow(self) {
        // A handler that still holds the body, in a task of its own, reads it itself.
        let Some(mut body) = self.0.and_then(|mut left| left.try_recv().ok()) else {
            return;
        };
        let reading = async {
            let mut read = 0;
            while let Some(Ok(frame)) = body.frame().await {
                read += frame.data_ref().map_or(0, Bytes::len);
                if read > MOST {
                    break;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, reading).await.is_err() {
            tracing::debug!("a client was too slow with a body that nobody wants");
        }
    }
}

/// A body that is handed back when its reader drops it before its end.
struct Watched {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take())
            && !body.is_end_stream()
        {
            // Nobody waits any more: the connection is gone.
            let _ = back.send(body);
        }
    }
}

#[cfg(test)]
mod tests;
