//! Settings under `mall.users`.

use std::collections::BTreeMap;

use mall_service::Span;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The shortest secret that is taken.
const MIN_SECRET: usize = 32;

/// The user service's own settings.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UsersConfig {
    /// The mall's address from outside, without a slash at the end.
    pub gateway_url: String,
    /// Whether a registration number that is given is stored.
    pub store_registration_number: bool,
    /// The most products of one wish list.
    pub max_wishes: i64,
    /// How long an access token is good.
    pub access_token_life: Span,
    /// How long a refresh token is good, and its session lives without a refresh.
    pub refresh_token_life: Span,
    /// How long the key in a verification mail is good, from the delivery of the mail.
    pub verification_key_life: Span,
    /// How long a used refresh token that comes again is taken for a second window, and not for a theft.
    pub refresh_race: Span,
    /// How often a mail to one address may be asked for.
    pub mails_per_address: MailsPerAddress,
    /// The sender of our mails.
    pub mail_from: String,
    /// How passwords are hashed.
    pub password: PasswordConfig,
    /// How personal texts are sealed.
    pub encryption: EncryptionConfig,
    /// The admin account that is made at start.
    #[serde(default)]
    pub admin: Option<AdminConfig>,
}

/// `mall.users.mails-per-address`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MailsPerAddress {
    /// So many.
    pub most: u32,
    /// In so long, from the first.
    pub within: Span,
}

/// `mall.users.password`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PasswordConfig {
    /// The most characters of a password.
    pub max_length: usize,
    /// Argon2's memory in KiB.
    pub memory_kib: u32,
    /// Argon2's passes.
    pub iterations: u32,
    /// Hashes at the same time.
    pub parallel: usize,
    /// How long a request waits for its turn before it is told 503.
    pub wait: Span,
}

/// `mall.users.encryption`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EncryptionConfig {
    /// The id of the key that seals new texts.
    pub current: String,
    /// Secrets by key id; at least 32 bytes each.
    #[serde(default)]
    pub keys: BTreeMap<String, SecretString>,
    /// The secret of the e-mail index; changing it loses every account's e-mail look-up.
    #[serde(default)]
    pub index_secret: Option<SecretString>,
}

/// `mall.users.admin`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AdminConfig {
    /// Its e-mail.
    pub email: String,
    /// Its first password; later ones are not overwritten.
    pub password: SecretString,
}

impl UsersConfig {
    /// Names every senseless value.
    pub fn validate(&self, bad: &mut Vec<String>) {
        let mut check = |ok: bool, what: &str| {
            if !ok {
                bad.push(format!("mall.users.{what}"));
            }
        };
        check(
            self.gateway_url.starts_with("http://") || self.gateway_url.starts_with("https://"),
            "gateway-url: must begin with http:// or https://",
        );
        check(self.max_wishes >= 1, "max-wishes: must be at least 1");
        check(
            self.access_token_life.get().as_secs() >= 1,
            "access-token-life: must be at least 1s",
        );
        check(
            self.refresh_token_life.get().as_secs() >= self.access_token_life.get().as_secs(),
            "refresh-token-life: must be at least the access token's",
        );
        check(
            self.verification_key_life.get().as_secs() >= 1,
            "verification-key-life: must be at least 1s",
        );
        check(
            self.refresh_race.get().as_secs() <= 60,
            "refresh-race: must be at most 60s",
        );
        check(
            self.mails_per_address.most >= 1 && self.mails_per_address.within.get().as_secs() >= 1,
            "mails-per-address: most must be at least 1, within at least 1s",
        );
        check(
            self.mail_from.parse::<lettre::message::Mailbox>().is_ok(),
            "mail-from: is no mail address",
        );
        check(
            (8..=4096).contains(&self.password.max_length),
            "password.max-length: must be from 8 to 4096",
        );
        check(
            (8..=1024 * 1024).contains(&self.password.memory_kib),
            "password.memory-kib: must be from 8 to 1048576",
        );
        check(
            (1..=100).contains(&self.password.iterations),
            "password.iterations: must be from 1 to 100",
        );
        check(
            (1..=64).contains(&self.password.parallel),
            "password.parallel: must be from 1 to 64",
        );
        check(
            self.encryption.keys.contains_key(&self.encryption.current),
            "encryption.current: there is no encryption.keys.<id> of that id",
        );
        for (id, secret) in &self.encryption.keys {
            let plain_id = !id.is_empty()
                && id.len() <= 16
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            check(
                plain_id,
                &format!("encryption.keys.{id}: the id must be 1 to 16 letters and digits"),
            );
            check(
                secret.expose_secret().len() >= MIN_SECRET,
                &format!("encryption.keys.{id}: must be at least {MIN_SECRET} bytes"),
            );
        }
        check(
            self.encryption
                .index_secret
                .as_ref()
                .is_some_and(|secret| secret.expose_secret().len() >= MIN_SECRET),
            "encryption.index-secret: must be there and at least 32 bytes",
        );
        if let Some(admin) = &self.admin {
            check(
                crate::domain::Email::parse(&admin.email).is_some(),
                "admin.email: is no e-mail",
            );
            check(
                admin.password.expose_secret().len() >= 8,
                "admin.password: must be at least 8 characters",
            );
        }
    }
}
