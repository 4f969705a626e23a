//! The tokens of people.

use chrono::{DateTime, Utc};
use mall_types::{Role, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::hs256::{Key, Lifetime};
use crate::{TokenError, WeakKey};

/// Signs and verifies access and refresh tokens (`jwt.secret`).
#[derive(Clone)]
pub struct TokenKeys(Key);

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Whose it is.
    pub user: UserId,
    /// What they may do.
    pub role: Role,
    /// The session it belongs to; ending that ends the token.
    pub session: String,
    /// Full seconds.
    pub issued_at: DateTime<Utc>,
    /// Full seconds; at that second it is no longer good.
    pub expires_at: DateTime<Utc>,
}

/// What a refresh token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Whose it is.
    pub user: UserId,
    /// The session that it continues.
    pub session: String,
    /// This token's own id: a session has one good refresh token at a time.
    pub id: String,
    /// Full seconds.
    pub issued_at: DateTime<Utc>,
    /// Full seconds; at that second it is no longer good.
    pub expires_at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Access,
    Refresh,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    roles: Option<Role>,
    iat: i64,
    exp: i64,
    typ: Kind,
    sid: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    jti: Option<String>,
}

impl Lifetime for Claims {
    fn issued_at(&self) -> i64 {
        self.iat
    }

    fn expires_at(&self) -> i64 {
        self.exp
    }
}

impl Claims {
    fn user(&self) -> Result<UserId, TokenError> {
        self.sub.parse().map_err(|_| TokenError::Invalid)
    }
}

fn time(seconds: i64) -> Result<DateTime<Utc>, TokenError> {
    DateTime::from_timestamp(seconds, 0).ok_or(TokenError::Invalid)
}

impl TokenKeys {
    /// Takes the secret as it stands in the settings; its bytes are the key.
    pub fn new(secret: &SecretString) -> Result<TokenKeys, WeakKey> {
        Key::new(secret).map(TokenKeys)
    }

    /// Signs an access token: claims `sub`, `roles`, `iat`, `exp` as in the original, and `typ`, `sid`.
    pub fn sign_access(&self, token: &AccessToken) -> String {
        self.0.seal(&Claims {
            sub: token.user.to_string(),
            roles: Some(token.role),
            iat: token.issued_at.timestamp(),
            exp: token.expires_at.timestamp(),
            typ: Kind::Access,
            sid: token.session.clone(),
            jti: None,
        })
    }

