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
const MOST: usize = 512;

/// Somebody whose token is good. Whether the session was ended is not known yet.
#[derive(Debug)]
pub struct Known {
    identity: Identity,
    verified: DateTime<Utc>,
    /// What was said about them lately, and when, to each service that was told.
    statements: Mutex<Vec<(&'static str, HeaderValue, DateTime<Utc>)>>,
}

impl Known {
    pub fn role(&self) -> Role {
        self.identity.role
    }

    pub fn session(&self) -> &str {
        &self.identity.session
    }

    fn is_good(&self, now: DateTime<Utc>) -> bool {
        now >= self.verified && now < self.identity.access_expires_at
    }
}

/// Verifies tokens and speaks for their owners. Good tokens are remembered by their whole text, as long as they are good, and
/// statements for a few seconds, so that a busy shopper costs no signatures.
pub struct Identities {
    tokens: TokenKeys,
    internal: InternalKeys,
    clock: SharedClock,
    hasher: RandomState,
    shards: [Mutex<HashMap<Box<str>, Arc<Known>>>; SHARDS],
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
    pub fn of(&self, headers: &HeaderMap) -> Result<Arc<Known>, Problem> {
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
        if let Some(known) = shard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(token)
            && known.is_good(now)
        {
            return Ok(Arc::clone(known));
        }
        let access = self.tokens.verify_access(token, now).map_err(refused)?;
        let known = Arc::new(Known {
            identity: identity(access),
            verified: now,
            statements: Mutex::default(),
        });
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= MOST {
            shard.retain(|_, remembered| remembered.is_good(now));
            if shard.len() >= MOST {
                shard.clear();
            }
        }
        shard.insert(token.into(), Arc::clone(&known));
        Ok(known)
    }

    /// Value of the identity header for `service`, which alone believes it.
    pub fn speak_for(&self, known: &Known, service: &'static str) -> Result<HeaderValue, Problem> {
        let now = self.clock.now();
        let mut said = known
            .statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, statement, signed)) = said.iter().find(|(to, ..)| *to == service)
            && now >= *signed
            && now - signed < REUSE
        {
            return Ok(statement.clone());
        }
        let text = self.internal.sign_identity(&known.identity, service, now);
        let mut statement = HeaderValue::try_from(text).map_err(Problem::internal)?;
        statement.set_sensitive(true);
        said.retain(|(to, ..)| *to != service);
        said.push((service, statement.clone(), now));
        Ok(statement)
    }
}

fn identity(access: AccessToken) -> Identity {
    Identity {
        user: access.user,
        role: access.role,
        session: access.session,
        access_expires_at: access.expires_at,
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

        fn of(&self, token: &str) -> Result<Arc<Known>, Problem> {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            self.identities.of(&headers)
        }

        fn say(&self, known: &Known) -> HeaderValue {
            self.identities
                .speak_for(known, "APPLICATION-CART")
                .unwrap()
        }

        fn statement(&self, known: &Known) -> Identity {
            let statement = self.say(known);
            let statement = statement.to_str().unwrap();
            let now = self.clock.now();
            self.internal
                .verify_identity(statement, "application-cart", now)
                .unwrap()
        }
    }

    #[test]
    fn a_good_token_becomes_a_statement_about_its_owner() {
        let desk = desk();
        let known = desk.of(&desk.token(7, Role::Admin, 3600)).unwrap();
        let identity = desk.statement(&known);
        assert_eq!((identity.user, identity.role), (UserId(7), Role::Admin));
        assert_eq!((known.session(), known.role()), ("session-7", Role::Admin));
        assert_eq!(identity.session, "session-7");
    }

    #[test]
    fn each_service_gets_a_statement_of_its_own() {
        let desk = desk();
        let known = desk.of(&desk.token(7, Role::User, 3600)).unwrap();
        let for_stock = desk.identities.speak_for(&known, "APPLICATION-STOCK");
        let for_stock = for_stock.unwrap();
        assert_ne!(for_stock, desk.say(&known));
        let now = desk.clock.now();
        let verify = |service| {
            desk.internal
                .verify_identity(for_stock.to_str().unwrap(), service, now)
        };
        assert!(verify("application-stock").is_ok());
        assert!(verify("application-cart").is_err());
    }

    #[test]
    fn statements_are_reused_for_a_while_and_never_past_their_life() {
        let desk = desk();
        let token = desk.token(7, Role::User, 3600);
        let first = desk.say(&desk.of(&token).unwrap());
        desk.clock.advance(chrono::Duration::seconds(9));
        assert_eq!(desk.say(&desk.of(&token).unwrap()), first);
        desk.clock.advance(chrono::Duration::seconds(2));
        let known = desk.of(&token).unwrap();
        assert_ne!(desk.say(&known), first);
        desk.statement(&known);
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
