//! Kept HTTP/1.1 connections, each driven by the task that uses it.
//!
//! The usual pool gives every connection a task of its own: a request then goes over to that task and its answer comes back,
//! two wake-ups that cost more than the rest of a proxy's work. Here whoever waits for an answer turns the connection's wheels
//! himself. hyper still reads and writes every byte of the protocol.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Connections to many servers. Clones share them.
#[derive(Clone)]
pub struct Connections {
    shared: Arc<Shared>,
}

struct Shared {
    settings: ConnectionSettings,
    idle: Mutex<HashMap<Authority, VecDeque<Idle>>>,
    swept: AtomicBool,
}

/// How connections are kept.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionSettings {
    /// The time for a new one.
    pub connect_timeout: Duration,
    /// An unused one is let go after this; below the time after which servers close them, so that few requests meet a closing
    /// one.
    pub idle: Duration,
    /// So many unused ones are kept for each server.
    pub most_idle: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{}", if *sent { "the connection broke" } else { "no connection" })]
pub struct SendError {
    /// Whether a byte of the request may have reached the server.
    pub sent: bool,
    /// What happened.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

type Wheels = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

/// One connection: the side where requests go in, and the wheels that somebody must turn.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// None when they have come to their end: only when they are gone does hyper tell whoever still waits.
    wheels: Option<Pin<Box<Wheels>>>,
}

impl Connections {
    /// None yet.
    pub fn new(settings: ConnectionSettings) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                idle: Mutex::default(),
                swept: AtomicBool::new(false),
            }),
        }
    }

    /// Sends a request and waits for the head of its answer, without end: the caller sets the limit. `Host` is set here. A kept
    /// connection that turns out to be closed before the request was taken is replaced, whatever the method.
    ///
    /// Dropped half-way, or with a body that was not read to its end, the connection is closed.
    pub async fn send(
        &self,
        authority: &Authority,
        path: PathAndQuery,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Answering>, SendError> {
        *request.uri_mut() = Uri::from(path);
        let host = HeaderValue::from_str(authority.as_str()).map_err(not_sent)?;
        request.headers_mut().insert(HOST, host);
        loop {
            let kept = self.shared.take(authority);
            let fresh = kept.is_none();
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.open(authority).await?,
            };
            match connection.exchange(request).await {
                Ok(response) => {
                    let lease = Lease {
                        connection,
                        home: Arc::downgrade(&self.shared),
                        authority: authority.clone(),
                    };
                    return Ok(response.map(|body| Answering::new(body, lease)));
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !fresh => request = unsent,
                    unsent => {
                        return Err(SendError {
                            sent: unsent.is_none(),
                            source: error.into_error().into(),
                        });
                    }
                },
            }
        }
    }

    async fn open(&self, authority: &Authority) -> Result<Connection, SendError> {
        let host = authority.host();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let port = authority.port_u16().unwrap_or(80);
        let opening = async {
            let stream = TcpStream::connect((host, port)).await.map_err(not_sent)?;
            stream.set_nodelay(true).map_err(not_sent)?;
            let io = TokioIo::new(stream);
            http1::Builder::new().handshake(io).await.map_err(not_sent)
        };
        let limit = self.shared.settings.connect_timeout;
        let (sender, wheels) = tokio::time::timeout(limit, opening)
            .await
            .map_err(not_sent)??;
        self.sweep();
        Ok(Connection {
            sender,
            wheels: Some(Box::pin(wheels)),
        })
    }

    /// Lets go of what nobody used for too long, as long as there are connections at all.
    fn sweep(&self) {
        if self.shared.swept.swap(true, Ordering::Relaxed) {
            return;
        }
        let (shared, pause) = (Arc::downgrade(&self.shared), self.shared.settings.idle);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(shared) = Weak::upgrade(&shared) else {
                    return;
                };
                let mut idle = shared.idle();
                idle.retain(|_, kept| {
                    kept.retain(|idle| idle.since.elapsed() < pause);
                    !kept.is_empty()
                });
            }
        });
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

fn not_sent(error: impl Into<Box<dyn Error + Send + Sync>>) -> SendError {
    SendError {
        sent: false,
        source: error.into(),
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, HashMap<Authority, VecDeque<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that was used last: it is the least likely to be closed.
    fn take(&self, authority: &Authority) -> Option<Connection> {
        let mut idle = self.idle();
        let newest = idle.get_mut(authority)?.pop_back()?;
        (newest.since.elapsed() < self.settings.idle).then_some(newest.connection)
    }

    fn keep(&self, authority: Authority, connection: Connection) {
        let mut idle = self.idle();
        let kept = idle.entry(authority).or_default();
        if kept.len() < self.settings.most_idle {
            kept.push_back(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }
}

fn turn(wheels: &mut Option<Pin<Box<Wheels>>>, context: &mut Context<'_>) -> bool {
    // How they ended is told to whoever waits for the answer or its body.
    if let Some(turning) = wheels
        && turning.as_mut().poll(context).is_ready()
    {
        *wheels = None;
    }
    wheels.is_none()
}

impl Connection {
    /// Turns the wheels once; says whether they have come to their end.
    fn drive(&mut self, context: &mut Context<'_>) -> bool {
        turn(&mut self.wheels, context)
    }

    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        // First the wheels: they notice when the server has hung up meanwhile. If it has, sending says so below.
        poll_fn(|context| {
            if self.drive(context) {
                return Poll::Ready(());
            }
            self.sender.poll_ready(context).map(drop)
        })
        .await;
        let mut answer = std::pin::pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            turn(&mut self.wheels, context);
            answer.as_mut().poll(context)
        })
        .await
    }
}

/// A connection on loan.
struct Lease {
    connection: Connection,
    home: Weak<Shared>,
    authority: Authority,
}

/// The body of an answer. Read to its end, it gives its connection back.
pub struct Answering {
    body: Incoming,
    finished: bool,
    lease: Option<Lease>,
}

impl Answering {
    fn new(body: Incoming, lease: Lease) -> Self {
        Self {
            body,
            finished: false,
            lease: Some(lease),
        }
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take()
            && (self.finished || self.body.is_end_stream())
            && lease.connection.wheels.is_some()
            && let Some(home) = lease.home.upgrade()
        {
            home.keep(lease.authority, lease.connection);
        }
    }
}

impl Body for Answering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        // Asking for a piece makes the wheels read one.
        let mut frame = Pin::new(&mut this.body).poll_frame(context);
        if frame.is_pending()
            && let Some(lease) = &mut this.lease
        {
            lease.connection.drive(context);
            frame = Pin::new(&mut this.body).poll_frame(context);
        }
        this.finished |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
