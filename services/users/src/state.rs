//! What the handlers share.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use mall_auth::TokenKeys;
use mall_clock::SharedClock;
use mall_db::Db;
use mall_outbox::{Relay, RelaySettings};
use mall_products_api::ProductsApi;
use redis::aio::ConnectionManager;

use crate::UsersConfig;
use crate::delivery::Delivery;
use crate::mail::{MailServer, Mailer};
use crate::security::{EndedMarks, Lives, MailLimit, Passwords, Sessions, Vault, VerificationKeys};

/// What the service is put together from.
pub struct Setup {
    /// Its schema; the tables must be there.
    pub db: Db,
    /// Sessions and verification keys.
    pub redis: ConnectionManager,
    /// The time of day.
    pub clock: SharedClock,
    /// The product service.
    pub products: Arc<dyn ProductsApi>,
    /// Signs access and refresh tokens.
    pub tokens: TokenKeys,
    /// Where mails go.
    pub mail: MailServer,
    /// The service's own settings.
    pub config: UsersConfig,
    /// The profile `local`: the refresh cookie needs no TLS.
    pub local: bool,
}

/// The service's parts. Cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Parts>);

#[doc(hidden)]
pub struct Parts {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) products: Arc<dyn ProductsApi>,
    pub(crate) tokens: TokenKeys,
    pub(crate) vault: Vault,
    pub(crate) passwords: Passwords,
    pub(crate) sessions: Sessions,
    pub(crate) verification: VerificationKeys,
    pub(crate) mail_limit: MailLimit,
    pub(crate) relay: Relay,
    pub(crate) config: UsersConfig,
    pub(crate) secure_cookies: bool,
}

impl State {
    /// Puts the service together. Nothing is connected and nothing runs yet: mails go once [`State::relay`] does.
    pub fn new(setup: Setup) -> anyhow::Result<Self> {
        let Setup {
            db,
            redis,
            clock,
            products,
            tokens,
            mail,
            config,
            local,
        } = setup;
        let vault = Vault::new(&config.encryption).context("mall.users.encryption")?;
        let passwords = Passwords::new(&config.password).context("mall.users.password")?;
        let lives = Lives {
            access: config.access_token_life.get(),
            refresh: config.refresh_token_life.get(),
            race: config.refresh_race.get(),
        };
        let sessions = Sessions::new(db.clone(), redis.clone(), lives);
        let verification = VerificationKeys::new(redis.clone(), config.verification_key_life.get());
        let mails = &config.mails_per_address;
        let mail_limit = MailLimit::new(redis, mails.most, mails.within.get());
        let from = config.mail_from.parse().context("mall.users.mail-from")?;
        let delivery = Delivery {
            db: db.clone(),
            clock: clock.clone(),
            vault: vault.clone(),
            keys: verification.clone(),
            sessions: sessions.clone(),
            mailer: Mailer::new(&mail, from, &config.gateway_url)?,
        };
        // A mail that waits for its server is tried again soon: somebody sits in front of an empty inbox.
        let pace = RelaySettings {
            max_backoff: Duration::from_secs(10),
            ..RelaySettings::default()
        };
        let relay = Relay::new(db.clone(), clock.clone(), Arc::new(delivery), pace);
        Ok(Self(Arc::new(Parts {
            db,
            clock,
            products,
            tokens,
            vault,
            passwords,
            sessions,
            verification,
            mail_limit,
            relay,
            config,
            secure_cookies: !local,
        })))
    }

    /// Keeps in Redis which sessions have ended; to be run in the background.
    pub fn ended_marks(&self) -> EndedMarks {
        EndedMarks::new(self.0.sessions.clone(), self.0.clock.clone())
    }

    /// Delivers mails and ends sessions; to be run in the background.
    pub fn relay(&self) -> &Relay {
        &self.0.relay
    }
}

impl std::ops::Deref for State {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
