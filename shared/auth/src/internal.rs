//! Statements between our own programs.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use mall_types::{Role, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::hs256::{Key, Lifetime};
use crate::memory::Memory;
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
#[serde(tag = "typ", rename_all = "kebab-case")]
enum Statement {
    Identity {
        aud: String,
        sub: UserId,
        role: Role,
        sid: String,
        axp: i64,
        iat: i64,
        exp: i64,
    },
    Service {
        aud: String,
        sub: String,
        iat: i64,
        exp: i64,
    },
}

/// A statement that was believed, and until when it may be.
struct Believed<T> {
    told: T,
    expires_at: DateTime<Utc>,
}

/// For whom a statement is: a service id, which the registry's protocol writes in capitals.
fn audience(service: &str) -> String {
    service.to_ascii_lowercase()
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

    /// The value of [`IDENTITY_HEADER`], good for a minute, and only at the service `callee`.
    pub fn sign_identity(&self, identity: &Identity, callee: &str, now: DateTime<Utc>) -> String {
        self.0.seal(&Statement::Identity {
            aud: audience(callee),
            sub: identity.user,
            role: identity.role,
            sid: identity.session.clone(),
            axp: identity.access_expires_at.timestamp(),
            iat: now.timestamp(),
            exp: (now + LIFE).timestamp(),
        })
    }

    /// Reads [`IDENTITY_HEADER`] at the service `me`. One for another service is not ours to believe: whoever is called by
    /// the gateway could otherwise go on elsewhere in the shopper's name.
    pub fn verify_identity(
        &self,
        value: &str,
        me: &str,
        now: DateTime<Utc>,
    ) -> Result<Identity, TokenError> {
        Ok(self.believe_identity(value, me, now)?.told)
    }

    fn believe_identity(
        &self,
        value: &str,
        me: &str,
        now: DateTime<Utc>,
    ) -> Result<Believed<Identity>, TokenError> {
        match self.0.open(value, now)? {
            Statement::Identity {
                aud,
                sub,
                role,
                sid,
                axp,
                exp,
                ..
            } if aud.eq_ignore_ascii_case(me) => Ok(Believed {
                told: Identity {
                    user: sub,
                    role,
                    session: sid,
                    access_expires_at: DateTime::from_timestamp(axp, 0)
                        .ok_or(TokenError::Invalid)?,
                },
                expires_at: DateTime::from_timestamp(exp, 0).ok_or(TokenError::Invalid)?,
            }),
            _ => Err(TokenError::Invalid),
        }
    }

    /// The value of [`SERVICE_HEADER`], good for a minute, and only at the service `callee`.
    pub fn sign_service(&self, name: &str, callee: &str, now: DateTime<Utc>) -> String {
        self.0.seal(&Statement::Service {
            aud: audience(callee),
            sub: name.to_owned(),
            iat: now.timestamp(),
            exp: (now + LIFE).timestamp(),
        })
    }

    /// Reads [`SERVICE_HEADER`] at the service `me`: the caller's service id.
    pub fn verify_service(
        &self,
        value: &str,
        me: &str,
        now: DateTime<Utc>,
    ) -> Result<String, TokenError> {
        Ok(self.believe_service(value, me, now)?.told)
    }

    fn believe_service(
        &self,
        value: &str,
        me: &str,
        now: DateTime<Utc>,
    ) -> Result<Believed<String>, TokenError> {
        match self.0.open(value, now)? {
            Statement::Service { aud, sub, exp, .. } if aud.eq_ignore_ascii_case(me) => {
                Ok(Believed {
                    told: sub,
                    expires_at: DateTime::from_timestamp(exp, 0).ok_or(TokenError::Invalid)?,
                })
            }
            _ => Err(TokenError::Invalid),
        }
    }
}

/// Reads the statements that reach one service. What was believed is remembered by its whole text until it expires, so that
/// a busy peer or shopper costs a look and not a signature for each request. Clones share what they remember.
#[derive(Clone)]
pub struct Reader(Arc<Inner>);

struct Inner {
    keys: InternalKeys,
    me: String,
    identities: Memory<Identity>,
    services: Memory<String>,
}

impl Reader {
    /// For the service `me`.
    pub fn new(keys: InternalKeys, me: &str) -> Reader {
        Reader(Arc::new(Inner {
            keys,
            me: audience(me),
            identities: Memory::new(),
            services: Memory::new(),
        }))
    }

    /// Reads [`IDENTITY_HEADER`].
    pub fn identity(&self, value: &str, now: DateTime<Utc>) -> Result<Identity, TokenError> {
        let inner = &*self.0;
        inner.identities.get(value, now, || {
            let believed = inner.keys.believe_identity(value, &inner.me, now)?;
            Ok((believed.told, believed.expires_at))
        })
    }

    /// Reads [`SERVICE_HEADER`]: the caller's service id.
    pub fn service(&self, value: &str, now: DateTime<Utc>) -> Result<String, TokenError> {
        let inner = &*self.0;
        inner.services.get(value, now, || {
            let believed = inner.keys.believe_service(value, &inner.me, now)?;
            Ok((believed.told, believed.expires_at))
        })
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("me", &self.0.me)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
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
        let person = keys.sign_identity(&identity, "APPLICATION-STOCK", clock.now());
        let service = keys.sign_service("application-order", "application-stock", clock.now());
        let me = "application-stock";
        let reader = Reader::new(keys.clone(), "APPLICATION-STOCK");
        let elsewhere = Reader::new(keys.clone(), "application-order");
        for _ in 0..2 {
            assert_eq!(
                keys.verify_identity(&person, me, clock.now()).as_ref(),
                Ok(&identity)
            );
            assert_eq!(
                reader.identity(&person, clock.now()).as_ref(),
                Ok(&identity)
            );
            assert_eq!(
                reader.service(&service, clock.now()).as_deref(),
                Ok("application-order")
            );
            for wrong in [
                keys.verify_identity(&service, me, clock.now()).err(),
                keys.verify_service(&person, me, clock.now()).err(),
                reader.identity(&service, clock.now()).err(),
                reader.service(&person, clock.now()).err(),
                keys.verify_identity(&person, "application-order", clock.now())
                    .err(),
                elsewhere.identity(&person, clock.now()).err(),
                elsewhere.service(&service, clock.now()).err(),
            ] {
                assert_eq!(wrong, Some(TokenError::Invalid));
            }
        }
        clock.advance(Duration::seconds(59));
        assert!(reader.identity(&person, clock.now()).is_ok());
        clock.advance(Duration::seconds(1));
        for late in [
            keys.verify_identity(&person, me, clock.now()).err(),
            keys.verify_service(&service, me, clock.now()).err(),
            reader.identity(&person, clock.now()).err(),
            reader.service(&service, clock.now()).err(),
        ] {
            assert_eq!(late, Some(TokenError::Expired));
        }
    }

    #[test]
    fn the_audience_is_said_by_its_usual_name() {
        let now = MockClock::at("2026-05-01T10:00:00+09:00").now();
        let keys = InternalKeys::new(&SecretString::from("k".repeat(32))).unwrap();
        let text = keys.sign_service("application-order", "APPLICATION-STOCK", now);
        let claims = B64.decode(text.split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["aud"], "application-stock");
        assert_eq!(claims["typ"], "service");
    }
}
