//! The connection to Redis: one, shared, that fails fast and comes back by itself.

use std::time::Duration;

use mall_spring_config::Settings;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, IntoConnectionInfo};

use crate::settings::{need, read};

/// Reads `spring.data.redis.url`, or `.host`, `.port`, `.password`.
pub(crate) fn client(settings: &Settings, bad: &mut Vec<String>) -> Option<Client> {
    let url = match read::<String>(settings, "spring.data.redis.url", bad)
        .filter(|url| !url.is_empty())
    {
        Some(url) => url,
        None => {
            let host = need::<String>(settings, "spring.data.redis.host", bad)?;
            let port = read::<u16>(settings, "spring.data.redis.port", bad).unwrap_or(6379);
            format!("redis://{host}:{port}/")
        }
    };
    let opened = url.as_str().into_connection_info().and_then(|info| {
        let mut redis = info.redis_settings().clone();
        if let Some(password) =
            read::<String>(settings, "spring.data.redis.password", bad).filter(|p| !p.is_empty())
        {
            redis = redis.set_password(password);
        }
        let info = info
            .set_redis_settings(redis)
            .set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Client::open(info)
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

/// A connection that is made when it is first used. A call during an outage fails within its timeout.
pub(crate) fn manager(client: &Client) -> Result<ConnectionManager, redis::RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_connection_timeout(Some(Duration::from_millis(500)))
        .set_response_timeout(Some(Duration::from_secs(2)));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}