    /// Verifies an access token. Whether its session was ended is the caller's to ask.
    pub fn verify_access(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<AccessToken, TokenError> {
        let claims: Claims = self.0.open(token, now)?;
        let role = match (&claims.typ, claims.roles) {
            (Kind::Access, Some(role)) => role,
            _ => return Err(TokenError::Invalid),
        };
        Ok(AccessToken {
            user: claims.user()?,
            role,
            issued_at: time(claims.iat)?,
            expires_at: time(claims.exp)?,
            session: claims.sid,
        })
    }

    /// Signs a refresh token.
    pub fn sign_refresh(&self, token: &RefreshToken) -> String {
        self.0.seal(&Claims {
            sub: token.user.to_string(),
            roles: None,
            iat: token.issued_at.timestamp(),
            exp: token.expires_at.timestamp(),
            typ: Kind::Refresh,
            sid: token.session.clone(),
            jti: Some(token.id.clone()),
        })
    }

    /// Verifies a refresh token. Whether it is its session's current one is the caller's to ask.
    pub fn verify_refresh(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<RefreshToken, TokenError> {
        let claims: Claims = self.0.open(token, now)?;
        let user = claims.user()?;
        match (claims.typ, claims.jti) {
            (Kind::Refresh, Some(id)) => Ok(RefreshToken {
                user,
                session: claims.sid,
                id,
                issued_at: time(claims.iat)?,
                expires_at: time(claims.exp)?,
            }),
            _ => Err(TokenError::Invalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
    use chrono::Duration;
    use mall_clock::{Clock, MockClock};

    use super::*;

    fn keys(fill: char) -> TokenKeys {
        TokenKeys::new(&SecretString::from(fill.to_string().repeat(40))).unwrap()
    }

    fn access(now: DateTime<Utc>) -> AccessToken {
        AccessToken {
            user: UserId(7),
            role: Role::User,
            session: "s1".into(),
            issued_at: now,
            expires_at: now + Duration::hours(1),
        }
    }

    #[test]
    fn an_access_token_is_read_back_until_it_expires() {
        let clock = MockClock::at("2026-05-01T10:00:00+09:00");
        let token = access(clock.now());
        let text = keys('a').sign_access(&token);
        let header = B64.decode(text.split('.').next().unwrap()).unwrap();
        assert_eq!(header, br#"{"alg":"HS256"}"#);
        assert_eq!(keys('a').verify_access(&text, clock.now()), Ok(token));
        assert_eq!(
            keys('b').verify_access(&text, clock.now()),
            Err(TokenError::Invalid)
        );
        clock.advance(Duration::seconds(3599));
        assert!(keys('a').verify_access(&text, clock.now()).is_ok());
        clock.advance(Duration::seconds(1));
        assert_eq!(
            keys('a').verify_access(&text, clock.now()),
            Err(TokenError::Expired)
        );
        clock.advance(Duration::hours(-2));
        assert_eq!(
            keys('a').verify_access(&text, clock.now()),
            Err(TokenError::NotYet)
        );
    }

    #[test]
    fn access_and_refresh_never_stand_in_for_each_other() {
        let now = MockClock::at("2026-05-01T10:00:00+09:00").now();
        let keys = keys('a');
        let refresh = RefreshToken {
            user: UserId(7),
            session: "s1".into(),
            id: "r1".into(),
            issued_at: now,
            expires_at: now + Duration::days(7),
        };
        let text = keys.sign_refresh(&refresh);
        assert_eq!(keys.verify_refresh(&text, now), Ok(refresh));
        assert_eq!(keys.verify_access(&text, now), Err(TokenError::Invalid));
        assert_eq!(
            keys.verify_refresh(&keys.sign_access(&access(now)), now),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn forgeries_are_refused() {
        let now = MockClock::at("2026-05-01T10:00:00+09:00").now();
        let keys = keys('a');
        let good = keys.sign_access(&access(now));
        let [_, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
            panic!()
        };
        let header = |json: &str| B64.encode(json);
        let mut flipped = good.clone().into_bytes();
        let last = flipped.len() - 2;
        flipped[last] ^= 1;
        let no_exp = keys.0.seal(&serde_json::json!({"sub":"7","roles":"USER","iat":now.timestamp(),"typ":"access","sid":"s"}));
        let no_typ = keys.0.seal(
            &serde_json::json!({"sub":"7","roles":"USER","iat":now.timestamp(),"exp":now.timestamp()+60,"sid":"s"}),
        );
        for token in [
            format!("{}.{payload}.", header(r#"{"alg":"none"}"#)),
            format!("{}.{payload}.{signature}", header(r#"{"alg":"none"}"#)),
            format!("{}.{payload}.{signature}", header(r#"{"alg":"HS512"}"#)),
            format!("{}.{payload}.{signature}", header(r#"{"alg":"RS256"}"#)),
            format!("{payload}.{signature}"),
            String::from_utf8(flipped).unwrap(),
            good[..good.len() - 1].to_owned(),
            "x".repeat(100_000),
            String::new(),
            "..".to_owned(),
            no_exp,
            no_typ,
        ] {
            assert_eq!(
                keys.verify_access(&token, now),
                Err(TokenError::Invalid),
                "{token:.80}"
            );
        }
        assert!(TokenKeys::new(&SecretString::from("short")).is_err());
    }
}
