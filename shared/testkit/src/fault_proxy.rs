//! A network that fails on demand: a TCP proxy on loopback, to be put between a service and what it depends on.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to bytes. Holds for open connections, too, from the moment it is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Fine,
    /// Everything passes after `latency`, and up to `jitter` more.
    Slow {
        /// At least so long.
        latency: Duration,
        /// At most so much longer.
        jitter: Duration,
    },
    /// New connections are reset at once; open ones live on.
    Refusing,
    /// Connections are accepted, what is sent vanishes, nothing is answered. The next weather resets these connections.
    Silent,
    /// A request with these bytes in it does not get through: its connection is reset on both sides.
    ResetBefore(&'static [u8]),
    /// A request with these bytes in it gets through and is carried out; its answer is lost and the connection reset. With no bytes: any
    /// request.
    LoseAnswerTo(&'static [u8]),
    /// A request with these bytes in it is kept back, and whatever its connection says after it, until the next weather lets it through.
    Hold(&'static [u8]),
}

/// The proxy; it ends, with its connections, when this is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    weather: watch::Sender<Weather>,
    resets: watch::Sender<u64>,
    hits: AtomicU64,
    connections: Mutex<Vec<JoinHandle<()>>>,
}

impl FaultProxy {
    /// Listens on a free loopback port, for connections to `target`, which need not listen yet. Lives on the runtime that it is
    /// started on.
    pub async fn start(target: SocketAddr) -> io::Result<FaultProxy> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            target,
            weather: watch::Sender::new(Weather::Fine),
            resets: watch::Sender::new(0),
            hits: AtomicU64::new(0),
            connections: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(FaultProxy {
            port,
            shared,
            accepting,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on.
    pub fn set(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Resets every open connection now; the weather stays.
    pub fn reset_now(&self) {
        self.shared.resets.send_modify(|count| *count += 1);
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open(&self) -> usize {
        let connections = self.shared.connections.lock();
        let connections = connections.unwrap_or_else(PoisonError::into_inner);
        connections.iter().filter(|one| !one.is_finished()).count()
    }

    /// How often a connection was refused or reset, or its bytes swallowed or kept back, because of the weather or of
    /// [`FaultProxy::reset_now`].
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.shared.hits.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
        let connections = self.shared.connections.lock();
        for connection in connections.unwrap_or_else(PoisonError::into_inner).iter() {
            connection.abort();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        if *shared.weather.borrow() == Weather::Refusing {
            shared.hits.fetch_add(1, Ordering::Relaxed);
            let _ = client.set_zero_linger();
            continue;
        }
        let connection = tokio::spawn(carry(client, Arc::clone(&shared)));
        let connections = shared.connections.lock();
        let mut connections = connections.unwrap_or_else(PoisonError::into_inner);
        connections.retain(|connection| !connection.is_finished());
        connections.push(connection);
    }
}

/// One connection, until one side ends it or the weather does.
async fn carry(mut client: TcpStream, shared: Arc<Shared>) {
    let Ok(mut server) = TcpStream::connect(shared.target).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    if pass(&mut client, &mut server, &shared).await == End::Reset {
        shared.hits.fetch_add(1, Ordering::Relaxed);
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

async fn pass(client: &mut TcpStream, server: &mut TcpStream, shared: &Shared) -> End {
    let (mut resets, mut weather) = (shared.resets.subscribe(), shared.weather.subscribe());
    let (mut request, mut answer) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let (mut lose_answer, mut swallowed) = (false, false);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let bytes = match read {
                    Ok(0) | Err(_) => return End::Closed,
                    Ok(count) => &request[..count],
                };
                let now = *shared.weather.borrow();
                match now {
                    Weather::ResetBefore(mark) if has(bytes, mark) => return End::Reset,
                    Weather::LoseAnswerTo(mark) if has(bytes, mark) => lose_answer = true,
                    Weather::Silent => {
                        swallowed = true;
                        continue;
                    }
                    Weather::Hold(mark) if has(bytes, mark) => {
                        shared.hits.fetch_add(1, Ordering::Relaxed);
                        while *weather.borrow_and_update() == now {
                            tokio::select! {
                                changed = weather.changed() => if changed.is_err() { return End::Closed },
                                _ = resets.changed() => return End::Reset,
                            }
                        }
                    }
                    _ => wait(now).await,
                }
                if server.write_all(bytes).await.is_err() {
                    return End::Closed;
                }
            }
            read = server.read(&mut answer) => {
                let bytes = match read {
                    Ok(0) | Err(_) => return End::Closed,
                    Ok(count) => &answer[..count],
                };
                let now = *shared.weather.borrow();
                if lose_answer {
                    return End::Reset;
                }
                if now == Weather::Silent {
                    swallowed = true;
                    continue;
                }
                wait(now).await;
                if client.write_all(bytes).await.is_err() {
                    return End::Closed;
                }
            }
            _ = resets.changed() => return End::Reset,
            _ = weather.changed() => if swallowed { return End::Reset },
        }
    }
}

fn has(bytes: &[u8], mark: &[u8]) -> bool {
    mark.is_empty() || bytes.windows(mark.len()).any(|window| window == mark)
}

async fn wait(weather: Weather) {
    if let Weather::Slow { latency, jitter } = weather {
        let most = u64::try_from(jitter.as_micros())
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        // Random enough, and no crate for it.
        let more = RandomState::new().build_hasher().finish() % most;
        tokio::time::sleep(latency + Duration::from_micros(more)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Echoes lines, and counts bytes that reached it.
    async fn echo() -> (SocketAddr, Arc<AtomicU64>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
        let counter = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    let mut bytes = [0; 64];
                    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                        counter.fetch_add(count as u64, Ordering::SeqCst);
                        let _ = stream.write_all(&bytes[..count]).await;
                    }
                });
            }
        });
        (address, seen)
    }

    async fn say(stream: &mut TcpStream, text: &str) -> io::Result<String> {
        stream.write_all(text.as_bytes()).await?;
        let mut bytes = [0; 64];
        match stream.read(&mut bytes).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(String::from_utf8_lossy(&bytes[..count]).into_owned()),
        }
    }

    async fn open(proxy: &FaultProxy) -> TcpStream {
        TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn fine_weather_passes_and_slow_weather_takes_its_time() {
        let proxy = FaultProxy::start(echo().await.0).await.unwrap();
        let mut stream = open(&proxy).await;
        assert_eq!(say(&mut stream, "hello").await.unwrap(), "hello");
        let latency = Duration::from_millis(30);
        proxy.set(Weather::Slow {
            latency,
            jitter: latency,
        });
        let began = Instant::now();
        assert_eq!(say(&mut stream, "again").await.unwrap(), "again");
        assert!(began.elapsed() >= 2 * latency);
        assert_eq!(proxy.hits(), 0);
    }

    #[tokio::test]
    async fn a_request_is_stopped_or_its_answer_lost() {
        let (address, seen) = echo().await;
        let proxy = FaultProxy::start(address).await.unwrap();
        let mut stream = open(&proxy).await;
        proxy.set(Weather::ResetBefore(b"COMMIT"));
        assert_eq!(say(&mut stream, "BEGIN").await.unwrap(), "BEGIN");
        assert!(say(&mut stream, "COMMIT").await.is_err());
        assert_eq!(seen.load(Ordering::SeqCst), 5);

        proxy.set(Weather::LoseAnswerTo(b"COMMIT"));
        let mut stream = open(&proxy).await;
        assert_eq!(say(&mut stream, "BEGIN").await.unwrap(), "BEGIN");
        assert!(say(&mut stream, "COMMIT").await.is_err());
        assert_eq!(seen.load(Ordering::SeqCst), 16);
        assert_eq!(proxy.hits(), 2);
    }

    #[tokio::test]
    async fn silence_swallows_and_ends_with_a_reset() {
        let (address, seen) = echo().await;
        let proxy = FaultProxy::start(address).await.unwrap();
        let mut stream = open(&proxy).await;
        say(&mut stream, "hello").await.unwrap();
        proxy.set(Weather::Silent);
        let unanswered =
            tokio::time::timeout(Duration::from_millis(50), say(&mut stream, "hello")).await;
        assert!(unanswered.is_err());
        assert_eq!(seen.load(Ordering::SeqCst), 5);
        proxy.set(Weather::Fine);
        assert!(say(&mut stream, "hello").await.is_err());
        assert!(say(&mut open(&proxy).await, "hello").await.is_ok());
    }

    #[tokio::test]
    async fn a_request_is_kept_back_and_let_through() {
        let (address, seen) = echo().await;
        let proxy = FaultProxy::start(address).await.unwrap();
        let (mut stream, mut other) = (open(&proxy).await, open(&proxy).await);
        say(&mut stream, "hello").await.unwrap();
        say(&mut other, "hello").await.unwrap();
        assert_eq!(proxy.open(), 2);
        proxy.set(Weather::Hold(b"COMMIT"));
        let held = tokio::spawn(async move { say(&mut stream, "COMMIT").await });
        while proxy.hits() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(say(&mut other, "BEGIN").await.unwrap(), "BEGIN");
        assert_eq!(seen.load(Ordering::SeqCst), 15, "others pass");
        assert!(!held.is_finished());
        proxy.set(Weather::Fine);
        assert_eq!(held.await.unwrap().unwrap(), "COMMIT");
        drop(other);
        while proxy.open() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn new_connections_are_refused_and_old_ones_reset() {
        let proxy = FaultProxy::start(echo().await.0).await.unwrap();
        let mut old = open(&proxy).await;
        say(&mut old, "hello").await.unwrap();
        proxy.set(Weather::Refusing);
        assert!(say(&mut open(&proxy).await, "hello").await.is_err());
        assert!(say(&mut old, "hello").await.is_ok());
        proxy.reset_now();
        assert!(say(&mut old, "hello").await.is_err());
    }
}
