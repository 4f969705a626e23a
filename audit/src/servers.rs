//! Which servers are looked at: what the command line says, else the environment.

use anyhow::{Context, ensure};
use sqlx::mysql::MySqlConnectOptions;

/// Both.
#[derive(Debug)]
pub struct Servers {
    pub mysql: MySqlConnectOptions,
    /// An address, with its password.
    pub redis: String,
}

/// Addresses are `--mysql` and `--redis`, or `MALL_AUDIT_MYSQL` (`mysql://user@host:port`, with sqlx's `ssl-mode`) and
/// `MALL_AUDIT_REDIS`. `MALL_AUDIT_MYSQL_PASSWORD` and `MALL_AUDIT_REDIS_PASSWORD` are added, and `MALL_AUDIT_MYSQL_CA`: the
/// certificates (PEM, the text) that sign MySQL's.
///
/// # Errors
/// When an address is missing or none, or Redis' password can't stand in one.
pub fn servers(
    mysql: Option<String>,
    redis: Option<String>,
    env: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Servers> {
    let env = |name: &str| env(name).filter(|value| !value.is_empty());
    let mut options: MySqlConnectOptions = mysql
        .or_else(|| env("MALL_AUDIT_MYSQL"))
        .context("--mysql URL is missing, and so is MALL_AUDIT_MYSQL")?
        .parse()
        .context("the address of MySQL")?;
    if let Some(password) = env("MALL_AUDIT_MYSQL_PASSWORD") {
        options = options.password(&password);
    }
    if let Some(ca) = env("MALL_AUDIT_MYSQL_CA") {
        options = options.ssl_ca_from_pem(ca.into_bytes());
    }
    let mut redis = redis
        .or_else(|| env("MALL_AUDIT_REDIS"))
        .context("--redis URL is missing, and so is MALL_AUDIT_REDIS")?;
    if let Some(password) = env("MALL_AUDIT_REDIS_PASSWORD") {
        ensure!(
            password.chars().all(|one| one.is_ascii_alphanumeric()),
            "MALL_AUDIT_REDIS_PASSWORD may hold letters and digits only: put another one into the address"
        );
        redis = redis.replacen("://", &format!("://:{password}@"), 1);
    }
    Ok(Servers {
        mysql: options,
        redis,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mysql: Option<&str>, env: &[(&str, &str)]) -> anyhow::Result<Servers> {
        servers(mysql.map(str::to_owned), None, |name| {
            env.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn addresses_and_passwords_come_from_the_environment() {
        let found = of(
            None,
            &[
                (
                    "MALL_AUDIT_MYSQL",
                    "mysql://mall_audit@db:3307?ssl-mode=VERIFY_IDENTITY",
                ),
                ("MALL_AUDIT_MYSQL_PASSWORD", "p/w"),
                ("MALL_AUDIT_MYSQL_CA", "-----BEGIN CERTIFICATE-----"),
                ("MALL_AUDIT_REDIS", "rediss://cache:6379/"),
                ("MALL_AUDIT_REDIS_PASSWORD", "secret1"),
            ],
        )
        .unwrap();
        assert_eq!(found.redis, "rediss://:secret1@cache:6379/");
        let mysql = format!("{:?}", found.mysql);
        assert!(
            mysql.contains("VerifyIdentity") && mysql.contains("p/w") && mysql.contains("3307"),
            "{mysql}"
        );
    }

    #[test]
    fn the_command_line_wins_and_what_is_missing_is_named() {
        let redis = ("MALL_AUDIT_REDIS", "redis://cache");
        let found = of(
            Some("mysql://said"),
            &[redis, ("MALL_AUDIT_MYSQL", "mysql://environment")],
        )
        .unwrap();
        assert!(format!("{:?}", found.mysql).contains("said"));
        let missing = of(None, &[redis, ("MALL_AUDIT_MYSQL", "")]).unwrap_err();
        assert!(missing.to_string().contains("MALL_AUDIT_MYSQL"));
    }

    #[test]
    fn a_password_that_would_change_the_address_is_refused() {
        let refused = of(
            Some("mysql://db"),
            &[
                ("MALL_AUDIT_REDIS", "redis://cache"),
                ("MALL_AUDIT_REDIS_PASSWORD", "a@b"),
            ],
        );
        assert!(refused.is_err());
    }
}
