//! The connection to Redis: one, shared, that fails fast and comes back by itself. Encrypted with `rediss://`, or with
//! `spring.data.redis.ssl.enabled`, which is Spring's name.

use std::time::Duration;

use mall_spring_config::Settings;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, IntoConnectionInfo, TlsCertificates};

use crate::settings::{need, read};

/// Reads `spring.data.redis.url`, or `.host`, `.port`, and `.username`, `.password`, `.ssl.enabled`; `mall.redis.ca`.
pub(crate) fn client(settings: &Settings, bad: &mut Vec<String>) -> Option<Client> {
    let url = match read::<String>(settings, "spring.data.redis.url", bad)
        .filter(|url| !url.is_empty())
    {
        Some(url) => url,
        None => {
            let host = need::<String>(settings, "spring.data.redis.host", bad)?;
            let port = read::<u16>(settings, "spring.data.redis.port", bad).unwrap_or(6379);
            let scheme = match read::<bool>(settings, "spring.data.redis.ssl.enabled", bad) {
                Some(true) => "rediss",
                _ => "redis",
            };
            format!("{scheme}://{host}:{port}/")
        }
    };
    let ca = authority(settings, bad);
    let opened = url.as_str().into_connection_info().and_then(|info| {
        let mut redis = info.redis_settings().clone();
        if let Some(password) =
            read::<String>(settings, "spring.data.redis.password", bad).filter(|p| !p.is_empty())
        {
            redis = redis.set_password(password);
        }
        if let Some(user) =
            read::<String>(settings, "spring.data.redis.username", bad).filter(|u| !u.is_empty())
        {
            redis = redis.set_username(user);
        }
        let info = info
            .set_redis_settings(redis)
            .set_tcp_settings(TcpSettings::default().set_nodelay(true));
        match ca {
            Some(pem) => Client::build_with_tls(
                info,
                TlsCertificates {
                    client_tls: None,
                    root_cert: Some(pem),
                },
            ),
            None => Client::open(info),
        }
    });
    match opened {
        Ok(client) => Some(client),
        // The URL may hold a password: name the key, not the value.
        Err(_) => {
            bad.push("spring.data.redis.url: is no redis URL".to_owned());
            None
        }
    }
}

/// The certificates (PEM) that sign the server's, when they are not the well-known ones: a file or the text itself.
fn authority(settings: &Settings, bad: &mut Vec<String>) -> Option<Vec<u8>> {
    let ca = read::<String>(settings, "mall.redis.ca", bad).filter(|ca| !ca.is_empty())?;
    if ca.contains("-----BEGIN") {
        return Some(ca.into_bytes());
    }
    match std::fs::read(&ca) {
        Ok(pem) => Some(pem),
        Err(error) => {
            bad.push(format!("mall.redis.ca: {ca}: {error}"));
            None
        }
    }
}

/// A connection that is made when it is first used. A call during an outage fails within its timeout.
pub(crate) fn manager(client: &Client) -> Result<ConnectionManager, redis::RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_connection_timeout(Some(Duration::from_millis(500)))
        .set_response_timeout(Some(Duration::from_secs(2)));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

#[cfg(test)]
mod tests {
    use mall_spring_config::PropertySource;
    use mall_testkit::certificates::Certificates;
    use mall_testkit::redis_server::{Redis, RedisSettings};
    use mall_testkit::{Scratch, ports};
    use serde_json::{Value, json};

    use super::*;

    fn settings(values: &[(&str, Value)]) -> Settings {
        let values = values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        let name = "test".to_owned();
        Settings::builder()
            .add(PropertySource { name, values })
            .build()
            .unwrap()
    }

    async fn ping(values: &[(&str, Value)]) -> Result<String, String> {
        let mut bad = Vec::new();
        let client = client(&settings(values), &mut bad)
            .filter(|_| bad.is_empty())
            .ok_or_else(|| bad.join("; "))?;
        let mut link = manager(&client).map_err(|error| error.to_string())?;
        redis::cmd("PING")
            .query_async(&mut link)
            .await
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn encrypted_with_a_password_and_only_towards_the_right_server() {
        let scratch = Scratch::new("tls").unwrap();
        let made = Certificates::make(&scratch.path().join("tls")).unwrap();
        let stranger = Certificates::make(&scratch.path().join("stranger")).unwrap();
        let port = ports::free_port().unwrap();
        let args: Vec<String> = [
            ("--tls-port", port.to_string().as_str()),
            ("--tls-cert-file", made.certificate.to_str().unwrap()),
            ("--tls-key-file", made.key.to_str().unwrap()),
            ("--tls-ca-cert-file", made.ca.to_str().unwrap()),
            ("--tls-auth-clients", "no"),
            ("--user", "shop on >secret ~* &* +@all"),
        ]
        .iter()
        // Each word is an argument of its own.
        .flat_map(|(key, value)| [*key].into_iter().chain(value.split(' ')))
        .map(str::to_owned)
        .collect();
        let server = Redis::start_with(&RedisSettings {
            throwaway: true,
            args,
            ..RedisSettings::new(scratch.path())
        })
        .unwrap();
        let host = ("spring.data.redis.host", json!("127.0.0.1"));
        let port = ("spring.data.redis.port", json!(port));
        let user = ("spring.data.redis.username", json!("shop"));
        let password = ("spring.data.redis.password", json!("secret"));
        let tls = ("spring.data.redis.ssl.enabled", json!(true));
        let ca = |path: &std::path::Path| ("mall.redis.ca", json!(path));
        let login = [host.clone(), port.clone(), user, password, tls];

        let pong = ping(&[&login[..], &[ca(&made.ca)]].concat()).await;
        assert_eq!(pong, Ok("PONG".to_owned()));
        let text = json!(std::fs::read_to_string(&made.ca).unwrap());
        let pong = ping(&[&login[..], &[("mall.redis.ca", text)]].concat()).await;
        assert_eq!(pong, Ok("PONG".to_owned()));

        ping(&[&login[..], &[ca(&stranger.ca)]].concat())
            .await
            .expect_err("somebody else's authority");
        ping(&login).await.expect_err("no well-known authority");
        ping(&[host, port]).await.expect_err("not encrypted");
        let missing = [&login[..], &[ca(&scratch.path().join("none.pem"))]].concat();
        let bad = ping(&missing).await.expect_err("no such file");
        assert!(bad.starts_with("mall.redis.ca"), "{bad}");
        server.stop();
    }
}
