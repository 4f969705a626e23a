//! The mall that runs on this machine: where it is, and the keys by which shoppers are made in bulk. Only a mall of the profile
//! `local` tells them, from its config server.

use std::path::Path;

use anyhow::{Context, bail};
use chrono::Duration;
use mall_auth::{AccessToken, InternalKeys, TokenKeys};
use mall_clock::{Clock, SystemClock};
use mall_spring_config::{ConfigClient, Settings};
use mall_types::{Role, UserId};
use secrecy::SecretString;
use serde::Deserialize;

/// What a running mall's state file says, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct State {
    pub gateway: String,
    pub config_server: String,
    pub redis: String,
    pub mysql: String,
    /// The process that all others descend from; not of a mall that something else started.
    #[serde(default)]
    pub supervisor: Option<u32>,
}

pub struct Local {
    pub state: State,
    pub tokens: TokenKeys,
    pub internal: InternalKeys,
}

impl Local {
    pub async fn find(file: Option<&Path>) -> anyhow::Result<Local> {
        let Some(file) = file else {
            bail!("no mall is running here: cargo mall up, or say --base");
        };
        let text = std::fs::read(file).context("no mall is running here: cargo mall up")?;
        let state: State = serde_json::from_slice(&text).context("the mall is still starting")?;
        let found = ConfigClient::new(&state.config_server)?
            .fetch("api-gateway", "local", None)
            .await?;
        let mut settings = Settings::builder();
        // As they came: the strongest first.
        for source in found.into_iter().rev() {
            settings = settings.add(source);
        }
        let settings = settings.build()?;
        let secret = |key: &str| {
            let found = settings.get(key).map(SecretString::from);
            found.with_context(|| format!("the config server does not tell {key}"))
        };
        Ok(Local {
            tokens: TokenKeys::new(&secret("jwt.secret")?)?,
            internal: InternalKeys::new(&secret("mall.internal.key")?)?,
            state,
        })
    }

    /// A token that is as good as one from a login, and costs no password hash.
    pub fn token(&self, user: i64, role: Role) -> String {
        token(&self.tokens, user, role)
    }
}

fn token(keys: &TokenKeys, user: i64, role: Role) -> String {
    let now = SystemClock.now();
    keys.sign_access(&AccessToken {
        user: UserId(user),
        role,
        session: format!("bench-{user}"),
        issued_at: now,
        expires_at: now + Duration::hours(2),
    })
}

/// Tokens of the shoppers 1 to `count`.
pub fn tokens(keys: &TokenKeys, count: i64) -> Vec<String> {
    (1..=count)
        .map(|user| token(keys, user, Role::User))
        .collect()
}

/// `host:port` of a URL.
pub fn host(url: &str) -> anyhow::Result<String> {
    let rest = url
        .strip_prefix("http://")
        .context("only http:// is spoken here")?;
    let host = rest.trim_end_matches('/');
    if host.contains('/') {
        bail!("{url}: say it without a path");
    }
    Ok(if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:80")
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn hosts_are_read() {
        assert_eq!(super::host("http://a:1/").unwrap(), "a:1");
        assert_eq!(super::host("http://a").unwrap(), "a:80");
        assert!(super::host("https://a").is_err() && super::host("http://a/b").is_err());
    }
}
