//! From a token to the signed statement that services believe.

use crate::bearer::{self, Bearer};
use crate::messages;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, HeaderValue};
use mall_auth::{AccessToken, Identity, InternalKeys, TokenError, TokenKeys};
use mall_clock::SharedClock;
use mall_problem::Problem;
use mall_types::Role;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

/// How long a signed statement is used again; far below its own life of a minute.
const REUSE: TimeDelta = TimeDelta::seconds(10);
const SHARDS: usize = 16;
/// Tokens remembered per shard.
const MOST: usize = 1024;

/// Somebody whose token is good. Whether the session was ended is not known yet.
#[derive(Debug, Clone)]
pub struct Known {
    pub role: Role,
    pub session: Arc<str>,
    /// Value of the identity header.
    pub statement: HeaderValue,
}

struct Remembered {
    known: Known,
    token_expires: DateTime<Utc>,
    signed: DateTime<Utc>,
}

impl Remembered {
    fn is_good(&self, now: DateTime<Utc>) -> bool {
        now >= self.signed && now - self.signed < REUSE && now < self.token_expires
    }
}

/// Verifies tokens and speaks for their owners. Good tokens are remembered for a few seconds, by their whole text, so
/// that a busy shopper costs two signatures in ten seconds and not per request.
pub struct Identities {
    tokens: TokenKeys,
    internal: InternalKeys,
    clock: SharedClock,
    hasher: RandomState,
    shards: [Mutex<HashMap<Box<str>, Remembered>>; SHARDS],
}

impl Identities {
    pub fn new(tokens: TokenKeys, internal: InternalKeys, clock: SharedClock) -> Self {
        Self {
            tokens,
            internal,
            clock,
            hasher: RandomState::new(),
            shards: Default::default(),
        }
    }

    /// The owner of a request's token, or the 401.
    pub fn of(&self, headers: &HeaderMap) -> Result<Known, Problem> {
        let token = match bearer::read(headers) {
            Bearer::Token(token) => token,
            Bearer::Missing => {
                return Err(Problem::unauthenticated(
                    "UNAUTHENTICATED",
                    messages::NO_TOKEN,
                ));
            }
            Bearer::Unreadable => return Err(refused(TokenError::Invalid)),
        };
        let now = self.clock.now();
        let shard = &self.shards[self.hasher.hash_one(token) as usize % SHARDS];
        if let Some(found) = shard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(token)
            && found.is_good(now)
        {
            return Ok(found.known.clone());
        }
        let access = self.tokens.verify_access(token, now).map_err(refused)?;
        let token_expires = access.expires_at;
        let known = self.speak_for(access, now)?;
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= MOST {
            shard.retain(|_, remembered| remembered.is_good(now));
            if shard.len() >= MOST {
                shard.clear();
            }
        }
        shard.insert(
            token.into(),
            Remembered {
                known: known.clone(),
                token_expires,
                signed: now,
            },
        );
        Ok(known)
    }

    fn speak_for(&self, access: AccessToken, now: DateTime<Utc>) -> Result<Known, Problem> {
        let identity = Identity {
            user: access.user,
            role: access.role,
            session: access.session,
            access_expires_at: access.expires_at,
        };
        let statement = self.internal.sign_identity(&identity, now);
        let mut statement = HeaderValue::try_from(statement).map_err(Problem::internal)?;
        statement.set_sensitive(true);
        Ok(Known {
            role: identity.role,
            session: identity.session.into(),
            statement,
        })
    }
}

