//! The gateway's own settings, `mall.gateway` in the store.

use crate::client_address::Network;
use crate::cors::Cors;
use crate::rate_limit::{Limit, Rule, Rules};
use mall_service::Span;
use serde::{Deserialize, Deserializer};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GatewayConfig {
    /// Largest request body, in bytes.
    pub max_body: usize,
    /// Longest path and query, in bytes.
    pub max_uri: usize,
    /// All header names and values together, in bytes.
    pub max_headers: usize,
    /// Until an answer begins, and between two pieces of it.
    pub response_timeout: Span,
    pub connect_timeout: Span,
    /// Until the client has sent its body.
    pub body_timeout: Span,
    pub redis_timeout: Span,
    /// Instances tried for one request, the first one included.
    pub attempts: usize,
    pub docs_cache: Span,
    #[serde(default, deserialize_with = "list")]
    pub trusted_proxies: Vec<String>,
    #[serde(default)]
    pub cors: CorsConfig,
    #[serde(default)]
    pub rate_limits: RateLimits,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CorsConfig {
    #[serde(default, deserialize_with = "list")]
    pub allowed_origins: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RateLimits {
    pub signup: RateLimit,
    pub login: RateLimit,
    pub resend: RateLimit,
}

/// What is left out takes the profile's default.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RateLimit {
    pub per_minute: Option<u32>,
    pub burst: Option<u32>,
    pub global_per_minute: Option<u32>,
    pub global_burst: Option<u32>,
}

impl GatewayConfig {
    /// Names every senseless value.
    pub fn validate(&self, bad: &mut Vec<String>) {
        let mut check = |good: bool, what: &str| {
            if !good {
                bad.push(format!("mall.gateway.{what}"));
            }
        };
        check(
            (1..=64 << 20).contains(&self.max_body),
            "max-body: must be between 1 and 67108864 bytes",
        );
        check(
            (256..=65_000).contains(&self.max_uri),
            "max-uri: must be between 256 and 65000 bytes",
        );
        check(
            (1024..=256 << 10).contains(&self.max_headers),
            "max-headers: must be between 1024 and 262144 bytes",
        );
        check(
            (1..=10).contains(&self.attempts),
            "attempts: must be between 1 and 10",
        );
        for (span, name) in [
            (&self.response_timeout, "response-timeout"),
            (&self.connect_timeout, "connect-timeout"),
            (&self.body_timeout, "body-timeout"),
            (&self.redis_timeout, "redis-timeout"),
        ] {
            check(
                !span.get().is_zero(),
                &format!("{name}: must be longer than nothing"),
            );
        }
        if let Err(why) = self.networks() {
            bad.push(format!("mall.gateway.trusted-proxies: {why}"));
        }
        if let Err(why) = Cors::new(&self.cors.allowed_origins) {
            bad.push(format!("mall.gateway.cors.allowed-origins: {why}"));
        }
        let limits = &self.rate_limits;
        for (limit, name) in [
            (limits.signup, "signup"),
            (limits.login, "login"),
            (limits.resend, "resend"),
        ] {
            if [
                limit.per_minute,
                limit.burst,
                limit.global_per_minute,
                limit.global_burst,
            ]
            .contains(&Some(0))
            {
                bad.push(format!(
                    "mall.gateway.rate-limits.{name}: every number must be at least 1"
                ));
            }
        }
    }

    /// The trusted proxies.
    pub fn networks(&self) -> Result<Vec<Network>, String> {
        self.trusted_proxies
            .iter()
            .map(|text| text.parse())
            .collect()
    }
}

impl RateLimits {
    /// The rules in force. The `local` profile's are so wide that no test and no bench from one address meets them.
    pub fn rules(&self, local: bool) -> Rules {
        let of = |limit: RateLimit, per_minute: u32, burst: u32| {
            let (per_minute, burst, factor) = if local {
                (1_000_000, 1_000_000, 10)
            } else {
                (per_minute, burst, 60)
            };
            let client = Limit {
                per_minute: limit.per_minute.unwrap_or(per_minute),
                burst: limit.burst.unwrap_or(burst),
            };
            let everybody = Limit {
                per_minute: limit
                    .global_per_minute
                    .unwrap_or(client.per_minute.saturating_mul(factor)),
                burst: limit
                    .global_burst
                    .unwrap_or(client.burst.saturating_mul(factor)),
            };
            Rule { client, everybody }
        };
        Rules {
            signup: of(self.signup, 10, 10),
            login: of(self.login, 20, 20),
            resend: of(self.resend, 5, 5),
        }
    }
}

/// A list, or one text with commas as an environment variable has it.
fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Option::<Either>::deserialize(from)? {
        Some(Either::List(list)) => list,
        Some(Either::Text(text)) => text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect(),
        None => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: &str) -> Result<GatewayConfig, serde_json::Error> {
        let mut value = serde_json::json!({
            "max-body": 1048576, "max-uri": 8192, "max-headers": 16384, "response-timeout": "15s",
            "connect-timeout": "1s", "body-timeout": "30s", "redis-timeout": "500ms", "attempts": 3, "docs-cache": "10s",
        });
        let change: serde_json::Value = serde_json::from_str(change).unwrap();
        for (key, changed) in change.as_object().unwrap() {
            value[key] = changed.clone();
        }
        serde_json::from_value(value)
    }

    fn bad(change: &str) -> Vec<String> {
        let mut bad = Vec::new();
        config(change).unwrap().validate(&mut bad);
        bad
    }

    #[test]
    fn good_settings_pass_and_senseless_ones_are_all_named() {
        assert_eq!(bad("{}"), Vec::<String>::new());
        let named = bad(
            r#"{"max-body":0,"attempts":0,"response-timeout":"0s","trusted-proxies":["x"],
                "cors":{"allowed-origins":["*"]},"rate-limits":{"login":{"burst":0}}}"#,
        );
        for key in [
            "max-body",
            "attempts",
            "response-timeout",
            "trusted-proxies",
            "cors",
            "rate-limits.login",
        ] {
            assert!(
                named
                    .iter()
                    .any(|line| line.starts_with(&format!("mall.gateway.{key}"))),
                "{key}: {named:?}"
            );
        }
        assert!(config(r#"{"max-bodies":1}"#).is_err());
    }

    #[test]
    fn lists_may_be_one_text() {
        let config = config(r#"{"trusted-proxies":"10.0.0.0/8, 127.0.0.1"}"#).unwrap();
        assert_eq!(config.trusted_proxies, ["10.0.0.0/8", "127.0.0.1"]);
        assert_eq!(config.networks().unwrap().len(), 2);
    }

    #[test]
    fn limits_are_wide_in_the_local_profile_only_where_they_are_not_set() {
        let limits = RateLimits {
            login: RateLimit {
                per_minute: Some(3),
                ..RateLimit::default()
            },
            ..RateLimits::default()
        };
        assert_eq!(
            limits.rules(false).login.client,
            Limit {
                per_minute: 3,
                burst: 20
            }
        );
        assert_eq!(
            limits.rules(false).login.everybody,
            Limit {
                per_minute: 180,
                burst: 1200
            }
        );
        assert_eq!(
            limits.rules(true).login.client,
            Limit {
                per_minute: 3,
                burst: 1_000_000
            }
        );
        assert_eq!(limits.rules(true).signup.client.burst, 1_000_000);
    }
}
