//! The program: its settings, checked, and its state.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use mall_service::{App, Boot, Needs, Service};
use mall_spring_config::cipher::DEFAULT_SALT;
use mall_spring_config::{Encryptor, Settings};
use secrecy::SecretString;

use crate::config::{Config, SECTION, overrides};
use crate::environment_repository::{Location, NativeRepository};
use crate::health::StoreHealth;
use crate::login::Login;
use crate::state::{ServerSettings, State};

/// The config server. It needs nothing but its folder.
pub struct ConfigServer;

impl App for ConfigServer {
    const NAME: &'static str = "config-server";
    const DEFAULTS: &'static str = include_str!("../defaults.yml");
    const SECTION: &'static str = SECTION;
    const NEEDS: Needs = Needs::NONE;
    type Config = Config;

    fn validate(config: &Config, bad: &mut Vec<String>) {
        if config.native.search_locations.is_empty() {
            bad.push(format!("{SECTION}.native.search-locations: is not set"));
        }
        for (n, text) in config.native.search_locations.iter().enumerate() {
            if let Err(why) = Location::parse(text, Path::new(".")) {
                bad.push(format!("{SECTION}.native.search-locations[{n}]: {why}"));
            }
        }
    }

    async fn build(boot: Boot<Config>) -> anyhow::Result<Service> {
        let config = boot.config;
        let here = std::env::current_dir().context("the working folder")?;
        let locations = config
            .native
            .search_locations
            .iter()
            .map(|text| Location::parse(text, &here))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|why| anyhow::anyhow!("{SECTION}.native.search-locations: {why}"))?;
        for location in &locations {
            tracing::info!(folder = %location.folder().display(), optional = location.is_optional(), "serving settings");
        }
        refuse_other_stores(&boot.settings)?;
        let login = login(&boot.settings)?;
        let encryptor = encryptor(&boot.settings)?;
        if login.is_none() && encryptor.is_some() && config.encrypt.enabled && !boot.local {
            bail!(
                "spring.security.user.password: is not set, while encrypt.key is: everybody on this network could read every \
                 secret in clear"
            );
        }
        if login.is_none() {
            tracing::warn!(
                "everybody on this network may read all settings: spring.security.user.password is not set"
            );
        }
        let state = State::new(ServerSettings {
            repository: NativeRepository {
                locations,
                default_label: config.native.default_label,
                add_label_locations: config.native.add_label_locations,
            },
            encryptor,
            decrypt: config.encrypt.enabled,
            overrides: overrides(&boot.settings),
            accept_empty: config.accept_empty,
            version: config.native.version,
            login,
            clock: boot.clock,
        });
        Ok(Service::new(crate::router(state.clone())).with_health(Arc::new(StoreHealth(state))))
    }
}

/// A store that is configured and not served would be a silent lie.
fn refuse_other_stores(settings: &Settings) -> anyhow::Result<()> {
    for other in ["git", "svn", "jdbc", "redis", "vault", "composite"] {
        if let Some(key) = settings.keys(&format!("{SECTION}.{other}")).first() {
            anyhow::bail!("{key}: this server serves folders ({SECTION}.native.search-locations)");
        }
    }
    Ok(())
}

fn login(settings: &Settings) -> anyhow::Result<Option<Login>> {
    let password = settings
        .get("spring.security.user.password")
        .filter(|p| !p.is_empty());
    let user = settings
        .get("spring.security.user.name")
        .filter(|name| !name.is_empty());
    match (user, password) {
        (user, Some(password)) => Ok(Some(Login {
            // Spring's default.
            user: user.unwrap_or_else(|| "user".to_owned()),
            password: SecretString::from(password),
        })),
        (Some(_), None) => {
            anyhow::bail!("spring.security.user.password: is not set, though .name is")
        }
        (None, None) => Ok(None),
    }
}

fn encryptor(settings: &Settings) -> anyhow::Result<Option<Encryptor>> {
    let Some(key) = settings.get("encrypt.key").filter(|key| !key.is_empty()) else {
        return Ok(None);
    };
    let salt = settings
        .get("encrypt.salt")
        .unwrap_or_else(|| DEFAULT_SALT.to_owned());
    Encryptor::new(&key, &salt)
        .map(Some)
        .context("encrypt.salt")
}