fn refused(error: TokenError) -> Problem {
    let problem = match error {
        TokenError::Expired => Problem::unauthenticated("TOKEN_EXPIRED", messages::EXPIRED_TOKEN),
        _ => Problem::unauthenticated("TOKEN_INVALID", messages::BAD_TOKEN),
    };
    problem.caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::AUTHORIZATION;
    use mall_clock::{Clock, MockClock};
    use mall_types::UserId;
    use secrecy::SecretString;

    struct Desk {
        clock: Arc<MockClock>,
        tokens: TokenKeys,
        internal: InternalKeys,
        identities: Identities,
    }

    fn desk() -> Desk {
        let clock = MockClock::at("2024-05-01T10:00:00+09:00");
        let tokens = TokenKeys::new(&SecretString::from("t".repeat(40))).unwrap();
        let internal = InternalKeys::new(&SecretString::from("i".repeat(40))).unwrap();
        let identities = Identities::new(tokens.clone(), internal.clone(), clock.clone());
        Desk {
            clock,
            tokens,
            internal,
            identities,
        }
    }

    impl Desk {
        fn token(&self, user: i64, role: Role, seconds: i64) -> String {
            let now = self.clock.now();
            self.tokens.sign_access(&AccessToken {
                user: UserId(user),
                role,
                session: format!("session-{user}"),
                issued_at: now,
                expires_at: now + TimeDelta::seconds(seconds),
            })
        }

        fn of(&self, token: &str) -> Result<Known, Problem> {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            self.identities.of(&headers)
        }

        fn statement(&self, known: &Known) -> Identity {
            self.internal
                .verify_identity(known.statement.to_str().unwrap(), self.clock.now())
                .unwrap()
        }
    }

    #[test]
    fn a_good_token_becomes_a_statement_about_its_owner() {
        let desk = desk();
        let known = desk.of(&desk.token(7, Role::Admin, 3600)).unwrap();
        let identity = desk.statement(&known);
        assert_eq!((identity.user, identity.role), (UserId(7), Role::Admin));
        assert_eq!(&*known.session, "session-7");
        assert_eq!(identity.session, "session-7");
    }

    #[test]
    fn statements_are_reused_for_a_while_and_never_past_their_life() {
        let desk = desk();
        let token = desk.token(7, Role::User, 3600);
        let first = desk.of(&token).unwrap();
        desk.clock.advance(chrono::Duration::seconds(9));
        assert_eq!(desk.of(&token).unwrap().statement, first.statement);
        desk.clock.advance(chrono::Duration::seconds(2));
        let second = desk.of(&token).unwrap();
        assert_ne!(second.statement, first.statement);
        desk.statement(&second);
    }

    #[test]
    fn a_remembered_token_expires_on_time() {
        let desk = desk();
        let token = desk.token(7, Role::User, 5);
        assert!(desk.of(&token).is_ok());
        desk.clock.advance(chrono::Duration::seconds(5));
        assert_eq!(desk.of(&token).unwrap_err().code(), "TOKEN_EXPIRED");
    }

    #[test]
    fn two_shoppers_are_never_mixed_up() {
        let desk = desk();
        let tokens: Vec<_> = (1..=200)
            .map(|user| (user, desk.token(user, Role::User, 3600)))
            .collect();
        for _ in 0..2 {
            for (user, token) in &tokens {
                assert_eq!(desk.statement(&desk.of(token).unwrap()).user, UserId(*user));
            }
        }
    }

    #[test]
    fn rubbish_is_401() {
        let desk = desk();
        let good = desk.token(7, Role::User, 3600);
        for bad in [
            "rubbish",
            "a.b.c",
            &good[..good.len() - 2],
            &format!("{good}x"),
        ] {
            assert_eq!(desk.of(bad).unwrap_err().code(), "TOKEN_INVALID", "{bad}");
        }
        assert_eq!(
            desk.identities.of(&HeaderMap::new()).unwrap_err().code(),
            "UNAUTHENTICATED"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let desk = desk();
        for user in 0..(SHARDS * MOST) as i64 + 2000 {
            desk.of(&desk.token(user, Role::User, 3600)).unwrap();
        }
        let held: usize = desk
            .identities
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().len())
            .sum();
        assert!(held <= SHARDS * MOST);
    }
}
