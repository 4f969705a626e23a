//! Statements between our own programs.

use chrono::{DateTime, Duration, Utc};
use mall_types::{Role, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::hs256::{Key, Lifetime};
use crate::{TokenError, WeakKey};

/// The header in which the gateway says whom it let in.
pub const IDENTITY_HEADER: &str = "x-mall-identity";

/// The header in which a service says who it is.
pub const SERVICE_HEADER: &str = "x-mall-service";

/// How long a statement is good. Long enough for the slowest call and a clock that is a little off, too short to be
/// worth stealing.
const LIFE: Duration = Duration::seconds(60);

/// Whom the gateway let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub user: UserId,
    /// What it may do.
    pub role: Role,
    /// The session of the access token.
    pub session: String,
    /// When that access token expires; full seconds.
    pub access_expires_at: DateTime<Utc>,
}

/// Signs and verifies statements between our programs (`mall.internal.key`).
#[derive(Clone)]
pub struct InternalKeys(Key);

#[derive(Serialize, Deserialize)]
#[serde(tag = "aud", rename_all = "kebab-case")]
enum Statement {
    Identity {
        sub: UserId,
        role: Role,
        sid: String,
        axp: i64,
        iat: i64,
        exp: i64,
    },
    Service {
        sub: String,
        iat: i64,
        exp: i64,
    },
}

impl Lifetime for Statement {
    fn issued_at(&self) -> i64 {
        match self {
            Statement::Identity { iat, .. } | Statement::Service { iat, .. } => *iat,
        }
    }

    fn expires_at(&self) -> i64 {
        match self {
            Statement::Identity { exp, .. } | Statement::Service { exp, .. } => *exp,
        }
    }
}

impl InternalKeys {
    /// Takes the secret as it stands in the settings; its bytes are the key.
    pub fn new(secret: &SecretString) -> Result<InternalKeys, WeakKey> {
        Key::new(secret).map(InternalKeys)
    }

    /// The value of [`IDENTITY_HEADER`], good for a minute.
    pub fn sign_identity(&self, identity: &Identity, now: DateTime<Utc>) -> String {
        self.0.seal(&Statement::Identity {
            sub: identity.user,
            role: identity.role,
            sid: identity.session.clone(),
            axp: identity.access_expires_at.timestamp(),
            iat: now.timestamp(),
            exp: (now + LIFE).timestamp(),
        })
    }

    /// Reads [`IDENTITY_HEADER`].
    pub fn verify_identity(&self, value: &str, now: DateTime<Utc>) -> Result<Identity, TokenError> {
        match self.0.open(value, now)? {
            Statement::Identity {
                sub,
                role,
                sid,
                axp,
                ..
            } => Ok(Identity {
                user: sub,
                role,
                session: sid,
                access_expires_at: DateTime::from_timestamp(axp, 0).ok_or(TokenError::Invalid)?,
            }),
            Statement::Service { .. } => Err(TokenError::Invalid),
        }
    }

    /// The value of [`SERVICE_HEADER`], good for a minute.
    pub fn sign_service(&self, name: &str, now: DateTime<Utc>) -> String {
        self.0.seal(&Statement::Service {
            sub: name.to_owned(),
            iat: now.timestamp(),
            exp: (now + LIFE).timestamp(),
        })
    }

    /// Reads [`SERVICE_HEADER`]: the caller's service id.
    pub fn verify_service(&self, value: &str, now: DateTime<Utc>) -> Result<String, TokenError> {
        match self.0.open(value, now)? {
            Statement::Service { sub, .. } => Ok(sub),
            Statement::Identity { .. } => Err(TokenError::Invalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use mall_clock::{Clock, MockClock};

    use super::*;

    #[test]
    fn statements_are_short_lived_and_not_interchangeable() {
        let clock = MockClock::at("2026-05-01T10:00:00+09:00");
        let keys = InternalKeys::new(&SecretString::from("k".repeat(32))).unwrap();
        let identity = Identity {
            user: UserId(7),
            role: Role::Admin,
            session: "s1".into(),
            access_expires_at: clock.now() + Duration::hours(1),
        };
        let person = keys.sign_identity(&identity, clock.now());
        let service = keys.sign_service("application-order", clock.now());
        assert_eq!(keys.verify_identity(&person, clock.now()), Ok(identity));
        assert_eq!(
            keys.verify_service(&service, clock.now()).as_deref(),
            Ok("application-order")
        );
        assert_eq!(
            keys.verify_identity(&service, clock.now()),
            Err(TokenError::Invalid)
        );
        assert_eq!(
            keys.verify_service(&person, clock.now()),
            Err(TokenError::Invalid)
        );
        clock.advance(Duration::seconds(60));
        assert_eq!(
            keys.verify_identity(&person, clock.now()),
            Err(TokenError::Expired)
        );
        assert_eq!(
            keys.verify_service(&service, clock.now()),
            Err(TokenError::Expired)
        );
    }
}
