//! Spring Cloud Gateway's metric of routed requests.

use crate::route_table::{ROUTES, Route};
use http::{Method, StatusCode};
use mall_telemetry::metrics::{Metrics, Timer};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// `spring_cloud_gateway_requests`, one timer for each route, method and status.
pub struct GatewayMetrics {
    metrics: Metrics,
    // Looked up without taking the metrics' own names apart for every request.
    timers: Vec<RwLock<HashMap<(Method, StatusCode), Timer>>>,
}

impl GatewayMetrics {
    pub fn new(metrics: Metrics) -> Self {
        metrics
            .gauge("spring.cloud.gateway.routes.count", "Number of routes", &[])
            .set(ROUTES.len() as f64);
        Self {
            metrics,
            timers: ROUTES.iter().map(|_| RwLock::default()).collect(),
        }
    }

    /// Counts a routed request. The method is one of those that the gateway lets through.
    pub fn record(&self, route: &Route, method: &Method, status: StatusCode, took: Duration) {
        let Some(timers) = self.timers.get(route.index()) else {
            return;
        };
        let key = (method.clone(), status);
        if let Some(timer) = timers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            timer.record(took);
            return;
        }
        let timer = self.metrics.timer(
            "spring.cloud.gateway.requests",
            "Requests routed to services",
            &[
                ("httpMethod", method.as_str()),
                ("httpStatusCode", status.as_str()),
                ("outcome", outcome(status)),
                ("routeId", route.id),
                ("routeUri", &format!("lb://{}", route.service)),
                ("status", &status_name(status)),
            ],
        );
        timer.record(took);
        timers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, timer);
    }
}

fn outcome(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "INFORMATIONAL",
        200..=299 => "SUCCESSFUL",
        300..=399 => "REDIRECTION",
        400..=499 => "CLIENT_ERROR",
        _ => "SERVER_ERROR",
    }
}

/// `NOT_FOUND` for 404, as Spring's enum has it.
fn status_name(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => reason
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect(),
        None => status.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_springs() {
        assert_eq!(status_name(StatusCode::OK), "OK");
        assert_eq!(status_name(StatusCode::NOT_FOUND), "NOT_FOUND");
        assert_eq!(
            status_name(StatusCode::SERVICE_UNAVAILABLE),
            "SERVICE_UNAVAILABLE"
        );
        assert_eq!(outcome(StatusCode::OK), "SUCCESSFUL");
        assert_eq!(outcome(StatusCode::CONFLICT), "CLIENT_ERROR");
        assert_eq!(outcome(StatusCode::BAD_GATEWAY), "SERVER_ERROR");
    }

    #[test]
    fn a_routed_request_is_counted() {
        let metrics = Metrics::new();
        let gateway = GatewayMetrics::new(metrics.clone());
        for _ in 0..2 {
            gateway.record(
                &ROUTES[0],
                &Method::POST,
                StatusCode::OK,
                Duration::from_millis(3),
            );
        }
        let text = metrics.render(false, &[]);
        let line = text
            .lines()
            .find(|line| line.starts_with("spring_cloud_gateway_requests_seconds_count"))
            .unwrap();
        assert!(line.ends_with(" 2") || line.ends_with(" 2.0"), "{line}");
        for label in [
            "routeId=\"auth\"",
            "routeUri=\"lb://APPLICATION-USER\"",
            "outcome=\"SUCCESSFUL\"",
            "status=\"OK\"",
        ] {
            assert!(line.contains(label), "{line}");
        }
    }
}
