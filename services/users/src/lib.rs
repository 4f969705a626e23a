//! The user service: accounts, logins and wish lists.
//!
//! What it keeps: an e-mail address has at most one account (`uq_users_email`). Personal texts are sealed in the database
//! and in no log. Whether an address has an account is told by sign-up only. A session has one good refresh token at a
//! time; reuse of an old one ends it. That a session has ended outlives Redis. What must follow a change (mails, the end of
//! sessions) goes through the outbox.
//!
//! Reading order: [`routes`], `app.rs` and its files, `security/`, `delivery.rs`, `store/`, `error.rs`.

mod app;
mod config;
mod delivery;
mod domain;
mod error;
mod mail;
mod messages;
mod migrations;
pub mod routes;
mod security;
mod seed;
mod state;
mod store;

use std::sync::Arc;

use anyhow::Context;
use mall_products_api::HttpProducts;
use mall_service::{App, Boot, Needs, Service};

pub use app::ensure_admin;
pub use config::{AdminConfig, EncryptionConfig, MailsPerAddress, PasswordConfig, UsersConfig};
pub use mail::{MailEncryption, MailServer};
pub use migrations::MIGRATIONS;
pub use routes::router;
pub use seed::Seed;
pub use state::{Setup, State};

/// The service's name in the registry.
pub const SERVICE: &str = "application-user";

/// The program `application-user`.
pub struct Users;

impl App for Users {
    const NAME: &'static str = SERVICE;
    const DEFAULTS: &'static str = include_str!("../defaults.yml");
    const SECTION: &'static str = "mall.users";
    const NEEDS: Needs = Needs {
        mysql: true,
        redis: true,
        registry: true,
        config_server: true,
        tokens: true,
    };
    type Config = UsersConfig;

    fn validate(config: &UsersConfig, bad: &mut Vec<String>) {
        config.validate(bad);
    }

    fn migrations() -> &'static [mall_db::Migration] {
        MIGRATIONS
    }

    async fn build(boot: Boot<UsersConfig>) -> anyhow::Result<Service> {
        let state = State::new(Setup {
            db: boot.db()?,
            redis: boot.redis()?,
            clock: boot.clock.clone(),
            products: Arc::new(HttpProducts::new(boot.calls()?)),
            tokens: boot.tokens()?,
            mail: mail_server(&boot)?,
            config: boot.config.clone(),
            local: boot.local,
        })?;
        if let Some(admin) = &boot.config.admin {
            app::ensure_admin(&state, admin).await?;
        }
        boot.tasks
            .spawn("users-outbox", state.relay().run(boot.tasks.stopping()));
        boot.tasks.spawn(
            "outbox-report",
            state
                .relay()
                .report(boot.metrics.clone(), boot.tasks.stopping()),
        );
        boot.tasks.spawn(
            "ended-marks",
            state.ended_marks().run(boot.tasks.stopping()),
        );
        boot.tasks.spawn(
            "idempotency-sweep",
            routes::keys(&state).run_sweeper(boot.tasks.stopping()),
        );
        Ok(Service::new(router(state)))
    }
}

fn mail_server(boot: &Boot<UsersConfig>) -> anyhow::Result<MailServer> {
    let setting = |key: &str| boot.settings.get(key).filter(|value| !value.is_empty());
    let setting_on = |key: &str| {
        boot.settings
            .get_as::<bool>(key)
            .map(Option::unwrap_or_default)
            .with_context(|| format!("{key} is neither true nor false"))
    };
    let port = setting("spring.mail.port").unwrap_or_else(|| "25".to_owned());
    Ok(MailServer {
        host: setting("spring.mail.host").context("spring.mail.host is not set")?,
        port: port.parse().context("spring.mail.port is no port number")?,
        credentials: setting("spring.mail.username").zip(setting("spring.mail.password")),
        encryption: if setting_on("spring.mail.properties.mail.smtp.ssl.enable")? {
            MailEncryption::FromTheStart
        } else if setting_on("spring.mail.properties.mail.smtp.starttls.required")? {
            MailEncryption::Required
        } else if setting_on("spring.mail.properties.mail.smtp.starttls.enable")? {
            MailEncryption::Offered
        } else {
            MailEncryption::Off
        },
    })
}
