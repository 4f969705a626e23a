//! `healthcheck`: asks the instance beside it whether it is alive; for containers, which have no curl.
//!
//! It runs every few seconds, and also while the config server is away, so all that it needs to know - the port - comes from the
//! environment, the local file or the compiled defaults. Only when nobody listens there, the config server is asked whether it
//! said another one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::bail;
use http::StatusCode;
use mall_spring_config::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::App;
use crate::settings::{early, load};

/// Docker and ECS give it five seconds in all.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) async fn healthcheck<A: App>() -> anyhow::Result<()> {
    let address = address(&early::<A>()?);
    match ask(address).await {
        Ok(true) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        Ok(false) => bail!("the instance at {address} is not alive"),
        Err(error) => bail!("the instance at {address} does not answer: {error}"),
    }
    if A::NEEDS.config_server
        && let Ok(Ok(loaded)) = tokio::time::timeout(PATIENCE, load::<A>()).await
    {
        let told = self::address(&loaded.settings);
        if told != address && matches!(ask(told).await, Ok(true)) {
            return Ok(());
        }
    }
    bail!("nobody listens at {address}")
}

/// Where the instance with these settings can be reached from this machine.
fn address(settings: &Settings) -> SocketAddr {
    let port = settings
        .get_as("server.port")
        .ok()
        .flatten()
        .unwrap_or_default();
    let listens = settings
        .get("server.address")
        .and_then(|address| address.parse::<IpAddr>().ok())
        .filter(|ip| !ip.is_unspecified());
    SocketAddr::new(listens.unwrap_or(Ipv4Addr::LOCALHOST.into()), port)
}

/// `GET /actuator/health/liveness`. Only the status line is read.
async fn ask(address: SocketAddr) -> io::Result<bool> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(b"GET /actuator/health/liveness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut head = [0_u8; 12];
        stream.read_exact(&mut head).await?;
        Ok(head.ends_with(StatusCode::OK.as_str().as_bytes()))
    };
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(answer) => answer,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::builder().add_environment(pairs).build().unwrap()
    }

    #[test]
    fn an_instance_on_all_addresses_is_asked_on_loopback() {
        for all in ["0.0.0.0", "::", ""] {
            let told = settings(&[("SERVER_PORT", "81"), ("SERVER_ADDRESS", all)]);
            assert_eq!(address(&told), "127.0.0.1:81".parse().unwrap());
        }
        let told = settings(&[("SERVER_PORT", "81"), ("SERVER_ADDRESS", "127.0.0.2")]);
        assert_eq!(address(&told), "127.0.0.2:81".parse().unwrap());
    }

    /// Answers every connection with these bytes.
    async fn answering(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 16];
                let _ = stream.read_exact(&mut request).await;
                let _ = stream.write_all(answer).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn only_200_is_alive() {
        let up = answering(b"HTTP/1.1 200 OK\r\n\r\n").await;
        assert!(ask(up).await.unwrap());
        let down = answering(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
        assert!(!ask(down).await.unwrap());
        let mute = answering(b"").await;
        assert!(ask(mute).await.is_err());
    }

    #[tokio::test]
    async fn nobody_there_is_refused_at_once() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = gone.local_addr().unwrap();
        drop(gone);
        let error = ask(address).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
