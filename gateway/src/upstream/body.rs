//! A service's answer on its way to the client, piece by piece.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use mall_http_client::{Answering, Pick};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Streams the answer, counts as a call in flight until it ends, and gives up on a service that falls silent.
pub(super) struct UpstreamBody {
    inner: Answering,
    /// Told how it went when the answer ends; a client that leaves early says nothing about the instance.
    pick: Option<Pick>,
    failed: bool,
    patience: Duration,
    // Made only when a piece is waited for, which short answers never do.
    silence: Option<Pin<Box<Sleep>>>,
}

impl UpstreamBody {
    pub(super) fn new(inner: Answering, pick: Pick, patience: Duration) -> Self {
        Self {
            inner,
            pick: Some(pick),
            failed: false,
            patience,
            silence: None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the service broke off its answer")]
    Broken(#[from] hyper::Error),
    #[error("the service fell silent within its answer")]
    Silent,
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        match self.pick.take() {
            Some(pick) if self.failed => pick.suspect(),
            Some(pick) if self.inner.is_end_stream() => pick.success(),
            _ => {}
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                if let Some(silence) = &mut this.silence {
                    silence.as_mut().reset(Instant::now() + this.patience);
                }
                this.failed |= matches!(frame, Some(Err(_)));
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)))
            }
            Poll::Pending => {
                let patience = this.patience;
                let silence = this
                    .silence
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
                match silence.as_mut().poll(cx) {
                    Poll::Ready(()) => {
                        this.failed = true;
                        Poll::Ready(Some(Err(BodyError::Silent)))
                    }
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
