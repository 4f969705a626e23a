//! `http.server.requests`, found without a detour.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::metrics::{Metrics, Timer};

/// No status was sent.
pub(super) const CLIENT_GONE: u16 = 0;

/// Method and status of the timers of one uri.
type ByStatus = HashMap<(&'static str, u16), Timer>;

/// The timers by uri, so that a request costs one read lock and no allocation.
#[derive(Debug)]
pub(super) struct Timers {
    metrics: Metrics,
    known: RwLock<HashMap<String, ByStatus>>,
}

impl Timers {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            known: RwLock::default(),
        }
    }

    pub(super) fn get(&self, uri: &str, method: &'static str, status: u16) -> Timer {
        let known = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known
                .get(uri)
                .and_then(|by_status| by_status.get(&(method, status)))
                .cloned()
        };
        if let Some(timer) = known {
            return timer;
        }
        let text = if status == CLIENT_GONE {
            "UNKNOWN".to_owned()
        } else {
            status.to_string()
        };
        let labels = [
            ("error", "none"),
            ("exception", "none"),
            ("method", method),
            ("outcome", outcome(status)),
            ("status", &text),
            ("uri", uri),
        ];
        let timer = self.metrics.timer("http.server.requests", "", &labels);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known
            .entry(uri.to_owned())
            .or_default()
            .insert((method, status), timer.clone());
        timer
    }
}

fn outcome(status: u16) -> &'static str {
    match status {
        100..=199 => "INFORMATIONAL",
        200..=299 => "SUCCESS",
        300..=399 => "REDIRECTION",
        400..=499 => "CLIENT_ERROR",
        500..=599 => "SERVER_ERROR",
        _ => "UNKNOWN",
    }
}
