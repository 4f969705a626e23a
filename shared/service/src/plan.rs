//! Everything that a program reads from its settings, and what it refuses to start with.

use std::net::SocketAddr;
use std::time::Duration;

use mall_auth::{InternalKeys, TokenKeys};
use mall_clock::Zone;
use mall_db::DatabaseSettings;
use mall_http_client::CallSettings;
use mall_resilience::BreakerRegistry;
use mall_spring_config::Settings;
use mall_telemetry::{LogSettings, OtlpSettings};
use secrecy::SecretString;

use crate::settings::{BadSettings, Loaded, demo_values, load, need, read};
use crate::{App, Span, redis_link, resilience, traces};

/// Everything that is read from the settings before anything is done.
pub(crate) struct Plan<C> {
    pub(crate) loaded: Loaded,
    pub(crate) config: C,
    pub(crate) address: SocketAddr,
    pub(crate) zone: Zone,
    pub(crate) keys: Option<InternalKeys>,
    pub(crate) tokens: Option<TokenKeys>,
    pub(crate) database: Option<DatabaseSettings>,
    pub(crate) redis: Option<redis::Client>,
    pub(crate) eureka: Option<EurekaPlan>,
    pub(crate) calls: CallSettings,
    pub(crate) breakers: BreakerRegistry,
    pub(crate) require_durable: bool,
    pub(crate) traces: Option<OtlpSettings>,
}

pub(crate) struct EurekaPlan {
    pub(crate) urls: Vec<String>,
    pub(crate) host: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) renewal: Duration,
    pub(crate) expiry: Duration,
    pub(crate) fetch: Duration,
    pub(crate) register: bool,
}

/// Reads everything, sets up the logs, and refuses a start that can't work.
pub(crate) async fn plan<A: App>() -> anyhow::Result<Plan<A::Config>> {
    let loaded = load::<A>().await?;
    let settings = &loaded.settings;
    let mut bad = Vec::new();

    let json = match read::<String>(settings, "logging.format", &mut bad).as_deref() {
        None | Some("text") => false,
        Some("json") => true,
        Some(other) => {
            bad.push(format!(
                "logging.format: {other:?} is neither text nor json"
            ));
            false
        }
    };
    let filter =
        read(settings, "logging.level.root", &mut bad).unwrap_or_else(|| "info".to_owned());
    mall_telemetry::init(LogSettings {
        service: A::NAME.to_owned(),
        json,
        filter: filter.to_lowercase(),
    });

    let port = need::<u16>(settings, "server.port", &mut bad).unwrap_or_default();
    let host = read::<String>(settings, "server.address", &mut bad)
        .unwrap_or_else(|| "0.0.0.0".to_owned());
    let address = match host.parse() {
        Ok(ip) => SocketAddr::new(ip, port),
        Err(_) => {
            bad.push(format!("server.address: {host:?} is no IP address"));
            SocketAddr::from(([127, 0, 0, 1], port))
        }
    };

    let zone =
        read::<String>(settings, "mall.zone", &mut bad).unwrap_or_else(|| "Asia/Seoul".to_owned());
    let zone = Zone::parse(&zone).unwrap_or_else(|error| {
        bad.push(format!("mall.zone: {error}"));
        Zone(chrono_tz::Tz::UTC)
    });

    let key = match A::NEEDS.registry {
        true => need::<SecretString>(settings, "mall.internal.key", &mut bad),
        false => read(settings, "mall.internal.key", &mut bad),
    };
    let keys = key.and_then(|key| {
        InternalKeys::new(&key)
            .map_err(|e| bad.push(format!("mall.internal.key: {e}")))
            .ok()
    });

    let secret = A::NEEDS
        .tokens
        .then(|| need::<SecretString>(settings, "jwt.secret", &mut bad))
        .flatten();
    let tokens = secret.and_then(|key| {
        TokenKeys::new(&key)
            .map_err(|e| bad.push(format!("jwt.secret: {e}")))
            .ok()
    });

    let database = A::NEEDS.mysql.then(|| {
        need::<String>(settings, "spring.datasource.url", &mut bad);
        settings
            .bind::<DatabaseSettings>("spring.datasource")
            .map_err(|e| bad.push(e.to_string()))
            .ok()
    });
    let redis = A::NEEDS
        .redis
        .then(|| redis_link::client(settings, &mut bad))
        .flatten();
    let eureka = A::NEEDS.registry.then(|| eureka_plan(settings, &mut bad));
    let calls = call_settings(settings, &mut bad);
    let breakers = resilience::breakers(settings, &mut bad);
    let require_durable = read(settings, "mall.database.require-durable", &mut bad).unwrap_or(true);

    let traces = traces::traces(settings, A::NAME, &mut bad);

    let config = settings
        .bind::<A::Config>(A::SECTION)
        .map_err(|e| bad.push(e.to_string()))
        .ok();
    if let Some(config) = &config {
        A::validate(config, &mut bad);
    }
    demo_values(&loaded, &mut bad);
    bad.dedup();
    match config {
        Some(config) if bad.is_empty() => Ok(Plan {
            database: database.flatten(),
            loaded,
            config,
            address,
            zone,
            keys,
            tokens,
            redis,
            eureka,
            calls,
            breakers,
            require_durable,
            traces,
        }),
        _ => Err(BadSettings(bad).into()),
    }
}

fn eureka_plan(settings: &Settings, bad: &mut Vec<String>) -> EurekaPlan {
    let zone =
        need::<String>(settings, "eureka.client.service-url.default-zone", bad).unwrap_or_default();
    let secs = |key: &str, default: u64, bad: &mut Vec<String>| {
        Duration::from_secs(read::<u64>(settings, key, bad).unwrap_or(default).max(1))
    };
    EurekaPlan {
        urls: zone
            .split(',')
            .map(str::trim)
            .filter(|url| !url.is_empty())
            .map(str::to_owned)
            .collect(),
        renewal: secs("eureka.instance.lease-renewal-interval-in-seconds", 5, bad),
        expiry: secs(
            "eureka.instance.lease-expiration-duration-in-seconds",
            15,
            bad,
        ),
        fetch: secs("eureka.client.registry-fetch-interval-seconds", 2, bad),
        host: read::<String>(settings, "eureka.instance.hostname", bad)
            .filter(|host| !host.is_empty()),
        ip: read::<String>(settings, "eureka.instance.ip-address", bad).filter(|ip| !ip.is_empty()),
        register: read(settings, "eureka.client.register-with-eureka", bad).unwrap_or(true),
    }
}

fn call_settings(settings: &Settings, bad: &mut Vec<String>) -> CallSettings {
    let defaults = CallSettings::default();
    let span = |key: &str, default: Duration, bad: &mut Vec<String>| {
        read::<Span>(settings, key, bad).map_or(default, Span::get)
    };
    CallSettings {
        timeout: span("mall.client.timeout", defaults.timeout, bad),
        connect_timeout: span("mall.client.connect-timeout", defaults.connect_timeout, bad),
        attempts: read(
            settings,
            "resilience4j.retry.configs.default.max-attempts",
            bad,
        )
        .unwrap_or(defaults.attempts),
        wait: span("mall.client.retry-wait", defaults.wait, bad),
    }
}
