//! resilience4j's meters for all breakers of a registry.

use std::sync::Arc;
use std::time::Duration;

use mall_resilience::{BreakerRegistry, CircuitBreaker, EventKind, Snapshot, State};
use mall_telemetry::Metrics;

/// Adds the meters of every breaker, those there now and those to come. Doing it twice for a registry changes nothing.
pub fn bind_metrics(breakers: &BreakerRegistry, metrics: &Metrics) {
    let metrics = metrics.clone();
    breakers.observe("metrics", move |breaker| bind_breaker(breaker, &metrics));
}

fn bind_breaker(breaker: &Arc<CircuitBreaker>, metrics: &Metrics) {
    let name = breaker.name();
    let gauge =
        |meter: &str, help: &str, label: Option<(&str, &str)>, read: fn(&Snapshot) -> f64| {
            let mut labels = vec![("group", "none"), ("name", name)];
            labels.extend(label);
            let breaker = Arc::clone(breaker);
            metrics.gauge_fn(
                &format!("resilience4j.circuitbreaker.{meter}"),
                help,
                &labels,
                move || read(&breaker.snapshot()),
            );
        };
    let buffered = "The number of buffered calls stored in the ring buffer";
    gauge(
        "buffered.calls",
        buffered,
        Some(("kind", "failed")),
        |now| f64::from(now.failed_calls),
    );
    gauge(
        "buffered.calls",
        buffered,
        Some(("kind", "successful")),
        |now| f64::from(now.successful_calls()),
    );
    let slow = "The number of calls which were slower than a certain threshold";
    gauge("slow.calls", slow, Some(("kind", "failed")), |now| {
        f64::from(now.slow_failed_calls)
    });
    gauge("slow.calls", slow, Some(("kind", "successful")), |now| {
        f64::from(now.slow_successful_calls())
    });
    gauge(
        "failure.rate",
        "The failure rate of the circuit breaker",
        None,
        |now| f64::from(now.failure_rate),
    );
    gauge(
        "slow.call.rate",
        "The slow call rate of the circuit breaker",
        None,
        |now| f64::from(now.slow_call_rate),
    );
    for state in State::ALL {
        let label = state.as_str().to_ascii_lowercase();
        let labels = [("group", "none"), ("name", name), ("state", &*label)];
        let breaker = Arc::clone(breaker);
        let help = "The states of the circuit breaker";
        let read = move || f64::from(u8::from(breaker.state() == state));
        metrics.gauge_fn("resilience4j.circuitbreaker.state", help, &labels, read);
    }
    let calls = |kind| {
        let labels = [("group", "none"), ("kind", kind), ("name", name)];
        metrics.timer(
            "resilience4j.circuitbreaker.calls",
            "Total number of calls by their result",
            &labels,
        )
    };
    let (successful, failed, ignored) = (calls("successful"), calls("failed"), calls("ignored"));
    let labels = [("group", "none"), ("kind", "not_permitted"), ("name", name)];
    let help = "Total number of not permitted calls";
    let not_permitted = metrics.counter(
        "resilience4j.circuitbreaker.not.permitted.calls",
        help,
        &labels,
    );
    breaker.listen(Arc::new(move |event| match event.kind {
        EventKind::Success { elapsed } => successful.record(elapsed),
        EventKind::Error { elapsed } => failed.record(elapsed),
        EventKind::IgnoredError => ignored.record(Duration::ZERO),
        EventKind::NotPermitted => not_permitted.inc(),
        EventKind::StateTransition { .. }
        | EventKind::Reset
        | EventKind::FailureRateExceeded(_)
        | EventKind::SlowCallRateExceeded(_) => {}
    }));
}
