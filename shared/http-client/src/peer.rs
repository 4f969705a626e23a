//! What is kept of one called service, so that a call need not find or make it anew.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderValue, Method};
use mall_auth::InternalKeys;
use mall_resilience::RetryBudget;
use mall_telemetry::Metrics;
use mall_telemetry::metrics::Timer;

/// How long a signed statement is used again; far below its own life of a minute.
const REUSE: TimeDelta = TimeDelta::seconds(10);

type Timers = HashMap<(Method, &'static str), Timer>;

pub(crate) struct Peer {
    service: String,
    /// Its own, so that a sick service does not use up the retries of the others.
    pub(crate) budget: RetryBudget,
    statement: Mutex<Option<(HeaderValue, DateTime<Utc>)>>,
    timers: Mutex<Timers>,
}

impl Peer {
    pub(crate) fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            budget: RetryBudget::default(),
            statement: Mutex::default(),
            timers: Mutex::default(),
        }
    }

    /// Our word to this service about who we are.
    pub(crate) fn statement(
        &self,
        keys: &InternalKeys,
        us: &str,
        now: DateTime<Utc>,
    ) -> Option<HeaderValue> {
        let mut last = self
            .statement
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((statement, signed)) = &*last
            && now >= *signed
            && now - signed < REUSE
        {
            return Some(statement.clone());
        }
        let text = keys.sign_service(us, &self.service, now);
        let mut statement = HeaderValue::try_from(text).ok()?;
        statement.set_sensitive(true);
        *last = Some((statement.clone(), now));
        Some(statement)
    }

    /// Where calls of that kind are counted.
    pub(crate) fn timer(&self, metrics: &Metrics, method: &Method, outcome: &'static str) -> Timer {
        let mut timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let labels = [
                ("service", &*self.service),
                ("method", method.as_str()),
                ("outcome", outcome),
            ];
            metrics.timer("mall.client.requests", "Calls of other services", &labels)
        };
        let key = (method.clone(), outcome);
        timers.entry(key).or_insert_with(new).clone()
    }
}

#[cfg(test)]
mod tests {
    use mall_clock::{Clock, MockClock};
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_statement_is_used_again_and_never_past_its_life() {
        let clock = MockClock::at("2026-05-01T10:00:00+09:00");
        let keys = InternalKeys::new(&SecretString::from("k".repeat(40))).unwrap();
        let peer = Peer::new("application-stock");
        let say = || {
            peer.statement(&keys, "application-order", clock.now())
                .unwrap()
        };
        let first = say();
        clock.advance(TimeDelta::seconds(9));
        assert_eq!(say(), first);
        clock.advance(TimeDelta::seconds(1));
        let second = say();
        assert_ne!(second, first);
        let told = keys.verify_service(second.to_str().unwrap(), "application-stock", clock.now());
        assert_eq!(told.as_deref(), Ok("application-order"));
        // A clock that was put back does not bring an old one back that would look like from the future.
        clock.advance(TimeDelta::seconds(-60));
        assert_ne!(say(), second);
    }
}
